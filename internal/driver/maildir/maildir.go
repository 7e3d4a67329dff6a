// Package maildir keeps mailboxes as Maildirs in the homes of the accounts:
// mail/DOMAIN/USER with cur, new and tmp, and folders in the Maildir++ manner
// (".Name" beside cur). Any IMAP server that reads Maildirs serves the same tree.
//
// Start at [New]. Everything passes through package homedir, and no step of a
// mailbox's path may be a link.
package maildir

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Store is the mailboxes of all accounts. It is safe for concurrent use.
//
// A domain and a user are given in lower case, as single names: up to 254 and
// 64 of a-z, 0-9, ".", "_" and "-", for a user also "+", "=" and "&". They
// begin with a letter, a digit or "_", do not end in a dot and hold no two
// dots in a row. Anything else is [latchkey.Invalid]. An account or a mailbox
// that is not there is [latchkey.NotFound].
type Store struct {
	homes *homedir.Homes
	host  string
	count atomic.Uint64
	cache cache

	subscribing sync.Mutex
}

// New makes a Store in homes.
func New(homes *homedir.Homes) *Store {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return &Store{homes: homes, host: safeHost(host), cache: cache{limit: cacheDirs}}
}

// safeHost keeps the host's name from having a meaning inside a file name.
func safeHost(host string) string {
	safe := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '_'
	}, host)
	return safe[:min(len(safe), 64)]
}

// place names one mailbox.
type place struct{ account, domain, user string }

// Check says why no mailbox can be called user in domain, or nil.
func (s *Store) Check(domain, user string) error { return place{"", domain, user}.check() }

func (p place) String() string { return p.user + "@" + p.domain }

func (p place) check() error {
	if !validStep(p.domain, 254, "._-") {
		return latchkey.Errorf(latchkey.Invalid, "The domain %.80q is not valid for a mailbox: give a host name in lower case.", p.domain)
	}
	if !validStep(p.user, 64, "._-+=&'") {
		return latchkey.Errorf(latchkey.Invalid,
			"The mailbox name %.80q is not valid: use up to 64 of a-z, 0-9 and . _ - + = & ', beginning with a letter, digit or underscore.", p.user)
	}
	return nil
}

func validStep(s string, longest int, marks string) bool {
	if s == "" || len(s) > longest || strings.Contains(s, "..") || strings.HasSuffix(s, ".") {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_':
		case i == 0 || strings.IndexByte(marks, c) < 0:
			return false
		}
	}
	return true
}

// root is the directory of all mail in a home.
const root = "mail"

// descend opens the directory at the steps below the home, following no link.
func descend(f homedir.FS, steps ...string) (*homedir.Dir, error) {
	d, err := f.Dir(".")
	for _, step := range steps {
		if err != nil {
			return nil, err
		}
		next, nerr := d.OpenDir(step)
		d.Close()
		d, err = next, nerr
	}
	return d, err
}

// open runs fn in the mailbox's directory.
func (s *Store) open(ctx context.Context, p place, fn func(box *homedir.Dir) error) error {
	if err := p.check(); err != nil {
		return err
	}
	return s.homes.As(ctx, p.account, func(f homedir.FS) error {
		box, err := descend(f, root, p.domain, p.user)
		if errors.Is(err, fs.ErrNotExist) {
			return missing(p, err)
		}
		if err != nil {
			return fmt.Errorf("mailbox %s: %w", p, err)
		}
		defer box.Close()
		return fn(box)
	})
}

func missing(p place, err error) error {
	return &latchkey.Error{Kind: latchkey.NotFound, Msg: fmt.Sprintf("The mailbox %s does not exist.", p), Err: err}
}

// Create makes the mailbox, durably. A mailbox that is there already keeps
// what it has and gets what it lacks.
func (s *Store) Create(ctx context.Context, account, domain, user string) error {
	p := place{account, domain, user}
	if err := p.check(); err != nil {
		return err
	}
	return s.homes.As(ctx, account, func(f homedir.FS) error {
		if err := create(f, p); err != nil {
			return fmt.Errorf("create mailbox %s: %w", p, err)
		}
		return nil
	})
}

func create(f homedir.FS, p place) error {
	var made parents
	defer made.close()
	d, err := f.Dir(".")
	if err != nil {
		return err
	}
	made = append(made, d)
	for _, step := range []string{root, p.domain, p.user} {
		if d, err = ensure(d, step); err != nil {
			return err
		}
		made = append(made, d)
	}
	if err := furnish(d); err != nil {
		return err
	}
	return made.sync()
}

// furnish makes what a mailbox, or a folder of one, consists of.
func furnish(box *homedir.Dir) error {
	for _, name := range []string{"cur", "new", "tmp"} {
		if err := box.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// ensure makes and opens a directory.
func ensure(parent *homedir.Dir, name string) (*homedir.Dir, error) {
	if err := parent.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return parent.OpenDir(name)
}

// parents are directories that something may have been made in.
type parents []*homedir.Dir

// sync makes everything durable that was made in them, whoever has made it: of what
// is there already another may not have got so far. All are synced at once, which to
// the disk is about one sync: the journal is written for all of them.
func (p parents) sync() error {
	errs := make([]error, len(p))
	var group sync.WaitGroup
	for i, d := range p {
		group.Go(func() { errs[i] = d.Sync() })
	}
	group.Wait()
	return errors.Join(errs...)
}

func (p parents) close() {
	for _, d := range p {
		d.Close()
	}
}

// trashPrefix begins the name, in the directory of all mail, of a mailbox on
// its way out. After it stand a digest of the address and a random text.
const trashPrefix = ".trash-"

func (p place) trash() string {
	sum := sha256.Sum256([]byte(p.domain + "/" + p.user))
	return trashPrefix + hex.EncodeToString(sum[:16]) + "-"
}

// Remove takes the mailbox and its mail away for good. From the first moment
// nobody finds it any more; then its files are deleted. Remove of what is not
// there succeeds, and finishes what an earlier Remove was stopped in.
func (s *Store) Remove(ctx context.Context, account, domain, user string) error {
	p := place{account, domain, user}
	if err := p.check(); err != nil {
		return err
	}
	defer s.cache.drop(p)
	return s.homes.As(ctx, account, func(f homedir.FS) error {
		if err := remove(ctx, f, p); err != nil {
			return fmt.Errorf("remove mailbox %s: %w", p, err)
		}
		return nil
	})
}

func remove(ctx context.Context, f homedir.FS, p place) error {
	mail, err := descend(f, root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer mail.Close()
	if err := moveOut(mail, p); err != nil {
		return err
	}
	return empty(ctx, mail, p.trash())
}

// moveOut takes the mailbox out of its domain. A link in its place goes the
// same way, as a link.
func moveOut(mail *homedir.Dir, p place) error {
	domain, err := mail.OpenDir(p.domain)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer domain.Close()
	err = domain.Rename(p.user, mail, p.trash()+rand.Text())
	if errors.Is(err, fs.ErrNotExist) {
		return domain.Sync() // an earlier Remove may not have got so far
	}
	return errors.Join(err, mail.Sync(), domain.Sync())
}

// empty deletes what stands in the directory of all mail under prefix.
func empty(ctx context.Context, mail *homedir.Dir, prefix string) error {
	var doomed []string
	err := mail.Entries(func(name string, _ fs.FileMode) error {
		if strings.HasPrefix(name, prefix) {
			doomed = append(doomed, name)
		}
		return nil
	})
	for _, name := range doomed {
		err = errors.Join(err, mail.Discard(ctx, name))
	}
	return err
}

// tmpAge is how long a file may stay in tmp, by the Maildir convention.
const tmpAge = 36 * time.Hour

// Sweep finishes the removals in one account that were stopped half-way, and
// clears deliveries that were.
func (s *Store) Sweep(ctx context.Context, account string) error {
	return s.homes.As(ctx, account, func(f homedir.FS) error {
		mail, err := descend(f, root)
		if err != nil {
			return ignoreMissing(err)
		}
		defer mail.Close()
		return errors.Join(empty(ctx, mail, trashPrefix), sweepTmp(f))
	})
}

func sweepTmp(f homedir.FS) error {
	return f.Walk(root, func(name string, info homedir.Info) error {
		step := strings.Split(name, "/") // mail, DOMAIN, USER, tmp, file
		switch {
		case len(step) > 4 && !info.IsDir():
			if info.Mode().IsRegular() && time.Since(info.ChangeTime()) > tmpAge {
				return ignoreMissing(f.Remove(name))
			}
		case len(step) > 4, len(step) == 4 && info.IsDir() && step[3] != "tmp":
			return fs.SkipDir
		}
		return nil
	})
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
