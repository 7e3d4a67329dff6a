package relay

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
)

// echo answers with what it was asked, and fails as the function's name says.
func echo(_ context.Context, on hosting.Account, module, function string, args api.Args) api.Answer {
	if function == "fails" {
		return api.Answer{Errors: []string{"no"}}
	}
	return api.Answer{Data: fmt.Sprint(on.Caller().Name, " through ", on.Caller().Through.Name, ": ", module, "::", function, args)}
}

func echoHost(_ context.Context, on hosting.Host, function string, args api.Args) api.Answer {
	switch function {
	case "fails":
		return api.Answer{Errors: []string{"no"}, Reason: "no"}
	case "void":
		return api.Answer{Reason: "Done", Warnings: []string{"w"}}
	}
	return api.Answer{Data: fmt.Sprint(on.Caller().Name, ": ", function, args), Reason: "OK"}
}

// call runs a function with arguments as in a URL.
func call(t *testing.T, h hosting.Host, name, query string) string {
	t.Helper()
	var args api.Args
	for pair := range strings.SplitSeq(query, "&") {
		key, value, ok := strings.Cut(pair, "=")
		value, err := url.QueryUnescape(value)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			args = append(args, api.Arg{Key: key, Value: value})
		}
	}
	for _, f := range New(echo, echoHost).Funcs {
		if f.Name != name {
			continue
		}
		data, err := f.Run.Call(t.Context(), h, args)
		if err != nil {
			e := latchkey.AsError(err)
			return e.Kind.String() + ": " + e.Param + e.Msg
		}
		failed := ""
		if a, ok := data.(api.Answer); ok {
			data, failed = a.Data, strings.Join(a.Errors, "; ")
		}
		return string(encode.Append(nil, data)) + failed
	}
	t.Fatalf("there is no function %s", name)
	return ""
}

func newHost(t *testing.T) *hostingtest.Host {
	t.Helper()
	h := hostingtest.NewHost()
	if _, err := h.CreateAccount(t.Context(), hosting.NewAccount{Name: "alice", Domain: "alice.example"}); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestUAPI(t *testing.T) {
	h := newHost(t)
	for _, test := range [][2]string{
		{"cpanel.user=alice&cpanel.module=Email&cpanel.function=list_pops&skip_main=1",
			`{"uapi":{"data":"alice through root: Email::list_pops[{skip_main 1 false}]","errors":null,"messages":null,"metadata":{},"status":1,"warnings":null}}`},
		{"cpanel.user=alice&cpanel.module=Email&cpanel.function=fails",
			`{"uapi":{"data":null,"errors":["no"],"messages":null,"metadata":{},"status":0,"warnings":null}}`},
		{"cpanel.user=nobody&cpanel.module=Email&cpanel.function=list_pops", `not-found: There is no account “nobody”.`},
		{"cpanel.user=root&cpanel.module=Email&cpanel.function=list_pops", `not-found: There is no account “root”.`},
		{"cpanel.module=Email&cpanel.function=list_pops", `missing: cpanel.user`},
		{"cpanel.user=alice&cpanel.function=list_pops", `missing: cpanel.module`},
		{"cpanel.user=alice&cpanel.module=Email", `missing: cpanel.function`},
	} {
		if got := call(t, h, "uapi_cpanel", test[0]); got != test[1] {
			t.Errorf("uapi_cpanel?%s\n got %s\nwant %s", test[0], got, test[1])
		}
	}
}

func TestBatch(t *testing.T) {
	const ok = `{"data":"root: %s","metadata":{"command":"%s","reason":"OK","result":1,"version":1}}`
	const no = `{"metadata":{"command":"fails","reason":"no","result":0,"version":1}}`
	h := newHost(t)
	for _, test := range [][2]string{
		{"command=version", `{"result":[` + fmt.Sprintf(ok, "version[]", "version") + `]}`},
		{"command=void%3Fapi.version%3D1", `{"result":[{"metadata":{"command":"void","output":{"messages":[],"warnings":["w"]},"reason":"Done","result":1,"version":1}}]}`},
		{"command=a%3Fuser%3Dx%252By%26k%3D%26%26l%3D%25C3%25A9%2520%252526&command-1=b", `{"result":[` + fmt.Sprintf(ok, "a[{user x+y true} {k  true} {l é %26 true}]", "a") + `,` + fmt.Sprintf(ok, "b[]", "b") + `]}`},
		{"command=fails&command=a", `{"result":[` + no + `,` + fmt.Sprintf(ok, "a[]", "a") + `]}Command 1 of 2 (fails) failed: no`},
		{"command=fails&command=a&abort_on_error=1", `{"result":[` + no + `]}Command 1 of 2 (fails) failed: no`},
		{"", `missing: command`},
		{"command=batch%3Fcommand%3Dversion", `invalid: commandThe “command” argument is invalid: it must not be a batch itself.`},
		{"command=a&command=", `invalid: commandThe “command” argument is invalid: it must be a function and its arguments, such as accountsummary?user=demo.`},
		{"command=accountsummary%253Fuser%253Dx", `invalid: commandThe “command” argument is invalid: it must be a function and its arguments, such as accountsummary?user=demo.`},
		{"command=a%3Fb%3D100%25", `invalid: commandThe “command” argument is invalid: it must have its arguments encoded as in a URL: write %25 for a percent sign.`},
		{"command=a%3Fapi.filter.enable%3D1", `invalid: commandThe “command” argument is invalid: it must not have the argument “api.filter.enable”: call the function by itself to filter, sort or cut its answer.`},
		{strings.Repeat("command=a&", 1001), `invalid: commandA batch may hold at most 1000 commands, and this one holds 1001.`},
	} {
		if got := call(t, h, "batch", test[0]); got != test[1] {
			t.Errorf("batch?%.200s\n got %s\nwant %s", test[0], got, test[1])
		}
	}
}

// FuzzCommand: whatever a command says, it is taken or refused in words.
func FuzzCommand(f *testing.F) {
	f.Add("accountsummary?user=demo&api.version=1")
	f.Add("a?%zz")
	f.Fuzz(func(t *testing.T, text string) {
		var c command
		if err := c.ParseParam(text); err == nil && (c.function == "" || c.function == "batch") {
			t.Errorf("%q is taken for a call of %q", text, c.function)
		}
	})
}
