package list

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// given are the arguments of a query string, unescaped: "a=1&b=2".
func given(query string) api.Args {
	var args api.Args
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		args = append(args, api.Arg{Key: key, Value: value})
	}
	return args
}

type parser func(api.Args) (Query, error)

func filtered(f ...Filter) Query { return Query{Filters: f} }
func sorted(s ...Sort) Query     { return Query{Sorts: s} }
func paged(start, size int) Query {
	return Query{Page: &Page{Start: start, Size: size}}
}
func showing(columns ...string) Query { return Query{Columns: columns} }

func TestParse(t *testing.T) {
	domainEq := Filter{Column: "domain", Op: Equal, Term: "example.com"}
	for _, c := range []struct {
		parse parser
		args  string
		want  Query
	}{
		{FromUAPI, "", Query{}},
		{FromUAPI, "email=a&domain=b&api.analytics=1&api.version=1", Query{}},
		{FromUAPI, "api.filter=1", Query{}},
		{FromUAPI, "api.filter=1&api.filter_column=domain&api.filter_type=eq&api.filter_term=example.com", filtered(domainEq)},
		{FromUAPI, "api.filter_column=domain&api.filter_type=eq&api.filter_term=example.com", filtered(domainEq)},
		{FromUAPI, "api.filter_term_0=example.com&api.filter_type_0=eq&api.filter_column_0=domain", filtered(domainEq)},
		{FromUAPI, "api.filter=0&api.filter_column=domain&api.filter_type=nonsense", Query{}},
		{FromUAPI, "api.filter=&api.filter_column=domain", Query{}},
		{FromUAPI, "api.filter_column=a", filtered(Filter{Column: "a"})},
		{FromUAPI, "api.filter_column=a&api.filter_type=", filtered(Filter{Column: "a"})},
		{FromUAPI, "api.filter_column=&api.filter_term=&api.filter_type=eq", Query{}},
		{FromUAPI, "api.filter_column=*&api.filter_term=x", filtered(Filter{Column: "*", Term: "x"})},
		{FromUAPI, "api.filter_column_10=k&api.filter_column_2=c&api.filter_column=z&api.filter_column_0=a",
			filtered(Filter{Column: "z"}, Filter{Column: "a"}, Filter{Column: "c"}, Filter{Column: "k"})},
		{FromUAPI, "api.filter_column=a&api.filter_type=lt_handle_unlimited&api.filter_term=unlimited",
			filtered(Filter{Column: "a", Op: LessUnlimited, Term: "unlimited"})},
		{FromUAPI, "api.filter_column=a&api.filter_type=matches&api.filter_term=^x+$", filtered(Filter{Column: "a", Op: Matches, Term: "^x+$"})},
		{FromUAPI, "api2_filter_column=a&api.filter.a.field=b", Query{}},
		{FromUAPI, "api.sort=1", Query{}},
		{FromUAPI, "api.sort_column=user", sorted(Sort{Column: "user"})},
		{FromUAPI, "api.sort=1&api.sort_column_0=_diskused&api.sort_method_0=numeric&api.sort_reverse_0=1&api.sort_column_1=user&api.sort_reverse_1=0",
			sorted(Sort{"_diskused", Numeric, true}, Sort{Column: "user"})},
		{FromUAPI, "api.sort_column=q&api.sort_method=numeric_zero_as_max", sorted(Sort{Column: "q", Method: NumericZeroAsMax})},
		{FromUAPI, "api.sort_column=ip&api.sort_method=ipv4&api.sort_reverse=", sorted(Sort{Column: "ip", Method: IPv4})},
		{FromUAPI, "api.sort=0&api.sort_column=user&api.sort_method=nonsense", Query{}},
		{FromUAPI, "api.sort_column=&api.sort_method=nonsense", Query{}},
		{FromUAPI, "api.paginate=1", paged(1, 0)},
		{FromUAPI, "api.paginate=1&api.paginate_start=21&api.paginate_size=20", paged(21, 20)},
		{FromUAPI, "api.paginate_start=5", paged(5, 0)},
		{FromUAPI, "api.paginate_start=0&api.paginate_size=20&api.paginate_page=1", paged(1, 20)},
		{FromUAPI, "api.paginate_size=20&api.paginate_page=3", paged(41, 20)},
		{FromUAPI, "api.paginate=1&api.paginate_start=-1", paged(1, 0)},
		{FromUAPI, "api.paginate_start=-1&api.paginate_size=10&api.paginate_page=4", paged(1, 0)},
		{FromUAPI, "api.paginate=0&api.paginate_size=x", Query{}},
		{FromUAPI, "api.paginate_start=&api.paginate_size=&api.paginate_page=", Query{}},
		{FromUAPI, "api.paginate_size= 7 ", paged(1, 7)},
		{FromUAPI, "api.columns_a=x&api.normalize=1&api.filter_verbose=1&api.sort_a_b_c=1", Query{}},

		{FromAPI2, "api2_filter=1&api2_filter_column=domain&api2_filter_type=eq&api2_filter_term=example.com", filtered(domainEq)},
		{FromAPI2, "api2_sort=1&api2_columns_a=ip&api2_columns_b=timestamp&api2_columns=1", showing("ip", "timestamp")},
		{FromAPI2, "api2_columns=0&api2_columns_a=ip", Query{}},
		{FromAPI2, "api2_sort_column=diskused&api2_sort_method=numeric&api2_sort_reverse=1", sorted(Sort{"diskused", Numeric, true})},
		{FromAPI2, "api2_paginate=1&api2_paginate_start=3&api2_paginate_size=5", paged(3, 5)},
		{FromAPI2, "api.filter_column=domain&api.paginate=1", Query{}},

		{FromWHM, "api.version=1&api.filter.enable=1&api.filter.verbose=1&api.chunk.verbose=1", Query{}},
		{FromWHM, "api.filter.enable=1&api.filter.a.field=user&api.filter.a.arg0=bob&api.filter.a.type=eq", filtered(Filter{Column: "user", Op: EqualText, Term: "bob"})},
		{FromWHM, "api.filter.a.field=n&api.filter.a.arg0=4&api.filter.a.type===", filtered(Filter{Column: "n", Op: Equal, Term: "4"})},
		{FromWHM, "api.filter.a.field=n&api.filter.a.arg0=4&api.filter.a.type=lt_equal", filtered(Filter{Column: "n", Op: LessEqual, Term: "4"})},
		{FromWHM, "api.filter.zb.field=bb&api.filter.za.field=aa&api.filter.z.field=z&api.filter.b.field=b&api.filter.zza.field=c&api.filter.a.field=a",
			filtered(Filter{Column: "a"}, Filter{Column: "b"}, Filter{Column: "z"}, Filter{Column: "aa"}, Filter{Column: "bb"}, Filter{Column: "c"})},
		{FromWHM, "api.filter.enable=0&api.filter.a.field=a", Query{}},
		{FromWHM, "api.sort.enable=1&api.sort.field=owner", sorted(Sort{Column: "owner"})},
		{FromWHM, "api.sort.enable=1&api.sort.b.field=user&api.sort.a.field=owner&api.sort.a.method=numeric&api.sort.a.reverse=1",
			sorted(Sort{"owner", Numeric, true}, Sort{Column: "user"})},
		{FromWHM, "api.chunk.enable=1&api.chunk.start=3&api.chunk.size=5", paged(3, 5)},
		{FromWHM, "api.chunk.enable=1&api.chunk.verbose=1&api.chunk.start=-1", paged(1, 0)},
		{FromWHM, "api.chunk.enable=0&api.chunk.start=3", Query{}},
		{FromWHM, "api.columns.enable=1&api.columns.a=user&api.columns.b=domain&api.columns.c=user&api.columns.d=", showing("user", "domain")},
		{FromWHM, "api.columns.enable=0&api.columns.a=user", Query{}},
		{FromWHM, "api.filter_column=domain&api.paginate=1&api.sort_column=x", Query{}},
	} {
		got, err := c.parse(given(c.args))
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
		}
		if diff := cmp.Diff(c.want, got, cmpopts.IgnoreUnexported(Filter{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.args, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		parse parser
		args  string
		param string
	}{
		{FromUAPI, "api.filter=maybe", "api.filter"},
		{FromUAPI, "api.filter_term=x", "api.filter_column"},
		{FromUAPI, "api.filter_term_3=x", "api.filter_column_3"},
		{FromUAPI, "api.filter_column_1=a&api.filter_type_1=is", "api.filter_type_1"},
		{FromUAPI, "api.filter_column=a&api.filter_type=lt_equal&api.filter_term=1", "api.filter_type"},
		{FromUAPI, "api.filter_column=a&api.filter_type=lt&api.filter_term=ten", "api.filter_term"},
		{FromUAPI, "api.filter_column=a&api.filter_type=gt", "api.filter_term"},
		{FromUAPI, "api.filter_column=a&api.filter_type=gt&api.filter_term=unlimited", "api.filter_term"},
		{FromUAPI, "api.filter_column=a&api.filter_type=matches&api.filter_term=(", "api.filter_term"},
		{FromUAPI, "api.filter_column=a&api.filter_type=matches&api.filter_term=(?=x)", "api.filter_term"},
		{FromUAPI, "api.filter_column=a&api.filter_type=matches&api.filter_term=" + strings.Repeat("a", maxPattern+1), "api.filter_term"},
		{FromUAPI, "api.filter_column=a&api.filter_type=matches&api.filter_term=((a{99}){99}){99}", "api.filter_term"},
		{FromUAPI, "api.sort=2", "api.sort"},
		{FromUAPI, "api.sort_column=a&api.sort_method=alphabetical", "api.sort_method"},
		{FromUAPI, "api.sort_column_0=a&api.sort_reverse_0=down", "api.sort_reverse_0"},
		{FromUAPI, "api.paginate=on", "api.paginate"},
		{FromUAPI, "api.paginate_start=first", "api.paginate_start"},
		{FromUAPI, "api.paginate_start=-2", "api.paginate_start"},
		{FromUAPI, "api.paginate_size=-1", "api.paginate_size"},
		{FromUAPI, "api.paginate_size=99999999999999999999", "api.paginate_size"},
		{FromUAPI, "api.paginate_page=1.5", "api.paginate_page"},
		{FromUAPI, "api.paginate_page=2", "api.paginate_size"},
		{FromAPI2, "api2_filter_column=a&api2_filter_type=is", "api2_filter_type"},
		{FromAPI2, "api2_columns=maybe", "api2_columns"},
		{FromAPI2, "api2_paginate_start=x", "api2_paginate_start"},
		{FromWHM, "api.filter.a.field=a&api.filter.a.type=ends", "api.filter.a.type"},
		{FromWHM, "api.filter.b.field=a&api.filter.b.type=gt_equal&api.filter.b.arg0=x", "api.filter.b.arg0"},
		{FromWHM, "api.filter.c.arg0=x", "api.filter.c.field"},
		{FromWHM, "api.sort.a.field=a&api.sort.a.method=x", "api.sort.a.method"},
		{FromWHM, "api.chunk.size=x", "api.chunk.size"},
		{FromWHM, "api.columns.enable=x", "api.columns.enable"},
	} {
		got, err := c.parse(given(c.args))
		e, ok := errors.AsType[*latchkey.Error](err)
		if !ok || e.Kind != latchkey.Invalid || e.Param != c.param || !strings.Contains(e.Msg, c.param) {
			t.Errorf("%s: error %#v, want one about %s", c.args, err, c.param)
		}
		if !got.Zero() {
			t.Errorf("%s: query %+v beside the error", c.args, got)
		}
	}
}

func TestParseRefusesTooMany(t *testing.T) {
	var args api.Args
	for i := range maxParts + 1 {
		args = append(args, api.Arg{Key: "api.sort_column_" + strings.Repeat("1", i), Value: "a"})
	}
	if _, err := FromUAPI(args[:maxParts]); err != nil {
		t.Error(err)
	}
	if _, err := FromUAPI(args); latchkey.KindOf(err) != latchkey.Invalid {
		t.Errorf("%d sorts: error %v, want Invalid", len(args), err)
	}
}

// The body wins over the query, as for any scalar.
func TestParseBodyWins(t *testing.T) {
	args := api.Args{{Key: "api.sort_column", Value: "query"}, {Key: "api.sort_column", Value: "body", Body: true}}
	q, err := FromUAPI(args)
	if err != nil || len(q.Sorts) != 1 || q.Sorts[0].Column != "body" {
		t.Errorf("FromUAPI = %+v, %v; want a sort by body", q, err)
	}
}

func TestIsMetaAndWanted(t *testing.T) {
	for _, c := range []struct {
		key          string
		meta, wanted bool
	}{
		{"api.filter", true, true},
		{"api.filter_column_0", true, true},
		{"api.filter.a.field", true, true},
		{"api.sort", true, true},
		{"api.paginate_start", true, true},
		{"api.chunk.enable", true, true},
		{"api.columns.a", true, true},
		{"api2_filter", true, true},
		{"api2_sort_column", true, true},
		{"api2_paginate", true, true},
		{"api2_columns_a", true, true},
		{"api.version", true, false},
		{"api.analytics", true, false},
		{"api.filters", true, false},
		{"api.", true, false},
		{"api", false, false},
		{"api2_filtered", false, false},
		{"api2_", false, false},
		{"apikey", false, false},
		{"api_filter", false, false},
		{"", false, false},
		{"email", false, false},
	} {
		if got := IsMeta(c.key); got != c.meta {
			t.Errorf("IsMeta(%q) = %v, want %v", c.key, got, c.meta)
		}
		if got := Wanted(api.Args{{Key: "x"}, {Key: c.key}}); got != c.wanted {
			t.Errorf("Wanted(%q) = %v, want %v", c.key, got, c.wanted)
		}
	}
}

func TestWantedAllocatesNothing(t *testing.T) {
	args := given("email=a&domain=b&api.version=1&quota=0")
	if n := testing.AllocsPerRun(100, func() { Wanted(args) }); n != 0 {
		t.Errorf("Wanted allocates %v times", n)
	}
}

func fuzzParser(f *testing.F, parse parser, seeds ...string) {
	for _, s := range seeds {
		f.Add(s)
	}
	data := []map[string]any{{"a": 1, "user": "bob"}, {"a": "unlimited"}, {}}
	f.Fuzz(func(t *testing.T, query string) {
		args := given(query)
		q, err := parse(args)
		if err != nil {
			e, ok := errors.AsType[*latchkey.Error](err)
			if !ok || e.Kind != latchkey.Invalid || e.Param == "" || e.Msg == "" {
				t.Fatalf("error %#v is not Invalid with a parameter and a message", err)
			}
			return
		}
		if !q.Zero() && !Wanted(args) {
			t.Fatalf("%+v, but nothing was wanted", q)
		}
		got, report := Apply(data, q)
		if n := count(got); n > len(data) || report.Total > len(data) {
			t.Fatalf("%+v left %d of %d rows", q, n, len(data))
		}
	})
}

func FuzzFromUAPI(f *testing.F) {
	fuzzParser(f, FromUAPI,
		"api.filter_column_0=a&api.filter_type_0=lt_handle_unlimited&api.filter_term_0=3",
		"api.filter_column=a&api.filter_type=matches&api.filter_term=[a-z]+(",
		"api.sort_column=a&api.sort_method=ipv4&api.sort_reverse=1&api.paginate_start=2&api.paginate_size=1&api.paginate_page=2")
}

func FuzzFromAPI2(f *testing.F) {
	fuzzParser(f, FromAPI2, "api2_filter_column=a&api2_filter_type=ne&api2_filter_term=3&api2_columns_a=a&api2_paginate_start=-1")
}

func FuzzFromWHM(f *testing.F) {
	fuzzParser(f, FromWHM, "api.filter.za.field=*&api.filter.za.arg0=b&api.sort.a.field=a&api.chunk.size=1&api.columns.a=user")
}
