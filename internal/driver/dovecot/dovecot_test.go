package dovecot_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey/latchkey/internal/driver/dovecot"
	"github.com/latchkey/latchkey/internal/driver/dovecot/dovecottest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// world is what there is to render.
type world struct {
	mu    sync.Mutex
	state dovecot.State
	err   error
}

func (w *world) AllMail(_ context.Context, each func(dovecot.State) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.err, each(w.state))
}

func (w *world) MailOf(_ context.Context, places []store.MailPlace) (s dovecot.State, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range places {
		here := func(account latchkey.AccountID, address string) bool {
			switch {
			case p.Domain == "":
				return account == p.Account
			case p.Local == "":
				return address == "@"+string(p.Domain) || address == string(p.Domain)
			}
			return address == p.Local+"@"+string(p.Domain)
		}
		for _, d := range w.state.Domains {
			if here(d.Account, string(d.Name)) {
				s.Domains = append(s.Domains, d)
			}
		}
		for _, b := range w.state.Boxes {
			if here(b.Account, b.Address) {
				s.Boxes = append(s.Boxes, b)
			}
		}
		for _, a := range w.state.Aliases {
			if here(a.Account, a.Address) {
				s.Aliases = append(s.Aliases, a)
			}
		}
		for _, r := range w.state.Refusals {
			if here(r.Account, r.Address) {
				s.Refusals = append(s.Refusals, r)
			}
		}
	}
	return s, w.err
}

func box(address string) dovecot.Box {
	return dovecot.Box{Address: address, Account: 1, Hash: "{PLAIN}x", Maildir: "/homes/demo/mail/" + address, Login: true, Incoming: true}
}

// small is a domain with two mailboxes; what is nobody's there goes to one of them.
func small() *world {
	return &world{state: dovecot.State{
		Domains:  []dovecot.Domain{{Name: "example.com", Account: 1}},
		Boxes:    []dovecot.Box{box("ann@example.com"), box("o'brien@example.com")},
		Aliases:  []dovecot.Alias{{"@example.com", 1, "ann@example.com"}, {"info@example.com", 1, "bob@elsewhere.example"}, {"lost@example.com", 1, dovecot.Blackhole}},
		Refusals: []dovecot.Refusal{{"gone@example.com", 1, "she\r\nleft"}, {"example.org", 1, "nobody is here"}},
	}}
}

// ask asks the database as Postfix does.
func ask(t *testing.T, p *dovecottest.Part, query, key string) (list []string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(p.Dir(), dovecot.Database)+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, domain, _ := strings.Cut(key, "@")
	quote := func(s string) string { return strings.ReplaceAll(s, "'", "''") }
	rows, err := db.Query(strings.NewReplacer("%s", quote(key), "%d", quote(domain)).Replace(dovecot.PostfixQueries[query]))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	slices.Sort(list)
	return list
}

// TestLookups: what Postfix is told. What is nobody's takes nothing from a mailbox.
func TestLookups(t *testing.T) {
	w := small()
	held, off := box("held@example.com"), box("off@example.com")
	held.Outgoing, held.Incoming, off.Outgoing, off.Outdone = dovecot.Held, false, dovecot.Refused, true
	w.state.Boxes = append(w.state.Boxes, held, off)
	p := dovecottest.Open(t, w)
	if p.True(t) {
		t.Error("an empty database is said to be as it should")
	}
	for _, test := range []struct{ query, key, want string }{
		{"domains", "example.com", "example.com"},
		{"domains", "example.net", ""},
		{"mailboxes", "ann@example.com", "ann@example.com"},
		{"mailboxes", "o'brien@example.com", "o'brien@example.com"},
		{"mailboxes", "' OR '1'='1", ""},
		{"aliases", "ann@example.com", "ann@example.com"},
		{"aliases", "info@example.com", "bob@elsewhere.example"},
		{"aliases", "@example.com", "ann@example.com"},
		{"aliases", "nobody@example.com", ""},
		{"aliases", "lost@example.com", dovecot.Blackhole},
		{"aliases", "off@example.com", ""},
		{"recipients", "ann@example.com", "DUNNO"},
		{"recipients", "info@example.com", "DUNNO"},
		{"recipients", "nobody@example.com", ""},
		{"recipients", "held@example.com", "550 5.7.1 incoming mail for this mailbox is suspended"},
		{"recipients", "gone@example.com", "550 5.1.1 she left"},
		{"recipients", "example.org", "550 5.1.1 nobody is here"},
		{"senders", "ann@example.com", ""},
		{"senders", "held@example.com", "HOLD"},
		{"senders", "off@example.com", "REJECT outgoing mail of this mailbox is suspended"},
		{"owners", "any@example.com", "ann@example.com held@example.com o'brien@example.com off@example.com"},
		{"owners", "any@elsewhere.example", ""},
	} {
		if got := strings.Join(ask(t, p, test.query, test.key), " "); got != test.want {
			t.Errorf("%s of %s: %q, want %q", test.query, test.key, got, test.want)
		}
	}
}

// TestApply: a place is rendered, and nothing else is touched.
func TestApply(t *testing.T) {
	w := small()
	p, ctx := dovecottest.Open(t, w), t.Context()
	if p.True(t); !p.True(t) {
		t.Error("a second time something changes")
	}
	w.state.Boxes[0].Hash, w.state.Boxes[1].Hash = "{PLAIN}y", "{PLAIN}y"
	w.state.Aliases = w.state.Aliases[1:]
	at := store.MailPlace{Account: 1, Domain: "example.com", Local: "ann"}
	for range 2 {
		if err := p.Apply(ctx, at); err != nil {
			t.Fatal(err)
		}
	}
	if got := ask(t, p, "aliases", "@example.com"); len(got) != 1 {
		t.Errorf("the domain was rendered with an address: %v", got)
	}
	if err := p.Apply(ctx, store.MailPlace{Account: 1, Domain: "example.com"}); err != nil || len(ask(t, p, "aliases", "@example.com")) != 0 {
		t.Errorf("the domain: %v", err)
	}
	if p.True(t) { // the other mailbox
		t.Error("more was rendered than was asked for")
	}
	w.state = dovecot.State{}
	if err := p.Apply(ctx, store.MailPlace{Account: 1}); err != nil || !p.True(t) {
		t.Errorf("an account that is no more: %v", err)
	}
}

// TestAtOnce: many calls at the same time end with everything rendered.
func TestAtOnce(t *testing.T) {
	w := new(world)
	p := dovecottest.Open(t, w)
	var all sync.WaitGroup
	for n := range 100 {
		all.Go(func() {
			local := fmt.Sprint("u", n)
			w.mu.Lock()
			w.state.Boxes = append(w.state.Boxes, box(local+"@example.com"))
			w.mu.Unlock()
			if err := p.Apply(t.Context(), store.MailPlace{Account: 1, Domain: "example.com", Local: local}); err != nil {
				t.Error(err)
			}
			if got := ask(t, p, "mailboxes", local+"@example.com"); len(got) != 1 {
				t.Errorf("%s is not there when the call has returned", local)
			}
		})
	}
	all.Wait()
	if !p.True(t) {
		t.Error("something is missing")
	}
}

// TestFails: where the state cannot be read nothing changes.
func TestFails(t *testing.T) {
	w := small()
	p := dovecottest.Open(t, w)
	p.True(t)
	w.state, w.err = dovecot.State{}, errors.New("no")
	if p.Apply(t.Context(), store.MailPlace{Account: 1}) == nil || p.Reconcile(t.Context()) == nil {
		t.Error("success without a state")
	}
	if got := ask(t, p, "mailboxes", "ann@example.com"); len(got) != 1 {
		t.Error("a mailbox is gone whose state could not be read")
	}
}

// TestHold: of mailboxes whose files are being moved Dovecot gets an error, until
// they are rendered again.
func TestHold(t *testing.T) {
	w := small()
	p, ctx := dovecottest.Open(t, w), t.Context()
	p.True(t)
	if err := p.Hold(ctx, 1); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(p.Dir(), dovecot.Database)+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	where := func() (dir string, err error) {
		return dir, db.QueryRow(`SELECT maildir FROM dovecot WHERE address = 'ann@example.com'`).Scan(&dir)
	}
	if dir, err := where(); err == nil || errors.Is(err, sql.ErrNoRows) {
		t.Errorf("a mailbox that is being moved is at %s, %v", dir, err)
	}
	if err := p.Apply(ctx, store.MailPlace{Account: 1}); err != nil {
		t.Fatal(err)
	}
	if dir, err := where(); err != nil || dir != "/homes/demo/mail/ann@example.com" {
		t.Errorf("then it is at %s, %v", dir, err)
	}
}

// TestScripts: a script is a file that is whole before its mailbox names it.
func TestScripts(t *testing.T) {
	w := small()
	p := dovecottest.Open(t, w)
	names := make(map[string]bool)
	for _, text := range []string{"keep;\n", "discard;\n", "keep;\n"} {
		w.state.Boxes[0].Script = text
		if err := p.Apply(t.Context(), store.MailPlace{Account: 1, Domain: "example.com", Local: "ann"}); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", "file:"+filepath.Join(p.Dir(), dovecot.Database)+"?mode=ro")
		if err != nil {
			t.Fatal(err)
		}
		var name string
		err = db.QueryRow(`SELECT script FROM dovecot WHERE address = 'ann@example.com'`).Scan(&name)
		db.Close()
		if err != nil {
			t.Fatal(err)
		}
		names[name] = true
		file := filepath.Join(p.Dir(), "sieve", name+".sieve")
		got, err := os.ReadFile(file)
		if err != nil || string(got) != text {
			t.Errorf("the script is %q, %v, want %q", got, err, text)
		}
		if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("the script may be read by others: %v, %v", st.Mode(), err)
		}
	}
	if len(names) != 2 {
		t.Errorf("two scripts have the names %v", names)
	}
}

// TestOpen: a directory that others may read is refused, and the database is for
// its group alone.
func TestOpen(t *testing.T) {
	p := dovecottest.Open(t, small())
	for _, name := range []string{"mail.db", "mail.db-wal", "mail.db-shm"} {
		if st, err := os.Stat(filepath.Join(p.Dir(), name)); err != nil || st.Mode().Perm() != 0o640 {
			t.Errorf("%s: %v, %v", name, st, err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mail.db-wal", "mail.db-shm"} { // who may only read needs them
		if _, err := os.Stat(filepath.Join(p.Dir(), name)); err != nil {
			t.Errorf("after the end: %v", err)
		}
	}
	if err := os.Chmod(p.Dir(), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := dovecot.Open(t.Context(), dovecot.Options{Dir: p.Dir()}); err == nil || !strings.Contains(err.Error(), "open to everybody") {
		t.Errorf("a directory that is open to all: %v", err)
	}
	if _, err := dovecot.Open(t.Context(), dovecot.Options{Dir: filepath.Join(p.Dir(), "none")}); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "latchkey mail setup") {
		t.Errorf("no directory: %v", err)
	}
}

func BenchmarkApply(b *testing.B) {
	w := new(world)
	for n := range 1000 {
		w.state.Boxes = append(w.state.Boxes, box(fmt.Sprintf("u%d@example.com", n)))
	}
	p := dovecottest.Open(b, w)
	if err := p.Reconcile(b.Context()); err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		w.mu.Lock()
		w.state.Boxes[i%1000].Hash = fmt.Sprint("{PLAIN}", i)
		w.mu.Unlock()
		if err := p.Apply(b.Context(), store.MailPlace{Account: 1, Domain: "example.com", Local: fmt.Sprint("u", i%1000)}); err != nil {
			b.Fatal(err)
		}
	}
}
