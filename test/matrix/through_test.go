package matrix

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/test/testserver"
)

// throughWHM are the forms of an account function at the administrator's door,
// for one account.
func throughWHM(e *api.Entry, user string, q url.Values) []string {
	at := "/json-api/cpanel?cpanel_jsonapi_user=" + user + "&cpanel_jsonapi_module=" + e.Module + "&"
	forms := []string{
		at + "cpanel_jsonapi_apiversion=3&cpanel_jsonapi_func=" + e.Name + "&" + q.Encode(),
		"/json-api/uapi_cpanel?api.version=1&cpanel.user=" + user + "&cpanel.module=" + e.Module + "&cpanel.function=" + e.Name + "&" + q.Encode(),
		"/json-api/batch?api.version=1&command=" + url.QueryEscape("uapi_cpanel?cpanel.user="+user+"&cpanel.module="+e.Module+"&cpanel.function="+e.Name+"&"+q.Encode()),
	}
	if e.OnlyAPI2 {
		forms = nil
	}
	if e.API2 != "" {
		forms = append(forms, at+"cpanel_jsonapi_func="+e.API2+"&"+q.Encode())
	}
	return forms
}

// TestThrough: account functions at the administrator's door are the
// administrator's alone, reach the account they name and no other, and leave in
// the trail what was done and by whom.
func TestThrough(t *testing.T) {
	s := testserver.New(t)
	s.UAPI("other", "Email", "add_pop", "email", "victim", "password", testserver.Password, "quota", "77")
	demo, root := s.Token("demo", "matrix"), s.HostToken("matrix")
	before := fingerprint(t, s, "other")
	rows := 0
	for _, e := range s.Calls.Registry.All() {
		if e.Audience != latchkey.ForAccount {
			continue
		}
		for _, target := range throughWHM(e, "demo", arguments(e, foreign)) {
			rows++
			for _, bad := range []string{"", "cpanel demo:" + demo, "whm demo:" + demo, "whm root:" + demo, "cpanel root:" + root, "whm demo:" + root} {
				if a := s.Get(s.Host, target, bad); !refused(a) {
					t.Errorf("%s with %q: %d %s", target, bad, a.Status, a.Body)
				}
			}
			s.Trail.Flush()
			seen := len(events(t, s))
			a := s.Get(s.Host, target, "whm root:"+root)
			if a.Status != 200 || !json.Valid([]byte(a.Body)) || strings.Contains(a.Body, "80740352") {
				t.Errorf("%s: %d %s", target, a.Status, a.Body)
			}
			s.Trail.Flush()
			done := false
			for _, ev := range events(t, s)[seen:] {
				done = done || ev.Func == e.FullName() && ev.Name == "demo" && ev.Reason == "called through WHM by root" && ev.From.String() == "198.51.100.7"
			}
			if !done {
				t.Errorf("%s: the trail has %+v", target, events(t, s)[seen:])
			}
		}
	}
	if rows < 100 {
		t.Errorf("only %d rows", rows)
	}
	if fingerprint(t, s, "other") != before {
		t.Error("what was called for demo changed what is other's")
	}
}
