// Package api says what a function is: its name, its parameters, its effect,
// the feature it needs and the Go function behind it. Routing, documentation,
// OpenAPI, grants and the guard tests all derive from the rows declared with it.
// Start at [Func] and [Run].
package api

import (
	"slices"
	"strconv"
	"strings"
)

// Arg is one argument as it arrived: a key, a value and whether it came in the
// body of the request, which wins over the query for a scalar.
type Arg struct {
	Key, Value string
	Body       bool
}

// Args are the arguments of one call, in the order in which they arrived.
// The zero value holds none.
type Args []Arg

// Lookup finds the scalar argument key. Where it was given more than once the
// body wins over the query, and within one of them the first wins.
func (a Args) Lookup(key string) (string, bool) {
	found := -1
	for i := range a {
		if a[i].Key != key {
			continue
		}
		if a[i].Body {
			return a[i].Value, true
		}
		if found < 0 {
			found = i
		}
	}
	if found < 0 {
		return "", false
	}
	return a[found].Value, true
}

// Text is the scalar argument key, or "" when it was not given.
func (a Args) Text(key string) string {
	v, _ := a.Lookup(key)
	return v
}

// Has reports whether key was given, even if empty.
func (a Args) Has(key string) bool {
	_, ok := a.Lookup(key)
	return ok
}

// List finds every value of a parameter that may be repeated (p=1&p=2) or
// numbered (p=1&p-1=2, p-0=1&p-1=2): first the bare ones in their order, then
// the numbered ones by number. Where one key stands in the query and in the
// body, the body's values count.
func (a Args) List(key string) []string {
	var bare []string
	type numbered struct {
		n    int
		text string
	}
	var more []numbered
	body := a.inBody(key)
	for _, arg := range a {
		if body && !arg.Body {
			continue
		}
		if arg.Key == key {
			bare = append(bare, arg.Value)
		} else if n := numberOf(arg.Key, key); n >= 0 {
			more = append(more, numbered{n, arg.Value})
		}
	}
	slices.SortStableFunc(more, func(x, y numbered) int { return x.n - y.n })
	for _, m := range more {
		bare = append(bare, m.text)
	}
	return bare
}

// Numbered finds the values of a parameter that is numbered without a dash
// (part1=a&part2=b), by number. Of two with one number the body's counts, and
// within it the first.
func (a Args) Numbered(key string) map[int]string {
	values := make(map[int]string)
	for _, arg := range a {
		rest, ok := strings.CutPrefix(arg.Key, key)
		n, err := strconv.ParseUint(rest, 10, 31)
		if _, seen := values[int(n)]; !ok || err != nil || seen {
			continue
		}
		values[int(n)] = a.Text(arg.Key)
	}
	return values
}

func (a Args) inBody(key string) bool {
	return slices.ContainsFunc(a, func(arg Arg) bool { return arg.Body && (arg.Key == key || numberOf(arg.Key, key) >= 0) })
}

// numberOf is n where given is key-n, and -1 where it is not.
func numberOf(given, key string) int {
	rest, ok := strings.CutPrefix(given, key+"-")
	if !ok {
		return -1
	}
	n, err := strconv.ParseUint(rest, 10, 31)
	if err != nil {
		return -1
	}
	return int(n)
}

// Names are the keys that were given, each once, in their order: what may be
// logged of a call's arguments.
func (a Args) Names() []string {
	names := make([]string, 0, len(a))
	for _, arg := range a {
		if !slices.Contains(names, arg.Key) {
			names = append(names, arg.Key)
		}
	}
	return names
}
