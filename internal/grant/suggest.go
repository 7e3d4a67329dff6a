package grant

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Suggestion is a grant, and the uses that it is suggested for.
type Suggestion struct {
	Grant Grant
	For   []latchkey.Observed
}

// Suggest is the least that a token needs which may do what has says and was
// used so: who calls again what was called then is let through again. It is
// never more than has.
//
// Where many things were used that are alike, all of their kind are suggested:
// three mailboxes of a domain stand for the domain, three files for their folder,
// two names of challenges for all of them, twenty names of a zone for all of the
// same types. Functions that show what is there are suggested for what is changed
// there, if anything is: they show less to who may see less.
//
// It fails where a token cannot have as many grants as that would take.
func Suggest(uses []latchkey.Observed, has Set) ([]Suggestion, error) {
	s := &suggester{uses: uses, has: has, reads: readers(uses), alike: alike(uses)}
	for s.coarse = range 3 {
		set := s.suggest()
		if len(set) <= maxGrants && len(set.String()) <= maxText {
			return s.explain(set), nil
		}
	}
	return nil, fmt.Errorf("so much was used that a token cannot have grants for each: watch it for one job at a time")
}

// SetOf are the grants of suggestions.
func SetOf(list []Suggestion) Set {
	var s Set
	for i := range list {
		s = append(s, list[i].Grant)
	}
	return s
}

// How much is taken together.
const (
	manyBoxes     = 3  // mailboxes of a domain
	manyFiles     = 3  // files of a folder
	manyNames     = 20 // names of a zone
	manyFunctions = 3  // reading functions of a module, on the same things
	challenge     = "_acme-challenge"
)

// suggester makes one suggestion.
type suggester struct {
	uses   []latchkey.Observed
	has    Set
	reads  func(module, function string) bool
	alike  map[group]int
	coarse int // 0: as is said above; 1: names are left out; 2: all conditions are
}

// where are conditions that stand together; none for the account as a whole.
type where []Condition

func (w where) String() string { return Grant{Where: w}.String() }

// readers tells of the functions that were used which of them change nothing.
func readers(uses []latchkey.Observed) func(module, function string) bool {
	known := make(map[[2]string]bool)
	for i := range uses {
		known[[2]string{uses[i].Module, uses[i].Name}] = !uses[i].Write
	}
	return func(module, function string) bool { return known[[2]string{module, function}] }
}

func (s *suggester) suggest() Set {
	wheres := make(map[Function][]where)
	byModule := make(map[string][]where)
	var idle []Function // those that touched nothing
	for f, on := range s.byFunction() {
		list := s.wheres(f, on)
		if list == nil {
			idle = append(idle, f)
			continue
		}
		wheres[f] = list
		byModule[f.Module] = append(byModule[f.Module], list...)
	}
	for _, f := range idle {
		if wheres[f] = byModule[f.Module]; wheres[f] == nil {
			wheres[f] = []where{nil}
		}
	}
	return normal(s.within(s.grants(wheres)))
}

// byFunction are the things that each function was called on.
func (s *suggester) byFunction() map[Function][]latchkey.Resource {
	changed := make(map[[2]string][]latchkey.Resource) // records, by module and zone
	touched := make(map[Function]map[string]bool)      // names of what was not just listed
	for i := range s.uses {
		u := &s.uses[i]
		if u.Listed {
			continue
		}
		if u.Write && u.On.Kind == latchkey.RecordKind {
			in := [2]string{u.Module, u.On.Zone}
			changed[in] = append(changed[in], u.On)
		}
		if touched[u.Called] == nil {
			touched[u.Called] = make(map[string]bool)
		}
		for _, name := range names(&u.On) {
			touched[u.Called][name] = true
		}
	}
	things := make(map[Function][]latchkey.Resource)
	for i := range s.uses {
		u := &s.uses[i]
		on := []latchkey.Resource{u.On}
		switch {
		case !u.Listed:
		case !u.Write && u.On.Kind == "zone" && len(changed[[2]string{u.Module, u.On.Name}]) > 0:
			on = changed[[2]string{u.Module, u.On.Name}]
		case u.Write && touched[u.Called] != nil && !touched[u.Called][u.On.Name]:
			on = nil // it looked for the one that it changed
		}
		things[u.Called] = append(things[u.Called], on...)
	}
	return things
}

// names are what a thing is called, and what it lies in.
func names(r *latchkey.Resource) []string {
	list := []string{r.Name, r.Zone}
	if domain, ok := r.Value("domain"); ok {
		list = append(list, domain)
	}
	return list
}

// wheres are the conditions for things that f was called on; nil if it touched
// none.
func (s *suggester) wheres(f Function, on []latchkey.Resource) []where {
	values := make(map[Key]map[string]bool)
	zones := make(map[string]zoneUse)
	any := false
	for i := range on {
		r := &on[i]
		if r.Kind == latchkey.NothingKind {
			continue
		}
		any = true
		if r.Kind == latchkey.RecordKind && s.coarse < 2 {
			if zones[Zone.fold(r.Zone)] == nil {
				zones[Zone.fold(r.Zone)] = make(zoneUse)
			}
			zones[Zone.fold(r.Zone)].add(r)
			continue
		}
		key, value, ok := s.general(f.Module, r)
		if !ok {
			return []where{nil}
		}
		if values[key] == nil {
			values[key] = make(map[string]bool)
		}
		values[key][value] = true
	}
	if !any {
		return nil
	}
	var list []where
	for key, of := range values {
		list = append(list, divided(Condition{key, slices.Sorted(maps.Keys(of))})...)
	}
	return append(list, s.records(zones)...)
}

// divided are conditions with no more values than one may have.
func divided(c Condition, more ...Condition) (list []where) {
	for part := range slices.Chunk(c.Patterns, maxValues) {
		list = append(list, append(where{{c.Key, part}}, more...))
	}
	return list
}

// general is what stands for a thing other than a record, or false if only the
// whole account does.
func (s *suggester) general(module string, r *latchkey.Resource) (Key, string, bool) {
	key, ok := parseKey(r.Kind)
	if !ok || s.coarse > 1 {
		return 0, "", false
	}
	value := key.fold(r.Name)
	switch key {
	case Mailbox:
		_, domain, ok := strings.Cut(value, "@")
		if ok && (s.coarse > 0 || s.alike[group{module, key, domain}] >= manyBoxes) {
			return Domain, domain, plain(Domain, domain)
		}
	case Path:
		value = s.folder(module, value)
	}
	return key, value, plain(key, value)
}

// folder is a file's path, or the folder above it that stands for it.
func (s *suggester) folder(module, file string) string {
	up := path.Dir(file)
	many := s.coarse > 0 || s.alike[group{module, Path, up}] >= manyFiles
	if up != "." && many || !plain(Path, file) {
		return up
	}
	return file
}

// group is what lies in one domain, or in one folder, of what a module was called
// on.
type group struct {
	module string
	key    Key
	in     string
}

// alike is how many different things each group has.
func alike(uses []latchkey.Observed) map[group]int {
	type thing struct {
		group
		name string
	}
	n := make(map[group]int)
	seen := make(map[thing]bool)
	for i := range uses {
		u := &uses[i]
		var is thing
		switch u.On.Kind {
		case Mailbox.String():
			is = thing{group{u.Module, Mailbox, ""}, Mailbox.fold(u.On.Name)}
			_, is.in, _ = strings.Cut(is.name, "@")
		case Path.String():
			is = thing{group{u.Module, Path, ""}, Path.fold(u.On.Name)}
			is.in = path.Dir(is.name)
		default:
			continue
		}
		if !seen[is] {
			seen[is] = true
			n[is.group]++
		}
	}
	return n
}

// plain reports whether a value can be written as a pattern that means it alone.
func plain(k Key, value string) bool {
	p, err := k.pattern(value)
	return err == nil && p == value && !strings.Contains(p, "*")
}

// zoneUse is the names of a zone that were used, with their types.
type zoneUse map[string]map[string]bool

func (z zoneUse) add(r *latchkey.Resource) {
	name := Name.fold(r.Name)
	if z[name] == nil {
		z[name] = make(map[string]bool)
	}
	z[name][Type.fold(r.Type)] = true
}

// challenges takes the names of challenges together, if there are several.
func (z zoneUse) challenges() zoneUse {
	all, types := make(zoneUse), make(map[string]bool)
	n := 0
	for name, of := range z {
		if name == challenge || strings.HasPrefix(name, challenge+".") {
			n++
			maps.Copy(types, of)
			continue
		}
		all[name] = of
	}
	if n < 2 {
		return z
	}
	all[challenge+"*"] = types
	return all
}

// byTypes are the names that have the same types, by these.
func (z zoneUse) byTypes() map[string][]string {
	by := make(map[string][]string)
	for name, types := range z {
		key := strings.Join(slices.Sorted(maps.Keys(types)), "|")
		by[key] = append(by[key], name)
	}
	return by
}

// records are the conditions for records. Zones in which the same was used stand
// together.
func (s *suggester) records(zones map[string]zoneUse) []where {
	alike := make(map[string][]string) // zones by the rest of what is asked
	rest := make(map[string]where)
	for zone, use := range zones {
		for types, names := range use.challenges().byTypes() {
			slices.Sort(names)
			w := where{{Type, strings.Split(types, "|")}}
			if s.coarse == 0 && len(names) <= manyNames && !slices.ContainsFunc(names, func(n string) bool { return n != challenge+"*" && !plain(Name, n) }) {
				w = append(where{{Name, names}}, w...)
			}
			alike[w.String()] = append(alike[w.String()], zone)
			rest[w.String()] = w
		}
	}
	var list []where
	for text, zones := range alike {
		slices.Sort(zones)
		list = append(list, divided(Condition{Zone, zones}, rest[text]...)...)
	}
	return list
}

// grants are grants of functions on things. Many that only read are taken
// together.
func (s *suggester) grants(wheres map[Function][]where) []Grant {
	type place struct{ module, where string }
	readers := make(map[place][]Function)
	on := make(map[string]where)
	var list []Grant
	for f, places := range wheres {
		for _, w := range places {
			at := place{f.Module, w.String()}
			if on[at.where] = w; !f.Write && !slices.Contains(readers[at], f) {
				readers[at] = append(readers[at], f)
			}
			list = append(list, Grant{f.Module, One, f.Name, slices.Clone(w)})
		}
	}
	for at, functions := range readers {
		all := Grant{Module: at.module, Area: Read, Where: slices.Clone(on[at.where])}
		if len(functions) < manyFunctions || !(Set{all}).Within(s.has, s.reads) {
			continue
		}
		list = slices.DeleteFunc(list, func(g Grant) bool {
			return g.Module == at.module && where(g.Where).String() == at.where && s.reads(g.Module, g.Func)
		})
		list = append(list, all)
	}
	return list
}

// within keeps grants to what the token has: of a function for which that is not
// as much, all that it has.
func (s *suggester) within(list []Grant) (kept []Grant) {
	for _, g := range list {
		if (Set{g}).Within(s.has, s.reads) {
			kept = append(kept, g)
			continue
		}
		f := Function{Module: g.Module, Name: g.Func, Write: !s.reads(g.Module, g.Func)}
		for i := range s.has {
			if h := &s.has[i]; h.of(f) {
				kept = append(kept, Grant{g.Module, One, g.Func, slices.Clone(h.Where)})
			}
		}
	}
	return kept
}

// explain says what each grant is for: the uses that it covers or, where those
// were of more than the token has, all that its functions were used for.
func (s *suggester) explain(set Set) []Suggestion {
	list := make([]Suggestion, len(set))
	for i := range set {
		g := &set[i]
		list[i].Grant = *g
		list[i].For = s.of(func(u *latchkey.Observed) bool { return g.of(u.Called) && g.meets(u) })
		if list[i].For == nil {
			list[i].For = s.of(func(u *latchkey.Observed) bool { return g.of(u.Called) })
		}
	}
	return list
}

// of are some of the uses, the most frequent first.
func (s *suggester) of(these func(*latchkey.Observed) bool) (list []latchkey.Observed) {
	for i := range s.uses {
		if these(&s.uses[i]) {
			list = append(list, s.uses[i])
		}
	}
	slices.SortStableFunc(list, func(a, b latchkey.Observed) int { return cmp.Compare(b.Count, a.Count) })
	return list
}

// meets reports whether a use is one of those that a grant is for.
func (g *Grant) meets(u *latchkey.Observed) bool {
	r := u.On
	switch {
	case len(g.Where) == 0 || r.Kind == latchkey.NothingKind:
		return true
	case r.Kind == "":
		return false
	case u.Listed && r.Kind == "zone":
		r = latchkey.Resource{Kind: latchkey.RecordKind, Zone: r.Name, Some: true}
	}
	if g.on(&values{of: &r}) {
		return true
	}
	// A zone is asked about whole too.
	return u.Listed && g.on(&values{of: &u.On})
}
