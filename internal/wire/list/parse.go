package list

import (
	"cmp"
	"errors"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/latchkey"
)

const (
	maxPattern = 512     // bytes of a regular expression
	maxParts   = 64      // filters, sorts or columns of one call
	maxRecord  = 1 << 30 // for starts, sizes and pages
)

func (d dialect) query() (q Query, err error) {
	if q.Filters, err = d.filters(); err != nil {
		return Query{}, err
	}
	if q.Sorts, err = d.sorts(); err != nil {
		return Query{}, err
	}
	if q.Page, err = d.paging(); err != nil {
		return Query{}, err
	}
	if q.Columns, err = d.shown(); err != nil {
		return Query{}, err
	}
	return q, nil
}

func (d dialect) filters() ([]Filter, error) {
	on, err := d.on(d.filterSwitch)
	if !on || err != nil {
		return nil, err
	}
	parts, err := d.parts(d.filter, d.column, d.term)
	if err != nil {
		return nil, err
	}
	var filters []Filter
	for _, part := range parts {
		f, err := d.oneFilter(part)
		if err != nil {
			return nil, err
		}
		if f.Column != "" {
			filters = append(filters, f)
		}
	}
	return filters, nil
}

// oneFilter reads a filter; one without column and term, as an empty form sends
// it, comes back with no column.
func (d dialect) oneFilter(part string) (Filter, error) {
	columnKey, typeKey, termKey := d.filter.key(part, d.column), d.filter.key(part, "type"), d.filter.key(part, d.term)
	f := Filter{Column: d.args.Text(columnKey), Term: d.args.Text(termKey)}
	if f.Column == "" {
		if f.Term != "" {
			return f, latchkey.InvalidParam(columnKey, "Provide the ‘%s’ argument: the column to compare with ‘%s’.", columnKey, termKey)
		}
		return f, nil
	}
	var err error
	if f.Op, err = word(d.args, typeKey, d.ops, Contains); err != nil {
		return f, err
	}
	switch f.Op {
	case Matches:
		f.pattern, err = compile(termKey, f.Term)
	case Less, LessEqual, Greater, GreaterEqual, LessUnlimited, GreaterUnlimited:
		if _, ok := f.size(); !ok {
			err = latchkey.InvalidParam(termKey, "The ‘%s’ argument must be a number to compare with.", termKey)
		}
	}
	return f, err
}

func compile(key, pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, latchkey.InvalidParam(key, "The regular expression in ‘%s’ is too long: at most %d bytes.", key, maxPattern)
	}
	re, err := regexp.Compile(pattern)
	if err == nil {
		return re, nil
	}
	why := "it cannot be read"
	if bad, ok := errors.AsType[*syntax.Error](err); ok {
		why = bad.Code.String() + ": " + bad.Expr
	}
	return nil, latchkey.InvalidParam(key, "The regular expression in ‘%s’ is not valid (%s).", key, strings.ToValidUTF8(why, "\uFFFD"))
}

func (d dialect) sorts() ([]Sort, error) {
	on, err := d.on(d.sortSwitch)
	if !on || err != nil {
		return nil, err
	}
	parts, err := d.parts(d.sort, d.column)
	if err != nil {
		return nil, err
	}
	var sorts []Sort
	for _, part := range parts {
		s := Sort{Column: d.args.Text(d.sort.key(part, d.column))}
		if s.Column == "" {
			continue
		}
		if s.Method, err = word(d.args, d.sort.key(part, "method"), methods, Lexicographic); err != nil {
			return nil, err
		}
		if s.Reverse, err = flag(d.args, d.sort.key(part, "reverse"), false); err != nil {
			return nil, err
		}
		sorts = append(sorts, s)
	}
	return sorts, nil
}

// paging reads which records are wanted. −1 as the start is everything; a page wins
// over any other start.
func (d dialect) paging() (*Page, error) {
	on, err := d.on(d.pageSwitch)
	if !on || err != nil {
		return nil, err
	}
	start, hasStart, err := record(d.args, d.start, -1)
	if err != nil {
		return nil, err
	}
	size, hasSize, err := record(d.args, d.size, 0)
	if err != nil {
		return nil, err
	}
	page, hasPage, err := record(d.args, d.page, 0)
	if err != nil {
		return nil, err
	}
	switch asked, _ := flag(d.args, d.pageSwitch, false); {
	case !asked && !hasStart && !hasSize && !hasPage:
		return nil, nil
	case start < 0:
		return &Page{Start: 1}, nil
	case page > 1 && size == 0:
		return nil, latchkey.InvalidParam(d.size, "Provide the ‘%s’ argument: how many records are a page.", d.size)
	case page > 0:
		return &Page{Start: (page-1)*size + 1, Size: size}, nil
	}
	return &Page{Start: max(start, 1), Size: size}, nil
}

// shown are the columns to show.
func (d dialect) shown() ([]string, error) {
	if d.columns == "" {
		return nil, nil
	}
	on, err := d.on(d.columnSwitch)
	if !on || err != nil {
		return nil, err
	}
	letters := naming{split: func(key string) (part, leaf string, ok bool) {
		part, ok = strings.CutPrefix(key, d.columns)
		return part, "", ok && key != d.columnSwitch
	}}
	parts, err := d.parts(letters, "")
	if err != nil {
		return nil, err
	}
	var columns []string
	for _, part := range parts {
		if name := d.args.Text(d.columns + part); name != "" && !slices.Contains(columns, name) {
			columns = append(columns, name)
		}
	}
	return columns, nil
}

// on reports whether a family may count: its switch is not off.
func (d dialect) on(key string) (bool, error) { return flag(d.args, key, true) }

// parts are the suffixes under which one of leaves was given, in their order:
// 0, 1… 10, and a…z, za….
func (d dialect) parts(names naming, leaves ...string) ([]string, error) {
	found := map[string]bool{}
	for i := range d.args {
		part, leaf, ok := names.split(d.args[i].Key)
		if !ok || !slices.Contains(leaves, leaf) {
			continue
		}
		if found[part] = true; len(found) > maxParts {
			return nil, latchkey.InvalidParam(d.args[i].Key, "There are too many arguments like ‘%s’: at most %d.", d.args[i].Key, maxParts)
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(x, y string) int {
		return cmp.Or(len(x)-len(y), strings.Compare(x, y))
	}), nil
}

// flag reads a switch, as [api.ParseBool] does; where there is none, otherwise.
func flag(args api.Args, key string, otherwise bool) (bool, error) {
	text, ok := args.Lookup(key)
	if !ok {
		return otherwise, nil
	}
	on, err := api.ParseBool(text)
	if err != nil {
		return false, latchkey.InvalidParam(key, "The ‘%s’ argument must be 1 or 0.", key)
	}
	return on, nil
}

// word reads one of a set of words; an empty one is otherwise.
func word[T any](args api.Args, key string, words map[string]T, otherwise T) (T, error) {
	text := args.Text(key)
	if text == "" {
		return otherwise, nil
	}
	if w, ok := words[text]; ok {
		return w, nil
	}
	known := strings.Join(slices.Sorted(maps.Keys(words)), ", ")
	return otherwise, latchkey.InvalidParam(key, "The ‘%s’ argument must be one of: %s.", key, known)
}

// record reads the number of a record or of records, at least least. An empty one
// counts as not given.
func record(args api.Args, key string, least int) (n int, given bool, err error) {
	text := strings.TrimSpace(args.Text(key))
	if key == "" || text == "" {
		return 0, false, nil
	}
	n, err = strconv.Atoi(text)
	if err != nil || n < least || n > maxRecord {
		return 0, true, latchkey.InvalidParam(key, "The ‘%s’ argument must be a whole number from %d to %d.", key, least, maxRecord)
	}
	return n, true, nil
}
