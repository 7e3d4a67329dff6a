package zone

import (
	"errors"
	"fmt"
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
		for _, s := range r.Txt {
			if unescaped(s) > 255 {
				return errors.New("a text is longer than 255 characters: divide it into several")
			}
		}
	}
	return nil
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
