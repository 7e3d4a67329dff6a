package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/latchkey/latchkey/internal/durable"
)

// Names of the files in the data directory.
const (
	authorityFile = "ca.pem"
	authorityKey  = "ca.key"
	ownFile       = "server.pem"
	ownKey        = "server.key"
)

// LocalCertificate is a certificate for names, signed by an authority of this
// server alone, both kept in dir and made where missing. The certificate is
// made anew when it is about to end or names others; the authority, which
// clients may have been told to trust, lasts. It returns the authority's file.
func LocalCertificate(dir string, names []string, now time.Time) (tls.Certificate, string, error) {
	authority := filepath.Join(dir, authorityFile)
	ca, err := load(authority, filepath.Join(dir, authorityKey))
	if errors.Is(err, fs.ErrNotExist) {
		ca, err = issue(dir, authorityFile, authorityKey, &x509.Certificate{
			Subject: pkix.Name{CommonName: "Latchkey local authority"}, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
			KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, NotAfter: now.AddDate(10, 0, 0),
		}, nil, now)
	}
	if err != nil {
		return ca, "", err
	}
	own, err := load(filepath.Join(dir, ownFile), filepath.Join(dir, ownKey))
	if err == nil && serves(own, ca, names, now) {
		return own, authority, nil
	}
	own, err = issue(dir, ownFile, ownKey, leafFor(names, now), &ca, now)
	return own, authority, err
}

func leafFor(names []string, now time.Time) *x509.Certificate {
	c := &x509.Certificate{
		Subject: pkix.Name{CommonName: names[0]}, NotAfter: now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, n)
		}
	}
	return c
}

// serves reports whether own will do for a while yet, for these names and no
// others.
func serves(own, ca tls.Certificate, names []string, now time.Time) bool {
	want := leafFor(names, now)
	return own.Leaf.NotAfter.Sub(now) > 30*24*time.Hour && own.Leaf.CheckSignatureFrom(ca.Leaf) == nil &&
		slices.Equal(own.Leaf.DNSNames, want.DNSNames) && slices.EqualFunc(own.Leaf.IPAddresses, want.IPAddresses, net.IP.Equal)
}

func load(certFile, keyFile string) (tls.Certificate, error) {
	if _, err := os.Stat(certFile); err != nil {
		return tls.Certificate{}, err
	}
	return tls.LoadX509KeyPair(certFile, keyFile)
}

// issue makes a key and a certificate for it, signed by ca or by itself. The
// key is on the disk before the certificate: a crash between leaves no
// certificate without a key.
func issue(dir, certFile, keyFile string, c *x509.Certificate, ca *tls.Certificate, now time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	if c.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return tls.Certificate{}, err
	}
	c.NotBefore = now.Add(-time.Hour)
	parent, signer := c, any(key)
	if ca != nil {
		parent, signer = ca.Leaf, ca.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		return tls.Certificate{}, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if ca != nil {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Leaf.Raw})...)
	}
	if err := durable.WriteFile(filepath.Join(dir, keyFile), keyPEM, 0o600); err != nil {
		return tls.Certificate{}, fmt.Errorf("keeping the key of a certificate: %w", err)
	}
	if err := durable.WriteFile(filepath.Join(dir, certFile), chain, 0o644); err != nil {
		return tls.Certificate{}, fmt.Errorf("keeping a certificate: %w", err)
	}
	return tls.X509KeyPair(chain, keyPEM)
}
