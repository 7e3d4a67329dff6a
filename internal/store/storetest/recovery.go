package storetest

import (
	"testing"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// Recovery codes are good once, and go with the second factor and the account that
// they are of.
func testRecoveryCodes(t *testing.T, h *house) {
	alice, bob := h.account("alice"), h.account("bob")
	one, two, three := latchkey.RecoveryMAC{1}, latchkey.RecoveryMAC{2}, latchkey.RecoveryMAC{3}
	put := func(id latchkey.AccountID, macs ...latchkey.RecoveryMAC) {
		h.write(func(tx store.Tx) error { return tx.PutRecoveryCodes(id, macs) })
	}
	left := func(what string, ofAlice, ofBob int) {
		t.Helper()
		h.read(func(r store.Reader) error {
			for id, want := range map[latchkey.AccountID]int{alice: ofAlice, bob: ofBob} {
				got, err := r.RecoveryCodes(id)
				same(t, "RecoveryCodes "+what, got, err, want)
			}
			return nil
		})
	}
	put(alice, one, two)
	put(bob, one)
	h.reopen()
	left("as put", 2, 1)
	h.writeErr(latchkey.NotFound, "a code of nobody", func(tx store.Tx) error { return tx.DeleteRecoveryCode(alice, three) })
	h.write(func(tx store.Tx) error { return tx.DeleteRecoveryCode(alice, one) })
	h.writeErr(latchkey.NotFound, "a code again", func(tx store.Tx) error { return tx.DeleteRecoveryCode(alice, one) })
	left("with one used", 1, 1)
	put(alice, one, two, three)
	left("made anew", 3, 1)
	change := func(change func(*latchkey.Account)) {
		h.write(func(tx store.Tx) error {
			a, err := tx.AccountByID(alice)
			if err == nil {
				change(&a)
				err = tx.UpdateAccount(a)
			}
			return err
		})
	}
	change(func(a *latchkey.Account) { a.ContactEmail = "alice@elsewhere.example" })
	left("of a changed account", 3, 1)
	change(func(a *latchkey.Account) { a.SecondFactor = "another" })
	left("of another second factor", 0, 1)
	h.write(func(tx store.Tx) error { return tx.DeleteAccount(bob) })
	left("of an account that is gone", 0, 0)
}
