package estate

import (
	"context"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// Usage of a home is measured by walking over it, in the background, and
// adjusted at once by every write of ours. A call never waits for a walk,
// except, for a moment, for the first one after a crash: what the store
// remembers may have missed the last writes before it.
const (
	usageMaxAge  = 10 * time.Minute
	usageMaxWait = 250 * time.Millisecond
	// usageMaxQueue is how many walks may wait for their turn before figures that
	// are old stay so: a list of all accounts must not queue them all.
	usageMaxQueue = 64
	// Between walks that nobody waits for lies at least usageMinPause, and after
	// one of them usagePause times what it took: after a long pause the figures of
	// all homes are old, and calls come first.
	usageMinPause = 10 * time.Millisecond
	usagePause    = 100
)

// usages are the walks under way.
type usages struct {
	mu      sync.Mutex
	walking map[latchkey.AccountID]*walk
	turn    sync.Mutex                      // one walk at a time
	dirty   map[latchkey.AccountID]struct{} // changed since last written to the store
	refresh atomic.Int64                    // from when on a walk may begin that nobody waits for, in ns since 1970

	standing sync.Mutex // held while whether the store's figures stand is being changed
	stand    bool       // the store says that its figures stand: nothing was written in a home since
}

// figuresStand is the setting that says that the figures in the store are those
// of the homes: it is set when the server has ended, and taken back before the
// first write in a home after that.
const figuresStand = "figures-stand"

// recallFigures finds out whether the figures in the store are still those of
// the homes. With something left to finish they are not.
func (e *Estate) recallFigures(ctx context.Context, unfinished bool) error {
	err := gone(e.Store.Read(ctx, func(r store.Reader) error { return gone(r.Setting(figuresStand, &e.usages.stand)) }))
	if err == nil && unfinished {
		err = e.forsakeFigures(ctx)
	}
	e.Auth.TrustFigures(err == nil && e.usages.stand)
	return err
}

// forsakeFigures takes back that the figures in the store stand. It comes before
// whatever is written in a home.
func (e *Estate) forsakeFigures(ctx context.Context) error {
	us := &e.usages
	us.standing.Lock()
	defer us.standing.Unlock()
	if !us.stand {
		return nil
	}
	_, err := e.Store.Write(ctx, func(tx store.Tx) error { return tx.PutSetting(figuresStand, false) })
	us.stand = err != nil
	return err
}

// walk is one walk over a home: done is closed when it is over, and writes
// counts the writes of ours meanwhile, so that it sees whether it was disturbed.
type walk struct {
	done   chan struct{}
	writes int
}

// patience is until when a call waits that begins to wait now.
func patience() time.Time { return time.Now().Add(usageMaxWait) }

func (e *Estate) quota(ctx context.Context, id latchkey.AccountID, now, until time.Time) (hosting.Quota, error) {
	f, err := e.Auth.Figures(ctx, id)
	if err != nil {
		return hosting.Quota{}, err
	}
	return e.fresh(ctx, id, f, now, until)
}

// fresh is the quota of an account with figures f. It waits for the first
// measurement until then at most: a call that lists many, and has waited, has
// what was known last.
func (e *Estate) fresh(ctx context.Context, id latchkey.AccountID, f auth.Figures, now, until time.Time) (_ hosting.Quota, err error) {
	switch {
	case f.TakenAt == 0:
		wait := time.Until(until)
		if wait <= 0 {
			break
		}
		select {
		case <-e.rescan(id):
		case <-time.After(wait):
		case <-ctx.Done():
			return hosting.Quota{}, ctx.Err()
		}
		if f, err = e.Auth.Figures(ctx, id); err != nil {
			return hosting.Quota{}, err
		}
	case now.Unix()-f.TakenAt > int64(usageMaxAge/time.Second) && e.usages.mayRefresh(time.Now()):
		e.rescan(id)
	}
	return hosting.Quota{Bytes: f.Bytes, Inodes: f.Inodes, ByteLimit: f.ByteLimit, InodeLimit: f.InodeLimit}, nil
}

// mayRefresh reports whether one more walk may begin that nobody waits for.
func (us *usages) mayRefresh(now time.Time) bool {
	from := us.refresh.Load()
	if now.UnixNano() < from || !us.refresh.CompareAndSwap(from, now.Add(usageMinPause).UnixNano()) {
		return false
	}
	us.mu.Lock()
	defer us.mu.Unlock()
	return len(us.walking) < usageMaxQueue
}

// rescan starts a walk, unless one is under way, and returns what is closed
// when it is over.
func (e *Estate) rescan(id latchkey.AccountID) <-chan struct{} {
	us := &e.usages
	us.mu.Lock()
	defer us.mu.Unlock()
	if w, ok := us.walking[id]; ok {
		return w.done
	}
	if us.walking == nil {
		us.walking = make(map[latchkey.AccountID]*walk)
	}
	w := &walk{done: make(chan struct{})}
	us.walking[id] = w
	go func() {
		us.turn.Lock()
		defer us.turn.Unlock()
		began := time.Now()
		e.walk(id, w)
		us.refresh.Store(time.Now().Add(max(usageMinPause, usagePause*time.Since(began))).UnixNano())
		us.mu.Lock()
		delete(us.walking, id)
		us.mu.Unlock()
		close(w.done)
	}()
	return w.done
}

// walk measures a home. A write of ours during the walk may or may not be in
// its result, so a disturbed walk is repeated, the last time with writers kept
// out.
func (e *Estate) walk(id latchkey.AccountID, w *walk) {
	ctx := context.Background()
	for range 3 {
		if e.undisturbed(ctx, id, w) {
			return
		}
	}
	_ = e.locks.alone(ctx, id, func() error { e.undisturbed(ctx, id, w); return nil })
}

// undisturbed measures a home and reports whether nothing of ours was written
// meanwhile. A home that cannot be measured keeps the figures it has.
func (e *Estate) undisturbed(ctx context.Context, id latchkey.AccountID, w *walk) bool {
	us := &e.usages
	us.mu.Lock()
	before := w.writes
	us.mu.Unlock()
	entry, err := e.Auth.Entry(ctx, id)
	if err != nil {
		return true // the account is no more
	}
	u, err := e.Homes.Measure(ctx, string(entry.Account.Name))
	us.mu.Lock()
	defer us.mu.Unlock()
	if err != nil {
		e.Log.Warn("a home could not be measured", "account", entry.Account.Name, "err", err)
		_ = e.Auth.Measured(ctx, id, nil, e.Now())
		return true
	}
	if w.writes != before {
		return false
	}
	us.mark(id)
	_ = e.Auth.Measured(ctx, id, &auth.Figures{Bytes: u.Bytes, Inodes: u.Inodes}, e.Now())
	return true
}

// tracked runs a write of ours in a home and adjusts the home's usage by what
// it reports.
func (e *Estate) tracked(ctx context.Context, id latchkey.AccountID, write func() (homedir.Usage, error)) error {
	if err := e.forsakeFigures(ctx); err != nil {
		return err
	}
	delta, err := write()
	e.adjust(ctx, id, delta)
	return err
}

func (e *Estate) adjust(ctx context.Context, id latchkey.AccountID, delta homedir.Usage) {
	if _, err := e.Auth.Figures(ctx, id); err != nil {
		return // an account that is being made or removed has no figures
	}
	us := &e.usages
	us.mu.Lock()
	defer us.mu.Unlock()
	if w := us.walking[id]; w != nil {
		w.writes++
	}
	if e.Auth.Adjust(ctx, id, delta.Bytes, delta.Inodes) == nil {
		us.mark(id)
	}
}

// mark notes that an account's figures have changed. us is locked.
func (us *usages) mark(id latchkey.AccountID) {
	if us.dirty == nil {
		us.dirty = make(map[latchkey.AccountID]struct{})
	}
	us.dirty[id] = struct{}{}
}

// RunUsage writes usage figures to the store now and then until ctx ends, and
// then the last of them: nothing is written in a home any more.
func (e *Estate) RunUsage(ctx context.Context) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			e.saveUsage(false)
		case <-ctx.Done():
			e.usages.standing.Lock()
			e.usages.stand = e.saveUsage(true)
			e.usages.standing.Unlock()
			return
		}
	}
}

// saveUsage writes to the store what has changed; the last time also that the
// figures stand. It reports whether it could.
func (e *Estate) saveUsage(last bool) bool {
	e.usages.mu.Lock()
	dirty := e.usages.dirty
	e.usages.dirty = nil
	e.usages.mu.Unlock()
	if len(dirty) == 0 && !last {
		return true
	}
	figures := make(map[latchkey.AccountID]auth.Figures, len(dirty))
	for id := range dirty {
		if f, err := e.Auth.Figures(context.Background(), id); err == nil {
			figures[id] = f
		}
	}
	_, err := e.Store.Write(context.Background(), func(tx store.Tx) error {
		for id, f := range figures {
			if _, err := tx.AccountByID(id); err != nil {
				continue
			}
			if err := tx.PutUsage(id, store.Usage{Bytes: f.Bytes, Inodes: f.Inodes, TakenAt: time.Unix(f.TakenAt, 0)}); err != nil {
				return err
			}
		}
		if last {
			return tx.PutSetting(figuresStand, true)
		}
		return nil
	})
	if err == nil {
		return true
	}
	e.Log.Warn("usage figures could not be saved", "err", err)
	e.usages.mu.Lock()
	defer e.usages.mu.Unlock()
	for id := range figures {
		e.usages.mark(id)
	}
	return false
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
