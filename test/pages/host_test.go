package pages_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/test/testserver"
)

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
	for i, name := range []string{"bakery", "florist", "garage", "hotel", "library", "museum", "school", "theatre"} {
		s.WHM("createacct", "username", name, "domain", name+".example", "plan", []string{"default", "Gold", "Shops"}[i%3], "contactemail", "owner@"+name+".example", "password", testserver.Password)
		if i%2 == 0 {
			s.Token(name, "deploy")
		}
		s.UAPI(name, "Tokens", "create_limited", "name", "certificates", "preset", "certificates_dns", "zone", name+".example", "expires_at", strconv.FormatInt(testserver.Start.Add(time.Duration(i+1)*60*24*time.Hour).Unix(), 10))
	}
	s.WHM("suspendacct", "user", "garage", "reason", "Unpaid since October")
	s.WHM("add_override_features_for_user", "user", "bakery", "features", `{"backup":0,"ssh":1}`)
	s.WHM("set_token_policy", "longest_days", "365", "unused_days", "180")
	b := open(t, s.host, scripts)
	b.signIn("root", testserver.Password)
	return s, b
}

// hostAddresses are the administrator's pages.
var hostAddresses = []struct{ name, path string }{
	{"home", "/"}, {"accounts", "/accounts"}, {"accounts-none", "/accounts?q=nobody"}, {"account-new", "/accounts/new"}, {"account", "/account/bakery"}, {"account-suspended", "/account/garage"},
	{"account-features", "/account/bakery/features"}, {"packages", "/packages"}, {"package-new", "/packages/new"}, {"package", "/package/Gold"}, {"package-delete", "/package/Gold/delete"},
	{"features", "/features"}, {"featurelist-delete", "/featurelist/Shops/delete"}, {"tokens", "/tokens"}, {"tokens-full", "/tokens?full=1&no_end=1"}, {"policy", "/policy"}, {"policy-package", "/policy?package=Gold"},
	{"policy-outside", "/policy/outside"}, {"audit", "/audit"}, {"audit-wrong", "/audit?since=yesterday"}, {"health", "/health"}, {"security", "/security"}, {"security-password", "/security/password"}, {"security-recovery-none", "/security/recovery"}, {"error-404", "/nowhere"}, {"error-account", "/account/nobody"},
}

// TestHostScreens takes pictures of the administrator's pages.
func TestHostScreens(t *testing.T) {
	if *screenshots == "" {
		t.Skip("SKIPPED: no folder for pictures; make screenshots gives one")
	}
	if err := os.MkdirAll(*screenshots, 0o700); err != nil {
		t.Fatal(err)
	}
	_, b := hosted(t, true)
	at := b.prefix()
	for _, page := range hostAddresses {
		b.visit(at + page.path)
		b.shoot("host-" + page.name)
	}
	b.visit(at + "/accounts/new")
	b.fill("#domain", "bakery.example")
	b.fill("#username", "test1")
	b.click("main form button", ".note.bad")
	b.shoot("host-account-wrong")
	b.visit(at + "/tokens?full=1")
	b.do(chromedp.Click(chromedp.CSS(`input[name="token"]`)))
	b.click("button.danger", "article form .rights")
	b.shoot("host-tokens-revoke")
}

// TestHost: the administrator makes an account, suspends it, switches a feature
// and revokes many tokens, with scripts and without.
func TestHost(t *testing.T) {
	for _, scripts := range []bool{true, false} {
		t.Run(fmt.Sprintf("scripts=%v", scripts), func(t *testing.T) {
			s, b := hosted(t, scripts)
			at := b.prefix()
			b.visit(at + "/accounts/new")
			b.fill("#domain", "shop.example")
			b.fill("#username", "shop")
			b.click("main form button", "h1 .tag")
			b.has("The account shop is there", "shop.example")
			b.fill("#reason", "late")
			b.click("button.danger", ".note.bad")
			b.has("is suspended", "late")
			b.visit(at + "/features")
			b.do(chromedp.Click(chromedp.CSS(`input[value="0.apitokens"]`)))
			b.click("main form.card button", "#notes .note")
			b.has("1 switched", "off for everybody")
			b.visit(at + "/account/bakery/features")
			b.has("switched off for everybody", "set for this account", "from the list")
			s.WHM("update_featurelist", "featurelist", "disabled", "apitokens", "1")
			b.visit(at + "/tokens?full=1")
			b.do(chromedp.Click(chromedp.CSS(`input[value="bakery/deploy"]`)))
			b.click("button.danger", "article form .rights")
			b.click("button.danger", "#notes .note")
			b.has("1 revoked")
		})
	}
}
