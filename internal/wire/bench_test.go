package wire_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/latchkey/latchkey/test/testserver"
)

// discard is a ResponseWriter that costs nothing of its own.
type discard struct{ h http.Header }

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// BenchmarkCall is one authenticated call from the request to the answer,
// without the network.
func BenchmarkCall(b *testing.B) {
	s := testserver.New(b)
	for _, bench := range []struct{ name, target, authorization string }{
		{"quota", "/execute/Quota/get_quota_info", "cpanel demo:" + s.Token("demo", "bench")},
		{"refused", "/execute/Quota/get_quota_info", "cpanel other:" + s.Token("demo", "bench2")},
		{"garbage", "/execute/Quota/get_quota_info", "cpanel demo:X"},
		{"list_pops", "/execute/Email/list_pops?skip_main=1", "cpanel demo:" + s.Token("demo", "bench3")},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, bench.target, nil)
			r.RemoteAddr = "198.51.100.7:4000"
			r.Header.Set("Authorization", bench.authorization)
			r.Header.Set("User-Agent", "bench/1")
			w := &discard{h: http.Header{}}
			s.Account.ServeHTTP(w, r)
			b.ReportAllocs()
			for b.Loop() {
				s.Account.ServeHTTP(w, r)
			}
		})
	}
}
