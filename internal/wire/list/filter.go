package list

import (
	"math"
	"regexp"
	"strings"

	"github.com/latchkey/latchkey/internal/wire/encode"
)

// matcher is a [Filter] made ready for many rows.
type matcher struct {
	column string
	test   func(encode.Value) bool
}

func matchers(filters []Filter) []matcher {
	ready := make([]matcher, len(filters))
	for i, f := range filters {
		ready[i] = matcher{f.Column, f.test()}
	}
	return ready
}

// passes reports whether row has what the filter asks for.
func (m matcher) passes(row any) bool {
	if m.column != AnyColumn {
		v, _ := encode.Column(row, m.column)
		return m.test(v)
	}
	for _, v := range encode.Columns(row) {
		if m.test(v) {
			return true
		}
	}
	return false
}

func (f Filter) test() func(encode.Value) bool {
	switch f.Op {
	case Contains:
		return caseless(strings.Contains, f.Term)
	case Begins:
		return caseless(strings.HasPrefix, f.Term)
	case Ends:
		return caseless(strings.HasSuffix, f.Term)
	case Matches:
		return f.match()
	case Equal:
		return f.equal()
	case EqualText:
		return func(v encode.Value) bool { return v.Text() == f.Term }
	case NotEqual:
		equal := f.equal()
		return func(v encode.Value) bool { return !equal(v) }
	case Defined:
		return encode.Value.Defined
	case Undefined:
		return func(v encode.Value) bool { return !v.Defined() }
	}
	return f.compare()
}

func caseless(holds func(text, term string) bool, term string) func(encode.Value) bool {
	term = strings.ToLower(term)
	return func(v encode.Value) bool { return holds(strings.ToLower(v.Text()), term) }
}

// match tests by a regular expression; one that cannot be read matches nothing.
func (f Filter) match() func(encode.Value) bool {
	re := f.pattern
	if re == nil {
		var err error
		if re, err = regexp.Compile(f.Term); err != nil {
			return never
		}
	}
	return func(v encode.Value) bool { return re.MatchString(v.Text()) }
}

func never(encode.Value) bool { return false }

func (f Filter) equal() func(encode.Value) bool {
	want, isNumber := encode.ParseNumber(f.Term)
	return func(v encode.Value) bool {
		if v.Text() == f.Term {
			return true
		}
		if !isNumber {
			return false
		}
		n, ok := v.Number()
		return ok && n == want
	}
}

// compare tests by size.
func (f Filter) compare() func(encode.Value) bool {
	want, ok := f.size()
	if !ok {
		return never
	}
	read := encode.Value.Number
	if f.unlimited() {
		read = sizeOf
	}
	return func(v encode.Value) bool {
		n, ok := read(v)
		return ok && f.Op.holds(n, want)
	}
}

func (o Op) holds(n, want float64) bool {
	switch o {
	case Less, LessUnlimited:
		return n < want
	case LessEqual:
		return n <= want
	case Greater, GreaterUnlimited:
		return n > want
	case GreaterEqual:
		return n >= want
	}
	return false
}

// size is the term as a comparison of size wants it.
func (f Filter) size() (float64, bool) {
	if f.unlimited() && isUnlimited(f.Term) {
		return math.Inf(1), true
	}
	return encode.ParseNumber(f.Term)
}

// unlimited reports whether the word "unlimited" is a number here.
func (f Filter) unlimited() bool { return f.Op == LessUnlimited || f.Op == GreaterUnlimited }

// sizeOf is the number v, where "unlimited" is larger than every other.
func sizeOf(v encode.Value) (float64, bool) {
	if n, ok := v.Number(); ok {
		return n, true
	}
	return math.Inf(1), isUnlimited(v.Text())
}

func isUnlimited(s string) bool { return strings.EqualFold(strings.TrimSpace(s), "unlimited") }
