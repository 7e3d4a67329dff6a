package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// session is a session with something in every field; n makes it differ.
func session(account latchkey.AccountID, mailbox latchkey.MailboxName, n byte) latchkey.Session {
	x := latchkey.Session{
		Account: account, Mailbox: mailbox, Audience: latchkey.Audience(n % 3), Prefix: fmt.Sprintf("cpsess%010d", n), Created: epoch.Add(time.Duration(n) * time.Second),
		Used: epoch.Add(time.Minute), Ends: epoch.Add(time.Hour), HandOver: n%2 == 1, Page: "/page",
	}
	x.ID[0], x.Proof[1], x.Seal[2] = n, n, n
	if n%2 == 0 {
		x.Token[3] = n + 1
	}
	return x
}

func insertSessions(list ...latchkey.Session) func(store.Tx) error {
	return func(tx store.Tx) error {
		for _, x := range list {
			if err := tx.InsertSession(x); err != nil {
				return err
			}
		}
		return nil
	}
}

func testSessions(t *testing.T, h *house) {
	id, other := h.account("alice"), h.account("bob")
	a, b, box, theirs := session(id, "", 1), session(id, "", 2), session(id, "box@alice.example", 3), session(other, "", 4)
	h.write(insertSessions(b, a, box, theirs))
	h.writeErr(latchkey.Exists, "a session's number again", insertSessions(a))
	h.read(func(r store.Reader) error {
		got, err := r.Session(box.ID)
		same(t, "Session", got, err, box)
		_, err = r.Session(latchkey.SessionID{9})
		absent(t, "Session of nobody", err)
		list, err := r.Sessions(id, "")
		same(t, "Sessions", list, err, []latchkey.Session{a, b})
		list, err = r.Sessions(id, box.Mailbox)
		same(t, "Sessions of a mailbox", list, err, []latchkey.Session{box})
		return nil
	})
	h.write(func(tx store.Tx) error {
		for _, at := range []time.Time{epoch.Add(5 * time.Minute), epoch} { // the earlier changes nothing
			if err := tx.PutSessionUse(a.ID, at); err != nil {
				return err
			}
		}
		return tx.PutSessionUse(latchkey.SessionID{9}, epoch)
	})
	h.reopen()
	a.Used = epoch.Add(5 * time.Minute)
	h.read(func(r store.Reader) error {
		got, err := r.Session(a.ID)
		same(t, "Session after a use", got, err, a)
		return nil
	})
	h.write(func(tx store.Tx) error { return tx.DeleteSession(b.ID) })
	h.writeErr(latchkey.NotFound, "DeleteSession again", func(tx store.Tx) error { return tx.DeleteSession(b.ID) })
	h.write(func(tx store.Tx) error { return tx.DeleteOldSessions(epoch, epoch.Add(time.Minute)) }) // all but a are unused for long
	h.live("unused ones taken away", a, b, box, theirs, true, false, false, false)
	h.write(func(tx store.Tx) error { return tx.DeleteOldSessions(epoch.Add(time.Hour), epoch) })
	h.live("ended ones taken away", a, b, box, theirs, false, false, false, false)
}

// live checks which of four sessions there are.
func (h *house) live(what string, a, b, c, d latchkey.Session, want ...bool) {
	h.Helper()
	h.read(func(r store.Reader) error {
		for i, x := range []latchkey.Session{a, b, c, d} {
			if _, err := r.Session(x.ID); (err == nil) != want[i] {
				h.Errorf("%s: session %d: %v, want there: %v", what, i, err, want[i])
			}
		}
		return nil
	})
}

// A session ends, in the same transaction, with whatever it depends on.
func testSessionsEnd(t *testing.T, h *house) {
	for i, test := range []struct {
		what string
		do   func(tx store.Tx, a latchkey.Account, box store.Mailbox) error
		want [4]bool // the account's, its mailbox's, its other mailbox's, another account's
	}{
		{"a new name", func(tx store.Tx, a latchkey.Account, _ store.Mailbox) error {
			a.Name += "x"
			return tx.UpdateAccount(a)
		}, [4]bool{true, true, true, true}},
		{"another password", func(tx store.Tx, a latchkey.Account, _ store.Mailbox) error {
			a.PasswordHash = "{TEST}new"
			return tx.UpdateAccount(a)
		}, [4]bool{false, true, true, true}},
		{"suspension", func(tx store.Tx, a latchkey.Account, _ store.Mailbox) error {
			a.Suspended = true
			return tx.UpdateAccount(a)
		}, [4]bool{false, false, false, true}},
		{"removal", func(tx store.Tx, a latchkey.Account, _ store.Mailbox) error { return tx.DeleteAccount(a.ID) }, [4]bool{false, false, false, true}},
		{"the administrator's word", func(tx store.Tx, a latchkey.Account, _ store.Mailbox) error { return tx.DeleteSessions(a.ID) }, [4]bool{false, false, false, true}},
		{"the mailbox's quota", func(tx store.Tx, _ latchkey.Account, box store.Mailbox) error {
			box.Quota++
			return tx.UpdateMailbox(box)
		}, [4]bool{true, true, true, true}},
		{"the mailbox's password", func(tx store.Tx, _ latchkey.Account, box store.Mailbox) error {
			box.PasswordHash = "{TEST}new"
			return tx.UpdateMailbox(box)
		}, [4]bool{true, false, true, true}},
		{"the mailbox's suspension", func(tx store.Tx, _ latchkey.Account, box store.Mailbox) error {
			box.SuspendedLogin = true
			return tx.UpdateMailbox(box)
		}, [4]bool{true, false, true, true}},
		{"the mailbox's removal", func(tx store.Tx, _ latchkey.Account, box store.Mailbox) error {
			return tx.DeleteMailbox(box.Account, box.Domain, box.Local)
		}, [4]bool{true, false, true, true}},
	} {
		name := latchkey.AccountName(fmt.Sprintf("u%d", i))
		a := sample(name)
		a.Suspended = false
		var list []latchkey.Session
		box := store.Mailbox{Domain: a.Domain, Local: "box", PasswordHash: "{TEST}x"}
		h.write(func(tx store.Tx) (err error) {
			if a.ID, err = tx.InsertAccount(a, store.Ready); err != nil {
				return err
			}
			other, err := tx.InsertAccount(sample("other"+name), store.Ready)
			if err != nil {
				return err
			}
			box.Account = a.ID
			if err := tx.InsertMailbox(box, store.Ready); err != nil {
				return err
			}
			n := byte(i * 4)
			list = []latchkey.Session{session(a.ID, "", n), session(a.ID, latchkey.MailboxName(box.Address()), n+1),
				session(a.ID, latchkey.MailboxName("box2@"+a.Domain), n+2), session(other, "", n+3)}
			return insertSessions(list...)(tx)
		})
		h.write(func(tx store.Tx) error { return test.do(tx, a, box) })
		h.live(test.what, list[0], list[1], list[2], list[3], test.want[:]...)
	}
}

// A session that was made with a token ends with it, and when it is disabled.
func testSessionsOfTokens(t *testing.T, h *house) {
	for i, test := range []struct {
		what string
		do   func(tx store.Tx, k latchkey.Token) error
		want [4]bool // with the token, with another, with none, another account's with it
	}{
		{"another name", func(tx store.Tx, k latchkey.Token) error {
			name := k.Name
			k.Name = "new"
			return tx.UpdateToken(name, k)
		}, [4]bool{true, true, true, true}},
		{"disabling", func(tx store.Tx, k latchkey.Token) error {
			k.State = latchkey.TokenDisabled
			return tx.UpdateToken(k.Name, k)
		}, [4]bool{false, true, true, false}},
		{"taking away", func(tx store.Tx, k latchkey.Token) error { return tx.DeleteToken(k.Account, k.Audience, k.Name) }, [4]bool{false, true, true, false}},
		{"removal", func(tx store.Tx, k latchkey.Token) error { return tx.DeleteAccount(k.Account) }, [4]bool{false, false, false, false}},
	} {
		id, other := h.account(latchkey.AccountName(fmt.Sprintf("u%d", i))), h.account(latchkey.AccountName(fmt.Sprintf("o%d", i)))
		n := byte(i*4) + 1
		k, k2 := token(id, latchkey.ForHost, "k", n), token(id, latchkey.ForHost, "k2", n+1)
		k.State, k2.State = latchkey.TokenActive, latchkey.TokenActive
		h.write(insertTokens(k, k2))
		list := []latchkey.Session{session(id, "", n), session(id, "", n+1), session(id, "", n+2), session(other, "", n+3)}
		list[0].Token, list[1].Token, list[2].Token, list[3].Token = k.MAC, k2.MAC, latchkey.TokenMAC{}, k.MAC
		h.write(insertSessions(list...))
		h.write(func(tx store.Tx) error { return test.do(tx, k) })
		h.live(test.what, list[0], list[1], list[2], list[3], test.want[:]...)
	}
}

func testSettings(t *testing.T, h *house) {
	type setting struct{ A, B int }
	var got setting
	h.read(func(r store.Reader) error {
		absent(t, "Setting", r.Setting("x", &got))
		return nil
	})
	for _, want := range []setting{{1, 2}, {3, 4}} {
		h.write(func(tx store.Tx) error { return tx.PutSetting("x", want) })
		h.read(func(r store.Reader) error {
			err := r.Setting("x", &got)
			same(t, "Setting", got, err, want)
			return nil
		})
	}
}
