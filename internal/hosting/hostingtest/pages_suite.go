package hostingtest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

func testModifyAccount(t *testing.T, h *Landlord) {
	ctx := t.Context()
	h.plan(t, "gold", latchkey.DefaultList, few(5))
	want := h.account(t, "ann", "")
	h.account(t, "bob", "")
	worked(t, "SetPassword", h.Open().SetPassword(ctx, "ann", latchkey.NewSecret(goodPassword)))
	both := func(now hosting.Moment, a *latchkey.Account) error {
		p, err := now.Package("gold")
		if err != nil {
			return err
		}
		a.Package, a.Limits, a.Locale, a.Owner = p.Name, p.Limits, "fr", "ann"
		a.Limits.Mailboxes = 7
		return nil
	}
	for _, test := range []struct {
		what    string
		newName latchkey.AccountName
		change  func(hosting.Moment, *latchkey.Account) error
		want    latchkey.Kind
	}{
		{"a name that is taken", "bob", both, latchkey.Exists},
		{"a bad name", "a-b", both, latchkey.Invalid},
		{"a package there is not", "zoe", func(now hosting.Moment, a *latchkey.Account) error { _, err := now.Package("no"); return err }, latchkey.NotFound},
		{"a package there is not, set", "", func(_ hosting.Moment, a *latchkey.Account) error { a.Package = "no"; return nil }, latchkey.NotFound},
		{"an owner there is not", "zoe", func(_ hosting.Moment, a *latchkey.Account) error { a.Locale, a.Owner = "fr", "nobody"; return nil }, latchkey.NotFound},
		{"a change that fails", "zoe", func(_ hosting.Moment, a *latchkey.Account) error {
			a.Locale = "fr"
			return latchkey.Errorf(latchkey.Denied, "never")
		}, latchkey.Denied},
	} {
		_, err := h.Open().ModifyAccount(ctx, "ann", test.newName, test.change)
		failed(t, "ModifyAccount with "+test.what, err, test.want)
	}
	_, err := h.Open().ModifyAccount(ctx, "nobody", "", both)
	failed(t, "ModifyAccount of nobody", err, latchkey.NotFound)
	got, err := h.Open().Account(ctx, "ann")
	want.PasswordHash = got.PasswordHash
	same(t, "Account after changes that failed", got, err, want)

	want.Name, want.Package, want.Limits, want.Locale, want.Owner = "zoe", "gold", few(5), "fr", "zoe"
	want.Named = want.Created // the clock stands still
	want.Limits.Mailboxes = 7
	got, err = h.Open().ModifyAccount(ctx, "ann", "zoe", both)
	same(t, "ModifyAccount with a new name", got, err, want)
	got, err = h.Open().Account(ctx, "zoe")
	same(t, "Account by its new name", got, err, want)
	if !h.Opens("zoe", goodPassword) {
		t.Error("the password does not go with the new name")
	}
	want.Locale = "de"
	for _, name := range []latchkey.AccountName{"", "zoe"} {
		got, err = h.Open().ModifyAccount(ctx, "zoe", name, func(_ hosting.Moment, a *latchkey.Account) error { a.Locale = "de"; return nil })
		same(t, "ModifyAccount with the name it has", got, err, want)
	}
	h.has(t, "bob", "zoe")
}

func testSavePackage(t *testing.T, h *Landlord) {
	ctx := t.Context()
	h.plan(t, "gold", latchkey.MailOnlyList, few(5))
	five := func(l *latchkey.Limits) { l.Mailboxes = 6 }
	packages := func(want ...string) {
		t.Helper()
		list, err := h.Open().Packages(ctx)
		same(t, "Packages", each(list, func(p latchkey.Package) string { return p.Name + " " + p.FeatureList }), err, want)
	}
	h.account(t, "bob", "")
	for _, test := range []struct {
		what string
		n    hosting.NewAccount
		want latchkey.Kind
	}{
		{"a package there is", hosting.NewAccount{Name: "ann", Domain: "ann.example", SaveAs: "gold"}, latchkey.Exists},
		{"a list there is not", hosting.NewAccount{Name: "ann", Domain: "ann.example", SaveAs: "new", FeatureList: "no"}, latchkey.NotFound},
		{"a name that is taken", hosting.NewAccount{Name: "bob", Domain: "ann.example", SaveAs: "new"}, latchkey.Exists},
		{"a domain that is taken", hosting.NewAccount{Name: "ann", Domain: "bob.example", SaveAs: "new"}, latchkey.Exists},
		{"an owner there is not", hosting.NewAccount{Name: "ann", Domain: "ann.example", SaveAs: "new", Owner: "nobody"}, latchkey.NotFound},
	} {
		_, err := h.Open().CreateAccount(ctx, test.n)
		failed(t, "CreateAccount saving a package, with "+test.what, err, test.want)
	}
	packages("default default", "gold "+latchkey.MailOnlyList)
	h.has(t, "bob")

	a, err := h.Open().CreateAccount(ctx, hosting.NewAccount{Name: "ann", Domain: "ann.example", Package: "gold", SaveAs: "new", Limits: five, Locale: "fr", Theme: "paper"})
	worked(t, "CreateAccount saving a package", err)
	if a.Package != "new" || a.Limits.Mailboxes != 6 || a.Locale != "fr" || a.Theme != "paper" {
		t.Errorf("the account is %+v", a)
	}
	p, err := h.Open().Package(ctx, "new")
	same(t, "the saved package", p.Limits, err, with(few(5), five))
	packages("default default", "gold "+latchkey.MailOnlyList, "new "+latchkey.MailOnlyList)
}

func testCreateReseller(t *testing.T, h *Landlord) {
	a, err := h.Open().CreateAccount(t.Context(), hosting.NewAccount{Name: "ann", Domain: "ann.example", Reseller: true})
	worked(t, "CreateAccount", err)
	if !a.Reseller || a.Privileges != latchkey.InitialPrivileges() {
		t.Errorf("the account is %+v, want a reseller", a)
	}
	found, err := h.Open().Account(t.Context(), "ann")
	same(t, "Account", found, err, a)
	if b := h.account(t, "bob", ""); b.Reseller || b.Privileges != 0 {
		t.Errorf("another account is %+v, and a reseller", b)
	}
}

func testPages(t *testing.T, h *Landlord) {
	ctx := t.Context()
	for _, name := range []latchkey.AccountName{"bob", "ann", "eve", "cat", "dan"} {
		h.account(t, name, "")
	}
	_, err := h.Open().UpdateAccount(ctx, "eve", func(a *latchkey.Account) error { a.Owner = "cat"; return nil })
	worked(t, "UpdateAccount", err)
	_, err = h.Open().UpdateAccount(ctx, "bob", func(a *latchkey.Account) error { a.Limits.DiskMB = 3; return nil })
	worked(t, "UpdateAccount", err)
	worked(t, "Suspend", h.Open().Suspend(ctx, "eve", true, "", false))
	for _, test := range []struct {
		skip, limit int
		want        []latchkey.AccountName
	}{
		{0, 2, []latchkey.AccountName{"ann", "bob"}}, {2, 2, []latchkey.AccountName{"cat", "dan"}}, {4, 2, []latchkey.AccountName{"eve"}},
		{5, 2, []latchkey.AccountName{}}, {99, 2, []latchkey.AccountName{}}, {0, 0, []latchkey.AccountName{}},
	} {
		list, total, err := h.Open().AccountPage(ctx, test.skip, test.limit)
		call := fmt.Sprintf("AccountPage(%d, %d)", test.skip, test.limit)
		same(t, call, each(list, accountName), err, test.want)
		same(t, call+" in all", total, err, 5)
	}
	for _, test := range []struct {
		by          hosting.AccountField
		part        string
		skip, limit int
		total       int
		want        []latchkey.AccountName
	}{
		{hosting.ByName, "a", 0, 2, 3, []latchkey.AccountName{"ann", "cat"}}, {hosting.ByName, "a", 2, 2, 3, []latchkey.AccountName{"dan"}},
		{hosting.ByName, "a", 9, 2, 3, []latchkey.AccountName{}}, {hosting.ByName, "zz", 0, 2, 0, []latchkey.AccountName{}},
		{hosting.ByOwner, "cat", 0, 9, 1, []latchkey.AccountName{"eve"}}, {hosting.ByDomain, "b", 0, 1, 1, []latchkey.AccountName{"bob"}},
		{hosting.ByPackage, "default", 3, 9, 5, []latchkey.AccountName{"dan", "eve"}},
	} {
		list, total, err := h.Open().SearchAccounts(ctx, test.by, func(text string) bool {
			return strings.HasPrefix(text, test.part) || strings.Contains(text[:min(len(text), 3)], test.part)
		}, test.skip, test.limit)
		call := fmt.Sprintf("SearchAccounts(%d, %q, %d, %d)", test.by, test.part, test.skip, test.limit)
		same(t, call, each(list, accountName), err, test.want)
		same(t, call+" in all", total, err, test.total)
	}
	list, err := h.Open().AccountsAfter(ctx, "bob", 2)
	same(t, "AccountsAfter", each(list, accountName), err, []latchkey.AccountName{"cat", "dan"})
	list, err = h.Open().AccountsAfter(ctx, "eve", 2)
	same(t, "AccountsAfter the last", each(list, accountName), err, []latchkey.AccountName{})
	for owner, want := range map[latchkey.AccountName][]int{"root": {4, 0}, "cat": {1, 1}, "nobody": {0, 0}} {
		accounts, suspended, err := h.Open().CountAccounts(ctx, owner)
		same(t, "CountAccounts "+string(owner), []int{accounts, suspended}, err, want)
	}
	all, err := h.Open().Accounts(ctx)
	worked(t, "Accounts", err)
	quotas, err := h.Open().Quotas(ctx, all)
	worked(t, "Quotas", err)
	if len(quotas) != 5 || quotas[0].ByteLimit != latchkey.Unlimited || quotas[1].ByteLimit != 3<<20 {
		t.Errorf("Quotas = %+v, want five, the second of 3 MB", quotas)
	}
	for i, a := range all {
		if q, err := h.Open().Quota(ctx, a.ID); err != nil || q.Bytes != quotas[i].Bytes || q.Inodes != quotas[i].Inodes {
			t.Errorf("Quotas has %+v for %s, Quota %+v, %v", quotas[i], a.Name, q, err)
		}
	}
}

func testNameFree(t *testing.T, h *Landlord) {
	ctx := t.Context()
	h.account(t, "longnameone", "")
	for name, want := range map[latchkey.AccountName]latchkey.Kind{
		"longnameone": latchkey.Exists, "longnametwo": latchkey.Exists, "a-b": latchkey.Invalid, "root": latchkey.Invalid, "testing": latchkey.Invalid,
	} {
		failed(t, "NameFree "+string(name), h.Open().NameFree(ctx, name), want)
	}
	worked(t, "NameFree", h.Open().NameFree(ctx, "longnam"))
	load, err := h.Open().Load(ctx)
	if err != nil && latchkey.KindOf(err) != latchkey.RoleOff || load[0] < 0 {
		t.Errorf("Load = %v, %v", load, err)
	}
}

func testFindDomain(t *testing.T, h *Landlord) {
	ctx := t.Context()
	ann := h.account(t, "ann", "")
	h.account(t, "bob", "")
	a, d, err := h.Open().FindDomain(ctx, "ann.example")
	same(t, "FindDomain", a, err, ann)
	if d.Name != "ann.example" || d.Kind != latchkey.MainDomain || d.DocumentRoot != "public_html" {
		t.Errorf("FindDomain found %+v", d)
	}
	_, _, err = h.Open().FindDomain(ctx, "no.example")
	failed(t, "FindDomain there is not", err, latchkey.NotFound)
	list, err := h.Open().DomainsOf(ctx, "ann")
	same(t, "DomainsOf", list, err, []latchkey.OwnedDomain{d})
	_, err = h.Open().DomainsOf(ctx, "nobody")
	failed(t, "DomainsOf nobody", err, latchkey.NotFound)
	whose := func(d hosting.HostedDomain) string {
		return fmt.Sprint(d.Name, " ", d.Account, " ", d.Owner, " ", d.Main)
	}
	all, err := h.Open().DomainsAfter(ctx, "", 9)
	same(t, "DomainsAfter", each(all, whose), err, []string{"ann.example ann root ann.example", "bob.example bob root bob.example"})
	all, err = h.Open().DomainsAfter(ctx, "ann.example", 9)
	same(t, "DomainsAfter one", each(all, whose), err, []string{"bob.example bob root bob.example"})
	worked(t, "RemoveAccount", h.Open().RemoveAccount(ctx, "ann"))
	_, _, err = h.Open().FindDomain(ctx, "ann.example")
	failed(t, "FindDomain of an account that is gone", err, latchkey.NotFound)
}

func testRemovePackage(t *testing.T, h *Landlord) {
	ctx := t.Context()
	h.plan(t, "gold", latchkey.DefaultList, few(5))
	h.plan(t, "tin", latchkey.DefaultList, few(5))
	h.account(t, "ann", "gold")
	failed(t, "RemovePackage that is used", h.Open().RemovePackage(ctx, "gold"), latchkey.Invalid)
	failed(t, "RemovePackage default", h.Open().RemovePackage(ctx, "default"), latchkey.Invalid)
	failed(t, "RemovePackage there is not", h.Open().RemovePackage(ctx, "no"), latchkey.NotFound)
	worked(t, "RemovePackage", h.Open().RemovePackage(ctx, "tin"))
	failed(t, "RemovePackage again", h.Open().RemovePackage(ctx, "tin"), latchkey.NotFound)
	worked(t, "RemoveAccount", h.Open().RemoveAccount(ctx, "ann"))
	worked(t, "RemovePackage nobody has any more", h.Open().RemovePackage(ctx, "gold"))
	list, err := h.Open().Packages(ctx)
	same(t, "Packages", each(list, func(p latchkey.Package) string { return p.Name }), err, []string{"default"})
}

func testRemoveFeatureList(t *testing.T, h *Landlord) {
	ctx := t.Context()
	worked(t, "ChangeFeatureList", h.Open().ChangeFeatureList(ctx, "mine", true, func(*latchkey.FeatureList) error { return nil }))
	h.plan(t, "gold", "mine", few(5))
	failed(t, "RemoveFeatureList that is used", h.Open().RemoveFeatureList(ctx, "mine"), latchkey.Invalid)
	for _, name := range []string{latchkey.DefaultList, latchkey.DisabledList, latchkey.MailOnlyList} {
		failed(t, "RemoveFeatureList "+name, h.Open().RemoveFeatureList(ctx, name), latchkey.Invalid)
	}
	failed(t, "RemoveFeatureList there is not", h.Open().RemoveFeatureList(ctx, "no"), latchkey.NotFound)
	worked(t, "RemovePackage", h.Open().RemovePackage(ctx, "gold"))
	worked(t, "RemoveFeatureList", h.Open().RemoveFeatureList(ctx, "mine"))
	_, err := h.Open().FeatureList(ctx, "mine")
	failed(t, "FeatureList that is gone", err, latchkey.NotFound)
}

// testChangePackageAtOnce has many change one package, each one limit: no
// change is lost.
func testChangePackageAtOnce(t *testing.T, h *Landlord) {
	h.plan(t, "gold", latchkey.DefaultList, few(0))
	_, kinds := atOnce(t, 8, func(i int) error {
		return h.Open().ChangePackage(t.Context(), "gold", func(p *latchkey.Package, exists bool) error {
			if !exists {
				t.Error("the package comes as one there is not")
			}
			p.Limits.Mailboxes++
			return nil
		})
	})
	same(t, "kinds", kinds, nil, nil)
	p, err := h.Open().Package(t.Context(), "gold")
	same(t, "Mailboxes after 8 changes at once", p.Limits.Mailboxes, err, 8)
}
