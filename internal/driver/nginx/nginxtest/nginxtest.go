// Package nginxtest runs an nginx of a test's own, on loopback.
package nginxtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/needs"
)

// Program is an nginx that serves the sites in the folder sites of Dir.
type Program struct {
	Dir     string
	Command []string // asks it to look at its files again, with more arguments
	Config  string   // its own file
}

// New makes the files of an nginx in a folder of the test. It does not run yet.
func New(t testing.TB) Program {
	t.Helper()
	dir := t.TempDir()
	p := Program{Dir: dir, Config: filepath.Join(dir, "nginx.conf")}
	p.Command = []string{needs.Program(t, "nginx"), "-c", p.Config}
	who := ""
	if os.Getuid() == 0 {
		who = "user root;\n"
	}
	text := fmt.Sprintf("worker_processes 2;\npid %s/pid;\nerror_log %s/log notice;\nevents {}\nhttp {\n\taccess_log off;\n\tclient_body_temp_path %s/body;\n\tproxy_temp_path %s/proxy;\n\tinclude %s/sites/*.conf;\n}\n", dir, dir, dir, dir, dir)
	if err := os.WriteFile(p.Config, []byte(who+text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// Start runs it until the test has ended.
func (p Program) Start(t testing.TB) {
	t.Helper()
	cmd := exec.Command(p.Command[0], append(p.Command[1:], "-g", "daemon off;")...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(p.Dir, "pid")); err == nil {
			return
		}
	}
	text, _ := os.ReadFile(filepath.Join(p.Dir, "log"))
	t.Fatalf("nginx does not start\n%s", text)
}
