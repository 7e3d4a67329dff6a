// Package pkitest is a certificate authority for tests. Start at [New].
package pkitest

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/pki"
)

// CA is an authority: a root, and one below it that signs certificates.
type CA struct {
	Root, Middle *x509.Certificate

	t   testing.TB
	at  time.Time
	key pki.Key // of Middle
	n   int64
}

// New makes an authority that stands ten years from a year before at.
func New(t testing.TB, at time.Time) *CA {
	t.Helper()
	ca := &CA{t: t, at: at}
	root := ca.Key()
	ca.key = ca.Key()
	ca.Root = ca.sign("Test Root", nil, root, root, nil)
	ca.Middle = ca.sign("Test Authority", nil, ca.key, root, ca.Root)
	return ca
}

// Key makes a private key.
func (ca *CA) Key() pki.Key {
	ca.t.Helper()
	k, err := pki.NewKey(pki.P256)
	if err != nil {
		ca.t.Fatal(err)
	}
	return k
}

// Issue makes a certificate of key for hosts, good for 90 days.
func (ca *CA) Issue(key pki.Key, names ...string) *pki.Certificate {
	ca.t.Helper()
	c, _, err := pki.ParseCertificate(pki.Chain{ca.sign("", names, key, ca.key, ca.Middle)}.PEM())
	if err != nil {
		ca.t.Fatal(err)
	}
	return c
}

// Expired makes a certificate that was good until a day ago.
func (ca *CA) Expired(key pki.Key, names ...string) *pki.Certificate {
	before := ca.at
	defer func() { ca.at = before }()
	ca.at = ca.at.AddDate(0, 0, -91)
	return ca.Issue(key, names...)
}

// Chain is what stands above the certificates that are issued, the nearest first.
func (ca *CA) Chain() pki.Chain { return pki.Chain{ca.Middle, ca.Root} }

// Roots is what to trust to trust in what is issued.
func (ca *CA) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.Root)
	return pool
}

func (ca *CA) sign(authority string, names []string, key, by pki.Key, parent *x509.Certificate) *x509.Certificate {
	ca.t.Helper()
	ca.n++
	c := &x509.Certificate{
		SerialNumber: big.NewInt(ca.n), DNSNames: names, BasicConstraintsValid: true,
		NotBefore: ca.at.Add(-time.Hour), NotAfter: ca.at.AddDate(0, 0, 90),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if authority != "" {
		c.Subject = pkix.Name{CommonName: authority, Organization: []string{"Test"}}
		c.IsCA, c.KeyUsage, c.ExtKeyUsage = true, x509.KeyUsageCertSign, nil
		c.NotBefore, c.NotAfter = ca.at.AddDate(-1, 0, 0), ca.at.AddDate(9, 0, 0)
	} else if len(names) > 0 {
		c.Subject.CommonName = names[0]
	}
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Signer().Public(), by.Signer())
	if err != nil {
		ca.t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		ca.t.Fatal(err)
	}
	return parsed
}
