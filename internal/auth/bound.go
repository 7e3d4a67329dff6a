package auth

import (
	"context"
	"net/netip"
	"sync"

	"github.com/latchkey/latchkey/internal/grant"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// condition is what a token with [slotBound] asks beyond what every token does.
type condition struct {
	account    latchkey.AccountID
	id         latchkey.TokenID
	privileges latchkey.PrivilegeSet // 0: all that its owner may
	addresses  latchkey.Ranges
	rights     latchkey.Rights // nil: all that its owner may
}

// conditions are those of the tokens that have any: few, and kept apart from the
// index, so that nobody else pays for them.
type conditions struct {
	mu    sync.RWMutex
	known map[latchkey.TokenMAC]condition
}

func (c *conditions) put(mac *latchkey.TokenMAC, t *latchkey.Token) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = make(map[latchkey.TokenMAC]condition)
	}
	c.known[*mac] = condition{t.Account, t.ID, t.Privileges, t.Addresses.Ranges(), rightsOf(t)}
}

func (c *conditions) find(mac *latchkey.TokenMAC) (condition, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	found, ok := c.known[*mac]
	return found, ok
}

func (c *conditions) remove(mac *latchkey.TokenMAC) {
	c.mu.RLock()
	_, there := c.known[*mac]
	c.mu.RUnlock()
	if !there {
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

// accountRights are what a token may do at an account's door when it is used
// from a, or why it may not be used.
func (v *Verifier) accountRights(s *slot, mac *latchkey.TokenMAC, a netip.Addr) (latchkey.Rights, Reason) {
	if s.flags&slotBound == 0 {
		return nil, ""
	}
	c, ok := v.bound.find(mac)
	switch {
	case !ok || c.id != latchkey.TokenID(s.id): // it is being changed just now
		return nil, CannotCheck
	case !c.addresses.Contain(a):
		return nil, WrongAddress
	}
	return c.rights, ""
}

// hostPrivileges are what a token may do at the host's door: what its owner may
// there now, and of that no more than the token was given.
func (v *Verifier) hostPrivileges(ctx context.Context, s *slot, of *standing, mac *latchkey.TokenMAC) (latchkey.PrivilegeSet, Reason) {
	has := latchkey.AllPrivileges
	if of.role != latchkey.RoleRoot {
		e, err := v.Entry(ctx, latchkey.AccountID(s.account))
		if err != nil {
			v.log.Error("account look-up", "err", err)
			return 0, CannotCheck
		}
		has = e.privileges(latchkey.ForHost)
	}
	if s.flags&slotBound == 0 {
		return has, ""
	}
	c, ok := v.bound.find(mac)
	switch {
	case !ok || c.id != latchkey.TokenID(s.id): // it is being changed just now
		return 0, CannotCheck
	case c.privileges != 0:
		has = has.And(c.privileges)
	}
	return has, ""
}
