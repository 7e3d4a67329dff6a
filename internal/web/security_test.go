package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/test/testserver"
)

// TestSessions: everybody sees where they are signed in, and ends it elsewhere.
func TestSessions(t *testing.T) {
	s := testserver.New(t)
	here, there := signIn(t, s.Account, "demo", testserver.Password), signIn(t, s.Account, "demo", testserver.Password)
	stranger := signIn(t, s.Account, "other", testserver.Password)
	page := here.get("/security")
	ids := regexp.MustCompile(`name="id" value="([A-Z2-7]+)"`).FindAllStringSubmatch(page, -1)
	if len(ids) != 1 || !strings.Contains(text(page), "this one") {
		t.Fatalf("the sessions: %s", text(page))
	}
	stranger.post("/security/end", "id", ids[0][1])
	stranger.post("/security/end")
	there.get("/")
	here.post("/security/end", "id", ids[0][1])
	if w := there.ask("GET", there.prefix+"/", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("the ended session: %d", w.Code)
	}
	there = signIn(t, s.Account, "demo", testserver.Password)
	there.post("/security/end")
	if w := here.ask("GET", here.prefix+"/", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("all others ended: %d", w.Code)
	}
	there.get("/")
	stranger.get("/")
	secret := s.Token("demo", "full")
	for _, call := range []string{"list_sessions", "end_session?others=1"} {
		if body := s.Get(s.Account, "/execute/Session/"+call, "cpanel demo:"+secret).Body; !strings.Contains(body, "An API token cannot see or end sessions") {
			t.Errorf("a token may %s: %s", call, body)
		}
	}
	there.get("/")
}

// TestSecondFactor: it is set up with a code of it and the password, asked for
// then, and taken away with both.
func TestSecondFactor(t *testing.T) {
	s := testserver.New(t)
	s.WHM("twofactorauth_enable_policy")
	b := signIn(t, s.Account, "demo", testserver.Password)
	page := b.post("/security/factor").Body.String()
	m := regexp.MustCompile(`name="secret" value="([A-Z2-7]{16})"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no secret: %s", text(page))
	}
	for what, fields := range map[string][]string{
		"no code":          {"password", testserver.Password},
		"a wrong code":     {"password", testserver.Password, "code", "000000"},
		"a wrong password": {"password", "wrong", "code", totp(m[1], s.Now())},
		"no password":      {"code", totp(m[1], s.Now())},
	} {
		if w := b.post("/security/factor", append([]string{"secret", m[1]}, fields...)...); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", what, w.Code, text(w.Body.String()))
		}
	}
	if w := b.post("/security/factor", "secret", m[1], "code", totp(m[1], s.Now()), "password", testserver.Password); w.Code != http.StatusSeeOther {
		t.Fatalf("not set up: %d %s", w.Code, text(w.Body.String()))
	}
	n := open(t, s.Account)
	if w := n.post("/login/", "user", "demo", "pass", testserver.Password); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), `id="tfa_login_form"`) {
		t.Fatalf("signed in without the code: %d", w.Code)
	}
	s.Wait(totpStep)
	if w := n.post("/login/", "user", "demo", "pass", testserver.Password, "tfa_token", totp(m[1], s.Now())); w.Code != http.StatusSeeOther {
		t.Fatalf("not signed in with the code: %d", w.Code)
	}
	s.Wait(totpStep)
	if w := b.post("/tokens/new", "name", "all", "preset", "full_access", "life", "30", "password", testserver.Password); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("full access without the code: %d", w.Code)
	}
	b.made("name", "all", "preset", "full_access", "life", "30", "password", testserver.Password, "code", totp(m[1], s.Now()))
	s.Wait(totpStep)
	if w := b.post("/security/factor/remove", "password", testserver.Password); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("removed without the code: %d", w.Code)
	}
	if w := b.post("/security/factor/remove", "password", testserver.Password, "now", totp(m[1], s.Now())); w.Code != http.StatusSeeOther {
		t.Errorf("not removed: %d %s", w.Code, text(w.Body.String()))
	}
	signIn(t, s.Account, "demo", testserver.Password)
}
