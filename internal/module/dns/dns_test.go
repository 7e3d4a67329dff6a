package dns

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/moduletest"
	"github.com/latchkey/latchkey/internal/zone"
)

// edit is a call of mass_edit_zone with pairs of arguments.
func edit(serial string, args ...string) string {
	call := "mass_edit_zone?zone=example.com&serial=" + serial
	for i := 0; i < len(args); i += 2 {
		call += "&" + args[i] + "=" + url.QueryEscape(args[i+1])
	}
	return call
}

func TestParseZone(t *testing.T) {
	acct := hostingtest.New()
	got := moduletest.Call(t, Module, acct, "parse_zone?zone=example.com")
	for _, want := range []string{
		`[{"text_b64":"` + b64("; cPanel first:latchkey (update_time):1767268800 hostname:host.example.net latest:latchkey") + `","line_index":0,"type":"comment"},` +
			`{"text_b64":"` + b64("; Zone file for example.com") + `","line_index":1,"type":"comment"},` +
			`{"text_b64":"` + b64("$TTL 14400") + `","line_index":2,"type":"control"},` +
			`{"data_b64":["` + b64("ns1.host.example.net.") + `","` + b64("root.host.example.net.") + `","` + b64("2026010100") + `","` +
			b64("3600") + `","` + b64("1800") + `","` + b64("1209600") + `","` + b64("86400") + `"],` +
			`"dname_b64":"` + b64("example.com.") + `","record_type":"SOA","ttl":86400,"line_index":3,"type":"record"},`,
		`{"data_b64":["` + b64("0") + `","` + b64("example.com.") + `"],"dname_b64":"` + b64("example.com.") + `","record_type":"MX","ttl":14400,"line_index":13,"type":"record"}`,
		`{"data_b64":["` + b64("example.com.") + `"],"dname_b64":"` + b64("www") + `","record_type":"CNAME","ttl":14400,"line_index":15,"type":"record"}`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("parse_zone\n got %s\nwant %s", got, want)
		}
	}
	moduletest.Table(t, Module, acct, []moduletest.Row{
		{"parse_zone", "missing: zone"},
		{"parse_zone?zone=example.net", "not-found: You do not control a DNS zone named example.net."},
		{"parse_zone?zone=www.example.com", "not-found: You do not control a DNS zone named www.example.com."},
		{"parse_zone?zone=EXAMPLE.com.%0a", "invalid: The “zone” argument is invalid: it must be a domain such as example.com; names in other scripts are written in their xn-- form."},
	})
}

func TestMassEdit(t *testing.T) {
	const (
		txt   = `{"dname":"_acme-challenge.example.com.","ttl":300,"record_type":"TXT","data":["abc"]}`
		stale = "invalid: The given serial number (%s) does not match the DNS zone's serial number (%s). Refresh your view of the DNS zone, then resubmit."
	)
	acct := hostingtest.New()
	if _, err := acct.Zones().Zone(t.Context(), "example.com"); err != nil {
		t.Fatal(err)
	}
	moduletest.Table(t, Module, acct, []moduletest.Row{
		{"mass_edit_zone", "missing: zone"},
		{"mass_edit_zone?zone=example.com", "missing: serial"},
		{edit("2026010100"), "invalid: Provide at least one change: “add”, “edit” or “remove”."},
		{edit("1", "add", txt), fmt.Sprintf(stale, "1", "2026010100")},
		{edit("202601010012", "add", txt), fmt.Sprintf(stale, "202601010012", "2026010100")},
		{edit("x", "add", txt), "invalid: The “serial” argument is invalid: it must be a whole number."},
		{edit("2026010100", "add", txt), `{"new_serial":"2026010101"}`},
		{edit("2026010101", "add-0", `{"dname":"a","ttl":0,"record_type":"A","data":["192.0.2.3"]}`, "add-1", `{"dname":"m","ttl":"1","record_type":"mx","data":[10,"mail.example.net"]}`,
			"edit", `{"line_index":24,"dname":"_acme-challenge","ttl":60,"record_type":"TXT","data":["abc","def"]}`), `{"new_serial":"2026010102"}`},
		{edit("2026010102", "remove-0", "25", "remove-1", "24"), `{"new_serial":"2026010103"}`},
		{edit("2026010103", "remove", "25=192.0.2.1"), "invalid: No record of the DNS zone begins at line index 25."},
		{edit("2026010103", "add", "["+txt+"]"), "invalid: The “add” argument is invalid: it must be a JSON object with “dname”, “ttl”, “record_type” and “data”, a list of texts."},
		{edit("2026010103", "add", `{"ttl":300,"record_type":"TXT","data":["abc"]}`), "invalid: The “add” argument is invalid: it must have a “dname”."},
		{edit("2026010103", "add", `{"dname":"a","record_type":"TXT","data":["abc"]}`), "invalid: The “add” argument is invalid: it must have a “ttl”, a number of seconds."},
		{edit("2026010103", "add", `{"dname":"a","ttl":1.5,"record_type":"TXT","data":["abc"]}`), "invalid: The “add” argument is invalid: it must have a “ttl”, a number of seconds."},
		{edit("2026010103", "add", `{"dname":"a","ttl":1,"record_type":"TXT","data":"abc"}`), "invalid: The “add” argument is invalid: it must be a JSON object with “dname”, “ttl”, “record_type” and “data”, a list of texts."},
		{edit("2026010103", "edit", txt), "invalid: The “edit” argument is invalid: it must have a “line_index”, the number of a line."},
		{edit("2026010103", "add-0", txt, "add-1", strings.Replace(txt, "_acme-challenge.example.com.", "@", 1)),
			"invalid: The name “@” is not understood here: write “example.com.” for the zone itself."},
		{edit("2026010103", "add", `{"dname":"sub","ttl":1,"record_type":"NS","data":["ns.example.net."]}`),
			"invalid: Records of the type “NS” cannot be edited with an account’s functions: ask the server’s administrator."},
		{edit("2026010103", "remove", "10"), "invalid: Records of the type “NS” cannot be edited with an account’s functions: ask the server’s administrator."},
		{strings.Replace(edit("1", "add", txt), "example.com", "example.net", 1), "not-found: You do not control a DNS zone named example.net."},
	})
	z, err := acct.Zones().Zone(t.Context(), "example.com")
	if err != nil {
		t.Fatal(err)
	}
	if want := "m\t1\tIN\tMX\t10 mail.example.net.\n"; !strings.HasSuffix(z.String(), want) || z.At(24).Type() != "MX" {
		t.Errorf("the zone ends\n%s", z.String()[len(z.String())-100:])
	}
}

// Whatever bytes a text has, they come back.
func TestMassEditBytes(t *testing.T) {
	acct := hostingtest.New()
	text := "\x00\"\\;()\n\té%ÿ"
	quoted := `"\u0000\"\\;()\n\té%ÿ"`
	if got := moduletest.Call(t, Module, acct, edit("2026010100", "add", `{"dname":"a","ttl":1,"record_type":"TXT","data":[`+quoted+`]}`)); got != `{"new_serial":"2026010101"}` {
		t.Fatal(got)
	}
	got := moduletest.Call(t, Module, acct, "parse_zone?zone=example.com")
	if want := `{"data_b64":["` + base64.StdEncoding.EncodeToString([]byte(text)) + `"],"dname_b64":"YQ=="`; !strings.Contains(got, want) {
		t.Errorf("got %s\nwant %s", got[len(got)-300:], want)
	}
}

func TestDomains(t *testing.T) {
	acct := hostingtest.New()
	acct.Machine.IP = "192.0.2.1"
	moduletest.Table(t, Module, acct, []moduletest.Row{
		{"lookup?domain=www.example.com", `["www.example.com.\t14400\tIN\tCNAME\texample.com."]`},
		{"lookup?domain=example.net", "not-found: You do not control a DNS zone named example.net."},
		{"has_local_authority?domain=www.example.com&domain-1=example.net", `[{"domain":"www.example.com","local_authority":1,"nameservers":["ns1.host.example.net","ns2.host.example.net"],"zone":"example.com"},` +
			`{"domain":"example.net","error":"You do not control a DNS zone named example.net.","local_authority":0,"nameservers":[],"zone":null}]`},
		{"ensure_domains_reside_only_locally?domain=www.example.com&domain=example.com", `[null,null]`},
		{"ensure_domains_reside_only_locally?domain=www.example.com&domain-1=nothing.example.com", `[null,"The domain “nothing.example.com” does not resolve to this server: its zone has no address for it."]`},
		{"ensure_domains_reside_only_locally?domain=example.net", "not-found: You do not control a DNS zone named example.net."},
		{"fetch_cpanel_generated_domains?domain=example.com", `[{"domain":"example.com."},{"domain":"cpanel.example.com."},{"domain":"cpcalendars.example.com."},{"domain":"cpcontacts.example.com."},{"domain":"ftp.example.com."},` +
			`{"domain":"mail.example.com."},{"domain":"webdisk.example.com."},{"domain":"webmail.example.com."},{"domain":"whm.example.com."},{"domain":"www.example.com."}]`},
		{"is_alias_available", `{"alias":0,"aname":0,"resolver":""}`},
		{"is_https_available", `{"dns_server":"latchkey","https":1}`},
		{"is_svcb_available", `{"dns_server":"latchkey","svcb":1}`},
		{"swap_ip_in_zones?domain=ftp.example.com&dest_ip=192.0.2.9&ftp_ip=192.0.2.10", `[{"zone_name":"example.com","record_name":"ftp.example.com.","record_type":"A","old_value":"192.0.2.1","new_value":"192.0.2.10"}]`},
		{"swap_ip_in_zones?domain=example.com&dest_ip=x", "invalid: The “dest_ip” argument is invalid: it must be an IPv4 address."},
		{"swap_ip_in_zones?domain=example.com&domain-1=example.net&dest_ip=192.0.2.9", "not-found: You do not control a DNS zone named example.net."},
		{"swap_ip_in_zones?domain=example.com&dest_ip=192.0.2.9&source_ip=192.0.2.200", `[]`},
		{"ensure_domains_reside_only_locally?domain=example.com", `[null]`},
	})
	if got := moduletest.Call(t, Module, acct, "swap_ip_in_zones?domain=example.com&dest_ip=192.0.2.9"); strings.Count(got, "new_value") != 7 {
		t.Errorf("swap_ip_in_zones: %s", got)
	}
	moduletest.Table(t, Module, acct, []moduletest.Row{
		{"ensure_domains_reside_only_locally?domain=www.example.com", `["The domain “www.example.com” does not resolve to this server alone: its zone has the address 192.0.2.9."]`},
	})
}

// What is no edit is refused in words, and what is one can be read again.
func FuzzMassEdit(f *testing.F) {
	f.Add(`{"dname":"a","ttl":1,"record_type":"TXT","data":["abc"]}`, `{"line_index":12,"dname":"a","ttl":1,"record_type":"A","data":["192.0.2.1"]}`, "13")
	f.Add(`{"dname":"@"}`, `[]`, "9x")
	f.Add(`{"dname":"_s._tcp","ttl":"5","record_type":"SRV","data":[1,2,3,"t"]}`, `{"line_index":"3"}`, "")
	f.Fuzz(func(t *testing.T, add, replace, remove string) {
		acct := hostingtest.New()
		args := api.Args{{Key: "zone", Value: "example.com"}, {Key: "serial", Value: "2026010100"}}
		for _, a := range []api.Arg{{Key: "add", Value: add}, {Key: "edit", Value: replace}, {Key: "remove", Value: remove}} {
			if a.Value != "" {
				args = append(args, a)
			}
		}
		for _, fn := range Module.Funcs {
			if fn.Name != "mass_edit_zone" {
				continue
			}
			_, err := fn.Run.Whole(context.Background(), acct, args)
			if e := latchkey.AsError(err); e != nil && (e.Kind == latchkey.Internal || e.Msg == "") {
				t.Fatalf("%v", err)
			}
		}
		z, err := acct.Zones().Zone(context.Background(), "example.com")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := zone.Parse("example.com", z.String()); err != nil {
			t.Fatalf("%v\n%s", err, z)
		}
	})
}
