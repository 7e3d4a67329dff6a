package encode

import (
	"bytes"
	"encoding/json"
	"iter"
	"reflect"
	"strconv"
	"strings"
)

// Value is one column of a row. The zero Value is a column that is not there.
type Value struct {
	v      reflect.Value
	plan   *plan
	quoted bool
}

// Column finds the column of row that stands under name on the wire. A row is a
// struct, a map with string keys, or a pointer to one. A column that Append would
// leave out is not found.
func Column(row any, name string) (Value, bool) {
	switch m := row.(type) { // the common maps, without reflection
	case map[string]any:
		v, ok := m[name]
		return newValue(reflect.ValueOf(v)), ok
	case map[string]string:
		v, ok := m[name]
		if !ok {
			return Value{}, false
		}
		return newValue(reflect.ValueOf(v)), true
	}
	v, p := rowOf(row)
	switch {
	case p == nil:
		return Value{}, false
	case v.Kind() == reflect.Map:
		return mapColumn(v, name)
	}
	i, ok := p.byName[name]
	if !ok {
		return Value{}, false
	}
	return p.fields[i].column(v)
}

// Pick is the row with no other columns than these.
func Pick(row any, columns []string) map[string]any {
	part := make(map[string]any, len(columns))
	for _, name := range columns {
		if v, ok := Column(row, name); ok {
			part[name] = v.Interface()
		}
	}
	return part
}

// Columns gives the columns of row and their names, in the order of a struct's
// fields, in no order for a map. What is not a row has none.
func Columns(row any) iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		v, p := rowOf(row)
		switch {
		case p == nil:
		case v.Kind() == reflect.Map:
			eachEntry(v, yield)
		default:
			eachField(v, p, yield)
		}
	}
}

func eachEntry(v reflect.Value, yield func(string, Value) bool) {
	for iter := v.MapRange(); iter.Next(); {
		if !yield(iter.Key().String(), newValue(iter.Value())) {
			return
		}
	}
}

func eachField(v reflect.Value, p *plan, yield func(string, Value) bool) {
	for i := range p.fields {
		value, ok := p.fields[i].column(v)
		if ok && !yield(p.fields[i].name, value) {
			return
		}
	}
}

// HasColumns reports whether values of type t are rows for [Column]. For an
// interface type only the values inside can tell, and it is false.
func HasColumns(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return planOf(t).row
}

// rowOf follows pointers to the struct or map that row is; the plan is nil when it
// is neither.
func rowOf(row any) (reflect.Value, *plan) {
	v := reflect.ValueOf(row)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if !v.IsValid() {
		return v, nil
	}
	p := planOf(v.Type())
	if !p.row {
		return v, nil
	}
	return v, p
}

func mapColumn(v reflect.Value, name string) (Value, bool) {
	key := reflect.ValueOf(name)
	if v.Type().Key() != key.Type() {
		key = key.Convert(v.Type().Key())
	}
	entry := v.MapIndex(key)
	if !entry.IsValid() {
		return Value{}, false
	}
	return newValue(entry), true
}

func (f *field) column(row reflect.Value) (Value, bool) {
	v, ok := f.find(row)
	if !ok || f.omit != nil && f.omit(v) {
		return Value{}, false
	}
	c := newValue(v)
	c.quoted = f.quoted
	return c, true
}

// newValue looks through interfaces and pointers to what would be written.
func newValue(v reflect.Value) Value {
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		v = v.Elem() // invalid when it was nil
	}
	if !v.IsValid() {
		return Value{}
	}
	return Value{v: v, plan: planOf(v.Type())}
}

// Defined reports whether the column holds anything: it is there, and not null.
func (c Value) Defined() bool {
	if !c.v.IsValid() {
		return false
	}
	if c.plan.plain && (c.v.Kind() == reflect.String || c.v.CanInt()) {
		return true
	}
	var buf [64]byte
	return string(c.append(buf[:0])) != "null"
}

// Text is the column as text: a string as it is, a number or a bool as its JSON, ""
// for what is not defined. A list or an object is its JSON.
func (c Value) Text() string {
	if !c.v.IsValid() {
		return ""
	}
	if c.v.Kind() == reflect.String && c.plan.plain {
		return c.v.String()
	}
	var buf [64]byte
	raw := c.append(buf[:0])
	switch {
	case string(raw) == "null":
		return ""
	case raw[0] != '"':
		return string(raw)
	case bytes.IndexByte(raw, '\\') < 0:
		return string(raw[1 : len(raw)-1])
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return string(raw)
	}
	return s
}

// Number is the column as a number: of a number, a bool (1 or 0) or a text that is
// a plain decimal number and nothing else.
func (c Value) Number() (float64, bool) {
	if !c.v.IsValid() {
		return 0, false
	}
	if c.v.CanInt() && c.plan.plain {
		return float64(c.v.Int()), true
	}
	return ParseNumber(c.Text())
}

// Interface is the column's value as it is to be passed on to [Append]: what the
// field holds, or its text where the tag asks for a string.
func (c Value) Interface() any {
	switch {
	case !c.v.IsValid():
		return nil
	case c.quoted && c.Defined():
		return c.Text()
	}
	return c.v.Interface()
}

func (c Value) append(dst []byte) []byte { return c.plan.write(dst, c.v, 0) }

// ParseNumber reads s as the numbers of the wire are written: digits with an
// optional sign and fraction, no exponent, nothing around them but white space.
func ParseNumber(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	if s == "" || strings.Trim(s, "0123456789.+-") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}
