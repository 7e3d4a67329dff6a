package whm

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
)

func TestTokens(t *testing.T) {
	h := hostingtest.NewHost()
	got := call(t, h, `api_token_create?token_name=ci&expires_at=1893456000`)
	var made struct {
		Token, Name string
		ACLs        []string
	}
	if err := json.Unmarshal([]byte(got), &made); err != nil || len(made.Token) != 32 || !slices.Equal(made.ACLs, privileges) {
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

// TestNeverMore holds that a token which is to do less is refused, in whatever
// form that is said.
func TestNeverMore(t *testing.T) {
	const (
		fewer = `invalid: This server cannot make a token with fewer than all privileges yet: leave “acl” out, or set it to “all”, if a token that may do everything is what you want.`
		what  = `invalid: The “acl” argument is invalid: it must be a privilege as myprivs lists them.`
		from  = `invalid: This server cannot bind a token to addresses yet: leave “whitelist_ip” out if a token that can be used from everywhere is what you want.`
		form  = `” is not understood: give privileges as “acl”, or “acl-0”, “acl-1” and so on, and addresses as “whitelist_ip” likewise.`
		name  = `invalid: The “token_name” argument is invalid: it must have 1 to 50 characters and only letters, digits, dashes and underscores.`
		when  = `invalid: The “expires_at” argument is invalid: it must be a time in seconds since 1970, such as 1893456000, or 0 for never.`
	)
	h := hostingtest.NewHost()
	for args, want := range map[string]string{
		`acl=list-accts`:                           fewer,
		`acl-0=list-accts&acl-1=create-acct`:       fewer,
		`acl=list-accts&acl=passwd`:                fewer,
		`acl-7=list-accts`:                         fewer,
		`acl=`:                                     what,
		`acl=ALL`:                                  what,
		`acl=all,list-accts`:                       what,
		`acl=all&acl-1=everything`:                 what,
		`acl-list-accts=1`:                         `invalid: The argument “acl-list-accts` + form,
		`acl-=list-accts`:                          `invalid: The argument “acl-` + form,
		`acl--1=list-accts`:                        `invalid: The argument “acl--1` + form,
		`acl[]=list-accts`:                         `invalid: The argument “acl[]` + form,
		`acls=list-accts`:                          `invalid: The argument “acls` + form,
		`ACL=list-accts`:                           `invalid: The argument “ACL` + form,
		`whitelist_ip=192.0.2.1`:                   from,
		`whitelist_ip-0=192.0.2.1`:                 from,
		`whitelist_ip=&whitelist_ip-1=2001:db8::1`: from,
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
