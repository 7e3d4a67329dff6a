package estate_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki/pkitest"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/test/testserver"
)

// TestInstallServes: what is installed is served when the answer comes, with its
// chain and its key; and what cannot be served is, as soon as it can be.
func TestInstallServes(t *testing.T) {
	s := testserver.New(t)
	ca := pkitest.New(t, s.Now())
	c := accountOf(t, s, "demo").Certificates()
	key := ca.Key()
	install := func() error {
		cert := ca.Issue(key, "example.com")
		_, err := c.Install(t.Context(), "example.com", hosting.Installation{Certificate: cert, Key: key, Chain: ca.Chain()})
		return err
	}
	if err := install(); err != nil {
		t.Fatal(err)
	}
	served := s.Web.Site("example.com")
	if served == nil || served.Certificate == nil || served.SecureOnly || served.Root != "public_html" {
		t.Fatalf("served is %+v", served)
	}
	handshake(t, served.Certificate, ca.Roots(), "example.com")

	s.Web.Fail(errors.New("no"))
	err := install()
	if latchkey.KindOf(err) != latchkey.Unavailable || !strings.Contains(err.Error(), "go on with it by itself") {
		t.Errorf("Install with a web server that fails: %v", err)
	}
	s.Estate.Repair(t.Context())
	if now := s.Web.Site("example.com"); now != served {
		t.Error("a web server that fails serves another certificate")
	}
	s.Web.Fail(nil)
	s.Estate.Repair(t.Context())
	sites, err := c.Sites(t.Context())
	if err != nil || s.Web.Site("example.com") == served || !s.Web.Site("example.com").Certificate.Leaf.Equal(sites[0].Certificate.Certificate) {
		t.Errorf("after Repair the site is served as it was: %v", err)
	}
	if err := c.Uninstall(t.Context(), "example.com"); err != nil || s.Web.Site("example.com").Certificate != nil {
		t.Errorf("after Uninstall: %v, %+v", err, s.Web.Site("example.com"))
	}
}

// handshake checks that a certificate is one that who trusts in roots takes.
func handshake(t *testing.T, c *tls.Certificate, roots *x509.CertPool, name string) {
	t.Helper()
	pool := x509.NewCertPool()
	for _, der := range c.Certificate[1:] {
		above, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		pool.AddCert(above)
	}
	if _, err := c.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: pool, CurrentTime: testserver.Start}); err != nil {
		t.Error(err)
	}
	if key, ok := c.PrivateKey.(crypto.Signer); !ok || !c.Leaf.PublicKey.(*ecdsa.PublicKey).Equal(key.Public()) {
		t.Error("the key is not that of the certificate")
	}
}

// TestSites: sites are found by every name they have, and by no other.
func TestSites(t *testing.T) {
	s := testserver.New(t)
	ids := map[string]latchkey.AccountID{}
	for _, name := range []latchkey.AccountName{"demo", "other"} {
		acct := accountOf(t, s, name)
		ids[string(name)] = acct.Caller().Account
	}
	own(t, s, "demo", latchkey.SubDomain, "sub.example.com")
	own(t, s, "demo", latchkey.ParkedDomain, "alias.example")
	for name, want := range map[latchkey.Domain]string{
		"example.com": "demo public_html", "www.example.com": "demo public_html", "mail.example.com": "demo public_html", "example.net": "other public_html",
		"sub.example.com": "demo sub.example.com", "www.sub.example.com": "demo sub.example.com", "mail.sub.example.com": "",
		"alias.example": "demo public_html", "mail.alias.example": "demo public_html",
		"no.example.com": "", "www.www.example.com": "", "com": "", "": "", "example.org": "", "*.example.com": "",
	} {
		who, root, _ := strings.Cut(want, " ")
		site, err := s.Estate.Site(t.Context(), name)
		switch {
		case want == "" && latchkey.KindOf(err) != latchkey.NotFound:
			t.Errorf("Site(%s) = %+v, %v, want none", name, site, err)
		case want != "" && (err != nil || site.Account != ids[who] || site.Root != root || site.Certificate != nil):
			t.Errorf("Site(%s) = %+v, %v, want %s", name, site, err, want)
		}
	}
}

func own(t *testing.T, s *testserver.Server, account latchkey.AccountName, kind latchkey.DomainKind, name latchkey.Domain) {
	t.Helper()
	_, err := s.Store.Write(t.Context(), func(tx store.Tx) error {
		a, err := tx.Account(account)
		if err != nil {
			return err
		}
		return tx.InsertDomain(a.ID, latchkey.OwnedDomain{Name: name, Kind: kind, DocumentRoot: string(name), Created: s.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPrivateKeysAreEncrypted: no file of the server holds a private key that can
// be read, nor does the log or the trail.
func TestPrivateKeysAreEncrypted(t *testing.T) {
	s := testserver.New(t)
	ca := pkitest.New(t, s.Now())
	key := ca.Key()
	_, err := accountOf(t, s, "demo").Certificates().Install(t.Context(), "example.com", hosting.Installation{Certificate: ca.Issue(key, "example.com"), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(key.PEM().Reveal(), "\n")
	if text := s.Log.String(); strings.Contains(text, lines[1]) {
		t.Error("the log holds a private key")
	}
	files := 0
	err = filepath.WalkDir(s.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files++
		if strings.Contains(string(b), lines[1]) || strings.Contains(string(b), "PRIVATE KEY") {
			t.Errorf("%s holds a private key", path)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("%d files, %v", files, err)
	}
}
