package storetest

import (
	"testing"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

func accountNames(list []latchkey.Account) []string {
	return names(list, func(a latchkey.Account) string { return string(a.Name) })
}

func testResellers(t *testing.T, h *house) {
	alice := sample("alice")
	alice.ID = h.account("alice")
	bob := h.account("bob")
	h.account("carol")
	owned := func(r store.Reader, owner latchkey.AccountName, want ...string) {
		t.Helper()
		list, err := r.Owned(owner)
		same(t, "Owned("+string(owner)+")", accountNames(list), err, append([]string{}, want...))
	}
	resellers := func(r store.Reader, want ...string) {
		t.Helper()
		list, err := r.Resellers()
		same(t, "Resellers", accountNames(list), err, append([]string{}, want...))
	}
	h.read(func(r store.Reader) error {
		resellers(r)
		owned(r, "alice")
		_, err := r.Reseller(alice.ID)
		absent(t, "Reseller of nobody", err)
		return nil
	})
	alice.Reseller, alice.SuspendLocked = true, true
	alice.Privileges = latchkey.PrivilegesOf(latchkey.PrivilegePassword, latchkey.PrivilegeListAccounts)
	s := latchkey.Reseller{LimitAccounts: true, Accounts: 3, DiskMB: 10, LimitPackages: true,
		Packages: map[string]latchkey.PackageShare{"gold": {Allowed: true, Number: 2}}, Nameservers: []latchkey.Domain{"ns1.example"}}
	h.write(func(tx store.Tx) error {
		if err := tx.UpdateAccount(alice); err != nil {
			return err
		}
		if err := tx.PutReseller(alice.ID, latchkey.Reseller{}); err != nil {
			return err
		}
		if err := tx.PutReseller(alice.ID, s); err != nil {
			return err
		}
		b, err := tx.AccountByID(bob)
		if err != nil {
			return err
		}
		b.Owner = "alice"
		return tx.UpdateAccount(b)
	})
	h.read(func(r store.Reader) error {
		got, err := r.Account("alice")
		same(t, "Account of a reseller", got, err, alice)
		settings, err := r.Reseller(alice.ID)
		same(t, "Reseller", settings, err, s)
		resellers(r, "alice")
		owned(r, "alice", "bob")
		return nil
	})
	h.write(func(tx store.Tx) error {
		n, err := tx.Reown("alice", "carol")
		same(t, "Reown", n, err, 1)
		n, err = tx.Reown("alice", "carol")
		same(t, "Reown of nothing", n, err, 0)
		owned(tx, "alice")
		owned(tx, "carol", "bob")
		return tx.DeleteReseller(alice.ID)
	})
	h.read(func(r store.Reader) error {
		_, err := r.Reseller(alice.ID)
		absent(t, "Reseller after DeleteReseller", err)
		return nil
	})
	h.write(func(tx store.Tx) error {
		if err := tx.PutReseller(alice.ID, s); err != nil {
			return err
		}
		return tx.DeleteAccount(alice.ID)
	})
	h.read(func(r store.Reader) error {
		_, err := r.Reseller(alice.ID)
		absent(t, "Reseller of a removed account", err)
		resellers(r)
		return nil
	})
}

func testPrivilegeLists(t *testing.T, h *house) {
	basic := latchkey.PrivilegeList{Name: "basic", Privileges: latchkey.InitialPrivileges()}
	every := latchkey.PrivilegeList{Name: "every", Privileges: latchkey.AllPrivileges}
	h.write(func(tx store.Tx) error {
		if err := tx.PutPrivilegeList(latchkey.PrivilegeList{Name: "every"}); err != nil {
			return err
		}
		if err := tx.PutPrivilegeList(every); err != nil {
			return err
		}
		return tx.PutPrivilegeList(basic)
	})
	h.read(func(r store.Reader) error {
		got, err := r.PrivilegeList("basic")
		same(t, "PrivilegeList", got, err, basic)
		_, err = r.PrivilegeList("none")
		absent(t, "PrivilegeList of no name", err)
		all, err := r.PrivilegeLists()
		same(t, "PrivilegeLists", all, err, []latchkey.PrivilegeList{basic, every})
		return nil
	})
}
