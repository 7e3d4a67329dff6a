package wire

import (
	"html"
	"net/http"
	"net/netip"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/internal/wire/request"
)

// cookies are the names that sessions have in browsers, by the door they open:
// a browser keeps one jar for all ports of a host.
var cookies = [...]string{latchkey.ForAccount: "cpsession", latchkey.ForHost: "whostmgrsession", latchkey.ForWebmail: "webmailsession"}

// homePages are where people are sent who have signed in and asked for nothing
// else.
var homePages = [...]string{
	latchkey.ForAccount: "/frontend/jupiter/index.html", latchkey.ForHost: "/", latchkey.ForWebmail: "/webmail/jupiter/index.html",
}

// strictCookie is what stands in front of a cookie's name where a browser is
// given it over TLS: no other host of the domain can set one of that name.
const strictCookie = "__Host-"

// Pages are what people see of a door. Nothing of a visit has been checked: the
// calls that a page makes ask for it.
type Pages interface {
	// Page answers what is neither the API nor signing in and out.
	Page(w http.ResponseWriter, r *http.Request, v call.Visit)
	// SignIn shows the form to sign in with. Programs know it by its marks: the
	// form called tfa_login_form wants a second factor, “Login Attempt Failed” says
	// that there was no right password.
	SignIn(w http.ResponseWriter, r *http.Request, v call.Visit, s call.SignIn)
}

// page answers what is asked for beside the API: signing in and out.
func (d *Door) page(w http.ResponseWriter, r *http.Request) {
	prefix, path := request.CutSession(r.URL.Path)
	switch strings.TrimSuffix(path, "/") {
	case "/login":
		d.login(w, r, prefix)
	case "/logout":
		d.logout(w, r, prefix)
	default:
		if id, ok := strings.CutPrefix(path, callBackPath); ok && prefix == "" && d.Audience == latchkey.ForAccount {
			d.callBack(w, r, id)
			return
		}
		if d.Pages == nil {
			plain(w, http.StatusNotFound, "There is nothing here. The API is under /execute/ and /json-api/.")
			return
		}
		d.Pages.Page(w, r, d.visit(r, prefix, path))
	}
}

// visit is who comes with r, and how.
func (d *Door) visit(r *http.Request, prefix, path string) call.Visit {
	v := call.Visit{Audience: d.Audience, Prefix: prefix, Path: path, Cred: d.session(r, prefix)}
	v.Origin, v.InClear = d.origin(r)
	v.Origin.Clear = d.InClear
	return v
}

// session is the session that r comes with. A cookie that only this host can
// have set counts alone.
func (d *Door) session(r *http.Request, prefix string) latchkey.Credentials {
	if cred := request.Session(r, strictCookie+cookies[d.Audience], prefix); cred.Scheme != latchkey.SchemeNone {
		return cred
	}
	return request.Session(r, cookies[d.Audience], prefix)
}

// loginArgs are what a sign-in may say; what else comes is of no meaning here.
type loginArgs struct{ user, pass, code, session, page, only string }

func readLogin(args api.Args) (l loginArgs) {
	for key, to := range map[string]*string{
		"user": &l.user, "pass": &l.pass, "tfa_token": &l.code, "session": &l.session, "goto_uri": &l.page, "login_only": &l.only,
	} {
		*to, _ = args.Lookup(key)
	}
	return l
}

// login answers /login/: with JSON where login_only is set, else with a
// redirect or the form to sign in with.
func (d *Door) login(w http.ResponseWriter, r *http.Request, prefix string) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, POST")
		plain(w, http.StatusMethodNotAllowed, "This method is not understood here: use GET or POST.")
		return
	}
	p, err := request.Parse(r, d.Limits)
	if err != nil {
		plain(w, http.StatusBadRequest, latchkey.AsError(err).Msg)
		return
	}
	defer p.Close()
	said := readLogin(p.Args)
	if said.user == "" && said.pass == "" && said.session == "" && said.only != "1" {
		why := call.SignInFirst
		if _, left := p.Args.Lookup("logout"); left {
			why = call.SignInLeft
		}
		d.signIn(w, r, call.SignIn{Why: why, Status: http.StatusOK, Page: localPage(said.page)})
		return
	}
	l := &call.Login{Audience: d.Audience, Prefix: prefix}
	l.Origin, l.InClear = d.origin(r)
	if said.session != "" {
		l.HandOver = latchkey.NewSecret(said.session)
	} else {
		l.Cred = request.Password(said.user, said.pass, said.code)
	}
	in, failed := d.Calls.Login(r.Context(), l)
	if failed != nil {
		d.notSignedIn(w, r, failed, said)
		return
	}
	d.signedIn(w, r, &in, said)
}

// signIn shows the form to sign in with.
func (d *Door) signIn(w http.ResponseWriter, r *http.Request, s call.SignIn) {
	if d.Pages == nil {
		loginPage(w, s)
		return
	}
	prefix, path := request.CutSession(r.URL.Path)
	d.Pages.SignIn(w, r, d.visit(r, prefix, path), s)
}

// origin is where r comes from, and whether it came over a network in clear.
func (d *Door) origin(r *http.Request) (from latchkey.Origin, inClear bool) {
	if at, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		from.Addr = at.Addr().Unmap()
	}
	from.Client = client(r)
	inClear = d.InClear && !from.Addr.IsLoopback()
	if d.Proxies.Has(from.Addr) {
		from.Addr = d.Proxies.origin(r, from.Addr)
		inClear = inClear || saysClear(r)
	}
	return from, inClear
}

// signedIn gives the browser its session and sends it on.
func (d *Door) signedIn(w http.ResponseWriter, r *http.Request, in *call.SignedIn, said loginArgs) {
	page := localPage(said.page)
	if page == "" {
		page = localPage(in.Page)
	}
	if page == "" {
		page = homePages[d.Audience]
	}
	token := "/" + in.Prefix
	http.SetCookie(w, d.cookie(in.Secret.Reveal(), r.Header.Get("Sec-Fetch-Site") != "" && said.only != "1"))
	w.Header().Set("Referrer-Policy", "no-referrer")
	if said.only == "1" {
		answerJSON(w, http.StatusOK, struct {
			Redirect string `json:"redirect"`
			Token    string `json:"security_token"`
			Status   int    `json:"status"`
		}{token + page, token, 1})
		return
	}
	if d.Pages != nil && fromElsewhere(r) {
		onward(w, token+page)
		return
	}
	redirect(w, token+page)
}

// cookie is what a browser keeps of a session. Programs look for the name that
// they know; a browser, which says where it comes from, is given one that no other
// host can set.
func (d *Door) cookie(value string, browser bool) *http.Cookie {
	name := cookies[d.Audience]
	if browser && !d.InClear {
		name = strictCookie + name
	}
	return &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, Secure: !d.InClear, SameSite: http.SameSiteLaxMode}
}

// fromElsewhere reports whether a browser says that another site's page sent it.
func fromElsewhere(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return true
	}
	return false
}

// onward sends a browser on to a page of a session by a page of ours: a redirect
// would still come from the site that sent it, and a session takes nothing from
// there.
func onward(w http.ResponseWriter, to string) {
	h := w.Header()
	h["Cache-Control"], h["X-Content-Type-Options"] = noStore, noSniff
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "same-origin")
	to = html.EscapeString(to)
	_, _ = w.Write([]byte("<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>Login</title><meta http-equiv=\"refresh\" content=\"0; url=" + to + "\"></head>\n" +
		"<body><p><a href=\"" + to + "\">Go on</a></p></body>\n</html>\n"))
}

// notSignedIn says no. A right password that wants a second factor is told so.
func (d *Door) notSignedIn(w http.ResponseWriter, r *http.Request, err *latchkey.Error, said loginArgs) {
	status, reason, why := http.StatusUnauthorized, "invalid_login", call.SignInFailed
	switch {
	case err.Kind != latchkey.BadCredentials:
		status, why = http.StatusServiceUnavailable, call.SignInNotNow
		reason = call.Words(err, &call.Request{Module: "session", Func: "login"}, d.Log)
	case err.Param == "tfa_token":
		reason, why = "tfa_required", call.SignInFactor
	}
	if said.only == "1" {
		answerJSON(w, status, struct {
			Message string `json:"message"`
			Status  int    `json:"status"`
		}{reason, 0})
		return
	}
	d.signIn(w, r, call.SignIn{Why: why, Status: status, User: said.user, Page: localPage(said.page)})
}

// logout answers /logout/. Whoever comes without a session of theirs is signed
// out already.
func (d *Door) logout(w http.ResponseWriter, r *http.Request, prefix string) {
	q := &call.Request{Audience: d.Audience, Cred: d.session(r, prefix)}
	q.Origin, q.InClear = d.origin(r)
	if q.Cred.Scheme != latchkey.SchemeNone {
		switch err := d.Calls.Logout(r.Context(), q); {
		case err == nil:
			for _, browser := range []bool{true, false} {
				gone := d.cookie("", browser)
				gone.MaxAge = -1
				http.SetCookie(w, gone)
			}
		case err.Kind != latchkey.BadCredentials:
			plain(w, http.StatusServiceUnavailable, call.Words(err, &call.Request{Module: "session", Func: "logout"}, d.Log))
			return
		}
	}
	redirect(w, "/login/?logout=1")
}

// localPage is a page of this server that somebody is to be sent to after they
// signed in, or "" for what is none: a browser must never be sent elsewhere.
func localPage(uri string) string {
	if len(uri) > 2048 || !strings.HasPrefix(uri, "/") || strings.HasPrefix(uri, "//") {
		return ""
	}
	for i := range len(uri) {
		if uri[i] <= ' ' || uri[i] >= 0x7f || uri[i] == '\\' {
			return ""
		}
	}
	if _, rest := request.CutSession(uri); rest != uri {
		return localPage(rest)
	}
	return uri
}

func redirect(w http.ResponseWriter, to string) {
	h := w.Header()
	h["Cache-Control"], h["X-Content-Type-Options"] = noStore, noSniff
	h.Set("Location", to)
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther)
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h["Content-Type"], h["Cache-Control"], h["X-Content-Type-Options"] = jsonType, noStore, noSniff
	w.WriteHeader(status)
	_, _ = w.Write(encode.Append(nil, v)) // a client that has gone away is no error of ours
}

// loginPage is the form to sign in with, where there are no pages.
func loginPage(w http.ResponseWriter, s call.SignIn) {
	h := w.Header()
	h["Cache-Control"], h["X-Content-Type-Options"] = noStore, noSniff
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	id, note, code := "login_form", "", ""
	switch s.Why {
	case call.SignInFactor:
		id, note = "tfa_login_form", "<p>The second factor is needed.</p>\n"
		code = "<p><label>Security code <input name=\"tfa_token\" inputmode=\"numeric\" autocomplete=\"one-time-code\"></label></p>\n"
	case call.SignInFailed:
		note = "<p role=\"alert\">Login Attempt Failed!</p>\n"
	case call.SignInNotNow:
		note = "<p role=\"alert\">Nobody can sign in at this moment. Try again later.</p>\n"
	}
	w.WriteHeader(s.Status)
	_, _ = w.Write([]byte("<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>Login</title></head>\n<body>\n<h1>Login</h1>\n" + note +
		"<form id=\"" + id + "\" action=\"/login/\" method=\"post\">\n" +
		"<p><label>Username <input name=\"user\" autocomplete=\"username\" required></label></p>\n" +
		"<p><label>Password <input name=\"pass\" type=\"password\" autocomplete=\"current-password\" required></label></p>\n" + code +
		"<p><button>Log in</button></p>\n</form>\n</body>\n</html>\n"))
}
