package module

import (
	"context"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
)

func nobody(context.Context, hosting.Account, string, string, api.Args) api.Answer {
	return api.Answer{}
}

// Every function says what it does and what each parameter is for, and those
// that by their names only look change nothing.
func TestDescriptions(t *testing.T) {
	for _, e := range api.NewRegistry(Account(nobody, nil), nil).All() {
		if !strings.HasSuffix(e.Doc, ".") {
			t.Errorf("%s: Doc %q is no sentence", e.FullName(), e.Doc)
		}
		for _, p := range e.Params() {
			if !strings.HasSuffix(p.Doc, ".") {
				t.Errorf("%s: the doc of %s, %q, is no sentence", e.FullName(), p.Name, p.Doc)
			}
		}
		verb, _, _ := strings.Cut(e.Name, "_")
		switch verb {
		case "get", "list", "has", "count":
			if e.Effect != api.Read {
				t.Errorf("%s is not a reading function", e.FullName())
			}
		}
	}
}

// No function breaks when it is called with nothing, or with every parameter
// empty, overlong or full of signs.
func TestOddArguments(t *testing.T) {
	values := []string{"", "0", "-1", "unlimited", "99999999999999999999", "\x00\xff\n", "(((", "%s%n", strings.Repeat("a", 1<<16), "a@b@c", "..", "|", "[]", `["A","b"]`}
	for _, m := range Account(nobody, nil) {
		for _, f := range m.Funcs {
			for _, value := range values {
				var args api.Args
				for _, p := range f.Run.Params() {
					args = append(args, api.Arg{Key: p.Name, Value: value})
				}
				_, _ = f.Run.Whole(t.Context(), hostingtest.New(), args) // it must return, whatever
			}
			_, _ = f.Run.Whole(t.Context(), hostingtest.New(), nil)
		}
	}
}
