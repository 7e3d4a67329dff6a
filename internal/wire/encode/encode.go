// Package encode writes Go values as the JSON of the wire: compact, with 1 and 0
// for booleans, empty lists for nil slices and no HTML escaping. It also reads the
// columns of a row by the names they have there, for filters and sorts.
// Start at [Append] and [Column].
package encode

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// Appender is a value that writes its own JSON. What it appends must be one
// complete and compact JSON value.
type Appender interface {
	AppendJSON(dst []byte) []byte
}

// maxDepth bounds how deep values may be nested, so that a value which contains
// itself ends in null instead of exhausting the stack.
const maxDepth = 500

// Append appends the JSON of v to dst and returns the extended buffer. It cannot
// fail: whatever JSON has no word for is null.
//
//   - A bool is 1 or 0. Integers are plain; a float is the shortest decimal that
//     reads back the same, never with an exponent; NaN and the infinities are null.
//   - A string is UTF-8 with invalid bytes replaced by U+FFFD; a []byte is a string.
//   - A nil pointer or interface is null, a nil slice is [], a nil map is {}.
//   - A map is written with its keys sorted. Keys are strings, integers or texts
//     ([encoding.TextMarshaler]); a map with other keys is null.
//   - A struct is written by its json tags, in the order of declaration, with embedded
//     structs flattened and the options omitempty, omitzero and string as in
//     [encoding/json]; a bool with the option string is "1" or "0".
//   - An [Appender] writes itself. A [json.Number] and a [json.RawMessage] pass
//     through when they are valid, and are strings when not.
//   - A [time.Time] is its Unix seconds, and null when zero.
//   - Any other [encoding.TextMarshaler] is a string.
//
// A MarshalJSON method is not used. Append may be called by many goroutines at once.
func Append(dst []byte, v any) []byte {
	return appendAny(dst, v, 0)
}

func appendAny(dst []byte, v any, depth int) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case string:
		return appendString(dst, v)
	case bool:
		return appendBit(dst, v)
	}
	rv := reflect.ValueOf(v)
	return planOf(rv.Type()).write(dst, rv, depth)
}

// plan is what is known of a type: how to write it and, for a struct, its fields.
type plan struct {
	write  writeFunc
	fields []field
	byName map[string]int // index into fields
	row    bool           // a struct or map with named columns
	plain  bool           // written by its kind alone
}

type writeFunc func(dst []byte, v reflect.Value, depth int) []byte

var plans sync.Map // of *plan by reflect.Type; only ever added to

// planOf finds the plan of t, and makes it the first time.
func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	b := builder{}
	p := b.plan(t)
	for _, p := range b { // all of them, before another goroutine can see one
		for i := range p.fields {
			p.fields[i].resolve()
		}
	}
	for t, p := range b {
		plans.LoadOrStore(t, p)
	}
	return p
}

// builder makes plans. It remembers those it has begun, so that a type may
// contain itself.
type builder map[reflect.Type]*plan

func (b builder) plan(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	if p, ok := b[t]; ok {
		return p
	}
	p := &plan{}
	b[t] = p
	switch special := writeSpecial(t); {
	case special != nil:
		p.write = special
	case t.Kind() == reflect.Struct:
		p.plain, p.row = true, true
		p.fields = b.fields(t)
		p.byName = make(map[string]int, len(p.fields))
		for i, f := range p.fields {
			p.byName[f.name] = i
		}
		p.write = writeStruct(p.fields)
	default:
		p.plain = true
		p.row = t.Kind() == reflect.Map && t.Key().Kind() == reflect.String
		p.write = b.writeKind(t)
	}
	return p
}

var (
	appenderType = reflect.TypeFor[Appender]()
	textType     = reflect.TypeFor[encoding.TextMarshaler]()
	timeType     = reflect.TypeFor[time.Time]()
	numberType   = reflect.TypeFor[json.Number]()
	rawType      = reflect.TypeFor[json.RawMessage]()
)

// writeSpecial is the writer of a type that is more than its kind, or nil.
func writeSpecial(t reflect.Type) writeFunc {
	switch t {
	case timeType:
		return writeTime
	case numberType:
		return writeNumber
	case rawType:
		return writeRaw
	}
	switch {
	case t.Kind() == reflect.Interface, t.Kind() == reflect.Pointer:
		return nil // what counts is the value inside
	case t.Implements(appenderType):
		return nilSafe(t, writeAppender)
	case reflect.PointerTo(t).Implements(appenderType):
		return byAddress(writeAppender)
	case t.Implements(textType):
		return nilSafe(t, writeText)
	case reflect.PointerTo(t).Implements(textType):
		return byAddress(writeText)
	}
	return nil
}

// nilSafe keeps the methods of a nil value from being called.
func nilSafe(t reflect.Type, write writeFunc) writeFunc {
	switch t.Kind() {
	case reflect.Map, reflect.Slice, reflect.Func, reflect.Chan:
		return func(dst []byte, v reflect.Value, depth int) []byte {
			if v.IsNil() {
				return append(dst, "null"...)
			}
			return write(dst, v, depth)
		}
	}
	return write
}

// byAddress calls write with the address of the value, for methods declared on
// the pointer.
func byAddress(write writeFunc) writeFunc {
	return func(dst []byte, v reflect.Value, depth int) []byte {
		if !v.CanAddr() {
			p := reflect.New(v.Type())
			p.Elem().Set(v)
			return write(dst, p, depth)
		}
		return write(dst, v.Addr(), depth)
	}
}

func writeAppender(dst []byte, v reflect.Value, _ int) []byte {
	return v.Interface().(Appender).AppendJSON(dst)
}

func writeText(dst []byte, v reflect.Value, _ int) []byte {
	text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
	if err != nil {
		return append(dst, "null"...)
	}
	return appendString(dst, text)
}

func writeTime(dst []byte, v reflect.Value, _ int) []byte {
	t := v.Interface().(time.Time)
	if t.IsZero() {
		return append(dst, "null"...)
	}
	return appendInt(dst, t.Unix())
}

func writeNumber(dst []byte, v reflect.Value, _ int) []byte {
	return appendNumber(dst, v.String())
}

func writeRaw(dst []byte, v reflect.Value, _ int) []byte {
	return appendRaw(dst, v.Bytes())
}

// writeKind is the writer of a type that is no more than its kind.
func (b builder) writeKind(t reflect.Type) writeFunc {
	switch t.Kind() {
	case reflect.Bool:
		return func(dst []byte, v reflect.Value, _ int) []byte { return appendBit(dst, v.Bool()) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(dst []byte, v reflect.Value, _ int) []byte { return appendInt(dst, v.Int()) }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return func(dst []byte, v reflect.Value, _ int) []byte { return appendUint(dst, v.Uint()) }
	case reflect.Float32:
		return func(dst []byte, v reflect.Value, _ int) []byte { return appendFloat(dst, v.Float(), 32) }
	case reflect.Float64:
		return func(dst []byte, v reflect.Value, _ int) []byte { return appendFloat(dst, v.Float(), 64) }
	case reflect.String:
		return func(dst []byte, v reflect.Value, _ int) []byte { return appendString(dst, v.String()) }
	case reflect.Interface:
		return writeInterface
	case reflect.Pointer:
		return b.writePointer(t)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 && writeSpecial(t.Elem()) == nil {
			return func(dst []byte, v reflect.Value, _ int) []byte { return appendString(dst, v.Bytes()) }
		}
		return b.writeList(t)
	case reflect.Array:
		return b.writeList(t)
	case reflect.Map:
		return b.writeMap(t)
	}
	return writeNull
}

func writeNull(dst []byte, _ reflect.Value, _ int) []byte {
	return append(dst, "null"...)
}

func writeInterface(dst []byte, v reflect.Value, depth int) []byte {
	if v.IsNil() || depth > maxDepth {
		return append(dst, "null"...)
	}
	v = v.Elem()
	return planOf(v.Type()).write(dst, v, depth+1)
}

func (b builder) writePointer(t reflect.Type) writeFunc {
	elem := b.plan(t.Elem())
	return func(dst []byte, v reflect.Value, depth int) []byte {
		if v.IsNil() || depth > maxDepth {
			return append(dst, "null"...)
		}
		return elem.write(dst, v.Elem(), depth+1)
	}
}

func (b builder) writeList(t reflect.Type) writeFunc {
	elem := b.plan(t.Elem())
	return func(dst []byte, v reflect.Value, depth int) []byte {
		if depth > maxDepth {
			return append(dst, "null"...)
		}
		dst = append(dst, '[')
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = elem.write(dst, v.Index(i), depth+1)
		}
		return append(dst, ']')
	}
}

// member is one entry of a map, its key as it stands on the wire.
type member struct {
	key   string
	value reflect.Value
}

func (b builder) writeMap(t reflect.Type) writeFunc {
	name := keyFunc(t.Key())
	if name == nil {
		return writeNull
	}
	elem := b.plan(t.Elem())
	return func(dst []byte, v reflect.Value, depth int) []byte {
		if depth > maxDepth {
			return append(dst, "null"...)
		}
		members := make([]member, 0, v.Len())
		for iter := v.MapRange(); iter.Next(); {
			members = append(members, member{name(iter.Key()), iter.Value()})
		}
		slices.SortFunc(members, func(x, y member) int { return strings.Compare(x.key, y.key) })
		dst = append(dst, '{')
		for i, m := range members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendString(dst, m.key), ':')
			dst = elem.write(dst, m.value, depth+1)
		}
		return append(dst, '}')
	}
}

// keyFunc tells how keys of type t become text; nil when they cannot.
func keyFunc(t reflect.Type) func(reflect.Value) string {
	switch {
	case t.Kind() == reflect.String:
		return reflect.Value.String
	case t.Implements(textType) && t.Kind() != reflect.Interface && t.Kind() != reflect.Pointer:
		return func(k reflect.Value) string {
			text, err := k.Interface().(encoding.TextMarshaler).MarshalText()
			if err != nil {
				return ""
			}
			return string(text)
		}
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(k reflect.Value) string { return string(appendInt(nil, k.Int())) }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return func(k reflect.Value) string { return string(appendUint(nil, k.Uint())) }
	}
	return nil
}
