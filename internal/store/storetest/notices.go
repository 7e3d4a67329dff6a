package storetest

import (
	"net/netip"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

func testSources(t *testing.T, h *house) {
	a := store.Source{Key: 1<<32 | 5, Level: 2.5, At: epoch.Truncate(time.Second), Count: 3, Known: true}
	b := store.Source{Key: 1<<63 | 7, Level: 5, At: a.At, Until: a.At.Add(time.Hour), Count: 40, Excess: true}
	gone := store.Source{Key: 9, Level: 1, At: a.At.Add(-time.Hour)}
	h.write(func(tx store.Tx) error {
		for _, x := range []store.Source{{Key: a.Key, Level: 1}, a, b, gone, {Key: 10}} {
			if err := tx.PutSource(x); err != nil {
				return err
			}
		}
		for _, key := range []uint64{10, 11} {
			if err := tx.DeleteSource(key); err != nil {
				return err
			}
		}
		return nil
	})
	h.reopen()
	kept := func(what string, want ...store.Source) {
		t.Helper()
		h.read(func(r store.Reader) error {
			list, err := r.Sources()
			same(t, what, list, err, want)
			return nil
		})
	}
	kept("Sources", b, gone, a) // by their keys, read with a sign
	h.write(func(tx store.Tx) error { return tx.DeleteOldSources(a.At, a.At.Add(-time.Minute), 10) })
	kept("Sources that count", b, a)
	h.write(func(tx store.Tx) error { return tx.DeleteOldSources(a.At, a.At.Add(-time.Minute), 1) })
	kept("Sources, one of them", b)
}

func testNotices(t *testing.T, h *house) {
	id, other := h.account("alice"), h.account("bob")
	list := []store.Notice{
		{Account: id, At: epoch, Due: epoch.Add(time.Minute), Address: "a@b.example", Body: []byte(`{"a":1}`)},
		{Account: id, At: epoch.Add(time.Second), Due: epoch, Tries: 2, Address: "c@d.example", Body: []byte(`{}`)},
		{Account: other, At: epoch, Due: epoch.Add(time.Hour), Address: "e", Body: []byte(`{}`)},
	}
	h.write(func(tx store.Tx) (err error) {
		for i := range list {
			if list[i].ID, err = tx.InsertNotice(list[i]); err != nil {
				return err
			}
		}
		return nil
	})
	h.reopen()
	due := func(what string, at time.Time, limit int, want ...store.Notice) {
		t.Helper()
		h.read(func(r store.Reader) error {
			got, err := r.DueNotices(at, limit)
			same(t, what, got, err, want)
			return nil
		})
	}
	due("DueNotices", epoch.Add(time.Minute), 10, list[1], list[0])
	due("one of them", epoch.Add(time.Minute), 1, list[1])
	due("none before they are due", epoch.Add(-time.Second), 10)
	h.write(func(tx store.Tx) error { return tx.PutNotice(list[1].ID, epoch.Add(2*time.Minute), 3) })
	h.writeErr(latchkey.NotFound, "PutNotice of none", func(tx store.Tx) error { return tx.PutNotice(99, epoch, 1) })
	list[1].Due, list[1].Tries = epoch.Add(2*time.Minute), 3
	due("put off", epoch.Add(3*time.Minute), 10, list[0], list[1])
	h.write(func(tx store.Tx) error { return tx.PutNotice(list[0].ID, time.Time{}, 0) })
	due("without what is done", epoch.Add(3*time.Minute), 10, list[1])
	count := func(what string, account latchkey.AccountID, from time.Time, want int) {
		t.Helper()
		h.read(func(r store.Reader) error {
			n, err := r.NoticesSince(account, from)
			same(t, what, n, err, want)
			return nil
		})
	}
	count("NoticesSince, done or not", id, epoch, 2)
	count("from later on", id, epoch.Add(time.Second), 1)
	h.write(func(tx store.Tx) error { return tx.DeleteOldNotices(epoch.Add(time.Minute)) })
	count("after those done with are taken away", id, epoch, 1)
	off := func(what string, want ...string) {
		t.Helper()
		h.read(func(r store.Reader) error {
			kinds, err := r.NoticesOff(id)
			if len(kinds) == 0 {
				kinds = nil
			}
			same(t, what, kinds, err, want)
			return nil
		})
	}
	off("NoticesOff")
	for _, kinds := range [][]string{{"created"}, {"ends", "network"}, nil} {
		h.write(func(tx store.Tx) error { return tx.PutNoticesOff(id, kinds) })
		off("NoticesOff", kinds...)
	}
	h.write(func(tx store.Tx) error {
		if err := tx.PutNoticesOff(id, []string{"created"}); err != nil {
			return err
		}
		return tx.DeleteAccount(id)
	})
	due("without those of an account that is gone", epoch.Add(24*time.Hour), 10, list[2])
	off("NoticesOff of nobody")
}

func testNetworks(t *testing.T, h *house) {
	id := h.account("alice")
	k := token(id, latchkey.ForAccount, "k", 1)
	h.write(insertTokens(k))
	add := func(network string, after time.Duration, want bool) {
		t.Helper()
		h.write(func(tx store.Tx) error {
			got, err := tx.AddNetwork(k.ID, netip.MustParsePrefix(network), epoch.Add(after), 3)
			same(t, "AddNetwork of "+network, got, err, want)
			return nil
		})
	}
	add("192.0.2.0/24", 0, true)
	add("2001:db8:1::/48", time.Second, true)
	add("192.0.2.0/24", time.Hour, false)
	add("198.51.100.0/24", 2*time.Second, true)
	add("203.0.113.0/24", 3*time.Second, true) // the first is forgotten
	add("2001:db8:1::/48", 4*time.Second, false)
	add("192.0.2.0/24", 5*time.Second, true)
	since := func(at time.Duration, want int) {
		t.Helper()
		h.read(func(r store.Reader) error {
			n, err := r.NetworksSince(k.ID, epoch.Add(at))
			same(t, "NetworksSince", n, err, want)
			return nil
		})
	}
	since(0, 3)
	since(3*time.Second, 2)
	h.write(func(tx store.Tx) error { return tx.DeleteToken(id, k.Audience, k.Name) })
	since(0, 0)
}

func testTokensOnTerms(t *testing.T, h *house) {
	id := h.account("alice")
	var want []latchkey.Token
	for n := range byte(6) {
		k := token(id, latchkey.ForAccount, string('a'+rune(n)), n)
		k.Terms = latchkey.Terms{}
		switch n {
		case 1, 4:
			k.MaxUses = 3
		case 2:
			k.UnusedDays = 3
		}
		h.write(insertTokens(k))
		if k.Terms != (latchkey.Terms{}) {
			want = append(want, k)
		}
	}
	h.read(func(r store.Reader) error {
		list, err := r.TokensOnTerms(0, 10)
		same(t, "TokensOnTerms", list, err, want)
		list, err = r.TokensOnTerms(want[0].ID, 1)
		same(t, "TokensOnTerms after one", list, err, want[1:2])
		n, err := r.TokenCount(id, latchkey.ForAccount)
		same(t, "TokenCount", n, err, 6)
		n, err = r.TokenCount(id, latchkey.ForHost)
		same(t, "TokenCount for another door", n, err, 0)
		_, err = r.Told(want[0].ID)
		absent(t, "Told", err)
		return nil
	})
	for _, what := range []string{"unused", "used up"} {
		h.write(func(tx store.Tx) error { return tx.PutTold(want[0].ID, what) })
		h.read(func(r store.Reader) error {
			got, err := r.Told(want[0].ID)
			same(t, "Told", got, err, what)
			return nil
		})
	}
	h.write(func(tx store.Tx) error { return tx.DeleteToken(id, latchkey.ForAccount, want[0].Name) })
	h.read(func(r store.Reader) error {
		_, err := r.Told(want[0].ID)
		absent(t, "Told of a token that is gone", err)
		return nil
	})
}

func testTokensEnding(t *testing.T, h *house) {
	id := h.account("alice")
	var want []latchkey.Token
	for n := range byte(6) {
		k := token(id, latchkey.ForAccount, string('a'+rune(n)), n)
		k.Expires = epoch.Add(time.Duration(n/2) * time.Hour)
		if n == 5 {
			k.Expires = time.Time{}
		}
		h.write(insertTokens(k))
		want = append(want, k)
	}
	ending := func(what string, after time.Time, id latchkey.TokenID, until time.Time, limit int, want ...latchkey.Token) {
		t.Helper()
		h.read(func(r store.Reader) error {
			list, err := r.TokensEnding(after, id, until, limit)
			same(t, what, list, err, want)
			return nil
		})
	}
	ending("all", epoch.Add(-time.Hour), 0, epoch.Add(9*time.Hour), 10, want[:5]...)
	ending("after one", epoch, want[0].ID, epoch.Add(9*time.Hour), 10, want[1:5]...)
	ending("until then", epoch, want[0].ID, epoch.Add(time.Hour), 10, want[1:4]...)
	ending("some", epoch, want[0].ID, epoch.Add(time.Hour), 2, want[1:3]...)
	ending("none", epoch.Add(3*time.Hour), 0, epoch.Add(9*time.Hour), 2)
}
