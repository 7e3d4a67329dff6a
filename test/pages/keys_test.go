package pages_test

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/latchkey/latchkey/test/testserver"
)

// tells reports what a script says of the page.
func (b *tab) tells(script string) bool {
	b.t.Helper()
	yes, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](script))
	if err != nil {
		b.t.Fatal(err)
	}
	return yes
}

// focused holds the page to having its focus on what is asked for, where somebody
// sees it.
func (b *tab) focused(what string) {
	b.t.Helper()
	b.do(chromedp.WaitReady(chromedp.CSS(what)))
	if !b.tells(`document.activeElement.matches(` + quote(what) + `)`) {
		at, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.activeElement.outerHTML.slice(0, 200)`))
		b.t.Fatalf("the focus is on %s, want %s", at, what)
	}
	if !b.tells(`(() => { const e = document.activeElement, r = e.getBoundingClientRect(); return r.width > 0 && r.bottom > 0 && r.top < innerHeight && getComputedStyle(e).outlineStyle !== "none" })()`) {
		b.t.Errorf("nobody sees that the focus is on %s", what)
	}
}

func quote(text string) string { return "`" + text + "`" }

func (b *tab) keys(keys string) { b.t.Helper(); b.do(chromedp.KeyEvent(keys)) }

// tabTo goes on by the tabulator until the focus is on what is asked for.
func (b *tab) tabTo(what string) {
	b.t.Helper()
	for range 60 {
		b.keys(kb.Tab)
		if b.tells(`document.activeElement.matches(` + quote(what) + `)`) {
			b.focused(what)
			return
		}
	}
	b.t.Fatalf("the tabulator does not lead to %s: %s", what, b.text())
}

// opens presses Return and waits for what comes.
func (b *tab) opens(what string) {
	b.t.Helper()
	b.keys(kb.Enter)
	b.do(chromedp.WaitReady(chromedp.CSS(what)))
	b.loaded()
}

// loaded waits until the page's scripts have begun.
func (b *tab) loaded() {
	b.t.Helper()
	const script = `new Promise(done => document.readyState === "complete" ? done(true) : addEventListener("load", () => done(true)))`
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](script, chromedp.EvalAwaitPromise)); err != nil {
		b.t.Fatal(err)
	}
}

// TestKeys: whoever has a keyboard alone signs in, makes a token, copies it and
// uses it, and always knows where they are.
func TestKeys(t *testing.T) {
	s := newSite(t)
	b := open(t, s.account, true)
	b.visit("/")
	b.focused("#user")
	b.keys("demo" + kb.Tab + testserver.Password)
	b.opens(".who")
	b.keys(kb.Tab)
	b.focused(".skip")
	b.keys(kb.Enter + kb.Tab)
	if !b.tells(`!document.activeElement.closest("header.top")`) {
		t.Error("the link over the navigation does not lead past it")
	}
	b.visit(b.prefix() + "/")
	b.tabTo(`nav a[href$="/tokens"]`)
	b.opens("#list")
	b.tabTo(`a[href$="/tokens/new"]`)
	b.opens("#name")
	b.tabTo("#name")
	b.keys("by-keys")
	b.tabTo(`[name="preset"]`)
	b.keys(kb.ArrowDown + kb.ArrowDown)
	b.do(chromedp.WaitReady(chromedp.CSS("#overview .rights")))
	b.focused(`[name="preset"]:checked`)
	b.tabTo(`#overview button`)
	b.opens("#secret")
	secret := b.secret()
	b.tabTo(`[data-copy="secret"]`)
	b.keys(kb.Enter)
	b.do(chromedp.WaitReady(chromedp.CSS("#notes:not(:empty)")))
	b.focused(`[data-copy="secret"]`)
	if got := s.Get(s.Account, "/execute/Tokens/verify", "cpanel demo:"+secret); got.Status != 200 {
		t.Errorf("the token that was copied: %d", got.Status)
	}
	b.tabTo(`details[name] summary`)
	b.keys(" ")
	b.do(chromedp.WaitVisible(chromedp.CSS("#acmesh")))
	b.print()
}

// print holds a page that is printed to having the secret and no buttons.
func (b *tab) print() {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
		return err
	}))
	for what, want := range map[string]bool{"#secret": true, "#curl": true, "#acmesh": true, "#lego": false, "header.top": false, ".copy": false, ".actions": false} {
		if got := b.tells(`document.querySelector(` + quote(what) + `).checkVisibility()`); got != want {
			b.t.Errorf("printed, %s is shown: %v", what, got)
		}
	}
}

// TestPasswordStays: what is typed beside the overview is there when the overview
// is made anew.
func TestPasswordStays(t *testing.T) {
	s := newSite(t)
	b := open(t, s.account, true)
	b.signIn("demo", testserver.Password)
	b.visit(b.prefix() + "/tokens/new?preset=full_access&name=whole")
	b.do(chromedp.WaitReady(chromedp.CSS("#password")), chromedp.Focus(chromedp.CSS("#password")))
	b.keys(testserver.Password)
	b.tabTo("#overview button")
	b.opens("#secret")
	if got := s.Get(s.Account, "/execute/Tokens/verify", "cpanel demo:"+b.secret()); got.Status != 200 {
		t.Errorf("the token: %d", got.Status)
	}
}

// TestSearchKeepsFocus: a list is narrowed while somebody types.
func TestSearchKeepsFocus(t *testing.T) {
	s := newSite(t)
	s.Token("demo", "one")
	s.Token("demo", "other")
	b := open(t, s.account, true)
	b.signIn("demo", testserver.Password)
	b.visit(b.prefix() + "/tokens")
	b.tabTo("#q")
	b.keys("oth")
	b.do(chromedp.WaitReady(chromedp.CSS(`tbody tr:only-child`)))
	b.has("other")
	b.focused("#q")
}
