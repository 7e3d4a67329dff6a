package authdns

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/latchkey/latchkey/internal/zone"
)

func parsed(t testing.TB, text string) *zone.Zone {
	t.Helper()
	z, err := zone.Parse("example.com", text)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestPart(t *testing.T) {
	ctx := context.Background()
	p := Part{serve(t, Options{})}
	z := parsed(t, plain)
	if err := p.Promise("example.com", func() (*zone.Zone, error) { return z, nil }); err != nil {
		t.Fatal(err)
	}
	says := func(want string) {
		t.Helper()
		var got string
		for _, rr := range ask(t, p.Server.Address(), "udp", question("_acme-challenge.example.com.", dns.TypeTXT)).Answer {
			got += strings.Join(rr.(*dns.TXT).Txt, "") + " "
		}
		if got != want {
			t.Fatalf("the server says %q, want %q", got, want)
		}
	}
	says("")
	edit := func(e zone.Edit) *zone.Zone {
		t.Helper()
		next, err := z.Edit(e, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return next
	}
	challenge := func(text string) zone.New {
		return zone.New{Name: "_acme-challenge", TTL: 60, Type: "TXT", Data: []string{text}}
	}
	for _, text := range []string{"one", "two"} {
		next := edit(zone.Edit{Add: []zone.New{challenge(text)}})
		for range 2 { // the second time there is nothing left to do
			if err := p.Serve(ctx, z, next); err != nil {
				t.Fatal(err)
			}
		}
		z = next
	}
	says("one two ")
	skipped := edit(zone.Edit{Add: []zone.New{challenge("three")}})
	was := z
	z = skipped
	next := edit(zone.Edit{Add: []zone.New{challenge("four")}})
	if err := p.Serve(ctx, skipped, next); err != nil { // skipped was never served
		t.Fatal(err)
	}
	says("one two three four ")
	if err := p.Serve(ctx, nil, was); err == nil {
		t.Log("an older version is put, as it is in a zone that is made anew")
	}
	says("one two ")
	if err := p.Withdraw(ctx, "example.com"); err != nil {
		t.Fatal(err)
	}
	if err := p.Withdraw(ctx, "example.com"); err != nil {
		t.Error(err)
	}
	if err := p.Serve(ctx, was, next); err != nil {
		t.Fatal(err)
	}
	says("one two three four ")
}

// FuzzTextIsServed wants every text that package zone reads to be served.
func FuzzTextIsServed(f *testing.F) {
	f.Add(plain)
	f.Add(rich)
	for _, more := range []string{"x CNAME y\nx A 192.0.2.1\n", "x CNAME y\nX CNAME z\n", `\120 CNAME y` + "\nx TXT a\n", "x DNAME y\nx DNAME z\n", "@ DNAME a\n", "* CNAME y\n", "x NS y\n"} {
		f.Add(plain + more)
	}
	f.Fuzz(func(t *testing.T, text string) {
		z, err := zone.Parse("example.com", text)
		if err != nil {
			return
		}
		if _, err := fromText(z); err != nil {
			t.Errorf("a zone is read that is not served: %v\n%s", err, text)
		}
	})
}

// BenchmarkServe is an edit of one record, from the text to the new answer.
func BenchmarkServe(b *testing.B) {
	for _, size := range []int{10, 5000, 100_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var text strings.Builder
			text.WriteString(plain)
			for i := range size - 4 {
				fmt.Fprintf(&text, "host%d 300 IN A 192.0.2.%d\n", i, i%250)
			}
			p := Part{serve(b, Options{})}
			z := parsed(b, text.String())
			ctx := context.Background()
			if err := p.Serve(ctx, nil, z); err != nil {
				b.Fatal(err)
			}
			line := z.Lines()
			for i := 0; b.Loop(); i++ {
				e := zone.Edit{Add: []zone.New{{Name: "_acme-challenge", TTL: 60, Type: "TXT", Data: []string{fmt.Sprint(i)}}}}
				if i > 0 {
					e.Remove = []int{line}
				}
				next, err := z.Edit(e, time.Now())
				if err != nil {
					b.Fatal(err)
				}
				if err := p.Serve(ctx, z, next); err != nil {
					b.Fatal(err)
				}
				z = next
			}
		})
	}
}
