package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/latchkey/latchkey/internal/store"
)

// maxViews is how many reads may be under way at a time; the rest wait.
const maxViews = 8

// views are the connections that read. Each serves one read at a time, in a
// transaction of its own, so that a read sees one state from first to last.
type views struct {
	db     *sql.DB
	places chan struct{} // one for each read under way
	idle   chan *view
	closed chan struct{}
}

type view struct {
	conn *sql.Conn
	q    *statements
}

func newViews(db *sql.DB) *views {
	return &views{db: db, places: make(chan struct{}, maxViews), idle: make(chan *view, maxViews), closed: make(chan struct{})}
}

// Read implements [store.Store]. fn must not read the store in another Read:
// it would hold one of few places while it waits for another.
func (s *Store) Read(ctx context.Context, fn func(store.Reader) error) error {
	return s.views.read(ctx, func(q *statements) error { return fn(&reader{ctx: ctx, q: q, rolls: &s.rolls}) })
}

func (vs *views) read(ctx context.Context, fn func(*statements) error) (err error) {
	select {
	case vs.places <- struct{}{}:
		defer func() { <-vs.places }()
	case <-vs.closed:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	v, err := vs.take()
	if err != nil {
		return classify(err)
	}
	// The way in and out of the transaction does not depend on whether the
	// caller still waits: a connection left in the middle is of use to nobody.
	always := context.Background()
	if _, err := v.q.exec(always, `BEGIN`); err != nil {
		v.discard()
		return err
	}
	defer func() {
		if _, end := v.q.exec(always, `ROLLBACK`); end != nil {
			v.discard()
			return
		}
		vs.idle <- v
	}()
	return fn(v.q)
}

// discard closes a connection that nobody should be given again.
func (v *view) discard() {
	_ = v.q.close()
	_ = v.conn.Raw(func(any) error { return driver.ErrBadConn })
	v.conn.Close()
}

// take is an idle connection, or a new one.
func (vs *views) take() (*view, error) {
	select {
	case <-vs.closed:
		return nil, errClosed
	case v := <-vs.idle:
		return v, nil
	default:
	}
	conn, err := vs.db.Conn(context.Background())
	if err != nil {
		return nil, err
	}
	return &view{conn, &statements{prepare: conn.PrepareContext}}, nil
}

// close waits for the reads under way and closes every connection. It is called
// once.
func (vs *views) close() error {
	close(vs.closed)
	for range maxViews {
		vs.places <- struct{}{}
	}
	var errs []error
	for len(vs.idle) > 0 {
		errs = append(errs, (<-vs.idle).conn.Close())
	}
	return errors.Join(append(errs, vs.db.Close())...)
}
