package request_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/request"
)

// withAuth is a request with the given Authorization headers.
func withAuth(headers ...string) *http.Request {
	r := &http.Request{Header: http.Header{}}
	for _, h := range headers {
		r.Header.Add("Authorization", h)
	}
	return r
}

func base(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestCredentials(t *testing.T) {
	const (
		token = latchkey.SchemeToken
		host  = latchkey.SchemeHostToken
		basic = latchkey.SchemeBasic
		bad   = latchkey.SchemeMalformed
	)
	long := strings.Repeat("u", latchkey.MaxUser)
	for _, test := range []struct {
		header       string
		scheme       latchkey.Scheme
		user, secret string
	}{
		{"cpanel alice:TOKEN", token, "alice", "TOKEN"},
		{"CPanel alice:TOKEN", token, "alice", "TOKEN"},
		{"cpanel  alice: TOKEN ", token, "alice", "TOKEN"},
		{"cpanel\talice :TOKEN", token, "alice", "TOKEN"},
		{"cpanel alice:TOKEN\n\r", token, "alice", "TOKEN"},
		{"cpanel alice:TO:KEN", token, "alice", "TO:KEN"},
		{"cpanel alice:TO KEN", token, "alice", "TO KEN"},
		{"whm root:TOKEN", host, "root", "TOKEN"},
		{"WHM root:TOKEN", host, "root", "TOKEN"},
		{"WHM root:0a1b\r\n2c3d\n 4e5f\t\n\r", host, "root", "0a1b2c3d4e5f"},
		{"WHM root:\r\n0a1b\xff\n\xfe", host, "root", "0a1b\xff\xfe"},
		{"Basic " + base("alice:pass:word"), basic, "alice", "pass:word"},
		{"basic " + base("alice:pa"), basic, "alice", "pa"},
		{"BASIC " + base("bob@example.test: p\xe9 ") + "\n\r", basic, "bob@example.test", " p\xe9 "},
		{"Basic " + strings.TrimRight(base("alice:p"), "="), basic, "alice", "p"},
		{"Basic " + base("a:"+strings.Repeat("p", 4000)), basic, "a", strings.Repeat("p", 4000)},
		{"cpanel " + long + ":T", token, long, "T"},

		{"", bad, "", ""},
		{"cpanel", bad, "", ""},
		{"cpanel ", bad, "", ""},
		{"cpanel alice", bad, "", ""},
		{"cpanel alice:", bad, "", ""},
		{"cpanel :TOKEN", bad, "", ""},
		{"cpanel:alice:TOKEN", bad, "", ""},
		{"cpanel alice:TO\r\nKEN", bad, "", ""},
		{"cpanel al\x00ice:TOKEN", bad, "", ""},
		{"cpanel " + long + "u:T", bad, "", ""},
		{"whm root: \r\n", bad, "", ""},
		{"Basic", bad, "", ""},
		{"Basic alice:password", bad, "", ""},
		{"Basic " + base("alice"), bad, "", ""},
		{"Basic " + base("alice:"), bad, "", ""},
		{"Basic " + base(":password"), bad, "", ""},
		{"Basic " + base("alice:pass\x00word"), bad, "", ""},
		{"Basic " + base("alice\n:password"), bad, "", ""},
		{"Ba\u017fic " + base("alice:password"), bad, "", ""},
		{"Bearer TOKEN", bad, "", ""},
		{"webmail bob:TOKEN", bad, "", ""},
		{"alice:TOKEN", bad, "", ""},
	} {
		got := request.Credentials(withAuth(test.header))
		if got.Scheme != test.scheme || got.User != test.user || got.Secret.Reveal() != test.secret {
			t.Errorf("Credentials(%q) = %v %q %q; want %v %q %q", test.header,
				got.Scheme, got.User, got.Secret.Reveal(), test.scheme, test.user, test.secret)
		}
	}
}

func TestCredentialsNoneOrMany(t *testing.T) {
	if got := request.Credentials(withAuth()); got != (latchkey.Credentials{}) {
		t.Errorf("without a header: %+v; want none", got)
	}
	twice := withAuth("cpanel alice:TOKEN", "cpanel alice:TOKEN")
	if got := request.Credentials(twice); got != (latchkey.Credentials{Scheme: latchkey.SchemeMalformed}) {
		t.Errorf("with two headers: %+v; want malformed", got)
	}
}

func TestCredentialsDoNotShowTheSecret(t *testing.T) {
	c := request.Credentials(withAuth("cpanel alice:HUNTER2"))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if got := fmt.Sprintf(verb, c); strings.Contains(got, "HUNTER2") || strings.Contains(got, fmt.Sprintf("%x", "HUNTER2")) {
			t.Errorf("%s shows the secret: %s", verb, got)
		}
	}
}

func TestCredentialsAllocate(t *testing.T) {
	for _, test := range []struct {
		header string
		want   float64
	}{
		{"cpanel alice:LK0123456789ABCDEFGHIJKLMNOPQRST", 0},
		{"WHM root:LK0123456789ABCDEFGHIJKLMNOPQRST\n\r", 0},
		{"Basic " + base("bob@example.test:correct horse battery staple"), 1}, // the decoded text
	} {
		r := withAuth(test.header)
		if got := testing.AllocsPerRun(100, func() { request.Credentials(r) }); got != test.want {
			t.Errorf("Credentials(%q) allocates %v times; want %v", test.header, got, test.want)
		}
	}
}
