package estate

import (
	"sync"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// zones are the zones in memory, and who is at work on them.
type zones struct {
	mu     sync.Mutex
	by     map[latchkey.Domain]*zoneSlot
	lines  int // of all that is kept
	behind map[latchkey.Domain]bool
}

// zoneSlot is one zone: what is held while it changes, and the version that was
// read last.
type zoneSlot struct {
	sync.Mutex
	users   int
	version int64
	zone    *zone.Zone // nil if it is not kept
}

// keptLines is how many lines of zones are kept in memory.
const keptLines = 500_000

// with runs fn while nobody else is at work on the zone.
func (z *zones) with(name latchkey.Domain, fn func(*zoneSlot) error) error {
	z.mu.Lock()
	if z.by == nil {
		z.by, z.behind = make(map[latchkey.Domain]*zoneSlot), make(map[latchkey.Domain]bool)
	}
	s := z.by[name]
	if s == nil {
		s = new(zoneSlot)
		z.by[name] = s
	}
	s.users++
	z.mu.Unlock()
	s.Lock()
	before := s.size()
	defer func() {
		after := s.size()
		s.Unlock()
		z.done(name, s, after-before)
	}()
	return fn(s)
}

func (s *zoneSlot) size() int {
	if s.zone == nil {
		return 0
	}
	return s.zone.Lines()
}

// done lets go of a slot, and of others that nobody uses if too much is kept.
func (z *zones) done(name latchkey.Domain, s *zoneSlot, grown int) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.lines += grown
	if s.users--; s.users == 0 && s.zone == nil {
		delete(z.by, name)
	}
	for other, s := range z.by {
		if z.lines <= keptLines {
			return
		}
		if s.users == 0 {
			z.lines -= s.size()
			delete(z.by, other)
		}
	}
}

func (z *zones) setBehind(name latchkey.Domain, is bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if is {
		z.behind[name] = true
	} else {
		delete(z.behind, name)
	}
}

func (z *zones) takeBehind() []latchkey.Domain {
	z.mu.Lock()
	defer z.mu.Unlock()
	var names []latchkey.Domain
	for name := range z.behind {
		names = append(names, name)
	}
	clear(z.behind)
	return names
}
