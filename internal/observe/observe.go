// Package observe gathers what tokens that are watched are used for, so that
// they can be given the rights for that and no more. A token that is not watched
// never comes here. Start at [Book].
package observe

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

const (
	// most is how many different uses are kept of one token. Of more, the zones and
	// domains are kept in which they lie; and of more than twice as many, that they
	// were of the account as a whole.
	most = 1000
	// gathered is how many wait to be written down at most, of all tokens.
	gathered = 50_000
)

// Book is where uses are gathered. It writes them to the store every second.
type Book struct {
	Store store.Store
	Now   latchkey.Clock
	Log   *slog.Logger

	writing sync.Mutex // held while a page of it is on its way to the store

	mu     sync.Mutex
	tokens map[latchkey.TokenMAC]uses
	size   int
}

// use is what is counted together.
type use struct {
	latchkey.Called
	on     latchkey.Resource
	listed bool
}

// uses are those of one token that were not written down yet.
type uses map[use]latchkey.Observed

// add counts o, as one of less detail if there are too many others beside n more.
func (us uses) add(o latchkey.Observed, n int) (grown int) {
	key := use{o.Called, o.On, o.Listed}
	had, known := us[key]
	if !known && len(us)+n >= most {
		if wide := wider(o, len(us)+n); wide != o {
			return us.add(wide, n)
		}
	}
	if !known {
		us[key] = o
		return 1
	}
	had.Count += o.Count
	had.Last = o.Last
	us[key] = had
	return 0
}

// wider is a use that has o in it: of the zone or the domain, or of the account
// as a whole if there are n.
func wider(o latchkey.Observed, n int) latchkey.Observed {
	domain, in := o.On.Value("domain")
	switch {
	case o.On.Kind == "" || o.On.Kind == latchkey.NothingKind:
	case n < 2*most && o.On.Kind == latchkey.RecordKind:
		o.On = latchkey.Resource{Kind: "zone", Name: o.On.Zone}
	case n < 2*most && in && o.On.Kind != "domain":
		o.On = latchkey.Resource{Kind: "domain", Name: domain}
	case n < 2*most && (o.On.Kind == "zone" || o.On.Kind == "domain"):
	default:
		o.On, o.Listed = latchkey.Resource{}, false
	}
	return o
}

// Sheet is what one call uses. The zero Sheet is empty.
type Sheet struct{ of uses }

// Used adds that f was called on something: see [latchkey.Observed].
func (s *Sheet) Used(f latchkey.Called, on latchkey.Resource, listed bool) {
	if s.of == nil {
		s.of = make(uses)
	}
	on.Some = false
	s.of.add(latchkey.Observed{Called: f, On: on, Listed: listed}, 0)
}

// Empty reports whether nothing was used.
func (s *Sheet) Empty() bool { return len(s.of) == 0 }

// Note takes down what a call with the token that has a MAC has used. It never
// waits for the disk.
func (b *Book) Note(mac latchkey.TokenMAC, call *Sheet) {
	now := b.Now().UTC().Truncate(time.Microsecond)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tokens == nil {
		b.tokens = make(map[latchkey.TokenMAC]uses)
	}
	of := b.tokens[mac]
	if of == nil {
		of = make(uses)
		b.tokens[mac] = of
	}
	for _, o := range call.of {
		o.Count, o.First, o.Last = 1, now, now
		n := 0
		if b.size >= gathered {
			n = 2 * most
		}
		b.size += of.add(o, n)
	}
}

// Run writes down what was gathered every second until ctx ends, and then the
// last of it.
func (b *Book) Run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			b.flush()
		case <-ctx.Done():
			b.flush()
			return
		}
	}
}

func (b *Book) flush() {
	if err := b.Flush(context.Background()); err != nil {
		b.Log.Warn("what watched tokens were used for could not be written down, and will be tried again", "err", err)
	}
}

// Flush writes down what was gathered so far. What the store does not take is
// kept.
func (b *Book) Flush(ctx context.Context) error {
	b.writing.Lock()
	defer b.writing.Unlock()
	b.mu.Lock()
	page := b.tokens
	b.tokens, b.size = nil, 0
	b.mu.Unlock()
	if len(page) == 0 {
		return nil
	}
	_, err := b.Store.Write(ctx, func(tx store.Tx) error {
		for mac, of := range page {
			if err := write(tx, mac, of); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.putBack(page)
	}
	return err
}

// write adds uses to those that the store has of a token, if that is still
// watched.
func write(tx store.Tx, mac latchkey.TokenMAC, of uses) error {
	k, err := tx.TokenByMAC(mac)
	if errors.Is(err, store.ErrNotFound) || err == nil && !k.Observing {
		return nil
	}
	if err != nil {
		return err
	}
	had, err := tx.Observed(k.ID)
	if err != nil {
		return err
	}
	known := make(map[use]bool, len(had))
	for i := range had {
		known[use{had[i].Called, had[i].On, had[i].Listed}] = true
	}
	more, kept := make(uses), make(uses)
	for key, o := range of {
		if known[key] {
			kept[key] = o
		} else {
			more.add(o, len(had))
		}
	}
	for key, o := range more {
		kept[key] = o
	}
	list := make([]latchkey.Observed, 0, len(kept))
	for _, o := range kept {
		list = append(list, o)
	}
	return tx.AddObserved(k.ID, list)
}

func (b *Book) putBack(page map[latchkey.TokenMAC]uses) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tokens == nil {
		b.tokens = make(map[latchkey.TokenMAC]uses)
	}
	for mac, of := range page {
		if b.tokens[mac] == nil {
			b.tokens[mac] = of
			b.size += len(of)
			continue
		}
		for _, o := range of {
			b.size += b.tokens[mac].add(o, 0)
		}
	}
}
