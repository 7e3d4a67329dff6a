package dovecot

import (
	"bufio"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

// The longest that a check waits for an answer, and for its message.
const (
	answerTime  = 15 * time.Second
	arrivalTime = 10 * time.Second
)

// trial is a mailbox that is there while a check lasts, of an account that nobody
// has.
type trial struct {
	*Part
	domain, address, password string
	dir                       string
}

func (p *Part) trial() *trial {
	name := strings.ToLower(rand.Text())
	t := &trial{Part: p, domain: name + ".check.latchkey.invalid", password: rand.Text(), dir: filepath.Join(p.o.Dir, "check-"+name)}
	t.address = "check@" + t.domain
	return t
}

// Check says why Postfix and Dovecot do not serve the mailboxes by this database, or
// nil. It tries: Postfix takes a message for a mailbox that is nowhere else, Dovecot
// delivers it and lets its owner in, and neither knows the mailbox when it is taken
// away.
func (p *Part) Check(ctx context.Context) error {
	t := p.trial()
	err := t.appear(ctx)
	if err == nil {
		err = t.works(ctx)
	}
	if err == nil {
		err = t.ends(ctx)
	}
	return errors.Join(err, t.vanish(context.WithoutCancel(ctx), true), os.RemoveAll(t.dir))
}

func (t *trial) appear(ctx context.Context) error {
	t.turn.Lock()
	defer t.turn.Unlock()
	return t.change(ctx, func(tx *sql.Tx) error {
		want := newRows()
		want.domains[t.domain] = -1
		want.boxes[t.address] = boxRow{account: -1, hash: "{PLAIN}" + t.password, maildir: t.dir, uid: int64(t.uid), gid: int64(t.gid), quota: 1 << 20, login: true, incoming: true}
		return newRows().become(tx, want)
	})
}

// vanish takes the mailbox away, and with it its domain if that is to go too.
func (t *trial) vanish(ctx context.Context, whole bool) error {
	t.turn.Lock()
	defer t.turn.Unlock()
	return t.change(ctx, func(tx *sql.Tx) error {
		c := &changes{tx: tx}
		c.run(`DELETE FROM mailbox WHERE address = ?`, t.address)
		if whole {
			c.run(`DELETE FROM domain WHERE name = ?`, t.domain)
		}
		return c.err
	})
}

func (t *trial) works(ctx context.Context) error {
	if err := t.recipient(ctx, "Subject: Is this mailbox served?\r\n\r\n"+t.domain+"\r\n"); err != nil {
		return fmt.Errorf("no mail for a mailbox is taken by Postfix at %s: %w", t.o.SMTP, err)
	}
	if err := t.arrives(ctx); err != nil {
		return err
	}
	if err := t.login(ctx); err != nil {
		return fmt.Errorf("nobody is let into a mailbox by Dovecot at %s: %w", t.o.IMAP, err)
	}
	return nil
}

// ends takes the mailbox away, but not its domain, and sees that both know.
func (t *trial) ends(ctx context.Context) error {
	if err := t.vanish(ctx, false); err != nil {
		return err
	}
	err := t.recipient(ctx, "")
	if said, ok := errors.AsType[*smtp.SMTPError](err); err == nil || !ok || said.Temporary() {
		return fmt.Errorf("mail for a mailbox that was taken away is not refused by Postfix: %v", err)
	}
	if err := t.login(ctx); !errors.Is(err, errRefused) {
		return fmt.Errorf("who has no mailbox any more is not refused by Dovecot: %v", err)
	}
	return nil
}

// recipient offers Postfix the trial's address, and sends a message there if it is
// not "".
func (t *trial) recipient(ctx context.Context, message string) error {
	conn, err := dial(ctx, t.o.SMTP)
	if err != nil {
		return err
	}
	c := smtp.NewClient(conn)
	defer func() { _ = c.Quit(); c.Close() }()
	c.CommandTimeout, c.SubmissionTimeout = answerTime, answerTime
	if err := c.Hello("localhost"); err != nil {
		return err
	}
	if err := c.Mail("", nil); err != nil {
		return err
	}
	if err := c.Rcpt(t.address, nil); err != nil || message == "" {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(message)); err != nil {
		return err
	}
	return w.Close()
}

func dial(ctx context.Context, address string) (net.Conn, error) {
	ctx, stop := context.WithTimeout(ctx, answerTime)
	defer stop()
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

// arrives waits until the message is in the trial's mailbox.
func (t *trial) arrives(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, arrivalTime)
	defer stop()
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 250*time.Millisecond) {
		list, err := os.ReadDir(filepath.Join(t.dir, "new"))
		switch {
		case len(list) > 0:
			return nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		}
		select {
		case <-ctx.Done():
			return errors.New("a message that Postfix has taken does not arrive: see what Postfix and Dovecot have logged")
		case <-time.After(wait):
		}
	}
}

var errRefused = errors.New("the login is refused")

// login signs in to the trial's mailbox by IMAP, and out again.
func (t *trial) login(ctx context.Context) error {
	conn, err := t.open(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(conn, "b LOGOUT\r\n")
	return errors.Join(err, conn.Close())
}

// open signs in to the trial's mailbox by IMAP.
func (t *trial) open(ctx context.Context) (net.Conn, error) {
	conn, err := dial(ctx, t.o.IMAP)
	if err != nil {
		return nil, err
	}
	if err = conn.SetDeadline(time.Now().Add(answerTime)); err == nil {
		_, err = fmt.Fprintf(conn, "a LOGIN \"%s\" \"%s\"\r\n", t.address, t.password)
	}
	if err == nil {
		err = letIn(conn)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// letIn says why somebody who has asked to be let in is not.
func letIn(conn net.Conn) error {
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if answer, ok := strings.CutPrefix(lines.Text(), "a "); ok {
			switch {
			case strings.HasPrefix(answer, "OK"):
				return nil
			case strings.Contains(answer, "[AUTHENTICATIONFAILED]"):
				return errRefused
			}
			return fmt.Errorf("it says %q", answer[:min(len(answer), 200)])
		}
	}
	return errors.New("it says nothing to a login")
}
