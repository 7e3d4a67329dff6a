package latchkey

import (
	"encoding/base32"
	"time"
)

// TokenID numbers a token for as long as the server exists.
type TokenID uint64

// Audience says at which door a credential opens: an account's API, the
// administrator's or webmail. A token for one is garbage at the other, and there
// are none for webmail.
type Audience uint8

const (
	ForAccount Audience = iota
	ForHost
	ForWebmail
)

// TokenState is whether a token may be used, apart from its expiry.
type TokenState uint8

const (
	TokenActive TokenState = iota
	TokenDisabled
	TokenRevoked
)

// TokenMAC is the keyed hash a token is looked up by. The token itself is
// never stored.
type TokenMAC [32]byte

// Handle is the short second MAC of a token: all that logs, pages and the
// audit trail ever show of it.
type Handle [6]byte

// String is the handle as people see it: ten characters of A-Z and 2-7.
func (h Handle) String() string {
	if h == (Handle{}) {
		return ""
	}
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(h[:])
}

// Token is what the server remembers of an API token.
type Token struct {
	ID       TokenID
	Account  AccountID
	Audience Audience
	Name     string // 1 to 50 of A-Z a-z 0-9 _ -
	MAC      TokenMAC
	Handle   Handle
	Created  time.Time
	Expires  time.Time // zero: never
	ReadOnly bool
	State    TokenState
	// Privileges are the most it may do at the host's door, and never more than
	// its owner may; none for all that its owner may.
	Privileges PrivilegeSet
	Addresses  Addresses // from where it may be used
	// Grants are what it may do at an account's door, as package grant writes
	// them; none for all that its owner may.
	Grants string
	Seal   [32]byte // MAC over everything above that decides
}

// Bound reports whether the token has conditions that not every token has.
func (t *Token) Bound() bool { return t.Privileges != 0 || t.Addresses != "" || t.Grants != "" }

// Expired reports whether the token has run out at now.
func (t *Token) Expired(now time.Time) bool {
	return !t.Expires.IsZero() && !now.Before(t.Expires)
}

// Use is when, from where and by what a token was last used.
type Use struct {
	At     time.Time
	From   string
	Client string
}
