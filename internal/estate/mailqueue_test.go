package estate_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/notice"
	"github.com/latchkey/latchkey/test/testserver"
)

// holder is a mail server that holds messages.
type holder struct {
	follower
	held map[string]int64
	off  bool
	out  []string // whose sessions were ended
}

func (h *holder) EndSessions(_ context.Context, of map[string]bool) error {
	h.out = slices.Sorted(maps.Keys(of))
	if h.off {
		return errors.New("off")
	}
	return nil
}

func (h *holder) Held(context.Context) (map[string]int64, error) {
	if h.off {
		return nil, latchkey.Errorf(latchkey.Unavailable, "off")
	}
	return h.held, nil
}

func (h *holder) DropHeld(_ context.Context, sender string) (int64, error) {
	n := h.held[sender]
	delete(h.held, sender)
	return n, nil
}

// TestHeld: what is told of held messages is what the mail server holds of the
// account's own mailboxes, and nothing else is deleted.
func TestHeld(t *testing.T) {
	s := testserver.New(t)
	for _, box := range []string{"ann", "bob"} {
		s.UAPI("demo", "Email", "add_pop", "email", box, "password", testserver.Password)
	}
	s.UAPI("other", "Email", "add_pop", "email", "eve", "password", testserver.Password)
	count := func(function string, args ...string) string {
		res := s.Call(call.UAPI, "demo", "Email", function, args...)
		if res.Err != nil {
			return res.Err.Kind.String()
		}
		return fmt.Sprint(res.Data)
	}
	want := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	want("without a queue", count("get_held_message_count"), "0")
	want("deleted without a queue", count("delete_held_messages", "email", "ann@example.com"), "0")
	h := &holder{held: map[string]int64{"ann@example.com": 2, "bob@example.com": 3, "eve@example.net": 5, "x@example.org": 7}}
	s.Estate.Mailserver = h
	want("of the account", count("get_held_message_count"), "5")
	want("of a mailbox", count("get_held_message_count", "email", "ann@example.com"), "2")
	want("of another's", count("get_held_message_count", "email", "eve@example.net"), "not-found")
	want("deleting another's", count("delete_held_messages", "email", "eve@example.net"), "not-found")
	want("deleting of no mailbox", count("delete_held_messages", "email", "x@example.com"), "not-found")
	want("deleting", count("delete_held_messages", "email", "ann@example.com"), "2")
	want("deleting again", count("delete_held_messages", "email", "ann@example.com"), "0")
	if fmt.Sprint(h.held) != "map[bob@example.com:3 eve@example.net:5 x@example.org:7]" {
		t.Errorf("the mail server holds %v", h.held)
	}
	h.off = true
	want("where the queue cannot be read", count("get_held_message_count"), "unavailable")
}

// TestEndMailSessions: the sessions of the account's own mailboxes are ended, and who
// asked is told if they were not.
func TestEndMailSessions(t *testing.T) {
	s := testserver.New(t)
	s.UAPI("demo", "Email", "terminate_mailbox_sessions") // there are none
	for _, box := range []string{"bob", "ann"} {
		s.UAPI("demo", "Email", "add_pop", "email", box, "password", testserver.Password)
	}
	s.UAPI("other", "Email", "add_pop", "email", "eve", "password", testserver.Password)
	h := &holder{}
	s.Estate.Mailserver = h
	s.UAPI("demo", "Email", "terminate_mailbox_sessions")
	if got := strings.Join(h.out, " "); got != "ann@example.com bob@example.com" {
		t.Errorf("sessions of %q were ended", got)
	}
	h.off = true
	if res := s.Call(call.UAPI, "demo", "Email", "terminate_mailbox_sessions"); res.Err == nil || res.Err.Kind != latchkey.Unavailable {
		t.Errorf("sessions that cannot be ended: %v", res.Err)
	}
}

// TestSendSettings: settings are sent by who sends mail for the server, so many a day
// and account, and whoever asked is told if they were not.
func TestSendSettings(t *testing.T) {
	s := testserver.New(t)
	s.UAPI("demo", "Email", "add_pop", "email", "ann", "password", testserver.Password)
	s.UAPI("other", "Email", "add_pop", "email", "eve", "password", testserver.Password)
	ask := func(user, box, to string) string {
		res := s.Call(call.UAPI, user, "Email", "dispatch_client_settings", "account", box, "to", to)
		if res.Err != nil {
			return res.Err.Kind.String()
		}
		return "ok"
	}
	const ann = "ann@example.com"
	if got := ask("demo", ann, friend); got != "role-off" {
		t.Errorf("where no mail is sent: %s", got)
	}
	out := &outside{}
	s.Estate.Notices.Mailer = out
	for to, want := range map[string]string{friend: "ok", "x": "invalid", "a@b.example\r\nBcc: c@d.example": "invalid", "-oQ@x.example": "invalid", "a@b.example,c@d.example": "invalid"} {
		if got := ask("demo", ann, to); got != want {
			t.Errorf("to %q: %s, want %s", to, got, want)
		}
	}
	if len(out.got) != 1 || out.got[0].To != friend || !strings.Contains(string(out.got[0].Raw), ann) || strings.Contains(string(out.got[0].Raw), testserver.Password) {
		t.Fatalf("what was sent: %+v", out.got)
	}
	out.refuses = &notice.Refusal{Err: errors.New("no such user")}
	if got := ask("demo", ann, friend); got != "invalid" {
		t.Errorf("an address that is refused: %s", got)
	}
	out.refuses = errors.New("not now")
	if got := ask("demo", ann, friend); got != "unavailable" {
		t.Errorf("not now: %s", got)
	}
	out.refuses = nil
	for range 17 {
		if got := ask("demo", ann, friend); got != "ok" {
			t.Fatalf("one more: %s", got)
		}
	}
	if got := ask("demo", ann, friend); got != "limit" || len(out.got) != 18 {
		t.Errorf("one too many: %s, %d were sent", got, len(out.got))
	}
	if got := ask("other", "eve@example.net", friend); got != "ok" {
		t.Errorf("another account: %s", got)
	}
	s.Wait(24 * time.Hour)
	if got := ask("demo", ann, friend); got != "ok" {
		t.Errorf("a day later: %s", got)
	}
}

// TestBrowse: directories of mail are shown as they are, and no link is followed.
func TestBrowse(t *testing.T) {
	h := withMail(t, "ann")
	h.email("store_filter", "account", "ann@example.com", "filtername", "f", "part1", "$header_subject:", "match1", "is", "val1", "x", "action1", "save", "dest1", "Work")
	h.send("ann@example.com", friend, message("x"))
	home, err := h.Estate.Homes.Path("demo")
	must(t, err)
	box := filepath.Join(home, "mail", "example.com", "ann")
	must(t, os.Symlink("/etc", filepath.Join(box, "out")))
	must(t, os.Symlink("cur", filepath.Join(box, "in")))
	list := func(args ...string) string {
		res := h.Call(call.UAPI, "demo", "Email", "browse_mailbox", args...)
		if res.Err != nil {
			return res.Err.Kind.String()
		}
		return fmt.Sprintf("%+v", res.Data)
	}
	const ann = "ann@example.com"
	for _, x := range []struct {
		args []string
		want []string // "" for what must not be there
	}{
		{[]string{"account", ann}, []string{"File:cur", "File:new", "Type:dir", "!File:.Work", "!File:out", "!File:in "}},
		{[]string{"account", ann, "showdotfiles", "1"}, []string{"File:.Work FullPath:/home/demo/mail/example.com/ann/.Work IsLeaf:false IsMailbox:true"}},
		{[]string{"account", ann, "dir", ".Work/new"}, []string{"Type:file", "RelPath:example.com/ann/.Work/new/"}},
		{nil, []string{"File:example.com", "Depth:2", "IsLeaf:false IsMailbox:false"}},
		{[]string{"dir", "example.com"}, []string{"File:ann", "IsMailbox:true"}},
		{[]string{"account", ann, "dir", "out"}, []string{"not-found"}},
		{[]string{"account", ann, "dir", "in"}, []string{"not-found"}},
		{[]string{"account", ann, "dir", "no"}, []string{"not-found"}},
		{[]string{"account", ann, "dir", "a\x00b"}, []string{"not-found"}},
		{[]string{"account", ann, "dir", "../bob"}, []string{"invalid"}},
		{[]string{"account", "eve@example.net"}, []string{"not-found"}},
	} {
		got := list(x.args...)
		for _, want := range x.want {
			if text, not := strings.CutPrefix(want, "!"); strings.Contains(got, text) == not {
				t.Errorf("%q shows %s, want %q", x.args, got, want)
			}
		}
	}
}
