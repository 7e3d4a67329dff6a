// Package wire speaks the languages of the wire: it turns a request into a
// [call.Request] and what came of it into the answer of its dialect. It decides
// nothing. Start at [Door].
package wire

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/list"
	"github.com/latchkey/latchkey/internal/wire/request"
)

// Door is one port's handler: everything that is asked of the API of one
// audience.
type Door struct {
	Calls    *call.Service
	Audience latchkey.Audience
	Limits   request.Limits
	// InClear is set for a port without TLS: credentials that come to it over
	// a network are refused.
	InClear bool
	Proxies Proxies
	Pages   Pages // nil: there are none
	Log     *slog.Logger
}

// ServeHTTP answers one request. Methods that neither read nor change are
// refused before anybody is asked who they are.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodHead:
	default:
		w.Header().Set("Allow", "GET, POST")
		plain(w, http.StatusMethodNotAllowed, "This method is not understood here: use GET or POST.")
		return
	}
	target, ok := request.Path(r.URL.Path)
	switch target.Kind {
	case request.Execute:
		d.answer(w, r, target, ok, &uapiFlat)
	case request.JSONAPI, request.XMLAPI:
		d.answer(w, r, target, ok, &api2)
	case request.JSONFunc, request.XMLFunc:
		d.answer(w, r, target, ok, &whm1)
	default:
		d.page(w, r)
	}
}

// utterance is one request on its way: what was said, and how the answer is to
// be cut. It is what the dialects have in common; each says by itself what its
// requests mean.
type utterance struct {
	call.Request
	door    *Door
	http    *http.Request
	dialect *dialect
	known   bool // the path is well formed
	xml     bool // the answer is to be in XML
	query   list.Query
	cut     bool         // query is set
	report  *list.Report // what the query did, of a list that was read by it
}

// utterances are used again: a call needs one of a good half kilobyte.
var utterances = sync.Pool{New: func() any { return new(utterance) }}

// begin is the part of every dialect that comes before anything is read. Call
// end when the answer is written.
func (d *Door) begin(r *http.Request, target request.Target, known bool, in *dialect) *utterance {
	u := utterances.Get().(*utterance)
	u.door, u.http, u.known, u.Speaker = d, r, known, u
	u.xml = target.Kind == request.XMLAPI || target.Kind == request.XMLFunc
	u.turn(in)
	u.Audience, u.Module, u.Func = d.Audience, target.Module, target.Func
	if u.Cred = request.Credentials(r); u.Cred.Scheme == latchkey.SchemeNone && r.Header["Cookie"] != nil {
		u.Cred = d.session(r, target.Session)
	}
	u.Origin, u.InClear = d.origin(r)
	u.Origin.Clear = d.InClear
	return u
}

func (u *utterance) end() {
	*u = utterance{}
	utterances.Put(u)
}

// client is what the other side calls itself, fit to be kept.
func client(r *http.Request) string {
	ua := r.Header["User-Agent"]
	if len(ua) == 0 {
		return ""
	}
	text := ua[0]
	if len(text) > 120 {
		text = text[:120]
	}
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return strings.Map(printable, text)
		}
	}
	return text
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}

// listen reads the arguments.
func (u *utterance) listen() error {
	if u.http.URL.RawQuery == "" && u.http.ContentLength == 0 {
		return nil
	}
	p, err := request.Parse(u.http, u.door.Limits)
	if err != nil {
		return err
	}
	defer p.Close()
	u.Args = p.Args
	return nil
}

// settle takes those arguments apart that are about the call and none of the
// function's: those that cut the answer, as the dialect has them, and the
// version.
func (u *utterance) settle() (err error) {
	if !slices.ContainsFunc(u.Args, isMeta) {
		return nil
	}
	if u.cut = list.Wanted(u.Args); u.cut {
		if u.query, err = u.dialect.cutting(u.Args); err != nil {
			return err
		}
		u.Read = u.readList
	}
	u.Args = drop(u.Args, list.IsMeta)
	return nil
}

// readList reads what the query asks for of a list.
func (u *utterance) readList(ctx context.Context, l api.Listing) (any, error) {
	data, report, err := list.Read(ctx, l, u.query)
	u.report = &report
	return data, err
}

func isMeta(a api.Arg) bool { return list.IsMeta(a.Key) }

func drop(args api.Args, which func(string) bool) api.Args {
	kept := args[:0:0]
	for _, a := range args {
		if !which(a.Key) {
			kept = append(kept, a)
		}
	}
	return kept
}

// The headers of every answer of the API, made once.
var (
	jsonType = []string{`application/json; charset="utf-8"`}
	xmlType  = []string{`text/xml; charset="utf-8"`}
	noStore  = []string{"no-store"}
	noSniff  = []string{"nosniff"}
)

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

func plain(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h["Content-Type"], h["Cache-Control"], h["X-Content-Type-Options"] = []string{"text/plain; charset=utf-8"}, noStore, noSniff
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}

// APILevel is the version of the public documentation that answers follow, as
// clients that ask for a version are told.
const APILevel = "11.138.0.10"
