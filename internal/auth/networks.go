package auth

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Sighting is a use of a token from a network that it was not last used from.
type Sighting struct {
	MAC     latchkey.TokenMAC
	Network netip.Prefix
	From    netip.Addr
	Client  string
	At      time.Time
}

// What is remembered of networks: sightings that wait, and those that were taken
// out lately and need not be looked at again.
const (
	waitingSightings = 10_000
	knownSightings   = 50_000
)

// sightings gathers, for who asks later, from which networks tokens are used. A
// call that comes from where the last one came from does not touch it.
type sightings struct {
	on      atomic.Bool
	mu      sync.Mutex
	waiting []Sighting
	known   map[sight]struct{}
}

type sight struct {
	mac     latchkey.TokenMAC
	network netip.Prefix
}

// NetworkOf is the network that an address counts as one of: of IPv4 256
// addresses, of IPv6 what is given to one customer.
func NetworkOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, _ := a.Prefix(bits)
	return p
}

// WatchNetworks has networks gathered from now on.
func (v *Verifier) WatchNetworks() { v.sightings.on.Store(true) }

// Sightings takes out at most limit of what was gathered. What is taken out is
// not gathered again for a while: put back what could not be dealt with.
func (v *Verifier) Sightings(limit int) []Sighting {
	s := &v.sightings
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(limit, len(s.waiting))
	list := append([]Sighting(nil), s.waiting[:n]...)
	if s.waiting = s.waiting[n:]; len(s.waiting) == 0 {
		s.waiting = nil
	}
	return list
}

// ForgetSightings has those be gathered again when they come again.
func (v *Verifier) ForgetSightings(list []Sighting) {
	s := &v.sightings
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range list {
		delete(s.known, sight{x.MAC, x.Network})
	}
}

// see gathers a use. What finds no room is gathered when it comes again.
func (s *sightings) see(mac *latchkey.TokenMAC, from latchkey.Origin, at time.Time) {
	if !s.on.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x := sight{*mac, NetworkOf(from.Addr)}
	if _, known := s.known[x]; known || len(s.waiting) >= waitingSightings || !x.network.IsValid() {
		return
	}
	if s.known == nil || len(s.known) >= knownSightings {
		s.known = make(map[sight]struct{})
	}
	s.known[x] = struct{}{}
	s.waiting = append(s.waiting, Sighting{MAC: *mac, Network: x.network, From: from.Addr, Client: from.Client, At: at})
}

// sameNetwork reports whether two addresses, as slots have them, are of one
// network.
func sameNetwork(a, b *[16]byte) bool {
	if mapped(a) || mapped(b) {
		return [15]byte(a[:]) == [15]byte(b[:])
	}
	return [6]byte(a[:]) == [6]byte(b[:])
}

// mapped reports whether a is an address of IPv4.
func mapped(a *[16]byte) bool { return [12]byte(a[:]) == [12]byte{10: 0xff, 11: 0xff} }
