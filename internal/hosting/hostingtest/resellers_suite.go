package hostingtest

import (
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// resellers checks who the resellers are.
func (h *Landlord) resellers(t *testing.T, want ...latchkey.AccountName) {
	t.Helper()
	list, err := h.Open().Resellers().All(t.Context())
	same(t, "All", each(list, accountName), err, append([]latchkey.AccountName{}, want...))
}

func testResellers(t *testing.T, h *Landlord) {
	ctx := t.Context()
	h.account(t, "ann", "")
	h.account(t, "bob", "")
	h.resellers(t)
	_, _, err := h.Open().Resellers().Reseller(ctx, "ann")
	failed(t, "Reseller of an account that is none", err, latchkey.NotFound)
	worked(t, "Make", h.Open().Resellers().Make(ctx, "ann", true))
	failed(t, "Make twice", h.Open().Resellers().Make(ctx, "ann", false), latchkey.Exists)
	failed(t, "Make of nobody", h.Open().Resellers().Make(ctx, "eve", false), latchkey.NotFound)
	worked(t, "Make", h.Open().Resellers().Make(ctx, "bob", false))
	h.resellers(t, "ann", "bob")
	a, s, err := h.Open().Resellers().Reseller(ctx, "ann")
	same(t, "Reseller", s, err, latchkey.Reseller{})
	if !a.Reseller || a.Privileges != latchkey.InitialPrivileges() || a.Owner != "ann" {
		t.Errorf("a new reseller that owns itself is %+v", a)
	}
	if b, _, err := h.Open().Resellers().Reseller(ctx, "bob"); err != nil || b.Owner != "root" {
		t.Errorf("a new reseller is %+v, %v", b, err)
	}
	worked(t, "Unmake", h.Open().Resellers().Unmake(ctx, "bob"))
	failed(t, "Unmake twice", h.Open().Resellers().Unmake(ctx, "bob"), latchkey.NotFound)
	h.resellers(t, "ann")
	if b, err := h.Open().Account(ctx, "bob"); err != nil || b.Reseller || b.Privileges != 0 {
		t.Errorf("a reseller no more is %+v, %v", b, err)
	}
	made, err := h.Open().CreateAccount(ctx, hosting.NewAccount{Name: "cat", Domain: "cat.example", Owner: "ann", Reseller: true})
	worked(t, "CreateAccount", err)
	if !made.Reseller || made.Privileges != latchkey.InitialPrivileges() {
		t.Errorf("an account made as a reseller is %+v", made)
	}
	owned, err := h.Open().Resellers().Owned(ctx, "ann")
	same(t, "Owned", each(owned, accountName), err, []latchkey.AccountName{"ann", "cat"})
	worked(t, "RemoveAccount", h.Open().RemoveAccount(ctx, "cat"))
	h.resellers(t, "ann")
}

func testChangeReseller(t *testing.T, h *Landlord) {
	ctx := t.Context()
	h.account(t, "ann", "")
	h.plan(t, "gold", latchkey.DefaultList, latchkey.NoLimits())
	nothing := func(*latchkey.PrivilegeSet, *latchkey.Reseller) error { return nil }
	failed(t, "Change of an account that is none", h.Open().Resellers().Change(ctx, "ann", nothing), latchkey.NotFound)
	worked(t, "Make", h.Open().Resellers().Make(ctx, "ann", false))
	want := latchkey.Reseller{LimitAccounts: true, Accounts: 3, Packages: map[string]latchkey.PackageShare{"gold": {Allowed: true}}, Nameservers: []latchkey.Domain{"ns.example"}}
	worked(t, "Change", h.Open().Resellers().Change(ctx, "ann", func(p *latchkey.PrivilegeSet, s *latchkey.Reseller) error {
		*p, *s = latchkey.PrivilegesOf(latchkey.PrivilegeQuota), want
		return nil
	}))
	gone := latchkey.Errorf(latchkey.Limit, "no")
	for what, change := range map[string]func(*latchkey.PrivilegeSet, *latchkey.Reseller) error{
		"Limit": func(p *latchkey.PrivilegeSet, s *latchkey.Reseller) error {
			*p, *s = 0, latchkey.Reseller{}
			return gone
		},
		"NotFound": func(p *latchkey.PrivilegeSet, s *latchkey.Reseller) error {
			*p, s.Packages = 0, map[string]latchkey.PackageShare{"none": {}}
			return nil
		},
	} {
		if err := h.Open().Resellers().Change(ctx, "ann", change); err == nil {
			t.Errorf("a change that fails with %s succeeds", what)
		}
	}
	a, s, err := h.Open().Resellers().Reseller(ctx, "ann")
	same(t, "Reseller", s, err, want)
	if a.Privileges != latchkey.PrivilegesOf(latchkey.PrivilegeQuota) {
		t.Errorf("its privileges are %v", a.Privileges.Names())
	}
}

func testPrivilegeLists(t *testing.T, h *Landlord) {
	ctx := t.Context()
	_, err := h.Open().Resellers().List(ctx, "few")
	failed(t, "List of no name", err, latchkey.NotFound)
	few := latchkey.PrivilegeList{Name: "few", Privileges: latchkey.PrivilegesOf(latchkey.PrivilegeQuota)}
	every := latchkey.PrivilegeList{Name: "every", Privileges: latchkey.AllPrivileges}
	worked(t, "PutList", h.Open().Resellers().PutList(ctx, latchkey.PrivilegeList{Name: "few"}))
	worked(t, "PutList", h.Open().Resellers().PutList(ctx, few))
	worked(t, "PutList", h.Open().Resellers().PutList(ctx, every))
	got, err := h.Open().Resellers().List(ctx, "few")
	same(t, "List", got, err, few)
	all, err := h.Open().Resellers().Lists(ctx)
	same(t, "Lists", all, err, []latchkey.PrivilegeList{every, few})
}

func testTokenUpdate(t *testing.T, p *purse) {
	ctx := t.Context()
	k, secret := p.create(t, hosting.NewToken{Name: "a"})
	p.create(t, hosting.NewToken{Name: "b"})
	bound := hosting.NewToken{Name: "c", Expires: p.now().Add(time.Hour).Truncate(time.Second), Privileges: latchkey.PrivilegesOf(latchkey.PrivilegeQuota), Addresses: "192.0.2.1/32"}
	update := func(name string, to hosting.NewToken) (hosting.TokenInfo, error) {
		return p.open().Change(ctx, name, func(n *hosting.NewToken) error { *n = to; return nil })
	}
	_, err := update("none", bound)
	failed(t, "Update of no token", err, latchkey.NotFound)
	_, err = update("a", hosting.NewToken{Name: "b"})
	failed(t, "Update to a name that is taken", err, latchkey.Exists)
	_, err = update("a", hosting.NewToken{Name: "a b"})
	failed(t, "Update to no name", err, latchkey.Invalid)
	_, err = update("a", hosting.NewToken{Name: "a", Expires: p.now().Add(-time.Second)})
	failed(t, "Update to a time that has passed", err, latchkey.Invalid)
	got, err := update("a", bound)
	worked(t, "Update", err)
	if got.ID != k.ID || got.MAC != k.MAC || !got.Created.Equal(k.Created) || got.Name != "c" || !got.Expires.Equal(bound.Expires) ||
		got.Privileges != bound.Privileges || got.Addresses != bound.Addresses {
		t.Errorf("Update = %+v, was %+v", got, k)
	}
	p.lists(t, "b", "c")
	found, err := p.open().Find(ctx, secret)
	same(t, "Find", found.Name, err, "c")
	_, err = p.open().Find(ctx, latchkey.NewSecret("nonsense"))
	failed(t, "Find of no token", err, latchkey.NotFound)
	if got, err = update("c", hosting.NewToken{Name: "c"}); err != nil || got.Privileges != 0 || got.Addresses != "" || !got.Expires.IsZero() {
		t.Errorf("Update to a token like others = %+v, %v", got, err)
	}
}
