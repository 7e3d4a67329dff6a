package sqlite

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/latchkey/latchkey/internal/store"
)

// feed remembers the newest entries of the change log, so that whoever keeps up
// never asks the disk.
type feed struct {
	mu     sync.Mutex
	first  store.Seq // position before the oldest entry remembered
	recent [][]store.Change
	wake   chan struct{}
}

const feedMemory = 1024

func (f *feed) start(head store.Seq) {
	f.first, f.recent, f.wake = head, nil, make(chan struct{}, 1)
}

func (f *feed) publish(seq store.Seq, changes []store.Change) {
	f.mu.Lock()
	f.recent = append(f.recent, changes)
	if over := len(f.recent) - feedMemory; over > 0 {
		f.recent = append(f.recent[:0:0], f.recent[over:]...)
	}
	f.first = seq - store.Seq(len(f.recent))
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Wake implements [store.Feed].
func (s *Store) Wake() <-chan struct{} { return s.feed.wake }

// Head implements [store.Feed].
func (s *Store) Head(context.Context) (store.Seq, error) {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	return s.feed.first + store.Seq(len(s.feed.recent)), nil
}

// Since implements [store.Feed].
func (s *Store) Since(ctx context.Context, after store.Seq) ([]store.Change, store.Seq, error) {
	s.feed.mu.Lock()
	head := s.feed.first + store.Seq(len(s.feed.recent))
	if after >= s.feed.first {
		defer s.feed.mu.Unlock()
		var list []store.Change
		for i := after; i < head; i++ {
			list = append(list, s.feed.recent[i-s.feed.first]...)
		}
		return list, max(head, after), nil
	}
	s.feed.mu.Unlock()
	return s.sinceOnDisk(ctx, after)
}

func (s *Store) sinceOnDisk(ctx context.Context, after store.Seq) ([]store.Change, store.Seq, error) {
	type entry struct {
		seq  store.Seq
		body []byte
	}
	var entries []entry
	err := s.views.read(ctx, func(q *statements) (err error) {
		entries, err = all(ctx, q, func(r scanner) (e entry, err error) {
			return e, r.Scan(&e.seq, &e.body)
		}, `SELECT seq, body FROM change_log WHERE seq > ? ORDER BY seq LIMIT 1000`, int64(after))
		return err
	})
	if err != nil {
		return nil, after, err
	}
	if len(entries) == 0 || entries[0].seq != after+1 {
		return nil, after, store.ErrGap
	}
	var list []store.Change
	for _, e := range entries {
		var c []store.Change
		if err := json.Unmarshal(e.body, &c); err != nil {
			return nil, after, err
		}
		list = append(list, c...)
		after = e.seq
	}
	return list, after, nil
}
