package whm

import (
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/wire/encode"
)

// TestZones makes, edits and removes zones by their records.
func TestZones(t *testing.T) {
	h := hostingtest.NewHost()
	const (
		home  = `{"record":[{"Line":25,"Lines":1,"line":25,"type":"A","class":"IN","name":"home.fresh.example.","ttl":"300","record":"192.0.2.9","address":"192.0.2.9"}]}`
		moved = `{"record":[{"Line":25,"Lines":1,"line":25,"type":"A","class":"IN","name":"home.fresh.example.","ttl":"300","record":"192.0.2.10","address":"192.0.2.10"}]}`
	)
	run(t, h, []row{
		{`listmxs?domain=fresh.example`, `not-found: You do not control a DNS zone named fresh.example.`},
		{`adddns?domain=fresh.example`, `missing: ip`},
		{`adddns?domain=fresh.example&ip=x`, `invalid: The “ip” argument is invalid: it must be an IPv4 address.`},
		{`adddns?domain=fresh.example&ip=192.0.2.9&template=none`, "not-found: There is no zone template called “none”: ask the administrator which there are."},
		{`adddns?domain=fresh.example&ip=192.0.2.9&template=standard`, `null`},
		{`addzonerecord?domain=fresh.example&name=home&type=A&address=192.0.2.9&ttl=300`, `null`},
		{`getzonerecord?domain=fresh.example&line=25`, home},
		{`getzonerecord?zone=fresh.example&Line=25`, home},
		{`getzonerecord?domain=fresh.example&line=99`, `invalid: Nothing begins on line 99 of the DNS zone.`},
		{`getzonerecord?domain=fresh.example`, `missing: line`},
		{`getzonerecord?line=25`, `missing: domain`},
		{`editzonerecord?domain=fresh.example&line=25&address=192.0.2.10&serialnum=1`, `invalid: The given serial number (1) does not match the DNS zone's serial number (2026010101). Refresh your view of the DNS zone, then resubmit.`},
		{`editzonerecord?domain=fresh.example&Line=25&address=192.0.2.10&serialnum=2026010101`, `null`},
		{`getzonerecord?domain=fresh.example&line=25`, moved},
		{`addzonerecord?zone=fresh.example&name=sub&type=NS&nsdname=ns.example.net`, `null`}, // the administrator may
		{`removezonerecord?zone=fresh.example&line=26&serialnum=2026010102`, `invalid: The given serial number (2026010102) does not match the DNS zone's serial number (2026010103). Refresh your view of the DNS zone, then resubmit.`},
		{`removezonerecord?zone=fresh.example&line=26`, `null`},
		{`removezonerecord?zone=fresh.example&line=26`, `invalid: Nothing begins on line 26 of the DNS zone.`},
		{`addzonerecord?domain=fresh.example&name=x&type=A`, `missing: address`},
		{`resetzone?zone=fresh.example`, `null`},
		{`getzonerecord?domain=fresh.example&line=25`, `invalid: Nothing begins on line 25 of the DNS zone.`},
		{`resetzone`, `missing: domain`},
	})
	has(t, h, []row{
		{`adddns?domain=fresh.example&ip=192.0.2.9`, `exists: `},
		{`listzones`, `{"domain":"fresh.example","zonefile":"fresh.example.db"}`},
		{`dumpzone?domain=fresh.example`, `{"zone":[{"record":[{"Line":1,"Lines":1,"line":1,"type":":RAW","raw":"; cPanel first`},
		{`dumpzone?zone=fresh.example`, `{"Line":3,"Lines":1,"line":3,"type":"$TTL","ttl":"14400"},{"Line":4,"Lines":7,"line":4,"type":"SOA",`},
	})
	run(t, h, []row{
		{`killdns?domain=fresh.example`, `null`},
		{`killdns?domain=fresh.example`, `not-found: You do not control a DNS zone named fresh.example.`},
		{`dumpzone?domain=fresh.example`, `not-found: You do not control a DNS zone named fresh.example.`},
	})
}

// TestZonesOfAPI0 are the shapes for calls without api.version.
func TestZonesOfAPI0(t *testing.T) {
	h := hostingtest.NewHost()
	call(t, h, `adddns?domain=fresh.example&ip=192.0.2.9`)
	for _, test := range []struct{ call, want string }{
		{`getzonerecord?domain=fresh.example&line=3`, `{"Line":3,"Lines":1,"line":3,"type":"$TTL","ttl":"14400"}`},
		{`dumpzone?domain=fresh.example`, `[{"Line":1,"Lines":1,"line":1,"type":":RAW",`},
	} {
		if got := ofAPI0(t, h, test.call); len(got) < len(test.want) || got[:len(test.want)] != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.call, got, test.want)
		}
	}
}

func ofAPI0(t *testing.T, h *hostingtest.Host, line string) string {
	t.Helper()
	name, query, _ := strings.Cut(line, "?")
	f := function(t, name)
	data, err := f.Run.Whole(t.Context(), h, arguments(t, query))
	if err != nil {
		t.Fatal(err)
	}
	return string(encode.Append(nil, f.API0Data(data)))
}

// TestMailExchangers lists them and adds one.
func TestMailExchangers(t *testing.T) {
	const first = `{"Line":"14","class":"IN","exchange":"fresh.example","name":"fresh.example.","preference":"0","ttl":"14400","type":"MX"}`
	run(t, hostingtest.NewHost(), []row{
		{`adddns?domain=fresh.example&ip=192.0.2.9`, `null`},
		{`listmxs?domain=fresh.example`, `{"record":[` + first + `]}`},
		{`savemxs?domain=fresh.example&name=fresh.example.&exchange=mx.example.org`, `missing: preference`},
		{`savemxs?domain=fresh.example&name=fresh.example.&exchange=mx.example.org&preference=10`, `null`},
		{`savemxs?domain=fresh.example&name=shop&exchange=mx.example.org&preference=5&ttl=60`, `null`},
		{`listmxs?domain=fresh.example`, `{"record":[` + first +
			`,{"Line":"25","class":"IN","exchange":"mx.example.org","name":"fresh.example.","preference":"10","ttl":"14400","type":"MX"}` +
			`,{"Line":"26","class":"IN","exchange":"mx.example.org","name":"shop.fresh.example.","preference":"5","ttl":"60","type":"MX"}]}`},
	})
}
