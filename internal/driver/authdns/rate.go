package authdns

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// verdict is what becomes of an answer over UDP.
type verdict uint8

const (
	send verdict = iota
	slip         // send it cut short: who really asks comes again over TCP
	drop
)

// limiter counts answers of a kind to a network: a forged source would else get
// from us what somebody aims at it. Counts share places, which can only make
// two of them stricter than they are meant, never forget one for long.
type limiter struct {
	rate int // a second; negative is no limit
	now  func() time.Time
	seed maphash.Seed
	rows [64]row
}

// row is some of the counts, with a lock of their own.
type row struct {
	mu     sync.Mutex
	counts [1024]count
}

type count struct {
	who    uint64
	second int64
	spent  int32
	over   uint32
}

func newLimiter(rate int) *limiter {
	return &limiter{rate: rate, now: time.Now, seed: maphash.MakeSeed()}
}

// judge counts an answer about name, which has an outcome (an rcode), to from.
func (l *limiter) judge(from netip.Addr, name string, outcome int) verdict {
	from = from.Unmap()
	if l.rate < 0 || from.IsLoopback() {
		return send
	}
	who := l.kind(from, name, outcome)
	row := &l.rows[who%uint64(len(l.rows))]
	second := l.now().Unix()
	row.mu.Lock()
	defer row.mu.Unlock()
	c := &row.counts[who/uint64(len(l.rows))%uint64(len(row.counts))]
	if c.who != who || c.second != second {
		*c = count{who: who, second: second}
	}
	if c.spent++; int(c.spent) <= l.rate {
		return send
	}
	if c.over++; c.over%2 == 0 {
		return slip
	}
	return drop
}

func (l *limiter) kind(from netip.Addr, name string, outcome int) uint64 {
	bits := 24
	if from.Is6() {
		bits = 56
	}
	network, _ := from.Prefix(bits)
	return maphash.Comparable(l.seed, struct {
		network netip.Prefix
		name    string
		outcome int
	}{network, name, outcome})
}
