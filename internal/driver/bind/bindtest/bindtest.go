// Package bindtest runs BIND for tests.
package bindtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/driver/bind"
	"github.com/latchkey/latchkey/internal/needs"
)

// BIND is a BIND under test, which serves nothing yet, on this machine alone.
type BIND struct {
	Dir     string   // for its files
	Address string   // where it is asked
	Rndc    []string // the command that reaches it
}

// Start runs BIND until the test ends. Without BIND the test is skipped; in CI
// it fails.
func Start(t testing.TB) *BIND {
	t.Helper()
	dir := t.TempDir()
	key, port, control := filepath.Join(dir, "rndc.key"), needs.Port(t), needs.Port(t)
	if err := bind.EnsureKey(key); err != nil {
		t.Fatal(err)
	}
	policies := filepath.Join(dir, "zones", bind.PoliciesFile) // of a part that puts its zones there
	if err := os.MkdirAll(filepath.Dir(policies), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(policies, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf(`include %q;
include %q;
options {
	directory %q; pid-file none; session-keyfile none; listen-on port %s { 127.0.0.1; }; listen-on-v6 { none; };
	recursion no; notify no; dnssec-validation no; allow-new-zones yes; empty-zones-enable no;
};
controls { inet 127.0.0.1 port %s allow { 127.0.0.1; } keys { %q; }; };
`, key, policies, dir, port, control, bind.KeyName)
	b := &BIND{Dir: dir, Address: "127.0.0.1:" + port, Rndc: []string{"rndc", "-s", "127.0.0.1", "-p", control, "-k", key}}
	Run(t, dir, conf, func() bool { return exec.Command(b.Rndc[0], append(b.Rndc[1:], "status")...).Run() == nil })
	return b
}

// StartNSD runs NSD instead, which takes zone files from the directory zones of Dir.
func StartNSD(t testing.TB) *BIND {
	t.Helper()
	program, control := needs.Program(t, "nsd"), needs.Program(t, "nsd-control")
	dir, port := t.TempDir(), needs.Port(t)
	file := func(name string) string { return filepath.Join(dir, name) }
	if err := os.Mkdir(file("zones"), 0o755); err != nil {
		t.Fatal(err)
	}
	// A socket's path may have 107 bytes, and that of a test's directory is long.
	short, err := os.MkdirTemp("", "nsd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	socket := filepath.Join(short, "control")
	conf := fmt.Sprintf("server:\n ip-address: 127.0.0.1@%s\n username: \"\"\n zonesdir: %q\n database: \"\"\n pidfile: %q\n xfrdfile: %q\n xfrdir: %q\n zonelistfile: %q\n server-count: 1\n"+
		"remote-control:\n control-enable: yes\n control-interface: %q\npattern:\n name: %q\n zonefile: %q\n",
		port, dir, file("pid"), file("xfrd"), dir, file("list"), socket, bind.Pattern, file("zones/%s.db"))
	if err := os.WriteFile(file("nsd.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	b := &BIND{Dir: dir, Address: "127.0.0.1:" + port, Rndc: []string{control, "-c", file("nsd.conf"), "-s", socket}}
	Daemon(t, func() bool { return exec.Command(control, append(b.Rndc[1:], "status")...).Run() == nil }, program, "-d", "-c", file("nsd.conf"))
	return b
}

// Run runs named with a configuration, which it puts into dir, until the test ends,
// and returns when it is ready.
func Run(t testing.TB, dir, conf string, ready func() bool) {
	t.Helper()
	program, file := needs.Program(t, "named"), filepath.Join(dir, "named.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	Daemon(t, ready, program, "-g", "-n", "1", "-c", file)
}

// Daemon runs a program until the test ends, and returns when it is ready.
func Daemon(t testing.TB, ready func() bool, program string, args ...string) {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(cmd) })
	for end := time.Now().Add(20 * time.Second); !ready(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			stop(cmd)
			t.Fatalf("%s is not ready:\n%s", filepath.Base(program), said.String())
		}
	}
}

// stop ends a program: by its own way if it has one, so that its children end too.
func stop(cmd *exec.Cmd) {
	_ = cmd.Process.Signal(os.Interrupt)
	patience := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
	defer patience.Stop()
	_ = cmd.Wait()
}
