package estate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/driver/lmtp"
	"github.com/latchkey/latchkey/internal/estate"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/notice"
	"github.com/latchkey/latchkey/internal/store"
)

// forwards is a server on which the mail for an address goes elsewhere.
func forwards(t *testing.T, boxes ...string) *mailHouse {
	t.Helper()
	h := withMail(t, boxes...)
	h.email("add_forwarder", "email", "info", "domain", "example.com", "fwdopt", "fwd", "fwdemail", "x@example.org,y@example.org")
	return h
}

// files is how many files wait in the queue.
func (h *mailHouse) files() int {
	h.t.Helper()
	list, err := os.ReadDir(filepath.Join(h.Dir, "queue"))
	if !errors.Is(err, os.ErrNotExist) {
		must(h.t, err)
	}
	return len(list)
}

// round sends what is due, and counts the tries.
func (h *mailHouse) round() int {
	h.t.Helper()
	h.out.tries = 0
	must(h.t, h.Estate.SendOutgoing(h.t.Context()))
	return h.out.tries
}

// TestQueue: what leaves waits until it is taken, however long that is refused, and
// nobody hears of it meanwhile.
func TestQueue(t *testing.T) {
	h := forwards(t)
	both := []string{onward + " to x@example.org", onward + " to y@example.org"}
	h.out.refuses = errors.New("not now")
	if got := h.send("info@example.com", friend, message("1")); got != "ok" || h.files() != 1 {
		t.Errorf("%s, %d files wait", got, h.files())
	}
	if n := h.round(); n != 2 {
		t.Errorf("%d tries, want 2", n)
	}
	if n := h.round(); n != 0 {
		t.Errorf("%d tries at once, want 0", n)
	}
	h.Wait(2 * time.Minute)
	if n := h.round(); n != 2 {
		t.Errorf("%d tries later, want 2", n)
	}
	h.out.refuses = nil
	h.Wait(10 * time.Minute)
	h.wants("when it is taken", "", "", nil, both)
	if h.files() != 0 {
		t.Errorf("%d files are left", h.files())
	}
	h.wants("once more", "", "", nil, nil)
}

// TestQueueDown: where nothing can be sent at all a few are tried and all wait; one
// that cannot be sent keeps nobody else waiting.
func TestQueueDown(t *testing.T) {
	h := forwards(t)
	h.out.refuses = &notice.Unreachable{Err: errors.New("down")}
	for i := range 10 {
		h.send("info@example.com", friend, message(fmt.Sprint(i)))
	}
	if n := h.round(); n < 3 || n > 6 {
		t.Errorf("%d tries of 20, want 3, or what was begun by then", n)
	}
	h.out.refuses = nil
	if n := h.round(); n != 0 {
		t.Errorf("%d tries before the pause is over", n)
	}
	h.Wait(2 * time.Minute)
	if h.round(); len(h.left()) != 20 || h.files() != 0 {
		t.Errorf("%d files are left", h.files())
	}
}

// TestBounce: what nobody takes comes back to who sent it, and what comes back does
// not come back again.
func TestBounce(t *testing.T) {
	h := forwards(t, "ann")
	never := &notice.Refusal{Err: errors.New("secret-host says never")}
	h.out.refuses = never
	h.send("info@example.com", "ann@example.com", message("1"))
	h.round()
	box := "example.com/ann Undelivered mail"
	h.wants("a refusal, to one of ours", "", "", []string{box, box}, nil)
	h.send("info@example.com", friend, message("secret-subject"))
	h.round() // each is answered, and what answers is refused
	if h.files() != 0 {
		t.Errorf("%d files are left", h.files())
	}
	h.send("info@example.com", friend, message("2"))
	h.out.refuses = errors.New("not now")
	h.round()
	for range 5 * 24 {
		h.Wait(time.Hour)
		h.round()
	}
	h.out.refuses = nil
	h.Wait(10 * time.Hour)
	h.round()
	if len(h.out.got) != 2 || h.out.got[0].To != friend || h.out.got[0].From != "" {
		t.Fatalf("%d messages tell that it could not be sent", len(h.out.got))
	}
	text := string(h.out.got[0].Raw)
	for _, want := range []string{"To: <" + friend + ">\r\n", "Auto-Submitted: auto-replied\r\n", "Final-Recipient: rfc822; info@example.com\r\nAction: failed\r\nStatus: 4.4.7\r\n", "\r\nSubject: 2\r\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, no := range []string{"x@example.org", "hello", "secret-host"} {
		if strings.Contains(text, no) {
			t.Errorf("%q in\n%s", no, text)
		}
	}
	h.out.got = nil
	h.wants("nothing more", "", "", nil, nil)
	if h.files() != 0 {
		t.Errorf("%d files are left", h.files())
	}
}

// TestQueueIsBound: an account has no more wait than it may, and its neighbour is not
// bound by that.
func TestQueueIsBound(t *testing.T) {
	h := forwards(t)
	h.UAPI("other", "Email", "add_forwarder", "email", "info", "domain", "example.net", "fwdopt", "fwd", "fwdemail", "x@example.org")
	h.out.refuses = errors.New("not now")
	large := message("1") + strings.Repeat(strings.Repeat("x", 99)+"\n", 50<<20/100)
	for i := range 5 {
		if got := h.send("info@example.com", friend, large); got != "ok" {
			t.Fatalf("message %d: %s", i, got)
		}
	}
	full := "unavailable: Too much mail of this account waits to be sent: try again later."
	if got := h.send("info@example.com", friend, large); got != full || h.files() != 5 {
		t.Errorf("one too many: %s, and %d files", got, h.files())
	}
	if got := h.send("info@example.net", friend, message("1")); got != "ok" {
		t.Errorf("the neighbour: %s", got)
	}
	h.WHM("removeacct", "user", "demo")
	h.out.refuses = nil
	h.Wait(time.Hour)
	h.wants("after the account was removed", "", "", nil, []string{"SRS0=example.org=friend@example.net to x@example.org"})
}

// TestLoops: mail that has come by too many servers is sent on by nobody.
func TestLoops(t *testing.T) {
	h := forwards(t)
	h.wants("by many", h.send("info@example.com", friend, strings.Repeat("Received: from a by b\n", 51)+message("1")), "invalid: mail for this address goes round in a circle", nil, nil)
	h.wants("by some", h.send("info@example.com", friend, strings.Repeat("Received: from a by b\n", 50)+message("1")), "ok", nil, []string{onward + " to x@example.org", onward + " to y@example.org"})
}

// TestHeldHere: what is held for a mailbox waits, is counted, goes when it is let go, and
// can be thrown away; nothing of it is another's.
func TestHeldHere(t *testing.T) {
	h := withMail(t, "ann", "bob", "eve@example.net")
	ctx := t.Context()
	ann := hosting.Address{Local: "ann", Domain: "example.com"}
	for _, box := range []string{"ann", "bob"} {
		h.email("add_forwarder", "email", box, "domain", "example.com", "fwdopt", "fwd", "fwdemail", "x@example.org")
	}
	mail := func(user latchkey.AccountName) hosting.Mail {
		t.Helper()
		c, err := h.Verifier.Local(ctx, user, latchkey.ForAccount)
		must(t, err)
		acct, err := h.Estate.Account(ctx, audit.Begin(h.Now, latchkey.Origin{}), &c)
		must(t, err)
		return acct.Mail()
	}
	count := func(user latchkey.AccountName, a hosting.Address) int64 {
		t.Helper()
		n, err := mail(user).Held(ctx, a)
		must(t, err)
		return n
	}
	send := func(what string, boxes, left []string) {
		t.Helper()
		h.wants(what, h.send("ann@example.com", friend, message("1"))+h.send("bob@example.com", friend, message("1")), "okok", boxes, left)
	}
	boxes, out := []string{"example.com/ann 1", "example.com/bob 1"}, onward+" to x@example.org"
	send("at first", boxes, []string{out, out})
	h.email("hold_outgoing", "email", "ann@example.com")
	send("held", boxes, []string{out})
	send("held", boxes, []string{out})
	if a, all, neighbour := count("demo", ann), count("demo", hosting.Address{}), count("other", hosting.Address{}); a != 2 || all != 2 || neighbour != 0 {
		t.Errorf("held are %d, in all %d, of the neighbour %d", a, all, neighbour)
	}
	if _, err := mail("other").DropHeld(ctx, ann); latchkey.KindOf(err) != latchkey.NotFound || count("demo", ann) != 2 {
		t.Errorf("a neighbour throws it away: %v", err)
	}
	h.email("release_outgoing", "email", "ann@example.com")
	h.wants("let go", "", "", nil, []string{out, out})
	h.out.refuses = errors.New("not now")
	send("that waits", boxes, nil)
	h.email("hold_outgoing", "email", "ann@example.com")
	if n, err := mail("demo").DropHeld(ctx, ann); n != 1 || err != nil || h.files() != 1 {
		t.Errorf("thrown away are %d, and %d files wait", n, h.files())
	}
	h.out.refuses = nil
	h.Wait(time.Hour)
	h.wants("what is left", "", "", nil, []string{out})
}

// TestReturnPath: what could not be delivered elsewhere comes back to who sent it
// first, and nobody else can have mail sent by that.
func TestReturnPath(t *testing.T) {
	h := forwards(t)
	h.send("info@example.com", friend, message("1"))
	h.round()
	path := h.out.got[0].From
	h.out.got = nil
	back := func(to, from string) string {
		t.Helper()
		box, err := h.Estate.Deliveries().(lmtp.Returner).ResolveReturn(t.Context(), to)
		if err == nil {
			err = box.Deliver(t.Context(), lmtp.Letter{From: from, To: to, Body: func() (io.Reader, error) { return strings.NewReader(message("Undelivered")), nil }})
		}
		if err == nil {
			return "ok"
		}
		return latchkey.KindOf(err).String()
	}
	h.wants("a bounce", back(path, ""), "ok", nil, []string{" to " + friend})
	h.wants("a bounce in lower case", back(strings.ToLower(path), ""), "ok", nil, []string{" to " + friend})
	h.wants("no bounce", back(path, "spam@example.org"), "invalid", nil, nil)
	h.wants("forged", back(strings.Replace(path, "friend", "enemy", 1), ""), "not-found", nil, nil)
	h.wants("at another domain", back(strings.Replace(path, "@example.com", "@example.net", 1), ""), "not-found", nil, nil)
	h.wants("elsewhere", back(strings.Replace(path, "@example.com", "@example.org", 1), ""), "not-found", nil, nil)
	h.Wait(22 * 24 * time.Hour)
	h.wants("late", back(path, ""), "not-found", nil, nil)

	h.wants("one of ours", h.send("info@example.com", "me@example.net", message("1")), "ok", nil, []string{"me@example.net to x@example.org", "me@example.net to y@example.org"})
	h.wants("nobody", h.send("info@example.com", "", message("1")), "ok", nil, []string{" to x@example.org", " to y@example.org"})
}

// TestSignedOnward: what an account sends on, or answers, is signed if its domain
// publishes a key, but never so that forged mail passes for its own.
func TestSignedOnward(t *testing.T) {
	h := forwards(t, "ann")
	h.email("add_auto_responder", "email", "ann", "domain", "example.com", "from", "Ann", "subject", "Away", "body", "away", "interval", "0")
	send := func(to, from string) []notice.Message {
		t.Helper()
		h.out.got = nil
		h.send(to, friend, "From: "+from+"\nDate: Mon, 23 Nov 2026 10:00:00 +0000\nTo: "+to+"\nSubject: 1\n\nhello\n")
		h.round()
		if len(h.out.got) == 0 {
			t.Fatal("nothing has left")
		}
		return h.out.got
	}
	domains := func(raw []byte) string {
		t.Helper()
		list, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: textsOf(h.Server)})
		must(t, err)
		text := ""
		for _, v := range list {
			text += fmt.Sprint(v.Domain, " ", v.Err, " ")
		}
		return text
	}
	if got := domains(send("info@example.com", friend)[0].Raw); got != "" {
		t.Errorf("signed without a key: %s", got)
	}
	h.UAPI("demo", "EmailAuth", "enable_dkim", "domain", "example.com")
	const good = "example.com <nil> "
	for from, want := range map[string]string{
		friend: good, "Friend <friend@example.org>": good,
		"ann@example.com": "", "ann@sub.example.com": "", "friend@example.org, ann@example.com": "", "friend@example.org\nFrom: ann@example.com": "",
		"friend@example.org\nFrom : ann@example.com": "", "friend@example.org\rFrom: ann@example.com": "", "nobody": "",
	} {
		for _, m := range send("info@example.com", from) {
			if got := domains(m.Raw); got != want {
				t.Errorf("from %q: signed by %q, want %q\n%s", from, got, want, m.Raw)
			}
		}
	}
	if got := domains(send("ann@example.com", friend)[0].Raw); got != good {
		t.Errorf("an answer: signed by %q", got)
	}
}

// TestQueueStays: what waits is there when the server is there again, and files that
// nobody waits for are not.
func TestQueueStays(t *testing.T) {
	h := forwards(t)
	h.out.refuses = errors.New("not now")
	h.send("info@example.com", friend, message("1"))
	must(t, os.WriteFile(filepath.Join(h.Dir, "queue", "LEFT"), []byte("x"), 0o600))
	h.round()
	h.Estate, h.out.refuses = estate.New(h.Estate.Config), nil
	must(t, h.Estate.ClearQueue(t.Context()))
	if h.files() != 1 {
		t.Errorf("%d files, want 1", h.files())
	}
	h.Wait(2 * time.Minute)
	h.wants("after a restart", "", "", nil, []string{onward + " to x@example.org", onward + " to y@example.org"})
	var waits []store.Outgoing
	must(t, h.Store.Read(t.Context(), func(r store.Reader) (err error) {
		waits, err = r.DueOutgoing(h.Now().Add(time.Hour), 0, 9, 9)
		return err
	}))
	if len(waits) > 0 || h.files() != 0 {
		t.Errorf("%d wait, %d files", len(waits), h.files())
	}
}

// TestMute: of a mailbox whose outgoing mail is suspended nothing leaves, whatever would
// send it: it stays in the mailbox, and what waited goes on waiting.
func TestMute(t *testing.T) {
	h := withMail(t, "ann", "bob", "eve@example.net")
	for _, to := range []string{"x@example.org", "eve@example.net"} {
		h.email("add_forwarder", "email", "ann", "domain", "example.com", "fwdopt", "fwd", "fwdemail", to)
	}
	h.email("add_auto_responder", "email", "ann", "domain", "example.com", "from", "Ann", "subject", "Away", "body", "away", "interval", "0")
	h.email("store_filter", "account", "bob@example.com", "filtername", "on", "part1", "$header_subject:", "match1", "contains", "val1", "1", "action1", "deliver", "dest1", "y@example.org")
	h.email("store_filter", "filtername", "all", "part1", "$header_subject:", "match1", "contains", "val1", "1", "action1", "deliver", "dest1", "z@example.org", "action2", "finish", "dest2", "")
	const to = "To: ann@example.com\nSubject: 1\n\nhello\n"
	send := func(what string, boxes, left []string) {
		t.Helper()
		h.wants(what, h.send("ann@example.com", friend, to)+h.send("bob@example.com", friend, to), "okok", boxes, left)
	}
	free := []string{" to " + friend, onward + " to x@example.org", onward + " to z@example.org", onward + " to z@example.org"}
	send("at first", []string{"example.net/eve 1"}, free)
	waits := message("2")
	h.out.refuses = errors.New("not now")
	h.send("ann@example.com", friend, waits)
	h.round()
	h.holds()
	h.out.refuses = nil
	for _, box := range []string{"ann", "bob"} {
		h.email("suspend_outgoing", "email", box+"@example.com")
	}
	h.Wait(time.Hour)
	send("suspended", []string{"example.com/ann 1", "example.com/bob 1", "example.net/eve 1"}, nil)
	ann := store.MailPlace{Domain: "example.com", Local: "ann"}
	must(t, h.Store.Read(t.Context(), func(r store.Reader) (err error) {
		ann.Account, err = r.DomainOwner("example.com")
		return err
	}))
	rendered := func(what string, wants bool) {
		t.Helper()
		s, err := h.Estate.MailOf(t.Context(), []store.MailPlace{ann})
		must(t, err)
		text := ""
		for _, a := range s.Aliases {
			text += a.Address + " to " + a.Target + "\n"
		}
		text += s.Boxes[0].Script
		for _, word := range []string{"ann@example.com to x@example.org", "vacation", "z@example.org"} {
			if strings.Contains(text, word) != wants {
				t.Errorf("%s: that Dovecot and Postfix are told of %q is %v\n%s", what, word, !wants, text)
			}
		}
		if !strings.Contains(text, "ann@example.com to eve@example.net") {
			t.Errorf("%s: mail does not go on to a neighbour\n%s", what, text)
		}
	}
	rendered("suspended", false)
	h.email("unsuspend_outgoing", "email", "ann@example.com")
	h.wants("what waited", "", "", nil, []string{" to " + friend, onward + " to x@example.org"})
	h.email("unsuspend_outgoing", "email", "bob@example.com")
	rendered("let go", true)
	send("let go", []string{"example.net/eve 1"}, free)
}

// slowly is a way out on which mail for some addresses takes until it is let go.
type slowly struct {
	outside
	began, sent chan string
	open        chan struct{}
}

func (s *slowly) Send(ctx context.Context, m *notice.Message) error {
	if strings.HasPrefix(m.To, "slow") {
		s.began <- m.To
		select {
		case <-s.open:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := s.outside.Send(ctx, m)
	s.sent <- m.To
	return err
}

// TestTurns: however much of an account waits, and however slow the servers are that it
// sends to, what others send goes out meanwhile, at once what comes later, too; and in
// the end all has gone, once.
func TestTurns(t *testing.T) {
	h := withMail(t)
	out := &slowly{began: make(chan string, 999), sent: make(chan string, 999), open: make(chan struct{})}
	h.Estate.MailOut, h.out = out, &out.outside
	for _, local := range []string{"slow", "fast"} {
		h.email("add_forwarder", "email", local, "domain", "example.com", "fwdopt", "fwd", "fwdemail", local+"@example.org")
	}
	h.UAPI("other", "Email", "add_forwarder", "email", "info", "domain", "example.net", "fwdopt", "fwd", "fwdemail", "bob@example.org")
	const many = 150
	for range many {
		if got := h.send("slow@example.com", friend, message("1")); got != "ok" {
			t.Fatal(got)
		}
	}
	wait := func(c chan string, what string) {
		t.Helper()
		select {
		case to := <-c:
			if to != what {
				t.Fatalf("%s comes before %s", to, what)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("%s waits for what is slow", what)
		}
	}
	h.send("info@example.net", friend, message("2"))
	done := make(chan error, 1)
	go func() { done <- h.Estate.SendOutgoing(t.Context()) }()
	wait(out.sent, "bob@example.org")
	wait(out.began, "slow@example.org")
	h.send("info@example.net", friend, message("3"))
	wait(out.sent, "bob@example.org")
	close(out.open)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := len(out.got); n != many+2 || h.files() != 0 {
		t.Errorf("%d messages have gone, want %d; %d files are left", n, many+2, h.files())
	}
	// Who has little is not behind who has much, either, where all is quick.
	out.got = nil
	for range many {
		h.send("fast@example.com", friend, message("1"))
	}
	h.send("info@example.net", friend, message("4"))
	must(t, h.Estate.SendOutgoing(t.Context()))
	for i, m := range out.got {
		if m.To == "bob@example.org" && i > 20 {
			t.Errorf("what a neighbour sends is number %d", i)
		}
	}
}

// TestHeldMeanwhile: what is held, or gone, by the time that its turn comes is not sent.
func TestHeldMeanwhile(t *testing.T) {
	h := withMail(t, "ann", "slow")
	out := &slowly{began: make(chan string, 99), sent: make(chan string, 99), open: make(chan struct{})}
	h.Estate.MailOut, h.out = out, &out.outside
	for _, box := range []string{"ann", "slow"} {
		h.email("add_forwarder", "email", box, "domain", "example.com", "fwdopt", "fwd", "fwdemail", box+"@example.org")
	}
	for range 2 {
		h.send("slow@example.com", friend, message("1"))
	}
	for range 3 {
		h.send("ann@example.com", friend, message("1"))
	}
	done := make(chan error, 1)
	go func() { done <- h.Estate.SendOutgoing(t.Context()) }()
	<-out.began
	<-out.began // both hands of the account; all others of its messages were found by then
	h.email("hold_outgoing", "email", "ann@example.com")
	close(out.open)
	must(t, <-done)
	if n := len(out.got); n != 2 || h.files() != 3 {
		t.Errorf("%d messages have gone, and %d files wait", n, h.files())
	}
}
