package wire_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/test/testserver"
)

// FuzzDoor: whatever is asked for in whatever dialect, the answer is JSON, or
// XML where that was asked for, of a status that clients expect; and nothing
// breaks.
func FuzzDoor(f *testing.F) {
	for _, seed := range [][2]string{
		{"/json-api/cpanel", "cpanel_jsonapi_user=demo&cpanel_jsonapi_apiversion=3&cpanel_jsonapi_module=Email&cpanel_jsonapi_func=list_pops&api.filter_column=email&api.filter_term=a"},
		{"/xml-api/cpanel", "cpanel_xmlapi_user=demo&cpanel_xmlapi_module=Email&cpanel_xmlapi_func=addpop&email=a%00%1b&password=x"},
		{"/xml-api/listaccts", "search=(&searchtype=user"},
		{"/xml-api/listaccts", "api.version=1&api.sort.enable=1&api.sort.a.field=user&api.chunk.enable=1&api.chunk.size=1&want=user"},
		{"/json-api/suspendacct", "user=<b>&reason=%ff%fe"},
		{"/xml-api/1x", ""},
		{"/json-api/batch", "api.version=1&command=version&command=accountsummary%3Fuser%3D%2500"},
		{"/json-api/uapi_cpanel", "api.version=1&cpanel.user=demo&cpanel.module=Batch&cpanel.function=strict&command=[\"Email\",\"count_pops\"]"},
		{"/json-api/addpkg", "name=a&quota=1"},
		{"/execute/Email/list_pops", "api.paginate=1&api.paginate_size=-1"},
	} {
		f.Add(seed[0], seed[1], true)
		f.Add(seed[0], seed[1], false)
	}
	s := testserver.New(f)
	root, demo := "whm root:"+s.HostToken("fuzz"), "cpanel demo:"+s.Token("demo", "fuzz")
	f.Fuzz(func(t *testing.T, path, query string, host bool) {
		if strings.Contains(query, "removeacct") || strings.Contains(path, "removeacct") || strings.ContainsAny(path, "?#\r\n\x00 ") || !strings.HasPrefix(path, "/") {
			return
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.URL = &url.URL{Path: path, RawQuery: query}
		r.RemoteAddr = "127.0.0.1:4000"
		door, authorization := s.Account, demo
		if host {
			door, authorization = s.Host, root
		}
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		door.ServeHTTP(w, r)
		body, kind := w.Body.String(), w.Header().Get("Content-Type")
		switch {
		case strings.HasPrefix(kind, "application/json"):
			if !json.Valid([]byte(body)) {
				t.Errorf("%s?%s: no JSON: %q", path, query, body)
			}
		case strings.HasPrefix(kind, "text/xml"):
			wellFormed(t, body)
		}
		if w.Code >= 500 || strings.Contains(s.Log.String(), "panicked") {
			t.Errorf("%s?%s: %d %q\n%s", path, query, w.Code, body, s.Log.String())
		}
	})
}

func wellFormed(t *testing.T, document string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(document))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in %q", err, document)
		}
	}
}
