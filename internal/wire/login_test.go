package wire_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire"
	"github.com/latchkey/latchkey/test/testserver"
)

// browser is what a client keeps of a session.
type browser struct {
	*testserver.Server
	t      *testing.T
	door   *wire.Door
	cookie *http.Cookie
	prefix string // "/cpsess..."
}

// ask sends a request and returns the recorded answer.
func (b *browser) ask(method, target, body string, header ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host, r.RemoteAddr = "host.example.org:2083", "198.51.100.7:4000"
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.cookie != nil {
		r.AddCookie(&http.Cookie{Name: b.cookie.Name, Value: b.cookie.Value})
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.door.ServeHTTP(w, r)
	return w
}

// keep takes the cookie and the prefix from an answer that begins a session.
func (b *browser) keep(w *httptest.ResponseRecorder) *browser {
	b.t.Helper()
	var said struct {
		Status   int
		Token    string `json:"security_token"`
		Redirect string
	}
	if w.Code == http.StatusSeeOther {
		b.prefix = regexp.MustCompile(`^/cpsess\d{10}`).FindString(w.Header().Get("Location"))
	} else if err := json.Unmarshal(w.Body.Bytes(), &said); err == nil {
		b.prefix = said.Token
	}
	for _, c := range w.Result().Cookies() {
		b.cookie = c
	}
	if b.cookie == nil || !regexp.MustCompile(`^/cpsess\d{10}$`).MatchString(b.prefix) {
		b.t.Fatalf("no session: %d %v %s", w.Code, w.Header(), w.Body)
	}
	return b
}

func login(t *testing.T, s *testserver.Server, door *wire.Door, user string) *browser {
	t.Helper()
	b := &browser{Server: s, t: t, door: door}
	return b.keep(b.ask("POST", "/login/?login_only=1", "user="+url.QueryEscape(user)+"&pass="+testserver.Password))
}

const someCall = "/execute/Email/count_pops"

// works reports whether the session can be used.
func (b *browser) works(header ...string) bool {
	b.t.Helper()
	w := b.ask("GET", b.prefix+someCall, "", header...)
	ok := w.Code == http.StatusOK && strings.Contains(w.Body.String(), `"status":1`)
	if !ok && (w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "Access denied")) {
		b.t.Errorf("refused otherwise than bad credentials: %d %s", w.Code, w.Body)
	}
	return ok
}

func TestLogin(t *testing.T) {
	s := testserver.New(t)
	for what, test := range map[string]struct{ method, target, body string }{
		"POST":                 {"POST", "/login/?login_only=1", "user=demo&pass=" + testserver.Password},
		"POST all in the body": {"POST", "/login/", "login_only=1&user=demo&pass=" + testserver.Password},
		"GET":                  {"GET", "/login/?login_only=1&user=demo&pass=" + testserver.Password, ""},
		"without a slash":      {"GET", "/login?login_only=1&user=demo&pass=" + testserver.Password, ""},
	} {
		b := &browser{Server: s, t: t, door: s.Account}
		w := b.ask(test.method, test.target, test.body)
		b.keep(w)
		if want := `{"redirect":"` + b.prefix + `/frontend/jupiter/index.html","security_token":"` + b.prefix + `","status":1}`; w.Body.String() != want || w.Code != 200 {
			t.Errorf("%s: %d %s, want %s", what, w.Code, w.Body, want)
		}
		if got := w.Header().Get("Set-Cookie"); !regexp.MustCompile(`^cpsession=[A-Za-z0-9_-]{43}; Path=/; HttpOnly; Secure; SameSite=Lax$`).MatchString(got) {
			t.Errorf("%s: Set-Cookie: %s", what, got)
		}
		if !b.works() {
			t.Errorf("%s: the session does not work", what)
		}
		b.prefix = "/" + b.prefix // base and token with a slash each
		if !b.works() {
			t.Errorf("%s: the session does not work behind two slashes", what)
		}
	}
	b := &browser{Server: s, t: t, door: s.Account}
	w := b.ask("POST", "/login", "user=demo&pass="+testserver.Password+"&goto_uri=/frontend/jupiter/mail/pops.html")
	if b.keep(w); w.Header().Get("Location") != b.prefix+"/frontend/jupiter/mail/pops.html" || !b.works() {
		t.Errorf("with a redirect: %d %v", w.Code, w.Header())
	}
	for _, elsewhere := range []string{"https://evil.example/", "//evil.example/", "/\\evil.example", "/a\r\nSet-Cookie: x=y", "evil", "/cpsess0000000000//evil.example"} {
		b := &browser{Server: s, t: t, door: s.Account}
		w := b.ask("POST", "/login", "user=demo&pass="+testserver.Password+"&goto_uri="+url.QueryEscape(elsewhere))
		if b.keep(w); w.Header().Get("Location") != b.prefix+"/frontend/jupiter/index.html" {
			t.Errorf("sent to %q with goto_uri %q", w.Header().Get("Location"), elsewhere)
		}
	}
}

func TestLoginRefused(t *testing.T) {
	s := testserver.New(t)
	token := s.Token("demo", "t")
	b := &browser{Server: s, t: t, door: s.Account}
	for what, body := range map[string]string{
		"a wrong password":    "user=demo&pass=wrong",
		"no password":         "user=demo",
		"nothing":             "",
		"an unknown user":     "user=nobody&pass=wrong",
		"a token":             "user=demo&pass=" + token,
		"a line break":        "user=demo&pass=x%0d%0ahasroot=1",
		"a session of nobody": "session=" + strings.Repeat("A", 43),
		"what is no session":  "session=demo:x%0aroot",
	} {
		w := b.ask("POST", "/login/?login_only=1", body, "Authorization", "cpanel demo:"+token)
		if w.Code != http.StatusUnauthorized || w.Body.String() != `{"message":"invalid_login","status":0}` || len(w.Result().Cookies()) != 0 {
			t.Errorf("%s: %d %s %v", what, w.Code, w.Body, w.Result().Cookies())
		}
	}
	w := b.ask("POST", "/login/", "user=demo&pass=wrong")
	if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "Login Attempt Failed") || !strings.Contains(w.Body.String(), `action="/login/"`) {
		t.Errorf("the page of a failure: %d %s", w.Code, w.Body)
	}
	if w := b.ask("GET", "/login/", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `action="/login/"`) || strings.Contains(w.Body.String(), "Failed") {
		t.Errorf("the page to sign in with: %d %s", w.Code, w.Body)
	}
	if w := b.ask("PUT", "/login/", "user=demo&pass="+testserver.Password); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("PUT /login/: %d", w.Code)
	}
	plain := &browser{Server: s, t: t, door: s.AccountPlain}
	if w := plain.ask("POST", "/login/?login_only=1", "user=demo&pass="+testserver.Password); w.Code != http.StatusUnauthorized {
		t.Errorf("in clear over a network: %d %s", w.Code, w.Body)
	}
}

// A session is the cookie and the prefix together, at its own door.
func TestSessionNeedsAll(t *testing.T) {
	s := testserver.New(t)
	s.UAPI("demo", "Email", "add_pop", "email", "box", "password", testserver.Password)
	demo, other := login(t, s, s.Account, "demo"), login(t, s, s.Account, "other")
	box := login(t, s, s.Webmail, "box@example.com")
	if w := box.ask("GET", box.prefix+"/execute/Email/list_pops", ""); !strings.Contains(w.Body.String(), `"status":1`) || strings.Contains(w.Body.String(), "Main Account") {
		t.Errorf("a mailbox's session: %s", w.Body)
	}
	if w := box.ask("GET", box.prefix+"/execute/Tokens/list", ""); !strings.Contains(w.Body.String(), "An email account may not call") {
		t.Errorf("a mailbox's session beyond its reach: %s", w.Body)
	}
	for what, b := range map[string]browser{
		"the cookie alone":             {cookie: demo.cookie, door: s.Account},
		"the prefix alone":             {prefix: demo.prefix, door: s.Account},
		"another's prefix":             {cookie: demo.cookie, prefix: other.prefix, door: s.Account},
		"an invented prefix":           {cookie: demo.cookie, prefix: "/cpsess1235467", door: s.Account},
		"an invented cookie":           {cookie: &http.Cookie{Name: "cpsession", Value: strings.Repeat("a", 43)}, prefix: demo.prefix, door: s.Account},
		"the cookie's other name":      {cookie: &http.Cookie{Name: "webmailsession", Value: demo.cookie.Value}, prefix: demo.prefix, door: s.Account},
		"at webmail's door":            {cookie: &http.Cookie{Name: "webmailsession", Value: demo.cookie.Value}, prefix: demo.prefix, door: s.Webmail},
		"a mailbox's at the account's": {cookie: &http.Cookie{Name: "cpsession", Value: box.cookie.Value}, prefix: box.prefix, door: s.Account},
		"in clear over a network":      {cookie: demo.cookie, prefix: demo.prefix, door: s.AccountPlain},
	} {
		if b.Server, b.t = s, t; b.works() {
			t.Errorf("%s opens the session", what)
		}
	}
	host := browser{Server: s, t: t, door: s.Host, cookie: &http.Cookie{Name: "whostmgrsession", Value: demo.cookie.Value}}
	if w := host.ask("GET", demo.prefix+"/json-api/listaccts?api.version=1", ""); w.Code != http.StatusForbidden {
		t.Errorf("an account's session at the host's door: %d %s", w.Code, w.Body)
	}
	r := httptest.NewRequest("GET", demo.prefix+someCall, nil)
	r.Header.Set("Cookie", "cpsession="+demo.cookie.Value+"; cpsession="+other.cookie.Value)
	if a := s.Serve(s.Account, r); a.Status != http.StatusUnauthorized {
		t.Errorf("with two cookies: %d", a.Status)
	}
	if !demo.works() {
		t.Error("the session itself does not work any more")
	}
	// Credentials in the header decide alone: an invented prefix and a cookie beside
	// them are of no meaning.
	r = httptest.NewRequest("GET", "/cpsess1235467"+someCall, nil)
	r.Header.Set("Authorization", "cpanel other:"+s.Token("other", "t"))
	r.AddCookie(demo.cookie)
	if a := s.Serve(s.Account, r); a.Status != 200 || !strings.Contains(a.Body, `"data":0`) {
		t.Errorf("a token beside a cookie: %d %s", a.Status, a.Body)
	}
}

// The ten digits of a prefix cannot be found out: a few wrong ones end the
// session.
func TestPrefixIsNotGuessed(t *testing.T) {
	s := testserver.New(t)
	b := login(t, s, s.Account, "demo")
	right := b.prefix
	for range 5 {
		b.prefix = "/cpsess0000000000"
		b.works()
	}
	if b.prefix = right; b.works() {
		t.Error("the session goes on after five wrong prefixes")
	}
}

// No page of another site uses a session, by whatever method; what was typed
// may look.
func TestSessionSites(t *testing.T) {
	s := testserver.New(t)
	b := login(t, s, s.Account, "demo")
	for what, test := range map[string]struct {
		header      []string
		read, write bool
	}{
		"a program":         {nil, true, true},
		"our page":          {[]string{"Sec-Fetch-Site", "same-origin"}, true, true},
		"our page's form":   {[]string{"Sec-Fetch-Site", "same-origin", "Origin", "https://host.example.org:2083"}, true, true},
		"an old browser":    {[]string{"Origin", "https://host.example.org:2083"}, true, true},
		"a typed address":   {[]string{"Sec-Fetch-Site", "none"}, true, false},
		"another port":      {[]string{"Sec-Fetch-Site", "same-site"}, false, false},
		"another site":      {[]string{"Sec-Fetch-Site", "cross-site"}, false, false},
		"nonsense":          {[]string{"Sec-Fetch-Site", "x"}, false, false},
		"another's form":    {[]string{"Origin", "https://evil.example"}, false, false},
		"a sandboxed frame": {[]string{"Origin", "null"}, false, false},
		"a contradiction":   {[]string{"Sec-Fetch-Site", "same-origin", "Origin", "https://evil.example"}, false, false},
	} {
		if got := b.works(test.header...); got != test.read {
			t.Errorf("%s may read: %v, want %v", what, got, test.read)
		}
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
			w := b.ask(method, b.prefix+"/execute/Email/suspend_login?email=box@example.com", "", test.header...)
			// There is no such mailbox: who may write is told so.
			if got := strings.Contains(w.Body.String(), "do not have an email account"); got != test.write {
				t.Errorf("%s may write by %s: %v, want %v: %s", what, method, got, test.write, w.Body)
			}
		}
	}
}

// A session that somebody put into the browser before is not the one that a
// sign-in begins.
func TestSessionFixation(t *testing.T) {
	s := testserver.New(t)
	planted := login(t, s, s.Account, "other")
	victim := &browser{Server: s, t: t, door: s.Account, cookie: planted.cookie}
	victim.keep(victim.ask("POST", planted.prefix+"/login/?login_only=1", "user=demo&pass="+testserver.Password))
	if victim.cookie.Value == planted.cookie.Value || victim.prefix == planted.prefix {
		t.Error("a sign-in goes on with the session that was there")
	}
	planted.prefix = victim.prefix
	if planted.works() {
		t.Error("the planted session opens the victim's")
	}
}

// What ends a session, each from one request to the next.
func TestSessionEnds(t *testing.T) {
	s := testserver.New(t)
	s.UAPI("demo", "Email", "add_pop", "email", "box", "password", testserver.Password)
	setPassword := func() { s.WHM("passwd", "user", "demo", "password", testserver.Password) }
	for what, test := range map[string]struct {
		do   func(b *browser)
		back func()
	}{
		"logout": {func(b *browser) {
			if w := b.ask("GET", b.prefix+"/logout/", ""); w.Code != 303 || !strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0") {
				t.Errorf("logout: %d %v", w.Code, w.Header())
			}
		}, nil},
		"15 idle minutes":        {func(*browser) { s.Wait(15 * time.Minute) }, nil},
		"another password":       {func(*browser) { setPassword() }, nil},
		"suspension, even ended": {func(*browser) { s.WHM("suspendacct", "user", "demo"); s.WHM("unsuspendacct", "user", "demo") }, nil},
		"suspension":             {func(*browser) { s.WHM("suspendacct", "user", "demo") }, func() { s.WHM("unsuspendacct", "user", "demo") }},
	} {
		b := login(t, s, s.Account, "demo")
		if !b.works() {
			t.Fatalf("%s: the session does not begin", what)
		}
		if test.do(b); b.works() {
			t.Errorf("the session survives %s", what)
		}
		if test.back != nil {
			test.back()
		}
	}
	b := login(t, s, s.Account, "demo")
	for range 24*60/14 - 1 {
		s.Wait(14 * time.Minute)
		if !b.works() {
			t.Fatal("a session in use ends within a day")
		}
	}
	s.Wait(14 * time.Minute)
	if s.Wait(10 * time.Minute); b.works() {
		t.Error("a session lasts longer than a day")
	}
	box := login(t, s, s.Webmail, "box@example.com")
	box.ask("POST", box.prefix+"/execute/Email/passwd_pop", "email=box&password=another-horse-7", "Sec-Fetch-Site", "same-origin")
	if w := box.ask("GET", box.prefix+"/execute/Email/list_pops", ""); w.Code != 401 {
		t.Errorf("a mailbox's session survives its new password: %d %s", w.Code, w.Body)
	}
	b = login(t, s, s.Account, "demo")
	if s.WHM("removeacct", "username", "demo"); b.works() {
		t.Error("the session survives the account")
	}
}

// Nothing that opens a session stands in the store, the log or the trail; the
// trail tells what was done with one.
func TestSessionTrail(t *testing.T) {
	s := testserver.New(t)
	b := login(t, s, s.Account, "demo")
	b.works()
	s.Trail.Flush()
	b.ask("GET", b.prefix+"/logout", "")
	s.Trail.Flush()
	var said []string
	err := audit.List(t.Context(), s.Store, 0, func(_ uint64, e *latchkey.Event) bool {
		if e.Func == "Email::count_pops" || strings.HasPrefix(e.Func, "session::") {
			said = append(said, string(e.Name)+" "+e.By.String()+" "+e.Func)
		}
		return true
	})
	want := "demo password session::login, demo session Email::count_pops, demo session session::logout"
	if got := strings.Join(said, ", "); err != nil || got != want {
		t.Errorf("the trail says %q, %v, want %q", got, err, want)
	}
	if log := s.Log.String(); strings.Contains(log, b.cookie.Value) || strings.Contains(log, b.prefix) {
		t.Errorf("the log has the session: %s", log)
	}
}
