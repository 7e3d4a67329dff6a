// Package web is the pages: what people see of the ports whose API programs
// call. Every page works without scripts; with them parts of it are exchanged.
// What a page shows and does it asks of package call, as any client does: there
// is no second way in. Start at [New] and at the lists of pages, accountPages and
// hostPages.
package web

import (
	"bytes"
	"cmp"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/request"
)

// Pages are the pages of one server, of all its doors.
type Pages struct {
	Config
	assets    *assets
	languages *languages
	views     map[string]*view
	doors     [3]routes // by audience
	offer     func() offer
	patience  time.Duration
}

// Config is what pages stand on. All fields are required.
type Config struct {
	Calls    *call.Service
	Hostname string
	Now      latchkey.Clock
	Log      *slog.Logger
}

// New reads templates, words and assets, which are part of the program, and
// panics where one of them is wrong.
func New(c Config) *Pages {
	p := &Pages{Config: c, assets: newAssets(), languages: newLanguages(), patience: patience}
	p.views = newViews(p.assets)
	p.doors = [3]routes{latchkey.ForAccount: newRoutes(accountPages), latchkey.ForHost: newRoutes(hostPages)}
	p.offer = sync.OnceValue(p.newOffer) // the registry may come after the pages
	return p
}

// policy lets a page load what this server has, send forms to it, and nothing
// else; it stands in no other page's frame.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"

// secure sets what every answer carries. The referrer tells an address, and with
// it the session's prefix, to nobody but this server.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cache-Control", "no-store")
}

// Page answers what is neither the API nor signing in and out.
func (p *Pages) Page(w http.ResponseWriter, r *http.Request, of call.Visit) {
	secure(w.Header())
	if name, ok := strings.CutPrefix(of.Path, assetPath); ok {
		p.assets.serve(w, r, name)
		return
	}
	v := p.visit(w, r, of)
	at, known := p.doors[of.Audience].find(v)
	if !v.wantsPage() && !(known && v.Cred.Scheme == latchkey.SchemeSession) {
		plain(w, http.StatusNotFound, "There is nothing here. The API is under /execute/ and /json-api/.")
		return
	}
	if err := v.read(); err != nil {
		v.unread(err)
		return
	}
	if v.Path == choicePath {
		v.choose()
		return
	}
	switch {
	case v.Cred.Scheme != latchkey.SchemeSession:
		v.signIn(call.SignIn{Why: v.nobody(), Status: http.StatusUnauthorized, Page: v.wanted()})
	case !known:
		v.refused(http.StatusNotFound, "error.missing")
	default:
		v.answer(at)
	}
}

// answer runs one page.
func (v *visit) answer(at *page) {
	v.at = at
	run := at.get
	if v.r.Method == http.MethodPost {
		run = at.post
	}
	if run == nil {
		v.w.Header().Set("Allow", at.methods())
		v.refused(http.StatusMethodNotAllowed, "error.method")
		return
	}
	if err := run(v); err != nil {
		v.failed(latchkey.AsError(err))
	}
}

// SignIn shows the form to sign in with.
func (p *Pages) SignIn(w http.ResponseWriter, r *http.Request, of call.Visit, s call.SignIn) {
	secure(w.Header())
	v := p.visit(w, r, of)
	v.signIn(s)
}

// wantsPage reports whether it is a browser that asks: a program that asks for
// what is not there is told so in a line. Programs that sign in and follow to the
// first page look whether it is there.
func (v *visit) wantsPage() bool {
	return strings.Contains(v.r.Header.Get("Accept"), "text/html")
}

// limits are what a form may hold.
var limits = request.Limits{Body: 256 << 10, Params: 500, Value: 32 << 10}

// read reads what the address and the form say.
func (v *visit) read() error {
	said, err := request.Parse(v.r, limits)
	if err != nil {
		return err
	}
	v.form = said.Args
	return said.Close()
}

// unread says why a request cannot be read, to who has signed in with the ways on.
func (v *visit) unread(err error) {
	if v.Cred.Scheme == latchkey.SchemeSession {
		err = cmp.Or(v.greet(), err)
	}
	v.failed(err)
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}

// write sends a page that is whole.
func write(w http.ResponseWriter, status int, body *bytes.Buffer) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // a browser that has gone away is no error of ours
}
