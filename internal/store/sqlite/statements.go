package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/latchkey/latchkey/internal/store"
)

// statements prepares every statement once.
type statements struct {
	prepare func(context.Context, string) (*sql.Stmt, error)
	ready   sync.Map // SQL text -> *sql.Stmt
}

func (s *statements) stmt(query string) (*sql.Stmt, error) {
	if st, ok := s.ready.Load(query); ok {
		return st.(*sql.Stmt), nil
	}
	st, err := s.prepare(context.Background(), query)
	if err != nil {
		return nil, err
	}
	if other, loaded := s.ready.LoadOrStore(query, st); loaded {
		st.Close()
		return other.(*sql.Stmt), nil
	}
	return st, nil
}

// close lets go of every statement. Those of a single connection have to be
// closed before it: nobody else remembers them.
func (s *statements) close() (err error) {
	s.ready.Range(func(_, st any) bool {
		err = errors.Join(err, st.(*sql.Stmt).Close())
		return true
	})
	s.ready.Clear()
	return err
}

func (s *statements) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	st, err := s.stmt(query)
	if err != nil {
		return nil, classify(err)
	}
	r, err := st.ExecContext(ctx, args...)
	return r, classify(err)
}

// change is exec for a statement that must touch a row.
func (s *statements) change(ctx context.Context, query string, args ...any) error {
	r, err := s.exec(ctx, query, args...)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, store.ErrNotFound)
	}
	return nil
}

// one scans the only row; [store.ErrNotFound] if there is none.
func (s *statements) one(ctx context.Context, query string, args []any, into ...any) error {
	st, err := s.stmt(query)
	if err != nil {
		return classify(err)
	}
	err = st.QueryRowContext(ctx, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrNotFound
	}
	return classify(err)
}

// scanner is a row that can be read: *sql.Row and *sql.Rows are.
type scanner interface{ Scan(...any) error }

// all reads every row with scan.
func all[T any](ctx context.Context, s *statements, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	st, err := s.stmt(query)
	if err != nil {
		return nil, classify(err)
	}
	rows, err := st.QueryContext(ctx, args...)
	if err != nil {
		return nil, classify(err)
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, classify(rows.Err())
}
