package zone

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// What can be read is written as it was; and an edit touches nothing but what it
// names and the serial number.
func FuzzParse(f *testing.F) {
	f.Add(sample)
	f.Add("$TTL 60\n@ SOA ns.x.example. r.x.example. 1 2 3 4 5\r\n@ NS ns.x.example.\r\n")
	f.Add("@ 1h SOA ns.x.example. ( r.x.example. 4294967294 2\n\n;)\n3 4 5 )\n 5 NS ns.x.example.\n*.a 0 HTTPS 1 . alpn=\"h2,h3\"\nb CNAME c")
	f.Fuzz(func(t *testing.T, text string) {
		z, err := Parse("example.com", text)
		if err != nil {
			return
		}
		if got := z.String(); got != text {
			t.Fatalf("%q became %q", text, got)
		}
		next, err := z.Edit(Edit{Add: []New{{Name: "_acme-challenge", TTL: 60, Type: "TXT", Data: []string{text}}}}, today)
		if err != nil {
			return
		}
		sameAsRead(t, next)
		if e := next.At(lastRecord(next)); strings.Join(e.Data(), "") != text || e.TTL() != 60 || e.Name() != "_acme-challenge.example.com." {
			t.Fatalf("%q came back as %q", text, e.Data())
		}
		var was, is []string
		for _, e := range z.All() {
			was = append(was, e.Text())
		}
		for _, e := range next.All() {
			is = append(is, e.Text())
		}
		differ := 0
		for i := range was {
			if was[i] != is[i] {
				differ++
			}
		}
		if differ != 1 || len(is) != len(was)+1 {
			t.Fatalf("%d lines differ, %d entries became %d", differ, len(was), len(is))
		}
		back, err := next.Edit(Edit{Remove: []int{lastRecord(next)}}, today)
		if err != nil {
			return
		}
		if !slices.Equal(records(back), records(z)) {
			t.Fatalf("after adding and removing:\n%q\n%q", records(z), records(back))
		}
	})
}

func lastRecord(z *Zone) (last int) {
	for line, e := range z.All() {
		if e.Kind() == Record {
			last = line
		}
	}
	return last
}

func records(z *Zone) (list []string) {
	for _, e := range z.All() {
		if e.Kind() == Record && e.Type() != "SOA" {
			list = append(list, e.RR().String())
		}
	}
	return list
}

// Whatever is asked for stands in the zone as it was asked for, or is refused.
func FuzzNew(f *testing.F) {
	f.Add("www", "A", "192.0.2.1", "")
	f.Add("a.example.com.", "MX", "10", "mail.example.net")
	f.Add("_25._tcp.mail", "TLSA", "3 1 1", "ab\n$INCLUDE /etc/passwd")
	f.Add("a", "CAA", "0", "issue")
	f.Add("a", "NAPTR", "\\", "\" ; )")
	f.Add("a", "TYPE65000", "\\#", "0")
	z, err := Parse("example.com", sample)
	if err != nil {
		f.Fatal(err)
	}
	before := len(records(z))
	f.Fuzz(func(t *testing.T, name, rtype, one, two string) {
		data := []string{one}
		if two != "" {
			data = append(data, two)
		}
		next, err := z.Edit(Edit{Add: []New{{Name: name, TTL: 60, Type: rtype, Data: data}}}, today)
		if err != nil {
			return
		}
		sameAsRead(t, next)
		if n := len(records(next)); n != before+1 {
			t.Fatalf("%d records became %d", before, n)
		}
		if next.Lines() != z.Lines()+1 {
			t.Fatalf("%d lines became %d", z.Lines(), next.Lines())
		}
		e := next.At(lastRecord(next))
		if !strings.EqualFold(e.Type(), rtype) {
			t.Fatalf("a %s record became %s", rtype, e.Type())
		}
	})
}

// FuzzTemplate: a template that is taken makes zones that can be read again, or says
// why it makes none.
func FuzzTemplate(f *testing.F) {
	f.Add(small)
	f.Add(StandardTemplate.text)
	f.Add(small + "%nameserver2% IN A %ip%\nx%now%y IN TXT \"%rpemail%\"\n$ORIGIN %domain%.\n")
	f.Fuzz(func(t *testing.T, text string) {
		template, err := ParseTemplate(text)
		if err != nil {
			return
		}
		z, err := template.Zone(Values{Domain: "a.example.com", Nameservers: []string{"ns.a.example.com"}, Hostname: "localhost", Now: time.Unix(1_800_000_000, 0), Serial: 7})
		if err != nil {
			return
		}
		if again, err := Parse(z.Name(), z.String()); err != nil || again.String() != z.String() {
			t.Errorf("%q makes\n%s\nwhich is read as %v, %v", text, z, again, err)
		}
	})
}
