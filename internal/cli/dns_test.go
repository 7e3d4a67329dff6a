package cli

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/config"
)

func TestSecondaries(t *testing.T) {
	for _, test := range []struct{ list, want string }{
		{"", "[]"},
		{"192.0.2.53", "[192.0.2.53:53]"},
		{"192.0.2.53:5353, [2001:db8::53]:54 2001:db8::54,[2001:db8::55]", "[192.0.2.53:5353 [2001:db8::53]:54 [2001:db8::54]:53 [2001:db8::55]:53]"},
		{"ns2.example.com", "dns_secondaries: “ns2.example.com” is not an IP address"},
		{"192.0.2.53:99999", "dns_secondaries: “192.0.2.53:99999” is not an IP address"},
	} {
		got, err := secondaries(test.list)
		if said := fmt.Sprint(got); said != test.want && fmt.Sprint(err) != test.want {
			t.Errorf("secondaries(%q) = %s, %v; want %s", test.list, said, err, test.want)
		}
	}
}

func TestNameservers(t *testing.T) {
	for _, test := range []struct{ list, want string }{
		{"", "[]"},
		{"NS1.example.net. , ns2.example.net,", "[ns1.example.net ns2.example.net]"},
		{"ns1.example.net, 192.0.2.1 x", "nameservers: “192.0.2.1 x” is not a host name"},
		{"a.example,b.example,c.example,d.example,e.example", "nameservers: there are four at most"},
	} {
		got, err := nameservers(config.Config{NameServers: test.list})
		if said := fmt.Sprint(got); said != test.want && fmt.Sprint(err) != test.want {
			t.Errorf("nameservers(%q) = %s, %v; want %s", test.list, said, err, test.want)
		}
	}
}

func TestNameServer(t *testing.T) {
	const secret = "c2VjcmV0IG9mIHRoZSB0ZXN0cywgbm90aGluZyBlbHNl"
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	file := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(file, []byte(`key a { algorithm hmac-sha256; secret "`+secret+`"; };`), 0o600))
	s, err := embedded(config.Config{DNS: "127.0.0.1:0", DNSKey: file, DNSSecondaries: "192.0.2.1"}, log)
	must(t, err)
	defer s.Close()
	if _, err := net.Listen("tcp", s.Address()); err == nil {
		t.Error("nobody listens")
	}
	for name, c := range map[string]config.Config{
		"taken address": {DNS: s.Address()},
		"no address":    {DNS: "somewhere"},
		"no key":        {DNS: "127.0.0.1:0", DNSKey: file + "x"},
		"no secondary":  {DNS: "127.0.0.1:0", DNSSecondaries: "x"},
	} {
		if s, err := embedded(c, log); err == nil {
			s.Close()
			t.Errorf("%s is taken", name)
		}
	}
	must(t, os.WriteFile(file, []byte(`key a { algorithm hmac-md5; secret "`+secret+`"; };`), 0o600))
	if _, err := embedded(config.Config{DNS: "127.0.0.1:0", DNSKey: file}, log); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("a weak key: %v", err)
	}
	for _, off := range []string{"", "off"} {
		if s, err := embedded(config.Config{DNS: off}, log); s != nil || err != nil {
			t.Errorf("dns %q: %v, %v", off, s, err)
		}
	}
}
