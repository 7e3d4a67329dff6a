package auth

import (
	"encoding/binary"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Entry is an account as functions see it: a snapshot that is replaced when the
// account changes.
type Entry struct {
	Account  latchkey.Account
	Features latchkey.FeatureSet
}

// opens reports whether the account may come in at the door of audience.
func (e *Entry) opens(audience latchkey.Audience) bool {
	s := standingOf(e)
	return s.opens(audience)
}

// privileges are what the account may do at the door of audience.
func (e *Entry) privileges(audience latchkey.Audience) latchkey.PrivilegeSet {
	switch {
	case audience != latchkey.ForHost:
		return 0
	case e.Account.Role == latchkey.RoleRoot:
		return latchkey.AllPrivileges
	}
	return e.Account.Privileges
}

// standing is what every check asks of an account.
type standing struct {
	name     [maxName]byte
	nameLen  uint8
	role     latchkey.Role
	usable   bool // it is not suspended
	reseller bool // it may come in at the host's door
	features latchkey.FeatureSet
}

// maxName is the longest name of an account.
const maxName = 16

// is reports whether the account is called user.
func (s *standing) is(user string) bool { return user == string(s.name[:s.nameLen]) }

// opens reports whether the account may come in at the door of audience.
func (s *standing) opens(audience latchkey.Audience) bool {
	if s.role == latchkey.RoleRoot {
		return audience == latchkey.ForHost
	}
	return audience != latchkey.ForHost || s.reseller
}

// standingOf is what checks ask of e's account. One whose name is too long for
// an account is never usable.
func standingOf(e *Entry) standing {
	a := &e.Account
	s := standing{role: a.Role, features: e.Features, usable: !a.Suspended && len(a.Name) <= maxName, reseller: a.Reseller}
	s.nameLen = uint8(copy(s.name[:], a.Name))
	return s
}

// Figures are what an account's home takes up, as last measured and adjusted by
// every write of ours since, and what it may: limits are [latchkey.Unlimited]
// for none.
type Figures struct {
	Bytes, Inodes         int64
	ByteLimit, InodeLimit int64
	TakenAt               int64 // unix seconds of the measurement; 0: not since the server started
}

// line is what a check and a quota ask of one account: one cache line, no
// pointer. With many accounts each line of memory that is touched is a miss, and
// whatever lies outside the collected heap costs the collector nothing.
//
// What decides is guarded by state: a reader whose state has changed meanwhile
// reads again. Figures stand for themselves.
type line struct {
	state      atomic.Uint32
	takenAt    atomic.Uint32
	name       [2]atomic.Uint64
	features   atomic.Uint64
	byteLimit  atomic.Int64
	inodeLimit atomic.Int64
	bytes      atomic.Int64
	inodes     atomic.Int64
}

// A line's state: how often it was changed, in the lowest half, odd while a
// change is under way; then what is small.
const (
	lineChanging  = 1
	lineChanges   = 1<<16 - 1
	lineNameShift = 16
	lineNameMask  = 31
	lineRoleShift = 21
	lineRoleMask  = 7
	lineKnown     = 1 << 24 // it holds what the store holds
	lineUsable    = 1 << 25
	lineReseller  = 1 << 26
)

// read is what the line says, if it is known.
func (l *line) read() (s standing, ok bool) {
	for {
		state := l.state.Load()
		if state&lineChanging == 0 {
			binary.LittleEndian.PutUint64(s.name[:8], l.name[0].Load())
			binary.LittleEndian.PutUint64(s.name[8:], l.name[1].Load())
			s.features = latchkey.FeatureSet(l.features.Load())
			if l.state.Load() == state {
				s.nameLen = uint8(state >> lineNameShift & lineNameMask)
				s.role = latchkey.Role(state >> lineRoleShift & lineRoleMask)
				s.usable, s.reseller = state&lineUsable != 0, state&lineReseller != 0
				return s, state&lineKnown != 0
			}
		}
		runtime.Gosched() // whoever changes it is soon done
	}
}

// write replaces what the line says of the account. One at a time may write.
func (l *line) write(s *standing, limits *latchkey.Limits) {
	state := uint32(s.nameLen)<<lineNameShift | uint32(s.role)<<lineRoleShift | lineKnown
	if s.usable {
		state |= lineUsable
	}
	if s.reseller {
		state |= lineReseller
	}
	l.change(state, func() {
		l.name[0].Store(binary.LittleEndian.Uint64(s.name[:8]))
		l.name[1].Store(binary.LittleEndian.Uint64(s.name[8:]))
		l.features.Store(uint64(s.features))
		l.inodeLimit.Store(limits.Inodes)
		l.byteLimit.Store(latchkey.Unlimited)
		if limits.DiskMB != latchkey.Unlimited {
			l.byteLimit.Store(limits.DiskMB << 20)
		}
	})
}

// forget makes the line unknown. Its figures stay: they are true whatever
// becomes of the account's name and rights.
func (l *line) forget() { l.change(0, func() {}) }

func (l *line) change(state uint32, write func()) {
	was := l.state.Load()
	l.state.Store(was&^lineChanges | (was+1)&lineChanges)
	write()
	l.state.Store(state | (was+2)&lineChanges)
}

func (l *line) figures() Figures {
	return Figures{
		Bytes: l.bytes.Load(), Inodes: l.inodes.Load(), TakenAt: int64(l.takenAt.Load()),
		ByteLimit: l.byteLimit.Load(), InodeLimit: l.inodeLimit.Load(),
	}
}

// accounts is what is in memory of accounts: a line of each that was asked for,
// and a few whole entries.
type accounts struct {
	// Lines stand by number, since account numbers are dense: in chunks that
	// double in size and never move.
	chunks [21]atomic.Pointer[[]line]

	mu      sync.Mutex // serialises changes of lines, and guards entries
	entries map[latchkey.AccountID]*Entry
}

const (
	firstChunk = 4096 // lines
	maxEntries = 8192
)

// place is where an account's line stands: a chunk, and a place in it.
func place(id latchkey.AccountID) (chunk, at int) {
	n := uint64(id) + firstChunk
	chunk = bits.Len64(n) - bits.Len64(firstChunk)
	return chunk, int(n - firstChunk<<chunk)
}

// line is the account's line, or nil where none of its chunk was ever known.
func (as *accounts) line(id latchkey.AccountID) *line {
	chunk, at := place(id)
	if lines := as.chunks[chunk].Load(); lines != nil {
		return &(*lines)[at]
	}
	return nil
}

// standing is what is known of the account, if anything is.
func (as *accounts) standing(id latchkey.AccountID) (standing, bool) {
	l := as.line(id)
	if l == nil {
		return standing{}, false
	}
	return l.read()
}

// entry is the account's entry, or nil if it is not in memory.
func (as *accounts) entry(id latchkey.AccountID) *Entry {
	as.mu.Lock()
	defer as.mu.Unlock()
	return as.entries[id]
}

// put remembers an account and returns its line.
func (as *accounts) put(e *Entry) *line {
	as.mu.Lock()
	defer as.mu.Unlock()
	if len(as.entries) >= maxEntries {
		clear(as.entries)
	}
	if as.entries == nil {
		as.entries = make(map[latchkey.AccountID]*Entry)
	}
	as.entries[e.Account.ID] = e
	chunk, at := place(e.Account.ID)
	lines := as.chunks[chunk].Load()
	if lines == nil {
		fresh := allocate[line](firstChunk << chunk)
		lines = &fresh
		as.chunks[chunk].Store(lines)
	}
	l := &(*lines)[at]
	s := standingOf(e)
	l.write(&s, &e.Account.Limits)
	return l
}

// drop forgets an account; it is read anew when it is next asked for.
func (as *accounts) drop(id latchkey.AccountID) {
	as.mu.Lock()
	defer as.mu.Unlock()
	delete(as.entries, id)
	if l := as.line(id); l != nil {
		l.forget()
	}
}

func (as *accounts) dropAll() {
	as.mu.Lock()
	defer as.mu.Unlock()
	clear(as.entries)
	for i := range as.chunks {
		lines := as.chunks[i].Load()
		if lines == nil {
			continue
		}
		for j := range *lines {
			if l := &(*lines)[j]; l.state.Load()&lineKnown != 0 {
				l.forget()
			}
		}
	}
}
