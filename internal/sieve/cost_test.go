package sieve

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
)

// TestFoldedHeader: a field of very many lines is read like any other. What it
// costs is what BenchmarkFoldedHeader shows.
func TestFoldedHeader(t *testing.T) {
	if got := Read(strings.NewReader(folded(1000))).Fields("Subject"); len(got) != 1 || got[0] != strings.TrimSpace(strings.Repeat(" a", 1000)) {
		t.Errorf("a field of 1000 lines is read as %.80q", got)
	}
}

func folded(lines int) string { return "Subject:\n" + strings.Repeat(" a\n", lines) + "\n" }

func BenchmarkFoldedHeader(b *testing.B) {
	for _, lines := range []int{10000, 80000} {
		b.Run(fmt.Sprint(lines), func(b *testing.B) {
			for range b.N {
				Read(strings.NewReader(folded(lines)))
			}
		})
	}
}

// TestWork: filters that would keep a processor busy for long end, and the message
// stays in the inbox, whatever they began to do.
func TestWork(t *testing.T) {
	heavy := If{Test: Body{Match: Regex, Value: strings.Repeat("(a|b|c| )*", 30) + "z"}, Then: []Command{Stop{}}}
	s := Script{FileInto{Folder: "Work"}}
	for range 10000 {
		s = append(s, heavy)
	}
	s = append(s, Discard{})
	var told []string
	out, err := s.within(Delivery{
		Message: Read(strings.NewReader("Subject: x\n\n" + strings.Repeat("a b c ", 1000))),
		Trace:   func(line string) { told = append(told, line) },
	}, 1<<22)
	if err != nil || !out.Keep || len(out.Folders) > 0 {
		t.Errorf("what becomes of the message: %+v, %v", out, err)
	}
	if len(told) > 1000 {
		t.Errorf("%d lines were told: it went on", len(told))
	}
}

// TestWorkTogether: runs that share what may be compared do not compare more together.
func TestWorkTogether(t *testing.T) {
	s := Script{If{Test: Header{Names: []string{"Subject"}, Match: Contains, Value: "x"}, Then: []Command{Discard{}}}}
	var work atomic.Int64
	work.Store(10_000)
	dropped := 0
	for range 100 {
		out, err := s.Run(Delivery{Message: Read(strings.NewReader("Subject: x\n\n")), Work: &work})
		if err != nil {
			t.Fatal(err)
		}
		if !out.Keep {
			dropped++
		}
	}
	if dropped == 0 || dropped == 100 {
		t.Errorf("%d of 100 runs compared", dropped)
	}
}

// TestPlaces: a message goes to as many places as it may, and otherwise to the inbox
// alone, whether they are folders, addresses or both.
func TestPlaces(t *testing.T) {
	places := func(folders, addresses int) (s Script) {
		for i := range folders {
			s = append(s, FileInto{Folder: fmt.Sprint("f", i)})
		}
		for i := range addresses {
			s = append(s, Redirect{Address: fmt.Sprintf("a%d@x.example", i)})
		}
		return append(s, s...) // a place counts once
	}
	for _, x := range []struct {
		folders, addresses int
		fits               bool
	}{{MaxPlaces, 0, true}, {MaxPlaces + 1, 0, false}, {0, maxRedirects, true}, {0, maxRedirects + 1, false}, {MaxPlaces - 1, 1, true}, {MaxPlaces - 1, 2, false}} {
		out, err := places(x.folders, x.addresses).Run(Delivery{Message: Read(strings.NewReader("Subject: x\n\n"))})
		want := [3]int{x.folders, x.addresses, 0}
		if !x.fits {
			want = [3]int{0, 0, 1}
		}
		got := [3]int{len(out.Folders), len(out.Redirects), 0}
		if out.Keep {
			got[2] = 1
		}
		if err != nil || got != want {
			t.Errorf("%d folders and %d addresses: %v, %v; want %v", x.folders, x.addresses, got, err, want)
		}
	}
}

// TestEmptyTexts: looking at a field costs something, even if there is nothing in it.
func TestEmptyTexts(t *testing.T) {
	var s Script
	for range 1000 {
		s = append(s, If{Header{[]string{"To"}, Regex, "a.*b"}, []Command{Discard{}}})
	}
	asked := 0
	out, err := s.within(Delivery{
		Message: Read(strings.NewReader(strings.Repeat("To:\n", 10000) + "\n")),
		Trace:   func(string) { asked++ },
	}, 1<<22)
	if err != nil || !out.Keep || asked > 100 {
		t.Errorf("%d questions were asked of 10000 fields: %+v, %v", asked, out, err)
	}
}

// TestAddressesAreReadOnce: what addresses there are in a field is found out once, not
// by each rule that asks.
func TestAddressesAreReadOnce(t *testing.T) {
	m := Read(strings.NewReader("To: Ann <ann@example.com>, bob@example.com\nTo: x\n\n"))
	first, again := m.addresses("To"), m.addresses("to")
	if strings.Join(first, " ") != "ann@example.com bob@example.com x" || &first[0] != &again[0] {
		t.Errorf("the addresses are %q, and once more %q", first, again)
	}
}

// BenchmarkManyRules is one message with long fields for as many filters as there may
// be.
func BenchmarkManyRules(b *testing.B) {
	for name, test := range map[string]struct {
		field string
		test  Test
	}{
		"empty fields": {strings.Repeat("To:\n", 60000), Header{[]string{"To"}, Regex, "a.*b"}},
		"addresses":    {"To: a@b" + strings.Repeat(",a@b", 60000) + "\n", Address{[]string{"To"}, Is, "x@y"}},
	} {
		var s Script
		for range 10000 {
			s = append(s, If{test.test, []Command{Discard{}}})
		}
		b.Run(name, func(b *testing.B) {
			for range b.N {
				if _, err := s.Run(Delivery{Message: Read(strings.NewReader(test.field + "\n"))}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestRegexSize: an expression may repeat, but not so much that it is slow.
func TestRegexSize(t *testing.T) {
	for expr, want := range map[string]bool{"a{100}": true, "^[a-z]{1,64}@example\\.com$": true, strings.Repeat("a{200}", 20): false} {
		if err := CheckRegex(expr); (err == nil) != want {
			t.Errorf("%.40s: %v", expr, err)
		}
	}
}
