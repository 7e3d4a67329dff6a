package request_test

import (
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/wire/request"
)

func TestPath(t *testing.T) {
	type target = request.Target
	uapi := target{Kind: request.Execute, Module: "Email", Func: "add_pop"}
	in := func(session string, t target) target { t.Session = session; return t }
	long := strings.Repeat("n", 64)
	for _, test := range []struct {
		path string
		want target
		ok   bool
	}{
		{"/execute/Email/add_pop", uapi, true},
		{"/execute/Email/add_pop/", uapi, true},
		{"/cpsess0123456789/execute/Email/add_pop", in("cpsess0123456789", uapi), true},
		{"//cpsess1/execute/Email/add_pop/", in("cpsess1", uapi), true},
		{"/json-api/cpanel", target{Kind: request.JSONAPI}, true},
		{"/json-api/cpanel/", target{Kind: request.JSONAPI}, true},
		{"/xml-api/cpanel", target{Kind: request.XMLAPI}, true},
		{"/json-api/listaccts", target{Kind: request.JSONFunc, Func: "listaccts"}, true},
		{"/json-api/listaccts/", target{Kind: request.JSONFunc, Func: "listaccts"}, true},
		{"/xml-api/listaccts", target{Kind: request.XMLFunc, Func: "listaccts"}, true},
		{"/json-api/Cpanel", target{Kind: request.JSONFunc, Func: "Cpanel"}, true},
		{"//cpsess22/json-api/cpanel/", target{Kind: request.JSONAPI, Session: "cpsess22"}, true},
		{"/execute/" + long + "/" + long, target{Kind: request.Execute, Module: long, Func: long}, true},

		// Slashes in a row, of an address that ends in one and a path that begins
		// with one.
		{"//execute/Email/add_pop", uapi, true},
		{"///cpsess1//execute//Email//add_pop//", in("cpsess1", uapi), true},
		{"//json-api//cpanel//", target{Kind: request.JSONAPI}, true},
		{"//json-api//listaccts", target{Kind: request.JSONFunc, Func: "listaccts"}, true},

		// Refused, yet in the dialect of the form.
		{"/execute/cpanel", target{Kind: request.Execute, Module: "cpanel"}, false},
		{"/execute/Email/", target{Kind: request.Execute, Module: "Email"}, false},
		{"/execute/Email/add_pop/x", target{Kind: request.Execute, Module: "Email"}, false},
		{"/execute/Email/add-pop", target{Kind: request.Execute, Module: "Email"}, false},
		{"/execute/Email/" + long + "n", target{Kind: request.Execute, Module: "Email"}, false},
		{"/execute//add_pop", target{Kind: request.Execute, Module: "add_pop"}, false},
		{"/execute/../add_pop", target{Kind: request.Execute}, false},
		{"/execute/Emaíl/add_pop", target{Kind: request.Execute}, false},
		{"/execute/Email\x00/add_pop", target{Kind: request.Execute}, false},
		{"/execute/", target{Kind: request.Execute}, false},
		{"/execute", target{Kind: request.Execute}, false},
		{"/json-api", target{Kind: request.JSONFunc}, false},
		{"/json-api/", target{Kind: request.JSONFunc}, false},
		{"/json-api/cpanel/x", target{Kind: request.JSONFunc}, false},
		{"/xml-api/a.b", target{Kind: request.XMLFunc}, false},

		// No API at all.
		{"", target{}, false},
		{"*", target{}, false},
		{"/", target{}, false},
		{"execute/Email/add_pop", target{}, false},
		{"/Execute/Email/add_pop", target{}, false},
		{"/cpsess/execute/Email/add_pop", target{}, false},
		{"/cpsess1x/execute/Email/add_pop", target{}, false},
		{"/cpsess" + strings.Repeat("1", 65) + "/execute/Email/add_pop", target{}, false},
		{"//", target{}, false},
		{"/cpsess1/cpsess2/execute/Email/add_pop", target{Session: "cpsess1"}, false},
		{"/cpsess1/scripts7/apitokens/home", target{Session: "cpsess1"}, false},
		{"/login/", target{}, false},
	} {
		got, ok := request.Path(test.path)
		if got != test.want || ok != test.ok {
			t.Errorf("Path(%q) = %+v, %v; want %+v, %v", test.path, got, ok, test.want, test.ok)
		}
	}
}

func TestCutSession(t *testing.T) {
	for _, test := range []struct{ path, session, rest string }{
		{"/cpsess1/scripts7/home", "cpsess1", "/scripts7/home"},
		{"//cpsess1/", "cpsess1", "/"},
		{"/cpsess1", "cpsess1", "/"},
		{"/cpsess1//x", "cpsess1", "//x"},
		{"/cpsess", "", "/cpsess"},
		{"/x/cpsess1/y", "", "/x/cpsess1/y"},
		{"cpsess1/x", "", "cpsess1/x"},
		{"", "", ""},
	} {
		if session, rest := request.CutSession(test.path); session != test.session || rest != test.rest {
			t.Errorf("CutSession(%q) = %q, %q; want %q, %q", test.path, session, rest, test.session, test.rest)
		}
	}
}
