package request_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/wire/request"
)

func TestParseJSON(t *testing.T) {
	for _, test := range []struct {
		body string
		want api.Args
	}{
		{`{}`, nil},
		{"\t{ }\r\n", nil},
		{`{"a":"x","b":"","c":"é\u00e9\ud83d\ude00\\ud800"}`, api.Args{b("a", "x"), b("b", ""), b("c", `éé😀\ud800`)}},
		{`{"a":1,"b":-0.50,"c":1e400,"d":12345678901234567890}`, api.Args{b("a", "1"), b("b", "-0.50"), b("c", "1e400"), b("d", "12345678901234567890")}},
		{`{"a":true,"b":false,"c":null}`, api.Args{b("a", "1"), b("b", "0")}},
		{`{"a":["x",1,true,null],"b":[]}`, api.Args{b("a", "x"), b("a", "1"), b("a", "1")}},
		{`{"a":1,"a":2,"":3}`, api.Args{b("a", "1"), b("a", "2"), b("", "3")}},
		{`{"add":"{\"ttl\":1}"}`, api.Args{b("add", `{"ttl":1}`)}},
		{`{"a":"\u0000"}`, api.Args{b("a", "\x00")}},
	} {
		p, err := request.Parse(post(asJSON, test.body), request.Limits{})
		if err != nil || !slices.Equal(p.Args, test.want) {
			t.Errorf("Parse(%s) = %v, %v; want %v", test.body, p.Args, err, test.want)
		}
	}
}

func TestParseBadJSON(t *testing.T) {
	deep := 500_000
	for _, test := range []struct {
		body string
		want string
	}{
		{`[]`, "must be one object"},
		{`"a"`, "must be one object"},
		{`null`, "must be one object"},
		{`hunter2`, "near byte"},
		{`{`, "near byte"},
		{`{"a"`, "near byte"},
		{`{"a":`, "near byte"},
		{`{"a":1`, "near byte"},
		{`{"a":1,}`, "near byte"},
		{`{"a":1]`, "near byte"},
		{`{"a":[1}`, "near byte"},
		{`{"a":[1,]}`, "near byte"},
		{`{"a":hunter2}`, "near byte"},
		{`{"a":"hunter2`, "near byte"},
		{`{1:2}`, "near byte"},
		{`{"a":01}`, "near byte"},
		{`{} {}`, "goes on after"},
		{`{}hunter2`, "goes on after"},
		{`{"a":{"b":1}}`, "‘a’ argument is nested"},
		{`{"a":[[1]]}`, "‘a’ argument is nested"},
		{`{"a":[{"b":1}]}`, "‘a’ argument is nested"},
		{`{"a":` + strings.Repeat(`[`, deep), "‘a’ argument is nested"},
		{strings.Repeat(`{"a":`, deep/5), "‘a’ argument is nested"},
		{"{\"a\":\"\xff\"}", "not valid UTF-8"},
		{`{"a":"\ud800"}`, "not valid UTF-8"},
		{`{"a":"\udc00\ud800"}`, "not valid UTF-8"},
		{`{"a":"\ud800x"}`, "not valid UTF-8"},
	} {
		_, err := request.Parse(post(asJSON, test.body), request.Limits{})
		check(t, test.body[:min(20, len(test.body))], err, test.want)
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Parse(%s): error shows the body: %v", test.body, err)
		}
	}
}
