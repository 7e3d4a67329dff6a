package whm

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
)

func TestTokens(t *testing.T) {
	h := hostingtest.NewHost()
	got := call(t, h, `api_token_create?token_name=ci&expires_at=1893456000`)
	var made struct {
		Token, Name string
		ACLs        []string
	}
	if err := json.Unmarshal([]byte(got), &made); err != nil || len(made.Token) != 32 || !slices.Equal(made.ACLs, latchkey.AllPrivileges.Names()) {
		t.Fatalf("api_token_create = %s, want a token of 32 characters with all privileges", got)
	}
	if want := `"create_time":1767268800,"expires_at":1893456000,"whitelist_ips":null}`; !strings.HasSuffix(got, want) {
		t.Errorf("api_token_create = %s, want it to end %s", got, want)
	}
	run(t, h, []row{{`api_token_create?token_name=ci`, `exists: An API token with the name “ci” already exists.`}})
	has(t, h, []row{
		{`api_token_create?token_name=all&acl-0=list-accts&acl-1=all&expires_at=0`, `"expires_at":null,"whitelist_ips":null}`},
		{`api_token_list`, `{"tokens":{"all":{"name":"all","acls":{"acct-summary":1,`},
		{`api_token_list`, `"viewglobalpackages":1},"create_time":1767268800,"expires_at":1893456000,"whitelist_ips":null}}}`},
	})
	if got := call(t, h, `api_token_list`); strings.Contains(got, made.Token) {
		t.Error("api_token_list shows a secret")
	}
	run(t, h, []row{
		{`api_token_revoke`, `missing: token_name`},
		{`api_token_revoke?token_name=no&token_name-1=ci&token_name-2=ci`, `not-found: There is no API token named “no”. Any others you named are revoked.`},
		{`api_token_revoke?token_name-1=all`, `null`},
		{`api_token_list`, `{"tokens":{}}`},
	})
}

// What api_token_update has no word for stays as it is.
func TestUpdateLosesNothing(t *testing.T) {
	h := hostingtest.NewHost()
	terms := latchkey.Terms{NotBefore: h.At().Add(1), MaxUses: 5, UnusedDays: 30, RateLimit: 60, Observing: true}
	made := hosting.NewToken{Name: "a", ReadOnly: true, Addresses: "192.0.2.1/32", Terms: terms, Note: "for billing"}
	if _, _, err := h.Tokens().Create(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	has(t, h, []row{{`api_token_update?token_name=a&new_name=b&acl=list-accts`, `{"name":"b","acls":["list-accts"],`}})
	list, err := h.Tokens().List(t.Context())
	made.Name, made.Privileges = "b", latchkey.PrivilegesOf(latchkey.PrivilegeListAccounts)
	if err != nil || len(list) != 1 || hosting.TokenOf(&list[0].Token) != made {
		t.Errorf("it is %+v now (%v), want %+v", list, err, made)
	}
}

// TestNeverMore holds that a token which is to do less is refused, in whatever
// form that is said.
func TestNeverMore(t *testing.T) {
	const (
		what = `invalid: The “acl” argument is invalid: it must be a privilege as myprivs lists them.`
		from = `invalid: The “whitelist_ip” argument is invalid: “%s” is no address and no range: give one such as 192.0.2.1, 192.0.2.8/29 or 2001:db8::/48.`
		form = `” is not understood: give privileges as “acl”, or “acl-0”, “acl-1” and so on, and addresses as “whitelist_ip” likewise.`
		name = `invalid: The “token_name” argument is invalid: it must have 1 to 50 characters and only letters, digits, dashes and underscores.`
		when = `invalid: The “expires_at” argument is invalid: it must be a time in seconds since 1970, such as 1893456000, or 0 for never.`
	)
	h := hostingtest.NewHost()
	for args, want := range map[string]string{
		`acl=`:                     what,
		`acl=ALL`:                  what,
		`acl=all,list-accts`:       what,
		`acl=all&acl-1=everything`: what,
		`acl-list-accts=1`:         `invalid: The argument “acl-list-accts` + form,
		`acl-=list-accts`:          `invalid: The argument “acl-` + form,
		`acl--1=list-accts`:        `invalid: The argument “acl--1` + form,
		`acl[]=list-accts`:         `invalid: The argument “acl[]` + form,
		`acls=list-accts`:          `invalid: The argument “acls` + form,
		`ACL=list-accts`:           `invalid: The argument “ACL` + form,
		`whitelist_ip=any`:         fmt.Sprintf(from, "any"),
		`whitelist_ip-0=192.0.2`:   fmt.Sprintf(from, "192.0.2"),
		`whitelist_ip=&whitelist_ip-1=2001:db8::1`: fmt.Sprintf(from, ""),
		`whitelist_ips=192.0.2.1`:                  `invalid: The argument “whitelist_ips` + form,
		`expires_at=-1`:                            when,
		`expires_at=tomorrow`:                      when,
		`expires_at=253402300800`:                  when,
		`expires_at=1`:                             `invalid: The expiry time has already passed.`,
		`token_name=a+b`:                           name,
	} {
		if !strings.HasPrefix(args, "token_name") {
			args += "&token_name=x"
		}
		run(t, h, []row{{`api_token_create?` + args, want}})
	}
	run(t, h, []row{
		{`api_token_create`, `missing: token_name`},
		{`api_token_create?token_name=` + strings.Repeat("x", 51), name},
		{`api_token_list`, `{"tokens":{}}`},
	})
}

// TestBoundTokens holds that a token is what was asked for, in every form of
// asking, and what a change makes of it.
func TestBoundTokens(t *testing.T) {
	const made = `"create_time":1767268800,"expires_at":null,"whitelist_ips":`
	h := hostingtest.NewHost()
	has(t, h, []row{
		{`api_token_create?token_name=a&acl=list-accts`, `"acls":["list-accts"],` + made + `null}`},
		{`api_token_create?token_name=b&acl-0=passwd&acl-1=create-acct&acl-0=passwd`, `"acls":["create-acct","passwd"],` + made + `null}`},
		{`api_token_create?token_name=c&acl-7=passwd&whitelist_ip=192.0.2.1&whitelist_ip-0=192.0.2.9/29&whitelist-ip-3=fc00:abcd::f`,
			`"acls":["passwd"],` + made + `["192.0.2.1","192.0.2.8/29","fc00:abcd:0000:0000:0000:0000:0000:000f"]}`},
		{`wp_dashboard_create_api_token?token_name=d&acl=all&whitelist_ip=2620:0:28a4::/48`, made + `["2620:0000:28a4:0000:0000:0000:0000:0000/48"]}`},
		{`api_token_list`, `"list-accts":1,`},
	})
	run(t, h, []row{
		{`wp_dashboard_create_api_token?token_name=e`, `missing: acl`},
		{`wp_dashboard_create_api_token?token_name=WP-Dashboard&acl=all`, `invalid: The name “WP-Dashboard” is kept for the dashboard’s own token: choose another.`},
		{`api_token_update?token_name=no`, `not-found: There is no API token with the name “no”.`},
		{`api_token_update?token_name=a&new_name=b`, `exists: An API token with the name “b” already exists.`},
		{`api_token_update?token_name=a&acl=quota&expires_at=1893456000`, `{"name":"a","acls":["quota"],"create_time":1767268800,"expires_at":1893456000,"whitelist_ips":null}`},
		{`api_token_update?token_name=a&acl=quota&whitelist_ip=192.0.2.1`, `{"name":"a","acls":["quota"],"create_time":1767268800,"expires_at":null,"whitelist_ips":["192.0.2.1"]}`},
		{`api_token_update?token_name=a&acl=quota&new_name=f`, `{"name":"f","acls":["quota"],"create_time":1767268800,"expires_at":null,"whitelist_ips":["192.0.2.1"]}`},
		{`api_token_update?token_name=f&acl=quota&whitelist_ip=any`, `{"name":"f","acls":["quota"],"create_time":1767268800,"expires_at":null,"whitelist_ips":null}`},
		{`api_token_get_details?token=nonsense`, `null`},
		{`api_token_get_details`, `missing: token`},
	})
	var g struct{ Token string }
	if err := json.Unmarshal([]byte(call(t, h, `api_token_create?token_name=g&acl=passwd`)), &g); err != nil {
		t.Fatal(err)
	}
	run(t, h, []row{{`api_token_get_details?token=` + g.Token, `{"name":"g","acls":["passwd"],"create_time":1767268800,"expires_at":null,"whitelist_ips":null}`}})
	h.Who.Clear = true
	run(t, h, []row{{`api_token_create?token_name=h`, `denied: A token is made over TLS only, since the answer shows it: call this on the port with TLS.`}})
}

func TestReadOnlyToken(t *testing.T) {
	h := hostingtest.NewHost()
	if _, _, err := h.Tokens().Create(t.Context(), hosting.NewToken{Name: "watch", ReadOnly: true}); err != nil {
		t.Fatal(err)
	}
	has(t, h, []row{
		{`api_token_list`, `"all":0,`},
		{`api_token_list`, `"create-acct":0,`},
		{`api_token_list`, `"list-accts":1,`},
	})
}
