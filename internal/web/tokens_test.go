package web_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/test/testserver"
)

var secretOf = regexp.MustCompile(`<code id="secret">(LK[A-Z0-9]{30})</code>`)

// made sends the form that makes a token and returns its secret.
func (b *browser) made(fields ...string) string {
	b.t.Helper()
	w := b.post("/tokens/new", fields...)
	m := secretOf.FindStringSubmatch(w.Body.String())
	if w.Code != http.StatusOK || m == nil {
		b.t.Fatalf("no token was made: %d %s", w.Code, w.Body)
	}
	return m[1]
}

func text(body string) string {
	return html.UnescapeString(strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " ")), " "))
}

// TestTokenFlow: the owner makes a token for one job, it is used, seen, rotated,
// narrowed to what it used, paused and revoked: without scripts.
func TestTokenFlow(t *testing.T) {
	s := testserver.New(t)
	b := signIn(t, s.Account, "demo", testserver.Password)
	overview := b.post("/tokens/new", "name", "acme", "preset", "certificates_dns", "zone", "example.com", "life", "90", "step", "overview").Body.String()
	for _, want := range []string{"DNS:write(zone=example.com, name=_acme-challenge*, type=TXT)", "Certificates by DNS: example.com", "It expires Feb 21, 2027, 12:00 UTC."} {
		if !strings.Contains(text(overview), want) {
			t.Errorf("the overview lacks %q: %s", want, text(overview))
		}
	}
	secret := b.made("name", "acme", "preset", "certificates_dns", "zone", "example.com", "life", "90")
	use := func(secret, function string) bool {
		return strings.Contains(s.Get(s.Account, "/execute/"+function, "cpanel demo:"+secret).Body, `"status":1`)
	}
	if !use(secret, "DNS/parse_zone?zone=example.com") || use(secret, "Email/list_pops") {
		t.Error("the token may not do what its page says, or more")
	}
	s.Wait(10 * time.Second)
	if err := s.Days.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	wants(t, b.get("/token/acme"), `aria-label="2 calls in 14 days. Most on Nov 23, 2026: 2."`, "Day by day", "<td>2</td>")
	if page := b.get("/tokens"); !strings.Contains(page, `aria-label="2 calls in 14 days"`) {
		t.Errorf("the list does not show how often it was used: %s", page)
	}
	if page := text(b.get("/token/acme")); !strings.Contains(page, "DNS::parse_zone") || !strings.Contains(page, "Email::list_pops") || strings.Contains(page, secret) {
		t.Errorf("its page does not show what it did: %s", page)
	}
	if page := text(b.get("/tokens")); !strings.Contains(page, "acme Certificates by DNS: example.com") {
		t.Errorf("the list: %s", page)
	}

	w := b.post("/token/acme/rotate", "overlap", "3600")
	m := secretOf.FindStringSubmatch(w.Body.String())
	if m == nil || m[1] == secret || !use(secret, "DNS/parse_zone?zone=example.com") || !use(m[1], "DNS/parse_zone?zone=example.com") {
		t.Fatalf("rotated: %d", w.Code)
	}
	s.Wait(time.Hour)
	if use(secret, "DNS/parse_zone?zone=example.com") {
		t.Error("the old secret outlives the overlap")
	}
	b = signIn(t, s.Account, "demo", testserver.Password)

	b.post("/token/acme/watch")
	if page := text(b.get("/token/acme")); !strings.Contains(page, "is watched from now on") {
		t.Errorf("watched: %s", page)
	}
	use(m[1], "DNS/parse_zone?zone=example.com")
	page := b.get("/token/acme/suggest")
	grants := regexp.MustCompile(`name="grants" value="([^"]*)"`).FindStringSubmatch(page)
	if grants == nil {
		t.Fatalf("nothing is suggested: %s", text(page))
	}
	if w := b.post("/token/acme/suggest", "grants", "Email:write"); w.Code != http.StatusOK || !strings.Contains(text(w.Body.String()), "Nothing has changed") {
		t.Errorf("something else than suggested was taken: %d %s", w.Code, text(w.Body.String()))
	}
	if w := b.post("/token/acme/suggest", "grants", html.UnescapeString(grants[1])); w.Code != http.StatusSeeOther {
		t.Errorf("narrowed: %d %s", w.Code, text(w.Body.String()))
	}
	if !use(m[1], "DNS/parse_zone?zone=example.com") || use(m[1], "DomainInfo/list_domains") {
		t.Error("it is not narrowed to what it used")
	}

	if w := b.post("/token/acme/rename", "new_name", "a b"); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `aria-invalid="true"`) {
		t.Errorf("a bad name: %d %s", w.Code, text(w.Body.String()))
	}
	if w := b.post("/token/acme/rename", "new_name", "challenge"); w.Code != http.StatusSeeOther {
		t.Errorf("renamed: %d", w.Code)
	}
	b.post("/token/challenge/disable")
	if use(m[1], "DNS/parse_zone?zone=example.com") {
		t.Error("disabled, and works")
	}
	if page := text(b.get("/tokens?show=ended")); !strings.Contains(page, "challenge") {
		t.Errorf("ended: %s", page)
	}
	b.post("/token/challenge/enable")
	if !use(m[1], "DNS/parse_zone?zone=example.com") {
		t.Error("enabled, and does not work")
	}
	if page := text(b.get("/token/challenge/revoke")); !strings.Contains(page, "cannot be undone") {
		t.Errorf("revoking: %s", page)
	}
	b.post("/token/challenge/revoke")
	if use(m[1], "DNS/parse_zone?zone=example.com") {
		t.Error("revoked, and works")
	}
	if page := text(b.get("/tokens?show=revoked")); !strings.Contains(page, "challenge") {
		t.Errorf("revoked: %s", page)
	}
	if w := b.ask("GET", b.prefix+"/token/challenge", ""); w.Code != http.StatusNotFound {
		t.Errorf("its page: %d", w.Code)
	}
}

// TestFullAccess: for everything the password is asked for once more.
func TestFullAccess(t *testing.T) {
	s := testserver.New(t)
	b := signIn(t, s.Account, "demo", testserver.Password)
	for what, password := range map[string]string{"none": "", "a wrong one": "wrong"} {
		for _, rights := range [][]string{{"preset", "full_access"}, {"preset", "text", "grants", "*:write"}, {"preset", "text", "grants", "*:read; *:write(domain=example.com); *:write"}} {
			if w := b.post("/tokens/new", append([]string{"name", "all", "life", "never", "password", password}, rights...)...); w.Code != http.StatusUnprocessableEntity || secretOf.MatchString(w.Body.String()) {
				t.Errorf("%v with %s: %d", rights, what, w.Code)
			}
		}
	}
	if page := text(b.get("/tokens")); strings.Contains(page, "all Full") {
		t.Errorf("a token was made: %s", page)
	}
	secret := b.made("name", "all", "preset", "full_access", "life", "never", "password", testserver.Password)
	if !strings.Contains(s.Get(s.Account, "/execute/Email/list_pops", "cpanel demo:"+secret).Body, `"status":1`) {
		t.Error("it may not do everything")
	}
}

func TestCustomToken(t *testing.T) {
	s := testserver.New(t)
	b := signIn(t, s.Account, "demo", testserver.Password)
	secret := b.made("name", "areas", "preset", "custom", "area-mail", "write", "area-usage", "read", "only", "example.com", "life", "date", "date", "2026-12-24", "mine", "1", "addresses", "203.0.113.0/24")
	answer := s.Get(s.Account, "/execute/Tokens/verify", "cpanel demo:"+secret).Body
	for _, want := range []string{`"Email:write(domain=example.com)"`, `"Quota:read"`, `"198.51.100.7"`, `"203.0.113.0/24"`, `"expires_at":1798156799`} {
		if !strings.Contains(answer, want) {
			t.Errorf("it lacks %s: %s", want, answer)
		}
	}
	for what, fields := range map[string][]string{
		"no job":      {"name", "x", "life", "30"},
		"no area":     {"name", "x", "preset", "custom", "life", "30"},
		"no zone":     {"name", "x", "preset", "dynamic_dns", "life", "30", "zone", "example.com"},
		"not its own": {"name", "x", "preset", "certificates_dns", "life", "30", "zone", "example.net"},
		"no name":     {"preset", "read_only", "life", "30"},
		"its name":    {"name", "areas", "preset", "read_only", "life", "30"},
		"bad grants":  {"name", "x", "preset", "text", "grants", "Email:", "life", "30"},
		"a day past":  {"name", "x", "preset", "read_only", "life", "date", "date", "2026-11-22"},
		"no life":     {"name", "x", "preset", "read_only", "life", "0"},
		"bad address": {"name", "x", "preset", "read_only", "life", "30", "addresses", "nowhere"},
	} {
		if w := b.post("/tokens/new", fields...); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `role="alert"`) {
			t.Errorf("%s: %d %s", what, w.Code, text(w.Body.String()))
		}
	}
	// Changed to look only.
	if w := b.post("/token/areas/rights", "preset", "text", "grants", "Email:read", "life", "keep"); w.Code != http.StatusSeeOther {
		t.Fatalf("changed: %d %s", w.Code, text(w.Body.String()))
	}
	if answer := s.Get(s.Account, "/execute/Tokens/verify", "cpanel demo:"+secret).Body; !strings.Contains(answer, `"grants":["Email:read"]`) || !strings.Contains(answer, `"expires_at":1798156799`) || !strings.Contains(answer, `"whitelist_ips":null`) {
		t.Errorf("changed: %s", answer)
	}
	if w := b.post("/token/areas/rights", "preset", "full_access", "life", "keep"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("widened to everything without the password: %d", w.Code)
	}
}

// TestLink: a link fills in the form and sends nothing; what it says is text.
func TestLink(t *testing.T) {
	s := testserver.New(t)
	b := signIn(t, s.Account, "demo", testserver.Password)
	page := b.get("/tokens/new?for=%3Cb%3EAgency&purpose=a%22b&name=shop&preset=mailboxes&domain=example.com&life=30&step=go")
	for _, want := range []string{"&lt;b&gt;Agency asks you", `a&#34;b`, `name="name" value="shop"`, `value="mailboxes" checked`, "Email:write(domain=example.com)"} {
		if !strings.Contains(page, want) {
			t.Errorf("the form lacks %s", want)
		}
	}
	if got := text(b.get("/tokens")); strings.Contains(got, "shop") {
		t.Errorf("a link made a token: %s", got)
	}
	// What it chooses beyond the account's own is left out: nothing is smuggled in.
	if page := b.get("/tokens/new?preset=custom&area-mail=read&only=example.com);*:write(domain%3Dexample.com"); strings.Contains(text(page), "*:write") || !strings.Contains(text(page), "Email:read") {
		t.Errorf("grants came in by a domain: %s", text(page))
	}
	// Before somebody has signed in it waits for that.
	stranger := open(t, s.Account)
	w := stranger.ask("GET", "/tokens/new?for=Agency&preset=mailboxes", "", "Sec-Fetch-Site", "cross-site")
	if !strings.Contains(w.Body.String(), `name="goto_uri" value="/tokens/new?for=Agency&amp;preset=mailboxes"`) {
		t.Errorf("the link is lost: %s", w.Body)
	}
}

// TestOff: the administrator switches the feature off.
func TestOff(t *testing.T) {
	s := testserver.New(t)
	b := signIn(t, s.Account, "demo", testserver.Password)
	secret := b.made("name", "x", "preset", "read_only", "life", "30")
	s.WHM("update_featurelist", "featurelist", "disabled", "apitokens", "0")
	for _, path := range []string{"/tokens", "/tokens/new", "/token/x"} {
		if w := b.ask("GET", b.prefix+path, ""); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "switched off") {
			t.Errorf("%s: %d %s", path, w.Code, text(w.Body.String()))
		}
	}
	if strings.Contains(s.Get(s.Account, "/execute/Quota/get_quota_info", "cpanel demo:"+secret).Body, `"status":1`) {
		t.Error("the token works on")
	}
	if body := b.get("/"); !strings.Contains(body, "example.com") {
		t.Error("the first page is gone")
	}
}
