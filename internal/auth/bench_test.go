package auth

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// sideBySide times two things in turn, so that whatever else the machine does
// hits both alike. The slowest tenth of each is cut off.
func sideBySide(n int, a, b func()) (as, bs []time.Duration) {
	timed := func(f func()) time.Duration {
		begin := time.Now()
		f()
		return time.Since(begin)
	}
	for i := range n {
		if i%2 == 0 {
			as = append(as, timed(a))
			bs = append(bs, timed(b))
		} else {
			bs = append(bs, timed(b))
			as = append(as, timed(a))
		}
	}
	slices.Sort(as)
	slices.Sort(bs)
	return as[:n*9/10], bs[:n*9/10]
}

func median(d []time.Duration) time.Duration { return d[len(d)/2] }

// welch is how sure one can be that two series differ: under 4.5 nobody can
// tell them apart by n measurements.
func welch(a, b []time.Duration) float64 {
	mean := func(d []time.Duration) (m, v float64) {
		for _, x := range d {
			m += float64(x) / float64(len(d))
		}
		for _, x := range d {
			v += (float64(x) - m) * (float64(x) - m) / float64(len(d)-1)
		}
		return m, v / float64(len(d))
	}
	ma, va := mean(a)
	mb, vb := mean(b)
	return math.Abs(ma-mb) / math.Sqrt(va+vb)
}

// How long a refusal takes says nothing of which accounts and tokens there are.
// The figures are for people to read: a busy machine must not fail a test.
func TestRefusalTiming(t *testing.T) {
	h := newHouse(t)
	id := h.account("alice")
	h.account("suspended", func(a *latchkey.Account) { a.Suspended = true })
	_, good := h.token(id, "good")
	_, expired := h.token(id, "expired", func(k *latchkey.Token) { k.Expires = noon.Add(-time.Hour) })
	_, off := h.token(id, "off", func(k *latchkey.Token) { k.State = latchkey.TokenDisabled })
	_, early := h.token(id, "early", func(k *latchkey.Token) { k.NotBefore = noon.Add(time.Hour) })
	_, elsewhere := h.token(id, "elsewhere", func(k *latchkey.Token) { k.Addresses = "203.0.113.0/24" })
	_, usedUp := h.bounded(id, "used up", latchkey.Terms{MaxUses: 1})
	_, unused := h.token(id, "unused", func(k *latchkey.Token) { k.Created, k.UnusedDays = noon.AddDate(0, 0, -2), 1 })
	rotated, replaced := h.token(id, "rotated")
	h.rotate(rotated, noon)
	h.fillUp()
	h.accepts("to use up the only use", tokenCred("alice", usedUp))
	h.accepts("to have the account in memory", tokenCred("alice", good))
	unknown := NewToken(latchkey.ForAccount)
	refuse := func(user string, secret latchkey.Secret) func() {
		cred := tokenCred(user, secret)
		return func() { h.Check(t.Context(), cred, latchkey.ForAccount, origin) }
	}
	base := refuse("alice", unknown)
	for _, test := range []struct {
		name string
		run  func()
	}{
		{"the same again", refuse("alice", unknown)},
		{"unknown user", refuse("nobody", unknown)},
		{"suspended user", refuse("suspended", unknown)},
		{"another's token", refuse("nobody", good)},
		{"expired token", refuse("alice", expired)},
		{"disabled token", refuse("alice", off)},
		{"not valid yet", refuse("alice", early)},
		{"wrong address", refuse("alice", elsewhere)},
		{"used up", refuse("alice", usedUp)},
		{"unused", refuse("alice", unused)},
		{"old secret", refuse("alice", replaced)},
	} {
		a, b := sideBySide(20_000, base, test.run)
		t.Logf("unknown token of a known user %v, %-16s %v, |t| = %.1f", median(a), test.name, median(b), welch(a, b))
	}
}

// benchmarkHouse has n tokens in memory, of n/10 accounts, and one of alice's.
func benchmarkHouse(b *testing.B, n int) (*house, latchkey.Credentials) {
	h := newHouse(b)
	id := h.account("alice")
	_, secret := h.token(id, "mine")
	h.fillUp()
	for i := range n - 1 {
		k := latchkey.Token{Account: latchkey.AccountID(1000 + i/10), MAC: h.keys.MAC(fmt.Sprint("token ", i))}
		s := slot{id: uint64(i), account: uint32(k.Account), flags: slotTaken}
		copy(s.mac[:], k.MAC[:])
		h.tokens.put(s, &k.MAC)
	}
	b.Cleanup(h.tokens.clear)
	return h, tokenCred("alice", secret)
}

func BenchmarkCheck(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprintf("tokens=%d", n), func(b *testing.B) {
			h, cred := benchmarkHouse(b, n)
			b.ReportAllocs()
			for b.Loop() {
				if _, r := h.Check(b.Context(), cred, latchkey.ForAccount, origin); r != nil {
					b.Fatal(r.Reason)
				}
			}
		})
	}
}

// What each bound of a token costs its own checks.
func BenchmarkCheckBound(b *testing.B) {
	for _, test := range []struct {
		name  string
		terms latchkey.Terms
	}{
		{"none", latchkey.Terms{}}, {"not_before", latchkey.Terms{NotBefore: noon}}, {"unused_days", latchkey.Terms{UnusedDays: 30}},
		{"rate_limit", latchkey.Terms{RateLimit: 60_000}}, {"max_uses", latchkey.Terms{MaxUses: 1 << 40}},
	} {
		b.Run(test.name, func(b *testing.B) {
			h := newHouse(b)
			_, secret := h.bounded(h.account("alice"), "mine", test.terms)
			h.fillUp()
			cred := tokenCred("alice", secret)
			b.ReportAllocs()
			for b.Loop() {
				if _, r := h.Check(b.Context(), cred, latchkey.ForAccount, origin); r != nil {
					b.Fatal(r.Reason)
				}
			}
		})
	}
}

func BenchmarkRefuse(b *testing.B) {
	h, good := benchmarkHouse(b, 1_000_000)
	text := good.Secret.Reveal()
	for _, test := range []struct {
		name   string
		secret latchkey.Secret
	}{
		{"malformed", latchkey.NewSecret(text[:31] + "x")},
		{"unknown", NewToken(latchkey.ForAccount)},
	} {
		b.Run(test.name, func(b *testing.B) {
			cred := tokenCred("alice", test.secret)
			b.ReportAllocs()
			for b.Loop() {
				if _, r := h.Check(b.Context(), cred, latchkey.ForAccount, origin); r == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
