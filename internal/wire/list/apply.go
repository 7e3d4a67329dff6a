package list

import (
	"reflect"

	"github.com/latchkey/latchkey/internal/wire/encode"
)

// Apply filters, sorts and pages data as q asks, in this order, and then keeps the
// columns asked for. Data is a list when it is a slice of structs, of maps with
// string keys, or of pointers to them; anything else comes back untouched, with
// the zero [Report].
//
// What comes back is another slice of the same rows, for [encode.Append]; its type
// may be another. Data itself is never changed.
func Apply(data any, q Query) (any, Report) {
	if q.Zero() {
		return data, Report{}
	}
	r, ok := rowsOf(data)
	if !ok {
		return data, Report{}
	}
	report := Report{Applied: true, Before: r.Len(), Total: r.Len()}
	if len(q.Filters) > 0 || len(q.Sorts) > 0 {
		kept := r.filter(q.Filters)
		report.Filtered, report.Total = len(q.Filters) > 0, len(kept)
		if len(q.Sorts) > 0 {
			order(q.Sorts, r, kept)
		}
		from, to := report.page(q.Page)
		r = r.pick(kept[from:to])
	} else {
		from, to := report.page(q.Page)
		r = rows{r.Slice(from, to)}
	}
	if len(q.Columns) > 0 {
		return r.show(q.Columns), report
	}
	return r.Interface(), report
}

// ApplyWithin does as [Apply], and looks into data that is no list but holds
// nothing else than one, as answers of WHM do: {"acct":[…]}.
func ApplyWithin(data any, q Query) (any, Report) {
	if q.Zero() {
		return data, Report{}
	}
	name, inner, ok := only(data)
	if !ok {
		return Apply(data, q)
	}
	changed, report := Apply(inner, q)
	if !report.Applied {
		return data, report
	}
	return map[string]any{name: changed}, report
}

// only is the one column that data has.
func only(data any) (name string, inner any, ok bool) {
	if _, own := data.(encode.Appender); own {
		return "", nil, false
	}
	n := 0
	for column, v := range encode.Columns(data) {
		if n++; n > 1 {
			return "", nil, false
		}
		name, inner = column, v.Interface()
	}
	return name, inner, n == 1
}

// rows is a slice of rows.
type rows struct{ reflect.Value }

// rowsOf finds the rows in data.
func rowsOf(data any) (rows, bool) {
	if _, own := data.(encode.Appender); own {
		return rows{}, false
	}
	v := reflect.ValueOf(data)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Slice {
		return rows{}, false
	}
	if v.Type().Elem().Kind() != reflect.Interface {
		return rows{v}, encode.HasColumns(v.Type().Elem())
	}
	for i := range v.Len() {
		e := v.Index(i).Elem()
		if !e.IsValid() || !encode.HasColumns(e.Type()) {
			return rows{}, false
		}
	}
	return rows{v}, true
}

// at is row i, without copying it.
func (r rows) at(i int) any {
	v := r.Index(i)
	if v.Kind() == reflect.Struct {
		v = v.Addr()
	}
	return v.Interface()
}

// filter is where the rows stand that pass all filters.
func (r rows) filter(filters []Filter) []int {
	ready := matchers(filters)
	kept := make([]int, 0, r.Len())
next:
	for i := range r.Len() {
		row := r.at(i)
		for _, m := range ready {
			if !m.passes(row) {
				continue next
			}
		}
		kept = append(kept, i)
	}
	return kept
}

// pick is the rows at positions; structs are pointed to, so that none is copied.
func (r rows) pick(positions []int) rows {
	elem := r.Type().Elem()
	structs := elem.Kind() == reflect.Struct
	if structs {
		elem = reflect.PointerTo(elem)
	}
	picked := reflect.MakeSlice(reflect.SliceOf(elem), len(positions), len(positions))
	for i, at := range positions {
		v := r.Index(at)
		if structs {
			v = v.Addr()
		}
		picked.Index(i).Set(v)
	}
	return rows{picked}
}

// show is the rows with no other columns than these.
func (r rows) show(columns []string) []map[string]any {
	shown := make([]map[string]any, r.Len())
	for i := range shown {
		shown[i] = encode.Pick(r.at(i), columns)
	}
	return shown
}
