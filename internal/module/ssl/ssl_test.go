package ssl

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/grant"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/moduletest"
	"github.com/latchkey/latchkey/internal/pki"
	"github.com/latchkey/latchkey/internal/pki/pkitest"
)

// bench is an account, an authority and some of what it has signed.
type bench struct {
	*testing.T
	acct hosting.Account
	ca   *pkitest.CA
	key  pki.Key
	cert *pki.Certificate
}

func newBench(t *testing.T) *bench {
	acct := hostingtest.New()
	acct.Machine.Web = true
	acct.Own(latchkey.AddonDomain, "addon.example", "addon")
	ca := pkitest.New(t, acct.Now())
	key := ca.Key()
	return &bench{t, acct, ca, key, ca.Issue(key, "example.com", "www.example.com", "other.example")}
}

func (b *bench) call(format string, args ...any) string {
	b.Helper()
	return moduletest.Call(b.T, Module, b.acct, fmt.Sprintf(format, args...))
}

// calls makes calls, each of whose answers must have some texts.
func (b *bench) calls(rows ...[]string) {
	b.Helper()
	for _, row := range rows {
		got := moduletest.Call(b.T, Module, b.acct, row[0])
		for _, want := range row[1:] {
			if not, ok := strings.CutPrefix(want, "!"); ok == strings.Contains(got, cmpOr(not, want, ok)) {
				b.Errorf("%.200s\n got %s\nwant %s", row[0], got, want)
			}
		}
	}
}

func cmpOr(not, want string, is bool) string {
	if is {
		return not
	}
	return want
}

func q(text string) string { return url.QueryEscape(text) }

func quoted(text string) string { return strings.ReplaceAll(text, "\n", `\n`) }

// TestKeep: keys, requests and certificates from their making to their end.
func TestKeep(t *testing.T) {
	b := newBench(t)
	made := b.call("generate_key?friendly_name=mine")
	id := regexp.MustCompile(`"id":"([^"]+)"`).FindStringSubmatch(made)[1]
	if !regexp.MustCompile(`^\{"created":1767268800,"friendly_name":"mine","id":"[0-9a-f]{5}_[0-9a-f]{5}_[0-9a-f]{32}","ecdsa_curve_name":null,"ecdsa_public":null,"key_algorithm":"rsaEncryption","modulus":"[0-9a-f]{512}","modulus_length":2048,"text":"-----BEGIN RSA PRIVATE KEY-----\\n.*"\}$`).MatchString(made) {
		t.Errorf("generate_key answers %s", made)
	}
	const subject = "&countryName=US&stateOrProvinceName=Texas&localityName=Houston&organizationName=The+Organization"
	listed := strings.Split(made, `,"text"`)[0] + "}"
	key := b.key.PEM().Reveal()
	b.calls(
		[]string{"list_keys", listed, "!PRIVATE"},
		[]string{"show_key?id=" + id, listed[:len(listed)-1], `"key":"-----BEGIN RSA PRIVATE KEY-----`},
		[]string{"show_key?friendly_name=mine", `"friendly_name":"mine"`},
		[]string{"show_key", "missing: id"},
		[]string{"show_key?id=none", "not-found: There is no such private key"},
		[]string{"generate_key?keytype=rsa-2048&keysize=2048", "invalid: Give only one"},
		[]string{"generate_key?keysize=1024", "invalid: A private key cannot have 1024 bits"},
		[]string{"generate_key?keytype=ed25519", "invalid: The “keytype” argument is invalid"},
		[]string{"generate_key?friendly_name=mine", "exists: That friendly name is taken"},
		[]string{"set_default_key_type?type=ecdsa-secp384r1", "null"},
		[]string{"generate_key", `"ecdsa_curve_name":"secp384r1"`, `"key_algorithm":"id-ecPublicKey","modulus":null,"modulus_length":null`, `"friendly_name":"ECDSA secp384r1 (2026-01-01 12:00:00 UTC)"`},
		[]string{"set_default_key_type?type=system", "null"},
		[]string{"generate_key?keytype=ecdsa-prime256v1", `"ecdsa_curve_name":"prime256v1"`},
		[]string{"upload_key?key=" + q(key), `[{"created":`, `"id":"` + b.key.ID() + `"`, "!PRIVATE"},
		[]string{"upload_key?key=" + q(q(key)), "invalid: The private key is"},
		[]string{"upload_key?key=" + q(strings.ReplaceAll(url.PathEscape(key), "+", "%2B")), `"id":"` + b.key.ID() + `"`},
		[]string{"upload_key?key=" + q(b.cert.PEM()), "invalid: The text holds no private key."},
		[]string{"set_key_friendly_name?id=" + id + "&friendly_name=mine&new_friendly_name=ours", "{}"},
		[]string{"set_key_friendly_name?friendly_name=mine&new_friendly_name=ours", "not-found: There is no such private key"},

		[]string{"generate_csr?domains=example.com,*.example.com&friendly_name=req&key_id=" + id + subject,
			`"commonName":"example.com","domains":["example.com","*.example.com"]`, `"friendly_name":"req","id":"example_com_`, `"text":"-----BEGIN CERTIFICATE REQUEST-----\n`, `"modulus_length":2048`},
		[]string{"generate_csr?domains=exa_mple..com&key_id=" + id + subject, "invalid: "},
		[]string{"generate_csr?domains=example.com&key_id=" + id, "missing: countryName"},
		[]string{"generate_csr?domains=example.com&key_id=none" + subject, "not-found: There is no such private key"},
		[]string{"list_csrs", `"commonName":"example.com"`, `"friendly_name":"req"`},
		[]string{"show_csr?friendly_name=req", `{"csr":"-----BEGIN CERTIFICATE REQUEST-----\n`, `"countryName":"US","emailAddress":"","localityName":"Houston","organizationName":"The Organization","organizationalUnitName":"","stateOrProvinceName":"Texas"}`, `"text":"Certificate request\n`},
		[]string{"find_csrs_for_key?id=" + id, `"friendly_name":"req"`},
		[]string{"find_csrs_for_key?id=" + b.key.ID(), `[]`},
		[]string{"set_csr_friendly_name?friendly_name=req&new_friendly_name=again", "{}"},

		[]string{"generate_cert?domains=example.com&friendly_name=own&key_id=" + id + subject, `"is_self_signed":1`, `"friendly_name":"own"`, `"domain_is_configured":1`, `"text":"-----BEGIN CERTIFICATE-----\n`},
		[]string{"upload_cert?crt=" + q(b.cert.PEM()+b.ca.Chain().PEM()), `[{"created":1767268800,"domain_is_configured":1,"friendly_name":"example.com","domains":["example.com","www.example.com","other.example"],"id":"` + b.cert.ID() +
			`","is_self_signed":0,"issuer.commonName":"Test Authority","issuer.organizationName":"Test","issuer_text":"organizationName\nTest\ncommonName\nTest Authority","not_after":1775044800,"not_before":1767265200,"serial":"3","signature_algorithm":"ecdsa-with-SHA256","subject.commonName":"example.com","subject_text":"commonName\nexample.com","validation_type":null,"ecdsa_curve_name":"prime256v1","ecdsa_public":"` + b.key.Point() + `","key_algorithm":"id-ecPublicKey","modulus":null,"modulus_length":null}]`},
		[]string{"upload_cert?crt=hello", "invalid: The certificate is not in the PEM format"},
		[]string{"list_certs", `"friendly_name":"own"`, `"friendly_name":"example.com"`},
		[]string{"show_cert?id=" + b.cert.ID(), `{"cert":"` + quoted(b.cert.PEM()) + `","details":{`, `"issuer":{"commonName":"Test Authority","countryName":""`, `"text":"Certificate\n    Serial number: 3\n`},
		[]string{"find_certificates_for_key?id=" + b.key.ID(), `"id":"` + b.cert.ID() + `"`, "!own"},
		[]string{"get_cabundle?cert=" + q(b.ca.Issue(b.ca.Key(), "addon.example").PEM()), `"cab":"` + quoted(b.ca.Chain().PEM()) + `","domain":"addon.example"}`},
		[]string{"get_cabundle?cert=" + q(pkitest.New(t, b.acct.At()).Issue(b.key, "addon.example").PEM()), "not-found: The account has no certificate of the authority “Test Authority”"},
		[]string{"list_ssl_items?domains=other.example", `[{"host":"other.example","id":"` + b.key.ID() + `","type":"key"},{"host":"other.example","id":"` + b.cert.ID() + `","type":"crt"}]`},
		[]string{"list_ssl_items?item=csr", `"type":"csr"`, `!"type":"crt"`},

		[]string{"fetch_best_for_domain?domain=www.example.com", `{"cab":"` + quoted(b.ca.Chain().PEM()) + `","crt":"` + quoted(b.cert.PEM()) + `","crt_origin":"demo","domain":"www.example.com","ip":"192.0.2.1","key":"` + quoted(key) + `","key_origin":"demo","searched_users":["demo"],"status":1,"statusmsg":"ok","user":"demo"}`},
		[]string{"fetch_best_for_domain?domain=addon.example", "not-found: There is no valid certificate for the domain “addon.example”"},
		[]string{"fetch_certificates_for_fqdns?domains=other.example,none.example", `[{"cab":"-----BEGIN`, `"key":"` + quoted(key), `"verify_error":""`, `"id":"` + b.cert.ID()},
		[]string{"fetch_certificates_for_fqdns?domains=none.example", `[]`},
		[]string{"fetch_cert_info?id=" + b.cert.ID(), `"certificate":"` + quoted(b.cert.PEM()), `"is_self_signed":0,"key":"` + quoted(key), `"subject.commonName_ip":"example.com"`},
		[]string{"fetch_key_and_cabundle_for_certificate?certificate=" + q(b.cert.PEM()), `"key":"` + quoted(key), `"domain":"example.com"`},
		[]string{"fetch_key_and_cabundle_for_certificate?certificate=" + q(b.ca.Issue(b.ca.Key(), "example.com").PEM()), "not-found: There is no such private key"},

		[]string{"set_cert_friendly_name?friendly_name=own&new_friendly_name=example.com", "exists: That friendly name is taken"},
		[]string{"delete_cert?friendly_name=own", `"friendly_name":"own"`},
		[]string{"delete_cert?friendly_name=own", "not-found: "},
		[]string{"delete_csr?friendly_name=again", `"commonName":"example.com"`},
		[]string{"delete_key?id=" + id, `"friendly_name":"ours"`, "!PRIVATE"},
		[]string{"list_csrs", `[]`},
	)
}

// TestInstall: a certificate is installed, shown and taken away.
func TestInstall(t *testing.T) {
	b := newBench(t)
	key, cert, chain := q(b.key.PEM().Reveal()), q(b.cert.PEM()), q(b.ca.Chain().PEM())
	message := "The SSL certificate is now installed onto the domain “www.example.com” using the IP address “192.0.2.1”."
	b.calls(
		[]string{"installed_hosts", "[]"},
		[]string{"installed_host?domain=example.com", `{"certificate":null,"host":"example.com"}`},
		[]string{"install_ssl?domain=www.example.com&cert=" + cert + "&key=" + key + "&cabundle=" + chain, `{"action":"install","cert_id":"` + b.cert.ID() + `","domain":"www.example.com","extra_certificate_domains":["other.example"],"html":"` + message +
			`","ip":"192.0.2.1","key_id":"` + b.key.ID() + `","message":"` + message + `","statusmsg":"` + message + `","user":"demo","warning_domains":["mail.example.com"],"working_domains":["example.com","www.example.com"]}`},
		[]string{"installed_hosts", `[{"certificate":{"is_autossl":0,"domains":["example.com","www.example.com","other.example"],"id":"` + b.cert.ID(), `"certificate_text":"` + quoted(b.cert.PEM()) + `","docroot":"/home/demo/public_html","domains":["example.com","mail.example.com","www.example.com"],"fqdns":["example.com","mail.example.com","www.example.com"],"ip":"192.0.2.1","is_primary_on_ip":0,"mail_sni_status":0,"needs_sni":1,"servername":"example.com"}]`, "!PRIVATE"},
		[]string{"installed_host", `"host":"example.com"}`, `"id":"` + b.cert.ID(), "!verify_error"},
		[]string{"installed_host?domain=mail.example.com&verify_certificate=1", `"verify_error":""`},
		[]string{"installed_host?domain=none.example", "not-found: You do not have a web site with the domain “none.example”."},
		[]string{"install_ssl?domain=example.com&cert=" + cert, `"action":"update"`},
		[]string{"install_ssl?domain=addon.example&cert=" + cert + "&key=" + key, "invalid: The certificate is not for the domain “addon.example”: it is for “example.com”, “www.example.com”, “other.example”."},
		[]string{"install_ssl?domain=example.com&cert=" + cert + "&key=" + q(b.ca.Key().PEM().Reveal()), "invalid: The private key does not belong to the certificate"},
		[]string{"install_ssl?domain=example.com&cert=" + q(b.ca.Expired(b.key, "example.com").PEM()) + "&key=" + key, "invalid: The certificate has expired on "},
		[]string{"install_ssl?domain=example.com&cert=" + cert + "&key=" + key + "&cabundle=" + q(pkitest.New(t, b.acct.At()).Chain().PEM()), "invalid: The CA bundle does not belong to the certificate"},
		[]string{"install_ssl?domain=example.com&cert=" + cert + "&key=x", "invalid: The private key is not in the PEM format"},
		[]string{"install_ssl?domain=other.example&cert=" + cert + "&key=" + key, "not-found: You do not have a web site with the domain “other.example”."},
		[]string{"install_ssl?domain=example.com&key=" + key, "missing: cert"},
		[]string{"toggle_ssl_redirect_for_domains?domains=example.com,www.example.com&state=1", `["example.com","www.example.com"]`},
		[]string{"toggle_ssl_redirect_for_domains?domains=example.com,addon.example&state=1", "invalid: There is no certificate installed for the web site “addon.example”."},
		[]string{"toggle_ssl_redirect_for_domains?domains=example.com", "missing: state"},
		[]string{"delete_ssl?domain=example.com", "{}"},
		[]string{"delete_ssl?domain=example.com", "invalid: There is no certificate installed for the web site “example.com”."},
		[]string{"installed_hosts", "[]"},
		[]string{"list_certs", b.cert.ID()},
		[]string{"is_sni_supported", "1"}, []string{"can_ssl_redirect", "1"}, []string{"is_mail_sni_supported", "0"}, []string{"check_shared_cert", "0"},

		[]string{"2:installssl?domain=example.com&crt=" + cert + "&key=" + key + "&cab=" + chain, `[{"output":"The SSL certificate is now installed onto the domain “example.com”`, `"result":1}]`},
		[]string{"2:installssl?domain=addon.example&crt=" + cert + "&key=" + key, `[{"output":"The certificate is not for the domain “addon.example”`, `"result":0}] and failed: The certificate is not for`},
		[]string{"2:uploadkey?key=" + key, `[{"output":"The private key is kept.","result":1}]`},
		[]string{"2:uploadkey?key=x", `"result":0`},
		[]string{"2:uploadcrt?crt=" + cert, `[{"output":"The certificate is kept.","result":1}]`},
		[]string{"2:listcrts", `[{"expiredate":"Apr  1 12:00:00 2026 GMT","host":"example.com","issuer":"CN=Test Authority,O=Test","ssltxt":"Certificate\n`, `"host":"other.example"`},
		[]string{"2:listkeys", `[{"host":"example.com"},{"host":"www.example.com"},{"host":"other.example"}]`},
		[]string{"2:listcsrs", `[]`},
		[]string{"2:listsslitems?domains=example.com|www.example.com&items=crt", `[{"host":"example.com","type":"crt"},{"host":"www.example.com","type":"crt"}]`},
		[]string{"2:fetchcabundle?crt=" + cert, `[{"bundle":"-----BEGIN`},
	)
}

// TestNarrow: who may install for one host sees what is that host's alone, and no
// private key.
func TestNarrow(t *testing.T) {
	set, err := grant.Parse("SSL:write(host=example.com)")
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	own := b.ca.Issue(b.key, "example.com", "www.example.com")
	foreign, secret := b.ca.Issue(b.ca.Key(), "addon.example"), b.ca.Key()
	for _, c := range []*pki.Certificate{own, foreign} {
		b.calls([]string{"upload_cert?crt=" + q(c.PEM()), c.ID()})
	}
	b.calls([]string{"upload_key?key=" + q(secret.PEM().Reveal()), secret.ID()}, []string{"upload_key?key=" + q(b.key.PEM().Reveal()), b.key.ID()})
	b.acct = hosting.Narrow(b.acct, func(things ...latchkey.Resource) error {
		if set.Covers(latchkey.Called{Module: "SSL", Name: "install_ssl", Write: true}, things...) {
			return nil
		}
		return latchkey.Errorf(latchkey.Denied, "no grant")
	})
	b.calls(
		[]string{"list_certs", own.ID(), "!" + foreign.ID(), "!addon"},
		[]string{"list_keys", b.key.ID(), "!" + secret.ID()},
		[]string{"list_ssl_items", "!addon.example"},
		[]string{"show_cert?id=" + foreign.ID(), "not-found: There is no such certificate"},
		[]string{"show_key?id=" + b.key.ID(), "denied: no grant"},
		[]string{"upload_key?key=" + q(secret.PEM().Reveal()), "denied: no grant"},
		[]string{"upload_cert?crt=" + q(foreign.PEM()), "denied: no grant"},
		[]string{"install_ssl?domain=addon.example&cert=" + q(foreign.PEM()), "denied: no grant"},
		[]string{"install_ssl?domain=none.example&cert=" + q(foreign.PEM()), "denied: no grant"},
		[]string{"install_ssl?domain=example.com&cert=" + q(b.ca.Issue(secret, "example.com").PEM()), "invalid: Give the private key of the certificate with it"},
		// Whoever knows a public key can have a certificate made for it: that does not
		// make the private one, which is kept here, that of the host.
		[]string{"upload_cert?crt=" + q(b.ca.Issue(secret, "example.com").PEM()), "denied: no grant"},
		[]string{"list_keys", b.key.ID(), "!" + secret.ID()},
		[]string{"install_ssl?domain=example.com&cert=" + q(b.ca.Issue(secret, "example.com").PEM()), "invalid: Give the private key of the certificate with it"},
		[]string{"delete_key?id=" + secret.ID(), "not-found: "},
		[]string{"upload_cert?crt=" + q(b.ca.Issue(b.ca.Key(), "example.com").PEM()), `"id":"example_com`},
		[]string{"install_ssl?domain=www.example.com&cert=" + q(own.PEM()), `"action":"install"`, `"key_id":"` + b.key.ID()},
		[]string{"installed_hosts", own.ID(), "!addon"},
		[]string{"installed_host?domain=addon.example", "not-found: "},
		[]string{"delete_ssl?domain=addon.example", "denied: no grant"},
		[]string{"toggle_ssl_redirect_for_domains?domains=example.com,addon.example&state=1", "denied: no grant"},
		[]string{"delete_ssl?domain=example.com", "{}"},
	)
}
