package maildir

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"time"

	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// ErrTooBig is the answer to a message that is longer than the limit given
// with it: what is left of the mailbox's quota, usually.
var ErrTooBig error = latchkey.Errorf(latchkey.Limit, "The message is too big for the mailbox.")

// Delivered tells what became of a message.
type Delivered struct {
	Name      string // of the file in new
	Bytes     int64  // the length of the message
	Virtual   int64  // the same, with a CR before every LF
	DiskBytes int64  // the room that it takes on disk
}

// Unlimited is the limit of a delivery that may be of any length.
const Unlimited int64 = -1

// Deliver stores all that r holds as one new message, durably and whole or not
// at all. A message of more than limit bytes gives [ErrTooBig]; nothing at all
// fits in a limit of 0, and [Unlimited] sets none. Lines are stored as r gives
// them; the Maildir convention is LF. After an error the message is not in the
// mailbox, and no other file of it either.
func (s *Store) Deliver(ctx context.Context, account, domain, user string, r io.Reader, limit int64) (Delivered, error) {
	return s.DeliverInto(ctx, account, domain, user, "", r, limit)
}

// DeliverInto is Deliver into a folder, which is made if it is not there; "" is
// the inbox.
func (s *Store) DeliverInto(ctx context.Context, account, domain, user, folder string, r io.Reader, limit int64) (Delivered, error) {
	p := place{account, domain, user}
	var d Delivered
	err := s.open(ctx, p, func(box *homedir.Dir) (err error) {
		into, err := s.openFolder(box, folder)
		if err != nil {
			return err
		}
		if into != box {
			defer into.Close()
		}
		d, err = s.deliver(into, withContext{ctx, r}, limit)
		// The running total that an IMAP server keeps does not know of this message;
		// without it the server counts anew.
		_ = box.Remove("maildirsize")
		if errors.Is(err, fs.ErrNotExist) {
			return missing(p, err) // removed under our hands
		}
		return err
	})
	if err != nil && err != ErrTooBig {
		return Delivered{}, fmt.Errorf("deliver to %s: %w", p, err)
	}
	return d, err
}

func (s *Store) deliver(box *homedir.Dir, r io.Reader, limit int64) (Delivered, error) {
	tmp, err := openPart(box, "tmp")
	if err != nil {
		return Delivered{}, err
	}
	defer tmp.Close()
	inbox, err := openPart(box, "new")
	if err != nil {
		return Delivered{}, err
	}
	defer inbox.Close()
	d := Delivered{Name: s.uniqueName()}
	if err := d.write(tmp, r, limit); err != nil {
		return Delivered{}, err
	}
	if err := d.publish(tmp, inbox); err != nil {
		return Delivered{}, err
	}
	return d, nil
}

// openPart opens tmp or new, and makes up for one that somebody deleted: mail
// shall not bounce for that.
func openPart(box *homedir.Dir, name string) (*homedir.Dir, error) {
	d, err := box.OpenDir(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return d, err
	}
	if err := furnish(box); err != nil {
		return nil, err
	}
	if err := box.Sync(); err != nil {
		return nil, err
	}
	return box.OpenDir(name)
}

// uniqueName is a Maildir name: time, this process's count, and random text in
// case that another host or process shares both.
func (s *Store) uniqueName() string {
	now := time.Now()
	return fmt.Sprintf("%d.M%dP%dQ%dR%s.%s", now.Unix(), now.Nanosecond()/1000, os.Getpid(), s.count.Add(1), rand.Text()[:16], s.host)
}

// write stores the message in tmp, and removes it again if anything fails.
func (d *Delivered) write(tmp *homedir.Dir, r io.Reader, limit int64) error {
	file, err := tmp.Create(d.Name, 0o600)
	if err != nil {
		return err
	}
	done := false
	defer func() {
		if !done {
			_ = tmp.Remove(d.Name) // the first error is the one to tell
		}
	}()
	err = d.fill(file, r, limit)
	if err = errors.Join(err, file.Close()); err != nil {
		if errors.Is(err, ErrTooBig) {
			return ErrTooBig
		}
		return err
	}
	info, err := tmp.Lstat(d.Name)
	if err != nil {
		return err
	}
	d.DiskBytes = info.DiskSize()
	done = true
	return nil
}

func (d *Delivered) fill(file *os.File, r io.Reader, limit int64) error {
	if limit >= 0 && limit < math.MaxInt64 {
		r = io.LimitReader(r, limit+1)
	}
	var lines counter
	n, err := io.Copy(io.MultiWriter(file, &lines), r)
	if err != nil {
		return err
	}
	if limit >= 0 && n > limit {
		return ErrTooBig
	}
	d.Bytes, d.Virtual = n, lines.virtual()
	return file.Sync()
}

// publish moves the message from tmp to new, under its final name.
func (d *Delivered) publish(tmp, inbox *homedir.Dir) error {
	temp := d.Name
	d.Name = fmt.Sprintf("%s,S=%d,W=%d", temp, d.Bytes, d.Virtual)
	if err := tmp.Rename(temp, inbox, d.Name); err != nil {
		_ = tmp.Remove(temp)
		return err
	}
	if err := inbox.Sync(); err != nil {
		_ = inbox.Remove(d.Name) // the sender will be told to try again
		return err
	}
	return nil
}

// withContext is a reader that ends with its context.
type withContext struct {
	ctx context.Context
	r   io.Reader
}

func (c withContext) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
