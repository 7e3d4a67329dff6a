package storetest

import (
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

func testKept(t *testing.T, h *house) {
	alice, bob := h.account("alice"), h.account("bob")
	key := store.Kept{Account: alice, Kind: 0, ID: "k", Name: "My key", Created: epoch.Add(time.Second), Body: []byte{1, 0}, Sealed: []byte{0, 2}}
	first := store.Kept{Account: alice, Kind: 0, ID: "z", Name: "earlier", Created: epoch, Body: []byte{1}, Sealed: []byte{3}}
	same1 := store.Kept{Account: alice, Kind: 2, ID: "k", Name: "My key", Created: epoch, Body: []byte("a certificate")}
	others := store.Kept{Account: bob, Kind: 0, ID: "k", Name: "My key", Created: epoch, Body: []byte{9}, Sealed: []byte{9}}
	h.write(func(tx store.Tx) error {
		for _, k := range []store.Kept{key, first, same1, others} {
			if err := tx.InsertKept(k); err != nil {
				return err
			}
		}
		return nil
	})
	lists := func(account latchkey.AccountID, kind uint8, want ...store.Kept) {
		t.Helper()
		h.read(func(r store.Reader) error {
			list, err := r.Kept(account, kind)
			same(t, "Kept", list, err, want)
			return nil
		})
	}
	lists(alice, 0, first, key)
	lists(alice, 1)
	lists(alice, 2, same1)
	lists(bob, 0, others)

	twice, named := key, key
	twice.Name, named.ID = "another", "another"
	h.writeErr(latchkey.Exists, "InsertKept with an ID that is taken", func(tx store.Tx) error { return tx.InsertKept(twice) })
	h.writeErr(latchkey.Exists, "InsertKept with a name that is taken", func(tx store.Tx) error { return tx.InsertKept(named) })
	h.writeErr(latchkey.Exists, "RenameKept to a name that is taken", func(tx store.Tx) error { return tx.RenameKept(alice, 0, "k", "earlier") })
	h.writeErr(latchkey.NotFound, "RenameKept of none", func(tx store.Tx) error { return tx.RenameKept(alice, 1, "k", "x") })
	h.writeErr(latchkey.NotFound, "DeleteKept of none", func(tx store.Tx) error { return tx.DeleteKept(bob, 0, "z") })

	key.Name = "renamed"
	h.write(func(tx store.Tx) error { return tx.RenameKept(alice, 0, "k", "renamed") })
	h.write(func(tx store.Tx) error { return tx.DeleteKept(alice, 0, "z") })
	lists(alice, 0, key)
	h.write(func(tx store.Tx) error { return tx.DeleteAccount(alice) })
	lists(alice, 0)
	lists(alice, 2)
	lists(bob, 0, others)
}

func testSites(t *testing.T, h *house) {
	alice, bob := h.account("alice"), h.account("bob")
	site := store.Site{Host: "alice.example", Account: alice, Redirects: true, Chain: "chain", KeyID: "k", Sealed: []byte{0, 1}, Installed: epoch, Provider: "acme"}
	plain := store.Site{Host: "a.example", Account: alice}
	h.write(func(tx store.Tx) error {
		if err := tx.PutSite(site); err != nil {
			return err
		}
		if err := tx.PutSite(plain); err != nil {
			return err
		}
		return tx.PutKeyType(alice, "rsa-4096")
	})
	lists := func(account latchkey.AccountID, want ...store.Site) {
		t.Helper()
		h.read(func(r store.Reader) error {
			list, err := r.Sites(account)
			same(t, "Sites", list, err, want)
			return nil
		})
	}
	lists(alice, plain, site)
	lists(bob)
	site.Redirects, site.Chain, site.KeyID, site.Sealed, site.Installed, site.Provider = false, "other", "l", []byte{7}, epoch.Add(time.Hour), ""
	h.write(func(tx store.Tx) error { return tx.PutSite(site) })
	lists(alice, plain, site)
	h.write(func(tx store.Tx) error { return tx.RenameDomain("alice.example", "new.example") })
	site.Host = "new.example"
	lists(alice, plain, site)
	h.write(func(tx store.Tx) error { return tx.DeleteSite("a.example") })
	h.writeErr(latchkey.NotFound, "DeleteSite of none", func(tx store.Tx) error { return tx.DeleteSite("a.example") })
	lists(alice, site)
	h.read(func(r store.Reader) error {
		is, err := r.Site("new.example")
		same(t, "Site", is, err, site)
		_, err = r.Site("alice.example")
		absent(t, "Site by its old host", err)
		return nil
	})

	h.read(func(r store.Reader) error {
		kind, err := r.KeyType(alice)
		same(t, "KeyType", kind, err, "rsa-4096")
		_, err = r.KeyType(bob)
		absent(t, "KeyType of none", err)
		return nil
	})
	h.write(func(tx store.Tx) error { return tx.PutKeyType(alice, "system") })
	h.read(func(r store.Reader) error {
		kind, err := r.KeyType(alice)
		same(t, "KeyType", kind, err, "system")
		return nil
	})
	h.write(func(tx store.Tx) error { return tx.DeleteAccount(alice) })
	lists(alice)
	h.read(func(r store.Reader) error {
		_, err := r.KeyType(alice)
		absent(t, "KeyType of an account that is gone", err)
		return nil
	})
}
