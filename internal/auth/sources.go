package auth

import (
	"context"
	"net/netip"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// What is counted against sources is written down every few seconds, so that a
// restart forgives nobody: of each source one small row, and of so many at a time
// that a flood of failures does not become one of writes.
const (
	sourcesInterval = 5 * time.Second
	sourcesAtATime  = 2000
	sourcesKept     = throttleSets * throttleWays
)

// recallSources begins with what was counted before the last stop.
func (v *Verifier) recallSources(ctx context.Context) error {
	return v.store.Read(ctx, func(r store.Reader) error {
		list, err := r.Sources()
		v.throttle.recall(list, v.now())
		return err
	})
}

// RunSources writes down what is counted against sources, until ctx ends.
func (v *Verifier) RunSources(ctx context.Context) {
	tick := time.NewTicker(sourcesInterval)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-tick.C:
			v.flushSources(sourcesAtATime, n%60 == 0)
		case <-ctx.Done():
			v.flushSources(sourcesKept, false)
			return
		}
	}
}

// flushSources writes down at most limit changes; with sweep it also takes away
// what counts for nothing any more.
func (v *Verifier) flushSources(limit int, sweep bool) {
	now := v.now()
	list := v.throttle.takeChanged(limit)
	if len(list) == 0 && !sweep {
		return
	}
	_, err := v.store.Write(context.Background(), func(tx store.Tx) error {
		for i := range list {
			if err := putSource(tx, &list[i], now); err != nil {
				return err
			}
		}
		if sweep {
			return tx.DeleteOldSources(now, now.Add(-max(v.throttle.rules.Load().Period, localPeriod)), sourcesKept)
		}
		return nil
	})
	if err != nil {
		v.log.Warn("writing down what is counted against sources", "err", err)
		v.throttle.putBack(list)
	}
}

func putSource(tx store.Tx, x *store.Source, now time.Time) error {
	if x.Level == 0 && !now.Before(x.Until) {
		return tx.DeleteSource(x.Key)
	}
	return tx.PutSource(*x)
}

// ForgetSources takes away what is written down about the sources that any of
// ranges touches, of all if ranges is nil. [Verifier.Pardon] forgets what is in
// memory.
func (v *Verifier) ForgetSources(tx store.Tx, ranges []latchkey.AddressRange) error {
	list, err := tx.Sources()
	for i := 0; err == nil && i < len(list); i++ {
		if touches(ranges, prefixOf(list[i].Key)) {
			err = tx.DeleteSource(list[i].Key)
		}
	}
	return err
}

// touches reports whether any of ranges has something of p; nil is all there is.
func touches(ranges []latchkey.AddressRange, p netip.Prefix) bool {
	r, err := latchkey.ParseRange(p.String())
	return err == nil && meet(ranges, r.From, r.To)
}

// meet reports whether any of ranges has something of from to to.
func meet(ranges []latchkey.AddressRange, from, to netip.Addr) bool {
	for _, r := range ranges {
		if r.From.BitLen() == from.BitLen() && r.From.Compare(to) <= 0 && from.Compare(r.To) <= 0 {
			return true
		}
	}
	return ranges == nil
}

// recall takes in what was written down. Whatever the clock has done since,
// nobody is refused for longer than a day.
func (t *throttle) recall(list []store.Source, now time.Time) {
	at := uint32(now.Unix())
	for _, x := range list {
		s := t.setOf(x.Key)
		s.mu.Lock()
		*s.mark(x.Key, at) = mark{
			source: x.Key, level: max(0, x.Level), at: min(unixOf(x.At), at), until: min(unixOf(x.Until), at+uint32(excessive/time.Second)),
			count: uint32(max(0, x.Count)), known: x.Known, excess: x.Excess,
		}
		s.mu.Unlock()
	}
}

// unixOf is a time as marks have it.
func unixOf(t time.Time) uint32 {
	if t.IsZero() {
		return 0
	}
	return uint32(min(max(t.Unix(), 0), 1<<32-1))
}

// timeOf is the time that a mark has.
func timeOf(unix uint32) time.Time {
	if unix == 0 {
		return time.Time{}
	}
	return time.Unix(int64(unix), 0).UTC()
}

// takeChanged is at most limit marks that have changed since they were taken
// last. The next call goes on where this one stopped.
func (t *throttle) takeChanged(limit int) (list []store.Source) {
	for n := 0; n < throttleSets && len(list) < limit; n++ {
		s := &t.sets[t.next]
		s.mu.Lock()
		for i := range s.marks {
			if m := &s.marks[i]; m.changed {
				m.changed = false
				list = append(list, store.Source{
					Key: m.source, Level: m.level, At: timeOf(m.at), Until: timeOf(m.until), Count: int(m.count), Known: m.known, Excess: m.excess,
				})
			}
		}
		s.mu.Unlock()
		t.next = (t.next + 1) % throttleSets
	}
	return list
}

// putBack keeps changes that could not be written down for the next time.
func (t *throttle) putBack(list []store.Source) {
	for _, x := range list {
		s := t.setOf(x.Key)
		s.mu.Lock()
		if m := s.find(x.Key); m != nil {
			m.changed = true
		}
		s.mu.Unlock()
	}
}
