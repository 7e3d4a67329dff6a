package api

import (
	"context"
	"slices"

	"github.com/latchkey/latchkey/internal/wire/encode"
)

// List is a list that is read no further than it is asked for. Its rows are
// structs, maps with string keys, or pointers to them.
type List interface {
	// Key is the column in whose order, byte by byte, the rows come. No two rows
	// have the same.
	Key() string
	// Page is at most size rows after the first skip of them, and how many there
	// are in all.
	Page(ctx context.Context, skip, size int) (rows []any, total int, err error)
	// Each gives all rows to take, some at a time.
	Each(ctx context.Context, take func(rows []any) error) error
	// Late reports whether rows come without a column: one that costs more than
	// the others.
	Late(column string) bool
	// Complete fills in the late columns of rows.
	Complete(ctx context.Context, rows []any) error
}

// Listing is the answer of a function that lists many: a page of it costs no
// more the longer the list is. Whoever runs the function reads it.
type Listing struct {
	List
	Under   string   // the one member of the answer, which holds the rows; "" where the list is the answer
	Columns []string // the columns to show; none for all
}

// All reads the whole list.
func (l Listing) All(ctx context.Context) (any, error) {
	var all []any
	err := l.Each(ctx, func(rows []any) error {
		all = append(all, rows...)
		return l.Finish(ctx, rows, nil)
	})
	return l.Show(all), err
}

// Finish completes rows, where the columns to show, or those among them that
// are asked for, want that.
func (l Listing) Finish(ctx context.Context, rows []any, asked []string) error {
	for _, columns := range [][]string{l.Columns, asked} {
		if len(columns) > 0 && !slices.ContainsFunc(columns, l.Late) {
			return nil
		}
	}
	return l.Complete(ctx, rows)
}

// Show is the answer with these rows.
func (l Listing) Show(rows []any) any {
	if len(l.Columns) > 0 {
		for i, row := range rows {
			rows[i] = encode.Pick(row, l.Columns)
		}
	}
	if l.Under == "" {
		return rows
	}
	return map[string]any{l.Under: rows}
}

// Whole calls the function and reads all of its answer, for who cannot ask for
// a part of it.
func (r Runner[A]) Whole(ctx context.Context, on A, args Args) (any, error) {
	data, err := r.Call(ctx, on, args)
	if l, ok := data.(Listing); ok && err == nil {
		return l.All(ctx)
	}
	return data, err
}
