package latchkey

import (
	"net/netip"
	"testing"
	"time"
)

func TestMatches(t *testing.T) {
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	call := Event{At: at, Account: 7, Name: "demo", By: ByToken, Handle: Handle{1}, From: netip.MustParseAddr("192.0.2.9"), Func: "Email::add_pop", OK: true,
		On: []Resource{{Kind: "mailbox", Name: "info@example.com"}}}
	edit := Event{At: at, Account: 7, Name: "demo", By: ByPassword, Func: "DNS::mass_edit_zone", Outcome: Denied,
		On: []Resource{{Kind: RecordKind, Zone: "example.com", Name: "www", Type: "A"}}}
	stranger := Event{At: at, Name: "demo", Func: "::", Outcome: BadCredentials, Reason: "unknown or revoked token"}
	astray := Event{At: at, Account: 8, Name: "demo", Handle: Handle{2}, Outcome: BadCredentials, Reason: "token of another account"}
	host := Event{At: at, Account: 7, Name: "demo", By: ByToken, Func: "whm::listaccts", OK: true}
	local := Event{At: at, Account: 7, Name: "demo", By: ByLocal, Func: "Tokens::revoke", OK: true, On: []Resource{{Kind: TokenKind, Name: "ci"}}}
	outcome := func(text string) EventFilter {
		o, err := ParseOutcome(text)
		if err != nil {
			t.Fatal(err)
		}
		return EventFilter{Outcome: o}
	}
	from := func(text string) EventFilter { return EventFilter{From: Ranges{netip.MustParsePrefix(text)}} }
	on := func(key, prefix string) EventFilter { return EventFilter{Resource: ResourceFilter{key, prefix}} }
	for i, test := range []struct {
		filter EventFilter
		// call, edit, stranger, astray, host, local
		want [6]bool
	}{
		{EventFilter{}, [6]bool{true, true, true, true, true, true}},
		{EventFilter{Account: 7, Name: "demo"}, [6]bool{true, true, true, true, true, true}},
		{EventFilter{Account: 7, Name: "demo", Own: true}, [6]bool{true, true, true, false, false, true}},
		{EventFilter{Account: 7, Name: "demo", Own: true, Made: at.Add(1)}, [6]bool{true, true, false, false, false, true}},
		{EventFilter{Account: 8, Name: "other", Own: true}, [6]bool{false, false, false, true, false, false}},
		{EventFilter{Account: 9, Name: "demo"}, [6]bool{false, false, true, true, false, false}},
		{EventFilter{Name: "demo"}, [6]bool{true, true, true, true, true, true}},
		{EventFilter{Name: "gone"}, [6]bool{}},
		{EventFilter{Token: "ci"}, [6]bool{false, false, false, false, false, true}},
		{EventFilter{Token: "ci", Handles: []Handle{{1}}}, [6]bool{true, false, false, false, false, true}},
		{EventFilter{Handles: []Handle{{}}}, [6]bool{}},
		{EventFilter{Functions: []string{"Email::add_pop"}}, [6]bool{true, false, false, false, false, false}},
		{EventFilter{Functions: []string{"Ftp", "DNS"}}, [6]bool{false, true, false, false, false, false}},
		{EventFilter{Functions: []string{"Ema"}}, [6]bool{}},
		{on("mailbox", "info@"), [6]bool{true, false, false, false, false, false}},
		{on("mailbox", "nfo@"), [6]bool{}},
		{on("domain", "example.com"), [6]bool{true, false, false, false, false, false}},
		{on("zone", "example.com"), [6]bool{false, true, false, false, false, false}},
		{on("type", "A"), [6]bool{false, true, false, false, false, false}},
		{on("database", ""), [6]bool{}},
		{outcome("ok"), [6]bool{true, false, false, false, true, true}},
		{outcome("refused"), [6]bool{false, true, true, true, false, false}},
		{outcome("denied"), [6]bool{false, true, false, false, false, false}},
		{outcome("failed"), [6]bool{}},
		{from("192.0.2.0/24"), [6]bool{true, false, false, false, false, false}},
		{from("192.0.3.0/24"), [6]bool{}},
		{EventFilter{Since: at, Until: at.Add(1)}, [6]bool{true, true, true, true, true, true}},
		{EventFilter{Since: at.Add(1)}, [6]bool{}},
		{EventFilter{Until: at}, [6]bool{}},
	} {
		for j, e := range []*Event{&call, &edit, &stranger, &astray, &host, &local} {
			if got := test.filter.Matches(e); got != test.want[j] {
				t.Errorf("row %d, %+v: Matches(%s) = %v", i, test.filter, e.Func, got)
			}
		}
	}
}

func TestParseFilters(t *testing.T) {
	for text, want := range map[string]TrailPosition{"": {}, "1-0": {1, 0}, "123-45": {123, 45}} {
		if p, err := ParseTrailPosition(text); err != nil || p != want || p.String() != text {
			t.Errorf("ParseTrailPosition(%q) = %v, %v", text, p, err)
		}
	}
	for _, text := range []string{"0-0", "1", "-", "1-", "-1", "01-0", "1-00", "+1-0", "1-0 ", "1-99999999999", "99999999999999999999-1", "1-2-3"} {
		if p, err := ParseTrailPosition(text); err == nil {
			t.Errorf("ParseTrailPosition(%q) = %v", text, p)
		}
	}
	for text, want := range map[string]int64{"0": 0, "1767268800": 1767268800, "2026-01-01": 1767225600, "2026-01-01T12:00:00Z": 1767268800, "2026-01-01T12:00:00+01:00": 1767265200} {
		if m, err := ParseMoment(text); err != nil || m.Unix() != want {
			t.Errorf("ParseMoment(%q) = %v, %v", text, m, err)
		}
	}
	for _, text := range []string{"", "-1", "yesterday", "2026-13-01", "9999999999999", "2026-01-01T12:00"} {
		if m, err := ParseMoment(text); err == nil {
			t.Errorf("ParseMoment(%q) = %v", text, m)
		}
	}
	for _, text := range []string{"", "OK", "denied,ok", "kind(3)"} {
		if o, err := ParseOutcome(text); err == nil {
			t.Errorf("ParseOutcome(%q) = %b", text, o)
		}
	}
	for _, text := range []string{"", "=", "mailbox", "=x", "Mailbox=x", "a b=x"} {
		if f, err := ParseResourceFilter(text); err == nil {
			t.Errorf("ParseResourceFilter(%q) = %v", text, f)
		}
	}
	h := Handle{1, 2, 3, 4, 5, 6}
	if got, ok := ParseHandle(h.String()); !ok || got != h {
		t.Errorf("ParseHandle(%q) = %v, %v", h, got, ok)
	}
	for _, text := range []string{"", "AAAAAAAAAA", "ABCDEFGHI", "ABCDEFGHIJK", "ABCDEFGH1!"} {
		if got, ok := ParseHandle(text); ok {
			t.Errorf("ParseHandle(%q) = %v", text, got)
		}
	}
}

// Whatever stands in a filter, it is read or refused, and what was read asks any
// event without harm.
func FuzzEventFilter(f *testing.F) {
	for _, text := range []string{"", "ok", "mailbox=info@example.com", "zone=", "2026-11-23", "1767268800", "12-3", "ABCDEFGHIJ", "Email::add_pop"} {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, one, other string) {
		var q EventFilter
		q.Functions, q.Token = []string{one}, other
		q.Resource, _ = ParseResourceFilter(one)
		q.Outcome, _ = ParseOutcome(other)
		q.Since, _ = ParseMoment(one)
		if h, ok := ParseHandle(other); ok {
			if again, ok := ParseHandle(h.String()); !ok || again != h {
				t.Errorf("ParseHandle(%q) = %v, and again %v", other, h, again)
			}
			q.Handles = []Handle{h}
		}
		if p, err := ParseTrailPosition(one); err == nil && p.String() != one {
			t.Errorf("ParseTrailPosition(%q) = %v", one, p)
		}
		q.Matches(&Event{Func: other, On: []Resource{{Kind: one, Name: other}, {Kind: RecordKind, Zone: one, Name: other}, {Kind: "mailbox", Name: other}}})
	})
}
