package zone

import (
	"strings"

	"github.com/miekg/dns"
)

// Kind is what an entry is.
type Kind uint8

const (
	Comment Kind = iota // also a line without anything on it
	Control             // $TTL, $ORIGIN
	Record
)

// String is the kind as clients are told it.
func (k Kind) String() string { return [...]string{"comment", "control", "record"}[k] }

// Entry is one thing that a zone says, on the lines on which it says it.
type Entry struct {
	text   string // with its line ends
	origin string // what names in it are relative to
	owner  string // fully qualified
	ttl    uint32
	lines  int32
	rtype  uint16
	kind   Kind

	takesOwner bool // from the record before it
	takesTTL   bool // from the record before it
}

// Kind is what it is.
func (e *Entry) Kind() Kind { return e.kind }

// Text is what it looks like, without the end of its last line.
func (e *Entry) Text() string { return strings.TrimSuffix(strings.TrimSuffix(e.text, "\n"), "\r") }

// Lines is how many lines it takes up.
func (e *Entry) Lines() int { return int(e.lines) }

// Name is the fully qualified name of a record.
func (e *Entry) Name() string { return e.owner }

// TTL is that of a record, in seconds.
func (e *Entry) TTL() uint32 { return e.ttl }

// Type is that of a record, such as TXT.
func (e *Entry) Type() string { return dns.Type(e.rtype).String() }

// RR is a record as it goes over the wire.
func (e *Entry) RR() dns.RR {
	if e.kind != Record {
		return nil
	}
	rr, err := e.parse()
	if err != nil { // it was read once
		return nil
	}
	return rr
}

// Data are the fields of a record after its type, without the quotes and
// escapes of the text: names are fully qualified, numbers decimal.
func (e *Entry) Data() []string {
	rr := e.RR()
	if rr == nil {
		return nil
	}
	text := strings.TrimPrefix(rr.String(), rr.Header().String())
	it, err := lex(text, 0)
	if err != nil {
		return []string{text}
	}
	data := make([]string, len(it.tokens))
	for i, t := range it.tokens {
		data[i] = t.value(text)
	}
	return data
}

// sameness is equal for entries that say the same in the same words.
type sameness struct {
	text, owner, origin string
	ttl                 uint32
}

func (e *Entry) same() sameness { return sameness{e.text, e.owner, e.origin, e.ttl} }

// ShortName is the name of a record as clients are told it: that of the zone
// itself in full with a dot at its end, any other relative to the zone.
func (z *Zone) ShortName(e *Entry) string {
	name := e.owner
	if head := len(name) - len(z.name); head > 0 && strings.EqualFold(name[head:], z.name) && name[head-1] == '.' {
		return name[:head-1]
	}
	return name
}

// nameKey is equal for names that are the same: the case of letters and the way in
// which they are written make no difference.
func nameKey(name string) string {
	if strings.ContainsAny(name, `\'@`) {
		wire := make([]byte, 256)
		if _, err := dns.PackDomainName(name, wire, 0, nil, false); err == nil {
			name, _, _ = dns.UnpackDomainName(wire, 0)
		}
	}
	return strings.ToLower(name)
}
