package matrix

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/test/testserver"
)

// grant gives the reseller these privileges and no others.
func grant(s *testserver.Server, reseller string, set latchkey.PrivilegeSet) {
	args := []string{"reseller", reseller}
	for _, p := range set.List() {
		args = append(args, "acl-"+p.String(), "1")
	}
	s.WHM("setacls", args...)
}

// everyBut is every privilege but one, and but that of the administrator.
func everyBut(p latchkey.Privilege) latchkey.PrivilegeSet {
	return latchkey.AllPrivileges &^ (1<<latchkey.PrivilegeAll | 1<<p)
}

// whm asks the host's door, as the reseller or the administrator, with a
// password or a token.
func whm(s *testserver.Server, authorization, function string, args ...string) string {
	q := url.Values{"api.version": {"1"}}
	for i := 0; i+1 < len(args); i += 2 {
		q.Add(args[i], args[i+1])
	}
	return s.Get(s.Host, "/json-api/"+function+"?"+q.Encode(), authorization).Body
}

func basic(user string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+testserver.Password))
}

// hostToken makes a token for the host's door as whoever authorization is of.
func hostToken(t *testing.T, s *testserver.Server, authorization, user, name string, args ...string) string {
	t.Helper()
	body := whm(s, authorization, "api_token_create", append([]string{"token_name", name}, args...)...)
	_, secret, ok := strings.Cut(body, `"token":"`)
	if !ok {
		t.Fatalf("api_token_create %v: %s", args, body)
	}
	return "whm " + user + ":" + secret[:32]
}

// agency is a server on which demo is a reseller that owns child, with a
// password as everybody's.
func agency(t *testing.T) *testserver.Server {
	s := testserver.New(t)
	s.WHM("createacct", "username", "child", "domain", "child.example", "password", testserver.Password)
	s.WHM("setupreseller", "user", "demo")
	s.WHM("modifyacct", "user", "child", "owner", "demo")
	return s
}

const denied = "Access denied: "

// TestPrivileges: every function of WHM asks for a privilege; the administrator
// has it, a reseller with exactly that one may call it, one with all others may
// not.
func TestPrivileges(t *testing.T) {
	s := agency(t)
	root := "whm root:" + s.HostToken("matrix")
	rows := 0
	passed := []string{"cpanel_jsonapi_user", "child", "cpanel_jsonapi_module", "Email", "cpanel_jsonapi_func", "listpops"}
	for _, e := range s.Calls.Registry.All() {
		if e.Audience != latchkey.ForHost {
			continue
		}
		rows++
		var args []string
		if e.Name == "cpanel" { // who names no function is told so before anybody looks at them
			args = passed
		}
		if e.Name == "latchkey_activity" { // it would tell of others' refusals
			args = []string{"outcome", "ok"}
		}
		if e.Privilege == latchkey.NoPrivilege {
			t.Errorf("%s names no privilege", e.FullName())
			continue
		}
		if got := whm(s, root, e.Name, args...); strings.Contains(got, denied) {
			t.Errorf("%s as root: %s", e.Name, got)
		}
		if e.Privilege != latchkey.PrivilegeAll {
			grant(s, "demo", latchkey.PrivilegesOf(e.Privilege))
			if got := whm(s, basic("demo"), e.Name, args...); strings.Contains(got, denied) {
				t.Errorf("%s with %s: %s", e.Name, e.Privilege, got)
			}
		}
		grant(s, "demo", everyBut(e.Privilege))
		want := denied + "“" + e.Name + "” needs the privilege “" + e.Privilege.String() + "”."
		if e.Privilege == latchkey.PrivilegeAll {
			want = denied + "“" + e.Name + "” is the administrator’s alone."
		}
		if got := whm(s, basic("demo"), e.Name, args...); !strings.Contains(got, want) {
			t.Errorf("%s without %s: %s", e.Name, e.Privilege, got)
		}
	}
	t.Logf("%d functions", rows)
}

// TestForeignAccounts: a reseller with every privilege but the administrator's
// neither changes an account that is not its own, by whatever function, nor is
// told anything of it.
func TestForeignAccounts(t *testing.T) {
	s := agency(t)
	grant(s, "demo", everyBut(latchkey.PrivilegeAll))
	s.WHM("setupreseller", "user", "other")
	s.WHM("modifyacct", "user", "other", "contactemail", "secret@elsewhere.example")
	s.WHM("createacct", "username", "grandchild", "domain", "grandchild.example", "owner", "other")
	hidden := []string{"secret@elsewhere.example", "grandchild.example", `"domain":"example.net"`}
	for _, name := range []string{"other", "grandchild"} {
		before := fingerprint(t, s, latchkey.AccountName(name))
		for _, e := range s.Calls.Registry.All() {
			if e.Audience != latchkey.ForHost || e.Name == "batch" {
				continue
			}
			for _, fill := range []func(api.Param) string{
				func(p api.Param) string { // an account wherever one fits
					switch {
					case p.Resource == "account" && p.Name != "newuser":
						return name
					case p.Required:
						return guess(p)
					}
					return ""
				},
				func(p api.Param) string { // and a domain of it
					switch {
					case p.Resource == "domain" || p.Resource == "zone":
						return map[string]string{"other": "example.net", "grandchild": "grandchild.example"}[name]
					case p.Required:
						return guess(p)
					}
					return ""
				},
			} {
				var args []string
				for _, p := range e.Params() {
					if v := fill(p); v != "" && !p.Rest {
						args = append(args, p.Name, v)
					}
				}
				body := whm(s, basic("demo"), e.Name, args...)
				for _, text := range hidden {
					if strings.Contains(body, text) && !slices.Contains(args, text) {
						t.Errorf("%s %v tells what is not demo's: %s", e.Name, args, body)
					}
				}
			}
		}
		if after := fingerprint(t, s, latchkey.AccountName(name)); after != before {
			t.Errorf("demo changed the account %s", name)
		}
	}
	missing := whm(s, basic("demo"), "accountsummary", "user", "nobody")
	if got := whm(s, basic("demo"), "accountsummary", "user", "other"); strings.ReplaceAll(got, "other", "nobody") != missing || !strings.Contains(got, `"result":0`) {
		t.Errorf("an account that is not demo's answers %s, one that is not there %s", got, missing)
	}
}

// guess is something for a parameter that must be given.
func guess(p api.Param) string {
	switch {
	case len(p.Enum) > 0:
		return p.Enum[0]
	case p.Type == "integer" || p.Type == "boolean":
		return "1"
	case p.Resource == "domain" || p.Resource == "zone":
		return "fresh.example"
	case p.Secret:
		return testserver.Password
	case p.Name == "features":
		return `{"popaccts":0}`
	}
	return "gold"
}

// TestResellerReach: what a reseller does with its own, and where that ends.
func TestResellerReach(t *testing.T) {
	s := agency(t)
	grant(s, "demo", everyBut(latchkey.PrivilegeAll))
	token := hostToken(t, s, basic("demo"), "demo", "matrix")
	for _, row := range []struct{ call, want string }{
		{"listaccts?want=user", `{"acct":[{"user":"child"}]}`},
		{"accountsummary?user=demo", `"user":"demo"`},
		{"suspendacct?user=child", `"result":1`},
		{"unsuspendacct?user=child", `"result":1`},
		{"suspendacct?user=demo", `You may not act for the account “demo”`},
		{"removeacct?user=demo", `You cannot do this to your own account`},
		{"modifyacct?user=child&owner=other", `Only the administrator can change who owns an account.`},
		{"createacct?username=fresh&domain=fresh.example&owner=other", `Only the administrator can change who owns an account.`},
		{"createacct?username=fresh&domain=fresh.example&reseller=1", `Only the administrator can make an account a reseller.`},
		{"createacct?username=fresh&domain=fresh.example", `"result":1`},
		{"accountsummary?user=fresh", `"owner":"demo"`},
		{"passwd?user=root&password=kY7.wolke-Tisch3", `You do not have access to an account named “root”.`},
		{"passwd?user=demo&password=kY7.wolke-Tisch3", `You may not act for the account “demo”`},
		{"addpkg?name=small&quota=10&bwlimit=10", `"pkg":"demo_small"`},
		{"editpkg?name=default&quota=10", `“default” is not yours to change`},
		{"editpkg?name=other_x&quota=10", `“other_x” is not yours to change`},
		{"changepackage?user=child&pkg=demo_small", `"result":1`},
		{"changepackage?user=child&pkg=other_x", `There is no package “other_x”.`},
		{"create_featurelist?featurelist=lean&popaccts=1", `"featurelist":"demo_lean"`},
		{"update_featurelist?featurelist=disabled&popaccts=0", `“disabled” is not yours to change`},
		{"get_featurelists", `{"featurelists":["demo_lean"]}`},
		{"uapi_cpanel?cpanel.user=child&cpanel.module=Email&cpanel.function=count_pops", `"data":0`},
		{"uapi_cpanel?cpanel.user=other&cpanel.module=Email&cpanel.function=count_pops", `You do not have access to an account named “other”.`},
		{"setacls?reseller=demo&acl-all=1", denied},
		{"batch?command=accountsummary%3Fuser%3Dother", `Account does not exist.`},
		{"myprivs", `"all":0`},
	} {
		name, query, _ := strings.Cut(row.call, "?")
		if got := s.Get(s.Host, "/json-api/"+name+"?api.version=1&"+query, token).Body; !strings.Contains(got, row.want) {
			t.Errorf("%s: %s, want %s", row.call, got, row.want)
		}
	}
	s.WHM("changepackage", "user", "other", "pkg", "demo_small") // the administrator may
	s.WHM("addpkg", "name", "wide", "featurelist", "demo_lean")
	for _, row := range []struct{ call, want string }{
		{"editpkg?name=demo_small&quota=5", `“demo_small” is used for accounts that are not yours`},
		{"editpkg?name=demo_small&featurelist=default", `“demo_small” is used for accounts that are not yours`},
		{"update_featurelist?featurelist=demo_lean&popaccts=0", `“demo_lean” is used for accounts that are not yours`},
	} {
		name, query, _ := strings.Cut(row.call, "?")
		if got := s.Get(s.Host, "/json-api/"+name+"?api.version=1&"+query, token).Body; !strings.Contains(got, row.want) {
			t.Errorf("%s: %s, want %s", row.call, got, row.want)
		}
	}
	grant(s, "demo", everyBut(latchkey.PrivilegeAddPackage))
	if got := whm(s, basic("demo"), "createacct", "username", "saver", "domain", "saver.example", "pkgname", "demo_saved", "quota", "1"); !strings.Contains(got, "add-pkg") {
		t.Errorf("a package was saved without the privilege to: %s", got)
	}
	grant(s, "demo", everyBut(latchkey.PrivilegeAll))
	s.WHM("suspendacct", "user", "child", "disallowun", "1")
	if got := whm(s, token, "unsuspendacct", "user", "child"); !strings.Contains(got, "is locked: only the administrator") {
		t.Errorf("the suspension of a locked account was ended: %s", got)
	}
	if got := whm(s, basic("demo"), "version"); !strings.Contains(got, `"result":1`) {
		t.Errorf("a reseller by its password: %s", got)
	}
	for _, auth := range []string{basic("other"), basic("child"), "whm other:" + token[9:], "whm root:" + token[9:], "cpanel demo:" + token[9:]} {
		if a := s.Get(s.Host, "/json-api/version?api.version=1", auth); !refused(a) {
			t.Errorf("let in at the host's door: %s", a.Body)
		}
	}
	if a := s.Get(s.Account, "/execute/Email/count_pops", "cpanel demo:"+token[9:]); !refused(a) {
		t.Errorf("a token for the host's door opened an account's: %s", a.Body)
	}
	s.WHM("unsetupreseller", "user", "demo")
	if a := s.Get(s.Host, "/json-api/version?api.version=1", token); !refused(a) {
		t.Errorf("no reseller any more: %s", a.Body)
	}
	s.WHM("setupreseller", "user", "demo")
	if a := s.Get(s.Host, "/json-api/version?api.version=1", token); !refused(a) {
		t.Errorf("a token from before: %s", a.Body)
	}
}

// TestResellerLimits: what a reseller may have, it may have, and no more, however
// it asks for it.
func TestResellerLimits(t *testing.T) {
	s := agency(t)
	grant(s, "demo", everyBut(latchkey.PrivilegeAll))
	s.WHM("addpkg", "name", "gold", "quota", "100", "bwlimit", "100")
	s.WHM("addpkg", "name", "iron", "quota", "10", "bwlimit", "10")
	s.WHM("changepackage", "user", "child", "pkg", "iron")
	n := 0
	try := func(want string, args ...string) {
		t.Helper()
		n++
		name := fmt.Sprintf("new%d", n)
		got := whm(s, basic("demo"), "createacct", append([]string{"username", name, "domain", name + ".example"}, args...)...)
		if !strings.Contains(got, want) {
			t.Errorf("createacct %v: %s, want %s", args, got, want)
		}
	}
	const ok = `"result":1`
	s.WHM("setresellerlimits", "user", "demo", "enable_account_limit", "1", "account_limit", "3")
	try(ok, "plan", "iron")
	if got := whm(s, basic("demo"), "acctcounts"); !strings.Contains(got, `"active":2,"limit":3,"suspended":0,"user":"demo"`) {
		t.Errorf("acctcounts: %s", got)
	}
	try(ok, "plan", "iron")
	try("the most accounts that you may own, which is 3.", "plan", "iron")
	s.WHM("setresellerlimits", "user", "demo", "enable_account_limit", "0")
	s.WHM("setresellerpackagelimit", "user", "demo", "package", "iron", "allowed", "1", "number", "4")
	try(ok, "plan", "iron")
	try("the most accounts that may have the package “iron”, which is 4.", "plan", "iron")
	try("You may not give accounts the package “gold”.", "plan", "gold")
	s.WHM("setresellerpackagelimit", "user", "demo", "no_limit", "1")
	s.WHM("setresellerlimits", "user", "demo", "enable_resource_limits", "1", "diskspace_limit", "160", "bandwidth_limit", "1000")
	try(ok, "plan", "gold")
	try("more disk space than you may, which is 160 MB.", "plan", "gold")
	try("cannot have as much as it likes", "plan", "iron", "quota", "0")
	for _, row := range []struct{ call, want string }{
		{"modifyacct?user=child&QUOTA=31", "more disk space than you may"},
		{"modifyacct?user=child&QUOTA=20", ok},
		{"changepackage?user=child&pkg=gold", "more disk space than you may"},
		{"addpkg?name=own&quota=1&bwlimit=1", ok},
		{"changepackage?user=child&pkg=demo_own", ok},
		{"editpkg?name=demo_own&quota=999", "more disk space than you may"},
	} {
		name, query, _ := strings.Cut(row.call, "?")
		if got := s.Get(s.Host, "/json-api/"+name+"?api.version=1&"+query, basic("demo")).Body; !strings.Contains(got, row.want) {
			t.Errorf("%s: %s, want %s", row.call, got, row.want)
		}
	}
	grant(s, "demo", latchkey.PrivilegesOf(latchkey.PrivilegeCreateAccount, latchkey.PrivilegeGlobalPackages))
	try("you need the privilege “edit-account”", "plan", "iron", "quota", "1")
	grant(s, "demo", latchkey.PrivilegesOf(latchkey.PrivilegeCreateAccount))
	try("you need the privilege “viewglobalpackages”", "plan", "iron")
}

// TestBoundTokens: a token is worth what it was given, less what its owner has
// lost, from where it may be used; and makes none that is worth more.
func TestBoundTokens(t *testing.T) {
	s := agency(t)
	grant(s, "demo", everyBut(latchkey.PrivilegeAll))
	expires := fmt.Sprint(testserver.Start.Add(time.Hour).Unix())
	const here, elsewhere = "198.51.100.0/24", "203.0.113.0/24"
	for who, auth := range map[string]string{"demo": basic("demo"), "root": "whm root:" + s.HostToken("matrix")} {
		narrow := hostToken(t, s, auth, who, "narrow", "acl-0", "list-accts", "acl-1", "manage-api-tokens", "acl-2", "passwd", "expires_at", expires, "whitelist_ip", here)
		away := hostToken(t, s, auth, who, "away", "whitelist_ip-0", elsewhere, "whitelist_ip-1", "2001:db8::/32")
		if a := s.Get(s.Host, "/json-api/version?api.version=1", away); !refused(a) {
			t.Errorf("%s's token for elsewhere: %s", who, a.Body)
		}
		r := httptest.NewRequest(http.MethodGet, "/json-api/version?api.version=1", nil)
		r.RemoteAddr = "[2001:db8::7]:4000"
		r.Header.Set("Authorization", away)
		if a := s.Serve(s.Host, r); !strings.Contains(a.Body, `"result":1`) {
			t.Errorf("%s's token where it may be used: %s", who, a.Body)
		}
		for _, row := range []struct{ call, want string }{
			{"listaccts?want=user", `"result":1`},
			{"myprivs", denied},
			{"createacct?username=x&domain=x.example", denied},
			{"passwd?user=child&password=kY7.wolke-Tisch3", `"result":1`},
			{"passwd?user=demo&password=kY7.wolke-Tisch3", `You may not act for the account “demo”`},
			{"passwd?user=root&password=kY7.wolke-Tisch3", `root`},
			{"api_token_create?token_name=a&acl=all", "You can give a token no privileges that you do not have"},
			{"api_token_create?token_name=a&acl-0=passwd&acl-1=create-acct", "You can give a token no privileges that you do not have: create-acct."},
			{"api_token_create?token_name=a&whitelist_ip=0.0.0.0/0", "from no others: 198.51.100.0/24."},
			{"api_token_create?token_name=a&expires_at=4000000000", "may last no longer than itself"},
			{"api_token_create?token_name=" + who + "-a", `"acls":["list-accts","manage-api-tokens","passwd"],"create_time":` + fmt.Sprint(testserver.Start.Unix()) + `,"expires_at":` + expires + `,"whitelist_ips":["198.51.100.0/24"]}`},
			{"api_token_update?token_name=narrow&acl=all", "You can give a token no privileges that you do not have"},
			{"api_token_update?token_name=narrow&whitelist_ip=any&acl=passwd", `"whitelist_ips":["198.51.100.0/24"]`},
			{"api_token_list", denied}, // it has made itself one for passwords alone
		} {
			name, query, _ := strings.Cut(row.call, "?")
			got := s.Get(s.Host, "/json-api/"+name+"?api.version=1&"+query, narrow).Body
			if !strings.Contains(got, row.want) || strings.HasPrefix(row.call, "passwd?user=root") && strings.Contains(got, `"result":1`) {
				t.Errorf("%s's narrow token: %s: %s, want %s", who, row.call, got, row.want)
			}
		}
	}
	maker := hostToken(t, s, "whm root:"+s.HostToken("maker"), "root", "narrow-maker", "acl", "create-acct")
	if got := whm(s, maker, "createacct", "username", "tool", "domain", "tool.example", "password", testserver.Password, "reseller", "1"); !strings.Contains(got, "Only the administrator can make an account a reseller.") {
		t.Errorf("a token that creates accounts made a reseller: %s", got)
	}
	keeper := hostToken(t, s, basic("demo"), "demo", "keeper", "acl-0", "list-accts", "acl-1", "quota")
	grant(s, "demo", latchkey.PrivilegesOf(latchkey.PrivilegeQuota))
	if got := whm(s, keeper, "listaccts"); !strings.Contains(got, denied) {
		t.Errorf("a privilege that the reseller has lost: %s", got)
	}
	s.Wait(2 * time.Hour)
	if got := whm(s, keeper, "api_token_list"); !strings.Contains(got, denied) {
		t.Errorf("a privilege that the token never had: %s", got)
	}
}

// TestDamagedConditions: a row whose conditions were changed behind the server's
// back opens nothing.
func TestDamagedConditions(t *testing.T) {
	for what, damage := range map[string]func(*latchkey.Token){
		"other privileges": func(k *latchkey.Token) { k.Privileges = latchkey.PrivilegesOf(latchkey.PrivilegeQuota) },
		"more privileges":  func(k *latchkey.Token) { k.Privileges |= latchkey.PrivilegesOf(latchkey.PrivilegeQuota) },
		"no privileges":    func(k *latchkey.Token) { k.Privileges = 0 },
		"other addresses":  func(k *latchkey.Token) { k.Addresses = "0.0.0.0/0" },
		"no addresses":     func(k *latchkey.Token) { k.Addresses = "" },
		"no conditions":    func(k *latchkey.Token) { k.Privileges, k.Addresses = 0, "" },
		"in its name":      func(k *latchkey.Token) { k.Name, k.Privileges, k.Addresses = "x\x00passwd\x00198.51.100.0/24", 0, "" },
	} {
		s := testserver.New(t)
		token := hostToken(t, s, "whm root:"+s.HostToken("matrix"), "root", "x", "acl", "basic-whm-functions", "whitelist_ip", "198.51.100.0/24")
		_, err := s.Store.Write(t.Context(), func(tx store.Tx) error {
			root, err := tx.Account("root")
			if err != nil {
				return err
			}
			k, err := tx.Token(root.ID, latchkey.ForHost, "x")
			if err != nil {
				return err
			}
			damage(&k)
			tx.Log(store.Change{Kind: store.TokenPut, Account: root.ID, Token: &k}) // memory reads it anew
			return tx.UpdateToken("x", k)
		})
		if err != nil {
			t.Fatal(err)
		}
		s.WHM("addpkg", "name", "wake") // brings memory up to date
		if a := s.Get(s.Host, "/json-api/version?api.version=1", token); !refused(a) {
			t.Errorf("%s: %s", what, a.Body)
		}
	}
}

// TestLocalReseller: the local socket lets a reseller in at the host's door, and
// nobody else who is not the administrator.
func TestLocalReseller(t *testing.T) {
	s := agency(t)
	if res := s.Call(call.WHM, "demo", "", "myprivs"); res.Err != nil || !strings.Contains(string(encode.Append(nil, res.Data)), `"all":0`) {
		t.Errorf("the reseller: %v, %v", res.Data, res.Err)
	}
	if res := s.Call(call.WHM, "child", "", "myprivs"); res.Err == nil {
		t.Errorf("an account at the host's door: %v", res.Data)
	}
}
