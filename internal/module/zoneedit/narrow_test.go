package zoneedit

import (
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

// Who may touch some records sees those and no others, on their true lines, and
// changes nothing else: by name, by line, or by what a line is to become.
func TestNarrow(t *testing.T) {
	all := hostingtest.New()
	all.Own(latchkey.AddonDomain, "shop.example", "shop")
	acct := moduletest.Narrow(t, all, "ZoneEdit:write(zone=example.com, name=_acme-challenge*, type=TXT)", latchkey.Called{Module: "ZoneEdit", Name: "edit_zone_record", Write: true})
	const zone = `domain=example.com&`
	moduletest.Table(t, Module, acct, []moduletest.Row{
		{`2:add_zone_record?` + zone + `name=_acme-challenge&type=TXT&txtdata=a&ttl=1`, ok(2026010101)},
		{`2:add_zone_record?` + zone + `name=www&type=TXT&txtdata=a`, `denied: no grant`},
		{`2:add_zone_record?` + zone + `name=@&type=TXT&txtdata=a`, `denied: no grant`},
		{`2:add_zone_record?` + zone + `name=_acme-challenge.x&type=CNAME&cname=example.net`, `denied: no grant`},
		{`2:edit_zone_record?` + zone + `line=25&txtdata=b`, ok(2026010102)},
		{`2:edit_zone_record?` + zone + `line=25&name=www`, `denied: no grant`},
		{`2:edit_zone_record?` + zone + `line=25&type=A&address=192.0.2.1`, `denied: no grant`},
		{`2:edit_zone_record?` + zone + `line=17&ttl=1`, `denied: no grant`},
		{`2:remove_zone_record?` + zone + `line=17`, `denied: no grant`},
		{`2:remove_zone_record?` + zone + `line=1700`, `denied: no grant`},
		{`2:remove_zone_record?` + zone + `line=4`, `denied: no grant`},
		{`2:get_zone_record?` + zone + `line=17`, `[{"record":{"Line":17,"Lines":1,"line":17,"type":":RAW","raw":""},"status":1,"statusmsg":"Record obtained"}]`},
		{`2:fetchzone_records?` + zone + `type=A`, `[]`},
		{`2:fetchzone_records?` + zone + `type=TXT`, `[` + txt(25, "1", "b") + `]`},
		{`2:fetchzone_records?domain=shop.example`, `denied: no grant`},
		{`2:resetzone?domain=example.com`, `denied: no grant`},
		{`2:remove_zone_record?` + zone + `line=25`, ok(2026010103)},
	})
	if got := moduletest.Call(t, Module, acct, `2:fetchzones`); strings.Contains(got, "192.0.2.1") || strings.Contains(got, "shop.example") || !strings.Contains(got, `"example.com":["; cPanel first`) {
		t.Errorf("a narrow caller sees %s", got)
	}
}
