package zone

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/miekg/dns"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// legal says why name servers refuse a record by itself: hosts have names of
// letters, digits and hyphens.
func legal(rr dns.RR) error {
	switch r := rr.(type) {
	case *dns.A, *dns.AAAA:
		return hosts(ownerHost(rr))
	case *dns.MX:
		if err := hosts(ownerHost(rr)); err != nil || r.Mx == "." {
			return err
		}
		return hosts(r.Mx)
	case *dns.NS:
		return hosts(r.Ns)
	case *dns.SRV:
		if r.Target == "." {
			return nil
		}
		return hosts(r.Target)
	case *dns.SOA:
		if r.Ns == "." {
			return nil
		}
		return hosts(r.Ns)
	case *dns.TXT:
		return shortTexts(r.Txt...)
	case *dns.HINFO:
		return shortTexts(r.Cpu, r.Os)
	case *dns.NAPTR:
		if err := shortTexts(r.Flags, r.Service, r.Regexp); err != nil {
			return err
		}
		return substitution(bytesOf(r.Regexp))
	case *dns.CAA:
		if r.Tag == "" || strings.Trim(r.Tag, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
			return fmt.Errorf("“%s” is not a tag: use letters and digits", plain(r.Tag))
		}
	case *dns.SSHFP:
		return digest(r.FingerPrint, map[uint8]int{1: 20, 2: 32}[r.Type])
	case *dns.DS:
		return digest(r.Digest, digestSizes[r.DigestType])
	case *dns.CDS:
		return digest(r.Digest, digestSizes[r.DigestType])
	}
	return nil
}

// digestSizes are the lengths of digests of a type, in octets.
var digestSizes = map[uint8]int{1: 20, 2: 32, 4: 48}

// digest says why a text is none of a length in octets; 0 is a length that is not
// known.
func digest(hex string, octets int) error {
	if octets > 0 && len(hex) != 2*octets {
		return fmt.Errorf("the digest must have %d hexadecimal digits", 2*octets)
	}
	return nil
}

func shortTexts(texts ...string) error {
	for _, s := range texts {
		if unescaped(s) > 255 {
			return errors.New("a text is longer than 255 characters: divide it into several")
		}
	}
	return nil
}

// bytesOf is what a text stands for.
func bytesOf(s string) string {
	var b []byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) {
			if o, ok := octet(s[i+1:]); ok {
				c, i = o, i+2
			} else {
				c = s[i+1]
			}
			i++
		}
		b = append(b, c)
	}
	return string(b)
}

// substitution says what is wrong with the expression of a NAPTR record, which
// replaces what an extended regular expression matches (RFC 3402, 3.2).
func substitution(s string) error {
	if s == "" {
		return nil
	}
	delimiter := s[0]
	if delimiter >= '0' && delimiter <= '9' || delimiter == 'i' || delimiter == '\\' || delimiter == 0 {
		return fmt.Errorf("the expression cannot begin with “%s”: one such as !^.*$!sip:info@example.com! can be taken", plain(s[:1]))
	}
	parts := undelimited(s[1:], delimiter)
	if len(parts) != 3 || parts[2] != "" && parts[2] != "i" {
		return errors.New("the expression must have its sign three times, as !^.*$!sip:info@example.com! has, and after it nothing or i")
	}
	re, err := regexp.CompilePOSIX(parts[0])
	if err != nil || parts[0] == "" || strings.ContainsRune(s, 0) {
		return errors.New("the expression has no regular expression that can be read")
	}
	for i := 0; i+1 < len(parts[1]); i++ {
		if parts[1][i] != '\\' {
			continue
		}
		i++
		if n := int(parts[1][i]) - '0'; n >= 0 && n <= 9 && (n == 0 || n > re.NumSubexp()) {
			return fmt.Errorf("the expression has \\%d, and no such part in brackets", n)
		}
	}
	return nil
}

// undelimited are the parts of s between delimiters that no backslash stands in
// front of.
func undelimited(s string, delimiter byte) []string {
	var parts []string
	from := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case delimiter:
			parts, from = append(parts, s[from:i]), i+1
		}
	}
	return append(parts, s[from:])
}

// ownerHost is the name of a record, without the label that stands for any.
func ownerHost(rr dns.RR) string { return strings.TrimPrefix(rr.Header().Name, "*.") }

func hosts(name string) error {
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		ok := label != "" && len(label) <= 63 && label[0] != '-' && label[len(label)-1] != '-'
		for i := range len(label) {
			c := label[i] | 0x20
			ok = ok && (c >= 'a' && c <= 'z' || label[i] >= '0' && label[i] <= '9' || label[i] == '-')
		}
		if !ok {
			return fmt.Errorf("“%s” is not the name of a host: use letters, digits and hyphens", plain(name))
		}
	}
	return nil
}

// unescaped is how many octets a text has.
func unescaped(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			if _, ok := octet(s[i+1:]); ok {
				i += 2
			}
			i++
		}
		n++
	}
	return n
}

// check holds a zone that was just read to the rules about records together.
func (z *Zone) check(r *reader) error {
	if r.records == 0 {
		return latchkey.InvalidParam("zone", "The DNS zone has no SOA record.")
	}
	all := make(map[string]beside)
	for _, p := range z.parts {
		for name, at := range p.names {
			b := all[name]
			for _, i := range at {
				b.add(p.entries[i].rtype)
			}
			all[name] = b
			if err := b.wrong(name); err != nil {
				return err
			}
		}
	}
	return z.checkServers()
}

// beside is how many aliases, DNAME records and other records have one name.
type beside struct{ aliases, dnames, others int }

func (b *beside) add(rtype uint16) {
	switch rtype {
	case dns.TypeCNAME:
		b.aliases++
	case dns.TypeNSEC, dns.TypeRRSIG: // stand beside an alias
	case dns.TypeDNAME:
		b.dnames++
		b.others++
	default:
		b.others++
	}
}

// wrong says what is wrong with it: an alias has nothing beside it.
func (b *beside) wrong(name string) error {
	switch {
	case b.aliases > 1:
		return latchkey.Errorf(latchkey.Invalid, "The name “%s” would have two CNAME records: it can have one.", plain(name))
	case b.dnames > 1:
		return latchkey.Errorf(latchkey.Invalid, "The name “%s” would have two DNAME records: it can have one.", plain(name))
	case b.aliases == 1 && b.others > 0:
		return latchkey.Errorf(latchkey.Invalid, "The name “%s” would have a CNAME record beside others: a name with a CNAME record can have no other record.", plain(name))
	}
	return nil
}

// checkName holds the records of one name to that.
func (z *Zone) checkName(name string) error {
	var b beside
	for _, p := range z.parts {
		for _, i := range p.names[name] {
			b.add(p.entries[i].rtype)
		}
	}
	return b.wrong(name)
}

// checkServers holds the zone to have name servers that can be found.
func (z *Zone) checkServers() error {
	n := 0
	for _, e := range z.Named(z.name) {
		if e.rtype != dns.TypeNS {
			continue
		}
		n++
		ns, ok := e.RR().(*dns.NS)
		if ok && dns.IsSubDomain(z.name, ns.Ns) && !z.hasAddress(ns.Ns) && !z.delegated(ns.Ns) {
			return latchkey.Errorf(latchkey.Invalid, "The name server “%s” lies in the zone and would have no A or AAAA record.", plain(ns.Ns))
		}
	}
	if n == 0 {
		return latchkey.Errorf(latchkey.Invalid, "The DNS zone “%s” would have no NS record.", z.Name())
	}
	return nil
}

func (z *Zone) hasAddress(name string) bool {
	for _, e := range z.Named(name) {
		if e.rtype == dns.TypeA || e.rtype == dns.TypeAAAA {
			return true
		}
	}
	return false
}

// delegated reports whether a name lies in a part of the zone that others serve.
func (z *Zone) delegated(name string) bool {
	for up, end := dns.NextLabel(name, 0); !end; up, end = dns.NextLabel(name, up) {
		parent := name[up:]
		if strings.EqualFold(parent, z.name) {
			return false
		}
		for _, e := range z.Named(parent) {
			if e.rtype == dns.TypeNS {
				return true
			}
		}
	}
	return false
}
