// Package pages_test looks at the pages as people do: in Debian's Chromium, with
// scripts and without.
package pages_test

import (
	"context"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/latchkey/latchkey/internal/needs"
	"github.com/latchkey/latchkey/test/testserver"
)

// screenshots is the folder that pictures of every page go to; none are taken
// without one.
var screenshots = flag.String("screenshots", "", "take pictures of every page, into this folder")

// one browser serves all tests.
var one struct {
	sync.Once
	ctx  context.Context
	stop func()
}

func TestMain(m *testing.M) {
	flag.Parse()
	status := m.Run()
	if one.stop != nil {
		one.stop()
	}
	os.Exit(status)
}

// tab is a window of its own: it shares nothing with others.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string // where the door is
}

// site is a server with its doors on loopback.
type site struct {
	*testserver.Server
	account, host string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{Server: testserver.New(t)}
	account, host := httptest.NewTLSServer(s.Account), httptest.NewTLSServer(s.Host)
	t.Cleanup(account.Close)
	t.Cleanup(host.Close)
	s.account, s.host = account.URL, host.URL
	return s
}

// open opens a window at base, with scripts or without.
func open(t *testing.T, base string, scripts bool) *tab {
	t.Helper()
	path := needs.Program(t, "chromium")
	one.Do(func() {
		options := []chromedp.ExecAllocatorOption{
			chromedp.ExecPath(path), chromedp.IgnoreCertErrors, chromedp.DisableGPU, chromedp.Flag("disable-quic", true),
			chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
			chromedp.Flag("lang", "en-US"), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Headless, chromedp.NoFirstRun,
		}
		if os.Geteuid() == 0 {
			options = append(options, chromedp.NoSandbox)
		}
		allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, cancel := chromedp.NewContext(allocator)
		one.ctx, one.stop = ctx, func() { cancel(); end() }
		if err := chromedp.Do(ctx); err != nil {
			t.Fatalf("starting Chromium: %v", err)
		}
	})
	ctx, cancel := chromedp.NewContext(one.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, 10*time.Minute)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil { // the window lasts as long as the context that it is first used with
		t.Fatalf("opening a window: %v", err)
	}
	b := &tab{t: t, ctx: ctx, base: base}
	b.size(1280, 900)
	if !scripts {
		b.do(chromedp.Func(func(ctx context.Context, tt *chromedp.Target) error {
			_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
			return err
		}))
	}
	return b
}

// do does steps; a step that takes too long is a mistake.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 15*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		at, _ := chromedp.Run(b.ctx, chromedp.Location())
		b.t.Fatalf("at %s: %v\n%s", at, err, b.text())
	}
}

func (b *tab) size(width, height int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, height))
}

// scheme chooses what the system is said to have: light or dark.
func (b *tab) scheme(name string) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
		return err
	}))
}

// visit goes to an address of the door.
func (b *tab) visit(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.base + path))
}

// click clicks and waits until what is asked for is there.
func (b *tab) click(what, then string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(what)), chromedp.WaitReady(chromedp.CSS(then)))
}

// fill fills in a field.
func (b *tab) fill(field, value string) {
	b.t.Helper()
	b.do(chromedp.SetValue(chromedp.CSS(field), value))
}

// text is what stands on the page.
func (b *tab) text() string {
	text, err := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("main")))
	if err != nil {
		return fmt.Sprintf("(%v)", err)
	}
	return strings.Join(strings.Fields(text), " ")
}

// has holds the page to showing all of words.
func (b *tab) has(words ...string) {
	b.t.Helper()
	text := b.text()
	for _, w := range words {
		if !strings.Contains(text, w) {
			b.t.Errorf("the page lacks %q: %s", w, text)
		}
	}
}

// signIn signs in by the form.
func (b *tab) signIn(user, password string) {
	b.t.Helper()
	b.visit("/")
	b.fill("#user", user)
	b.fill("#pass", password)
	b.click("#login_form button", ".who")
}

// prefix is what stands in front of addresses in the session.
func (b *tab) prefix() string {
	b.t.Helper()
	at, err := chromedp.Run(b.ctx, chromedp.Location())
	if err != nil {
		b.t.Fatal(err)
	}
	path := strings.TrimPrefix(at, b.base)
	return "/" + strings.SplitN(strings.TrimPrefix(path, "/"), "/", 2)[0]
}

// german chooses the language.
func (b *tab) german() {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: "latchkey-lang", Value: "de", URL: b.base})
		return err
	}))
}

// way is how a page is looked at.
type way struct {
	scheme string
	width  int64
}

// shoot takes pictures of the whole page, for each way one. What sticks to an edge
// of the window stands at the page's end.
func (b *tab) shoot(name string, ways ...way) {
	b.t.Helper()
	for _, w := range ways {
		b.scheme(w.scheme)
		b.shot(fmt.Sprintf("%s-%s-%d", name, w.scheme, w.width), w.width)
	}
	b.size(1280, 900)
}

// shot takes a picture of the whole page, as wide as it is told.
func (b *tab) shot(name string, width int64) {
	b.t.Helper()
	b.size(width, 900)
	height, err := chromedp.Run(b.ctx, chromedp.Evaluate[int64]("document.documentElement.scrollHeight"))
	if err != nil {
		b.t.Fatal(err)
	}
	b.size(width, height)
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(*screenshots, name+".png"), picture, 0o600)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// TestScreens takes pictures of every page, light and dark, wide and narrow, and
// in German.
func TestScreens(t *testing.T) {
	if *screenshots == "" {
		t.Skip("SKIPPED: no folder for pictures; make screenshots gives one")
	}
	if err := os.MkdirAll(*screenshots, 0o700); err != nil {
		t.Fatal(err)
	}
	galleries(t, func(*tab) {}, func(b *tab, name string) {
		b.shoot(name, way{"light", 1280}, way{"light", 360}, way{"dark", 1280}, way{"dark", 360})
	})
	galleries(t, (*tab).german, func(b *tab, name string) { b.shoot("de-"+name, way{"light", 1280}, way{"dark", 360}) })
}
