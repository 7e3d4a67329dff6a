package storetest

import (
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/store"
)

func testAutoSSL(t *testing.T, h *house) {
	alice, bob := h.account("alice"), h.account("bob")
	one := store.AutoSSL{Host: "a.example", Account: alice, Problem: "no, ü", At: epoch, Tries: 2, Due: epoch.Add(time.Hour)}
	two := store.AutoSSL{Host: "b.example", Account: alice, Excluded: true}
	other := store.AutoSSL{Host: "c.example", Account: bob, At: epoch}
	h.write(func(tx store.Tx) error {
		for _, a := range []store.AutoSSL{two, {Host: "a.example", Account: bob, Excluded: true}, one, other, {Host: "d.example", Account: alice}} {
			if err := tx.PutAutoSSL(a); err != nil {
				return err
			}
		}
		return nil
	})
	h.write(func(tx store.Tx) error { return tx.DeleteAutoSSL("d.example") })
	h.write(func(tx store.Tx) error { return tx.DeleteAutoSSL("none.example") })
	h.reopen()
	h.read(func(r store.Reader) error {
		list, err := r.AutoSSL(alice)
		same(t, "AutoSSL", list, err, []store.AutoSSL{one, two})
		return nil
	})
	h.write(func(tx store.Tx) error { return tx.DeleteAccount(alice) })
	h.read(func(r store.Reader) error {
		list, err := r.AutoSSL(alice)
		same(t, "AutoSSL of an account that is no more", len(list), err, 0)
		list, err = r.AutoSSL(bob)
		same(t, "AutoSSL of another", list, err, []store.AutoSSL{other})
		return nil
	})
}
