package pages_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/web"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/test/testserver"
)

// gallery is a way past the pages of a door, in the states that they have. What
// looks at them looks at all of them: a page that is on no way is visited at the
// end, by the address that its route has.
type gallery struct {
	*tab
	site *site
	at   string // what stands before addresses in the session
	came []string
	look func(b *tab, name string)
}

// show goes to a page and looks at it.
func (g *gallery) show(name, path string) {
	g.t.Helper()
	g.visit(g.at + path)
	path, _, _ = strings.Cut(path, "?")
	g.came = append(g.came, path)
	g.look(g.tab, name)
}

// now looks at where a click has led.
func (g *gallery) now(name string) { g.look(g.tab, name) }

// run runs a script in the page.
func (g *gallery) run(script string) {
	g.t.Helper()
	if _, err := chromedp.Run(g.ctx, chromedp.Evaluate[any](script+"; true")); err != nil {
		g.t.Fatal(err)
	}
}

// unchecked lets a form be sent that the browser itself would refuse.
func (g *gallery) unchecked() {
	g.run(`document.querySelectorAll("form").forEach(f => f.noValidate = true)`)
}

// fits reports whether a visited address is one of a route's.
func fits(route, address string) bool {
	want, said := strings.Split(route, "/"), strings.Split(address, "/")
	return slices.EqualFunc(want, said, func(w, s string) bool { return w == s || strings.HasPrefix(w, "{") })
}

// rest looks at the pages that nobody came to, with values for what stands in the
// braces of their addresses.
func (g *gallery) rest(of latchkey.Audience, values ...string) {
	g.t.Helper()
	fill := strings.NewReplacer(values...)
	for _, route := range web.Addresses(of) {
		if strings.HasSuffix(route, ".csv") || slices.ContainsFunc(g.came, func(at string) bool { return fits(route, at) }) {
			continue
		}
		path := fill.Replace(route)
		if strings.Contains(path, "{") {
			g.t.Errorf("%s: nobody says what stands in the braces", route)
			continue
		}
		g.show("rest"+strings.ReplaceAll(path, "/", "-"), path)
		if lost, err := chromedp.Run(g.ctx, chromedp.Evaluate[bool](`!!document.querySelector("main .status")`)); err != nil || lost {
			g.t.Errorf("%s: %s is no page: %s", route, path, g.text())
		}
	}
}

// Names as long as they may be.
const (
	longToken  = "renews-the-certificates-of-the-shop_and-of-its-blog"
	longDomain = "the-oldest-family-bakery-of-the-whole-river-valley-shop.example"
)

// filled is an account's door with what its pages show.
func filled(t *testing.T, scripts bool) (*site, *tab) {
	t.Helper()
	s := newSite(t)
	for i := range 20 {
		s.UAPI("demo", "Email", "add_pop", "email", "box"+string(rune('a'+i)), "password", testserver.Password)
	}
	s.WHM("modifyacct", "user", "demo", "MAXPOP", "25", "QUOTA", "2048")
	s.Call(call.API2, "demo", "SubDomain", "addsubdomain", "domain", "shop", "rootdomain", "example.com")
	return s, open(t, s.account, scripts)
}

// tokens makes tokens of all kinds, and uses some.
func (g *gallery) tokens() {
	s := g.site
	s.Token("demo", "legacy-panel")
	secret := s.Token("demo", "reader", "readonly", "1")
	s.Get(s.Account, "/execute/Email/list_pops", "cpanel demo:"+secret)
	s.Get(s.Account, "/execute/Email/add_pop?email=x&password=12345luggage", "cpanel demo:"+secret)
	day := func(n int) string {
		return strconv.FormatInt(testserver.Start.Add(time.Duration(n)*24*time.Hour).Unix(), 10)
	}
	for name, more := range map[string][]string{
		"shop-mail":    {"preset", "mailboxes", "domain", "example.com", "note", "The shop’s newsletter tool", "expires_at", day(4), "whitelist_ip", "203.0.113.7"},
		"router":       {"preset", "dynamic_dns", "zone", "example.com", "record", "home"},
		"old-ci":       {"grants", "Email:read; DNS:write(zone=example.com, name=_acme-challenge*, type=TXT); Quota:read; StatsBar:read", "expires_at", day(1)},
		longToken[:50]: {"preset", "certificates_dns", "zone", "example.com"},
	} {
		s.UAPI("demo", "Tokens", "create_limited", append([]string{"name", name}, more...)...)
	}
	s.UAPI("demo", "Tokens", "disable", "name", "router")
	s.UAPI("demo", "Tokens", "observe", "name", "reader")
	s.Get(s.Account, "/execute/Email/list_pops", "cpanel demo:"+secret)
	s.Wait(10 * time.Second)
	for day := range 13 {
		for n := range (day * 7) % 11 {
			s.Days.Note(2, s.Now().Add(-time.Duration(day)*24*time.Hour), n > 8)
		}
	}
	if err := s.Days.Flush(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
}

// past leads past an owner's pages.
func (g *gallery) past() {
	s := g.site
	g.nobody()
	g.signIn("demo", testserver.Password)
	g.at = g.prefix()
	g.show("home", "/")
	g.show("tokens-none", "/tokens")
	g.tokens()
	for _, p := range [][2]string{
		{"tokens", "/tokens"}, {"tokens-found", "/tokens?q=nothing"}, {"tokens-ended", "/tokens?show=ended"}, {"tokens-revoked-none", "/tokens?show=revoked"},
		{"security", "/security"},
	} {
		g.show(p[0], p[1])
	}
	g.secondFactor(s, g.now)
	for _, p := range [][2]string{{"security-on", "/security"}, {"security-recovery-again", "/security/recovery"}, {"security-factor-remove", "/security/factor/remove"}} {
		g.show(p[0], p[1])
	}
	s.UAPI("demo", "TwoFactorAuth", "remove_user_configuration")
	g.making()
	for _, p := range [][2]string{
		{"token", "/token/reader"}, {"token-long", "/token/" + longToken[:50]}, {"token-activity", "/token/reader/activity"}, {"token-activity-none", "/token/reader/activity?outcome=failed"},
		{"token-suggest", "/token/reader/suggest"}, {"token-suggest-none", "/token/shop-mail/suggest"}, {"token-rotate", "/token/reader/rotate"}, {"token-rights", "/token/shop-mail/rights"}, {"token-revoke", "/token/reader/revoke"},
	} {
		g.show(p[0], p[1])
	}
	g.visit(g.at + "/token/reader")
	g.unchecked()
	g.fill("#new_name", "not a name")
	g.click(`form[action$="/rename"] button`, ".note.bad")
	g.now("token-wrong")
	g.visit(g.at + "/token/reader/rotate")
	g.click(`form button:not(.copy):not(.quiet)`, "#secret")
	g.now("secret-rotated")
	s.UAPI("demo", "Tokens", "revoke", "name", "old-ci")
	g.show("tokens-revoked", "/tokens?show=revoked")
	g.rest(latchkey.ForAccount, "{name}", "reader", "{theme}", "jupiter")
	g.wrong()
}

// nobody leads past what is shown to who has not signed in.
func (g *gallery) nobody() {
	s := g.site
	g.show("login", "/")
	g.show("login-nobody", "/tokens")
	g.show("login-ended", "/cpsess0000000000/tokens")
	g.show("login-left", "/login/?logout=1")
	g.fill("#user", "demo")
	g.fill("#pass", "wrong")
	g.click("#login_form button", ".note.bad")
	g.now("login-wrong")
	s.WHM("twofactorauth_enable_policy")
	made := secretOf(g.t, s.UAPI("other", "TwoFactorAuth", "generate_user_configuration"))
	s.UAPI("other", "TwoFactorAuth", "set_user_configuration", "secret", made, "tfa_token", s.Code(made))
	g.fill("#user", "other")
	g.fill("#pass", testserver.Password)
	g.click("#login_form button", "#tfa_token")
	g.now("login-factor")
}

// making leads past the form that tokens are made with.
func (g *gallery) making() {
	for _, p := range [][2]string{
		{"create", "/tokens/new"}, {"create-custom", "/tokens/new?preset=custom&area-mail=write&area-usage=read&only=example.com&name=x"}, {"create-text", "/tokens/new?preset=text&name=x&grants=Email:read"},
		{"create-record", "/tokens/new?preset=dynamic_dns&name=x&record=home&life=date"},
		{"create-asked", "/tokens/new?for=Example+Agency&purpose=We+renew+your+certificates+each+night.&name=agency&preset=certificates_dns&life=90"}, {"create-full", "/tokens/new?preset=full_access&name=x"},
	} {
		g.show(p[0], p[1])
	}
	g.fill("#password", "wrong")
	g.click(`#overview button:not([name])`, `.note.bad`)
	g.now("create-full-wrong")
	g.visit(g.at + "/tokens/new?preset=text&life=date&grants=nonsense")
	g.unchecked()
	g.click(`#overview button:not([name])`, `.note.bad`)
	g.now("create-wrong")
	g.visit(g.at + "/tokens/new?preset=read_only&name=legacy-panel")
	g.click(`#overview button:not([name])`, `.note.bad`)
	g.now("create-taken")
	g.fill("#name", "fresh")
	g.click(`#overview button:not([name])`, "#secret")
	g.now("secret")
	g.run(`document.querySelectorAll("details").forEach(d => { d.name = ""; d.open = true })`)
	g.now("secret-open")
}

// wrong leads past what can be wrong with a request as a whole.
func (g *gallery) wrong() {
	s := g.site
	g.show("error-404", "/nowhere")
	g.show("error-404-token", "/token/nobody")
	g.show("error-405", "/token/reader/disable")
	g.visit(g.at + "/tokens/new")
	g.fill("#note", strings.Repeat("much ", 60<<10))
	g.unchecked()
	g.click(`#overview button:not([name])`, ".status")
	g.now("error-413")
	s.WHM("update_featurelist", "featurelist", "disabled", "apitokens", "0")
	g.show("off", "/tokens")
	s.WHM("update_featurelist", "featurelist", "disabled", "apitokens", "1")
	g.lose("token_observed")
	g.show("error-500", "/token/reader/suggest")
	g.lose("session")
	g.visit("/login/")
	g.fill("#user", "demo")
	g.fill("#pass", testserver.Password)
	g.click("#login_form button", ".note.bad")
	g.now("login-not-now")
}

// lose takes a table away from under the server.
func (g *gallery) lose(table string) {
	g.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(g.site.Dir, "latchkey.db"))
	if err != nil {
		g.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("ALTER TABLE " + table + " RENAME TO lost_" + table); err != nil {
		g.t.Fatal(err)
	}
}

// hosted fills a server with what the administrator's pages show, and signs the
// administrator in.
func hosted(t *testing.T, scripts bool) (*site, *tab) {
	t.Helper()
	s := newSite(t)
	if err := s.Estate.SetRootPassword(t.Context(), latchkey.NewSecret(testserver.Password)); err != nil {
		t.Fatal(err)
	}
	s.WHM("addpkg", "name", "Gold", "quota", "20480", "maxpop", "50", "maxaddon", "10")
	s.WHM("create_featurelist", "featurelist", "Shops", "apitokens", "1", "popaccts", "1", "autossl", "1", "cron", "1")
	s.WHM("addpkg", "name", "Shops", "quota", "5120", "maxpop", "10", "featurelist", "Shops")
	s.WHM("update_featurelist", "featurelist", "disabled", "boxtrapper", "0")
	for i, name := range []string{"bakery", "florist", "garage", "hotel", "library", "museum", "school", "theatre", "riverbakeryshop1"} {
		domain := name + ".example"
		if i == 8 {
			domain = longDomain
		}
		s.WHM("createacct", "username", name, "domain", domain, "plan", []string{"default", "Gold", "Shops"}[i%3], "contactemail", "owner@"+domain, "password", testserver.Password)
		if i%2 == 0 {
			s.Token(name, "deploy")
		}
		s.UAPI(name, "Tokens", "create_limited", "name", []string{"certificates", longToken[:50]}[i/8], "preset", "certificates_dns", "zone", domain, "expires_at", strconv.FormatInt(testserver.Start.Add(time.Duration(i+1)*60*24*time.Hour).Unix(), 10))
	}
	s.WHM("suspendacct", "user", "garage", "reason", "Unpaid since October")
	s.WHM("add_override_features_for_user", "user", "bakery", "features", `{"backup":0,"ssh":1}`)
	s.WHM("set_token_policy", "longest_days", "365", "unused_days", "180")
	b := open(t, s.host, scripts)
	b.signIn("root", testserver.Password)
	return s, b
}

// findings are what a server may find when it looks at itself.
var findings = []hosting.Finding{
	{Part: "system", State: "ok", Text: "Linux 6.12 on x86_64, 8 processors, 16 GB of memory"},
	{Part: "data directory", State: "ok", Text: "/var/lib/latchkey belongs to the server and is closed to others"},
	{Part: "ports", State: "problem", Text: "port 2096 is held by another program", Do: "stop that program, or give listen_webmail another address, and start the server again"},
	{Part: "name server", State: "note", Text: "the embedded one answers on port 53; signatures (DNSSEC) need BIND", Do: "apt-get install bind9, then set dns_driver to bind"},
	{Part: "mail", State: "note", Text: "mailboxes are kept and read, mail from outside is not taken: there is no Dovecot and no Postfix", Do: "apt-get install dovecot-imapd dovecot-lmtpd postfix, then run latchkey mail setup"},
	{Part: "certificate", State: "problem", Text: "the certificate of host.example.org ends in 3 days", Do: "renew it: latchkey autossl run, or put another at /etc/latchkey/tls.pem"},
	{Part: "notices", State: "note", Text: "owners are not told by mail about their API tokens", Do: "set notices_sendmail or notices_smtp, if they are to be"},
	{Part: "clock", State: "ok", Text: "the clock is kept by time synchronisation"},
	{Part: "disk", State: "ok", Text: "412 GB of 500 GB are free"},
}

// hostPast leads past the administrator's pages.
func (g *gallery) hostPast() {
	g.at = g.prefix()
	g.show("host-health-blind", "/health")
	g.site.Estate.Server.Findings = func(context.Context) []hosting.Finding { return findings }
	for _, p := range [][2]string{
		{"home", "/"}, {"accounts", "/accounts"}, {"accounts-none", "/accounts?q=nobody"}, {"account-new", "/accounts/new"}, {"account", "/account/bakery"}, {"account-suspended", "/account/garage"}, {"account-long", "/account/riverbakeryshop1"},
		{"account-password", "/account/bakery/password"}, {"account-remove", "/account/bakery/remove"}, {"account-remove-suspended", "/account/garage/remove"}, {"account-features", "/account/bakery/features"}, {"packages", "/packages"}, {"package-new", "/packages/new"}, {"package", "/package/Gold"}, {"package-delete", "/package/Gold/delete"},
		{"features", "/features"}, {"featurelist-delete", "/featurelist/Shops/delete"}, {"tokens", "/tokens"}, {"tokens-full", "/tokens?full=1&no_end=1"}, {"policy", "/policy"}, {"policy-package", "/policy?package=Gold"},
		{"policy-outside", "/policy/outside"}, {"audit", "/audit"}, {"audit-wrong", "/audit?since=yesterday"}, {"health", "/health"}, {"security", "/security"}, {"security-password", "/security/password"}, {"security-recovery-none", "/security/recovery"}, {"error-404", "/nowhere"}, {"error-account", "/account/nobody"}, {"error-405", "/tokens/revoke"},
	} {
		g.show("host-"+p[0], p[1])
	}
	g.working()
	g.visit(g.at + "/accounts/new")
	g.fill("#domain", "bakery.example")
	g.fill("#username", "test1")
	g.click("main form button", ".note.bad")
	g.now("host-account-wrong")
	g.show("host-account-remove", "/account/riverbakeryshop1/remove")
	g.fill("#confirm", "another")
	g.click("button.danger", ".note[role=alert]")
	g.now("host-account-remove-wrong")
	g.visit(g.at + "/policy")
	g.fill("#longest_days", "many")
	g.click("main form.card button", ".note.bad")
	g.now("host-policy-wrong")
	g.visit(g.at + "/tokens?full=1")
	g.do(chromedp.Click(chromedp.CSS(`input[name="token"]`)))
	g.click("button.danger", "article form .rights")
	g.now("host-tokens-revoke")
	g.rest(latchkey.ForHost, "{user}", "bakery", "{name}", "Gold")
	g.site.WHM("setupreseller", "user", "bakery")
	g.site.WHM("setacls", "reseller", "bakery", "acl-list-accts", "1")
	g.visit("/login/?logout=1")
	g.signIn("bakery", testserver.Password)
	g.at = g.prefix()
	g.show("host-reseller", "/")
	g.show("host-error-403", "/audit")
}

// working leads past long work: as it is told of, done and failed.
func (g *gallery) working() {
	g.visit(g.at + "/tokens?q=library")
	g.run(`document.querySelectorAll('input[name="token"]').forEach(b => { b.checked = true })`)
	g.click("button.danger", "article form .rights")
	release := g.hold()
	g.click("button.danger", "article.working")
	g.now("host-working")
	release()
	g.do(chromedp.WaitReady(chromedp.CSS("article.working .actions")))
	g.now("host-working-done")

	g.visit(g.at + "/account/hotel/remove")
	g.fill("#confirm", "hotel")
	release = g.hold("ALTER TABLE account RENAME TO lost_account")
	g.click("button.danger", "article.working")
	release()
	g.do(chromedp.WaitReady(chromedp.CSS("article.working .note.bad")))
	g.now("host-working-failed")
	g.hold("ALTER TABLE lost_account RENAME TO account")()
}

// hold keeps the server from writing until it is released, with what statements
// change then.
func (g *gallery) hold(statements ...string) (release func()) {
	g.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(g.site.Dir, "latchkey.db"))
	if err != nil {
		g.t.Fatal(err)
	}
	one, err := db.Conn(g.t.Context())
	for _, statement := range append([]string{"PRAGMA busy_timeout = 10000", "BEGIN IMMEDIATE"}, statements...) {
		if err == nil {
			_, err = one.ExecContext(g.t.Context(), statement)
		}
	}
	if err != nil {
		g.t.Fatal(err)
	}
	return func() {
		if _, err := one.ExecContext(g.t.Context(), "COMMIT"); err != nil {
			g.t.Error(err)
		}
		_, _ = one.Close(), db.Close()
	}
}

// galleries leads past every page of both doors.
func galleries(t *testing.T, prepare func(b *tab), look func(b *tab, name string)) {
	t.Helper()
	s, b := filled(t, true)
	prepare(b)
	(&gallery{tab: b, site: s, look: look}).past()
	s, b = hosted(t, true)
	prepare(b)
	(&gallery{tab: b, site: s, look: look}).hostPast()
}

// secretOf is the secret that an answer shows.
func secretOf(t *testing.T, data any) string {
	t.Helper()
	var made struct{ Secret string }
	if err := json.Unmarshal(encode.Append(nil, data), &made); err != nil || made.Secret == "" {
		t.Fatalf("no secret: %v", err)
	}
	return made.Secret
}
