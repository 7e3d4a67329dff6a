package grant

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey/latchkey/internal/latchkey"
)

func mustParse(t interface{ Fatalf(string, ...any) }, text string) Set {
	s, err := Parse(text)
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return s
}

func TestNormalForm(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"Email:read", "Email:read"},
		{" Email : read", ""},
		{"Email:READ;\n\n ;Quota:Read", "Email:read; Quota:read"},
		{"Email:read\nEmail:write", "Email:write"},
		{"Email::add_pop; Email:write", "Email:write"},
		{"Email::add_pop; Email:read", "Email::add_pop; Email:read"},
		{"Email:read; *:write", "*:write"},
		{"Email:write( domain = Example.COM. | a.example )", "Email:write(domain=a.example|example.com)"},
		{"DNS:write(type=txt,name=_ACME-challenge*,zone=example.com)", "DNS:write(zone=example.com, name=_acme-challenge*, type=TXT)"},
		{"Email:write(domain=a.example); Email:write(domain=a.example|b.example)", "Email:write(domain=a.example|b.example)"},
		{"Email:write(mailbox=x@a.example); Email:write(domain=a.example)", "Email:write(domain=a.example)"},
		{"Email:write(mailbox=*@a.example); Email:write(domain=a.example)", "Email:write(domain=a.example)"},
		{"Email:write(mailbox=x@a.*); Email:write(domain=a.example)", "Email:write(domain=a.example); Email:write(mailbox=x@a.*)"},
		{"Fileman:write(path=public_html//app/.)", "Fileman:write(path=public_html/app)"},
		{"Fileman:write(path=a/b); Fileman:write(path=a)", "Fileman:write(path=a)"},
		{`Fileman:read(path="a, \"b\" | c\\d")`, `Fileman:read(path="a, \"b\" | c\\d")`},
		{"Mysql:write(database=demo_shop*); Mysql:write(database=demo_shop_old)", "Mysql:write(database=demo_shop*)"},
		{"Email:write(domain=*.a.example); Email:write(domain=b.a.example)", "Email:write(domain=*.a.example)"},
		{"Email:write(domain=a.example); Email:write(domain=*.a.example)", "Email:write(domain=*.a.example); Email:write(domain=a.example)"},
	} {
		s, err := Parse(test.text)
		if test.want == "" {
			if err == nil {
				t.Errorf("Parse(%q) = %s, want an error", test.text, s)
			}
			continue
		}
		if err != nil || s.String() != test.want {
			t.Errorf("Parse(%q) = %s, %v, want %s", test.text, s, err, test.want)
		}
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", "give at least one grant"},
		{"Email", "comes :read, :write or ::FUNCTION"},
		{"Email:add_pop", "one function is written Email::add_pop"},
		{"*::add_pop", "one function has one module"},
		{"Email:read Quota:read", "stand apart by semicolons"},
		{"Email:read(domain=a.example", "closing bracket is missing"},
		{"Email:read(domain)", "comes = and a value"},
		{"Email:read(domain=)", "a value is missing"},
		{"Email:read(domain=*)", "leave the condition out"},
		{"Email:read(domain=a*)", "*.example.com"},
		{"Email:read(colour=red)", "nothing that can be asked"},
		{"Email:read(domain=a.example, domain=b.example)", "domain=one|two"},
		{"DNS:write(name=www.example.com.)", "relative to the zone"},
		{"DNS:write(type=T*)", "a type has no *"},
		{"Mysql:write(database=*shop)", "at the end"},
		{"Fileman:write(path=/etc)", "relative to the home"},
		{"Fileman:write(path=a/../../b)", "upwards"},
		{"Fileman:write(path=~/a)", "relative to the home"},
		{"Fileman:write(path=.)", "leave the condition out"},
		{`Fileman:write(path="a)`, "closing quote"},
		{"Fileman:write(path=\"a\x01b\")", "control characters"},
		{strings.Repeat("Email:read;", 300), "200 grants"},
	} {
		if s, err := Parse(test.text); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Parse(%.60q) = %s, %v, want an error with %q", test.text, s, err, test.want)
		}
	}
}

func record(zone, name, kind string) latchkey.Resource {
	return latchkey.Resource{Kind: latchkey.RecordKind, Zone: zone, Name: name, Type: kind}
}

// Of every pair the first is covered, and the second, which looks much like it,
// is not.
func TestTwins(t *testing.T) {
	named := func(kind, name string) latchkey.Resource { return latchkey.Resource{Kind: kind, Name: name} }
	for _, test := range []struct {
		grants   string
		f        Function
		own, not latchkey.Resource
	}{
		{"Email:write(domain=a.example)", Function{Module: "Email", Name: "add_pop", Write: true}, named("mailbox", "x@a.example"), named("mailbox", "x@ba.example")},
		{"Email:write(domain=a.example)", Function{Module: "Email", Name: "add_pop", Write: true}, named("domain", "A.example."), named("domain", "b.a.example")},
		{"Email:write(domain=*.a.example)", Function{Module: "Email", Name: "add_pop", Write: true}, named("domain", "b.a.example"), named("domain", "a.example")},
		{"Email:write(mailbox=bob@a.example)", Function{Module: "Email", Name: "add_pop", Write: true}, named("mailbox", "bob@a.example"), named("mailbox", "bobby@a.example")},
		{"Mysql:write(database=demo_shop*)", Function{Module: "Mysql", Name: "create_database", Write: true}, named("database", "demo_shop2"), named("database", "demoxshop")},
		{"Mysql:write(database=demo_shop)", Function{Module: "Mysql", Name: "create_database", Write: true}, named("database", "demo_shop"), named("database", "demo_shop2")},
		{"Fileman:write(path=app)", Function{Module: "Fileman", Name: "save", Write: true}, named("path", "app/x/y"), named("path", "apple")},
		{"Fileman:write(path=app)", Function{Module: "Fileman", Name: "save", Write: true}, named("path", "/app"), named("path", "app/../secret")},
		{"DNS:write(zone=a.example, name=_acme-challenge*, type=TXT)", Function{Module: "DNS", Name: "edit", Write: true},
			record("a.example", "_acme-challenge.www", "txt"), record("ba.example", "_acme-challenge", "TXT")},
		{"DNS:write(zone=a.example, name=_acme-challenge*, type=TXT)", Function{Module: "DNS", Name: "edit", Write: true},
			record("a.example", "_ACME-challenge", "TXT"), record("a.example", "_acme-challenge", "CNAME")},
		{"DNS:write(zone=a.example, name=@)", Function{Module: "DNS", Name: "edit", Write: true}, record("a.example", "@", "A"), record("a.example", "www", "A")},
	} {
		s := mustParse(t, test.grants)
		if !s.Covers(test.f, test.own) {
			t.Errorf("%s does not cover %s", s, test.own)
		}
		if s.Covers(test.f, test.not) || s.Covers(test.f, test.own, test.not) {
			t.Errorf("%s covers %s", s, test.not)
		}
		if s.Covers(test.f) {
			t.Errorf("%s covers the account as a whole", s)
		}
		if !s.Touches(test.f) || s.Touches(Function{Module: test.f.Module + "x", Name: test.f.Name, Write: true}) {
			t.Errorf("%s touches the wrong functions", s)
		}
	}
}

// Twenty grants that look alike, and calls that some of them cover.
func drawSet(t *rapid.T, label string) Set {
	where := rapid.SampledFrom([]string{
		"", "(domain=a.example)", "(domain=*.a.example)", "(domain=a.example|b.example)", "(mailbox=x@a.example)", "(mailbox=x@*)",
		"(mailbox=*@a.example)", "(zone=a.example)", "(zone=a.example, name=www)", "(zone=a.example, name=w*, type=A|TXT)", "(name=*w)",
		"(path=a)", "(path=a/b)", "(database=d_*)", "(database=d_x)", "(domain=a.example, mailbox=x@a.example)",
	})
	of := rapid.SampledFrom([]string{"*:read", "*:write", "M:read", "M:write", "M::get", "M::set", "N:write"})
	grants := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return of.Draw(t, "of") + where.Draw(t, "where") }), 1, 5).Draw(t, label)
	return mustParse(t, strings.Join(grants, ";"))
}

var drawFunction = rapid.SampledFrom([]Function{{Module: "M", Name: "get"}, {Module: "M", Name: "set", Write: true}, {Module: "N", Name: "get"}, {Module: "N", Name: "set", Write: true}})

var drawResource = rapid.SampledFrom([]latchkey.Resource{
	{Kind: "domain", Name: "a.example"}, {Kind: "domain", Name: "b.a.example"}, {Kind: "domain", Name: "b.example"},
	{Kind: "mailbox", Name: "x@a.example"}, {Kind: "mailbox", Name: "y@a.example"}, {Kind: "mailbox", Name: "x@b.example"},
	record("a.example", "www", "A"), record("a.example", "w", "TXT"), record("b.example", "www", "A"),
	{Kind: "path", Name: "a"}, {Kind: "path", Name: "a/b/c"}, {Kind: "path", Name: "ab"},
	{Kind: "database", Name: "d_x"}, {Kind: "database", Name: "d_y"}, {Kind: "database", Name: "dxx"},
})

// What lies within a set is covered by it; and the normal form covers what was
// written.
func TestWithinIsSound(t *testing.T) {
	reads := func(_, function string) bool { return function == "get" }
	inside := 0
	rapid.Check(t, func(t *rapid.T) {
		s, o := drawSet(t, "s"), drawSet(t, "o")
		f, rs := drawFunction.Draw(t, "function"), rapid.SliceOfN(drawResource, 0, 2).Draw(t, "resources")
		if s.Within(o, reads) {
			inside++
			if s.Covers(f, rs...) && !o.Covers(f, rs...) {
				t.Fatalf("%s is within %s and covers %v on %v, which that does not", s, o, f, rs)
			}
		}
		if !s.Within(s, nil) || !s.Within(Full(), nil) {
			t.Fatalf("%s is not within itself, or not within everything", s)
		}
	})
	if inside == 0 {
		t.Error("no set was ever within another: the test shows nothing")
	}
}

// The normal form allows exactly what was written.
func TestNormalFormAllowsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawSet(t, "a"), drawSet(t, "b")
		both := mustParse(t, a.String()+";"+b.String())
		f, r := drawFunction.Draw(t, "function"), drawResource.Draw(t, "resource")
		if got, want := both.Covers(f, r), a.Covers(f, r) || b.Covers(f, r); got != want {
			t.Fatalf("%s covers %v on %v: %v, but written apart: %v", both, f, r, got, want)
		}
	})
}

func TestPresets(t *testing.T) {
	values := map[Key][]string{Domain: {"a.example"}, Zone: {"a.example", "b.example"}, Name: {"home"}, Host: {"a.example"}, Path: {`we "b", {name}`}}
	for _, p := range Presets() {
		s, err := p.Grants(values)
		if err != nil {
			t.Errorf("%s: %v", p.ID, err)
			continue
		}
		if again := mustParse(t, s.String()); again.String() != s.String() {
			t.Errorf("%s expands to %s, which is read as %s", p.ID, s, again)
		}
		if len(p.Needs) > 0 {
			if s, err := p.Grants(nil); err == nil {
				t.Errorf("%s without a %s expands to %s", p.ID, p.Needs[0], s)
			}
			for _, f := range []Function{{Module: "Tokens", Name: "create_full_access", Write: true}, {Module: "Email", Name: "list_forwarders"}} {
				if s.Covers(f) {
					t.Errorf("%s covers %v on the whole account", p.ID, f)
				}
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"Email:write(domain=example.com); Quota:read", "DNS:write(zone=a.example, name=_acme-challenge*, type=TXT)", `Fileman:read(path="a\"b")`,
		"*:read\n*:write", "M::f(mailbox=*@x|y@*)", "M:read(path=a\\b)", "M:read(name=@)", "M:read(name=.)",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(s.String())
		if err != nil || again.String() != s.String() {
			t.Fatalf("%q is read as %s, and that as %s, %v", text, s, again, err)
		}
		if !s.Within(again, nil) || !s.Within(Full(), nil) {
			t.Fatalf("%s is not within itself", s)
		}
	})
}

func BenchmarkCovers(b *testing.B) {
	var texts []string
	for _, d := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
		texts = append(texts, "DNS:write(zone="+d+".example, type=TXT)", "Email:write(domain="+d+".example)")
	}
	s := mustParse(b, strings.Join(texts, ";"))
	r := latchkey.Resource{Kind: "mailbox", Name: "x@j.example"}
	f := Function{Module: "Email", Name: "add_pop", Write: true}
	b.ReportAllocs()
	for b.Loop() {
		if !s.Covers(f, r) {
			b.Fatal("not covered")
		}
	}
}
