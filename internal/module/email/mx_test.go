package email

import (
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

func TestMX(t *testing.T) {
	const (
		own    = `{"domain":"example.com","entrycount":1,"mx":"example.com","priority":"0","row":"odd"}`
		routes = `"local":1,"mxcheck":"local","remote":0,"secondary":0`
	)
	listed := func(detected, mx, entries string) string {
		return `[{"alwaysaccept":1,"domain":"example.com","entries":[` + entries + `],"mx":"` + mx + `","detected":"` + detected + `",` + routes + `,"status":1,"statusmsg":"Fetched MX List"}]`
	}
	changed := func(done, detected, primary, secondary, warnings string) string {
		return `{"checkmx":{"changed":0,"detected":"` + detected + `","isprimary":` + primary + `,"issecondary":` + secondary + `,` + routes + `,"warnings":[` + warnings + `]},"results":"` + done + `","status":1,"statusmsg":"` + done + `"}`
	}
	const away = `"Mail for the domain goes elsewhere, but what this server itself receives for it stays here."`
	moduletest.Table(t, Module, hostingtest.New(), []moduletest.Row{
		{"list_mxs", listed("local", "example.com", own)},
		{"2:listmxs?domain=example.com", listed("local", "example.com", own)},
		{"list_mxs?domain=example.net", "not-found: You do not control a DNS zone named example.net."},
		{"add_mx?domain=example.com", "missing: exchanger"},
		{"add_mx?domain=example.com&exchanger=mx.example.org", "missing: priority"},
		{"add_mx?domain=example.com&exchanger=mx.example.org&priority=70000", "invalid: The “priority” argument is invalid: it must be a number from 0 to 65535."},
		{"add_mx?domain=example.com&exchanger=not+a+host&priority=1", "invalid: The data of the MX record “example.com.” are wrong: “not a host” is not a name."},
		{"add_mx?domain=example.com&exchanger=mx.example.org&priority=10&alwaysaccept=0",
			"invalid: This server takes the mail of all its domains: it cannot leave that of one to others. The MX records say where the rest of the world delivers it."},
		{"add_mx?domain=example.com&exchanger=mx.example.org.&priority=10&alwaysaccept=1", changed("Added MX Entry", "local", "1", "0", "")},
		{"add_mx?domain=example.com&exchanger=MX.example.org&priority=10", "exists: “MX.example.org” is a mail exchanger of the domain with this priority already."},
		{"change_mx?domain=example.com&exchanger=mx2.example.org&priority=5", "missing: oldexchanger"},
		{"change_mx?domain=example.com&exchanger=mx2.example.org&priority=5&oldexchanger=no.example.org", "not-found: “no.example.org” is no mail exchanger of the domain with this priority."},
		{"2:changemx?domain=example.com&exchange=example.com&preference=20&oldexchange=example.com&oldpreference=0", changed("Changed MX Entry", "secondary", "0", "1", "")},
		{"list_mxs?domain=example.com", listed("secondary", "mx.example.org", `{"domain":"example.com","entrycount":1,"mx":"mx.example.org","priority":"10","row":"odd"},{"domain":"example.com","entrycount":2,"mx":"example.com","priority":"20","row":"even"}`)},
		{"delete_mx?domain=example.com&exchanger=example.com&priority=20", changed("Deleted MX Entry", "remote", "0", "0", away)},
		{"delete_mx?domain=example.com&exchanger=example.com&priority=20", "not-found: “example.com” is no mail exchanger of the domain with this priority."},
		{"set_always_accept?domain=example.com&mxcheck=remote", "invalid: This server takes the mail of all its domains: it cannot leave that of one to others. The MX records say where the rest of the world delivers it."},
		{"2:getmxcheck?domain=example.com", `{"alwaysaccept":1,"domain":"example.com","detected":"remote",` + routes + `,"status":1}`},
		{"2:delmx?domain=example.com&exchange=mx.example.org&preference=10", changed("Deleted MX Entry", "remote", "0", "0", `"The domain has no mail exchanger: mail for it goes to its address."`)},
		{"add_mx?domain=shop.example.com&exchanger=mail&priority=0", changed("Added MX Entry", "local", "1", "0", "")},
		{"2:setmxcheck?domain=shop.example.com&mxcheck=auto", strings.TrimSuffix(changed("The mail of the domain is taken here.", "local", "1", "0", ""), "}") + `,"detected":"local",` + routes + `}`},
	})
}
