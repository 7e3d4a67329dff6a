package estate

import (
	"context"
	"sync"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// locks keep apart what must not happen to one account at one time: changes of
// its files share it, moving or removing the whole home has it alone.
type locks struct {
	mu sync.Mutex
	by map[latchkey.AccountID]*lock
}

type lock struct {
	sync.RWMutex
	users int
}

func (l *locks) take(id latchkey.AccountID) *lock {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by == nil {
		l.by = make(map[latchkey.AccountID]*lock)
	}
	k := l.by[id]
	if k == nil {
		k = new(lock)
		l.by[id] = k
	}
	k.users++
	return k
}

func (l *locks) give(id latchkey.AccountID, k *lock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k.users--; k.users == 0 {
		delete(l.by, id)
	}
}

// share runs fn while nobody has the account alone.
func (l *locks) share(ctx context.Context, id latchkey.AccountID, fn func() error) error {
	k := l.take(id)
	defer l.give(id, k)
	k.RLock()
	defer k.RUnlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	return fn()
}

// alone runs fn while nobody else has a part in the account.
func (l *locks) alone(ctx context.Context, id latchkey.AccountID, fn func() error) error {
	k := l.take(id)
	defer l.give(id, k)
	k.Lock()
	defer k.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	return fn()
}
