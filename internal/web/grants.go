package web

import (
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/grant"
)

// area is a part of an account as people see it: the modules whose functions it
// is made of, and the key that its things are chosen by.
type area struct {
	ID      string
	modules []string
	key     grant.Key
	chosen  bool // its things can be chosen: domains
}

// areas are those that the form offers, in its order.
var areas = []area{
	{ID: "mail", modules: []string{"Email"}, key: grant.Domain, chosen: true},
	{ID: "dns", modules: []string{"DNS", "ZoneEdit"}, key: grant.Zone, chosen: true},
	{ID: "certificates", modules: []string{"SSL"}, key: grant.Host, chosen: true},
	{ID: "files", modules: []string{"Fileman"}},
	{ID: "databases", modules: []string{"Mysql"}},
	{ID: "domains", modules: []string{"DomainInfo"}, key: grant.Domain, chosen: true},
	{ID: "usage", modules: []string{"Quota", "StatsBar", "ResourceUsage"}},
	{ID: "tokens", modules: []string{"Tokens"}},
}

// areaOf names the area of a module.
func areaOf(module string) (string, bool) {
	for i := range areas {
		if slices.Contains(areas[i].modules, module) {
			return areas[i].ID, true
		}
	}
	switch module {
	case "*":
		return "all", true
	case "Bandwidth", "Stats":
		return "usage", true
	}
	return "", false
}

// grantsFor are the grants of an area: to look at its things, or to change them
// too, all of them or those that are named.
func (a *area) grantsFor(level string, names []string) []string {
	var all []string
	for _, module := range a.modules {
		text := module + ":" + level
		if a.chosen && len(names) > 0 {
			text += "(" + a.key.String() + "=" + strings.Join(names, "|") + ")"
		}
		all = append(all, text)
	}
	return all
}

// offer is what of the presets and areas there are functions for.
type offer struct {
	presets []grant.Preset
	areas   []area
}

// newOffer leaves out what no function here would be reached with: the form
// promises nothing that is not there.
func (p *Pages) newOffer() offer {
	here := map[string]bool{"*": true}
	for _, e := range p.Calls.Registry.All() {
		here[e.Module] = true
	}
	var o offer
	for _, a := range areas {
		a.modules = slices.DeleteFunc(slices.Clone(a.modules), func(m string) bool { return !here[m] })
		if len(a.modules) > 0 {
			o.areas = append(o.areas, a)
		}
	}
	for _, job := range grant.Presets() {
		values := map[grant.Key][]string{}
		for _, key := range job.Needs {
			values[key] = []string{"example.com"}
		}
		set, err := job.Grants(values)
		if err == nil && slices.ContainsFunc(set, func(g grant.Grant) bool { return here[g.Module] }) {
			o.presets = append(o.presets, job)
		}
	}
	return o
}

// job is a preset that grants came of, with the values that it was made with.
type job struct {
	ID     string
	Values []string
}

// jobOf recognizes a preset by its grants.
func jobOf(set grant.Set) (job, bool) {
	values := map[grant.Key][]string{}
	for i := range set {
		for _, c := range set[i].Where {
			if len(values[c.Key]) == 0 {
				values[c.Key] = c.Patterns
			}
		}
	}
	if len(values[grant.Zone]) == 0 {
		values[grant.Zone] = values[grant.Domain]
	}
	for _, p := range grant.Presets() {
		made, err := p.Grants(values)
		if err != nil || made.String() != set.String() {
			continue
		}
		j := job{ID: p.ID}
		for _, key := range p.Needs {
			j.Values = append(j.Values, values[key]...)
		}
		return j, true
	}
	return job{}, false
}

// clause is one grant in words.
type clause struct{ Text, Grant string }

// inWords says what a token with grants may do: in a line, and one by one. One
// that is read-only changes nothing, whatever its grants say.
func (t *tongue) inWords(grants []string, readOnly bool) (line string, clauses []clause) {
	set, err := grant.Parse(strings.Join(grants, ";"))
	if err != nil {
		return strings.Join(grants, "; "), nil
	}
	seen := map[string]int{}
	for i := range set {
		said := set[i]
		if readOnly && said.Area == grant.Write {
			said.Area = grant.Read
		}
		text := t.grantInWords(&said)
		if at, twice := seen[text]; twice {
			clauses[at].Grant += "; " + set[i].String()
			continue
		}
		seen[text] = len(clauses)
		clauses = append(clauses, clause{text, set[i].String()})
	}
	if readOnly {
		if set.String() == grant.Full().String() {
			return t.say("preset.read_only"), clauses
		}
		return t.say("grants.job", "Job", t.say("preset.read_only"), "What", t.line(nil, clauses)), clauses
	}
	return t.line(set, clauses), clauses
}

func (t *tongue) line(set grant.Set, clauses []clause) string {
	if j, ok := jobOf(set); ok {
		if len(j.Values) == 0 {
			return t.say("preset." + j.ID)
		}
		return t.say("grants.job", "Job", t.say("preset."+j.ID), "What", strings.Join(j.Values, ", "))
	}
	if len(clauses) > 2 {
		return t.say("grants.and_more", "First", clauses[0].Text, "Count", len(clauses)-1)
	}
	texts := make([]string, len(clauses))
	for i := range clauses {
		texts[i] = clauses[i].Text
	}
	return strings.Join(texts, "; ")
}

// grantInWords is one grant in words.
func (t *tongue) grantInWords(g *grant.Grant) string {
	var text string
	what, known := areaOf(g.Module)
	if known {
		what = t.say("area.in_" + what)
	} else {
		what = t.say("grants.module", "Module", g.Module)
	}
	switch g.Area {
	case grant.Read:
		text = t.say("grants.see", "What", what)
	case grant.Write:
		text = t.say("grants.change", "What", what)
	default:
		text = t.called(g)
	}
	for _, c := range g.Where {
		text += ", " + t.say("grants.only_"+c.Key.String(), "Names", strings.Join(c.Patterns, ", "))
	}
	return text
}

// called is a grant of one function in words; what a preset has in it has words of
// its own.
func (t *tongue) called(g *grant.Grant) string {
	if function := g.Module + "::" + g.Func; function != "CustInfo::displaycontactinfo" {
		return t.say("grants.call", "Function", function)
	}
	return t.say("grants.call_contact")
}

// Short reports whether a line says more briefly what clauses say.
func (s *shown) Short(line string, clauses []clause) bool {
	return len(clauses) > 0 && !strings.HasPrefix(line, clauses[0].Text)
}
