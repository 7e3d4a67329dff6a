package authdns

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

var stranger = netip.MustParseAddr("192.0.2.7")

// quickly is what a server answers at once, nil if it does not.
func quickly(t testing.TB, s *Server, m *dns.Msg) *dns.Msg {
	t.Helper()
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return quicklyTo(t, s, wire)
}

func quicklyTo(t testing.TB, s *Server, wire []byte) *dns.Msg {
	t.Helper()
	var a asked
	got, done := s.quick(nil, wire, &a, netip.MustParseAddr("127.0.0.1"), netip.Addr{})
	if !done {
		return nil
	}
	if len(got) > a.size || string(got[headLen:a.end]) != string(wire[headLen:a.end]) {
		t.Fatalf("to one who takes %d bytes and asks %x: %x", a.size, wire, got)
	}
	reply := new(dns.Msg)
	if err := reply.Unpack(got); err != nil {
		t.Fatalf("%x is answered %x: %v", wire, got, err)
	}
	return reply
}

// slowly is the same answer, by the whole way.
func slowly(t testing.TB, s *Server, m *dns.Msg) *dns.Msg {
	t.Helper()
	w := &recorder{from: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}}
	s.ServeDNS(w, m)
	if len(w.sent) != 1 {
		t.Fatalf("%v is answered %v", m, w.sent)
	}
	wire, err := w.sent[0].Pack()
	reply := new(dns.Msg)
	if err != nil || reply.Unpack(wire) != nil {
		t.Fatalf("%v is answered %v, %v", m, w.sent[0], err)
	}
	return reply
}

// TestQuickIsSlow: what is answered at once is what would be answered, whoever
// asked the same before, and in whatever way.
func TestQuickIsSlow(t *testing.T) {
	s := New(Options{})
	s.Put(zoneOf(t, "example.com.", rich))
	s.Put(zoneOf(t, "child.example.com.", child))
	ways := []func(*dns.Msg){
		func(*dns.Msg) {},
		func(m *dns.Msg) { m.RecursionDesired, m.CheckingDisabled, m.AuthenticatedData = true, true, true },
		func(m *dns.Msg) { m.SetEdns0(1232, false) },
		func(m *dns.Msg) { m.SetEdns0(4096, true) },
		func(m *dns.Msg) { m.SetEdns0(100, true) },
		func(m *dns.Msg) { m.Question[0].Name = strings.ToUpper(m.Question[0].Name) },
	}
	quick, slow := 0, 0
	for _, name := range interesting(t) {
		for _, kind := range []uint16{dns.TypeA, dns.TypeNS, dns.TypeMX, dns.TypeTXT, dns.TypeCNAME, dns.TypeSOA, dns.TypeDS, dns.TypeHTTPS, dns.TypeANY, dns.TypeCAA} {
			for i, way := range ways {
				m := question(name, kind)
				way(m)
				got := quickly(t, s, m)
				if got == nil {
					slow++
					continue
				}
				quick++
				if got.Id != m.Id || got.CheckingDisabled != m.CheckingDisabled || got.AuthenticatedData {
					t.Errorf("%v is answered %v", m, got)
				}
				compare(t, fmt.Sprint("way ", i), m, got, slowly(t, s, m))
			}
		}
	}
	t.Logf("%d at once, %d by the whole way", quick, slow)
	if quick < slow {
		t.Error("most are not answered at once")
	}
}

// TestUnusual: what is unusual about a question sends it the whole way.
func TestUnusual(t *testing.T) {
	s := New(Options{})
	s.Put(zoneOf(t, "example.com.", plain))
	for name, change := range map[string]func(*dns.Msg){
		"a signature":   func(m *dns.Msg) { testKey(t).sign(m, 1_700_000_000) },
		"a transfer":    func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAXFR },
		"changes":       func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeIXFR },
		"everything":    func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeANY },
		"another class": func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS },
		"two questions": func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) },
		"none":          func(m *dns.Msg) { m.Question = nil },
		"an answer":     func(m *dns.Msg) { m.Response = true },
		"a notice":      func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify },
		"an update":     func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate },
		"other EDNS":    func(m *dns.Msg) { m.SetEdns0(1232, false); m.IsEdns0().SetVersion(1) },
		"options":       func(m *dns.Msg) { m.SetEdns0(1232, false); m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_NSID{}} },
		"foreign names": func(m *dns.Msg) { m.Question[0].Name = "example.org." },
		"a record along": func(m *dns.Msg) {
			m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeA, Class: 1}}}
		},
	} {
		m := question("www.example.com.", dns.TypeA)
		change(m)
		if reply := quickly(t, s, m); reply != nil {
			t.Errorf("%s is answered at once: %v", name, reply)
		}
	}
	wire, _ := question("www.example.com.", dns.TypeA).Pack()
	if quicklyTo(t, s, wire) == nil {
		t.Fatal("a usual question is not answered at once")
	}
	for n := range wire {
		if quicklyTo(t, s, wire[:n]) != nil {
			t.Errorf("%d bytes of a question are answered", n)
		}
	}
	if quicklyTo(t, s, append(wire, 0)) != nil {
		t.Error("a question and a byte more is answered")
	}
}

// TestQuickForgets: no answer outlives the zone that it is from, nor that there was
// none below.
func TestQuickForgets(t *testing.T) {
	s := New(Options{})
	m := question("www.child.example.com.", dns.TypeA)
	want := func(when, address string) {
		t.Helper()
		for range 2 { // made, then kept
			got := "nothing"
			if reply := quickly(t, s, m); reply != nil {
				got = dns.RcodeToString[reply.Rcode]
				if len(reply.Answer) == 1 {
					got = reply.Answer[0].(*dns.A).A.String()
				}
			}
			if got != address {
				t.Errorf("%s: %s, want %s", when, got, address)
			}
		}
	}
	want("without a zone", "nothing")
	s.Put(zoneOf(t, "example.com.", plain))
	want("before the child", "NXDOMAIN")
	s.Put(zoneOf(t, "child.example.com.", child))
	want("with the child", "192.0.2.101")
	if err := s.Update("child.example.com.", records(t, "child.example.com.", "www 300 A 192.0.2.101\n"), records(t, "child.example.com.", "www 300 A 192.0.2.102\n")); err != nil {
		t.Fatal(err)
	}
	want("after a change", "192.0.2.102")
	s.Put(zoneOf(t, "child.example.com.", child))
	want("put anew", "192.0.2.101")
	s.Remove("child.example.com.")
	want("after its removal", "NXDOMAIN")
	if err := s.Promise("child.example.com", func() (*Zone, error) { return zoneOf(t, "child.example.com.", child), nil }); err != nil {
		t.Fatal(err)
	}
	want("promised", "nothing")
	slowly(t, s, m)
	want("loaded", "192.0.2.101")
	s.Remove("child.example.com.")
	s.Remove("example.com.")
	want("after all", "nothing")
}

// TestQuickRate: who asks too often is told to come again over TCP, or nothing.
func TestQuickRate(t *testing.T) {
	s := New(Options{Rate: 2})
	s.limit.now = func() time.Time { return time.Unix(1_700_000_000, 0) }
	s.Put(zoneOf(t, "example.com.", plain))
	m := question("www.example.com.", dns.TypeA)
	m.SetEdns0(1232, true)
	wire, _ := m.Pack()
	for from, want := range map[netip.Addr][3]int{stranger: {2, 4, 4}, netip.MustParseAddr("127.0.0.9"): {10, 0, 0}, netip.MustParseAddr("198.51.100.1"): {10, 0, 0}} {
		var whole, cut, no int
		for range 10 {
			var a asked
			got, done := s.quick(nil, wire, &a, from, netip.MustParseAddr("198.51.100.1"))
			reply := new(dns.Msg)
			switch {
			case !done:
				t.Fatal("the question goes the whole way")
			case len(got) == 0:
				no++
			case reply.Unpack(got) != nil:
				t.Fatalf("%x cannot be read", got)
			case reply.Truncated && len(reply.Answer)+len(reply.Ns) == 0 && reply.IsEdns0() != nil && len(got) <= len(wire):
				cut++
			case len(reply.Answer) == 1:
				whole++
			}
		}
		if got := [3]int{whole, cut, no}; got != want {
			t.Errorf("%v gets %v whole, cut short and no answers, want %v", from, got, want)
		}
	}
}

// TestMemoryIsBounded: however many ask for whatever, what is kept has its place.
func TestMemoryIsBounded(t *testing.T) {
	s := New(Options{})
	s.Put(zoneOf(t, "example.com.", rich))
	for i := range 3 * places {
		if reply := quickly(t, s, question(fmt.Sprint("n", i, ".example.com."), dns.TypeA)); reply == nil || reply.Rcode != dns.RcodeNameError {
			t.Fatal(reply)
		}
	}
	if reply := quickly(t, s, question("mail.example.com.", dns.TypeA)); reply == nil || len(reply.Answer) != 2 {
		t.Errorf("after many others: %v", reply)
	}
	if reply := quickly(t, s, question("big.example.com.", dns.TypeTXT)); reply != nil {
		t.Errorf("a long answer is kept: %v", reply)
	}
}

// TestFromWhereItWasAsked: an answer comes from the address that was asked, where
// the server listens on all of them.
func TestFromWhereItWasAsked(t *testing.T) {
	for _, network := range []struct{ listen, ask string }{{"0.0.0.0:0", "127.0.0.2"}, {"[::]:0", "::1"}, {"[::]:0", "127.0.0.3"}} {
		s := New(Options{})
		if err := s.Listen(network.listen); err != nil {
			t.Logf("%s: %v", network.listen, err) // without IPv6
			continue
		}
		s.Close()
		s = serving(t, New(Options{}), network.listen, zoneOf(t, "example.com.", rich))
		_, port, _ := net.SplitHostPort(s.Address())
		for _, m := range []*dns.Msg{question("mail.example.com.", dns.TypeA), question("big.example.com.", dns.TypeTXT)} { // at once; the whole way
			reply, _, err := new(dns.Client).Exchange(m, net.JoinHostPort(network.ask, port)) // takes no answer from elsewhere
			if err != nil || len(reply.Answer) == 0 {
				t.Errorf("%s asked at %s: %v, %v", network.listen, network.ask, reply, err)
			}
		}
	}
}

// FuzzQuick: whatever is answered at once can be read, and says what the whole way
// says.
func FuzzQuick(f *testing.F) {
	s := New(Options{Rate: -1})
	s.Put(zoneOf(f, "example.com.", rich))
	for _, name := range []string{"www.example.com.", "MAIL.example.com.", "x.wild.example.com.", `\000nul.example.com.`, "x.moved.example.com.", "."} {
		m := question(name, dns.TypeA)
		wire, _ := m.Pack()
		f.Add(wire)
		m.SetEdns0(512, true)
		wire, _ = m.Pack()
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		got := quicklyTo(t, s, wire)
		if got == nil {
			return
		}
		m := new(dns.Msg)
		if err := m.Unpack(wire); err != nil {
			t.Fatalf("%x is answered, and is no request: %v", wire, err)
		}
		want := slowly(t, s, m)
		if got.Rcode != want.Rcode || got.Truncated != want.Truncated || normal(got.Answer) != normal(want.Answer) || normal(got.Ns) != normal(want.Ns) || normal(got.Extra) != normal(want.Extra) {
			t.Fatalf("%v\nat once: %v\nby the whole way: %v", m, got, want)
		}
	})
}

// BenchmarkQuick is one answer that is kept.
func BenchmarkQuick(b *testing.B) {
	s := New(Options{})
	s.Put(zoneOf(b, "example.com.", rich))
	m := question("mail.example.com.", dns.TypeA)
	m.SetEdns0(1232, false)
	wire, _ := m.Pack()
	var a asked
	buf := make([]byte, 0, largest)
	b.ReportAllocs()
	for b.Loop() {
		if _, done := s.quick(buf, wire, &a, stranger, stranger); !done {
			b.Fatal("not at once")
		}
	}
}
