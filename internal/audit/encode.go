package audit

import (
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// A segment is some events, encoded together: its length, then the events. A
// text that comes again within a segment stands in it once, but for names of
// accounts: on a large server hardly one comes again.
//
// A link of the trail is one or more segments, one after another.
type segment struct {
	buf   []byte
	texts map[string]uint64
	said  uint64    // how many texts stand in it
	again [4]spoken // what stood last where the same stands again and again
	last  int64     // microseconds of the event before
	n     int
}

func (s *segment) add(e *latchkey.Event) {
	if s.texts == nil {
		s.texts = make(map[string]uint64)
	}
	at := e.At.UnixMicro()
	b := binary.AppendVarint(s.buf, at-s.last)
	s.last = at
	b = binary.AppendUvarint(b, uint64(max(e.Took.Microseconds(), 0)))
	b = binary.AppendUvarint(b, uint64(e.Account))
	flags := byte(e.By)
	if e.OK {
		flags |= flagOK
	}
	if e.Change {
		flags |= flagChange
	}
	if e.From.Is4() {
		flags |= flagIPv4
	} else if e.From.Is6() {
		flags |= flagIPv6
	}
	if len(e.On) > 0 {
		flags |= flagOn
	}
	b = append(b, flags, byte(e.Outcome))
	b = append(b, e.Handle[:]...)
	b = append(b, e.From.AsSlice()...)
	b = s.say(b, auth.Redact(string(e.Name)))
	for i, text := range [...]string{e.Client, e.Func, e.Reason, e.Messages} {
		if again := &s.again[i]; again.n != 0 && again.text == text {
			b = binary.AppendUvarint(b, 2*again.n)
		} else {
			b, again.n = s.text(b, text)
			again.text = text
		}
	}
	for _, list := range [...][]string{e.Names, e.Values} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, text := range list {
			b, _ = s.text(b, text)
		}
	}
	if len(e.On) > 0 {
		b = s.on(b, e.On)
	}
	s.buf = b
	s.n++
}

// on appends what an event is about, which stands behind the rest of it.
func (s *segment) on(b []byte, on []latchkey.Resource) []byte {
	b = binary.AppendUvarint(b, uint64(len(on)))
	for i := range on {
		r := &on[i]
		kind, texts := r.Kind, []string{r.Name}
		switch {
		case r.Some:
			kind, texts[0] = "zone", r.Zone
		case r.Kind == latchkey.RecordKind:
			texts = []string{r.Zone, r.Name, r.Type}
		}
		b, _ = s.text(b, kind)
		for _, text := range texts {
			b, _ = s.text(b, strings.ToValidUTF8(text[:min(len(text), maxOnName)], "?"))
		}
	}
	return b
}

// spoken is a text that stands in a segment, and its number; 0 is none.
type spoken struct {
	text string
	n    uint64
}

const (
	flagOK = 1 << (iota + 3)
	flagChange
	flagIPv4
	flagIPv6
	flagOn   // since the second version: what the event is about stands behind it
	kindMask = 7
)

// text appends a text and returns its number: 0 for none, an odd number for the
// length of one that follows, an even one for the number of one that came before.
func (s *segment) text(b []byte, text string) ([]byte, uint64) {
	text = auth.Redact(text)
	if n, ok := s.texts[text]; ok || text == "" {
		return binary.AppendUvarint(b, 2*n), n
	}
	b = s.say(b, text)
	s.texts[text] = s.said
	return b, s.said
}

// say appends a text that nobody looks for again.
func (s *segment) say(b []byte, text string) []byte {
	if text == "" {
		return append(b, 0)
	}
	s.said++
	b = binary.AppendUvarint(b, 2*uint64(len(text))+1)
	return append(b, text...)
}

// seal appends the segment to body and empties it.
func (s *segment) seal(body []byte) []byte {
	body = binary.AppendUvarint(body, uint64(len(s.buf)))
	body = append(body, s.buf...)
	s.buf, s.last, s.said, s.n = s.buf[:0], 0, 0, 0
	clear(s.texts)
	s.again = [4]spoken{}
	return body
}

// Encode is one event as it goes into the trail by itself.
func Encode(e *latchkey.Event) []byte {
	var s segment
	s.add(e)
	return s.seal(nil)
}

var errDamaged = errors.New("the audit trail is damaged: a link cannot be read")

// Decode reads the events of a link's body.
func Decode(body []byte) (events []latchkey.Event, err error) {
	err = each(body, func(e *latchkey.Event) { events = append(events, *e) })
	if err != nil {
		return nil, err
	}
	return events, nil
}

// each calls fn with every event of a link's body, up to one that cannot be read.
func each(body []byte, fn func(*latchkey.Event)) error {
	var d decoder
	for len(body) > 0 {
		size, n := binary.Uvarint(body)
		if n <= 0 || size > uint64(len(body)-n) {
			return errDamaged
		}
		d = decoder{b: body[n : n+int(size)], texts: d.texts[:0]}
		for len(d.b) > 0 {
			e := d.event()
			if d.bad {
				return errDamaged
			}
			fn(&e)
		}
		body = body[n+int(size):]
	}
	return nil
}

type decoder struct {
	b     []byte
	texts []string
	last  int64
	bad   bool
}

func (d *decoder) event() (e latchkey.Event) {
	delta, n := binary.Varint(d.b)
	d.skip(n)
	d.last += delta
	e.At = time.UnixMicro(d.last).UTC()
	e.Took = time.Duration(d.numberTo(math.MaxInt64/1000)) * time.Microsecond
	e.Account = latchkey.AccountID(d.numberTo(math.MaxUint32))
	flags := d.bytes(2)
	copy(e.Handle[:], d.bytes(len(e.Handle)))
	if d.bad {
		return e
	}
	e.By, e.OK, e.Change = latchkey.CallerKind(flags[0]&kindMask), flags[0]&flagOK != 0, flags[0]&flagChange != 0
	e.Outcome = latchkey.Kind(flags[1])
	switch {
	case flags[0]&flagIPv4 != 0:
		e.From, _ = netip.AddrFromSlice(d.bytes(4))
	case flags[0]&flagIPv6 != 0:
		e.From, _ = netip.AddrFromSlice(d.bytes(16))
	}
	e.Name = latchkey.AccountName(d.text())
	e.Client, e.Func, e.Reason, e.Messages = d.text(), d.text(), d.text(), d.text()
	e.Names, e.Values = d.list(), d.list()
	if flags[0]&flagOn != 0 {
		e.On = d.on()
	}
	return e
}

// on is what an event is about.
func (d *decoder) on() []latchkey.Resource {
	n := d.numberTo(maxOn + 1)
	var on []latchkey.Resource
	for range n {
		r := latchkey.Resource{Kind: d.text()}
		if r.Kind == latchkey.RecordKind {
			r.Zone = d.text()
		}
		if r.Name = d.text(); r.Kind == latchkey.RecordKind {
			r.Type = d.text()
		}
		on = append(on, r)
	}
	return on
}

func (d *decoder) skip(n int) {
	if n <= 0 || n > len(d.b) {
		d.bad, d.b = true, nil
		return
	}
	d.b = d.b[n:]
}

func (d *decoder) number() uint64 {
	v, n := binary.Uvarint(d.b)
	d.skip(n)
	return v
}

// numberTo is a number that is at most most.
func (d *decoder) numberTo(most uint64) uint64 {
	v := d.number()
	if v > most {
		d.bad, d.b = true, nil
		return 0
	}
	return v
}

func (d *decoder) bytes(n int) []byte {
	if n > len(d.b) {
		d.bad, d.b = true, nil
		return make([]byte, n)
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) text() string {
	n := d.number()
	switch {
	case d.bad || n == 0:
		return ""
	case n%2 == 0:
		if n/2 > uint64(len(d.texts)) {
			d.bad = true
			return ""
		}
		return d.texts[n/2-1]
	case n/2 > uint64(len(d.b)):
		d.bad, d.b = true, nil
		return ""
	}
	text := string(d.bytes(int(n / 2)))
	d.texts = append(d.texts, text)
	return text
}

func (d *decoder) list() []string {
	n := d.number()
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return nil
	}
	var list []string
	for range n {
		list = append(list, d.text())
	}
	return list
}
