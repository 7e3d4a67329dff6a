package server

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var (
	noon  = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	names = []string{"host.example.org", "localhost", "127.0.0.1", "::1"}
)

// certify is LocalCertificate that must succeed, and what the authority's file
// holds then.
func certify(t *testing.T, dir string, names []string, now time.Time) (tls.Certificate, []byte) {
	t.Helper()
	cert, file, err := LocalCertificate(dir, names, now)
	if err != nil {
		t.Fatalf("LocalCertificate(%v, %v): %v", names, now, err)
	}
	authority, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return cert, authority
}

// trusting is a pool that holds the authority alone.
func trusting(t testing.TB, authority []byte) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		t.Fatal("the authority's file holds no certificate")
	}
	return pool
}

func TestLocalCertificate(t *testing.T) {
	dir := t.TempDir()
	cert, authority := certify(t, dir, names, noon)
	opts := x509.VerifyOptions{Roots: trusting(t, authority), CurrentTime: noon}
	for _, name := range names {
		if opts.DNSName = name; name == "::1" {
			opts.DNSName = "[::1]"
		}
		if _, err := cert.Leaf.Verify(opts); err != nil {
			t.Errorf("verifying for %s: %v", name, err)
		}
	}
	for _, name := range []string{"example.org", "a.host.example.org", "192.0.2.1"} {
		opts.DNSName = name
		if _, err := cert.Leaf.Verify(opts); err == nil {
			t.Errorf("the certificate is good for %s, too", name)
		}
	}
	if cert.Leaf.IsCA {
		t.Error("the certificate may sign others")
	}
	for name, want := range map[string]fs.FileMode{"ca.key": 0o600, "server.key": 0o600, "ca.pem": 0o644, "server.pem": 0o644} {
		if is, err := os.Stat(filepath.Join(dir, name)); err != nil || is.Mode() != want {
			t.Errorf("%s has mode %v, %v, want %v", name, is.Mode(), err, want)
		}
	}
}

func TestLocalCertificateRenewed(t *testing.T) {
	for _, test := range []struct {
		name  string
		names []string
		after time.Duration
		harm  string // a file that is cut short meanwhile
		want  bool
	}{
		{"at once", names, 0, "", false},
		{"after 11 months", names, 330 * 24 * time.Hour, "", false},
		{"in its last month", names, 340 * 24 * time.Hour, "", true},
		{"after its end", names, 2 * 365 * 24 * time.Hour, "", true},
		{"one name more", append([]string{"www.example.org"}, names...), 0, "", true},
		{"one name less", names[1:], 0, "", true},
		{"one address less", names[:3], 0, "", true},
		{"another name", append([]string{"new.example.org"}, names[1:]...), 0, "", true},
		{"key damaged", names, 0, "server.key", true},
		{"certificate damaged", names, 0, "server.pem", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			was, authority := certify(t, dir, names, noon)
			if test.harm != "" {
				if err := os.Truncate(filepath.Join(dir, test.harm), 100); err != nil {
					t.Fatal(err)
				}
			}
			now := noon.Add(test.after)
			is, still := certify(t, dir, test.names, now)
			if got := !bytes.Equal(is.Leaf.Raw, was.Leaf.Raw); got != test.want {
				t.Errorf("made anew: %v, want %v", got, test.want)
			}
			if !bytes.Equal(authority, still) {
				t.Error("the authority has changed")
			}
			for _, name := range test.names[:1] {
				if _, err := is.Leaf.Verify(x509.VerifyOptions{Roots: trusting(t, authority), CurrentTime: now, DNSName: name}); err != nil {
					t.Errorf("verifying for %s: %v", name, err)
				}
			}
		})
	}
}
