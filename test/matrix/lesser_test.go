package matrix

import (
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// TestLesserTokens: what a token or a reseller that may do less must not get by
// going around.
func TestLesserTokens(t *testing.T) {
	s := agency(t)
	root := "whm root:" + s.HostToken("matrix")
	low := hostToken(t, s, root, "root", "low", "acl", "basic-whm-functions")
	for token, want := range map[string]string{low: "may do less than", root: `"result":1`} {
		if a := whm(s, token, "twofactorauth_set_tfa_config", "secret", factorSecret, "tfa_token", s.Code(factorSecret)); !strings.Contains(a, want) {
			t.Errorf("a change of the second factor: %s, want %s", a, want)
		}
	}

	grant(s, "demo", latchkey.PrivilegesOf(latchkey.PrivilegeCreateDNS, latchkey.PrivilegeCreateAccount, latchkey.PrivilegeGlobalPackages, latchkey.PrivilegeListPackages, latchkey.PrivilegeBasic))
	reseller := basic("demo")
	if a := whm(s, reseller, "adddns", "domain", "www.example.net", "ip", "203.0.113.66"); !strings.Contains(a, "is not yours") {
		t.Errorf("a zone below another's: %s", a)
	}
	if a := whm(s, reseller, "createacct", "username", "taker", "domain", "mail.example.net"); !strings.Contains(a, "is not yours") {
		t.Errorf("an account below another's domain: %s", a)
	}
	s.WHM("create_featurelist", "featurelist", "other_secret", "webmail", "1")
	for _, function := range []string{"read_featurelist", "get_featurelist_data"} {
		if a := whm(s, reseller, function, "featurelist", "other_secret"); !strings.Contains(a, "There is no feature list") {
			t.Errorf("%s of another's list: %s", function, a)
		}
	}

	grant(s, "demo", latchkey.PrivilegesOf(latchkey.PrivilegeEditAccount, latchkey.PrivilegeBasic))
	s.WHM("modifyacct", "user", "demo", "owner", "demo")
	s.WHM("addpkg", "name", "gold_big")
	if a := whm(s, reseller, "modifyacct", "user", "demo", "newuser", "gold"); !strings.Contains(a, "There are packages or feature lists of “gold”") {
		t.Errorf("a new name that begins others' packages: %s", a)
	}

	s.Token("demo", "same")
	same := hostToken(t, s, root, "root", "same")
	if a := whm(s, same, "uapi_cpanel", "cpanel.user", "demo", "cpanel.module", "Tokens", "cpanel.function", "revoke_self"); !strings.Contains(a, "did not come in with a token of this account") {
		t.Errorf("revoke_self through WHM: %s", a)
	}
}

const factorSecret = "JBSWY3DPEHPK3PXP"
