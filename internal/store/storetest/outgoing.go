package storetest

import (
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

func testOutgoing(t *testing.T, h *house) {
	alice, bob := h.account("alice"), h.account("bob")
	at := store.MailPlace{Account: alice, Domain: "a.example", Local: "info"}
	other := store.MailPlace{Account: bob, Domain: "b.example", Local: "info"}
	one := store.Outgoing{MailPlace: at, From: "f@x.example", To: "t@y.example", Body: "B1", Bytes: 7, At: epoch, Due: epoch.Add(time.Minute), Tries: 2}
	two := store.Outgoing{MailPlace: at, To: "u@y.example", Body: "B1", Bytes: 7, Own: true, At: epoch, Due: epoch}
	held := store.Outgoing{MailPlace: at, To: "t@y.example", Body: "B2", Bytes: 5, At: epoch, Due: epoch, Held: true}
	bobs := store.Outgoing{MailPlace: other, To: "t@y.example", Body: "B3", Bytes: 1, At: epoch, Due: epoch.Add(time.Second)}
	h.write(func(tx store.Tx) error {
		if err := tx.InsertMailbox(store.Mailbox{Account: alice, Domain: at.Domain, Local: at.Local}, store.Ready); err != nil {
			return err
		}
		for _, o := range []store.Outgoing{one, two, held, bobs} {
			if err := tx.InsertOutgoing(o); err != nil {
				return err
			}
		}
		return nil
	})
	h.reopen()
	suspend := func(on bool, accounts ...latchkey.AccountID) {
		h.write(func(tx store.Tx) error {
			for _, id := range accounts {
				a, err := tx.AccountByID(id)
				if err != nil {
					return err
				}
				a.Suspended = on
				if err := tx.UpdateAccount(a); err != nil {
					return err
				}
			}
			return nil
		})
	}
	suspend(false, alice, bob)
	one.ID, two.ID, held.ID, bobs.ID = 1, 2, 3, 4
	due := func(what string, when time.Time, limit int, want ...store.Outgoing) {
		t.Helper()
		h.read(func(r store.Reader) error {
			list, err := r.DueOutgoing(when, 0, 9, limit)
			same(t, what, list, err, want)
			return nil
		})
	}
	count := func(what string, want [5]int64) {
		t.Helper()
		h.read(func(r store.Reader) error {
			n, bytes, err := r.OutgoingSize(alice)
			if err != nil {
				return err
			}
			place, err := r.HeldCount(at)
			if err != nil {
				return err
			}
			whole, err := r.HeldCount(store.MailPlace{Account: alice})
			if err != nil {
				return err
			}
			none, err := r.HeldCount(other)
			same(t, what, [5]int64{n, bytes, place, whole, none}, err, want)
			return nil
		})
	}
	due("DueOutgoing", epoch.Add(time.Second), 9, two, bobs)
	due("DueOutgoing, all", epoch.Add(time.Hour), 9, two, one, bobs)
	due("DueOutgoing, one", epoch.Add(time.Hour), 1, two)
	h.read(func(r store.Reader) error {
		list, err := r.DueOutgoing(epoch.Add(time.Hour), 0, 1, 9)
		same(t, "DueOutgoing, one each", list, err, []store.Outgoing{two, bobs})
		list, err = r.DueOutgoing(epoch.Add(time.Hour), alice, 9, 9)
		same(t, "DueOutgoing, the next", list, err, []store.Outgoing{bobs})
		list, err = r.DueOutgoing(epoch.Add(time.Hour), bob, 9, 9)
		same(t, "DueOutgoing, none after", list, err, []store.Outgoing(nil))
		return nil
	})
	leaves := func(what string, want ...bool) {
		t.Helper()
		var is []bool
		h.read(func(r store.Reader) error {
			for _, id := range []int64{one.ID, held.ID, bobs.ID, 99} {
				may, err := r.MayLeave(id)
				if err != nil {
					return err
				}
				is = append(is, may)
			}
			return nil
		})
		same(t, "MayLeave "+what, is, nil, want)
	}
	leaves("at first", true, false, true, false)
	mute := func(on bool) {
		h.write(func(tx store.Tx) error {
			return tx.UpdateMailbox(store.Mailbox{Account: alice, Domain: at.Domain, Local: at.Local, SuspendedOutgoing: on})
		})
	}
	mute(true)
	leaves("with outgoing mail suspended", false, false, true, false)
	due("of a suspended mailbox", epoch.Add(time.Hour), 9, bobs)
	mute(false)
	suspend(true, alice)
	leaves("suspended", false, false, true, false)
	due("of a suspended account", epoch.Add(time.Hour), 9, bobs)
	suspend(false, alice)
	count("at first", [5]int64{3, 19, 1, 1, 0})
	h.read(func(r store.Reader) error {
		list, err := r.OutgoingBodies()
		same(t, "OutgoingBodies", list, err, []string{"B1", "B2", "B3"})
		has, err := r.OutgoingHas("B2")
		same(t, "OutgoingHas", has, err, true)
		has, err = r.OutgoingHas("B4")
		same(t, "OutgoingHas of none", has, err, false)
		return nil
	})
	one.Due, one.Tries = epoch.Add(2*time.Second), 3
	h.write(func(tx store.Tx) error {
		if err := tx.PutOutgoing(one.ID, one.Due, one.Tries); err != nil {
			return err
		}
		if err := tx.DeleteOutgoing(two.ID); err != nil {
			return err
		}
		return tx.DeleteOutgoing(99)
	})
	due("after PutOutgoing", epoch.Add(time.Hour), 9, one, bobs)
	h.write(func(tx store.Tx) error { return tx.HoldOutgoing(at, true, epoch) })
	due("with all held", epoch.Add(time.Hour), 9, bobs)
	count("with all held", [5]int64{2, 12, 2, 2, 0})
	later := epoch.Add(24 * time.Hour)
	h.write(func(tx store.Tx) error { return tx.HoldOutgoing(at, false, later) })
	held.Held, held.At, one.At = false, later, later
	due("let go", epoch.Add(time.Hour), 9, held, one, bobs)
	h.write(func(tx store.Tx) error { return tx.HoldOutgoing(at, true, epoch) })
	var n int64
	h.write(func(tx store.Tx) (err error) {
		n, err = tx.DeleteHeld(at)
		return err
	})
	same(t, "DeleteHeld", n, nil, 2)
	count("after DeleteHeld", [5]int64{})
	one.ID, held.ID, held.Held = 0, 0, true
	h.write(func(tx store.Tx) error {
		if err := tx.InsertOutgoing(one); err != nil {
			return err
		}
		if err := tx.InsertOutgoing(held); err != nil {
			return err
		}
		return tx.DeleteMailbox(alice, at.Domain, at.Local)
	})
	count("after DeleteMailbox", [5]int64{1, 7, 0, 0, 0})
	h.write(func(tx store.Tx) error { return tx.DeleteAccount(alice) })
	count("after DeleteAccount", [5]int64{})
}
