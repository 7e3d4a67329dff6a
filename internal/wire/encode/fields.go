package encode

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
)

// field is one field of a struct as it stands on the wire.
type field struct {
	name   string
	key    string // `,"name":`
	index  []int  // the way to it through embedded structs
	plan   *plan
	write  writeFunc
	omit   func(reflect.Value) bool // nil when it is always written
	tagged bool
	quoted bool // the option string
}

// resolve settles how the field is written, once all plans are made.
func (f *field) resolve() {
	f.write = f.plan.write
	if f.quoted {
		f.write = writeQuoted(f.plan)
	}
}

// find is the field's value in the struct v; false when an embedded pointer on
// the way is nil.
func (f *field) find(v reflect.Value) (reflect.Value, bool) {
	for i, n := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}, false
			}
			v = v.Elem()
		}
		v = v.Field(n)
	}
	return v, true
}

func writeStruct(fields []field) writeFunc {
	return func(dst []byte, v reflect.Value, depth int) []byte {
		if depth > maxDepth {
			return append(dst, "null"...)
		}
		first := 1
		dst = append(dst, '{')
		for i := range fields {
			f := &fields[i]
			value, ok := v, true
			if len(f.index) == 1 {
				value = v.Field(f.index[0])
			} else if value, ok = f.find(v); !ok {
				continue
			}
			if f.omit != nil && f.omit(value) {
				continue
			}
			dst = append(dst, f.key[first:]...)
			first = 0
			dst = f.write(dst, value, depth+1)
		}
		return append(dst, '}')
	}
}

// fields are the fields of the struct type t that are written, in their order.
// Of several with one name the least embedded counts, then the one with a tag;
// where that does not decide, none does.
func (b builder) fields(t reflect.Type) []field {
	found := candidates(t)
	slices.SortStableFunc(found, func(x, y field) int {
		return cmp.Or(strings.Compare(x.name, y.name), len(x.index)-len(y.index), tagFirst(x, y))
	})
	var kept []field
	for i := 0; i < len(found); {
		n := 1
		for i+n < len(found) && found[i+n].name == found[i].name {
			n++
		}
		if n == 1 || len(found[i].index) != len(found[i+1].index) || found[i].tagged != found[i+1].tagged {
			kept = append(kept, found[i])
		}
		i += n
	}
	slices.SortFunc(kept, func(x, y field) int { return slices.Compare(x.index, y.index) })
	for i := range kept {
		f := &kept[i]
		f.plan = b.plan(t.FieldByIndex(f.index).Type)
	}
	return kept
}

func tagFirst(x, y field) int {
	switch {
	case x.tagged == y.tagged:
		return 0
	case x.tagged:
		return -1
	}
	return 1
}

// candidates are all fields of t and of the structs embedded in it, level by level.
func candidates(t reflect.Type) []field {
	type level struct {
		t     reflect.Type
		index []int
	}
	var found []field
	seen := map[reflect.Type]bool{}
	for now := []level{{t: t}}; len(now) > 0; {
		var next []level
		for _, l := range now {
			seen[l.t] = true
		}
		for _, l := range now {
			for i := range l.t.NumField() {
				sf := l.t.Field(i)
				index := append(slices.Clone(l.index), i)
				name, options, _ := strings.Cut(sf.Tag.Get("json"), ",")
				if name == "-" && options == "" && !strings.HasSuffix(sf.Tag.Get("json"), ",") {
					continue
				}
				if inner := embedded(sf); inner != nil && name == "" {
					if !seen[inner] {
						next = append(next, level{inner, index})
					}
					continue
				}
				if sf.IsExported() {
					found = append(found, newField(sf, index, name, options))
				}
			}
		}
		now = next
	}
	return found
}

// embedded is the struct type that sf embeds by value or by pointer, or nil.
func embedded(sf reflect.StructField) reflect.Type {
	if !sf.Anonymous {
		return nil
	}
	t := sf.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	return t
}

func newField(sf reflect.StructField, index []int, name, options string) field {
	f := field{name: name, index: index, tagged: name != ""}
	if name == "" {
		f.name = sf.Name
	}
	f.key = string(append(appendString([]byte{','}, f.name), ':'))
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitempty":
			f.omit = either(f.omit, isEmpty)
		case "omitzero":
			f.omit = either(f.omit, isZero)
		case "string":
			f.quoted = true
		}
	}
	return f
}

func either(x, y func(reflect.Value) bool) func(reflect.Value) bool {
	if x == nil {
		return y
	}
	return func(v reflect.Value) bool { return x(v) || y(v) }
}

// isEmpty is the test of omitempty.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

// isZero is the test of omitzero: the value's own, if it has one.
func isZero(v reflect.Value) bool {
	if v.Kind() == reflect.Pointer && v.IsNil() || v.Kind() == reflect.Interface && v.IsNil() {
		return true
	}
	if z, ok := v.Interface().(interface{ IsZero() bool }); ok {
		return z.IsZero()
	}
	return v.IsZero()
}

// writeQuoted puts the value between quotes unless it is null, a string already,
// a list or an object.
func writeQuoted(p *plan) writeFunc {
	return func(dst []byte, v reflect.Value, depth int) []byte {
		start := len(dst)
		dst = p.write(append(dst, '"'), v, depth)
		if c := dst[start+1]; c == '-' || isDigit(c) {
			return append(dst, '"')
		}
		return append(dst[:start], dst[start+1:]...)
	}
}
