// Package sqlite is the embedded store: one SQLite file, one writer that shares
// commits between callers, any number of readers. Start at [Open].
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/pressly/goose/v3"
	sqlitedriver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// schemaVersion is the number of the newest migration.
var schemaVersion = func() (newest int) {
	files, _ := migrations.ReadDir("migrations")
	for _, f := range files {
		n, _ := goose.NumericComponent(f.Name())
		newest = max(newest, int(n))
	}
	return newest
}()

// Options are how a store is opened. Now is required.
type Options struct {
	Now latchkey.Clock
	// KeepChanges is how many entries of the change log are kept; 0 means 10,000.
	KeepChanges int
}

// Store is a [store.Store] in one SQLite file.
type Store struct {
	opts    Options
	write   *sql.DB
	views   *views
	jobs    chan *job
	stop    chan struct{}
	stopped chan struct{}
	closing func() error
	feed    feed
	rolls   rolls
	reserve string
}

var _ store.Store = (*Store)(nil)

// Open opens the store in the file path, makes it if there is none and brings
// its schema up to date. A store whose disk is full opens all the same: a small
// reserve beside the file is given up for it.
func Open(ctx context.Context, path string, opts Options) (*Store, error) {
	if opts.KeepChanges == 0 {
		opts.KeepChanges = 10_000
	}
	s := &Store{
		opts:    opts,
		jobs:    make(chan *job, 1024),
		stop:    make(chan struct{}),
		stopped: make(chan struct{}),
		reserve: path + ".reserve",
	}
	s.closing = sync.OnceValue(s.close)
	err := s.open(ctx, path)
	if err != nil && isFull(err) && os.Remove(s.reserve) == nil {
		err = s.open(ctx, path)
	}
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", filepath.Base(path), err)
	}
	s.keepReserve()
	return s, nil
}

func (s *Store) open(ctx context.Context, path string) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	f.Close()
	if s.write, err = sql.Open("sqlite", dsn(path, "_txlock=immediate", "_pragma=journal_mode(WAL)", "_pragma=synchronous(FULL)", "_pragma=wal_autocheckpoint(4000)")); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	defer func() {
		if err != nil {
			s.write.Close()
		}
	}()
	if err := s.migrate(ctx); err != nil {
		return err
	}
	w, err := s.newWriter(ctx)
	if err != nil {
		return err
	}
	read, err := sql.Open("sqlite", dsn(path, "_pragma=query_only(1)"))
	if err != nil {
		w.conn.Close()
		return err
	}
	s.views = newViews(read)
	go w.run()
	return nil
}

func dsn(path string, more ...string) string {
	q := append([]string{
		"_pragma=busy_timeout(10000)", "_pragma=cache_size(-65536)", "_pragma=temp_store(2)", "_pragma=mmap_size(268435456)",
	}, more...)
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + strings.Join(q, "&")
}

// migrate brings the schema up to date. The common case, nothing to do, costs
// one query.
func (s *Store) migrate(ctx context.Context) error {
	var have int
	err := s.write.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version`).Scan(&have)
	if err == nil && have == schemaVersion {
		return nil
	}
	if err == nil && have > schemaVersion {
		return fmt.Errorf("the database has schema %d, this program knows %d: use a newer program", have, schemaVersion)
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.write, dir)
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

// Close waits for the reads and writes under way and closes the file. A second
// Close does no more than the first.
func (s *Store) Close() error { return s.closing() }

func (s *Store) close() error {
	close(s.stop)
	<-s.stopped
	err := s.views.close()
	// What the log still holds goes into the file, so that a copy of the file is
	// a copy of the store. Where that cannot be done the next Open goes on from
	// the log.
	_, _ = s.write.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
	return errors.Join(err, s.write.Close())
}

// keepReserve holds back a megabyte of disk for the next start on a full disk.
func (s *Store) keepReserve() {
	if st, err := os.Stat(s.reserve); err == nil && st.Size() >= 1<<20 {
		return
	}
	_ = os.WriteFile(s.reserve, make([]byte, 1<<20), 0o600) // without it we are no worse off
}

func isFull(err error) bool {
	if e, ok := errors.AsType[*sqlitedriver.Error](err); ok {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN:
			return true
		}
	}
	return false
}

// classify turns an SQLite failure into words for the caller where there are
// any; the rest stays internal.
func classify(err error) error {
	e, ok := errors.AsType[*sqlitedriver.Error](err)
	if !ok {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR:
		return &latchkey.Error{Kind: latchkey.Unavailable, Msg: "The server’s disk is full or failing: nothing was changed. Try again later.", Err: err}
	case sqlite3.SQLITE_CONSTRAINT:
		return &latchkey.Error{Kind: latchkey.Exists, Msg: "There is one of that name already.", Err: err}
	}
	return err
}
