package auth

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

// try is one wrong password of a source, and why it was refused before a hash;
// "" if it was not.
func (t *throttle) try(from string, at time.Time, claim uint32) Reason {
	v, why := t.enter(addr(from), at)
	if why == "" {
		t.leave(v, at, claim, wrong)
	}
	return why
}

func TestThrottle(t *testing.T) {
	th := newThrottle(8)
	for i := range uint32(5) {
		if why := th.try("192.0.2.1", noon, i); why != "" {
			t.Fatalf("failure %d was not checked: %s", i, why)
		}
	}
	for what, test := range map[string]struct {
		from  string
		after time.Duration
		want  Reason
	}{
		"the source":               {"192.0.2.1", 0, Throttled},
		"its neighbour":            {"192.0.2.2", 0, ""},
		"shortly before the end":   {"192.0.2.1", 15*time.Minute - time.Second, Throttled},
		"after a period":           {"192.0.2.1", 15 * time.Minute, ""},
		"an address of IPv6":       {"2001:db8::1", 0, ""},
		"IPv6 that looks like it":  {"0:1:c000:201::", 0, Throttled}, // in no network there is
		"the machine itself":       {"127.0.0.1", 0, ""},
		"the machine itself again": {"127.9.9.9", 0, ""},
	} {
		if what == "after a period" {
			continue // it ends the refusal: asked last
		}
		if v, why := th.enter(addr(test.from), noon.Add(test.after)); why != test.want {
			t.Errorf("%s: %q, want %q", what, why, test.want)
		} else if why == "" {
			th.leave(v, noon, 0, unknown)
		}
	}
	if why := th.try("192.0.2.1", noon.Add(15*time.Minute), 9); why != "" {
		t.Errorf("after a period: %q", why)
	}
}

// Of IPv6 whoever has one address has the network.
func TestThrottleIPv6(t *testing.T) {
	th := newThrottle(8)
	for i := range uint32(5) {
		th.try(fmt.Sprintf("2001:db8:1:1::%x", i+1), noon, i)
	}
	if why := th.try("2001:db8:1:1:ffff::1", noon, 9); why != Throttled {
		t.Errorf("another address of the network: %q, want throttled", why)
	}
	if why := th.try("2001:db8:1:2::1", noon, 9); why != "" {
		t.Errorf("the next network: %q", why)
	}
}

// Failures fade: who fails now and then is never refused.
func TestThrottleFades(t *testing.T) {
	th := newThrottle(8)
	at := noon
	for i := range uint32(100) {
		if why := th.try("192.0.2.1", at, i); why != "" {
			t.Fatalf("failure %d after %v: %s", i, at.Sub(noon), why)
		}
		at = at.Add(3*time.Minute + time.Second)
	}
}

// A program that goes on with the old password, or a revoked token, is not what
// shuts its network out, as long as it does not do so all the time.
func TestThrottleSameClaim(t *testing.T) {
	th := newThrottle(8)
	at := noon
	for i := range 500 {
		if why := th.try("192.0.2.1", at, 7); why != "" {
			t.Fatalf("call %d, one a minute: %s", i, why)
		}
		at = at.Add(time.Minute)
	}
	checked := 0
	for range 1000 {
		if th.try("192.0.2.1", at, 7) == "" {
			checked++
		}
	}
	if checked < 10 || checked > 60 {
		t.Errorf("of 1,000 at once %d were checked", checked)
	}
}

// Who goes on while refused is refused for a day, and no longer for going on.
func TestThrottleExcess(t *testing.T) {
	th := newThrottle(8)
	for i := range uint32(100) {
		th.try("192.0.2.1", noon, i)
	}
	blocks := th.blocks(noon)
	if len(blocks) != 1 || !blocks[0].Excess || blocks[0].Until != noon.Add(24*time.Hour) || blocks[0].Source.String() != "192.0.2.1/32" {
		t.Errorf("blocks = %+v", blocks)
	}
	for h := range 24 {
		if why := th.try("192.0.2.1", noon.Add(time.Duration(h)*time.Hour), 1); why != Throttled {
			t.Errorf("after %d hours: %q", h, why)
		}
	}
	if why := th.try("192.0.2.1", noon.Add(24*time.Hour), 1); why != "" {
		t.Errorf("after a day: %q", why)
	}
}

// The machine itself is never shut out: it is slowed down to a failure a second.
func TestThrottleLocal(t *testing.T) {
	th := newThrottle(8)
	checked := 0
	for s := range 300 {
		for i := range uint32(50) {
			if th.try("127.0.0.1", noon.Add(time.Duration(s)*time.Second), uint32(s)<<8|i) == "" {
				checked++
			}
		}
	}
	if checked < 300 || checked > 400 {
		t.Errorf("of 15,000 in five minutes %d were checked", checked)
	}
	if len(th.blocks(noon)) != 0 {
		t.Error("the machine itself is shut out")
	}
}

// However many strangers guess, a source that had a right password gets its own
// checked.
func TestThrottleShares(t *testing.T) {
	th := newThrottle(8)
	v, why := th.enter(addr("198.51.100.1"), noon)
	if why != "" {
		t.Fatal(why)
	}
	th.leave(v, noon, 1, right)
	visits := []visit{}
	for i := range 100 {
		if v, why := th.enter(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), noon); why == "" {
			visits = append(visits, v)
		} else if why != CannotCheck {
			t.Errorf("stranger %d: %s", i, why)
		}
	}
	if len(visits) != 8 {
		t.Errorf("%d strangers are being checked, want 8", len(visits))
	}
	for i := range 5 {
		_, why := th.enter(addr("198.51.100.1"), noon)
		if want := map[bool]Reason{true: CannotCheck}[i == 4]; why != want {
			t.Errorf("check %d of a known source: %q, want %q", i, why, want)
		}
	}
	for _, v := range visits {
		th.leave(v, noon, 1, unknown)
	}
	if n := th.strangers.Load(); n != 0 {
		t.Errorf("%d strangers are left", n)
	}
}

func TestThrottleLists(t *testing.T) {
	h := newHouse(t)
	_, secret := h.token(h.account("alice"), "t")
	from := func(a string) []latchkey.AddressRange { return []latchkey.AddressRange{{From: addr(a), To: addr(a)}} }
	h.throttle.set(latchkey.Throttling{}, nil, from("192.0.2.7"))
	h.refuses("a good token of a barred source", tokenCred("alice", secret), Barred)
	h.throttle.set(latchkey.Throttling{}, from("192.0.2.7"), from("192.0.2.7"))
	h.accepts("on both lists", tokenCred("alice", secret))
	for i := range uint32(50) {
		if why := h.throttle.try("192.0.2.7", noon, i); why != "" {
			t.Errorf("failure %d of a white source: %q", i, why)
		}
		h.throttle.fail(addr("192.0.2.7"), noon, i)
	}
	h.throttle.set(latchkey.Throttling{Off: true}, nil, nil)
	for i := range uint32(50) {
		if why := h.throttle.try("192.0.2.7", noon, i); why != "" {
			t.Errorf("failure %d with the throttle off: %q", i, why)
		}
	}
}

func TestThrottlePardon(t *testing.T) {
	th := newThrottle(8)
	for i := range uint32(6) {
		th.try("192.0.2.1", noon, i)
		th.try("192.0.2.2", noon, i)
	}
	if n := th.pardon(noon, func(p netip.Prefix) bool { return p.Contains(addr("192.0.2.1")) }); n != 1 {
		t.Errorf("%d were freed, want 1", n)
	}
	if why := th.try("192.0.2.1", noon, 9); why != "" {
		t.Errorf("the pardoned: %q", why)
	}
	if why := th.try("192.0.2.2", noon, 9); why != Throttled {
		t.Errorf("the other: %q", why)
	}
}

// Ten million sources take no more memory than a few, and those that had a right
// password stay known.
func TestThrottleMemory(t *testing.T) {
	th := newThrottle(8)
	v, _ := th.enter(addr("198.51.100.1"), noon)
	th.leave(v, noon, 1, right)
	sources := 10_000_000
	if testing.Short() {
		sources = 1_000_000
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range sources {
		var b [16]byte
		b[0], b[1] = 0x20, 0x01
		binary.BigEndian.PutUint32(b[4:], uint32(i))
		th.fail(netip.AddrFrom16(b), noon, uint32(i))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<10 {
		t.Errorf("%d sources took %d bytes", sources, grown)
	}
	if _, why := th.enter(addr("198.51.100.1"), noon); why != "" {
		t.Errorf("a known source is forgotten: %q", why)
	}
	if m := th.setOf(sourceOf(addr("198.51.100.1"))).find(sourceOf(addr("198.51.100.1"))); m == nil || !m.known {
		t.Error("a known source is a stranger again")
	}
}

func TestFailures(t *testing.T) {
	var f failures
	for i := range keptFailures + 10 {
		f.add(latchkey.Failure{At: noon.Add(time.Duration(i) * time.Second)})
	}
	list := f.list()
	if len(list) != keptFailures || list[0].At != noon.Add((keptFailures+9)*time.Second) || list[keptFailures-1].At != noon.Add(10*time.Second) {
		t.Errorf("%d failures, from %v to %v", len(list), list[0].At, list[len(list)-1].At)
	}
	if n := f.drop(func(x latchkey.Failure) bool { return x.At.Before(noon.Add(20 * time.Second)) }); n != 10 || len(f.list()) != keptFailures-10 {
		t.Errorf("%d were dropped, %d are left", n, len(f.list()))
	}
	f.add(latchkey.Failure{At: noon})
	if list := f.list(); len(list) != keptFailures-9 || list[0].At != noon {
		t.Errorf("after one more there are %d, the newest of %v", len(list), list[0].At)
	}
}

// A flood of wrong passwords from one source costs a handful of hashes; others
// sign in meanwhile, with a password nobody has seen before, and so does the
// source with what was right before.
func TestFloodOfPasswords(t *testing.T) {
	h := newHouse(t)
	hash, err := hasher.Make(t.Context(), latchkey.NewSecret("right one"))
	if err != nil {
		t.Fatal(err)
	}
	h.account("alice", func(a *latchkey.Account) { a.PasswordHash = string(hash) })
	h.account("bob", func(a *latchkey.Account) { a.PasswordHash = string(hash) })
	h.accepts("before", basicCred("alice", "right one"))

	ctx, stop := context.WithCancel(t.Context())
	var refused, slow atomic.Int64
	var flood sync.WaitGroup
	for w := range 4 {
		flood.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				begin := time.Now()
				if _, r := h.Check(ctx, basicCred("bob", fmt.Sprint(w, i)), latchkey.ForAccount, origin); r == nil {
					t.Error("a wrong password was accepted")
				}
				if time.Since(begin) > 5*time.Millisecond {
					slow.Add(1)
				}
				refused.Add(1)
			}
		})
	}
	eventually(t, "a flood", func() bool { return refused.Load() > 5000 })
	h.accepts("the same source with what was right before", basicCred("alice", "right one"))
	if _, r := h.Check(ctx, basicCred("bob", "right one"), latchkey.ForAccount, latchkey.Origin{Addr: addr("203.0.113.5")}); r != nil {
		t.Errorf("another source signs in during the flood: %s", r.Reason)
	}
	if _, r := h.Check(ctx, basicCred("bob", "right one"), latchkey.ForAccount, origin); r != nil {
		t.Errorf("what was right for another source is known: %s", r.Reason)
	}
	stop()
	flood.Wait()
	t.Logf("%d refusals, %d of them took more than 5 ms", refused.Load(), slow.Load())
}

func BenchmarkThrottled(b *testing.B) {
	h := newHouse(b)
	for i := range uint32(50) {
		h.throttle.try("192.0.2.7", noon, i)
	}
	cred := basicCred("alice", "wrong one")
	b.ReportAllocs()
	for b.Loop() {
		if _, r := h.Check(b.Context(), cred, latchkey.ForAccount, origin); r == nil || r.Reason != Throttled {
			b.Fatal("not throttled")
		}
	}
}

// A list in order finds what a list as it came finds.
func TestRanges(t *testing.T) {
	at := func(n int) netip.Addr {
		if n >= 500 {
			return netip.AddrFrom16([16]byte{0x20, 1, 15: byte(n - 500)})
		}
		return netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)})
	}
	seed := uint32(1)
	next := func(most int) int {
		seed = seed*1664525 + 1013904223
		return int(seed>>8) % most
	}
	for range 300 {
		var list []latchkey.AddressRange
		for range next(20) {
			from := next(499)
			to := min(499, from+next(40))
			if next(4) == 0 {
				from, to = 500+next(100), 600+next(40)
			}
			list = append(list, latchkey.AddressRange{From: at(from), To: at(to)})
		}
		rs := rangesOf(list)
		for n := range 640 {
			want := false
			for _, r := range list {
				want = want || r.Has(at(n))
			}
			if got := rs.has(at(n)); got != want {
				t.Fatalf("has(%v) = %v, want %v, in %v", at(n), got, want, list)
			}
		}
	}
}

// What the administrator has set is in force when the commit returns, and after
// a restart.
func TestGuardIsKept(t *testing.T) {
	h := newHouse(t)
	_, secret := h.token(h.account("alice"), "t")
	r, _ := latchkey.ParseRange("192.0.2.0/24")
	h.commit(func(tx store.Tx) error {
		return PutGuard(tx, latchkey.Guard{Throttling: latchkey.Throttling{Failures: 2}, Black: []latchkey.ListedRange{{Text: "192.0.2.0/24", AddressRange: r, Comment: "x"}}})
	})
	for _, what := range []string{"at once", "after a restart"} {
		h.refuses(what, tokenCred("alice", secret), Barred)
		for i := range uint32(2) {
			h.throttle.try("198.51.100.1", noon, i)
		}
		if why := h.throttle.try("198.51.100.1", noon, 9); why != Throttled {
			t.Errorf("%s: a third failure: %q", what, why)
		}
		h.reopen()
	}
	h.db.gap.Store(true)
	h.commit(func(tx store.Tx) error { return PutGuard(tx, latchkey.Guard{}) })
	h.accepts("after a gap in the change log", tokenCred("alice", secret))
}

func BenchmarkBlackList(b *testing.B) {
	h, cred := benchmarkHouse(b, 1000)
	var black []latchkey.AddressRange
	for i := range 10_000 {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1})
		black = append(black, latchkey.AddressRange{From: a, To: a})
	}
	h.throttle.set(latchkey.Throttling{}, nil, black)
	b.ReportAllocs()
	for b.Loop() {
		if _, r := h.Check(b.Context(), cred, latchkey.ForAccount, origin); r != nil {
			b.Fatal(r.Reason)
		}
	}
}
