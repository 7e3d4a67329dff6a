package hosting

import (
	"context"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// MailQueue is what does not leave the server because the outgoing mail of a mailbox
// is held ([HoldOutgoing]): what its owner sends, and what the server sends on, or
// answers, for its address. It leaves when the mail is no longer held.
type MailQueue interface {
	// Held is how many messages of a mailbox wait, one for each recipient, or under
	// the zero address those of all mailboxes of the account. Fails: Unavailable where
	// the queue cannot be read.
	Held(ctx context.Context, of Address) (int64, error)
	// DropHeld deletes those of a mailbox, and tells how many they were. Fails:
	// Unavailable where the queue cannot be changed: then none is gone, or some are.
	DropHeld(ctx context.Context, of Address) (int64, error)
}

// MailFiles is the directory of a mailbox, as it is shown.
type MailFiles interface {
	// Browse is what stands in a directory below that of a mailbox, or under the zero
	// address below that of all mail, by name: [MaxBrowsed] of it at the most. No link
	// is followed. Fails: NotFound, Invalid for what is no path.
	Browse(ctx context.Context, of Address, dir string) ([]MailFile, error)
}

// MaxBrowsed is how much of a directory is shown.
const MaxBrowsed = 10_000

// MailFile is something in a directory.
type MailFile struct {
	Name     string
	Dir      bool
	Folder   bool // it is a directory of messages
	Leaf     bool // it has no directories in it
	Modified time.Time
}

// MailSettings are what a mail program has to know to open a mailbox.
type MailSettings struct {
	Mailbox    Address
	Host       string
	IMAP, SMTP int // ports
}

func (m *narrowMail) Held(ctx context.Context, of Address) (int64, error) {
	if err := m.onOwner(of); err != nil {
		return 0, err
	}
	return m.all.Held(ctx, of)
}

func (m *narrowMail) DropHeld(ctx context.Context, of Address) (int64, error) {
	if err := m.on(of); err != nil {
		return 0, err
	}
	return m.all.DropHeld(ctx, of)
}

func (m *narrowMail) Browse(ctx context.Context, of Address, dir string) ([]MailFile, error) {
	if err := m.onOwner(of); err != nil {
		return nil, err
	}
	return m.all.Browse(ctx, of, dir)
}

func (m *narrowMail) SendSettings(ctx context.Context, s MailSettings, to string) error {
	if err := m.on(s.Mailbox); err != nil {
		return err
	}
	return m.all.SendSettings(ctx, s, to)
}

func (m *ownMail) Held(context.Context, Address) (int64, error)     { return 0, errNotForMailboxes }
func (m *ownMail) DropHeld(context.Context, Address) (int64, error) { return 0, errNotForMailboxes }
func (m *ownMail) Browse(context.Context, Address, string) ([]MailFile, error) {
	return nil, errNotForMailboxes
}
func (m *ownMail) SendSettings(context.Context, MailSettings, string) error {
	return errNotForMailboxes
}

func (m *narrowMail) EndMailSessions(ctx context.Context) error {
	if err := m.may(); err != nil {
		return err
	}
	return m.all.EndMailSessions(ctx)
}

func (m *ownMail) EndMailSessions(context.Context) error { return errNotForMailboxes }

// TooManySettings is the answer to who has had settings sent too often.
func TooManySettings(aDay int) error {
	return latchkey.Errorf(latchkey.Limit, "An account may have settings sent %d times a day, and has: tell them yourself, or wait.", aDay)
}
