package web

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/latchkey/latchkey/internal/latchkey"
)

func TestForm(t *testing.T) {
	var f form
	if f.Bad() || (*form)(nil).Bad() {
		t.Error("an empty form is bad")
	}
	f.say("name", "too long")
	if err := f.refuse(latchkey.InvalidParam("new_name", "taken"), map[string]string{"new_name": "name"}); err != nil || f.Count() != 2 || f.Wrong("name") != "too long" || f.All()[1] != (wrong{"name", "taken", true}) {
		t.Errorf("%v %+v", err, f)
	}
	if err := f.refuse(&latchkey.Error{Kind: latchkey.BadCredentials}, nil); err == nil {
		t.Error("an ended session is a mistake in the form")
	}
}

// TestNotes: what is done is said once, on the page that comes next; a note that
// somebody made up is text.
func TestNotes(t *testing.T) {
	w := httptest.NewRecorder()
	v := &visit{w: w, r: httptest.NewRequest("POST", "/x", nil)}
	v.done("some.id", "Name", "a")
	v.note.keep(v)
	r := httptest.NewRequest("GET", "/x", nil)
	r.AddCookie(w.Result().Cookies()[0])
	w = httptest.NewRecorder()
	next := &visit{w: w, r: r}
	if got := next.note.take(next); len(got) != 1 || got[0].ID != "some.id" || got[0].Args["Name"] != "a" || w.Result().Cookies()[0].MaxAge >= 0 {
		t.Errorf("%+v %v", got, w.Header())
	}
	for _, bad := range []string{"x", "W10", "e30", "bnVsbA"} {
		r := httptest.NewRequest("GET", "/x", nil)
		r.AddCookie(&http.Cookie{Name: noteCookie, Value: bad})
		v := &visit{w: httptest.NewRecorder(), r: r}
		if got := v.note.take(v); len(got) != 0 {
			t.Errorf("%q says %+v", bad, got)
		}
	}
}

func TestRoutes(t *testing.T) {
	pages := []page{{path: "/things/new"}, {path: "/things/{name}"}, {path: "/things/{name}/end"}, {path: "/"}}
	r := newRoutes(pages)
	for path, want := range map[string]string{"/things/new": "/things/new", "/things/new/": "/things/new", "//things//a%b": "/things/{name}", "/things/x/end": "/things/{name}/end", "/": "/", "": "/", "/things": "", "/x/y/z/a": ""} {
		v := &visit{}
		v.Path = path
		got := ""
		if at, ok := r.find(v); ok {
			got = at.path
		}
		if got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
}

func TestValues(t *testing.T) {
	v := &visit{form: pairs([]string{"a", " x ", "a", "", "a", "y", "b", "z"})}
	if got := v.values("a"); len(got) != 2 || got[0] != "x" || got[1] != "y" || v.value("b") != "z" {
		t.Errorf("%q", got)
	}
}
