package wire_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire"
	"github.com/latchkey/latchkey/test/testserver"
)

// Where a request comes from, by the token's last use: only the word of a proxy
// that was named is taken, and of that only what a proxy has written.
func TestProxies(t *testing.T) {
	s := testserver.New(t)
	secret := s.Token("demo", "t")
	proxies, err := wire.ParseProxies("10.0.0.1, 127.0.0.1,2001:db8::/64")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what    string
		proxies wire.Proxies
		peer    string
		headers []string // of X-Forwarded-For
		want    string
	}{
		{"nobody is trusted", nil, "10.0.0.1", []string{"192.0.2.1"}, "10.0.0.1"},
		{"nor is this machine", nil, "127.0.0.1", []string{"192.0.2.1"}, "127.0.0.1"},
		{"a stranger's header", proxies, "10.0.0.2", []string{"192.0.2.1"}, "10.0.0.2"},
		{"a proxy's", proxies, "10.0.0.1", []string{"192.0.2.1"}, "192.0.2.1"},
		{"a proxy that says nothing", proxies, "10.0.0.1", nil, "10.0.0.1"},
		{"what the client had forged", proxies, "10.0.0.1", []string{"10.0.0.1, 198.51.100.1, 192.0.2.1"}, "192.0.2.1"},
		{"in a header of its own", proxies, "10.0.0.1", []string{"198.51.100.1", "192.0.2.1"}, "192.0.2.1"},
		{"two proxies", proxies, "10.0.0.1", []string{"198.51.100.1, 192.0.2.1, 2001:db8::5"}, "192.0.2.1"},
		{"proxies alone", proxies, "10.0.0.1", []string{"127.0.0.1"}, "127.0.0.1"},
		{"with a port", proxies, "10.0.0.1", []string{"192.0.2.1:4000"}, "192.0.2.1"},
		{"IPv6", proxies, "10.0.0.1", []string{"2001:db9::1"}, "2001:db9::1"},
		{"IPv6 with a port", proxies, "10.0.0.1", []string{"[2001:db9::1]:4000"}, "2001:db9::1"},
		{"IPv4 in IPv6's clothes", proxies, "[::ffff:10.0.0.1]", []string{"::ffff:192.0.2.1"}, "192.0.2.1"},
		{"a zone", proxies, "10.0.0.1", []string{"fe80::1%eth0"}, "fe80::1"},
		{"nonsense", proxies, "10.0.0.1", []string{"192.0.2.1, unknown"}, "10.0.0.1"},
		{"nonsense before a proxy", proxies, "10.0.0.1", []string{"192.0.2.1, ;, 2001:db8::5"}, "2001:db8::5"},
		{"no address", proxies, "10.0.0.1", []string{"0.0.0.0"}, "10.0.0.1"},
		{"commas", proxies, "10.0.0.1", []string{",,"}, "10.0.0.1"},
	} {
		s.Account.Proxies = test.proxies
		r := httptest.NewRequest(http.MethodGet, "/execute/Tokens/list", nil)
		r.RemoteAddr = test.peer + ":4000"
		r.Header["X-Forwarded-For"] = test.headers
		r.Header.Set("CF-Connecting-IP", "203.0.113.9")
		r.Header.Set("X-Real-IP", "203.0.113.9")
		r.Header.Set("Forwarded", "for=203.0.113.9")
		r.Header.Set("Authorization", "cpanel demo:"+secret)
		if a := s.Serve(s.Account, r); a.Status != http.StatusOK {
			t.Fatalf("%s: %d %s", test.what, a.Status, a.Body)
		}
		if got := lastUsedFrom(t, s); got != test.want {
			t.Errorf("%s: it comes from %s, want %s", test.what, got, test.want)
		}
	}
	for _, text := range []string{"10.0.0.1/", "proxy", "10.0.0.1 10.0.0.2"} {
		if p, err := wire.ParseProxies(text); err == nil {
			t.Errorf("%q is read as %v", text, p)
		}
	}
}

// lastUsedFrom is where demo's token was used from last.
func lastUsedFrom(t *testing.T, s *testserver.Server) string {
	t.Helper()
	on, err := s.Estate.Account(t.Context(), nil, &latchkey.Caller{Account: demoAccount(t, s), Name: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	list, err := on.Tokens().List(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("tokens: %v %v", list, err)
	}
	return list[0].Use.From
}

func demoAccount(t *testing.T, s *testserver.Server) latchkey.AccountID {
	t.Helper()
	e, err := s.Verifier.EntryOf(t.Context(), "demo")
	if err != nil {
		t.Fatal(err)
	}
	return e.Account.ID
}

// A proxy that took a credential in clear says so, and it is refused.
func TestProxiesInClear(t *testing.T) {
	s := testserver.New(t)
	secret := s.Token("demo", "t")
	s.Account.Proxies, _ = wire.ParseProxies("10.0.0.1")
	for _, test := range []struct {
		peer string
		said []string
		want int
	}{
		{"10.0.0.1", nil, 200},
		{"10.0.0.1", []string{"https"}, 200},
		{"10.0.0.1", []string{"http"}, 401},
		{"10.0.0.1", []string{"https, HTTP"}, 401},
		{"10.0.0.1", []string{"https", "http"}, 401},
		{"10.0.0.2", []string{"http"}, 200}, // nobody's word
	} {
		r := httptest.NewRequest(http.MethodGet, "/execute/Tokens/list", nil)
		r.RemoteAddr = test.peer + ":4000"
		r.Header["X-Forwarded-Proto"] = test.said
		r.Header.Set("Authorization", "cpanel demo:"+secret)
		if a := s.Serve(s.Account, r); a.Status != test.want {
			t.Errorf("%s says %v: %d, want %d", test.peer, test.said, a.Status, test.want)
		}
	}
}
