package authdns

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestHead asks what a question's head can ask for.
func TestHead(t *testing.T) {
	s := serve(t, Options{}, zoneOf(t, "example.com.", rich))
	for _, test := range []struct {
		name  string
		make  func(*dns.Msg)
		rcode int
	}{
		{"plain", func(*dns.Msg) {}, dns.RcodeSuccess},
		{"chaos", func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }, dns.RcodeRefused},
		{"any class", func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassANY }, dns.RcodeRefused},
		{"notify", func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }, dns.RcodeNotImplemented},
		{"update", func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }, dns.RcodeNotImplemented},
		{"foreign", func(m *dns.Msg) { m.Question[0].Name = "example.org." }, dns.RcodeRefused},
		{"root", func(m *dns.Msg) { m.Question[0].Name = "." }, dns.RcodeRefused},
		{"no question", func(m *dns.Msg) { m.Question = nil }, dns.RcodeFormatError},
		{"two questions", func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }, dns.RcodeFormatError},
		{"two OPTs", func(m *dns.Msg) {
			m.SetEdns0(1232, false)
			m.Extra = append(m.Extra, &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}})
		}, dns.RcodeFormatError},
		{"EDNS 1", func(m *dns.Msg) { m.SetEdns0(1232, false); m.IsEdns0().SetVersion(1) }, dns.RcodeBadVers},
		{"a signature nobody knows", func(m *dns.Msg) { testKey(t).sign(m, time.Now().Unix()) }, dns.RcodeNotAuth},
	} {
		m := question("example.com.", dns.TypeSOA)
		test.make(m)
		for _, network := range []string{"udp", "tcp"} {
			reply, err := exchange(s.Address(), network, m)
			if err != nil {
				t.Errorf("%s over %s: %v", test.name, network, err)
			} else if reply.Rcode != test.rcode || reply.RecursionAvailable || reply.Rcode != dns.RcodeSuccess && len(reply.Answer)+len(reply.Ns) > 0 {
				t.Errorf("%s over %s: %v", test.name, network, reply)
			}
		}
	}
}

// exchange does not check what it gets, as dns.Client does.
func exchange(address, network string, m *dns.Msg) (*dns.Msg, error) {
	c, err := dns.DialTimeout(network, address, time.Second)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	c.TsigSecret = map[string]string{"transfers.": "c2VjcmV0IG9mIHRoZSB0ZXN0cywgbm90aGluZyBlbHNl"}
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if err := c.WriteMsg(m.Copy()); err != nil {
		return nil, err
	}
	buf, err := c.ReadMsgHeader(nil)
	if err != nil {
		return nil, err
	}
	reply := new(dns.Msg)
	return reply, reply.Unpack(buf)
}

// TestSizes wants answers over UDP as large as they may be, and no larger.
func TestSizes(t *testing.T) {
	s := serve(t, Options{}, zoneOf(t, "example.com.", rich))
	for _, test := range []struct{ announced, most int }{{0, 512}, {100, 512}, {512, 512}, {900, 900}, {1232, 1232}, {4096, 1232}, {65535, 1232}} {
		for _, name := range []string{"big.example.com.", "mid.example.com.", "host.sub.example.com.", "nothing.example.com."} {
			m := question(name, dns.TypeTXT)
			if test.announced > 0 {
				m.SetEdns0(uint16(test.announced), false)
			}
			c, err := net.Dial("udp", s.Address())
			if err != nil {
				t.Fatal(err)
			}
			wire, _ := m.Pack()
			_, _ = c.Write(wire)
			buf := make([]byte, 65536)
			_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
			n, err := c.Read(buf)
			c.Close()
			if err != nil {
				t.Fatal(err)
			}
			reply := new(dns.Msg)
			if err := reply.Unpack(buf[:n]); err != nil {
				t.Fatal(err)
			}
			if n > test.most || reply.Truncated != (name == "big.example.com.") {
				t.Errorf("%s to one who takes %d: %d bytes, truncated %v", name, test.announced, n, reply.Truncated)
			}
		}
	}
	reply := ask(t, s.Address(), "tcp", question("big.example.com.", dns.TypeTXT))
	if reply.Truncated || len(reply.Answer) != 100 {
		t.Errorf("over TCP there are %d records, truncated %v", len(reply.Answer), reply.Truncated)
	}
}

// TestHugeSet has a set that no message can hold.
func TestHugeSet(t *testing.T) {
	z := zoneOf(t, "example.com.", plain+strings.Repeat("huge TXT \"x\"\n", 1))
	var add []dns.RR
	for i := range 20_000 {
		rr := &dns.A{Hdr: dns.RR_Header{Name: "huge.example.com.", Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 300}, A: net.IPv4(10, 1, byte(i>>8), byte(i))}
		add = append(add, rr)
	}
	z, err := z.With(nil, add)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, Options{}, z)
	for _, network := range []string{"udp", "tcp"} {
		if reply := ask(t, s.Address(), network, question("huge.example.com.", dns.TypeA)); !reply.Truncated {
			t.Errorf("over %s the answer is not truncated: %d records", network, len(reply.Answer))
		}
	}
}

func TestRate(t *testing.T) {
	l := newLimiter(5)
	now := time.Unix(1_700_000_000, 0)
	l.now = func() time.Time { return now }
	judge := func(from, about string) verdict { return l.judge(netip.MustParseAddr(from), about, 0) }
	for i := range 5 {
		if got := judge("192.0.2.1", "a."); got != send {
			t.Fatalf("answer %d: %v", i, got)
		}
	}
	if first, second := judge("192.0.2.200", "a."), judge("192.0.2.3", "a."); first != drop || second != slip {
		t.Errorf("one network's answers over the limit: %v, %v; want %v, %v", first, second, drop, slip)
	}
	for _, other := range [][2]string{{"192.0.3.1", "a."}, {"192.0.2.1", "b."}, {"2001:db8::1", "a."}, {"127.0.0.1", "a."}} {
		if got := judge(other[0], other[1]); got != send {
			t.Errorf("%v suffers from another's answers: %v", other, got)
		}
	}
	for range 50 {
		if got := judge("127.0.0.1", "a."); got != send {
			t.Fatal("this machine has a limit")
		}
	}
	now = now.Add(time.Second)
	if got := judge("192.0.2.1", "a."); got != send {
		t.Errorf("a second later: %v", got)
	}
	if newLimiter(-1).judge(netip.MustParseAddr("192.0.2.1"), "a.", 0) != send {
		t.Error("no limit limits")
	}
}

// TestRateOfStrangers: who asks too often is told to come again over TCP, or
// nothing; who asks from here is not.
func TestRateOfStrangers(t *testing.T) {
	s := New(Options{Rate: 2})
	s.Put(zoneOf(t, "example.com.", plain))
	for _, test := range []struct {
		from           net.IP
		whole, cut, no int
	}{{net.IPv4(192, 0, 2, 7), 2, 4, 4}, {net.IPv4(127, 0, 0, 53), 10, 0, 0}, {net.IPv4(127, 0, 0, 1), 10, 0, 0}} {
		s.limit.now = func() time.Time { return time.Unix(1_700_000_000, 0) }
		var whole, cut, no int
		for range 10 {
			w := &recorder{from: &net.UDPAddr{IP: test.from}}
			s.ServeDNS(w, question("www.example.com.", dns.TypeA))
			switch {
			case len(w.sent) == 0:
				no++
			case w.sent[0].Truncated:
				cut++
			default:
				whole++
			}
		}
		if whole != test.whole || cut != test.cut || no != test.no {
			t.Errorf("%v gets %d answers, %d cut short, %d none; want %d, %d, %d", test.from, whole, cut, no, test.whole, test.cut, test.no)
		}
	}
}

// TestReadersSeeOneVersion swaps a zone under many readers: two names that
// always have the same value never differ within a transfer.
func TestReadersSeeOneVersion(t *testing.T) {
	here := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1")}
	text := func(n string) string { return "a 60 TXT " + n + "\nb 60 TXT " + n + "\n" }
	s := serve(t, Options{Secondaries: here}, zoneOf(t, "example.com.", plain+text("0")))
	var over atomic.Bool
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !over.Load() {
				all, _ := axfr(t, s.Address(), "example.com.", nil)
				var seen []string
				for _, rr := range all {
					if txt, ok := rr.(*dns.TXT); ok {
						seen = append(seen, txt.Txt[0])
					}
				}
				if len(seen) != 2 || seen[0] != seen[1] {
					t.Errorf("one transfer has %v", seen)
					return
				}
			}
		})
	}
	for i := range 200 {
		old, next := string(rune('0'+i%10)), string(rune('0'+(i+1)%10))
		if err := s.Update("example.com.", records(t, "example.com.", text(old)), records(t, "example.com.", text(next))); err != nil {
			t.Fatal(err)
		}
	}
	over.Store(true)
	wg.Wait()
}

// FuzzRequest gives the handler everything that unpacks.
func FuzzRequest(f *testing.F) {
	for _, name := range []string{"example.com.", "www.example.com.", "x.wild.example.com.", "a.moved.example.com.", "loop1.example.com.", "h.sub.example.com.", `\000\001.example.com.`} {
		for _, kind := range []uint16{dns.TypeA, dns.TypeANY, dns.TypeAXFR, dns.TypeIXFR, dns.TypeDS, dns.TypeOPT, dns.TypeTSIG} {
			m := question(name, kind)
			m.SetEdns0(1232, true)
			testKey(f).sign(m, 1_700_000_000)
			wire, err := m.Pack()
			if err == nil {
				f.Add(wire)
			}
			m.Extra = nil
			if wire, err := m.Pack(); err == nil {
				f.Add(wire)
			}
		}
	}
	s := New(Options{Secondaries: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1")}})
	s.Put(zoneOf(f, "example.com.", rich))
	s.Put(zoneOf(f, "child.example.com.", child))
	f.Fuzz(func(t *testing.T, wire []byte) {
		r := new(dns.Msg)
		if r.Unpack(wire) != nil {
			return
		}
		for _, a := range []net.Addr{&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}} {
			w := &recorder{from: a}
			s.ServeDNS(w, r.Copy())
			for _, m := range w.sent {
				if m.Rcode == dns.RcodeServerFailure && !strings.Contains(strings.ToLower(r.Question[0].Name), "o") { // a loop, or a long chain
					t.Fatalf("%v is answered %v", r, m)
				}
				sent, err := m.Pack()
				if err != nil {
					t.Fatalf("the answer to %v cannot be sent: %v", r, err)
				}
				if _, udp := a.(*net.UDPAddr); udp && len(sent) > largest+room {
					t.Fatalf("the answer to %v has %d bytes", r, len(sent))
				}
				if len(sent) > 1 && binary.BigEndian.Uint16(sent) != r.Id {
					t.Fatalf("the answer to %v has another number", r)
				}
			}
		}
	})
}

// recorder keeps what is sent.
type recorder struct {
	dns.ResponseWriter
	from net.Addr
	sent []*dns.Msg
}

func (w *recorder) RemoteAddr() net.Addr      { return w.from }
func (w *recorder) LocalAddr() net.Addr       { return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 53)} }
func (w *recorder) TsigStatus() error         { return nil }
func (w *recorder) TsigTimersOnly(bool)       {}
func (w *recorder) WriteMsg(m *dns.Msg) error { w.sent = append(w.sent, m); return nil }
