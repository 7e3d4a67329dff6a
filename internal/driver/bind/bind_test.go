package bind_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/latchkey/latchkey/internal/driver/bind"
	"github.com/latchkey/latchkey/internal/driver/bind/bindtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/needs"
	"github.com/latchkey/latchkey/internal/zone"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// start runs BIND, which serves nothing yet, and a part that holds it.
func start(t testing.TB) *bind.Part {
	t.Helper()
	b := bindtest.Start(t)
	p, err := bind.New(bind.Options{Dir: filepath.Join(b.Dir, "zones"), Address: b.Address, Rndc: b.Rndc, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// startNSD does the same with NSD.
func startNSD(t testing.TB) *bind.Part {
	t.Helper()
	b := bindtest.StartNSD(t)
	p, err := bind.New(bind.Options{Kind: bind.NSD, Dir: filepath.Join(b.Dir, "zones"), Address: b.Address, Rndc: b.Rndc, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// both runs a test with BIND and with NSD.
func both(t *testing.T, test func(*testing.T, *bind.Part)) {
	t.Run("BIND", func(t *testing.T) { test(t, start(t)) })
	t.Run("NSD", func(t *testing.T) { test(t, startNSD(t)) })
}

func fresh(t testing.TB, name latchkey.Domain) *zone.Zone {
	t.Helper()
	z, err := zone.StandardTemplate.Zone(zone.Values{Domain: name, IP: "192.0.2.1", Hostname: "host.example.net", Nameservers: []string{"ns1.example.net", "ns2.example.net"}, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func adding(t testing.TB, z *zone.Zone, rtype, name string, data ...string) *zone.Zone {
	t.Helper()
	is, err := z.Edit(zone.Edit{Add: []zone.New{{Name: name, TTL: 60, Type: rtype, Data: data}}}, now)
	if err != nil {
		t.Fatal(err)
	}
	return is
}

// answers are what BIND gives for a name now, as texts.
func answers(t testing.TB, p *bind.Part, name string, rtype uint16) (list []string) {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(name, rtype)
	reply, _, err := (&dns.Client{Timeout: 2 * time.Second}).Exchange(m, p.Address())
	if err != nil {
		t.Fatal(err)
	}
	for _, rr := range reply.Answer {
		list = append(list, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	return list
}

// TestPart: BIND answers with a zone, with every edit of it, and no more with one
// that was withdrawn, as soon as the call for it has returned.
func TestPart(t *testing.T) { both(t, testPart) }

func testPart(t *testing.T, p *bind.Part) {
	ctx := t.Context()
	z := fresh(t, "example.com")
	if err := p.Serve(ctx, nil, z); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		is := adding(t, z, "TXT", "_acme-challenge", fmt.Sprint("value", i))
		if err := p.Check(ctx, is); err != nil {
			t.Fatal(err)
		}
		if err := p.Serve(ctx, z, is); err != nil {
			t.Fatal(err)
		}
		if got := answers(t, p, "_acme-challenge.example.com.", dns.TypeTXT); len(got) != i+1 {
			t.Errorf("after edit %d BIND has %v", i, got)
		}
		z = is
	}
	if err := p.Serve(ctx, z, z); err != nil {
		t.Errorf("the same once more: %v", err)
	}
	for range 2 { // the second time there is none
		if err := p.Withdraw(ctx, "example.com"); err != nil {
			t.Fatal(err)
		}
	}
	if got := answers(t, p, "example.com.", dns.TypeSOA); len(got) != 0 {
		t.Errorf("a zone that was withdrawn has %v", got)
	}
	if _, err := os.Stat(p.File("example.com")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its file: %v", err)
	}
	if err := p.Serve(ctx, nil, z); err != nil {
		t.Errorf("put back: %v", err)
	}
}

// TestRefused: what BIND would refuse is refused in its words, and the file is
// what it was.
func TestRefused(t *testing.T) {
	p, ctx := start(t), t.Context()
	z := fresh(t, "example.com")
	if err := p.Serve(ctx, nil, z); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(p.File("example.com"))
	if err != nil {
		t.Fatal(err)
	}
	bad := make([]*zone.Zone, 0, 2)
	for range 200 { // more of a set than BIND takes
		z = adding(t, z, "TXT", "big", fmt.Sprint(len(z.String())))
	}
	bad = append(bad, z)
	for _, z := range bad {
		err := p.Check(ctx, z)
		if latchkey.KindOf(err) != latchkey.Invalid || !strings.Contains(latchkey.AsError(err).Msg, "The name server would not serve the DNS zone so: ") ||
			strings.Contains(err.Error(), "/dev/") {
			t.Errorf("Check: %v", err)
		}
		if err := p.Serve(ctx, nil, z); latchkey.KindOf(err) != latchkey.Invalid {
			t.Errorf("Serve: %v", err)
		}
		if now, _ := os.ReadFile(p.File("example.com")); !bytes.Equal(now, before) {
			t.Error("a zone that is refused was written")
		}
		if err := p.Serve(ctx, nil, fresh(t, "example.net")); err != nil {
			t.Errorf("another zone: %v", err)
		}
	}
}

// TestReason: what named-checkzone says first is what the caller is told.
func TestReason(t *testing.T) {
	for said, want := range map[string]string{
		"dns_rdata_fromtext: /dev/stdin:4: near '1.2.3': bad dotted quad\nzone example.com/IN: loading failed\n": "line 4: near '1.2.3': bad dotted quad",
		"/dev/stdin:4: x_y.example.com: bad owner name (check-names)\n":                                          "line 4: x_y.example.com: bad owner name (check-names)",
		"[2026-11-23 21:14:00.991] nsd-checkzone[20340]: error: <stdin>:6: syntax error\n":                       "line 6: syntax error",
		"[2026-11-23 21:14:00.991] nsd-checkzone[20340]: error: -:4: Invalid address in A\n":                     "line 4: Invalid address in A",
		"\n\xff\n": "?",
		"":         "it does not say why",
	} {
		script := filepath.Join(t.TempDir(), "checkzone")
		if err := os.WriteFile(script, []byte("#!/bin/sh\ncat >/dev/null\nprintf '%s' \""+strings.ReplaceAll(said, "\n", "\n")+"\"\nexit 1\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		p, err := bind.New(bind.Options{Dir: t.TempDir(), Rndc: []string{"true"}, Checkzone: script})
		if err != nil {
			t.Fatal(err)
		}
		err = p.Check(t.Context(), fresh(t, "example.com"))
		if got := "The name server would not serve the DNS zone so: " + want; latchkey.KindOf(err) != latchkey.Invalid || latchkey.AsError(err).Msg != got {
			t.Errorf("%q\n got %v\nwant %s", said, err, got)
		}
	}
}

// TestPromise: what was promised is served, as it is kept when its turn comes.
func TestPromise(t *testing.T) { both(t, testPromise) }

func testPromise(t *testing.T, p *bind.Part) {
	for _, name := range []latchkey.Domain{"a.example", "gone.example", "b.example"} {
		_ = p.Promise(name, func() (*zone.Zone, error) {
			if name == "gone.example" {
				return nil, &latchkey.Error{Kind: latchkey.NotFound}
			}
			return fresh(t, name), nil
		})
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { p.Run(ctx) })
	defer running.Wait()
	defer stop()
	for _, name := range []string{"a.example.", "b.example."} {
		end := time.Now().Add(20 * time.Second)
		for len(answers(t, p, name, dns.TypeSOA)) == 0 {
			if time.Now().After(end) {
				t.Fatalf("%s is not served", name)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// TestFileIsWhole: whoever reads the file while it changes reads one version of
// it.
func TestFileIsWhole(t *testing.T) { both(t, testFileIsWhole) }

func testFileIsWhole(t *testing.T, p *bind.Part) {
	ctx := t.Context()
	z := fresh(t, "example.com")
	if err := p.Serve(ctx, nil, z); err != nil {
		t.Fatal(err)
	}
	done, reads := make(chan struct{}), 0
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			text, err := os.ReadFile(p.File("example.com"))
			if err == nil {
				_, err = zone.Parse("example.com", string(text))
			}
			if err != nil {
				t.Errorf("the file cannot be read: %v", err)
				return
			}
			reads++
		}
	})
	for i := range 20 {
		is := adding(t, z, "TXT", "t", fmt.Sprint(i))
		if err := p.Serve(ctx, z, is); err != nil {
			t.Error(err)
		}
		z = is
	}
	close(done)
	reader.Wait()
	t.Logf("%d reads during 20 edits", reads)
}

// TestNoBIND: where BIND does not listen nothing is said to be served.
func TestNoBIND(t *testing.T) {
	needs.Program(t, "rndc")
	dir := t.TempDir()
	key := filepath.Join(dir, "rndc.key")
	if err := bind.EnsureKey(key); err != nil {
		t.Fatal(err)
	}
	port := needs.Port(t)
	p, err := bind.New(bind.Options{Dir: dir, Address: "127.0.0.1:" + port, Rndc: []string{"rndc", "-s", "127.0.0.1", "-p", port, "-k", key}})
	if err != nil {
		t.Fatal(err)
	}
	if p.Ping(t.Context()) == nil || p.Serve(t.Context(), nil, fresh(t, "example.com")) == nil || p.Withdraw(t.Context(), "example.com") == nil {
		t.Error("there is no BIND, and it is said to have done something")
	}
	if _, err := bind.New(bind.Options{Dir: dir, Rndc: []string{"no-such-rndc"}}); err == nil || !strings.Contains(err.Error(), "no-such-rndc is not installed") {
		t.Errorf("without rndc: %v", err)
	}
}

func TestEnsureKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rndc.key")
	if err := bind.EnsureKey(file); err != nil {
		t.Fatal(err)
	}
	first, _ := os.ReadFile(file)
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the key has the mode %v, %v", st.Mode(), err)
	}
	if err := bind.EnsureKey(file); err != nil {
		t.Fatal(err)
	}
	if again, _ := os.ReadFile(file); !bytes.Equal(first, again) {
		t.Error("a key that was there is another now")
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := bind.EnsureKey(file); err == nil {
		t.Error("a key that others may read is taken")
	}
}

// BenchmarkServe is an edit of one record until BIND answers with it.
func BenchmarkServe(b *testing.B) {
	for _, size := range []int{10, 5000} {
		b.Run(fmt.Sprint(size, " records"), func(b *testing.B) {
			p, ctx := start(b), b.Context()
			e := zone.Edit{}
			for i := range size {
				e.Add = append(e.Add, zone.New{Name: fmt.Sprint("h", i), TTL: 60, Type: "A", Data: []string{"192.0.2.1"}})
			}
			z, err := fresh(b, "example.com").Edit(e, now)
			if err == nil {
				err = p.Serve(ctx, nil, z)
			}
			if err != nil {
				b.Fatal(err)
			}
			for i := 0; b.Loop(); i++ {
				is := adding(b, z, "TXT", "t", fmt.Sprint(i))
				if err := p.Check(ctx, is); err != nil {
					b.Fatal(err)
				}
				if err := p.Serve(ctx, z, is); err != nil {
					b.Fatal(err)
				}
				is, err := is.Edit(zone.Edit{Remove: []int{is.Lines() - 1}}, now)
				if err == nil {
					err = p.Serve(ctx, nil, is)
				}
				if err != nil {
					b.Fatal(err)
				}
				z = is
			}
		})
	}
}

// TestBrokenOff: what BIND was told is told again where the control connection
// broke off, and not for ever.
func TestBrokenOff(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "rndc")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho >>"+dir+"/told\n[ $(wc -l <"+dir+"/told) -ge $FAILS ] && exit 0\necho 'rndc: recv failed: connection reset'\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for fails, works := range map[string]bool{"2": true, "9": false} {
		_ = os.Remove(filepath.Join(dir, "told"))
		p, err := bind.New(bind.Options{Dir: dir, Rndc: []string{"env", "FAILS=" + fails, script}, Checkzone: "true"})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Ping(t.Context()); (err == nil) != works {
			t.Errorf("told %s times: %v", fails, err)
		}
	}
}
