package latchkey

import (
	"net/netip"
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

// AddressRange is the addresses From to To, both of one family.
type AddressRange struct{ From, To netip.Addr }

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
