package authdns

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync/atomic"

	"github.com/miekg/dns"
)

// Most questions are alike: one name, one type, perhaps the size of a buffer. Their
// answers are kept as bytes, and copied to whoever asks next. What is unusual about
// a question, whatever it may be, sends it the whole way.

// asked is a usual question, read from the wire.
type asked struct {
	key      [258]byte // its name in lower case, as the wire has it, type, and capitals
	n        int       // of key
	capitals bool      // its name has some
	end      int       // where it ends in the message
	kind     uint16
	extended bool // it has an OPT record (RFC 6891)
	signed   bool // which asks for signatures
	size     int  // of the largest answer
}

// The lengths of a message's head, of what follows a question's name, and of an OPT
// record without options.
const (
	headLen = 12
	tailLen = 4
	optLen  = 11
)

// read reports whether text is a usual question, and takes it apart.
func (a *asked) read(text []byte) bool {
	const usual = "\x00\x01\x00\x00\x00\x00\x00" // one question, and a record at most
	if len(text) < headLen+1+tailLen || text[2]&^0x01 != 0 || text[3]&^0x30 != 0 || string(text[4:11]) != usual || text[11] > 1 {
		return false
	}
	if !a.readName(text[headLen:]) || len(text) < a.end+tailLen {
		return false
	}
	a.kind = binary.BigEndian.Uint16(text[a.end:])
	if text[a.end+2] != 0 || text[a.end+3] != dns.ClassINET || a.kind == 0 || a.kind == dns.TypeOPT || a.kind >= 128 && a.kind <= dns.TypeANY {
		return false
	}
	a.n += copy(a.key[a.n:], text[a.end:a.end+2])
	a.key[a.n] = 0
	if a.capitals {
		a.key[a.n] = 1
	}
	a.n++
	a.end += tailLen
	return a.readOPT(text[a.end:], text[11] == 1)
}

// readName reads a name without pointers, and lowers its letters.
func (a *asked) readName(text []byte) bool {
	at := 0
	for at < len(text) && text[at] != 0 {
		next := at + 1 + int(text[at])
		if text[at] > 63 || next >= len(text) || next >= 255 {
			return false
		}
		a.key[at] = text[at]
		copy(a.key[at+1:], text[at+1:next])
		at = next
	}
	if at >= len(text) {
		return false
	}
	a.key[at] = 0
	a.n, a.end = at+1, headLen+at+1
	lower(a.key[:at]) // lengths are no letters
	a.capitals = !bytes.Equal(a.key[:at], text[:at])
	return true
}

// readOPT reads what follows the question: an OPT record without options, or
// nothing.
func (a *asked) readOPT(text []byte, there bool) bool {
	a.extended, a.signed, a.size = there, false, smallest
	if !there {
		return len(text) == 0
	}
	// the root's name, type, size, then rcode, version, flags, and no data
	if len(text) != optLen || string(text[:3]) != "\x00\x00\x29" || text[5] != 0 || text[6] != 0 || text[7]&^0x80 != 0 || text[8] != 0 || text[9] != 0 || text[10] != 0 {
		return false
	}
	a.signed = text[7] == 0x80
	a.size = min(max(int(binary.BigEndian.Uint16(text[3:])), smallest), largest)
	return true
}

// kept is an answer, for all who ask the same.
type kept struct {
	key     string
	slot    *slot // of the zone it is from
	version uint64
	shape   uint64
	flags   [2]byte // of its head
	counts  [6]byte
	rest    []byte // after the question
	about   string // what a limit counts it by
	rcode   int
}

// The places for answers that are kept, and the longest of those: what they may take
// up in memory is 30 MB if somebody tries.
const (
	places  = 1 << 15
	longest = 512
)

// memory keeps answers, each in one of two places.
type memory struct {
	seed   maphash.Seed
	places [places]atomic.Pointer[kept]
}

func newMemory() *memory { return &memory{seed: maphash.MakeSeed()} }

func (m *memory) two(key []byte) (a, b *atomic.Pointer[kept]) {
	at := maphash.Bytes(m.seed, key) % places
	return &m.places[at], &m.places[at^1]
}

// find is the answer to a question, nil if none is kept that still holds.
func (m *memory) find(a *asked, shape uint64) *kept {
	key := a.key[:a.n]
	one, other := m.two(key)
	for _, place := range [...]*atomic.Pointer[kept]{one, other} {
		if k := place.Load(); k != nil && k.key == string(key) && k.holds(shape) {
			return k
		}
	}
	return nil
}

// keep keeps an answer, in the place of one that does not hold any more or of any.
func (m *memory) keep(k *kept) {
	one, other := m.two([]byte(k.key))
	place := one
	switch old := one.Load(); {
	case old == nil, old.key == k.key, !old.holds(k.shape):
	default:
		if old := other.Load(); old == nil || !old.holds(k.shape) || rand.Uint32()&1 == 0 {
			place = other
		}
	}
	place.Store(k)
}

// holds reports whether the zone is what it was, and which zones there are.
func (k *kept) holds(shape uint64) bool {
	return k.shape == shape && k.slot.version.Load() == k.version
}

// quick appends the answer to text to buf, if it is a usual question: one that is
// not is not done. An answer that is not to be sent is done, and empty.
func (s *Server) quick(buf, text []byte, a *asked, from, here netip.Addr) (answer []byte, done bool) {
	if !a.read(text) {
		return nil, false
	}
	k := s.memory.find(a, s.zones.shape.Load())
	if k == nil {
		if k = s.remember(a); k == nil {
			return nil, false
		}
	}
	size := a.end + len(k.rest)
	if a.extended {
		size += optLen
	}
	if size > a.size {
		return nil, false
	}
	judged := send
	if from != here {
		judged = s.limit.judge(from, k.about, k.rcode)
	}
	if judged == drop {
		return buf, true
	}
	return k.append(buf, text, a, judged == slip), true
}

// append appends the answer as who asked gets it: with their number, their letters,
// and what they may have asked of the server.
func (k *kept) append(buf, text []byte, a *asked, short bool) []byte {
	const truncated, recurse, unchecked = 0x02, 0x01, 0x10
	at := len(buf)
	buf = append(buf, text[0], text[1], k.flags[0]|text[2]&recurse, k.flags[1]|text[3]&unchecked, 0, 1)
	if short {
		buf[at+2] |= truncated
		buf = append(buf, 0, 0, 0, 0, 0, 0)
	} else {
		buf = append(buf, k.counts[:]...)
	}
	buf = append(buf, text[headLen:a.end]...)
	if !short {
		buf = append(buf, k.rest...)
	}
	if !a.extended {
		return buf
	}
	more := binary.BigEndian.Uint16(buf[at+10:]) + 1
	binary.BigEndian.PutUint16(buf[at+10:], more)
	var do byte
	if a.signed {
		do = 0x80
	}
	return append(buf, 0, 0, byte(dns.TypeOPT), largest>>8, largest&0xff, 0, 0, do, 0, 0, 0)
}

// remember makes the answer to a question and keeps it. nil is none that can be
// kept: nobody's name, a zone that is not loaded, an answer that is too long.
func (s *Server) remember(a *asked) (k *kept) {
	defer func() {
		if p := recover(); p != nil { // the whole way tells of it
			k = nil
		}
	}()
	shape := s.zones.shape.Load()
	name, _, err := dns.UnpackDomainName(a.key[:], 0)
	var sp split
	if err != nil || sp.read(name) != nil {
		return nil
	}
	slot := s.zones.find(&sp, a.kind)
	if slot == nil {
		return nil
	}
	version := slot.version.Load() // before the zone: never newer than what is answered
	z := slot.zone.Load()
	if z == nil {
		return nil
	}
	m := &dns.Msg{Compress: true}
	m.Response = true
	m.Question = []dns.Question{{Name: name, Qtype: a.kind, Qclass: dns.ClassINET}}
	z.answer(m, name, &sp, a.kind, largest)
	if a.capitals {
		m.Question[0].Name = mask(name)
	}
	packed, err := m.Pack()
	if err != nil || m.Truncated || len(packed) > longest || !sameLabels(packed[headLen:], a.key[:]) {
		return nil
	}
	k = &kept{key: string(a.key[:a.n]), slot: slot, version: version, shape: shape, rest: bytes.Clone(packed[a.end:]), about: about(z.origin, m), rcode: m.Rcode}
	copy(k.flags[:], packed[2:])
	copy(k.counts[:], packed[6:])
	s.memory.keep(k)
	return k
}

// mask is a name that is none, as long as name: what points to its question in an
// answer would have the letters of who asks, and a zone's names have their own.
func mask(name string) string {
	var b strings.Builder
	for _, label := range dns.SplitDomainName(name) {
		var wire [255]byte
		n, _ := dns.PackDomainName(label+".", wire[:], 0, nil, false)
		b.WriteString(strings.Repeat(`\000`, n-2) + ".")
	}
	return b.String()
}

// sameLabels reports whether two names of the wire have labels of the same lengths.
func sameLabels(a, b []byte) bool {
	for at := 0; a[at] == b[at]; at += 1 + int(a[at]) {
		if a[at] == 0 {
			return true
		}
	}
	return false
}
