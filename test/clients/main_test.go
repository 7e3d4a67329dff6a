// Package clients runs programs that other people wrote for cPanel's API,
// unmodified, against a sandbox. Each is asked what it got back, and the server
// is asked, with another credential, whether it is so.
//
// It is a module of its own: what these clients depend on is no concern of the
// server's. What they need beside Go modules, scripts/test-deps installs.
package clients

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// TestMain runs the tests inside a sandbox of the program as it is built: there
// they find its addresses and secrets in the environment. Where these are set
// already, the tests run against that server.
func TestMain(m *testing.M) {
	if os.Getenv("LATCHKEY_URL") != "" {
		os.Exit(m.Run())
	}
	code, err := runInside()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// runInside builds the program, and runs this test again as the command of its
// sandbox.
func runInside() (int, error) {
	dir, err := os.MkdirTemp("", "latchkey-clients-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "latchkey")
	build := exec.Command("go", "build", "-o", program, "./cmd/latchkey")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("building the program: %w\n%s", err, out)
	}
	cmd := exec.Command(program, append([]string{"sandbox", "--ports", "0", "--"}, os.Args...)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	err = cmd.Run()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return failed.ExitCode(), nil
	}
	return 0, err
}

// skip says that something is not here: a failure in CI.
func skip(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s: scripts/test-deps installs it", what)
	}
	t.Skipf("SKIPPED: %s; scripts/test-deps installs it", what)
}
