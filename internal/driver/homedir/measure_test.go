package homedir_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/needs"
)

// du is what the reference says of dir.
func du(t testing.TB, dir string) (bytes, inodes int64) {
	t.Helper()
	for flag, figure := range map[string]*int64{"--block-size=1": &bytes, "--inodes": &inodes} {
		out, err := exec.Command("du", "-s", flag, dir).Output()
		if err != nil {
			needs.Missing(t, "no GNU du: %v", err)
		}
		if _, err := fmt.Sscan(string(out), figure); err != nil {
			t.Fatal(err)
		}
	}
	return bytes, inodes
}

func plantTree(t testing.TB, home string, dirs, files int) {
	t.Helper()
	for i := range dirs {
		dir := filepath.Join(home, "public_html", fmt.Sprint(i%7), fmt.Sprint(i))
		must(t, os.MkdirAll(dir, 0o755))
		for j := range files {
			must(t, os.WriteFile(filepath.Join(dir, fmt.Sprint(j)), []byte(strings.Repeat("x", j*331)), 0o644))
		}
	}
}

func TestMeasure(t *testing.T) {
	h, dir := openHomes(t)
	must(t, h.Create(t.Context(), "alice"))
	home := filepath.Join(dir, "alice")
	plantTree(t, home, 60, 12)
	must(t, os.Link(filepath.Join(home, "public_html/0/0/5"), filepath.Join(home, "tmp/twin")))
	must(t, os.Link(filepath.Join(home, "public_html/0/0/5"), filepath.Join(home, "etc/twin")))
	must(t, os.Symlink("/usr", filepath.Join(home, "tmp/usr")))
	must(t, os.Symlink(strings.Repeat("long/", 40), filepath.Join(home, "tmp/long")))
	must(t, os.Truncate(filepath.Join(home, "public_html/1/1/1"), 1<<30)) // sparse
	must(t, os.MkdirAll(filepath.Join(home, "tmp", strings.Repeat("d/", 100)), 0o700))
	for i := range 40 { // branches below the depth where directories are kept open
		must(t, os.MkdirAll(filepath.Join(home, "etc", strings.Repeat("d/", i), "a/b"), 0o700))
		must(t, os.MkdirAll(filepath.Join(home, "etc", strings.Repeat("d/", i), "z/y"), 0o700))
	}

	bytes, inodes := du(t, home)
	got, err := h.Measure(t.Context(), "alice")
	if want := (homedir.Usage{Bytes: bytes, Inodes: inodes}); got != want || err != nil {
		t.Errorf("Measure = %+v, %v, want %+v", got, err, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Measure(ctx, "alice"); !errors.Is(err, context.Canceled) {
		t.Errorf("Measure(ended context) = %v", err)
	}
}

func BenchmarkMeasure(b *testing.B) {
	h, dir := openHomes(b)
	must(b, h.Create(b.Context(), "alice"))
	home := filepath.Join(dir, "alice")
	plantTree(b, home, 1000, 20)
	b.Run("Measure", func(b *testing.B) {
		for b.Loop() {
			if _, err := h.Measure(b.Context(), "alice"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("du", func(b *testing.B) {
		for b.Loop() {
			if err := exec.Command("du", "-s", home).Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkWriteFile(b *testing.B) {
	withHome(b, func(f homedir.FS, _ string) {
		data := make([]byte, 4096)
		for b.Loop() {
			if err := f.WriteFile("tmp/x", data, 0o600); err != nil {
				b.Fatal(err)
			}
		}
	})
}
