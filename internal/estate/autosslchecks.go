package estate

import (
	"slices"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// checks are the accounts whose sites are to be looked at.
type checks struct {
	mu       sync.Mutex
	waiting  []latchkey.AccountID
	asked    map[latchkey.AccountID]bool // by whose owner; false: by the clock
	busy     map[latchkey.AccountID]bool
	wake     chan struct{}
	renewals map[string]renewal   // by certificate
	got      map[siteOf]time.Time // when a site last got a certificate
	round    time.Time            // when all are looked at again
	runs     []*run               // the newest last
}

// siteOf is a site of an account.
type siteOf struct {
	account latchkey.AccountID
	name    latchkey.Domain
}

// renewal is when an authority wants a certificate renewed.
type renewal struct {
	at, again time.Time
	says      bool
}

func newChecks() *checks {
	return &checks{asked: make(map[latchkey.AccountID]bool), busy: make(map[latchkey.AccountID]bool), wake: make(chan struct{}, autoSSLWorkers), renewals: make(map[string]renewal), got: make(map[siteOf]time.Time)}
}

// add has an account looked at.
func (c *checks) add(id latchkey.AccountID, asked bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if was, waits := c.asked[id]; waits {
		c.asked[id] = was || asked
		return
	}
	c.asked[id] = asked
	if asked { // people wait
		c.waiting = slices.Insert(c.waiting, 0, id)
	} else {
		c.waiting = append(c.waiting, id)
	}
	c.call()
}

// next is an account to look at that nobody is at work on.
func (c *checks) next() (id latchkey.AccountID, asked, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.waiting, func(id latchkey.AccountID) bool { return !c.busy[id] })
	if i < 0 {
		return 0, false, false
	}
	id = c.waiting[i]
	c.waiting = slices.Delete(c.waiting, i, i+1)
	asked = c.asked[id]
	delete(c.asked, id)
	c.busy[id] = true
	return id, asked, true
}

func (c *checks) done(id latchkey.AccountID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.busy, id)
	if _, again := c.asked[id]; again {
		c.call()
	}
}

// gets notes that a site has got a certificate, and lately tells whether it has
// within the last hour: who takes theirs away uses up nobody else's share of what
// the authority gives the server.
func (c *checks) gets(id latchkey.AccountID, site latchkey.Domain, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got[siteOf{id, site}] = now
}

func (c *checks) lately(id latchkey.AccountID, site latchkey.Domain, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.got[siteOf{id, site}]
	return ok && now.Before(at.Add(autoSSLPause))
}

// call calls a worker. c is locked.
func (c *checks) call() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// has reports whether an account is being looked at, or waits for it.
func (c *checks) has(id latchkey.AccountID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, waits := c.asked[id]
	return waits || c.busy[id]
}

// again notes that all are looked at after a time.
func (c *checks) again(now time.Time, after time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.round = now.Add(after)
	return after
}
