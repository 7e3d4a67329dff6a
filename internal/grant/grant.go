// Package grant is the language of narrow tokens: which functions a token may
// call, and on what. A grant is functions × resources:
//
//	Email:read                                     every reading function of Email
//	Email:write(domain=example.com)                every function of Email, on one domain
//	Email::add_pop(domain=example.com)             one function
//	DNS:write(zone=example.com, name=_acme-challenge*, type=TXT)
//	Fileman:write(path=public_html/app)            a folder and all below it
//	Mysql:write(database=demo_shop*|demo_blog)     several, by name or by beginning
//	*:read                                         every reading function there is
//
// Grants of a [Set] stand apart by semicolons or line ends. The package is pure:
// it knows no function and no account. Start at [Parse] and [Set.Covers].
package grant

import (
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Function is a function as grants see it.
type Function = latchkey.Called

// Area is which functions of a module a grant is for.
type Area uint8

const (
	Read  Area = iota // those that change nothing
	Write             // all of them
	One               // the one that is named
)

// Grant is one grant. Where every condition holds of a resource, the functions
// may be called on it; without conditions, on everything.
type Grant struct {
	Module string // "*" is every module
	Area   Area
	Func   string // of [One]
	Where  []Condition
}

// Condition is that a resource has one of some values.
type Condition struct {
	Key      Key
	Patterns []string // in their normal form: see [Key]
}

// Set is the grants of a token, in normal form: sorted, and none that another
// one contains. The empty set allows nothing.
type Set []Grant

// Full is every function on everything.
func Full() Set { return Set{{Module: anyModule, Area: Write}} }

// ReadOnly is every function that changes nothing, on everything.
func ReadOnly() Set { return Set{{Module: anyModule, Area: Read}} }

const anyModule = "*"

// Covers reports whether f may be called on every one of the resources. A call
// that names none is about the account as a whole, and takes a grant without
// conditions.
func (s Set) Covers(f Function, resources ...latchkey.Resource) bool {
	if len(resources) == 0 {
		return s.covers(f, nil)
	}
	for i := range resources {
		if !s.covers(f, &resources[i]) {
			return false
		}
	}
	return true
}

func (s Set) covers(f Function, r *latchkey.Resource) bool {
	v := values{of: r}
	for i := range s {
		if g := &s[i]; g.of(f) && g.on(&v) {
			return true
		}
	}
	return false
}

// values are what a resource has under each key, folded when first asked for.
type values struct {
	of   *latchkey.Resource // nil is the account as a whole, which has none
	text [keyCount]string
	has  [keyCount]answer
}

type answer uint8

const (
	unasked answer = iota
	no
	yes
)

func (v *values) get(k Key) (string, bool) {
	if v.has[k] == unasked {
		v.has[k] = no
		if v.of != nil {
			if text, ok := v.of.Value(k.String()); ok {
				v.text[k], v.has[k] = k.fold(text), yes
			}
		}
	}
	return v.text[k], v.has[k] == yes
}

// Touches reports whether f may be called on anything at all: a function that
// lists may then be called, and shows what is covered.
func (s Set) Touches(f Function) bool {
	for i := range s {
		if s[i].of(f) {
			return true
		}
	}
	return false
}

// of reports whether the grant is for f.
func (g *Grant) of(f Function) bool {
	if g.Module != anyModule && g.Module != f.Module {
		return false
	}
	switch g.Area {
	case One:
		return g.Func == f.Name
	case Read:
		return !f.Write
	}
	return true
}

// on reports whether the grant is for the resource with the values v.
func (g *Grant) on(v *values) bool {
	for i := range g.Where {
		if !g.Where[i].holds(v) {
			return false
		}
	}
	return true
}

func (c *Condition) holds(v *values) bool {
	if v.of != nil && v.of.Some && (c.Key == Name || c.Key == Type) {
		return true // of some record it can
	}
	value, ok := v.get(c.Key)
	return ok && slices.ContainsFunc(c.Patterns, func(p string) bool { return c.Key.matches(p, value) })
}

// Within reports whether everything that s allows is allowed by o too, as far
// as their texts show it. reads tells which functions change nothing.
func (s Set) Within(o Set, reads func(module, function string) bool) bool {
	for i := range s {
		if !slices.ContainsFunc(o, func(h Grant) bool { return s[i].within(&h, reads) }) {
			return false
		}
	}
	return true
}

func (g *Grant) within(h *Grant, reads func(module, function string) bool) bool {
	if h.Module != anyModule && h.Module != g.Module {
		return false
	}
	switch h.Area {
	case One:
		if g.Area != One || g.Func != h.Func {
			return false
		}
	case Read:
		if g.Area == Write || g.Area == One && (reads == nil || !reads(g.Module, g.Func)) {
			return false
		}
	}
	for i := range h.Where {
		if !g.implies(&h.Where[i]) {
			return false
		}
	}
	return true
}

// implies reports whether every resource of the grant meets c.
func (g *Grant) implies(c *Condition) bool {
	for i := range g.Where {
		have := &g.Where[i]
		patterns, ok := have.as(c.Key)
		if ok && !slices.ContainsFunc(patterns, func(p string) bool {
			return !slices.ContainsFunc(c.Patterns, func(q string) bool { return c.Key.contains(q, p) })
		}) {
			return true
		}
	}
	return false
}

// as is the condition as one of another key, if it says as much: whoever has a
// mailbox named whole is in its domain.
func (c *Condition) as(key Key) (patterns []string, ok bool) {
	switch {
	case c.Key == key:
		return c.Patterns, true
	case c.Key == Mailbox && key == Domain:
		for _, p := range c.Patterns {
			_, domain, found := strings.Cut(p, "@")
			if !found || strings.Contains(domain, "*") {
				return nil, false
			}
			patterns = append(patterns, domain)
		}
		return patterns, true
	}
	return nil, false
}

// normal brings grants into normal form.
func normal(grants []Grant) Set {
	for i := range grants {
		where := grants[i].Where
		slices.SortFunc(where, func(a, b Condition) int { return int(a.Key) - int(b.Key) })
		for j := range where {
			slices.Sort(where[j].Patterns)
			where[j].Patterns = slices.Compact(where[j].Patterns)
		}
	}
	slices.SortFunc(grants, func(a, b Grant) int { return strings.Compare(a.String(), b.String()) })
	var s Set
	for i := range grants {
		// Of two that contain each other the first stays.
		if !slices.ContainsFunc(s, func(h Grant) bool { return grants[i].within(&h, nil) }) {
			s = slices.DeleteFunc(s, func(h Grant) bool { return h.within(&grants[i], nil) })
			s = append(s, grants[i])
		}
	}
	return s
}

// String is the set as it is written: one grant after another, with semicolons
// between them. [Parse] reads it back.
func (s Set) String() string {
	texts := make([]string, len(s))
	for i := range s {
		texts[i] = s[i].String()
	}
	return strings.Join(texts, "; ")
}

// String is the grant as it is written.
func (g Grant) String() string {
	var b strings.Builder
	b.WriteString(g.Module)
	switch g.Area {
	case Read:
		b.WriteString(":read")
	case Write:
		b.WriteString(":write")
	default:
		b.WriteString("::" + g.Func)
	}
	for i, c := range g.Where {
		if i == 0 {
			b.WriteByte('(')
		} else {
			b.WriteString(", ")
		}
		b.WriteString(c.Key.String() + "=")
		for j, p := range c.Patterns {
			if j > 0 {
				b.WriteByte('|')
			}
			b.WriteString(quote(p))
		}
	}
	if len(g.Where) > 0 {
		b.WriteByte(')')
	}
	return b.String()
}
