package maildir_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/driver/maildir"
	"github.com/latchkey/latchkey/internal/latchkey"
)

const (
	alice  = "alice"
	domain = "example.com"
)

// open makes a store with the home of alice, and says where her mail stands.
func open(t testing.TB) (*maildir.Store, string) {
	t.Helper()
	dir := t.TempDir()
	h, err := homedir.Open(dir)
	must(t, err)
	t.Cleanup(func() { h.Close() })
	must(t, h.Create(t.Context(), alice))
	return maildir.New(h), filepath.Join(dir, alice, "mail")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func deliver(t testing.TB, s *maildir.Store, user, text string) maildir.Delivered {
	t.Helper()
	d, err := s.Deliver(t.Context(), alice, domain, user, strings.NewReader(text), maildir.Unlimited)
	must(t, err)
	return d
}

// files lists what is below dir, files only.
func files(t testing.TB, dir string) []string {
	t.Helper()
	list := []string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			list = append(list, rel)
		}
		return err
	})
	must(t, err)
	return list
}

func wantUsage(t testing.TB, s *maildir.Store, user string, bytes, messages int64) maildir.Usage {
	t.Helper()
	u, err := s.Usage(t.Context(), alice, domain, user)
	if err != nil || u.Bytes != bytes || u.Messages != messages {
		t.Errorf("Usage(%s) = %d bytes, %d messages, %v, want %d, %d", user, u.Bytes, u.Messages, err, bytes, messages)
	}
	return u
}

func TestLife(t *testing.T) {
	s, mail := open(t)
	for range 2 {
		must(t, s.Create(t.Context(), alice, domain, "bob"))
	}
	wantUsage(t, s, "bob", 0, 0)
	d := deliver(t, s, "bob", "Subject: hello\n\nbody\n")
	if want := fmt.Sprintf(",S=%d,W=%d", d.Bytes, d.Bytes+3); d.Bytes != 21 || d.DiskBytes < d.Bytes || !strings.HasSuffix(d.Name, want) {
		t.Errorf("Delivered = %+v, want 21 bytes and a name that ends in %s", d, want)
	}
	if diff := cmp.Diff([]string{"example.com/bob/new/" + d.Name}, files(t, mail)); diff != "" {
		t.Errorf("mail differs (-want +got):\n%s", diff)
	}
	must(t, s.Create(t.Context(), alice, domain, "bob"))
	wantUsage(t, s, "bob", 21, 1)
	for range 2 {
		must(t, s.Remove(t.Context(), alice, domain, "bob"))
	}
	if diff := cmp.Diff([]string{}, files(t, mail)); diff != "" {
		t.Errorf("mail after Remove (-want +got):\n%s", diff)
	}
	if _, err := s.Usage(t.Context(), alice, domain, "bob"); latchkey.KindOf(err) != latchkey.NotFound {
		t.Errorf("Usage after Remove = %v", err)
	}
	if _, err := s.Deliver(t.Context(), alice, domain, "bob", strings.NewReader("x"), 10); latchkey.KindOf(err) != latchkey.NotFound {
		t.Errorf("Deliver after Remove = %v", err)
	}
}

func TestHostileNames(t *testing.T) {
	s, mail := open(t)
	must(t, s.Create(t.Context(), alice, domain, "bob"))
	bad := []string{
		"", ".", "..", "../bob", "a/b", "/", ".trash-x", ".bob", "-rf", "Bob", "bob ", "bob\n", "bob\x00", "bob\r\nx",
		"a..b", "bob.", "b:2,S", "b,S=1", `b\b`, "é", "bob;id", "$(id)", "`id`", "b|c", "b*", "%", "~", strings.Repeat("a", 255),
	}
	for _, name := range bad {
		for _, p := range [][2]string{{name, "bob"}, {domain, name}} {
			for call, err := range map[string]error{
				"Create":  s.Create(t.Context(), alice, p[0], p[1]),
				"Remove":  s.Remove(t.Context(), alice, p[0], p[1]),
				"Usage":   errOf(s.Usage(t.Context(), alice, p[0], p[1])),
				"Deliver": errOf(s.Deliver(t.Context(), alice, p[0], p[1], strings.NewReader("x"), 10)),
			} {
				if got := latchkey.KindOf(err); got != latchkey.Invalid {
					t.Errorf("%s(%.20q, %.20q) = %v, want kind %v", call, p[0], p[1], err, latchkey.Invalid)
				}
			}
		}
	}
	if err := s.Create(t.Context(), alice, domain, strings.Repeat("a", 65)); latchkey.KindOf(err) != latchkey.Invalid {
		t.Errorf("Create(65 letters) = %v", err)
	}
	if diff := cmp.Diff([]string{}, files(t, mail)); diff != "" {
		t.Errorf("mail (-want +got):\n%s", diff)
	}
	for _, user := range []string{"b", "0", "_x", "b.o-b+tag", "a=b&c", strings.Repeat("a", 64)} {
		must(t, s.Create(t.Context(), alice, domain, user))
	}
	err := s.Create(t.Context(), "../alice", domain, "bob")
	if latchkey.KindOf(err) != latchkey.Invalid {
		t.Errorf("Create(bad account) = %v", err)
	}
	if err := s.Create(t.Context(), "nobody", domain, "bob"); latchkey.KindOf(err) != latchkey.NotFound {
		t.Errorf("Create(no account) = %v", err)
	}
}

func errOf[T any](_ T, err error) error { return err }

// No step of a mailbox's path may be a link, not even to a place inside.
func TestLinksRefused(t *testing.T) {
	s, mail := open(t)
	must(t, s.Create(t.Context(), alice, domain, "bob"))
	must(t, os.Symlink("bob", filepath.Join(mail, domain, "linked")))
	must(t, os.Symlink(domain, filepath.Join(mail, "linked.com")))
	must(t, unix.Mkfifo(filepath.Join(mail, domain, "fifo"), 0o600))
	for _, p := range [][2]string{{domain, "linked"}, {"linked.com", "bob"}, {domain, "fifo"}} {
		for call, err := range map[string]error{
			"Create":  s.Create(t.Context(), alice, p[0], p[1]),
			"Usage":   errOf(s.Usage(t.Context(), alice, p[0], p[1])),
			"Deliver": errOf(s.Deliver(t.Context(), alice, p[0], p[1], strings.NewReader("x"), 10)),
		} {
			if err == nil {
				t.Errorf("%s(%s, %s) succeeded through a link", call, p[0], p[1])
			}
		}
	}
	must(t, s.Remove(t.Context(), alice, domain, "linked"))
	if _, err := os.Stat(filepath.Join(mail, domain, "bob")); err != nil {
		t.Errorf("Remove followed a link: %v", err)
	}

	outside := t.TempDir()
	must(t, os.WriteFile(filepath.Join(outside, "x,S=77"), nil, 0o600))
	for _, part := range []string{"cur", "new", "tmp"} {
		must(t, os.Remove(filepath.Join(mail, domain, "bob", part)))
		must(t, os.Symlink(outside, filepath.Join(mail, domain, "bob", part)))
	}
	if _, err := s.Deliver(t.Context(), alice, domain, "bob", strings.NewReader("x"), 10); err == nil {
		t.Error("Deliver through a link succeeded")
	}
	wantUsage(t, s, "bob", 0, 0)
	if got := files(t, outside); len(got) != 1 {
		t.Errorf("outside: %v", got)
	}
}

func TestLimit(t *testing.T) {
	s, mail := open(t)
	must(t, s.Create(t.Context(), alice, domain, "bob"))
	for _, c := range []struct {
		text  string
		limit int64
		want  error
	}{
		{"12345", 5, nil},
		{"123456", 5, maildir.ErrTooBig},
		{"1", 0, maildir.ErrTooBig},
		{"", 0, nil},
		{strings.Repeat("x", 1<<20), 1<<20 - 1, maildir.ErrTooBig},
		{"123456", 1<<63 - 1, nil},
		{"123456", maildir.Unlimited, nil},
	} {
		before := files(t, mail)
		_, err := s.Deliver(t.Context(), alice, domain, "bob", strings.NewReader(c.text), c.limit)
		if err != c.want {
			t.Errorf("Deliver(%d bytes, limit %d) = %v, want %v", len(c.text), c.limit, err, c.want)
		}
		if after := files(t, mail); err != nil && len(after) != len(before) {
			t.Errorf("Deliver(%d bytes, limit %d) left something: %v", len(c.text), c.limit, after)
		}
	}
	if got := latchkey.KindOf(maildir.ErrTooBig); got != latchkey.Limit {
		t.Errorf("kind of ErrTooBig = %v", got)
	}
}

// A message that breaks off leaves nothing.
func TestBrokenMessage(t *testing.T) {
	s, mail := open(t)
	must(t, s.Create(t.Context(), alice, domain, "bob"))
	broken := errors.New("line is cut")
	r := io.MultiReader(strings.NewReader("Subject: x\n"), iotest.ErrReader(broken))
	if _, err := s.Deliver(t.Context(), alice, domain, "bob", r, maildir.Unlimited); !errors.Is(err, broken) {
		t.Errorf("Deliver = %v, want the reader's error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stop := readerFunc(func([]byte) (int, error) { cancel(); return 1, nil })
	if _, err := s.Deliver(ctx, alice, domain, "bob", stop, maildir.Unlimited); !errors.Is(err, context.Canceled) {
		t.Errorf("Deliver = %v, want the end of the context", err)
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = s.Deliver(t.Context(), alice, domain, "bob", readerFunc(func([]byte) (int, error) { panic("reader") }), 10)
	}()
	if diff := cmp.Diff([]string{}, files(t, mail)); diff != "" {
		t.Errorf("left behind (-want +got):\n%s", diff)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestRemoveResumes(t *testing.T) {
	s, mail := open(t)
	for _, user := range []string{"bob", "bobby"} {
		must(t, s.Create(t.Context(), alice, domain, user))
		deliver(t, s, user, "x")
	}
	must(t, s.Remove(t.Context(), alice, domain, "bob"))
	// What a stop after the first step would leave; then a new mailbox of the name.
	must(t, os.MkdirAll(filepath.Join(mail, ".trash-"+"0123456789abcdef-X", "cur"), 0o700))
	must(t, s.Create(t.Context(), alice, domain, "bob"))
	wantUsage(t, s, "bob", 0, 0)
	old := time.Now().Add(-40 * time.Hour)
	stuck := filepath.Join(mail, domain, "bob", "tmp", "stuck")
	must(t, os.WriteFile(stuck, nil, 0o600))
	must(t, os.Chtimes(stuck, old, old)) // the change time stays young
	must(t, s.Sweep(t.Context(), alice))
	if _, err := os.Stat(stuck); err != nil {
		t.Errorf("Sweep took a young file: %v", err)
	}
	entries, err := os.ReadDir(mail)
	if err != nil || len(entries) != 1 {
		t.Errorf("mail holds %v, %v, want the domain only", entries, err)
	}
	wantUsage(t, s, "bobby", 1, 1)
}

// Deliver mends a mailbox that lost a directory, and makes the IMAP server
// count anew.
// stopsAfter is a context that ends when it has been asked n times.
type stopsAfter struct {
	context.Context
	n int
}

func (c *stopsAfter) Err() error {
	if c.n--; c.n < 0 {
		return context.Canceled
	}
	return nil
}

// TestRemoveStopsAnywhere stops a Remove at every step, as a crash would: the
// next Remove leaves nothing, under whatever name.
func TestRemoveStopsAnywhere(t *testing.T) {
	s, mail := open(t)
	for n, stopped := 0, true; stopped; n++ {
		must(t, s.Create(t.Context(), alice, domain, "doomed"))
		deliver(t, s, "doomed", "text")
		stopped = s.Remove(&stopsAfter{t.Context(), n}, alice, domain, "doomed") != nil
		must(t, s.Remove(t.Context(), alice, domain, "doomed"))
		left, err := os.ReadDir(mail)
		must(t, err)
		if len(left) != 1 || left[0].Name() != domain {
			t.Fatalf("stopped at step %d, finished: mail holds %v, want only %s", n, left, domain)
		}
	}
}

func TestDeliverMends(t *testing.T) {
	s, mail := open(t)
	must(t, s.Create(t.Context(), alice, domain, "bob"))
	box := filepath.Join(mail, domain, "bob")
	must(t, os.Remove(filepath.Join(box, "tmp")))
	must(t, os.Remove(filepath.Join(box, "new")))
	must(t, os.WriteFile(filepath.Join(box, "maildirsize"), []byte("0S\n"), 0o600))
	d := deliver(t, s, "bob", "x")
	if diff := cmp.Diff([]string{"new/" + d.Name}, files(t, box)); diff != "" {
		t.Errorf("mailbox (-want +got):\n%s", diff)
	}
}

func TestUsageSums(t *testing.T) {
	s, mail := open(t)
	must(t, s.Create(t.Context(), alice, domain, "bob"))
	box := filepath.Join(mail, domain, "bob")
	for name, text := range map[string]string{
		"new/1.a.host,S=100":                     "x",
		"cur/2.b.host,S=200,W=210:2,S":           "x",
		"cur/3.c.host:2,S=5":                     "four",
		"cur/4.d.host,S=-1":                      "four",
		"cur/5.e.host,S=abc:2,":                  "four",
		"cur/6.f.host,S=99999999999999999999:2,": "four",
		"cur/.hidden,S=1000":                     "x",
		"tmp/7.g.host,S=1000":                    "x",
		".Sent/cur/8.h.host,S=3000:2,":           "x",
		".Sent.2026/new/9.i.host,S=30000":        "x",
		"plain/cur/0.j.host,S=300000":            "x",
	} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(box, name)), 0o700))
		must(t, os.WriteFile(filepath.Join(box, name), []byte(text), 0o600))
	}
	must(t, os.Mkdir(filepath.Join(box, "cur/dir,S=1000"), 0o700))
	must(t, os.Symlink("/etc/passwd", filepath.Join(box, "cur/link")))
	must(t, unix.Mkfifo(filepath.Join(box, "cur/fifo"), 0o600))
	must(t, os.Symlink(".Sent", filepath.Join(box, ".Copy")))
	for range 3 {
		wantUsage(t, s, "bob", 100+200+4*4+3000+30000, 8)
	}
	must(t, os.WriteFile(filepath.Join(box, "new/a,S=9223372036854775807"), nil, 0o600))
	if u, err := s.Usage(t.Context(), alice, domain, "bob"); u.Bytes != 1<<63-1 || err != nil {
		t.Errorf("Usage(absurd size) = %d, %v, want the greatest number", u.Bytes, err)
	}
}

// Every change by another program is seen by the next call, however soon it
// comes after the last.
func TestUsageSeesOthers(t *testing.T) {
	s, mail := open(t)
	must(t, s.Create(t.Context(), alice, domain, "bob"))
	box := filepath.Join(mail, domain, "bob")
	must(t, os.MkdirAll(filepath.Join(box, ".Sent/cur"), 0o700))
	for i := range int64(200) {
		msg := filepath.Join(box, "new", fmt.Sprintf("%d.x,S=10", i))
		if i%3 == 0 {
			msg = filepath.Join(box, ".Sent/cur", fmt.Sprintf("%d.x,S=10", i))
		}
		must(t, os.WriteFile(msg, nil, 0o600))
		wantUsage(t, s, "bob", 10, 1)
		must(t, os.Remove(msg))
		wantUsage(t, s, "bob", 0, 0)
	}
	time.Sleep(150 * time.Millisecond)
	wantUsage(t, s, "bob", 0, 0) // now at rest, and kept
	wantUsage(t, s, "bob", 0, 0)
	deliver(t, s, "bob", "12345")
	u := wantUsage(t, s, "bob", 5, 1)
	if since := time.Since(u.Modified); since < -time.Second || since > time.Minute {
		t.Errorf("Modified is %v ago", since)
	}
	time.Sleep(150 * time.Millisecond)
	wantUsage(t, s, "bob", 5, 1)
	// A program that sets the times back does not fool the figure.
	info, err := os.Stat(filepath.Join(box, "new"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(box, "new/z,S=1"), nil, 0o600))
	must(t, os.Chtimes(filepath.Join(box, "new"), info.ModTime(), info.ModTime()))
	wantUsage(t, s, "bob", 6, 2)
	must(t, os.RemoveAll(filepath.Join(box, ".Sent")))
	must(t, os.MkdirAll(filepath.Join(box, ".New/new"), 0o700))
	must(t, os.WriteFile(filepath.Join(box, ".New/new/q,S=7"), nil, 0o600))
	wantUsage(t, s, "bob", 13, 3)
}

// Deliveries, readings and removals at once: no name is given twice, nothing
// is lost, and the last reading is right.
func TestConcurrent(t *testing.T) {
	s, mail := open(t)
	must(t, s.Create(t.Context(), alice, domain, "bob"))
	const workers, each = 8, 12
	var mu sync.Mutex
	names := map[string]bool{}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				d, err := s.Deliver(t.Context(), alice, domain, "bob", strings.NewReader("0123456789"), 10)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				names[d.Name] = true
				mu.Unlock()
				if _, err := s.Usage(t.Context(), alice, domain, "bob"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for range each {
			_ = s.Create(t.Context(), alice, domain, "carol")
			_, _ = s.Deliver(t.Context(), alice, domain, "carol", strings.NewReader("x"), 10)
			if err := s.Remove(t.Context(), alice, domain, "carol"); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	if len(names) != workers*each {
		t.Errorf("%d names for %d messages", len(names), workers*each)
	}
	wantUsage(t, s, "bob", workers*each*10, workers*each)
	if got := len(files(t, mail)); got != workers*each {
		t.Errorf("%d files, want %d", got, workers*each)
	}
}

func BenchmarkUsage1000(b *testing.B) {
	s, mail := open(b)
	for i := range 1000 {
		user := fmt.Sprintf("u%d", i)
		for _, part := range []string{"cur", "new", "tmp"} {
			must(b, os.MkdirAll(filepath.Join(mail, domain, user, part), 0o700))
		}
		for j := range 20 {
			must(b, os.WriteFile(filepath.Join(mail, domain, user, "cur", fmt.Sprintf("%d.x,S=%d:2,S", j, j)), nil, 0o600))
		}
	}
	time.Sleep(200 * time.Millisecond)
	all := func(b *testing.B, s *maildir.Store) {
		for i := range 1000 {
			if _, err := s.Usage(b.Context(), alice, domain, fmt.Sprintf("u%d", i)); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("first", func(b *testing.B) {
		h, err := homedir.Open(filepath.Dir(filepath.Dir(mail)))
		must(b, err)
		defer h.Close()
		for b.Loop() {
			all(b, maildir.New(h))
		}
	})
	b.Run("again", func(b *testing.B) {
		all(b, s)
		for b.Loop() {
			all(b, s)
		}
	})
}

func BenchmarkDeliver(b *testing.B) {
	s, _ := open(b)
	must(b, s.Create(b.Context(), alice, domain, "bob"))
	text := strings.Repeat("x", 10_000)
	for b.Loop() {
		if _, err := s.Deliver(b.Context(), alice, domain, "bob", strings.NewReader(text), maildir.Unlimited); err != nil {
			b.Fatal(err)
		}
	}
}

// TestDeliverInto: a folder is made by the first message to it, and its name is
// written as IMAP servers write it.
func TestDeliverInto(t *testing.T) {
	s, _ := open(t)
	must(t, s.Create(t.Context(), "alice", "example.com", "bob"))
	for _, folder := range []string{"", "Work", "Work", "A & B.Entwürfe 日本"} {
		_, err := s.DeliverInto(t.Context(), "alice", "example.com", "bob", folder, strings.NewReader("A: b\n\nc\n"), maildir.Unlimited)
		must(t, err)
	}
	list, err := s.Folders(t.Context(), "alice", "example.com", "bob")
	must(t, err)
	has := map[string]int64{}
	for _, f := range list {
		has[f.Name] = f.Messages
	}
	if want := map[string]int64{"INBOX": 1, "INBOX.Work": 2, "INBOX.A & B.Entwürfe 日本": 1}; !maps.Equal(has, want) {
		t.Errorf("the folders hold %v, want %v", has, want)
	}
	for _, folder := range []string{"..", "a/b", "../x", "a..b", "a.", strings.Repeat("x", 300)} {
		if _, err := s.DeliverInto(t.Context(), "alice", "example.com", "bob", folder, strings.NewReader("x"), maildir.Unlimited); latchkey.KindOf(err) != latchkey.Invalid {
			t.Errorf("a message into %q: %v", folder, err)
		}
	}
}
