package latchkey

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
)

// Addresses are the addresses and ranges from which a token may be used, as one
// text that can be compared and kept; "" is everywhere. [ParseAddresses] makes
// one.
type Addresses string

// ParseAddresses reads addresses and ranges of IPv4 and IPv6. What stands behind
// the length of a range counts for nothing, an IPv4 address in IPv6's clothes
// is one of IPv4, and each stands once.
func ParseAddresses(texts []string) (Addresses, error) {
	var list []string
	for _, text := range texts {
		p, err := parsePrefix(strings.TrimSpace(text))
		if err != nil {
			return "", err
		}
		if text := p.String(); !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return Addresses(strings.Join(list, ",")), nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	wrong := fmt.Errorf("“%s” is no address and no range: give one such as 192.0.2.1, 192.0.2.8/29 or 2001:db8::/48", strings.ToValidUTF8(text, "?"))
	if len(text) > 64 {
		return netip.Prefix{}, fmt.Errorf("one of the addresses is too long")
	}
	if !strings.Contains(text, "/") {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, wrong
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, wrong
	}
	if a := p.Addr(); a.Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, wrong
		}
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// Ranges are the addresses made ready to be asked. What is not as
// [ParseAddresses] writes it is a range of nothing.
func (l Addresses) Ranges() Ranges {
	if l == "" {
		return nil
	}
	var list Ranges
	for text := range strings.SplitSeq(string(l), ",") {
		p, _ := netip.ParsePrefix(text)
		list = append(list, p)
	}
	return list
}

// Within reports whether everywhere in l is in other too.
func (l Addresses) Within(other Addresses) bool {
	if other == "" {
		return true
	}
	for _, p := range l.Ranges() {
		if !slices.ContainsFunc(other.Ranges(), func(o netip.Prefix) bool { return o.Bits() <= p.Bits() && o.Contains(p.Addr()) }) {
			return false
		}
	}
	return l != ""
}

// Vague reports whether l leaves hardly anybody out: its ranges together have more
// than a sixteenth of all addresses of IPv4, or more of IPv6 than one /12 has.
func (l Addresses) Vague() bool {
	var share [2]float64 // of all there are
	for _, p := range l.Ranges() {
		six := 0
		if p.Addr().Is6() {
			six = 1
		}
		share[six] += math.Ldexp(1, -p.Bits())
	}
	return l == "" || share[0] > 1./16 || share[1] > 1./4096
}

// Texts are the addresses and ranges as the public interface shows them, IPv6
// written out; nil for everywhere.
func (l Addresses) Texts() []string {
	var texts []string
	for _, p := range l.Ranges() {
		text := p.Addr().StringExpanded()
		if !p.IsSingleIP() {
			text = fmt.Sprintf("%s/%d", text, p.Bits())
		}
		texts = append(texts, text)
	}
	return texts
}

// Ranges are [Addresses], ready to be asked; nil is everywhere.
type Ranges []netip.Prefix

// Contain reports whether a is one of the addresses.
func (r Ranges) Contain(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return r == nil || slices.ContainsFunc(r, func(p netip.Prefix) bool { return p.Contains(a) })
}
