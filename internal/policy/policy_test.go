package policy_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/policy"
)

// want says the rule once more, in other words: a list of what must hold, the
// first that does not being the answer.
func want(c *latchkey.Caller, f *api.Entry) *latchkey.Error {
	byToken := c.Kind == latchkey.ByToken
	for _, rule := range []struct {
		holds  bool
		answer latchkey.Error
	}{
		{c.Kind != 0, latchkey.Error{Kind: latchkey.BadCredentials}},
		{c.Role == latchkey.RoleRoot || f.Audience == latchkey.ForAccount, latchkey.Error{Kind: latchkey.NotHere, Param: f.Name}},
		{c.Role == latchkey.RoleUser || f.Audience == latchkey.ForHost, latchkey.Error{Kind: latchkey.NotHere, Param: f.Name}},
		{c.Mailbox == "" || f.Mailbox, latchkey.Error{Kind: latchkey.Denied, Param: f.FullName(),
			Msg: "An email account may not call “" + f.FullName() + "”: sign in as the account it belongs to."}},
		{c.Mailbox == "" || c.Features.Has(latchkey.FeatureWebmail), latchkey.Error{Kind: latchkey.FeatureOff, Param: "webmail"}},
		{!byToken || c.Features.Has(latchkey.FeatureAPITokens), latchkey.Error{Kind: latchkey.FeatureOff, Param: "apitokens"}},
		{c.Features.Has(f.Feature), latchkey.Error{Kind: latchkey.FeatureOff, Param: f.Feature.String()}},
		{!c.ReadOnly || f.Effect == api.Read, latchkey.Error{Kind: latchkey.ReadOnly, Param: f.FullName()}},
		{!c.Looking || f.Effect == api.Read, latchkey.Error{Kind: latchkey.Denied, Param: f.FullName(),
			Msg: "An address that was typed or followed from outside changes nothing: do this from a page of this server."}},
	} {
		if !rule.holds {
			return &rule.answer
		}
	}
	return nil
}

// Every feature, every kind of caller, every door, reading and writing, with
// every set of features that can matter.
func TestMatrix(t *testing.T) {
	allowed, refused := 0, 0
	for _, feature := range append(latchkey.Features(), latchkey.NoFeature) {
		sets := map[string]latchkey.FeatureSet{
			"none":            0,
			"all":             latchkey.AllFeatures(),
			"only it":         latchkey.FeatureSet(0).With(feature, true),
			"all but it":      latchkey.AllFeatures().With(feature, false),
			"all but webmail": latchkey.AllFeatures().With(latchkey.FeatureWebmail, false),
			"it and webmail":  latchkey.FeatureSet(0).With(feature, true).With(latchkey.FeatureWebmail, true),
			"all but tokens":  latchkey.AllFeatures().With(latchkey.FeatureAPITokens, false),
			"it and tokens":   latchkey.FeatureSet(0).With(feature, true).With(latchkey.FeatureAPITokens, true),
			"only the tokens": latchkey.FeatureSet(0).With(latchkey.FeatureAPITokens, true),
		}
		for name, set := range sets {
			for kind := latchkey.CallerKind(0); kind <= latchkey.BySession; kind++ {
				for n := range 128 {
					c := latchkey.Caller{Kind: kind, Role: latchkey.Role(n & 1), ReadOnly: n&2 != 0, Features: set, Account: 1, Name: "alice"}
					f := api.Entry{Module: "M", Name: "f", Feature: feature, Audience: latchkey.Audience(n >> 2 & 1), Effect: api.Effect(n >> 3 & 1)}
					if n&16 != 0 {
						c.Mailbox = "box@example.com"
					}
					f.Mailbox, c.Looking = n&32 != 0, n&64 != 0
					got, want := policy.May(&c, &f), want(&c, &f)
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("May(%v, role %d, read-only %v, features %s; %v function of feature %q at door %d) = %v, want %v",
							kind, c.Role, c.ReadOnly, name, f.Effect, feature, f.Audience, got, want)
					}
					if got == nil {
						allowed++
					} else {
						refused++
					}
				}
			}
		}
	}
	t.Logf("%d allowed, %d refused", allowed, refused)
}

// Some of it by hand, so that the matrix and the rule cannot err together.
func TestMay(t *testing.T) {
	const token, pass, local = latchkey.ByToken, latchkey.ByPassword, latchkey.ByLocal
	const user, root = latchkey.RoleUser, latchkey.RoleRoot
	const account, host = latchkey.ForAccount, latchkey.ForHost
	const read, write = api.Read, api.Write
	const mail, tokens = latchkey.FeaturePopAccounts, latchkey.FeatureAPITokens
	all := latchkey.AllFeatures()
	for _, test := range []struct {
		kind     latchkey.CallerKind
		role     latchkey.Role
		readOnly bool
		features latchkey.FeatureSet
		door     latchkey.Audience
		effect   api.Effect
		want     string
	}{
		{token, user, false, all, account, write, "<nil>"},
		{token, user, true, all, account, read, "<nil>"},
		{token, user, true, all, account, write, "read-only M::f"},
		{token, user, false, all.With(mail, false), account, read, "feature-off popaccts"},
		{token, user, true, all.With(mail, false), account, write, "feature-off popaccts"},
		{token, user, false, all.With(tokens, false), account, read, "feature-off apitokens"},
		{pass, user, false, all.With(tokens, false), account, write, "<nil>"},
		{local, user, false, all.With(tokens, false), account, write, "<nil>"},
		{local, user, false, all.With(mail, false), account, read, "feature-off popaccts"},
		{token, root, false, all, host, write, "<nil>"},
		{token, root, true, all, host, write, "read-only M::f"},
		{token, root, false, all, account, read, "not-here f"},
		{token, user, false, all, host, read, "not-here f"},
		{pass, user, false, all, host, read, "not-here f"},
		{0, user, false, all, account, read, "bad-credentials"},
		{0, root, false, all, host, read, "bad-credentials"},
	} {
		c := latchkey.Caller{Kind: test.kind, Role: test.role, ReadOnly: test.readOnly, Features: test.features}
		f := registered(test.door, test.effect)
		if got := fmt.Sprint(policy.May(&c, f)); got != test.want {
			t.Errorf("May(%v, role %d, read-only %v; %v at door %d) = %s, want %s", test.kind, test.role, test.readOnly, test.effect, test.door, got, test.want)
		}
	}
}

func nothing(context.Context, hosting.Account, api.None) (api.Void, error) { return nil, nil }

// registered is a function as the registry has it, M::f of feature popaccts.
func registered(door latchkey.Audience, effect api.Effect) *api.Entry {
	r := api.NewRegistry(
		[]api.Module[hosting.Account]{{Name: "M", Funcs: []api.Func[hosting.Account]{
			{Name: "f", Feature: latchkey.FeaturePopAccounts, Effect: effect, Run: api.Run(nothing)},
		}}}, nil)
	f, err := r.Account("M", "f")
	if err != nil {
		panic(err)
	}
	at := *f
	at.Audience = door
	return &at
}

func BenchmarkMay(b *testing.B) {
	c := latchkey.Caller{Kind: latchkey.ByToken, Features: latchkey.AllFeatures()}
	f := registered(latchkey.ForAccount, api.Read)
	b.ReportAllocs()
	for b.Loop() {
		if err := policy.May(&c, f); err != nil {
			b.Fatal(err)
		}
	}
}
