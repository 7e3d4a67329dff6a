package replay

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/test/testserver"
)

// Programs that sign in first, in their three manners, and then call under the
// prefix they were given: with a slash too many, as they put it together.
func TestSessions(t *testing.T) {
	s := start(t)
	const form = "user=alice&pass=" + testserver.Password
	for _, test := range []struct{ client, said string }{
		{"Ultimate Multisite", "GET /login/?login_only=1&" + form + " HTTP/1.1\nHost: {host}\nUser-Agent: WordPress/6.4\n\n"},
		{"cp-installssl", "GET /login/?login_only=1&" + form + " HTTP/1.1\nHost: {host}\nUser-Agent: curl/7.88.1\nAccept: */*\n\n"},
		{"luponata", "POST /login/?login_only=1 HTTP/1.1\nHost: {host}\nUser-Agent: python-requests/2.31.0\nContent-Length: {length}\nContent-Type: application/x-www-form-urlencoded\n\n" + form},
		{"PublicAPI", "POST /login HTTP/1.1\nHost: {host}\nUser-Agent: HTTP-Tiny/0.082\nContent-Length: {length}\nContent-Type: application/x-www-form-urlencoded\n\n" + form},
	} {
		prefix, cookie := s.signIn(t, test.client, test.said)
		call := func(path, cookie string) (string, int) {
			answer, res := s.ask(t, row{to: "account", said: "GET " + path + " HTTP/1.1\nHost: {host}\n" + cookie + "\n"})
			return answer, res.StatusCode
		}
		const list = "/execute/Email/list_pops"
		for _, path := range []string{prefix + list, "/" + prefix + list} {
			if answer, status := call(path, cookie); status != 200 || !regexp.MustCompile(boxes).MatchString(answer) {
				t.Errorf("%s: %s: %d %s", test.client, path, status, answer)
			}
		}
		for what, path := range map[string]string{"no prefix": list, "another": "/cpsess1235467" + list} {
			if answer, status := call(path, cookie); status != 401 {
				t.Errorf("%s with %s: %d %s", test.client, what, status, answer)
			}
		}
		if answer, status := call(prefix+list, ""); status != 401 {
			t.Errorf("%s without its cookie: %d %s", test.client, status, answer)
		}
	}
}

// signIn is the prefix and the cookie that a program finds in the answer to its
// sign-in, in JSON or in a redirect.
func (l *listening) signIn(t *testing.T, client, said string) (prefix, cookie string) {
	t.Helper()
	answer, res := l.ask(t, row{to: "account", said: said})
	prefix = res.Header.Get("Location")
	if prefix == "" {
		var in struct {
			Status        int    `json:"status"`
			SecurityToken string `json:"security_token"`
			Redirect      string `json:"redirect"`
		}
		if err := json.Unmarshal([]byte(answer), &in); err != nil || in.Status != 1 || !strings.HasPrefix(in.Redirect, in.SecurityToken+"/") {
			t.Fatalf("%s: %v: %s", client, err, answer)
		}
		prefix = in.SecurityToken
	}
	prefix = regexp.MustCompile(`^/cpsess\d{10}`).FindString(prefix)
	cookie, _, _ = strings.Cut(res.Header.Get("Set-Cookie"), ";")
	if prefix == "" || !strings.HasPrefix(cookie, "cpsession=") {
		t.Fatalf("%s: no session in %v %s", client, res.Header, answer)
	}
	return prefix, "Cookie: " + cookie + "\n"
}
