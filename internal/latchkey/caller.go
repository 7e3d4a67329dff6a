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
	ByCallBack                       // the call-back address of a dynamic host, which is a secret
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
	case ByCallBack:
		return "call-back"
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
	Rights   Rights      // what they may do of all that their account may; nil for all of it
	Mailbox  MailboxName // who signed in as a mailbox of the account, and acts on it alone; "" for the account itself
	Looking  bool        // they did not come from a page of ours: they may look, and change nothing
	Proof    [32]byte    // tells whether the credential still stands: the token's MAC, the session's number, or a hash of the password's
	// Recovered is set where a recovery code stood in for the second factor's.
	Recovered bool
	// Bounds tell what the token was bound to when it was let in, to see whether it
	// still is.
	Bounds uint64
	// Wait is how long the token must not be used for now, under its rate limit.
	Wait time.Duration
	// Observing has what the call uses written down, so that the token can be
	// narrowed to it.
	Observing bool
	// Through is who acts for the account: the administrator, or its owner. It
	// is nil for the account itself.
	Through *Caller

	// Door is where the caller came in, and Privileges are what they may do at
	// the host's; at an account's they have none.
	Door       Audience
	Privileges PrivilegeSet
	// Clear is set where the call came through a port without TLS.
	Clear bool
}

// Sees reports whether the caller, at the host's door, may know of a: the
// administrator of all accounts, a reseller of those it owns and of itself.
func (c *Caller) Sees(a *Account) bool {
	return c.Door == ForHost && (c.OverAll() || a.Owner == c.Name || a.ID == c.Account)
}

// Commands reports whether the caller, at the host's door, may change a, sign in
// as it or act for it. A reseller commands the accounts it owns and no other
// reseller; and nobody, not even with a token of the administrator's, commands
// an account that may do more than they may: its password or a session of it
// would be a way around.
func (c *Caller) Commands(a *Account) bool {
	switch {
	case !c.Sees(a) || !a.Privileges.Within(c.Privileges):
		return false
	case c.OverAll():
		return true
	}
	return a.Owner == c.Name && (!a.Reseller || a.ID == c.Account)
}

// OverAll reports whether every account is the caller's.
func (c *Caller) OverAll() bool { return c.Role == RoleRoot || c.Privileges.Has(PrivilegeAll) }

// Origin is where a call comes from: it is not proof of anything.
type Origin struct {
	Addr   netip.Addr
	Client string    // the User-Agent, cut to a sane length
	At     time.Time // when the call came; zero is now
	Clear  bool      // it came through a port without TLS
}
