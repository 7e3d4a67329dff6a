package estate

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// filterWork is how much the filters of an account may compare in a minute, in what
// package sieve counts: some seconds of a processor. One message may come to very many
// mailboxes.
const filterWork = 1 << 30

// filtering is what accounts have left of a minute.
type filtering struct {
	mu    sync.Mutex
	until time.Time
	left  map[latchkey.AccountID]*atomic.Int64
}

// of is what an account has left; all that filter for it at once use it up together.
func (f *filtering) of(id latchkey.AccountID, most int64, now time.Time) *atomic.Int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left == nil || !now.Before(f.until) || now.Before(f.until.Add(-time.Minute)) {
		f.left, f.until = make(map[latchkey.AccountID]*atomic.Int64), now.Add(time.Minute)
	}
	left := f.left[id]
	if left == nil {
		left = new(atomic.Int64)
		left.Store(most)
		f.left[id] = left
	}
	return left
}
