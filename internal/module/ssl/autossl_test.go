package ssl_test

import (
	"testing"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/test/testserver"
)

func TestAutoSSL(t *testing.T) {
	s := testserver.New(t)
	for _, step := range []struct{ function, domains, want string }{
		{"get_autossl_excluded_domains", "", "[]"},
		{"add_autossl_excluded_domains", "www.example.com,EXAMPLE.com", "null"},
		{"add_autossl_excluded_domains", " mail.example.com ,, www.example.com", "null"},
		{"get_autossl_excluded_domains", "", `[{"excluded_domain":"example.com"},{"excluded_domain":"mail.example.com"},{"excluded_domain":"www.example.com"}]`},
		{"remove_autossl_excluded_domains", "example.com", "null"},
		{"get_autossl_excluded_domains", "", `[{"excluded_domain":"mail.example.com"},{"excluded_domain":"www.example.com"}]`},
		{"set_autossl_excluded_domains", "example.com", "null"},
		{"get_autossl_excluded_domains", "", `[{"excluded_domain":"example.com"}]`},
		{"set_autossl_excluded_domains", "", "null"},
		{"get_autossl_excluded_domains", "", "[]"},
		{"get_autossl_problems", "", "[]"},
		{"is_autossl_check_in_progress", "", "0"},
	} {
		var args []string
		if step.domains != "" {
			args = []string{"domains", step.domains}
		}
		if got := string(encode.Append(nil, s.UAPI("demo", "SSL", step.function, args...))); got != step.want {
			t.Errorf("%s %v: %s, want %s", step.function, args, got, step.want)
		}
	}
	for _, test := range []struct {
		function, domains string
		kind              latchkey.Kind
	}{
		{"add_autossl_excluded_domains", "example.net", latchkey.Invalid}, // another's
		{"set_autossl_excluded_domains", "example.com,nobody.example", latchkey.Invalid},
		{"add_autossl_excluded_domains", "a b", latchkey.Invalid},
		{"start_autossl_check", "", latchkey.Unavailable}, // it is off
	} {
		res := s.Call(call.UAPI, "demo", "SSL", test.function, "domains", test.domains)
		if latchkey.KindOf(res.Err) != test.kind || res.Err == nil {
			t.Errorf("%s %q: %v, want kind %v", test.function, test.domains, res.Err, test.kind)
		}
	}
}
