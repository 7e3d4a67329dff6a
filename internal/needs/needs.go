// Package needs finds, for tests, the programs of other people that they run.
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
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is missing: scripts/test-deps installs it", program)
	default:
		t.Skipf("SKIPPED: %s is missing; scripts/test-deps installs it", program)
	}
	return path
}
