package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
)

// note is what is said once, on the page that comes next: that something was
// done.
type note struct {
	ID   string            `json:"i"`
	Args map[string]string `json:"a,omitempty"`
	Bad  bool              `json:"b,omitempty"`
}

// notes are what is to be said on the page that comes next. They travel in a
// cookie of this host's own and are text, whatever stands in them.
type notes struct{ list []note }

const noteCookie = "__Host-note"

// done says on the next page that something was done.
func (v *visit) done(id string, args ...string) {
	n := note{ID: id}
	for i := 0; i+1 < len(args); i += 2 {
		if n.Args == nil {
			n.Args = make(map[string]string)
		}
		n.Args[args[i]] = args[i+1]
	}
	v.note.list = append(v.note.list, n)
}

func noteOf(value string, age int) *http.Cookie {
	return &http.Cookie{Name: noteCookie, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode}
}

// keep gives what is to be said to the browser, which brings it back.
func (n *notes) keep(v *visit) {
	if len(n.list) == 0 {
		return
	}
	text, err := json.Marshal(n.list)
	if err == nil && len(text) < 2<<10 {
		http.SetCookie(v.w, noteOf(base64.RawURLEncoding.EncodeToString(text), 120))
	}
}

// take is what is to be said now.
func (n *notes) take(v *visit) []note {
	list := n.list
	if c, err := v.r.Cookie(noteCookie); err == nil && c.Value != "" {
		var kept []note
		if text, err := base64.RawURLEncoding.DecodeString(c.Value); err == nil && json.Unmarshal(text, &kept) == nil {
			list = append(kept, list...)
		}
		http.SetCookie(v.w, noteOf("", -1))
	}
	return list
}
