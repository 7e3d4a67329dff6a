package list

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/wire/encode"
)

// shelf is an [api.List] of texts. It counts how many rows were read and how
// many completed.
type shelf struct {
	items           []book
	read, completed int
}

type book struct {
	Title string `json:"title"`
	Shelf string `json:"shelf"`
	Pages int    `json:"pages"`
	pages int
}

func (s *shelf) Key() string { return "title" }

func (s *shelf) rows(from, to int) []any {
	var rows []any
	for _, b := range s.items[min(from, len(s.items)):min(to, len(s.items))] {
		rows = append(rows, &book{Title: b.Title, Shelf: b.Shelf, pages: b.pages})
		s.read++
	}
	return rows
}

func (s *shelf) Page(_ context.Context, skip, size int) ([]any, int, error) {
	return s.rows(skip, skip+size), len(s.items), nil
}

func (s *shelf) Each(_ context.Context, take func([]any) error) error {
	for i := 0; i < len(s.items); i += 3 {
		if err := take(s.rows(i, i+3)); err != nil {
			return err
		}
	}
	return nil
}

func (s *shelf) Late(column string) bool { return column == "pages" }

func (s *shelf) Complete(_ context.Context, rows []any) error {
	for _, row := range rows {
		b := row.(*book)
		b.Pages = b.pages
		s.completed++
	}
	return nil
}

// fill is a shelf of n books.
func fill(n int) *shelf {
	s := &shelf{}
	for i := range n {
		s.items = append(s.items, book{Title: fmt.Sprintf("b%03d", i), Shelf: fmt.Sprint("s", i%3), pages: i * 7 % 5})
	}
	return s
}

// TestReadIsApply: a listing that is read as it is asked for is the list with
// the same done to it.
func TestReadIsApply(t *testing.T) {
	columns := []string{"title", "shelf", "pages", "none"}
	terms := []string{"", "b", "1", "s1", "b004", "3"}
	rapid.Check(t, func(t *rapid.T) {
		s := fill(rapid.IntRange(0, 12).Draw(t, "books"))
		var q Query
		for range rapid.IntRange(0, 2).Draw(t, "filters") {
			q.Filters = append(q.Filters, Filter{
				Column: rapid.SampledFrom(append(columns, AnyColumn)).Draw(t, "column"), Op: Op(rapid.IntRange(0, int(Undefined)).Draw(t, "op")),
				Term: rapid.SampledFrom(terms).Draw(t, "term"),
			})
		}
		for range rapid.IntRange(0, 2).Draw(t, "sorts") {
			q.Sorts = append(q.Sorts, Sort{
				Column: rapid.SampledFrom(columns).Draw(t, "by"), Method: Method(rapid.IntRange(0, int(IPv4)).Draw(t, "method")),
				Reverse: rapid.Bool().Draw(t, "reverse"),
			})
		}
		if rapid.Bool().Draw(t, "paged") {
			q.Page = &Page{rapid.IntRange(-1, 14).Draw(t, "start"), rapid.IntRange(0, 5).Draw(t, "size")}
		}
		q.Columns = rapid.SampledFrom([][]string{nil, {"title"}, {"pages", "shelf"}, {"none"}}).Draw(t, "columns")
		whole := make([]book, len(s.items))
		for i, b := range s.items {
			b.Pages = b.pages
			whole[i] = b
		}
		want, wantReport := Apply(whole, q)
		got, report, err := Read(context.Background(), api.Listing{List: s}, q)
		if err != nil {
			t.Fatal(err)
		}
		if d := gocmp.Diff(string(encode.Append(nil, want)), string(encode.Append(nil, got))); d != "" {
			t.Errorf("%+v (-Apply +Read):\n%s", q, d)
		}
		if d := gocmp.Diff(wantReport, report); d != "" {
			t.Errorf("%+v reports (-Apply +Read):\n%s", q, d)
		}
	})
}

// TestReadNoMore: what is not asked for is not read, and what is not shown is
// not completed.
func TestReadNoMore(t *testing.T) {
	byTitle, byShelf, byPages := Sort{Column: "title"}, Sort{Column: "shelf"}, Sort{Column: "pages"}
	page := &Page{Start: 41, Size: 5}
	for _, test := range []struct {
		name            string
		q               Query
		shown           []string
		read, completed int
	}{
		{"a page", Query{Page: page}, nil, 5, 5},
		{"a page by the key", Query{Page: page, Sorts: []Sort{byTitle, byShelf}}, nil, 5, 5},
		{"a page of other columns", Query{Page: page, Columns: []string{"title"}}, nil, 5, 0},
		{"a page of a list of other columns", Query{Page: page}, []string{"title"}, 5, 0},
		{"a page past the end", Query{Page: &Page{Start: 101, Size: 5}}, nil, 0, 0},
		{"a page by another column", Query{Page: page, Sorts: []Sort{byShelf, byTitle}}, nil, 100, 5},
		{"a page backwards", Query{Page: page, Sorts: []Sort{{Column: "title", Reverse: true}}}, nil, 100, 5},
		{"a page of some", Query{Page: &Page{Start: 1, Size: 5}, Filters: []Filter{{Column: "shelf", Op: EqualText, Term: "s1"}}}, nil, 100, 5},
		{"a page by a late column", Query{Page: page, Sorts: []Sort{byPages}}, nil, 100, 100},
		{"some by a late column", Query{Page: page, Filters: []Filter{{Column: "pages", Op: Equal, Term: "3"}}}, nil, 100, 100},
		{"some by any column", Query{Page: page, Filters: []Filter{{Column: AnyColumn, Op: Equal, Term: "3"}}}, nil, 100, 100},
		{"all", Query{}, nil, 100, 100},
		{"all without the late column", Query{}, []string{"title"}, 100, 0},
	} {
		s := fill(100)
		if _, _, err := Read(t.Context(), api.Listing{List: s, Columns: test.shown}, test.q); err != nil {
			t.Fatal(err)
		}
		if s.read != test.read || s.completed != test.completed {
			t.Errorf("%s: read %d rows and completed %d, want %d and %d", test.name, s.read, s.completed, test.read, test.completed)
		}
	}
}

// TestReadColumns: who lists only some columns shows no others, whatever is
// asked for, and may still filter by them.
func TestReadColumns(t *testing.T) {
	l := api.Listing{List: fill(4), Under: "book", Columns: []string{"title", "pages"}}
	for _, test := range []struct {
		q    Query
		want string
	}{
		{Query{}, `{"book":[{"pages":0,"title":"b000"},{"pages":2,"title":"b001"},{"pages":4,"title":"b002"},{"pages":1,"title":"b003"}]}`},
		{Query{Filters: []Filter{{Column: "shelf", Op: EqualText, Term: "s1"}}}, `{"book":[{"pages":2,"title":"b001"}]}`},
		{Query{Page: &Page{2, 1}, Columns: []string{"shelf", "title"}}, `{"book":[{"title":"b001"}]}`},
		{Query{Page: &Page{9, 1}}, `{"book":[]}`},
	} {
		got, _, err := Read(t.Context(), l, test.q)
		if text := string(encode.Append(nil, got)); err != nil || text != test.want {
			t.Errorf("Read %+v = %s, %v, want %s", test.q, text, err, test.want)
		}
	}
	all, err := l.All(t.Context())
	books := l.List.(*shelf).items
	slices.SortFunc(books, func(a, b book) int { return cmp.Compare(a.Title, b.Title) })
	if text := string(encode.Append(nil, all)); err != nil || len(text) != len(`{"book":[]}`)+4*len(`{"pages":0,"title":"b000"}`)+3 {
		t.Errorf("All = %s, %v", text, err)
	}
}
