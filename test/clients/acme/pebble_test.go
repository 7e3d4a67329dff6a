package acme

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// inside runs the tests beside Pebble.
func inside(m *testing.M) int {
	stop, err := startPebble()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stop()
	return m.Run()
}

// startPebble starts Pebble, which asks the sandbox's name server and comes to its
// web server, and returns when it answers.
func startPebble() (stop func(), err error) {
	dir := os.Getenv(dirVar)
	port := func(variable string) int {
		_, port, _ := net.SplitHostPort(os.Getenv(variable))
		n, _ := strconv.Atoi(port)
		return n
	}
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": os.Getenv(pebbleVar), "managementListenAddress": os.Getenv(rootsVar),
		"certificate": filepath.Join(dir, "pebble.pem"), "privateKey": filepath.Join(dir, "pebble.key"),
		"httpPort": port("LATCHKEY_SITES"), "tlsPort": port("LATCHKEY_SITES_TLS"), "keyAlgorithm": "ecdsa",
		"retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles":   map[string]any{"default": map[string]any{"description": "usual", "validityPeriod": 7776000}},
	}})
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, os.Getenv(methodVar)+".json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		return nil, err
	}
	var said bytes.Buffer
	cmd := exec.Command(filepath.Join(dir, "pebble"), "-config", file, "-strict", "-dnsserver", os.Getenv("LATCHKEY_DNS"))
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := roots(); err == nil {
			return func() { _ = cmd.Process.Kill(); <-ended }, nil
		}
		select {
		case <-ended:
			return nil, fmt.Errorf("pebble ends: %s", said.String())
		default:
		}
		if time.Now().After(end) {
			_ = cmd.Process.Kill()
			<-ended
			return nil, fmt.Errorf("pebble does not answer: %s", said.String())
		}
	}
}

// trusting is a client that trusts the certificate in a file.
func trusting(file string) (*http.Client, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}, Timeout: 30 * time.Second}, nil
}

// roots are what trusts Pebble's certificates.
func roots() (*x509.CertPool, error) {
	client, err := trusting(filepath.Join(os.Getenv(dirVar), "pebble.pem"))
	if err != nil {
		return nil, err
	}
	defer client.CloseIdleConnections()
	resp, err := client.Get("https://" + os.Getenv(rootsVar) + "/roots/0")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	pool := x509.NewCertPool()
	if err == nil && !pool.AppendCertsFromPEM(text) {
		err = fmt.Errorf("no root in %q", text)
	}
	return pool, err
}

// served visits a site with TLS as a browser that trusts Pebble does, and returns
// the certificate it shows.
func served(t *testing.T, name string) (*x509.Certificate, error) {
	t.Helper()
	pool, err := roots()
	if err != nil {
		t.Fatal(err)
	}
	d := tls.Dialer{Config: &tls.Config{ServerName: name, RootCAs: pool}}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, err := d.DialContext(ctx, "tcp", os.Getenv("LATCHKEY_SITES_TLS"))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}
