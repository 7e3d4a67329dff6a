package web_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/test/testserver"
)

// TestSessions: everybody sees where they are signed in, and ends it elsewhere.
func TestSessions(t *testing.T) {
	s := testserver.New(t)
	here, there := signIn(t, s.Account, "demo", testserver.Password), signIn(t, s.Account, "demo", testserver.Password)
	stranger := signIn(t, s.Account, "other", testserver.Password)
	page := here.get("/security")
	ids := regexp.MustCompile(`name="id" value="([A-Z2-7]+)"`).FindAllStringSubmatch(page, -1)
	if len(ids) != 1 || !strings.Contains(text(page), "this session") {
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

// codeStep is how long a code is shown.
const codeStep = 30 * time.Second

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
		"a wrong password": {"password", "wrong", "code", s.Code(m[1])},
		"no password":      {"code", s.Code(m[1])},
	} {
		if w := b.post("/security/factor", append([]string{"secret", m[1]}, fields...)...); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", what, w.Code, text(w.Body.String()))
		}
	}
	if w := b.post("/security/factor", "secret", m[1], "code", s.Code(m[1]), "password", testserver.Password); w.Code != http.StatusOK {
		t.Fatalf("not set up: %d %s", w.Code, text(w.Body.String()))
	}
	n := open(t, s.Account)
	if w := n.post("/login/", "user", "demo", "pass", testserver.Password); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), `id="tfa_login_form"`) {
		t.Fatalf("signed in without the code: %d", w.Code)
	}
	s.Wait(codeStep)
	if w := n.post("/login/", "user", "demo", "pass", testserver.Password, "tfa_token", s.Code(m[1])); w.Code != http.StatusSeeOther {
		t.Fatalf("not signed in with the code: %d", w.Code)
	}
	s.Wait(codeStep)
	if w := b.post("/tokens/new", "name", "all", "preset", "full_access", "life", "30", "password", testserver.Password); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("full access without the code: %d", w.Code)
	}
	b.made("name", "all", "preset", "full_access", "life", "30", "password", testserver.Password, "code", s.Code(m[1]))
	s.Wait(codeStep)
	if w := b.post("/security/factor/remove", "password", testserver.Password); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("removed without the code: %d", w.Code)
	}
	if w := b.post("/security/factor/remove", "password", testserver.Password, "now", s.Code(m[1])); w.Code != http.StatusSeeOther {
		t.Errorf("not removed: %d %s", w.Code, text(w.Body.String()))
	}
	signIn(t, s.Account, "demo", testserver.Password)
}

// recoveryCodes are those that a page shows.
func recoveryCodes(w *httptest.ResponseRecorder) []string {
	_, shown, _ := strings.Cut(w.Body.String(), `id="codes">`)
	shown, _, _ = strings.Cut(shown, "<")
	return strings.Fields(shown)
}

// TestRecoveryCodes: they are shown when the second factor is set up, sign in once
// each, at both doors, and are made anew with the password.
func TestRecoveryCodes(t *testing.T) {
	s := testserver.New(t)
	var secrets []string
	for _, door := range []struct {
		*browser
		user string
	}{{signIn(t, s.Account, "demo", testserver.Password), "demo"}, {host(t, s), "root"}} {
		b := door.browser
		page := b.post("/security/factor").Body.String()
		wants(t, page, `<svg class="qr"`, `d="M4 4h7v1h-7z`)
		secret := regexp.MustCompile(`name="secret" value="([A-Z2-7]{16})"`).FindStringSubmatch(page)[1]
		w := b.post("/security/factor", "secret", secret, "code", s.Code(secret), "password", testserver.Password)
		codes := recoveryCodes(w)
		if len(codes) != 10 || len(codes[0]) != 11 {
			t.Fatalf("%s: %d codes: %s", door.user, len(codes), text(w.Body.String()))
		}
		wants(t, b.get("/security"), "10 of 10 recovery codes are left")
		in := func(code string) int {
			return open(t, b.door).post("/login/", "user", door.user, "pass", testserver.Password, "tfa_token", code).Code
		}
		if got := in(codes[0]); got != http.StatusSeeOther {
			t.Errorf("%s: a code does not sign in: %d", door.user, got)
		}
		if got := in(codes[0]); got != http.StatusUnauthorized {
			t.Errorf("%s: a code signs in again: %d", door.user, got)
		}
		wants(t, b.get("/security"), "9 of 10 recovery codes are left")
		for what, fields := range map[string][]string{"no password": {"now", codes[1]}, "no code": {"password", testserver.Password}, "a wrong password": {"password", "wrong", "now", codes[1]}} {
			if w := b.post("/security/recovery", fields...); w.Code != http.StatusUnprocessableEntity || len(recoveryCodes(w)) > 0 {
				t.Errorf("%s: new codes with %s: %d", door.user, what, w.Code)
			}
		}
		fresh := recoveryCodes(b.post("/security/recovery", "password", testserver.Password, "now", codes[1]))
		if len(fresh) != 10 {
			t.Fatalf("%s: made anew: %d codes", door.user, len(fresh))
		}
		if got := in(codes[2]); got != http.StatusUnauthorized {
			t.Errorf("%s: a code of before signs in: %d", door.user, got)
		}
		if w := b.post("/security/factor/remove", "password", testserver.Password, "now", fresh[0]); w.Code != http.StatusSeeOther {
			t.Errorf("%s: not removed: %d %s", door.user, w.Code, text(w.Body.String()))
		}
		wants(t, b.get("/security"), "Set up a second factor")
		if got := in(""); got != http.StatusSeeOther {
			t.Errorf("%s: without a second factor: %d", door.user, got)
		}
		secrets = append(append(append(secrets, codes...), fresh...), secret)
	}
	s.Trail.Flush()
	trail := encoded(s.WHM("latchkey_activity", "function", "session::login", "limit", "50"))
	if n := strings.Count(trail, "with a recovery code"); n != 2 {
		t.Errorf("the trail tells of %d recovery codes: %s", n, trail)
	}
	trail = encoded(s.WHM("latchkey_activity", "limit", "200"))
	for _, secret := range secrets {
		if strings.Contains(s.Log.String(), secret) || strings.Contains(trail, secret) {
			t.Error("a code or a secret stands in the log or in the trail")
		}
	}
}

// TestRemovedByHost: the administrator takes a second factor away, and the recovery
// codes go with it.
func TestRemovedByHost(t *testing.T) {
	s := testserver.New(t)
	b := signIn(t, s.Account, "demo", testserver.Password)
	secret := regexp.MustCompile(`name="secret" value="([A-Z2-7]{16})"`).FindStringSubmatch(b.post("/security/factor").Body.String())[1]
	set := func() []string {
		return recoveryCodes(b.post("/security/factor", "secret", secret, "code", s.Code(secret), "password", testserver.Password))
	}
	was := set()
	s.WHM("twofactorauth_remove_user_config", "user", "demo")
	s.UAPI("demo", "TwoFactorAuth", "set_user_configuration", "secret", secret, "tfa_token", s.Code(secret))
	wants(t, b.get("/security"), "0 of 10 recovery codes are left", "Make new ones")
	if w := open(t, s.Account).post("/login/", "user", "demo", "pass", testserver.Password, "tfa_token", was[0]); w.Code != http.StatusUnauthorized {
		t.Errorf("a code of a second factor that was taken away: %d", w.Code)
	}
}

// TestHostSecurity: the administrator sees their sessions, ends the others, and
// changes the password, which ends all.
func TestHostSecurity(t *testing.T) {
	s := testserver.New(t)
	here := host(t, s)
	there := signIn(t, s.Host, "root", testserver.Password)
	owner := signIn(t, s.Account, "demo", testserver.Password)
	if ids := regexp.MustCompile(`name="id" value="([A-Z2-7]+)"`).FindAllStringSubmatch(here.get("/security"), -1); len(ids) != 1 {
		t.Fatalf("the sessions: %v", ids)
	}
	here.post("/security/end")
	if w := there.ask("GET", there.prefix+"/", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("the ended session: %d", w.Code)
	}
	owner.get("/")
	const fresh = "another-horse-17-staple"
	for what, fields := range map[string][]string{
		"the wrong one of now": {"password", "wrong", "new_password", fresh, "again", fresh}, "two that differ": {"password", testserver.Password, "new_password", fresh, "again", fresh + "x"},
		"none": {"password", testserver.Password},
	} {
		if w := here.post("/security/password", fields...); w.Code != http.StatusUnprocessableEntity || strings.Contains(w.Body.String(), fresh) {
			t.Errorf("%s: %d %s", what, w.Code, text(w.Body.String()))
		}
	}
	w := here.post("/security/password", "password", testserver.Password, "new_password", fresh, "again", fresh)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/login/" {
		t.Fatalf("not changed: %d %s", w.Code, text(w.Body.String()))
	}
	wants(t, here.ask("GET", "/login/", "").Body.String(), "Your password is changed")
	if w := here.ask("GET", here.prefix+"/", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("the session goes on: %d", w.Code)
	}
	signIn(t, s.Host, "root", fresh)
	low := s.HostToken("low")
	for _, call := range []string{"list_sessions", "end_session?others=1"} {
		if body := s.Get(s.Host, "/json-api/"+call+map[bool]string{true: "&", false: "?"}[strings.Contains(call, "?")]+"api.version=1", "whm root:"+low).Body; !strings.Contains(body, "An API token cannot see or end sessions") {
			t.Errorf("a token may %s: %s", call, body)
		}
	}
}

// TestResellerSecurity: a reseller has the same page; whether they may change their
// password is theirs as it is over the API.
func TestResellerSecurity(t *testing.T) {
	s := testserver.New(t)
	s.WHM("setupreseller", "user", "demo", "makeowner", "1")
	s.WHM("setacls", "reseller", "demo", "acl-basic-whm-functions", "1")
	b := signIn(t, s.Host, "demo", testserver.Password)
	wants(t, b.get("/security"), "Where you are logged in", "this session", "Set up a second factor")
	if strings.Contains(b.get("/security"), "Change your password") {
		t.Error("a reseller who may set no passwords is offered to")
	}
	const fresh = "another-horse-17"
	if w := b.post("/security/password", "password", testserver.Password, "new_password", fresh, "again", fresh); w.Code < 400 {
		t.Errorf("a reseller who may set no passwords: %d", w.Code)
	}
	s.WHM("setacls", "reseller", "demo", "acl-basic-whm-functions", "1", "acl-passwd", "1")
	wants(t, b.get("/security"), "Change your password")
	if w := b.post("/security/password", "password", testserver.Password, "new_password", fresh, "again", fresh); w.Code != http.StatusSeeOther {
		t.Errorf("a reseller who may: %d %s", w.Code, text(w.Body.String()))
	}
	b = signIn(t, s.Host, "demo", fresh)
	s.WHM("setacls", "reseller", "demo", "acl-passwd", "1")
	const other = "yet-another-horse-18"
	if w := b.post("/security/password", "password", fresh, "new_password", other, "again", other); w.Code != http.StatusSeeOther {
		t.Errorf("a reseller who may do nothing else: %d %s", w.Code, text(w.Body.String()))
	}
	signIn(t, s.Host, "demo", other)
}

// TestCodeIsUsedLast: a recovery code that stands in a form is used up when the rest
// of the form is right, and not before.
func TestCodeIsUsedLast(t *testing.T) {
	s := testserver.New(t)
	b := signIn(t, s.Account, "demo", testserver.Password)
	secret := regexp.MustCompile(`name="secret" value="([A-Z2-7]{16})"`)
	made := secret.FindStringSubmatch(b.post("/security/factor").Body.String())[1]
	code := recoveryCodes(b.post("/security/factor", "secret", made, "code", s.Code(made), "password", testserver.Password))[0]
	other := secret.FindStringSubmatch(b.post("/security/factor").Body.String())[1]
	s.Token("demo", "taken")
	full := []string{"preset", "full_access", "life", "365", "password", testserver.Password, "code", code}
	for what, w := range map[string]*httptest.ResponseRecorder{
		"another factor's code": b.post("/security/factor", "secret", other, "code", "000000", "password", testserver.Password, "now", code),
		"a name that is taken":  b.post("/tokens/new", append(full, "name", "taken")...),
		"no name":               b.post("/tokens/new", append(full, "name", "not a name")...),
		"addresses":             b.post("/tokens/new", append(full, "name", "fresh", "addresses", "nowhere")...),
		"a note":                b.post("/tokens/new", append(full, "name", "fresh", "note", strings.Repeat("long ", 50))...),
		"a day that is over":    b.post("/tokens/new", "name", "fresh", "preset", "full_access", "life", "date", "date", "2020-01-01", "password", testserver.Password, "code", code),
	} {
		if w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", what, w.Code, text(w.Body.String()))
		}
	}
	wants(t, b.get("/security"), "10 of 10 recovery codes are left")
	if w := b.post("/tokens/new", append(full, "name", "fresh")...); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `id="secret"`) {
		t.Errorf("not made: %d %s", w.Code, text(w.Body.String()))
	}
	wants(t, b.get("/security"), "9 of 10 recovery codes are left")

	s.Estate.Server.MinStrength = 65
	h := host(t, s)
	made = secret.FindStringSubmatch(h.post("/security/factor").Body.String())[1]
	code = recoveryCodes(h.post("/security/factor", "secret", made, "code", s.Code(made), "password", testserver.Password))[0]
	if w := h.post("/security/password", "password", testserver.Password, "now", code, "new_password", "weak", "again", "weak"); w.Code != http.StatusUnprocessableEntity || !strings.Contains(text(w.Body.String()), "The password is too weak") {
		t.Errorf("a weak password: %d %s", w.Code, text(w.Body.String()))
	}
	wants(t, h.get("/security"), "10 of 10 recovery codes are left")
}
