package crash

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/latchkey/latchkey/internal/needs"
)

var disks atomic.Int64

// smallDisk mounts a disk of its own at dir, until lift is called or the test
// ends. Who may not mount skips the test, visibly.
func smallDisk(t *testing.T, dir, size string) (lift func() error) {
	t.Helper()
	name := fmt.Sprintf("latchkey-test-%d-%d", os.Getpid(), disks.Add(1))
	if err := syscall.Mount(name, dir, "tmpfs", 0, "size="+size); err != nil {
		needs.Missing(t, "a small disk cannot be mounted here (run as root): %v", err)
	}
	lift = func() error { return unmount(name) }
	t.Cleanup(func() {
		if err := lift(); err != nil {
			t.Error(err)
		}
	})
	return lift
}

// unmount takes a disk away, wherever it stands by now.
func unmount(name string) error {
	mounts, err := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name {
			return syscall.Unmount(f[1], syscall.MNT_DETACH)
		}
	}
	return err
}
