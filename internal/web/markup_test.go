package web_test

import (
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/latchkey/latchkey/test/testserver"
)

const mark = "h0stile"

// markup are texts that would be more than text where a page takes them for its
// own.
var markup = []string{
	"<script>" + mark + "</script>", `"><img src=x onerror=` + mark + `>`, `' onfocus=` + mark + ` autofocus x='`, "{{" + mark + "}}", "javascript:" + mark, "]]><" + mark + ">",
	"<!--" + mark, "&lt;" + mark + ";", "</title><" + mark + ">", "</textarea><svg onload=" + mark + ">",
}

// plainAttributes may hold what somebody wrote.
var plainAttributes = []string{"value", "title", "aria-label", "placeholder", "href", "action", "content", "hx-get", "hx-post"}

// reader reads pages as a browser does, and notes what is to be visited and filled
// in.
type reader struct {
	*browser
	seen  map[string]bool
	forms map[string]bool
	pages int
}

// inert holds an answer to have hostile text as text alone.
func (r *reader) inert(what string, w *httptest.ResponseRecorder) *html.Node {
	r.t.Helper()
	if w.Header().Get("Content-Security-Policy") == "" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		r.t.Errorf("%s: %d lacks the policy: %v", what, w.Code, w.Header())
	}
	if w.Code >= 500 && w.Code != 503 {
		r.t.Errorf("%s: %d %s", what, w.Code, w.Body)
	}
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		return nil
	}
	r.pages++
	root, err := html.Parse(strings.NewReader(w.Body.String()))
	if err != nil {
		r.t.Fatal(err)
	}
	for n := range root.Descendants() {
		switch {
		case n.Type == html.TextNode && n.Parent != nil && (n.Parent.Data == "script" || n.Parent.Data == "style") && n.Data != "",
			n.Type == html.CommentNode, n.Type == html.ElementNode && (strings.Contains(n.Data, mark) || n.Data == "img"):
			r.t.Errorf("%s: %q leaves its text", what, n.Data)
		case n.Type == html.ElementNode:
			for _, a := range n.Attr {
				bad := strings.Contains(a.Key, mark) || strings.HasPrefix(a.Key, "on") || strings.HasPrefix(strings.TrimSpace(strings.ToLower(a.Val)), "javascript:") && a.Key != "value" && a.Key != "title" && a.Key != "aria-label"
				if bad || strings.Contains(a.Val, mark) && !slices.Contains(plainAttributes, a.Key) {
					r.t.Errorf("%s: <%s %s=%q>", what, n.Data, a.Key, a.Val)
				}
			}
		}
	}
	return root
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// most is how many pages one crawl visits.
const most = 400

// crawl visits every page that can be reached, and sends every form with hostile
// text in each field that takes text.
func (r *reader) crawl(from string, text string) {
	next := []string{from}
	for len(next) > 0 && len(r.seen) < most {
		at := next[0]
		next = next[1:]
		if r.seen[at] || !strings.HasPrefix(at, r.prefix) || strings.Contains(at, "/logout") {
			continue
		}
		r.seen[at] = true
		root := r.inert("GET "+at, r.ask("GET", at, ""))
		if root == nil {
			continue
		}
		for n := range root.Descendants() {
			if n.Data == "a" && strings.HasPrefix(attr(n, "href"), "/") {
				next = append(next, attr(n, "href"))
			}
			if n.Data == "form" {
				r.send(n, text)
			}
		}
	}
}

// send sends a form with text in each of its fields that take any.
func (r *reader) send(form *html.Node, text string) {
	to, fields := attr(form, "action"), url.Values{}
	if r.forms[to+text] || strings.Contains(to, "/logout") || strings.HasSuffix(to, "/choose") {
		return
	}
	r.forms[to+text] = true
	for n := range form.Descendants() {
		switch n.Data {
		case "input", "textarea":
			switch attr(n, "type") {
			case "checkbox", "radio":
				fields.Add(attr(n, "name"), attr(n, "value"))
			default:
				fields.Add(attr(n, "name"), text)
			}
		case "select":
			fields.Add(attr(n, "name"), text)
		}
	}
	if attr(form, "method") == "post" {
		r.inert("POST "+to, r.ask("POST", to, fields.Encode()))
		return
	}
	r.inert("GET "+to, r.ask("GET", to+"?"+fields.Encode(), ""))
}

// TestMarkup: whatever somebody writes is text, on every page and every page that
// says what is wrong, where it was kept and where it is shown again at once.
func TestMarkup(t *testing.T) {
	s := testserver.New(t)
	for i, text := range markup {
		s.Call(0, "demo", "Tokens", "create_limited", "name", "t"+string(rune('a'+i)), "preset", "read_only", "note", text)
		s.WHM("addpkg", "name", strings.ReplaceAll(text, "/", "|"))
		s.WHM("create_featurelist", "featurelist", strings.ReplaceAll(text, "/", "|"))
		r := httptest.NewRequest("GET", "/execute/Quota/get_quota_info", nil)
		r.Header.Set("Authorization", "cpanel demo:wrong")
		r.Header.Set("User-Agent", text)
		s.Serve(s.Account, r)
	}
	s.WHM("suspendacct", "user", "other", "reason", markup[1])
	pages, forms := 0, 0
	for _, b := range []*browser{signIn(t, s.Account, "demo", testserver.Password), host(t, s)} {
		for _, text := range markup {
			r := &reader{browser: b, seen: map[string]bool{}, forms: map[string]bool{}}
			for _, at := range []string{"/" + url.PathEscape(text), "/token/" + url.PathEscape(text), "/account/" + url.PathEscape(text), "/package/" + url.PathEscape(text), "/tokens?q=" + url.QueryEscape(text), "/?" + url.QueryEscape(text) + "=" + url.QueryEscape(text)} {
				r.inert("GET "+at, r.ask("GET", b.prefix+at, ""))
				r.inert("GET "+at+" without a session", r.ask("GET", at, "", "Cookie", ""))
			}
			for path, fields := range map[string]url.Values{
				"/security/factor":        {"secret": {text}, "url": {text}, "code": {text}, "password": {text}, "now": {text}},
				"/security/recovery":      {"password": {text}, "now": {text}},
				"/security/password":      {"password": {text}, "now": {text}, "new_password": {text}, "again": {text}},
				"/account/demo/remove":    {"confirm": {text}},
				"/account/other/password": {"new_password": {""}, "x": {text}},
			} {
				r.inert("POST "+path, r.ask("POST", b.prefix+path, fields.Encode()))
			}
			r.crawl(b.prefix+"/", text)
			pages, forms = pages+r.pages, forms+len(r.forms)
		}
	}
	t.Logf("%d pages and %d forms with %d texts", pages, forms, len(markup))
}
