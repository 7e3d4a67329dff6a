package wire_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/test/testserver"
)

// madeSession is the answer of create_user_session.
type madeSession struct {
	Token   string `json:"cp_security_token"`
	Expires int64
	Service string
	Session string
	URL     string
}

func handOver(t *testing.T, s *testserver.Server, args ...string) (m madeSession) {
	t.Helper()
	if err := json.Unmarshal(encode.Append(nil, s.WHM("create_user_session", args...)), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestHandOver: what a billing module does. The address is made, somebody opens
// it and has a session from then on; nobody else has.
func TestHandOver(t *testing.T) {
	s := testserver.New(t)
	s.UAPI("demo", "Email", "add_pop", "email", "box", "password", testserver.Password)
	doors := map[string]*wire.Door{"2083": s.Account, "2087": s.Host, "2096": s.Webmail}
	for what, test := range map[string]struct {
		args []string
		call string
	}{
		"an account":    {[]string{"user", "demo", "service", "cpaneld"}, "/execute/Email/count_pops"},
		"an app":        {[]string{"user", "demo", "service", "cpaneld", "app", "Email_Accounts"}, "/execute/Email/count_pops"},
		"no app":        {[]string{"user", "demo", "service", "cpaneld", "app", "No_Such_App"}, "/execute/Email/count_pops"},
		"its domain":    {[]string{"user", "demo", "service", "cpaneld", "preferred_domain", "example.com"}, "/execute/Email/count_pops"},
		"a mailbox":     {[]string{"user", "box@example.com", "service", "webmaild"}, "/execute/Email/get_pop_quota?email=box"},
		"administrator": {[]string{"user", "root", "service", "whostmgrd"}, "/json-api/version?api.version=1"},
	} {
		m := handOver(t, s, test.args...)
		u, err := url.Parse(m.URL)
		if err != nil || u.Scheme != "https" || !strings.HasPrefix(u.Path, m.Token+"/login/") || u.Query().Get("session") != m.Session || m.Expires != s.Now().Add(15*time.Minute).Unix() {
			t.Fatalf("%s: %+v", what, m)
		}
		b := &browser{Server: s, t: t, door: doors[u.Port()], prefix: m.Token}
		b.cookie = &http.Cookie{Name: "cpsession", Value: m.Session}
		if w := b.ask("GET", m.Token+test.call, ""); w.Code == 200 {
			t.Errorf("%s: what is handed over opens the session before anybody took it over", what)
		}
		b.cookie = nil
		w := b.ask("GET", u.RequestURI()+"&goto_uri=%2Ffrontend%2Fjupiter%2Fx.html", "", "Sec-Fetch-Site", "cross-site")
		to := w.Header().Get("Location")
		if w.Code == http.StatusOK { // a page of ours leads on: a redirect would still come from the other site
			_, to, _ = strings.Cut(w.Body.String(), `content="0; url=`)
			to, _, _ = strings.Cut(to, `"`)
			b.cookie = w.Result().Cookies()[0]
		} else {
			b.keep(w)
		}
		if to != m.Token+"/frontend/jupiter/x.html" || b.cookie.Value == m.Session {
			t.Errorf("%s: sent to %s with %s", what, to, b.cookie)
		}
		if w := b.ask("GET", m.Token+test.call, ""); w.Code != 200 || strings.Contains(w.Body.String(), `"status":0`) {
			t.Errorf("%s: the session cannot be used: %d %s", what, w.Code, w.Body)
		}
		again := &browser{Server: s, t: t, door: b.door}
		if w := again.ask("GET", u.RequestURI(), ""); w.Code != http.StatusUnauthorized || len(w.Result().Cookies()) != 0 {
			t.Errorf("%s: a second time: %d %v", what, w.Code, w.Header())
		}
		if w := b.ask("GET", m.Token+test.call, ""); w.Code != 200 {
			t.Errorf("%s: the session ended with the second try: %d", what, w.Code)
		}
	}
}

func TestHandOverRefused(t *testing.T) {
	s := testserver.New(t)
	m := handOver(t, s, "user", "demo", "service", "cpaneld")
	take := func(door *wire.Door, path, session string) int {
		b := &browser{Server: s, t: t, door: door}
		return b.ask("POST", path, "session="+session).Code
	}
	for what, code := range map[string]int{
		"another door":    take(s.Webmail, m.Token+"/login", m.Session),
		"the host's door": take(s.Host, m.Token+"/login", m.Session),
		"another prefix":  take(s.Account, "/cpsess0000000000/login", m.Session),
		"no prefix":       take(s.Account, "/login", m.Session),
		"in clear":        take(s.AccountPlain, m.Token+"/login", m.Session),
	} {
		if code != http.StatusUnauthorized {
			t.Errorf("%s: %d", what, code)
		}
	}
	if code := take(s.Account, m.Token+"/login", m.Session); code != http.StatusSeeOther {
		t.Errorf("by POST: %d", code)
	}
	late := handOver(t, s, "user", "demo", "service", "cpaneld")
	s.Wait(15 * time.Minute)
	if code := take(s.Account, late.Token+"/login", late.Session); code != http.StatusUnauthorized {
		t.Errorf("after 15 minutes: %d", code)
	}
	for what, end := range map[string]func(){
		"a new password": func() { s.WHM("passwd", "user", "demo", "password", testserver.Password) },
		"suspension":     func() { s.WHM("suspendacct", "user", "demo") },
	} {
		s.WHM("unsuspendacct", "user", "demo")
		m := handOver(t, s, "user", "demo", "service", "cpaneld")
		if end(); take(s.Account, m.Token+"/login", m.Session) != http.StatusUnauthorized {
			t.Errorf("what was handed over survives %s", what)
		}
	}
	s.WHM("suspendacct", "user", "demo")
	for _, args := range [][]string{
		{"user", "nobody", "service", "cpaneld"}, {"user", "demo", "service", "cpaneld"}, {"user", "other", "service", "whostmgrd"}, {"user", "root", "service", "cpaneld"},
		{"user", "nobody@example.com", "service", "webmaild"}, {"user", "other", "service", "webmaild"}, {"user", "other", "service", "ftpd"},
		{"user", "other", "service", "cpaneld", "preferred_domain", "evil.example"}, {"user", "other"}, {"service", "cpaneld"},
	} {
		if res := s.Call(call.WHM, "root", "", "create_user_session", args...); res.Err == nil || res.Err.Kind == latchkey.Internal {
			t.Errorf("create_user_session %v: %v", args, res.Err)
		}
	}
}

// A session of a mailbox, as its account's owner makes one; a token makes none.
func TestWebmailSession(t *testing.T) {
	s := testserver.New(t)
	s.UAPI("demo", "Email", "add_pop", "email", "box", "password", testserver.Password)
	owner := login(t, s, s.Account, "demo")
	w := owner.ask("GET", owner.prefix+"/execute/Session/create_webmail_session_for_mail_user?login=box&domain=example.com", "")
	var said struct {
		Data struct {
			Session, Token string
			Hostname       *string
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || said.Data.Session == "" || said.Data.Hostname != nil {
		t.Fatalf("create_webmail_session_for_mail_user: %v %s", err, w.Body)
	}
	b := &browser{Server: s, t: t, door: s.Webmail}
	b.keep(b.ask("POST", said.Data.Token+"/login", "session="+said.Data.Session))
	if w := b.ask("GET", b.prefix+"/execute/Email/get_pop_quota?email=box", ""); !strings.Contains(w.Body.String(), `"status":1`) {
		t.Errorf("the mailbox's session: %s", w.Body)
	}
	a := s.Get(s.Account, "/execute/Session/create_webmail_session_for_mail_user?login=box&domain=example.com", "cpanel demo:"+s.Token("demo", "t"))
	if !strings.Contains(a.Body, "An API token cannot sign anybody in") {
		t.Errorf("with a token: %s", a.Body)
	}
	for _, query := range []string{"_check_password?login=box&domain=example.com&password=wrong", "?login=nobody&domain=example.com", "?login=box&domain=example.net"} {
		if w := owner.ask("GET", owner.prefix+"/execute/Session/create_webmail_session_for_mail_user"+query, ""); !strings.Contains(w.Body.String(), `"status":0`) {
			t.Errorf("%s: %s", query, w.Body)
		}
	}
}

// A token of WHM that may make sessions signs nobody in who may do more than it
// may.
func TestHandOverIsNoWayUp(t *testing.T) {
	s := testserver.New(t)
	s.WHM("createacct", "username", "shop", "domain", "shop.example", "password", testserver.Password)
	s.WHM("setupreseller", "user", "shop", "makeowner", "1")
	var made struct{ Token string }
	if err := json.Unmarshal(encode.Append(nil, s.WHM("api_token_create", "token_name", "limited", "acl", "create-user-session")), &made); err != nil || made.Token == "" {
		t.Fatalf("api_token_create: %v", err)
	}
	for query, want := range map[string]string{
		"user=demo&service=cpaneld":   `"result":1`,
		"user=root&service=whostmgrd": `"result":0`,
		"user=shop&service=whostmgrd": `"result":0`,
		"user=shop&service=cpaneld":   `"result":0`, // a session of a reseller's could come in at WHM's port
	} {
		a := s.Get(s.Host, "/json-api/create_user_session?api.version=1&"+query, "whm root:"+made.Token)
		if !strings.Contains(a.Body, want) {
			t.Errorf("%s: %s, want %s", query, a.Body, want)
		}
	}
	a := s.Get(s.Host, "/json-api/get_cphulk_failed_logins?api.version=1", "whm root:"+made.Token)
	if !strings.Contains(a.Body, `"result":0`) {
		t.Errorf("cPHulk with a token for sessions alone: %s", a.Body)
	}
	res := s.Call(call.WHM, "shop", "", "create_user_session", "user", "demo", "service", "cpaneld")
	if res.Err == nil {
		t.Error("a reseller signs in to an account that is not its own")
	}
}

// A session lasts no longer than the token it was made with, and ends when that
// does, whoever has taken it over and whatever was made in it.
func TestHandOverEndsWithItsToken(t *testing.T) {
	for what, end := range map[string]func(s *testserver.Server){
		"revoked": func(s *testserver.Server) { s.WHM("api_token_revoke", "token_name", "billing") },
		"expired": func(s *testserver.Server) { s.Wait(10 * time.Minute) },
	} {
		s := testserver.New(t)
		s.UAPI("demo", "Email", "add_pop", "email", "box", "password", testserver.Password)
		made := s.WHM("api_token_create", "token_name", "billing", "whitelist_ip", "198.51.100.7",
			"expires_at", strconv.FormatInt(s.Now().Add(10*time.Minute).Unix(), 10))
		var token struct{ Token string }
		if err := json.Unmarshal(encode.Append(nil, made), &token); err != nil {
			t.Fatal(err)
		}
		give := func(query string) (m madeSession) {
			a := s.Get(s.Host, "/json-api/create_user_session?api.version=1&"+query, "whm root:"+token.Token)
			var said struct{ Data madeSession }
			if err := json.Unmarshal([]byte(a.Body), &said); err != nil || said.Data.Session == "" {
				t.Fatalf("%s: %v %s", query, err, a.Body)
			}
			return said.Data
		}
		take := func(door *wire.Door, m madeSession) *browser {
			b := &browser{Server: s, t: t, door: door, prefix: m.Token}
			if w := b.ask("POST", m.Token+"/login", "session="+m.Session); w.Code == http.StatusSeeOther {
				b.keep(w)
			}
			return b
		}
		m := give("user=demo&service=cpaneld")
		if want := s.Now().Add(10 * time.Minute).Unix(); m.Expires != want {
			t.Errorf("%s: what is handed over says that it ends at %d, want %d", what, m.Expires, want)
		}
		account, later, mailbox := take(s.Account, m), give("user=demo&service=cpaneld"), take(s.Webmail, give("user=box@example.com&service=webmaild"))
		w := account.ask("POST", account.prefix+"/execute/Session/create_webmail_session_for_mail_user", "login=box&domain=example.com", "Sec-Fetch-Site", "same-origin")
		var said struct{ Data madeInside }
		if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || said.Data.Session == "" {
			t.Fatalf("a session made in it: %v %s", err, w.Body)
		}
		inside := take(s.Webmail, madeSession{Token: said.Data.Token, Session: said.Data.Session})
		own := login(t, s, s.Account, "demo")
		sessions := map[string]*browser{"the account's": account, "the mailbox's": mailbox, "one made in it": inside}
		works := func(b *browser) bool {
			w := b.ask("GET", b.prefix+"/execute/Email/get_pop_quota?email=box", "")
			return w.Code == 200 && strings.Contains(w.Body.String(), `"status":1`)
		}
		for name, b := range sessions {
			if !works(b) {
				t.Errorf("%s: before: %s does not work", what, name)
			}
		}
		end(s)
		for name, b := range sessions {
			if works(b) {
				t.Errorf("%s: %s goes on", what, name)
			}
		}
		if b := take(s.Account, later); b.cookie != nil {
			t.Errorf("%s: what was handed over can still be taken", what)
		}
		if !works(own) {
			t.Errorf("%s: a session of the owner's own ended with the token", what)
		}
	}
}

// madeInside is the answer of create_webmail_session_for_mail_user.
type madeInside struct{ Session, Token string }
