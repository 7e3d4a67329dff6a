package authdns

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/latchkey/latchkey/internal/driver/bind/bindtest"
	"github.com/latchkey/latchkey/internal/needs"
)

// rich is a zone with one of everything.
var rich = `$TTL 14400
; a comment
@ 86400 IN SOA ns1.example.com. host.example.com. (
	2026112301 ; serial
	3600 1800 1209600 86400 )
@ 86400 NS ns1
@ 86400 NS ns2.example.net.
@ A 192.0.2.1
@ AAAA 2001:db8::1
@ MX 0 mail
@ MX 10 backup.example.net.
@ TXT "v=spf1 a mx ~all"
@ TXT "two" "strings" "with \"quotes\" and \\ and \255"
@ CAA 0 issue "letsencrypt.org"
@ CAA 128 iodef "mailto:host@example.com"
ns1 A 192.0.2.53
mail 60 A 192.0.2.25
mail 60 A 192.0.2.26
www CNAME @
chain1 CNAME chain2
chain2 CNAME chain3
chain3 CNAME mail
loop1 CNAME loop2
loop2 CNAME loop1
dangling CNAME nothing.here
away CNAME www.example.org.
towild CNAME some.wild
intodeleg CNAME host.sub
*.wild A 192.0.2.77
*.wild TXT "wild"
*.wildalias CNAME mail
not.wild A 192.0.2.78
deep.not.wild A 192.0.2.79
a.b.c.d A 192.0.2.80
sub NS ns.sub
sub NS ns1
sub NS ns.elsewhere.example.
ns.sub A 192.0.2.90
ns.sub AAAA 2001:db8::90
host.sub A 192.0.2.91
secure NS ns.secure
secure DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
ns.secure A 192.0.2.92
moved DNAME there
x.there A 192.0.2.93
gone DNAME www.example.org.
_sip._tcp SRV 10 20 5060 mail
_sip._tcp SRV 10 10 5061 nothing
_443._tcp.www2 TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
svc HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1
naptr NAPTR 100 10 "U" "E2U+sip" "!^.*$!sip:info@example.com!" .
ssh SSHFP 1 1 0123456789abcdef0123456789abcdef01234567
hi HINFO "PC" "Linux"
loc LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
ptr PTR mail
rp RP host.example.com. mail
odd TYPE65280 \# 4 0a000001
a\.dot A 192.0.2.94
sp\032ace TXT "space"
\000nul TXT "nul"
UPPER TXT "Case"
twice A 192.0.2.95
twice A 192.0.2.95
_acme-challenge 1 TXT "one"
_acme-challenge 1 TXT "two"
default._domainkey TXT ( "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
 "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000IDAQAB" )
$ORIGIN under.example.com.
@ A 192.0.2.96
www A 192.0.2.97
` + manyRecords()

// manyRecords do not fit into an answer over UDP, some of them not into a small one.
func manyRecords() string {
	var b strings.Builder
	for i := range 100 { // BIND takes no more of a set
		fmt.Fprintf(&b, "big.example.com. TXT \"number %d of many records that make an answer long\"\n", i)
	}
	for i := range 25 {
		fmt.Fprintf(&b, "mid.example.com. A 198.51.100.%d\n", i)
	}
	return b.String()
}

// child is a zone of its own below the other.
const child = `$TTL 300
@ IN SOA ns1.example.com. host.example.com. 7 3600 1800 1209600 30
@ NS ns1.example.com.
@ A 192.0.2.100
www A 192.0.2.101
`

// named runs BIND with zones from their text until the test ends. With keys,
// zones or options of a test's own, more is what its configuration has, too.
func named(t testing.TB, more string, zones map[string]string) (address string) {
	t.Helper()
	dir, port := t.TempDir(), needs.Port(t)
	address = "127.0.0.1:" + port
	conf := fmt.Sprintf(`options {
	directory %q; pid-file none; session-keyfile none; listen-on port %s { 127.0.0.1; }; listen-on-v6 { none; };
	recursion no; minimal-responses yes; minimal-any yes; notify no; allow-transfer { 127.0.0.1; }; dnssec-validation no;
	transfer-source 127.0.0.1; server-id none; zero-no-soa-ttl no; empty-zones-enable no; zone-statistics none; notify-delay 0;
};
controls { };
%s
`, dir, port, more)
	for origin, text := range zones {
		file := filepath.Join(dir, origin+"zone")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		conf += fmt.Sprintf("zone %q { type primary; file %q; check-names ignore; check-integrity no; check-mx ignore; check-srv-cname ignore; check-wildcard no; };\n", origin, file)
	}
	bindtest.Run(t, dir, conf, func() bool {
		c := &dns.Client{Timeout: time.Second}
		for origin := range zones {
			if reply, _, err := c.Exchange(question(origin, dns.TypeSOA), address); err != nil || len(reply.Answer) != 1 {
				return false
			}
		}
		return true
	})
	return address
}

// TestAsBIND asks BIND and us the same, and wants the same answers.
func TestAsBIND(t *testing.T) {
	theirs := named(t, "", map[string]string{"example.com.": rich, "child.example.com.": child})
	ours := serve(t, Options{}, zoneOf(t, "example.com.", rich), zoneOf(t, "child.example.com.", child)).Address()
	asked := 0
	for _, name := range interesting(t) {
		for _, kind := range []uint16{
			dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeSOA, dns.TypeCNAME, dns.TypeMX, dns.TypeTXT, dns.TypeSRV, dns.TypeCAA,
			dns.TypeDS, dns.TypeDNAME, dns.TypePTR, dns.TypeHTTPS, dns.TypeTLSA, dns.TypeNAPTR, dns.TypeSSHFP, dns.TypeHINFO,
			dns.TypeLOC, dns.TypeRP, 65280, 65281, dns.TypeANY,
		} {
			m := question(name, kind)
			network := "udp"
			switch asked % 5 {
			case 1:
				m.SetEdns0(4096, false)
			case 2:
				m.SetEdns0(700, true)
			case 3:
				m.RecursionDesired = true
			case 4:
				network = "tcp"
			}
			asked++
			compare(t, network, m, ask(t, ours, network, m), ask(t, theirs, network, m))
		}
	}
	t.Logf("asked %d questions", asked)
}

// interesting is every name of the zones, names near them, and some at random.
func interesting(t *testing.T) []string {
	names := []string{"example.com.", "EXAMPLE.com.", "com.", ".", "example.org.", "xexample.com.", "child.example.com.", "no.child.example.com.", "www.child.example.com."}
	for _, rr := range slices.Concat(records(t, "example.com.", rich), records(t, "child.example.com.", child)) {
		name := rr.Header().Name
		names = append(names, name, strings.ToUpper(name), "x."+name, "*."+name, "a.b.x."+name)
		if i, end := dns.NextLabel(name, 0); !end {
			names = append(names, name[i:], "near-"+name, "zz."+name[i:])
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		a, b := names[random.IntN(len(names))], names[random.IntN(len(names))]
		if i, end := dns.NextLabel(a, 0); !end {
			if name := a[:i] + b; dns.IsFqdn(name) && len(name) < 200 {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// compare wants two answers to say the same. What got is ours.
func compare(t *testing.T, network string, m, got, want *dns.Msg) {
	t.Helper()
	q := m.Question[0]
	head := func(m *dns.Msg) string {
		edns := "no EDNS"
		if o := m.IsEdns0(); o != nil {
			edns = fmt.Sprintf("EDNS %d do=%v", o.UDPSize(), o.Do())
		}
		return fmt.Sprintf("%s aa=%v tc=%v ra=%v rd=%v %s", dns.RcodeToString[m.Rcode], m.Authoritative, m.Truncated, m.RecursionAvailable, m.RecursionDesired, edns)
	}
	var wrong []string
	say := func(part string, got, want any) {
		wrong = append(wrong, fmt.Sprintf("%s: got %v, want %v", part, got, want))
	}
	if got, want := head(got), head(want); got != want {
		say("head", got, want)
	}
	if q.Qtype == dns.TypeANY { // any one set of the name's will do
		if (len(got.Answer) == 0) != (len(want.Answer) == 0) {
			say("answer", got.Answer, want.Answer)
		}
	} else if !got.Truncated || !want.Truncated { // who is cut short comes again
		if got, want := normal(got.Answer), normal(want.Answer); got != want {
			say("answer", got, want)
		}
		if got, want := normal(got.Ns), normal(want.Ns); got != want {
			say("authority", got, want)
		}
		if got, want := normal(got.Extra), normal(want.Extra); got != want {
			say("additional", got, want)
		}
	}
	if len(wrong) > 0 {
		t.Errorf("%s %s over %s:\n\t%s", q.Name, dns.Type(q.Qtype), network, strings.Join(wrong, "\n\t"))
	}
}

// normal is records in an order, with names in lower case.
func normal(list []dns.RR) string {
	var all []string
	for _, rr := range list {
		if _, opt := rr.(*dns.OPT); opt {
			continue
		}
		rr = dns.Copy(rr)
		rr.Header().Name = strings.ToLower(rr.Header().Name)
		if c, ok := rr.(*dns.CNAME); ok {
			c.Target = strings.ToLower(c.Target)
		}
		all = append(all, rr.String())
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}
