package crash

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/driver/lmtp"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// obstacle is something in the homes that keeps a change from its effects.
type obstacle struct {
	kind  string
	build func(r *rig) (lift func() error)
	live  func(r *rig) error // the change by its front door
}

// aFile puts a file where a directory should stand, and back.
func aFile(steps ...string) func(*rig) func() error {
	return func(r *rig) func() error {
		path := r.path(steps...)
		aside := path + ".aside"
		_, err := os.Stat(path)
		there := err == nil
		if there {
			r.must(os.Rename(path, aside))
		}
		r.must(os.WriteFile(path, []byte("in the way"), 0o600))
		return func() error {
			if err := os.Remove(path); err != nil || !there {
				return err
			}
			return os.Rename(aside, path)
		}
	}
}

var obstacles = []obstacle{
	{"mailbox-create", aFile("demo", "mail"), func(r *rig) error { return r.box("demo").Create(r.t.Context(), newBox("new")) }},
	{"mailbox-remove", aFile("demo", "mail", "example.com"), func(r *rig) error {
		return r.box("demo").Remove(r.t.Context(), hosting.Address{Local: "old", Domain: "example.com"})
	}},
	{"account-remove", busy("demo", "public_html"), func(r *rig) error { return r.host().RemoveAccount(r.t.Context(), "demo") }},
}

// busy mounts a disk where a directory stands: nobody can remove that, not even
// the administrator.
func busy(steps ...string) func(*rig) func() error {
	return func(r *rig) func() error { return smallDisk(r.t, r.path(steps...), "64k") }
}

// TestObstacles has the effects of a change fail for good: the server starts
// all the same, and when the obstacle is gone the change is finished.
func TestObstacles(t *testing.T) {
	for _, o := range obstacles {
		i := slices.IndexFunc(undertakings, func(u undertaking) bool { return u.kind == o.kind })
		u := &undertakings[i]
		t.Run(o.kind+" at start", func(t *testing.T) {
			r := newRig(t)
			u.write(r)
			lift := o.build(r)
			r = r.restart()
			if !strings.Contains(r.log.String(), o.kind) {
				t.Errorf("the log does not tell of the %s that cannot be finished:\n%s", o.kind, r.log.String())
			}
			r.must(lift())
			r.restart().want("when the obstacle is gone", u.want...)
		})
		t.Run(o.kind+" by a call", func(t *testing.T) {
			r := newRig(t)
			lift := o.build(r)
			err := o.live(r)
			if latchkey.KindOf(err) != latchkey.Unavailable {
				t.Errorf("%s past an obstacle: %v (%v), want kind unavailable", o.kind, err, latchkey.KindOf(err))
			}
			r.must(lift())
			r.eventually("when the obstacle is gone", u.want...)
		})
	}
}

// eventually is want, after the repairs have had their turn.
func (r *rig) eventually(when string, words ...string) {
	r.t.Helper()
	r.estate.Repair(r.t.Context())
	r.want(when, words...)
	r.restart().want(when+", and after a start", words...)
}

// TestUnwritten has the last transactions of a change fail, as a full disk
// does. Meanwhile everything works as before, and mail is not sent back.
func TestUnwritten(t *testing.T) {
	address := hosting.Address{Local: "old", Domain: "example.com"}
	for _, test := range []struct {
		name string
		do   func(r *rig) error
		want []string
	}{
		{"mailbox-create", func(r *rig) error { return r.box("demo").Create(t.Context(), newBox("new")) },
			[]string{"account demo", "mailbox old@example.com of demo", "mailbox new@example.com of demo"}},
		{"account-create", func(r *rig) error {
			_, err := r.host().CreateAccount(t.Context(), hosting.NewAccount{Name: "fresh", Domain: "fresh.example"})
			return err
		}, []string{"account demo", "account fresh", "mailbox old@example.com of demo"}},
		{"account-rename", func(r *rig) error { return r.host().RenameAccount(t.Context(), "demo", "moved") },
			[]string{"account moved", "mailbox old@example.com of moved"}},
	} {
		for _, plan := range [][]writing{{goesWell, fails, fails}, {goesWell, failsLate, fails}, {goesWell, failsLate, failsLate}, {goesWell, fails, failsLate}} {
			t.Run(fmt.Sprintf("%s %v", test.name, plan), func(t *testing.T) {
				r := newRig(t)
				r.store.plan = plan
				if err := test.do(r); latchkey.KindOf(err) != latchkey.Unavailable {
					t.Errorf("%s with a store that fails = %v, want kind unavailable", test.name, err)
				}
				r.store.plan = nil
				deliver(r, address)
				r.estate.Repair(t.Context())
				deliver(r, address)
				if test.name == "account-rename" && slices.Equal(plan, []writing{goesWell, fails, failsLate}) {
					test.want = []string{"account demo", "mailbox old@example.com of demo"} // undone, in truth
				}
				r.want("repaired", test.want...)
				r.restart().want("repaired and restarted", test.want...)
			})
		}
	}
}

var aMessage = lmtp.Letter{Body: func() (io.Reader, error) { return strings.NewReader("a message\n"), nil }}

// deliver sends a message to a mailbox that must take it.
func deliver(r *rig, to hosting.Address) {
	r.t.Helper()
	var err error
	for range 50 { // as senders do, while they are told to try again
		var box lmtp.Box
		if box, err = r.estate.Deliveries().Resolve(r.t.Context(), to); err == nil {
			err = box.Deliver(r.t.Context(), aMessage)
		}
		if latchkey.KindOf(err) != latchkey.Unavailable {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		r.t.Errorf("a message to %s: %v", to, err)
	}
}

// TestHomeMissing takes a home away by hand: mail waits at the sender until it
// is back, and is not sent back.
func TestHomeMissing(t *testing.T) {
	r := newRig(t)
	r.must(os.Rename(r.path("demo"), r.path("elsewhere")))
	box, err := r.estate.Deliveries().Resolve(t.Context(), hosting.Address{Local: "old", Domain: "example.com"})
	r.must(err)
	if err := box.Deliver(t.Context(), aMessage); latchkey.KindOf(err) != latchkey.Unavailable {
		t.Errorf("a message to a mailbox without its home: %v (%v), want kind unavailable", err, latchkey.KindOf(err))
	}
}

// TestSweep leaves the rest of a removal that nobody is going to repeat: the
// daily sweep finds it.
func TestSweep(t *testing.T) {
	r := newRig(t)
	for n := 0; ; n++ {
		r.must(r.mail.Create(t.Context(), "demo", "example.com", "brief"))
		if err := r.mail.Remove(&stopsAfter{t.Context(), n}, "demo", "example.com", "brief"); err == nil {
			break
		}
		if left := r.list("demo", "mail"); len(left) > 1 { // a mailbox on its way out
			r.must(r.estate.Sweep(t.Context()))
			r.must(os.RemoveAll(r.path("demo", "mail", "example.com", "brief")))
			r.want(fmt.Sprintf("stopped at step %d, swept", n), "account demo", "mailbox old@example.com of demo")
			return
		}
	}
	t.Fatal("no step of a removal leaves anything to sweep")
}
