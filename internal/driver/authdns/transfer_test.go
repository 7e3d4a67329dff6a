package authdns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/latchkey/latchkey/internal/needs"
)

const keyText = `key "transfers" {
	algorithm hmac-sha256;
	secret "c2VjcmV0IG9mIHRoZSB0ZXN0cywgbm90aGluZyBlbHNl";
};
`

func testKey(t testing.TB) *Key {
	t.Helper()
	k, err := ParseKey(keyText)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestSecondaryFollows feeds a BIND secondary by NOTIFY and signed transfers.
func TestSecondaryFollows(t *testing.T) {
	primary := "127.0.0.1:" + needs.Port(t)
	host, port, _ := net.SplitHostPort(primary)
	secondary := named(t, keyText+fmt.Sprintf(`zone "example.com" { type secondary; primaries { %s port %s key transfers; }; min-refresh-time 600; };
`, host, port), nil)
	s := New(Options{Secondaries: []netip.AddrPort{netip.MustParseAddrPort(secondary)}, Key: testKey(t)})
	z := zoneOf(t, "example.com.", rich)
	s.Put(z)
	if err := s.Listen(primary); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() { stop(); <-ended }()
	follows(t, secondary, z.Serial())
	for i := range 3 {
		soa := dns.Copy(z.soa).(*dns.SOA)
		soa.Serial++
		fresh := records(t, "example.com.", fmt.Sprintf("fresh%d 60 IN TXT \"value %d\"\n", i, i))
		if err := s.Update("example.com.", []dns.RR{z.soa}, append(fresh, soa)); err != nil {
			t.Fatal(err)
		}
		z, _ = s.Zone("example.com.")
		follows(t, secondary, soa.Serial)
		for _, m := range []*dns.Msg{question(fresh[0].Header().Name, dns.TypeTXT), question("big.example.com.", dns.TypeTXT), question("odd.example.com.", 65280)} {
			compare(t, "tcp", m, ask(t, s.Address(), "tcp", m), ask(t, secondary, "tcp", m))
		}
	}
}

func follows(t *testing.T, secondary string, serial uint32) {
	t.Helper()
	c := &dns.Client{Timeout: time.Second}
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		reply, _, err := c.Exchange(question("example.com.", dns.TypeSOA), secondary)
		if err == nil && len(reply.Answer) == 1 && reply.Answer[0].(*dns.SOA).Serial == serial {
			return
		}
	}
	t.Fatalf("the secondary does not serve serial %d", serial)
}

func TestWhoMayTransfer(t *testing.T) {
	here := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1")}
	elsewhere := []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53")}
	other, err := ParseKey(`key other { algorithm hmac-sha512; secret "c2VjcmV0IG9mIHRoZSB0ZXN0cywgbm90aGluZyBlbHNl"; };`)
	if err != nil {
		t.Fatal(err)
	}
	forged := *testKey(t)
	forged.secret = "bm90IHRoZSBzZWNyZXQgb2YgdGhlIHRlc3RzLCBhdCBhbGw="
	weak := *testKey(t)
	weak.algorithm = dns.HmacSHA512 // the right secret, another algorithm
	for _, test := range []struct {
		name string
		o    Options
		key  *Key
		zone string
		want int
	}{
		{"nobody is listed", Options{}, nil, "example.com.", dns.RcodeRefused},
		{"another is listed", Options{Secondaries: elsewhere}, nil, "example.com.", dns.RcodeRefused},
		{"listed", Options{Secondaries: here}, nil, "example.com.", dns.RcodeSuccess},
		{"listed, no zone", Options{Secondaries: here}, nil, "example.net.", dns.RcodeNotAuth},
		{"listed, not a zone's name", Options{Secondaries: here}, nil, "www.example.com.", dns.RcodeNotAuth},
		{"listed, not signed", Options{Secondaries: here, Key: testKey(t)}, nil, "example.com.", dns.RcodeRefused},
		{"listed, signed", Options{Secondaries: here, Key: testKey(t)}, testKey(t), "example.com.", dns.RcodeSuccess},
		{"another, signed", Options{Secondaries: elsewhere, Key: testKey(t)}, testKey(t), "example.com.", dns.RcodeRefused},
		{"listed, another key", Options{Secondaries: here, Key: testKey(t)}, other, "example.com.", dns.RcodeNotAuth},
		{"listed, another secret", Options{Secondaries: here, Key: testKey(t)}, &forged, "example.com.", dns.RcodeNotAuth},
		{"listed, another algorithm", Options{Secondaries: here, Key: testKey(t)}, &weak, "example.com.", dns.RcodeNotAuth},
		{"listed, signed without need", Options{Secondaries: here}, testKey(t), "example.com.", dns.RcodeNotAuth},
	} {
		t.Run(test.name, func(t *testing.T) {
			z := zoneOf(t, "example.com.", rich)
			s := serve(t, test.o, z)
			got, rcode := axfr(t, s.Address(), test.zone, test.key)
			if rcode != test.want {
				t.Fatalf("rcode %s, want %s", dns.RcodeToString[rcode], dns.RcodeToString[test.want])
			}
			if test.want != dns.RcodeSuccess {
				if len(got) > 0 {
					t.Errorf("a transfer that was refused has %d records", len(got))
				}
				return
			}
			if want := append(slices.Collect(z.Records()), z.soa); normal(got) != normal(want) || got[0].String() != z.soa.String() {
				t.Errorf("transferred %d records, want %d", len(got), len(want))
			}
		})
	}
}

// axfr transfers a zone, and checks what is signed.
func axfr(t *testing.T, address, origin string, key *Key) (all []dns.RR, rcode int) {
	t.Helper()
	m := new(dns.Msg)
	m.SetAxfr(origin)
	key.sign(m, time.Now().Unix())
	x := &dns.Transfer{}
	if key != nil {
		x.TsigProvider = key
	}
	parts, err := x.In(m, address)
	if err != nil {
		t.Fatal(err)
	}
	for part := range parts {
		if part.Error != nil {
			for rcode := range dns.RcodeToString {
				if part.Error.Error() == "dns: bad xfr rcode: "+fmt.Sprint(rcode) {
					return all, rcode
				}
			}
			if errors.Is(part.Error, dns.ErrSig) || errors.Is(part.Error, dns.ErrSecret) || strings.Contains(part.Error.Error(), "bad") {
				return all, dns.RcodeNotAuth
			}
			t.Fatal(part.Error)
		}
		all = append(all, part.RR...)
	}
	return all, dns.RcodeSuccess
}

func TestWhatChanged(t *testing.T) {
	z := zoneOf(t, "example.com.", plain)
	s := serve(t, Options{Secondaries: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1")}}, z)
	for _, test := range []struct {
		network string
		serial  uint32
		want    int
	}{
		{"tcp", z.Serial(), 1}, {"tcp", z.Serial() + 5, 1}, {"tcp", z.Serial() - 1, 5}, {"udp", z.Serial() - 1, 1}, {"udp", z.Serial(), 1},
	} {
		m := new(dns.Msg)
		m.SetIxfr("example.com.", test.serial, "ns1.example.com.", "host.example.com.")
		if reply := ask(t, s.Address(), test.network, m); len(reply.Answer) != test.want {
			t.Errorf("IXFR from %d over %s: %d records, want %d", test.serial, test.network, len(reply.Answer), test.want)
		}
	}
	if reply := ask(t, s.Address(), "udp", question("example.com.", dns.TypeAXFR)); reply.Rcode != dns.RcodeFormatError {
		t.Errorf("AXFR over UDP: %v", reply)
	}
}

func TestParseKey(t *testing.T) {
	const secret = "c2VjcmV0IG9mIHRoZSB0ZXN0cywgbm90aGluZyBlbHNl"
	for _, test := range []struct {
		text string
		ok   bool
	}{
		{keyText, true},
		{"# a comment\n" + keyText, true},
		{"key a { secret \"" + secret + "\"; algorithm \"HMAC-SHA512.\"; };", true},
		{"", false},
		{"key a", false},
		{"key a { algorithm hmac-md5; secret \"" + secret + "\"; };", false},
		{"key a { algorithm hmac-sha256; secret \"c2hvcnQ=\"; };", false},
		{"key a { algorithm hmac-sha256; secret \"no base64\"; };", false},
		{"key a..b { algorithm hmac-sha256; secret \"" + secret + "\"; };", false},
		{keyText + keyText, false},
		{"server a { algorithm hmac-sha256; secret \"" + secret + "\"; };", false},
	} {
		k, err := ParseKey(test.text)
		if (err == nil) != test.ok {
			t.Errorf("ParseKey(%q): %v", test.text, err)
		}
		for _, said := range []string{fmt.Sprintf("%v %+v %#v %s %d", k, k, k, k, k), fmt.Sprint(err)} {
			if strings.Contains(said, secret) {
				t.Errorf("ParseKey(%q) tells the secret", test.text)
			}
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add(keyText)
	f.Add("key a { secret \"x\"; };")
	f.Add("# {\nkey \"\" {}")
	f.Fuzz(func(t *testing.T, text string) {
		if k, err := ParseKey(text); err == nil && (k.name == "." || algorithms[k.algorithm] == nil || k.secret == "") {
			t.Errorf("ParseKey(%q) takes half a key", text)
		}
	})
}
