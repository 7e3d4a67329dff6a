package matrix

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/test/testserver"
)

// TestReplacedSecret: what is done with the secret that a token had before its
// rotation ends with that secret. Who has it makes nothing that lasts longer, and
// gets no newer secret of any token; and may still end the token.
func TestReplacedSecret(t *testing.T) {
	s := testserver.New(t)
	old := "cpanel demo:" + shownBy(s.UAPI("demo", "Tokens", "create_limited", "name", "ci", "preset", "full_access"))
	s.UAPI("demo", "Tokens", "create_limited", "name", "other", "grants", "Tokens:write")
	now := "cpanel demo:" + shownBy(s.UAPI("demo", "Tokens", "rotate", "name", "ci", "overlap", "3600"))
	ask := func(call, token string) string { return s.Get(s.Account, "/execute/Tokens/"+call, token).Body }
	for _, call := range []string{"rotate?name=ci&overlap=604800", "update?name=ci&note=x", "rotate?name=other", "enable?name=other",
		"create_full_access?name=long&expires_at=" + seconds(2*time.Hour), "create_limited?name=long&grants=Tokens:write&expires_at=" + seconds(2*time.Hour)} {
		if a := ask(call, old); !strings.Contains(a, "secret of before a rotation") {
			t.Errorf("%s with a secret that ends: %s", call, a)
		}
	}
	if a := ask("create_full_access?name=brief", old); !strings.Contains(a, `"expires_at":`+seconds(time.Hour)) {
		t.Errorf("a token that a secret which ends has made: %s", a)
	}
	if a := ask("rotate?name=ci&overlap=60", now); !strings.Contains(a, `"token":"LK`) {
		t.Errorf("rotate with the secret of now: %s", a)
	}
	if a := ask("revoke_self", now); !strings.Contains(a, `"status":1`) {
		t.Errorf("revoke_self with a secret that ends: %s", a)
	}
}

// TestEmptyBounds: a bound that is named and has no value makes no token without
// it, and takes none away.
func TestEmptyBounds(t *testing.T) {
	s := testserver.New(t)
	s.UAPI("demo", "Tokens", "create_limited", append([]string{"name", "old", "readonly", "1", "max_uses", "5", "not_before", seconds(time.Minute)}, bound{1, 1, 1, 1, 1}.args()...)...)
	before := tokensOf(t, s)
	for _, bound := range []string{"expires_at", "not_before", "readonly", "max_uses", "unused_days", "rate_limit", "whitelist_ip"} {
		for _, call := range []string{"create_limited?name=new&preset=full_access", "update?name=old"} {
			a := s.Get(s.Account, "/execute/Tokens/"+call+"&"+bound+"=", basic("demo")).Body
			if made := strings.Contains(a, `"status":1`); made && call[0] == 'c' || tokensOf(t, s) != before {
				t.Errorf("%s with an empty %s: %s", call, bound, a)
			}
		}
	}
}

// TestServerPolicy: the server's policy is the administrator's, and not that of a
// token of theirs which may change packages.
func TestServerPolicy(t *testing.T) {
	s := testserver.New(t)
	root := "whm root:" + s.HostToken("matrix")
	some := hostToken(t, s, root, "root", "some", "acl-0", "edit-pkg", "acl-1", "list-pkgs")
	for token, want := range map[string]string{some: "Only the administrator", root: `"result":1`} {
		if a := whm(s, token, "set_token_policy", "full_access", "0"); !strings.Contains(a, want) {
			t.Errorf("set_token_policy: %s, want %s", a, want)
		}
	}
}
