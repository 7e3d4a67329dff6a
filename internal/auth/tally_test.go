package auth

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// bounded is a token with terms, and what opens it.
func (h *house) bounded(account latchkey.AccountID, name string, terms latchkey.Terms) (latchkey.Token, latchkey.Secret) {
	h.Helper()
	k, secret := h.token(account, name, func(k *latchkey.Token) { k.Terms = terms })
	h.commit(func(tx store.Tx) error { return h.BeginTally(tx, &k) })
	return k, secret
}

// rotate gives k another secret; the one it has opens it until then.
func (h *house) rotate(k latchkey.Token, until time.Time) (latchkey.Token, latchkey.Secret) {
	h.Helper()
	gone, secret := k.Was, NewToken(k.Audience)
	k.Was, k.WasUntil, k.MAC, k.Renewed = k.MAC, until, h.keys.MAC(secret.Reveal()), h.clock()
	k.Seal = h.keys.Seal(&k)
	h.commit(func(tx store.Tx) error {
		tx.Log(store.Change{Kind: store.TokenPut, Account: k.Account, Token: &k, Gone: gone})
		return tx.UpdateToken(k.Name, k)
	})
	return k, secret
}

// forgetful does what a test does with everything in memory, and with a memory
// that knows nothing before each step.
func forgetful(t *testing.T, run func(*testing.T, *house, func())) {
	t.Run("remembered", func(t *testing.T) { run(t, newHouse(t), func() {}) })
	t.Run("restarted", func(t *testing.T) {
		h := newHouse(t)
		run(t, h, func() {
			h.FlushUses()
			h.reopen()
		})
	})
}

func TestNotBefore(t *testing.T) {
	forgetful(t, func(t *testing.T, h *house, restart func()) {
		_, secret := h.bounded(h.account("alice"), "later", latchkey.Terms{NotBefore: noon.Add(time.Hour)})
		for _, step := range []struct {
			at   time.Duration
			want Reason
		}{{0, TokenNotYet}, {time.Hour - time.Second, TokenNotYet}, {time.Hour, ""}, {2 * time.Hour, ""}} {
			restart()
			h.setTime(noon.Add(step.at))
			h.expects(fmt.Sprint("after ", step.at), secret, step.want)
		}
	})
}

// expects is a check of alice's token that has one outcome.
func (h *house) expects(what string, secret latchkey.Secret, want Reason) {
	h.Helper()
	c, r := h.Check(h.Context(), tokenCred("alice", secret), latchkey.ForAccount, origin)
	got := Reason("")
	if r != nil {
		got = r.Reason
	} else if c.Wait > 0 {
		got = "wait"
	}
	if got != want {
		h.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestUnusedDays(t *testing.T) {
	forgetful(t, func(t *testing.T, h *house, restart func()) {
		id := h.account("alice")
		k, secret := h.bounded(id, "a", latchkey.Terms{UnusedDays: 2})
		at := func(hours int, secret latchkey.Secret, want Reason) {
			t.Helper()
			restart()
			h.setTime(noon.Add(time.Duration(hours) * time.Hour))
			h.expects(fmt.Sprint("after ", hours, " h"), secret, want)
		}
		at(47, secret, "")
		at(47+47, secret, "")
		h.setTime(noon.Add(100 * time.Hour))
		k, second := h.rotate(k, noon.Add(200*time.Hour))
		at(140, secret, "") // a use of the old secret is one of the token
		at(187, second, "")
		at(187+48, second, TokenUnused)
		h.setTime(noon.Add(200 * time.Hour))
		h.expects("a clock that is set back revives nothing", second, TokenUnused)
		h.setTime(noon.Add(240 * time.Hour))
		h.update(k, func(k *latchkey.Token) { k.Renewed = noon.Add(240 * time.Hour) })
		at(250, second, "")
		at(299, second, TokenUnused)
		_, never := h.bounded(id, "never", latchkey.Terms{UnusedDays: 2})
		h.expects("made two days ago and never used", never, TokenUnused)
	})
}

// A token that terms come to later counts the uses it had before.
func TestUnusedDaysLater(t *testing.T) {
	h := newHouse(t)
	k, secret := h.token(h.account("alice"), "a")
	h.setTime(noon.Add(100 * time.Hour))
	h.expects("free", secret, "")
	h.update(k, func(k *latchkey.Token) { k.UnusedDays = 1 })
	h.setTime(noon.Add(120 * time.Hour))
	h.expects("used 20 hours ago", secret, "")
}

func TestRateLimit(t *testing.T) {
	forgetful(t, func(t *testing.T, h *house, restart func()) {
		k, secret := h.bounded(h.account("alice"), "slow", latchkey.Terms{RateLimit: 6})
		_, second := h.rotate(k, noon.Add(time.Hour))
		for i, secret := range []latchkey.Secret{secret, second, secret, second, second, secret} {
			restart()
			h.expects(fmt.Sprint("call ", i+1, " of 6"), secret, "")
		}
		for range 3 {
			restart()
			c, r := h.Check(t.Context(), tokenCred("alice", second), latchkey.ForAccount, origin)
			if r != nil || c.Wait != 10*time.Second {
				t.Errorf("one too many: wait %v, %+v, want 10 s", c.Wait, r)
			}
		}
		for _, step := range []struct {
			after time.Duration
			want  Reason
		}{{9 * time.Second, "wait"}, {time.Second, ""}, {0, "wait"}, {15 * time.Second, ""}, {5 * time.Second, ""}, {0, "wait"}} {
			restart()
			h.setTime(h.clock().Add(step.after))
			h.expects(fmt.Sprint("after another ", step.after), secret, step.want)
		}
		h.setTime(h.clock().Add(time.Hour))
		for i := range 6 {
			h.expects(fmt.Sprint("an hour later, call ", i), second, "")
		}
		h.expects("an hour later, one too many", second, "wait")
		h.setTime(h.clock().Add(-time.Hour)) // a clock that is set back gives nothing away
		h.expects("an hour earlier", second, "wait")
		h.setTime(h.clock().Add(10 * time.Second))
		h.expects("10 s after that", second, "")
	})
}

// What a token may still do follows from the time alone, however often it is
// asked meanwhile.
func TestTake(t *testing.T) {
	for _, perMinute := range []int64{1, 7, 60, 59_999, 60_000} {
		var y tally
		given, at := int64(0), noon
		for range 200_000 {
			if y.take(perMinute, at) == 0 {
				given++
			}
			at = at.Add(3 * time.Millisecond)
		}
		// Ten minutes, and the one that may come at once; thousandths are lost.
		if most := 11 * perMinute; given > most || given < most*98/100 && given < 200_000 {
			t.Errorf("%d a minute: %d in 10 minutes, want about %d", perMinute, given, most)
		}
	}
}

// A token with a number of uses is let in so often and no more, however many come
// at once, with either secret, and over a restart that loses all memory.
func TestMaxUsesExact(t *testing.T) {
	const uses, users = 100, 64
	h := newHouse(t)
	k, secret := h.bounded(h.account("alice"), "few", latchkey.Terms{MaxUses: uses})
	_, second := h.rotate(k, noon.Add(time.Hour))
	var accepted atomic.Int64
	rush := func(most int64) {
		var all sync.WaitGroup
		for i := range users {
			all.Go(func() {
				for j := 0; accepted.Load() < most && j < 10*uses; j++ {
					_, r := h.Check(t.Context(), tokenCred("alice", []latchkey.Secret{secret, second}[(i+j)%2]), latchkey.ForAccount, origin)
					switch {
					case r == nil:
						accepted.Add(1)
					case r.Reason != TokenUsedUp:
						t.Errorf("refused: %s", r.Reason)
						return
					}
				}
			})
		}
		all.Wait()
	}
	rush(uses / 3)
	before := accepted.Load()
	if before < uses/3 || before > uses {
		t.Fatalf("%d were accepted", before)
	}
	h.reopen() // nothing is written down on the way out
	rush(uses + 1)
	if n := accepted.Load(); n != uses {
		t.Errorf("%d uses were accepted, want %d", n, uses)
	}
	err := h.db.Read(t.Context(), func(r store.Reader) error {
		n, err := Uses(r, &k)
		if n != uses {
			t.Errorf("%d uses are counted, want %d", n, uses)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d before the restart, %d after it", before, accepted.Load()-before)
}

// More uses, or fewer, may be allowed later; a count that was tampered with, and
// one that was taken away, refuse.
func TestMaxUsesChange(t *testing.T) {
	forgetful(t, func(t *testing.T, h *house, restart func()) {
		id := h.account("alice")
		k, secret := h.bounded(id, "few", latchkey.Terms{MaxUses: 2})
		allow := func(n int64) { k.MaxUses = n; h.update(k, func(*latchkey.Token) {}) }
		for i, step := range []struct {
			most int64
			want Reason
		}{{2, ""}, {2, ""}, {2, TokenUsedUp}, {3, ""}, {3, TokenUsedUp}, {1, TokenUsedUp}, {0, ""}, {0, ""}, {3, TokenUsedUp}, {4, ""}} {
			allow(step.most)
			restart()
			h.expects(fmt.Sprintf("step %d, %d uses", i, step.most), secret, step.want)
		}
		allow(100)
		put := func(y latchkey.Tally) {
			h.commit(func(tx store.Tx) error { return tx.PutTally(k.ID, y) })
		}
		put(latchkey.Tally{Uses: 0, Seal: h.keys.SealTally(k.ID, 5)})
		restart()
		h.expects("a count without its seal", secret, RowDamaged)
		put(latchkey.Tally{Uses: 0, Seal: h.keys.SealTally(k.ID+1, 0)})
		restart()
		h.expects("a count of another token", secret, RowDamaged)
		_, lost := h.token(id, "lost", func(k *latchkey.Token) { k.MaxUses = 5 })
		h.expects("no count", lost, RowDamaged)
	})
}

// A use that cannot be written down is none.
func TestMaxUsesDiskFull(t *testing.T) {
	h := newHouse(t)
	_, secret := h.bounded(h.account("alice"), "few", latchkey.Terms{MaxUses: 1})
	h.db.refuse.Store(true)
	h.expects("the disk is full", secret, CannotCheck)
	h.db.refuse.Store(false)
	h.expects("the disk has room", secret, "")
	h.expects("once more", secret, TokenUsedUp)
}

func TestRotation(t *testing.T) {
	for _, terms := range []latchkey.Terms{{}, {RateLimit: 1000}} {
		forgetful(t, func(t *testing.T, h *house, restart func()) {
			id := h.account("alice")
			k, first := h.bounded(id, "a", terms)
			expects := func(what string, want Reason) {
				t.Helper()
				restart()
				h.expects(what, first, want)
			}
			expects("before", "")
			k, second := h.rotate(k, noon.Add(time.Hour))
			expects("during the overlap", "")
			h.expects("the new one", second, "")
			h.setTime(noon.Add(time.Hour))
			expects("after the overlap", SecretReplaced)
			h.expects("the new one", second, "")
			k, third := h.rotate(k, h.clock().Add(time.Hour))
			expects("replaced twice", UnknownToken)
			h.expects("the one before", second, "")
			k, fourth := h.rotate(k, h.clock())
			h.expects("at once", third, SecretReplaced)
			h.expects("replaced twice", second, UnknownToken)
			restart()
			h.expects("the newest", fourth, "")
			h.update(k, func(k *latchkey.Token) { k.State = latchkey.TokenDisabled })
			restart()
			h.expects("disabled", fourth, TokenOff)
			k.WasUntil = h.clock().Add(time.Hour)
			h.update(k, func(*latchkey.Token) {})
			h.expects("the old one again", third, "")
			h.revoke(k)
			restart()
			for _, secret := range []latchkey.Secret{first, second, third, fourth} {
				h.expects("revoked", secret, UnknownToken)
			}
		})
	}
}

// Who takes the new secret as soon as there is one never meets a refusal, however
// often a token is rotated, bound and freed under their hands.
func TestRotationUnderUse(t *testing.T) {
	h := newHouse(t)
	k, secret := h.bounded(h.account("alice"), "a", latchkey.Terms{RateLimit: 60_000})
	h.fillUp()
	var swap sync.RWMutex
	var done atomic.Bool
	var checks atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for !done.Load() {
				swap.RLock()
				_, r := h.Check(t.Context(), tokenCred("alice", secret), latchkey.ForAccount, origin)
				swap.RUnlock()
				if r != nil {
					t.Errorf("refused: %s", r.Reason)
					return
				}
				checks.Add(1)
			}
		})
	}
	for i := range 60 {
		var next latchkey.Secret
		k.RateLimit = 60_000 * (i % 2)
		k, next = h.rotate(k, noon.Add(time.Hour))
		swap.Lock()
		secret = next
		swap.Unlock()
	}
	done.Store(true)
	all.Wait()
	t.Logf("%d checks during 60 rotations", checks.Load())
}
