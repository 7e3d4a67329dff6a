package whm

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
)

// row is a call, such as "createacct?username=bob", and what comes of it: JSON,
// or "kind: what the caller is told".
type row struct{ call, want string }

// run makes the calls in their order, for one host.
func run(t *testing.T, h *hostingtest.Host, rows []row) {
	t.Helper()
	for _, r := range rows {
		if got := call(t, h, r.call); got != r.want {
			t.Errorf("%s\n got %s\nwant %s", r.call, got, r.want)
		}
	}
}

// has makes the calls and looks for a part of what comes of them.
func has(t *testing.T, h *hostingtest.Host, rows []row) {
	t.Helper()
	for _, r := range rows {
		if got := call(t, h, r.call); !strings.Contains(got, r.want) {
			t.Errorf("%s\n got %s\nwant it to contain %s", r.call, got, r.want)
		}
	}
}

func call(t *testing.T, h *hostingtest.Host, line string) string {
	t.Helper()
	name, query, _ := strings.Cut(line, "?")
	data, err := function(t, name).Run.Whole(t.Context(), h, arguments(t, query))
	if err != nil {
		e := latchkey.AsError(err)
		if e.Msg == "" {
			return e.Kind.String() + ": " + e.Param
		}
		return e.Kind.String() + ": " + e.Msg
	}
	var warnings string
	if a, ok := data.(api.Answer); ok {
		data = a.Data
		for _, w := range a.Warnings {
			warnings += " warning: " + w
		}
	}
	return string(encode.Append(nil, data)) + warnings
}

func function(t *testing.T, name string) api.Func[hosting.Host] {
	t.Helper()
	for _, f := range Module.Funcs {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("there is no function %q", name)
	return api.Func[hosting.Host]{}
}

func arguments(t *testing.T, query string) (args api.Args) {
	t.Helper()
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		value, err := url.QueryUnescape(value)
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, api.Arg{Key: key, Value: value})
	}
	return args
}

// newHost is a server with two accounts and a package.
func newHost(t *testing.T) *hostingtest.Host {
	t.Helper()
	h := hostingtest.NewHost()
	run(t, h, []row{
		{`addpkg?name=gold&quota=1024&maxpop=5`, `{"pkg":"gold"}`},
		{`createacct?username=alice&domain=example.com&plan=gold&contactemail=a@example.org`, createdIn("gold")},
		{`createacct?username=bob&domain=example.net`, createdIn("default")},
	})
	return h
}

func createdIn(plan string) string {
	return `{"ip":"192.0.2.1","nameserver":"","nameserver2":"","nameserver3":"","nameserver4":"",` +
		`"nameservera":null,"nameservera2":null,"nameservera3":null,"nameservera4":null,` +
		`"nameserverentry":null,"nameserverentry2":null,"nameserverentry3":null,"nameserverentry4":null,"package":"` + plan + `"}`
}

// strong is a password that the server takes.
const strong = "kY7.wolke-Tisch3"

func TestModule(t *testing.T) {
	api.NewRegistry(nil, []api.Module[hosting.Host]{Module}) // panics for a function declared twice
	for _, f := range Module.Funcs {
		if f.Doc == "" {
			t.Errorf("%s has no Doc", f.Name)
		}
		for _, p := range f.Run.Params() {
			if p.Doc == "" {
				t.Errorf("%s: %s has no doc", f.Name, p.Name)
			}
		}
	}
	for name, want := range map[string]string{"createacct": "Account Creation Ok", "modifyacct": "Account Modified"} {
		if got := function(t, name).Reason; got != want {
			t.Errorf("the reason of %s is %q, want %q", name, got, want)
		}
	}
}

// TestReadOnly holds that what a read-only token may call changes nothing.
func TestReadOnly(t *testing.T) {
	for _, f := range Module.Funcs {
		reads := false
		for _, prefix := range []string{"list", "get", "read", "accountsummary", "verify", "api_token_list", "api_token_get", "resellerstats", "version", "myprivs",
			"acctcounts", "quota_enabled", "showbw", "domainuserdata", "has", "matchpkgs", "_get", "systemloadavg", "loadavg", "is_", "dumpzone", "latchkey_activity", "server_findings"} {
			reads = reads || strings.HasPrefix(f.Name, prefix)
		}
		if got := f.Effect == api.Read; got != reads {
			t.Errorf("%s: reads = %v, want %v", f.Name, got, reads)
		}
	}
}

func TestServer(t *testing.T) {
	h := hostingtest.NewHost()
	run(t, h, []row{
		{`version`, `{"version":"1.2.3"}`},
		{`gethostname`, `{"hostname":"host.example.net"}`},
	})
	has(t, h, []row{
		{`myprivs`, `{"privileges":[{"acct-summary":1,`},
		{`myprivs`, `"suspend-acct":1,"thirdparty":1,"track-email":1,"upgrade-account":1,"viewglobalpackages":1}]}`},
	})
	h.Who.ReadOnly = true
	has(t, h, []row{
		{`myprivs`, `"all":0,`},
		{`myprivs`, `"list-accts":1,`},
		{`myprivs`, `"suspend-acct":0,`},
	})
}

// FuzzCall calls every function with whatever arguments: none may panic, and
// what they answer is JSON.
func FuzzCall(f *testing.F) {
	for i := range Module.Funcs {
		f.Add(i, "user", "bob", "features", `{"backup":1}`)
	}
	f.Add(0, "username", "carol", "domain", "c.example")
	f.Add(5, "search", ")", "searchtype", "user")
	f.Fuzz(func(t *testing.T, i int, key1, value1, key2, value2 string) {
		h := newHost(t)
		fn := Module.Funcs[uint(i)%uint(len(Module.Funcs))]
		data, err := fn.Run.Whole(t.Context(), h, api.Args{{Key: key1, Value: value1}, {Key: key2, Value: value2}})
		if err != nil && latchkey.KindOf(err) == latchkey.Internal {
			t.Errorf("%s %q=%q %q=%q: %v is nobody's mistake", fn.Name, key1, value1, key2, value2, err)
		}
		if !json.Valid(encode.Append(nil, data)) {
			t.Errorf("%s %q=%q %q=%q: the answer is not JSON", fn.Name, key1, value1, key2, value2)
		}
	})
}
