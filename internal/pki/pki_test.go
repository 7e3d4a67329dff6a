package pki_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
	"github.com/latchkey/latchkey/internal/pki/pkitest"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newKey(t *testing.T, kind pki.KeyType) pki.Key {
	t.Helper()
	k, err := pki.NewKey(kind)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestKeys: what is made is what it says, and comes back from its text.
func TestKeys(t *testing.T) {
	for kind, want := range map[pki.KeyType]string{
		pki.RSA2048: "rsaEncryption 2048  512 0 2048-bit RSA", pki.RSA4096: "rsaEncryption 4096  1024 0 4096-bit RSA",
		pki.P256: "id-ecPublicKey 0 prime256v1 0 66 ECDSA prime256v1", pki.P384: "id-ecPublicKey 0 secp384r1 0 98 ECDSA secp384r1",
	} {
		k := newKey(t, kind)
		if got := fmt.Sprint(k.Algorithm(), " ", k.Bits(), " ", k.Curve(), " ", len(k.Modulus()), " ", len(k.Point()), " ", k.String()); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
		again, err := pki.ParseKey(k.PEM())
		if err != nil || !again.Same(k.Public) || again.ID() != k.ID() || again.Type() != kind {
			t.Errorf("%s from its text: %v", kind, err)
		}
		public, err := pki.ParsePublic(k.Bytes())
		if err != nil || !public.Same(k.Public) {
			t.Errorf("%s from its bytes: %v", kind, err)
		}
		if !regexp.MustCompile(`^[0-9a-f]{5}_[0-9a-f]{5}_[0-9a-f]{32}$`).MatchString(k.ID()) {
			t.Errorf("the ID of %s is %s", kind, k.ID())
		}
		if text := fmt.Sprintf("%v %+v %#v %s", k, k, k, k.PEM()); strings.Trim(text, "* ") != "" {
			t.Errorf("%s prints as %s", kind, text)
		}
	}
	if newKey(t, pki.P256).Same(newKey(t, pki.P256).Public) || (pki.Public{}).Same(pki.Public{}) {
		t.Error("two keys are the same")
	}
	if _, err := pki.NewKey("dsa"); latchkey.KindOf(err) != latchkey.Invalid {
		t.Errorf("a key of no type: %v", err)
	}
}

// TestPoint: the compressed point is one that the library reads as the same key.
func TestPoint(t *testing.T) {
	for range 20 {
		k := newKey(t, pki.P256)
		point, err := hex.DecodeString(k.Point())
		if err != nil {
			t.Fatal(err)
		}
		x, y := elliptic.UnmarshalCompressed(elliptic.P256(), point)
		all, err := k.Signer().Public().(*ecdsa.PublicKey).Bytes()
		if err != nil || x == nil {
			t.Fatalf("Point = %s, %v", k.Point(), err)
		}
		if got := slices.Concat([]byte{4}, x.FillBytes(make([]byte, 32)), y.FillBytes(make([]byte, 32))); !bytes.Equal(got, all) {
			t.Fatalf("Point = %s of %x", k.Point(), all)
		}
	}
}

// TestTexts: texts as clients send them are read, and others refused in words.
func TestTexts(t *testing.T) {
	ca := pkitest.New(t, noon)
	key := ca.Key()
	cert := ca.Issue(key, "example.com")
	good, secret := cert.PEM(), key.PEM().Reveal()
	for what, text := range map[string]string{
		"as it is": good, "with CRLF": strings.ReplaceAll(good, "\n", "\r\n"), "percent-encoded": url.PathEscape(good),
		"percent-encoded as a form":  strings.ReplaceAll(url.QueryEscape(good), "+", "%20"),
		"in lower case":              strings.NewReplacer("%2B", "%2b", "%2F", "%2f", "%0A", "%0a", "%3D", "%3d").Replace(strings.ReplaceAll(url.QueryEscape(good), "+", "%20")),
		"on one line":                strings.ReplaceAll(good, "\n", ""),
		"with spaces for line ends":  strings.ReplaceAll(good, "\n", " "),
		"without an end of the line": strings.TrimSpace(good), "with text around": "subject=x\nissuer=y\n" + good + "\ntrailer",
		"with a chain": good + ca.Chain().PEM(), "with its key": good + secret, "after its key": secret + good,
		"with a byte order mark": "\ufeff" + good, "by an old name": strings.ReplaceAll(good, "CERTIFICATE", "X509 CERTIFICATE"),
	} {
		c, chain, err := pki.ParseCertificate(text)
		if err != nil || c.ID() != cert.ID() || (len(chain) == 2) != (what == "with a chain") {
			t.Errorf("a certificate %s: %d above, %v", what, len(chain), err)
		}
	}
	for what, text := range map[string]string{
		"nothing": "", "no PEM": "hello", "half": good[:len(good)/2], "with + as spaces": strings.ReplaceAll(good, "A", " ="), "a key": secret,
		"no end":    strings.ReplaceAll(good, "END", "FIN"),
		"no body":   "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
		"no DER":    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"a zero":    strings.Replace(good, "\n", "\x00\n", 1),
		"too large": strings.Repeat(good, 200), "too many": strings.Repeat(good, 20),
	} {
		if _, _, err := pki.ParseCertificate(text); latchkey.KindOf(err) != latchkey.Invalid {
			t.Errorf("a certificate with %s: %v", what, err)
		}
	}
	if chain, err := pki.ParseChain(" \n"); chain != nil || err != nil {
		t.Errorf("a chain of nothing: %v, %v", chain, err)
	}
}

// TestKeyTexts: keys are read in every form that programs write them.
func TestKeyTexts(t *testing.T) {
	r, e := newKey(t, pki.RSA2048), newKey(t, pki.P256)
	block := func(kind string, der []byte, err error) latchkey.Secret {
		if err != nil {
			t.Fatal(err)
		}
		return latchkey.NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
	}
	eight := func(k any) latchkey.Secret {
		der, err := x509.MarshalPKCS8PrivateKey(k)
		return block("PRIVATE KEY", der, err)
	}
	ec := e.Signer().(*ecdsa.PrivateKey)
	sec1, err := x509.MarshalECPrivateKey(ec)
	curve := block("EC PARAMETERS", []byte{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}, nil)
	for what, c := range map[string]struct {
		text latchkey.Secret
		want pki.Key
	}{
		"PKCS 1": {r.PEM(), r}, "PKCS 8": {eight(r.Signer()), r}, "PKCS 8 of ECDSA": {eight(ec), e},
		"SEC 1":                 {block("EC PRIVATE KEY", sec1, err), e},
		"SEC 1 after its curve": {latchkey.NewSecret(curve.Reveal() + block("EC PRIVATE KEY", sec1, err).Reveal()), e},
		"percent-encoded":       {latchkey.NewSecret(url.PathEscape(r.PEM().Reveal())), r},
	} {
		if k, err := pki.ParseKey(c.text); err != nil || !k.Same(c.want.Public) {
			t.Errorf("a key as %s: %v", what, err)
		}
	}

	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plain := r.PEM().Reveal()
	for what, c := range map[string]struct{ text, want string }{
		"of 1024 bits":  {eight(small).Reveal(), "1024 bits"},
		"of Ed25519":    {eight(ed).Reveal(), "neither RSA nor ECDSA"},
		"on P-521":      {eight(p521).Reveal(), "curve"},
		"encrypted":     {"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----", "passphrase"},
		"encrypted, 8":  {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----", "passphrase"},
		"cut off":       {plain[:400], "damaged"},
		"with bits off": {strings.Replace(plain, plain[200:260], strings.Repeat("A", 60), 1), "cannot be read"},
		"that is none":  {newKeyless(t), "no private key"},
	} {
		k, err := pki.ParseKey(latchkey.NewSecret(c.text))
		if latchkey.KindOf(err) != latchkey.Invalid || !strings.Contains(err.Error(), c.want) || k.Signer() != nil {
			t.Errorf("a key %s: %v, want an error with %q", what, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), plain[200:220]) {
			t.Errorf("a key %s: the error holds some of it", what)
		}
	}
}

func newKeyless(t *testing.T) string {
	ca := pkitest.New(t, noon)
	return ca.Issue(ca.Key(), "example.com").PEM()
}

// TestNames: what a certificate is for.
func TestNames(t *testing.T) {
	ca := pkitest.New(t, noon)
	key := ca.Key()
	cert := ca.Issue(key, "Example.COM", "*.example.com", "example.com", "bad name", "x.example.org")
	if got := cert.Names(); !slices.Equal(got, []string{"example.com", "*.example.com", "x.example.org"}) {
		t.Errorf("Names = %q", got)
	}
	for host, want := range map[latchkey.Domain]bool{
		"example.com": true, "www.example.com": true, "a.www.example.com": false, "xexample.com": false, "com": false, "": false,
		".example.com": true, "x.example.org": true, "*.example.com": true, "example.org": false, "www.x.example.org": false,
	} {
		if host != ".example.com" && cert.Covers(host) != want {
			t.Errorf("Covers(%s) = %v", host, !want)
		}
	}
	if id := cert.ID(); !regexp.MustCompile(`^example_com_[0-9a-f]{5}_[0-9a-f]{5}_` + fmt.Sprint(cert.NotAfter.Unix()) + `_[0-9a-f]{32}$`).MatchString(id) {
		t.Errorf("ID = %s", id)
	}
	if id := ca.Issue(key, "*.example.com").ID(); !strings.HasPrefix(id, "_wildcard__example_com_") {
		t.Errorf("the ID of a wildcard is %s", id)
	}
	for _, c := range []struct {
		at   time.Time
		good bool
	}{{noon, true}, {noon.AddDate(0, 0, 90), true}, {noon.AddDate(0, 0, 90).Add(time.Second), false}, {noon.Add(-time.Hour - 4*time.Minute), true}, {noon.Add(-2 * time.Hour), false}} {
		if err := cert.CheckTime(c.at); (err == nil) != c.good {
			t.Errorf("CheckTime(%s): %v", c.at, err)
		}
	}
	self, err := pki.SelfSign(key, pki.Subject{Names: []string{"example.com"}}, noon)
	if err != nil || !self.SelfSigned() || cert.SelfSigned() {
		t.Errorf("SelfSign: %v; of an authority's: %v", err, cert.SelfSigned())
	}
	if err := self.VerifyHostname("example.com"); err != nil {
		t.Error(err)
	}
}

// TestCommonName: of a certificate without a list of names the common name counts,
// as long as it is one of a host.
func TestCommonName(t *testing.T) {
	key := newKey(t, pki.P256)
	for cn, want := range map[string]string{"example.com": "example.com", "Some Authority": "", "192.0.2.1": "", "": "", "*.example.com": "*.example.com", "a..b": "", "*": ""} {
		c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cn}, NotBefore: noon, NotAfter: noon.Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, c, c, key.Signer().Public(), key.Signer())
		if err != nil {
			t.Fatal(err)
		}
		parsed, _, err := pki.ParseCertificate(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
		if err != nil || strings.Join(parsed.Names(), " ") != want {
			t.Errorf("a certificate for %q has the names %q, %v", cn, parsed.Names(), err)
		}
	}
}

// TestAbove: chains are put in their order, and what is not part of them is left out.
func TestAbove(t *testing.T) {
	ca, other := pkitest.New(t, noon), pkitest.New(t, noon)
	cert := ca.Issue(ca.Key(), "example.com")
	for what, c := range map[string]struct{ pool, want pki.Chain }{
		"in order": {ca.Chain(), ca.Chain()}, "turned round": {pki.Chain{ca.Root, ca.Middle}, ca.Chain()}, "twice": {slices.Repeat(ca.Chain(), 3), ca.Chain()},
		"another's": {other.Chain(), nil}, "both": {slices.Concat(other.Chain(), ca.Chain()), ca.Chain()}, "the root alone": {pki.Chain{ca.Root}, nil},
		"itself": {pki.Chain{cert.Certificate, ca.Middle}, pki.Chain{ca.Middle}}, "nothing": {nil, nil},
	} {
		got := cert.Above(c.pool)
		if !slices.EqualFunc(got, c.want, (*x509.Certificate).Equal) {
			t.Errorf("Above(%s): %d certificates, want %d", what, len(got), len(c.want))
		}
	}
}

// FuzzCertificate: whatever the text, what is read comes back from its own text.
func FuzzCertificate(f *testing.F) {
	ca := pkitest.New(f, noon)
	cert := ca.Issue(ca.Key(), "example.com")
	for _, text := range []string{cert.PEM(), cert.PEM() + ca.Chain().PEM(), url.PathEscape(cert.PEM()), "-----BEGIN X-----", ca.Key().PEM().Reveal()} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, chain, err := pki.ParseCertificate(text)
		if err != nil {
			words(t, err)
			return
		}
		again, above, err := pki.ParseCertificate(c.PEM() + chain.PEM())
		if err != nil || again.ID() != c.ID() || len(above) != len(chain) || !bytes.Equal(again.Raw, c.Raw) {
			t.Fatalf("read, written and read again: %v", err)
		}
		for _, n := range c.Names() {
			if strings.ContainsAny(n, "/ \n\x00") || !strings.HasPrefix(n, "*.") && !c.Covers(latchkey.Domain(n)) {
				t.Fatalf("is for %q", n)
			}
		}
		c.Above(chain)
		if strings.ContainsAny(c.ID(), "/. \n") {
			t.Fatalf("ID = %q", c.ID())
		}
	})
}

// FuzzKey: whatever the text, it is read or refused in words that hold none of it.
func FuzzKey(f *testing.F) {
	for _, kind := range []pki.KeyType{pki.RSA2048, pki.P256} {
		k, err := pki.NewKey(kind)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(k.PEM().Reveal())
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := pki.ParseKey(latchkey.NewSecret(text))
		if err != nil {
			words(t, err)
			return
		}
		again, err := pki.ParseKey(k.PEM())
		if err != nil || !again.Same(k.Public) {
			t.Fatalf("read, written and read again: %v", err)
		}
	})
}

// FuzzRequest: whatever the text, it is read or refused in words.
func FuzzRequest(f *testing.F) {
	k, err := pki.NewKey(pki.P256)
	if err != nil {
		f.Fatal(err)
	}
	r, err := pki.NewRequest(k, pki.Subject{Names: []string{"example.com"}, Country: "US", Mail: "a@example.com"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(r.PEM())
	f.Fuzz(func(t *testing.T, text string) {
		r, err := pki.ParseRequest(text)
		if err != nil {
			words(t, err)
			return
		}
		if again, err := pki.ParseRequest(r.PEM()); err != nil || again.ID() != r.ID() {
			t.Fatalf("read, written and read again: %v", err)
		}
	})
}

// words checks that an error is one for the caller.
func words(t *testing.T, err error) {
	t.Helper()
	if e := latchkey.AsError(err); e.Kind != latchkey.Invalid || e.Msg == "" || len(e.Msg) > 500 {
		t.Fatalf("an error for nobody: %v", err)
	}
}
