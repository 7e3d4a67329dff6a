package zoneedit

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

const (
	done = `[{"result":{"newserial":"%d","status":1,"statusmsg":""}}]`
	not  = `[{"result":{"newserial":null,"status":0,"statusmsg":"%s"}}] and failed: %[1]s`
)

func ok(serial int) string      { return fmt.Sprintf(done, serial) }
func failed(text string) string { return fmt.Sprintf(not, text) }
func txt(line int, ttl, text string) string {
	return fmt.Sprintf(`{"Line":%d,"Lines":1,"line":%[1]d,"type":"TXT","class":"IN","name":"_acme-challenge.example.com.","ttl":"%s","record":"%s","txtdata":"%[3]s"}`, line, ttl, text)
}

// TestEdits goes the way of the certificate clients and of the official dynamic
// DNS client.
func TestEdits(t *testing.T) {
	const zone, find = `domain=example.com&`, `2:fetchzone_records?domain=example.com&type=TXT&name=_acme-challenge.example.com.`
	moduletest.Table(t, Module, hostingtest.New(), []moduletest.Row{
		{find, `[]`},
		{`2:add_zone_record?` + zone + `name=_acme-challenge&type=TXT&txtdata=one&ttl=1`, ok(2026010101)},
		{`2:add_zone_record?` + zone + `name=_acme-challenge.example.com&type=txt&txtdata=two`, ok(2026010102)},
		{`2:add_zone_record?` + zone + `name=_acme-challenge.Example.com.&type=TXT&txtdata=three&ttl=60&class=IN`, ok(2026010103)},
		{find, `[` + txt(25, "1", "one") + `,` + txt(26, "14400", "two") + `,` + strings.Replace(txt(27, "60", "three"), "_acme-challenge.example.com", "_acme-challenge.Example.com", 1) + `]`},
		{find + `&txtdata=two`, `[` + txt(26, "14400", "two") + `]`},
		{find + `&ttl=1`, `[` + txt(25, "1", "one") + `]`},
		{find + `&line=26`, `[` + txt(26, "14400", "two") + `]`},
		{`2:edit_zone_record?` + zone + `line=25&type=TXT&name=_acme-challenge&txtdata=uno`, ok(2026010104)}, // the TTL stays
		{find + `&line=25`, `[` + txt(25, "1", "uno") + `]`},
		{`2:remove_zone_record?` + zone + `type=TXT&name=_acme-challenge&line=26`, ok(2026010105)},
		{`2:remove_zone_record?` + zone + `Line=26`, ok(2026010106)},
		{find, `[` + txt(25, "1", "uno") + `]`},

		{`2:add_zone_record?` + zone + `name=home&type=A&address=192.0.2.7&ttl=300`, ok(2026010107)},
		{`2:edit_zone_record?Line=26=192.0.2.7&` + zone + `name=home&type=A&address=192.0.2.77&ttl=300`, ok(2026010108)},
		{`2:get_zone_record?` + zone + `line=26`, `[{"record":{"Line":26,"Lines":1,"line":26,"type":"A","class":"IN","name":"home.example.com.","ttl":"300","record":"192.0.2.77","address":"192.0.2.77"},"status":1,"statusmsg":"Record obtained"}]`},
		{`2:edit_zone_record?` + zone + `line=26&type=CNAME&cname=www.example.com`, ok(2026010109)}, // another type: the name and the TTL stay
		{`2:fetchzone_records?` + zone + `cname=www.example.com.`, `[{"Line":26,"Lines":1,"line":26,"type":"CNAME","class":"IN","name":"home.example.com.","ttl":"300","record":"www.example.com","cname":"www.example.com"}]`},
		{`2:add_zone_record?` + zone + `name=&type=MX&exchange=mx&preference=10`, ok(2026010110)},
		{`2:add_zone_record?` + zone + `name=_sip._tcp&type=SRV&priority=1&weight=2&port=5060&target=sip.example.net`, ok(2026010111)},
		{`2:add_zone_record?` + zone + `name=@&type=CAA&flag=0&tag=issue&value=letsencrypt.org`, ok(2026010112)},
		{`2:edit_zone_record?` + zone + `line=27&preference=20`, ok(2026010113)},
		{`2:fetchzone_records?` + zone + `customonly=1&type=SRV`, `[{"Line":28,"Lines":1,"line":28,"type":"SRV","class":"IN","name":"_sip._tcp.example.com.","ttl":"14400","record":"sip.example.net","priority":"1","weight":"2","port":"5060","target":"sip.example.net"}]`},
		{`2:fetchzone_records?` + zone + `exchange=mx.example.com&preference=20&line=27`, `[{"Line":27,"Lines":1,"line":27,"type":"MX","class":"IN","name":"example.com.","ttl":"14400","record":"mx.example.com","exchange":"mx.example.com","preference":"20"}]`},
		{`2:fetchzone_records?` + zone + `type=CAA`, `[{"Line":29,"Lines":1,"line":29,"type":"CAA","class":"IN","name":"example.com.","ttl":"14400","record":"0 issue letsencrypt.org","flag":"0","tag":"issue","value":"letsencrypt.org"}]`},

		{`2:add_zone_record?` + zone + `name=x&type=A`, `missing: address`},
		{`2:add_zone_record?` + zone + `name=x&address=192.0.2.1`, `missing: type`},
		{`2:add_zone_record?name=x&type=A&address=192.0.2.1`, `missing: domain`},
		{`2:edit_zone_record?` + zone + `address=192.0.2.1`, `missing: line`},
		{`2:remove_zone_record?` + zone, `missing: line`},
		{`2:remove_zone_record?` + zone + `line=x`, `invalid: The “line” argument is invalid: it must begin with the number of a line.`},
		{`2:remove_zone_record?` + zone + `line=999`, failed(`Nothing begins on line 999 of the DNS zone.`)},
		{`2:remove_zone_record?` + zone + `line=5`, failed(`Nothing begins on line 5 of the DNS zone.`)}, // within the SOA record
		{`2:remove_zone_record?` + zone + `line=2`, failed(`There is no record on line 2 of the DNS zone.`)},
		{`2:edit_zone_record?` + zone + `line=1&type=A&address=192.0.2.1`, failed(`There is no record on line 1 of the DNS zone.`)},
		{`2:add_zone_record?` + zone + `name=x&type=NS&nsdname=ns.example.net`, failed(`Records of the type “NS” cannot be edited with an account’s functions: ask the server’s administrator.`)},
		{`2:add_zone_record?` + zone + `name=x&type=LOC&record=1`, failed(`Records of the type “LOC” cannot be written with this function: use DNS::mass_edit_zone.`)},
		{`2:add_zone_record?` + zone + `name=x&type=A&class=CH&address=192.0.2.1`, failed(`Only records of the class IN can be kept.`)},
		{`2:add_zone_record?domain=example.net&name=x&type=A&address=192.0.2.1`, failed(`You do not control a DNS zone named example.net.`)},
		{`2:fetchzone_records?` + zone + `type=CAA,SRV&line=28&line=1`, `[{"Line":28,"Lines":1,"line":28,"type":"SRV","class":"IN","name":"_sip._tcp.example.com.","ttl":"14400","record":"sip.example.net","priority":"1","weight":"2","port":"5060","target":"sip.example.net"}]`},
		{`2:fetchzone?domain=example.net`, `[{"record":[],"serialnum":"","status":0,"statusmsg":"You do not control a DNS zone named example.net."}] and failed: You do not control a DNS zone named example.net.`},
		{`2:fetchzone_records?domain=example.net`, `not-found: You do not control a DNS zone named example.net.`},
	})
}

// TestTexts: what a text may hold comes back as it was given.
func TestTexts(t *testing.T) {
	acct := hostingtest.New()
	for i, text := range []string{`a "quoted" text`, `back\slash; no comment`, strings.Repeat("x", 700), "ümläut", "a\nnew\rline\x00", `},{"line":1,`} {
		name := fmt.Sprintf("t%d", i)
		call := `2:add_zone_record?domain=example.com&type=TXT&name=` + name + `&txtdata=` + url.QueryEscape(text)
		if got := moduletest.Call(t, Module, acct, call); !strings.Contains(got, `"status":1`) {
			t.Errorf("%s\n%s", call, got)
			continue
		}
		row := moduletest.Call(t, Module, acct, `2:fetchzone_records?domain=example.com&name=`+name+`&txtdata=`+url.QueryEscape(text))
		if !strings.Contains(row, `"name":"`+name+`.example.com."`) {
			t.Errorf("%q does not come back: %s", text, row)
		}
	}
	lines := strings.Count(moduletest.Call(t, Module, acct, `2:fetchzone_records?domain=example.com`), `"Line":`)
	if lines != 18+6 {
		t.Errorf("the zone has %d entries, want 24", lines)
	}
}

// TestWhatIsLookedFor are the patterns by which programs without a JSON reader
// read these answers.
func TestWhatIsLookedFor(t *testing.T) {
	acct := hostingtest.New()
	moduletest.Call(t, Module, acct, `2:add_zone_record?domain=example.com&name=_acme-challenge&type=TXT&txtdata=abc`)
	for _, test := range []struct{ call, pattern string }{
		{`2:fetchzones`, `"example\.com":\["; cPanel first`},
		{`2:fetchzones`, `^\[\{"status":1,`},
		{`2:fetchzone_records?domain=example.com`, `\{[^{}]*"line":25,[^{}]*"name":"_acme-challenge\.example\.com\."[^{}]*"txtdata":"abc"[^{}]*\}`},
		{`2:fetchzone?domain=example.com`, `^\[\{"record":\[\{"Line":1,"Lines":1,"line":1,"type":":RAW","raw":"; cPanel first`},
		{`2:fetchzone?domain=example.com`, `"serialnum":"2026010101","status":1,`},
		{`2:fetchzone?domain=example.com`, `"Line":13,[^{}]*"type":"A"[^{}]*"name":"example\.com\."[^{}]*"address":"192\.0\.2\.1"`},
	} {
		if got := moduletest.Call(t, Module, acct, test.call); !regexp.MustCompile(test.pattern).MatchString(got) {
			t.Errorf("%s\n%s\ndoes not have %s", test.call, got, test.pattern)
		}
	}
}

func TestReset(t *testing.T) {
	acct := hostingtest.New()
	fresh := moduletest.Call(t, Module, acct, `2:fetchzone_records?domain=example.com`)
	moduletest.Table(t, Module, acct, []moduletest.Row{
		{`2:add_zone_record?domain=example.com&name=a&type=A&address=192.0.2.1`, ok(2026010101)},
		{`resetzone?domain=example.com`, ok(2026010102)},
		{`2:fetchzone_records?domain=example.com`, strings.Replace(fresh, "2026010100", "2026010102", 1)},
		{`2:resetzone?domain=example.net`, failed(`You do not control a DNS zone named example.net.`)},
	})
}
