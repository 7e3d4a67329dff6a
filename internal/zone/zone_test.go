package zone

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey/latchkey/internal/latchkey"
)

var today = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const sample = `; cPanel first:x
; Zone file for example.com
$TTL 14400
example.com. 86400 IN SOA ns1.host.example. root.host.example. ( ; begins
		2026112300	; serial
		1h ; refresh
		1800 1209600
		86400 )
	86400 IN NS ns1.host.example.
example.com.	IN	NS	ns2.host.example.
@ A 192.0.2.1

www 300 IN CNAME @
mail MX 0 example.com.
txt IN 60 TXT "a;b" "c\"d\\e\001" f
$ORIGIN sub.example.com.
deep AAAA 2001:db8::1
$ORIGIN example.com.
last TYPE1 \# 4 c0000201
`

func parse(t *testing.T, text string) *Zone {
	t.Helper()
	z, err := Parse("example.com", text)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// shown is one entry as a test writes it.
func shown(z *Zone, line int, e *Entry) string {
	if e.Kind() != Record {
		return fmt.Sprintf("%d %s %q", line, e.Kind(), e.Text())
	}
	return fmt.Sprintf("%d %s %d %s %q", line, z.ShortName(e), e.TTL(), e.Type(), e.Data())
}

func TestParse(t *testing.T) {
	z := parse(t, sample)
	var got []string
	for line, e := range z.All() {
		got = append(got, shown(z, line, e))
		if z.At(line) != e {
			t.Errorf("At(%d) is another entry", line)
		}
	}
	want := []string{
		`0 comment "; cPanel first:x"`,
		`1 comment "; Zone file for example.com"`,
		`2 control "$TTL 14400"`,
		`3 example.com. 86400 SOA ["ns1.host.example." "root.host.example." "2026112300" "3600" "1800" "1209600" "86400"]`,
		`8 example.com. 86400 NS ["ns1.host.example."]`,
		`9 example.com. 14400 NS ["ns2.host.example."]`,
		`10 example.com. 14400 A ["192.0.2.1"]`,
		`11 comment ""`,
		`12 www 300 CNAME ["example.com."]`,
		`13 mail 14400 MX ["0" "example.com."]`,
		`14 txt 60 TXT ["a;b" "c\"d\\e\x01" "f"]`,
		`15 control "$ORIGIN sub.example.com."`,
		`16 deep.sub 14400 AAAA ["2001:db8::1"]`,
		`17 control "$ORIGIN example.com."`,
		`18 last 14400 A ["192.0.2.1"]`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if z.String() != sample {
		t.Errorf("the text has changed:\n%s", z)
	}
	if z.Serial() != 2026112300 || z.Lines() != 19 {
		t.Errorf("serial %d, lines %d", z.Serial(), z.Lines())
	}
	for _, line := range []int{-1, 4, 7, 19, 1 << 30} {
		if z.At(line) != nil {
			t.Errorf("At(%d) is an entry", line)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const head = "$TTL 60\n@ SOA ns.x.example. r.x.example. 1 2 3 4 5\n@ NS ns.x.example.\n"
	for _, test := range []struct{ text, want string }{
		{"", "no SOA record"},
		{"; nothing\n", "no SOA record"},
		{"$TTL 60\n@ NS ns.x.example.\n", "first record must be the SOA"},
		{"$TTL 60\nwww SOA ns.x.example. r.x.example. 1 2 3 4 5\n", "must have the name of the zone"},
		{"$TTL 60\n@ SOA ns.x.example. r.x.example. 1 2 3 4 5\n", "no NS record"},
		{"@ 5 TYPE6 \\# 5 01 02 03 04 05\n", "seven fields"},
		{head + "@ SOA ns.x.example. r.x.example. 1 2 3 4 5\n", "second SOA"},
		{head + "a A 192.0.2.1 (\n", "not closed"},
		{head + "a A 192.0.2.1 )\n", "not opened"},
		{head + "(a A 192.0.2.1)\n", "cannot begin"},
		{head + "a TXT \"x\ny\"\n", "not closed on its line"},
		{head + "a TXT \"x\"\"y\"\n", "must be a blank"},
		{head + "a TXT x\"y\"\n", "must be a blank"},
		{head + "a TXT \"\x00\"\n", "control character"},
		{head + "; \x1b[0m\n", "control character"},
		{head + "a TXT \\\n", "nothing follows a backslash"},
		{head + "a TXT \\256\n", "must be \\000 to \\255"},
		{head + "a A 192.0.2.256\n", "not the data of an A record"},
		{head + "a A 192.0.2.1 192.0.2.2\n", "not the data of an A record"},
		{head + "a A\n", "not the data of an A record"},
		{head + "a FOO bar\n", "“FOO” is not a type"},
		{head + "a AXFR bar\n", "“AXFR” is not a type"},
		{head + "a CH A 192.0.2.1\n", "“CH” is not a type"},
		{head + "a\n", "no type"},
		{head + "a.example.net. A 192.0.2.1\n", "outside the zone"},
		{head + "$ORIGIN net.\n", "outside the zone"},
		{head + "$INCLUDE /etc/passwd\n", "only $TTL and $ORIGIN"},
		{head + "$GENERATE 1-10 a$ A 192.0.2.$\n", "only $TTL and $ORIGIN"},
		{head + "$TTL 5 6\n", "one value"},
		{head + "$TTL -1\n", "a TTL must be"},
		{head + "a 99999999999 A 192.0.2.1\n", "not a type"},
		{head + "a..b A 192.0.2.1\n", "not a name"},
		{head + "_x A 192.0.2.1\n", "not the name of a host"},
		{head + "a MX 5 _x\n", "not the name of a host"},
		{head + "a CNAME b\na A 192.0.2.1\n", "beside others"},
		{head + "a CNAME b\nA CNAME c\n", "two CNAME"},
		{head + "a DNAME b\nA DNAME c\n", "two DNAME"},
		{head + "a CNAME b\n\\065 TXT x\n", "beside others"},
		{head + "@ NS ns.example.com.\n", "would have no A or AAAA"},
		{"@ SOA ns.x.example. r.x.example. 1 2 3 4 5\n" + strings.Repeat(";\n", MaxLines), "too large"},
	} {
		z, err := Parse("example.com", test.text)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.120q: %v, want %q", test.text, err, test.want)
		}
		if z != nil {
			t.Errorf("%.120q: a zone and an error", test.text)
		}
		if k := latchkey.KindOf(err); k != latchkey.Invalid && k != latchkey.Limit {
			t.Errorf("%.120q: kind %v", test.text, k)
		}
	}
}

func TestEdit(t *testing.T) {
	z := parse(t, sample)
	next, err := z.Edit(Edit{
		Add: []New{
			{Name: "_acme-challenge.example.com.", TTL: 0, Type: "TXT", Data: []string{"one", strings.Repeat("x", 300)}},
			{Name: "example.com.", TTL: 5, Type: "caa", Data: []string{"0", "issue", "ca.example; a=b"}},
		},
		Replace: map[int]New{10: {Name: "example.com.", TTL: 300, Type: "A", Data: []string{"192.0.2.7"}}, 13: {Name: "mail", TTL: 9, Type: "MX", Data: []string{"10", "mx.example.net"}}},
		Remove:  []int{12, 16},
	}, today)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(
		"2026112300", "2026112301", "@ A 192.0.2.1\n", "example.com.\t300\tIN\tA\t192.0.2.7\n", "www 300 IN CNAME @\n", "",
		"mail MX 0 example.com.\n", "mail\t9\tIN\tMX\t10 mx.example.net.\n", "deep AAAA 2001:db8::1\n", "",
	).Replace(sample) + "_acme-challenge\t0\tIN\tTXT\t\"one\" \"" + strings.Repeat("x", 255) + "\" \"" + strings.Repeat("x", 45) + "\"\n" +
		"example.com.\t5\tIN\tCAA\t0 issue \"ca.example; a=b\"\n"
	if diff := cmp.Diff(want, next.String()); diff != "" {
		t.Error(diff)
	}
	if next.Serial() != 2026112301 || z.String() != sample {
		t.Errorf("serial %d, and the old version: %v", next.Serial(), z.String() == sample)
	}
}

// A record that takes up several lines does so after it was edited, and the
// lines after it keep their numbers.
func TestEditKeepsLines(t *testing.T) {
	z := parse(t, sample)
	next, err := z.Edit(Edit{Replace: map[int]New{3: {Name: "example.com.", TTL: 7, Type: "SOA", Data: []string{"ns.x.example", "r.x.example.", "1", "2", "3", "4", "5"}}}}, today)
	if err != nil {
		t.Fatal(err)
	}
	if next.Lines() != z.Lines() || next.At(18) == nil {
		t.Errorf("lines: %d, were %d\n%s", next.Lines(), z.Lines(), next)
	}
	if got := shown(next, 3, next.At(3)); got != `3 example.com. 7 SOA ["ns.x.example." "r.x.example." "2026112301" "2" "3" "4" "5"]` {
		t.Error(got)
	}
}

func TestEditRefuses(t *testing.T) {
	z := parse(t, sample+"own A 192.0.2.9\n\tTXT taken\n")
	add := func(name, rtype string, data ...string) Edit {
		return Edit{Add: []New{{Name: name, TTL: 60, Type: rtype, Data: data}}}
	}
	for _, test := range []struct {
		edit Edit
		want string
	}{
		{Edit{}, "at least one change"},
		{add("@", "A", "192.0.2.1"), "write “example.com.”"},
		{add("", "A", "192.0.2.1"), "write “example.com.”"},
		{add("www.example.com", "A", "192.0.2.1"), "put a dot at its end"},
		{add("example.com", "A", "192.0.2.1"), "put a dot at its end"},
		{add("example.net.", "A", "192.0.2.1"), "outside the zone"},
		{add("notexample.com.", "A", "192.0.2.1"), "outside the zone"},
		{add("a b", "A", "192.0.2.1"), "is not a name"},
		{add("a\nb", "A", "192.0.2.1"), "is not a name"},
		{add("$INCLUDE", "TXT", "x"), "is not a name"},
		{add("a;b", "TXT", "x"), "is not a name"},
		{add("a.*", "TXT", "x"), "is not a name"},
		{add(strings.Repeat("a", 64), "TXT", "x"), "is not a name"},
		{add(strings.Repeat("a.", 130), "TXT", "x"), "is not a name"},
		{add("a", "ANY", "x"), "not a type"},
		{add("a", "NOPE", "x"), "not a type"},
		{add("a", "SOA", "x"), "second cannot be added"},
		{add("a", "A"), "there are none"},
		{add("a", "A", "192.0.2.1", "192.0.2.2"), "one IPv4 address"},
		{add("a", "A", "2001:db8::1"), "one IPv4 address"},
		{add("a", "A", "192.0.2.1\n@ A 1.2.3.4"), "one IPv4 address"},
		{add("a", "AAAA", "192.0.2.1"), "one IPv6 address"},
		{add("a", "AAAA", "fe80::1%eth0"), "one IPv6 address"},
		{add("a", "MX", "x", "mail.example.com."), "not a number"},
		{add("a", "MX", "1"), "must be 2"},
		{add("a", "CNAME", "b c"), "not a name"},
		{add("a", "CNAME", "b\tTXT"), "not a name"},
		{add("_a", "A", "192.0.2.1"), "not the name of a host"},
		{add("txt", "CNAME", "b.example."), "beside others"},
		{add("www", "A", "192.0.2.1"), "beside others"},
		{add("a", "TLSA", "3 1 1 ab"), "not the data"},
		{add("a", "TLSA", "3", "1", "1", "ab\n$INCLUDE x"), "not the data"},
		{Edit{Remove: []int{3}}, "cannot be removed"},
		{Edit{Remove: []int{0}}, "No record"},
		{Edit{Remove: []int{5}}, "No record"},
		{Edit{Remove: []int{99}}, "No record"},
		{Edit{Remove: []int{12, 12}}, "named twice"},
		{Edit{Remove: []int{12}, Replace: map[int]New{12: {Name: "a", Type: "TXT", Data: []string{"x"}}}}, "named twice"},
		{Edit{Replace: map[int]New{3: {Name: "a", Type: "TXT", Data: []string{"x"}}}}, "one SOA record"},
		{Edit{Remove: []int{8, 9}}, "no NS record"},
		{Edit{Remove: []int{19}}, "takes its name or TTL"},
		{add("example.com.", "NS", "ns.example.com."), "no A or AAAA"},
	} {
		next, err := z.Edit(test.edit, today)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v, want %q", test.edit, err, test.want)
		}
		if next != nil && err != nil {
			t.Errorf("%v: a zone and an error", test.edit)
		}
	}
}

func TestNext(t *testing.T) {
	for _, test := range []struct{ old, want uint32 }{
		{0, 2026112300}, {2026112200, 2026112300}, {2026112299, 2026112300}, {2026112300, 2026112301}, {2026112399, 2026112400}, {4294967294, 4294967295},
	} {
		if got, err := Next(test.old, today); got != test.want || err != nil {
			t.Errorf("Next(%d) = %d, %v, want %d", test.old, got, err, test.want)
		}
	}
	if _, err := Next(4294967295, today); err == nil {
		t.Error("a serial number went back")
	}
	if got, err := Next(7, time.Date(5000, 1, 1, 0, 0, 0, 0, time.UTC)); got != 8 || err != nil {
		t.Errorf("in the year 5000: %d, %v", got, err)
	}
}

func TestTemplate(t *testing.T) {
	v := Values{Domain: "example.com", IP: "192.0.2.1", Hostname: "host.example", Nameservers: []string{"ns1.example.com", "ns2.host.example"}, Now: today}
	z, err := StandardTemplate.Zone(v)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line, e := range z.All() {
		got = append(got, shown(z, line, e))
	}
	want := []string{
		`0 comment "; cPanel first:latchkey (update_time):1795435200 hostname:host.example latest:latchkey"`,
		`1 comment "; Zone file for example.com"`,
		`2 control "$TTL 14400"`,
		`3 example.com. 86400 SOA ["ns1.example.com." "root.host.example." "2026112300" "3600" "1800" "1209600" "86400"]`,
		`10 example.com. 86400 NS ["ns1.example.com."]`,
		`11 example.com. 86400 NS ["ns2.host.example."]`,
		`12 example.com. 14400 A ["192.0.2.1"]`,
		`13 example.com. 14400 MX ["0" "example.com."]`,
		`14 mail 14400 CNAME ["example.com."]`,
		`15 www 14400 CNAME ["example.com."]`,
		`16 ftp 14400 A ["192.0.2.1"]`,
		`17 cpanel 14400 A ["192.0.2.1"]`,
		`18 webdisk 14400 A ["192.0.2.1"]`,
		`19 whm 14400 A ["192.0.2.1"]`,
		`20 webmail 14400 A ["192.0.2.1"]`,
		`21 cpcalendars 14400 A ["192.0.2.1"]`,
		`22 cpcontacts 14400 A ["192.0.2.1"]`,
		`23 example.com. 14400 TXT ["v=spf1 ip4:192.0.2.1 +a +mx ~all"]`,
		`24 ns1 14400 A ["192.0.2.1"]`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	own, err := ParseTemplate("$TTL 60\n%domain%. IN SOA %nameserver%. %rpemail%. %serial% 1 2 3 4\n%domain%. NS %nameserver%.\n")
	if err != nil {
		t.Fatal(err)
	}
	v.Contact, v.Serial = "dns@example.net", 4_000_000_000
	z, err = own.Zone(v)
	if err != nil || !strings.HasPrefix(z.String(), "; cPanel first") || z.Serial() != 4_000_000_001 || !strings.Contains(z.String(), " dns.example.net. ") {
		t.Errorf("own template: %v\n%s", err, z)
	}
	for _, text := range []string{"", "%domain%. IN SOA %what%", "$TTL 60\n%domain%. A %ip%\n"} {
		if _, err := ParseTemplate(text); err == nil {
			t.Errorf("template %q was taken", text)
		}
	}
}

func TestHostName(t *testing.T) {
	for name, want := range map[string]string{
		"Host.Example.": "host.example", "a1b2c3": "a1b2c3", "project_web_1": "localhost", "": "localhost", "-x": "localhost", "a b": "localhost",
		strings.Repeat("a", 64): "localhost", strings.Repeat("a.", 120) + "b": "localhost",
	} {
		if got := HostName(name); got != want {
			t.Errorf("HostName(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestDiff(t *testing.T) {
	z := parse(t, sample)
	next, err := z.Edit(Edit{Add: []New{{Name: "new", TTL: 5, Type: "TXT", Data: []string{"x"}}}, Remove: []int{12}}, today)
	if err != nil {
		t.Fatal(err)
	}
	names := func(list []*Entry) (names []string) {
		for _, e := range list {
			names = append(names, z.ShortName(e)+" "+e.Type())
		}
		slices.Sort(names)
		return names
	}
	gone, come := Diff(z, next)
	if got := names(gone); !slices.Equal(got, []string{"example.com. SOA", "www CNAME"}) {
		t.Errorf("gone: %q", got)
	}
	if got := names(come); !slices.Equal(got, []string{"example.com. SOA", "new TXT"}) {
		t.Errorf("come: %q", got)
	}
	if gone, come := Diff(nil, z); len(gone) != 0 || len(come) != 9 {
		t.Errorf("from nothing: %d gone, %d come", len(gone), len(come))
	}
	if gone, come := Diff(z, z); len(gone) != 0 || len(come) != 0 {
		t.Errorf("of the same: %d gone, %d come", len(gone), len(come))
	}
}

// TestSubstitution: the expressions of NAPTR records that name servers take, and
// those that they refuse.
func TestSubstitution(t *testing.T) {
	for text, good := range map[string]bool{
		"": true, "!^.*$!sip:info@example.com!": true, "!^(.*)$!sip:\\1@example.com!i": true, "|a|b|": true, "!a\\!b!c!": true,
		"!": false, "!a!b": false, "!a!b!x": false, "1a1b1": false, "iaibi": false, "!(!b!": false, "!!b!": false, "!a!\\1!": false, "!(a)!\\2!": false, "r": false, "!a!\\0!": false,
	} {
		if err := substitution(text); (err == nil) != good {
			t.Errorf("substitution(%q) = %v", text, err)
		}
	}
}
