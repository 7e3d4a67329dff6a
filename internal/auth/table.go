package auth

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"syscall"
	"unsafe"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// slot is what a check needs of one token: one cache line, no pointer. Half of
// the MAC is enough to tell tokens apart: it is keyed, and 128 bits.
type slot struct {
	mac     [16]byte
	addr    [16]byte // where it was last used from
	id      uint64
	account uint32
	expires uint32 // unix seconds, 0 never
	used    uint32 // unix seconds of the last use
	client  uint16 // who used it last: an index of clients
	flags   uint8
	dirty   bool // used since it was last written to the store
	handle  [6]byte
	_       [2]byte
}

const (
	_ = uint(64-unsafe.Sizeof(slot{})) | uint(unsafe.Sizeof(slot{})-64) // a slot is one cache line
	_ = uint(64-unsafe.Sizeof(line{})) | uint(unsafe.Sizeof(line{})-64) // and so is what is known of an account
)

const (
	slotTaken    = 1 << iota // there is a token here
	slotReadOnly             // it may only read
	slotHost                 // it is for the administrator's door
	slotDisabled             // it exists and is refused
	slotDamaged              // its row was tampered with: nothing else here may be trusted
	slotBound                // it has further conditions, see [conditions]
	slotReplaced             // it is the secret that the token had before
)

// shards is how many parts the table has: enough that cores do not meet, and few
// enough that a part of a large table is several huge pages.
const shards = 32

// table is the in-memory index of tokens: open addressing in memory that the
// garbage collector never sees, in parts that lock and grow by themselves.
type table struct{ parts [shards]part }

type part struct {
	mu    sync.Mutex
	slots []slot
	count int
	_     [24]byte
}

func (t *table) part(mac *latchkey.TokenMAC) *part { return &t.parts[int(mac[0])*shards/256] }

// home is where a token's search begins. Tokens stand nearly in the order of
// their MACs, which is the order that the store keeps their uses in: neighbours
// here are written down together there.
func home(mac []byte, size int) int {
	rest := binary.BigEndian.Uint64(mac) << bits.TrailingZeros(shards) // all of a part begin alike
	return int(rest >> (64 - bits.TrailingZeros(uint(size))))
}

// find is the place of a token, or -1. The part is locked.
func (p *part) find(mac *latchkey.TokenMAC) int {
	if len(p.slots) == 0 {
		return -1
	}
	mask := len(p.slots) - 1
	for i := home(mac[:], len(p.slots)); ; i = (i + 1) & mask {
		s := &p.slots[i]
		if s.flags&slotTaken == 0 {
			return -1
		}
		if s.mac == [16]byte(mac[:16]) {
			return i
		}
	}
}

// put adds a token or replaces what decides of it; its last use stays.
func (t *table) put(s slot, mac *latchkey.TokenMAC) {
	p := t.part(mac)
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := p.find(mac); i >= 0 {
		old := &p.slots[i]
		s.addr, s.used, s.client, s.dirty = old.addr, old.used, old.client, old.dirty
		*old = s
		return
	}
	if p.count >= len(p.slots)*3/4 {
		p.grow()
	}
	p.insert(s)
	p.count++
}

func (p *part) insert(s slot) {
	mask := len(p.slots) - 1
	i := home(s.mac[:], len(p.slots))
	for p.slots[i].flags&slotTaken != 0 {
		i = (i + 1) & mask
	}
	p.slots[i] = s
}

func (p *part) grow() {
	old := p.slots
	p.slots = allocate[slot](max(64, 2*len(old)))
	for i := range old {
		if old[i].flags&slotTaken != 0 {
			p.insert(old[i])
		}
	}
	release(old)
}

// remove takes a token out and closes the gap behind it.
func (t *table) remove(mac *latchkey.TokenMAC) {
	p := t.part(mac)
	p.mu.Lock()
	defer p.mu.Unlock()
	hole := p.find(mac)
	if hole < 0 {
		return
	}
	p.count--
	mask := len(p.slots) - 1
	for i := (hole + 1) & mask; p.slots[i].flags&slotTaken != 0; i = (i + 1) & mask {
		// A token may move into the hole unless its search begins behind the hole.
		if (i-home(p.slots[i].mac[:], len(p.slots)))&mask >= (i-hole)&mask {
			p.slots[hole] = p.slots[i]
			hole = i
		}
	}
	p.slots[hole] = slot{}
}

// removeAccount takes out every token of an account.
func (t *table) removeAccount(id latchkey.AccountID) {
	for i := range t.parts {
		p := &t.parts[i]
		p.mu.Lock()
		var gone [][16]byte
		for j := range p.slots {
			if p.slots[j].flags&slotTaken != 0 && p.slots[j].account == uint32(id) {
				gone = append(gone, p.slots[j].mac)
			}
		}
		p.mu.Unlock()
		for _, mac := range gone {
			var full latchkey.TokenMAC
			copy(full[:], mac[:])
			t.remove(&full)
		}
	}
}

func (t *table) clear() {
	for i := range t.parts {
		p := &t.parts[i]
		p.mu.Lock()
		release(p.slots)
		p.slots, p.count = nil, 0
		p.mu.Unlock()
	}
}

// allocate takes zeroed memory for n values without pointers from the system, in
// huge pages where it can. If the system has none to give, the Go heap does as
// well.
func allocate[T slot | line](n int) []T {
	var zero T
	size := n * int(unsafe.Sizeof(zero))
	b, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return make([]T, n)
	}
	if size >= 2<<20 {
		_ = syscall.Madvise(b, 14) // MADV_HUGEPAGE: faster where allowed, no matter where not
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

func release(s []slot) {
	if len(s) > 0 {
		b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(slot{})))
		_ = syscall.Munmap(b) // fails for memory of the Go heap, which frees itself
	}
}
