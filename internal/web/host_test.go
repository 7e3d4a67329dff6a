package web_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/web"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/test/testserver"
)

// host is the administrator's door with somebody signed in.
func host(t *testing.T, s *testserver.Server) *browser {
	t.Helper()
	password := latchkey.NewSecret(testserver.Password)
	if err := s.Estate.SetRootPassword(t.Context(), password); err != nil {
		t.Fatal(err)
	}
	return signIn(t, s.Host, "root", testserver.Password)
}

// wants holds a page to showing all of words.
func wants(t *testing.T, page string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(page, w) {
			t.Errorf("the page lacks %q: %s", w, text(page))
		}
	}
}

// led follows an answer that leads on, and gives the page that it leads to.
func (b *browser) led(w *httptest.ResponseRecorder) string {
	b.t.Helper()
	if w.Code != http.StatusSeeOther {
		b.t.Fatalf("it leads nowhere: %d %s", w.Code, text(w.Body.String()))
	}
	return b.ask("GET", w.Header().Get("Location"), "").Body.String()
}

// TestAccounts: the administrator makes an account, finds it, gives it another
// package, suspends it and lets it in again.
func TestAccounts(t *testing.T) {
	s := testserver.New(t)
	b := host(t, s)
	for what, fields := range map[string][]string{
		"username": {"username", "test1", "domain", "shop.example"}, "domain": {"username", "shop", "domain", "example.com"},
		"contactemail": {"username", "shop", "domain", "shop.example", "contactemail", "a b", "password", "hidden-9"},
	} {
		w := b.post("/accounts/new", append(fields, "plan", "default")...)
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `id="wrong-`+what+`"`) && what != "domain" {
			t.Errorf("%s: %d %s", what, w.Code, text(w.Body.String()))
		}
		if strings.Contains(w.Body.String(), "hidden-9") {
			t.Error("a password is shown again")
		}
	}
	wants(t, b.led(b.post("/accounts/new", "username", "Shop", "domain", "shop.example", "password", testserver.Password, "plan", "default")), "The account Shop is there", "shop.example")
	s.WHM("addpkg", "name", "gold & more", "quota", "50")
	wants(t, b.led(b.post("/account/shop/package", "pkg", "gold & more")), "<option selected>gold &amp; more", "50.0")
	page := b.get("/accounts?kind=domain&q=shop.")
	wants(t, page, "/account/shop", "One account")
	if strings.Contains(page, "/account/demo") {
		t.Error("the search finds what does not fit")
	}
	wants(t, b.get("/accounts?kind=user&q=%5E.*%3C"), "No account fits.")
	wants(t, b.led(b.post("/account/shop/suspend", "reason", "Not <paid>")), "is suspended", "Not &lt;paid&gt;")
	if w := open(t, s.Account).post("/login/", "user", "shop", "pass", testserver.Password); w.Code != http.StatusUnauthorized {
		t.Errorf("suspended, and logs in: %d", w.Code)
	}
	wants(t, b.led(b.post("/account/shop/unsuspend")), "can be used again")
	signIn(t, s.Account, "shop", testserver.Password)
	if w := b.ask("GET", b.prefix+"/account/nobody", ""); w.Code != http.StatusNotFound {
		t.Errorf("nobody: %d", w.Code)
	}
}

// TestRemoval: an account is removed once its name was typed, after the page said
// what goes with it; nobody removes themselves.
func TestRemoval(t *testing.T) {
	s := testserver.New(t)
	b := host(t, s)
	s.WHM("createacct", "username", "shop", "domain", "shop.example", "password", testserver.Password)
	s.UAPI("shop", "Email", "add_pop", "email", "box", "password", testserver.Password)
	secret := s.Token("shop", "t")
	owner := signIn(t, s.Account, "shop", testserver.Password)
	page := b.get("/account/shop/remove")
	wants(t, page, "One domain", "<strong>shop.example</strong>", "One mailbox", "One API token", "Type shop to remove it", "suspend it")
	for _, typed := range []string{"", "Shop", "shop.example", "demo"} {
		if w := b.post("/account/shop/remove", "confirm", typed); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `id="wrong-confirm"`) {
			t.Errorf("%q was typed: %d", typed, w.Code)
		}
	}
	owner.get("/")
	s.WHM("suspendacct", "user", "shop")
	wants(t, b.get("/account/shop/remove"), "shop.example")
	s.WHM("unsuspendacct", "user", "shop")
	wants(t, b.led(b.post("/account/shop/remove", "confirm", "shop")), "The account shop is removed")
	if w := b.ask("GET", b.prefix+"/account/shop", ""); w.Code != http.StatusNotFound {
		t.Errorf("it is still there: %d", w.Code)
	}
	if w := owner.ask("GET", owner.prefix+"/", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("its owner is still signed in: %d", w.Code)
	}
	if a := s.Get(s.Account, "/execute/Quota/get_quota_info", "cpanel shop:"+secret); strings.Contains(a.Body, `"status":1`) {
		t.Error("its token works")
	}
	if w := b.post("/account/root/remove", "confirm", "root"); w.Code < 400 {
		t.Errorf("the administrator: %d", w.Code)
	}
}

// TestLongWork: what takes a while is told of on a page that grows, and that says
// what came of it in the end.
func TestLongWork(t *testing.T) {
	s := testserver.New(t)
	b := host(t, s)
	s.Host.Pages.(*web.Pages).AnswerAfter(-1)
	whole := func(w *httptest.ResponseRecorder) string {
		t.Helper()
		if page := w.Body.String(); w.Code != http.StatusOK || !strings.HasSuffix(page, "</html>") || !w.Flushed {
			t.Errorf("%d %v %s", w.Code, w.Flushed, page)
		}
		return w.Body.String()
	}
	wants(t, whole(b.post("/accounts/new", "username", "shop", "domain", "shop.example", "plan", "default")), "The account shop is being made", "The account shop is there", b.prefix+"/account/shop")
	wants(t, whole(b.post("/accounts/new", "username", "shop", "domain", "<b>.example", "plan", "default")), "That did not work.")
	s.Token("shop", "one")
	s.Token("shop", "two")
	wants(t, whole(b.post("/tokens/revoke", "step", "do", "token", "shop/one", "token", "shop/two", "token", "nobody/<i>")), "2 of 3", "2 tokens are revoked", "nobody/&lt;i&gt;")
	wants(t, whole(b.post("/account/shop/remove", "confirm", "shop")), "is being removed", "The account shop is removed")
	if w := b.ask("GET", b.prefix+"/account/shop", ""); w.Code != http.StatusNotFound {
		t.Errorf("it is still there: %d", w.Code)
	}
}

// TestAccountPassword: an account's password is changed, and its sessions end.
func TestAccountPassword(t *testing.T) {
	s := testserver.New(t)
	b, owner := host(t, s), signIn(t, s.Account, "demo", testserver.Password)
	if w := b.post("/account/demo/password"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("none: %d", w.Code)
	}
	owner.get("/")
	wants(t, b.led(b.post("/account/demo/password", "new_password", "another-horse-17")), "has its new password")
	if w := owner.ask("GET", owner.prefix+"/", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("the session goes on: %d", w.Code)
	}
	signIn(t, s.Account, "demo", "another-horse-17")
}

// TestManyAccounts: the list is paged on the server.
func TestManyAccounts(t *testing.T) {
	s := testserver.New(t)
	b := host(t, s)
	for i := range 30 {
		s.WHM("createacct", "username", "n"+strconv.Itoa(i), "domain", "n"+strconv.Itoa(i)+".example")
	}
	if n := strings.Count(b.get("/accounts"), `scope="row"`); n != 25 {
		t.Errorf("the first page has %d", n)
	}
	for _, at := range []string{"2", "99999"} {
		page := b.get("/accounts?page=" + at)
		if n := strings.Count(page, `scope="row"`); n != 7 {
			t.Errorf("page %s has %d", at, n)
		}
		wants(t, page, `rel="prev"`, "32 accounts")
	}
}

func TestPackages(t *testing.T) {
	s := testserver.New(t)
	b := host(t, s)
	w := b.post("/packages/new", "name", "gold", "featurelist", "default", "quota", "many")
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a bad limit: %d", w.Code)
	}
	wants(t, w.Body.String(), `id="wrong-quota"`, `value="many"`)
	wants(t, b.led(b.post("/packages/new", "name", "gold", "featurelist", "default", "quota", "2048", "maxpop", "7")), "The package gold is saved", "2.0", ">7<")
	wants(t, b.get("/package/gold"), `value="2048"`, `name="maxaddon" value=""`)
	s.WHM("changepackage", "user", "demo", "pkg", "gold")
	b.led(b.post("/package/gold", "featurelist", "Mail Only", "quota", "4096"))
	wants(t, b.get("/account/demo"), "4.0")
	if w := b.post("/package/gold/delete"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("deleted while it is used: %d", w.Code)
	}
	s.WHM("changepackage", "user", "demo", "pkg", "default")
	wants(t, b.led(b.post("/package/gold/delete")), "is deleted")
	if w := b.ask("GET", b.prefix+"/package/gold", ""); w.Code != http.StatusNotFound {
		t.Errorf("it is still there: %d", w.Code)
	}
}

// TestFeatureManager: what is switched counts, what was not touched stays, and the
// page of an account says why.
func TestFeatureManager(t *testing.T) {
	s := testserver.New(t)
	b := host(t, s)
	wants(t, b.led(b.post("/features/new", "name", "Lean", "from", "default")), "The list Lean is there", ">Lean ")
	// The form as it came with two lists: one switch is touched, somebody else
	// switches another meanwhile.
	s.WHM("update_featurelist", "featurelist", "Lean", "cron", "0")
	wants(t, b.led(b.post("/features", "list", "disabled", "was", "=apitokens,cron", "list", "Lean", "was", "=apitokens,cron,popaccts", "on", "0.apitokens", "on", "0.cron", "on", "1.cron", "on", "1.popaccts")), "One feature was switched")
	got := encoded(s.WHM("get_featurelist_data", "featurelist", "Lean"))
	for id, want := range map[string]string{"cron": `"value":0`, "apitokens": `"value":0`, "popaccts": `"value":1`} {
		_, row, _ := strings.Cut(got, `"id":"`+id+`"`)
		row, _, _ = strings.Cut(row, "}")
		if !strings.Contains(row, want) {
			t.Errorf("%s: %s, want %s", id, row, want)
		}
	}
	wants(t, b.led(b.post("/features", "list", "disabled", "was", "=")), "Nothing was changed")
	wants(t, b.led(b.post("/account/demo/features", "was", "=", "f-cron", "off", "f-popaccts", "list")), "One feature was changed for demo", "set for this account", "from the list default")
	s.WHM("update_featurelist", "featurelist", "disabled", "backup", "0")
	wants(t, b.get("/account/demo/features"), "switched off for everybody")
	wants(t, b.get("/features"), "off for everybody")
	wants(t, b.led(b.post("/account/demo/features", "was", "=cron:off", "f-cron", "list")), "One feature was changed for demo")
	if w := b.post("/featurelist/default/delete"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("the list default: %d", w.Code)
	}
	wants(t, b.led(b.post("/featurelist/Lean/delete")), "is deleted")
}

// TestAllTokens: the administrator finds the tokens of all accounts by how they
// are used, and revokes many.
func TestAllTokens(t *testing.T) {
	s := testserver.New(t)
	forever := s.Token("demo", "forever")
	s.Token("other", "soon", "expires_at", strconv.FormatInt(testserver.Start.Add(300*24*time.Hour).Unix(), 10))
	s.UAPI("demo", "Tokens", "create_limited", "name", "narrow", "preset", "certificates_dns", "zone", "example.com")
	s.HostToken("not-shown")
	s.Wait(100 * 24 * time.Hour)
	s.Get(s.Account, "/execute/Quota/get_quota_info", "cpanel demo:"+forever)
	b := host(t, s)
	has := func(query string, want ...string) {
		t.Helper()
		page := b.get("/tokens" + query)
		for _, name := range []string{"demo/forever", "other/soon", "demo/narrow", "root/not-shown"} {
			wanted := strings.Contains(" "+strings.Join(want, " ")+" ", " "+name+" ")
			if strings.Contains(page, `value="`+name+`"`) != wanted {
				t.Errorf("%s: %s is there: %v", query, name, !wanted)
			}
		}
	}
	has("", "demo/forever", "other/soon", "demo/narrow")
	has("?unused=90", "other/soon", "demo/narrow")
	has("?no_end=1", "demo/forever", "demo/narrow")
	has("?full=1", "demo/forever", "other/soon")
	has("?full=1&unused=90", "other/soon")
	has("?q=DEMO", "demo/forever", "demo/narrow")
	w := b.post("/tokens/revoke", "token", "demo/forever", "token", "other/soon")
	wants(t, w.Body.String(), "Revoke 2 tokens?")
	has("", "demo/forever", "other/soon", "demo/narrow")
	wants(t, b.led(b.post("/tokens/revoke", "token", "demo/forever", "token", "other/soon", "step", "do")), "2 tokens are revoked")
	has("", "demo/narrow")
	if strings.Contains(s.Get(s.Account, "/execute/Quota/get_quota_info", "cpanel demo:"+forever).Body, `"status":1`) {
		t.Error("revoked, and works")
	}
}

func TestPolicyPage(t *testing.T) {
	s := testserver.New(t)
	s.Token("demo", "old")
	b := host(t, s)
	w := b.post("/policy", "longest_days", "30", "default_days", "60")
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("more than the most: %d", w.Code)
	}
	wants(t, w.Body.String(), `id="wrong-default_days"`, `value="60"`)
	wants(t, b.led(b.post("/policy", "who_may_create", "owner", "longest_days", "30", "full_access", "0", "require_addresses", "inherit")), "The policy is saved", `value="30"`)
	if got := encoded(s.WHM("get_token_policy")); !strings.Contains(got, `"who_may_create":"owner","longest_days":"30"`) || !strings.Contains(got, `"full_access":"0"`) {
		t.Errorf("it is %s", got)
	}
	wants(t, b.get("/policy/outside"), `value="demo/old"`)
	wants(t, b.led(b.post("/policy", "package", "default", "unused_days", "none")), `value="default" selected`, `value="none"`)
	if w := b.ask("GET", b.prefix+"/policy?package=nowhere", ""); w.Code != http.StatusNotFound {
		t.Errorf("no package: %d", w.Code)
	}
}

// TestTrailPage: the trail is searched and paged on the server; in the file for
// spreadsheets nothing can be taken for a formula.
func TestTrailPage(t *testing.T) {
	s := testserver.New(t)
	b := host(t, s)
	for range 60 {
		s.UAPI("demo", "Quota", "get_quota_info")
	}
	r := httptest.NewRequest("GET", "/execute/Quota/get_quota_info", nil)
	r.Header.Set("Authorization", "cpanel demo:wrong")
	r.Header.Set("User-Agent", `=HYPERLINK("https://evil.example")`)
	s.Serve(s.Account, r)
	page := b.get("/audit?user=demo&function=Quota")
	wants(t, page, "Quota::get_quota_info", `rel="next"`)
	wants(t, b.get("/audit?outcome=refused"), "=HYPERLINK")
	w := b.ask("GET", b.prefix+"/audit.csv?outcome=refused", "")
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/csv") || w.Header().Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(w.Body.String(), `"'=HYPERLINK(`) {
		t.Errorf("the file: %d %v %s", w.Code, w.Header(), w.Body)
	}
	if n := strings.Count(b.ask("GET", b.prefix+"/audit.csv?user=demo&function=Quota", "").Body.String(), "Quota::get_quota_info"); n != 61 { // and one that was refused
		t.Errorf("the file has %d events", n)
	}
	if w := b.ask("GET", b.prefix+"/audit?since=yesterday&address=x", ""); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `aria-invalid="true"`) {
		t.Errorf("bad fields: %d %s", w.Code, text(w.Body.String()))
	}
}

func TestHealth(t *testing.T) {
	s := testserver.New(t)
	b := host(t, s)
	wants(t, b.get("/health"), "latchkey doctor")
	wants(t, b.get("/"), "What happened lately", "Load")
}

// TestResellersPages: a reseller sees its own accounts and what it may do.
func TestResellersPages(t *testing.T) {
	s := testserver.New(t)
	s.WHM("createacct", "username", "child", "domain", "child.example", "owner", "demo")
	s.WHM("setupreseller", "user", "demo")
	s.WHM("setacls", "reseller", "demo", "acl-list-accts", "1", "acl-acct-summary", "1", "acl-list-pkgs", "1", "acl-basic-whm-functions", "1")
	s.Token("other", "secret-name")
	b := signIn(t, s.Host, "demo", testserver.Password)
	for _, path := range []string{"/", "/accounts", "/tokens"} {
		if page := b.get(path); strings.Contains(page, "other") || strings.Contains(page, "example.net") {
			t.Errorf("%s shows what is not theirs: %s", path, text(page))
		}
	}
	for _, path := range []string{"/account/other", "/account/other/features", "/audit", "/audit.csv", "/health"} {
		if w := b.ask("GET", b.prefix+path, ""); w.Code != http.StatusForbidden && w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	b.post("/account/other/suspend", "reason", "x")
	b.post("/tokens/revoke", "token", "other/secret-name", "step", "do")
	if got := encoded(s.WHM("list_account_tokens")); !strings.Contains(got, "secret-name") {
		t.Errorf("a reseller revoked what is not theirs: %s", got)
	}
	signIn(t, s.Account, "other", testserver.Password)
}

func encoded(data any) string { return string(encode.Append(nil, data)) }

// TestResellerHome: a reseller who may do little comes to a first page all the same,
// and is led to nothing that is not theirs.
func TestResellerHome(t *testing.T) {
	s := testserver.New(t)
	s.WHM("setupreseller", "user", "demo")
	s.WHM("setacls", "reseller", "demo", "acl-list-accts", "1")
	b := signIn(t, s.Host, "demo", testserver.Password)
	page := b.get("/")
	wants(t, page, "Administration", "Accounts", "Security")
	for _, path := range []string{"/policy", "/audit", "/health", "/packages", "/features", "/accounts/new"} {
		if strings.Contains(page, b.prefix+path+`"`) {
			t.Errorf("they are led to %s", path)
		}
		if w := b.ask("GET", b.prefix+path, ""); path != "/accounts/new" && w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := b.ask("GET", b.prefix+"/nowhere", ""); w.Code != http.StatusNotFound {
		t.Errorf("nowhere: %d", w.Code)
	}
}

// TestEveryPreset: a token is made from each preset by the form, and an entry that is
// missing is told of at its field, with what was filled in kept.
func TestEveryPreset(t *testing.T) {
	s := testserver.New(t)
	b := signIn(t, s.Account, "demo", testserver.Password)
	given := map[string]string{"zone": "example.com", "host": "example.com", "domain": "example.com", "record": "home", "path": "public_html", "password": testserver.Password}
	made := 0
	for _, preset := range regexp.MustCompile(`name="preset" value="([a-z_]+)"`).FindAllStringSubmatch(b.get("/tokens/new"), -1) {
		id := preset[1]
		if id == "custom" || id == "text" {
			continue
		}
		fields := []string{"name", id, "preset", id, "life", "30"}
		if w := b.post("/tokens/new", fields...); w.Code != http.StatusOK {
			if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `id="wrong-`) || !strings.Contains(w.Body.String(), `name="name" value="`+id+`"`) {
				t.Errorf("%s with nothing: %d %s", id, w.Code, text(w.Body.String()))
			}
			for name, value := range given {
				fields = append(fields, name, value)
			}
			w = b.post("/tokens/new", fields...)
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `id="secret"`) {
				t.Errorf("%s: %d %s", id, w.Code, text(w.Body.String()))
			}
		}
		made++
	}
	if made < 6 {
		t.Errorf("%d presets", made)
	}
	for field, fields := range map[string][]string{
		"record": {"preset", "dynamic_dns", "zone", "example.com"}, "preset": {"preset", "dynamic_dns", "record", "home"}, "name": {"preset", "read_only", "name", "not a name"},
		"addresses": {"preset", "read_only", "addresses", "nowhere"}, "date": {"preset", "read_only", "life", "date", "date", "2020-01-01"}, "grants": {"preset", "text", "grants", "nonsense"},
	} {
		w := b.post("/tokens/new", append(fields, "name", "fresh", "note", "kept in the form")...)
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `id="wrong-`+field+`"`) || !strings.Contains(w.Body.String(), "kept in the form") {
			t.Errorf("%s: %d %s", field, w.Code, text(w.Body.String()))
		}
	}
}
