package crash

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// TestNewNameHasHome renames an account to where a home stands already, of an
// account that somebody removed by hand, say. The refusal changes nothing.
func TestNewNameHasHome(t *testing.T) {
	r := newRig(t)
	r.must(os.Mkdir(r.path("moved"), 0o711))
	if err := r.host().RenameAccount(t.Context(), "demo", "moved"); latchkey.KindOf(err) != latchkey.Exists {
		t.Errorf("RenameAccount to where a home stands = %v, want kind exists", err)
	}
	r.must(os.Remove(r.path("moved")))
	r.want("refused", "account demo", "mailbox old@example.com of demo")
	r.restart().want("refused, after a start", "account demo", "mailbox old@example.com of demo")
}

// TestNamePromised holds that nobody gets the name, and so the home, that a
// rename under way has promised to another.
func TestNamePromised(t *testing.T) {
	r := newRig(t)
	i := slices.IndexFunc(undertakings, func(u undertaking) bool { return u.kind == "account-rename" })
	undertakings[i].write(r)
	r.must(os.Rename(r.path("demo"), r.path("moved")))
	_, err := r.host().CreateAccount(t.Context(), hosting.NewAccount{Name: "moved", Domain: "thief.example"})
	if latchkey.KindOf(err) != latchkey.Exists {
		t.Errorf("CreateAccount with the new name of a rename under way = %v, want kind exists", err)
	}
	// Nor can the account be taken away from under its home.
	if err := r.host().RemoveAccount(t.Context(), "demo"); latchkey.KindOf(err) != latchkey.Unavailable {
		t.Errorf("RemoveAccount during a rename = %v, want kind unavailable", err)
	}
	if err := r.host().RenameAccount(t.Context(), "demo", "third"); latchkey.KindOf(err) != latchkey.Unavailable {
		t.Errorf("RenameAccount during a rename = %v, want kind unavailable", err)
	}
	r.restart().want("after a start", undertakings[i].want...)
}

// TestRenamedMeanwhile leaves a mailbox half removed, renames the account and
// finishes: in the home as it is called now.
func TestRenamedMeanwhile(t *testing.T) {
	r := newRig(t)
	lift := aFile("demo", "mail", "example.com")(r)
	if err := r.box("demo").Remove(t.Context(), hosting.Address{Local: "old", Domain: "example.com"}); err == nil {
		t.Fatal("Remove past an obstacle succeeded")
	}
	r.must(lift())
	r.must(r.host().RenameAccount(t.Context(), "demo", "moved"))
	r.eventually("after the rename", "account moved")
}

// TestRenameRace renames an account again and again while its mailboxes come
// and go: no call may take the old name for the new one.
func TestRenameRace(t *testing.T) {
	r := newRig(t)
	id := r.id("demo")
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				if n%2 == 1 {
					r.must(r.host().RenameAccount(t.Context(), "moved", "demo"))
				}
				return
			default:
			}
			from, to := latchkey.AccountName("demo"), latchkey.AccountName("moved")
			if n%2 == 1 {
				from, to = to, from
			}
			if err := r.host().RenameAccount(t.Context(), from, to); err != nil {
				t.Errorf("RenameAccount(%s, %s): %v", from, to, err)
				return
			}
		}
	})
	for n := range 4 {
		for k := range 20 {
			a, err := r.estate.Account(t.Context(), r.act(), &latchkey.Caller{Account: id})
			r.must(err)
			b := newBox(fmt.Sprintf("b%d", n))
			if err := a.Mail().Create(t.Context(), b); err != nil {
				t.Errorf("Create %d: %v", k, err)
			}
			if a, err = r.estate.Account(t.Context(), r.act(), &latchkey.Caller{Account: id}); err != nil {
				t.Fatal(err)
			}
			if err := a.Mail().Remove(t.Context(), b.Address); err != nil {
				t.Errorf("Remove %d: %v", k, err)
			}
		}
	}
	close(stop)
	wg.Wait()
	r.want("after the race", "account demo", "mailbox old@example.com of demo")
}
