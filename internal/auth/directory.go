package auth

import (
	"sync"
	"sync/atomic"
	"unique"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Entry is an account as checks and functions see it: a snapshot that is
// replaced when the account changes, and usage figures that live on.
type Entry struct {
	// What every check asks stands first, together: with many accounts each line
	// of memory that is touched is a miss.
	name     [maxName]byte
	nameLen  uint8
	usable   bool
	role     latchkey.Role
	Features latchkey.FeatureSet
	Usage    *Usage

	Account latchkey.Account
}

// maxName is the longest name of an account.
const maxName = 16

// is reports whether the account is called user.
func (e *Entry) is(user string) bool { return user == string(e.name[:e.nameLen]) }

// settle fills in what is asked most from the account. Texts that most accounts
// have alike are kept once.
func (e *Entry) settle() {
	a := &e.Account
	for _, text := range []*string{(*string)(&a.Owner), &a.Package, &a.Locale, &a.Theme, &a.Shell} {
		*text = unique.Make(*text).Value()
	}
	e.nameLen = uint8(copy(e.name[:], e.Account.Name))
	e.role = e.Account.Role
	e.usable = !e.Account.Suspended && len(e.Account.Name) <= maxName
}

// Usable reports whether the account may be used at all.
func (e *Entry) Usable() bool { return e.usable }

// Usage is what an account's home takes up now: the last measurement, adjusted
// by every write of ours since. It holds no pointer and lives as long as the
// server: however many accounts there are, the garbage collector has nothing to
// do with it.
type Usage struct {
	Bytes, Inodes atomic.Int64
	TakenAt       atomic.Int64 // unix seconds of the measurement; 0: not since the server started

	// Writing is held while a write of ours changes the figures, and Writes
	// counts them: a measurement sees whether it was disturbed.
	Writing sync.Mutex
	Writes  int
}

const chunkSize = 4096

type chunk [chunkSize]atomic.Pointer[Entry]

// directory finds the entries that are in memory: an array by number, since
// account numbers are dense.
type directory struct {
	mu     sync.Mutex // serialises growth, and guards usages
	chunks atomic.Pointer[[]*chunk]
	usages []*[chunkSize]Usage // kept across snapshots
}

func (d *directory) find(id latchkey.AccountID) *Entry {
	chunks := d.chunks.Load()
	if chunks == nil || int(id/chunkSize) >= len(*chunks) {
		return nil
	}
	return (*chunks)[id/chunkSize][id%chunkSize].Load()
}

func (d *directory) put(id latchkey.AccountID, e *Entry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var chunks []*chunk
	if c := d.chunks.Load(); c != nil {
		chunks = *c
	}
	if need := int(id/chunkSize) + 1; need > len(chunks) {
		grown := make([]*chunk, need)
		copy(grown, chunks)
		for i := len(chunks); i < need; i++ {
			grown[i] = new(chunk)
		}
		chunks = grown
		d.chunks.Store(&chunks)
	}
	chunks[id/chunkSize][id%chunkSize].Store(e)
}

// drop forgets an entry; it is read anew when it is next asked for.
func (d *directory) drop(id latchkey.AccountID) {
	if d.find(id) != nil {
		d.put(id, nil)
	}
}

func (d *directory) dropAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.chunks.Store(nil)
}

// usageOf is the account's usage figures, the same for every snapshot of it.
func (d *directory) usageOf(id latchkey.AccountID) *Usage {
	d.mu.Lock()
	defer d.mu.Unlock()
	for int(id/chunkSize) >= len(d.usages) {
		d.usages = append(d.usages, new([chunkSize]Usage))
	}
	return &d.usages[id/chunkSize][id%chunkSize]
}
