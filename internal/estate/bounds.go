package estate

import (
	"strings"

	"github.com/latchkey/latchkey/internal/grant"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// wielded is the token that a caller came in with, as what it lets them do with
// others: none that is more than itself comes into their hands, or is woken or
// changed by them.
type wielded struct {
	latchkey.Token
	reads func(module, function string) bool
}

// own is the token that the caller came in with, or with which somebody acts for
// the account, or with which their session was made; nil for who came in with
// something else.
func (t *tokens) own(r store.Reader) (*wielded, error) {
	if t.caller == nil {
		return nil, latchkey.Errorf(latchkey.Denied, "The API token that you call with was revoked.")
	}
	by := t.caller
	if by.Through != nil {
		by = by.Through
	}
	mac, err := tokenOf(r, by)
	if err != nil || mac == (latchkey.TokenMAC{}) {
		return nil, err
	}
	k, err := r.TokenByMAC(mac)
	if err != nil {
		return nil, err
	}
	if mac != k.MAC { // the secret it had before: what that makes ends with it
		k.Expires = k.WasUntil
	}
	return &wielded{k, t.e.Reads}, nil
}

// bounds is own, and nil too where that may do everything, from everywhere, for
// ever: it bounds nothing.
func (t *tokens) bounds(r store.Reader) (*wielded, error) {
	if c := t.caller; c != nil && c.Through == nil && c.Kind == latchkey.ByToken && t.e.Auth.Unbounded(c.Proof) {
		return nil, nil
	}
	return t.own(r)
}

// tokenOf is the token that a caller came in with, or with which their session
// was made; zero for neither.
func tokenOf(r store.Reader, c *latchkey.Caller) (latchkey.TokenMAC, error) {
	switch c.Kind {
	case latchkey.ByToken:
		return c.Proof, nil
	case latchkey.BySession:
		x, err := r.Session(latchkey.SessionID(c.Proof))
		return x.Token, err
	}
	return latchkey.TokenMAC{}, nil
}

// mayWield says why the caller may not have k in their hands, or nil.
func (t *tokens) mayWield(r store.Reader, k *latchkey.Token) error {
	own, err := t.bounds(r)
	if err != nil || own == nil {
		return err
	}
	return own.gives(k)
}

// mayMeddle says why the caller may not end k or give it another name, or nil: to
// stop what may do more is sabotage. From where and until when it may be used is
// no matter.
func (t *tokens) mayMeddle(r store.Reader, k *latchkey.Token) error {
	if t.ended != nil {
		return t.ended.reaches(k)
	}
	own, err := t.bounds(r)
	if err != nil || own == nil || own.ID == k.ID {
		return err
	}
	return own.reaches(k)
}

// endow fills in what k does not say: it is to be no more than own.
func (own *wielded) endow(k *latchkey.Token) {
	if k.Addresses == "" {
		k.Addresses = own.Addresses
	}
	if k.Expires.IsZero() {
		k.Expires = own.Expires
	}
	if k.UnusedDays == 0 {
		k.UnusedDays = own.UnusedDays
	}
	if k.RateLimit == 0 {
		k.RateLimit = own.RateLimit
	}
}

// gives says in what k is more than own, or nil.
func (own *wielded) gives(k *latchkey.Token) error {
	if err := own.reaches(k); err != nil {
		return err
	}
	switch {
	case !k.Addresses.Within(own.Addresses):
		return beyond("whitelist_ip", "may be used from certain addresses only, and others that it makes or changes from no others: "+strings.Join(own.Addresses.Texts(), ", "))
	case !own.Expires.IsZero() && (k.Expires.IsZero() || k.Expires.After(own.Expires)):
		return beyond("expires_at", "expires before that, or its secret of before a rotation does: those that it makes or changes may last no longer than itself")
	case own.MaxUses != 0 && (k.ID != own.ID || k.MaxUses == 0 || k.MaxUses > own.MaxUses):
		return beyond("max_uses", "may make a certain number of calls only: it gives none to others")
	case more(k.RateLimit, own.RateLimit):
		return beyond("rate_limit", "has a rate limit: those that it makes or changes have one too, and no higher one")
	case more(k.UnusedDays, own.UnusedDays):
		return beyond("unused_days", "ends when it is not used: those that it makes or changes do too, and no later")
	}
	return nil
}

// reaches says what k may do that own may not, or nil.
func (own *wielded) reaches(k *latchkey.Token) error {
	switch {
	case own.ReadOnly && !k.ReadOnly:
		return beyond("readonly", "may only read")
	case k.Audience == latchkey.ForHost && own.Privileges != 0 && (k.Privileges == 0 || !k.Privileges.Within(own.Privileges)):
		return beyond("acl", "has certain privileges only: those that it makes, changes or ends have no others")
	case !grantsWithin(k.Grants, own.Grants, own.reads):
		return beyond("grants", "can make, change or end no other that may do more than itself: "+own.Grants)
	}
	return nil
}

// more reports whether a bound lets through more than another, 0 being none.
func more(n, most int) bool { return most != 0 && (n == 0 || n > most) }

// grantsWithin reports whether what the grants allow, others allow too. None are
// everything.
func grantsWithin(grants, of string, reads func(module, function string) bool) bool {
	if of == "" || grants == of {
		return true
	}
	if grants == "" {
		return false
	}
	wants, err := grant.Parse(grants)
	if err != nil {
		return false
	}
	has, err := grant.Parse(of)
	return err == nil && wants.Within(has, reads)
}

func beyond(param, why string) error {
	return &latchkey.Error{Kind: latchkey.Denied, Param: param, Msg: "The API token that you call with " + why + "."}
}
