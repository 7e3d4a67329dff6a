package call_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/test/testserver"
)

// narrowToken makes a token for demo with grants.
func narrowToken(s *testserver.Server, name, grants string) string {
	text := string(encode.Append(nil, s.UAPI("demo", "Tokens", "create_limited", "name", name, "grants", grants)))
	_, text, _ = strings.Cut(text, `"token":"`)
	text, _, _ = strings.Cut(text, `"`)
	return text
}

// The trail says what a call touched, whoever called: what it changed, what it
// was refused on, and else what its arguments name.
func TestTouched(t *testing.T) {
	s := testserver.New(t)
	full := s.Token("demo", "full")
	narrow := narrowToken(s, "narrow", "Email:write(mailbox=a@example.com); DNS:write(zone=example.com, name=_acme-challenge*, type=TXT)")
	zone := func(add string) string {
		q := url.Values{"zone": {"example.com"}, "serial": {fmt.Sprint(serialOf(t, s))}, "add": {add}}
		return "/execute/DNS/mass_edit_zone?" + q.Encode()
	}
	since := trail(t, s)
	for _, test := range []struct {
		token, target func() string
		want          string
	}{
		{target: func() string { return "/execute/Email/add_pop?email=a&password=" + testserver.Password }, want: "ok mailbox=a@example.com"},
		{target: func() string { return "/execute/Email/list_pops" }, want: "ok "},
		{target: func() string { return "/execute/Email/edit_pop_quota?email=a&domain=example.com&quota=5" }, want: "ok mailbox=a@example.com"},
		{target: func() string { return "/execute/DNS/parse_zone?zone=example.com" }, want: "ok zone=example.com"},
		{target: func() string {
			return zone(`{"dname":"_acme-challenge","ttl":300,"record_type":"TXT","data":["x"]}`)
		}, want: "ok zone=example.com, name=_acme-challenge, type=TXT"},
		{target: func() string { return "/execute/Tokens/revoke?name=none" }, want: "ok token=none"},
	} {
		for _, token := range []string{full, narrow} {
			s.Get(s.Account, test.target(), "cpanel demo:"+token)
			list := since()
			e := list[len(list)-1]
			got := e.Ended() + " " + strings.Join(e.Touched(), "; ")
			want := test.want
			switch {
			case token == narrow && e.Func == "Email::add_pop":
				want = "exists mailbox=a@example.com"
			case token == narrow && e.Func == "Tokens::revoke":
				want = "denied token=none"
			}
			if got != want {
				t.Errorf("%s, narrow %v: %s %q, want %q", test.target(), token == narrow, e.Func, got, want)
			}
		}
	}
	for target, want := range map[string]string{
		"/execute/Email/delete_pop?email=b":                                    "denied mailbox=b@example.com",
		zone(`{"dname":"www","ttl":300,"record_type":"A","data":["1.2.3.4"]}`): "denied zone=example.com, name=www, type=A",
		"/execute/DNS/parse_zone?zone=example.net":                             "denied zone=example.net",
	} {
		s.Get(s.Account, target, "cpanel demo:"+narrow)
		list := since()
		e := list[len(list)-1]
		if got := e.Ended() + " " + strings.Join(e.Touched(), "; "); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
}

func serialOf(t *testing.T, s *testserver.Server) (serial uint32) {
	t.Helper()
	err := s.Store.Read(t.Context(), func(r store.Reader) error {
		z, err := r.Zone("example.com")
		serial = z.Serial
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return serial
}

// rowsOf are the events that an answer has.
func rowsOf(t *testing.T, body string) (rows []string) {
	t.Helper()
	for part := range strings.SplitSeq(body, `{"id":"`) {
		if _, fn, ok := strings.Cut(part, `"function":"`); ok {
			name, rest, _ := strings.Cut(fn, `"`)
			_, outcome, _ := strings.Cut(rest, `"outcome":"`)
			outcome, rest, _ = strings.Cut(outcome, `"`)
			_, reason, _ := strings.Cut(rest, `"reason":"`)
			reason, _, _ = strings.Cut(reason, `"`)
			rows = append(rows, strings.TrimSpace(name+" "+outcome+" "+reason))
		}
	}
	return rows
}

// The owner sees every use of the account's credentials and every refusal with
// its reason; nobody else does, and a narrow token needs a grant of it.
func TestActivity(t *testing.T) {
	s := testserver.New(t)
	full, other := s.Token("demo", "full"), s.Token("other", "full")
	expiring := s.Token("demo", "expiring", "expires_at", fmt.Sprint(s.Now().Add(time.Minute).Unix()))
	revoked := s.Token("demo", "gone")
	s.UAPI("demo", "Tokens", "revoke", "name", "gone")
	bound := string(encode.Append(nil, s.UAPI("demo", "Tokens", "create_limited", "name", "bound", "grants", "*:read", "whitelist_ip", "203.0.113.1")))
	_, bound, _ = strings.Cut(bound, `"token":"`)
	s.Wait(time.Hour)
	ask := func(token, user, query string) string {
		return s.Get(s.Account, "/execute/Tokens/activity?"+query, "cpanel "+user+":"+token).Body
	}
	s.Get(s.Account, "/execute/Quota/get_quota_info", "cpanel demo:"+expiring)
	s.Get(s.Account, "/execute/Quota/get_quota_info", "cpanel demo:"+revoked)
	s.Get(s.Account, "/execute/Quota/get_quota_info", "cpanel demo:"+bound[:32])
	s.Get(s.Account, "/execute/Quota/get_quota_info", "cpanel demo:"+other)
	s.Get(s.Account, "/execute/Quota/get_quota_info", "cpanel other:"+full)
	s.Get(s.Account, "/execute/Quota/get_quota_info", "cpanel demo:"+full)

	got := rowsOf(t, ask(full, "demo", "limit=5"))
	want := []string{
		"Quota::get_quota_info ok",
		"Quota::get_quota_info bad-credentials token of another account", // demo's token in other's name
		"Quota::get_quota_info bad-credentials address not allowed for this token",
		"Quota::get_quota_info bad-credentials unknown or revoked token",
		"Quota::get_quota_info bad-credentials token expired",
	}
	if !slices.Equal(got, want) {
		t.Errorf("demo's events are %q, want %q", got, want)
	}
	got = rowsOf(t, ask(other, "other", "outcome=refused"))
	if want := []string{"Quota::get_quota_info bad-credentials token of another account"}; !slices.Equal(got, want) {
		t.Errorf("other's refusals are %q, want %q", got, want)
	}
	if rows := rowsOf(t, ask(full, "demo", "token=expiring&outcome=refused")); len(rows) != 1 {
		t.Errorf("refusals of the token called expiring: %q", rows)
	}
	if body := ask(full, "demo", "limit=1000"); strings.Contains(body, "whm::") || strings.Contains(body, `"account":"root"`) {
		t.Errorf("demo sees what the administrator does: %s", body)
	}

	narrow := narrowToken(s, "narrow", "Email:write; Tokens::list")
	if body := ask(narrow, "demo", ""); !strings.Contains(body, `no grant such as “Tokens:read” or “Tokens::activity”`) {
		t.Errorf("a token without a grant of it: %s", body)
	}
	seeing := narrowToken(s, "seeing", "Tokens::activity")
	if rows := rowsOf(t, ask(seeing, "demo", "limit=2")); len(rows) != 2 || rows[0] != "Tokens::activity denied" {
		t.Errorf("a token with a grant of it: %q", rows)
	}
	mail := narrowToken(s, "mailonly", "Tokens:read(domain=example.com)")
	if body := ask(mail, "demo", ""); !strings.Contains(body, "no grant such as") {
		t.Errorf("a token with a condition: %s", body)
	}
}

// Who is given a name does not see what was refused to who had it before.
func TestActivityOfAName(t *testing.T) {
	s := testserver.New(t)
	bad := "cpanel %s:" + strings.Repeat("A", 32)
	s.Get(s.Account, "/execute/Quota/get_quota_info", fmt.Sprintf(bad, "other"))
	s.Wait(time.Minute)
	s.WHM("modifyacct", "user", "other", "newuser", "former")
	s.WHM("modifyacct", "user", "demo", "newuser", "other")
	s.Wait(time.Minute)
	s.Get(s.Account, "/execute/Email/list_pops", fmt.Sprintf(bad, "other"))
	token := s.Token("other", "t")
	got := rowsOf(t, s.Get(s.Account, "/execute/Tokens/activity?outcome=refused", "cpanel other:"+token).Body)
	if want := []string{"Email::list_pops bad-credentials malformed credentials"}; !slices.Equal(got, want) {
		t.Errorf("refusals are %q, want %q", got, want)
	}
}

// The administrator sees all, or what concerns one account; a reseller does not.
func TestHostActivity(t *testing.T) {
	s := testserver.New(t)
	token := s.HostToken("root")
	s.UAPI("demo", "Email", "add_pop", "email", "a", "password", testserver.Password)
	s.WHM("removeacct", "username", "other")
	ask := func(query string) []string {
		return rowsOf(t, s.Get(s.Host, "/json-api/latchkey_activity?api.version=1&"+query, "whm root:"+token).Body)
	}
	for query, want := range map[string]string{
		"user=demo&function=Email":                    "Email::add_pop ok",
		"resource=mailbox%3da@":                       "Email::add_pop ok",
		"user=root&function=whm::removeacct&limit=1":  "whm::removeacct ok",
		"resource=account%3dother&limit=1&outcome=ok": "whm::removeacct ok",
	} {
		if got := ask(query); len(got) != 1 || got[0] != want {
			t.Errorf("latchkey_activity?%s = %q, want %s", query, got, want)
		}
	}
	s.WHM("setupreseller", "user", "demo")
	s.WHM("setacls", "reseller", "demo", "acl-all", "0", "acl-create-acct", "1")
	if res := s.Call(call.WHM, "demo", "", "latchkey_activity"); res.Err == nil || res.Err.Kind != latchkey.Denied {
		t.Errorf("a reseller is told %v, %v", res.Data, res.Err)
	}
}
