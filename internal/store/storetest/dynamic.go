package storetest

import (
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

func testDynamicHosts(t *testing.T, h *house) {
	alice, bob := h.account("alice"), h.account("bob")
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	one := store.DynamicHost{Name: "home.a.example", Account: alice, Zone: "a.example", MAC: latchkey.TokenMAC{1}, Sealed: "s1", Description: "Wohnung ü", Created: at}
	two := store.DynamicHost{Name: "cabin.a.example", Account: alice, Zone: "a.example", MAC: latchkey.TokenMAC{2}, Sealed: "s2", Created: at}
	three := store.DynamicHost{Name: "home.b.example", Account: bob, Zone: "b.example", MAC: latchkey.TokenMAC{3}, Sealed: "s3", Created: at}
	h.write(func(tx store.Tx) error {
		for _, d := range []store.DynamicHost{one, two, three} {
			if err := tx.InsertDynamicHost(d); err != nil {
				return err
			}
		}
		return nil
	})
	again := one
	again.MAC = latchkey.TokenMAC{4}
	h.writeErr(latchkey.Exists, "InsertDynamicHost twice", func(tx store.Tx) error { return tx.InsertDynamicHost(again) })

	one.MAC, one.Sealed, one.Updated, one.Runs = latchkey.TokenMAC{9}, "s9", at.Add(time.Hour), []time.Time{at.Add(time.Hour), at}
	one.V4, one.V6 = "192.0.2.1", "2001:db8::1"
	h.write(func(tx store.Tx) error { return tx.UpdateDynamicHost(one) })
	h.read(func(r store.Reader) error {
		d, err := r.DynamicHost("home.a.example")
		same(t, "DynamicHost", d, err, one)
		d, err = r.DynamicHostByMAC(latchkey.TokenMAC{9})
		same(t, "DynamicHostByMAC", d, err, one)
		_, err = r.DynamicHostByMAC(latchkey.TokenMAC{1})
		absent(t, "DynamicHostByMAC of before", err)
		list, err := r.DynamicHosts(alice)
		same(t, "DynamicHosts", list, err, []store.DynamicHost{two, one})
		return nil
	})
	h.writeErr(latchkey.NotFound, "UpdateDynamicHost of none", func(tx store.Tx) error { return tx.UpdateDynamicHost(store.DynamicHost{Name: "no.example"}) })
	h.write(func(tx store.Tx) error { return tx.DeleteDynamicHost("cabin.a.example") })
	h.writeErr(latchkey.NotFound, "DeleteDynamicHost of none", func(tx store.Tx) error { return tx.DeleteDynamicHost("cabin.a.example") })
	h.write(func(tx store.Tx) error { return tx.DeleteAccount(bob) })
	h.read(func(r store.Reader) error {
		_, err := r.DynamicHost("home.b.example")
		absent(t, "DynamicHost of an account that is no more", err)
		list, err := r.DynamicHosts(alice)
		same(t, "DynamicHosts", list, err, []store.DynamicHost{one})
		return nil
	})
}

func testDKIMKeys(t *testing.T, h *house) {
	alice := h.account("alice")
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	k := store.DKIMKey{Domain: "a.example", Account: alice, Sealed: "one", Created: at}
	h.write(func(tx store.Tx) error { return tx.PutDKIMKey(k) })
	k.Sealed, k.Created = "two", at.Add(time.Hour)
	h.write(func(tx store.Tx) error { return tx.PutDKIMKey(k) })
	h.read(func(r store.Reader) error {
		is, err := r.DKIMKey("a.example")
		same(t, "DKIMKey", is, err, k)
		_, err = r.DKIMKey("b.example")
		absent(t, "DKIMKey of none", err)
		return nil
	})
	h.write(func(tx store.Tx) error { return tx.DeleteAccount(alice) })
	h.read(func(r store.Reader) error {
		_, err := r.DKIMKey("a.example")
		absent(t, "DKIMKey of an account that is no more", err)
		return nil
	})
}
