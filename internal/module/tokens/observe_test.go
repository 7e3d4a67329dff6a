package tokens

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

func TestWatchThenLock(t *testing.T) {
	acct := hostingtest.New()
	moduletest.Call(t, module, acct, `create_full_access?name=ci`)
	at := time.Unix(1767268860, 0).UTC()
	edit, read := latchkey.Called{Module: "DNS", Name: "mass_edit_zone", Write: true}, latchkey.Called{Module: "DNS", Name: "parse_zone"}
	uses := []latchkey.Observed{
		{Called: edit, On: latchkey.Resource{Kind: latchkey.RecordKind, Zone: "example.com", Name: "_acme-challenge", Type: "TXT"}, Count: 2, First: at, Last: at.Add(time.Second)},
		{Called: read, On: latchkey.Resource{Kind: "zone", Name: "example.com"}, Listed: true, Count: 3, First: at, Last: at},
	}
	const (
		where = `(zone=example.com, name=_acme-challenge, type=TXT)`
		edits = `DNS::mass_edit_zone` + where
		reads = `DNS::parse_zone` + where
		both  = `"grants":["` + edits + `","` + reads + `"],`
	)
	acct.Saw = map[string][]latchkey.Observed{}
	table(t, acct, []moduletest.Row{
		{`observe?name=no`, `not-found: There is no API token with the name “no”.`},
		{`suggest?name=no`, `not-found: There is no API token with the name “no”.`},
		{`narrow?name=no`, `not-found: There is no API token with the name “no”.`},
		{`suggest?name=ci`, `{"name":"ci","observing":0,"grants":[],"loses":["*:write"],"for":[]}`},
		{`narrow?name=ci`, `invalid: The API token “ci” is not watched: call Tokens::observe, and use it. There is nothing to narrow it to.`},
	})
	moduletest.Call(t, module, acct, `observe?name=ci`)
	table(t, acct, []moduletest.Row{
		{`suggest?name=ci`, `{"name":"ci","observing":1,"grants":[],"loses":["*:write"],"for":[]}`},
		{`narrow?name=ci`, `invalid: The API token “ci” has not been used since it is watched. There is nothing to narrow it to.`},
	})
	acct.Saw["ci"] = uses
	const times = `"first_used":1767268860,"last_used":`
	table(t, acct, []moduletest.Row{
		{`suggest?name=ci`, `{"name":"ci","observing":1,` + both + `"loses":["*:write"],"for":[` +
			`{"grant":"` + edits + `","count":2,"last_used":1767268861,"uses":[{"function":"DNS::mass_edit_zone","on":"zone=example.com, name=_acme-challenge, type=TXT","count":2,` + times + `1767268861}],"more_uses":0},` +
			`{"grant":"` + reads + `","count":3,"last_used":1767268860,"uses":[{"function":"DNS::parse_zone","on":"zone=example.com","count":3,` + times + `1767268860}],"more_uses":0}]}`},
		{`narrow?name=ci&grants=DNS%3Aread`, `invalid: What is suggested is no longer what you have seen, but: ` + edits + `; ` + reads + `. Nothing has changed.`},
		{`narrow?name=ci&grants=DNS`, `invalid: The “grants” argument is invalid: it cannot be read: after the module DNS comes :read, :write or ::FUNCTION (in “DNS”).`},
	})
	list, err := acct.Tokens().List(t.Context())
	if err != nil || list[0].Grants != "" || !list[0].Observing {
		t.Errorf("before narrow: %+v, %v", list, err)
	}
	moduletest.Call(t, module, acct, `narrow?name=ci&grants=DNS%3A%3Aparse_zone%28zone%3Dexample.com%2Ctype%3DTXT%2Cname%3D_acme-challenge%29%3B`+`DNS%3A%3Amass_edit_zone%28zone%3Dexample.com%2Ctype%3DTXT%2Cname%3D_acme-challenge%29`)
	list, err = acct.Tokens().List(t.Context())
	if err != nil || list[0].Grants != edits+"; "+reads || list[0].Observing {
		t.Errorf("after narrow: %+v, %v", list, err)
	}
	if got := moduletest.Call(t, module, acct, `suggest?name=ci`); !strings.HasPrefix(got, `{"name":"ci","observing":0,`+both+`"loses":[],`) {
		t.Errorf("suggest after narrow: %s", got)
	}
}
