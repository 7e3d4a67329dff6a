package estate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/driver/lmtp"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/notice"
	"github.com/latchkey/latchkey/internal/srs"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/test/testserver"
)

// outside is where mail goes that leaves the server.
type outside struct {
	mu      sync.Mutex
	got     []notice.Message
	tries   int
	refuses error
}

func (o *outside) Send(_ context.Context, m *notice.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tries++
	if o.refuses != nil {
		return o.refuses
	}
	o.got = append(o.got, *m)
	return nil
}

// mailHouse is a server whose mail can leave.
type mailHouse struct {
	*testserver.Server
	t   *testing.T
	out *outside
}

func withMail(t *testing.T, boxes ...string) *mailHouse {
	t.Helper()
	h := &mailHouse{testserver.New(t), t, &outside{}}
	h.Estate.MailOut = h.out
	for _, box := range boxes {
		user := "demo"
		if strings.HasSuffix(box, "@example.net") {
			user = "other"
		}
		h.UAPI(user, "Email", "add_pop", "email", box, "password", testserver.Password)
	}
	return h
}

func (h *mailHouse) email(function string, args ...string) {
	h.t.Helper()
	h.UAPI("demo", "Email", function, args...)
}

// send sends a message to an address, and tells how that ended.
func (h *mailHouse) send(to, from, text string) string {
	h.t.Helper()
	a, err := hosting.ParseAddress(to)
	must(h.t, err)
	box, err := h.Estate.Deliveries().Resolve(h.t.Context(), a)
	if err == nil {
		err = box.Deliver(h.t.Context(), lmtp.Letter{From: from, To: to, Body: func() (io.Reader, error) { return strings.NewReader(text), nil }})
	}
	if err == nil {
		return "ok"
	}
	e := latchkey.AsError(err)
	return e.Kind.String() + ": " + e.Msg
}

// holds are the messages in the mailboxes, as folder and subject.
func (h *mailHouse) holds() (list []string) {
	h.t.Helper()
	root := filepath.Join(h.Dir, "homes")
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(filepath.Dir(p)) != "new" {
			return err
		}
		data, err := os.ReadFile(p)
		rel, _ := filepath.Rel(root, filepath.Dir(filepath.Dir(p)))
		_, rel, _ = strings.Cut(rel, "/mail/")
		_, subject, _ := strings.Cut(string(data), "\nSubject: ")
		subject, _, _ = strings.Cut(subject, "\n")
		list = append(list, rel+" "+subject)
		return errors.Join(err, os.Remove(p))
	})
	must(h.t, err)
	slices.Sort(list)
	return list
}

// left are the recipients of what has left the server.
func (h *mailHouse) left() (list []string) {
	h.t.Helper()
	must(h.t, h.Estate.SendOutgoing(h.t.Context()))
	for _, m := range h.out.got {
		if srs.Is(m.From) {
			m.From = m.From[:len("SRS0=")] + m.From[len("SRS0=01234567=01="):]
		}
		list = append(list, m.From+" to "+m.To)
	}
	h.out.got = nil
	slices.Sort(list)
	return list
}

func message(subject string) string {
	return "Subject: " + subject + "\nTo: ann@example.com\n\nhello\n"
}

// friend is somebody elsewhere, and onward how we call them when we send on what they
// wrote.
const (
	friend = "friend@example.org"
	onward = "SRS0=example.org=friend@example.com"
)

func (h *mailHouse) wants(what, answer, wantAnswer string, boxes, left []string) {
	h.t.Helper()
	if answer != wantAnswer {
		h.t.Errorf("%s: %q, want %q", what, answer, wantAnswer)
	}
	if got := h.holds(); !slices.Equal(got, boxes) {
		h.t.Errorf("%s: the mailboxes hold %q, want %q", what, got, boxes)
	}
	if got := h.left(); !slices.Equal(got, left) {
		h.t.Errorf("%s: %q left, want %q", what, got, left)
	}
}

// TestRoutes: mail goes where forwarders and default addresses send it, and ends
// where it goes round.
func TestRoutes(t *testing.T) {
	h := withMail(t, "ann", "bob", "eve@example.net")
	fwd := func(from, to string) {
		h.email("add_forwarder", "email", from, "domain", "example.com", "fwdopt", "fwd", "fwdemail", to)
	}
	fwd("info", "ann@example.com, bob@example.com,x@example.org")
	fwd("ann", "eve@example.net")
	fwd("a", "b@example.com")
	fwd("b", "a@example.com")
	h.email("add_forwarder", "email", "gone", "domain", "example.com", "fwdopt", "fail", "failmsgs", "Gone fishing")
	h.email("add_forwarder", "email", "bob", "domain", "example.com", "fwdopt", "fwd", "fwdemail", "gone@example.com")
	h.email("add_forwarder", "email", "hole", "domain", "example.com", "fwdopt", "blackhole")

	h.wants("to a mailbox that is forwarded", h.send("ann@example.com", friend, message("1")), "ok", []string{"example.com/ann 1", "example.net/eve 1"}, nil)
	h.wants("to several", h.send("info@example.com", friend, message("2")), "ok", []string{"example.com/ann 2", "example.com/bob 2", "example.net/eve 2"}, []string{onward + " to x@example.org"})
	h.wants("in a circle", h.send("a@example.com", friend, message("3")), "invalid: mail for this address goes round in a circle", nil, nil)
	fwd("b", "bob@example.com")
	h.wants("in a circle with a way out", h.send("a@example.com", friend, message("3")), "ok", []string{"example.com/bob 3"}, nil)
	h.wants("to one that refuses", h.send("gone@example.com", friend, message("4")), "invalid: Gone fishing", nil, nil)
	h.wants("to one that forgets", h.send("hole@example.com", friend, message("5")), "ok", nil, nil)
	h.wants("to nobody", h.send("no@example.com", friend, message("6")), "not-found: There is no such mailbox here.", nil, nil)
	h.wants("to elsewhere", h.send("x@example.org", friend, message("6")), "not-found: There is no such mailbox here.", nil, nil)

	h.email("set_default_address", "fwdopt", "fwd", "fwdemail", "bob@example.com")
	h.wants("to the default address", h.send("no@example.com", friend, message("7")), "ok", []string{"example.com/bob 7"}, nil)
	h.wants("to a mailbox beside a default address", h.send("ann@example.com", friend, message("7")), "ok", []string{"example.com/ann 7", "example.net/eve 7"}, nil)
	h.email("add_domain_forwarder", "domain", "example.com", "destdomain", "example.net")
	h.wants("to a domain that is forwarded", h.send("eve@example.com", friend, message("8")), "ok", []string{"example.net/eve 8"}, nil)
	h.wants("to nobody there", h.send("no@example.com", friend, message("8")), "not-found: There is no such mailbox here.", nil, nil)

	back := "Delivered-To: info@example.com\n" + message("9")
	h.wants("that comes back", h.send("info@example.com", friend, back), "ok", []string{"example.com/ann 9", "example.com/bob 9", "example.net/eve 9"}, nil)

	h.email("suspend_incoming", "email", "bob@example.com")
	h.wants("with a suspended one", h.send("b@example.com", friend, message("12")), "denied: This mailbox does not take mail at present.", nil, nil)
	h.WHM("suspendacct", "user", "other")
	h.wants("to a suspended account", h.send("ann@example.com", friend, message("13")), "ok", []string{"example.com/ann 13"}, nil)
}

// TestFilters: filters of the account and of a mailbox do what they say.
func TestFilters(t *testing.T) {
	h := withMail(t, "ann", "bob")
	filter := func(account, name, part, match, value, action, dest string) {
		h.email("store_filter", "account", account, "filtername", name, "part1", part, "match1", match, "val1", value, "action1", action, "dest1", dest)
	}
	filter("demo", "lists", "$header_list-id:", "contains", "list", "save", "Lists.All")
	filter("demo", "no", "$header_subject:", "begins", "bad", "fail", "We do not want this")
	filter("ann@example.com", "on", "$header_subject:", "is", "on", "deliver", "bob@example.com")
	filter("ann@example.com", "out", "$header_subject:", "is", "out", "deliver", "x@example.org")
	filter("ann@example.com", "null", "$message_body", "contains", "viagra", "save", "/dev/null")
	filter("bob@example.com", "back", "$header_subject:", "is", "on", "deliver", "ann@example.com")
	filter("ann@example.com", "quoted", "$header_subject:", "is", `";discard;"\`, "save", "A & B")

	h.wants("nothing fits", h.send("ann@example.com", friend, message("1")), "ok", []string{"example.com/ann 1"}, nil)
	list := "Date: x\nSubject: 2\nList-Id: <list.x>\n\nhello\n"
	h.wants("a folder", h.send("ann@example.com", friend, list), "ok", []string{"example.com/ann/.Lists.All 2"}, nil)
	h.wants("a refusal", h.send("bob@example.com", friend, message("Bad news")), "invalid: We do not want this", nil, nil)
	h.wants("to the other, and back", h.send("ann@example.com", friend, message("on")), "ok", []string{"example.com/bob on"}, nil)
	h.wants("out", h.send("ann@example.com", friend, message("out")), "ok", nil, []string{onward + " to x@example.org"})
	h.wants("out, once more", h.send("ann@example.com", friend, "Delivered-To: ann@example.com\n"+message("out")), "ok", []string{"example.com/ann out"}, nil)
	h.wants("nowhere", h.send("ann@example.com", friend, message("4")+"buy viagra\n"), "ok", nil, nil)
	h.wants("a text that looks like a command", h.send("ann@example.com", friend, message(`";discard;"\`)), "ok", []string{`example.com/ann/.A &- B ";discard;"\`}, nil)
	h.email("disable_filter", "account", "ann@example.com", "filtername", "out")
	h.wants("one that is off", h.send("ann@example.com", friend, message("out")), "ok", []string{"example.com/ann out"}, nil)
	h.email("delete_pop", "email", "ann")
	h.email("add_pop", "email", "ann", "password", testserver.Password)
	h.wants("a mailbox made anew", h.send("ann@example.com", friend, message("on")), "ok", []string{"example.com/ann on"}, nil)
}

// TestCopies: what one message may cost is bounded: in a mailbox, whatever its
// filters say, and in all that it leads to.
func TestCopies(t *testing.T) {
	h := withMail(t, "ann")
	filters := func(account string, n int) {
		for i := range n {
			args := []string{"account", account, "filtername", fmt.Sprint("f", i), "part1", "$header_subject:", "match1", "begins", "val1", "x"}
			for k := range 10 {
				args = append(args, fmt.Sprint("action", k+1), "save", fmt.Sprint("dest", k+1), fmt.Sprintf("F%d.%d", i, k))
			}
			h.email("store_filter", args...)
		}
	}
	filters("ann@example.com", 3)
	h.send("ann@example.com", friend, message("x"))
	if got := len(h.holds()); got != 30 {
		t.Errorf("%d copies of a message, want 30", got)
	}
	filters("ann@example.com", 4)
	h.wants("to more folders than it may", h.send("ann@example.com", friend, message("x")), "ok", []string{"example.com/ann x"}, nil)

	h.email("delete_filter", "account", "ann@example.com", "filtername", "f3")
	for i := range 12 {
		name := fmt.Sprint("box", i)
		h.email("add_pop", "email", name, "password", testserver.Password)
		filters(name+"@example.com", 3)
		h.email("add_forwarder", "email", "all", "domain", "example.com", "fwdopt", "fwd", "fwdemail", name+"@example.com")
	}
	h.send("all@example.com", friend, message("x"))
	if got := len(h.holds()); got != 6*30+6 { // six mailboxes as they want it, and six inboxes
		t.Errorf("%d copies of a message to twelve, want %d", got, 6*30+6)
	}
}

// TestAnswers: an autoresponder answers people, once in its time.
func TestAnswers(t *testing.T) {
	h := withMail(t, "ann", "bob")
	answer := func(args ...string) {
		h.email("add_auto_responder", append(args, "email", "ann", "domain", "example.com", "from", "Änn", "subject", "Away", "body", "I am\n.\naway", "interval", "2")...)
	}
	answer()
	box := []string{"example.com/ann 1"}
	said := []string{" to " + friend}
	h.wants("the first", h.send("ann@example.com", friend, message("1")), "ok", box, said)
	h.wants("a second", h.send("ann@example.com", friend, message("1")), "ok", box, nil)
	h.Wait(3 * time.Hour)
	h.wants("one later", h.send("ann@example.com", friend, message("1")), "ok", box, said)
	for what, from := range map[string]string{"a bounce": "", "a list": "owner-list@example.org", "a program": "noreply@example.org", "itself": "ann@example.com"} {
		h.wants(what, h.send("ann@example.com", from, message("1")), "ok", box, nil)
	}
	for _, header := range []string{"List-Id: x", "Auto-Submitted: auto-replied", "Precedence: bulk"} {
		h.wants(header, h.send("ann@example.com", "other@example.org", header+"\n"+message("1")), "ok", []string{"example.com/ann 1"}, nil)
	}
	h.wants("one for somebody else", h.send("ann@example.com", "other@example.org", "Subject: 1\nTo: list@example.org\n\n"), "ok", box, nil)

	h.wants("one of ours", h.send("ann@example.com", "bob@example.com", message("1")), "ok", []string{"example.com/ann 1", "example.com/bob Away"}, nil)

	answer("interval", "0", "is_html", "1", "start", h.in(time.Hour), "stop", h.in(2*time.Hour))
	h.wants("before it begins", h.send("ann@example.com", friend, message("1")), "ok", box, nil)
	h.Wait(90 * time.Minute)
	got := h.send("ann@example.com", friend, "Message-ID: <1@x>\n"+message("1"))
	must(t, h.Estate.SendOutgoing(t.Context()))
	if got != "ok" || len(h.out.got) != 1 {
		t.Fatalf("%s, %d messages left", got, len(h.out.got))
	}
	text := string(h.out.got[0].Raw)
	for _, want := range []string{"From: =?utf-8?q?=C3=84nn?= <ann@example.com>\r\n", "Subject: Away\r\n", "Auto-Submitted: auto-replied\r\n", "In-Reply-To: <1@x>\r\n", "text/html; charset=utf-8", "SSBhbQouCmF3YXkK"} {
		if !strings.Contains(text, want) {
			t.Errorf("the answer has no %q:\n%s", want, text)
		}
	}
	h.holds()
	h.left()
	h.Wait(time.Hour)
	h.wants("after it has ended", h.send("ann@example.com", friend, message("1")), "ok", box, nil)

	h.email("add_auto_responder", "email", "nobox", "domain", "example.com", "from", "", "subject", "", "body", "x")
	h.wants("without a mailbox", h.send("nobox@example.com", friend, "Subject: hi\nTo: nobox@example.com\n\n"), "ok", nil, said)
	h.email("delete_auto_responder", "email", "nobox@example.com")
	h.wants("none any more", h.send("nobox@example.com", friend, message("1")), "not-found: There is no such mailbox here.", nil, nil)
}

func (h *mailHouse) in(d time.Duration) string { return in(h.Server, d) }

// TestNoMailOut: where no mail leaves, what needs it is refused in words.
func TestNoMailOut(t *testing.T) {
	s := testserver.New(t)
	s.UAPI("demo", "Email", "add_pop", "email", "ann", "password", testserver.Password)
	s.UAPI("demo", "Email", "add_forwarder", "email", "a", "domain", "example.com", "fwdopt", "fwd", "fwdemail", "ann@example.com")
	for what, args := range map[string][]string{
		"add_forwarder":        {"email", "a", "domain", "example.com", "fwdopt", "fwd", "fwdemail", "x@example.org"},
		"set_default_address":  {"domain", "example.com", "fwdopt", "fwd", "fwdemail", "x@example.org"},
		"add_domain_forwarder": {"domain", "example.com", "destdomain", "example.org"},
		"add_auto_responder":   {"email", "ann", "domain", "example.com", "from", "a", "subject", "a", "body", "b"},
		"store_filter":         {"filtername", "a", "part1", "$header_to:", "match1", "is", "val1", "x", "action1", "deliver", "dest1", "x@example.org"},
	} {
		res := s.Call(call.UAPI, "demo", "Email", what, args...)
		if res.Err == nil || res.Err.Kind != latchkey.RoleOff || !strings.Contains(res.Err.Msg, "sends no mail") {
			t.Errorf("%s: %v", what, res.Err)
		}
	}
}

// follower is a mail server that may be down.
type follower struct {
	down   bool
	told   []store.MailPlace
	rounds int
}

func (f *follower) Apply(_ context.Context, p store.MailPlace) error {
	if f.down {
		return errors.New("down")
	}
	f.told = append(f.told, p)
	return nil
}

func (f *follower) Reconcile(context.Context) error {
	f.rounds++
	if f.down {
		return errors.New("down")
	}
	return nil
}

// TestMailserverFollows: a mail server is told of every change before it is
// answered, and of those that it missed when it is there again.
func TestMailserverFollows(t *testing.T) {
	s, f := testserver.New(t), &follower{}
	s.Estate.Mailserver = f
	s.UAPI("demo", "Email", "add_pop", "email", "ann", "password", testserver.Password)
	s.UAPI("demo", "Email", "set_default_address", "fwdopt", "blackhole")
	s.UAPI("demo", "Email", "store_filter", "filtername", "a", "part1", "$header_to:", "match1", "is", "val1", "x", "action1", "finish")
	id := f.told[0].Account
	ann := store.MailPlace{Account: id, Domain: "example.com", Local: "ann"}
	if want := []store.MailPlace{ann, {Account: id, Domain: "example.com"}, {Account: id}}; !slices.Equal(f.told, want) {
		t.Errorf("told of %v, want %v", f.told, want)
	}
	f.down, f.told = true, nil
	res := s.Call(call.UAPI, "demo", "Email", "add_forwarder", "email", "ann", "domain", "example.com", "fwdopt", "fwd", "fwdemail", "x@example.org")
	if res.Err == nil || res.Err.Kind != latchkey.Unavailable {
		t.Errorf("a change that is not in effect: %v", res.Err)
	}
	s.Estate.Repair(t.Context())
	f.down = false
	s.Estate.Repair(t.Context())
	s.Estate.Repair(t.Context())
	if want := []store.MailPlace{ann}; !slices.Equal(f.told, want) {
		t.Errorf("afterwards told of %v, want %v", f.told, want)
	}
	if _, err := s.Estate.Recover(t.Context()); err != nil || f.rounds != 1 {
		t.Errorf("Recover: %v, %d rounds", err, f.rounds)
	}
}

// TestMostRules: an account has so many autoresponders and forwarders, and no more.
func TestMostRules(t *testing.T) {
	h := withMail(t)
	demo := accountOf(t, h.Server, "demo").Caller().Account
	_, err := h.Store.Write(t.Context(), func(tx store.Tx) error {
		for i := range hosting.MaxAutoresponders {
			at := store.MailPlace{Account: demo, Domain: "example.com", Local: fmt.Sprintf("a%d", i)}
			if err := tx.PutAutoresponder(store.Autoresponder{MailPlace: at}); err != nil {
				return err
			}
		}
		for i := range hosting.MaxForwarders {
			at := store.MailPlace{Account: demo, Domain: "example.com", Local: fmt.Sprintf("a%d", i)}
			if err := tx.PutForwarder(store.Forwarder{MailPlace: at, To: friend}); err != nil {
				return err
			}
		}
		return nil
	})
	must(t, err)
	answer := func(email string) *latchkey.Error {
		return h.Call(call.UAPI, "demo", "Email", "add_auto_responder", "email", email, "domain", "example.com", "from", "a", "subject", "b", "body", "c").Err
	}
	forward := func(email, to string) *latchkey.Error {
		return h.Call(call.UAPI, "demo", "Email", "add_forwarder", "email", email, "domain", "example.com", "fwdopt", "fwd", "fwdemail", to).Err
	}
	for what, err := range map[string]*latchkey.Error{"an autoresponder": answer("more"), "a forwarder": forward("more", friend), "a second": forward("a0", "x@example.org")} {
		if err == nil || err.Kind != latchkey.Limit {
			t.Errorf("%s more: %v", what, err)
		}
	}
	for what, err := range map[string]*latchkey.Error{"an autoresponder": answer("a0"), "a forwarder": forward("a0", friend)} {
		if err != nil {
			t.Errorf("%s that is there: %v", what, err)
		}
	}
}

// TestShutPassesNothingOn: what a mail server is told of a suspended account, and of
// a mailbox that takes no mail, has nothing that would be sent on.
func TestShutPassesNothingOn(t *testing.T) {
	h := withMail(t, "ann", "bob")
	f := &follower{}
	h.Estate.Mailserver = f
	h.email("add_forwarder", "email", "ann", "domain", "example.com", "fwdopt", "fwd", "fwdemail", friend)
	h.email("add_forwarder", "email", "list", "domain", "example.com", "fwdopt", "fwd", "fwdemail", friend)
	h.email("set_default_address", "domain", "example.com", "fwdopt", "fwd", "fwdemail", friend)
	account := store.MailPlace{Account: f.told[0].Account}
	state := func() (aliases, refusals []string) {
		s, err := h.Estate.MailOf(t.Context(), []store.MailPlace{account})
		must(t, err)
		for _, a := range s.Aliases {
			aliases = append(aliases, a.Address)
		}
		for _, r := range s.Refusals {
			refusals = append(refusals, r.Address)
		}
		slices.Sort(aliases)
		slices.Sort(refusals)
		return aliases, refusals
	}
	wants := func(what string, aliases, refusals []string) {
		t.Helper()
		if a, r := state(); !slices.Equal(a, aliases) || !slices.Equal(r, refusals) {
			t.Errorf("%s: sent on is the mail for %q, refused for %q", what, a, r)
		}
	}
	all := []string{"@example.com", "ann@example.com", "list@example.com"}
	wants("at first", all, nil)
	h.email("suspend_incoming", "email", "ann@example.com")
	wants("a mailbox that takes none", []string{"@example.com", "list@example.com"}, nil)
	h.WHM("suspendacct", "user", "demo")
	shut, refused := state()
	if len(shut) > 0 || !slices.Contains(refused, "example.com") {
		t.Errorf("suspended: sent on is the mail for %q, refused for %q", shut, refused)
	}
	h.WHM("unsuspendacct", "user", "demo")
	h.email("unsuspend_incoming", "email", "ann@example.com")
	wants("again", all, nil)
}

// TestFilterWork: what one message costs is bounded, however many mailboxes it comes to by
// forwarders that lead to forwarders; all have it in the end, and a neighbour's filters
// go on.
func TestFilterWork(t *testing.T) {
	boxes := []string{"eve@example.net"}
	for i := range 12 {
		boxes = append(boxes, fmt.Sprint("m", i))
	}
	h := withMail(t, boxes...)
	filter := func(user, account string) {
		h.UAPI(user, "Email", "store_filter", "account", account, "filtername", "all", "part1", "$message_body", "match1", "contains", "val1", "hello", "action1", "save", "dest1", "Work")
	}
	filter("demo", "")
	filter("other", "eve@example.net")
	fwd := func(from, to string) {
		h.email("add_forwarder", "email", from, "domain", "example.com", "fwdopt", "fwd", "fwdemail", to+"@example.com")
	}
	for i := range 12 { // list leads to l0, that to m0 and l1 ... and the last back
		fwd(fmt.Sprint("l", i), fmt.Sprint("m", i))
		fwd(fmt.Sprint("l", i), fmt.Sprint("l", (i+1)%12))
	}
	h.Estate.FilterWork = 150_000
	text := message("1") + strings.Repeat("hello\n", 2000)
	if got := h.send("l0@example.com", friend, text); got != "ok" {
		t.Fatal(got)
	}
	sorted := 0
	list := h.holds()
	for _, one := range list {
		if strings.Contains(one, "Work") {
			sorted++
		}
	}
	if len(list) != 12 || sorted == 0 || sorted == 12 {
		t.Errorf("%d mailboxes have it, and %d in the folder", len(list), sorted)
	}
	h.wants("a neighbour", h.send("eve@example.net", friend, text), "ok", []string{"example.net/eve/.Work 1"}, nil)
	h.Wait(time.Minute)
	h.wants("a minute later", h.send("m3@example.com", friend, text), "ok", []string{"example.com/m3/.Work 1"}, nil)
}
