package matrix

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/test/testserver"
)

// callBack calls a call-back address from somewhere.
func callBack(s *testserver.Server, door http.Handler, method, id, from string) testserver.Answer {
	r := httptest.NewRequest(method, "/cpanelwebcall/"+id, nil)
	r.RemoteAddr = from + ":4000"
	if strings.Contains(from, ":") {
		r.RemoteAddr = "[" + from + "]:4000"
	}
	return s.Serve(door, r)
}

// member is a text of the data of an answer.
func member(data any, name string) string {
	_, text, _ := strings.Cut(string(encode.Append(nil, data)), `"`+name+`":"`)
	text, _, _ = strings.Cut(text, `"`)
	return text
}

// TestCallBack: what a call-back address does, for whom, and what ends it.
func TestCallBack(t *testing.T) {
	s := testserver.New(t)
	id := member(s.UAPI("demo", "DynamicDNS", "create", "domain", "home.example.com"), "id")
	zone := func() string {
		return string(encode.Append(nil, s.UAPI("demo", "DNS", "lookup", "domain", "home.example.com")))
	}
	n := 0
	nowhere := func(what string, door http.Handler, method, id string, status int) {
		t.Helper()
		n++
		before := zone()
		a := callBack(s, door, method, id, fmt.Sprintf("203.0.113.%d", n))
		if a.Status != status || zone() != before || strings.Contains(a.Body, "ipv4") {
			t.Errorf("%s: %d %s, and the zone has %s", what, a.Status, a.Body, zone())
		}
	}
	works := func(door http.Handler, method, id, from, body string) {
		t.Helper()
		if a := callBack(s, door, method, id, from); a.Status != http.StatusOK || a.Body != body+"\n" || !strings.Contains(zone(), from) {
			t.Errorf("%s from %s: %d %s, and the zone has %s", method, from, a.Status, a.Body, zone())
		}
	}
	works(s.Account, "GET", id, "198.51.100.20", "ipv4: 198.51.100.20")
	works(s.AccountPlain, "GET", id+"?", "198.51.100.21", "ipv4: 198.51.100.21")
	works(s.Account, "POST", id+"/", "2001:db8::21", "ipv6: 2001:db8::21")

	nowhere("no ID", s.Account, "GET", "", http.StatusNotFound)
	nowhere("a short one", s.Account, "GET", id[:31], http.StatusNotFound)
	nowhere("another", s.Account, "GET", flipLetter(id), http.StatusNotFound)
	nowhere("in capitals", s.Account, "GET", strings.ToUpper(id), http.StatusNotFound)
	nowhere("HEAD", s.Account, "HEAD", id, http.StatusMethodNotAllowed)
	nowhere("DELETE", s.Account, "DELETE", id, http.StatusMethodNotAllowed)
	nowhere("the host's door", s.Host, "GET", id, http.StatusNotFound)
	nowhere("webmail's door", s.Webmail, "GET", id, http.StatusNotFound)
	nowhere("behind a session", s.Account, "GET", "../cpsess1/cpanelwebcall/"+id, http.StatusNotFound)

	s.WHM("suspendacct", "user", "demo")
	nowhere("a suspended account", s.Account, "GET", id, http.StatusNotFound)
	s.WHM("unsuspendacct", "user", "demo")
	s.WHM("add_override_features_for_user", "user", "demo", "features", `{"dynamicdns":0}`)
	nowhere("without the feature", s.Account, "GET", id, http.StatusNotFound)
	s.WHM("remove_override_features_for_user", "user", "demo", "features", `["dynamicdns"]`)
	works(s.Account, "GET", id, "198.51.100.22", "ipv4: 198.51.100.22")

	fresh := member(s.UAPI("demo", "DynamicDNS", "recreate", "id", id), "id")
	nowhere("the ID of before", s.Account, "GET", id, http.StatusNotFound)
	works(s.Account, "GET", fresh, "198.51.100.23", "ipv4: 198.51.100.23")
	s.UAPI("demo", "DynamicDNS", "delete", "id", fresh)
	if got := zone(); got != "[]" && got != "null" {
		t.Errorf("after delete the zone has %s", got)
	}
	nowhere("what was deleted", s.Account, "GET", fresh, http.StatusNotFound)

	s.WHM("createacct", "username", "gone", "domain", "gone.example", "password", testserver.Password)
	gone := member(s.UAPI("gone", "DynamicDNS", "create", "domain", "gone.example"), "id")
	s.WHM("removeacct", "username", "gone")
	nowhere("an account that is no more", s.Account, "GET", gone, http.StatusNotFound)

	s.Trail.Flush()
	uses, refusals := 0, 0
	for _, e := range events(t, s) {
		switch {
		case e.Func != "DynamicDNS::webcall":
		case e.By == latchkey.ByCallBack && e.OK:
			uses++
		case !e.OK:
			refusals++
		}
	}
	if uses != 5 || refusals < 8 {
		t.Errorf("the trail has %d uses and %d refusals", uses, refusals)
	}
	if text := fmt.Sprint(events(t, s)) + s.Log.String(); strings.Contains(text, id) || strings.Contains(text, fresh) {
		t.Error("the trail or the log has an ID")
	}
}

func flipLetter(id string) string {
	if id[0] == 'a' {
		return "b" + id[1:]
	}
	return "a" + id[1:]
}

// TestCallBackThrottle: who guesses IDs is not listened to for a while, and
// others are.
func TestCallBackThrottle(t *testing.T) {
	s := testserver.New(t)
	id := member(s.UAPI("demo", "DynamicDNS", "create", "domain", "home.example.com"), "id")
	guess := []byte(id)
	for i := range 40 {
		guess[5], guess[6] = 'a'+byte(i%26), 'a'+byte(i/26)
		if string(guess) != id {
			callBack(s, s.Account, "GET", string(guess), "203.0.113.9")
		}
	}
	if a := callBack(s, s.Account, "GET", id, "203.0.113.9"); a.Status != http.StatusNotFound {
		t.Errorf("who has guessed 40 times: %d %s", a.Status, a.Body)
	}
	if a := callBack(s, s.Account, "GET", id, "203.0.113.10"); a.Status != http.StatusOK {
		t.Errorf("somebody else: %d %s", a.Status, a.Body)
	}
	s.Wait(25 * time.Hour)
	if a := callBack(s, s.Account, "GET", id, "203.0.113.9"); a.Status != http.StatusOK {
		t.Errorf("a day later: %d %s", a.Status, a.Body)
	}
}
