package ssl_test

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki/pkitest"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/test/testserver"
)

// whm calls functions of the administrator. An answer is JSON and a warning, or
// "kind: text".
type whm struct {
	*testing.T
	*testserver.Server
}

func (w whm) answer(function string, args ...string) string {
	w.T.Helper()
	res := w.Call(call.WHM, "root", "", function, args...)
	if res.Err != nil {
		return res.Err.Kind.String() + ": " + res.Err.Msg
	}
	return string(encode.Append(nil, res.Data)) + strings.Join(res.Warnings, " ")
}

func (w whm) wants(function string, args []string, wants ...string) {
	w.T.Helper()
	got := w.answer(function, args...)
	for _, want := range wants {
		if not, no := strings.CutPrefix(want, "!"); no && strings.Contains(got, not) || !no && !strings.Contains(got, want) {
			w.Errorf("%s %.60q\n got %s\nwant %s", function, args, got, want)
		}
	}
}

func TestHost(t *testing.T) {
	w := whm{t, testserver.New(t)}
	ca := pkitest.New(t, w.Now())
	key := ca.Key()
	cert := ca.Issue(key, "example.com", "www.example.com")
	secret, text, chain := key.PEM().Reveal(), cert.PEM(), ca.Chain().PEM()
	quoted := strings.ReplaceAll(secret, "\n", `\n`)

	w.wants("fetch_vhost_ssl_components", nil, `{"components":[]}`)
	w.wants("installssl", []string{"domain", "example.com", "crt", text, "key", secret, "cab", chain}, `"action":"install"`)
	w.wants("fetch_vhost_ssl_components", nil, `"cabundle":"-----BEGIN`, `"certificate_id":"`+cert.ID(), `"key":"`+quoted, `"servername":"example.com"`)
	w.wants("fetchsslinfo", []string{"domain", "www.example.com"}, `"crt_origin":"demo"`, `"key":"`+quoted, `"user":"demo"`)
	w.wants("fetchsslinfo", []string{"crtdata", text}, `"key":"`+quoted)
	w.wants("fetchsslinfo", []string{"crtdata", ca.Issue(ca.Key(), "example.com").PEM()}, "not-found: ")
	w.wants("fetchsslinfo", []string{"domain", "nobody.example"}, "not-found: ")
	w.wants("fetchsslinfo", nil, "missing: ")
	w.wants("fetchcrtinfo", []string{"user", "demo", "id", cert.ID()}, `"key":"`+quoted, `"is_self_signed":0`)
	w.wants("fetchcrtinfo", []string{"user", "other", "id", cert.ID()}, "not-found: ")
	w.UAPI("other", "SSL", "upload_cert", "crt", text)
	w.wants("fetch_ssl_certificates_for_fqdns", []string{"domains", "example.com,example.net"}, `"users":["demo","other"]`, `"key":"`+quoted)
	w.wants("fetch_ssl_certificates_for_fqdns", []string{"domains", "example.net"}, `{"payload":[]}`)
	w.wants("rebuilduserssldb", nil, "null")
	w.wants("rebuildinstalledssldb", nil, "null")
	w.wants("is_sni_supported", nil, `{"sni":1}`)
	w.wants("mail_sni_status", []string{"domain", "example.com"}, `{"enabled":0}`)
	w.wants("enable_mail_sni", []string{"domain", "example.com"}, "role-off: ")

	w.wants("generatessl", []string{"domains", "new.example,www.new.example", "countryName", "US", "keysize", "2048"},
		`"cert":"-----BEGIN CERTIFICATE-----`, `"csr":"-----BEGIN CERTIFICATE REQUEST-----`, `"key":"-----BEGIN RSA PRIVATE KEY-----`, `"sender":"root"`, "keep the private key")
	w.wants("generatessl", []string{"domains", "new.example", "skip_certificate", "1"}, `"csr":`, `!"cert"`)
	w.wants("generatessl", []string{"domains", "a b,"}, "invalid: ")

	two := ca.Issue(key, "example.net")
	w.wants("enqueue_deferred_ssl_installations", []string{"username", "demo", "vhost_name", "example.com", "crt", text, "key", secret, "cab", "",
		"username-1", "other", "vhost_name-1", "example.net", "crt-1", two.PEM(), "key-1", secret, "cab-1", chain}, "null")
	if got := w.Web.Site("example.net"); got == nil || got.Certificate == nil || !got.Certificate.Leaf.Equal(two.Certificate) {
		t.Errorf("the second site is served under %v", got)
	}
	w.wants("enqueue_deferred_ssl_installations", []string{"username", "demo", "vhost_name", "example.com", "vhost_name-1", "example.net", "crt", text, "key", secret}, "invalid: Give as many")
	w.wants("enqueue_deferred_ssl_installations", []string{"username", "demo", "vhost_name", "example.net", "crt", two.PEM(), "key", secret}, "not-found: The web site “example.net”: ")
}

// TestService: the server's own certificate is installed, shown, and taken away,
// and never its key.
func TestService(t *testing.T) {
	w := whm{t, testserver.New(t)}
	ca := pkitest.New(t, w.Now())
	key := ca.Key()
	cert := ca.Issue(key, "host.example.org")
	secret := key.PEM().Reveal()
	w.wants("fetch_service_ssl_components", nil, `{"services":[]}`)
	w.wants("install_service_ssl_certificate", []string{"service", "cpanel", "crt", cert.PEM(), "key", secret, "cabundle", ca.Chain().PEM()}, `"service":"cpanel"`, `"domains":["host.example.org"]`, "!PRIVATE")
	w.wants("fetch_service_ssl_components", nil, `"certificate":"-----BEGIN`, `"id":"`+cert.ID(), "!PRIVATE")
	w.wants("get_best_ssldomain_for_service", []string{"service", "whostmgr"}, `"cert_match_method":"hostname"`, `"is_currently_valid":1`, `"ssldomain":"host.example.org"`)
	w.wants("get_best_ssldomain_for_service", []string{"service", "ftp"}, "invalid: ")
	w.wants("install_service_ssl_certificate", []string{"service", "cpanel", "crt", ca.Issue(key, "example.com").PEM(), "key", secret}, "invalid: The certificate is not for the domain “host.example.org”")
	w.wants("install_service_ssl_certificate", []string{"service", "cpanel", "crt", cert.PEM(), "key", ca.Key().PEM().Reveal()}, "invalid: The private key does not belong")
	w.wants("install_service_ssl_certificate", []string{"service", "exim", "crt", cert.PEM(), "key", secret}, "role-off: ")
	w.wants("install_service_ssl_certificate", []string{"service", "cpanel", "crt", "x", "key", secret}, "invalid: ")
	// It is there after a new start, and gone when it has ended.
	shown := func() *tls.Certificate {
		c, err := w.Estate.OwnCertificate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if c := shown(); c == nil || !c.Leaf.Equal(cert.Certificate) || len(c.Certificate) < 2 {
		t.Error("the doors are not to show it, and what is above it, after a new start")
	}
	w.Wait(200 * 24 * time.Hour)
	if c := shown(); c != nil {
		t.Error("the doors are to show a certificate that has ended")
	}
	w.wants("reset_service_ssl_certificate", []string{"service", "dovecot"}, "role-off: ")
	w.wants("reset_service_ssl_certificate", []string{"service", "cpanel"}, `"service":"cpanel"`)
	w.wants("fetch_service_ssl_components", nil, `{"services":[]}`)

	w.WHM("setupreseller", "user", "demo", "makeowner", "1")
	w.WHM("setacls", "reseller", "demo", "acl-ssl", "1", "acl-ssl-info", "1", "acl-ssl-gencrt", "1")
	for _, function := range []string{"install_service_ssl_certificate", "reset_service_ssl_certificate", "fetch_service_ssl_components", "disable_autossl"} {
		if res := w.Call(call.WHM, "demo", "", function, "service", "cpanel", "crt", cert.PEM(), "key", secret); latchkey.KindOf(res.Err) != latchkey.Denied && latchkey.KindOf(res.Err) != latchkey.NotHere {
			t.Errorf("a reseller calls %s: %v", function, res.Err)
		}
	}
}

func TestHostAutoSSL(t *testing.T) {
	w := whm{t, testserver.New(t)}
	w.wants("get_autossl_providers", nil, `{"payload":[]}`)
	w.wants("get_autossl_check_schedule", nil, "unavailable: AutoSSL is off")
	w.wants("start_autossl_check_for_all_users", nil, "unavailable: ")
	w.wants("start_autossl_check_for_one_user", []string{"username", "demo"}, "unavailable: ")
	w.wants("set_autossl_provider", []string{"provider", "LetsEncrypt"}, "unavailable: ")
	w.wants("disable_autossl", nil, "null")
	w.wants("get_autossl_logs_catalog", nil, `{"payload":[]}`)
	w.wants("get_autossl_log", []string{"start_time", "2016-06-09T14:25:37.000Z"}, "not-found: ")
	w.wants("get_autossl_log", []string{"start_time", "yesterday"}, "invalid: ")
	w.wants("get_autossl_problems_for_user", []string{"username", "demo"}, `{"problems_by_domain":[]}`)
	w.wants("get_autossl_problems_for_domain", []string{"domain", "www.example.com"}, `{"problems_by_domain":[]}`)
	w.wants("get_autossl_problems_for_domain", []string{"domain", "nobody.example"}, "not-found: ")
	w.wants("add_autossl_user_excluded_domains", []string{"username", "demo", "domain", "www.example.com", "domain-1", "mail.example.com"}, "null")
	w.wants("get_autossl_user_excluded_domains", []string{"username", "demo"}, `{"payload":[{"excluded_domain":"mail.example.com"},{"excluded_domain":"www.example.com"}]}`)
	w.wants("remove_autossl_user_excluded_domains", []string{"username", "demo", "domain-1", "mail.example.com"}, "null")
	w.wants("set_autossl_user_excluded_domains", []string{"username", "demo", "domain", "example.net"}, "invalid: ")
	w.wants("get_autossl_user_excluded_domains", []string{"username", "demo"}, `{"payload":[{"excluded_domain":"www.example.com"}]}`)
	w.wants("set_autossl_user_excluded_domains", []string{"username", "demo"}, "null")
	w.wants("get_autossl_user_excluded_domains", []string{"username", "demo"}, `{"payload":[]}`)
	w.wants("set_autossl_metadata_key", []string{"key", "clobber_externally_signed", "value", "1"}, "null")
	w.wants("get_autossl_metadata", nil, `"clobber_externally_signed":1`, `"notify_autossl_expiry":0`)
	w.wants("set_autossl_metadata_key", []string{"key", "notify_autossl_expiry", "value", "1"}, "invalid: This server sends no mails")
	w.wants("set_autossl_metadata_key", []string{"key", "notify_autossl_expiry", "value", "0"}, "null")
	w.wants("set_autossl_metadata_key", []string{"key", "other", "value", "0"}, "invalid: There is no setting")
	w.wants("set_autossl_metadata", []string{"metadata_json", `{"notify_autossl_renewal":"0"}`}, "null")
	w.wants("get_autossl_metadata", nil, `"clobber_externally_signed":0`)
	w.wants("set_autossl_metadata", []string{"metadata_json", `{"notify_autossl_renewal":"1"}`}, "invalid: ")
	w.wants("set_autossl_metadata", []string{"metadata_json", `nonsense`}, "invalid: ")
}
