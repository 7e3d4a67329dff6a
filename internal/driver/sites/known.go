package sites

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// known is what the source has said of names. What is asked once it was told to
// forget a name is answered by what the source says after that.
type known struct {
	slots sync.Map // by name: *slot
	n     atomic.Int64
}

// slot is the place of one name.
type slot struct {
	once sync.Once
	site *Site
	err  error
}

// mostKnown is how many names are remembered.
const mostKnown = 20_000

// sourcePatience is how long the source may take.
const sourcePatience = 5 * time.Second

// site is what is served for a name, and whose it is. What is known of a name that
// was an account's which is no more is forgotten.
func (s *Server) site(ctx context.Context, name latchkey.Domain) (*Site, Tenant, error) {
	for again := false; ; again = true {
		site, err := s.lookup(ctx, name)
		if err != nil {
			return nil, Tenant{}, err
		}
		tenant, err := s.Source.Tenant(ctx, site.Account)
		if latchkey.KindOf(err) == latchkey.NotFound && err != nil && !again {
			s.Forget(name)
			continue
		}
		return site, tenant, err
	}
}

func (s *Server) lookup(ctx context.Context, name latchkey.Domain) (*Site, error) {
	k := &s.known
	found, ok := k.slots.Load(name)
	if !ok {
		if found, ok = k.slots.LoadOrStore(name, new(slot)); !ok && k.n.Add(1) > mostKnown {
			k.clear()
		}
	}
	at := found.(*slot)
	at.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sourcePatience)
		defer cancel()
		at.site, at.err = s.Source.Site(ctx, name)
	})
	if at.err != nil { // names there are none of would fill the memory
		k.drop(name, at)
	}
	return at.site, at.err
}

func (k *known) drop(name latchkey.Domain, at any) {
	if k.slots.CompareAndDelete(name, at) {
		k.n.Add(-1)
	}
}

func (k *known) forget(names []latchkey.Domain) {
	for _, name := range names {
		if _, was := k.slots.LoadAndDelete(name); was {
			k.n.Add(-1)
		}
	}
}

func (k *known) clear() {
	k.slots.Range(func(name, at any) bool {
		k.drop(name.(latchkey.Domain), at)
		return true
	})
}
