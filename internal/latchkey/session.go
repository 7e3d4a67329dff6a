package latchkey

import (
	"strings"
	"time"
)

// MailboxName is the address a mailbox signs in with, local@domain in lower
// case.
type MailboxName string

// Split is the name as its two parts. Both are empty for what is no address.
func (m MailboxName) Split() (local string, domain Domain) {
	l, d, ok := strings.Cut(string(m), "@")
	if !ok {
		return "", ""
	}
	return l, Domain(d)
}

// SessionID is the keyed hash a session is looked up by. What the browser holds
// is never stored.
type SessionID [32]byte

// RecoveryMAC is the keyed hash a recovery code is looked up by: what signs in
// once in place of a code of the second factor. The code itself is never stored.
type RecoveryMAC [32]byte

// Session is what the server remembers of somebody who signed in.
type Session struct {
	ID       SessionID
	Account  AccountID
	Mailbox  MailboxName // if a mailbox signed in
	Audience Audience    // the door it opens, and no other
	Prefix   string      // what must stand in front of every address: cpsess and digits
	Proof    [32]byte    // of the password it began with: with another one it ends
	Created  time.Time
	Used     time.Time // when it was used last, as far as that is written down
	Ends     time.Time // whatever happens
	// HandOver is set until somebody has taken the session over: until then it
	// opens nothing. Page is where they are to go.
	HandOver bool
	Page     string
	Token    TokenMAC // the API token it was made with, if any: it ends when that may not be used any more
	Seal     [32]byte // MAC over everything above that decides
}
