package server

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/latchkey/latchkey/internal/needs"
	"github.com/latchkey/latchkey/internal/wire"
)

// stranger names the socket that this program is to ask, as another user.
const stranger = "LATCHKEY_TEST_SOCKET"

func TestMain(m *testing.M) {
	if path := os.Getenv(stranger); path != "" {
		_, _ = io.WriteString(os.Stdout, ask(path))
		return
	}
	os.Exit(m.Run())
}

// ask is what the local socket answers.
func ask(path string) string {
	c := http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", path)
	}}}
	res, err := c.Get("http://local/nothing")
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	return res.Status
}

// local starts a server that has a socket at path alone.
func local(t *testing.T, path string) *running {
	t.Helper()
	return serve(t, says, func(s *Server) {
		s.Routes.Local = &wire.Local{Door: &wire.Door{}}
		s.Addresses = Addresses{Socket: path}
	})
}

func TestLocalSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sock")
	s := local(t, path)
	if is, err := os.Lstat(path); err != nil || is.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("the socket has mode %v, %v", is.Mode(), err)
	}
	if got := ask(path); got != "404 Not Found" {
		t.Errorf("its own user is answered %s", got)
	}
	second := &Server{Addresses: Addresses{Socket: path}, Log: slog.New(slog.DiscardHandler)}
	if err := second.Listen(); err == nil || !strings.Contains(err.Error(), "another server is running") {
		t.Errorf("a second server: %v", err)
	}
	if got := ask(path); got != "404 Not Found" {
		t.Errorf("after a second server has come, its own user is answered %s", got)
	}
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there at the end: %v", err)
	}
}

// A server that is slow to end leaves alone the socket of the one that follows.
func TestLocalSocketOfTheNext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sock")
	h := newSlow()
	first := serve(t, h, func(s *Server) { s.Addresses.Socket = path })
	_, err := io.WriteString(first.dial(t, "account-plain"), "GET / HTTP/1.0\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	<-h.begun
	ended := make(chan error)
	go func() { ended <- first.end() }()
	for {
		if _, err := os.Lstat(path); err != nil {
			break
		}
	}
	local(t, path)
	close(h.let)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := ask(path); got != "404 Not Found" {
		t.Errorf("the second server's socket answers %s", got)
	}
}

func TestWhatStandsAtTheSocket(t *testing.T) {
	for _, test := range []struct {
		name string
		make func(path string) error
		want bool // it is replaced
	}{
		{"nothing", func(string) error { return nil }, true},
		{"a socket left behind", leaveBehind, true},
		{"a file", func(path string) error { return os.WriteFile(path, []byte("dear"), 0o600) }, false},
		{"an empty folder", func(path string) error { return os.Mkdir(path, 0o700) }, false},
		{"a link", func(path string) error { return errors.Join(leaveBehind(path+"2"), os.Symlink(path+"2", path)) }, false},
		{"a socket of another kind", func(path string) error {
			c, err := net.ListenPacket("unixgram", path)
			if err == nil {
				t.Cleanup(func() { _ = c.Close() })
			}
			return err
		}, false},
	} {
		path := filepath.Join(t.TempDir(), "sock")
		if err := test.make(path); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		before, _ := os.Lstat(path)
		s := &Server{Addresses: Addresses{Socket: path}, Log: slog.New(slog.DiscardHandler)}
		if err := s.Listen(); (err == nil) != test.want {
			t.Errorf("%s: Listen = %v", test.name, err)
		}
		if after, err := os.Lstat(path); !test.want && (err != nil || !os.SameFile(before, after)) {
			t.Errorf("%s is not what it was: %v", test.name, err)
		}
		s.close()
	}
}

// leaveBehind leaves a socket as a server does that is killed.
func leaveBehind(path string) error {
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	return l.Close()
}

func TestLocalSocketStranger(t *testing.T) {
	needs.Root(t, "nobody else can become another user")
	dir, err := os.MkdirTemp("", "latchkey")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "sock")
	local(t, path)
	if got := askAs(t, path, 65534); !strings.Contains(got, "permission denied") {
		t.Errorf("another user is answered %q", got)
	}
	// The mode is the first wall, the word of the system the second.
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if got := askAs(t, path, 65534); got != "403 Forbidden" {
		t.Errorf("another user who gets through is answered %q", got)
	}
	if got := askAs(t, path, 0); got != "404 Not Found" {
		t.Errorf("root is answered %q", got)
	}
}

// askAs is what a program of the user with the number uid is answered.
func askAs(t *testing.T, path string, uid uint32) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Dir = "/"
	cmd.Env = []string{stranger + "=" + path}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("asking as %d: %v: %s", uid, err, out)
	}
	return string(out)
}
