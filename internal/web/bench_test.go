package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/latchkey/latchkey/test/testserver"
)

// BenchmarkPages is how long pages take for an account with 1,000 tokens.
func BenchmarkPages(b *testing.B) {
	s := testserver.New(b)
	for i := range 1000 {
		s.UAPI("demo", "Tokens", "create_limited", "name", fmt.Sprintf("token-%04d", i), "preset", "certificates_dns", "zone", "example.com")
	}
	in := signIn(b, s.Account, "demo", testserver.Password)
	for _, path := range []string{"/", "/tokens", "/tokens?q=token-07", "/tokens/new", "/token/token-0500"} {
		b.Run(path, func(b *testing.B) {
			for b.Loop() {
				r := httptest.NewRequest("GET", in.prefix+path, nil)
				r.Host, r.RemoteAddr = "host.example.org:2083", "198.51.100.7:4000"
				r.Header.Set("Accept", "text/html")
				r.Header.Set("Sec-Fetch-Site", "same-origin")
				for name, value := range in.jar {
					r.AddCookie(&http.Cookie{Name: name, Value: value})
				}
				w := httptest.NewRecorder()
				s.Account.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatalf("%d %s", w.Code, w.Body)
				}
			}
		})
	}
}
