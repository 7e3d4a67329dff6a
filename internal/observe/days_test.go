package observe_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/observe"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/store/sqlite"
)

// refusing is a store that takes nothing for a while.
type refusing struct {
	store.Store
	off bool
}

func (r *refusing) Write(ctx context.Context, fn func(store.Tx) error) (store.Seq, error) {
	if r.off {
		return 0, errors.New("disk full")
	}
	return r.Store.Write(ctx, fn)
}

// TestDays: calls are counted by day, none is lost or counted twice when the store
// refuses, those of tokens that are gone are not kept, and old days go.
func TestDays(t *testing.T) {
	now := time.Date(2026, 11, 23, 23, 59, 59, 0, time.UTC)
	clock := func() time.Time { return now }
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"), sqlite.Options{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var acct latchkey.AccountID
	_, err = db.Write(t.Context(), func(tx store.Tx) (err error) {
		if acct, err = tx.InsertAccount(latchkey.Account{Name: "alice"}, store.Ready); err != nil {
			return err
		}
		return tx.InsertToken(latchkey.Token{ID: 7, Account: acct, Name: "a", MAC: latchkey.TokenMAC{1}})
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &refusing{Store: db}
	d := &observe.Days{Store: s, Now: clock, Log: slog.New(slog.DiscardHandler)}
	has := func(want ...latchkey.TokenDay) {
		t.Helper()
		var got []latchkey.TokenDay
		err := db.Read(t.Context(), func(r store.Reader) (err error) {
			got, err = r.TokenDays(acct, latchkey.ForAccount, 0)
			return err
		})
		if err != nil || len(got) != len(want) {
			t.Fatalf("%+v %v, want %+v", got, err, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%+v, want %+v", got[i], want[i])
			}
		}
	}
	today := latchkey.DayOf(now)
	d.Note(7, now, false)
	d.Note(7, now, true)
	d.Note(8, now, false) // there is none
	s.off = true
	if d.Flush(t.Context()) == nil {
		t.Error("the store took what it refuses")
	}
	d.Note(7, now.Add(time.Second), false)
	s.off = false
	for range 2 {
		if err := d.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	has(latchkey.TokenDay{Token: 7, Day: today, Calls: 2, Refused: 1}, latchkey.TokenDay{Token: 7, Day: today + 1, Calls: 1})
	now = now.Add((observe.KeepDays + 1) * latchkey.Day)
	if err := d.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	has(latchkey.TokenDay{Token: 7, Day: today + 1, Calls: 1})
	if _, err := db.Write(t.Context(), func(tx store.Tx) error { return tx.DeleteToken(acct, latchkey.ForAccount, "a") }); err != nil {
		t.Fatal(err)
	}
	has()
}
