package matrix

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/test/testserver"
)

// challenger is demo's token for the challenges of example.com, beside a second
// zone of demo's, shop.example.
type challenger struct {
	t     *testing.T
	s     *testserver.Server
	token string
}

func newChallenger(t *testing.T) *challenger {
	c := &challenger{t: t, s: testserver.New(t)}
	c.s.WHM("adddns", "domain", "shop.example", "ip", "192.0.2.7", "trueowner", "demo")
	made := string(encode.Append(nil, c.s.UAPI("demo", "Tokens", "create_limited", "name", "lego", "preset", "certificates_dns", "zone", "example.com")))
	_, made, _ = strings.Cut(made, `"token":"`)
	c.token, _, _ = strings.Cut(made, `"`)
	return c
}

// zones are the texts of demo's zones, as demo sees them.
func (c *challenger) zones() map[string][]string {
	c.t.Helper()
	data := encode.Append(nil, c.s.Call(call.API2, "demo", "ZoneEdit", "fetchzones").Data)
	var answer []struct{ Zones map[string][]string }
	if err := json.Unmarshal(data, &answer); err != nil || len(answer) != 1 || len(answer[0].Zones) != 2 {
		c.t.Fatalf("fetchzones: %s, %v", data, err)
	}
	return answer[0].Zones
}

// line is the line of example.com, counted from 0, that begins with a name and
// has a type.
func (c *challenger) line(name, rtype string) int {
	c.t.Helper()
	for i, text := range c.zones()["example.com"] {
		if f := strings.Fields(text); len(f) > 3 && f[0] == name && f[3] == rtype {
			return i
		}
	}
	c.t.Fatalf("no line of %s %s in %q", name, rtype, c.zones()["example.com"])
	return 0
}

func (c *challenger) serial() string {
	_, soa, _ := strings.Cut(strings.Join(c.zones()["example.com"], "\n"), "SOA")
	for _, word := range strings.Fields(soa) {
		if strings.HasPrefix(word, "20") {
			return word
		}
	}
	c.t.Fatal("no serial")
	return ""
}

// edit asks for an edit of example.com by lines.
func (c *challenger) edit(args ...string) string {
	q := url.Values{"zone": {"example.com"}, "serial": {c.serial()}}
	for i := 0; i < len(args); i += 2 {
		q.Set(args[i], args[i+1])
	}
	return c.s.Get(c.s.Account, "/execute/DNS/mass_edit_zone?"+q.Encode(), "cpanel demo:"+c.token).Body
}

// old asks for a function of ZoneEdit, on example.com.
func (c *challenger) old(function string, args ...string) string {
	q := url.Values{"domain": {"example.com"}}
	for i := 0; i < len(args); i += 2 {
		q.Set(args[i], args[i+1])
	}
	return c.s.Get(c.s.Account, "/json-api/cpanel?cpanel_jsonapi_module=ZoneEdit&cpanel_jsonapi_func="+function+"&"+q.Encode(), "cpanel demo:"+c.token).Body
}

func recordOf(name, rtype, data string) string {
	return string(encode.Append(nil, map[string]any{"dname": name, "ttl": 60, "record_type": rtype, "data": []string{data}}))
}

func inPlaceOf(line int, record string) string {
	return fmt.Sprintf(`{"line_index":%d,%s`, line, record[1:])
}

const missingGrant = "This API token may not do that: it has no grant such as"

// TestChallengesOnly: what a token for challenges does not get by other types, by
// other names, by other records or by asking twice.
func TestChallengesOnly(t *testing.T) {
	c := newChallenger(t)
	if a := c.edit("add", recordOf("_acme-challenge", "TXT", "mine")); !strings.Contains(a, `"status":1`) {
		t.Fatal(a)
	}
	apex, www, ns, soa, own := c.line("example.com.", "A"), c.line("www", "CNAME"), c.line("example.com.", "NS"), c.line("example.com.", "SOA"), c.line("_acme-challenge", "TXT")
	ok := recordOf("_acme-challenge.ok", "TXT", "x")
	before := fmt.Sprint(c.zones())
	for what, try := range map[string]struct{ got, want string }{
		"an alias at the name":         {c.edit("add", recordOf("_acme-challenge.a", "CNAME", "evil.example")), missingGrant},
		"a delegation of the name":     {c.edit("add", recordOf("_acme-challenge.a", "NS", "ns.evil.example")), missingGrant},
		"a DNAME at the name":          {c.edit("add", recordOf("_acme-challenge.a", "DNAME", "evil.example")), missingGrant},
		"an address at the name":       {c.old("add_zone_record", "name", "_acme-challenge.a", "type", "A", "address", "203.0.113.66"), missingGrant},
		"a mail server at the name":    {c.edit("add", recordOf("_acme-challenge", "MX", "1 evil.example")), missingGrant},
		"the type in its numeric form": {c.edit("add", recordOf("_acme-challenge", "TYPE16", "x")), missingGrant},
		"SPF for TXT":                  {c.edit("add", recordOf("_acme-challenge", "SPF", "x")), missingGrant},
		"a name for any":               {c.edit("add", recordOf("*", "TXT", "x")), missingGrant},
		"a name for any above it":      {c.edit("add", recordOf("*._acme-challengex.example.com.", "TXT", "x")), missingGrant},
		"the zone's own name":          {c.edit("add", recordOf("example.com.", "TXT", "v=spf1 +all")), missingGrant},
		"a name that ends so":          {c.edit("add", recordOf("x._acme-challenge", "TXT", "x")), missingGrant},
		"a name in another zone":       {c.edit("add", recordOf("_acme-challenge.shop.example.", "TXT", "x")), "lies outside the zone"},
		"a name that looks outside":    {c.edit("add", recordOf("_acme-challenge.evilexample.com.", "TXT", "x")), "lies outside the zone"},
		"another zone as the zone":     {c.edit("zone", "shop.example", "add", ok), missingGrant},
		"a zone that is nobody's":      {c.edit("zone", "nobody.example", "add", ok), missingGrant},
		"the zone of another account":  {c.edit("zone", "example.net", "add", ok), missingGrant},
		"a name with a line end":       {c.edit("add", recordOf("_acme-challenge\n$ORIGIN evil.\nwww", "TXT", "x")), "is not a name"},
		"a type with a line end":       {c.edit("add", recordOf("_acme-challenge", "TXT \"x\"\nwww IN A", "203.0.113.66")), missingGrant},
		"a TTL with a line end":        {c.edit("add", `{"dname":"_acme-challenge","ttl":"60\nwww 60","record_type":"TXT","data":["x"]}`), "a number of seconds"},
		"the TTL of another's record":  {c.edit("edit", inPlaceOf(apex, recordOf("example.com.", "A", "192.0.2.1"))), missingGrant},
		"the TTL, record by record":    {c.old("edit_zone_record", "line", fmt.Sprint(apex+1), "ttl", "1"), missingGrant},
		"the alias www":                {c.edit("remove", fmt.Sprint(www)), missingGrant},
		"the name servers":             {c.edit("remove", fmt.Sprint(ns)), missingGrant},
		"the SOA record":               {c.edit("remove", fmt.Sprint(soa)), missingGrant},
		"the SOA record's numbers":     {c.old("edit_zone_record", "line", fmt.Sprint(soa+1), "minimum", "1"), missingGrant},
		"its own record as another":    {c.edit("edit", inPlaceOf(own, recordOf("www", "TXT", "x"))), missingGrant},
		"its own record as an alias":   {c.old("edit_zone_record", "line", fmt.Sprint(own+1), "type", "CNAME", "cname", "evil.example"), missingGrant},
		"one of many":                  {c.edit("add-0", ok, "add-1", ok, "remove", fmt.Sprint(apex)), missingGrant},
		"one of many, first":           {c.edit("remove-0", fmt.Sprint(apex), "remove-1", fmt.Sprint(own)), missingGrant},
		"a line twice":                 {c.edit("remove-0", fmt.Sprint(own), "remove-1", fmt.Sprint(own)), "is named twice"},
		"an old serial number":         {c.edit("serial", "2026112300", "remove", fmt.Sprint(own)), "does not match"},
		"no serial number":             {c.edit("serial", "", "remove", fmt.Sprint(own)), `"status":0`},
		"the whole zone anew":          {c.s.Get(c.s.Account, "/execute/ZoneEdit/resetzone?domain=example.com", "cpanel demo:"+c.token).Body, missingGrant},
		"another address everywhere":   {c.s.Get(c.s.Account, "/execute/DNS/swap_ip_in_zones?domain=shop.example&dest_ip=203.0.113.66&source_ip=192.0.2.7", "cpanel demo:"+c.token).Body, `"status":0`},
	} {
		if !strings.Contains(try.got, try.want) {
			t.Errorf("%s: %s, want %q", what, try.got, try.want)
		}
	}
	if after := fmt.Sprint(c.zones()); after != before {
		t.Errorf("the zones have changed from\n%s\nto\n%s", before, after)
	}
}

// TestLinesTellNothing: of a line on which a narrow token sees no record of its
// own, every function says the same, whatever is there, or nothing.
func TestLinesTellNothing(t *testing.T) {
	c := newChallenger(t)
	soa := c.line("example.com.", "SOA")
	for _, ask := range []func(line int) string{
		func(line int) string { return c.edit("remove", fmt.Sprint(line)) },
		func(line int) string { return c.edit("edit", inPlaceOf(line, recordOf("_acme-challenge", "TXT", "x"))) },
		func(line int) string { return c.old("edit_zone_record", "line", fmt.Sprint(line+1), "ttl", "1") },
		func(line int) string { return c.old("remove_zone_record", "line", fmt.Sprint(line+1)) },
	} {
		first := ask(4)
		for line := range len(c.zones()["example.com"]) + 3 {
			if got := ask(line); line != soa && got != first || !strings.Contains(got, missingGrant) {
				t.Errorf("of line %d: %s, of line 4: %s", line, got, first)
			}
		}
	}
}

// TestLinesThatMove: a token that has read the lines acts on none that has moved
// there since, by a serial number or without one.
func TestLinesThatMove(t *testing.T) {
	c := newChallenger(t)
	if a := c.edit("add", recordOf("_acme-challenge", "TXT", "mine")); !strings.Contains(a, `"status":1`) {
		t.Fatal(a)
	}
	own, serial := c.line("_acme-challenge", "TXT"), c.serial()
	c.s.UAPI("demo", "DNS", "mass_edit_zone", "zone", "example.com", "serial", serial, "add-0", recordOf("one", "A", "192.0.2.9"), "add-1", recordOf("two", "A", "192.0.2.9"))
	c.s.UAPI("demo", "DNS", "mass_edit_zone", "zone", "example.com", "serial", c.serial(), "remove", fmt.Sprint(own))
	before := fmt.Sprint(c.zones())
	for what, try := range map[string]struct{ got, want string }{
		"by lines":         {c.edit("serial", serial, "remove", fmt.Sprint(own)), "does not match"},
		"with the new one": {c.edit("remove", fmt.Sprint(own)), missingGrant},
		"record by record": {c.old("remove_zone_record", "line", fmt.Sprint(own+1)), missingGrant},
		"to its own name":  {c.old("edit_zone_record", "line", fmt.Sprint(own+1), "name", "_acme-challenge", "type", "TXT", "txtdata", "x"), missingGrant},
	} {
		if !strings.Contains(try.got, try.want) {
			t.Errorf("%s: %s, want %q", what, try.got, try.want)
		}
	}
	if after := fmt.Sprint(c.zones()); after != before {
		t.Errorf("the zones have changed from\n%s\nto\n%s", before, after)
	}
}

// TestTextsStayTexts: whatever bytes a challenge has, it is one record with that
// text, and all other lines are as they were.
func TestTextsStayTexts(t *testing.T) {
	c := newChallenger(t)
	others := func() string {
		var kept []string
		for _, line := range c.zones()["example.com"] {
			if !strings.HasPrefix(line, "_acme-challenge") && !strings.Contains(line, "; serial") {
				kept = append(kept, line)
			}
		}
		return strings.Join(kept, "\n")
	}
	before := others()
	for _, text := range []string{"\"\nwww 60 IN A 203.0.113.66\n\"", "x\n$ORIGIN evil.\n", "a ) ( ; b", `\"`, `\010www`, "x\x00y", strings.Repeat("\"\n", 300)} {
		if a := c.edit("add", recordOf("_acme-challenge", "TXT", text)); !strings.Contains(a, `"status":1`) {
			t.Errorf("%q: %s", text, a)
		}
		if got := others(); got != before {
			t.Fatalf("after %q the zone is\n%s", text, got)
		}
	}
}
