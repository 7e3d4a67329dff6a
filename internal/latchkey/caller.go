package latchkey

import (
	"net/netip"
	"time"
)

// CallerKind says by what a caller proved who they are.
type CallerKind uint8

const (
	ByToken    CallerKind = iota + 1 // an API token
	ByPassword                       // the account's password (Basic)
	ByLocal                          // the local socket, by the system's word
	BySession                        // a session, begun with one of these
)

// String is the kind as it stands in the audit trail.
func (k CallerKind) String() string {
	switch k {
	case ByToken:
		return "token"
	case ByPassword:
		return "password"
	case ByLocal:
		return "local"
	case BySession:
		return "session"
	}
	return "nobody"
}

// Caller is who makes a call, proven. The zero Caller is nobody.
type Caller struct {
	Kind     CallerKind
	Role     Role
	Account  AccountID
	Name     AccountName
	Token    TokenID
	Handle   Handle
	ReadOnly bool
	Features FeatureSet
	Mailbox  MailboxName // who signed in as a mailbox of the account, and acts on it alone; "" for the account itself
	Looking  bool        // they did not come from a page of ours: they may look, and change nothing
	Proof    [32]byte    // tells whether the credential still stands: the token's MAC, the session's number, or a hash of the password's
	// Through is who acts for the account: the administrator, or its owner. It
	// is nil for the account itself.
	Through *Caller
}

// Origin is where a call comes from: it is not proof of anything.
type Origin struct {
	Addr   netip.Addr
	Client string    // the User-Agent, cut to a sane length
	At     time.Time // when the call came; zero is now
}
