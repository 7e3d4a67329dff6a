package authdns

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/miekg/dns"
)

// Zone is one version of a zone. It never changes, and is asked by any number
// of readers.
type Zone struct {
	origin string // in lower case, with the last dot
	suffix string // origin as [split.suffix] has it
	labels int    // of origin
	root   *node
	cuts   int // names with NS or DNAME records, but for the origin's own NS
	soa    *dns.SOA
	denial *dns.SOA // the SOA as negative answers have it
}

// set is the records of one name and type, all with the TTL of the lowest.
type set struct {
	kind    uint16
	rrs     []dns.RR
	members []member // of rrs
}

// member tells of a record how often it was given: a zone's text may say a
// thing twice, and take it back once.
type member struct {
	rdata string
	ttl   uint32
	times int
}

// ErrStale is the error of [Zone.With] for records that are not in the zone.
var ErrStale = errors.New("the zone does not have the record that is to go")

// NewZone makes a zone of the records of its text, in any order. They must be
// in class IN, at or below origin, with one SOA at origin; a name with a CNAME
// must have nothing else.
func NewZone(origin string, records []dns.RR) (*Zone, error) {
	empty, err := emptyZone(origin)
	if err != nil {
		return nil, err
	}
	names := make(map[key]*builder, len(records)/2)
	for _, rr := range records {
		k, err := empty.key(rr)
		if err != nil {
			return nil, err
		}
		b := names[k]
		if b == nil {
			b = &builder{}
			names[k] = b
		}
		if err := b.add(rr); err != nil {
			return nil, err
		}
	}
	entries := make([]*entry, 0, len(names))
	for k, b := range names {
		e := &entry{k, b.finish()}
		if err := e.check(); err != nil {
			return nil, err
		}
		empty.cuts += e.cuts()
		entries = append(entries, e)
	}
	sortEntries(entries)
	empty.root = plant(entries)
	return empty, empty.findSOA()
}

func emptyZone(origin string) (*Zone, error) {
	var s split
	if err := s.read(origin); err != nil || s.n == 0 {
		return nil, fmt.Errorf("%q is no name for a zone", origin)
	}
	return &Zone{origin: strings.ToLower(dns.Fqdn(origin)), suffix: string(s.suffix(0)), labels: s.n}, nil
}

// Origin is the zone's name, in lower case, with the last dot.
func (z *Zone) Origin() string { return z.origin }

// Serial is the serial number of the zone's SOA record.
func (z *Zone) Serial() uint32 { return z.soa.Serial }

// With is the zone with some records taken away and others added. It costs what
// it changes, not what the zone holds. Fails with [ErrStale] if a record to be
// taken away is not there, and as [NewZone] does.
func (z *Zone) With(remove, add []dns.RR) (*Zone, error) {
	next := &Zone{origin: z.origin, suffix: z.suffix, labels: z.labels, root: z.root, cuts: z.cuts}
	touched := make(map[key]*builder)
	for i, rr := range append(append([]dns.RR(nil), remove...), add...) {
		k, err := z.key(rr)
		if err != nil {
			return nil, err
		}
		b := touched[k]
		if b == nil {
			b = z.root.find(k).builder()
			touched[k] = b
		}
		if i < len(remove) {
			err = b.take(rr)
		} else {
			err = b.add(rr)
		}
		if err != nil {
			return nil, err
		}
	}
	for k, b := range touched {
		if err := next.replace(k, b.finish()); err != nil {
			return nil, err
		}
	}
	return next, next.findSOA()
}

// replace gives the name with key k other records.
func (z *Zone) replace(k key, sets []*set) error {
	z.cuts -= z.root.find(k).cuts()
	if len(sets) == 0 {
		z.root = z.root.without(k)
		return nil
	}
	e := &entry{k, sets}
	z.root = z.root.with(e)
	z.cuts += e.cuts()
	return e.check()
}

func (z *Zone) findSOA() error {
	s := z.root.find("").set(dns.TypeSOA)
	if s == nil || len(s.rrs) != 1 {
		return fmt.Errorf("zone %s: there must be one SOA record at its name", z.origin)
	}
	z.soa = s.rrs[0].(*dns.SOA)
	denial := *z.soa
	denial.Hdr.Ttl = min(denial.Hdr.Ttl, denial.Minttl)
	z.denial = &denial
	return nil
}

// key is the key of the name that has rr.
func (z *Zone) key(rr dns.RR) (key, error) {
	h := rr.Header()
	var s split
	if err := s.read(h.Name); err != nil {
		return "", fmt.Errorf("zone %s: %q: %w", z.origin, h.Name, err)
	}
	if !z.holds(&s) {
		return "", fmt.Errorf("zone %s: %q is not in it", z.origin, h.Name)
	}
	if h.Class != dns.ClassINET {
		return "", fmt.Errorf("zone %s: %q: only class IN can be served", z.origin, h.Name)
	}
	var p path
	k := s.relative(z.labels, &p)
	if h.Rrtype == dns.TypeSOA && k != "" {
		return "", fmt.Errorf("zone %s: %q: a SOA record belongs to the name of a zone", z.origin, h.Name)
	}
	return k, nil
}

// holds reports whether a name is at or below the zone's.
func (z *Zone) holds(s *split) bool {
	return s.n >= z.labels && string(s.suffix(s.n-z.labels)) == z.suffix
}

// Records is every record of the zone, the SOA record first; a record that its
// text has twice comes once.
func (z *Zone) Records() iter.Seq[dns.RR] {
	return func(yield func(dns.RR) bool) {
		if !yield(z.soa) {
			return
		}
		for e := range z.root.all() {
			for _, s := range e.sets {
				for _, rr := range s.rrs {
					if s.kind != dns.TypeSOA && !yield(rr) {
						return
					}
				}
			}
		}
	}
}

// set is the records of one type; nil for none.
func (e *entry) set(kind uint16) *set {
	if e == nil {
		return nil
	}
	for _, s := range e.sets {
		if s.kind == kind {
			return s
		}
	}
	return nil
}

// cuts is 1 for a name where the zone's authority ends, or may end.
func (e *entry) cuts() int {
	if e != nil && (e.key != "" && e.set(dns.TypeNS) != nil || e.set(dns.TypeDNAME) != nil) {
		return 1
	}
	return 0
}

// check says what is wrong with a name's records.
func (e *entry) check() error {
	for _, kind := range []uint16{dns.TypeCNAME, dns.TypeDNAME, dns.TypeSOA} {
		if s := e.set(kind); s != nil && len(s.rrs) > 1 {
			return fmt.Errorf("%s has more than one %s record", s.rrs[0].Header().Name, dns.TypeToString[kind])
		}
	}
	alias := e.set(dns.TypeCNAME)
	for _, s := range e.sets {
		if alias != nil && s != alias && s.kind != dns.TypeNSEC && s.kind != dns.TypeRRSIG {
			return fmt.Errorf("%s has a CNAME record and others", alias.rrs[0].Header().Name)
		}
	}
	return nil
}
