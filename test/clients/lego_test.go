package clients

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/go-acme/lego/v5/challenge/dns01"
	"github.com/go-acme/lego/v5/providers/dns/cpanel"
	"github.com/miekg/dns"
)

// TestLego waits for zones: until there are any, lego's provider has to be told so
// in words, in both of its modes. Then this test gets its other half: present the
// challenge, look the record up, clean it up.
func TestLego(t *testing.T) {
	a := newAccount(t)
	dns01.SetDefaultClient(dns01.NewClient(&dns01.Options{RecursiveNameservers: []string{nameserver(t, a.domain)}}))
	t.Cleanup(func() { dns01.SetDefaultClient(dns01.NewClient(nil)) })
	for _, row := range []struct{ mode, base, user, token, want string }{
		{"cpanel", "LATCHKEY_URL", a.user, a.token, "Failed to load module “DNS”: "},
		{"whm", "LATCHKEY_WHM_URL", "root", os.Getenv("LATCHKEY_WHM_TOKEN"), `Unknown app ("parse_dns_zone") requested`},
		{"cpanel", "LATCHKEY_URL", a.user, os.Getenv("LATCHKEY_TOKEN"), "401"},
		{"whm", "LATCHKEY_WHM_URL", "root", a.token, "403"},
	} {
		config := cpanel.NewDefaultConfig()
		config.Mode, config.BaseURL, config.Username, config.Token = row.mode, os.Getenv(row.base), row.user, row.token
		config.HTTPClient = httpClient(t)
		provider, err := cpanel.NewDNSProviderConfig(config)
		if err != nil {
			t.Fatal(err)
		}
		for name, do := range map[string]func() error{
			"Present": func() error { return provider.Present(t.Context(), a.domain, "", "key") },
			"CleanUp": func() error { return provider.CleanUp(t.Context(), a.domain, "", "key") },
		} {
			if err := do(); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%s, mode %s as %s: %v; want %s", name, row.mode, row.user, err, row.want)
			}
		}
	}
}

// nameserver answers for zone, of which it knows the SOA record alone.
func nameserver(t *testing.T, zone string) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	answer := func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if question := q.Question[0]; question.Name == dns.Fqdn(zone) && question.Qtype == dns.TypeSOA {
			m.Answer = []dns.RR{&dns.SOA{
				Hdr: dns.RR_Header{Name: question.Name, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 60},
				Ns:  "ns." + question.Name, Mbox: "owner." + question.Name, Serial: 1,
			}}
		}
		_ = w.WriteMsg(m)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(answer)}
	go func() { _ = server.ActivateAndServe() }()
	t.Cleanup(func() { _ = server.Shutdown() })
	return conn.LocalAddr().String()
}
