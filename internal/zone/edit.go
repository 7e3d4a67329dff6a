package zone

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Edit is what is to change in a zone, all of it or nothing. Lines are those of
// the version that is edited, whatever else the edit does.
type Edit struct {
	Add     []New
	Replace map[int]New // what begins at a line; the new record takes up as many
	Remove  []int       // what begins at these lines
}

// empty reports whether nothing is to change.
func (e *Edit) empty() bool { return len(e.Add)+len(e.Replace)+len(e.Remove) == 0 }

// Edit is the zone after e, with the next serial number. The records added stand
// at its end. It fails with kind Invalid, and Limit for a zone that would be too
// large.
func (z *Zone) Edit(e Edit, now time.Time) (*Zone, error) {
	if e.empty() {
		return nil, latchkey.Errorf(latchkey.Invalid, "Provide at least one change: “add”, “edit” or “remove”.")
	}
	serial, err := Next(z.serial, now)
	if err != nil {
		return nil, err
	}
	d := &draft{zone: z, changed: make(map[place]*Entry), touched: make(map[string]bool)}
	if err := d.replace(e.Replace); err != nil {
		return nil, err
	}
	if err := d.remove(e.Remove); err != nil {
		return nil, err
	}
	if err := d.add(e.Add); err != nil {
		return nil, err
	}
	if err := d.follow(); err != nil {
		return nil, err
	}
	if err := d.count(serial); err != nil {
		return nil, err
	}
	next, err := d.build()
	if err != nil {
		return nil, err
	}
	next.serial = serial
	if err := d.check(next); err != nil {
		return nil, err
	}
	return next, nil
}

// Raised is z with the serial number after its own and after served, whichever is
// higher.
func (z *Zone) Raised(served uint32, now time.Time) (*Zone, error) {
	serial, err := Next(max(z.serial, served), now)
	if err != nil {
		return nil, err
	}
	d := &draft{zone: z, changed: make(map[place]*Entry)}
	if err := d.count(serial); err != nil {
		return nil, err
	}
	next, err := d.build()
	if err != nil {
		return nil, err
	}
	next.serial = serial
	return next, nil
}

// Next is the serial number after old: the first of the day, or one more. It
// never goes back.
func Next(old uint32, now time.Time) (uint32, error) {
	if old == math.MaxUint32 {
		return 0, latchkey.Errorf(latchkey.Invalid, "The serial number of the DNS zone cannot rise any further: ask the administrator to reset the zone.")
	}
	y, m, d := now.UTC().Date()
	day := (y*100+int(m))*100 + d
	if today := day * 100; today > 0 && today <= math.MaxUint32 {
		return max(old+1, uint32(today)), nil
	}
	return old + 1, nil
}

// draft is an edit under way.
type draft struct {
	zone    *Zone
	changed map[place]*Entry // nil for what is taken away
	added   []Entry
	touched map[string]bool // names whose records change
	servers bool            // NS records or addresses change
}

// record is where the record that begins at a line stands. The SOA record
// cannot be named: the zone lives by it.
func (d *draft) record(line int, param string) (place, *Entry, error) {
	at, ok := d.zone.find(line)
	if !ok || d.zone.parts[at.part].entries[at.entry].kind != Record {
		return at, nil, noRecord(param, line)
	}
	e := &d.zone.parts[at.part].entries[at.entry]
	if _, twice := d.changed[at]; twice {
		return at, nil, latchkey.InvalidParam(param, "The record at line index %d is named twice.", line)
	}
	d.touch(e)
	return at, e, nil
}

func (d *draft) touch(e *Entry) {
	d.touched[nameKey(e.owner)] = true
	d.servers = d.servers || e.rtype == dns.TypeNS || e.rtype == dns.TypeA || e.rtype == dns.TypeAAAA
}

func (d *draft) replace(with map[int]New) error {
	for line, n := range with {
		at, was, err := d.record(line, "edit")
		if err != nil {
			return err
		}
		if was.rtype == dns.TypeSOA != strings.EqualFold(n.Type, "SOA") {
			return latchkey.InvalidParam("edit", "A DNS zone has one SOA record: it can neither become another record nor another become it.")
		}
		e, err := d.zone.entry(n, int(was.lines), was.origin)
		if err != nil {
			return err
		}
		if was.rtype == dns.TypeSOA && !strings.EqualFold(e.owner, d.zone.name) {
			return latchkey.InvalidParam("edit", "The SOA record must have the name of the zone.")
		}
		d.touch(&e)
		d.changed[at] = &e
	}
	return nil
}

func (d *draft) remove(lines []int) error {
	for _, line := range lines {
		at, was, err := d.record(line, "remove")
		if err != nil {
			return err
		}
		if was.rtype == dns.TypeSOA {
			return latchkey.InvalidParam("remove", "The SOA record of a DNS zone cannot be removed.")
		}
		d.changed[at] = nil
	}
	return nil
}

func (d *draft) add(records []New) error {
	for _, n := range records {
		if strings.EqualFold(n.Type, "SOA") {
			return latchkey.InvalidParam("add", "A DNS zone has one SOA record: a second cannot be added.")
		}
		e, err := d.zone.entry(n, 1, d.zone.origin)
		if err != nil {
			return err
		}
		d.touch(&e)
		d.added = append(d.added, e)
	}
	return nil
}

// now is an entry after the edit, nil if it is taken away.
func (d *draft) now(at place) *Entry {
	if e, ok := d.changed[at]; ok {
		return e
	}
	return &d.zone.parts[at.part].entries[at.entry]
}

// follow makes sure that no record that stays takes its name or its TTL from
// one that changes.
func (d *draft) follow() error {
	for at := range d.changed {
		for next, ok := d.zone.after(at); ok; next, ok = d.zone.after(next) {
			e := d.now(next)
			if e == nil || e.kind != Record {
				continue
			}
			if !e.takesOwner && !e.takesTTL {
				break
			}
			before := d.before(next)
			if before == nil || e.takesOwner && before.owner != e.owner || e.takesTTL && before.ttl != e.ttl {
				return &latchkey.Error{Kind: latchkey.Invalid, Err: ErrFollows, Msg: fmt.Sprintf(
					"The record “%s %s” takes its name or TTL from the one before it, which would change: change both, or ask the administrator to write it out.", plain(e.owner), e.Type())}
			}
		}
	}
	return nil
}

// before is the last record before a place after the edit.
func (d *draft) before(at place) *Entry {
	for {
		switch {
		case at.entry > 0:
			at.entry--
		case at.part > 0:
			at.part--
			at.entry = len(d.zone.parts[at.part].entries)
			continue
		default:
			return nil
		}
		if e := d.now(at); e != nil && e.kind == Record {
			return e
		}
	}
}

// after is the place after another.
func (z *Zone) after(at place) (place, bool) {
	at.entry++
	for at.entry >= len(z.parts[at.part].entries) {
		if at.part++; at.part >= len(z.parts) {
			return at, false
		}
		at.entry = 0
	}
	return at, true
}

// count sets the serial number.
func (d *draft) count(serial uint32) error {
	for i, p := range d.zone.parts {
		for _, j := range p.names[d.zone.name] {
			at := place{i, int(j)}
			if p.entries[j].rtype != dns.TypeSOA {
				continue
			}
			e := *d.now(at)
			text, err := withSerial(e.text, serial)
			if err != nil {
				return err
			}
			e.text = text
			d.changed[at] = &e
			return nil
		}
	}
	return fmt.Errorf("zone %s has no SOA record", d.zone.name)
}

// withSerial is the text of an SOA record with another serial number.
func withSerial(text string, serial uint32) (string, error) {
	it, err := lex(text, 0)
	if err != nil {
		return "", err
	}
	// The data are the last seven words.
	if n := len(it.tokens); n >= 8 {
		t := it.tokens[n-5]
		if _, err := strconv.ParseUint(t.raw(text), 10, 32); err == nil {
			return text[:t.start] + strconv.FormatUint(uint64(serial), 10) + text[t.end:], nil
		}
	}
	return "", latchkey.Errorf(latchkey.Invalid, "The SOA record of the DNS zone is written in a way that cannot be edited: ask the administrator to reset the zone.")
}

// build puts the new version together. Parts in which nothing changes are shared
// with the old one.
func (d *draft) build() (*Zone, error) {
	z := *d.zone
	z.parts = slices.Clone(z.parts)
	byPart := make(map[int]map[int]*Entry)
	for at, e := range d.changed {
		if byPart[at.part] == nil {
			byPart[at.part] = make(map[int]*Entry)
		}
		byPart[at.part][at.entry] = e
	}
	last := len(z.parts) - 1
	if len(d.added) > 0 && byPart[last] == nil {
		byPart[last] = make(map[int]*Entry)
	}
	numbers := make([]int, 0, len(byPart))
	for i := range byPart {
		numbers = append(numbers, i)
	}
	slices.SortFunc(numbers, func(a, b int) int { return cmp.Compare(b, a) }) // from behind: places stay
	for _, i := range numbers {
		old := z.parts[i]
		entries := changedEntries(old.entries, byPart[i])
		if i == last {
			entries = z.append(entries, d.added)
		}
		z.lines -= old.lines
		z.size -= len(old.Text)
		var parts []*Part
		if len(entries) > 0 {
			parts = z.divide(entries)
		}
		for _, p := range parts {
			z.lines += p.lines
			z.size += len(p.Text)
		}
		z.parts = slices.Replace(z.parts, i, i+1, parts...)
	}
	if z.lines > MaxLines || z.size > MaxBytes {
		return nil, tooLarge()
	}
	return &z, nil
}

func changedEntries(was []Entry, changed map[int]*Entry) []Entry {
	entries := make([]Entry, 0, len(was))
	for i := range was {
		e, ok := changed[i]
		switch {
		case !ok:
			entries = append(entries, was[i])
		case e != nil:
			entries = append(entries, *e)
		}
	}
	return entries
}

// append adds records after entries, the last of the zone. A text that does not
// end its last line gets that end first.
func (z *Zone) append(entries, added []Entry) []Entry {
	if n := len(entries); n > 0 && len(added) > 0 && !strings.HasSuffix(entries[n-1].text, "\n") {
		entries[n-1].text += "\n"
	}
	return append(entries, added...)
}

// check holds the new version to the rules about records together, where the
// edit has touched them.
func (d *draft) check(z *Zone) error {
	for name := range d.touched {
		if err := z.checkName(name); err != nil {
			return err
		}
	}
	if d.servers {
		return z.checkServers()
	}
	return nil
}

// Touch is a record that an edit changes: as it was, or as it is to be.
type Touch struct {
	Name string // fully qualified
	Type string
}

// Touches is what e touches, before the change and after it: everything that who
// asks for it must be allowed to edit. It fails where [Zone.Edit] would, for
// lines and names that are none.
func (z *Zone) Touches(e Edit) ([]Touch, error) {
	var touched []Touch
	before := func(line int, param string) error {
		was := z.At(line)
		if was == nil || was.kind != Record {
			return noRecord(param, line)
		}
		touched = append(touched, Touch{was.owner, was.Type()})
		return nil
	}
	after := func(n New) error {
		owner, err := z.owner(n.Name)
		touched = append(touched, Touch{owner, strings.ToUpper(n.Type)})
		return err
	}
	for _, line := range e.Remove {
		if err := before(line, "remove"); err != nil {
			return nil, err
		}
	}
	for line, n := range e.Replace {
		if err := before(line, "edit"); err != nil {
			return nil, err
		}
		if err := after(n); err != nil {
			return nil, err
		}
	}
	for _, n := range e.Add {
		if err := after(n); err != nil {
			return nil, err
		}
	}
	return touched, nil
}

func noRecord(param string, line int) error {
	return &latchkey.Error{Kind: latchkey.Invalid, Param: param, Msg: fmt.Sprintf("No record of the DNS zone begins at line index %d.", line), Err: ErrNoRecord}
}

// ErrNoRecord is in the errors about a line on which no record begins. To who
// sees some records only, such a line is one like those of all others.
var ErrNoRecord = errors.New("no such record")

// ErrFollows is in the error about a record that takes its name or TTL from one
// that would change.
var ErrFollows = errors.New("a record follows")

// After is z as the version that comes after was: no part has the key of one of
// was's.
func (z *Zone) After(was *Zone) *Zone {
	next := *z
	next.lastKey = was.lastKey
	next.parts = make([]*Part, len(z.parts))
	for i, p := range z.parts {
		next.lastKey++
		moved := *p
		moved.Key = next.lastKey
		next.parts[i] = &moved
	}
	return &next
}
