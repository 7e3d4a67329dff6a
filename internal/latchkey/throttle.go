package latchkey

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Throttling says how sources whose sign-ins fail are slowed down. A field that
// is zero has its value of [DefaultThrottling]: the zero value works.
type Throttling struct {
	Off      bool          // nobody is slowed down
	Failures int           // this many within Period, and the source is refused for Period
	Period   time.Duration //
	Excess   int           // this many, those during a refusal too, and it is refused for a day
}

// DefaultThrottling is what a server does that was told nothing else.
func DefaultThrottling() Throttling {
	return Throttling{Failures: 5, Period: 15 * time.Minute, Excess: 30}
}

// OrDefault is t with its zero fields filled in.
func (t Throttling) OrDefault() Throttling {
	d := DefaultThrottling()
	if t.Failures <= 0 {
		t.Failures = d.Failures
	}
	if t.Period <= 0 {
		t.Period = d.Period
	}
	if t.Excess <= 0 {
		t.Excess = d.Excess
	}
	return t
}

// AddressList is a list of addresses that the throttle treats by itself.
type AddressList string

const (
	WhiteList AddressList = "white" // never slowed down
	BlackList AddressList = "black" // refused whatever they present
)

// Guard is what the administrator has set about sources whose sign-ins fail: how
// they are slowed down, and who is treated otherwise.
type Guard struct {
	Throttling
	White, Black []ListedRange
}

// List is one of the guard's lists.
func (g *Guard) List(name AddressList) *[]ListedRange {
	if name == BlackList {
		return &g.Black
	}
	return &g.White
}

// ListedRange is an entry of a list: as it is written, what it stands for, and
// why it is there.
type ListedRange struct {
	Text string
	AddressRange
	Comment string
}

// AddressRange is the addresses From to To, both of one family.
type AddressRange struct{ From, To netip.Addr }

// ParseRange reads an address, a range such as 192.0.2.0/24, or two addresses
// with a dash between them.
func ParseRange(text string) (r AddressRange, err error) {
	wrong := fmt.Errorf("must be an address such as 192.0.2.1 or 2001:db8::1, or a range such as 192.0.2.0/24 or 192.0.2.1-192.0.2.9")
	from, to, dashed := strings.Cut(text, "-")
	switch {
	case len(text) > 100:
		return r, wrong
	case dashed:
		if r.From, err = netip.ParseAddr(strings.TrimSpace(from)); err == nil {
			r.To, err = netip.ParseAddr(strings.TrimSpace(to))
		}
	case strings.Contains(text, "/"):
		var p netip.Prefix
		if p, err = parsePrefix(text); err == nil {
			r.From, r.To = p.Addr(), lastOf(p)
		}
	default:
		r.From, err = netip.ParseAddr(text)
		r.To = r.From
	}
	r.From, r.To = r.From.Unmap(), r.To.Unmap()
	if err != nil || r.From.Zone() != "" || r.To.Zone() != "" || r.From.BitLen() != r.To.BitLen() || r.To.Less(r.From) {
		return AddressRange{}, wrong
	}
	return r, nil
}

// lastOf is the last address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// Has reports whether a is in the range.
func (r AddressRange) Has(a netip.Addr) bool {
	return r.From.Compare(a) <= 0 && a.Compare(r.To) <= 0
}

// Block is a source that is refused now.
type Block struct {
	Source   netip.Prefix // an address, or the network of 64 bits it is counted with
	Since    time.Time    // its last failure
	Until    time.Time
	Excess   bool // for a day, not for a period
	Failures int
}

// Failure is a sign-in that failed.
type Failure struct {
	At       time.Time
	From     netip.Addr
	Name     AccountName // as claimed
	Audience Audience
	Reason   string
}

// FactorPolicy is what the administrator has set about second factors.
type FactorPolicy struct {
	Off    bool   // nobody is asked for one
	Issuer string // who programs for codes say that they are of; "" for the server's name
}
