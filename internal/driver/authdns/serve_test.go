package authdns

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// records reads the records of a zone's text.
func records(t testing.TB, origin, text string) []dns.RR {
	t.Helper()
	var list []dns.RR
	p := dns.NewZoneParser(strings.NewReader(text), origin, "")
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		list = append(list, rr)
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

func zoneOf(t testing.TB, origin, text string) *Zone {
	t.Helper()
	z, err := NewZone(origin, records(t, origin, text))
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// serve runs a server until the test ends.
func serve(t testing.TB, o Options, zones ...*Zone) *Server {
	t.Helper()
	return serving(t, New(o), "127.0.0.1:0", zones...)
}

// serving runs s at an address.
func serving(t testing.TB, s *Server, address string, zones ...*Zone) *Server {
	t.Helper()
	if err := s.Listen(address); err != nil {
		t.Fatal(err)
	}
	for _, z := range zones {
		s.Put(z)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run ended with %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("Run did not end")
		}
	})
	return s
}

// ask asks a server at address.
func ask(t testing.TB, address, network string, m *dns.Msg) *dns.Msg {
	t.Helper()
	c := &dns.Client{Net: network, Timeout: 5 * time.Second, UDPSize: dns.MaxMsgSize}
	reply, _, err := c.Exchange(m, address)
	if err != nil {
		t.Fatalf("asking %s over %s for %v: %v", address, network, m.Question, err)
	}
	return reply
}

func question(name string, kind uint16) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(name, kind)
	m.RecursionDesired = false
	return m
}

const plain = `$TTL 300
@ IN SOA ns1 host 2026112301 3600 900 1209600 60
@ NS ns1
ns1 A 192.0.2.53
www A 192.0.2.1
`

func TestChangesAreSeenAtOnce(t *testing.T) {
	s := serve(t, Options{}, zoneOf(t, "example.com.", plain))
	www := records(t, "example.com.", "www 300 IN A 192.0.2.1\n")
	for i := range 50 {
		next := records(t, "example.com.", "www 300 IN A 192.0.2."+string(rune('2'+i%8))+"\n")
		if err := s.Update("EXAMPLE.com", www, next); err != nil {
			t.Fatal(err)
		}
		for _, network := range []string{"udp", "tcp"} {
			reply := ask(t, s.Address(), network, question("WwW.example.COM.", dns.TypeA))
			if len(reply.Answer) != 1 || reply.Answer[0].(*dns.A).A.String() != next[0].(*dns.A).A.String() || !reply.Authoritative {
				t.Fatalf("after change %d over %s: %v", i, network, reply)
			}
		}
		www = next
	}
	if err := s.Update("example.com.", records(t, "example.com.", "www 300 IN A 192.0.2.99\n"), nil); err != ErrStale {
		t.Errorf("taking away what is not there: %v, want %v", err, ErrStale)
	}
	s.Remove("example.com.")
	if reply := ask(t, s.Address(), "udp", question("www.example.com.", dns.TypeA)); reply.Rcode != dns.RcodeRefused {
		t.Errorf("after its removal a zone answers %v", reply)
	}
	if err := s.Update("example.com.", nil, nil); err != ErrNoZone {
		t.Errorf("changing a zone that is gone: %v, want %v", err, ErrNoZone)
	}
}

func TestConfirm(t *testing.T) {
	s := serve(t, Options{}, zoneOf(t, "example.com.", plain))
	ctx := context.Background()
	if err := s.Confirm(ctx, "example.com.", 2026112301); err != nil {
		t.Error(err)
	}
	if err := s.Confirm(ctx, "example.com.", 2026112302); err == nil || !strings.Contains(err.Error(), "2026112301") {
		t.Errorf("a serial that is not served is confirmed: %v", err)
	}
	if err := s.Confirm(ctx, "example.net.", 1); err == nil {
		t.Error("a zone that is not there is confirmed")
	}
	silent := New(Options{})
	silent.Put(zoneOf(t, "example.com.", plain))
	if err := silent.Confirm(ctx, "example.com.", 2026112301); err != nil {
		t.Error(err)
	}
}

func TestPromise(t *testing.T) {
	s := serve(t, Options{})
	loads := 0
	load := func() (*Zone, error) { loads++; return zoneOf(t, "example.com.", plain), nil }
	if err := s.Promise("example.com", load); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if reply := ask(t, s.Address(), "udp", question("www.example.com.", dns.TypeA)); len(reply.Answer) != 1 {
			t.Fatalf("a promised zone answers %v", reply)
		}
	}
	if loads != 1 {
		t.Errorf("the zone was loaded %d times", loads)
	}
	broken := func() (*Zone, error) { loads++; return nil, net.ErrClosed }
	if err := s.Promise("broken.example.", broken); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if reply := ask(t, s.Address(), "udp", question("broken.example.", dns.TypeA)); reply.Rcode != dns.RcodeServerFailure {
			t.Fatalf("a zone that cannot be loaded answers %v", reply)
		}
	}
	if loads > 3 {
		t.Errorf("a zone that cannot be loaded was tried %d times in a row", loads-1)
	}
	s.Put(zoneOf(t, "broken.example.", plain))
	if reply := ask(t, s.Address(), "udp", question("www.broken.example.", dns.TypeA)); len(reply.Answer) != 1 {
		t.Errorf("a zone that was put in place of a promise answers %v", reply)
	}
	if err := s.Promise("..", load); err == nil {
		t.Error("a zone without a name is promised")
	}
}

func TestZoneSaysNo(t *testing.T) {
	for _, test := range []struct{ why, text string }{
		{"no SOA", "@ 300 IN NS ns1\n"},
		{"two SOAs", plain + "@ IN SOA ns2 host 1 3600 900 1209600 60\n"},
		{"SOA below", plain + "www2 IN SOA ns2 host 1 3600 900 1209600 60\n"},
		{"foreign name", plain + "www.example.net. IN A 192.0.2.1\n"},
		{"other class", plain + "www CH TXT hello\n"},
		{"CNAME and others", plain + "www CNAME ns1\n"},
		{"two CNAMEs", plain + "x CNAME ns1\nx CNAME www\n"},
	} {
		if _, err := NewZone("example.com.", records(t, "example.com.", test.text)); err == nil {
			t.Errorf("a zone with %s is taken", test.why)
		}
		all := records(t, "example.com.", test.text)
		base := zoneOf(t, "example.com.", plain)
		if had := len(records(t, "example.com.", plain)); len(all) > had {
			if _, err := base.With(nil, all[had:]); err == nil {
				t.Errorf("a zone that gets %s is taken", test.why)
			}
		}
	}
	if _, err := NewZone(".", nil); err == nil {
		t.Error("the root is taken")
	}
}
