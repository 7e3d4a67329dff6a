package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// told answers every request with a word.
type told string

func (h told) ServeHTTP(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, string(h)) }

// Who comes over a network without TLS is sent on, unless they have shown what
// must not be shown again.
func TestToTLS(t *testing.T) {
	const there, here = "198.51.100.7:4000", "127.0.0.1:4000"
	port := "2083"
	h := toTLS{told("door"), "host.example.org", func() string { return port }}
	for _, test := range []struct{ what, from, method, target, header, want string }{
		{"a page", there, "GET", "/", "", "https://host.example.org:2083/"},
		{"its head", there, "HEAD", "/", "", "https://host.example.org:2083/"},
		{"with a query", there, "GET", "/execute/Email/list_pops?a=1;b=%zz", "", "https://host.example.org:2083/execute/Email/list_pops?a=1;b=%zz"},
		{"two slashes", there, "GET", "//evil.example/x", "", "https://host.example.org:2083//evil.example/x"},
		{"an escaped path", there, "GET", "/a%2Fb%0d%0a", "", "https://host.example.org:2083/a%2Fb%0d%0a"},
		{"another host in full", there, "GET", "http://evil.example/x", "", "https://host.example.org:2083/x"},
		{"a form", there, "POST", "/login/", "", "door"},
		{"a token", there, "GET", "/", "Authorization", "door"},
		{"a session", there, "GET", "/cpsess1/", "Cookie", "door"},
		{"a password", there, "GET", "/login/?login_only=1&user=demo&pass=secret", "", "door"},
		{"a hand-over", there, "GET", "/cpsess1/login/?session=secret", "", "door"},
		{"from this machine", here, "GET", "/", "", "door"},
		{"from this machine by IPv6", "[::1]:4000", "GET", "/", "", "door"},
		{"from nowhere", "", "GET", "/", "", "https://host.example.org:2083/"},
	} {
		r := httptest.NewRequest(test.method, test.target, nil)
		r.RemoteAddr, r.Host = test.from, "evil.example"
		if test.header != "" {
			r.Header.Set(test.header, "x")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := w.Body.String()
		if w.Code == http.StatusFound {
			got = w.Header().Get("Location")
		}
		if got != test.want {
			t.Errorf("%s: %d %q, want %q", test.what, w.Code, got, test.want)
		}
	}
	port = ""
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil)); w.Body.String() != "door" {
		t.Errorf("where no port has TLS: %d %q", w.Code, w.Body)
	}
}

// On one port the name of the host says which door is meant.
func TestServiceNames(t *testing.T) {
	s := serve(t, says, func(s *Server) {
		s.Routes.Account, s.Routes.Host, s.Routes.Webmail = told("account"), told("host"), told("webmail")
		s.Addresses.Services = "127.0.0.1:0"
	})
	tr := &http.Transport{TLSClientConfig: s.client}
	defer tr.CloseIdleConnections()
	for host, want := range map[string]string{
		"cpanel.example.com": "account", "CPANEL.example.com:443": "account", "whm.example.com": "host", "webmail.example.com": "webmail",
		"example.com": "nothing here", "cpanelx.example.com": "nothing here", "x.cpanel.example.com": "nothing here", "127.0.0.1": "nothing here",
	} {
		r, _ := http.NewRequest("GET", "https://"+s.Address("services")+"/execute/Email/list_pops", nil)
		r.Host = host
		res, err := tr.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if !strings.Contains(string(body), want) {
			t.Errorf("%s: %q, want %q", host, body, want)
		}
	}
}

// Services and sites cannot have one address: the server says which settings these
// are.
func TestApart(t *testing.T) {
	for _, test := range []struct {
		services, sites string
		ok              bool
	}{
		{":443", ":443", false}, {"127.0.0.1:443", "127.0.0.1:443", false}, {"192.0.2.1:443", "192.0.2.2:443", true},
		{"127.0.0.1:0", "127.0.0.1:0", true}, {"off", "off", true}, {"", "", true}, {":443", "auto", true},
	} {
		err := (&Addresses{Services: test.services, SitesSecure: test.sites}).apart()
		if (err == nil) != test.ok || err != nil && !strings.Contains(err.Error(), "sites_tls") {
			t.Errorf("services %q and sites_tls %q: %v", test.services, test.sites, err)
		}
	}
}
