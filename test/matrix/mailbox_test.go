package matrix

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/notice"
	"github.com/latchkey/latchkey/test/testserver"
)

// atWebmail asks webmail's door what w would ask of the function's own, as the
// mailbox called user.
func atWebmail(s *testserver.Server, w way, e *api.Entry, things map[string]string, user string) testserver.Answer {
	r := httptest.NewRequest(http.MethodGet, w.target(e, arguments(e, things)), nil)
	r.RemoteAddr = "198.51.100.7:4000"
	r.SetBasicAuth(user, testserver.Password)
	return s.Serve(s.Webmail, r)
}

// TestMailboxReach: who signed in as a mailbox may call what the rows say, and
// is refused everything else, of the account and of the host; and whatever they
// call, nothing but their own mailbox changes and no other is told of.
func TestMailboxReach(t *testing.T) {
	s := testserver.New(t)
	for _, box := range []string{"box", "victim"} {
		s.UAPI("demo", "Email", "add_pop", "email", box, "password", testserver.Password, "quota", "77")
	}
	s.UAPI("other", "Email", "add_pop", "email", "victim", "password", testserver.Password, "quota", "77")
	s.Token("demo", "keepsake")
	before, others := fingerprint(t, s, "demo"), fingerprint(t, s, "other")
	near := map[string]string{"email": "victim@example.com", "user": "victim", "domain": "example.com", "account": "victim@example.com", "login": "victim"}
	open := 0
	each(t, s, func(e *api.Entry, w way) {
		for what, things := range map[string]map[string]string{"a neighbour": near, "another's": foreign} {
			a := atWebmail(s, w, e, things, "box@example.com")
			switch said := strings.Contains(a.Body, "An email account may not call"); {
			case e.Audience == latchkey.ForHost:
				if !strings.Contains(a.Body, "Permission denied") && !refused(a) {
					t.Errorf("%s at webmail's door: %s", e.FullName(), a.Body)
				}
			case said == e.Mailbox:
				t.Errorf("%s by %s with %s: %s", e.FullName(), w.name, what, a.Body)
			case e.Mailbox:
				open++
				if strings.Contains(a.Body, "80740352") || strings.Contains(a.Body, "victim@example.com\"") && strings.Contains(a.Body, `"status":1`) && e.Name != "account_name" {
					t.Errorf("%s by %s with %s tells of it: %s", e.FullName(), w.name, what, a.Body)
				}
			}
		}
	})
	if open == 0 {
		t.Error("no function is open to mailboxes")
	}
	if fingerprint(t, s, "demo") != before || fingerprint(t, s, "other") != others {
		t.Error("a mailbox changed what is not its own")
	}
}

// TestMailboxCredentials: what does not open webmail's door, and what a mailbox
// does not open.
func TestMailboxCredentials(t *testing.T) {
	s := testserver.New(t)
	s.UAPI("demo", "Email", "add_pop", "email", "box", "password", testserver.Password)
	s.UAPI("demo", "Email", "add_pop", "email", "asleep", "password", testserver.Password)
	s.UAPI("demo", "Email", "suspend_login", "email", "asleep@example.com")
	demo, root := s.Token("demo", "matrix"), s.HostToken("matrix")
	basic := func(user, pass string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+pass))
	}
	const target = "/execute/Email/get_pop_quota?email=box"
	for what, authorization := range map[string]string{
		"a token of the account":             "cpanel demo:" + demo,
		"a token under the mailbox's name":   "cpanel box@example.com:" + demo,
		"a token of the host":                "whm root:" + root,
		"the account's password":             basic("demo", testserver.Password),
		"root's name":                        basic("root", testserver.Password),
		"a wrong password":                   basic("box@example.com", "wrong"),
		"the name alone":                     basic("box", testserver.Password),
		"another domain":                     basic("box@example.net", testserver.Password),
		"a mailbox whose login is suspended": basic("asleep@example.com", testserver.Password),
		"no mailbox":                         basic("@example.com", testserver.Password),
	} {
		if a := s.Get(s.Webmail, target, authorization); !refused(a) {
			t.Errorf("%s at webmail's door: %d %s", what, a.Status, a.Body)
		}
	}
	s.Wait(time.Hour)
	good := basic("BOX@Example.com", testserver.Password)
	if a := s.Get(s.Webmail, target, good); a.Status != http.StatusOK || !strings.Contains(a.Body, `"status":1`) {
		t.Errorf("the mailbox at webmail's door: %d %s", a.Status, a.Body)
	}
	for what, door := range map[string]http.Handler{"the accounts'": s.Account, "the host's": s.Host} {
		if a := s.Get(door, target, good); !refused(a) {
			t.Errorf("the mailbox at %s door: %d %s", what, a.Status, a.Body)
		}
	}
	s.WHM("add_override_features_for_user", "user", "demo", "features", `{"webmail":0}`)
	if a := s.Get(s.Webmail, target, good); !strings.Contains(a.Body, "You do not have the feature “webmail”.") {
		t.Errorf("without the feature webmail: %s", a.Body)
	}
	s.WHM("remove_override_features_for_user", "user", "demo", "features", `["webmail"]`)
	s.WHM("suspendacct", "user", "demo")
	if a := s.Get(s.Webmail, target, good); !refused(a) {
		t.Errorf("a mailbox of a suspended account: %d %s", a.Status, a.Body)
	}
}

// TestMailboxPassword: Roundcube's plugin gives the name without its domain. The
// new password counts from the answer on, the old one no more.
func TestMailboxPassword(t *testing.T) {
	s := testserver.New(t)
	s.WHM("createacct", "username", "third", "domain", "third.example", "password", testserver.Password)
	s.UAPI("third", "Email", "add_pop", "email", "bob", "password", testserver.Password)
	ask := func(pass, body string) testserver.Answer {
		r := httptest.NewRequest(http.MethodPost, "/execute/Email/passwd_pop", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("bob@third.example", pass)
		return s.Serve(s.Webmail, r)
	}
	if a := ask(testserver.Password, "email=bob&password=another-horse-7"); !strings.Contains(a.Body, `"status":1`) {
		t.Fatalf("passwd_pop: %s", a.Body)
	}
	if a := ask(testserver.Password, "email=bob&password=stolen-horse-7"); !refused(a) {
		t.Errorf("with the old password: %s", a.Body)
	}
	if a := ask("another-horse-7", "email=bob&password=third-horse-77"); !strings.Contains(a.Body, `"status":1`) {
		t.Errorf("with the new password: %s", a.Body)
	}
}

// forgets is where mail goes that leaves.
type forgets struct{}

func (forgets) Send(context.Context, *notice.Message) error { return nil }

// TestMailboxRules: who signed in as a mailbox answers, sorts and forwards its own
// mail, and nobody else's, however another is named: by its address, by its name
// alone, or as the account.
func TestMailboxRules(t *testing.T) {
	s := testserver.New(t)
	s.Estate.MailOut = forgets{}
	for _, box := range []string{"box", "victim"} {
		s.UAPI("demo", "Email", "add_pop", "email", box, "password", testserver.Password)
	}
	const filter = "&filtername=f&part1=$header_to:&match1=is&val1=x&action1=finish"
	s.UAPI("demo", "Email", "add_auto_responder", "email", "victim", "domain", "example.com", "from", "v", "subject", "victims", "body", "b")
	for _, account := range []string{"demo", "victim@example.com"} {
		s.UAPI("demo", "Email", "store_filter", "account", account, "filtername", "f", "part1", "$header_to:", "match1", "is", "val1", "80740352", "action1", "finish")
	}
	good := "Basic " + base64.StdEncoding.EncodeToString([]byte("box@example.com:"+testserver.Password))
	ask := func(call string) string { return s.Get(s.Webmail, "/execute/Email/"+call, good).Body }
	others := func() (text string) {
		for _, args := range [][]string{{"list_filters", "account", "victim@example.com"}, {"list_filters"}, {"list_auto_responders", "regex", "victim"}} {
			text += fmt.Sprintln(s.UAPI("demo", "Email", args[0], args[1:]...))
		}
		return text
	}
	before := others()

	for _, of := range []string{"victim@example.com", "victim", "demo", "other", "box@example.net"} {
		for _, call := range []string{
			"store_filter?account=" + of + filter, "list_filters?account=" + of, "get_filter?filtername=f&account=" + of, "delete_filter?filtername=f&account=" + of,
			"disable_filter?filtername=f&account=" + of, "enable_filter?filtername=f&account=" + of, "reorder_filters?filter1=f&mailbox=" + of, "trace_filter?msg=x&account=" + of,
		} {
			if a := ask(call); !strings.Contains(a, `"status":0`) || strings.Contains(a, "80740352") {
				t.Errorf("%s: %s", call, a)
			}
		}
	}
	for _, of := range []string{"email=victim@example.com", "email=victim", "email=victim&domain=example.com", "email=box&domain=example.net"} {
		for _, call := range []string{"add_auto_responder?from=a&subject=x&body=b&" + of, "delete_auto_responder?" + of, "get_auto_responder?" + of} {
			if a := ask(call); strings.Contains(a, "victims") || !strings.Contains(a, `"status":0`) && !strings.HasPrefix(call, "get_") {
				t.Errorf("%s: %s", call, a)
			}
		}
	}
	if after := others(); before != after {
		t.Errorf("what is done with the mail of others was\n%s\nand is\n%s", before, after)
	}
	for _, call := range []string{
		"add_auto_responder?email=box&domain=example.com&from=a&subject=mine&body=b", "list_auto_responders?domain=example.com", "get_auto_responder?email=box@example.com",
		"store_filter?account=box@example.com" + filter, "list_filters", "disable_filter?filtername=f", "delete_filter?filtername=f&account=box@example.com", "delete_auto_responder?email=box@example.com",
	} {
		if a := ask(call); !strings.Contains(a, `"status":1`) || strings.Contains(a, "victim") || strings.Contains(a, "80740352") {
			t.Errorf("%s of its own: %s", call, a)
		}
	}
}
