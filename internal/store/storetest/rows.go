package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

func testAccounts(t *testing.T, h *house) {
	want := sample("alice")
	want.ID = h.account("alice")
	h.account("carol")
	h.account("bob")
	root := latchkey.Account{Name: "root", Role: latchkey.RoleRoot}
	h.write(func(tx store.Tx) (err error) { root.ID, err = tx.InsertAccount(root, store.Ready); return err })
	h.writeErr(latchkey.Exists, "a second alice", func(tx store.Tx) error {
		_, err := tx.InsertAccount(sample("alice"), store.Ready)
		return err
	})
	h.read(func(r store.Reader) error {
		got, err := r.Account("alice")
		same(t, "Account(alice)", got, err, want)
		got, err = r.AccountByID(want.ID)
		same(t, "AccountByID", got, err, want)
		got, err = r.Account("root")
		same(t, "Account(root)", got, err, root)
		_, err = r.Account("Alice")
		absent(t, "Account(Alice)", err)
		_, err = r.AccountByID(want.ID + 1000)
		absent(t, "AccountByID of nobody", err)
		for _, page := range []struct {
			after latchkey.AccountName
			limit int
			want  []string
		}{
			{"", 10, []string{"alice", "bob", "carol"}}, // never the administrator
			{"", 2, []string{"alice", "bob"}},
			{"alice", 1, []string{"bob"}},
			{"b", 10, []string{"bob", "carol"}},
			{"carol", 10, []string{}},
		} {
			list, err := r.Accounts(page.after, page.limit)
			same(t, fmt.Sprintf("Accounts(%q, %d)", page.after, page.limit),
				names(list, func(a latchkey.Account) string { return string(a.Name) }), err, page.want)
		}
		return nil
	})

	changed := latchkey.Account{ID: want.ID, Name: "alicia", Domain: "new.example", Owner: "o", Package: "p", ContactEmail: "c",
		Locale: "de", Theme: "t", Shell: "s", Limits: latchkey.NoLimits(), Created: want.Created.Add(-time.Hour), PasswordHash: "h"}
	h.write(func(tx store.Tx) error { return tx.UpdateAccount(changed) })
	h.read(func(r store.Reader) error {
		got, err := r.Account("alicia")
		same(t, "Account after a change", got, err, changed)
		_, err = r.Account("alice")
		absent(t, "Account of a name given up", err)
		return nil
	})
	h.writeErr(latchkey.Exists, "a rename to a name that is taken", func(tx store.Tx) error {
		changed.Name = "bob"
		return tx.UpdateAccount(changed)
	})
	h.writeErr(latchkey.NotFound, "a change of nobody", func(tx store.Tx) error {
		changed.ID, changed.Name = 9999, "nobody"
		return tx.UpdateAccount(changed)
	})
}

func testAccountStages(t *testing.T, h *house) {
	h.account("ready")
	for _, stage := range []store.Stage{store.Creating, store.Removing} {
		var id latchkey.AccountID
		a := sample(latchkey.AccountName(fmt.Sprintf("hidden%d", stage)))
		h.write(func(tx store.Tx) (err error) {
			if id, err = tx.InsertAccount(a, stage); err != nil {
				return err
			}
			if err := tx.InsertDomain(id, latchkey.OwnedDomain{Name: a.Domain, Kind: latchkey.MainDomain}); err != nil {
				return err
			}
			_, err = tx.AccountByID(id)
			absent(t, "AccountByID in the transaction", err)
			return nil
		})
		h.read(func(r store.Reader) error {
			_, err := r.Account(a.Name)
			absent(t, "Account", err)
			_, err = r.AccountByID(id)
			absent(t, "AccountByID", err)
			list, err := r.Accounts("", 10)
			same(t, "Accounts", names(list, func(a latchkey.Account) string { return string(a.Name) }), err, []string{"ready"})
			taken, err := r.NameTaken(a.Name)
			same(t, "NameTaken", taken, err, true)
			owner, err := r.DomainOwner(a.Domain)
			same(t, "DomainOwner", owner, err, id)
			return nil
		})
		h.write(func(tx store.Tx) error { return tx.StageAccount(id, store.Ready) })
		h.read(func(r store.Reader) error {
			_, err := r.Account(a.Name)
			return err
		})
		h.write(func(tx store.Tx) error { return tx.DeleteAccount(id) })
	}
	h.writeErr(latchkey.NotFound, "StageAccount of nobody", func(tx store.Tx) error { return tx.StageAccount(9999, store.Ready) })
}

func testNameTaken(t *testing.T, h *house) {
	h.account("abcdefghij")
	h.account("bob")
	h.read(func(r store.Reader) error {
		for _, test := range []struct {
			name latchkey.AccountName
			want bool
		}{
			{"abcdefghij", true},
			{"abcdefgh", true},
			{"abcdefghxx", true},
			{"abcdefg", false},
			{"abcdefgx", false},
			{"bob", true},
			{"bobby", false},
			{"bo", false},
			{"", false},
		} {
			got, err := r.NameTaken(test.name)
			same(t, fmt.Sprintf("NameTaken(%q)", test.name), got, err, test.want)
		}
		return nil
	})
}

func testDeleteAccount(t *testing.T, h *house) {
	stays := h.account("stays")
	goes := h.account("goes")
	mine, theirs := token(goes, latchkey.ForAccount, "t", 3), token(stays, latchkey.ForAccount, "t", 4)
	h.write(func(tx store.Tx) error {
		for _, k := range []latchkey.Token{mine, theirs} {
			if err := tx.InsertToken(k); err != nil {
				return err
			}
			if err := tx.PutUse(k.MAC, latchkey.Use{At: epoch, From: "192.0.2.1", Client: "x"}); err != nil {
				return err
			}
			if err := tx.PutOverride(k.Account, "popaccts", false); err != nil {
				return err
			}
			if err := tx.PutUsage(k.Account, store.Usage{Bytes: 1}); err != nil {
				return err
			}
			if err := tx.InsertMailbox(store.Mailbox{Account: k.Account, Domain: "d.example", Local: "l"}, store.Ready); err != nil {
				return err
			}
		}
		return nil
	})
	h.write(func(tx store.Tx) error { return tx.DeleteAccount(goes) })
	h.read(func(r store.Reader) error {
		_, err := r.Account("goes")
		absent(t, "Account", err)
		_, err = r.DomainOwner("goes.example")
		absent(t, "DomainOwner", err)
		_, err = r.TokenByMAC(mine.MAC)
		absent(t, "TokenByMAC", err)
		_, err = r.Use(mine.MAC)
		absent(t, "Use", err)
		_, err = r.Usage(goes)
		absent(t, "Usage", err)
		_, err = r.MailboxCount(goes)
		absent(t, "MailboxCount", err)
		boxes, err := r.Mailboxes(goes, store.Mailbox{}, 0)
		same(t, "Mailboxes", len(boxes), err, 0)
		overrides, err := r.Overrides(goes)
		same(t, "Overrides", len(overrides), err, 0)

		k, err := r.TokenByMAC(theirs.MAC)
		same(t, "another account's token", k, err, theirs)
		_, err = r.Use(theirs.MAC)
		same(t, "another account's use", err, nil, nil)
		n, err := r.MailboxCount(stays)
		same(t, "another account's mailboxes", n, err, 1)
		return nil
	})
	if again := h.account("goes"); again <= goes {
		t.Errorf("a new account got number %d after %d was removed: numbers must never come again", again, goes)
	}
}

func testDomains(t *testing.T, h *house) {
	id := h.account("alice")
	other := h.account("bob")
	addon := latchkey.OwnedDomain{Name: "addon.example", Kind: latchkey.AddonDomain, DocumentRoot: "addon", Created: epoch.Add(time.Second)}
	h.write(func(tx store.Tx) error { return tx.InsertDomain(id, addon) })
	h.writeErr(latchkey.Exists, "a domain twice", func(tx store.Tx) error { return tx.InsertDomain(other, addon) })
	main := latchkey.OwnedDomain{Name: "alice.example", Kind: latchkey.MainDomain, DocumentRoot: "public_html", Created: epoch}
	h.read(func(r store.Reader) error {
		list, err := r.Domains(id)
		same(t, "Domains", list, err, []latchkey.OwnedDomain{addon, main})
		owner, err := r.DomainOwner("addon.example")
		same(t, "DomainOwner", owner, err, id)
		_, err = r.DomainOwner("other.example")
		absent(t, "DomainOwner of no domain", err)
		return nil
	})
	h.write(func(tx store.Tx) error { return tx.RenameDomain("alice.example", "new.example") })
	h.read(func(r store.Reader) error {
		_, err := r.DomainOwner("alice.example")
		absent(t, "DomainOwner of the old name", err)
		owner, err := r.DomainOwner("new.example")
		same(t, "DomainOwner of the new name", owner, err, id)
		return nil
	})
	h.writeErr(latchkey.Exists, "RenameDomain to one that is taken", func(tx store.Tx) error { return tx.RenameDomain("new.example", "bob.example") })
	h.writeErr(latchkey.NotFound, "RenameDomain of none", func(tx store.Tx) error { return tx.RenameDomain("no.example", "yes.example") })
}

func testPackages(t *testing.T, h *house) {
	gold := latchkey.Package{Name: "gold", FeatureList: "default", Limits: latchkey.NoLimits(), Theme: "jupiter", Locale: "en", CGI: true, Shell: true, Digest: true, DedicatedIP: true}
	h.write(func(tx store.Tx) error {
		if err := tx.PutPackage(latchkey.Package{Name: "gold"}); err != nil {
			return err
		}
		if err := tx.PutPackage(latchkey.Package{Name: "Basic plan"}); err != nil {
			return err
		}
		return tx.PutPackage(gold)
	})
	h.read(func(r store.Reader) error {
		got, err := r.Package("gold")
		same(t, "Package(gold)", got, err, gold)
		_, err = r.Package("silver")
		absent(t, "Package(silver)", err)
		list, err := r.Packages()
		same(t, "Packages", list, err, []latchkey.Package{{Name: "Basic plan"}, gold})
		return nil
	})
}

func testFeatureLists(t *testing.T, h *house) {
	lists := []latchkey.FeatureList{
		{Name: "Mail Only", Values: map[string]bool{"popaccts": true, "mysql": false}},
		{Name: "default", Values: map[string]bool{}},
	}
	h.write(func(tx store.Tx) error {
		if err := tx.PutFeatureList(latchkey.FeatureList{Name: "Mail Only", Values: map[string]bool{"ssh": true}}); err != nil {
			return err
		}
		for _, l := range lists {
			if err := tx.PutFeatureList(l); err != nil {
				return err
			}
		}
		return nil
	})
	h.read(func(r store.Reader) error {
		got, err := r.FeatureList("Mail Only")
		same(t, "FeatureList", got, err, lists[0])
		_, err = r.FeatureList("mail only")
		absent(t, "FeatureList in other letters", err)
		all, err := r.FeatureLists()
		same(t, "FeatureLists", all, err, lists)
		return nil
	})
}

func testOverrides(t *testing.T, h *house) {
	id, other := h.account("alice"), h.account("bob")
	h.write(func(tx store.Tx) error {
		for _, o := range []struct {
			feature string
			on      bool
		}{{"mysql", true}, {"mysql", false}, {"ssh", true}, {"cron", true}} {
			if err := tx.PutOverride(id, o.feature, o.on); err != nil {
				return err
			}
		}
		if err := tx.DeleteOverride(id, "cron"); err != nil {
			return err
		}
		return tx.DeleteOverride(id, "never-set")
	})
	h.read(func(r store.Reader) error {
		got, err := r.Overrides(id)
		same(t, "Overrides", got, err, map[string]bool{"mysql": false, "ssh": true})
		got, err = r.Overrides(other)
		same(t, "Overrides of another", got, err, map[string]bool{})
		return nil
	})
}

func testTokens(t *testing.T, h *house) {
	id, other := h.account("alice"), h.account("bob")
	a, b := token(id, latchkey.ForAccount, "a", 1), token(id, latchkey.ForAccount, "B", 2)
	host, theirs := token(id, latchkey.ForHost, "a", 3), token(other, latchkey.ForAccount, "a", 4)
	never := token(id, latchkey.ForAccount, "never", 6)
	never.Expires = time.Time{}
	h.write(insertTokens(a, b, host, theirs, never))
	h.writeErr(latchkey.Exists, "a name twice", insertTokens(token(id, latchkey.ForAccount, "a", 5)))
	h.read(func(r store.Reader) error {
		for _, want := range []latchkey.Token{a, b, host, theirs, never} {
			got, err := r.Token(want.Account, want.Audience, want.Name)
			same(t, "Token", got, err, want)
			got, err = r.TokenByMAC(want.MAC)
			same(t, "TokenByMAC", got, err, want)
		}
		_, err := r.Token(id, latchkey.ForAccount, "b")
		absent(t, "Token in other letters", err)
		_, err = r.Token(id, latchkey.ForHost, "B")
		absent(t, "Token of the other door", err)
		_, err = r.TokenByMAC(latchkey.TokenMAC{})
		absent(t, "TokenByMAC of none", err)
		list, err := r.Tokens(id, latchkey.ForAccount)
		same(t, "Tokens", list, err, []latchkey.Token{b, a, never})
		return nil
	})

	renamed := token(id, latchkey.ForAccount, "c", 9)
	h.write(func(tx store.Tx) error { return tx.UpdateToken("a", renamed) })
	h.read(func(r store.Reader) error {
		got, err := r.Token(id, latchkey.ForAccount, "c")
		same(t, "Token replaced", got, err, renamed)
		got, err = r.TokenByMAC(renamed.MAC)
		same(t, "TokenByMAC of the new row", got, err, renamed)
		_, err = r.TokenByMAC(a.MAC)
		absent(t, "TokenByMAC of the old row", err)
		_, err = r.Token(id, latchkey.ForAccount, "a")
		absent(t, "Token by its old name", err)
		got, err = r.Token(id, latchkey.ForHost, "a")
		same(t, "the other door's token", got, err, host)
		return nil
	})
	h.writeErr(latchkey.Exists, "UpdateToken to a name that is taken", func(tx store.Tx) error {
		return tx.UpdateToken("c", token(id, latchkey.ForAccount, "B", 9))
	})
	h.writeErr(latchkey.NotFound, "UpdateToken of none", func(tx store.Tx) error {
		return tx.UpdateToken("none", token(id, latchkey.ForAccount, "x", 10))
	})
	h.write(func(tx store.Tx) error { return tx.DeleteToken(id, latchkey.ForAccount, "c") })
	h.read(func(r store.Reader) error {
		_, err := r.TokenByMAC(renamed.MAC)
		absent(t, "TokenByMAC after DeleteToken", err)
		return nil
	})
	h.writeErr(latchkey.NotFound, "DeleteToken of none", func(tx store.Tx) error { return tx.DeleteToken(id, latchkey.ForAccount, "c") })
}

// MACs that begin alike are told apart by their ends.
func testTokensOfEqualHead(t *testing.T, h *house) {
	id := h.account("alice")
	a, b := token(id, latchkey.ForAccount, "a", 1), token(id, latchkey.ForAccount, "b", 2)
	b.MAC = a.MAC
	b.MAC[31] ^= 1
	h.write(insertTokens(a, b))
	h.read(func(r store.Reader) error {
		for _, want := range []latchkey.Token{a, b} {
			got, err := r.TokenByMAC(want.MAC)
			same(t, "TokenByMAC", got, err, want)
		}
		stranger := a.MAC
		stranger[20] ^= 0x80
		_, err := r.TokenByMAC(stranger)
		absent(t, "TokenByMAC of a third MAC that begins alike", err)
		return nil
	})
	h.write(func(tx store.Tx) error { return tx.DeleteToken(id, latchkey.ForAccount, "a") })
	h.read(func(r store.Reader) error {
		_, err := r.TokenByMAC(a.MAC)
		absent(t, "TokenByMAC after DeleteToken", err)
		got, err := r.TokenByMAC(b.MAC)
		same(t, "TokenByMAC of the other", got, err, b)
		return nil
	})
}

func testTokensAfter(t *testing.T, h *house) {
	id, other := h.account("zoe"), h.account("amy")
	want := []latchkey.Token{
		token(id, latchkey.ForAccount, "A", 1), token(id, latchkey.ForAccount, "a", 2), token(id, latchkey.ForAccount, "b", 3),
		token(id, latchkey.ForHost, "a", 4), token(other, latchkey.ForAccount, "a", 5),
	}
	mixed := slices.Clone(want)
	slices.Reverse(mixed)
	h.write(insertTokens(mixed...))
	for limit := 1; limit <= len(want)+1; limit++ {
		var got []latchkey.Token
		h.read(func(r store.Reader) error {
			var last latchkey.Token
			for {
				page, err := r.TokensAfter(last.Account, last.Audience, last.Name, limit)
				if err != nil {
					return err
				}
				if got = append(got, page...); len(page) < limit {
					return nil
				}
				last = page[len(page)-1]
			}
		})
		same(t, fmt.Sprintf("a walk by %d", limit), got, nil, want)
	}
}

func testFindTokens(t *testing.T, h *house) {
	shop, other := h.account("shop"), h.account("other")
	day := func(n int) time.Time { return epoch.Add(time.Duration(n) * latchkey.Day) }
	make := func(account latchkey.AccountID, door latchkey.Audience, name string, n byte, change func(*latchkey.Token)) latchkey.Token {
		k := token(account, door, name, n)
		k.Expires, k.Created, k.Grants, k.ReadOnly = day(300), day(0), "", false
		change(&k)
		return k
	}
	none := func(*latchkey.Token) {}
	a := make(shop, latchkey.ForAccount, "Alpha", 1, none)
	b := make(shop, latchkey.ForAccount, "beta", 2, func(k *latchkey.Token) { k.Expires = time.Time{} })
	c := make(shop, latchkey.ForHost, "alpha", 3, none)
	d := make(other, latchkey.ForAccount, "alpha", 4, func(k *latchkey.Token) { k.Grants = "Email:read" })
	e := make(other, latchkey.ForAccount, "zeta", 5, func(k *latchkey.Token) { k.ReadOnly, k.Created = true, day(50) })
	h.write(insertTokens(a, b, c, d, e))
	h.write(func(tx store.Tx) error {
		is, err := tx.AccountByID(other)
		if err != nil {
			return err
		}
		is.Owner, is.Package = "shop", "silver"
		if err := tx.UpdateAccount(is); err != nil {
			return err
		}
		if err := tx.PutUse(a.MAC, latchkey.Use{At: day(20)}); err != nil {
			return err
		}
		return tx.PutUse(d.MAC, latchkey.Use{At: day(1)})
	})
	for what, test := range map[string]struct {
		q    store.TokenSearch
		want []latchkey.Token
	}{
		"all": {store.TokenSearch{}, []latchkey.Token{a, b, d, e}}, "a text": {store.TokenSearch{Text: "alpha"}, []latchkey.Token{a, d}},
		"an account's name": {store.TokenSearch{Text: "hop"}, []latchkey.Token{a, b}}, "over both": {store.TokenSearch{Text: "p\nbe"}, []latchkey.Token{b}},
		"a mark of patterns": {store.TokenSearch{Text: "%"}, nil}, "no end": {store.TokenSearch{NoEnd: true}, []latchkey.Token{b}},
		"full": {store.TokenSearch{Full: true}, []latchkey.Token{a, b}}, "idle": {store.TokenSearch{Idle: day(10)}, []latchkey.Token{b, d}},
		"idle and full": {store.TokenSearch{Idle: day(10), Full: true}, []latchkey.Token{b}}, "an owner and what they own": {store.TokenSearch{Owner: "shop"}, []latchkey.Token{a, b, d, e}},
		"who owns nobody": {store.TokenSearch{Owner: "other"}, []latchkey.Token{d, e}}, "a package": {store.TokenSearch{Packages: []string{"silver", "x"}}, []latchkey.Token{d, e}},
		"no package": {store.TokenSearch{Packages: []string{}}, nil},
	} {
		for _, step := range [][2]int{{1, 9}, {2, 1}, {3, 2}, {9, 1}, {9, 9}} {
			var got []latchkey.Token
			h.read(func(r store.Reader) error {
				for at := new(store.TokenKey); at != nil; {
					list, next, err := r.FindTokens(test.q, *at, step[0], step[1])
					if err != nil {
						return err
					}
					got, at = append(got, list...), next
				}
				return nil
			})
			same(t, fmt.Sprintf("FindTokens of %s by %v", what, step), got, nil, test.want)
		}
	}
	h.read(func(r store.Reader) error {
		uses, err := r.UsesOf([]latchkey.TokenMAC{a.MAC, b.MAC, d.MAC})
		same(t, "UsesOf", uses, err, map[latchkey.TokenMAC]latchkey.Use{a.MAC: {At: day(20)}, d.MAC: {At: day(1)}})
		return nil
	})
}

func testTokenIDs(t *testing.T, h *house) {
	var last latchkey.TokenID
	take := func(n int) {
		t.Helper()
		h.write(func(tx store.Tx) error {
			for range n {
				id, err := tx.NextTokenID()
				if err != nil {
					return err
				}
				if id <= last {
					t.Errorf("NextTokenID gave %d after %d", id, last)
				}
				last = id
			}
			return nil
		})
	}
	take(3)
	take(1)
	h.reopen()
	take(3000) // more than any implementation reserves at a time
	h.reopen()
	take(1)
	_, _ = h.Write(t.Context(), func(tx store.Tx) error { _, _ = tx.NextTokenID(); return errOwn })
	take(1)
}

func testUses(t *testing.T, h *house) {
	id := h.account("alice")
	k := token(id, latchkey.ForAccount, "a", 1)
	h.write(insertTokens(k))
	h.read(func(r store.Reader) error {
		_, err := r.Use(k.MAC)
		absent(t, "Use of a token never used", err)
		return nil
	})
	want := latchkey.Use{At: epoch.Add(time.Hour), From: "2001:db8::1", Client: "curl/8"}
	h.write(func(tx store.Tx) error {
		if err := tx.PutUse(k.MAC, latchkey.Use{At: epoch, From: "192.0.2.1"}); err != nil {
			return err
		}
		return tx.PutUse(k.MAC, want)
	})
	h.read(func(r store.Reader) error {
		got, err := r.Use(k.MAC)
		same(t, "Use", got, err, want)
		return nil
	})
	h.write(func(tx store.Tx) error { return tx.DeleteToken(id, latchkey.ForAccount, "a") })
	h.read(func(r store.Reader) error {
		_, err := r.Use(k.MAC)
		absent(t, "Use of a token that is gone", err)
		return nil
	})
}

// testEarlierSecret: a token is found by the secret it had before too, as long as
// its row has it.
func testEarlierSecret(t *testing.T, h *house) {
	id := h.account("alice")
	k, other := token(id, latchkey.ForAccount, "a", 1), token(id, latchkey.ForAccount, "b", 2)
	h.write(insertTokens(k, other))
	h.write(func(tx store.Tx) error { return tx.PutUse(k.Was, latchkey.Use{At: epoch, From: "192.0.2.1"}) })
	rotated := k
	rotated.MAC, rotated.Was = token(id, latchkey.ForAccount, "a", 7).MAC, k.MAC
	for _, step := range []struct {
		is       latchkey.Token
		opens    []latchkey.TokenMAC
		opensNot []latchkey.TokenMAC
	}{
		{k, []latchkey.TokenMAC{k.MAC, k.Was}, nil},
		{rotated, []latchkey.TokenMAC{rotated.MAC, k.MAC}, []latchkey.TokenMAC{k.Was}},
	} {
		h.write(func(tx store.Tx) error { return tx.UpdateToken("a", step.is) })
		h.read(func(r store.Reader) error {
			for _, mac := range step.opens {
				got, err := r.TokenByMAC(mac)
				same(t, "TokenByMAC", got, err, step.is)
			}
			for _, mac := range step.opensNot {
				_, err := r.TokenByMAC(mac)
				absent(t, "TokenByMAC of a secret that was replaced twice", err)
				_, err = r.Use(mac)
				absent(t, "Use of a secret that was replaced twice", err)
			}
			got, err := r.TokenByMAC(other.Was)
			same(t, "TokenByMAC of another", got, err, other)
			return nil
		})
	}
	never := token(id, latchkey.ForAccount, "never", 9)
	never.Was, never.WasUntil = latchkey.TokenMAC{}, time.Time{}
	h.write(insertTokens(never))
	h.read(func(r store.Reader) error {
		_, err := r.TokenByMAC(latchkey.TokenMAC{})
		absent(t, "TokenByMAC of no secret", err)
		return nil
	})
	h.write(func(tx store.Tx) error { return tx.PutUse(rotated.Was, latchkey.Use{At: epoch}) })
	h.write(func(tx store.Tx) error { return tx.DeleteToken(id, latchkey.ForAccount, "a") })
	h.read(func(r store.Reader) error {
		_, err := r.TokenByMAC(rotated.Was)
		absent(t, "TokenByMAC of the earlier secret of a token that is gone", err)
		_, err = r.Use(rotated.Was)
		absent(t, "its Use", err)
		return nil
	})
}

func testTallies(t *testing.T, h *house) {
	id := h.account("alice")
	k, stays := token(id, latchkey.ForAccount, "a", 1), token(id, latchkey.ForAccount, "b", 2)
	h.write(insertTokens(k, stays))
	h.read(func(r store.Reader) error {
		_, err := r.Tally(k.ID)
		absent(t, "Tally of a token of which nothing is counted", err)
		return nil
	})
	first, want := latchkey.Tally{Uses: 1}, latchkey.Tally{Uses: 5 << 40, Seal: [32]byte{1, 2, 3}, Left: 59_999, At: epoch}
	h.write(func(tx store.Tx) error {
		for _, put := range []struct {
			id latchkey.TokenID
			t  latchkey.Tally
		}{{k.ID, first}, {k.ID, want}, {stays.ID, first}} {
			if err := tx.PutTally(put.id, put.t); err != nil {
				return err
			}
		}
		return nil
	})
	h.reopen()
	h.read(func(r store.Reader) error {
		got, err := r.Tally(k.ID)
		same(t, "Tally", got, err, want)
		return nil
	})
	h.write(func(tx store.Tx) error { return tx.DeleteToken(id, latchkey.ForAccount, "a") })
	h.read(func(r store.Reader) error {
		_, err := r.Tally(k.ID)
		absent(t, "Tally of a token that is gone", err)
		got, err := r.Tally(stays.ID)
		same(t, "Tally of another", got, err, first)
		return nil
	})
	h.write(func(tx store.Tx) error { return tx.DeleteAccount(id) })
	h.read(func(r store.Reader) error {
		_, err := r.Tally(stays.ID)
		absent(t, "Tally of a token whose account is gone", err)
		return nil
	})
}

func box(account latchkey.AccountID, domain latchkey.Domain, local string) store.Mailbox {
	return store.Mailbox{Account: account, Domain: domain, Local: local, PasswordHash: "{X}y", Quota: 5 << 40, Created: epoch}
}

func testMailboxes(t *testing.T, h *house) {
	id, other := h.account("alice"), h.account("bob")
	want := []store.Mailbox{
		box(id, "a.example", "ann"), box(id, "a.example", "bea"), box(id, "a.example.org", "ann"), box(id, "b.example", "a"), box(id, "b.example", "z"),
	}
	h.write(func(tx store.Tx) error {
		for _, i := range []int{3, 0, 4, 2, 1} {
			if err := tx.InsertMailbox(want[i], store.Ready); err != nil {
				return err
			}
		}
		return tx.InsertMailbox(box(other, "bob.example", "bob"), store.Ready)
	})
	h.writeErr(latchkey.Exists, "a mailbox twice", func(tx store.Tx) error { return tx.InsertMailbox(want[0], store.Creating) })
	h.writeErr(latchkey.NotFound, "a mailbox of nobody", func(tx store.Tx) error { return tx.InsertMailbox(box(9999, "x.example", "x"), store.Ready) })
	count := func(want int64) {
		t.Helper()
		h.read(func(r store.Reader) error {
			n, err := r.MailboxCount(id)
			same(t, "MailboxCount", n, err, want)
			return nil
		})
	}
	count(5)
	h.read(func(r store.Reader) error {
		list, err := r.Mailboxes(id, store.Mailbox{}, 0)
		same(t, "Mailboxes", list, err, want)
		for i := range want {
			list, err := r.Mailboxes(id, want[i], 2)
			same(t, "Mailboxes from "+want[i].Address(), names(list, func(m store.Mailbox) string { return m.Address() }), err,
				names(want[i+1:min(i+3, len(want))], func(m store.Mailbox) string { return m.Address() }))
		}
		got, err := r.Mailbox(id, "a.example", "bea")
		same(t, "Mailbox", got, err, want[1])
		_, err = r.Mailbox(other, "a.example", "bea")
		absent(t, "Mailbox of another account", err)
		_, err = r.Mailbox(id, "a.example", "BEA")
		absent(t, "Mailbox in other letters", err)
		return nil
	})
	changed := want[1]
	changed.PasswordHash, changed.Quota = "{N}ew", 0
	changed.SuspendedLogin, changed.SuspendedIncoming, changed.SuspendedOutgoing, changed.HoldOutgoing = true, true, true, true
	h.write(func(tx store.Tx) error { return tx.UpdateMailbox(changed) })
	h.read(func(r store.Reader) error {
		got, err := r.Mailbox(id, "a.example", "bea")
		same(t, "Mailbox after a change", got, err, changed)
		return nil
	})
	h.write(func(tx store.Tx) error { return tx.DeleteMailbox(id, "a.example", "bea") })
	count(4)
	h.writeErr(latchkey.NotFound, "DeleteMailbox of none", func(tx store.Tx) error { return tx.DeleteMailbox(id, "a.example", "bea") })
	h.writeErr(latchkey.NotFound, "UpdateMailbox of none", func(tx store.Tx) error { return tx.UpdateMailbox(changed) })
	count(4)
}

// A mailbox that is being made or removed is counted, and its name is taken,
// but nobody sees it.
func testMailboxStages(t *testing.T, h *house) {
	id := h.account("alice")
	for _, stage := range []store.Stage{store.Creating, store.Removing} {
		m := box(id, "a.example", fmt.Sprintf("box%d", stage))
		h.write(func(tx store.Tx) error { return tx.InsertMailbox(m, stage) })
		h.read(func(r store.Reader) error {
			_, err := r.Mailbox(id, m.Domain, m.Local)
			absent(t, "Mailbox", err)
			list, err := r.Mailboxes(id, store.Mailbox{}, 0)
			same(t, "Mailboxes", len(list), err, 0)
			n, err := r.MailboxCount(id)
			same(t, "MailboxCount", n, err, 1)
			return nil
		})
		h.writeErr(latchkey.Exists, "a mailbox whose name is reserved", func(tx store.Tx) error { return tx.InsertMailbox(m, store.Creating) })
		h.write(func(tx store.Tx) error { return tx.StageMailbox(id, m.Domain, m.Local, store.Ready) })
		h.read(func(r store.Reader) error {
			got, err := r.Mailbox(id, m.Domain, m.Local)
			same(t, "Mailbox when ready", got, err, m)
			return nil
		})
		h.write(func(tx store.Tx) error { return tx.DeleteMailbox(id, m.Domain, m.Local) })
	}
	h.writeErr(latchkey.NotFound, "StageMailbox of none", func(tx store.Tx) error { return tx.StageMailbox(id, "a.example", "none", store.Ready) })
}

func testUsage(t *testing.T, h *house) {
	id := h.account("alice")
	want := store.Usage{Bytes: 1 << 50, Inodes: 77, TakenAt: epoch}
	h.write(func(tx store.Tx) error {
		if err := tx.PutUsage(id, store.Usage{Bytes: 1}); err != nil {
			return err
		}
		return tx.PutUsage(id, want)
	})
	h.read(func(r store.Reader) error {
		got, err := r.Usage(id)
		same(t, "Usage", got, err, want)
		_, err = r.Usage(id + 1)
		absent(t, "Usage never measured", err)
		return nil
	})
}

func testIntents(t *testing.T, h *house) {
	want := []store.Intent{
		{At: epoch, Account: 7, Kind: "first", Body: []byte(`{"a":1}`)},
		{At: epoch.Add(time.Second), Account: 8, Kind: "second", Body: []byte(`{}`)},
	}
	h.write(func(tx store.Tx) (err error) {
		for i := range want {
			if want[i].ID, err = tx.InsertIntent(want[i]); err != nil {
				return err
			}
		}
		return nil
	})
	h.reopen()
	h.read(func(r store.Reader) error {
		got, err := r.Intents()
		same(t, "Intents", got, err, want)
		return nil
	})
	h.write(func(tx store.Tx) error { return tx.DeleteIntent(want[1].ID) })
	h.write(func(tx store.Tx) error {
		id, err := tx.InsertIntent(want[0])
		if id <= want[1].ID {
			t.Errorf("InsertIntent gave number %d after %d was taken away: numbers must never come again", id, want[1].ID)
		}
		if err == nil {
			err = tx.DeleteIntent(id)
		}
		return err
	})
	h.read(func(r store.Reader) error {
		got, err := r.Intents()
		same(t, "Intents", got, err, want[:1])
		return nil
	})
}
