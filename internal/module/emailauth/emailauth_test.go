package emailauth

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

func keyText(t *testing.T, bits int) latchkey.Secret {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf(key)
}

// TestDKIM: keys are made once, published, taken back and changed, and what is
// published is the key's public half.
func TestDKIM(t *testing.T) {
	acct := hostingtest.New()
	call := func(row string) string { t.Helper(); return moduletest.Call(t, Module, acct, row) }
	moduletest.Table(t, Module, acct, []moduletest.Row{
		{"enable_dkim", "missing: domain"},
		{"enable_dkim?domain=example.com&domain-1=example.net", "not-found: You do not control a DNS zone named example.net."},
		{"fetch_dkim_private_keys?domain=example.com", "not-found: The domain “example.com” has no DKIM key."},
		{"validate_current_dkims?domain=example.com", `[{"domain":"example.com","error":"The domain “example.com” has no DKIM key.","expected":"","records":[],"state":"MISSING","validity_cache_update":"none"}]`},
		{"ensure_dkim_keys_exist?domain=example.com&domain=shop.example.com", `[{"domain":"example.com","msg":"A key was made.","status":1},{"domain":"shop.example.com","msg":"A key was made.","status":1}]`},
		{"ensure_dkim_keys_exist?domain=example.com", `[{"domain":"example.com","msg":"There is a key.","status":1}]`},
	})
	key, err := acct.DKIM().Key(t.Context(), "example.com", "example.com")
	if err != nil {
		t.Fatal(err)
	}
	record, err := published(key)
	if err != nil || len(record) < 400 {
		t.Fatalf("%q, %v", record, err)
	}
	if got := call("fetch_dkim_private_keys?domain=example.com"); !strings.Contains(got, strings.ReplaceAll(key.Reveal(), "\n", `\n`)) {
		t.Error("fetch_dkim_private_keys does not show the key")
	}
	at := "TXT@default._domainkey.example.com.:" + record
	state := func(state, reason string) string {
		return `[{"domain":"example.com","expected":"` + record + `","records":[{"current":"` + record + `","reason":"` + reason + `","state":"` + state + `"}],"state":"` + state + `","validity_cache_update":"none"}]`
	}
	moduletest.Table(t, Module, acct, []moduletest.Row{
		{"enable_dkim?domain=example.com", `[{"domain":"example.com","msg":"[ADD:` + at + `]","status":1}]`},
		{"enable_dkim?domain=example.com", `[{"domain":"example.com","msg":"[KEEP:` + at + `]","status":1}]`},
		{"validate_current_dkims?domain=example.com", state("VALID", "")},
		{"disable_dkim?domain=example.com", `[{"domain":"example.com","msg":"[REMOVE:` + at + `]","status":1}]`},
		{"disable_dkim?domain=example.com", `[{"domain":"example.com","msg":"","status":1}]`},
		{"enable_dkim?domain=example.com", `[{"domain":"example.com","msg":"[ADD:` + at + `]","status":1}]`},
	})
	other := keyText(t, 1024)
	install := func(keys ...string) string {
		return call("install_dkim_private_keys?domain=example.com" + "&key=" + strings.Join(keys, "&key="))
	}
	record, _ = published(other)
	if got := install(url.QueryEscape(other.Reveal())); !strings.Contains(got, "[REPLACE:TXT@default._domainkey.example.com.:"+record) {
		t.Errorf("a key of one's own: %s", got)
	}
	if got := call("validate_current_dkims?domain=example.com"); got != state("VALID", "") {
		t.Errorf("the record of a new key: %s", got)
	}
	_, odd, _ := ed25519.GenerateKey(rand.Reader)
	der, _ := x509.MarshalPKCS8PrivateKey(odd)
	ed := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	for _, bad := range []string{"x", url.QueryEscape(ed), url.QueryEscape(strings.Replace(other.Reveal(), "M", "A", 1))} {
		if got, want := install(bad), `[{"domain":"example.com","msg":"The key must be an RSA private key of 1024 to 4096 bits, as PEM.","status":0}]`; got != want {
			t.Errorf("a bad key: %s", got)
		}
	}
	if got := install("x", "y"); !strings.Contains(got, `"msg":"Give as many keys as domains, in the same order.","status":0`) {
		t.Errorf("two keys for one domain: %s", got)
	}
}

func TestSPF(t *testing.T) {
	ok := func(msg string) string { return `[{"domain":"example.com","msg":"` + msg + `","status":1}]` }
	state := func(state, records string) string {
		return `[{"domain":"example.com","expected":"v=spf1 +a +mx +ip4:192.0.2.1 ~all","ip_address":"192.0.2.1","ip_version":4,"records":[` + records + `],"state":"` + state + `"}]`
	}
	const refused = `[{"domain":"example.com","msg":"An SPF record must begin with “v=spf1” and a space, and have letters, digits and signs of ASCII alone.","status":0}]`
	moduletest.Table(t, Module, hostingtest.New(), []moduletest.Row{
		{"install_spf_records?domain=example.com", "missing: record"},
		{"install_spf_records?domain=example.com&record=hello", refused},
		{"install_spf_records?domain=example.com&record=v%3Dspf10", refused},
		{"install_spf_records?domain=example.com&record=v%3Dspf1+%0Aall", refused},
		{"install_spf_records?domain=example.com&record=v%3Dspf1+mx+-all", ok("[REPLACE:TXT@example.com.:v=spf1 mx -all]")},
		{"validate_current_spfs?domain=example.com", state("VALID", `{"current":"v=spf1 mx -all","reason":"mx","state":"PASS"}`)},
		{"install_spf_records?domain=example.com&record=v%3Dspf1+-all", ok("[REPLACE:TXT@example.com.:v=spf1 -all]")},
		{"validate_current_spfs?domain=example.com", state("MISMATCHED", `{"current":"v=spf1 -all","reason":"-all","state":"FAIL"}`)},
		{"validate_current_spfs?domain=shop.example.com", `[{"domain":"shop.example.com","expected":"v=spf1 +a +mx +ip4:192.0.2.1 ~all","ip_address":"192.0.2.1","ip_version":4,"records":[],"state":"MISSING"}]`},
	})
}

// TestSPFWords: what records say of an address.
func TestSPFWords(t *testing.T) {
	z, err := hostingtest.New().Zones().Zone(t.Context(), "example.com")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ record, ip, want string }{
		{"v=spf1 a -all", "192.0.2.1", "PASS"},
		{"v=spf1 a:mail.example.com -all", "192.0.2.1", "PASS"}, // an alias
		{"v=spf1 mx ?all", "192.0.2.1", "PASS"},
		{"v=spf1 a mx ~all", "192.0.2.2", "SOFTFAIL"},
		{"v=spf1 ip4:192.0.2.0/24 -all", "192.0.2.2", "PASS"},
		{"v=spf1 IP4:192.0.2.2", "192.0.2.2", "PASS"},
		{"v=spf1 ip4:192.0.2.2", "192.0.2.3", "NEUTRAL"},
		{"v=spf1 ip6:2001:db8::/32 -all", "2001:db8::5", "PASS"},
		{"v=spf1 include:example.org -all", "192.0.2.2", "TEMPERROR"},
		{"v=spf1 a include:example.org -all", "192.0.2.1", "PASS"},
		{"v=spf1 a:example.org -all", "192.0.2.1", "TEMPERROR"},
		{"v=spf1 a/24 -all", "192.0.2.9", "TEMPERROR"},
		{"v=spf1 redirect=example.org", "192.0.2.1", "TEMPERROR"},
		{"v=spf1 exp=why.example.org -all", "192.0.2.9", "FAIL"},
		{"v=spf1", "192.0.2.9", "NEUTRAL"},
	} {
		if got, why := spf(z, "example.com", row.record, netip.MustParseAddr(row.ip)); got != row.want {
			t.Errorf("%s of %s: %s (%s), want %s", row.record, row.ip, got, why, row.want)
		}
	}
}

func TestDMARC(t *testing.T) {
	row := func(record, state, e string) string {
		return `[{"domain":"example.com","error":"` + e + `","record":"` + record + `","state":"` + state + `","subdomain":"_dmarc.example.com","suggested":"v=DMARC1; p=none;"}]`
	}
	const refused = `[{"domain":"example.com","msg":"A DMARC record must begin with “v=DMARC1;” and have a policy: p=none, p=quarantine or p=reject.","status":0}]`
	moduletest.Table(t, Module, hostingtest.New(), []moduletest.Row{
		{"validate_current_dmarcs?domain=example.com", row("", "MISSING", "")},
		{"apply_dmarc?domain=example.com", "missing: policy"},
		{"apply_dmarc?domain=example.com&policy=p%3Dnone", refused},
		{"apply_dmarc?policy=v%3DDMARC1%3Bp%3Dmaybe", refused},
		{"apply_dmarc?policy=v%3DDMARC1%3B+p%3Dreject%3B", `[{"domain":"example.com","msg":"[ADD:TXT@_dmarc.example.com.:v=DMARC1; p=reject;]","status":1}]`},
		{"validate_current_dmarcs", row("v=DMARC1; p=reject;", "VALID", "")},
		{"remove_dmarc?domain=example.com", `[{"domain":"example.com","msg":"[REMOVE:TXT@_dmarc.example.com.:v=DMARC1; p=reject;]","status":1}]`},
		{"validate_current_ptrs?domain=example.com", `[{"arpa_domain":"1.2.0.192.in-addr.arpa","domain":"example.com","error":"This server does not look up the names of addresses: ask a resolver for the PTR record.","helo":"host.example.net","ip_address":"192.0.2.1","ip_version":4,"nameservers":[],"ptr_records":[],"state":"ERROR"}]`},
	})
}

func TestArpa(t *testing.T) {
	for ip, want := range map[string]string{
		"192.0.2.1":   "1.2.0.192.in-addr.arpa",
		"2001:db8::1": "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
	} {
		if got := arpa(netip.MustParseAddr(ip)); got != want {
			t.Errorf("arpa(%s) = %s, want %s", ip, got, want)
		}
	}
}

// FuzzKey: what is taken for a key can be published and read again.
func FuzzKey(f *testing.F) {
	key, _ := rsa.GenerateKey(rand.Reader, 1024)
	f.Add(pemOf(key).Reveal())
	f.Add("-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----\n")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := readKey(latchkey.NewSecret(text))
		if err != nil {
			if latchkey.KindOf(err) != latchkey.Invalid {
				t.Fatal(err)
			}
			return
		}
		if record, err := published(pemOf(key)); err != nil || !hosting.BeginsWith(record, hosting.DKIMVersion) || value(record, "p") == "" {
			t.Fatalf("%q, %v", record, err)
		}
	})
}
