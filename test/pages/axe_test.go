package pages_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/latchkey/latchkey/test/testserver"
)

// look runs axe-core over a page as it is, in both schemes and on a narrow screen,
// by WCAG 2.0 A to 2.2 AA and its best practice: nothing may be wrong.
func (b *tab) look(axe, name string) (looks int) {
	b.t.Helper()
	const run = `axe.run(document, {runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}, resultTypes: ["violations"]})
		.then(r => JSON.stringify(r.violations.map(v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + " " + n.failureSummary.slice(0, 300)).join(" | "))))`
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[any](axe)); err != nil {
		b.t.Fatalf("%s: %v", name, err)
	}
	for _, way := range []struct {
		scheme string
		width  int64
	}{{"light", 1280}, {"dark", 1280}, {"light", 360}} {
		b.scheme(way.scheme)
		b.size(way.width, 900)
		said, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](run, chromedp.EvalAwaitPromise))
		if err != nil {
			b.t.Fatalf("%s: %v", name, err)
		}
		var wrong []string
		if err := json.Unmarshal([]byte(said), &wrong); err != nil {
			b.t.Fatal(err)
		}
		for _, w := range wrong {
			b.t.Errorf("%s, %s, %d wide: %s", name, way.scheme, way.width, w)
		}
		looks++
	}
	return looks
}

// TestAccessible looks at every page and every page that says what is wrong.
func TestAccessible(t *testing.T) {
	text, err := os.ReadFile("testdata/axe/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	axe := string(text) + "; true"
	looks := 0
	s, b := hosted(t, true)
	at := b.prefix()
	for _, p := range hostAddresses {
		b.visit(at + p.path)
		looks += b.look(axe, "host "+p.name)
	}
	for _, name := range []string{"watched", "plain"} {
		s.Token("demo", name, "expires_at", "1798000000")
	}
	s.UAPI("demo", "Tokens", "observe", "name", "watched")
	owner := open(t, s.account, true)
	owner.visit("/login/?logout=1")
	looks += owner.look(axe, "login")
	owner.visit("/nowhere")
	looks += owner.look(axe, "nowhere without a session")
	owner.signIn("demo", testserver.Password)
	at = owner.prefix()
	for _, path := range []string{"/", "/tokens", "/tokens?show=ended", "/tokens?show=revoked", "/tokens/new", "/tokens/new?preset=custom&name=x", "/tokens/new?for=Agency&preset=certificates_dns",
		"/token/watched", "/token/watched/activity", "/token/watched/suggest", "/token/plain/rotate", "/token/plain/rights", "/token/plain/revoke", "/nowhere"} {
		owner.visit(at + path)
		looks += owner.look(axe, path)
	}
	owner.visit(at + "/security")
	looks += owner.look(axe, "security")
	owner.secondFactor(s, func(name string) { looks += owner.look(axe, name) })
	for _, path := range []string{"/security", "/security/recovery", "/security/factor/remove"} {
		owner.visit(at + path)
		looks += owner.look(axe, path+" with a second factor")
	}
	s.WHM("update_featurelist", "featurelist", "disabled", "apitokens", "0")
	owner.visit(at + "/tokens")
	looks += owner.look(axe, "off")
	t.Logf("%d looks", looks)
}
