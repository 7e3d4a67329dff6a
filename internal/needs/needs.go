// Package needs finds, for tests, what they cannot do without: the programs of other
// people that they run, ports for these to listen on, and what only root may do.
package needs

import (
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// Program is where a program is. Where it is missing the test is skipped and says
// so; in CI it fails.
func Program(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		Missing(t, "%s is missing; scripts/test-deps installs it", program)
	}
	return path
}

// Root says that the test has to be run by root, for some reason.
func Root(t testing.TB, why string) {
	t.Helper()
	if os.Geteuid() != 0 {
		Missing(t, "this test needs root: %s", why)
	}
}

// Missing ends a test that lacks something: it is skipped and says so; in CI it fails.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf("SKIPPED: "+format, args...)
}

// Port is a port of this machine for a program that is to listen there, by TCP and
// UDP, in a moment. Nobody has it, and nobody gets it who asks the system for any port
// or connects to somebody: it lies below those.
func Port(t testing.TB) string {
	t.Helper()
	port, err := FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// FreePort is [Port] where there is no test yet.
func FreePort() (string, error) {
	const first, end = 20000, 32000 // Linux gives out those from 32768 on
	for range 200 {
		port := strconv.Itoa(first + rand.N(end-first))
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		u, err := net.ListenPacket("udp", "127.0.0.1:"+port)
		l.Close()
		if err == nil {
			u.Close()
			return port, nil
		}
	}
	return "", errors.New("no port is free for TCP and UDP")
}
