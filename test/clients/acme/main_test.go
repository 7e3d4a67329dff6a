// Package acme gets certificates from Pebble, a certificate authority for tests,
// for domains of a sandbox: with lego, a client of other people's, and by AutoSSL.
// Nothing leaves the machine: Pebble asks the sandbox's own name server, and comes
// to its own web server.
package acme

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Variables by which the tests inside a sandbox know what was made outside.
const (
	dirVar    = "ACME_TEST_DIR"    // where Pebble and its certificate are
	pebbleVar = "ACME_TEST_PEBBLE" // where it is to listen
	rootsVar  = "ACME_TEST_ROOTS"  // where it is to tell its roots
	methodVar = "ACME_TEST_METHOD" // how the sandbox's AutoSSL proves names

	ownName = "host.example.com" // the sandbox's own, in the zone of its first account
)

// TestMain runs the tests inside sandboxes of the program as it is built, one for
// each way in which AutoSSL proves names.
func TestMain(m *testing.M) {
	if os.Getenv(methodVar) != "" {
		os.Exit(inside(m))
	}
	code, err := outside()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// outside builds the programs, and runs this test again as the command of each
// sandbox.
func outside() (code int, err error) {
	dir, err := os.MkdirTemp("", "latchkey-acme-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	for _, build := range [][]string{
		{filepath.Join("..", "..", ".."), "-o", filepath.Join(dir, "latchkey"), "./cmd/latchkey"},
		{".", "-o", filepath.Join(dir, "pebble"), "github.com/letsencrypt/pebble/v2/cmd/pebble"},
	} {
		cmd := exec.Command("go", append([]string{"build"}, build[1:]...)...)
		cmd.Dir = build[0]
		if out, err := cmd.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("building %s: %w\n%s", build[2], err, out)
		}
	}
	if err := certify(dir); err != nil {
		return 0, err
	}
	for _, method := range []string{"http-01", "wildcard"} {
		if code, err = insideSandbox(dir, method); code != 0 || err != nil {
			return code, err
		}
	}
	return 0, nil
}

func insideSandbox(dir, method string) (int, error) {
	pebble, err := freePort()
	if err != nil {
		return 0, err
	}
	roots, err := freePort()
	if err != nil {
		return 0, err
	}
	args := append([]string{"sandbox", "--ports", "0", "--autossl", method, "--autossl-directory", "https://" + pebble + "/dir",
		"--autossl-ca", filepath.Join(dir, "pebble.pem"), "--autossl-own", "--hostname", ownName, "--"}, os.Args...)
	cmd := exec.Command(filepath.Join(dir, "latchkey"), args...)
	cmd.Env = append(os.Environ(), dirVar+"="+dir, pebbleVar+"="+pebble, rootsVar+"="+roots, methodVar+"="+method)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	err = cmd.Run()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return failed.ExitCode(), nil
	}
	return 0, err
}

// freePort is an address where a program may listen in a moment: below those that the
// system gives to who asks for any.
func freePort() (address string, err error) {
	for range 200 {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+mathrand.N(12000))); err == nil {
			defer l.Close()
			return l.Addr().String(), nil
		}
	}
	return "", err
}

// certify makes the certificate that Pebble itself listens with.
func certify(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pebble"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "pebble.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(filepath.Join(dir, "pebble.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
}
