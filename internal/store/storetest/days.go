package storetest

import (
	"testing"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

func testTokenDays(t *testing.T, h *house) {
	alice, bob := h.account("alice"), h.account("bob")
	mine, theirs, host := token(alice, latchkey.ForAccount, "a", 1), token(bob, latchkey.ForAccount, "a", 2), token(alice, latchkey.ForHost, "a", 3)
	h.write(insertTokens(mine, theirs, host))
	add := func(days ...latchkey.TokenDay) {
		h.write(func(tx store.Tx) error {
			for _, d := range days {
				if err := tx.AddTokenDay(d); err != nil {
					return err
				}
			}
			return nil
		})
	}
	seen := func(what string, account latchkey.AccountID, since latchkey.DayNumber, want ...latchkey.TokenDay) {
		t.Helper()
		h.read(func(r store.Reader) error {
			got, err := r.TokenDays(account, latchkey.ForAccount, since)
			same(t, "TokenDays "+what, got, err, want)
			var ids []latchkey.TokenID
			for _, d := range want {
				ids = append(ids, d.Token)
			}
			got, err = r.DaysOf(ids, since)
			same(t, "DaysOf "+what, got, err, want)
			return nil
		})
	}
	add(latchkey.TokenDay{Token: mine.ID, Day: 20, Calls: 2, Refused: 1}, latchkey.TokenDay{Token: mine.ID, Day: 21, Calls: 1},
		latchkey.TokenDay{Token: theirs.ID, Day: 20, Calls: 9}, latchkey.TokenDay{Token: host.ID, Day: 20, Calls: 8}, latchkey.TokenDay{Token: 99, Day: 20, Calls: 7})
	add(latchkey.TokenDay{Token: mine.ID, Day: 20, Calls: 3, Refused: 1})
	h.reopen()
	seen("of mine", alice, 20, latchkey.TokenDay{Token: mine.ID, Day: 20, Calls: 5, Refused: 2}, latchkey.TokenDay{Token: mine.ID, Day: 21, Calls: 1})
	seen("of later days", alice, 21, latchkey.TokenDay{Token: mine.ID, Day: 21, Calls: 1})
	h.write(func(tx store.Tx) error { return tx.DeleteTokenDays(21) })
	seen("after DeleteTokenDays", alice, 0, latchkey.TokenDay{Token: mine.ID, Day: 21, Calls: 1})
	seen("of another's after that", bob, 0)
	add(latchkey.TokenDay{Token: theirs.ID, Day: 21, Calls: 1})
	h.write(func(tx store.Tx) error { return tx.DeleteToken(alice, latchkey.ForAccount, "a") })
	h.write(func(tx store.Tx) error { return tx.DeleteAccount(bob) })
	h.write(insertTokens(mine))
	seen("of a token that is gone", alice, 0)
}
