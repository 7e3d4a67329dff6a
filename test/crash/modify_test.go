package crash

import (
	"os"
	"testing"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// quota7 is a change of an account besides its name.
func quota7(_ hosting.Moment, a *latchkey.Account) error {
	a.Limits.DiskMB = 7
	return nil
}

// quota checks how much the account called name may hold.
func (r *rig) quota(when string, name latchkey.AccountName, want int64) {
	r.t.Helper()
	r.must(r.db.Read(r.t.Context(), func(s store.Reader) error {
		a, err := s.Account(name)
		if a.Limits.DiskMB != want {
			r.t.Errorf("%s: %s may hold %d MB, want %d", when, name, a.Limits.DiskMB, want)
		}
		return err
	}))
}

// TestModifyWithName changes an account and its name at once: whatever fails,
// it is both or neither, and both in the end where the server says that it goes
// on by itself.
func TestModifyWithName(t *testing.T) {
	const old = "mailbox old@example.com of "
	t.Run("the home does not move", func(t *testing.T) {
		r := newRig(t)
		r.must(os.Mkdir(r.path("moved"), 0o711))
		if _, err := r.host().ModifyAccount(t.Context(), "demo", "moved", quota7); latchkey.KindOf(err) != latchkey.Exists {
			t.Errorf("ModifyAccount to where a home stands = %v, want kind exists", err)
		}
		r.must(os.Remove(r.path("moved")))
		r.want("refused", "account demo", old+"demo")
		r.quota("refused", "demo", latchkey.Unlimited)
	})
	for _, plan := range [][]writing{{goesWell, fails, fails}, {goesWell, failsLate, failsLate}} {
		r := newRig(t)
		r.store.plan = plan
		if _, err := r.host().ModifyAccount(t.Context(), "demo", "moved", quota7); latchkey.KindOf(err) != latchkey.Unavailable {
			t.Errorf("ModifyAccount with a store that fails = %v, want kind unavailable", err)
		}
		r.store.plan = nil
		// What others change meanwhile stays changed.
		name := latchkey.AccountName("demo")
		if plan[1] == failsLate {
			name = "moved"
		}
		_, err := r.host().UpdateAccount(t.Context(), name, func(a *latchkey.Account) error { a.Locale = "fr"; return nil })
		r.must(err)
		r.estate.Repair(t.Context())
		r = r.restart()
		r.want("repaired", "account moved", old+"moved")
		r.quota("repaired", "moved", 7)
		a, err := r.host().Account(t.Context(), "moved")
		if err != nil || a.Locale != "fr" {
			t.Errorf("the locale is %q, %v, want the one set meanwhile", a.Locale, err)
		}
	}
}

// TestPlanPromised holds that a package stays which a rename under way gives to
// its account.
func TestPlanPromised(t *testing.T) {
	r := newRig(t)
	silver := func(p *latchkey.Package, _ bool) error { p.FeatureList = latchkey.DefaultList; return nil }
	r.must(r.host().ChangePackage(t.Context(), "silver", silver))
	r.store.plan = []writing{goesWell, fails, fails}
	_, err := r.host().ModifyAccount(t.Context(), "demo", "moved", func(_ hosting.Moment, a *latchkey.Account) error { a.Package = "silver"; return nil })
	if latchkey.KindOf(err) != latchkey.Unavailable {
		t.Errorf("ModifyAccount with a store that fails = %v, want kind unavailable", err)
	}
	r.store.plan = nil
	if err := r.host().RemovePackage(t.Context(), "silver"); latchkey.KindOf(err) != latchkey.Invalid {
		t.Errorf("RemovePackage of one that is promised = %v, want kind invalid", err)
	}
	r.estate.Repair(t.Context())
	a, err := r.host().Account(t.Context(), "moved")
	if err != nil || a.Package != "silver" {
		t.Errorf("the account has the package %q, %v, want silver", a.Package, err)
	}
}

// TestSavedPackage makes an account that saves a package, and fails: neither is
// left.
func TestSavedPackage(t *testing.T) {
	r := newRig(t)
	fresh := hosting.NewAccount{Name: "fresh", Domain: "fresh.example", SaveAs: "silver"}
	packages := func(when string, want int) {
		t.Helper()
		if list, err := r.host().Packages(t.Context()); err != nil || len(list) != want {
			t.Errorf("%s: packages %v, %v, want %d", when, list, err, want)
		}
	}
	r.must(os.WriteFile(r.path("fresh"), nil, 0o600)) // stands where the home would
	if _, err := r.host().CreateAccount(t.Context(), fresh); err == nil {
		t.Error("CreateAccount past an obstacle succeeded")
	}
	packages("refused", 1)
	r.must(os.RemoveAll(r.path("fresh")))
	r.estate.Repair(t.Context())
	r = r.restart()
	r.want("refused, after a start", "account demo", "mailbox old@example.com of demo")
	packages("refused, after a start", 1)

	_, err := r.host().CreateAccount(t.Context(), fresh)
	r.must(err)
	packages("made", 2)
	r.restart().want("made, after a start", "account demo", "account fresh", "mailbox old@example.com of demo")
}
