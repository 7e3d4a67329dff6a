package dns

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
	acct := moduletest.Narrow(t, all, "DNS:write(zone=example.com, name=_acme-challenge*, type=TXT)", latchkey.Called{Module: "DNS", Name: "mass_edit_zone", Write: true})
	txt := func(name string) string { return `{"dname":"` + name + `","ttl":60,"record_type":"TXT","data":["x"]}` }
	line := func(n, name string) string {
		return `{"line_index":` + n + `,"dname":"` + name + `","ttl":60,"record_type":"TXT","data":["x"]}`
	}
	moduletest.Table(t, Module, acct, []moduletest.Row{
		{edit("2026010100", "add", txt("_acme-challenge.example.com.")), `{"new_serial":"2026010101"}`},
		{edit("2026010101", "add", txt("www")), "denied: no grant"},
		{edit("2026010101", "add", txt("example.com.")), "denied: no grant"},
		{edit("2026010101", "add", strings.Replace(txt("_acme-challenge"), "TXT", "CNAME", 1)), "denied: no grant"},
		{edit("2026010101", "add-0", txt("_acme-challenge.www"), "add-1", txt("mail")), "denied: no grant"},
		{edit("2026010101", "remove", "15"), "denied: no grant"},
		{edit("2026010101", "remove", "3"), "denied: no grant"},
		{edit("2026010101", "edit", line("15", "_acme-challenge")), "denied: no grant"},
		{edit("2026010101", "remove", "900"), "denied: no grant"},
		{edit("2026010101", "edit", line("24", "www")), "denied: no grant"},
		{edit("2026010101", "edit", line("24", "_acme-challenge.www")), `{"new_serial":"2026010102"}`},
		{edit("2026010102", "remove", "24", "add", txt("_acme-challenge")), `{"new_serial":"2026010103"}`},
		{"parse_zone?zone=shop.example", "denied: no grant"},
		{"parse_zone?zone=nobody.example", "denied: no grant"},
		{strings.Replace(edit("2026010100", "add", txt("_acme-challenge")), "example.com", "shop.example", 1), "denied: no grant"},
		{"lookup?domain=www.example.com", "[]"},
		{"swap_ip_in_zones?domain=example.com&dest_ip=192.0.2.9", "[]"},
		{"has_local_authority?domain=shop.example", `[{"domain":"shop.example","error":"You do not control a DNS zone named shop.example.","local_authority":0,"nameservers":[],"zone":null}]`},
	})
	got := moduletest.Call(t, Module, acct, "parse_zone?zone=example.com")
	if n := strings.Count(got, `"type":"record"`); n != 2 || !strings.Contains(got, `"record_type":"SOA"`) ||
		!strings.Contains(got, `"dname_b64":"`+b64("_acme-challenge")+`","record_type":"TXT","ttl":60,"line_index":24,`) || strings.Contains(got, b64("www")) {
		t.Errorf("a narrow caller sees %d records: %s", n, got)
	}
	z, err := acct.Zones().Zone(t.Context(), "example.com")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := all.Zones().Zone(t.Context(), "example.com")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(z.String(), "192.0.2.1") || z.Lines() != whole.Lines() || strings.Count(z.String(), "\n") != whole.Lines() {
		t.Errorf("a narrow caller sees the text\n%s", z)
	}
	if _, err := acct.Zones().Reset(t.Context(), "example.com"); latchkey.KindOf(err) != latchkey.Denied {
		t.Errorf("Reset: %v", err)
	}
	if names, err := acct.Zones().List(t.Context()); len(names) != 1 || err != nil {
		t.Errorf("List: %v, %v", names, err)
	}
}

// A DNAME record stands for every name below its own: who may touch some names
// only makes none.
func TestNarrowMakesNoDNAME(t *testing.T) {
	for grants, want := range map[string]string{
		"DNS:write(zone=example.com, name=dyn)": "denied: no grant",
		"DNS:write(zone=example.com)":           `{"new_serial":"2026010101"}`,
	} {
		acct := moduletest.Narrow(t, hostingtest.New(), grants, latchkey.Called{Module: "DNS", Name: "mass_edit_zone", Write: true})
		moduletest.Table(t, Module, acct, []moduletest.Row{
			{edit("2026010100", "add", `{"dname":"dyn","ttl":60,"record_type":"DNAME","data":["elsewhere.example."]}`), want},
		})
	}
}
