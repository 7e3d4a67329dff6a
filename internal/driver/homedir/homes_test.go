package homedir_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/latchkey"
)

func openHomes(t testing.TB) (*homedir.Homes, string) {
	t.Helper()
	dir := t.TempDir()
	h, err := homedir.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h, dir
}

// withHome runs fn in the home of alice and returns where the home stands.
func withHome(t testing.TB, fn func(f homedir.FS, dir string)) {
	t.Helper()
	h, dir := openHomes(t)
	if err := h.Create(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	err := h.As(t.Context(), "alice", func(f homedir.FS) error {
		fn(f, filepath.Join(dir, "alice"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func listing(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestCreate(t *testing.T) {
	h, dir := openHomes(t)
	for range 2 {
		if err := h.Create(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"etc", "logs", "mail", "public_html", "ssl", "tmp"}
	if diff := cmp.Diff(want, listing(t, filepath.Join(dir, "alice"))); diff != "" {
		t.Errorf("home differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"alice"}, listing(t, dir)); diff != "" {
		t.Errorf("directory of homes differs (-want +got):\n%s", diff)
	}
	for name, want := range map[string]fs.FileMode{"": 0o711, "mail": 0o700, "public_html": 0o755} {
		info, err := os.Stat(filepath.Join(dir, "alice", name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("mode of %q = %v, %v, want %v", name, info.Mode().Perm(), err, want)
		}
	}
}

func TestCreateMendsAndKeeps(t *testing.T) {
	h, dir := openHomes(t)
	home := filepath.Join(dir, "alice")
	if err := os.MkdirAll(filepath.Join(home, "mail", "kept"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := h.Create(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mail/kept", "tmp", "public_html"} {
		if _, err := os.Stat(filepath.Join(home, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestAccountNames(t *testing.T) {
	h, _ := openHomes(t)
	noop := func(homedir.FS) error { t.Error("fn was called"); return nil }
	for _, name := range []string{
		"", ".", "..", "a/b", "/etc", "../etc", "Alice", "1a", "-a", "a b", "a\x00", "a\n", ".removed-x",
		"é", "a.b", strings.Repeat("a", 33), "~root",
	} {
		for call, err := range map[string]error{
			"As":     h.As(t.Context(), name, noop),
			"Create": h.Create(t.Context(), name),
			"Remove": h.Remove(t.Context(), name),
			"Rename": h.Rename(t.Context(), name, "bob"),
			"To":     h.Rename(t.Context(), "bob", name),
		} {
			if got := latchkey.KindOf(err); got != latchkey.Invalid {
				t.Errorf("%s(%q) = %v, want an error of kind %v", call, name, err, latchkey.Invalid)
			}
		}
	}
}

func TestHomeIsNoLink(t *testing.T) {
	h, dir := openHomes(t)
	if err := h.Create(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("bob", filepath.Join(dir, "alice")); err != nil {
		t.Fatal(err)
	}
	err := h.As(t.Context(), "alice", func(homedir.FS) error { t.Error("fn was called"); return nil })
	if err == nil {
		t.Error("As(link) succeeded")
	}
	if err := h.Create(t.Context(), "alice"); err == nil {
		t.Error("Create(link) succeeded")
	}
}

func TestAs(t *testing.T) {
	h, _ := openHomes(t)
	err := h.As(t.Context(), "alice", func(homedir.FS) error { return nil })
	if got := latchkey.KindOf(err); got != latchkey.NotFound {
		t.Errorf("As(no home) = %v, want kind %v", err, latchkey.NotFound)
	}
	if err := h.Create(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	want := errors.New("mine")
	if err := h.As(t.Context(), "alice", func(homedir.FS) error { return want }); err != want {
		t.Errorf("As = %v, want the error of fn", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.As(ctx, "alice", func(homedir.FS) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("As(ended context) = %v", err)
	}
}

func TestRemove(t *testing.T) {
	h, dir := openHomes(t)
	for _, name := range []string{"bob", "bob-2", "bobby"} {
		if err := h.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Dir(secret), filepath.Join(dir, "bob", "out")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := h.Remove(t.Context(), "bob"); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"bob-2", "bobby"}, listing(t, dir)); diff != "" {
		t.Errorf("homes after Remove differ (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(secret); err != nil {
		t.Errorf("Remove followed a link: %v", err)
	}
	if ok, err := h.Exists(t.Context(), "bob"); ok || err != nil {
		t.Errorf("Exists(bob) = %v, %v after Remove", ok, err)
	}
}

// A removal that was stopped after its first step is finished by the next one,
// or by Sweep, and touches no namesake.
func TestRemoveResumes(t *testing.T) {
	h, dir := openHomes(t)
	stopped := func(name string) string {
		aside := ".removed-" + name + "-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		if err := os.MkdirAll(filepath.Join(dir, aside, "mail"), 0o700); err != nil {
			t.Fatal(err)
		}
		return aside
	}
	stopped("bob")
	twin := stopped("bob-2")
	if err := h.Create(t.Context(), "bob"); err != nil { // a new account of that name
		t.Fatal(err)
	}
	if err := h.Remove(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{twin}, listing(t, dir)); diff != "" {
		t.Errorf("after Remove (-want +got):\n%s", diff)
	}
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{}, listing(t, dir)); diff != "" {
		t.Errorf("after Sweep (-want +got):\n%s", diff)
	}
}

// A tenant cannot keep a home from being removed by its shape: neither by
// modes nor by depth.
func TestRemoveHostileTree(t *testing.T) {
	h, dir := openHomes(t)
	if err := h.Create(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	const levels = 3000 // far beyond the longest path
	d, err := os.OpenRoot(filepath.Join(dir, "alice"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range levels {
		if err := d.Mkdir("deeper", 0o700); err != nil {
			t.Fatal(err)
		}
		if i%100 == 0 {
			if err := d.WriteFile("file", nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		next, err := d.OpenRoot("deeper")
		if err != nil {
			t.Fatal(err)
		}
		d.Close()
		d = next
	}
	d.Close()
	shut := filepath.Join(dir, "alice", "tmp", "shut")
	if err := os.MkdirAll(filepath.Join(shut, "in"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(filepath.Join(shut, "in"), 0), os.Chmod(shut, 0)); err != nil {
		t.Fatal(err)
	}
	u, err := h.Measure(t.Context(), "alice")
	if err != nil || u.Inodes < levels {
		t.Errorf("Measure(deep tree) = %+v, %v, want at least %d inodes", u, err, levels)
	}
	if err := h.Remove(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if got := listing(t, dir); len(got) != 0 {
		t.Errorf("after Remove there is still %v", got)
	}
}

func TestRename(t *testing.T) {
	h, dir := openHomes(t)
	if err := h.Create(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := h.Rename(t.Context(), "alice", "carol"); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"carol"}, listing(t, dir)); diff != "" {
		t.Errorf("homes differ (-want +got):\n%s", diff)
	}
	if err := h.Create(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	if got := latchkey.KindOf(h.Rename(t.Context(), "bob", "carol")); got != latchkey.Exists {
		t.Errorf("Rename(onto a home): kind %v, want %v", got, latchkey.Exists)
	}
	if got := latchkey.KindOf(h.Rename(t.Context(), "dave", "erin")); got != latchkey.NotFound {
		t.Errorf("Rename(no home): kind %v, want %v", got, latchkey.NotFound)
	}
}

func TestConcurrentLife(t *testing.T) {
	h, dir := openHomes(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := fmt.Sprintf("user%d", i%3)
			for range 20 {
				if err := h.Create(t.Context(), name); err != nil {
					t.Error(err)
				}
				err := h.As(t.Context(), name, func(f homedir.FS) error {
					return f.WriteFile("tmp/x", []byte("x"), 0o600)
				})
				if err != nil && latchkey.KindOf(err) != latchkey.NotFound {
					t.Error(err)
				}
				if err := h.Remove(t.Context(), name); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := listing(t, dir); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

// TestCrash kills a process in the midst of its changes, again and again.
// Whatever the moment, the file holds one whole version that is not older than
// the last one acknowledged, and no listing shows anything else.
func TestCrash(t *testing.T) {
	if dir := os.Getenv("HOMEDIR_CRASH"); dir != "" {
		writeForEver(t, dir)
	}
	h, dir := openHomes(t)
	if err := h.Create(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		acked := runAndKill(t, dir, time.Duration(20+13*i)*time.Millisecond)
		err := h.As(t.Context(), "alice", func(f homedir.FS) error {
			checkAfterCrash(t, f, filepath.Join(dir, "alice"), acked)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func writeForEver(t *testing.T, dir string) {
	h, err := homedir.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = h.As(t.Context(), "alice", func(f homedir.FS) error {
		for n := 1; ; n++ {
			data := strings.Repeat(fmt.Sprintf("%08d\n", n), 2000)
			if err := f.WriteFile("tmp/file", []byte(data), 0o600); err != nil {
				return err
			}
			fmt.Printf("acked %d\n", n)
			if err := errors.Join(f.MkdirAll("tmp/tree/a/b", 0o700), f.RemoveAll("tmp/tree")); err != nil {
				return err
			}
		}
	})
	t.Fatal(err)
}

func runAndKill(t *testing.T, dir string, after time.Duration) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrash$")
	cmd.Env = append(os.Environ(), "HOMEDIR_CRASH="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acked := 0
	var once sync.Once
	for s := bufio.NewScanner(out); s.Scan(); {
		fmt.Sscanf(s.Text(), "acked %d", &acked)
		once.Do(func() { time.AfterFunc(after, func() { cmd.Process.Kill() }) })
	}
	cmd.Wait()
	if acked == 0 {
		t.Fatal("the writer did not get going")
	}
	return acked
}

func checkAfterCrash(t *testing.T, f homedir.FS, home string, acked int) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(home, "tmp/file"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	version := 0
	fmt.Sscanf(lines[0], "%d", &version)
	if len(lines) != 2000 || len(slices.Compact(lines)) != 1 || version < acked {
		t.Errorf("file holds %d lines of version %d, %d was acknowledged", len(lines), version, acked)
	}
	list, err := f.ReadDir("tmp")
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range list {
		if info.Name() != "file" && info.Name() != "tree" {
			t.Errorf("ReadDir shows %q", info.Name())
		}
	}
	if _, err := f.Sweep(0); err != nil {
		t.Error(err)
	}
	for _, name := range listing(t, filepath.Join(home, "tmp")) {
		if strings.HasPrefix(name, ".latchkey") {
			t.Errorf("after Sweep there is still %q", name)
		}
	}
}
