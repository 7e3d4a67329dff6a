package authdns

import (
	"log/slog"
	"net/netip"
	"slices"

	"github.com/miekg/dns"
)

// transfer reports whether a whole zone is asked for.
func (q *request) transfer() bool {
	if !q.asks() {
		return false
	}
	kind := q.Question[0].Qtype
	return kind == dns.TypeIXFR || kind == dns.TypeAXFR && q.overTCP
}

// pack is how much of a zone goes into one message.
const pack = 16 << 10

// transfer sends a zone to a secondary. Who asks for what changed gets all of it
// (RFC 1995, 4), or the SOA record alone if nothing did or the way is too narrow.
func (s *Server) transfer(w dns.ResponseWriter, q *request) {
	z, rcode := s.transferable(q)
	if rcode != dns.RcodeSuccess {
		s.refuse(w, q, rcode)
		return
	}
	out := &sender{w: w, q: q, server: s}
	if !q.overTCP || q.has(z.Serial()) {
		out.add(z.soa)
		out.flush()
		return
	}
	for rr := range z.Records() {
		if out.add(rr); out.err != nil {
			return
		}
	}
	out.add(z.soa)
	out.flush()
	s.o.Logger.Debug("dns: a zone was transferred", slog.String("zone", z.origin), slog.String("to", q.from.String()))
}

// transferable is the zone that is asked for, if who asks may have it.
func (s *Server) transferable(q *request) (*Zone, int) {
	question := q.Question[0]
	if q.signature != nil {
		return nil, dns.RcodeNotAuth
	}
	listed := slices.ContainsFunc(s.o.Secondaries, func(a netip.AddrPort) bool { return a.Addr().Unmap() == q.from })
	if !listed || s.o.Key != nil && !q.signed || question.Qclass != dns.ClassINET {
		return nil, dns.RcodeRefused
	}
	z, err := s.Zone(question.Name)
	switch {
	case err == ErrNoZone:
		return nil, dns.RcodeNotAuth
	case err != nil:
		return nil, dns.RcodeServerFailure
	}
	return z, dns.RcodeSuccess
}

// has reports whether the request says that its sender has serial already, or a
// newer one (RFC 1982).
func (q *request) has(serial uint32) bool {
	for _, rr := range q.Ns {
		if soa, ok := rr.(*dns.SOA); ok && q.Question[0].Qtype == dns.TypeIXFR {
			return int32(soa.Serial-serial) >= 0
		}
	}
	return false
}

func (s *Server) refuse(w dns.ResponseWriter, q *request, rcode int) {
	m := new(dns.Msg)
	m.SetRcode(q.Msg, rcode)
	s.sign(m, q)
	if q.overTCP || s.admit(q, m) {
		_ = w.WriteMsg(m)
	}
}

// sender sends records in as many messages as they need.
type sender struct {
	w      dns.ResponseWriter
	q      *request
	server *Server
	batch  []dns.RR
	size   int
	err    error
}

func (o *sender) add(rr dns.RR) {
	n := dns.Len(rr)
	if o.size+n > pack && len(o.batch) > 0 {
		o.flush()
	}
	o.batch, o.size = append(o.batch, rr), o.size+n
}

func (o *sender) flush() {
	if o.err != nil {
		return
	}
	m := new(dns.Msg)
	m.SetReply(o.q.Msg)
	m.Authoritative, m.Compress, m.Answer = true, true, o.batch
	o.server.sign(m, o.q)
	o.err = o.w.WriteMsg(m)
	o.w.TsigTimersOnly(true)
	o.batch, o.size = nil, 0
}
