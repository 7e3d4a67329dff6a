package pages_test

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// features has the system say what its user wants.
func (b *tab) features(pairs ...string) {
	b.t.Helper()
	var wanted []*emulation.MediaFeature
	for i := 0; i+1 < len(pairs); i += 2 {
		wanted = append(wanted, &emulation.MediaFeature{Name: pairs[i], Value: pairs[i+1]})
	}
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: wanted})
		return err
	}))
}

// spaced is text as those set it who read so more easily: WCAG 1.4.12.
const spaced = `(() => { const s = new CSSStyleSheet(); s.replaceSync("* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important } p { margin-block-end: 2em !important }");
	document.adoptedStyleSheets = [s]; return true; })()`

// plain takes back what the looks changed.
const plain = `document.adoptedStyleSheets = []; document.dir = ""; true`

// still are rules of ours for those who want nothing to move.
const still = `(() => JSON.stringify([...document.querySelectorAll("body *")].filter(e => { const s = getComputedStyle(e);
	return [s.transitionDuration, s.animationDuration].some(d => d.split(",").some(t => parseFloat(t) > .001)); }).slice(0, 3).map(e => "moves: " + e.outerHTML.slice(0, 120))))()`

// marked are rules of ours for where the keyboard is: everything that it comes to
// shows so, by a line or a ring.
const marked = `(() => {
	const wrong = [];
	for (const e of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")) {
		if (!e.checkVisibility() || e.disabled) continue;
		e.focus({ focusVisible: true, preventScroll: true });
		if (document.activeElement !== e) continue;
		const s = getComputedStyle(e);
		const line = s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2, ring = s.boxShadow !== "none";
		if (!line && !(ring && !matchMedia("(forced-colors: active)").matches)) wrong.push("not seen to have the keyboard: " + e.outerHTML.slice(0, 120));
	}
	document.activeElement.blur();
	return JSON.stringify(wrong.slice(0, 5));
})()`

// drawn are rules of ours for systems that choose all colours: what is told from its
// ground by colour alone elsewhere has a line around it.
const drawn = `(() => {
	const wrong = [];
	for (const e of document.querySelectorAll("button, [role=button], input:not([type=hidden]), select, textarea, .tag, .card, .note")) {
		if (!e.checkVisibility()) continue;
		const s = getComputedStyle(e);
		if (e.matches("[type=checkbox], [type=radio]") && s.appearance === "auto") continue; // the system draws it
		if (!["top", "bottom", "left", "right"].some(x => s["border-" + x + "-style"] !== "none" && parseFloat(s["border-" + x + "-width"]) > 0)) wrong.push("has no line: " + e.outerHTML.slice(0, 120));
	}
	for (const e of document.querySelectorAll('[aria-current]')) if (getComputedStyle(e).outlineStyle === "none") wrong.push("not marked: " + e.outerHTML);
	for (const e of document.querySelectorAll(".days rect, .meter .fill, .mark circle")) {
		const s = getComputedStyle(e), ground = getComputedStyle(document.body).backgroundColor;
		if (s.fill === ground && (s.stroke === "none" || s.stroke === ground)) wrong.push("cannot be seen: " + e.outerHTML);
	}
	return JSON.stringify(wrong.slice(0, 5));
})()`

// looks looks at a page as people see it who have set their system another way:
// magnified, with their own spacing of text, from right to left, by the keyboard, in
// their own colours, and with nothing that moves.
func (b *tab) looks(name string) {
	b.t.Helper()
	set := func(script string) {
		b.t.Helper()
		if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](script)); err != nil {
			b.t.Fatalf("%s: %v", name, err)
		}
	}
	b.size(640, 450) // 1280 by 900 at 200 %
	b.findsNothing(name+", at 200 %", mended)
	b.size(320, 450)
	b.findsNothing(name+", 320 wide", mended)
	b.size(360, 900)
	set(`document.dir = "rtl"; true`)
	b.findsNothing(name+", from right to left", mended)
	set(plain)
	set(spaced)
	b.findsNothing(name+", with text spaced out, narrow", mended)
	b.size(1280, 900)
	b.findsNothing(name+", with text spaced out", mended)
	set(plain)
	b.features("prefers-reduced-motion", "reduce")
	b.findsNothing(name, still)
	for _, scheme := range []string{"light", "dark"} {
		b.features("prefers-color-scheme", scheme, "prefers-reduced-motion", "reduce")
		b.findsNothing(name+", "+scheme, marked)
		b.features("prefers-color-scheme", scheme, "forced-colors", "active", "prefers-reduced-motion", "reduce")
		b.findsNothing(name+", in forced colours, "+scheme, drawn)
		b.findsNothing(name+", in forced colours, "+scheme, marked)
	}
	if *screenshots != "" {
		b.shot(name+"-forced-1280", 1280)
	}
	b.features()
}

// TestLooks: every page is there for people who have set their system another way,
// in German, where words are long.
func TestLooks(t *testing.T) {
	t.Parallel()
	galleries(t, (*tab).german, (*tab).looks)
}
