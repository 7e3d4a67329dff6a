package matrix

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/server"
	"github.com/latchkey/latchkey/internal/wire"
	"github.com/latchkey/latchkey/test/testserver"
)

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"}

// routes are all ways into s. A way that package server has and that is not here
// fails the walk.
func routes(s *testserver.Server) server.Routes {
	log := slog.New(slog.DiscardHandler)
	return server.Routes{
		Account: s.Account, AccountPlain: s.AccountPlain, Host: s.Host, Webmail: s.Webmail,
		HostPlain:    &wire.Door{Calls: s.Calls, Audience: latchkey.ForHost, InClear: true, Log: log},
		WebmailPlain: &wire.Door{Calls: s.Calls, Audience: latchkey.ForWebmail, InClear: true, Log: log},
		Local:        &wire.Local{Door: &wire.Door{Calls: s.Calls, Log: log}, Store: s.Store, Heads: s.Heads, Trail: s.Trail},
	}
}

// walker sends requests by every route, each from an address of its own: what is
// measured is the refusal, not the throttle.
type walker struct {
	t    *testing.T
	rows int
}

func (w *walker) ask(to http.Handler, method, target string, headers http.Header) *httptest.ResponseRecorder {
	w.rows++
	r := httptest.NewRequest(method, target, nil)
	r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:4000", w.rows>>16&255, w.rows>>8&255, w.rows&255)
	r.Header = headers
	res := httptest.NewRecorder()
	to.ServeHTTP(res, r)
	return res
}

// api holds one request to the API to a refusal.
func (w *walker) api(to http.Handler, method, target, what string, headers http.Header) {
	res := w.ask(to, method, target, headers)
	switch res.Code {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed:
	default:
		w.t.Errorf("%s %s with %s: %d %s", method, target, what, res.Code, res.Body)
	}
	if (res.Code == http.StatusMethodNotAllowed) != (method == "OPTIONS" || method == "TRACE" || method == "FOO") {
		w.t.Errorf("%s %s with %s: %d", method, target, what, res.Code)
	}
}

// page holds one request for a page to an answer that opens nothing.
func (w *walker) page(to http.Handler, method, target, what string, headers http.Header) {
	res := w.ask(to, method, target, headers)
	if res.Code >= 500 || res.Header().Get("Set-Cookie") != "" || strings.Contains(res.Body.String(), `"status":1`) || strings.Contains(res.Body.String(), `"result":1`) {
		w.t.Errorf("%s %s with %s: %d %v %s", method, target, what, res.Code, res.Header(), res.Body)
	}
}

// TestRouteWalk: by every route, with every method, whoever shows no credential,
// a malformed one, one for another door, two at once, or a session that is none,
// is refused before any function is entered.
func TestRouteWalk(t *testing.T) {
	s := testserver.New(t)
	w := &walker{t: t}
	token, host := "cpanel demo:"+s.Token("demo", "walk"), "whm root:"+s.HostToken("walk")
	bad := func(own, other string) map[string]http.Header {
		return map[string]http.Header{
			"nothing":          {},
			"a malformed one":  {"Authorization": {"cpanel demo"}},
			"another's":        {"Authorization": {other}},
			"two":              {"Authorization": {own, own}},
			"two kinds":        {"Authorization": {own, other}},
			"a recovery token": {"Authorization": {"Bearer " + strings.TrimPrefix(own, "cpanel demo:")}},
			"no session":       {"Cookie": {"cpsession=demo%3aAAAA; whostmgrsession=root%3aAAAA; webmailsession=x"}},
		}
	}
	before := entered(t, s)

	// Every function, at its own door.
	each(t, s, func(e *api.Entry, form way) {
		credentials := bad(token, host)
		if e.Audience == latchkey.ForHost {
			credentials = bad(host, token)
		}
		for what, headers := range credentials {
			w.api(form.door(s), "GET", form.target(e, nil), what, headers)
		}
	})

	// Every route, with every method, by every form of path.
	const uapi, api2 = "cpanel_jsonapi_apiversion=3&cpanel_jsonapi_module=Tokens&cpanel_jsonapi_func=list", "cpanel_jsonapi_module=Email&cpanel_jsonapi_func=listpops"
	calls := []string{
		"/execute/Tokens/list", "/execute/Tokens/list/", "//execute//Tokens/list", "/execute/Tokens%2flist", "/execute/x/..%2fTokens/list", "/execute/No/such", "/execute/",
		"/cpsess1234567890/execute/Tokens/list", "//cpsess123/execute/Tokens/list",
		"/json-api/cpanel?" + uapi, "/json-api/cpanel/?" + api2, "/cpsess1/json-api/cpanel?" + api2, "/xml-api/cpanel?" + uapi,
		"/json-api/listaccts?api.version=1", "/json-api/listaccts", "/xml-api/listaccts?api.version=1", "/json-api/no_such", "/json-api/",
	}
	pages := []string{"/", "*", "/login/", "/login/?login_only=1", "/login/?session=x", "/logout/", "/cpsess1/", "/call", "/audit", "/audit/verify", "/..%2fexecute/Tokens/list", "/.%00./execute/Tokens/list"}
	all := reflect.ValueOf(routes(s))
	for i := range all.NumField() {
		name := all.Type().Field(i).Name
		to, ok := all.Field(i).Interface().(http.Handler)
		if !ok {
			t.Fatalf("the route %s is not walked: add it to routes", name)
		}
		credentials := bad(token, host)
		if strings.HasPrefix(name, "Host") {
			credentials = bad(host, token)
		}
		for _, method := range methods {
			for what, headers := range credentials {
				for _, target := range calls {
					if name == "Local" {
						w.page(to, method, target, name+" and "+what, headers)
					} else {
						w.api(to, method, target, name+" and "+what, headers)
					}
				}
				for _, target := range pages {
					w.page(to, method, target, name+" and "+what, headers)
				}
			}
		}
	}
	if n := entered(t, s) - before; n != 0 {
		t.Errorf("%d functions were entered", n)
	}
	t.Logf("%d refusals", w.rows)
}

// TestRouteWalkCanFail makes sure that a function that is entered is seen.
func TestRouteWalkCanFail(t *testing.T) {
	s := testserver.New(t)
	token := s.Token("demo", "walk")
	before := entered(t, s)
	if a := s.Get(s.Account, "/execute/Tokens/list", "cpanel demo:"+token); a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	if entered(t, s) == before {
		t.Error("a function was entered, and nothing was seen")
	}
}
