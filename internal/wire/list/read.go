package list

import (
	"context"
	"reflect"
	"slices"

	"github.com/latchkey/latchkey/internal/api"
)

// Read does to a listing what [Apply] does to a list, and reads no more of it
// than that takes: where it is neither filtered nor put into another order, one
// page.
func Read(ctx context.Context, l api.Listing, q Query) (any, Report, error) {
	if q.Zero() {
		all, err := l.All(ctx)
		return all, Report{}, err
	}
	read := readAll
	if len(q.Filters) == 0 && inOrder(l, q.Sorts) {
		read = readPage
	}
	rows, report, err := read(ctx, l, q)
	if err != nil {
		return nil, Report{}, err
	}
	report.Applied = true
	if len(q.Columns) > 0 {
		if len(l.Columns) > 0 {
			q.Columns = slices.DeleteFunc(slices.Clone(q.Columns), func(name string) bool { return !slices.Contains(l.Columns, name) })
		}
		l.Columns = q.Columns
	}
	return l.Show(rows), report, nil
}

// inOrder reports whether the rows come as sorts ask for. No two have the same
// key, so that what follows it counts for nothing.
func inOrder(l api.Listing, sorts []Sort) bool {
	return len(sorts) == 0 || sorts[0] == Sort{Column: l.Key(), Method: Lexicographic}
}

// readPage reads the one page.
func readPage(ctx context.Context, l api.Listing, q Query) ([]any, Report, error) {
	page := Page{}
	if q.Page != nil {
		page = *q.Page
	}
	if page.Size <= 0 {
		return readAll(ctx, l, q)
	}
	rows, total, err := l.Page(ctx, max(page.Start, 1)-1, page.Size)
	if err != nil {
		return nil, Report{}, err
	}
	report := Report{Before: total, Total: total}
	report.page(q.Page)
	return rows, report, l.Finish(ctx, rows, q.Columns)
}

// readAll reads every row, and keeps those that pass the filters.
func readAll(ctx context.Context, l api.Listing, q Query) ([]any, Report, error) {
	late := wantsLate(l, q)
	report := Report{Filtered: len(q.Filters) > 0}
	var kept []any
	err := l.Each(ctx, func(some []any) error {
		report.Before += len(some)
		if late {
			if err := l.Complete(ctx, some); err != nil {
				return err
			}
		}
		for _, i := range (rows{reflect.ValueOf(some)}).filter(q.Filters) {
			kept = append(kept, some[i])
		}
		return nil
	})
	if err != nil {
		return nil, Report{}, err
	}
	if len(q.Sorts) > 0 {
		kept = inTheOrderOf(q.Sorts, kept)
	}
	report.Total = len(kept)
	from, to := report.page(q.Page)
	kept = kept[from:to]
	if !late {
		err = l.Finish(ctx, kept, q.Columns)
	}
	return kept, report, err
}

// wantsLate reports whether a filter or a sort looks at a column that rows come
// without.
func wantsLate(l api.Listing, q Query) bool {
	return slices.ContainsFunc(q.Filters, func(f Filter) bool { return f.Column == AnyColumn || l.Late(f.Column) }) ||
		slices.ContainsFunc(q.Sorts, func(s Sort) bool { return l.Late(s.Column) })
}

func inTheOrderOf(sorts []Sort, all []any) []any {
	positions := make([]int, len(all))
	for i := range positions {
		positions[i] = i
	}
	order(sorts, rows{reflect.ValueOf(all)}, positions)
	sorted := make([]any, len(all))
	for i, at := range positions {
		sorted[i] = all[at]
	}
	return sorted
}
