package storetest

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// testAccountPages changes accounts at random and compares pages and counts
// with a list kept by hand.
func testAccountPages(t *testing.T, h *house) {
	random := rand.New(rand.NewPCG(3, 5))
	there := map[latchkey.AccountID]latchkey.Account{}
	owners := []latchkey.AccountName{"root", "ann", "bob"}
	change := func(step int) func(store.Tx) error {
		return func(tx store.Tx) (err error) {
			ids := make([]latchkey.AccountID, 0, len(there))
			for id := range there {
				ids = append(ids, id)
			}
			slices.Sort(ids)
			if len(ids) == 0 || random.IntN(3) == 0 {
				a := sample(latchkey.AccountName(fmt.Sprintf("n%03d%d", random.IntN(1000), step)))
				a.Owner, a.Suspended = owners[random.IntN(3)], random.IntN(2) == 0
				if a.ID, err = tx.InsertAccount(a, store.Creating); err == nil {
					err = tx.StageAccount(a.ID, store.Ready)
				}
				there[a.ID] = a
				return err
			}
			a := there[ids[random.IntN(len(ids))]]
			switch random.IntN(4) {
			case 0:
				delete(there, a.ID)
				if err := tx.StageAccount(a.ID, store.Removing); err != nil || random.IntN(2) == 0 {
					return err
				}
				return tx.DeleteAccount(a.ID)
			case 1:
				a.Owner = owners[random.IntN(3)]
			case 2:
				a.Suspended = !a.Suspended
			case 3:
				a.Name = latchkey.AccountName(fmt.Sprintf("m%03d%d", random.IntN(1000), step))
			}
			there[a.ID] = a
			return tx.UpdateAccount(a)
		}
	}
	h.write(func(tx store.Tx) error {
		_, err := tx.InsertAccount(latchkey.Account{Name: "root", Role: latchkey.RoleRoot, Owner: "root"}, store.Ready)
		return err
	})
	for step := range 150 {
		h.write(change(step))
		owner := append(owners, "", "nobody")[random.IntN(5)]
		pageIs(t, h, there, owner, random.IntN(12), random.IntN(6))
	}
}

// pageIs compares one page, and the count, with the accounts there are.
func pageIs(t *testing.T, h *house, there map[latchkey.AccountID]latchkey.Account, owner latchkey.AccountName, skip, limit int) {
	t.Helper()
	var want []latchkey.Account
	suspended := 0
	for _, a := range there {
		if owner == "" || a.Owner == owner {
			want = append(want, a)
			if a.Suspended {
				suspended++
			}
		}
	}
	slices.SortFunc(want, func(a, b latchkey.Account) int { return cmp.Compare(a.Name, b.Name) })
	h.read(func(r store.Reader) error {
		accounts, asleep, err := r.AccountCount(owner)
		same(t, fmt.Sprintf("AccountCount(%q)", owner), []int{accounts, asleep}, err, []int{len(want), suspended})
		from := min(skip, len(want))
		got, err := r.AccountPage(owner, "", skip, limit)
		same(t, fmt.Sprintf("AccountPage(%q, %d, %d)", owner, skip, limit), append([]latchkey.Account{}, got...), err, append([]latchkey.Account{}, want[from:min(from+limit, len(want))]...))
		if from > 0 {
			after, err := r.AccountPage(owner, want[from-1].Name, 0, limit)
			same(t, "AccountPage after", after, err, got)
		}
		return nil
	})
}

// testManyAccounts has more accounts than stand in one stretch, and takes
// most of them away again.
func testManyAccounts(t *testing.T, h *house) {
	const many = 9000
	random := rand.New(rand.NewPCG(7, 11))
	names := make([]latchkey.AccountName, many)
	for i, n := range random.Perm(many) {
		names[i] = latchkey.AccountName(fmt.Sprintf("n%05d", n))
	}
	there := map[latchkey.AccountName]latchkey.AccountID{}
	pages := func(when string) {
		t.Helper()
		sorted := slices.Sorted(maps.Keys(there))
		h.read(func(r store.Reader) error {
			n, _, err := r.AccountCount("")
			same(t, when+": AccountCount", n, err, len(sorted))
			for skip := 0; skip < len(sorted)+500; skip += 763 {
				list, err := r.AccountPage("", "", skip, 3)
				if err != nil {
					return err
				}
				from := min(skip, len(sorted))
				got := make([]latchkey.AccountName, len(list))
				for i, a := range list {
					got[i] = a.Name
				}
				if want := sorted[from:min(from+3, len(sorted))]; !slices.Equal(got, want) {
					t.Errorf("%s: AccountPage after %d = %v, want %v", when, skip, got, want)
				}
			}
			return nil
		})
	}
	for from := 0; from < many; from += 1500 {
		h.write(func(tx store.Tx) error {
			for _, name := range names[from : from+1500] {
				a := sample(name)
				id, err := tx.InsertAccount(a, store.Ready)
				if err != nil {
					return err
				}
				there[name] = id
			}
			return nil
		})
		pages(fmt.Sprintf("with %d", len(there)))
	}
	h.write(func(tx store.Tx) error {
		for _, name := range names[:3000] { // and some get other names
			id := there[name]
			a := sample("m" + name)
			a.ID = id
			if err := tx.UpdateAccount(a); err != nil {
				return err
			}
			delete(there, name)
			there["m"+name] = id
		}
		return nil
	})
	pages("renamed")
	h.write(func(tx store.Tx) error {
		for i, name := range slices.Sorted(maps.Keys(there)) {
			if i%50 == 0 || i > many-100 {
				continue
			}
			if err := tx.DeleteAccount(there[name]); err != nil {
				return err
			}
			delete(there, name)
		}
		return nil
	})
	pages("with few left")
}

// testDomainsOfAll finds domains by name, whose ever they are.
func testDomainsOfAll(t *testing.T, h *house) {
	alice, bob := h.account("alice"), h.account("bob")
	shop := latchkey.OwnedDomain{Name: "b.example", Kind: latchkey.AddonDomain, DocumentRoot: "shop", Created: epoch}
	h.write(func(tx store.Tx) error { return tx.InsertDomain(alice, shop) })
	hidden := sample("carol")
	h.write(func(tx store.Tx) error {
		id, err := tx.InsertAccount(hidden, store.Creating)
		if err != nil {
			return err
		}
		return tx.InsertDomain(id, latchkey.OwnedDomain{Name: hidden.Domain, Kind: latchkey.MainDomain})
	})
	whose := func(d store.HostedDomain) string {
		return fmt.Sprintf("%s of %s (%s, %s)", d.Name, d.Account, d.Owner, d.Main)
	}
	h.read(func(r store.Reader) error {
		id, d, err := r.Domain("b.example")
		same(t, "Domain", d, err, shop)
		if id != alice || id == bob {
			t.Errorf("Domain is of %d, want %d", id, alice)
		}
		for _, name := range []latchkey.Domain{"no.example", hidden.Domain} {
			_, _, err := r.Domain(name)
			absent(t, "Domain "+string(name), err)
		}
		list, err := r.DomainsAfter("", 10)
		same(t, "DomainsAfter", names(list, whose), err, []string{
			"alice.example of alice (root, alice.example)", "b.example of alice (root, alice.example)", "bob.example of bob (root, bob.example)"})
		list, err = r.DomainsAfter("alice.example", 1)
		same(t, "DomainsAfter one", names(list, whose), err, []string{"b.example of alice (root, alice.example)"})
		return nil
	})
}

// testDeletePolicy takes packages and feature lists away.
func testDeletePolicy(t *testing.T, h *house) {
	h.write(func(tx store.Tx) error {
		for _, name := range []string{"gold", "tin"} {
			if err := tx.PutPackage(latchkey.Package{Name: name, FeatureList: name}); err != nil {
				return err
			}
			if err := tx.PutFeatureList(latchkey.FeatureList{Name: name}); err != nil {
				return err
			}
		}
		_, err := tx.InsertAccount(sample("alice"), store.Creating) // of the package gold
		return err
	})
	for name, want := range map[string]bool{"gold": true, "tin": false, "no": false} {
		h.read(func(r store.Reader) error {
			used, err := r.PackageUsed(name)
			same(t, "PackageUsed "+name, used, err, want)
			return nil
		})
	}
	h.write(func(tx store.Tx) error { return tx.DeletePackage("tin") })
	h.write(func(tx store.Tx) error { return tx.DeleteFeatureList("tin") })
	h.writeErr(latchkey.NotFound, "DeletePackage again", func(tx store.Tx) error { return tx.DeletePackage("tin") })
	h.writeErr(latchkey.NotFound, "DeleteFeatureList again", func(tx store.Tx) error { return tx.DeleteFeatureList("tin") })
	h.read(func(r store.Reader) error {
		plans, err := r.Packages()
		same(t, "Packages", names(plans, func(p latchkey.Package) string { return p.Name }), err, []string{"gold"})
		lists, err := r.FeatureLists()
		same(t, "FeatureLists", names(lists, func(l latchkey.FeatureList) string { return l.Name }), err, []string{"gold"})
		return nil
	})
}

// testMailboxPages makes and removes mailboxes of two accounts at random, also many
// at once, and compares pages with a list kept by hand.
func testMailboxPages(t *testing.T, h *house) {
	random := rand.New(rand.NewPCG(7, 11))
	there := map[latchkey.AccountID]map[store.Mailbox]bool{}
	h.write(func(tx store.Tx) error {
		for _, name := range []latchkey.AccountName{"ann", "bob"} {
			id, err := tx.InsertAccount(sample(name), store.Ready)
			if err != nil {
				return err
			}
			there[id] = map[store.Mailbox]bool{}
		}
		return nil
	})
	ids := slices.Sorted(maps.Keys(there))
	box := func(id latchkey.AccountID, n int) store.Mailbox {
		return store.Mailbox{Account: id, Domain: latchkey.Domain([]string{"a.example", "b.example", "a.b.example"}[n%3]), Local: fmt.Sprint("box", n)}
	}
	put := func(tx store.Tx, id latchkey.AccountID, n int) error {
		m := box(id, n)
		if there[id][m] {
			delete(there[id], m)
			if random.IntN(2) == 0 {
				return tx.DeleteMailbox(id, m.Domain, m.Local)
			}
			if err := tx.StageMailbox(id, m.Domain, m.Local, store.Removing); err != nil {
				return err
			}
			return tx.DeleteMailbox(id, m.Domain, m.Local)
		}
		there[id][m] = true
		if err := tx.InsertMailbox(m, store.Creating); err != nil {
			return err
		}
		return tx.StageMailbox(id, m.Domain, m.Local, store.Ready)
	}
	check := func(id latchkey.AccountID, skip, limit int) {
		t.Helper()
		want := slices.SortedFunc(maps.Keys(there[id]), func(a, b store.Mailbox) int {
			return cmp.Or(cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.Local, b.Local))
		})
		total := len(want)
		want = want[min(skip, total):]
		want = want[:min(limit, len(want))]
		h.read(func(r store.Reader) error {
			got, n, err := r.MailboxPage(id, skip, limit)
			if n != total {
				t.Errorf("MailboxPage(%d, %d, %d) tells of %d, want %d", id, skip, limit, n, total)
			}
			same := slices.EqualFunc(got, want, func(a, b store.Mailbox) bool { return a.Domain == b.Domain && a.Local == b.Local && a.Account == id })
			if !same {
				t.Errorf("MailboxPage(%d, %d, %d) of %d is not what it should be: %d rows, want %d", id, skip, limit, total, len(got), len(want))
			}
			return err
		})
	}
	for step := range 40 {
		id := ids[step%2]
		h.write(func(tx store.Tx) error {
			some := 1
			if step%8 == 0 {
				some = 1300
			}
			from := random.IntN(2000)
			for n := range some {
				if err := put(tx, id, from+n); err != nil {
					return err
				}
			}
			return nil
		})
		for range 4 {
			check(id, random.IntN(3500), random.IntN(300))
		}
		check(id, 0, 5)
	}
}
