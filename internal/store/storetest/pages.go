package storetest

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
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
			switch random.IntN(5) {
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
				a.Domain, a.Package = latchkey.Domain(fmt.Sprintf("d%d%d.example", random.IntN(1000), step)), string(owners[random.IntN(3)])
			case 4:
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
		searchIs(t, r, owner, want, skip, limit)
		if from > 0 {
			after, err := r.AccountPage(owner, want[from-1].Name, 0, limit)
			same(t, "AccountPage after", after, err, got)
		}
		return nil
	})
}

// searchIs compares what searches find with the accounts of owner.
func searchIs(t *testing.T, r store.Reader, owner latchkey.AccountName, all []latchkey.Account, skip, limit int) {
	t.Helper()
	for by, field := range []func(latchkey.Account) string{
		func(a latchkey.Account) string { return string(a.Name) }, func(a latchkey.Account) string { return string(a.Domain) },
		func(a latchkey.Account) string { return string(a.Owner) }, func(a latchkey.Account) string { return a.Package },
	} {
		match := func(text string) bool { return strings.ContainsAny(text, "13b") }
		want := []latchkey.Account{}
		for _, a := range all {
			if match(field(a)) {
				want = append(want, a)
			}
		}
		from := min(skip, len(want))
		got, total, err := r.SearchAccounts(store.AccountSearch{Owner: owner, By: store.AccountField(by), Match: match}, skip, limit)
		same(t, fmt.Sprintf("SearchAccounts(%q, %d, %d, %d)", owner, by, skip, limit), got, err, want[from:min(from+limit, len(want))])
		same(t, "SearchAccounts in all", total, err, len(want))
	}
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
	c := &crowd{house: h, there: map[latchkey.AccountName]latchkey.AccountID{}}
	for some := range slices.Chunk(names, 1500) {
		c.each(some, c.insert)
		c.pages(t, fmt.Sprintf("with %d", len(c.there)))
	}
	c.each(names[:3000], c.rename)
	c.pages(t, "renamed")
	var leave []latchkey.AccountName
	for i, name := range slices.Sorted(maps.Keys(c.there)) {
		if i%50 != 0 && i <= many-100 {
			leave = append(leave, name)
		}
	}
	c.each(leave, c.remove)
	c.pages(t, "with few left")
}

// crowd is many accounts that come, change and go.
type crowd struct {
	*house
	there map[latchkey.AccountName]latchkey.AccountID
}

// each does one thing to many, in one transaction.
func (c *crowd) each(names []latchkey.AccountName, do func(store.Tx, latchkey.AccountName) error) {
	c.write(func(tx store.Tx) error {
		for _, name := range names {
			if err := do(tx, name); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *crowd) insert(tx store.Tx, name latchkey.AccountName) error {
	id, err := tx.InsertAccount(sample(name), store.Ready)
	c.there[name] = id
	return err
}

func (c *crowd) rename(tx store.Tx, name latchkey.AccountName) error {
	a := sample("m" + name)
	a.ID = c.there[name]
	delete(c.there, name)
	c.there[a.Name] = a.ID
	return tx.UpdateAccount(a)
}

func (c *crowd) remove(tx store.Tx, name latchkey.AccountName) error {
	id := c.there[name]
	delete(c.there, name)
	return tx.DeleteAccount(id)
}

// pages compares pages from all over the list with those who are there.
func (c *crowd) pages(t *testing.T, when string) {
	t.Helper()
	sorted := slices.Sorted(maps.Keys(c.there))
	c.read(func(r store.Reader) error {
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
	p := &mailboxPages{house: h, random: rand.New(rand.NewPCG(7, 11)), there: map[latchkey.AccountID]map[store.Mailbox]bool{}}
	h.write(func(tx store.Tx) error {
		for _, name := range []latchkey.AccountName{"ann", "bob"} {
			id, err := tx.InsertAccount(sample(name), store.Ready)
			if err != nil {
				return err
			}
			p.there[id] = map[store.Mailbox]bool{}
		}
		return nil
	})
	ids := slices.Sorted(maps.Keys(p.there))
	for step := range 40 {
		id, some := ids[step%2], 1
		if step%8 == 0 {
			some = 1300
		}
		h.write(func(tx store.Tx) error {
			from := p.random.IntN(2000)
			for n := range some {
				if err := p.turn(tx, id, from+n); err != nil {
					return err
				}
			}
			return nil
		})
		for range 4 {
			p.check(t, id, p.random.IntN(3500), p.random.IntN(300))
		}
		p.check(t, id, 0, 5)
	}
}

// mailboxPages is which mailboxes there are, beside the store that knows them too.
type mailboxPages struct {
	*house
	random *rand.Rand
	there  map[latchkey.AccountID]map[store.Mailbox]bool
}

// turn makes the mailbox with a number, or removes it in one of two ways if it is there.
func (p *mailboxPages) turn(tx store.Tx, id latchkey.AccountID, n int) error {
	m := store.Mailbox{Account: id, Domain: latchkey.Domain([]string{"a.example", "b.example", "a.b.example"}[n%3]), Local: fmt.Sprint("box", n)}
	if p.there[id][m] {
		delete(p.there[id], m)
		if p.random.IntN(2) == 0 {
			return tx.DeleteMailbox(id, m.Domain, m.Local)
		}
		if err := tx.StageMailbox(id, m.Domain, m.Local, store.Removing); err != nil {
			return err
		}
		return tx.DeleteMailbox(id, m.Domain, m.Local)
	}
	p.there[id][m] = true
	if err := tx.InsertMailbox(m, store.Creating); err != nil {
		return err
	}
	return tx.StageMailbox(id, m.Domain, m.Local, store.Ready)
}

// check compares a page with the mailboxes there are.
func (p *mailboxPages) check(t *testing.T, id latchkey.AccountID, skip, limit int) {
	t.Helper()
	want := slices.SortedFunc(maps.Keys(p.there[id]), func(a, b store.Mailbox) int {
		return cmp.Or(cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.Local, b.Local))
	})
	total := len(want)
	want = want[min(skip, total):]
	want = want[:min(limit, len(want))]
	p.read(func(r store.Reader) error {
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
