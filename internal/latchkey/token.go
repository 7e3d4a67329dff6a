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
	Terms
	Note string `json:",omitzero"` // its owner's words, which decide nothing
	// Renewed is when it got another secret, or was enabled, last; zero: not since
	// it was made.
	Renewed time.Time `json:",omitzero"`
	// Was is the MAC of the secret it had before, which opens it until WasUntil;
	// zero: it always had the one it has.
	Was      TokenMAC  `json:",omitzero"`
	WasUntil time.Time `json:",omitzero"`
	Seal     [32]byte  // MAC over everything above
}

// Terms are what bounds the use of a token in time and number. The zero value
// bounds nothing.
type Terms struct {
	NotBefore  time.Time `json:",omitzero"` // it may not be used earlier
	MaxUses    int64     `json:",omitzero"` // how many calls it may make, ever; 0: any number
	UnusedDays int       `json:",omitzero"` // it ends when nobody has used it for so many days; 0: it does not
	RateLimit  int       `json:",omitzero"` // how many calls it may make in a minute; 0: any number
	// Observing has written down what it is used for; see [Caller.Observing].
	Observing bool `json:",omitzero"`
}

// Counted reports whether calls are counted under the terms.
func (t Terms) Counted() bool { return t.MaxUses != 0 || t.RateLimit != 0 }

// Bound reports whether the token has conditions that not every token has.
func (t *Token) Bound() bool {
	return t.Privileges != 0 || t.Addresses != "" || t.Grants != "" || t.Terms != (Terms{})
}

// Opened reports whether a secret opens the token at now, as far as it is its
// secret: the one it has, or the one it had, for a time.
func (t *Token) Opened(mac TokenMAC, now time.Time) bool {
	return mac == t.MAC || mac == t.Was && t.Was != (TokenMAC{}) && now.Before(t.WasUntil)
}

// Expired reports whether the token has run out at now.
func (t *Token) Expired(now time.Time) bool {
	return !t.Expires.IsZero() && !now.Before(t.Expires)
}

// Unused reports whether the token has ended at now because nobody used it; used
// is when somebody last did, if ever.
func (t *Token) Unused(now, used time.Time) bool {
	if t.UnusedDays == 0 {
		return false
	}
	for _, at := range []time.Time{t.Created, t.Renewed} {
		if at.After(used) {
			used = at
		}
	}
	return !now.Before(used.Add(time.Duration(t.UnusedDays) * Day))
}

// Day is what unused days are counted in.
const Day = 24 * time.Hour

// Standing is whether a token may be used, and why not.
type Standing string

const (
	StandsActive   Standing = "active"
	StandsDisabled Standing = "disabled"
	StandsExpired  Standing = "expired"
	StandsNotYet   Standing = "not_yet"
	StandsUsedUp   Standing = "used_up"
	StandsUnused   Standing = "unused"
)

// Full reports whether the token may do all that its owner may.
func (t *Token) Full() bool { return t.Grants == "" && !t.ReadOnly }

// Standing is how the token stands at now, when it was last used at a time, if
// ever, and uses of it are counted.
func (t *Token) Standing(now, used time.Time, uses int64) Standing {
	switch {
	case t.State != TokenActive:
		return StandsDisabled
	case t.Expired(now):
		return StandsExpired
	case now.Before(t.NotBefore):
		return StandsNotYet
	case t.Unused(now, used):
		return StandsUnused
	case t.MaxUses != 0 && uses >= t.MaxUses:
		return StandsUsedUp
	}
	return StandsActive
}

// Tally is what is counted of a token whose terms say so: see [Terms.Counted].
type Tally struct {
	Uses int64    // calls it has made, ever, while it had a number of them
	Seal [32]byte // MAC over Uses and whose they are
	// Left is how many calls it could make at once at the time At, under its
	// rate limit, in thousandths.
	Left int64
	At   time.Time
}

// Use is when, from where and by what a token was last used.
type Use struct {
	At     time.Time
	From   string
	Client string
}
