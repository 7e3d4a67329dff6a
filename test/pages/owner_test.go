package pages_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/latchkey/latchkey/test/testserver"
)

// TestOwner: an owner makes a token for certificates, somebody uses it, the owner
// sees that, rotates it, narrows it to what it used and revokes it. The
// administrator switches the feature off.
func TestOwner(t *testing.T) {
	for _, scripts := range []bool{true, false} {
		name := map[bool]string{true: "scripts", false: "no-scripts"}[scripts]
		t.Run(name, func(t *testing.T) { owner(t, scripts) })
	}
}

func owner(t *testing.T, scripts bool) {
	s := newSite(t)
	b := open(t, s.account, scripts)
	use := func(secret string) bool {
		return strings.Contains(s.Get(s.Account, "/execute/DNS/parse_zone?zone=example.com", "cpanel demo:"+secret).Body, `"status":1`)
	}
	b.signIn("demo", testserver.Password)
	b.has("Home", "example.com", "Disk usage")
	b.click(`nav a[href$="/tokens"]`, "#list")
	b.click(`a[href$="/tokens/new"]`, "#name")
	if scripts {
		b.loaded()
	}
	b.fill("#name", "acme")
	b.do(chromedp.Click(chromedp.CSS(`input[value="certificates_dns"]`)))
	if scripts {
		b.do(chromedp.WaitReady(chromedp.CSS("#overview .rights")))
	} else {
		b.click(`button[name="step"]`, "#overview .rights")
	}
	b.has("Certificates by DNS: example.com")
	b.click(`#overview button:not([name])`, "#secret")
	secret := b.secret()
	if scripts {
		b.do(chromedp.Click(chromedp.CSS(`[data-copy="secret"]`)), chromedp.WaitReady(chromedp.CSS("#notes:not(:empty)")))
	}
	if !use(secret) {
		t.Fatal("the token does not work")
	}
	s.Wait(10 * time.Second)
	b.click(`a[href$="/token/acme"]`, "h1 .tag")
	b.has("DNS::parse_zone", "198.51.100.7", "Done")

	b.click(`a[href$="/token/acme/rotate"]`, `[name="overlap"]`)
	b.do(chromedp.Click(chromedp.CSS(`[name="overlap"][value="0"]`)))
	b.click(`form button:not(.copy):not(.quiet)`, "#secret")
	rotated := b.secret()
	if rotated == secret || use(secret) || !use(rotated) {
		t.Error("rotated: the old secret works, or the new one does not")
	}

	b.click(`a[href$="/token/acme"]`, "h1 .tag")
	b.click(`form[action$="/watch"] button`, `form[action$="/unwatch"]`)
	b.has("The token acme is watched from now on.")
	if !use(rotated) {
		t.Error("watched, it does not work")
	}
	b.click(`a[href$="/token/acme/suggest"]`, ".rights")
	b.has("DNS::parse_zone")
	b.click(`form[action$="/suggest"] button`, "h1 .tag")
	b.has("may do what it needed, and nothing else")
	if !use(rotated) {
		t.Error("narrowed, it does not do what it did")
	}

	b.click(`a[href$="/token/acme/revoke"]`, "button.danger")
	b.has("cannot be undone")
	b.click("button.danger", "#list")
	b.has("The token acme is revoked")
	if use(rotated) {
		t.Error("revoked, it works")
	}

	kept := s.Token("demo", "kept")
	s.WHM("update_featurelist", "featurelist", "disabled", "apitokens", "0")
	b.visit(b.prefix() + "/tokens")
	b.has("This feature is switched off")
	if use(kept) {
		t.Error("the feature is off, and a token works")
	}
}

// secret is what the page shows once.
func (b *tab) secret() string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("#secret")))
	if err != nil || !regexp.MustCompile(`^LK[A-Z0-9]{30}$`).MatchString(strings.TrimSpace(text)) {
		b.t.Fatalf("no secret: %q %v", text, err)
	}
	return strings.TrimSpace(text)
}

// secondFactor sets up a second factor, beginning at the page that offers it, and
// looks at the pages on the way.
func (b *tab) secondFactor(s *site, look func(name string)) {
	b.t.Helper()
	b.click(`form[action$="/factor"] button`, "svg.qr")
	look("security-factor")
	secret, err := chromedp.Run(b.ctx, chromedp.Value(chromedp.CSS(`[name="secret"]`)))
	if err != nil {
		b.t.Fatal(err)
	}
	b.fill("#code", s.Code(secret))
	b.fill("#password", "wrong")
	b.click("main form button:not(.copy)", ".note.bad")
	look("security-factor-wrong")
	b.fill("#code", s.Code(secret))
	b.fill("#password", testserver.Password)
	b.click("main form button:not(.copy)", "#codes")
	look("security-codes")
}
