package authdns

import (
	"slices"

	"github.com/miekg/dns"
)

// A set of many records that is searched often gets an index.
const (
	many  = 16
	often = 4
)

// builder gathers the records of one name. Sets that nothing changed are shared.
type builder struct {
	old  []*set
	open []*openSet
}

// openSet is a set that is being changed.
type openSet struct {
	set
	at       map[string]int // where members stand; nil if nobody counts on it
	searches int
}

// builder begins with what the name has now.
func (e *entry) builder() *builder {
	if e == nil {
		return &builder{}
	}
	return &builder{old: e.sets}
}

func (b *builder) set(kind uint16) *openSet {
	for _, s := range b.open {
		if s.kind == kind {
			return s
		}
	}
	s := &openSet{set: set{kind: kind}}
	for i, old := range b.old {
		if old.kind == kind {
			s.rrs, s.members = slices.Clone(old.rrs), slices.Clone(old.members)
			b.old = slices.Concat(b.old[:i], b.old[i+1:])
			break
		}
	}
	b.open = append(b.open, s)
	return s
}

// add adds a record, which the builder does not change.
func (b *builder) add(rr dns.RR) error {
	rdata, err := rdata(rr)
	if err != nil {
		return err
	}
	s := b.set(rr.Header().Rrtype)
	if i := s.find(rdata); i >= 0 {
		s.members[i].times++
		s.members[i].ttl = min(s.members[i].ttl, rr.Header().Ttl)
		return nil
	}
	s.rrs = append(s.rrs, rr)
	s.members = append(s.members, member{rdata, rr.Header().Ttl, 1})
	if s.at != nil {
		s.at[rdata] = len(s.members) - 1
	}
	return nil
}

// take takes a record away.
func (b *builder) take(rr dns.RR) error {
	rdata, err := rdata(rr)
	if err != nil {
		return err
	}
	s := b.set(rr.Header().Rrtype)
	i := s.find(rdata)
	if i < 0 {
		return ErrStale
	}
	if s.members[i].times--; s.members[i].times == 0 {
		s.rrs, s.members, s.at = slices.Delete(s.rrs, i, i+1), slices.Delete(s.members, i, i+1), nil
	}
	return nil
}

// find is where the record with that data stands, or -1.
func (s *openSet) find(rdata string) int {
	if s.searches++; s.at == nil && (len(s.members) < many || s.searches <= often) {
		return slices.IndexFunc(s.members, func(m member) bool { return m.rdata == rdata })
	}
	if s.at == nil {
		s.at = make(map[string]int, len(s.members))
		for i, m := range s.members {
			s.at[m.rdata] = i
		}
	}
	if i, ok := s.at[rdata]; ok {
		return i
	}
	return -1
}

// finish is the name's sets, by type.
func (b *builder) finish() []*set {
	sets := slices.Clone(b.old)
	for _, s := range b.open {
		if len(s.rrs) > 0 {
			sets = append(sets, s.finish())
		}
	}
	slices.SortFunc(sets, func(x, y *set) int { return int(x.kind) - int(y.kind) })
	return sets
}

// finish gives all records the lowest TTL of the set (RFC 2181, 5.2).
func (s *openSet) finish() *set {
	ttl := s.members[0].ttl
	for _, m := range s.members {
		ttl = min(ttl, m.ttl)
	}
	for i, rr := range s.rrs {
		if rr.Header().Ttl != ttl {
			s.rrs[i] = dns.Copy(rr)
			s.rrs[i].Header().Ttl = ttl
		}
	}
	return &set{s.kind, s.rrs, s.members}
}

// rdata is a record's data as the wire has it.
func rdata(rr dns.RR) (string, error) {
	var small [512]byte
	buf := small[:]
	if n := dns.Len(rr); n > len(buf) {
		buf = make([]byte, n+1)
	}
	end, err := dns.PackRR(dns.Copy(rr), buf, 0, nil, false) // it writes into what it packs, and rr may be on its way out
	if err != nil {
		return "", err
	}
	owner := 0
	for buf[owner] != 0 {
		owner += 1 + int(buf[owner])
	}
	return string(buf[owner+11 : end]), nil // after type, class, TTL and length
}
