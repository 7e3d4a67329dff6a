package authdns

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// table is the zones there are. Readers wait for nobody, except for the first
// one of a zone that has to be loaded yet.
type table struct {
	slots sync.Map // by suffix of the wire: *slot
	most  atomic.Int64
	shape atomic.Uint64 // another whenever zones come or go
}

// slot is the place of one zone.
type slot struct {
	zone    atomic.Pointer[Zone]
	version atomic.Uint64 // another after every change of zone
	mu      sync.Mutex    // held by who changes zone
	load    func() (*Zone, error)
	failed  error // of the last load
	tried   time.Time
}

// again is how long a zone that could not be loaded is left alone.
const again = time.Second

// find is the zone that name is in, the one with the longest name if there are
// several, or nil. The DS records of a zone are in the one above.
func (t *table) find(s *split, kind uint16) *slot {
	first := max(0, s.n-int(t.most.Load()))
	if kind == dns.TypeDS {
		if found := t.from(s, max(first, 1)); found != nil {
			return found
		}
	}
	return t.from(s, first)
}

func (t *table) from(s *split, first int) *slot {
	for i := first; i < s.n; i++ {
		if found, ok := t.slots.Load(string(s.suffix(i))); ok {
			return found.(*slot)
		}
	}
	return nil
}

// at is the slot of the zone called origin; nil if there is none.
func (t *table) at(origin string) *slot {
	var s split
	if s.read(origin) != nil {
		return nil
	}
	found, ok := t.slots.Load(string(s.suffix(0)))
	if !ok {
		return nil
	}
	return found.(*slot)
}

// put makes z the zone of its name.
func (t *table) put(z *Zone) {
	t.reach(z.labels)
	made := &slot{}
	made.zone.Store(z)
	if found, there := t.slots.LoadOrStore(z.suffix, made); there {
		found.(*slot).put(z)
		return
	}
	t.shape.Add(1)
}

// promise makes a zone called origin that is loaded when somebody asks for it;
// one that is there stays.
func (t *table) promise(origin string, load func() (*Zone, error)) error {
	var s split
	if s.read(origin) != nil || s.n == 0 {
		return fmt.Errorf("%q is no name for a zone", origin)
	}
	t.reach(s.n)
	t.slots.LoadOrStore(string(s.suffix(0)), &slot{load: load})
	t.shape.Add(1)
	return nil
}

// reach lets zones of so many labels be found.
func (t *table) reach(labels int) {
	for most := t.most.Load(); int64(labels) > most; most = t.most.Load() {
		t.most.CompareAndSwap(most, int64(labels))
	}
}

func (t *table) remove(origin string) {
	var s split
	if s.read(origin) == nil {
		t.slots.Delete(string(s.suffix(0)))
		t.shape.Add(1)
	}
}

// get is the zone, loaded if it is not yet. What could not be loaded is tried
// again after a while.
func (s *slot) get() (*Zone, error) {
	if z := s.zone.Load(); z != nil {
		return z, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loaded()
}

// loaded is the zone, for who holds mu.
func (s *slot) loaded() (*Zone, error) {
	if z := s.zone.Load(); z != nil {
		return z, nil
	}
	if s.failed != nil && time.Since(s.tried) < again {
		return nil, s.failed
	}
	z, err := s.load()
	if s.failed, s.tried = err, time.Now(); err != nil {
		return nil, err
	}
	s.swap(z)
	return z, nil
}

// update makes the zone what change makes of it.
func (s *slot) update(change func(*Zone) (*Zone, error)) (*Zone, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	z, err := s.loaded()
	if err != nil {
		return nil, err
	}
	if z, err = change(z); err != nil {
		return nil, err
	}
	s.swap(z)
	return z, nil
}

// put makes z the zone. What was to be loaded is not needed any more.
func (s *slot) put(z *Zone) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.swap(z)
}

// swap makes z what is answered from. The number moves after it: who reads the
// number and then the zone has never an older one.
func (s *slot) swap(z *Zone) {
	s.zone.Store(z)
	s.version.Add(1)
}
