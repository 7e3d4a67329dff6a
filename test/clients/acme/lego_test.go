package acme

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	legoacme "github.com/go-acme/lego/v5/acme"
	"github.com/go-acme/lego/v5/certcrypto"
	"github.com/go-acme/lego/v5/certificate"
	"github.com/go-acme/lego/v5/challenge/dns01"
	"github.com/go-acme/lego/v5/lego"
	"github.com/go-acme/lego/v5/providers/dns/cpanel"
	"github.com/go-acme/lego/v5/registration"
)

// member is lego's account at Pebble.
type member struct {
	key crypto.Signer
	is  *legoacme.ExtendedAccount
}

func (m *member) GetEmail() string                           { return "owner@example.com" }
func (m *member) GetRegistration() *legoacme.ExtendedAccount { return m.is }
func (m *member) GetPrivateKey() crypto.Signer               { return m.key }

// TestLego lets lego get a certificate for a domain and all names below it with a
// token that can do nothing but that, and installs it with another that can do
// nothing else; then the site shows it.
func TestLego(t *testing.T) {
	if os.Getenv(methodVar) != "http-01" {
		t.Skip("the same in every sandbox")
	}
	user, domain := os.Getenv("LATCHKEY_USER"), os.Getenv("LATCHKEY_DOMAIN")
	prove := limited(t, "prove", "certificates_dns", "zone", domain)
	install := limited(t, "install", "certificates_install", "host", domain)

	got := obtain(t, user, prove, domain, "*."+domain)
	if a := calls(t, user, prove, "SSL/install_ssl", "domain", domain, "cert", string(got.Certificate), "key", string(got.PrivateKey), "cabundle", string(got.IssuerCertificate)); a.Status != 0 {
		t.Error("a token for challenges installs certificates")
	}
	if a := calls(t, user, install, "SSL/install_ssl", "domain", os.Getenv("LATCHKEY_OTHER_DOMAIN"), "cert", string(got.Certificate), "key", string(got.PrivateKey)); a.Status != 0 {
		t.Error("a certificate is installed for another account's domain")
	}
	does(t, user, install, "SSL/install_ssl", "domain", domain, "cert", string(got.Certificate), "key", string(got.PrivateKey), "cabundle", string(got.IssuerCertificate))
	for _, name := range []string{domain, "www." + domain} {
		shown, err := served(t, name)
		if err != nil {
			t.Fatalf("the site %s: %v", name, err)
		}
		if want := []string{"*." + domain, domain}; !slices.Equal(slices.Sorted(slices.Values(shown.DNSNames)), want) {
			t.Errorf("the site %s shows a certificate for %q, want %q", name, shown.DNSNames, want)
		}
	}
	does(t, user, os.Getenv("LATCHKEY_TOKEN"), "SSL/delete_ssl", "domain", domain)
	if _, err := served(t, domain); err == nil {
		t.Error("the certificate is shown after it was deleted")
	}
}

// obtain lets lego get a certificate by records in a zone.
func obtain(t *testing.T, user, token string, names ...string) *certificate.Resource {
	t.Helper()
	servers := []string{os.Getenv("LATCHKEY_DNS")}
	dns01.SetDefaultClient(dns01.NewClient(&dns01.Options{RecursiveNameservers: servers}))
	t.Cleanup(func() { dns01.SetDefaultClient(dns01.NewClient(nil)) })
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	who := &member{key: key}
	config := lego.NewConfig(who)
	config.CADirURL = "https://" + os.Getenv(pebbleVar) + "/dir"
	config.HTTPClient = clientFor(t, filepath.Join(os.Getenv(dirVar), "pebble.pem"))
	client, err := lego.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	settings := cpanel.NewDefaultConfig()
	settings.Mode, settings.BaseURL, settings.Username, settings.Token = "cpanel", os.Getenv("LATCHKEY_URL"), user, token
	settings.HTTPClient = clientFor(t, os.Getenv("LATCHKEY_CA"))
	provider, err := cpanel.NewDNSProviderConfig(settings)
	if err != nil {
		t.Fatal(err)
	}
	// The name servers that the zone names are not on this machine's port 53.
	if err := client.Challenge.SetDNS01Provider(provider, dns01.DisableAuthoritativeNssPropagationRequirement(), dns01.DisableRecursiveNSsPropagationRequirement()); err != nil {
		t.Fatal(err)
	}
	if who.is, err = client.Registration.Register(t.Context(), registration.RegisterOptions{TermsOfServiceAgreed: true}); err != nil {
		t.Fatal(err)
	}
	got, err := client.Certificate.Obtain(t.Context(), certificate.ObtainRequest{Domains: names, KeyType: certcrypto.EC256})
	if err != nil {
		t.Fatalf("lego gets no certificate for %q: %v", names, err)
	}
	return got
}

func clientFor(t *testing.T, file string) *http.Client {
	t.Helper()
	c, err := trusting(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}
