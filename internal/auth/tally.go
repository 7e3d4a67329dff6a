package auth

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// tally is what is in memory of the uses of one token, by all of its secrets.
type tally struct {
	mu      sync.Mutex
	known   bool  // what the store has of it is here
	damaged bool  // of what the store has nothing may be trusted
	used    int64 // unix seconds of the last use that the store knows of
	uses    int64 // what the store has counted, or less
	left    int64 // thousandths of calls that it could make at once, under its rate limit
	at      time.Time
	dirty   bool // what is left is to be written down
}

// errUse is why a token may not be used once more.
type errUse struct{ reason Reason }

func (e errUse) Error() string { return string(e.reason) }

// count counts a call of a token with conditions, or says why it may not be made,
// or when it may. A call of a token with a number of uses is on the disk when it
// returns: however many come at once, and whatever happens to the server, there
// are no more. One that has to wait is no use.
func (v *Verifier) count(ctx context.Context, c *condition, mac latchkey.TokenMAC, now time.Time) (time.Duration, Reason) {
	if c.tally == nil {
		return 0, ""
	}
	if err := v.recallTally(ctx, c); err != nil {
		v.log.Error("token look-up", "err", err)
		return 0, CannotCheck
	}
	wait, reason := v.countHere(c, now)
	if wait > 0 || reason != "" || c.terms.MaxUses == 0 {
		return wait, reason
	}
	return 0, v.countThere(ctx, c, mac)
}

// recallTally reads what the store has of a token's uses, when it is first asked
// for.
func (v *Verifier) recallTally(ctx context.Context, c *condition) error {
	y := c.tally
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.known {
		return nil
	}
	return v.store.Read(ctx, func(r store.Reader) error {
		for _, mac := range c.secrets {
			u, err := r.Use(mac)
			if gone(err) != nil {
				return err
			}
			if err == nil {
				y.used = max(y.used, u.At.Unix())
			}
		}
		if c.terms.Counted() {
			was, err := r.Tally(c.id)
			if gone(err) != nil {
				return err
			}
			y.damaged = err != nil || v.keys.SealTally(c.id, was.Uses) != was.Seal
			y.uses, y.left, y.at = was.Uses, was.Left, was.At
		}
		y.known = true
		return nil
	})
}

// countHere is what memory alone can say: that the token has ended, or has to
// wait.
func (v *Verifier) countHere(c *condition, now time.Time) (time.Duration, Reason) {
	used := v.lastUsed(c)
	y := c.tally
	y.mu.Lock()
	defer y.mu.Unlock()
	switch {
	case c.terms.Counted() && y.damaged:
		return 0, RowDamaged
	case c.terms.UnusedDays != 0 && v.expiryTime(now) >= max(used, y.used, c.since)+int64(c.terms.UnusedDays)*int64(latchkey.Day/time.Second):
		return 0, TokenUnused
	case c.terms.MaxUses != 0 && y.uses >= c.terms.MaxUses:
		return 0, TokenUsedUp
	case c.terms.RateLimit == 0:
		return 0, ""
	}
	wait := y.take(int64(c.terms.RateLimit), now)
	if wait == 0 && !y.dirty {
		y.dirty = true
		v.bound.isDirty(c)
	}
	return wait, ""
}

// lastUsed is when a token was last used, as far as the index knows: unix
// seconds.
func (v *Verifier) lastUsed(c *condition) (used int64) {
	if c.terms.UnusedDays == 0 {
		return 0
	}
	for i := range c.secrets {
		if s, ok := v.lookUp(&c.secrets[i]); ok && latchkey.TokenID(s.id) == c.id {
			used = max(used, int64(s.used))
		}
	}
	return used
}

// take takes one call out of what may be made in a minute, or says how long to
// wait for one. A minute's calls may come at once; then they come one by one.
func (y *tally) take(perMinute int64, now time.Time) time.Duration {
	const one = 1000
	left := perMinute * one
	if !y.at.IsZero() {
		passed := min(max(now.Sub(y.at), 0), time.Minute)
		left = min(left, y.left+int64(passed)*perMinute*one/int64(time.Minute))
	}
	if now.Before(y.at) {
		y.at = now // the clock was set back: it goes on from there
	}
	if left < one {
		return (time.Duration(one-left)*time.Minute + time.Duration(perMinute*one-1)) / time.Duration(perMinute*one)
	}
	y.left, y.at = left-one, now
	return 0
}

// countThere counts a use on the disk, by what stands there now.
func (v *Verifier) countThere(ctx context.Context, c *condition, mac latchkey.TokenMAC) Reason {
	var uses int64
	_, err := v.store.Write(ctx, func(tx store.Tx) error {
		t, err := tx.TokenByMAC(mac)
		if err == nil {
			uses, err = v.countOne(tx, &t, c.id)
		}
		return err
	})
	if refused, ok := errors.AsType[errUse](err); ok {
		if refused.reason == TokenUsedUp {
			c.tally.counted(c.terms.MaxUses)
		}
		return refused.reason
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return UnknownToken
	case err != nil:
		v.log.Error("counting the use of a token", "err", err)
		return CannotCheck
	}
	c.tally.counted(uses)
	return ""
}

func (v *Verifier) countOne(tx store.Tx, t *latchkey.Token, id latchkey.TokenID) (int64, error) {
	y, err := tx.Tally(t.ID)
	switch {
	case gone(err) != nil:
		return 0, err
	case err != nil, t.ID != id, v.keys.Seal(t) != t.Seal, v.keys.SealTally(t.ID, y.Uses) != y.Seal:
		return 0, errUse{RowDamaged}
	case t.State != latchkey.TokenActive:
		return 0, errUse{TokenOff}
	case t.MaxUses != 0 && y.Uses >= t.MaxUses:
		return 0, errUse{TokenUsedUp}
	}
	y.Uses++
	y.Seal = v.keys.SealTally(t.ID, y.Uses)
	return y.Uses, tx.PutTally(t.ID, y)
}

// counted notes what the store has counted.
func (y *tally) counted(uses int64) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.uses = max(y.uses, uses)
}

// Spend counts one more call inside a call that c makes, as if it came by itself:
// what a batch is made of. Somebody without a token may make any number.
func (v *Verifier) Spend(ctx context.Context, c *latchkey.Caller) *latchkey.Error {
	if c.Through != nil {
		c = c.Through
	}
	if c.Kind != latchkey.ByToken {
		return nil
	}
	mac := latchkey.TokenMAC(c.Proof)
	is := v.bound.find(&mac)
	if is == nil || is.id != c.Token {
		return nil // it is another by now: whatever the call changes will be asked about
	}
	wait, reason := v.count(ctx, is, mac, v.now())
	switch {
	case wait > 0:
		return latchkey.TooOften(wait)
	case reason == TokenUsedUp:
		return latchkey.Errorf(latchkey.Denied, "This API token has made all the calls that it may make.")
	case reason != "":
		return &latchkey.Error{Kind: latchkey.BadCredentials, Msg: "Access denied"}
	}
	return nil
}

// Uses is how many calls of a token were counted.
func Uses(r store.Reader, t *latchkey.Token) (int64, error) {
	if t.MaxUses == 0 {
		return 0, nil
	}
	y, err := r.Tally(t.ID)
	return y.Uses, gone(err)
}

// BeginTally makes what calls of a token are counted in, if its terms ask for
// that and there is none yet.
func (v *Verifier) BeginTally(tx store.Tx, t *latchkey.Token) error {
	if !t.Counted() {
		return nil
	}
	_, err := tx.Tally(t.ID)
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return tx.PutTally(t.ID, latchkey.Tally{Seal: v.keys.SealTally(t.ID, 0)})
}

// isDirty has a tally written down soon.
func (c *conditions) isDirty(of *condition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dirty == nil {
		c.dirty = make(map[latchkey.TokenID]*tally)
	}
	c.dirty[of.id] = of.tally
}

// takeDirty takes out the tallies that are to be written down.
func (c *conditions) takeDirty() map[latchkey.TokenID]*tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	dirty := c.dirty
	c.dirty = nil
	return dirty
}

// flushTallies writes down what tokens with a rate limit may still do, so that a
// restart gives them no more. What cannot be written is left for the next round.
func (v *Verifier) flushTallies() {
	dirty := v.bound.takeDirty()
	if len(dirty) == 0 {
		return
	}
	_, err := v.store.Write(context.Background(), func(tx store.Tx) error {
		for id, y := range dirty {
			if err := y.putLeft(tx, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		v.log.Warn("writing down how often tokens were used", "err", err)
		v.bound.mu.Lock()
		defer v.bound.mu.Unlock()
		maps.Copy(dirty, v.bound.dirty)
		v.bound.dirty = dirty
	}
}

// putLeft writes down what may still be done; a token that is no more is left
// alone.
func (y *tally) putLeft(tx store.Tx, id latchkey.TokenID) error {
	was, err := tx.Tally(id)
	if err != nil {
		return gone(err)
	}
	y.mu.Lock()
	was.Left, was.At, y.dirty = y.left, y.at, false
	y.mu.Unlock()
	return tx.PutTally(id, was)
}
