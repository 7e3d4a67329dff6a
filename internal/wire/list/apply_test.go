package list

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey/latchkey/internal/wire/encode"
)

// count is how many rows are in what Apply gave back.
func count(data any) int { return reflect.ValueOf(data).Len() }

// wire is data as it is written.
func wire(data any) string { return string(encode.Append(nil, data)) }

type mailbox struct {
	Email string  `json:"email"`
	Used  int     `json:"used"`
	Quota any     `json:"quota"`
	Pct   float64 `json:"pct,string"`
	Login bool    `json:"login"`
	IP    *string `json:"ip"`
}

func TestFilter(t *testing.T) {
	ip := "192.0.2.10"
	row := mailbox{Email: "Bob@Example.com", Used: 12, Quota: "Unlimited", Pct: 13558.40, Login: true, IP: &ip}
	empty := mailbox{Quota: 0}
	for _, c := range []struct {
		row    mailbox
		column string
		op     Op
		term   string
		want   bool
	}{
		{row, "email", Contains, "EXAMPLE", true},
		{row, "email", Contains, "", true},
		{row, "email", Contains, "alice", false},
		{row, "used", Contains, "2", true},
		{row, "none", Contains, "", true},
		{row, "none", Contains, "x", false},
		{row, "email", Begins, "bob@", true},
		{row, "email", Begins, "example", false},
		{row, "email", Ends, ".COM", true},
		{row, "email", Ends, "bob", false},
		{row, "email", Matches, `^[A-Z]ob@`, true},
		{row, "email", Matches, `^bob`, false},
		{row, "email", Matches, `(?i)^bob`, true},
		{row, "email", Matches, `(`, false},
		{row, "email", Equal, "Bob@Example.com", true},
		{row, "email", Equal, "bob@example.com", false},
		{row, "used", Equal, "12", true},
		{row, "used", Equal, "12.0", true},
		{row, "used", Equal, "012", true},
		{row, "used", Equal, "", false},
		{row, "pct", Equal, "13558.40", true},
		{row, "login", Equal, "1", true},
		{row, "none", Equal, "", true},
		{empty, "ip", Equal, "0", false},
		{row, "pct", EqualText, "13558.40", false},
		{row, "pct", EqualText, "13558.4", true},
		{row, "used", NotEqual, "12", false},
		{row, "used", NotEqual, "13", true},
		{row, "none", NotEqual, "13", true},
		{row, "used", Less, "12", false},
		{row, "used", Less, "12.5", true},
		{row, "used", LessEqual, "12", true},
		{row, "used", LessEqual, "11", false},
		{row, "used", Greater, "12", false},
		{row, "used", Greater, "-1", true},
		{row, "used", GreaterEqual, "12", true},
		{row, "used", GreaterEqual, "13", false},
		{row, "pct", Greater, "13558.3", true},
		{row, "email", Less, "5", false},
		{row, "email", Greater, "5", false},
		{row, "none", Less, "5", false},
		{row, "used", Less, "x", false},
		{row, "quota", Less, "5", false},
		{row, "quota", Greater, "5", false},
		{row, "quota", LessUnlimited, "5", false},
		{row, "quota", GreaterUnlimited, "5", true},
		{row, "quota", GreaterUnlimited, "unlimited", false},
		{row, "used", LessUnlimited, "unlimited", true},
		{row, "used", LessUnlimited, "5", false},
		{row, "used", GreaterUnlimited, "5", true},
		{empty, "quota", GreaterUnlimited, "5", false},
		{empty, "quota", LessUnlimited, "5", true},
		{row, "none", GreaterUnlimited, "5", false},
		{row, "ip", Defined, "", true},
		{empty, "ip", Defined, "", false},
		{empty, "email", Defined, "", true},
		{row, "none", Defined, "", false},
		{row, "ip", Undefined, "", false},
		{empty, "ip", Undefined, "", true},
		{row, "none", Undefined, "", true},
		{row, "*", Contains, "example", true},
		{row, "*", Equal, "12", true},
		{row, "*", Equal, "99", false},
		{row, "email", Op(99), "1", false},
		{row, "used", Op(99), "1", false},
	} {
		got, report := Apply([]mailbox{c.row}, Query{Filters: []Filter{{Column: c.column, Op: c.op, Term: c.term}}})
		if n := count(got); (n == 1) != c.want || report.Total != n || report.Before != 1 {
			t.Errorf("%s %d %q left %d rows, report %+v; want %v", c.column, c.op, c.term, n, report, c.want)
		}
	}
}

func TestSort(t *testing.T) {
	type row struct {
		ID string `json:"id"`
		V  any    `json:"v"`
	}
	for _, c := range []struct {
		method  Method
		reverse bool
		values  []any
		want    string // ids, which are a, b, c… in the order of values
	}{
		{Lexicographic, false, []any{"b", "a", "B", "", nil}, "decba"},
		{Lexicographic, false, []any{10, 9, 100}, "acb"},
		{Lexicographic, true, []any{"x", "y", "x"}, "bac"},
		{Numeric, false, []any{10, "9", 100.5, "-1", true}, "debac"},
		{Numeric, false, []any{1, "unlimited", "text", nil, 0}, "cdeab"},
		{Numeric, true, []any{1, 2, 1, 2}, "bdac"},
		{NumericZeroAsMax, false, []any{5, 0, "0", 1, "unlimited"}, "dabce"},
		{NumericZeroAsMax, true, []any{5, 0, 1}, "bac"},
		{IPv4, false, []any{"10.0.0.2", "9.0.0.1", "10.0.0.10", "nonsense", "::1", "::ffff:1.2.3.4"}, "defbac"},
		{IPv4, true, []any{"10.0.0.2", "255.255.255.255", ""}, "bac"},
	} {
		var rows []row
		for i, v := range c.values {
			rows = append(rows, row{string(rune('a' + i)), v})
		}
		data, _ := Apply(rows, sorted(Sort{"v", c.method, c.reverse}))
		got := ""
		for _, r := range data.([]*row) {
			got += r.ID
		}
		if got != c.want {
			t.Errorf("method %d reverse %v of %v = %s, want %s", c.method, c.reverse, c.values, got, c.want)
		}
	}
}

func TestSortByTwo(t *testing.T) {
	data := []map[string]string{{"a": "2", "b": "x"}, {"a": "1", "b": "y"}, {"a": "2", "b": "w"}}
	got, _ := Apply(data, sorted(Sort{Column: "a", Method: Numeric, Reverse: true}, Sort{Column: "b"}))
	if want := `[{"a":"2","b":"w"},{"a":"2","b":"x"},{"a":"1","b":"y"}]`; wire(got) != want {
		t.Errorf("got %s, want %s", wire(got), want)
	}
	if data[0]["b"] != "x" {
		t.Error("the data itself was sorted")
	}
}

type number struct {
	N int `json:"n"`
}

func upTo(n int) []number {
	rows := make([]number, n)
	for i := range rows {
		rows[i].N = i + 1
	}
	return rows
}

func TestPage(t *testing.T) {
	for _, c := range []struct {
		rows int
		page Page
		want string
		meta string
	}{
		{5, Page{1, 2}, `[{"n":1},{"n":2}]`, `{"current_page":1,"results_per_page":2,"start_result":"1","total_pages":3,"total_results":5}`},
		{5, Page{5, 2}, `[{"n":5}]`, `{"current_page":3,"results_per_page":2,"start_result":"5","total_pages":3,"total_results":5}`},
		{5, Page{4, 2}, `[{"n":4},{"n":5}]`, `{"current_page":2,"results_per_page":2,"start_result":"4","total_pages":3,"total_results":5}`},
		{5, Page{6, 2}, `[]`, `{"current_page":3,"results_per_page":2,"start_result":"6","total_pages":3,"total_results":5}`},
		{2, Page{}, `[{"n":1},{"n":2}]`, `{"current_page":1,"results_per_page":2,"start_result":"1","total_pages":1,"total_results":2}`},
		{2, Page{2, 0}, `[{"n":2}]`, `{"current_page":1,"results_per_page":2,"start_result":"2","total_pages":1,"total_results":2}`},
		{1, Page{1, 100}, `[{"n":1}]`, `{"current_page":1,"results_per_page":100,"start_result":"1","total_pages":1,"total_results":1}`},
		{0, Page{1, 10}, `[]`, `{"current_page":1,"results_per_page":10,"start_result":"1","total_pages":1,"total_results":0}`},
		{0, Page{}, `[]`, `{"current_page":1,"results_per_page":0,"start_result":"1","total_pages":1,"total_results":0}`},
		{2, Page{-7, -7}, `[{"n":1},{"n":2}]`, `{"current_page":1,"results_per_page":2,"start_result":"1","total_pages":1,"total_results":2}`},
		{2, Page{1 << 60, 1 << 61}, `[]`, `{"current_page":1,"results_per_page":2305843009213693952,"start_result":"1152921504606846976","total_pages":1,"total_results":2}`},
	} {
		got, report := Apply(upTo(c.rows), Query{Page: &c.page})
		if wire(got) != c.want || wire(report.Paginate()) != c.meta {
			t.Errorf("page %+v of %d = %s %s, want %s %s", c.page, c.rows, wire(got), wire(report.Paginate()), c.want, c.meta)
		}
	}
}

func TestReport(t *testing.T) {
	_, report := Apply(upTo(57), Query{
		Filters: []Filter{{Column: "n", Op: Less, Term: "40"}},
		Page:    &Page{21, 20},
	})
	for _, c := range []struct {
		meta any
		want string
	}{
		{report.UAPI(), `{"filter":{"records_before_filter":57},"paginate":{"current_page":2,"results_per_page":20,"start_result":"21","total_pages":2,"total_results":39},"transformed":1}`},
		{report.WHM(), `{"chunk":{"chunks":2,"current":2,"records":39,"size":20,"start":21},"filter":{"filtered":57}}`},
		{Report{}.UAPI(), `{}`},
		{Report{}.WHM(), `{}`},
		{Report{}.Paginate(), `null`},
	} {
		if got := wire(c.meta); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

type ownList []number

func (ownList) AppendJSON(dst []byte) []byte { return append(dst, `"own"`...) }

func TestApplyLeavesAlone(t *testing.T) {
	q := Query{Filters: []Filter{{Column: "n", Op: Equal, Term: "x"}}, Page: &Page{1, 1}}
	for _, data := range []any{
		nil, "text", 5, []string{"a", "b"}, []int{1, 2}, map[string]any{"n": 1, "m": 2}, &number{1},
		[]any{map[string]any{"n": 1}, "mixed"}, []any{nil}, []time.Time{{}}, [][]number{{{1}}}, ownList{{1}, {2}},
	} {
		got, report := Apply(data, q)
		if diff := cmp.Diff(data, got); diff != "" || report != (Report{}) {
			t.Errorf("Apply(%#v) changed it: report %+v\n%s", data, report, diff)
		}
	}
	if got, report := Apply(upTo(2), Query{}); count(got) != 2 || report.Applied {
		t.Error("the zero Query did something")
	}
}

func TestApplyAnyRows(t *testing.T) {
	for _, data := range []any{
		upTo(4),
		[]*number{{1}, nil, {3}, {2}, {4}},
		[]map[string]any{{"n": 1}, {"n": 3}, {"n": 2}, {"n": 4}},
		[]map[string]string{{"n": "1"}, {"n": "3"}, {"n": "2"}, {"n": "4"}},
		[]map[string]int{{"n": 1}, {"n": 3}, {"n": 2}, {"n": 4}},
		[]any{number{1}, &number{3}, map[string]int{"n": 2}, map[string]any{"n": "4"}},
		new(upTo(4)),
	} {
		got, report := Apply(data, Query{
			Filters: []Filter{{Column: "n", Op: Greater, Term: "1"}},
			Sorts:   []Sort{{"n", Numeric, true}},
			Page:    &Page{2, 2},
			Columns: []string{"n", "none"},
		})
		text := wire(got)
		if text != `[{"n":3},{"n":2}]` && text != `[{"n":"3"},{"n":"2"}]` {
			t.Errorf("Apply(%T) = %s", data, text)
		}
		if report.Total != 3 {
			t.Errorf("Apply(%T) reports %+v", data, report)
		}
	}
}

// Rows are pointed to, not copied.
func TestApplyCopiesNoRow(t *testing.T) {
	rows := upTo(3)
	got, _ := Apply(rows, sorted(Sort{"n", Numeric, true}))
	if p := got.([]*number)[0]; p != &rows[2] {
		t.Error("the first row is a copy")
	}
	got, _ = Apply(rows, paged(2, 1))
	if p := &got.([]number)[0]; p != &rows[1] {
		t.Error("the page is a copy")
	}
}

func TestApplyWithin(t *testing.T) {
	type accounts struct {
		Acct []number `json:"acct"`
	}
	q := Query{Filters: []Filter{{Column: "n", Op: Greater, Term: "2"}}, Columns: []string{"n"}}
	for _, c := range []struct {
		data any
		q    Query
		want string
	}{
		{accounts{upTo(3)}, q, `{"acct":[{"n":3}]}`},
		{&accounts{upTo(3)}, q, `{"acct":[{"n":3}]}`},
		{map[string]any{"acct": upTo(3)}, q, `{"acct":[{"n":3}]}`},
		{upTo(3), q, `[{"n":3}]`},
		{upTo(3), Query{}, `[{"n":1},{"n":2},{"n":3}]`},
		{map[string]any{"acct": upTo(1), "n": 1}, q, `{"acct":[{"n":1}],"n":1}`},
		{map[string]any{"user": "bob"}, q, `{"user":"bob"}`},
		{map[string]any{"users": []string{"bob"}}, q, `{"users":["bob"]}`},
		{struct{}{}, q, `{}`},
		{nil, q, `null`},
		{ownList{}, q, `"own"`},
	} {
		got, _ := ApplyWithin(c.data, c.q)
		if wire(got) != c.want {
			t.Errorf("ApplyWithin(%s) = %s, want %s", wire(c.data), wire(got), c.want)
		}
	}
}

func TestApplyLarge(t *testing.T) {
	const n = 100_000
	rows := make([]mailbox, n)
	for i := range rows {
		rows[i] = mailbox{Email: fmt.Sprintf("user%d@example.com", i), Used: i * 7919 % n}
	}
	got, report := Apply(rows, Query{
		Filters: []Filter{{Column: "used", Op: GreaterEqual, Term: "1000"}},
		Sorts:   []Sort{{Column: "used", Method: Numeric}},
		Page:    &Page{501, 100},
	})
	page := got.([]*mailbox)
	if len(page) != 100 || page[0].Used != 1500 || page[99].Used != 1599 || report.Total != n-1000 || report.Before != n {
		t.Errorf("%d rows from %d, report %+v", len(page), page[0].Used, report)
	}
	if !slices.IsSortedFunc(page, func(x, y *mailbox) int { return x.Used - y.Used }) {
		t.Error("not sorted")
	}
}

// What is left of a list still goes through encoding/json unchanged.
func TestApplyRowsEncode(t *testing.T) {
	got, _ := Apply(upTo(2), sorted(Sort{"n", Numeric, true}))
	want, err := json.Marshal(got)
	if err != nil || wire(got) != string(want) {
		t.Errorf("got %s, want %s, %v", wire(got), want, err)
	}
}

func BenchmarkWanted(b *testing.B) {
	args := given("email=someone&domain=example.com&quota=250&password=x")
	b.ReportAllocs()
	for b.Loop() {
		Wanted(args)
	}
}

func BenchmarkApply(b *testing.B) {
	rows := make([]mailbox, 100_000)
	for i := range rows {
		rows[i] = mailbox{Email: fmt.Sprintf("user%d@example.com", i), Used: i * 7919 % len(rows)}
	}
	for _, c := range []struct {
		name string
		q    Query
	}{
		{"page", paged(1, 100)},
		{"filter", filtered(Filter{Column: "email", Op: Contains, Term: "9@"})},
		{"sort", sorted(Sort{Column: "used", Method: Numeric})},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Apply(rows, c.q)
			}
		})
	}
}
