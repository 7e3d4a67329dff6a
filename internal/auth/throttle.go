package auth

import (
	"cmp"
	"hash/maphash"
	"math"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// throttle slows down sources that guess: IPv4 addresses, and of IPv6 the
// network of 64 bits that whoever has one address of it has whole. It counts
// against the source and never against an account, so that nobody can lock
// others out. A credential that is known to be good does not come near it.
//
// However many sources there are, it remembers no more than fit its sets; who is
// least worth remembering is forgotten. It holds no pointers. What it counts
// outlives a restart, see sources.go.
type throttle struct {
	rules     atomic.Pointer[rules]
	seed      maphash.Seed
	sets      []throttleSet
	strangers atomic.Int32 // passwords under way of sources that never had a right one
	places    int32        // how many of these there may be
	failures  failures
	next      int // the set whose changes are written down next
}

const (
	throttleSets = 1 << 12
	throttleWays = 8

	// The machine itself stands for everybody who comes through a proxy on it, and
	// for whoever tries the server out: it may fail often, and is never shut out
	// for longer than it takes one failure to be forgotten.
	localFailures = 60
	localPeriod   = time.Minute

	// excessive is how long a source is refused that fails and fails.
	excessive = 24 * time.Hour

	// again is what the very claim that failed last time counts: a program that
	// was not told of a new password is no guesser.
	again = 0.1

	// atATime is how many passwords of one source may be under way.
	atATime      = 4
	localAtATime = 16
)

// localSource stands for the machine itself. Like those of IPv4 it is in a range
// where no network of IPv6 is.
const localSource = 2 << 32

type throttleSet struct {
	mu    sync.Mutex
	marks [throttleWays]mark
}

// mark is what is remembered of one source.
type mark struct {
	source uint64  // 0: nothing is remembered here
	level  float32 // failures, as far as they are not forgotten yet
	at     uint32  // unix seconds of level
	until  uint32  // unix seconds: refused until then
	count  uint32  // failures and refusals since there was last none to remember
	last   uint32  // of what was claimed
	busy   uint8   // passwords under way
	known  bool    // it has had a right password
	excess bool

	changed bool // since it was last written down
}

// rules are what the administrator has set.
type rules struct {
	latchkey.Throttling
	white, black ranges
}

// ranges are addresses in order, that do not overlap.
type ranges []latchkey.AddressRange

// rangesOf puts a list into order.
func rangesOf(list []latchkey.AddressRange) (rs ranges) {
	list = slices.SortedFunc(slices.Values(list), func(a, b latchkey.AddressRange) int { return a.From.Compare(b.From) })
	for _, r := range list {
		if n := len(rs); n > 0 && r.From.BitLen() == rs[n-1].To.BitLen() && r.From.Compare(rs[n-1].To) <= 0 {
			if rs[n-1].To.Less(r.To) {
				rs[n-1].To = r.To
			}
			continue
		}
		rs = append(rs, r)
	}
	return rs
}

func (rs ranges) has(a netip.Addr) bool {
	if len(rs) == 0 {
		return false
	}
	i, _ := slices.BinarySearchFunc(rs, a, func(r latchkey.AddressRange, a netip.Addr) int {
		if r.To.Less(a) {
			return -1
		}
		return 1
	})
	return i < len(rs) && rs[i].Has(a)
}

func newThrottle(places int) *throttle {
	t := &throttle{seed: maphash.MakeSeed(), sets: make([]throttleSet, throttleSets), places: int32(max(places, 1))}
	t.rules.Store(&rules{Throttling: latchkey.DefaultThrottling()})
	return t
}

// set changes the rules.
func (t *throttle) set(th latchkey.Throttling, white, black []latchkey.AddressRange) {
	t.rules.Store(&rules{th.OrDefault(), rangesOf(white), rangesOf(black)})
}

// barred reports whether an address is on the black list: it is refused
// whatever it presents.
func (t *throttle) barred(from netip.Addr) bool {
	r := t.rules.Load()
	return r.black.has(from) && !r.white.has(from)
}

// sourceOf is whom a failure of an address is counted against.
func sourceOf(a netip.Addr) uint64 {
	switch {
	case !a.IsValid() || a.IsLoopback():
		return localSource
	case a.Is4():
		b := a.As4()
		return 1<<32 | uint64(b[0])<<24 | uint64(b[1])<<16 | uint64(b[2])<<8 | uint64(b[3])
	}
	b := a.As16()
	var s uint64
	for _, x := range b[:8] {
		s = s<<8 | uint64(x)
	}
	return s
}

// prefixOf is the addresses a source stands for.
func prefixOf(source uint64) netip.Prefix {
	if source == localSource {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 32)
	}
	if source>>32 == 1 {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(source >> 24), byte(source >> 16), byte(source >> 8), byte(source)}), 32)
	}
	var b [16]byte
	for i := range 8 {
		b[i] = byte(source >> (56 - 8*i))
	}
	return netip.PrefixFrom(netip.AddrFrom16(b), 64)
}

// bounds are how often a source may fail within which time.
func (r *rules) bounds(source uint64) (most float32, within uint32) {
	if source == localSource {
		return localFailures, uint32(localPeriod / time.Second)
	}
	return float32(r.Failures), uint32(r.Period / time.Second)
}

// forget lets the failures of m fade, as they do by most within a period.
func (m *mark) forget(now uint32, most float32, period uint32) {
	if now > m.at {
		m.level = max(0, m.level-float32(now-m.at)*most/float32(period))
	}
	m.at = max(m.at, now)
	if m.level == 0 && m.until <= now {
		m.count, m.until, m.excess = 0, 0, false
	}
}

// find is what is remembered of a source, or nil.
func (s *throttleSet) find(source uint64) *mark {
	for i := range s.marks {
		if s.marks[i].source == source {
			return &s.marks[i]
		}
	}
	return nil
}

// mark is the mark of a source, a new one if need be. It takes the place of
// whoever is least worth remembering: who never had a right password, is not refused and
// failed least and longest ago.
func (s *throttleSet) mark(source uint64, now uint32) *mark {
	if m := s.find(source); m != nil {
		return m
	}
	worth := func(m *mark) float64 {
		w := float64(m.level) + float64(m.at)/(1<<33)
		if m.source != 0 {
			w++
		}
		if m.until > now {
			w += 1e6 + float64(m.until-now)
		}
		if m.known {
			w += 2e6
		}
		if m.busy > 0 {
			w += 1e9
		}
		return w
	}
	least, at := math.Inf(1), 0
	for i := range s.marks {
		if w := worth(&s.marks[i]); w < least {
			least, at = w, i
		}
	}
	s.marks[at] = mark{source: source, at: now}
	return &s.marks[at]
}

func (t *throttle) setOf(source uint64) *throttleSet {
	return &t.sets[maphash.Comparable(t.seed, source)%throttleSets]
}

// exempt reports whether nothing is counted against an address.
func (r *rules) exempt(from netip.Addr) bool { return r.Off || r.white.has(from) }

// visit is a check of a password that was let in.
type visit struct {
	from     netip.Addr
	counted  bool // against its source
	stranger bool // among those of sources that never had a right password
}

// enter asks whether a password from an address may be checked now, which is
// slow and takes a core. A visit that is let in, with no [Reason], is followed
// by one leave.
func (t *throttle) enter(from netip.Addr, now time.Time) (visit, Reason) {
	r, source, v := t.rules.Load(), sourceOf(from), visit{from: from}
	if r.white.has(from) {
		return v, ""
	}
	s := t.setOf(source)
	s.mu.Lock()
	defer s.mu.Unlock()
	at := uint32(now.Unix())
	m := s.mark(source, at)
	if !r.Off && m.refused(at, source, r) {
		return v, Throttled
	}
	share := uint8(atATime)
	if source == localSource {
		share = localAtATime
	}
	if m.busy >= share || !m.known && t.strangers.Load() >= t.places {
		return v, CannotCheck
	}
	v.counted, v.stranger = true, !m.known
	if v.stranger {
		t.strangers.Add(1)
	}
	m.busy++
	return v, ""
}

// refused reports whether a source has failed too often, and counts that it has
// come again.
func (m *mark) refused(now uint32, source uint64, r *rules) bool {
	most, period := r.bounds(source)
	m.forget(now, most, period)
	if m.until <= now {
		return m.level >= most
	}
	m.count++
	m.changed = true
	m.exceed(now, r)
	return true
}

// exceed refuses for a day who has failed or come again too often.
func (m *mark) exceed(now uint32, r *rules) {
	if m.count >= uint32(r.Excess) && !m.excess {
		m.excess, m.until = true, now+uint32(excessive/time.Second)
	}
}

// outcome is how a check of a password ended.
type outcome uint8

const (
	unknown outcome = iota // it could not be checked
	wrong
	right
)

// leave says how the check of a visit has ended. claim tells what was claimed
// from what else might be.
func (t *throttle) leave(v visit, now time.Time, claim uint32, how outcome) {
	if !v.counted {
		return
	}
	if v.stranger {
		t.strangers.Add(-1)
	}
	r, source := t.rules.Load(), sourceOf(v.from)
	s := t.setOf(source)
	s.mu.Lock()
	defer s.mu.Unlock()
	at := uint32(now.Unix())
	m := s.mark(source, at)
	if m.busy > 0 {
		m.busy--
	}
	switch how {
	case right:
		m.known = true
	case wrong:
		m.fail(at, source, claim, r)
	}
}

// shut reports whether a source has failed too often to be listened to now.
func (t *throttle) shut(from netip.Addr, now time.Time) bool {
	r, source := t.rules.Load(), sourceOf(from)
	if r.exempt(from) {
		return false
	}
	s := t.setOf(source)
	s.mu.Lock()
	defer s.mu.Unlock()
	at := uint32(now.Unix())
	return s.mark(source, at).refused(at, source, r)
}

// fail counts a failure that cost nothing to find out: a token, a session or a
// second factor that is not right.
func (t *throttle) fail(from netip.Addr, now time.Time, claim uint32) {
	r, source := t.rules.Load(), sourceOf(from)
	if r.exempt(from) {
		return
	}
	s := t.setOf(source)
	s.mu.Lock()
	defer s.mu.Unlock()
	at := uint32(now.Unix())
	s.mark(source, at).fail(at, source, claim, r)
}

func (m *mark) fail(now uint32, source uint64, claim uint32, r *rules) {
	if r.Off {
		return
	}
	most, period := r.bounds(source)
	m.forget(now, most, period)
	if claim == m.last && m.level > 0 {
		m.level += again
	} else {
		m.level++
		m.count++
	}
	m.last, m.changed = claim, true
	if source == localSource {
		m.level = min(m.level, most)
		return
	}
	if m.level >= most {
		m.level = most
		m.until = max(m.until, now+period)
	}
	m.exceed(now, r)
}

// keptFailures is how many failures can be read afterwards.
const keptFailures = 1000

// failures are the latest sign-ins that failed.
type failures struct {
	mu   sync.Mutex
	ring []latchkey.Failure
	next int // where the oldest stands, once the ring is full
}

func (f *failures) add(one latchkey.Failure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.ring) < keptFailures {
		f.ring = append(f.ring, one)
		return
	}
	f.ring[f.next] = one
	f.next = (f.next + 1) % keptFailures
}

// list is the failures, the newest first.
func (f *failures) list() []latchkey.Failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := append(append(make([]latchkey.Failure, 0, len(f.ring)), f.ring[f.next:]...), f.ring[:f.next]...)
	slices.Reverse(list)
	return list
}

// drop forgets the failures that which names, and says how many those were.
func (f *failures) drop(which func(latchkey.Failure) bool) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := append(append([]latchkey.Failure{}, f.ring[f.next:]...), f.ring[:f.next]...)
	f.ring, f.next = slices.DeleteFunc(old, which), 0
	return len(old) - len(f.ring)
}

// blocks is every source that is refused now.
func (t *throttle) blocks(now time.Time) (list []latchkey.Block) {
	at := uint32(now.Unix())
	for i := range t.sets {
		s := &t.sets[i]
		s.mu.Lock()
		for _, m := range s.marks {
			if m.source != 0 && m.until > at {
				list = append(list, latchkey.Block{
					Source: prefixOf(m.source), Since: time.Unix(int64(m.at), 0).UTC(), Until: time.Unix(int64(m.until), 0).UTC(),
					Excess: m.excess, Failures: int(m.count),
				})
			}
		}
		s.mu.Unlock()
	}
	slices.SortFunc(list, func(a, b latchkey.Block) int {
		return cmp.Or(a.Until.Compare(b.Until), a.Source.Addr().Compare(b.Source.Addr()))
	})
	return list
}

// pardon forgets what is counted against the sources that which names, and says
// how many of these were refused.
func (t *throttle) pardon(now time.Time, which func(netip.Prefix) bool) (freed int) {
	at := uint32(now.Unix())
	for i := range t.sets {
		s := &t.sets[i]
		s.mu.Lock()
		for j := range s.marks {
			m := &s.marks[j]
			if m.source == 0 || !which(prefixOf(m.source)) {
				continue
			}
			if m.until > at {
				freed++
			}
			m.level, m.count, m.until, m.excess, m.changed = 0, 0, 0, false, true
		}
		s.mu.Unlock()
	}
	return freed
}
