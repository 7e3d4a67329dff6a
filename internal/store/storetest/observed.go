package storetest

import (
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

func testObserved(t *testing.T, h *house) {
	alice, bob := h.account("alice"), h.account("bob")
	mine, theirs := token(alice, latchkey.ForAccount, "a", 1), token(bob, latchkey.ForAccount, "a", 2)
	h.write(insertTokens(mine, theirs))
	edit := latchkey.Called{Module: "DNS", Name: "edit", Write: true}
	first, second := epoch.Add(time.Minute), epoch.Add(time.Hour)
	list := []latchkey.Observed{
		{Called: edit, On: latchkey.Resource{Kind: latchkey.RecordKind, Zone: "a.example", Name: "@", Type: "A"}, Count: 2, First: first, Last: first},
		{Called: edit, On: latchkey.Resource{Kind: "zone", Name: "a.example"}, Count: 1, First: first, Last: first},
		{Called: edit, On: latchkey.Resource{Kind: "zone", Name: "a.example"}, Listed: true, Count: 3, First: first, Last: second},
		{Called: latchkey.Called{Module: "Quota", Name: "read"}, Count: 1, First: first, Last: first},
	}
	h.write(func(tx store.Tx) error {
		if err := tx.AddObserved(theirs.ID, list[:1]); err != nil {
			return err
		}
		return tx.AddObserved(mine.ID, list)
	})
	later := list[1]
	later.Count, later.First, later.Last = 5, second, second
	h.write(func(tx store.Tx) error { return tx.AddObserved(mine.ID, []latchkey.Observed{later}) })
	list[1].Count, list[1].Last = 6, second
	seen := func(what string, id latchkey.TokenID, want []latchkey.Observed) {
		t.Helper()
		h.read(func(r store.Reader) error {
			got, err := r.Observed(id)
			same(t, "Observed "+what, got, err, want)
			return nil
		})
	}
	h.reopen()
	seen("of mine", mine.ID, list)
	h.write(func(tx store.Tx) error { return tx.DeleteObserved(mine.ID) })
	seen("of mine after DeleteObserved", mine.ID, nil)
	seen("of another's", theirs.ID, list[:1])

	h.write(func(tx store.Tx) error { return tx.AddObserved(mine.ID, list) })
	h.write(func(tx store.Tx) error { return tx.DeleteToken(alice, latchkey.ForAccount, "a") })
	seen("of a token that is gone", mine.ID, nil)
	h.write(func(tx store.Tx) error { return tx.DeleteAccount(bob) })
	seen("of an account that is gone", theirs.ID, nil)
}
