package estate

import (
	"context"
	"path"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// Usage of a home is measured by walking over it, in the background, and
// adjusted at once by every write of ours. A call never waits for a walk,
// except, for a moment, for the first one since the server started: what the
// store remembers from before may have missed the last writes before a crash.
const (
	usageMaxAge  = 10 * time.Minute
	usageMaxWait = 250 * time.Millisecond
)

// usages are the walks under way.
type usages struct {
	mu      sync.Mutex
	walking map[latchkey.AccountID]chan struct{}
	turn    sync.Mutex                         // one walk at a time
	dirty   map[latchkey.AccountID]*auth.Usage // adjusted since last written to the store
}

func (e *Estate) quota(ctx context.Context, entry *auth.Entry, now time.Time) (hosting.Quota, error) {
	u := entry.Usage
	switch at := u.TakenAt.Load(); {
	case at == 0:
		select {
		case <-e.rescan(entry):
		case <-time.After(usageMaxWait):
		case <-ctx.Done():
			return hosting.Quota{}, ctx.Err()
		}
	case now.Unix()-at > int64(usageMaxAge/time.Second):
		e.rescan(entry)
	}
	limits := &entry.Account.Limits
	q := hosting.Quota{Bytes: u.Bytes.Load(), Inodes: u.Inodes.Load(), ByteLimit: latchkey.Unlimited, InodeLimit: limits.Inodes}
	if limits.DiskMB != latchkey.Unlimited {
		q.ByteLimit = limits.DiskMB << 20
	}
	return q, nil
}

// rescan starts a walk, unless one is under way, and returns what is closed
// when it is over.
func (e *Estate) rescan(entry *auth.Entry) <-chan struct{} {
	us := &e.usages
	us.mu.Lock()
	defer us.mu.Unlock()
	id := entry.Account.ID
	if done, ok := us.walking[id]; ok {
		return done
	}
	if us.walking == nil {
		us.walking = make(map[latchkey.AccountID]chan struct{})
	}
	done := make(chan struct{})
	us.walking[id] = done
	go func() {
		us.turn.Lock()
		defer us.turn.Unlock()
		e.walk(entry)
		us.mu.Lock()
		delete(us.walking, id)
		us.mu.Unlock()
		close(done)
	}()
	return done
}

// walk measures a home. A write of ours during the walk may or may not be in
// its result, so a disturbed walk is repeated, the last time with writers kept
// out.
func (e *Estate) walk(entry *auth.Entry) {
	ctx := context.Background()
	id, figures := entry.Account.ID, entry.Usage
	undisturbed := func() bool {
		figures.Writing.Lock()
		before := figures.Writes
		figures.Writing.Unlock()
		u, err := e.Homes.Measure(ctx, string(entry.Account.Name))
		figures.Writing.Lock()
		defer figures.Writing.Unlock()
		if err == nil && figures.Writes != before {
			return false
		}
		if err == nil {
			figures.Bytes.Store(u.Bytes)
			figures.Inodes.Store(u.Inodes)
			e.usages.mark(id, figures)
		} else {
			e.Log.Warn("a home could not be measured", "account", entry.Account.Name, "err", err)
		}
		figures.TakenAt.Store(e.Now().Unix())
		return true
	}
	for range 3 {
		if undisturbed() {
			return
		}
	}
	_ = e.locks.alone(ctx, id, func() error { undisturbed(); return nil })
}

// tracked runs a write of ours in a home and adjusts the home's usage by what
// it reports.
func (e *Estate) tracked(ctx context.Context, id latchkey.AccountID, write func() (homedir.Usage, error)) error {
	delta, err := write()
	e.adjust(ctx, id, delta)
	return err
}

func (e *Estate) adjust(ctx context.Context, id latchkey.AccountID, delta homedir.Usage) {
	entry, err := e.Auth.Entry(ctx, id)
	if err != nil {
		return // an account that is being made or removed has no figures
	}
	figures := entry.Usage
	figures.Writing.Lock()
	defer figures.Writing.Unlock()
	figures.Writes++
	figures.Bytes.Add(delta.Bytes)
	figures.Inodes.Add(delta.Inodes)
	e.usages.mark(id, figures)
}

func (us *usages) mark(id latchkey.AccountID, u *auth.Usage) {
	us.mu.Lock()
	defer us.mu.Unlock()
	if us.dirty == nil {
		us.dirty = make(map[latchkey.AccountID]*auth.Usage)
	}
	us.dirty[id] = u
}

// RunUsage writes usage figures to the store now and then until ctx ends, and
// then the last of them.
func (e *Estate) RunUsage(ctx context.Context) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			e.saveUsage()
		case <-ctx.Done():
			e.saveUsage()
			return
		}
	}
}

func (e *Estate) saveUsage() {
	e.usages.mu.Lock()
	dirty := e.usages.dirty
	e.usages.dirty = nil
	e.usages.mu.Unlock()
	if len(dirty) == 0 {
		return
	}
	_, err := e.Store.Write(context.Background(), func(tx store.Tx) error {
		for id, u := range dirty {
			if _, err := tx.AccountByID(id); err != nil {
				continue
			}
			if err := tx.PutUsage(id, store.Usage{Bytes: u.Bytes.Load(), Inodes: u.Inodes.Load(), TakenAt: e.Now()}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		e.Log.Warn("usage figures could not be saved", "err", err)
	}
}

// measure is what one directory of a home takes up; nothing if there is none.
func (e *Estate) measure(ctx context.Context, name latchkey.AccountName, dir string) (u homedir.Usage) {
	_ = e.Homes.As(ctx, string(name), func(fs homedir.FS) (err error) {
		u, err = fs.Measure(dir)
		return err
	})
	return u
}

// measureMailbox is what a mailbox takes up, with the directory of its domain
// but without the other mailboxes there: those change under other hands.
func (e *Estate) measureMailbox(ctx context.Context, in *intent) homedir.Usage {
	domain := path.Join("mail", string(in.Domain))
	u := e.measure(ctx, in.Name, path.Join(domain, in.Local))
	_ = e.Homes.As(ctx, string(in.Name), func(fs homedir.FS) error {
		info, err := fs.Lstat(domain)
		if err == nil {
			u.Bytes += info.DiskSize()
			u.Inodes++
		}
		return err
	})
	return u
}

func minus(a, b homedir.Usage) homedir.Usage {
	return homedir.Usage{Bytes: a.Bytes - b.Bytes, Inodes: a.Inodes - b.Inodes}
}
