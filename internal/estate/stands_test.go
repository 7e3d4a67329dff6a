package estate_test

import (
	"slices"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/test/testserver"
)

var cat = hosting.Address{Local: "cat", Domain: "example.com"}

// letIn is demo's account in the hands of whoever has a credential now.
func letIn(t *testing.T, s *testserver.Server, scheme latchkey.Scheme, secret string) hosting.Account {
	t.Helper()
	cred := latchkey.Credentials{Scheme: scheme, User: "demo", Secret: latchkey.NewSecret(secret)}
	c, refusal := s.Verifier.Check(t.Context(), cred, latchkey.ForAccount, latchkey.Origin{})
	if refusal != nil {
		t.Fatalf("Check = %+v", refusal)
	}
	acct, err := s.Estate.Account(t.Context(), audit.Begin(s.Now, latchkey.Origin{}), &c)
	if err != nil {
		t.Fatal(err)
	}
	return acct
}

// changes are what a call may be about to do, in an order in which all can be
// done.
var changes = []struct {
	name string
	run  func(*testing.T, hosting.Account) error
}{
	{"make a mailbox", func(t *testing.T, a hosting.Account) error {
		return a.Mail().Create(t.Context(), hosting.NewMailbox{Address: hosting.Address{Local: "new", Domain: "example.com"}, Password: latchkey.NewSecret(testserver.Password)})
	}},
	{"change a quota", func(t *testing.T, a hosting.Account) error { return a.Mail().SetQuota(t.Context(), cat, 1<<20) }},
	{"remove a mailbox", func(t *testing.T, a hosting.Account) error { return a.Mail().Remove(t.Context(), cat) }},
	{"make a token", func(t *testing.T, a hosting.Account) error {
		_, _, err := a.Tokens().Create(t.Context(), hosting.NewToken{Name: "worse"})
		return err
	}},
	{"rename a token", func(t *testing.T, a hosting.Account) error { return a.Tokens().Rename(t.Context(), "kept", "lost") }},
	{"revoke a token", func(t *testing.T, a hosting.Account) error {
		_, err := a.Tokens().Revoke(t.Context(), "kept")
		return err
	}},
}

// A call that was let in before its credential was taken away changes nothing
// after that was answered.
func TestInFlight(t *testing.T) {
	for _, test := range []struct {
		name   string
		scheme latchkey.Scheme
		after  func(s *testserver.Server)
		want   latchkey.Kind
	}{
		{"token revoked", latchkey.SchemeToken, func(s *testserver.Server) { s.UAPI("demo", "Tokens", "revoke", "name", "hand") }, latchkey.BadCredentials},
		{"token made anew", latchkey.SchemeToken, func(s *testserver.Server) {
			s.UAPI("demo", "Tokens", "revoke", "name", "hand")
			s.Token("demo", "hand")
		}, latchkey.BadCredentials},
		{"token disabled", latchkey.SchemeToken, func(s *testserver.Server) { s.UAPI("demo", "Tokens", "disable", "name", "hand") }, latchkey.BadCredentials},
		{"token disabled and enabled", latchkey.SchemeToken, func(s *testserver.Server) {
			s.UAPI("demo", "Tokens", "disable", "name", "hand")
			s.UAPI("demo", "Tokens", "enable", "name", "hand")
		}, latchkey.Internal},
		{"token rotated", latchkey.SchemeToken, func(s *testserver.Server) { s.UAPI("demo", "Tokens", "rotate", "name", "hand") }, latchkey.BadCredentials},
		{"token rotated with an overlap", latchkey.SchemeToken, func(s *testserver.Server) { s.UAPI("demo", "Tokens", "rotate", "name", "hand", "overlap", "60") }, latchkey.Internal},
		{"token rotated, and the overlap over", latchkey.SchemeToken, func(s *testserver.Server) {
			s.UAPI("demo", "Tokens", "rotate", "name", "hand", "overlap", "60")
			s.Wait(time.Minute)
		}, latchkey.BadCredentials},
		{"token rotated twice", latchkey.SchemeToken, func(s *testserver.Server) {
			s.UAPI("demo", "Tokens", "rotate", "name", "hand", "overlap", "60")
			s.UAPI("demo", "Tokens", "rotate", "name", "hand", "overlap", "60")
		}, latchkey.BadCredentials},
		{"token narrowed", latchkey.SchemeToken, func(s *testserver.Server) {
			s.UAPI("demo", "Tokens", "update", "name", "hand", "grants", "*:write(domain=example.com)")
		}, latchkey.Denied},
		{"token made read-only", latchkey.SchemeToken, func(s *testserver.Server) { s.UAPI("demo", "Tokens", "update", "name", "hand", "readonly", "1") }, latchkey.Denied},
		{"token kept to other addresses", latchkey.SchemeToken, func(s *testserver.Server) {
			s.UAPI("demo", "Tokens", "update", "name", "hand", "whitelist_ip", "203.0.113.1")
		}, latchkey.Denied},
		{"token with another note", latchkey.SchemeToken, func(s *testserver.Server) { s.UAPI("demo", "Tokens", "update", "name", "hand", "note", "x") }, latchkey.Internal},
		{"token with a rate limit", latchkey.SchemeToken, func(s *testserver.Server) { s.UAPI("demo", "Tokens", "update", "name", "hand", "rate_limit", "10") }, latchkey.Internal},
		{"all tokens revoked", latchkey.SchemeToken, func(s *testserver.Server) { s.UAPI("demo", "Tokens", "revoke_all") }, latchkey.BadCredentials},
		{"token renamed", latchkey.SchemeToken, func(s *testserver.Server) { s.UAPI("demo", "Tokens", "rename", "name", "hand", "new_name", "foot") }, latchkey.Internal},
		{"suspended", latchkey.SchemeToken, func(s *testserver.Server) { s.WHM("suspendacct", "user", "demo") }, latchkey.BadCredentials},
		{"suspended, seen again", latchkey.SchemeToken, func(s *testserver.Server) {
			s.WHM("suspendacct", "user", "demo")
			s.WHM("accountsummary", "user", "demo")
		}, latchkey.BadCredentials},
		{"removed", latchkey.SchemeToken, func(s *testserver.Server) { s.WHM("removeacct", "user", "demo") }, latchkey.BadCredentials},
		{"feature off", latchkey.SchemeToken, func(s *testserver.Server) {
			s.WHM("add_override_features_for_user", "user", "demo", "features", `{"popaccts":"0"}`)
		}, latchkey.FeatureOff},
		{"password changed", latchkey.SchemeBasic, func(s *testserver.Server) { s.WHM("passwd", "user", "demo", "password", "another-horse-8") }, latchkey.BadCredentials},
		{"token revoked, by password", latchkey.SchemeBasic, func(s *testserver.Server) { s.UAPI("demo", "Tokens", "revoke", "name", "hand") }, latchkey.Internal},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := testserver.New(t)
			secret := s.Token("demo", "hand")
			s.Token("demo", "kept")
			s.UAPI("demo", "Email", "add_pop", "email", "cat", "password", testserver.Password)
			if test.scheme == latchkey.SchemeBasic {
				secret = testserver.Password
			}
			acct := letIn(t, s, test.scheme, secret)
			test.after(s)
			for _, change := range changes {
				err := change.run(t, acct)
				switch {
				case test.want == latchkey.Internal && err != nil:
					t.Errorf("%s: %v, want no error", change.name, err)
				case test.want != latchkey.Internal && latchkey.KindOf(err) != test.want:
					t.Errorf("%s: %v (%v), want %v", change.name, err, latchkey.KindOf(err), test.want)
				}
			}
		})
	}
}

// The administrator's calls are held to it too.
func TestInFlightHost(t *testing.T) {
	s := testserver.New(t)
	cred := latchkey.Credentials{Scheme: latchkey.SchemeHostToken, User: "root", Secret: latchkey.NewSecret(s.HostToken("hand"))}
	c, refusal := s.Verifier.Check(t.Context(), cred, latchkey.ForHost, latchkey.Origin{})
	if refusal != nil {
		t.Fatalf("Check = %+v", refusal)
	}
	h, err := s.Estate.Host(t.Context(), audit.Begin(s.Now, latchkey.Origin{}), &c)
	if err != nil {
		t.Fatal(err)
	}
	s.WHM("api_token_revoke", "token_name", "hand")
	_, err = h.CreateAccount(t.Context(), hosting.NewAccount{Name: "eve", Domain: "eve.example"})
	for name, err := range map[string]error{
		"CreateAccount": err,
		"RenameAccount": h.RenameAccount(t.Context(), "demo", "emo"),
		"RemoveAccount": h.RemoveAccount(t.Context(), "demo"),
		"Suspend":       h.Suspend(t.Context(), "demo", true, "", false),
		"SetPassword":   h.SetPassword(t.Context(), "root", latchkey.NewSecret("eve-was-here-1")),
		"ChangePackage": h.ChangePackage(t.Context(), "eve", func(p *latchkey.Package, _ bool) error {
			p.FeatureList = latchkey.DefaultList
			return nil
		}),
		"RemovePackage":     h.RemovePackage(t.Context(), "eve"),
		"RemoveFeatureList": h.RemoveFeatureList(t.Context(), "eve"),
		"ChangeFeatureList": h.ChangeFeatureList(t.Context(), latchkey.DisabledList, false, func(*latchkey.FeatureList) error { return nil }),
		"Override":          h.Override(t.Context(), "demo", map[string]bool{"popaccts": false}),
	} {
		if latchkey.KindOf(err) != latchkey.BadCredentials {
			t.Errorf("%s: %v, want %v", name, err, latchkey.BadCredentials)
		}
	}
}

// A call may revoke the very token it is made with, and others in the same
// breath.
func TestRevokeOwn(t *testing.T) {
	s := testserver.New(t)
	mine := s.HostToken("a")
	for _, name := range []string{"b", "c"} {
		s.HostToken(name)
	}
	s.Get(s.Host, "/json-api/api_token_revoke?api.version=1&token_name=a&token_name-1=b", "whm root:"+mine)
	tokens, err := hostOf(t, s).Tokens().List(t.Context())
	names := []string{}
	for _, k := range tokens {
		names = append(names, k.Name)
	}
	if err != nil || !slices.Equal(names, []string{"c"}) {
		t.Errorf("left are %v, %v, want c alone", names, err)
	}
}

// hostOf is the server in the hands of whom the system vouches for.
func hostOf(t *testing.T, s *testserver.Server) hosting.Host {
	t.Helper()
	c, err := s.Verifier.Local(t.Context(), "root", latchkey.ForHost)
	if err != nil {
		t.Fatal(err)
	}
	h, err := s.Estate.Host(t.Context(), audit.Begin(s.Now, latchkey.Origin{}), &c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
