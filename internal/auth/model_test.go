package auth

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// modelToken is a token as its owner thinks of it.
type modelToken struct {
	k       latchkey.Token
	secrets []latchkey.Secret // all it ever had, the newest last
	gone    bool
	used    time.Time   // by a secret that the token still knew when it was used
	uses    int64       // while it had a number of them
	calls   []time.Time // that were let in while it had a rate limit
}

// answer is what a use of the nth secret at now is to come to: "" lets it in.
func (m *modelToken) answer(nth int, now time.Time) Reason {
	newest := len(m.secrets) - 1
	switch {
	case m.gone || nth < newest-1:
		return UnknownToken
	case m.k.State == latchkey.TokenDisabled:
		return TokenOff
	case nth == newest-1 && !now.Before(m.k.WasUntil):
		return SecretReplaced
	case nth == newest && m.k.Expired(now):
		return TokenExpired
	case now.Before(m.k.NotBefore):
		return TokenNotYet
	case m.k.UnusedDays != 0 && !now.Before(latest(m.k.Created, m.k.Renewed, m.used).Add(time.Duration(m.k.UnusedDays)*latchkey.Day)):
		return TokenUnused
	case m.k.MaxUses != 0 && m.uses >= m.k.MaxUses:
		return TokenUsedUp
	case m.k.RateLimit != 0 && m.left(now) < 1:
		return "wait"
	}
	return ""
}

func latest(times ...time.Time) (last time.Time) {
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// left is how many calls the token could make at once, told by the calls that it
// made: the bucket is filled and emptied from the first of them on.
func (m *modelToken) left(now time.Time) float64 {
	most := float64(m.k.RateLimit)
	left, at := most, time.Time{}
	fill := func(to time.Time) {
		if !at.IsZero() {
			left = min(most, left+to.Sub(at).Seconds()*most/60)
		}
		at = to
	}
	for _, call := range m.calls {
		fill(call)
		left--
	}
	fill(now)
	return left + 1e-6
}

// let notes that a use was let in.
func (m *modelToken) let(now time.Time) {
	m.used = now
	if m.k.MaxUses != 0 {
		m.uses++
	}
	if m.k.RateLimit != 0 {
		m.calls = append(m.calls, now)
	}
}

var reasonOf = map[latchkey.Standing]Reason{
	latchkey.StandsActive: "", latchkey.StandsDisabled: TokenOff, latchkey.StandsExpired: TokenExpired,
	latchkey.StandsNotYet: TokenNotYet, latchkey.StandsUnused: TokenUnused, latchkey.StandsUsedUp: TokenUsedUp,
}

// told holds what is told of a token to what its newest secret comes to.
func (h *house) told(t *rapid.T, m *modelToken) {
	err := h.db.Read(h.Context(), func(r store.Reader) error {
		use, _, err := h.LastUse(r, &m.k)
		if err != nil {
			return err
		}
		uses, err := Uses(r, &m.k)
		want := m.answer(len(m.secrets)-1, h.clock())
		if got := reasonOf[m.k.Standing(h.clock(), use.At, uses)]; got != want && want != "wait" {
			t.Fatalf("it is told of as %q, and is %q", got, want)
		}
		if m.k.MaxUses != 0 && uses != m.uses {
			t.Fatalf("%d uses are told of, there were %d", uses, m.uses)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Whatever is done with a token, and whatever the server forgets meanwhile, each
// of its secrets opens it when the model says so, and for the same reason not.
func TestModel(t *testing.T) {
	for _, rate := range []int{0, 3, 6} {
		h := newHouse(t)
		id := h.account("alice")
		begin := noon
		rapid.Check(t, func(t *rapid.T) {
			begin = latest(begin, h.clock()).Add(time.Hour)
			h.setTime(begin)
			m := &modelToken{}
			secret := NewToken(latchkey.ForAccount)
			m.secrets = []latchkey.Secret{secret}
			m.k = latchkey.Token{Account: id, Name: "a", MAC: h.keys.MAC(secret.Reveal()), Created: begin, Terms: drawTerms(t, begin)}
			m.k.RateLimit = rate
			h.insert(&m.k)
			defer h.remove(m)
			t.Repeat(map[string]func(*rapid.T){
				"": func(t *rapid.T) {},
				"use": func(t *rapid.T) {
					nth := len(m.secrets) - 1 - rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "secret")
					for range rapid.IntRange(1, 5).Draw(t, "times") {
						if nth < 0 {
							return
						}
						want := m.answer(nth, h.clock())
						h.expects("use", m.secrets[nth], want)
						if h.Failed() {
							t.Fatalf("secret %d of %d of %+v", nth, len(m.secrets), m.k)
						}
						if want == "" {
							m.let(h.clock())
						}
					}
				},
				"look": func(t *rapid.T) {
					if !m.gone {
						h.told(t, m)
					}
				},
				"rotate": func(t *rapid.T) {
					if m.gone || m.k.Expired(h.clock()) {
						return
					}
					until := h.clock().Add(time.Duration(rapid.SampledFrom([]int{0, 1, 60, 86400}).Draw(t, "overlap")) * time.Second)
					if !m.k.Expires.IsZero() && m.k.Expires.Before(until) {
						until = m.k.Expires
					}
					k, secret := h.rotate(m.k, until)
					m.k, m.secrets = k, append(m.secrets, secret)
				},
				"switch": func(t *rapid.T) {
					if m.k.State == latchkey.TokenDisabled || rapid.Bool().Draw(t, "on") {
						m.k.State, m.k.Renewed = latchkey.TokenActive, h.clock()
					} else {
						m.k.State = latchkey.TokenDisabled
					}
					h.write(m)
				},
				"update": func(t *rapid.T) {
					m.k.Terms = drawTerms(t, h.clock())
					m.k.RateLimit = rate
					m.k.Expires = time.Time{}
					if after := rapid.SampledFrom([]int{0, 30, 86400}).Draw(t, "expires"); after != 0 {
						m.k.Expires = h.clock().Add(time.Duration(after) * time.Second)
						if m.k.WasUntil.After(m.k.Expires) {
							m.k.WasUntil = m.k.Expires
						}
					}
					h.write(m)
				},
				"wait": func(t *rapid.T) {
					h.setTime(h.clock().Add(time.Duration(rapid.SampledFrom([]int{1, 1, 5, 20, 59, 61, 3600, 86399, 86400, 2 * 86400}).Draw(t, "seconds")) * time.Second))
				},
				"restart": func(t *rapid.T) {
					h.FlushUses()
					h.reopen()
				},
				"full": func(t *rapid.T) { h.fillUp() },
				"revoke": func(t *rapid.T) {
					if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
						h.remove(m)
					}
				},
			})
		})
	}
}

func drawTerms(t *rapid.T, now time.Time) (terms latchkey.Terms) {
	if after := rapid.SampledFrom([]int{0, 0, 0, 0, 0, 0, 1, 3600}).Draw(t, "not_before"); after != 0 {
		terms.NotBefore = now.Add(time.Duration(after) * time.Second)
	}
	terms.MaxUses = rapid.SampledFrom([]int64{0, 0, 1, 3, 100}).Draw(t, "max_uses")
	terms.UnusedDays = rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "unused_days")
	return terms
}

// insert makes k, as the server does.
func (h *house) insert(k *latchkey.Token) {
	h.commit(func(tx store.Tx) (err error) {
		if k.ID, err = tx.NextTokenID(); err != nil {
			return err
		}
		k.Seal = h.keys.Seal(k)
		tx.Log(store.Change{Kind: store.TokenPut, Account: k.Account, Token: k})
		if err := tx.InsertToken(*k); err != nil {
			return err
		}
		return h.BeginTally(tx, k)
	})
}

// write writes what m is now.
func (h *house) write(m *modelToken) {
	if m.gone {
		return
	}
	m.k.Seal = h.keys.Seal(&m.k)
	h.commit(func(tx store.Tx) error {
		k := m.k
		tx.Log(store.Change{Kind: store.TokenPut, Account: k.Account, Token: &k})
		if err := tx.UpdateToken(k.Name, k); err != nil {
			return err
		}
		return h.BeginTally(tx, &k)
	})
}

func (h *house) remove(m *modelToken) {
	if !m.gone {
		h.revoke(m.k)
	}
	m.gone = true
}
