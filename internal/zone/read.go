package zone

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// state is what lines take from those before them.
type state struct {
	origin  string
	setTTL  bool // by $TTL
	ttl     uint32
	known   bool // a record had a TTL of its own
	owner   string
	lastTTL uint32
}

// reader reads a zone from its beginning to its end.
type reader struct {
	state
	zone    string
	line    int
	serial  uint32
	records int
}

// read reads the next part of the zone.
func (r *reader) read(text string) ([]Entry, error) {
	entries := make([]Entry, 0, strings.Count(text, "\n")+1)
	for at := 0; at < len(text); {
		it, err := lex(text, at)
		var e Entry
		if err == nil {
			e, err = r.entry(text, at, it)
		}
		if err != nil {
			return nil, latchkey.InvalidParam("zone", "Line %d of the DNS zone cannot be read: %v.", r.line+1, err)
		}
		entries = append(entries, e)
		r.line += it.lines
		at = it.end
	}
	return entries, nil
}

// entry makes sense of one item.
func (r *reader) entry(text string, at int, it item) (Entry, error) {
	e := Entry{text: text[at:it.end], lines: int32(it.lines), origin: r.origin}
	switch {
	case len(it.tokens) == 0 && it.braces:
		return e, errors.New("there is nothing between the parentheses")
	case len(it.tokens) == 0:
		return e, nil
	case !it.bare && text[at] == '$':
		e.kind = Control
		return e, r.control(text, it.tokens)
	}
	e.kind = Record
	return e, r.record(&e, text, it)
}

func (r *reader) control(text string, tokens []token) error {
	word := strings.ToUpper(tokens[0].raw(text))
	if word != "$TTL" && word != "$ORIGIN" {
		return fmt.Errorf("only $TTL and $ORIGIN are understood here")
	}
	if len(tokens) != 2 || tokens[1].quoted {
		return fmt.Errorf("%s must have one value", word)
	}
	value := tokens[1].raw(text)
	if word == "$TTL" {
		ttl, ok := seconds(value)
		if !ok {
			return errTTL
		}
		r.setTTL, r.ttl = true, ttl
		return nil
	}
	origin, err := r.absolute(value)
	if err == nil && !dns.IsSubDomain(r.zone, origin) {
		err = errors.New("the $ORIGIN lies outside the zone")
	}
	if err == nil {
		r.origin = origin
	}
	return err
}

var errTTL = errors.New("a TTL must be a number of seconds from 0 to 2147483647")

// record reads the name, the TTL, the class and the type, and has the rest
// checked.
func (r *reader) record(e *Entry, text string, it item) error {
	tokens := it.tokens
	if it.bare {
		if r.owner == "" {
			return errors.New("the first record must have a name")
		}
		e.owner, e.takesOwner = r.owner, true
	} else {
		if tokens[0].quoted {
			return errors.New("a name cannot stand in quotes")
		}
		owner, err := r.absolute(tokens[0].raw(text))
		if err != nil {
			return err
		}
		e.owner, tokens = owner, tokens[1:]
	}
	if !dns.IsSubDomain(r.zone, e.owner) {
		return errors.New("the name lies outside the zone")
	}
	rest, own, err := e.head(text, tokens)
	if err != nil {
		return err
	}
	if e.rtype == dns.TypeSOA && (len(rest) != 7 || rest[0].raw(text) == `\#`) {
		return errors.New("the SOA record must have seven fields")
	}
	if err := r.defaultTTL(e, own, text, rest); err != nil {
		return err
	}
	rr, err := e.build(text, rest)
	if err != nil {
		return err
	}
	r.owner, r.lastTTL, r.known = e.owner, e.ttl, true
	r.records++
	if err := r.first(rr); err != nil {
		return err
	}
	return legal(rr)
}

// head reads what stands before the type, in either order, and the type.
func (e *Entry) head(text string, tokens []token) (rest []token, ownTTL bool, err error) {
	class := false
	for i, t := range tokens {
		w := strings.ToUpper(t.raw(text))
		if t.quoted {
			break
		}
		if n, ok := seconds(w); ok && !ownTTL {
			e.ttl, ownTTL = n, true
			continue
		}
		if !class && (w == "IN" || w == "CLASS1") {
			class = true
			continue
		}
		rtype, ok := dns.StringToType[w]
		if n, isNumber := strings.CutPrefix(w, "TYPE"); !ok && isNumber {
			var v uint64
			v, err = strconv.ParseUint(n, 10, 16)
			rtype, ok = uint16(v), err == nil && v != 0
		}
		if !ok || meta(rtype) {
			return nil, false, fmt.Errorf("“%s” is not a type of record", plain(w))
		}
		e.rtype = rtype
		return tokens[i+1:], ownTTL, nil
	}
	return nil, false, errors.New("the record has no type")
}

// meta reports whether a type is one that no zone holds.
func meta(t uint16) bool { return t == 0 || t == dns.TypeOPT || t >= 128 && t <= 255 }

// plain is text that may be shown.
func plain(s string) string {
	if len(s) > 40 {
		s = s[:40] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return '?'
		}
		return r
	}, s)
}

func (r *reader) defaultTTL(e *Entry, own bool, text string, rest []token) error {
	switch {
	case own:
	case r.setTTL:
		e.ttl = r.ttl
	case r.known:
		e.ttl, e.takesTTL = r.lastTTL, true
	case e.rtype == dns.TypeSOA:
		ttl, ok := seconds(rest[6].raw(text))
		if !ok {
			return errTTL
		}
		e.ttl = ttl
	default:
		return errors.New("the record has no TTL, and there is no $TTL before it")
	}
	return nil
}

// first holds the zone to begin with its SOA record, and to have no other.
func (r *reader) first(rr dns.RR) error {
	soa, ok := rr.(*dns.SOA)
	switch {
	case ok != (r.records == 1):
		if ok {
			return errors.New("there is a second SOA record")
		}
		return errors.New("the first record must be the SOA record")
	case ok && !strings.EqualFold(soa.Hdr.Name, r.zone):
		return errors.New("the SOA record must have the name of the zone")
	case ok:
		r.serial = soa.Serial
	}
	return nil
}

// absolute is a name in full.
func (s *state) absolute(name string) (string, error) {
	switch {
	case name == "@":
		name = s.origin
	case !dns.IsFqdn(name):
		name += "." + s.origin
	}
	if _, ok := dns.IsDomainName(name); !ok || strings.Contains(name, `"`) {
		return "", fmt.Errorf("“%s” is not a name", plain(name))
	}
	return name, nil
}

// parse reads the record anew.
func (e *Entry) parse() (dns.RR, error) {
	it, err := lex(e.text, 0)
	if err != nil {
		return nil, err
	}
	tokens := it.tokens
	if !it.bare {
		tokens = tokens[1:]
	}
	again := *e
	rest, _, err := again.head(e.text, tokens)
	if err != nil {
		return nil, err
	}
	return e.build(e.text, rest)
}

// build makes the record of the fields after its type. They are put together
// anew, so that nothing is checked but what was understood.
func (e *Entry) build(text string, rest []token) (dns.RR, error) {
	if len(rest) == 0 {
		return nil, badData(e.rtype)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d IN %s", e.owner, e.ttl, dns.Type(e.rtype).String())
	for _, t := range rest {
		b.WriteByte(' ')
		b.WriteString(t.raw(text))
	}
	b.WriteByte('\n')
	p := dns.NewZoneParser(strings.NewReader(b.String()), e.origin, "")
	rr, ok := p.Next()
	if err := p.Err(); err != nil || !ok {
		return nil, badData(e.rtype)
	}
	if _, more := p.Next(); more || p.Err() != nil || rr.Header().Rrtype != e.rtype || !fits(rr) {
		return nil, badData(e.rtype)
	}
	return rr, nil
}

func badData(rtype uint16) error {
	return fmt.Errorf("that is not the data of %s record", article(dns.Type(rtype).String()))
}

func article(rtype string) string {
	if strings.IndexByte("AEFHILMNORSX", rtype[0]) >= 0 {
		return "an " + rtype
	}
	return "a " + rtype
}

// fits reports whether the record can go over the wire and comes out as it went
// in.
func fits(rr dns.RR) bool {
	wire := make([]byte, dns.Len(rr)+64)
	n, err := dns.PackRR(rr, wire, 0, nil, false)
	if err != nil {
		return false
	}
	again, _, err := dns.UnpackRR(wire[:n], 0)
	return err == nil && again.Header().Rrtype == rr.Header().Rrtype
}

// seconds reads a TTL: a number, or numbers with units as in 1h30m.
func seconds(text string) (uint32, bool) {
	if text == "" || text[0] < '0' || text[0] > '9' {
		return 0, false
	}
	var sum, n uint64
	open := false
	for i := range len(text) {
		c := text[i]
		if c >= '0' && c <= '9' {
			n, open = n*10+uint64(c-'0'), true
		} else {
			unit, ok := units[c|0x20]
			if !ok || !open {
				return 0, false
			}
			sum, n, open = sum+n*unit, 0, false
		}
		if n > maxTTL || sum > maxTTL {
			return 0, false
		}
	}
	sum += n
	return uint32(sum), sum <= maxTTL
}

const maxTTL = 1<<31 - 1

var units = map[byte]uint64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}
