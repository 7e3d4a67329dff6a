package crash

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// stopsAfter is a context that ends when it has been asked n times.
type stopsAfter struct {
	context.Context
	n int
}

func (c *stopsAfter) Err() error {
	if c.n--; c.n < 0 {
		return context.Canceled
	}
	return nil
}

// undertaking is one kind of change with effects outside the store.
type undertaking struct {
	kind string
	body string // of the intent, with %d for the account's number
	// before is what must be there already, besides what every rig has.
	before func(r *rig) error
	// begin is what the first transaction reserves. It returns the account.
	begin func(tx store.Tx, demo latchkey.AccountID) (latchkey.AccountID, error)
	// effects are what follows, to be stopped by the context at any step.
	effects func(ctx context.Context, r *rig) error
	// halves are states between two steps that no context can stop in.
	halves []func(r *rig) error
	want   []string
}

var undertakings = []undertaking{
	{
		kind: "mailbox-create", body: `{"account":%d,"name":"demo","domain":"example.com","local":"new"}`,
		begin: func(tx store.Tx, demo latchkey.AccountID) (latchkey.AccountID, error) {
			return demo, tx.InsertMailbox(store.Mailbox{Account: demo, Domain: "example.com", Local: "new"}, store.Creating)
		},
		effects: func(ctx context.Context, r *rig) error { return r.mail.Create(ctx, "demo", "example.com", "new") },
		halves: []func(*rig) error{
			func(r *rig) error { return os.MkdirAll(r.path("demo", "mail", "example.com", "new"), 0o700) },
			func(r *rig) error { return os.MkdirAll(r.path("demo", "mail", "example.com", "new", "cur"), 0o700) },
		},
		want: []string{"account demo", "mailbox old@example.com of demo", "mailbox new@example.com of demo"},
	},
	{
		kind: "mailbox-remove", body: `{"account":%d,"name":"demo","domain":"example.com","local":"old"}`,
		begin: func(tx store.Tx, demo latchkey.AccountID) (latchkey.AccountID, error) {
			return demo, tx.StageMailbox(demo, "example.com", "old", store.Removing)
		},
		effects: func(ctx context.Context, r *rig) error { return r.mail.Remove(ctx, "demo", "example.com", "old") },
		want:    []string{"account demo"},
	},
	{
		kind: "account-create", body: `{"account":%d,"name":"fresh","domain":"fresh.example"}`,
		begin: func(tx store.Tx, _ latchkey.AccountID) (latchkey.AccountID, error) {
			id, err := tx.InsertAccount(latchkey.Account{Name: "fresh", Domain: "fresh.example", Limits: latchkey.NoLimits()}, store.Creating)
			if err != nil {
				return id, err
			}
			return id, tx.InsertDomain(id, latchkey.OwnedDomain{Name: "fresh.example", Kind: latchkey.MainDomain})
		},
		effects: func(ctx context.Context, r *rig) error { return r.homes.Create(ctx, "fresh") },
		halves: []func(*rig) error{
			func(r *rig) error { return os.MkdirAll(r.path(".new-fresh-"+strings.Repeat("A", 26), "mail"), 0o700) },
		},
		want: []string{"account demo", "mailbox old@example.com of demo", "account fresh"},
	},
	{
		kind: "account-remove", body: `{"account":%d,"name":"demo"}`,
		begin: func(tx store.Tx, demo latchkey.AccountID) (latchkey.AccountID, error) {
			return demo, tx.StageAccount(demo, store.Removing)
		},
		effects: func(ctx context.Context, r *rig) error { return r.homes.Remove(ctx, "demo") },
		halves: []func(*rig) error{
			func(r *rig) error { return os.Rename(r.path("demo"), r.path(".removed-demo-"+strings.Repeat("A", 26))) },
		},
	},
	{
		kind: "account-rename", body: `{"account":%d,"name":"demo","new_name":"moved"}`,
		begin:   func(_ store.Tx, demo latchkey.AccountID) (latchkey.AccountID, error) { return demo, nil },
		effects: func(ctx context.Context, r *rig) error { return r.homes.Rename(ctx, "demo", "moved") },
		want:    []string{"account moved", "mailbox old@example.com of moved"},
	},
	{
		kind: "zone-remove", body: `{"account":%d,"domain":"added.example"}`,
		before: func(r *rig) error {
			return r.host().Zones().Add(r.t.Context(), "added.example", "", "demo", "")
		},
		begin: func(tx store.Tx, demo latchkey.AccountID) (latchkey.AccountID, error) {
			return demo, tx.DeleteZone("added.example")
		},
		effects: func(ctx context.Context, r *rig) error { return r.dns.Withdraw(ctx, "added.example") },
		want:    []string{"account demo", "mailbox old@example.com of demo"},
	},
}

// write writes down the intent, as the first of the three steps.
func (u *undertaking) write(r *rig) {
	r.t.Helper()
	if u.before != nil {
		r.must(u.before(r))
	}
	demo := r.id("demo")
	_, err := r.db.Write(r.t.Context(), func(tx store.Tx) error {
		id, err := u.begin(tx, demo)
		if err != nil {
			return err
		}
		_, err = tx.InsertIntent(store.Intent{At: time.Now(), Account: id, Kind: u.kind, Body: fmt.Appendf(nil, u.body, id)})
		return err
	})
	r.must(err)
}

// TestIntents stops every kind of change at every step and holds the next
// start to finish it.
func TestIntents(t *testing.T) {
	for _, u := range undertakings {
		t.Run(u.kind, func(t *testing.T) {
			for n, done := 0, false; !done; n++ {
				r := newRig(t)
				u.write(r)
				done = u.effects(&stopsAfter{t.Context(), n}, r) == nil
				u.recovered(r, fmt.Sprintf("stopped at step %d", n))
			}
			for n, half := range u.halves {
				r := newRig(t)
				u.write(r)
				r.must(half(r))
				u.recovered(r, fmt.Sprintf("half-way state %d", n))
			}
		})
	}
}

// recovered starts anew, twice: the second time there is nothing to do.
func (u *undertaking) recovered(r *rig, when string) {
	r.t.Helper()
	r = r.restart()
	r.want(when, u.want...)
	if n, err := r.estate.Recover(r.t.Context()); n != 0 || err != nil {
		r.t.Errorf("%s: a second Recover = %d, %v, want nothing to do", when, n, err)
	}
	r.restart().want(when+", and once more", u.want...)
}

// TestEveryKind holds the table above to the kinds that there are.
func TestEveryKind(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "internal", "estate", "intent.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, plans, _ := strings.Cut(string(text), "var plans = ")
	plans, _, _ = strings.Cut(plans, "\n}")
	kinds := regexp.MustCompile(`"[a-z-]+"`).FindAllString(plans, -1)
	if len(kinds) == 0 {
		t.Fatal("no kinds of changes were found in estate/intent.go")
	}
	for _, kind := range kinds {
		if !slices.ContainsFunc(undertakings, func(u undertaking) bool { return `"`+u.kind+`"` == kind }) {
			t.Errorf("no test stops a change of kind %s: give it a row in undertakings", kind)
		}
	}
}
