package call_test

import (
	"context"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/test/testserver"
)

// trail is what the audit trail has from now on.
func trail(t *testing.T, s *testserver.Server) func() []latchkey.Event {
	t.Helper()
	read := func() (list []latchkey.Event) {
		s.Trail.Flush()
		if err := audit.List(t.Context(), s.Store, 0, func(_ uint64, e *latchkey.Event) bool { list = append(list, *e); return true }); err != nil {
			t.Fatal(err)
		}
		return list
	}
	from := len(read())
	return func() []latchkey.Event { return read()[from:] }
}

// through is a request of the administrator, by token, for an account function.
func through(secret, account, function string, args ...string) *call.Request {
	r := &call.Request{
		Audience: latchkey.ForHost, Names: call.UAPI, Module: "Email", Func: function, For: latchkey.AccountName(account),
		Cred: latchkey.Credentials{Scheme: latchkey.SchemeHostToken, User: "root", Secret: latchkey.NewSecret(secret)},
	}
	for i := 0; i+1 < len(args); i += 2 {
		r.Args = append(r.Args, api.Arg{Key: args[i], Value: args[i+1]})
	}
	return r
}

// What the administrator does in an account's stead stands in the trail twice:
// as what they called, and as what was done to the account, by whom.
func TestThroughInTrail(t *testing.T) {
	s := testserver.New(t)
	secret := s.HostToken("agent")
	since := trail(t, s)
	res := s.Calls.Do(context.Background(), through(secret, "demo", "add_pop", "email", "box", "password", testserver.Password))
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	events := since()
	if len(events) != 2 {
		t.Fatalf("the trail has %+v", events)
	}
	for _, e := range events {
		switch e.Func {
		case "Email::add_pop":
			if e.Name != "demo" || e.Reason != "called through WHM by root" || !e.OK || !e.Change || e.Handle == (latchkey.Handle{}) {
				t.Errorf("what was done: %+v", e)
			}
		case "whm::cpanel":
			if e.Name != "root" || e.Reason != "" || !e.OK || strings.Join(e.Values, " ") != "cpanel_jsonapi_user=demo" {
				t.Errorf("what was called: %+v", e)
			}
		default:
			t.Errorf("the trail has %+v", e)
		}
	}
}

// Whatever the account is, its functions answer the administrator; whatever the
// administrator asks for, it is one account's.
func TestThroughRefused(t *testing.T) {
	s := testserver.New(t)
	s.WHM("add_override_features_for_user", "user", "demo", "features", `{"apitokens":"0"}`)
	secret := s.HostToken("agent")
	for _, test := range []struct {
		account, function string
		want              latchkey.Kind
	}{
		{"nobody", "list_pops", latchkey.NotFound},
		{"root", "list_pops", latchkey.NotFound},
		{"demo", "test", latchkey.UnknownFunction},
		{"demo", "add_pop", latchkey.Missing},
	} {
		since := trail(t, s)
		res := s.Calls.Do(context.Background(), through(secret, test.account, test.function))
		if res.Err == nil || res.Err.Kind != test.want {
			t.Errorf("%s of %s: %v, want %v", test.function, test.account, res.Err, test.want)
		}
		if e := since(); len(e) == 0 || e[len(e)-1].Func != "whm::cpanel" || e[len(e)-1].OK {
			t.Errorf("%s of %s: the trail has %+v", test.function, test.account, e)
		}
	}
	if res := s.Calls.Do(context.Background(), through(secret, "demo", "list_pops")); res.Err != nil {
		t.Errorf("an account without API tokens of its own: %v", res.Err)
	}
	s.WHM("add_override_features_for_user", "user", "demo", "features", `{"popaccts":"0"}`)
	if res := s.Calls.Do(context.Background(), through(secret, "demo", "list_pops")); res.Err == nil || res.Err.Kind != latchkey.FeatureOff {
		t.Errorf("a feature that is off: %v", res.Err)
	}
}

// A call in an account's stead that was let in before the administrator's token
// was revoked changes nothing after that.
func TestThroughInFlight(t *testing.T) {
	s := testserver.New(t)
	cred := latchkey.Credentials{Scheme: latchkey.SchemeHostToken, User: "root", Secret: latchkey.NewSecret(s.HostToken("agent"))}
	caller, refusal := s.Verifier.Check(t.Context(), cred, latchkey.ForHost, latchkey.Origin{})
	if refusal != nil {
		t.Fatal(refusal)
	}
	host, err := s.Estate.Host(t.Context(), audit.Begin(s.Now, latchkey.Origin{}), &caller)
	if err != nil {
		t.Fatal(err)
	}
	on, err := host.As(t.Context(), "demo")
	if err != nil {
		t.Fatal(err)
	}
	s.WHM("suspendacct", "user", "demo")
	add := func(local string) error {
		return on.Mail().Create(t.Context(), hosting.NewMailbox{Address: hosting.Address{Local: local, Domain: "example.com"}, Password: latchkey.NewSecret(testserver.Password)})
	}
	if err := add("one"); err != nil {
		t.Errorf("a suspended account, through WHM: %v", err)
	}
	s.WHM("api_token_revoke", "token_name", "agent")
	if err := add("two"); latchkey.KindOf(err) != latchkey.BadCredentials {
		t.Errorf("after the token was revoked: %v", err)
	}
}

// A refusal names what was refused.
func TestRefusalInTrail(t *testing.T) {
	s := testserver.New(t)
	secret := s.Token("demo", "reader", "readonly", "1")
	since := trail(t, s)
	res := s.Calls.Do(context.Background(), &call.Request{
		Cred:   latchkey.Credentials{Scheme: latchkey.SchemeToken, User: "demo", Secret: latchkey.NewSecret(secret)},
		Module: "Email", Func: "add_pop", Args: api.Args{{Key: "email", Value: "box"}},
	})
	if res.Err == nil || res.Err.Kind != latchkey.ReadOnly {
		t.Fatalf("Do = %v", res.Err)
	}
	if e := since(); len(e) != 1 || e[0].Func != "Email::add_pop" || e[0].OK || e[0].Outcome != latchkey.ReadOnly {
		t.Errorf("the trail has %+v", e)
	}
}
