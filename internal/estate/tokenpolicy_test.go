package estate_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/test/testserver"
)

// decode reads what a function answered.
func decode[T any](t *testing.T, data any) (v T) {
	t.Helper()
	if err := json.Unmarshal(encode.Append(nil, data), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// asked calls a function of Tokens for demo and says what came of it: "ok", or
// why not.
func asked(s *testserver.Server, name string, args ...string) string {
	if res := s.Call(call.UAPI, "demo", "Tokens", name, args...); res.Err != nil {
		return res.Err.Msg
	}
	return "ok"
}

func limited(name string, more ...string) []string {
	return append([]string{"name", name, "grants", "Quota:read"}, more...)
}

// The policy counts for what is made from then on, in words that name the rule,
// whose it is and what would be allowed.
func TestTokenPolicy(t *testing.T) {
	s := testserver.New(t)
	s.Token("demo", "old")
	s.WHM("set_token_policy", "longest_days", "90", "require_addresses", "1", "full_access", "0", "unused_days", "30")
	const most = "The policy of the server allows tokens of at most 90 days: give expires_at up to 1803211200."
	const full = "The policy of the server allows no tokens with full access: make one that may do what it is for, with Tokens::create_limited and “grants”."
	const places = "The policy of the server allows no tokens that may be used from everywhere: name the addresses it is used from, with Tokens::create_limited or Tokens::update and “whitelist_ip”."
	const unused = "The policy of the server ends tokens that nobody uses for 30 days: give unused_days up to 30."
	from, ends := []string{"whitelist_ip", "192.0.2.1"}, []string{"expires_at", in(s, 90*day)}
	for _, row := range []struct {
		name string
		args []string
		want string
	}{
		{"create_full_access", []string{"name", "a"}, most},
		{"create_full_access", append([]string{"name", "a"}, ends...), places},
		{"create_limited", limited("a", "expires_at", in(s, 91*day)), most},
		{"create_limited", limited("a", ends...), places},
		{"create_limited", append(limited("a", ends...), append(from, "unused_days", "31")...), unused},
		{"create_limited", append(limited("a", ends...), from...), "ok"},
		{"create_limited", append([]string{"name", "b", "preset", "full_access"}, append(from, ends...)...), full},
		{"update", []string{"name", "a", "expires_at", "0"}, most},
		{"update", []string{"name", "a", "expires_at", in(s, 91*day)}, most},
		{"update", []string{"name", "a", "whitelist_ip", "any"}, places},
		{"update", []string{"name", "a", "unused_days", "0"}, unused},
		{"update", []string{"name", "a", "preset", "full_access"}, full},
		{"update", []string{"name", "a", "note", "x"}, "ok"},
		{"rotate", []string{"name", "a"}, "ok"},
		{"disable", []string{"name", "a"}, "ok"},
		{"enable", []string{"name", "a"}, "ok"},
		{"rotate", []string{"name", "old"}, most},
		{"update", []string{"name", "old", "note", "x"}, most},
		{"disable", []string{"name", "old"}, "ok"},
		{"enable", []string{"name", "old"}, most},
		{"rename", []string{"name", "old", "new_name", "older"}, "ok"},
		{"update", append([]string{"name", "older", "grants", "Quota:read", "unused_days", "7"}, append(from, ends...)...), "ok"},
		{"enable", []string{"name", "older"}, "ok"},
		{"revoke", []string{"name", "older"}, "ok"},
	} {
		if got := asked(s, row.name, row.args...); got != row.want {
			t.Errorf("%s %v: %s\nwant %s", row.name, row.args, got, row.want)
		}
	}
	type details struct {
		Unused int   `json:"unused_days"`
		Ends   int64 `json:"expires_at"`
	}
	if got := decode[details](t, s.UAPI("demo", "Tokens", "get_details", "name", "a")); got.Unused != 30 || got.Ends != s.Now().Add(90*day).Unix() {
		t.Errorf("the token is %+v", got)
	}
}

// A token that is given no end gets the one of the policy, and who makes it is
// told so.
func TestDefaultLife(t *testing.T) {
	s := testserver.New(t)
	type made struct {
		Ends int64 `json:"expires_at"`
	}
	full := func(name string, args ...string) int64 {
		t.Helper()
		return decode[made](t, s.UAPI("demo", "Tokens", "create_full_access", append([]string{"name", name}, args...)...)).Ends
	}
	if got := full("a"); got != 0 {
		t.Errorf("without a policy it ends at %d", got)
	}
	s.WHM("set_token_policy", "default_days", "30")
	if got, want := full("b"), s.Now().Add(30*day).Unix(); got != want {
		t.Errorf("it ends at %d, want %d", got, want)
	}
	if got, want := full("c", "expires_at", in(s, 400*day)), s.Now().Add(400*day).Unix(); got != want {
		t.Errorf("with an end it ends at %d, want %d", got, want)
	}
	s.WHM("set_token_policy", "package", "default", "default_days", "none")
	if got := full("d"); got != 0 {
		t.Errorf("where the package lifts it, it ends at %d", got)
	}
	s.WHM("set_token_policy", "package", "default", "default_days", "inherit", "longest_days", "7")
	if got, want := full("e"), s.Now().Add(7*day).Unix(); got != want {
		t.Errorf("with a shorter limit it ends at %d, want %d", got, want)
	}
	if res := s.Call(call.WHM, "root", "", "set_token_policy", "package", "default", "default_days", "30"); res.Err == nil {
		t.Error("a default that is longer than the longest is taken")
	}
	s.Wait(8 * day)
	if got := s.Get(s.Account, "/execute/Tokens/list", "cpanel demo:"+s.Token("demo", "f")); got.Status != 200 {
		t.Errorf("a token of the policy's life cannot be used: %d", got.Status)
	}
}

// Who may make tokens: what a token that leaked cannot, nor its holder by way of
// what it could.
func TestTokenMakers(t *testing.T) {
	s := testserver.New(t)
	secret := s.Token("demo", "t")
	with := func(name, query string) string {
		a := s.Get(s.Account, "/execute/Tokens/"+name+"?"+query, "cpanel demo:"+secret)
		if !strings.Contains(a.Body, `"status":1`) {
			return a.Body
		}
		if name == "rotate" {
			_, secret, _ = strings.Cut(a.Body, `"token":"`)
			secret, _, _ = strings.Cut(secret, `"`)
		}
		return "ok"
	}
	through := func(name string, args ...string) string {
		res := s.Call(call.WHM, "root", "", "uapi_cpanel", append([]string{"cpanel.user", "demo", "cpanel.module", "Tokens", "cpanel.function", name}, args...)...)
		if body := string(encode.Append(nil, res.Data)); res.Err == nil && strings.Contains(body, `"status":1`) {
			return "ok"
		} else {
			return body + fmt.Sprint(res.Err)
		}
	}
	n := 0
	name := func() string { n++; return "n" + strconv.Itoa(n) }
	for _, test := range []struct{ makers, token, owner, admin string }{
		{"anybody", "ok", "ok", "ok"},
		{"owner", "lets no API token make others", "ok", "ok"},
		{"administrator", "nobody but the administrator", "nobody but the administrator", "ok"},
		{"inherit", "ok", "ok", "ok"},
	} {
		s.WHM("set_token_policy", "who_may_create", test.makers)
		for _, got := range []struct{ who, got, want string }{
			{"a token makes", with("create_full_access", "name="+name()), test.token},
			{"a token rotates", with("rotate", "name=t&overlap=60"), test.token},
			{"the owner makes", asked(s, "create_full_access", "name", name()), test.owner},
			{"the owner updates", asked(s, "update", "name", "t", "note", "x"), test.owner},
			{"the owner enables", asked(s, "enable", "name", "t"), test.owner},
			{"the owner revokes", asked(s, "revoke", "name", "nobody"), "ok"},
			{"the administrator makes", through("create_full_access", "name", name()), test.admin},
		} {
			if !strings.Contains(got.got, got.want) {
				t.Errorf("%s: %s: %s, want %s", test.makers, got.who, got.got, got.want)
			}
		}
	}
}

// The server's policy is the administrator's; packages are who owns them's.
func TestWhoSetsPolicies(t *testing.T) {
	s := testserver.New(t)
	s.WHM("createacct", "username", "shop", "domain", "shop.example", "password", testserver.Password)
	s.WHM("setupreseller", "user", "shop", "makeowner", "1")
	s.WHM("setacls", "reseller", "shop", "acl-edit-pkg", "1", "acl-add-pkg", "1", "acl-list-pkgs", "1", "acl-create-acct", "1", "acl-list-accts", "1", "acl-allow-unlimited-pkgs", "1",
		"acl-allow-unlimited-disk-pkgs", "1", "acl-allow-unlimited-bw-pkgs", "1")
	s.WHM("addpkg", "name", "shop_small")
	s.WHM("set_token_policy", "longest_days", "90")
	set := func(args ...string) string {
		if res := s.Call(call.WHM, "shop", "", "set_token_policy", args...); res.Err != nil {
			return res.Err.Msg
		}
		return "ok"
	}
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"longest_days", "1000"}, "Only the administrator"},
		{[]string{"package", "default", "longest_days", "1000"}, "is not yours to change"},
		{[]string{"package", "shop_none", "longest_days", "1000"}, "There is no package"},
		{[]string{"package", "shop_small", "longest_days", "1000", "full_access", "0"}, "ok"},
	} {
		if got := set(row.args...); !strings.Contains(got, row.want) {
			t.Errorf("set_token_policy %v: %s, want %s", row.args, got, row.want)
		}
	}
	s.WHM("createacct", "username", "theirs", "domain", "theirs.example", "password", testserver.Password, "plan", "shop_small", "owner", "shop")
	res := s.Call(call.UAPI, "theirs", "Tokens", "create_full_access", "name", "a", "expires_at", in(s, 91*day))
	if res.Err == nil || !strings.HasPrefix(res.Err.Msg, "The policy of the server allows tokens of at most 90 days") {
		t.Errorf("a reseller lifts the server's policy: %v", res.Err)
	}
	res = s.Call(call.UAPI, "theirs", "Tokens", "create_full_access", "name", "a", "expires_at", in(s, 89*day))
	if res.Err == nil || !strings.HasPrefix(res.Err.Msg, "The policy of the package “shop_small” allows no tokens with full access") {
		t.Errorf("the package's own rule: %v", res.Err)
	}
	s.WHM("editpkg", "name", "shop_small", "quota", "100")
	if got := decode[map[string]string](t, s.WHM("get_token_policy", "package", "shop_small")); got["longest_days"] != "1000" || got["full_access"] != "0" || got["unused_days"] != "inherit" {
		t.Errorf("after editpkg the package's policy is %v", got)
	}
}

// A token of root's that may edit packages does not lift the server's policy by
// one.
func TestPolicyNeedsAll(t *testing.T) {
	s := testserver.New(t)
	s.WHM("set_token_policy", "longest_days", "90")
	make := func(acl string) string {
		data := decode[struct{ Token string }](t, s.WHM("api_token_create", "token_name", acl, "acl-1", acl))
		return "whm root:" + data.Token
	}
	const lift = "/json-api/set_token_policy?api.version=1&package=default&longest_days=1000"
	if a := s.Get(s.Host, lift, make("edit-pkg")); !strings.Contains(a.Body, "Only who may do everything can set the policy") {
		t.Errorf("with edit-pkg: %s", a.Body)
	}
	if a := s.Get(s.Host, lift, make("all")); !strings.Contains(a.Body, `"result":1`) {
		t.Errorf("with all: %s", a.Body)
	}
}

// Old tokens are reported, to their owner and to who may see the account, page
// by page, and left as they are.
func TestOutsidePolicy(t *testing.T) {
	s := testserver.New(t)
	secret := s.Token("demo", "old1")
	s.Token("demo", "old2")
	s.Token("other", "old3")
	s.Token("demo", "short", "expires_at", in(s, day))
	s.HostToken("admins")
	s.WHM("set_token_policy", "longest_days", "90")
	type outside struct {
		Tokens []struct {
			User, Name string
			Rules      []string
		}
		Next string
	}
	var got []string
	pages := 0
	for after := ""; pages == 0 || after != ""; pages++ {
		page := decode[outside](t, s.WHM("list_tokens_outside_policy", "limit", "1", "after", after))
		for _, k := range page.Tokens {
			got = append(got, k.User+"/"+k.Name+" "+strings.Join(k.Rules, ","))
		}
		if after = page.Next; pages > 10 {
			t.Fatal("it does not end")
		}
	}
	if want := []string{"demo/old1 longest_days", "demo/old2 longest_days", "other/old3 longest_days"}; !slices.Equal(got, want) {
		t.Errorf("outside the policy: %q, want %q", got, want)
	}
	if all := decode[outside](t, s.WHM("list_tokens_outside_policy")); len(all.Tokens) != 3 || all.Next != "" {
		t.Errorf("at once: %+v", all)
	}
	if a := s.Get(s.Account, "/execute/Quota/get_quota_info", "cpanel demo:"+secret); !strings.Contains(a.Body, `"status":1`) {
		t.Errorf("an old token is refused: %s", a.Body)
	}
	type details struct {
		Policy []struct{ Rule, Reason string }
	}
	if d := decode[details](t, s.UAPI("demo", "Tokens", "get_details", "name", "old1")); len(d.Policy) != 1 || d.Policy[0].Rule != "longest_days" || !strings.Contains(d.Policy[0].Reason, "at most 90 days") {
		t.Errorf("get_details: %+v", d)
	}
	if d := decode[details](t, s.UAPI("demo", "Tokens", "get_details", "name", "short")); len(d.Policy) != 0 {
		t.Errorf("get_details of one that keeps the policy: %+v", d)
	}
	s.WHM("createacct", "username", "shop", "domain", "shop.example", "password", testserver.Password)
	s.WHM("setupreseller", "user", "shop")
	if res := s.Call(call.WHM, "shop", "", "list_tokens_outside_policy"); res.Err == nil && len(decode[outside](t, res.Data).Tokens) != 0 {
		t.Errorf("a reseller is told of others' tokens: %s", encode.Append(nil, res.Data))
	}
	if res := s.Call(call.WHM, "shop", "", "list_tokens_outside_policy", "after", "demo/old1"); res.Err == nil && (len(decode[outside](t, res.Data).Tokens) != 0 || strings.Contains(string(encode.Append(nil, res.Data)), "old")) {
		t.Errorf("a reseller is told of others' tokens, from there on: %s", encode.Append(nil, res.Data))
	}
}

// What the page shows to who wants to make a token.
func TestGetPolicy(t *testing.T) {
	s := testserver.New(t)
	s.Estate.MostTokens = 2
	type rules struct {
		May    int    `json:"may_create"`
		Reason string `json:"reason"`
		Most   int    `json:"most_tokens"`
		Latest int64  `json:"latest_expires_at"`
		Full   int    `json:"full_access"`
		SetBy  []struct{ Rule, By string }
	}
	get := func() rules {
		t.Helper()
		data := s.UAPI("demo", "Tokens", "get_policy")
		r := decode[rules](t, data)
		r.SetBy = decode[struct {
			SetBy []struct{ Rule, By string } `json:"set_by"`
		}](t, data).SetBy
		return r
	}
	if r := get(); r.May != 1 || r.Most != 2 || r.Latest != 0 || r.Full != 1 || len(r.SetBy) != 0 {
		t.Errorf("without a policy: %+v", r)
	}
	s.WHM("set_token_policy", "longest_days", "90")
	s.WHM("set_token_policy", "package", "default", "full_access", "0")
	if r := get(); r.Latest != s.Now().Add(90*day).Unix() || r.Full != 0 || fmt.Sprint(r.SetBy) != "[{longest_days the server} {full_access the package “default”}]" {
		t.Errorf("with policies: %+v", r)
	}
	for _, name := range []string{"a", "b"} {
		if got := asked(s, "create_limited", limited(name, "expires_at", in(s, day))...); got != "ok" {
			t.Error(got)
		}
	}
	if r := get(); r.May != 0 || !strings.Contains(r.Reason, "as many API tokens as it may have") {
		t.Errorf("with as many as may be: %+v", r)
	}
	if got := asked(s, "create_limited", limited("c", "expires_at", in(s, day))...); got != "The account has 2 API tokens, as many as it may have: revoke those that are not needed any more." {
		t.Errorf("one too many: %s", got)
	}
	s.UAPI("demo", "Tokens", "revoke", "name", "a")
	if got := asked(s, "create_limited", limited("c", "expires_at", in(s, day))...); got != "ok" {
		t.Errorf("after one was revoked: %s", got)
	}
}

// Owners are told of what is done with their tokens, and by whom.
func TestToldOfChanges(t *testing.T) {
	s, p := told(t)
	secret := s.Token("demo", "t")
	a := s.Get(s.Account, "/execute/Tokens/rotate?name=t&overlap=3600", "cpanel demo:"+secret)
	if !strings.Contains(a.Body, `"status":1`) {
		t.Fatal(a.Body)
	}
	s.UAPI("demo", "Tokens", "disable", "name", "t")
	s.UAPI("demo", "Tokens", "create_limited", "name", "own", "grants", "Quota:read")
	s.UAPI("demo", "Tokens", "revoke", "name", "own")
	res := s.Call(call.WHM, "root", "", "uapi_cpanel", "cpanel.user", "demo", "cpanel.module", "Tokens", "cpanel.function", "revoke", "name", "t")
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	s.Call(call.UAPI, "demo", "Tokens", "create_limited", "name", "bad name", "grants", "Quota:read") // nothing was made
	round(t, s, true)
	for _, l := range p.got {
		if strings.Contains(l.Text, secret) || strings.Contains(l.Text, `LK`) && strings.Contains(l.Text, secret[2:10]) {
			t.Errorf("a secret is in a mail: %s", l.Text)
		}
	}
	for i, want := range []string{"By:           the command line of the server", "the API token with the handle", "By:           the command line", "By:           root, through WHM"} {
		if i < len(p.got) && !strings.Contains(p.got[i].Text, want) {
			t.Errorf("mail %d does not say %q:\n%s", i, want, p.got[i].Text)
		}
	}
	wants(t, "told", p.take(), `demo: API token "t" was created`, `demo: API token "t" has a new secret`, `demo: API token "own" was created`,
		`demo: API token "t" was revoked by the administrator`)
}

// Owners are told when its terms have ended a token, once for each time.
func TestToldOfTerms(t *testing.T) {
	s, p := told(t)
	s.UAPI("demo", "Tokens", "create_limited", "name", "idle", "grants", "Quota:read", "unused_days", "3")
	type made struct{ Token string }
	few := decode[made](t, s.UAPI("demo", "Tokens", "create_limited", "name", "few", "grants", "Quota:read", "max_uses", "2")).Token
	round(t, s, true)
	p.take()
	for range 3 {
		s.Get(s.Account, "/execute/Quota/get_quota_info", "cpanel demo:"+few)
	}
	round(t, s, true)
	wants(t, "after two calls", p.take(), `demo: API token "few" has ended`, `demo: API token "few" was used for the first time`)
	s.Wait(4 * day)
	again(s)
	round(t, s, true)
	round(t, s, true)
	wants(t, "after four days", p.take(), `demo: API token "idle" has ended`)
	s.UAPI("demo", "Tokens", "enable", "name", "idle")
	round(t, s, true)
	s.Wait(4 * day)
	round(t, s, true)
	wants(t, "after it was enabled again", p.take(), `demo: API token "idle" has ended`)
}

// Owners choose what they are told; nobody with a token does.
func TestSetNotices(t *testing.T) {
	s, p := told(t)
	secret := s.Token("demo", "t")
	a := s.Get(s.Account, "/execute/Tokens/set_notices?created=0", "cpanel demo:"+secret)
	if !strings.Contains(a.Body, "An API token switches no notices off") {
		t.Errorf("with a token: %s", a.Body)
	}
	type chosen struct {
		Sent    int
		Contact string `json:"contact_email"`
		Kinds   []struct {
			Kind string
			On   int
		}
	}
	s.UAPI("demo", "Tokens", "set_notices", "created", "0", "network", "0")
	s.UAPI("demo", "Tokens", "set_notices", "network", "1")
	got := decode[chosen](t, s.UAPI("demo", "Tokens", "get_notices"))
	if fmt.Sprint(got) != "{1 owner@example.com [{created 0} {rotated 1} {ending 1} {ended 1} {revoked 1} {network 1}]}" {
		t.Errorf("chosen: %v", got)
	}
	round(t, s, true)
	p.take()
	s.Token("demo", "t2")
	round(t, s, true)
	wants(t, "told", p.take())
}
