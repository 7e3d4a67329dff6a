package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/web"
	"github.com/latchkey/latchkey/internal/wire"
	"github.com/latchkey/latchkey/test/testserver"
)

// browser is a browser without scripts: it has a jar, follows nothing by itself
// and says of every request where it comes from.
type browser struct {
	t      testing.TB
	door   *wire.Door
	jar    map[string]string
	prefix string
}

func open(t testing.TB, door *wire.Door) *browser {
	return &browser{t: t, door: door, jar: map[string]string{}}
}

// ask sends a request as a page of ours makes it, unless header says otherwise.
func (b *browser) ask(method, target, body string, header ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host, r.RemoteAddr = "host.example.org:2083", "198.51.100.7:4000"
	r.Header.Set("Accept", "text/html,*/*")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range b.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.door.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		b.jar[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(b.jar, c.Name)
		}
	}
	checkHeaders(b.t, method+" "+target, w)
	return w
}

// get is a page that must be there.
func (b *browser) get(path string) string {
	b.t.Helper()
	w := b.ask("GET", b.prefix+path, "")
	if w.Code != http.StatusOK {
		b.t.Fatalf("GET %s: %d %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

// post sends a form.
func (b *browser) post(path string, fields ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return b.ask("POST", b.prefix+path, form.Encode())
}

// signIn signs in by the form.
func signIn(t testing.TB, door *wire.Door, user, password string) *browser {
	t.Helper()
	b := open(t, door)
	w := b.post("/login/", "user", user, "pass", password)
	if w.Code != http.StatusSeeOther {
		t.Fatalf("signing in: %d %s", w.Code, w.Body)
	}
	b.prefix = regexp.MustCompile(`^/cpsess\d{10}`).FindString(w.Header().Get("Location"))
	return b
}

// checkHeaders holds an answer with a page to what every one carries.
func checkHeaders(t testing.TB, what string, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code == http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		return
	}
	csp := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("%s: the policy lacks %s: %s", what, want, csp)
		}
	}
	if strings.Contains(csp, "unsafe") {
		t.Errorf("%s: the policy is loose: %s", what, csp)
	}
	if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Referrer-Policy") == "" {
		t.Errorf("%s: headers are missing: %v", what, w.Header())
	}
	body := w.Body.String()
	if strings.Contains(body, mark) {
		return // such text is looked for by a parser: see TestMarkup
	}
	for _, inline := range []string{" style=", "<style", " onclick=", " onload=", "javascript:"} {
		if strings.Contains(body, inline) {
			t.Errorf("%s: the page has %q, which the policy forbids", what, inline)
		}
	}
	for _, m := range regexp.MustCompile(`<script[^>]*>([^<]*)</script>`).FindAllStringSubmatch(body, -1) {
		if m[1] != "" {
			t.Errorf("%s: the page has a script of its own: %s", what, m[1])
		}
	}
}

func TestSignIn(t *testing.T) {
	s := testserver.New(t)
	b := open(t, s.Account)
	if w := b.ask("GET", "/", ""); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), `id="login_form"`) {
		t.Errorf("the root asks nobody to sign in: %d %v", w.Code, w.Header())
	}
	if w := b.ask("GET", "/frontend/jupiter/index.html", ""); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), `name="goto_uri" value="/frontend/jupiter/index.html"`) {
		t.Errorf("a page without a session: %d %s", w.Code, w.Body)
	}
	if w := b.post("/login/", "user", "demo", "pass", "wrong"); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "Login Attempt Failed") || !strings.Contains(w.Body.String(), `value="demo"`) {
		t.Errorf("a wrong password: %d %s", w.Code, w.Body)
	}
	b = signIn(t, s.Account, "demo", testserver.Password)
	if len(b.jar) != 1 || b.jar["__Host-cpsession"] == "" {
		t.Errorf("the jar holds %v", b.jar)
	}
	if body := b.get("/"); !strings.Contains(body, "example.com") {
		t.Errorf("the first page: %s", body)
	}
	if w := b.ask("GET", b.prefix+"/no/such/page", ""); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "There is nothing here") {
		t.Errorf("no page: %d", w.Code)
	}
	for what, header := range map[string][]string{
		"another site's page": {"Sec-Fetch-Site", "cross-site"}, "another port's page": {"Sec-Fetch-Site", "same-site"}, "another origin": {"Origin", "https://evil.example"},
	} {
		if w := b.ask("GET", b.prefix+"/", "", header...); w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "example.com") {
			t.Errorf("%s is shown the page: %d", what, w.Code)
		}
	}
	if w := b.ask("GET", b.prefix+"/logout/", ""); w.Code != http.StatusSeeOther || len(b.jar) != 0 {
		t.Errorf("logging out: %d %v", w.Code, b.jar)
	}
	if w := b.ask("GET", b.prefix+"/", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("after logging out: %d", w.Code)
	}
}

// TestHandedOver: a billing system's link comes from another site; the first page
// is shown all the same, because a page of ours leads there.
func TestHandedOver(t *testing.T) {
	s := testserver.New(t)
	b := open(t, s.Account)
	w := b.ask("POST", "/login/", "user=demo&pass="+testserver.Password, "Sec-Fetch-Site", "cross-site")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `http-equiv="refresh"`) {
		t.Fatalf("from elsewhere: %d %s", w.Code, w.Body)
	}
	b.prefix = regexp.MustCompile(`/cpsess\d{10}`).FindString(w.Body.String())
	b.get("/")
}

func TestChoose(t *testing.T) {
	s := testserver.New(t)
	b := open(t, s.Account)
	if w := b.post("/choose", "theme", "dark", "lang", "de", "back", "/login/?logout=1"); w.Header().Get("Location") != "/login/?logout=1" {
		t.Errorf("back to %q", w.Header().Get("Location"))
	}
	if body := b.ask("GET", "/login/", "").Body.String(); !strings.Contains(body, `<html lang="de" data-theme="dark">`) || !strings.Contains(body, "Benutzername") {
		t.Errorf("not chosen: %s", body)
	}
	for _, evil := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "/a\nb"} {
		if to := b.post("/choose", "theme", "light", "back", evil).Header().Get("Location"); to != "/login/" {
			t.Errorf("%q leads to %q", evil, to)
		}
	}
}

// TestPrograms: who asks for no page is told so in a line, but who has signed in and
// follows to the first page finds it there.
func TestPrograms(t *testing.T) {
	s := testserver.New(t)
	b := signIn(t, s.Account, "demo", testserver.Password)
	for path, want := range map[string]int{"/frontend/jupiter/index.html": http.StatusOK, "/": http.StatusOK, "/no/such/page": http.StatusNotFound} {
		if w := b.ask("GET", b.prefix+path, "", "Accept", "*/*"); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	if a := s.Get(s.Account, "/nowhere", ""); a.Status != http.StatusNotFound || a.Body != "There is nothing here. The API is under /execute/ and /json-api/.\n" {
		t.Errorf("%+v", a)
	}
}

// TestProgram: a browser is called by its name, and what is no browser as it calls
// itself, however little sense it makes.
func TestProgram(t *testing.T) {
	const like = " (KHTML, like Gecko) "
	for client, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36" + like + "HeadlessChrome/156.0.0.0 Safari/537.36":                              "Chrome 156, Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36" + like + "Chrome/131.0.0.0 Safari/537.36 Edg/131.0.2903.51":          "Edge 131, Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:132.0) Gecko/20100101 Firefox/132.0":                                              "Firefox 132, macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15" + like + "Version/18.1 Mobile/15E148 Safari/604.1":    "Safari 18, iOS",
		"Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36" + like + "SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36": "Samsung Internet 25, Android",
		"Mozilla/5.0 (Linux) Chrome/":                     "Chrome, Linux",
		"Mozilla/5.0 (Linux) Chrome/99999999999999999999": "Chrome 9999, Linux",
		"Mozilla/5.0 (": "Mozilla/5.0 (",
		"curl/8.11.0":   "curl/8.11.0",
		"acme.sh/3.1.0 (https://github.com/acmesh-official/acme.sh)": "acme.sh/3.1.0 (https://github.com/acmesh-official/acme.sh)",
		"": "",
	} {
		if got := web.Program(client); got != want {
			t.Errorf("%q is %q, want %q", client, got, want)
		}
	}
}

// TestTooLarge: a form that is too large is refused as that, to who has signed in with
// the ways on.
func TestTooLarge(t *testing.T) {
	s := testserver.New(t)
	b := signIn(t, s.Account, "demo", testserver.Password)
	w := b.post("/tokens/new", "note", strings.Repeat("much ", 60<<10))
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", w.Code, text(w.Body.String()))
	}
	wants(t, w.Body.String(), "That is too much at once", "larger than 262144 bytes", "Log out")
	if w := open(t, s.Account).post("/tokens/new", "note", strings.Repeat("much ", 60<<10)); w.Code != http.StatusRequestEntityTooLarge || strings.Contains(w.Body.String(), "Log out") {
		t.Errorf("to nobody: %d %s", w.Code, text(w.Body.String()))
	}
}
