package zone

import (
	"github.com/miekg/dns"
)

// Only is what somebody sees of the zone who may see the records that keep says
// they may: of all others there are empty lines, so that every line keeps its
// number. The SOA record and what stands before it, and the controls, everybody
// sees who sees anything. It is for reading: what is edited is the whole zone.
func (z *Zone) Only(keep func(name, rtype string) bool) *Zone {
	only := *z
	only.parts = make([]*Part, len(z.parts))
	only.size = 0
	begun := false
	for i, p := range z.parts {
		var entries []Entry
		for j := range p.entries {
			e := &p.entries[j]
			begun = begun || e.kind == Record
			if e.rtype == dns.TypeSOA || e.kind == Control || e.kind == Comment && !begun || e.kind == Record && keep(e.owner, e.Type()) {
				entries = append(entries, *e)
				continue
			}
			for range e.lines {
				entries = append(entries, Entry{text: "\n", lines: 1, origin: e.origin})
			}
		}
		only.parts[i] = newPart(p.Key, join(entries), entries)
		only.size += len(only.parts[i].Text)
	}
	return &only
}
