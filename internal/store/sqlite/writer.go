package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// maxGroup is how many transactions may share one commit.
const maxGroup = 128

// job is one caller's transaction on its way through the writer.
type job struct {
	ctx  context.Context
	fn   func(store.Tx) error
	seq  store.Seq
	err  error
	done chan struct{}
}

// Write implements [store.Store]: fn runs in the one writer, in a savepoint of
// its own, and is answered when the commit it shared is on the disk.
func (s *Store) Write(ctx context.Context, fn func(store.Tx) error) (store.Seq, error) {
	j := &job{ctx: ctx, fn: fn, done: make(chan struct{})}
	select {
	case s.jobs <- j:
	case <-s.stop:
		return 0, errClosed
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	select {
	case <-j.done:
	case <-s.stopped:
		select {
		case <-j.done:
		default:
			return 0, errClosed
		}
	}
	return j.seq, j.err
}

var errClosed = &latchkey.Error{Kind: latchkey.Unavailable, Msg: "The server is shutting down: nothing was changed. Try again."}

// writer owns the one connection that writes.
type writer struct {
	s       *Store
	conn    *sql.Conn
	q       *statements
	ids     tokenIDs
	seq     store.Seq
	head    [32]byte // hash of the last audit link
	audited uint64   // its seq
	group   []*job
	// packages are some that were read since any was last changed. Every account's
	// is asked for, and reading one is slow.
	packages map[string]latchkey.Package
}

func (s *Store) newWriter(ctx context.Context) (_ *writer, err error) {
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			conn.Close()
		}
	}()
	w := &writer{s: s, conn: conn, q: &statements{prepare: conn.PrepareContext}}
	w.ids.q = w.q
	var hash []byte
	if err := conn.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM change_log`).Scan(&w.seq); err != nil {
		return nil, err
	}
	err = conn.QueryRowContext(ctx, `SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1`).Scan(&w.audited, &hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	copy(w.head[:], hash)
	if err := w.ids.load(ctx); err != nil {
		return nil, err
	}
	s.feed.start(w.seq)
	return w, nil
}

func (w *writer) run() {
	defer close(w.s.stopped)
	defer func() { _, _ = w.q.close(), w.conn.Close() }()
	for {
		select {
		case j := <-w.s.jobs:
			w.commit(w.gather(j))
		case <-w.s.stop:
			for {
				select {
				case j := <-w.s.jobs:
					w.commit(w.gather(j))
				default:
					return
				}
			}
		}
	}
}

// gather takes all who wait already into one group. While a commit is on its
// way to the disk others queue up, so groups grow with the load by themselves.
// On a machine with few cores those who were just answered, and those about to
// ask, have to be let run first: otherwise the writer keeps the core and commits
// one by one.
func (w *writer) gather(first *job) []*job {
	w.group = append(w.group[:0], first)
	for yielded := false; len(w.group) < maxGroup; {
		select {
		case j := <-w.s.jobs:
			w.group = append(w.group, j)
			yielded = false
		default:
			if yielded {
				return w.group
			}
			runtime.Gosched()
			yielded = true
		}
	}
	return w.group
}

// commit runs a group in one transaction and answers everybody in it.
func (w *writer) commit(group []*job) {
	ctx := context.Background()
	t := &tx{reader: reader{ctx: ctx, q: w.q}, w: w}
	saved := *w
	err := w.tryCommit(ctx, t, group)
	if err != nil {
		_, _ = w.conn.ExecContext(ctx, `ROLLBACK`)
		w.packages = nil
		w.seq, w.head, w.audited, w.ids = saved.seq, saved.head, saved.audited, saved.ids
	} else if len(t.changes) > 0 {
		w.s.feed.publish(w.seq, t.changes)
	}
	for _, j := range group {
		if j.err == nil {
			j.err = err
		}
		if j.err != nil {
			j.seq = 0
		}
		close(j.done)
	}
}

func (w *writer) tryCommit(ctx context.Context, t *tx, group []*job) error {
	if _, err := w.q.exec(ctx, `BEGIN IMMEDIATE`); err != nil {
		return err
	}
	if len(group) == 1 && group[0].ctx.Err() == nil {
		// Alone in its group a job needs no savepoint: it fails with the group.
		if err := call(group[0].fn, t); err != nil {
			return err
		}
		if len(t.changes) > 0 {
			group[0].seq = w.seq + 1
		}
		return w.finish(ctx, t)
	}
	for _, j := range group {
		if err := w.runOne(ctx, t, j); err != nil {
			return err
		}
	}
	return w.finish(ctx, t)
}

// finish writes the logs and commits.
func (w *writer) finish(ctx context.Context, t *tx) error {
	if err := w.writeLogs(ctx, t); err != nil {
		return err
	}
	_, err := w.q.exec(ctx, `COMMIT`)
	return err
}

// runOne runs one job in a savepoint. Its own failure is its own; an error
// returned here fails the whole group.
func (w *writer) runOne(ctx context.Context, t *tx, j *job) error {
	if err := j.ctx.Err(); err != nil {
		j.err = err
		return nil
	}
	if _, err := w.q.exec(ctx, `SAVEPOINT one`); err != nil {
		return err
	}
	changes, bodies, events, ids := len(t.changes), len(t.trail), t.events, w.ids
	j.err = call(j.fn, t)
	if j.err != nil {
		t.changes, t.trail, t.events, w.ids = t.changes[:changes], t.trail[:bodies], events, ids
		w.packages = nil
		if _, err := w.q.exec(ctx, `ROLLBACK TO one`); err != nil {
			return err
		}
	} else if len(t.changes) > changes {
		j.seq = w.seq + 1
	}
	_, err := w.q.exec(ctx, `RELEASE one`)
	return err
}

// call runs fn and turns a panic into an error, so that one caller's mistake
// does not end the writer.
func call(fn func(store.Tx) error, t *tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a transaction: %v", p)
		}
	}()
	return fn(t)
}

// writeLogs writes what the group logged: one entry of the change log and one
// link of the audit trail.
func (w *writer) writeLogs(ctx context.Context, t *tx) error {
	at := w.s.opts.Now()
	now := micros(at)
	if len(t.changes) > 0 {
		body, err := json.Marshal(t.changes)
		if err != nil {
			return err
		}
		w.seq++
		if _, err := w.q.exec(ctx, `INSERT INTO change_log (seq, at, body) VALUES (?, ?, ?)`, int64(w.seq), now, body); err != nil {
			return err
		}
		if w.seq%256 == 0 {
			if _, err := w.q.exec(ctx, `DELETE FROM change_log WHERE seq <= ?`, int64(w.seq)-int64(w.s.opts.KeepChanges)); err != nil {
				return err
			}
		}
	}
	if len(t.trail) == 0 {
		return nil
	}
	w.audited++
	link := store.Link{Seq: w.audited, At: at, Events: t.events, Body: t.trail}
	w.head = link.Sum(w.head)
	_, err := w.q.exec(ctx, `INSERT INTO audit (seq, at, events, hash, body) VALUES (?, ?, ?, ?, ?)`,
		int64(w.audited), now, t.events, w.head[:], t.trail)
	if err != nil && latchkey.KindOf(err) != latchkey.Unavailable { // a full disk says so
		err = fmt.Errorf("%w (%v)", store.ErrNoTrail, err)
	}
	return err
}

// tokenIDs gives out token numbers. They are reserved on the disk in blocks, so
// that most tokens cost no extra write; a crash leaves a gap, never a repeat.
type tokenIDs struct {
	q              *statements
	next, reserved int64
}

const tokenIDBlock = 1024

func (t *tokenIDs) load(ctx context.Context) error {
	err := t.q.one(ctx, `SELECT value FROM meta WHERE key = 'token_id'`, nil, &t.reserved)
	if err == store.ErrNotFound {
		err = nil
	}
	t.next = t.reserved
	return err
}

func (t *tokenIDs) take(ctx context.Context) (latchkey.TokenID, error) {
	if t.next == t.reserved {
		_, err := t.q.exec(ctx, `INSERT INTO meta (key, value) VALUES ('token_id', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, t.reserved+tokenIDBlock)
		if err != nil {
			return 0, err
		}
		t.reserved += tokenIDBlock
	}
	t.next++
	return latchkey.TokenID(t.next), nil
}
