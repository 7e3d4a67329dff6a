package dynamicdns

import (
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/grant"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

const (
	first, second = "idofadynamichostaaaaaaaaaaaaaaab", "idofadynamichostaaaaaaaaaaaaaaac"
	home          = `{"created_time":1767268800,"description":"Home network","domain":"home.example.com","id":"` + first + `","last_run_times":[],"last_update_time":null}`
)

func TestDynamicDNS(t *testing.T) {
	moduletest.Table(t, Module, hostingtest.New(), []moduletest.Row{
		{"list", `[]`},
		{"create", "missing: domain"},
		{"create?domain=home.example.com&description=Home+network", `{"created_time":1767268800,"id":"` + first + `"}`},
		{"create?domain=home.example.com", "exists: The domain “home.example.com” is a dynamic DNS domain already."},
		{"create?domain=home.example.net", "not-found: You do not control a DNS zone named home.example.net."},
		{"create?domain=www.example.com", "invalid: The domain “www.example.com” is an alias: remove its CNAME record first, a name with one can have no address."},
		{"list", `[` + home + `]`},
		{"set_description?id=" + first, "missing: description"},
		{"set_description?id=" + first + "&description=x", `null`},
		{"set_description?id=" + second + "&description=x", "not-found: You have no dynamic DNS domain with this ID."},
		{"recreate?id=" + first, `{"id":"` + second + `"}`},
		{"recreate?id=" + first, "not-found: You have no dynamic DNS domain with this ID."},
		{"delete?id=" + first, `{"deleted":0}`},
		{"delete?id=" + second, `{"deleted":1}`},
		{"list", `[]`},
	})
}

// TestNarrow: who may not change a host is not told what changes it.
func TestNarrow(t *testing.T) {
	acct := hostingtest.New()
	for _, name := range []string{"home", "cabin"} {
		moduletest.Call(t, Module, acct, "create?domain="+name+".example.com")
	}
	const hidden = `{"created_time":1767268800,"description":"","domain":"home.example.com","id":null,"last_run_times":[],"last_update_time":null}`
	for _, row := range []struct{ grants, call, want string }{
		{"DynamicDNS:read(zone=example.com, name=home)", "list", `[` + hidden + `]`},
		{"DynamicDNS:write(zone=example.com, name=home, type=A)", "list", `[]`},
		{"DynamicDNS:write(zone=example.com, name=home, type=A|AAAA)", "recreate?id=" + second, "denied"},
		{"DynamicDNS:write(zone=example.com, name=home, type=A|AAAA)", "delete?id=" + second, "denied"},
		{"DynamicDNS:write(zone=example.com, name=home, type=A)", "create?domain=home.example.com", "denied"},
		{"DynamicDNS:write(zone=example.com, name=home, type=A|AAAA)", "create?domain=shed.example.com", "denied"},
		{"DynamicDNS:write(zone=example.com, name=home, type=A|AAAA)", "set_description?id=" + first + "&description=x", "null"},
	} {
		set, err := grant.Parse(row.grants)
		if err != nil {
			t.Fatal(err)
		}
		acct.Who.Rights = set
		var called latchkey.Called
		for _, f := range Module.Funcs {
			if len(row.call) >= len(f.Name) && row.call[:len(f.Name)] == f.Name {
				called = latchkey.Called{Module: Module.Name, Name: f.Name, Write: f.Effect != 0}
			}
		}
		on := hosting.Narrow(acct, func(things ...latchkey.Resource) error {
			if !set.Covers(called, things...) {
				return latchkey.Errorf(latchkey.Denied, "no")
			}
			return nil
		})
		if got := moduletest.Call(t, Module, on, row.call); got != row.want && got != row.want+": no" {
			t.Errorf("%s with %s\n got %s\nwant %s", row.call, row.grants, got, row.want)
		}
	}
	acct.Who.Rights, acct.Who.ReadOnly = nil, true
	if got := moduletest.Call(t, Module, acct, "list"); strings.Count(got, `"id":null`) != 2 || strings.Contains(got, "idofa") {
		t.Errorf("a read-only caller gets %s", got)
	}
}
