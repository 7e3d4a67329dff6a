package tokens

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

// details is what is told of a token, with some fields other than those of a
// token that was just made with the grants Email:read. The handle is left out.
func detailsWith(other ...string) string {
	text := `{"name":"a","handle":"","create_time":1767268800,"expires_at":null,"not_before":null,"has_full_access":0,"readonly":0,"grants":["Email:read"],"whitelist_ips":null,` +
		`"max_uses":0,"uses":0,"unused_days":0,"rate_limit":0,"observing":0,"note":"","state":"active","renew_time":null,"old_secret_until":null,"old_secret_last_used":null,` +
		`"last_used":null,"last_used_from":"","last_used_by":""}`
	for _, field := range other {
		key, _, _ := strings.Cut(field, ":")
		at := strings.Index(text, `"`+key+`":`)
		end := at + strings.Index(text[at:], `,"`)
		if strings.HasPrefix(text[at:], `"grants"`) {
			end = at + strings.Index(text[at:], `],"`) + 1
		}
		text = text[:at] + `"` + key + `":` + strings.TrimPrefix(field, key+":") + text[end:]
	}
	return text
}

// judgedWith is what get_details tells of one that keeps the policy.
func judgedWith(other ...string) string {
	return strings.TrimSuffix(detailsWith(other...), "}") + `,"calls_per_day":[0,0,0,0,0,0,0,0,0,0,0,0,0,0],"policy":[]}`
}

// called is a call's answer without handle and secret.
func called(t *testing.T, acct *hostingtest.Account, call string) string {
	t.Helper()
	text := moduletest.Call(t, module, acct, call)
	if at := strings.Index(text, `"handle":"`); at >= 0 {
		text = text[:at+10] + text[at+20:]
	}
	if rest, ok := strings.CutPrefix(text, `{"token":"`); ok {
		if len(rest) < 32 || rest[32] != '"' {
			t.Errorf("%s shows no secret of 32 characters", call)
		}
		text = "{" + rest[34:]
	}
	return text
}

func TestLimited(t *testing.T) {
	acct := hostingtest.New()
	const wide = `"has_full_access":1`
	for _, row := range [][2]string{
		{"create_limited?name=a&grants=Email:read", detailsWith()},
		{"get_details?name=a", judgedWith()},
		{"update?name=a", detailsWith()},
		{"update?name=a&note=for%20CI&max_uses=10&unused_days=30&rate_limit=60", detailsWith(`note:"for CI"`, `max_uses:10`, `unused_days:30`, `rate_limit:60`)},
		{"update?name=a&not_before=1767272400", detailsWith(`note:"for CI"`, `max_uses:10`, `unused_days:30`, `rate_limit:60`, `not_before:1767272400`, `state:"not_yet"`)},
		{"update?name=a&not_before=0&max_uses=0&unused_days=&rate_limit=0&note=", detailsWith(`unused_days:30`)},
		{"update?name=a&unused_days=0&expires_at=1893456000&readonly=1", detailsWith(`expires_at:1893456000`, `readonly:1`)},
		{"update?name=a&whitelist_ip=192.0.2.1&whitelist_ip-1=2001:db8::/32", detailsWith(`expires_at:1893456000`, `readonly:1`, `whitelist_ips:["192.0.2.1","2001:0db8:0000:0000:0000:0000:0000:0000/32"]`)},
		{"update?name=a&whitelist_ip=any&expires_at=0&readonly=0&preset=full_access", detailsWith(`has_full_access:1`, `grants:["*:write"]`)},
		{"update?name=a&preset=mailboxes&domain=Example.com", detailsWith(`grants:["Email:write(domain=example.com)"]`)},
		{"update?name=a&grants=Email:read", detailsWith()},
		{"disable?name=a", detailsWith(`state:"disabled"`)},
		{"disable?name=a", detailsWith(`state:"disabled"`)},
		{"update?name=a&note=x", detailsWith(`note:"x"`, `state:"disabled"`)},
		{"enable?name=a", detailsWith(`note:"x"`, `renew_time:1767268800`)},
		{"rotate?name=a&overlap=60", detailsWith(`note:"x"`, `renew_time:1767268800`, `old_secret_until:1767268860`)},
		{"get_details?name=a", judgedWith(`note:"x"`, `renew_time:1767268800`, `old_secret_until:1767268860`)},
		{"rotate?name=a", detailsWith(`note:"x"`, `renew_time:1767268800`, `old_secret_until:1767268800`)},
		{"revoke_all", `{"revoked":1}`},
		{"revoke_all?keep_self=1", `{"revoked":0}`},
		{"list", `[]`},
		{"create_limited?name=a&preset=full_access&observing=1&max_uses=1", strings.Replace(detailsWith(`grants:["*:write"]`, `observing:1`, `max_uses:1`), `"has_full_access":0`, wide, 1)},
	} {
		if got := called(t, acct, row[0]); got != row[1] {
			t.Errorf("%s\n got %s\nwant %s", row[0], got, row[1])
		}
	}
}

func TestLimitedOddInput(t *testing.T) {
	acct := hostingtest.New()
	moduletest.Call(t, module, acct, "create_limited?name=a&grants=Email:read")
	const none = "not-found: There is no API token with the name “b”."
	var rows []moduletest.Row
	for _, arg := range [][2]string{
		{"max_uses=-1", "The “max_uses” argument is invalid: give how many calls it may make, 1 to 1000000000, or 0 for no limit."},
		{"max_uses=1000000001", "The “max_uses” argument is invalid: give how many calls it may make, 1 to 1000000000, or 0 for no limit."},
		{"max_uses=many", "The “max_uses” argument is invalid: it must be a whole number."},
		{"unused_days=3651", "The “unused_days” argument is invalid: give a number of days, 1 to 3650, or 0 for no limit."},
		{"rate_limit=60001", "The “rate_limit” argument is invalid: give how many calls it may make in a minute, 1 to 60000, or 0 for no limit."},
		{"rate_limit=1.5", "The “rate_limit” argument is invalid: it must be a whole number."},
		{"not_before=tomorrow", "The “not_before” argument is invalid: it must be a time in seconds since 1970, such as 1893456000, or 0 for never."},
		{"not_before=-1", "The “not_before” argument is invalid: give a time in seconds since 1970, or 0 for at once."},
		{"not_before=1893456000&expires_at=1893456000", "The “not_before” argument is invalid: the token would expire before it could be used."},
		{"note=a%0ab", "The “note” argument is invalid: it may have 200 characters, and no control characters or line ends."},
		{"note=" + strings.Repeat("x", 201), "The “note” argument is invalid: it may have 200 characters, and no control characters or line ends."},
		{"readonly=maybe", "The “readonly” argument is invalid: it must be 1 or 0."},
		{"whitelist_ip=any&whitelist_ip=192.0.2.1", "The “whitelist_ip” argument is invalid: “any” is no address and no range: give one such as 192.0.2.1, 192.0.2.8/29 or 2001:db8::/48."},
		{"domain=example.com", "The “domain” argument is for presets: write it into the grants, as in Email:write(domain=example.com), or name a preset."},
		{"max_use=5", "The argument “max_use” is not understood: leave it out, or look up how it is called."},
		{"whitelist-ip=192.0.2.1", "The argument “whitelist-ip” is not understood: leave it out, or look up how it is called."},
		{"preset=mailboxes", "The preset cannot be used so: “Mailboxes of a domain” needs a domain."},
	} {
		rows = append(rows, moduletest.Row{"update?name=a&" + arg[0], "invalid: " + arg[1]})
		if !strings.HasPrefix(arg[0], "preset") {
			rows = append(rows, moduletest.Row{"create_limited?name=b&grants=Email:read&" + arg[0], "invalid: " + arg[1]})
		}
	}
	for _, overlap := range []string{"604801", "-1", "1.5", "a%20day", "99999999999"} {
		rows = append(rows, moduletest.Row{"rotate?name=a&overlap=" + overlap, "invalid: The “overlap” argument is invalid: it must be a number of seconds, 0 to 604800."})
	}
	for _, name := range []string{"update", "rotate", "enable", "disable"} {
		rows = append(rows, moduletest.Row{name, "missing: name"}, moduletest.Row{name + "?name=b", none})
	}
	table(t, acct, rows)
	if got := called(t, acct, "get_details?name=a"); got != judgedWith() {
		t.Errorf("bad input has changed the token to %s", got)
	}
}

// Of a narrow token list names the features that it reaches, of those that the
// account has.
func TestListFeatures(t *testing.T) {
	acct := hostingtest.New()
	acct.Who.Features = latchkey.FeatureSet(0).With(latchkey.FeatureAPITokens, true).With(latchkey.FeaturePopAccounts, true)
	for name, grants := range map[string]string{"a": "Email:write(domain=example.com)", "b": "Quota:read", "c": "*:write", "d": "cannot be read", "e": "Email::add_pop"} {
		n := hosting.NewToken{Name: name, Grants: grants, ReadOnly: name == "e"}
		if name == "c" {
			n.Grants = ""
		}
		if _, _, err := acct.Tokens().Create(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	got := moduletest.Call(t, module, acct, "list")
	for name, want := range map[string]string{
		"a": `"has_full_access":0,"features":["popaccts"]`, "b": `"has_full_access":0,"features":[]`, "c": `"has_full_access":1,"features":["apitokens","popaccts"]`,
		"d": `"has_full_access":0,"features":[]`, "e": `"has_full_access":0,"features":["popaccts"]`,
	} {
		if row := `{"name":"` + name + `","create_time":1767268800,"expires_at":null,` + want; !strings.Contains(got, row) {
			t.Errorf("list is %s, want in it %s", got, row)
		}
	}
}

// What the token that is called with says of itself.
func TestBearer(t *testing.T) {
	acct := hostingtest.New()
	k, _, err := acct.Tokens().Create(t.Context(), hosting.NewToken{Name: "a", Grants: "Email:read"})
	if err != nil {
		t.Fatal(err)
	}
	acct.Who.Token = k.ID
	moduletest.Call(t, module, acct, "create_limited?name=b&grants=Email:read")
	acct.UseToken("a", latchkey.Use{At: time.Unix(1767268860, 0), From: "192.0.2.9", Client: "curl/8"})
	want := strings.Replace(detailsWith(`last_used:1767268860`, `last_used_from:"192.0.2.9"`), `"last_used_by":""`, `"last_used_by":"curl/8"`, 1)
	if got := called(t, acct, "verify"); got != want {
		t.Errorf("verify\n got %s\nwant %s", got, want)
	}
	for _, step := range [][2]string{{"revoke_all?keep_self=1", `{"revoked":1}`}, {"revoke_self", "1"}, {"verify", "not-found: You did not come in with an API token."}} {
		if got := called(t, acct, step[0]); got != step[1] {
			t.Errorf("%s = %s, want %s", step[0], got, step[1])
		}
	}
}

// FuzzOverlap: what is read as an overlap is one.
func FuzzOverlap(f *testing.F) {
	for _, text := range []string{"0", "604800", "604801", "-1", " 60 ", "1e3", "+5", "0x10", "٣"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s seconds
		if s.ParseParam(text) != nil {
			return
		}
		if s.Duration < 0 || s.Duration > hosting.MaxOverlap || strings.TrimLeft(strings.TrimSpace(text), "0") != strings.TrimLeft(fmt.Sprint(int64(s.Seconds())), "0") {
			t.Errorf("%q is read as %v", text, s.Duration)
		}
	})
}
