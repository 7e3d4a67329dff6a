package tokens

import (
	"net/netip"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

func TestActivity(t *testing.T) {
	acct := hostingtest.New()
	k, _, err := acct.Tokens().Create(t.Context(), hosting.NewToken{Name: "ci"})
	if err != nil {
		t.Fatal(err)
	}
	at := acct.Now()
	event := func(n int, e latchkey.Event) {
		e.At = at.Add(time.Duration(n) * time.Second)
		acct.Events = append([]latchkey.TrailEvent{{TrailPosition: latchkey.TrailPosition{Link: uint64(n), Event: 0}, Event: e}}, acct.Events...)
	}
	event(1, latchkey.Event{Account: 7, Name: "demo", By: latchkey.ByToken, Handle: k.Handle, From: netip.MustParseAddr("192.0.2.9"), Client: "curl/8", Func: "Email::add_pop",
		Change: true, OK: true, Took: 1500 * time.Microsecond, Names: []string{"email", "password"}, Values: []string{"email=info"},
		On: []latchkey.Resource{{Kind: "mailbox", Name: "info@example.com"}}})
	event(2, latchkey.Event{Account: 9, Name: "other", By: latchkey.ByToken, Func: "Email::list_pops", OK: true})
	event(3, latchkey.Event{Name: "demo", From: netip.MustParseAddr("198.51.100.1"), Func: "::", Outcome: latchkey.BadCredentials, Reason: "unknown or revoked token", Messages: "Access denied"})
	const (
		added = `{"id":"1-0","time":1767268801,"at":"2026-01-01T12:00:01.000000Z","account":"demo","by":"token","token":"HANDLE","token_name":"ci","address":"192.0.2.9",` +
			`"client":"curl/8","function":"Email::add_pop","change":1,"outcome":"ok","message":"","reason":"","params":["email","password"],"values":["email=info"],` +
			`"resources":["mailbox=info@example.com"],"took_us":1500}`
		refused = `{"id":"3-0","time":1767268803,"at":"2026-01-01T12:00:03.000000Z","account":"demo","by":"nobody","token":"","token_name":"","address":"198.51.100.1",` +
			`"client":"","function":"","change":0,"outcome":"bad-credentials","message":"Access denied","reason":"unknown or revoked token","params":[],"values":[],` +
			`"resources":[],"took_us":0}`
	)
	one := added[:len(`{"id":"1-0","time":1767268801,"at":"2026-01-01T12:00:01.000000Z","account":"demo","by":"token","token":"`)] + k.Handle.String() +
		added[len(`{"id":"1-0","time":1767268801,"at":"2026-01-01T12:00:01.000000Z","account":"demo","by":"token","token":"HANDLE`):]
	only, none := `{"events":[`+one+`],"next":""}`, `{"events":[],"next":""}`
	table(t, acct, []moduletest.Row{
		{`activity`, `{"events":[` + refused + `,` + one + `],"next":""}`},
		{`activity?limit=1`, `{"events":[` + refused + `],"next":"3-0"}`},
		{`activity?limit=1&before=3-0`, only},
		{`activity?token=` + k.Handle.String(), only},
		{`activity?function=Email`, only},
		{`activity?function=Email::add_pop&outcome=ok`, only},
		{`activity?resource=mailbox%3dinfo`, only},
		{`activity?resource=domain%3dexample.com&address=192.0.2.0/24`, only},
		{`activity?until=1767268802`, only},
		{`activity?since=2026-01-02`, none},
		{`activity?outcome=refused&until=2026-01-02`, `{"events":[` + refused + `],"next":""}`},
		{`activity?function=Email::`, `invalid: The “function” argument is invalid: it must be a function such as Email::add_pop, or a module such as Email.`},
		{`activity?outcome=good`, `invalid: The “outcome” argument is invalid: it must be ok, refused, failed or one of internal, missing, invalid, not-found, exists, limit, ` +
			`denied, read-only, feature-off, role-off, bad-credentials, unknown-module, unknown-function, not-here, unavailable, too-many.`},
		{`activity?limit=0`, `invalid: The “limit” argument is invalid: it must be a number from 1 to 1000.`},
		{`activity?before=3`, `invalid: The “before” argument is invalid: it must be a position of the audit trail as an earlier answer gave it, such as 1234-5.`},
		{`activity?address=x`, `invalid: The “address” argument is invalid: it cannot be read: “x” is no address and no range: give one such as 192.0.2.1, 192.0.2.8/29 or 2001:db8::/48.`},
		{`activity?since=x`, `invalid: The “since” argument is invalid: it must be a time: seconds since 1970, 2026-11-23 or 2026-11-23T12:00:00Z.`},
		{`activity?resource=x`, `invalid: The “resource” argument is invalid: it must be a kind of resource and how its name begins, such as mailbox=info@example.com or zone=example.com.`},
	})
}
