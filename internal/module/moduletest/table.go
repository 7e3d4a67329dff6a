// Package moduletest runs the functions of a module as a table of calls and
// answers.
package moduletest

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/grant"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
)

// Row is a call, such as "add_pop?email=bob&quota=5", and its answer: JSON, or
// "kind: what the caller is told", or both for a call that failed in part or
// whose answer is no. A call that begins with "2:" gives the
// function's API 2 name, and its answer is in API 2's shape where the function
// says which one that is.
type Row [2]string

// Table makes the calls in their order, for one account.
func Table(t *testing.T, m api.Module[hosting.Account], acct hosting.Account, rows []Row) {
	t.Helper()
	for _, row := range rows {
		if got := Call(t, m, acct, row[0]); got != row[1] {
			t.Errorf("%s\n got %s\nwant %s", row[0], got, row[1])
		}
	}
}

// Call makes one call, written as in a [Row], and returns its answer likewise.
func Call(t *testing.T, m api.Module[hosting.Account], acct hosting.Account, call string) string {
	t.Helper()
	name, query, _ := strings.Cut(call, "?")
	name, old := strings.CutPrefix(name, "2:")
	for _, f := range m.Funcs {
		if f.OnlyAPI2 {
			f.API2, f.Name = f.Name, ""
		}
		if old && f.API2 != name || !old && f.Name != name {
			continue
		}
		data, err := f.Run.Whole(context.Background(), acct, arguments(t, query))
		if err != nil {
			e := latchkey.AsError(err)
			return e.Kind.String() + ": " + told(e)
		}
		failed := ""
		if a, ok := data.(api.Answer); ok {
			data = a.Data
			if len(a.Errors) > 0 {
				failed = " and failed: " + strings.Join(a.Errors, " ")
			}
			if a.No {
				failed = " and no: " + strings.Join(a.Messages, " ")
			}
		}
		if old && f.API2Data != nil {
			data = f.API2Data(data)
		}
		return string(encode.Append(nil, data)) + failed
	}
	t.Fatalf("%s has no function %q", m.Name, name)
	return ""
}

// told is what the caller hears of an error.
func told(e *latchkey.Error) string {
	if e.Msg != "" {
		return e.Msg
	}
	return e.Param
}

func arguments(t *testing.T, query string) (args api.Args) {
	t.Helper()
	if query == "" {
		return nil
	}
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		value, err := url.QueryUnescape(value)
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, api.Arg{Key: key, Value: value})
	}
	return args
}

// Narrow is acct in the hands of who holds these grants and calls a function;
// what they do not cover is "denied: no grant".
func Narrow(t *testing.T, acct hosting.Account, grants string, called latchkey.Called) hosting.Account {
	t.Helper()
	set, err := grant.Parse(grants)
	if err != nil {
		t.Fatal(err)
	}
	return hosting.Narrow(acct, func(things ...latchkey.Resource) error {
		if set.Covers(called, things...) {
			return nil
		}
		return latchkey.Errorf(latchkey.Denied, "no grant")
	})
}
