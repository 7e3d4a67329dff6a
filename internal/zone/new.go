package zone

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// New is a record that is to be. Its name is relative to the zone, or in full
// with a dot at its end. Data are the fields after the type, without quotes or
// escapes; names in them are in full, with or without the dot, but for names of
// one label, which are relative to the zone.
type New struct {
	Name string
	TTL  uint32
	Type string
	Data []string
}

// entry makes the entry of a record, on so many lines, for a place where names
// are relative to origin.
func (z *Zone) entry(n New, lines int, origin string) (Entry, error) {
	owner, err := z.owner(n.Name)
	if err != nil {
		return Entry{}, err
	}
	rtype, ok := dns.StringToType[strings.ToUpper(n.Type)]
	if !ok || meta(rtype) {
		return Entry{}, latchkey.InvalidParam("record_type", "“%s” is not a type of record.", plain(n.Type))
	}
	if n.TTL > maxTTL {
		return Entry{}, latchkey.InvalidParam("ttl", "A TTL must be a number of seconds from 0 to 2147483647.")
	}
	data, err := z.data(rtype, n.Data)
	if err != nil {
		return Entry{}, latchkey.InvalidParam("data", "The data of the %s record “%s” are wrong: %v.", dns.Type(rtype), plain(n.Name), err)
	}
	e := Entry{kind: Record, owner: owner, ttl: n.TTL, rtype: rtype, origin: origin, lines: int32(lines)}
	e.text = e.write(z.name, data)
	rr, err := e.parse()
	if err == nil {
		err = legal(rr)
	}
	if err != nil {
		return Entry{}, latchkey.InvalidParam("data", "The %s record “%s” is wrong: %v.", dns.Type(rtype), plain(n.Name), err)
	}
	return e, nil
}

// owner is the name of a record in full.
func (z *Zone) owner(name string) (string, error) {
	full := name
	switch {
	case name == "", name == "@":
		return "", latchkey.InvalidParam("dname", "“%s” is not the name of a record: write “%s” for the zone itself.", plain(name), z.name)
	case !strings.HasSuffix(name, "."):
		full = name + "." + z.name
		if lower := "." + strings.ToLower(name) + "."; strings.HasSuffix(lower, "."+z.name) {
			return "", latchkey.InvalidParam("dname", "“%s” would be “%s”: put a dot at its end, or leave the name of the zone out.", plain(name), plain(full))
		}
	}
	if !written(full) {
		return "", latchkey.InvalidParam("dname", "“%s” is not a name: use letters, digits, hyphens and underscores, at most 63 between two dots, or * for any.", plain(name))
	}
	if !dns.IsSubDomain(z.name, full) {
		return "", latchkey.InvalidParam("dname", "The name “%s” lies outside the zone “%s”.", plain(name), z.Name())
	}
	return full, nil
}

// written reports whether name is one that this package writes: of the bytes
// that names may hold, those that need no escape in any program.
func written(name string) bool {
	if name == "." {
		return true
	}
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	for i, l := range labels {
		if l == "" || len(l) > 63 || strings.Contains(l, "*") && (l != "*" || i > 0) {
			return false
		}
		for j := range len(l) {
			c := l[j]
			if low := c | 0x20; (low < 'a' || low > 'z') && (c < '0' || c > '9') && strings.IndexByte("-_*/+", c) < 0 {
				return false
			}
		}
	}
	return len(name) <= 254
}

// write is the text of a record whose data are data.
func (e *Entry) write(apex, data string) string {
	name := e.owner
	if head := len(name) - len(apex) - 1; e.origin == apex && head > 0 && strings.EqualFold(name[head:], "."+apex) {
		name = name[:head]
	}
	if e.lines > 1 {
		data = "( " + data + strings.Repeat("\n", int(e.lines)-1) + ")"
	}
	return name + "\t" + strconv.FormatUint(uint64(e.ttl), 10) + "\tIN\t" + dns.Type(e.rtype).String() + "\t" + data + "\n"
}

// field says how one field of a record is written.
type field uint8

const (
	other  field = iota
	number       // 16 bits
	host         // a name
	quoted       // a text
)

var fields = map[uint16][]field{
	dns.TypeCNAME: {host}, dns.TypeNS: {host}, dns.TypePTR: {host}, dns.TypeDNAME: {host},
	dns.TypeMX: {number, host}, dns.TypeAFSDB: {number, host}, dns.TypeKX: {number, host}, dns.TypeRT: {number, host},
	dns.TypeSRV:   {number, number, number, host},
	dns.TypeRP:    {host, host},
	dns.TypeCAA:   {number, other, quoted},
	dns.TypeNAPTR: {number, number, quoted, quoted, quoted, host},
	dns.TypeHINFO: {quoted, quoted},
	dns.TypeSOA:   {host, host, other, other, other, other, other},
}

// data writes the fields of a record.
func (z *Zone) data(rtype uint16, data []string) (string, error) {
	if len(data) == 0 {
		return "", fmt.Errorf("there are none")
	}
	switch rtype {
	case dns.TypeTXT, dns.TypeSPF:
		return texts(data), nil
	case dns.TypeA, dns.TypeAAAA:
		return address(rtype, data)
	}
	kinds := fields[rtype]
	if kinds != nil && len(kinds) != len(data) {
		return "", fmt.Errorf("there must be %d of them", len(kinds))
	}
	words := make([]string, len(data))
	for i, s := range data {
		kind := other
		if kinds != nil {
			kind = kinds[i]
		}
		word, err := z.field(kind, s)
		if err == nil && kind == quoted && len(s) > 255 && rtype != dns.TypeCAA {
			err = fmt.Errorf("a text is longer than 255 characters")
		}
		if err != nil {
			return "", err
		}
		words[i] = word
	}
	return strings.Join(words, " "), nil
}

func (z *Zone) field(kind field, s string) (string, error) {
	switch kind {
	case number:
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil {
			return "", fmt.Errorf("“%s” is not a number from 0 to 65535", plain(s))
		}
		return strconv.FormatUint(n, 10), nil
	case host:
		return z.target(s)
	case quoted:
		return quoteText(s), nil
	}
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.,:/+=*%&?!#~^'|<>{}[]") == "" {
		return s, nil
	}
	return quoteText(s), nil
}

// target is a name that a record points to, in full.
func (z *Zone) target(s string) (string, error) {
	full := s
	switch {
	case s == "@":
		full = z.name
	case strings.HasSuffix(s, "."):
	case strings.Contains(s, "."):
		full = s + "."
	default:
		full = s + "." + z.name
	}
	if !written(full) || strings.Contains(full, "*") {
		return "", fmt.Errorf("“%s” is not a name", plain(s))
	}
	return full, nil
}

func address(rtype uint16, data []string) (string, error) {
	a, err := netip.ParseAddr(data[0])
	if len(data) != 1 || err != nil || a.Zone() != "" || a.Is4() != (rtype == dns.TypeA) {
		return "", fmt.Errorf("there must be one IPv%d address", map[bool]int{true: 4, false: 6}[rtype == dns.TypeA])
	}
	if a.Is4In6() { // other programs read the short form differently
		return "::ffff:" + a.Unmap().String(), nil
	}
	return a.String(), nil
}

// texts writes the texts of a TXT record: one that is too long for the wire is
// divided.
func texts(data []string) string {
	var words []string
	for _, s := range data {
		for len(s) > 255 {
			words, s = append(words, quoteText(s[:255])), s[255:]
		}
		words = append(words, quoteText(s))
	}
	return strings.Join(words, " ")
}

// quoteText is s in quotes.
func quoteText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"', c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, "\\%03d", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
