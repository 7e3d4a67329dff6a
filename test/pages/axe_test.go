package pages_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// What axe-core looks at: everything, and for a page that it has seen but for its
// colours, those.
const (
	allRules    = `{type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}`
	colourRules = `{type: "rule", values: ["color-contrast", "link-in-text-block"]}`
)

// axe runs axe-core over a page as it is, in both schemes and on a narrow screen,
// by WCAG 2.0 A to 2.2 AA and its best practice: nothing may be wrong.
func (b *tab) axe(axe, name string) (looks int) {
	b.t.Helper()
	const run = `axe.run(document, {runOnly: %s, resultTypes: ["violations"]})
		.then(r => JSON.stringify(r.violations.map(v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + " " + n.failureSummary.slice(0, 300)).join(" | "))))`
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[any](axe)); err != nil {
		b.t.Fatalf("%s: %v", name, err)
	}
	for _, w := range []struct {
		way
		rules string
	}{{way{"light", 1280}, allRules}, {way{"dark", 1280}, colourRules}, {way{"light", 360}, allRules}} {
		b.scheme(w.scheme)
		b.size(w.width, 900)
		what := fmt.Sprintf("%s, %s, %d wide", name, w.scheme, w.width)
		b.findsNothing(what, fmt.Sprintf(run, w.rules))
		b.findsNothing(what, mended)
		looks++
	}
	return looks
}

// mended are rules of ours that axe has none for: what is wrong is said at its
// field, password managers know what a field is for, nothing is wider than a
// narrow screen, and no button cuts its words.
const mended = `(() => {
	const wrong = [];
	for (const s of document.querySelectorAll("small.wrong")) if (!document.querySelector('[aria-describedby~="' + s.id + '"]')) wrong.push("no field has " + s.id);
	for (const a of document.querySelectorAll('.note.bad a[href^="#"]')) if (!document.getElementById(a.hash.slice(1))) wrong.push("leads nowhere: " + a.hash);
	for (const i of document.querySelectorAll("input[type=password]")) if (!/^(current|new)-password$/.test(i.autocomplete)) wrong.push("what password: " + i.id);
	for (const e of document.querySelectorAll("[onpaste], [oncopy], [readonly]")) wrong.push("no paste: " + e.outerHTML.slice(0, 120));
	const root = document.documentElement;
	if (root.scrollWidth > root.clientWidth) {
		const wide = [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > root.clientWidth + 1 && !e.closest(".scroll, .hidden, pre"));
		wrong.push("scrolls sideways, " + root.scrollWidth + " wide: " + wide.slice(-1).map(e => e.outerHTML.slice(0, 160)));
	}
	for (const e of document.querySelectorAll("button, [role=button], .tag")) if (e.scrollWidth > e.clientWidth + 1) wrong.push("cut: " + e.outerHTML.slice(0, 120));
	return JSON.stringify(wrong);
})()`

// findsNothing fails the test for each thing that a script finds.
func (b *tab) findsNothing(what, script string) {
	b.t.Helper()
	said, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
	var wrong []string
	if err := json.Unmarshal([]byte(said), &wrong); err != nil {
		b.t.Fatal(err)
	}
	for _, w := range wrong {
		b.t.Errorf("%s: %s", what, w)
	}
}

// TestAccessible looks at every page and every page that says what is wrong.
func TestAccessible(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/axe/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	axe, looks := string(text)+"; true", 0
	galleries(t, func(*tab) {}, func(b *tab, name string) { looks += b.axe(axe, name) })
	t.Logf("%d looks", looks)
}

// TestGerman: in German, where words are long, every page fits a narrow screen.
func TestGerman(t *testing.T) {
	t.Parallel()
	galleries(t, (*tab).german, func(b *tab, name string) {
		b.size(360, 900)
		b.findsNothing(name+" in German", mended)
	})
}
