package list

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The model is the plainest way to do the same: rows of texts, everything copied,
// everything written out.

func modelApply(rows []map[string]string, q Query) ([]map[string]string, int) {
	kept := []map[string]string{}
	for _, row := range rows {
		ok := true
		for _, f := range q.Filters {
			ok = ok && modelPasses(row, f)
		}
		if ok {
			kept = append(kept, row)
		}
	}
	for _, s := range slices.Backward(q.Sorts) { // least first, each stable
		slices.SortStableFunc(kept, func(x, y map[string]string) int {
			if s.Reverse {
				x, y = y, x
			}
			return modelCompare(x[s.Column], y[s.Column], s.Method)
		})
	}
	total := len(kept)
	if q.Page != nil && q.Page.Size > 0 {
		var page []map[string]string
		for i, row := range kept {
			if i+1 >= q.Page.Start && i+1 < q.Page.Start+q.Page.Size {
				page = append(page, row)
			}
		}
		return page, total
	}
	return kept, total
}

func modelPasses(row map[string]string, f Filter) bool {
	text, there := row[f.Column]
	a, aok := modelNumber(text)
	b, bok := modelNumber(f.Term)
	same := text == f.Term || aok && bok && a == b
	infinite := func(s string, n float64, ok bool) (float64, bool) {
		if s == "unlimited" {
			return math.Inf(1), true
		}
		return n, ok
	}
	ua, uaok := infinite(text, a, aok)
	ub, ubok := infinite(f.Term, b, bok)
	switch f.Op {
	case Contains:
		return strings.Contains(strings.ToLower(text), strings.ToLower(f.Term))
	case Begins:
		return strings.HasPrefix(strings.ToLower(text), strings.ToLower(f.Term))
	case Ends:
		return strings.HasSuffix(strings.ToLower(text), strings.ToLower(f.Term))
	case Equal:
		return same
	case NotEqual:
		return !same
	case EqualText:
		return text == f.Term
	case Less:
		return aok && bok && a < b
	case LessEqual:
		return aok && bok && a <= b
	case Greater:
		return aok && bok && a > b
	case GreaterEqual:
		return aok && bok && a >= b
	case LessUnlimited:
		return uaok && ubok && ua < ub
	case GreaterUnlimited:
		return uaok && ubok && ua > ub
	case Defined:
		return there
	case Undefined:
		return !there
	}
	panic("no such op")
}

func modelNumber(s string) (float64, bool) {
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

func modelCompare(x, y string, m Method) int {
	switch m {
	case Lexicographic:
		return cmp.Compare(x, y)
	case IPv4:
		return slices.Compare(modelOctets(x), modelOctets(y))
	}
	place := func(s string) float64 {
		n, ok := modelNumber(s)
		switch {
		case s == "unlimited", ok && n == 0 && m == NumericZeroAsMax:
			return math.Inf(1)
		case !ok:
			return math.Inf(-1)
		}
		return n
	}
	return cmp.Compare(place(x), place(y))
}

func modelOctets(s string) []int {
	parts := strings.Split(s, ".")
	if len(parts) != 4 {
		return nil
	}
	var octets []int
	for _, p := range parts {
		n, _ := strconv.Atoi(p)
		octets = append(octets, n)
	}
	return octets
}

// modelValues are texts that show what kinds of comparison there are.
var modelValues = []string{"", "0", "1", "2", "10", "-1", "1.50", "1.5", "x", "X", "xy", "Yx", "unlimited", "10.0.0.2", "9.0.0.1", "10.0.0.10"}

func TestApplyAgainstModel(t *testing.T) {
	manyCases(t)
	column := rapid.SampledFrom([]string{"a", "b", "c"})
	value := rapid.SampledFrom(modelValues)
	row := rapid.MapOfN(column, value, 0, 3)
	filter := rapid.Custom(func(t *rapid.T) Filter {
		op := rapid.Custom(func(t *rapid.T) Op {
			return Op(rapid.IntRange(0, int(Undefined)).Filter(func(n int) bool { return Op(n) != Matches }).Draw(t, "n"))
		})
		return Filter{Column: column.Draw(t, "column"), Op: op.Draw(t, "op"), Term: value.Draw(t, "term")}
	})
	sort := rapid.Custom(func(t *rapid.T) Sort {
		return Sort{column.Draw(t, "column"), Method(rapid.IntRange(0, int(IPv4)).Draw(t, "method")), rapid.Bool().Draw(t, "reverse")}
	})
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(row, 0, 30).Draw(t, "rows")
		q := Query{
			Filters: rapid.SliceOfN(filter, 0, 2).Draw(t, "filters"),
			Sorts:   rapid.SliceOfN(sort, 0, 3).Draw(t, "sorts"),
		}
		if rapid.Bool().Draw(t, "paged") {
			q.Page = &Page{Start: rapid.IntRange(1, 40).Draw(t, "start"), Size: rapid.IntRange(1, 20).Draw(t, "size")}
		}
		want, total := modelApply(rows, q)
		got, report := Apply(rows, q)
		if diff := gocmp.Diff(wire(want), wire(got)); diff != "" {
			t.Fatalf("%+v (-want +got):\n%s", q, diff)
		}
		if report.Applied && report.Total != total {
			t.Fatalf("%+v: total %d, want %d", q, report.Total, total)
		}
	})
}
