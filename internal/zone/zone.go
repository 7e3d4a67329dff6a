// Package zone holds a DNS zone as the text it is: lines that keep their places.
// Start at [Parse]. A [Zone] never changes; [Zone.Edit] makes a new one in which
// every line that the edit does not name is byte for byte what it was, and costs
// what it changes, however large the zone is.
package zone

import (
	"iter"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Zone is one version of a zone. It is safe for concurrent use.
type Zone struct {
	name    string // fully qualified, lower case
	origin  string // what names at its end are relative to
	parts   []*Part
	serial  uint32
	lines   int
	size    int
	lastKey int64
}

// The most a zone may hold: what a server can serve and a caller can read.
const (
	MaxLines = 250_000
	MaxBytes = 32 << 20
)

// partSize is how many entries a part is made with. One that has grown to twice
// as many is divided.
const partSize = 256

// Part is some of the text of a zone, from the beginning of a line to the end of
// another. An edit leaves most parts alone: two versions of a zone share them.
type Part struct {
	Key     int64 // differs for different parts of all versions of one zone
	Text    string
	entries []Entry
	lines   int
	names   map[string][]int32 // entries by the key of their names
}

// Parse reads the zone called name. It fails with kind Invalid, saying where and
// what, for text that a name server would refuse.
func Parse(name latchkey.Domain, text string) (*Zone, error) {
	return load(name, []Part{{Text: text}}, true)
}

// Load reads a zone from the parts it was kept in.
func Load(name latchkey.Domain, parts []Part) (*Zone, error) {
	return load(name, parts, false)
}

func load(name latchkey.Domain, parts []Part, divide bool) (*Zone, error) {
	z := &Zone{name: strings.ToLower(string(name)) + "."}
	r := &reader{zone: z.name, state: state{origin: z.name}}
	for _, p := range parts {
		if z.size += len(p.Text); z.size > MaxBytes {
			return nil, tooLarge()
		}
		entries, err := r.read(p.Text)
		if err != nil {
			return nil, err
		}
		if !divide {
			z.parts = append(z.parts, newPart(p.Key, p.Text, entries))
			z.lastKey = max(z.lastKey, p.Key)
			continue
		}
		z.parts = append(z.parts, z.divide(entries)...)
	}
	for _, p := range z.parts {
		z.lines += p.lines
	}
	if z.lines > MaxLines {
		return nil, tooLarge()
	}
	z.origin, z.serial = r.origin, r.serial
	if err := z.check(r); err != nil {
		return nil, err
	}
	return z, nil
}

func tooLarge() error {
	return latchkey.Errorf(latchkey.Limit, "The DNS zone is too large: it may have at most %d lines and %d MB.", MaxLines, MaxBytes>>20)
}

// newPart makes a part of entries; text is theirs, joined.
func newPart(key int64, text string, entries []Entry) *Part {
	p := &Part{Key: key, Text: text, entries: entries, names: make(map[string][]int32)}
	at := 0
	for i := range entries {
		e := &entries[i]
		e.text = text[at : at+len(e.text)] // lets go of the text it was cut from
		at += len(e.text)
		p.lines += int(e.lines)
		if e.kind == Record {
			k := nameKey(e.owner)
			p.names[k] = append(p.names[k], int32(i))
		}
	}
	return p
}

// divide makes parts of entries.
func (z *Zone) divide(entries []Entry) []*Part {
	var parts []*Part
	for len(entries) > 0 || parts == nil {
		n := min(partSize, len(entries))
		if len(entries) < 2*partSize {
			n = len(entries)
		}
		z.lastKey++
		parts = append(parts, newPart(z.lastKey, join(entries[:n]), entries[:n:n]))
		entries = entries[n:]
	}
	return parts
}

func join(entries []Entry) string {
	n := 0
	for i := range entries {
		n += len(entries[i].text)
	}
	var b strings.Builder
	b.Grow(n)
	for i := range entries {
		b.WriteString(entries[i].text)
	}
	return b.String()
}

// Name is the name of the zone.
func (z *Zone) Name() latchkey.Domain { return latchkey.Domain(strings.TrimSuffix(z.name, ".")) }

// Apex is the name of the zone with a dot at its end.
func (z *Zone) Apex() string { return z.name }

// Serial is the serial number in the SOA record.
func (z *Zone) Serial() uint32 { return z.serial }

// Lines is how many lines the text has.
func (z *Zone) Lines() int { return z.lines }

// Size is how many bytes its text has.
func (z *Zone) Size() int { return z.size }

// Parts are what the text consists of.
func (z *Zone) Parts() []*Part { return z.parts }

// String is the text.
func (z *Zone) String() string {
	var b strings.Builder
	b.Grow(z.size)
	for _, p := range z.parts {
		b.WriteString(p.Text)
	}
	return b.String()
}

// All are the entries in their order, by the number of the line they begin at,
// counted from 0.
func (z *Zone) All() iter.Seq2[int, *Entry] {
	return func(yield func(int, *Entry) bool) {
		line := 0
		for _, p := range z.parts {
			for i := range p.entries {
				if !yield(line, &p.entries[i]) {
					return
				}
				line += int(p.entries[i].lines)
			}
		}
	}
}

// At is the entry that begins at a line, nil if none does.
func (z *Zone) At(line int) *Entry {
	if at, ok := z.find(line); ok {
		return &z.parts[at.part].entries[at.entry]
	}
	return nil
}

// Named are the records whose name is name, which is fully qualified.
func (z *Zone) Named(name string) iter.Seq2[int, *Entry] {
	return func(yield func(int, *Entry) bool) {
		k, first := nameKey(name), 0
		for _, p := range z.parts {
			for _, i := range p.names[k] {
				line := first
				for j := range p.entries[:i] {
					line += int(p.entries[j].lines)
				}
				if !yield(line, &p.entries[i]) {
					return
				}
			}
			first += p.lines
		}
	}
}

// place is where an entry stands.
type place struct{ part, entry int }

func (z *Zone) find(line int) (place, bool) {
	if line < 0 {
		return place{}, false
	}
	for i, p := range z.parts {
		if line >= p.lines {
			line -= p.lines
			continue
		}
		for j := range p.entries {
			if line <= 0 {
				return place{i, j}, line == 0
			}
			line -= int(p.entries[j].lines)
		}
		return place{}, false
	}
	return place{}, false
}

// Diff is what differs between two versions of a zone: the records that only
// was has, and those that only is has; a record that is written differently is
// in both. It costs what differs.
func Diff(was, is *Zone) (gone, come []*Entry) {
	shared := make(map[*Part]bool, len(is.parts))
	for _, p := range is.parts {
		shared[p] = false
	}
	if was != nil {
		for _, p := range was.parts {
			if _, both := shared[p]; both {
				shared[p] = true
			}
		}
	}
	count := make(map[sameness]int)
	for e := range is.beside(shared) {
		count[e.same()]++
	}
	if was != nil {
		for e := range was.beside(shared) {
			if count[e.same()]--; count[e.same()] < 0 {
				gone = append(gone, e)
			}
		}
	}
	for e := range is.beside(shared) {
		if s := e.same(); count[s] > 0 {
			count[s]--
			come = append(come, e)
		}
	}
	return gone, come
}

// beside are the records that stand in no shared part.
func (z *Zone) beside(shared map[*Part]bool) iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		for _, p := range z.parts {
			if shared[p] {
				continue
			}
			for i := range p.entries {
				if e := &p.entries[i]; e.kind == Record && !yield(e) {
					return
				}
			}
		}
	}
}
