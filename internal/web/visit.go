package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/internal/wire/request"
)

// visit is one request for a page, on its way.
type visit struct {
	call.Visit
	pages *Pages
	w     http.ResponseWriter
	r     *http.Request
	at    *page // nil where there is none
	form  api.Args
	names map[string]string // what the braces of the address stand for
	lang  *tongue
	theme string // light or dark; "" for what the system has
	note  notes
	// who calls, once a call has said so.
	caller latchkey.Caller
}

func (p *Pages) visit(w http.ResponseWriter, r *http.Request, of call.Visit) *visit {
	v := &visit{Visit: of, pages: p, w: w, r: r}
	v.lang = p.languages.of(r)
	v.theme = themeOf(r)
	return v
}

// call calls a function for the visitor and reads its answer into out, which may
// be nil. names is the list that the function stands in, module is "" for WHM.
func (v *visit) call(names call.Names, module, name string, out any, args ...string) error {
	return v.callAs(v.Cred, names, module, name, out, args...)
}

// callAs is call with other credentials than the session's: with the password
// that was given once more.
func (v *visit) callAs(cred latchkey.Credentials, names call.Names, module, name string, out any, args ...string) error {
	of := v.Visit
	of.Cred = cred
	return v.answered(of.Request(names, module, name, pairs(args)), out)
}

// answered makes a call, and reads its answer into out, which may be nil.
func (v *visit) answered(q *call.Request, out any) error {
	res := v.pages.Calls.Do(v.r.Context(), q)
	if res.Caller.Kind == latchkey.BySession {
		v.caller = res.Caller
	}
	if err := v.told(res, q); err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(encode.Append(nil, res.Data), out)
}

// told is what a call failed with, in the words that a client is told.
func (v *visit) told(res *call.Result, q *call.Request) error {
	switch {
	case res.Err != nil:
		err := *res.Err
		err.Msg = call.Words(res.Err, q, v.pages.Log)
		return &err
	case len(res.Errors) > 0:
		return latchkey.Errorf(latchkey.Invalid, "%s", strings.Join(res.Errors, " "))
	case res.No:
		return latchkey.Errorf(latchkey.Invalid, "%s", strings.Join(append(res.Messages, res.Reason), " "))
	}
	return nil
}

// uapi calls an account's function.
func (v *visit) uapi(function string, out any, args ...string) error {
	module, name, _ := strings.Cut(function, "::")
	return v.call(call.UAPI, module, name, out, args...)
}

// whm calls a host's function.
func (v *visit) whm(function string, out any, args ...string) error {
	return v.call(call.WHM, "", function, out, args...)
}

// whmPage calls a host's function that answers a list, reads one page of it, and
// tells how long the list is.
func (v *visit) whmPage(function string, out any, skip, size int, args ...string) (total int, err error) {
	q := v.Visit.Request(call.WHM, "", function, pairs(args))
	q.Read = func(ctx context.Context, l api.Listing) (any, error) {
		var rows []any
		if rows, total, err = l.Page(ctx, skip, size); err == nil {
			err = l.Finish(ctx, rows, nil)
		}
		return l.Show(rows), err
	}
	failed := v.answered(q, out)
	return total, failed
}

// uapiFor calls a function of another's account, as the administrator may.
func (v *visit) uapiFor(account, function string, out any, args ...string) error {
	module, name, _ := strings.Cut(function, "::")
	q := v.Visit.Request(call.UAPI, module, name, pairs(args))
	q.For = latchkey.AccountName(account)
	return v.answered(q, out)
}

// pairs makes arguments of keys and values, as a form has them.
func pairs(said []string) api.Args {
	var args api.Args
	for i := 0; i+1 < len(said); i += 2 {
		args = append(args, api.Arg{Key: said[i], Value: said[i+1], Body: true})
	}
	return args
}

// value is what the address or the form says under key, without white space
// around it.
func (v *visit) value(key string) string { return strings.TrimSpace(v.form.Text(key)) }

// values are all that the form says under key.
func (v *visit) values(key string) []string {
	var all []string
	for _, text := range v.form.List(key) {
		if text = strings.TrimSpace(text); text != "" {
			all = append(all, text)
		}
	}
	return all
}

// now is the time by the server's clock.
func (v *visit) now() time.Time { return v.pages.Now().UTC() }

// link is an address of a page within the visitor's session.
func (v *visit) link(path string, elements ...any) string {
	for i, e := range elements {
		elements[i] = url.PathEscape(fmt.Sprint(e))
	}
	if len(elements) > 0 {
		path = fmt.Sprintf(path, elements...)
	}
	if v.Prefix == "" {
		return path
	}
	return "/" + v.Prefix + path
}

// redirect sends the browser on, by GET.
func (v *visit) redirect(path string) {
	v.note.keep(v)
	v.w.Header().Set("Location", v.link(path))
	v.w.WriteHeader(http.StatusSeeOther)
}

// wanted is the page that a visit is for, to come back to after signing in.
func (v *visit) wanted() string {
	if v.r.Method != http.MethodGet || v.Path == "/" {
		return ""
	}
	if v.r.URL.RawQuery == "" {
		return v.Path
	}
	return v.Path + "?" + v.r.URL.RawQuery
}

// nobody is why a visitor without a session is asked to sign in.
func (v *visit) nobody() call.SignInWhy {
	switch {
	case v.Prefix != "":
		return call.SignInEnded
	case v.Path == "/":
		return call.SignInFirst
	}
	return call.SignInNobody
}

// signIn shows the form to sign in with.
func (v *visit) signIn(s call.SignIn) {
	v.show(s.Status, "login", s)
}

// failed says what a page could not do. Those whose session has ended are asked
// to sign in again.
func (v *visit) failed(failure error) {
	err := latchkey.AsError(failure)
	if errors.Is(failure, request.ErrTooLarge) {
		v.show(http.StatusRequestEntityTooLarge, "error", problem{Status: http.StatusRequestEntityTooLarge, ID: "error.too_large", Detail: err.Msg})
		return
	}
	switch err.Kind {
	case latchkey.BadCredentials:
		why := call.SignInEnded
		if v.Cred.Site == latchkey.SiteForeign {
			why = call.SignInForeign
		}
		v.signIn(call.SignIn{Why: why, Status: http.StatusUnauthorized, Page: v.wanted()})
	case latchkey.FeatureOff:
		v.show(http.StatusForbidden, "off", err)
	case latchkey.NotFound:
		v.show(http.StatusNotFound, "error", problem{Status: http.StatusNotFound, ID: "error.missing", Detail: err.Msg})
	case latchkey.Denied, latchkey.ReadOnly, latchkey.NotHere:
		v.show(http.StatusForbidden, "error", problem{Status: http.StatusForbidden, ID: "error.denied", Detail: err.Msg})
	case latchkey.Internal:
		if err.Msg == "" {
			err.Msg = call.Words(err, &call.Request{Module: "web", Func: v.Path}, v.pages.Log)
		}
		v.show(http.StatusInternalServerError, "error", problem{Status: http.StatusInternalServerError, ID: "error.internal", Detail: err.Msg})
	case latchkey.Unavailable, latchkey.RoleOff:
		v.show(http.StatusServiceUnavailable, "error", problem{Status: http.StatusServiceUnavailable, ID: "error.unavailable", Detail: err.Msg})
	case latchkey.TooMany:
		v.show(http.StatusTooManyRequests, "error", problem{Status: http.StatusTooManyRequests, ID: "error.too_many", Detail: err.Msg})
	default:
		v.show(http.StatusBadRequest, "error", problem{Status: http.StatusBadRequest, ID: "error.invalid", Detail: err.Msg})
	}
}

// problem is what an error page says: words of ours, and what the server says
// beyond them.
type problem struct {
	Status int
	ID     string
	Detail string
}

// problem shows an error page.
func (v *visit) problem(status int, id string) {
	v.show(status, "error", problem{Status: status, ID: id})
}

// refused says what is wrong with a request as a whole, to who has signed in.
func (v *visit) refused(status int, id string) {
	if err := v.greet(); err != nil {
		v.failed(err)
		return
	}
	v.problem(status, id)
}

// greet finds out who visits, where the page itself asks for nothing.
func (v *visit) greet() error {
	if v.Audience == latchkey.ForHost {
		_, err := denied(v.whm("version", nil))
		return err
	}
	return v.uapi("Features::list_features", nil)
}

// show writes a page.
func (v *visit) show(status int, name string, data any) {
	var body bytes.Buffer
	shown := &shown{visit: v, Data: data, Notes: v.note.take(v), Status: status}
	if err := v.pages.views[name].run(&body, shown); err != nil {
		v.pages.Log.Error("a page cannot be shown", "page", name, "err", err)
		plain(v.w, http.StatusInternalServerError, "The page cannot be shown. The server's log says why.")
		return
	}
	write(v.w, status, &body)
}
