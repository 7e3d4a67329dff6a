package crash

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/driver/dovecot"
	"github.com/latchkey/latchkey/internal/driver/homedir"
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
	dns    zoneFiles
	estate *estate.Estate
	part   *dovecot.Part // nil where mailboxes are only here
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

// mailDir is where Dovecot and Postfix read what they must know, in the folder of a
// rig that has them.
const mailDir = "mail"

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
	r.dns = zoneFiles(filepath.Join(dir, "zones"))
	r.must(os.MkdirAll(string(r.dns), 0o700))
	r.estate = estate.New(estate.Config{Server: hosting.Server{Hostname: "host.example.org", IP: "192.0.2.1"},
		Auth: verifier, Store: r.store, Keys: keys, Hasher: hasher, Homes: r.homes, Mail: r.mail, DNS: r.dns, HomeRoot: root, Now: time.Now, Log: log,
	})
	if _, err := os.Stat(filepath.Join(dir, mailDir)); err == nil {
		r.part, err = dovecot.Open(t.Context(), dovecot.Options{Dir: filepath.Join(dir, mailDir), Source: r.estate, Log: log})
		r.must(err)
		r.estate.Mailserver = r.part
	}
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
	var err error
	if r.part != nil {
		err = r.part.Close()
	}
	r.must(errors.Join(err, r.homes.Close(), r.db.Close()))
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
				parts := slices.DeleteFunc(r.list(home, "mail", domain, user), aboutFolders)
				words = append(words, fmt.Sprintf("maildir %s@%s of %s: %s", user, domain, home, strings.Join(parts, " ")))
			}
			if strings.HasPrefix(domain, ".") {
				words = append(words, "left in the mail of "+home+": "+domain)
			}
		}
	}
	words = append(words, r.zones()...)
	words = append(words, unsound(r.t, r.dir)...)
	slices.Sort(words)
	return words
}

// aboutFolders is true of what a message to a folder makes in a mailbox, and may leave
// if it does not come there.
func aboutFolders(name string) bool {
	return name == "."+sorted || strings.HasPrefix(name, "subscriptions")
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
