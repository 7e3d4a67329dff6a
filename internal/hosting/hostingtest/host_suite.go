package hostingtest

import (
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Landlord is a server under test, and what can be seen of it from outside. It
// has what every server has, no password for the administrator, and no account.
type Landlord struct {
	// Open puts the server into the hands of a call of the administrator that
	// begins now.
	Open func() hosting.Host
	Now  latchkey.Clock
	Wait func(time.Duration) // puts the clock forward
	// Opens reports whether a password lets in whoever is called name.
	Opens func(name latchkey.AccountName, password string) bool
}

// RunHost runs the contract of a [hosting.Host]. open makes the server of one
// test.
func RunHost(t *testing.T, open func(t *testing.T) *Landlord) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *Landlord)
	}{
		{"CreateAccount", testCreateAccount},
		{"CreateRefused", testCreateRefused},
		{"CreateAtOnce", testCreateAtOnce},
		{"AccountNotFound", testAccountNotFound},
		{"As", testAs},
		{"Accounts", testAccounts},
		{"RemoveAccount", testRemoveAccount},
		{"RenameAccount", testRenameAccount},
		{"UpdateAccount", testUpdateAccount},
		{"ModifyAccount", testModifyAccount},
		{"SavePackage", testSavePackage},
		{"CreateReseller", testCreateReseller},
		{"Pages", testPages},
		{"FindDomain", testFindDomain},
		{"NameFree", testNameFree},
		{"RemovePackage", testRemovePackage},
		{"RemoveFeatureList", testRemoveFeatureList},
		{"ChangePackageAtOnce", testChangePackageAtOnce},
		{"Suspend", testSuspend},
		{"SetPassword", testSetPassword},
		{"HostQuota", testHostQuota},
		{"Packages", testPackages},
		{"PackagePassesOn", testPackagePassesOn},
		{"FeatureLists", testFeatureLists},
		{"Features", testFeatures},
		{"Overrides", testOverrides},
		{"Resellers", testResellers},
		{"ChangeReseller", testChangeReseller},
		{"PrivilegeLists", testPrivilegeLists},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
	purses := func(t *testing.T) *purse {
		h := open(t)
		return &purse{
			open: func() hosting.Tokens { return h.Open().Tokens() }, now: h.Now, wait: h.Wait,
			owner: h.Open().Caller().Account, audience: latchkey.ForHost,
		}
	}
	runTokens(t, purses)
	t.Run("TokenUpdate", func(t *testing.T) { testTokenUpdate(t, purses(t)) })
}

// account makes the account called name, with its own domain.
func (h *Landlord) account(t *testing.T, name latchkey.AccountName, plan string) latchkey.Account {
	t.Helper()
	a, err := h.Open().CreateAccount(t.Context(), hosting.NewAccount{Name: name, Domain: latchkey.Domain(name) + ".example", Package: plan})
	worked(t, "CreateAccount "+string(name), err)
	return a
}

// plan makes a package called name.
func (h *Landlord) plan(t *testing.T, name, list string, limits latchkey.Limits) {
	t.Helper()
	worked(t, "ChangePackage "+name, h.put(t, latchkey.Package{Name: name, FeatureList: list, Limits: limits}, true))
}

// put makes a package, or puts it in the place of the one with its name.
func (h *Landlord) put(t *testing.T, p latchkey.Package, mustBeNew bool) error {
	return h.Open().ChangePackage(t.Context(), p.Name, func(now *latchkey.Package, exists bool) error {
		if exists && mustBeNew {
			return latchkey.Errorf(latchkey.Exists, "there is one")
		}
		*now = p
		return nil
	})
}

// has checks which accounts there are.
func (h *Landlord) has(t *testing.T, want ...latchkey.AccountName) {
	t.Helper()
	list, err := h.Open().Accounts(t.Context())
	same(t, "Accounts", each(list, accountName), err, append([]latchkey.AccountName{}, want...))
}

func accountName(a latchkey.Account) latchkey.AccountName { return a.Name }

func testCreateAccount(t *testing.T, h *Landlord) {
	ctx := t.Context()
	h.plan(t, "gold", latchkey.DefaultList, few(5))
	for _, test := range []struct {
		n    hosting.NewAccount
		want latchkey.Account
	}{
		{
			hosting.NewAccount{Name: "ann", Domain: "ann.example"},
			latchkey.Account{Name: "ann", Domain: "ann.example", Owner: "root", Package: "default", Limits: latchkey.NoLimits()},
		},
		{
			hosting.NewAccount{Name: "bob", Domain: "bob.example", Package: "gold", Contact: "b@c.example", Owner: "bob", Password: latchkey.NewSecret(goodPassword)},
			latchkey.Account{Name: "bob", Domain: "bob.example", Owner: "bob", Package: "gold", ContactEmail: "b@c.example", Limits: few(5)},
		},
		{
			hosting.NewAccount{Name: "cat", Domain: "cat.example", Package: "gold", Limits: func(l *latchkey.Limits) { l.Mailboxes = 99 }},
			latchkey.Account{Name: "cat", Domain: "cat.example", Owner: "root", Package: "gold", Limits: with(few(5), func(l *latchkey.Limits) { l.Mailboxes = 99 })},
		},
	} {
		call := "CreateAccount " + string(test.n.Name)
		got, err := h.Open().CreateAccount(ctx, test.n)
		worked(t, call, err)
		if got.ID == 0 || !got.Created.Equal(h.Now()) || got.Locale == "" || got.Theme == "" || got.Shell == "" {
			t.Errorf("%s = %+v", call, got)
		}
		found, err := h.Open().Account(ctx, test.n.Name)
		same(t, call+", found again", found, err, got)
		got.ID, got.Created, got.Locale, got.Theme, got.Shell, got.PasswordHash = 0, time.Time{}, "", "", "", ""
		same(t, call, got, nil, test.want)
	}
	if !h.Opens("bob", goodPassword) || h.Opens("ann", "") || h.Opens("ann", goodPassword) {
		t.Error("the password that an account was made with is not what lets in")
	}
	p, err := h.Open().Package(ctx, "gold")
	same(t, "the package, after an account with limits of its own", p.Limits, err, few(5))
	if home := h.Open().Home("ann"); home == h.Open().Home("bob") {
		t.Errorf("two accounts share the home %s", home)
	}

	worked(t, "ChangePackage", h.put(t, latchkey.Package{Name: "de", FeatureList: latchkey.DefaultList, Locale: "de", Theme: "paper"}, true))
	a := h.account(t, "dan", "de")
	if a.Locale != "de" || a.Theme != "paper" || a.Limits != (latchkey.Limits{}) {
		t.Errorf("an account is %+v, and not as its package says", a)
	}
}

// few are limits that are all n.
func few(n int64) latchkey.Limits {
	return latchkey.Limits{
		DiskMB: n, Inodes: n, BandwidthMB: n, Mailboxes: n, MailboxMB: n, FTPAccounts: n,
		Databases: n, Subdomains: n, Addons: n, Parked: n, Lists: n, EmailPerHour: n,
	}
}

func with(l latchkey.Limits, change func(*latchkey.Limits)) latchkey.Limits {
	change(&l)
	return l
}

func testCreateRefused(t *testing.T, h *Landlord) {
	h.account(t, "ann", "")
	h.account(t, "longnameone", "")
	for _, test := range []struct {
		what string
		n    hosting.NewAccount
		want latchkey.Kind
	}{
		{"a name that is taken", hosting.NewAccount{Name: "ann", Domain: "new.example"}, latchkey.Exists},
		{"eight characters that are taken", hosting.NewAccount{Name: "longnametwo", Domain: "new.example"}, latchkey.Exists},
		{"eight characters that are taken, alone", hosting.NewAccount{Name: "longname", Domain: "new.example"}, latchkey.Exists},
		{"a domain that is taken", hosting.NewAccount{Name: "new", Domain: "ann.example"}, latchkey.Exists},
		{"no name", hosting.NewAccount{Domain: "new.example"}, latchkey.Invalid},
		{"a name with a dash", hosting.NewAccount{Name: "a-b", Domain: "new.example"}, latchkey.Invalid},
		{"a long name", hosting.NewAccount{Name: "a1234567890123456", Domain: "new.example"}, latchkey.Invalid},
		{"the administrator's name", hosting.NewAccount{Name: "root", Domain: "new.example"}, latchkey.Invalid},
		{"a package there is not", hosting.NewAccount{Name: "new", Domain: "new.example", Package: "no"}, latchkey.NotFound},
	} {
		_, err := h.Open().CreateAccount(t.Context(), test.n)
		failed(t, "CreateAccount with "+test.what, err, test.want)
	}
	h.has(t, "ann", "longnameone")
	h.account(t, "new", "")     // nothing of it was taken
	h.account(t, "longnam", "") // seven characters are not eight
	h.account(t, "an", "")
}

func testCreateAtOnce(t *testing.T, h *Landlord) {
	made, kinds := atOnce(t, 6, func(i int) error {
		_, err := h.Open().CreateAccount(t.Context(), hosting.NewAccount{Name: "ann", Domain: latchkey.Domain(fmt.Sprintf("a%d.example", i))})
		return err
	})
	same(t, "kinds", kinds, nil, []latchkey.Kind{latchkey.Exists})
	also, kinds := atOnce(t, 6, func(i int) error {
		_, err := h.Open().CreateAccount(t.Context(), hosting.NewAccount{Name: latchkey.AccountName(fmt.Sprint("b", i)), Domain: "b.example"})
		return err
	})
	same(t, "kinds", kinds, nil, []latchkey.Kind{latchkey.Exists})
	list, err := h.Open().Accounts(t.Context())
	if made != 1 || also != 1 || len(list) != 2 || err != nil {
		t.Errorf("of one name %d were made, of one domain %d, and %d are there, %v", made, also, len(list), err)
	}
}

func testAccountNotFound(t *testing.T, h *Landlord) {
	ctx := t.Context()
	h.account(t, "ann", "")
	host := h.Open()
	for _, name := range []latchkey.AccountName{"an", "anna", "", "root"} {
		for call, run := range map[string]func() error{
			"Account":       func() error { _, err := host.Account(ctx, name); return err },
			"As":            func() error { _, err := host.As(ctx, name); return err },
			"RemoveAccount": func() error { return host.RemoveAccount(ctx, name) },
			"RenameAccount": func() error { return host.RenameAccount(ctx, name, "new") },
			"UpdateAccount": func() error {
				_, err := host.UpdateAccount(ctx, name, func(*latchkey.Account) error { return nil })
				return err
			},
			"Suspend":        func() error { return host.Suspend(ctx, name, true, "", false) },
			"Override":       func() error { return host.Override(ctx, name, map[string]bool{"popaccts": false}) },
			"ClearOverrides": func() error { return host.ClearOverrides(ctx, name, []string{"popaccts"}) },
			"Overrides":      func() error { _, err := host.Overrides(ctx, name); return err },
			"Features":       func() error { _, err := host.Features(ctx, name); return err },
		} {
			failed(t, call+" "+string(name), run(), latchkey.NotFound)
		}
	}
	failed(t, "SetPassword anna", host.SetPassword(ctx, "anna", latchkey.NewSecret(goodPassword)), latchkey.NotFound)
	_, err := host.Quota(ctx, 99_999)
	failed(t, "Quota of nobody", err, latchkey.NotFound)
	h.has(t, "ann")
}

func testAccounts(t *testing.T, h *Landlord) {
	h.has(t)
	for _, name := range []latchkey.AccountName{"bob", "ann", "b2", "a", "cat"} {
		h.account(t, name, "")
	}
	h.has(t, "a", "ann", "b2", "bob", "cat") // never the administrator
}

func testRemoveAccount(t *testing.T, h *Landlord) {
	ctx := t.Context()
	was := h.account(t, "ann", "")
	h.account(t, "bob", "")
	worked(t, "SetPassword", h.Open().SetPassword(ctx, "ann", latchkey.NewSecret(goodPassword)))
	worked(t, "Override", h.Open().Override(ctx, "ann", map[string]bool{"popaccts": false}))
	worked(t, "RemoveAccount", h.Open().RemoveAccount(ctx, "ann"))
	_, err := h.Open().Account(ctx, "ann")
	failed(t, "Account after RemoveAccount", err, latchkey.NotFound)
	_, err = h.Open().Quota(ctx, was.ID)
	failed(t, "Quota after RemoveAccount", err, latchkey.NotFound)
	failed(t, "RemoveAccount once more", h.Open().RemoveAccount(ctx, "ann"), latchkey.NotFound)
	if h.Opens("ann", goodPassword) {
		t.Error("the password of an account that was removed lets in")
	}
	h.has(t, "bob")

	is := h.account(t, "ann", "")
	if is.ID == was.ID {
		t.Error("the number of an account that was removed is given again")
	}
	over, err := h.Open().Overrides(ctx, "ann")
	same(t, "Overrides of a new account of an old name", len(over), err, 0)
	if h.Opens("ann", goodPassword) {
		t.Error("the password of an account that was removed opens the next of its name")
	}
}

func testRenameAccount(t *testing.T, h *Landlord) {
	ctx := t.Context()
	h.plan(t, "gold", latchkey.DefaultList, few(5))
	h.account(t, "ann", "gold")
	h.account(t, "longnameone", "")
	worked(t, "SetPassword", h.Open().SetPassword(ctx, "ann", latchkey.NewSecret(goodPassword)))
	worked(t, "Override", h.Open().Override(ctx, "ann", map[string]bool{"popaccts": false}))
	want, err := h.Open().UpdateAccount(ctx, "ann", func(a *latchkey.Account) error { a.Limits.DiskMB = 77; return nil })
	worked(t, "UpdateAccount", err)
	for _, test := range []struct {
		name, to latchkey.AccountName
		want     latchkey.Kind
	}{
		{"ann", "longnameone", latchkey.Exists}, {"ann", "longnametwo", latchkey.Exists},
		{"ann", "a-b", latchkey.Invalid}, {"ann", "", latchkey.Invalid}, {"ann", "root", latchkey.Invalid},
	} {
		failed(t, fmt.Sprintf("RenameAccount %s %s", test.name, test.to), h.Open().RenameAccount(ctx, test.name, test.to), test.want)
	}
	h.has(t, "ann", "longnameone")

	worked(t, "RenameAccount", h.Open().RenameAccount(ctx, "ann", "zoe"))
	want.Name, want.Named = "zoe", want.Created // the clock stands still
	got, err := h.Open().Account(ctx, "zoe")
	same(t, "Account by its new name", got, err, want)
	_, err = h.Open().Account(ctx, "ann")
	failed(t, "Account by its old name", err, latchkey.NotFound)
	over, err := h.Open().Overrides(ctx, "zoe")
	same(t, "Overrides after RenameAccount", over, err, map[string]bool{"popaccts": false})
	if !h.Opens("zoe", goodPassword) || h.Opens("ann", goodPassword) {
		t.Error("the password does not go with the new name")
	}
	h.has(t, "longnameone", "zoe")
	_, err = h.Open().CreateAccount(ctx, hosting.NewAccount{Name: "ann", Domain: "second.example"})
	worked(t, "CreateAccount with a name given up", err)
	worked(t, "RenameAccount back", h.Open().RenameAccount(ctx, "zoe", "zo"))
	worked(t, "RenameAccount with the same eight characters", h.Open().RenameAccount(ctx, "longnameone", "longnametwo"))
	h.has(t, "ann", "longnametwo", "zo")
}

func testUpdateAccount(t *testing.T, h *Landlord) {
	ctx := t.Context()
	h.plan(t, "gold", latchkey.DefaultList, few(5))
	want := h.account(t, "ann", "")
	other := h.account(t, "bob", "")
	want.ContactEmail, want.Locale, want.Package, want.Limits.Inodes, want.Owner = "a@b.example", "fr", "gold", 8, "bob"
	got, err := h.Open().UpdateAccount(ctx, "ann", func(a *latchkey.Account) error {
		a.ContactEmail, a.Locale, a.Package, a.Limits.Inodes, a.Owner = "a@b.example", "fr", "gold", 8, "bob"
		return nil
	})
	same(t, "UpdateAccount", got, err, want)
	got, err = h.Open().Account(ctx, "ann")
	same(t, "Account after UpdateAccount", got, err, want)

	never := latchkey.Errorf(latchkey.Denied, "never")
	_, err = h.Open().UpdateAccount(ctx, "ann", func(a *latchkey.Account) error { a.Locale = "de"; return never })
	if !errors.Is(err, never) {
		t.Errorf("UpdateAccount = %v, want the error of the change", err)
	}
	_, err = h.Open().UpdateAccount(ctx, "ann", func(a *latchkey.Account) error { a.Locale, a.Package = "de", "no"; return nil })
	failed(t, "UpdateAccount to a package there is not", err, latchkey.NotFound)
	got, err = h.Open().Account(ctx, "ann")
	same(t, "Account after changes that failed", got, err, want)
	got, err = h.Open().Account(ctx, "bob")
	same(t, "the other Account", got, err, other)
}

func testSuspend(t *testing.T, h *Landlord) {
	ctx := t.Context()
	want := h.account(t, "ann", "")
	h.Wait(time.Minute)
	for _, reason := range []string{"unpaid", ""} {
		worked(t, "Suspend", h.Open().Suspend(ctx, "ann", true, reason, false))
		got, err := h.Open().Account(ctx, "ann")
		if err != nil || !got.Suspended || got.SuspendReason != reason || !got.SuspendedAt.Equal(h.Now()) {
			t.Errorf("Account = %+v, %v, want it suspended for %q", got, err, reason)
		}
	}
	worked(t, "Suspend, locked", h.Open().Suspend(ctx, "ann", true, "abuse", true))
	if got, err := h.Open().Account(ctx, "ann"); err != nil || !got.SuspendLocked || !got.Suspended || got.SuspendReason != "abuse" {
		t.Errorf("Account = %+v, %v, want it locked", got, err)
	}
	for range 2 {
		worked(t, "Suspend off", h.Open().Suspend(ctx, "ann", false, "?", false))
		got, err := h.Open().Account(ctx, "ann")
		same(t, "Account when its suspension has ended", got, err, want)
	}
}

func testSetPassword(t *testing.T, h *Landlord) {
	ctx := t.Context()
	h.account(t, "ann", "")
	h.account(t, "bob", "")
	for _, name := range []latchkey.AccountName{"ann", "root"} {
		worked(t, "SetPassword", h.Open().SetPassword(ctx, name, latchkey.NewSecret(goodPassword)))
		failed(t, "SetPassword to none", h.Open().SetPassword(ctx, name, latchkey.Secret{}), latchkey.Invalid)
		if !h.Opens(name, goodPassword) || h.Opens(name, "") || h.Opens("bob", goodPassword) {
			t.Errorf("the password set for %s is not what lets in, and nobody else", name)
		}
		worked(t, "SetPassword", h.Open().SetPassword(ctx, name, latchkey.NewSecret("another-horse-8")))
		if h.Opens(name, goodPassword) || !h.Opens(name, "another-horse-8") {
			t.Errorf("the second password set for %s is not what lets in alone", name)
		}
	}
}

func testHostQuota(t *testing.T, h *Landlord) {
	ctx := t.Context()
	a := h.account(t, "ann", "")
	q, err := h.Open().Quota(ctx, a.ID)
	if err != nil || q.ByteLimit != latchkey.Unlimited || q.InodeLimit != latchkey.Unlimited {
		t.Errorf("Quota = %+v, %v, want no limits", q, err)
	}
	_, err = h.Open().UpdateAccount(ctx, "ann", func(a *latchkey.Account) error { a.Limits.DiskMB, a.Limits.Inodes = 3, 777; return nil })
	worked(t, "UpdateAccount", err)
	q, err = h.Open().Quota(ctx, a.ID)
	if err != nil || q.ByteLimit != 3<<20 || q.InodeLimit != 777 {
		t.Errorf("Quota = %+v, %v, want limits of 3 MB and 777 inodes", q, err)
	}
}

func testPackages(t *testing.T, h *Landlord) {
	ctx := t.Context()
	names := func(want ...string) {
		t.Helper()
		list, err := h.Open().Packages(ctx)
		same(t, "Packages", each(list, func(p latchkey.Package) string { return p.Name }), err, want)
	}
	names("default")
	want := latchkey.Package{Name: "gold", FeatureList: latchkey.MailOnlyList, Limits: few(5), Theme: "jupiter", Locale: "de", CGI: true, Shell: true, Digest: true, DedicatedIP: true}
	worked(t, "ChangePackage", h.put(t, want, true))
	got, err := h.Open().Package(ctx, "gold")
	same(t, "Package", got, err, want)
	failed(t, "ChangePackage that must be new", h.put(t, latchkey.Package{Name: "gold", FeatureList: latchkey.DefaultList}, true), latchkey.Exists)
	for _, mustBeNew := range []bool{false, true} {
		err := h.put(t, latchkey.Package{Name: "tin", FeatureList: "no"}, mustBeNew)
		failed(t, "ChangePackage with a feature list there is not", err, latchkey.NotFound)
	}
	failed(t, "ChangePackage over one, with a feature list there is not", h.put(t, latchkey.Package{Name: "gold", FeatureList: "no"}, false), latchkey.NotFound)
	got, err = h.Open().Package(ctx, "gold")
	same(t, "Package after changes that failed", got, err, want)
	_, err = h.Open().Package(ctx, "tin")
	failed(t, "Package that was refused", err, latchkey.NotFound)

	want = latchkey.Package{Name: "gold", FeatureList: latchkey.DefaultList, Limits: few(6)}
	worked(t, "ChangePackage over one", h.put(t, want, false))
	got, err = h.Open().Package(ctx, "gold")
	same(t, "Package", got, err, want)
	h.plan(t, "Big", latchkey.DefaultList, few(1))
	h.plan(t, "al", latchkey.DefaultList, few(1))
	names("Big", "al", "default", "gold")
}

func testPackagePassesOn(t *testing.T, h *Landlord) {
	ctx := t.Context()
	h.plan(t, "gold", latchkey.DefaultList, few(5))
	h.plan(t, "tin", latchkey.DefaultList, few(5))
	h.account(t, "ann", "gold")
	h.account(t, "bob", "tin")
	_, err := h.Open().CreateAccount(ctx, hosting.NewAccount{Name: "cat", Domain: "cat.example", Package: "gold", Limits: func(l *latchkey.Limits) { l.DiskMB, l.Mailboxes = 70, 71 }})
	worked(t, "CreateAccount", err)
	limits := func(name latchkey.AccountName, want latchkey.Limits) {
		t.Helper()
		a, err := h.Open().Account(ctx, name)
		same(t, "Limits of "+string(name), a.Limits, err, want)
	}
	now := with(few(5), func(l *latchkey.Limits) { l.DiskMB, l.EmailPerHour = 9, latchkey.Unlimited })
	worked(t, "ChangePackage", h.put(t, latchkey.Package{Name: "gold", FeatureList: latchkey.DefaultList, Limits: now}, false))
	limits("ann", now)
	limits("bob", few(5))
	limits("cat", with(now, func(l *latchkey.Limits) { l.Mailboxes = 71 })) // which did not change

	worked(t, "ChangePackage", h.put(t, latchkey.Package{Name: "gold", FeatureList: latchkey.DefaultList, Limits: few(8)}, false))
	limits("ann", few(8))
	limits("cat", few(8)) // all of them changed
	_, err = h.Open().UpdateAccount(ctx, "ann", func(a *latchkey.Account) error { a.Package = "tin"; return nil })
	worked(t, "UpdateAccount", err)
	limits("ann", few(8)) // which limits go with it is the caller's to say
	worked(t, "ChangePackage", h.put(t, latchkey.Package{Name: "gold", FeatureList: latchkey.DefaultList, Limits: few(3)}, false))
	limits("ann", few(8)) // it has another by now
}

func testFeatureLists(t *testing.T, h *Landlord) {
	ctx := t.Context()
	names := func(want ...string) {
		t.Helper()
		list, err := h.Open().FeatureLists(ctx)
		same(t, "FeatureLists", each(list, func(l latchkey.FeatureList) string { return l.Name }), err, want)
	}
	set := func(l *latchkey.FeatureList) error { l.Values["popaccts"], l.Values["ours"] = true, false; return nil }
	names(latchkey.MailOnlyList, "default", "disabled")
	failed(t, "ChangeFeatureList there is not", h.Open().ChangeFeatureList(ctx, "new", false, set), latchkey.NotFound)
	_, err := h.Open().FeatureList(ctx, "new")
	failed(t, "FeatureList there is not", err, latchkey.NotFound)
	never := latchkey.Errorf(latchkey.Denied, "never")
	if err := h.Open().ChangeFeatureList(ctx, "new", true, func(l *latchkey.FeatureList) error { return errors.Join(set(l), never) }); !errors.Is(err, never) {
		t.Errorf("ChangeFeatureList = %v, want the error of the change", err)
	}
	names(latchkey.MailOnlyList, "default", "disabled")

	worked(t, "ChangeFeatureList", h.Open().ChangeFeatureList(ctx, "new", true, set))
	want := latchkey.FeatureList{Name: "new", Values: map[string]bool{"popaccts": true, "ours": false}}
	got, err := h.Open().FeatureList(ctx, "new")
	same(t, "FeatureList", got, err, want)
	clear(got.Values) // ours to do with what we like
	if err := h.Open().ChangeFeatureList(ctx, "new", false, func(l *latchkey.FeatureList) error { clear(l.Values); return never }); !errors.Is(err, never) {
		t.Errorf("ChangeFeatureList = %v, want the error of the change", err)
	}
	got, err = h.Open().FeatureList(ctx, "new")
	same(t, "FeatureList after a change that failed", got, err, want)
	worked(t, "ChangeFeatureList", h.Open().ChangeFeatureList(ctx, "new", true, func(l *latchkey.FeatureList) error {
		delete(l.Values, "ours")
		l.Values["popaccts"] = false
		return nil
	}))
	got, err = h.Open().FeatureList(ctx, "new")
	same(t, "FeatureList changed again", got, err, latchkey.FeatureList{Name: "new", Values: map[string]bool{"popaccts": false}})
	worked(t, "ChangeFeatureList", h.Open().ChangeFeatureList(ctx, "All", true, set))
	names("All", latchkey.MailOnlyList, "default", "disabled", "new")

	_, kinds := atOnce(t, 8, func(i int) error {
		return h.Open().ChangeFeatureList(ctx, "many", true, func(l *latchkey.FeatureList) error { l.Values[fmt.Sprint("f", i)] = true; return nil })
	})
	same(t, "kinds", kinds, nil, nil)
	got, err = h.Open().FeatureList(ctx, "many")
	same(t, "Values after 8 changes at once", len(got.Values), err, 8)
}

func testFeatures(t *testing.T, h *Landlord) {
	ctx := t.Context()
	h.account(t, "ann", "")
	h.account(t, "bob", "")
	has := func(name latchkey.AccountName, want latchkey.FeatureSet) {
		t.Helper()
		got, err := h.Open().Features(ctx, name)
		same(t, "Features of "+string(name), got, err, want)
	}
	only := latchkey.FeatureSet(0).With(latchkey.FeaturePopAccounts, true).With(latchkey.FeatureZoneEdit, true)
	has("ann", latchkey.AllFeatures())
	worked(t, "ChangeFeatureList", h.Open().ChangeFeatureList(ctx, "two", true, func(l *latchkey.FeatureList) error {
		maps.Copy(l.Values, map[string]bool{"popaccts": true, "zoneedit": true, "webmail": false})
		return nil
	}))
	h.plan(t, "small", "two", latchkey.NoLimits())
	_, err := h.Open().UpdateAccount(ctx, "ann", func(a *latchkey.Account) error { a.Package = "small"; return nil })
	worked(t, "UpdateAccount", err)
	has("ann", only)
	worked(t, "ChangeFeatureList", h.Open().ChangeFeatureList(ctx, "two", false, func(l *latchkey.FeatureList) error { l.Values["webmail"] = true; return nil }))
	has("ann", only.With(latchkey.FeatureWebmail, true))
	worked(t, "ChangePackage", h.put(t, latchkey.Package{Name: "small", FeatureList: latchkey.DefaultList, Limits: latchkey.NoLimits()}, false))
	has("ann", latchkey.AllFeatures())
	worked(t, "ChangeFeatureList", h.Open().ChangeFeatureList(ctx, latchkey.DisabledList, false, func(l *latchkey.FeatureList) error { l.Values["ftpaccts"] = false; return nil }))
	worked(t, "Override", h.Open().Override(ctx, "bob", map[string]bool{"ftpaccts": true}))
	has("ann", latchkey.AllFeatures().With(latchkey.FeatureFTP, false))
	has("bob", latchkey.AllFeatures().With(latchkey.FeatureFTP, false)) // what the server has off nobody has
}

func testOverrides(t *testing.T, h *Landlord) {
	ctx := t.Context()
	h.account(t, "ann", "")
	h.account(t, "bob", "")
	is := func(want map[string]bool, features latchkey.FeatureSet) {
		t.Helper()
		over, err := h.Open().Overrides(ctx, "ann")
		same(t, "Overrides", maps.Collect(maps.All(over)), err, want)
		got, err := h.Open().Features(ctx, "ann")
		same(t, "Features", got, err, features)
	}
	all := latchkey.AllFeatures()
	is(map[string]bool{}, all)
	worked(t, "Override", h.Open().Override(ctx, "ann", map[string]bool{"popaccts": false, "webmail": true, "ours": true}))
	is(map[string]bool{"popaccts": false, "webmail": true, "ours": true}, all.With(latchkey.FeaturePopAccounts, false))
	worked(t, "Override", h.Open().Override(ctx, "ann", map[string]bool{"popaccts": true, "webmail": false}))
	is(map[string]bool{"popaccts": true, "webmail": false, "ours": true}, all.With(latchkey.FeatureWebmail, false))
	over, err := h.Open().Overrides(ctx, "ann")
	worked(t, "Overrides", err)
	clear(over) // ours to do with what we like
	worked(t, "ClearOverrides", h.Open().ClearOverrides(ctx, "ann", []string{"webmail", "zoneedit"}))
	is(map[string]bool{"popaccts": true, "ours": true}, all)
	worked(t, "ClearOverrides of nothing", h.Open().ClearOverrides(ctx, "ann", nil))
	over, err = h.Open().Overrides(ctx, "bob")
	same(t, "Overrides of the other", len(over), err, 0)
}

// An account in the administrator's hands is that account, for a caller who
// acts through them, suspended or not.
func testAs(t *testing.T, l *Landlord) {
	ctx := t.Context()
	if _, err := l.Open().CreateAccount(ctx, hosting.NewAccount{Name: "alice", Domain: "alice.example"}); err != nil {
		t.Fatal(err)
	}
	if err := l.Open().Suspend(ctx, "alice", true, "unpaid", false); err != nil {
		t.Fatal(err)
	}
	h := l.Open()
	a, err := h.As(ctx, "alice")
	if err != nil {
		t.Fatal(err)
	}
	info, err := a.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c := a.Caller()
	if c.Name != "alice" || c.Role != latchkey.RoleUser || c.Account != info.ID || c.Through == nil || c.Through.Name != h.Caller().Name {
		t.Errorf("As: the caller is %+v", c)
	}
	if c.Kind != h.Caller().Kind || c.Token != h.Caller().Token || c.ReadOnly != h.Caller().ReadOnly || c.Proof != h.Caller().Proof {
		t.Errorf("As: the caller %+v came by other means than %+v", c, h.Caller())
	}
	if features, err := h.Features(ctx, "alice"); err != nil || c.Features != features {
		t.Errorf("As: features %v, want %v, %v", c.Features, features, err)
	}
	if domains, err := a.Domains(ctx); err != nil || len(domains) != 1 || domains[0].Name != "alice.example" {
		t.Errorf("As: domains %v, %v", domains, err)
	}
	if h.Caller().Role != latchkey.RoleRoot || h.Caller().Through != nil {
		t.Errorf("As changed who acts: %+v", h.Caller())
	}
}
