package grant

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// used is a use as the rows below write it: M::f for a function that reads,
// M::f! for one that writes, and a thing; + before it if it was listed.
func used(text string) latchkey.Observed {
	f, on, _ := strings.Cut(text, " ")
	module, name, _ := strings.Cut(f, "::")
	name, write := strings.CutSuffix(name, "!")
	on, listed := strings.CutPrefix(on, "+")
	u := latchkey.Observed{Called: Function{Module: module, Name: name, Write: write}, Listed: listed, Count: 1}
	kind, value, _ := strings.Cut(on, "=")
	u.On = latchkey.Resource{Kind: kind, Name: value}
	if kind == latchkey.RecordKind {
		parts := strings.Split(value, "/")
		u.On = record(parts[0], parts[1], parts[2])
	}
	return u
}

func TestSuggest(t *testing.T) {
	for _, test := range []struct {
		name, uses, has, want string
	}{
		{"a certificate client", "DNS::parse_zone +zone=a.example; DNS::mass_edit_zone! record=a.example/_acme-challenge/TXT", "",
			"DNS::mass_edit_zone(zone=a.example, name=_acme-challenge, type=TXT); DNS::parse_zone(zone=a.example, name=_acme-challenge, type=TXT)"},
		{"several names", "DNS::e! record=a.example/_acme-challenge/TXT; DNS::e! record=a.example/_acme-challenge.www/TXT; DNS::e! record=a.example/x/A", "",
			"DNS::e(zone=a.example, name=_acme-challenge*, type=TXT); DNS::e(zone=a.example, name=x, type=A)"},
		{"in two zones", "DNS::e! record=a.example/_acme-challenge/TXT; DNS::e! record=b.example/_acme-challenge/TXT", "",
			"DNS::e(zone=a.example|b.example, name=_acme-challenge, type=TXT)"},
		{"a zone that is only read", "DNS::parse_zone +zone=a.example; DNS::e! record=b.example/x/A", "",
			"DNS::e(zone=b.example, name=x, type=A); DNS::parse_zone(zone=a.example)"},
		{"two mailboxes", "Email::add_pop! mailbox=x@a.example; Email::add_pop! mailbox=y@a.example", "", "Email::add_pop(mailbox=x@a.example|y@a.example)"},
		{"three mailboxes", "Email::add_pop! mailbox=x@a.example; Email::del! mailbox=y@a.example; Email::add_pop! mailbox=z@a.example", "",
			"Email::add_pop(domain=a.example); Email::del(domain=a.example)"},
		{"a list of mailboxes", "Email::list_pops +domain=a.example; Email::list_pops +domain=b.example", "", "Email::list_pops(domain=a.example|b.example)"},
		{"an empty list", "Email::list_pops nothing; Email::add_pop! mailbox=x@a.example", "", "Email::add_pop(mailbox=x@a.example); Email::list_pops(mailbox=x@a.example)"},
		{"nothing but an empty list", "Email::list_pops nothing", "", "Email::list_pops"},
		{"many that read", "Q::a; Q::b; Q::c; Q::d!", "", "Q::d; Q:read"},
		{"two that read", "Q::a; Q::b", "", "Q::a; Q::b"},
		{"many that read one domain", "Q::a domain=a.example; Q::b domain=a.example; Q::c domain=a.example; Q::c domain=b.example", "",
			"Q::c(domain=a.example|b.example); Q::a(domain=a.example); Q::b(domain=a.example)"},
		{"one that looked among many", "SSL::i! +domain=a.example; SSL::i! +domain=b.example; SSL::i! host=a.example", "", "SSL::i(domain=a.example); SSL::i(host=a.example)"},
		{"files", "F::save! path=app/a; F::save! path=app/b; F::save! path=app/c; F::save! path=etc/x", "", "F::save(path=app|etc/x)"},
		{"what no condition can say", "T::x! token=ci", "", "T::x"},
		{"a name for any", "DNS::e! record=a.example/*/A", "", "DNS::e(zone=a.example, type=A)"},
		{"less than it has", "Email::list_pops +domain=a.example", "Email:read(mailbox=x@a.example)", "Email::list_pops(mailbox=x@a.example)"},
		{"not more functions than it has", "Q::a; Q::b; Q::c", "Q::a; Q::b; Q::c", "Q::a; Q::b; Q::c"},
		{"all that may be read", "Q::a; Q::b; Q::c", "*:read", "Q:read"},
		{"nothing", "", "", ""},
	} {
		var uses []latchkey.Observed
		for text := range strings.SplitSeq(test.uses, "; ") {
			if text != "" {
				uses = append(uses, used(text))
			}
		}
		has := Full()
		if test.has != "" {
			has = mustParse(t, test.has)
		}
		list, err := Suggest(uses, has)
		got := strings.Split(SetOf(list).String(), "; ")
		want := strings.Split(test.want, "; ")
		slices.Sort(got)
		slices.Sort(want)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %s, %v\nwant %s", test.name, strings.Join(got, "; "), err, test.want)
		}
		for _, s := range list {
			if len(s.For) == 0 {
				t.Errorf("%s: %s is for nothing", test.name, s.Grant)
			}
		}
	}
}

// drawUses are uses of functions that a has allows.
func drawUses(t *rapid.T, has Set) []latchkey.Observed {
	one := rapid.Custom(func(t *rapid.T) latchkey.Observed {
		i := rapid.IntRange(0, 5).Draw(t, "function")
		u := latchkey.Observed{Called: Function{Module: []string{"M", "N"}[i%2], Name: fmt.Sprint("f", i), Write: i > 3}, Count: 1}
		zone := rapid.SampledFrom([]string{"a.example", "b.example"})
		name := rapid.StringMatching(`[a-c]{1,2}`)
		switch rapid.IntRange(0, 8).Draw(t, "kind") {
		case 0:
			u.On.Kind = latchkey.NothingKind
		case 1:
			u.On = latchkey.Resource{Kind: "domain", Name: zone.Draw(t, "domain")}
			u.Listed = rapid.Bool().Draw(t, "listed")
		case 2:
			u.On, u.Listed = latchkey.Resource{Kind: "zone", Name: zone.Draw(t, "zone")}, !u.Write
		case 3:
			u.On = latchkey.Resource{Kind: "mailbox", Name: name.Draw(t, "local") + "@" + zone.Draw(t, "domain")}
		case 4:
			u.On = latchkey.Resource{Kind: "path", Name: name.Draw(t, "folder") + "/" + name.Draw(t, "file")}
		case 5:
			u.On = latchkey.Resource{Kind: "database", Name: "demo_" + name.Draw(t, "database")}
		case 6: // the account as a whole
		default:
			owner := rapid.SampledFrom([]string{"@", "_acme-challenge", "_acme-challenge.www", "_acme-challenge.b.c", "www", "_acme-challengex"})
			u.On = record(zone.Draw(t, "zone"), owner.Draw(t, "name"), rapid.SampledFrom([]string{"A", "TXT"}).Draw(t, "type"))
		}
		return u
	})
	list := rapid.SliceOfN(one, 1, 40).Draw(t, "uses")
	return slices.DeleteFunc(list, func(u latchkey.Observed) bool { return !replays(has, &u) })
}

// replays reports whether who has s can use again what was used.
func replays(s Set, u *latchkey.Observed) bool {
	switch {
	case u.On.Kind == latchkey.NothingKind:
		return s.Touches(u.Called)
	case u.On.Kind == "":
		return s.Covers(u.Called)
	case u.Listed && u.On.Kind == "zone":
		return s.Covers(u.Called, latchkey.Resource{Kind: latchkey.RecordKind, Zone: u.On.Name, Some: true})
	case u.Listed && u.Write:
		return s.Touches(u.Called) // what it looked for has its own use
	}
	return s.Covers(u.Called, u.On)
}

// Whatever was used can be used again with what is suggested for it, and that is
// no more than the token had.
func TestSuggestedCoversTheUse(t *testing.T) {
	sets := []string{"*:write", "*:read", "M:write; N:read(domain=a.example)", "*:write(zone=a.example); M::f0; M::f4(path=a)", "*:write(domain=a.example|b.example)"}
	rapid.Check(t, func(t *rapid.T) {
		has := mustParse(t, rapid.SampledFrom(sets).Draw(t, "has"))
		uses := drawUses(t, has)
		list, err := Suggest(uses, has)
		if err != nil {
			t.Fatal(err)
		}
		got := SetOf(list)
		for i := range uses {
			if !replays(got, &uses[i]) {
				t.Fatalf("%v on %s (listed %v) is not within %s", uses[i].Called, uses[i].On, uses[i].Listed, got)
			}
		}
		if !got.Within(has, readers(uses)) {
			t.Fatalf("%s is more than %s", got, has)
		}
		if len(got) > 0 {
			if again := mustParse(t, got.String()); again.String() != got.String() {
				t.Fatalf("%s is read as %s", got, again)
			}
		}
	})
}

// beside are things that no use ever touches.
var beside = []latchkey.Resource{
	{Kind: "domain", Name: "beside.example"}, {Kind: "domain", Name: "x.a.example"}, {Kind: "zone", Name: "beside.example"}, {Kind: "mailbox", Name: "a@beside.example"},
	{Kind: "path", Name: "beside/a"}, {Kind: "database", Name: "demo_beside"}, {Kind: "database", Name: "demo_"},
	record("beside.example", "_acme-challenge", "TXT"), record("a.example", "beside", "A"), record("a.example", "www", "MX"), record("b.example", "x_acme-challenge", "TXT"),
}

// What was never used stays refused, if no function of its module was called on
// the account as a whole.
func TestSuggestedCoversNothingBeside(t *testing.T) {
	asked := 0
	rapid.Check(t, func(t *rapid.T) {
		uses := drawUses(t, Full())
		uses = slices.DeleteFunc(uses, func(u latchkey.Observed) bool {
			return u.On.Kind == "" || u.On.Kind == latchkey.NothingKind || u.On.Kind == "zone"
		})
		list, err := Suggest(uses, Full())
		if err != nil {
			t.Fatal(err)
		}
		got := SetOf(list)
		for i := range uses {
			for _, r := range beside {
				if asked++; got.Covers(uses[i].Called, r) {
					t.Fatalf("%s covers %v on %s, which was never used", got, uses[i].Called, r)
				}
			}
			if other := (Function{Module: uses[i].Module, Name: "beside", Write: true}); got.Touches(other) {
				t.Fatalf("%s covers %v, which was never called", got, other)
			}
		}
	})
	if asked == 0 {
		t.Error("nothing was asked")
	}
}

// However much was used, what is suggested fits into a token, or there is an
// error that says so.
func TestSuggestedFits(t *testing.T) {
	var uses []latchkey.Observed
	for i := range 3000 {
		uses = append(uses,
			used(fmt.Sprintf("DNS::e! record=z%d.example/n%d/%s", i%400, i, []string{"A", "AAAA", "TXT", "MX"}[i%4])),
			used(fmt.Sprintf("Email::add! mailbox=x%d@d%d.example", i, i%700)))
	}
	list, err := Suggest(uses, Full())
	if err != nil {
		t.Fatal(err)
	}
	if got := SetOf(list); got.String() != mustParse(t, got.String()).String() || !replays(got, &uses[7]) {
		t.Errorf("%.300s", got)
	}
}

// BenchmarkSuggest is for a token that was used for as many things as are kept.
func BenchmarkSuggest(b *testing.B) {
	for _, kind := range []string{"mailbox", "path"} {
		var uses []latchkey.Observed
		for i := range 2000 {
			name := map[string]string{"mailbox": fmt.Sprintf("a@d%d.example", i), "path": fmt.Sprintf("d%d/a", i)}[kind]
			uses = append(uses, latchkey.Observed{Called: latchkey.Called{Module: "Email", Name: fmt.Sprint("f", i%20), Write: true}, On: latchkey.Resource{Kind: kind, Name: name}})
		}
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				if _, err := Suggest(uses, Full()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
