package authdns

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"

	"github.com/miekg/dns"
)

// The sizes of answers over UDP (RFC 9715).
const (
	smallest = dns.MinMsgSize
	largest  = 1232
)

// room is left in an answer for its signature.
const room = 256

// ServeDNS answers one request. Implements [dns.Handler].
func (s *Server) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	defer func() {
		if p := recover(); p != nil {
			s.o.Logger.Error("dns: a request could not be answered", slog.String("panic", fmt.Sprint(p)))
			m := new(dns.Msg).SetRcode(r, dns.RcodeServerFailure)
			_ = w.WriteMsg(m)
		}
	}()
	q := request{Msg: r, overTCP: isTCP(w.RemoteAddr()), from: source(w.RemoteAddr()), here: source(w.LocalAddr()), signed: r.IsTsig() != nil, signature: w.TsigStatus()}
	if q.transfer() {
		s.transfer(w, &q)
		return
	}
	m := s.reply(&q)
	if m == nil || !q.overTCP && !s.admit(&q, m) {
		return
	}
	if err := w.WriteMsg(m); err != nil {
		s.o.Logger.Debug("dns: an answer was not sent", slog.Any("err", err))
	}
}

// request is a request and how it came.
type request struct {
	*dns.Msg
	overTCP   bool
	from      netip.Addr
	here      netip.Addr // where it came to
	signed    bool
	signature error // what is wrong with it
	zone      string
}

func isTCP(a net.Addr) bool { _, ok := a.(*net.TCPAddr); return ok }

func source(a net.Addr) netip.Addr {
	switch a := a.(type) {
	case *datagram:
		return a.AddrPort().Addr().Unmap()
	case *net.UDPAddr:
		return a.AddrPort().Addr().Unmap()
	case *net.TCPAddr:
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// asks reports whether the request is one question, as they should be.
func (q *request) asks() bool {
	return !q.Response && q.Opcode == dns.OpcodeQuery && len(q.Question) == 1
}

// admit reports whether an answer may be sent over UDP, and cuts it short if
// there were too many.
func (s *Server) admit(q *request, m *dns.Msg) bool {
	if q.from == q.here { // this machine asks itself
		return true
	}
	switch s.limit.judge(q.from, about(q.zone, m), m.Rcode) {
	case drop:
		return false
	case slip:
		m.Answer, m.Ns, m.Truncated = nil, nil, true
		m.Extra = slices.DeleteFunc(m.Extra, func(rr dns.RR) bool { return rr.Header().Rrtype != dns.TypeOPT && rr.Header().Rrtype != dns.TypeTSIG })
	}
	return true
}

// about is what answers are counted by: the name of the records, or of the zone.
func about(zone string, m *dns.Msg) string {
	if m.Rcode == dns.RcodeSuccess && len(m.Answer) > 0 {
		return m.Answer[0].Header().Name
	}
	return zone
}

// reply is the answer to a request that is no transfer; nil for none.
func (s *Server) reply(q *request) *dns.Msg {
	if q.Response {
		return nil
	}
	m := new(dns.Msg)
	m.Compress = true
	if len(q.Question) != 1 {
		m.SetRcode(q.Msg, dns.RcodeFormatError)
		return m
	}
	m.SetReply(q.Msg)
	if q.Opcode != dns.OpcodeQuery {
		m.Rcode = dns.RcodeNotImplemented
		return m
	}
	size, ok := extend(m, q)
	if ok && q.signature == nil {
		s.resolve(m, q, size)
	}
	if q.signed {
		size -= room
	}
	m.Truncate(size)
	s.sign(m, q)
	return m
}

// resolve answers a well-formed question, in about so many bytes.
func (s *Server) resolve(m *dns.Msg, q *request, size int) {
	question := q.Question[0]
	var name split
	switch {
	case question.Qclass != dns.ClassINET, name.read(question.Name) != nil:
		m.Rcode = dns.RcodeRefused
		return
	case question.Qtype == dns.TypeAXFR: // over UDP
		m.Rcode = dns.RcodeFormatError
		return
	}
	slot := s.zones.find(&name, question.Qtype)
	if slot == nil {
		m.Rcode = dns.RcodeRefused
		return
	}
	z, err := slot.get()
	if err != nil {
		m.Rcode = dns.RcodeServerFailure
		return
	}
	q.zone = z.origin
	z.answer(m, question.Name, &name, question.Qtype, size)
}

// extend answers the request's extensions (RFC 6891), and is how large an answer
// may be; not ok if they cannot be understood.
func extend(m *dns.Msg, q *request) (size int, ok bool) {
	var opt *dns.OPT
	for _, rr := range q.Extra {
		if o, is := rr.(*dns.OPT); is {
			if opt != nil {
				m.Rcode = dns.RcodeFormatError
				return smallest, false
			}
			opt = o
		}
	}
	size = smallest
	if opt != nil {
		m.SetEdns0(largest, opt.Do())
		size = min(max(int(opt.UDPSize()), smallest), largest)
		if opt.Version() != 0 {
			m.Rcode = dns.RcodeBadVers
			return size, false
		}
	}
	if q.overTCP {
		size = dns.MaxMsgSize
	}
	return size, true
}

// sign signs the answer to a request that is signed well, and says what is
// wrong with one that is not (RFC 8945, 5.3).
func (s *Server) sign(m *dns.Msg, q *request) {
	if !q.signed {
		return
	}
	now := s.limit.now().Unix()
	t := q.IsTsig()
	reply := m.SetTsig(t.Hdr.Name, t.Algorithm, 300, now).IsTsig()
	if q.signature == nil {
		return
	}
	m.Rcode = dns.RcodeNotAuth
	switch {
	case errors.Is(q.signature, dns.ErrTime):
		reply.Error = dns.RcodeBadTime
	case errors.Is(q.signature, dns.ErrSecret):
		reply.Error = dns.RcodeBadKey
	default:
		reply.Error = dns.RcodeBadSig
	}
}
