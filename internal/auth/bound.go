package auth

import (
	"context"
	"hash/fnv"
	"net/netip"
	"sync"

	"github.com/latchkey/latchkey/internal/grant"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// condition is what a token with [slotBound] asks beyond what every token does.
// It never changes: another one takes its place.
type condition struct {
	account    latchkey.AccountID
	id         latchkey.TokenID
	secrets    [2]latchkey.TokenMAC  // those that open it, now and before; the second may be zero
	privileges latchkey.PrivilegeSet // 0: all that its owner may
	addresses  latchkey.Ranges
	rights     latchkey.Rights // nil: all that its owner may
	print      uint64          // see [printOf]
	terms      latchkey.Terms
	since      int64  // unix seconds: from when its unused days count at least
	tally      *tally // nil where nothing has to be known of its uses
}

// conditionOf is what t asks for.
func conditionOf(t *latchkey.Token) *condition {
	c := &condition{
		account: t.Account, id: t.ID, secrets: [2]latchkey.TokenMAC{t.MAC, t.Was}, privileges: t.Privileges, addresses: t.Addresses.Ranges(),
		rights: rightsOf(t), print: printOf(t), terms: t.Terms, since: t.Created.Unix(),
	}
	if t.Renewed.After(t.Created) {
		c.since = t.Renewed.Unix()
	}
	return c
}

// printOf tells tokens apart by what they may do and from where; 0 is the print
// of one that may do everything from everywhere.
func printOf(t *latchkey.Token) uint64 {
	if t.Privileges == 0 && t.Addresses == "" && t.Grants == "" {
		return 0
	}
	h := fnv.New64a()
	privileges, _ := t.Privileges.MarshalText()
	for _, text := range []string{string(privileges), string(t.Addresses), t.Grants} {
		_, _ = h.Write(append([]byte(text), 0))
	}
	return h.Sum64() | 1
}

// conditions are those of the tokens that have any, by the MACs of their
// secrets: few, and kept apart from the index, so that nobody else pays for them.
type conditions struct {
	mu    sync.RWMutex
	known map[latchkey.TokenMAC]*condition
	dirty map[latchkey.TokenID]*tally // with something that is not on the disk yet
}

func (c *conditions) put(t *latchkey.Token) {
	is := conditionOf(t)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = make(map[latchkey.TokenMAC]*condition)
	}
	if t.Counted() || t.UnusedDays != 0 {
		is.tally = c.tallyOf(is)
	}
	c.known[t.MAC] = is
	if t.Was != (latchkey.TokenMAC{}) {
		c.known[t.Was] = is
	}
}

// tallyOf is the tally that the token had so far, under any of its secrets, or a
// new one.
func (c *conditions) tallyOf(is *condition) *tally {
	for _, mac := range is.secrets {
		if was := c.known[mac]; was != nil && was.id == is.id && was.tally != nil {
			return was.tally
		}
	}
	if y := c.dirty[is.id]; y != nil {
		return y
	}
	return new(tally)
}

func (c *conditions) find(mac *latchkey.TokenMAC) *condition {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.known[*mac]
}

func (c *conditions) remove(mac *latchkey.TokenMAC) {
	if c.find(mac) == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, *mac)
}

func (c *conditions) removeAccount(id latchkey.AccountID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for mac, found := range c.known {
		if found.account == id {
			delete(c.known, mac)
		}
	}
}

func (c *conditions) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = nil
}

// rightsOf are what t may do at an account's door. Grants that cannot be read
// grant nothing.
func rightsOf(t *latchkey.Token) latchkey.Rights {
	if t.Grants == "" {
		return nil
	}
	set, err := grant.Parse(t.Grants)
	if err != nil {
		return grant.Set{}
	}
	return set
}

// condition is what a token asks beyond what every token does: nil for nothing.
func (v *Verifier) condition(s *slot, mac *latchkey.TokenMAC) (*condition, Reason) {
	if s.flags&slotBound == 0 {
		return nil, ""
	}
	if c := v.bound.find(mac); c != nil && c.id == latchkey.TokenID(s.id) {
		return c, ""
	}
	return nil, changing
}

// changing is why a token is refused that is changed between two looks at it: the
// check begins anew then.
const changing Reason = "token being changed"

// refuses says why the token may not be used from a at a time, in unix seconds,
// or "".
func (c *condition) refuses(a netip.Addr, now int64) Reason {
	switch {
	case !c.addresses.Contain(a):
		return WrongAddress
	case !c.terms.NotBefore.IsZero() && now < c.terms.NotBefore.Unix():
		return TokenNotYet
	}
	return ""
}

// hostPrivileges are what a token may do at the host's door: what its owner may
// there now, and of that no more than the token was given.
func (v *Verifier) hostPrivileges(ctx context.Context, s *slot, of *standing, c *condition) (latchkey.PrivilegeSet, Reason) {
	has := latchkey.AllPrivileges
	if of.role != latchkey.RoleRoot {
		e, err := v.Entry(ctx, latchkey.AccountID(s.account))
		if err != nil {
			v.log.Error("account look-up", "err", err)
			return 0, CannotCheck
		}
		has = e.privileges(latchkey.ForHost)
	}
	if c != nil && c.privileges != 0 {
		has = has.And(c.privileges)
	}
	return has, ""
}
