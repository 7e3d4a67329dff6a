package pages_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

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
			b.has("One feature was switched", "off for everybody")
			b.visit(at + "/account/bakery/features")
			b.has("switched off for everybody", "set for this account", "from the list")
			s.WHM("update_featurelist", "featurelist", "disabled", "apitokens", "1")
			b.visit(at + "/tokens?full=1")
			b.do(chromedp.Click(chromedp.CSS(`input[value="bakery/deploy"]`)))
			b.click("button.danger", "article form .rights")
			b.click("button.danger", "#notes .note")
			b.has("One token is revoked")
		})
	}
}
