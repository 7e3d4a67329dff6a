// Package needs finds, for tests, what they cannot do without: the programs of other
// people that they run, and what only root may do.
package needs

import (
	"os"
	"os/exec"
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
