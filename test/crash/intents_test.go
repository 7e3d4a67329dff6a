package crash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/driver/lmtp"
	"github.com/latchkey/latchkey/internal/driver/maildir"
	"github.com/latchkey/latchkey/internal/estate"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/password"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/store/sqlite"
)

// rig is an estate over a real store and real homes, without a server around.
type rig struct {
	t      *testing.T
	dir    string
	db     *sqlite.Store
	store  *brittle
	homes  *homedir.Homes
	mail   *maildir.Store
	estate *estate.Estate
	log    syncBuffer
	closed bool
}

// brittle is a store that fails to write now and then.
type brittle struct {
	store.Store
	plan []writing // of the next writes, in order
}

type writing int

const (
	goesWell writing = iota
	fails
	failsLate // it is on the disk, but the answer is an error
)

func (b *brittle) Write(ctx context.Context, fn func(store.Tx) error) (store.Seq, error) {
	how := goesWell
	if len(b.plan) > 0 {
		how, b.plan = b.plan[0], b.plan[1:]
	}
	broken := latchkey.Errorf(latchkey.Unavailable, "the disk is full")
	if how == fails {
		return 0, broken
	}
	seq, err := b.Store.Write(ctx, fn)
	if err == nil && how == failsLate {
		return 0, broken
	}
	return seq, err
}

func (r *rig) Write(line []byte) (int, error) {
	r.log.line(line)
	return len(line), nil
}

// newRig makes a rig with the account demo, whose mailbox old@example.com has
// a message.
func newRig(t *testing.T) *rig { t.Helper(); return newRigIn(t, t.TempDir()) }

func newRigIn(t *testing.T, dir string) *rig {
	t.Helper()
	r := openRig(t, dir)
	r.must(r.estate.Bootstrap(t.Context(), latchkey.Secret{}))
	r.createAccount("demo", "example.com")
	r.must(r.box("demo").Create(t.Context(), newBox("old")))
	_, err := r.mail.Deliver(t.Context(), "demo", "example.com", "old", strings.NewReader("kept\n"), maildir.Unlimited)
	r.must(err)
	return r
}

func openRig(t *testing.T, dir string) *rig {
	t.Helper()
	r := &rig{t: t, dir: dir}
	root := filepath.Join(dir, "homes")
	r.must(os.MkdirAll(root, 0o711))
	var err error
	r.db, err = sqlite.Open(t.Context(), filepath.Join(dir, "latchkey.db"), sqlite.Options{Now: time.Now})
	r.must(err)
	r.store = &brittle{Store: r.db}
	keys, err := auth.LoadKeys(filepath.Join(dir, "token.key"))
	r.must(err)
	r.homes, err = homedir.Open(root)
	r.must(err)
	t.Cleanup(r.close)
	log := slog.New(slog.NewTextHandler(r, nil))
	hasher := password.New(0)
	verifier, err := auth.NewVerifier(t.Context(), auth.Config{Store: r.store, Keys: keys, Hasher: hasher, Now: time.Now, Log: log})
	r.must(err)
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	go verifier.Run(ctx)
	r.mail = maildir.New(r.homes)
	r.estate = estate.New(estate.Config{Server: hosting.Server{Hostname: "host.example.org", IP: "192.0.2.1"},
		Auth: verifier, Store: r.store, Keys: keys, Hasher: hasher, Homes: r.homes, Mail: r.mail, HomeRoot: root, Now: time.Now, Log: log,
	})
	return r
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) close() {
	if r.closed {
		return
	}
	r.closed = true
	r.must(errors.Join(r.homes.Close(), r.db.Close()))
}

// restart is the rig after a crash and the next start.
func (r *rig) restart() *rig {
	r.t.Helper()
	r.close()
	next := openRig(r.t, r.dir)
	_, err := next.estate.Recover(r.t.Context())
	next.must(err)
	return next
}

func (r *rig) act() *audit.Act { return audit.Begin(time.Now, latchkey.Origin{}) }

func (r *rig) host() hosting.Host {
	r.t.Helper()
	h, err := r.estate.Host(r.t.Context(), r.act(), &latchkey.Caller{Role: latchkey.RoleRoot, Account: 1, Name: "root", Door: latchkey.ForHost, Privileges: latchkey.AllPrivileges})
	r.must(err)
	return h
}

func (r *rig) createAccount(name latchkey.AccountName, domain latchkey.Domain) {
	r.t.Helper()
	_, err := r.host().CreateAccount(r.t.Context(), hosting.NewAccount{Name: name, Domain: domain})
	r.must(err)
}

// box is the mail of an account, in its own hands.
func (r *rig) box(name latchkey.AccountName) hosting.Mail {
	r.t.Helper()
	a, err := r.estate.Account(r.t.Context(), r.act(), &latchkey.Caller{Account: r.id(name), Name: name})
	r.must(err)
	return a.Mail()
}

func (r *rig) id(name latchkey.AccountName) (id latchkey.AccountID) {
	r.t.Helper()
	r.must(r.db.Read(r.t.Context(), func(s store.Reader) error {
		a, err := s.Account(name)
		id = a.ID
		return err
	}))
	return id
}

// someHash is a password's hash, made once: hashing takes its time.
var someHash = sync.OnceValue(func() string {
	hash, err := password.New(0).Make(context.Background(), latchkey.NewSecret(startPassword))
	if err != nil {
		panic(err)
	}
	return string(hash)
})

func newBox(local string) hosting.NewMailbox {
	return hosting.NewMailbox{Address: hosting.Address{Local: local, Domain: "example.com"}, Hash: someHash()}
}

// path is a place in the homes.
func (r *rig) path(steps ...string) string {
	return filepath.Join(append([]string{r.dir, "homes"}, steps...)...)
}

// state is everything there is, in words: a whole state has a home for each
// account and a Maildir for each mailbox, and nothing else.
func (r *rig) state() (words []string) {
	r.t.Helper()
	r.must(r.db.Read(r.t.Context(), func(s store.Reader) error {
		accounts, err := s.Accounts("", 100)
		for _, a := range accounts {
			words = append(words, "account "+string(a.Name))
			boxes, err := s.Mailboxes(a.ID, store.Mailbox{}, 0)
			if err != nil {
				return err
			}
			for _, b := range boxes {
				words = append(words, fmt.Sprintf("mailbox %s of %s", b.Address(), a.Name))
			}
		}
		return err
	}))
	for _, home := range r.list() {
		words = append(words, "home "+home)
		for _, domain := range r.list(home, "mail") {
			for _, user := range r.list(home, "mail", domain) {
				words = append(words, fmt.Sprintf("maildir %s@%s of %s: %s", user, domain, home, strings.Join(r.list(home, "mail", domain, user), " ")))
			}
			if strings.HasPrefix(domain, ".") {
				words = append(words, "left in the mail of "+home+": "+domain)
			}
		}
	}
	words = append(words, unsound(r.t, r.dir)...)
	slices.Sort(words)
	return words
}

func (r *rig) list(steps ...string) (names []string) {
	entries, _ := os.ReadDir(r.path(steps...)) // what is not there holds nothing
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// want compares the state with words, of which "account X" stands for its
// home too and "mailbox A of X" for its Maildir.
func (r *rig) want(when string, words ...string) {
	r.t.Helper()
	var all []string
	for _, word := range words {
		all = append(all, word)
		if name, ok := strings.CutPrefix(word, "account "); ok {
			all = append(all, "home "+name)
		}
		if name, ok := strings.CutPrefix(word, "mailbox "); ok {
			all = append(all, "maildir "+name+": cur new tmp")
		}
	}
	slices.Sort(all)
	if diff := cmp.Diff(all, r.state()); diff != "" {
		r.t.Errorf("%s: the state is not whole (-want +got):\n%s\nlog:\n%s", when, diff, r.log.String())
	}
}

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
}

// write writes down the intent, as the first of the three steps.
func (u *undertaking) write(r *rig) {
	r.t.Helper()
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
