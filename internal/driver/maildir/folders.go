package maildir

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/mail"
	"strconv"
	"strings"

	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/hosting/mailsearch"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Folder is one folder of a mailbox and what it holds.
type Folder struct {
	Name     string // INBOX, or INBOX.NAME
	GUID     string // 32 letters that stay the same, whatever comes and goes
	Messages int64
	Bytes    int64 // the sizes of all messages
	Virtual  int64 // the same, with a CR before every LF
}

// Folders are the folders of a mailbox, INBOX first, then as they stand in the
// directory.
func (s *Store) Folders(ctx context.Context, account, domain, user string) (list []Folder, err error) {
	p := place{account, domain, user}
	err = s.open(ctx, p, func(box *homedir.Dir) error {
		names, err := folders(box)
		if err != nil {
			return err
		}
		for _, name := range names {
			f, err := p.folder(ctx, box, name)
			if errors.Is(err, fs.ErrNotExist) {
				continue // it has gone meanwhile, or is no folder
			}
			if err != nil {
				return fmt.Errorf("folders of %s: %w", p, err)
			}
			list = append(list, f)
		}
		return nil
	})
	return list, err
}

// folderName is the name of the folder that a directory of a mailbox is.
func folderName(dir string) string { return "INBOX" + readable(dir) }

// folder looks into one folder.
func (p place) folder(ctx context.Context, box *homedir.Dir, name string) (Folder, error) {
	f := Folder{Name: folderName(name)}
	err := inFolder(box, name, func(dir *homedir.Dir) error {
		f.GUID = p.guid(dir, name)
		return eachLetter(ctx, dir, func(l *letter) error {
			virtual, err := l.virtual()
			if err != nil {
				return ignoreMissing(err)
			}
			f.Messages++
			f.Bytes, f.Virtual = addSizes(f.Bytes, l.size), addSizes(f.Virtual, virtual)
			return nil
		})
	})
	return f, err
}

// inFolder runs fn in the directory of a folder.
func inFolder(box *homedir.Dir, name string, fn func(*homedir.Dir) error) error {
	if name == "" {
		return fn(box)
	}
	dir, err := box.OpenDir(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	return fn(dir)
}

// guid is the one that Dovecot has given the folder, if it has been there; else
// one made of its name.
func (p place) guid(dir *homedir.Dir, name string) string {
	if file, err := dir.Open("dovecot-uidlist"); err == nil {
		defer file.Close()
		line, _ := bufio.NewReaderSize(io.LimitReader(file, 1<<10), 1<<10).ReadString('\n')
		for word := range strings.FieldsSeq(line) {
			if id, ok := strings.CutPrefix(word, "G"); ok && len(id) == 32 && strings.Trim(id, "0123456789abcdef") == "" {
				return id
			}
		}
	}
	sum := sha256.Sum256([]byte(p.String() + "/" + name))
	return hex.EncodeToString(sum[:16])
}

// letter is one message as its file tells of it.
type letter struct {
	dir    *homedir.Dir // cur or new
	name   string
	recent bool
	size   int64
}

// eachLetter runs fn for every message of a folder.
func eachLetter(ctx context.Context, folder *homedir.Dir, fn func(*letter) error) error {
	for _, part := range []string{"cur", "new"} {
		dir, err := folder.OpenDir(part)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		err = dir.Entries(func(name string, typ fs.FileMode) error {
			if name[0] == '.' || !typ.IsRegular() {
				return nil
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			l := letter{dir: dir, name: name, recent: part == "new"}
			if err := l.measure(); err != nil {
				return ignoreMissing(err)
			}
			return fn(&l)
		})
		dir.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *letter) measure() (err error) {
	size, ok := sizeInName(l.name, "S")
	if !ok {
		var info homedir.Info
		info, err = l.dir.Lstat(l.name)
		size = info.Size()
	}
	l.size = size
	return err
}

// virtual is the size of the message with a CR before every LF: as its name says,
// else counted.
func (l *letter) virtual() (int64, error) {
	if size, ok := sizeInName(l.name, "W"); ok {
		return size, nil
	}
	file, err := l.dir.Open(l.name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	var n counter
	_, err = io.Copy(&n, file)
	return n.virtual(), err
}

// counter counts the bytes that are written to it, and the LF that have no CR
// before them.
type counter struct {
	bytes, bare int64
	last        byte
}

func (c *counter) Write(b []byte) (int, error) {
	c.bytes += int64(len(b))
	for _, now := range b {
		if now == '\n' && c.last != '\r' {
			c.bare++
		}
		c.last = now
	}
	return len(b), nil
}

func (c *counter) virtual() int64 { return c.bytes + c.bare }

// message is the letter as queries ask about it.
func (l *letter) message() (*mailsearch.Message, error) {
	info, err := l.dir.Lstat(l.name)
	if err != nil {
		return nil, err
	}
	_, flags, _ := strings.Cut(l.name, ":2,")
	return &mailsearch.Message{Flags: flags, Recent: l.recent, Size: l.size, Received: info.ModTime(), Saved: info.ChangeTime(), Header: l.header}, nil
}

// maxHeader is how much of a message is read for its header.
const maxHeader = 256 << 10

// header reads the header; of what is no message there is none.
func (l *letter) header() (mail.Header, error) {
	file, err := l.dir.Open(l.name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	m, err := mail.ReadMessage(io.LimitReader(file, maxHeader))
	if err != nil {
		return mail.Header{}, nil
	}
	return m.Header, nil
}

// Expunged is what was deleted.
type Expunged struct {
	Messages  int64
	DiskBytes int64 // what they took up on disk
}

// Expunge deletes the messages that q chooses, in the folders that in is true of
// as they were before. No folder at all is [latchkey.NotFound]. Where it fails
// half-way what is gone is gone, and told of.
func (s *Store) Expunge(ctx context.Context, account, domain, user string, in func(Folder) bool, q mailsearch.Query) (gone Expunged, err error) {
	p := place{account, domain, user}
	found := false
	err = s.open(ctx, p, func(box *homedir.Dir) error {
		names, err := folders(box)
		for i := 0; i < len(names) && err == nil; i++ {
			err = inFolder(box, names[i], func(dir *homedir.Dir) error {
				if !in(Folder{Name: folderName(names[i]), GUID: p.guid(dir, names[i])}) {
					return nil
				}
				found = true
				return gone.expunge(ctx, dir, q)
			})
			err = ignoreMissing(err)
		}
		if gone.Messages > 0 {
			_ = box.Remove("maildirsize") // its running total counts what is gone
		}
		return err
	})
	if err == nil && !found {
		err = &latchkey.Error{Kind: latchkey.NotFound, Msg: fmt.Sprintf("The mailbox %s has no such folder.", p)}
	}
	return gone, err
}

// expunge deletes in one folder. Everything is chosen before anything is deleted.
func (e *Expunged) expunge(ctx context.Context, folder *homedir.Dir, q mailsearch.Query) error {
	chosen := map[bool][]string{} // by whether they are in new
	err := eachLetter(ctx, folder, func(l *letter) error {
		m, err := l.message()
		if err != nil {
			return ignoreMissing(err)
		}
		ok, err := q.Matches(m)
		if ok {
			chosen[l.recent] = append(chosen[l.recent], l.name)
		}
		return ignoreMissing(err)
	})
	for recent, names := range chosen {
		if err != nil {
			break
		}
		err = inFolder(folder, map[bool]string{true: "new", false: "cur"}[recent], func(dir *homedir.Dir) error { return e.remove(dir, names) })
	}
	return err
}

func (e *Expunged) remove(dir *homedir.Dir, names []string) (err error) {
	for _, name := range names {
		info, missing := dir.Lstat(name)
		if missing != nil {
			continue // a mail program has moved it meanwhile: it is another message now
		}
		if err = ignoreMissing(dir.Remove(name)); err != nil {
			break
		}
		e.Messages++
		e.DiskBytes += info.DiskSize()
	}
	return errors.Join(err, dir.Sync())
}

// sizeInName finds one of the sizes that a message's name has before its flags:
// S is that of the file, W that with a CR before every LF.
func sizeInName(name, which string) (int64, bool) {
	base, _, _ := strings.Cut(name, ":")
	_, rest, ok := strings.Cut(base, ","+which+"=")
	if !ok {
		return 0, false
	}
	digits, _, _ := strings.Cut(rest, ",")
	size, err := strconv.ParseUint(digits, 10, 63)
	return int64(size), err == nil
}
