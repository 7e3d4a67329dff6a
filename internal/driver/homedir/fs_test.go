package homedir_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/latchkey"
)

func read(f homedir.FS, name string) (string, error) {
	file, err := f.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	return string(data), err
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Every operation refuses every bad name, in words.
func TestBadNames(t *testing.T) {
	withHome(t, func(f homedir.FS, _ string) {
		must(t, f.WriteFile("plain", nil, 0o600))
		for _, name := range []string{
			"", "..", "../x", "a/../../x", "tmp/..", "/etc/passwd", "/", "a\x00b", "tmp/\x00", "..\x00",
			strings.Repeat("a", 256), strings.Repeat("a/", 2100), ".latchkey-tmp-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
		} {
			for call, err := range map[string]error{
				"Open":      errOf(f.Open(name)),
				"Stat":      errOf(f.Stat(name)),
				"Lstat":     errOf(f.Lstat(name)),
				"ReadDir":   errOf(f.ReadDir(name)),
				"Dir":       errOf(f.Dir(name)),
				"Create":    errOf(f.Create(name, 0o600)),
				"WriteFile": f.WriteFile(name, nil, 0o600),
				"MkdirAll":  f.MkdirAll(name, 0o700),
				"Rename":    f.Rename(name, "y"),
				"To":        f.Rename("plain", name),
				"Remove":    f.Remove(name),
				"RemoveAll": f.RemoveAll(name),
				"Chmod":     f.Chmod(name, 0o600),
				"Walk":      f.Walk(name, func(string, homedir.Info) error { return nil }),
			} {
				if got := latchkey.KindOf(err); got != latchkey.Invalid {
					t.Errorf("%s(%.40q) = %v, want kind %v", call, name, err, latchkey.Invalid)
				}
			}
		}
	})
}

func errOf[T any](_ T, err error) error { return err }

// Names that only look odd are ordinary names.
func TestOddNames(t *testing.T) {
	withHome(t, func(f homedir.FS, home string) {
		for _, name := range []string{"....", "...", "..a", "a..", "~root", "%2e%2e", "-rf", "a b", "\xff\xfe", "a\nb", `a\b`, "e\u0301"} {
			must(t, f.WriteFile("tmp/"+name, []byte("x"), 0o600))
			if _, err := os.Stat(filepath.Join(home, "tmp", name)); err != nil {
				t.Error(err)
			}
			if got, err := read(f, "tmp/"+name); got != "x" || err != nil {
				t.Errorf("read(%q) = %q, %v", name, got, err)
			}
			must(t, f.Remove("tmp/"+name))
		}
	})
}

// The links that a tenant could plant. No operation reaches what stands
// outside, and none waits.
func TestLinksOut(t *testing.T) {
	withHome(t, func(f homedir.FS, home string) {
		outside := t.TempDir()
		secret := filepath.Join(outside, "secret")
		must(t, os.WriteFile(secret, []byte("secret"), 0o600))
		rel, err := filepath.Rel(home, outside)
		must(t, err)
		for name, target := range map[string]string{
			"absolute":  outside,
			"relative":  rel,
			"back":      "../" + filepath.Base(home) + "/tmp",
			"homeabs":   filepath.Join(home, "tmp"),
			"procroot":  "/proc/self/root",
			"proccwd":   "/proc/self/cwd",
			"parent":    "..",
			"viatmp":    "tmp/../..",
			"self":      "self",
			"filelink":  secret,
			"newinside": outside + "/new",
		} {
			must(t, os.Symlink(target, filepath.Join(home, name)))
		}
		for _, link := range []string{"absolute", "relative", "back", "homeabs", "procroot", "proccwd", "parent", "viatmp", "self"} {
			for call, err := range map[string]error{
				"Open":      errOf(f.Open(link + "/secret")),
				"OpenSelf":  errOf(f.Open(link)),
				"Slash":     errOf(f.Open(link + "/")),
				"Stat":      errOf(f.Stat(link)),
				"StatSlash": errOf(f.Stat(link + "/")),
				"ReadDir":   errOf(f.ReadDir(link)),
				"ReadSlash": errOf(f.ReadDir(link + "/")),
				"WriteFile": f.WriteFile(link+"/w", nil, 0o600),
				"MkdirAll":  f.MkdirAll(link+"/d", 0o700),
				"Remove":    f.Remove(link + "/secret"),
				"RemoveAll": f.RemoveAll(link + "/secret"),
				"Rename":    f.Rename(link+"/secret", "got"),
				"Into":      f.Rename("tmp", link+"/tmp"),
				"Chmod":     f.Chmod(link, 0o777),
			} {
				if latchkey.KindOf(err) != latchkey.Invalid {
					t.Errorf("%s through %s = %v, want kind %v", call, link, err, latchkey.Invalid)
				}
			}
		}
		if _, err := f.Open("filelink"); latchkey.KindOf(err) != latchkey.Invalid {
			t.Errorf("Open(link to a file outside) = %v", err)
		}
		if info, err := f.Lstat("absolute"); err != nil || info.Mode().Type() != fs.ModeSymlink {
			t.Errorf("Lstat(link) = %v, %v", info.Mode(), err)
		}
		// A write replaces the link and leaves its target alone.
		must(t, f.WriteFile("filelink", []byte("mine"), 0o600))
		must(t, f.WriteFile("newinside", []byte("mine"), 0o600))
		must(t, f.RemoveAll("absolute"))
		must(t, f.RemoveAll("relative/"))
		must(t, f.Remove("procroot"))
		if data, err := os.ReadFile(secret); string(data) != "secret" || err != nil {
			t.Errorf("outside: %q, %v", data, err)
		}
		if diff := cmp.Diff([]string{"secret"}, listing(t, outside)); diff != "" {
			t.Errorf("outside (-want +got):\n%s", diff)
		}
	})
}

// Links that stay inside work as people expect.
func TestLinksInside(t *testing.T) {
	withHome(t, func(f homedir.FS, home string) {
		must(t, os.Symlink("public_html", filepath.Join(home, "www")))
		must(t, f.WriteFile("www/index.html", []byte("hello"), 0o644))
		if got, err := read(f, "public_html/index.html"); got != "hello" || err != nil {
			t.Errorf("read = %q, %v", got, err)
		}
		must(t, os.Symlink("index.html", filepath.Join(home, "public_html/alias")))
		if got, err := read(f, "www/alias"); got != "hello" || err != nil {
			t.Errorf("read(alias) = %q, %v", got, err)
		}
		if info, err := f.Stat("www"); err != nil || !info.IsDir() {
			t.Errorf("Stat(www) = %v, %v", info.Mode(), err)
		}
		must(t, f.MkdirAll("www/a/b/", 0o755))
		must(t, f.RemoveAll("www"))
		if _, err := f.Stat("public_html/a/b"); err != nil {
			t.Errorf("RemoveAll of a link removed its target: %v", err)
		}
		must(t, os.Symlink("nowhere", filepath.Join(home, "dangling")))
		if _, err := f.Open("dangling"); latchkey.KindOf(err) != latchkey.NotFound {
			t.Errorf("Open(dangling) = %v", err)
		}
		must(t, f.WriteFile("dangling", nil, 0o600))
		if _, err := os.Lstat(filepath.Join(home, "nowhere")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a write through a dangling link made its target: %v", err)
		}
	})
}

// What is not a plain file is refused at once.
func TestSpecialFiles(t *testing.T) {
	withHome(t, func(f homedir.FS, home string) {
		must(t, unix.Mkfifo(filepath.Join(home, "fifo"), 0o600))
		must(t, os.Mkdir(filepath.Join(home, "dir"), 0o700))
		must(t, os.Symlink("fifo", filepath.Join(home, "tofifo")))
		names := []string{"fifo", "tofifo", "dir", "fifo/x", "fifo/"}
		if err := unix.Mknod(filepath.Join(home, "null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err == nil {
			names = append(names, "null")
		} else {
			t.Logf("no device to test with: %v", err)
		}
		for _, name := range names {
			for call, try := range map[string]func() error{
				"Open":    func() error { return errOf(f.Open(name)) },
				"ReadDir": func() error { return errOf(f.ReadDir(name + "/x")) },
				"Write":   func() error { return f.WriteFile(name+"/x/y", nil, 0o600) },
				"Mkdir":   func() error { return f.MkdirAll(name+"/x/y/z", 0o700) },
			} {
				if name == "dir" && call != "Open" {
					continue
				}
				if err := quick(t, try); latchkey.KindOf(err) != latchkey.Invalid {
					t.Errorf("%s(%s) = %v, want kind %v", call, name, err, latchkey.Invalid)
				}
			}
		}
		d, err := f.Dir(".")
		must(t, err)
		defer d.Close()
		for _, name := range []string{"fifo", "tofifo"} {
			if err := quick(t, func() error { return errOf(d.Open(name)) }); err == nil {
				t.Errorf("Dir.Open(%s) succeeded", name)
			}
			if err := quick(t, func() error { return errOf(d.OpenDir(name)) }); err == nil {
				t.Errorf("Dir.OpenDir(%s) succeeded", name)
			}
		}
		// They can be replaced and removed like anything else.
		must(t, f.WriteFile("fifo", []byte("now a file"), 0o600))
		must(t, f.Remove("fifo"))
	})
}

func quick(t *testing.T, try func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- try() }()
	select {
	case err := <-done:
		return err
	case <-time.After(5 * time.Second):
		t.Fatal("blocked")
		return nil
	}
}

func TestHardLinks(t *testing.T) {
	withHome(t, func(f homedir.FS, home string) {
		secret := filepath.Join(filepath.Dir(home), "secret")
		must(t, os.WriteFile(secret, []byte("secret"), 0o600))
		must(t, os.Link(secret, filepath.Join(home, "hard")))
		if got, err := read(f, "hard"); latchkey.KindOf(err) != latchkey.Denied {
			t.Errorf("read(hard link) = %q, %v, want kind %v", got, err, latchkey.Denied)
		}
		if err := f.Chmod("hard", 0o777); latchkey.KindOf(err) != latchkey.Invalid {
			t.Errorf("Chmod(hard link) = %v", err)
		}
		must(t, f.WriteFile("hard", []byte("mine"), 0o600))
		if data, err := os.ReadFile(secret); string(data) != "secret" || err != nil {
			t.Errorf("a write reached the other name: %q, %v", data, err)
		}
		must(t, os.Link(secret, filepath.Join(home, "hard2")))
		file, err := f.OpenLinked("hard2")
		must(t, err)
		file.Close()
		if os.Geteuid() == 0 {
			must(t, os.Chown(secret, 12345, 12345))
			if _, err := f.OpenLinked("hard2"); latchkey.KindOf(err) != latchkey.Denied {
				t.Errorf("OpenLinked(file of another user) = %v, want kind %v", err, latchkey.Denied)
			}
		}
	})
}

func TestTrailingSlash(t *testing.T) {
	withHome(t, func(f homedir.FS, home string) {
		must(t, f.WriteFile("file", nil, 0o600))
		for _, name := range []string{"file/", "file//", "file/."} {
			for call, err := range map[string]error{
				"Open":   errOf(f.Open(name)),
				"Create": errOf(f.Create(name, 0o600)),
			} {
				if latchkey.KindOf(err) != latchkey.Invalid {
					t.Errorf("%s(%q) = %v", call, name, err)
				}
			}
		}
		must(t, f.MkdirAll("public_html//a/./b/", 0o755))
		if _, err := f.ReadDir("public_html/a/b/"); err != nil {
			t.Error(err)
		}
		for _, name := range []string{".", "./", "tmp/.."} {
			if err := f.RemoveAll(name); latchkey.KindOf(err) != latchkey.Invalid {
				t.Errorf("RemoveAll(%q) = %v", name, err)
			}
		}
	})
}

func TestWriteFile(t *testing.T) {
	withHome(t, func(f homedir.FS, home string) {
		must(t, f.WriteFile("tmp/a", []byte("one"), 0o640))
		must(t, os.Chmod(filepath.Join(home, "tmp/a"), 0o604))
		must(t, f.WriteFile("tmp/a", []byte("two"), 0o600))
		info, err := f.Stat("tmp/a")
		if err != nil || info.Mode() != 0o604 || info.Size() != 3 {
			t.Errorf("after the second write: mode %v, size %d, %v; want the first mode", info.Mode(), info.Size(), err)
		}
		if err := f.WriteFile("tmp", nil, 0o600); latchkey.KindOf(err) != latchkey.Invalid {
			t.Errorf("WriteFile(directory) = %v", err)
		}
		if err := f.WriteFile("no/such/dir", nil, 0o600); latchkey.KindOf(err) != latchkey.NotFound {
			t.Errorf("WriteFile(no directory) = %v", err)
		}
		if err := f.Chmod("tmp/a", 0o4755); err != nil {
			t.Error(err)
		}
		if info, err := f.Stat("tmp/a"); err != nil || info.Mode() != 0o755 {
			t.Errorf("Chmod(4755): mode %v, %v, want no set-user-ID", info.Mode(), err)
		}
	})
}

// Until Commit nobody sees the file; without Commit nothing stays.
func TestTemp(t *testing.T) {
	withHome(t, func(f homedir.FS, home string) {
		must(t, f.WriteFile("tmp/a", []byte("old"), 0o600))
		temp, err := f.Create("tmp/a", 0o600)
		must(t, err)
		_, err = io.WriteString(temp, "new")
		must(t, err)
		list, err := f.ReadDir("tmp")
		if err != nil || len(list) != 1 || list[0].Name() != "a" || list[0].Size() != 3 {
			t.Errorf("ReadDir before Commit = %v, %v", list, err)
		}
		must(t, f.Walk("tmp", func(name string, _ homedir.Info) error {
			if strings.Contains(name, "latchkey") {
				t.Errorf("Walk shows %q", name)
			}
			return nil
		}))
		must(t, temp.Close())
		must(t, temp.Close())
		if err := temp.Commit(); err == nil {
			t.Error("Commit after Close succeeded")
		}
		if got, err := read(f, "tmp/a"); got != "old" || err != nil {
			t.Errorf("after Close without Commit: %q, %v", got, err)
		}
		if diff := cmp.Diff([]string{"a"}, listing(t, filepath.Join(home, "tmp"))); diff != "" {
			t.Errorf("left behind (-want +got):\n%s", diff)
		}
	})
}

// A file that a crash left is out of sight, counts, and goes with Sweep.
func TestLeftBehind(t *testing.T) {
	withHome(t, func(f homedir.FS, home string) {
		left, err := f.Create("tmp/a", 0o600) // and never closed
		must(t, err)
		defer left.Close()
		if n, err := f.Sweep(time.Hour); n != 0 || err != nil {
			t.Errorf("Sweep(young) = %d, %v, want 0", n, err)
		}
		if n, err := f.Sweep(0); n != 1 || err != nil {
			t.Errorf("Sweep = %d, %v, want 1", n, err)
		}
		if got := listing(t, filepath.Join(home, "tmp")); len(got) != 0 {
			t.Errorf("left: %v", got)
		}
	})
}

func TestRemoveAndRename(t *testing.T) {
	withHome(t, func(f homedir.FS, home string) {
		must(t, f.MkdirAll("a/b", 0o700))
		must(t, f.WriteFile("a/b/c", nil, 0o600))
		for call, c := range map[string]struct {
			err  error
			want latchkey.Kind
		}{
			"Remove(full)":   {f.Remove("a"), latchkey.Invalid},
			"Remove(none)":   {f.Remove("none"), latchkey.NotFound},
			"Rename(none)":   {f.Rename("none", "x"), latchkey.NotFound},
			"Rename(into)":   {f.Rename("a", "a/b/a"), latchkey.Invalid},
			"Rename(onto)":   {f.Rename("tmp", "a"), latchkey.Invalid},
			"Rename(nodir)":  {f.Rename("a/b/c", "no/c"), latchkey.NotFound},
			"MkdirAll(file)": {f.MkdirAll("a/b/c/d", 0o700), latchkey.Invalid},
			"MkdirAll(onto)": {f.MkdirAll("a/b/c", 0o700), latchkey.Invalid},
		} {
			if got := latchkey.KindOf(c.err); got != c.want {
				t.Errorf("%s = %v, want kind %v", call, c.err, c.want)
			}
		}
		must(t, f.Rename("a/b/c", "c"))
		must(t, f.Rename("a", "tmp/a"))
		must(t, f.RemoveAll("tmp/a"))
		must(t, f.RemoveAll("tmp/a"))
		must(t, f.RemoveAll("none/at/all"))
		must(t, f.Remove("tmp"))
		must(t, f.RemoveAll("c"))
		if diff := cmp.Diff([]string{"etc", "logs", "mail", "public_html", "ssl"}, listing(t, home)); diff != "" {
			t.Errorf("home (-want +got):\n%s", diff)
		}
	})
}

func TestWalk(t *testing.T) {
	withHome(t, func(f homedir.FS, home string) {
		must(t, f.MkdirAll("public_html/b/d", 0o755))
		must(t, f.WriteFile("public_html/b/c", nil, 0o644))
		must(t, f.WriteFile("public_html/a", nil, 0o644))
		must(t, os.Symlink(".", filepath.Join(home, "public_html/loop")))
		var got []string
		visit := func(skip error) func(string, homedir.Info) error {
			got = nil
			return func(name string, info homedir.Info) error {
				got = append(got, name)
				if strings.HasSuffix(name, "/b") {
					return skip
				}
				return nil
			}
		}
		const p = "public_html"
		for _, c := range []struct {
			skip error
			want []string
		}{
			{nil, []string{p, p + "/a", p + "/b", p + "/b/c", p + "/b/d", p + "/loop"}},
			{fs.SkipDir, []string{p, p + "/a", p + "/b", p + "/loop"}},
			{fs.SkipAll, []string{p, p + "/a", p + "/b"}},
		} {
			must(t, f.Walk(p, visit(c.skip)))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("Walk, skip %v (-want +got):\n%s", c.skip, diff)
			}
		}
		if err := f.Walk("none", visit(nil)); latchkey.KindOf(err) != latchkey.NotFound {
			t.Errorf("Walk(none) = %v", err)
		}
	})
}

// TestRace lets an attacker exchange a directory with a link to a directory
// outside, as fast as it can, while every kind of access goes on.
func TestRace(t *testing.T) {
	withHome(t, func(f homedir.FS, home string) {
		outside := t.TempDir()
		must(t, os.WriteFile(filepath.Join(outside, "file"), []byte("outside"), 0o600))
		must(t, os.Mkdir(filepath.Join(outside, "sub"), 0o700))
		must(t, f.MkdirAll("dir/sub", 0o700))
		must(t, f.WriteFile("dir/file", []byte("inside"), 0o600))
		must(t, os.Symlink(outside, filepath.Join(home, "link")))

		var stop atomic.Bool
		exchanged := make(chan int)
		go func() {
			n := 0
			a, b := filepath.Join(home, "dir"), filepath.Join(home, "link")
			for ; !stop.Load(); n++ {
				if err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE); err != nil {
					t.Error(err)
					break
				}
			}
			exchanged <- n
		}()
		tries, inside := 0, 0
		for end := time.Now().Add(2 * time.Second); time.Now().Before(end); tries++ {
			got, err := read(f, "dir/file")
			if err == nil {
				inside++
			}
			if got == "outside" {
				t.Fatal("read a file outside the home")
			}
			if tries%64 == 0 {
				_ = f.WriteFile("dir/written", []byte("x"), 0o600)
				_ = f.MkdirAll("dir/made/deep", 0o700)
				_ = f.Rename("dir/sub", "dir/moved")
				_ = f.Rename("dir/moved", "dir/sub")
				_ = f.Chmod("dir/sub", 0o755)
				_ = f.RemoveAll("dir/made")
			}
		}
		stop.Store(true)
		t.Logf("%d tries, %d of them inside, against %d exchanges", tries, inside, <-exchanged)
		if diff := cmp.Diff([]string{"file", "sub"}, listing(t, outside)); diff != "" {
			t.Errorf("outside was changed (-want +got):\n%s", diff)
		}
		if info, err := os.Stat(filepath.Join(outside, "sub")); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("mode outside = %v, %v", info.Mode(), err)
		}
	})
}

// TestRaceRemoveAll lets the attacker exchange directories under a removal.
func TestRaceRemoveAll(t *testing.T) {
	withHome(t, func(f homedir.FS, home string) {
		outside := t.TempDir()
		must(t, os.WriteFile(filepath.Join(outside, "precious"), nil, 0o600))
		must(t, os.Symlink(outside, filepath.Join(home, "link")))
		for end := time.Now().Add(time.Second); time.Now().Before(end); {
			must(t, f.MkdirAll("tree/a", 0o700))
			d, err := os.Open(filepath.Join(home, "tree")) // stays with the tree when it is moved aside
			must(t, err)
			for _, name := range []string{"a/1", "a/2", "a/3", "a/4"} {
				must(t, os.WriteFile(filepath.Join(home, "tree", name), nil, 0o600))
			}
			must(t, os.Symlink(outside, filepath.Join(home, "tree/b")))
			done := make(chan bool)
			go func() {
				defer close(done)
				for range 200 {
					_ = unix.Renameat2(int(d.Fd()), "a", int(d.Fd()), "b", unix.RENAME_EXCHANGE)
				}
			}()
			_ = f.RemoveAll("tree")
			<-done
			d.Close()
			_, _ = f.Sweep(0)
		}
		if diff := cmp.Diff([]string{"precious"}, listing(t, outside)); diff != "" {
			t.Errorf("outside (-want +got):\n%s", diff)
		}
	})
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"a", "../x", "a/../b", "/etc", "a\x00", "....//", ".%00./", "..%2f", "~root", "a/./b//"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		withHome(t, func(fsys homedir.FS, home string) {
			_ = fsys.MkdirAll(name, 0o700)
			_ = fsys.WriteFile(name+"x", []byte("x"), 0o600)
			_ = fsys.RemoveAll(name)
			if diff := cmp.Diff([]string{"alice"}, listing(t, filepath.Dir(home))); diff != "" {
				t.Errorf("%q reached beside the home (-want +got):\n%s", name, diff)
			}
		})
	})
}
