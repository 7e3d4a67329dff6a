package authdns

import (
	"slices"

	"github.com/miekg/dns"
)

const (
	// longestChain is how many aliases are followed for one question.
	longestChain = 12
	// least is what a record takes up at the least.
	least = 12
)

// answer fills m with what the zone says to the question for name, which is in
// the zone, and kind, of each set no more than fits into size bytes.
func (z *Zone) answer(m *dns.Msg, name string, s *split, kind uint16, size int) {
	m.Authoritative = true
	most := size / least
	var p path
	for range longestChain {
		f := z.find(s.relative(z.labels, &p), p.ends, kind)
		switch {
		case f.cut != nil:
			z.refer(m, f.cut, most)
			return
		case f.dname != nil:
			if name = synthesize(m, f.dname, name); name == "" || kind == dns.TypeCNAME || kind == dns.TypeANY {
				return
			}
		case f.entry.set(kind) == nil && f.entry.set(dns.TypeCNAME) != nil && kind != dns.TypeANY:
			alias := f.entry.set(dns.TypeCNAME)
			if leads(m.Answer, alias.rrs[0], f.wild) {
				m.Rcode = dns.RcodeServerFailure
				return
			}
			m.Answer = f.append(m.Answer, alias, name, most)
			name = alias.rrs[0].(*dns.CNAME).Target
		default:
			z.finish(m, f, name, kind, most)
			return
		}
		if s.read(name) != nil || !z.holds(s) {
			return
		}
	}
	m.Rcode = dns.RcodeServerFailure
}

// leads reports whether an alias was followed already: it leads in a circle.
func leads(answer []dns.RR, alias dns.RR, wild bool) bool {
	return !wild && slices.Contains(answer, alias)
}

// finish ends an answer at a name that is no alias.
func (z *Zone) finish(m *dns.Msg, f found, name string, kind uint16, most int) {
	if s := f.pick(kind); s != nil {
		m.Answer = f.append(m.Answer, s, name, most)
		m.Truncated = m.Truncated || len(s.rrs) > most
		if kind == dns.TypeNS {
			z.addresses(m, s, "")
		}
		return
	}
	if f.nothing {
		m.Rcode = dns.RcodeNameError
	}
	m.Ns = append(m.Ns, z.denial)
}

// refer points to the servers of a part of the zone that others serve.
func (z *Zone) refer(m *dns.Msg, cut *entry, most int) {
	if len(m.Answer) == 0 {
		m.Authoritative = false
	}
	ns := cut.set(dns.TypeNS)
	m.Ns = append(m.Ns, ns.rrs[:min(len(ns.rrs), most)]...)
	z.addresses(m, ns, cut.key)
}

// mostServers is for how many name servers their addresses are added.
const mostServers = 32

// addresses adds the addresses of the name servers in ns whose names are at or
// below the one with key above.
func (z *Zone) addresses(m *dns.Msg, ns *set, above key) {
	var s split
	var p path
	for _, rr := range ns.rrs[:min(len(ns.rrs), mostServers)] {
		if s.read(rr.(*dns.NS).Ns) != nil || !z.holds(&s) {
			continue
		}
		k := s.relative(z.labels, &p)
		if k != above && !k.below(above) { // it can be asked for like any name
			continue
		}
		server := z.root.find(k)
		for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
			if s := server.set(kind); s != nil {
				m.Extra = append(m.Extra, s.rrs[:min(len(s.rrs), mostServers)]...)
			}
		}
	}
}

// synthesize adds the DNAME of e and the CNAME it means for name, and returns
// where that points; "" if nowhere.
func synthesize(m *dns.Msg, e *entry, name string) (target string) {
	dname := e.set(dns.TypeDNAME).rrs[0].(*dns.DNAME)
	m.Answer = append(m.Answer, dname)
	above := dns.CountLabel(dname.Hdr.Name)
	starts := dns.Split(name)
	cut := starts[len(starts)-above]
	target = name[:cut] + dname.Target
	if dname.Target == "." {
		target = name[:cut]
	}
	var s split
	if s.read(target) != nil {
		m.Rcode = dns.RcodeYXDomain
		return ""
	}
	h := dns.RR_Header{Name: name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: dname.Hdr.Ttl}
	m.Answer = append(m.Answer, &dns.CNAME{Hdr: h, Target: target})
	return target
}

// found is what a zone has for a name: one of its fields is set, or the name
// is there and has no records.
type found struct {
	entry   *entry
	wild    bool   // entry is a wildcard's
	cut     *entry // the name is others' from here on
	dname   *entry // the name stands below it
	nothing bool   // there is no such name
}

// find looks for the name with key k, whose labels end at ends.
func (z *Zone) find(k key, ends []int, kind uint16) found {
	at, before, after := z.root.near(k)
	if z.cuts > 0 {
		if f, ok := z.findCut(k, ends, kind); ok {
			return f
		}
	}
	if at != nil {
		return found{entry: at}
	}
	if after != nil && after.key.below(k) {
		return found{}
	}
	encloser := 0
	for _, e := range []*entry{before, after} {
		if e != nil {
			encloser = max(encloser, k.common(e.key, ends))
		}
	}
	var closest key
	if encloser > 0 {
		closest = k[:ends[encloser-1]]
	}
	if w := z.root.find(closest + "*\x00"); w != nil {
		return found{entry: w, wild: true}
	}
	return found{nothing: true}
}

// findCut looks for a name on the way to k where authority ends or goes
// elsewhere. The DS records of a cut are on our side of it.
func (z *Zone) findCut(k key, ends []int, kind uint16) (found, bool) {
	for i := -1; i < len(ends); i++ {
		var above key
		if i >= 0 {
			above = k[:ends[i]]
		}
		last := i == len(ends)-1
		switch e := z.root.find(above); {
		case e == nil:
		case i >= 0 && e.set(dns.TypeNS) != nil && (!last || kind != dns.TypeDS):
			return found{cut: e}, true
		case !last && e.set(dns.TypeDNAME) != nil:
			return found{dname: e}, true
		}
	}
	return found{}, false
}

// pick is the set that answers a question for kind. A question for everything
// gets one set (RFC 8482).
func (f found) pick(kind uint16) *set {
	if kind == dns.TypeANY && f.entry != nil {
		return f.entry.sets[0]
	}
	return f.entry.set(kind)
}

// append appends a set, in the name that was asked for if it is a wildcard's.
func (f found) append(to []dns.RR, s *set, name string, most int) []dns.RR {
	for _, rr := range s.rrs[:min(len(s.rrs), most)] {
		if f.wild {
			rr = dns.Copy(rr)
			rr.Header().Name = name
		}
		to = append(to, rr)
	}
	return to
}
