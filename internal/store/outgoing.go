package store

import (
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Outgoing is a message that waits to leave the server, for one recipient.
type Outgoing struct {
	ID        int64
	MailPlace        // the address that sends it on, or whose owner sends it
	From      string // of the envelope; "" for none
	To        string
	Body      string // the name of the file that has the message; several may share it
	Bytes     int64  // of the file that count for this one
	Own       bool   // it is written here: it is not sent on
	At        time.Time
	Due       time.Time
	Tries     int
	Held      bool // until somebody lets it go
}

// Outbox finds mail that waits to leave the server.
type Outbox interface {
	// DueOutgoing is what may be sent at a time of the accounts after one, by their
	// numbers: of each account what is due first, at most each, and at most limit
	// together. What is held may not, nor what is of a suspended account, or of a
	// mailbox whose outgoing mail is.
	DueOutgoing(at time.Time, after latchkey.AccountID, each, limit int) ([]Outgoing, error)
	// MayLeave reports whether a message is there and may be sent, whenever it is due.
	MayLeave(id int64) (bool, error)
	// OutgoingSize is how many messages of an account wait, and how long they are
	// together.
	OutgoingSize(account latchkey.AccountID) (n, bytes int64, err error)
	// HeldCount is how many messages are held for an address, or under a place
	// without a name and a domain for all of the account.
	HeldCount(p MailPlace) (int64, error)
	// OutgoingBodies are the names of all files that have messages.
	OutgoingBodies() ([]string, error)
	// OutgoingHas reports whether a file has a message that waits.
	OutgoingHas(body string) (bool, error)
}

// Outboxer changes what [Outbox] finds.
type Outboxer interface {
	InsertOutgoing(o Outgoing) error
	// PutOutgoing says when a message is due, and how often it failed.
	PutOutgoing(id int64, due time.Time, tries int) error
	// DeleteOutgoing forgets a message. That there is none is no error.
	DeleteOutgoing(id int64) error
	// HoldOutgoing holds what waits of an address, or lets it go: from then on it waits
	// since now.
	HoldOutgoing(p MailPlace, on bool, now time.Time) error
	// DeleteHeld forgets what is held for an address, and tells how much that was.
	DeleteHeld(p MailPlace) (int64, error)
}
