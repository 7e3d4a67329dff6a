package lmtp_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/driver/lmtp"
	"github.com/latchkey/latchkey/internal/driver/maildir"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

const domain = "example.com"

// mail is a backend on real Maildirs. What stands before the "@" says what
// sort of mailbox it is.
type mail struct {
	store *maildir.Store
	dir   string // of the domain's mailboxes
	slow  chan struct{}
	calls atomic.Int64
}

func newMail(t testing.TB, users ...string) *mail {
	t.Helper()
	dir := t.TempDir()
	h, err := homedir.Open(dir)
	must(t, err)
	t.Cleanup(func() { h.Close() })
	must(t, h.Create(t.Context(), "alice"))
	m := &mail{store: maildir.New(h), dir: filepath.Join(dir, "alice/mail", domain), slow: make(chan struct{})}
	for _, user := range users {
		must(t, m.store.Create(t.Context(), "alice", domain, user))
	}
	return m
}

const quota = 100_000

func (m *mail) Resolve(ctx context.Context, a hosting.Address) (lmtp.Box, error) {
	user := a.Local
	switch user {
	case "full":
		return nil, latchkey.Errorf(latchkey.Limit, "full")
	case "suspended":
		return nil, latchkey.Errorf(latchkey.Denied, "suspended")
	case "broken":
		return nil, errors.New("secret: database is at 10.0.0.1")
	}
	if _, err := m.store.Usage(ctx, "alice", domain, user); err != nil {
		return nil, err
	}
	return box{m, user}, nil
}

type box struct {
	*mail
	user string
}

func (b box) Deliver(ctx context.Context, l lmtp.Letter) error {
	r, err := l.Open(l.To)
	if err != nil {
		return err
	}
	b.calls.Add(1)
	switch b.user {
	case "panics":
		panic("box")
	case "slow":
		select {
		case <-b.slow:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	u, err := b.store.Usage(ctx, "alice", domain, b.user)
	if err != nil {
		return err
	}
	_, err = b.store.Deliver(ctx, "alice", domain, b.user, r, max(0, quota-u.Bytes))
	return err
}

// messages are the texts in the new directory of a mailbox.
func (m *mail) messages(t testing.TB, user string) []string {
	t.Helper()
	var texts []string
	err := filepath.WalkDir(filepath.Join(m.dir, user), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if filepath.Base(filepath.Dir(p)) != "new" {
			t.Errorf("%s is not in new", p)
		}
		data, err := os.ReadFile(p)
		texts = append(texts, string(data))
		return err
	})
	must(t, err)
	return texts
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type server struct {
	addr string
	stop func() error // ends it and waits
}

func serve(t testing.TB, b lmtp.Backend, o lmtp.Options) server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- lmtp.Serve(ctx, l, b, o) }()
	stop := func() error {
		cancel()
		select {
		case err := <-ended:
			ended <- err
			return err
		case <-time.After(20 * time.Second):
			return errors.New("Serve did not return")
		}
	}
	t.Cleanup(func() { must(t, stop()) })
	return server{l.Addr().String(), stop}
}

func dial(t testing.TB, s server) *smtp.Client {
	t.Helper()
	nc, err := net.Dial("tcp", s.addr)
	must(t, err)
	c := smtp.NewClientLMTP(nc)
	t.Cleanup(func() { c.Close() })
	must(t, c.Hello("client.example"))
	return c
}

// code is the reply as "550 5.1.1".
func code(err error) string {
	if err == nil {
		return "250"
	}
	if e, ok := errors.AsType[*smtp.SMTPError](err); ok {
		return fmt.Sprintf("%d %d.%d.%d", e.Code, e.EnhancedCode[0], e.EnhancedCode[1], e.EnhancedCode[2])
	}
	return err.Error()
}

// send sends one message, and gives the reply for each recipient: to RCPT if
// that was refused, else to the data.
func send(t testing.TB, c *smtp.Client, from, text string, to ...string) map[string]string {
	t.Helper()
	must(t, c.Mail(from, nil))
	got := map[string]string{}
	accepted := 0
	for _, rcpt := range to {
		err := c.Rcpt(rcpt, nil)
		if got[rcpt] = code(err); err == nil {
			accepted++
		}
	}
	if accepted == 0 {
		must(t, c.Reset())
		return got
	}
	w, err := c.Data()
	must(t, err)
	_, err = io.WriteString(w, text)
	must(t, err)
	_, err = w.CloseWithLMTPResponse()
	if err == nil {
		return got
	}
	refused, ok := errors.AsType[smtp.LMTPDataError](err)
	if !ok {
		t.Fatalf("data: %v", err)
	}
	for rcpt, e := range refused {
		got[rcpt] = code(e)
	}
	return got
}

func TestDelivery(t *testing.T) {
	m := newMail(t, "bob", "carol")
	c := dial(t, serve(t, m, lmtp.Options{}))
	text := "Subject: hello\r\n\r\n..dots\r\n.\r\nbare \r and \n stay\r\nümlaut \xff\r\n"
	got := send(t, c, "sender@else.where", text, "BOB@Example.COM", "carol@example.com")
	want := map[string]string{"BOB@Example.COM": "250", "carol@example.com": "250"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("replies (-want +got):\n%s", diff)
	}
	for _, user := range []string{"bob", "carol"} {
		want := "Return-Path: <sender@else.where>\nDelivered-To: " + user + "@example.com\n" +
			"Subject: hello\n\n..dots\n.\nbare \r and \n stay\nümlaut \xff\n"
		if diff := cmp.Diff([]string{want}, m.messages(t, user)); diff != "" {
			t.Errorf("mail of %s (-want +got):\n%s", user, diff)
		}
	}
	// A bounce, on the same connection.
	send(t, c, "", "Subject: bounce\r\n", "bob@example.com")
	if got := m.messages(t, "bob"); len(got) != 2 || !strings.Contains(got[0]+got[1], "Return-Path: <>\n") {
		t.Errorf("mail of bob = %q, want a bounce", got)
	}
}

func TestReplies(t *testing.T) {
	m := newMail(t, "bob", "panics", "small")
	must(t, errOf(m.store.Deliver(t.Context(), "alice", domain, "small", strings.NewReader(strings.Repeat("x", quota)), -1)))
	var logged bytes.Buffer
	c := dial(t, serve(t, m, lmtp.Options{Logger: slog.New(slog.NewTextHandler(&logged, nil))}))
	want := map[string]string{
		"bob@example.com":       "250",
		"full@example.com":      "552 5.2.2",
		"small@example.com":     "552 5.2.2", // found full only when the message came
		"unknown@example.com":   "550 5.1.1",
		"suspended@example.com": "550 5.7.1",
		"broken@example.com":    "451 4.3.0",
		"panics@example.com":    "451 4.3.0",
		`"b ob"@example.com`:    "550 5.1.3",
		"bob@[127.0.0.1]":       "550 5.1.3",
		"a/b@example.com":       "550 5.1.3",
		"../bob@example.com":    "550 5.1.3",
	}
	to := []string{}
	for rcpt := range want {
		to = append(to, rcpt)
	}
	got := send(t, c, "s@else.where", "Subject: x\r\n\r\nx\r\n", to...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("replies (-want +got):\n%s", diff)
	}
	if n := len(m.messages(t, "bob")); n != 1 {
		t.Errorf("bob has %d messages, want 1", n)
	}
	if n := len(m.messages(t, "small")); n != 1 {
		t.Errorf("small has %d messages, want the one that filled it", n)
	}
	if !strings.Contains(logged.String(), "10.0.0.1") {
		t.Errorf("the log does not tell the cause: %s", logged.String())
	}
	must(t, c.Mail("s@else.where", nil))
	if err := c.Rcpt("suspended@example.com", nil); !strings.Contains(err.Error(), "suspended") {
		t.Errorf("reply = %v, want it to say that mail is suspended", err)
	}
	if err := c.Rcpt("broken@example.com", nil); strings.Contains(err.Error(), "10.0.0.1") {
		t.Errorf("reply tells too much: %v", err)
	}
}

func errOf[T any](_ T, err error) error { return err }

func TestTooBig(t *testing.T) {
	m := newMail(t, "bob")
	c := dial(t, serve(t, m, lmtp.Options{MaxMessageBytes: 5000}))
	if ok, _ := c.Extension("CHUNKING"); ok {
		t.Error("CHUNKING is offered")
	}
	if ok, size := c.Extension("SIZE"); !ok || size != "5000" {
		t.Errorf("SIZE = %q, %v, want 5000", size, ok)
	}
	if err := c.Mail("s@else.where", &smtp.MailOptions{Size: 6000}); code(err) != "552 5.3.4" {
		t.Errorf("MAIL SIZE=6000: %v", err)
	}
	line := strings.Repeat("x", 70) + "\r\n"
	got := send(t, c, "s@else.where", strings.Repeat(line, 100), "bob@example.com")
	if got["bob@example.com"] != "552 5.3.4" {
		t.Errorf("replies = %v, want 552 5.3.4", got)
	}
	if got := send(t, c, "s@else.where", strings.Repeat(line, 10), "bob@example.com"); got["bob@example.com"] != "250" {
		t.Errorf("the next message: %v", got)
	}
	if n := len(m.messages(t, "bob")); n != 1 {
		t.Errorf("bob has %d messages, want 1", n)
	}
}

// keeper takes everything and keeps it.
type keeper struct{ got chan string }

func (k keeper) Resolve(context.Context, hosting.Address) (lmtp.Box, error) { return k, nil }
func (k keeper) Deliver(_ context.Context, l lmtp.Letter) error {
	r, err := l.Open(l.To)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(r)
	k.got <- string(data)
	return err
}

// A message beyond the memory goes through a file, which is gone at once.
func TestSpool(t *testing.T) {
	k := keeper{make(chan string, 10)}
	dir := t.TempDir()
	c := dial(t, serve(t, k, lmtp.Options{SpoolDir: dir}))
	for _, size := range []int{1, 1 << 20, 1<<20 + 1, 5 << 20} {
		line := "0123456789abcde\r\n" // straddles every border of a buffer
		text := strings.Repeat(line, size/len(line)+1)
		got := send(t, c, "s@else.where", text, "a@example.com", "b@example.com")
		want := strings.ReplaceAll(text, "\r\n", "\n")
		for _, rcpt := range []string{"a", "b"} {
			header := "Return-Path: <s@else.where>\nDelivered-To: " + rcpt + "@example.com\n"
			if text := <-k.got; text != header+want {
				t.Errorf("%d bytes: %s got %d bytes, want %d; replies %v", size, rcpt, len(text), len(header+want), got)
			}
		}
		if left, err := os.ReadDir(dir); len(left) != 0 || err != nil {
			t.Errorf("left in the spool: %v, %v", left, err)
		}
	}
}

// talk sends lines as they are and reads one reply to each.
type talk struct {
	net.Conn
	r *bufio.Reader
}

func rawDial(t testing.TB, s server) talk {
	t.Helper()
	nc, err := net.Dial("tcp", s.addr)
	must(t, err)
	t.Cleanup(func() { nc.Close() })
	must(t, nc.SetDeadline(time.Now().Add(15*time.Second)))
	c := talk{nc, bufio.NewReader(nc)}
	c.reply(t)
	c.say(t, "LHLO x\r\n")
	return c
}

func (c talk) reply(t testing.TB) string {
	t.Helper()
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return err.Error()
		}
		if len(line) > 3 && line[3] == ' ' {
			return strings.TrimSpace(line)
		}
	}
}

func (c talk) say(t testing.TB, text string) string {
	t.Helper()
	_, err := io.WriteString(c, text)
	must(t, err)
	return c.reply(t)
}

// What a hostile or broken client sends neither ends a header early nor
// delivers half a message.
func TestHostileClient(t *testing.T) {
	m := newMail(t, "bob")
	s := serve(t, m, lmtp.Options{MaxRecipients: 2})
	c := rawDial(t, s)
	for line, want := range map[string]string{
		"MAIL FROM:<a\rX-Evil: 1@x>\r\n":                     "5",
		"MAIL FROM:<\"a>b\"@x>\r\n":                          "553",
		"MAIL FROM:<\"a\x00b\"@x>\r\n":                       "553",
		"RCPT TO:<bob@example.com>\r\n":                      "502",
		"EHLO x\r\n":                                         "500",
		"DATA\r\n":                                           "502",
		"MAIL FROM:<" + strings.Repeat("a", 600) + "@x>\r\n": "553",
	} {
		if got := c.say(t, line); !strings.HasPrefix(got, want) {
			t.Errorf("%.40q: %s, want %s", line, got, want)
		}
	}
	c = rawDial(t, s)
	c.say(t, "MAIL FROM:<a@x>\r\n")
	for _, rcpt := range []string{"bob\r@example.com", "bob\x00@example.com", "\"bob\r\nX: y\"@example.com"} {
		if got := c.say(t, "RCPT TO:<"+rcpt+">\r\n"); got[0] != '5' {
			t.Errorf("RCPT %q: %s", rcpt, got)
		}
	}
	c = rawDial(t, s)
	c.say(t, "MAIL FROM:<a@x>\r\n")
	for i, want := range []string{"250", "250", "452"} {
		if got := c.say(t, "RCPT TO:<bob@example.com>\r\n"); !strings.HasPrefix(got, want) {
			t.Errorf("recipient %d: %s, want %s", i+1, got, want)
		}
	}
	c.say(t, "DATA\r\n")
	_, err := io.WriteString(c, "Subject: half\r\n")
	must(t, err)
	c.Close()

	c = rawDial(t, s)
	c.say(t, "MAIL FROM:<a@x>\r\n")
	c.say(t, "RCPT TO:<bob@example.com>\r\n")
	if got := c.say(t, "BDAT 7 LAST\r\nchunk\r\n"); !strings.HasPrefix(got, "502") {
		t.Errorf("BDAT: %s", got)
	}
	c.say(t, "MAIL FROM:<a@x>\r\n")
	c.say(t, "RCPT TO:<bob@example.com>\r\n")
	c.say(t, "DATA\r\n")
	if got := c.say(t, "whole\r\n.\r\n"); !strings.HasPrefix(got, "250") {
		t.Errorf("DATA: %s", got)
	}
	c.say(t, "MAIL FROM:<a@x>\r\n")
	c.say(t, "RCPT TO:<bob@example.com>\r\n")
	c.say(t, "DATA\r\n")
	if got := c.say(t, strings.Repeat("x", 70_000)+"\r\n.\r\n"); !strings.HasPrefix(got, "554") {
		t.Errorf("line of 70,000: %s", got)
	}
	time.Sleep(50 * time.Millisecond)
	want := []string{"Return-Path: <a@x>\nDelivered-To: bob@example.com\nwhole\n"}
	if diff := cmp.Diff(want, m.messages(t, "bob")); diff != "" {
		t.Errorf("mail of bob (-want +got):\n%s", diff)
	}
}

// At the end idle clients are sent away at once, a message under way is
// finished and acknowledged, and no new one begins.
func TestDrain(t *testing.T) {
	m := newMail(t, "bob", "slow")
	s := serve(t, m, lmtp.Options{DrainTimeout: 10 * time.Second})
	rawDial(t, s) // idle
	c := rawDial(t, s)
	c.say(t, "MAIL FROM:<a@x>\r\n")
	c.say(t, "RCPT TO:<slow@example.com>\r\n")
	c.say(t, "DATA\r\n")
	_, err := io.WriteString(c, "Subject: x\r\n.\r\n")
	must(t, err)
	for m.calls.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	begun := time.Now()
	time.AfterFunc(100*time.Millisecond, func() { close(m.slow) })
	must(t, s.stop())
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("the drain took %v", took)
	}
	if got := c.reply(t); !strings.HasPrefix(got, "250") {
		t.Errorf("reply during the drain: %s", got)
	}
	if n := len(m.messages(t, "slow")); n != 1 {
		t.Errorf("slow has %d messages, want 1", n)
	}
	if _, err := net.Dial("tcp", s.addr); err == nil {
		t.Error("the listener is still open")
	}
}

// A message that does not finish in time is not acknowledged and not stored.
func TestDrainDeadline(t *testing.T) {
	m := newMail(t, "slow")
	s := serve(t, m, lmtp.Options{DrainTimeout: 50 * time.Millisecond})
	c := rawDial(t, s)
	c.say(t, "MAIL FROM:<a@x>\r\n")
	c.say(t, "RCPT TO:<slow@example.com>\r\n")
	c.say(t, "DATA\r\n")
	_, err := io.WriteString(c, "Subject: x\r\n.\r\n")
	must(t, err)
	for m.calls.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	must(t, s.stop())
	if got := c.reply(t); strings.HasPrefix(got, "2") {
		t.Errorf("acknowledged: %s", got)
	}
	if n := len(m.messages(t, "slow")); n != 0 {
		t.Errorf("slow has %d messages, want none", n)
	}
}

// More connections than places wait for a place.
func TestMaxConnections(t *testing.T) {
	s := serve(t, newMail(t), lmtp.Options{MaxConnections: 1})
	first := rawDial(t, s)
	second, err := net.Dial("tcp", s.addr)
	must(t, err)
	defer second.Close()
	must(t, second.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
	if _, err := second.Read(make([]byte, 10)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the second connection got an answer: %v", err)
	}
	first.Close()
	must(t, second.SetReadDeadline(time.Now().Add(10*time.Second)))
	if _, err := second.Read(make([]byte, 10)); err != nil {
		t.Errorf("the second connection: %v", err)
	}
}

func BenchmarkDelivery(b *testing.B) {
	m := newMail(b)
	c := dial(b, serve(b, m, lmtp.Options{}))
	text := "Subject: x\r\n\r\n" + strings.Repeat(strings.Repeat("x", 78)+"\r\n", 125)
	must(b, m.store.Create(b.Context(), "alice", domain, "bob"))
	for i := 0; b.Loop(); i++ {
		if i%8 == 0 { // stay below the quota
			b.StopTimer()
			must(b, m.store.Remove(b.Context(), "alice", domain, "bob"))
			must(b, m.store.Create(b.Context(), "alice", domain, "bob"))
			b.StartTimer()
		}
		if got := send(b, c, "s@else.where", text, "bob@example.com"); got["bob@example.com"] != "250" {
			b.Fatal(got)
		}
	}
}
