package audit

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// someEvent is an event of one of a few accounts, tokens and things.
func someEvent(rng *rand.Rand, n int) *latchkey.Event {
	account := 1 + rng.IntN(20)
	e := &latchkey.Event{
		At: noon.Add(time.Duration(n) * time.Second), Account: latchkey.AccountID(account), Name: latchkey.AccountName(fmt.Sprint("u", account)),
		By: latchkey.ByToken, Handle: latchkey.Handle{byte(account), byte(rng.IntN(3) + 1)}, From: netip.AddrFrom4([4]byte{192, 0, 2, byte(rng.IntN(4))}),
		Func: []string{"Email::add_pop", "Email::list_pops", "DNS::mass_edit_zone", "Tokens::revoke", "whm::passwd"}[rng.IntN(5)], OK: rng.IntN(4) > 0,
	}
	if !e.OK {
		e.Outcome = []latchkey.Kind{latchkey.Denied, latchkey.Exists, latchkey.ReadOnly}[rng.IntN(3)]
	}
	switch rng.IntN(6) {
	case 0:
		e.On = []latchkey.Resource{{Kind: "mailbox", Name: fmt.Sprint("box", rng.IntN(30), "@example.com")}}
	case 1:
		e.On = []latchkey.Resource{{Kind: latchkey.RecordKind, Zone: "example.com", Name: fmt.Sprint("n", rng.IntN(30)), Type: "TXT"}}
	case 2:
		e.On = []latchkey.Resource{{Kind: latchkey.TokenKind, Name: fmt.Sprint("t", rng.IntN(3))}}
	case 3:
		if rng.IntN(3) == 0 {
			e.By, e.Account, e.Handle, e.OK, e.Outcome, e.Reason = 0, 0, latchkey.Handle{}, false, latchkey.BadCredentials, "unknown or revoked token"
		}
	}
	return e
}

// fill writes n events into links of different sizes and returns them with their
// positions, the newest first.
func fill(tb testing.TB, s store.Store, rng *rand.Rand, n, most int) (all []latchkey.TrailEvent) {
	tb.Helper()
	var link uint64
	for made := 0; made < n; {
		link++
		var b segment
		some := min(1+rng.IntN(most), n-made)
		for i := range some {
			e := someEvent(rng, made)
			b.add(e)
			all = append(all, latchkey.TrailEvent{TrailPosition: latchkey.TrailPosition{Link: link, Event: i}, Event: *e})
			made++
		}
		if _, err := s.Write(tb.Context(), func(tx store.Tx) error { tx.Audit(b.seal(nil), some); return nil }); err != nil {
			tb.Fatal(err)
		}
	}
	slices.Reverse(all)
	return all
}

// searches are searches of every kind.
func searches(t *testing.T) map[string]latchkey.EventFilter {
	outcome := func(text string) latchkey.OutcomeFilter {
		o, err := latchkey.ParseOutcome(text)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	at := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }
	ranges := func(text string) latchkey.Ranges { return latchkey.Ranges{netip.MustParsePrefix(text)} }
	return map[string]latchkey.EventFilter{
		"all":             {},
		"account":         {Account: 3, Name: "u3"},
		"own":             {Account: 3, Name: "u3", Own: true, Made: at(100)},
		"nobody's":        {Account: 300, Name: "u300"},
		"gone":            {Name: "u4"},
		"handle":          {Handles: []latchkey.Handle{{3, 1}}},
		"token":           {Account: 5, Name: "u5", Token: "t1", Handles: []latchkey.Handle{{5, 2}}},
		"function":        {Functions: []string{"Email::add_pop"}, Account: 9, Name: "u9"},
		"module":          {Functions: []string{"Email"}},
		"no function":     {Functions: []string{"Ftp"}},
		"two functions":   {Functions: []string{"Tokens::revoke", "Email"}},
		"mailbox":         {Resource: latchkey.ResourceFilter{Key: "mailbox", Prefix: "box1"}},
		"domain of a box": {Resource: latchkey.ResourceFilter{Key: "domain", Prefix: "example.com"}},
		"record":          {Resource: latchkey.ResourceFilter{Key: "name", Prefix: "n7"}},
		"zone":            {Resource: latchkey.ResourceFilter{Key: "zone", Prefix: "exam"}},
		"ok":              {Outcome: outcome("ok"), Account: 7},
		"refused":         {Outcome: outcome("refused")},
		"failed":          {Outcome: outcome("failed"), Account: 7},
		"kind":            {Outcome: outcome("read-only")},
		"address":         {From: ranges("192.0.2.3/32"), Account: 2},
		"range":           {From: ranges("192.0.2.2/31"), Account: 2},
		"no address":      {From: ranges("198.51.100.1/32")},
		"since":           {Since: at(2900)},
		"until":           {Until: at(50)},
		"between":         {Since: at(1000), Until: at(1010)},
	}
}

// Whatever is asked for, pages of any size have what stands in the trail, each
// event once and in its order, with the index and without it.
func TestSearch(t *testing.T) {
	s := newTrail(t)
	rng := rand.New(rand.NewPCG(1, 2))
	all := fill(t, s, rng, 3000, 12)
	check := func(how string) {
		t.Helper()
		for name, filter := range searches(t) {
			var want []latchkey.TrailEvent
			for _, e := range all {
				if filter.Matches(&e.Event) {
					want = append(want, e)
				}
			}
			for _, limit := range []int{1 + rng.IntN(20), 50, 10_000} {
				got, pages := pagesOf(t, s, filter, limit)
				if len(got) != len(want) {
					t.Errorf("%s, %s, pages of %d: %d events, want %d", how, name, limit, len(got), len(want))
					continue
				}
				for i := range got {
					if got[i].TrailPosition != want[i].TrailPosition || got[i].Func != want[i].Func {
						t.Errorf("%s, %s, pages of %d: event %d is %v, want %v", how, name, limit, i, got[i].TrailPosition, want[i].TrailPosition)
						break
					}
				}
				if most := len(want)/limit + 2; pages > most {
					t.Errorf("%s, %s: %d pages of %d for %d events", how, name, pages, limit, len(want))
				}
			}
			if !strings.HasPrefix(name, "no") && len(want) == 0 && how != "after a cut" {
				t.Errorf("%s finds nothing: it tests nothing", name)
			}
		}
	}
	check("without an index")
	r := newRecorder(s, nil)
	n, err := r.index(t.Context())
	if err != nil || n != 1 {
		t.Fatalf("index = %d, %v, want 1 block", n, err)
	}
	check("with one block")
	for n > 0 {
		if n, err = r.index(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	check("with an index")
	if _, err := s.Write(t.Context(), func(tx store.Tx) error { _, err := tx.CutTrail(300); return err }); err != nil {
		t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(e latchkey.TrailEvent) bool { return e.Link <= 300 })
	check("after a cut")
}

func pagesOf(t *testing.T, s store.Store, f latchkey.EventFilter, limit int) (all []latchkey.TrailEvent, pages int) {
	t.Helper()
	q := latchkey.EventQuery{EventFilter: f, Limit: limit}
	for {
		page, err := Search(t.Context(), s, q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Events...)
		pages++
		if page.Next == (latchkey.TrailPosition{}) {
			return all, pages
		}
		if len(page.Events) > limit || pages > 10_000 {
			t.Fatalf("page %d has %d events", pages, len(page.Events))
		}
		q.Before = page.Next
	}
}

// What is asked for in vain of a long trail is not looked for without end: the
// page is empty and says where to go on.
func TestSearchStops(t *testing.T) {
	s := newTrail(t)
	big := latchkey.Event{At: noon, Func: "Email::list_pops", Messages: string(make([]byte, mostRead/4))}
	for range 10 {
		if _, err := s.Write(t.Context(), func(tx store.Tx) error { tx.Audit(Encode(&big), 1); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	q := latchkey.EventQuery{Limit: 50}
	q.Since = noon.Add(time.Hour)
	pages := 0
	for {
		page, err := Search(t.Context(), s, q)
		if err != nil || len(page.Events) != 0 {
			t.Fatalf("Search = %d events, %v", len(page.Events), err)
		}
		pages++
		if q.Before = page.Next; q.Before == (latchkey.TrailPosition{}) {
			break
		}
	}
	t.Logf("%d pages", pages)
}

func TestFilter(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	if newFilter(nil).has(7) {
		t.Error("the empty filter has a key")
	}
	keys := make([]key, 2000)
	for i := range keys {
		keys[i] = keyOf(ofName, fmt.Sprint("in", i))
	}
	set := make(map[key]bool)
	for _, k := range keys {
		set[k] = true
	}
	f := newFilter(set)
	wrong := 0
	for i, k := range keys {
		if !f.has(k) {
			t.Fatalf("key %d is not found", i)
		}
		if f.has(key(rng.Uint64())) {
			wrong++
		}
	}
	if wrong > 60 {
		t.Errorf("%d of 2000 other keys are found, want about 20", wrong)
	}
}

// A trail of a million events: a page of an account that is seldom seen, of one
// that is there all the time, of all, and of one that never was.
func BenchmarkSearch(b *testing.B) {
	const n = 1_000_000
	s := newTrail(b)
	rng := rand.New(rand.NewPCG(5, 6))
	for made := 0; made < n; {
		_, err := s.Write(b.Context(), func(tx store.Tx) error {
			for range 20 {
				var g segment
				for range 50 {
					e := someEvent(rng, made)
					if e.Account += latchkey.AccountID(rng.IntN(1000) * 20); made%10_000 == 77 {
						e.Account = 1_000_000
					}
					g.add(e)
					made++
				}
				tx.Audit(g.seal(nil), 50)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	r := newRecorder(s, nil)
	for {
		if n, err := r.index(b.Context()); err != nil || n == 0 {
			break
		}
	}
	for name, f := range map[string]latchkey.EventFilter{
		"all": {}, "account": {Account: 77, Name: "u17"}, "seldom": {Account: 1_000_000, Name: "seldom"}, "never": {Account: 2_000_000, Name: "never"},
	} {
		b.Run(name, func(b *testing.B) {
			found := 0
			for b.Loop() {
				page, err := Search(context.Background(), s, latchkey.EventQuery{EventFilter: f, Limit: 50})
				if err != nil {
					b.Fatal(err)
				}
				found = len(page.Events)
			}
			b.ReportMetric(float64(found), "events")
		})
	}
}
