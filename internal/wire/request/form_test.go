package request_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/wire/request"
)

func TestParseQuery(t *testing.T) {
	for _, test := range []struct {
		query string
		want  api.Args
	}{
		{"", nil},
		{"&&", nil},
		{"a", api.Args{q("a", "")}},
		{"a=", api.Args{q("a", "")}},
		{"=", api.Args{q("", "")}},
		{"=a", api.Args{q("", "a")}},
		{"a=b=c", api.Args{q("a", "b=c")}},
		{"&a=1&&b=2&", api.Args{q("a", "1"), q("b", "2")}},
		{"a=1;b=2&c=%zz", api.Args{q("a", "1;b=2"), q("c", "%zz")}},
		{"x=100%", api.Args{q("x", "100%")}},
		{"x=%4", api.Args{q("x", "%4")}},
		{"x=%%41", api.Args{q("x", "%A")}},
		{"x=%2541", api.Args{q("x", "%41")}},
		{"x=%aF%Fa", api.Args{q("x", "\xaf\xfa")}},
		{"x=+a%2Bb+", api.Args{q("x", " a+b ")}},
		{"a%26b=c%3Dd", api.Args{q("a&b", "c=d")}},
		{"a?b=#c", api.Args{q("a?b", "#c")}},
		{"x=%00%0d%0a", api.Args{q("x", "\x00\r\n")}},
	} {
		r := &http.Request{Method: "GET", URL: &url.URL{RawQuery: test.query}}
		p, err := request.Parse(r, request.Limits{})
		if err != nil || !slices.Equal(p.Args, test.want) {
			t.Errorf("Parse(?%s) = %v, %v; want %v", test.query, p.Args, err, test.want)
		}
	}
}
