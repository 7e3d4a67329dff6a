package policy_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/grant"
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
		{c.Door == f.Audience || c.Door == latchkey.ForWebmail && f.Audience == latchkey.ForAccount, latchkey.Error{Kind: latchkey.NotHere, Param: f.Name}},
		{c.Role == latchkey.RoleUser || f.Audience == latchkey.ForHost, latchkey.Error{Kind: latchkey.NotHere, Param: f.Name}},
		{c.Mailbox == "" || f.Mailbox, latchkey.Error{Kind: latchkey.Denied, Param: f.FullName(),
			Msg: "An email account may not call “" + f.FullName() + "”: sign in as the account it belongs to."}},
		{c.Mailbox == "" || c.Features.Has(latchkey.FeatureWebmail), latchkey.Error{Kind: latchkey.FeatureOff, Param: "webmail"}},
		{f.Audience == latchkey.ForAccount || slices.Contains(c.Privileges.List(), f.Privilege), latchkey.Error{Kind: latchkey.Denied, Param: "passwd",
			Msg: "Access denied: “f” needs the privilege “passwd”."}},
		{!byToken || c.Through != nil || c.Features.Has(latchkey.FeatureAPITokens), latchkey.Error{Kind: latchkey.FeatureOff, Param: "apitokens"}},
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

// rights are what a caller may have at a door.
var rights = []struct {
	door       latchkey.Audience
	privileges latchkey.PrivilegeSet
	by         *latchkey.Caller
}{
	{latchkey.ForAccount, 0, nil},
	{latchkey.ForAccount, 0, &latchkey.Caller{Kind: latchkey.ByToken, Door: latchkey.ForHost}},
	{latchkey.ForWebmail, latchkey.AllPrivileges, nil},
	{latchkey.ForHost, 0, nil},
	{latchkey.ForHost, latchkey.PrivilegesOf(latchkey.PrivilegePassword), nil},
	{latchkey.ForHost, latchkey.AllPrivileges &^ (1<<latchkey.PrivilegePassword | 1<<latchkey.PrivilegeAll), nil},
	{latchkey.ForHost, 1 << latchkey.PrivilegeAll, nil},
	{latchkey.ForHost, latchkey.AllPrivileges, nil},
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
				for n := range 128 * len(rights) {
					c := latchkey.Caller{Kind: kind, Role: latchkey.Role(n & 1), ReadOnly: n&2 != 0, Features: set, Account: 1, Name: "alice"}
					c.Door, c.Privileges, c.Through = rights[n/128].door, rights[n/128].privileges, rights[n/128].by
					f := api.Entry{Module: "M", Name: "f", Feature: feature, Audience: latchkey.Audience(n >> 2 & 1), Effect: api.Effect(n >> 3 & 1),
						Privilege: latchkey.PrivilegePassword}
					if n&16 != 0 {
						c.Mailbox = "box@example.com"
					}
					f.Mailbox, c.Looking = n&32 != 0, n&64 != 0
					got, want := policy.May(&c, &f), want(&c, &f)
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("May(%v, role %d, read-only %v, features %s, at door %d with %v; %v function of feature %q at door %d) = %v, want %v",
							kind, c.Role, c.ReadOnly, name, c.Door, c.Privileges.Names(), f.Effect, feature, f.Audience, got, want)
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
		if test.role == root {
			c.Door, c.Privileges = host, latchkey.AllPrivileges
		}
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
			{Name: "f", Feature: latchkey.FeaturePopAccounts, Effect: effect, Privilege: latchkey.PrivilegePassword, Run: api.Run(nothing)},
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

// BenchmarkMayTouch is the question whether a token may call a function on a
// mailbox that has a grant for that function on the mailbox's domain, alone or
// after nineteen others for the same function.
func BenchmarkMayTouch(b *testing.B) {
	var others strings.Builder
	for i := range 19 {
		fmt.Fprintf(&others, "Email::add_pop(domain=d%d.example);", i)
	}
	for name, before := range map[string]string{"one grant": "", "twenty grants": others.String()} {
		rights, err := grant.Parse(before + "Email::add_pop(domain=z.example)")
		if err != nil {
			b.Fatal(err)
		}
		c := latchkey.Caller{Kind: latchkey.ByToken, Features: latchkey.AllFeatures(), Rights: rights}
		f := &api.Entry{Module: "Email", Name: "add_pop", Effect: api.Write, Scope: api.Things}
		box := latchkey.Resource{Kind: "mailbox", Name: "info@z.example"}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := policy.May(&c, f); err != nil {
					b.Fatal(err)
				}
				if err := policy.MayTouch(&c, f, box); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A function that names no privilege is called by nobody at the host's door, and
// one for the administrator alone says so.
func TestPrivilegeOfARow(t *testing.T) {
	root := latchkey.Caller{Kind: latchkey.ByLocal, Role: latchkey.RoleRoot, Door: latchkey.ForHost, Privileges: latchkey.AllPrivileges, Features: latchkey.AllFeatures()}
	if err := policy.May(&root, &api.Entry{Name: "f", Audience: latchkey.ForHost}); latchkey.KindOf(err) != latchkey.Denied {
		t.Errorf("a function without a privilege: %v", err)
	}
	most := root
	most.Role, most.Privileges = latchkey.RoleUser, latchkey.AllPrivileges&^(1<<latchkey.PrivilegeAll)
	err := policy.May(&most, &api.Entry{Name: "f", Audience: latchkey.ForHost, Privilege: latchkey.PrivilegeAll})
	if want := "Access denied: “f” is the administrator’s alone."; err == nil || err.Msg != want {
		t.Errorf("a function of the administrator's: %v, want %s", err, want)
	}
}

// Who may act for whom: a table of callers and accounts.
func TestMayActFor(t *testing.T) {
	const (
		yes     = ""
		notHis  = "not-found"
		tooMuch = "denied"
	)
	some, more := latchkey.PrivilegesOf(latchkey.PrivilegePassword), latchkey.PrivilegesOf(latchkey.PrivilegePassword, latchkey.PrivilegeQuota)
	accounts := map[string]*latchkey.Account{
		"of root":        {ID: 10, Name: "plain", Owner: "root"},
		"of alice":       {ID: 11, Name: "child", Owner: "alice"},
		"alice":          {ID: 2, Name: "alice", Owner: "root", Reseller: true, Privileges: more},
		"alice of alice": {ID: 2, Name: "alice", Owner: "alice", Reseller: true, Privileges: more},
		"bob of alice":   {ID: 3, Name: "bob", Owner: "alice", Reseller: true, Privileges: some},
		"all of root":    {ID: 4, Name: "carol", Owner: "root", Reseller: true, Privileges: latchkey.AllPrivileges},
	}
	caller := func(role latchkey.Role, id latchkey.AccountID, name latchkey.AccountName, has latchkey.PrivilegeSet) latchkey.Caller {
		return latchkey.Caller{Kind: latchkey.ByToken, Role: role, Account: id, Name: name, Door: latchkey.ForHost, Privileges: has}
	}
	for name, test := range map[string]struct {
		who  latchkey.Caller
		want map[string]string
	}{
		"root": {caller(latchkey.RoleRoot, 1, "root", latchkey.AllPrivileges), map[string]string{
			"of root": yes, "of alice": yes, "alice": yes, "alice of alice": yes, "bob of alice": yes, "all of root": yes}},
		"root's token for passwords": {caller(latchkey.RoleRoot, 1, "root", some), map[string]string{
			"of root": yes, "of alice": yes, "alice": tooMuch, "alice of alice": tooMuch, "bob of alice": yes, "all of root": tooMuch}},
		"alice": {caller(latchkey.RoleUser, 2, "alice", more), map[string]string{
			"of root": notHis, "of alice": yes, "alice": tooMuch, "alice of alice": yes, "bob of alice": tooMuch, "all of root": notHis}},
		"alice's token for passwords": {caller(latchkey.RoleUser, 2, "alice", some), map[string]string{
			"of root": notHis, "of alice": yes, "alice": tooMuch, "alice of alice": tooMuch, "bob of alice": tooMuch, "all of root": notHis}},
		"carol, who has all": {caller(latchkey.RoleUser, 4, "carol", latchkey.AllPrivileges), map[string]string{
			"of root": yes, "of alice": yes, "alice": yes, "alice of alice": yes, "bob of alice": yes, "all of root": yes}},
		"alice at the account's door": {latchkey.Caller{Kind: latchkey.ByToken, Account: 2, Name: "alice"}, map[string]string{
			"of root": notHis, "of alice": notHis, "alice": notHis, "alice of alice": notHis, "bob of alice": notHis, "all of root": notHis}},
	} {
		for what, want := range test.want {
			got := ""
			if err := policy.MayActFor(&test.who, accounts[what]); err != nil {
				got = err.Kind.String()
			}
			if got != want {
				t.Errorf("%s for the account %s: %q, want %q", name, what, got, want)
			}
		}
		if len(test.want) != len(accounts) {
			t.Errorf("%s: the table has %d rows, want %d", name, len(test.want), len(accounts))
		}
	}
}
