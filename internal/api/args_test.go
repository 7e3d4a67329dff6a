package api_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey/latchkey/internal/api"
)

func q(key, value string) api.Arg { return api.Arg{Key: key, Value: value} }
func b(key, value string) api.Arg { return api.Arg{Key: key, Value: value, Body: true} }

// How programs say a scalar: once, twice, in query and body.
func TestLookup(t *testing.T) {
	for _, test := range []struct {
		args api.Args
		want string
	}{
		{api.Args{q("zone", "a")}, "a"},
		{api.Args{q("zone", "a"), b("zone", "a")}, "a"},
		{api.Args{q("zone", "a"), b("zone", "b")}, "b"},
		{api.Args{b("zone", "b"), q("zone", "a")}, "b"},
		{api.Args{q("zone", "a"), q("zone", "b")}, "a"},
		{api.Args{b("zone", "a"), b("zone", "b")}, "a"},
		{api.Args{q("zone", "a"), b("zone", "")}, ""},
		{api.Args{q("Zone", "a")}, ""},
		{nil, ""},
	} {
		if got := test.args.Text("zone"); got != test.want {
			t.Errorf("%v: %q, want %q", test.args, got, test.want)
		}
	}
}

// How programs say a list: repeated, numbered from 0 or 1, or a mixture.
func TestList(t *testing.T) {
	for _, test := range []struct {
		args api.Args
		want []string
	}{
		{api.Args{q("add", "1")}, []string{"1"}},
		{api.Args{q("add", "1"), q("add", "2")}, []string{"1", "2"}},
		{api.Args{q("add-0", "1"), q("add-1", "2")}, []string{"1", "2"}},
		{api.Args{q("add-10", "10"), q("add-9", "9"), q("add", "0")}, []string{"0", "9", "10"}},
		{api.Args{q("zone", "z"), b("add", "1"), q("add", "2")}, []string{"1"}},
		{api.Args{q("add", "1"), b("add-0", "2")}, []string{"2"}},
		{api.Args{q("add1", "1"), q("add-x", "2"), q("add--1", "3"), q("adds", "4")}, nil},
	} {
		if diff := cmp.Diff(test.want, test.args.List("add")); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.args, diff)
		}
	}
}

// The rules of a mail filter are numbered without a dash.
func TestNumbered(t *testing.T) {
	args := api.Args{q("part1", "$header_from:"), q("part2", "$header_to:"), q("part10", "x"), b("part2", "body"), q("part", "no"), q("part-1", "no"), q("partx", "no"), q("apart1", "no")}
	want := map[int]string{1: "$header_from:", 2: "body", 10: "x"}
	if diff := cmp.Diff(want, args.Numbered("part")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What a function gets of arguments that were said in every way.
func TestBind(t *testing.T) {
	type params struct {
		Zone string   `param:"zone"`
		Add  []string `param:"add,optional"`
		TTL  int      `param:"ttl,optional"`
	}
	run := api.Run(func(_ context.Context, _ struct{}, p params) (params, error) { return p, nil })
	got, err := run.Call(t.Context(), struct{}{}, api.Args{q("zone", "example.com"), b("zone", "example.com"), b("add-0", "1"), b("add-1", "2"), q("ttl", "0"), q("unknown", "x")})
	want := params{"example.com", []string{"1", "2"}, 0}
	if diff := cmp.Diff(any(want), got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
