// Package dovecot has Dovecot and Postfix serve the mailboxes. What they must know
// of them is rendered into a small database of their own, mail.db, which they read
// anew for every login and every message: what is committed there is in force, and
// nothing has to be reloaded. Start at [Open]; a [Part] is what the server holds,
// and [Plan] what sets the two programs up.
//
// # What they read
//
// One directory, the server's own, that Postfix's group may enter: mail.db, and in
// sieve the scripts that sort and answer mail. A script is named for what it says,
// and the row of its mailbox names it: so the row changes both at once, and nothing
// compiled from an older script is ever taken for a newer one.
//
// mail.db keeps a write-ahead log that is never taken away: Postfix ends its lookups
// with an error where a database is locked for a moment, as one with a rollback
// journal is at every commit, and who may only read cannot clear up after a writer
// that was killed. See docs/decisions/0082-dovecot-and-postfix.md.
package dovecot

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	sqlitedriver "modernc.org/sqlite"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// State is what there is to render.
type State struct {
	Domains  []Domain
	Boxes    []Box
	Aliases  []Alias
	Refusals []Refusal
}

// Domain is a domain that takes mail here.
type Domain struct {
	Name    latchkey.Domain
	Account latchkey.AccountID
}

// Box is a mailbox.
type Box struct {
	Address  string // in lower case
	Account  latchkey.AccountID
	Hash     string // of its password, with the scheme in braces
	Maildir  string // an absolute path; "" for what has only a script
	Quota    int64  // bytes; 0 for no limit
	Login    bool   // its owner gets in
	Incoming bool   // it takes mail
	Outdone  bool   // mail for its address goes to the aliases alone
	Outgoing Outgoing
	Script   string // the Sieve script that its mail goes through; "" for none
}

// Outgoing is what becomes of mail that the owner of a mailbox sends.
type Outgoing uint8

const (
	Sent Outgoing = iota
	Held          // in Postfix's queue, until somebody lets it go
	Refused
)

// Alias is one of the places that mail for an address goes to, besides the mailbox
// there, if there is one.
type Alias struct {
	Address string // in lower case; @domain for what is nobody's at a domain
	Account latchkey.AccountID
	Target  string // an address, @domain for the same name there, or [Blackhole]
}

// Refusal is why mail for an address is refused.
type Refusal struct {
	Address string // in lower case; the domain for what is nobody's there
	Account latchkey.AccountID
	Message string
}

// Blackhole is the target of mail that is thrown away.
const Blackhole = "discarded@blackhole.latchkey.invalid"

// Source says what there is to render. Its methods show one moment each.
type Source interface {
	// MailOf is what there is of some places.
	MailOf(ctx context.Context, places []store.MailPlace) (State, error)
	// AllMail gives everything to each, in pieces.
	AllMail(ctx context.Context, each func(State) error) error
}

// Options are how a part is opened.
type Options struct {
	// Dir is the directory that Dovecot and Postfix read; the caller's own.
	Dir    string
	Source Source
	// SMTP and IMAP are where [Part.Check] finds Postfix and Dovecot, host:port.
	SMTP, IMAP string
	// Postfix is the directory of Postfix's configuration; "" for its own.
	Postfix string
	Log     *slog.Logger
}

// Part is mailboxes that Dovecot and Postfix serve. It is safe for concurrent use.
type Part struct {
	o        Options
	db       *sql.DB
	uid, gid int // whose the mailboxes are

	mu    sync.Mutex
	queue []*job
	turn  sync.Mutex // held by who writes
	out   signedOut
}

// job is a call of [Part.Apply]. Who has the turn does the jobs of all.
type job struct {
	place store.MailPlace
	done  bool
	lost  map[string]bool // whose sessions are not to go on
	err   error
}

// Open opens the directory, which [Plan] makes, and the database in it, which is made
// where there is none. It fails where the directory is not the caller's own or is
// open to everybody.
func Open(ctx context.Context, o Options) (*Part, error) {
	p := &Part{o: o}
	if err := p.admit(); err != nil {
		return nil, err
	}
	path := filepath.Join(o.Dir, Database)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	err = f.Chmod(0o640)
	if os.Geteuid() == 0 {
		err = errors.Join(err, f.Chown(p.uid, -1))
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if p.db, err = sql.Open("sqlite", "file:"+path+"?"+url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)"},
	}.Encode()); err != nil {
		return nil, err
	}
	p.db.SetMaxOpenConns(1)
	if err := errors.Join(p.persist(ctx), p.migrate(ctx)); err != nil {
		p.db.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// Database is the name of the database in the directory.
const Database = "mail.db"

// admit looks at the directory.
func (p *Part) admit() error {
	st, err := os.Stat(p.o.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is not there: “latchkey mail setup” makes it", p.o.Dir)
	case err != nil:
		return err
	case !st.IsDir():
		return fmt.Errorf("%s is no directory", p.o.Dir)
	}
	owner := st.Sys().(*syscall.Stat_t)
	p.uid, p.gid = int(owner.Uid), ownGroup(int(owner.Uid))
	switch euid := os.Geteuid(); {
	case p.uid == 0:
		return fmt.Errorf("%s is root's, and Dovecot opens no mailbox as root: let the server run as a user of its own, and chown the directory and the homes to it", p.o.Dir)
	case euid != p.uid && euid != 0:
		return fmt.Errorf("%s is not this user's: run as its owner", p.o.Dir)
	case st.Mode().Perm()&0o007 != 0:
		return fmt.Errorf("%s is open to everybody (mode %04o): it holds the hashes of passwords; chmod o-rwx it", p.o.Dir, st.Mode().Perm())
	}
	return errors.Join(p.makeOwn(scripts), p.makeOwn(kicks))
}

// persist has the write-ahead log stay when the database is closed: who may only
// read needs it.
func (p *Part) persist(ctx context.Context) error {
	c, err := p.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Raw(func(driver any) error {
		control, ok := driver.(sqlitedriver.FileControl)
		if !ok {
			return errors.New("the database cannot be told to keep its log")
		}
		_, err := control.FileControlPersistWAL("main", 1)
		return err
	})
}

// Close ends the use of p. What is rendered stays.
func (p *Part) Close() error {
	return errors.Join(p.persist(context.Background()), p.db.Close())
}

// Dir is the directory that Dovecot and Postfix read.
func (p *Part) Dir() string { return p.o.Dir }

// Apply renders what there is of a place now. When it returns nil Dovecot and
// Postfix go by that, and nobody is in a mailbox who would not be let in. Calls at
// the same time share a commit.
func (p *Part) Apply(ctx context.Context, place store.MailPlace) error {
	j := &job{place: place}
	if err := p.apply(ctx, j); err != nil {
		return err
	}
	return p.endSessions(ctx, j.lost)
}

func (p *Part) apply(ctx context.Context, j *job) error {
	p.mu.Lock()
	p.queue = append(p.queue, j)
	p.mu.Unlock()
	p.turn.Lock()
	defer p.turn.Unlock()
	if j.done {
		return j.err
	}
	p.mu.Lock()
	jobs := p.queue
	p.queue = nil
	p.mu.Unlock()
	var all []store.MailPlace
	for _, j := range jobs {
		if !slices.Contains(all, j.place) {
			all = append(all, j.place)
		}
	}
	lost, err := p.render(context.WithoutCancel(ctx), all)
	for _, j := range jobs {
		j.done, j.lost, j.err = true, lost, err
	}
	return err
}

// render makes the rows of places what the source has of them, and says whose
// sessions are not to go on.
func (p *Part) render(ctx context.Context, places []store.MailPlace) (lost map[string]bool, err error) {
	is, err := p.o.Source.MailOf(ctx, places)
	if err != nil {
		return nil, err
	}
	want := newRows()
	if err := p.add(want, is); err != nil {
		return nil, err
	}
	have := newRows()
	err = p.change(ctx, func(tx *sql.Tx) error {
		for _, at := range places {
			if err := have.read(tx, filterOf(at)); err != nil {
				return err
			}
		}
		return have.become(tx, want)
	})
	return have.lost(want), err
}

// Reconcile makes everything what the source has, in one commit.
func (p *Part) Reconcile(ctx context.Context) error {
	p.turn.Lock()
	defer p.turn.Unlock()
	want := newRows()
	if err := p.o.Source.AllMail(ctx, func(s State) error { return p.add(want, s) }); err != nil {
		return err
	}
	changed, have := 0, newRows()
	err := p.change(ctx, func(tx *sql.Tx) error {
		if err := have.read(tx, everything); err != nil {
			return err
		}
		changed = have.differs(want)
		return have.become(tx, want)
	})
	if err == nil {
		if err := p.endSessions(ctx, have.lost(want)); err != nil {
			return err
		}
		p.clearScripts(want)
		p.o.Log.Info("Dovecot and Postfix know what there is", "mailboxes", len(want.boxes), "changed", changed)
	}
	return err
}

// Hold has Dovecot put off what comes for the mailboxes of an account until they are
// rendered again: their files are being moved.
// Who has one open is out.
func (p *Part) Hold(ctx context.Context, account latchkey.AccountID) error {
	have := newRows()
	p.turn.Lock()
	err := p.change(ctx, func(tx *sql.Tx) error {
		if err := have.read(tx, filterOf(store.MailPlace{Account: account})); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE mailbox SET moving = 1 WHERE account = ?`, int64(account))
		return err
	})
	p.turn.Unlock()
	if err != nil {
		return err
	}
	return p.endSessions(ctx, have.lost(newRows()))
}

// change runs fn in one transaction.
func (p *Part) change(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
