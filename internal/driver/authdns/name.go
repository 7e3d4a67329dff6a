package authdns

import (
	"errors"
	"strings"

	"github.com/miekg/dns"
)

// errName is the error of a name that is none.
var errName = errors.New("not a domain name")

// key is a name below a zone's own, written so that keys sort as RFC 4034 sorts
// names, and all names below one begin with its key: labels from the right, in
// lower case, each ended by a zero byte. The zone's own name has the empty key.
type key string

// Bytes of labels that would end or disturb one are written as two.
const (
	endOfLabel = 0
	escape     = 1
)

// split is a name as labels of the wire, from the left.
type split struct {
	wire   [256]byte
	starts [128]uint8
	n      int // labels, without the root's
}

// read takes name apart. Letters become lower case.
func (s *split) read(name string) error {
	end, err := dns.PackDomainName(dns.Fqdn(name), s.wire[:], 0, nil, false)
	if err != nil || end > 255 {
		return errName
	}
	s.n = 0
	for at := 0; s.wire[at] != 0; at += 1 + int(s.wire[at]) {
		if s.n == len(s.starts) {
			return errName
		}
		s.starts[s.n] = uint8(at)
		s.n++
		lower(s.wire[at+1 : at+1+int(s.wire[at])])
	}
	return nil
}

func lower(label []byte) {
	for i, c := range label {
		if c >= 'A' && c <= 'Z' {
			label[i] = c + 'a' - 'A'
		}
	}
}

// label is the label with number i, from the left.
func (s *split) label(i int) []byte {
	at := int(s.starts[i])
	return s.wire[at+1 : at+1+int(s.wire[at])]
}

// suffix is the name from label i on, as the wire has it, without the root's
// label. It is what zones are found by.
func (s *split) suffix(i int) []byte {
	if i >= s.n {
		return nil
	}
	last := s.label(s.n - 1)
	end := int(s.starts[s.n-1]) + 1 + len(last)
	return s.wire[s.starts[i]:end]
}

// relative is the key of the name below a zone of so many labels, and where in
// it labels end.
func (s *split) relative(labels int, into *path) key {
	into.ends = into.ends[:0]
	b := into.text[:0]
	for i := s.n - labels - 1; i >= 0; i-- {
		for _, c := range s.label(i) {
			if c <= escape {
				b = append(b, escape)
				c++
			}
			b = append(b, c)
		}
		b = append(b, endOfLabel)
		into.ends = append(into.ends, len(b))
	}
	into.text = b
	return key(b)
}

// path is a key under construction.
type path struct {
	text []byte
	ends []int
}

// below reports whether k is the key of a name below the one with key other.
func (k key) below(other key) bool {
	return len(k) > len(other) && strings.HasPrefix(string(k), string(other))
}

// common is how many of k's first labels, which end at ends, other has too.
func (k key) common(other key, ends []int) int {
	same := 0
	for same < len(k) && same < len(other) && k[same] == other[same] {
		same++
	}
	n := 0
	for n < len(ends) && ends[n] <= same {
		n++
	}
	return n
}
