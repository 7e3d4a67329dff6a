package tokens

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

// module has functions of mail alone, for whom grants for Email reach.
var module = New(func(rights latchkey.Rights, readOnly bool) (set latchkey.FeatureSet) {
	if rights.Touches(latchkey.Called{Module: "Email", Name: "add_pop", Write: !readOnly}) {
		set = set.With(latchkey.FeaturePopAccounts, true).With(latchkey.FeatureForwarders, true)
	}
	return set
})

func table(t *testing.T, acct *hostingtest.Account, rows []moduletest.Row) {
	t.Helper()
	moduletest.Table(t, module, acct, rows)
}

func TestLife(t *testing.T) {
	acct := hostingtest.New()
	acct.Who.Features = latchkey.FeatureSet(0).With(latchkey.FeatureAPITokens, true).With(latchkey.FeaturePopAccounts, true)
	const (
		ci = `{"name":"ci","create_time":1767268800,"expires_at":null,"has_full_access":1,"features":["apitokens","popaccts"],"whitelist_ips":null,` +
			`"readonly":0,"state":"active","handle":"","last_used":null,"last_used_from":"","last_used_by":""}`
		ro = `{"name":"ro","create_time":1767268800,"expires_at":1893456000,"has_full_access":1,"features":["apitokens","popaccts"],"whitelist_ips":null,` +
			`"readonly":1,"state":"active","handle":"","last_used":1767268860,"last_used_from":"192.0.2.9","last_used_by":"curl/8"}`
	)
	for _, test := range []struct{ call, token, want string }{
		{`create_full_access?name=ci`, "ci", `,"create_time":1767268800,"name":"ci","expires_at":0,"readonly":0}`},
		{`create_full_access?name=ro&expires_at=1893456000&readonly=1`, "ro", `,"create_time":1767268800,"name":"ro","expires_at":1893456000,"readonly":1}`},
	} {
		got := moduletest.Call(t, module, acct, test.call)
		if secret, rest, _ := strings.Cut(strings.TrimPrefix(got, `{"token":"`), `"`); len(secret) != 32 || rest != test.want {
			t.Errorf("%s = %s, want a token of 32 characters and %s", test.call, got, test.want)
		}
	}
	acct.UseToken("ro", latchkey.Use{At: time.Unix(1767268860, 0), From: "192.0.2.9", Client: "curl/8"})

	tokens, _ := acct.Tokens().List(t.Context())
	shown := func(name, row string) string {
		for _, k := range tokens {
			if k.Name == name {
				return strings.Replace(row, `"handle":""`, `"handle":"`+k.Handle.String()+`"`, 1)
			}
		}
		return ""
	}
	renamed := strings.Replace(shown("ci", ci), `"name":"ci"`, `"name":"x-1_Y"`, 1)
	table(t, acct, []moduletest.Row{
		{`list`, `[` + shown("ci", ci) + `,` + shown("ro", ro) + `]`},
		{`create_full_access?name=ci`, `exists: An API token with the name “ci” already exists.`},
		{`rename?name=ci&new_name=ro`, `exists: An API token with the name “ro” already exists.`},
		{`rename?name=no&new_name=other`, `not-found: There is no API token with the name “no”.`},
		{`rename?name=ci&new_name=ci`, `null`},
		{`rename?name=ci&new_name=x-1_Y`, `null`},
		{`revoke?name=ro`, `1`},
		{`revoke?name=ro`, `1`},
		{`revoke?name=never%20was`, `1`},
		{`list`, `[` + renamed + `]`},
		{`revoke?name=x-1_Y`, `1`},
		{`list`, `[]`},
	})
}

func TestOddInput(t *testing.T) {
	const (
		badName   = `invalid: The “name” argument is invalid: it must have 1 to 50 characters and only letters, digits, dashes and underscores.`
		badExpiry = `invalid: The “expires_at” argument is invalid: it must be a time in seconds since 1970, such as 1893456000, or 0 for never.`
		past      = `invalid: The expiry time has already passed.`
	)
	acct := hostingtest.New()
	table(t, acct, []moduletest.Row{
		{`create_full_access`, `missing: name`},
		{`create_full_access?name=`, `missing: name`},
		{`create_full_access?name=a%20b`, badName},
		{`create_full_access?name=%C3%A9`, badName},
		{`create_full_access?name=a%00`, badName},
		{`create_full_access?name=` + strings.Repeat("a", 51), badName},
		{`create_full_access?name=a&expires_at=soon`, badExpiry},
		{`create_full_access?name=a&expires_at=1893456000.5`, badExpiry},
		{`create_full_access?name=a&expires_at=253402300800`, badExpiry},
		{`create_full_access?name=a&expires_at=99999999999999999999`, badExpiry},
		{`create_full_access?name=a&expires_at=-1`, past},
		{`create_full_access?name=a&expires_at=1767268800`, past},
		{`create_full_access?name=a&readonly=maybe`, `invalid: The “readonly” argument is invalid: it must be 1 or 0.`},
		{`rename?name=a`, `missing: new_name`},
		{`rename?name=a&new_name=b%2Fc`, strings.Replace(badName, "“name”", "“new_name”", 1)},
		{`revoke`, `missing: name`},
		{`list`, `[]`},
	})
	acct.Data.Suspended = true
	table(t, acct, []moduletest.Row{{`create_full_access?name=a`, `denied: The account is suspended.`}})
}

func TestLongestName(t *testing.T) {
	got := moduletest.Call(t, module, hostingtest.New(), "create_full_access?name="+strings.Repeat("Z", 50))
	if !strings.HasPrefix(got, `{"token":"`) {
		t.Errorf("a name of 50 characters: %s", got)
	}
}
