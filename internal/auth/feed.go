package auth

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// Commit runs fn in one transaction of the store and returns when what it
// changed is on the disk and in force here: a token revoked by fn is refused
// from then on. Where fn changes nothing or fails, what others changed before it
// is in force: a token that fn found revoked is refused, too.
func (v *Verifier) Commit(ctx context.Context, fn func(store.Tx) error) error {
	seq, err := v.store.Write(ctx, fn)
	ctx = context.WithoutCancel(ctx)
	if err == nil && seq != 0 {
		return v.catchUp(ctx, seq)
	}
	head, headErr := v.store.Head(ctx)
	if headErr == nil {
		headErr = v.catchUp(ctx, head)
	}
	return cmp.Or(err, headErr)
}

// catchUp applies the change log up to seq at least.
func (v *Verifier) catchUp(ctx context.Context, seq store.Seq) error {
	v.filling.Lock()
	defer v.filling.Unlock()
	for v.applied < seq {
		changes, at, err := v.store.Since(ctx, v.applied)
		if errors.Is(err, store.ErrGap) {
			v.forget()
			at, err = v.store.Head(ctx)
			changes = nil
		}
		if err != nil {
			return err
		}
		for i := range changes {
			v.apply(&changes[i])
		}
		v.applied = at
	}
	return nil
}

func (v *Verifier) apply(c *store.Change) {
	switch c.Kind {
	case store.TokenPut:
		v.remember(c.Token)
		v.forgetSecret(&c.Gone) // last: there is no moment without a secret
	case store.TokenGone:
		v.forgetToken(c.Token)
	case store.AccountPut:
		v.accounts.drop(c.Account)
	case store.AccountGone:
		v.accounts.drop(c.Account)
		v.tokens.removeAccount(c.Account)
		v.bound.removeAccount(c.Account)
	case store.PolicyPut:
		v.accounts.dropAll()
	case store.SettingPut:
		v.renewSettings()
	}
}

// forget empties memory: everything is asked of the store again.
func (v *Verifier) forget() {
	v.complete.Store(false)
	v.reached = latchkey.Token{}
	v.tokens.clear()
	v.bound.clear()
	v.accounts.dropAll()
	v.passwords.clear()
	v.renewSettings()
	select {
	case v.emptied <- struct{}{}:
	default:
	}
}

// Run keeps memory true and complete and writes down, now and then, when tokens
// were used, until ctx ends. It returns after the last of it is written.
func (v *Verifier) Run(ctx context.Context) {
	const step = time.Second
	tick := time.NewTicker(step)
	defer tick.Stop()
	filled := make(chan struct{})
	go func() { defer close(filled); v.keepFull(ctx) }()
	var flush flusher
	for {
		select {
		case <-v.store.Wake():
			if head, err := v.store.Head(ctx); err == nil {
				_ = v.catchUp(ctx, head) // tried again at the next wake-up or commit
			}
		case <-tick.C:
			v.flushSome(&flush)
			v.flushTallies()
		case <-ctx.Done():
			<-filled
			v.FlushUses()
			return
		}
	}
}

// keepFull reads every token into memory, and does so again whenever memory was
// emptied, until ctx ends.
func (v *Verifier) keepFull(ctx context.Context) {
	pause := 300 * time.Millisecond // first calls first
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if err := v.fill(ctx); err != nil {
			if ctx.Err() == nil {
				v.log.Error("reading tokens into memory", "err", err)
			}
			pause = time.Second
			continue
		}
		v.log.Info("every token is in memory")
		select {
		case <-ctx.Done():
			return
		case <-v.emptied:
			pause = 0
		}
	}
}

// fill reads the tokens from where it stopped last, page by page, giving way to
// calls.
func (v *Verifier) fill(ctx context.Context) error {
	for {
		const page = 500
		if n, err := v.fillPage(ctx, page); err != nil || n < page {
			return err
		}
	}
}

func (v *Verifier) fillPage(ctx context.Context, page int) (int, error) {
	v.filling.Lock()
	defer v.filling.Unlock()
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	at := &v.reached
	var tokens []latchkey.Token
	err := v.store.Read(ctx, func(r store.Reader) (err error) {
		tokens, err = r.TokensAfter(at.Account, at.Audience, at.Name, page)
		return err
	})
	if err != nil {
		return 0, err
	}
	for i := range tokens {
		v.remember(&tokens[i])
	}
	if len(tokens) > 0 {
		*at = tokens[len(tokens)-1]
	}
	if len(tokens) < page {
		v.complete.Store(true)
	}
	return len(tokens), nil
}

// Complete reports whether every token is in memory.
func (v *Verifier) Complete() bool { return v.complete.Load() }

// usesPerSecond bounds what writing down uses may cost: about a hundredth of a
// core. Under more load than that the disk lags behind; memory never does, and
// memory is what answers.
const usesPerSecond = 5000

// flusher remembers how far the round of writing down uses has come: a part of
// the table, and a slot in it.
type flusher struct{ part, at int }

// flushSome writes down a share of the table, so that the whole of it comes
// round in sixteen seconds, unless there is more to write than may be written.
func (v *Verifier) flushSome(f *flusher) {
	for n, left := 0, usesPerSecond; n < shards/16 && left > 0; n++ {
		uses, next := v.collect(f.part, f.at, left)
		if v.writeUses(uses) != nil {
			return
		}
		left -= len(uses)
		if f.at = next; next == 0 {
			f.part = (f.part + 1) % shards
		}
	}
}

// FlushUses writes down every use that is not on the disk yet.
func (v *Verifier) FlushUses() {
	v.flushTallies()
	for part := range shards {
		for next := -1; next != 0; {
			var uses []useRow
			if uses, next = v.collect(part, max(next, 0), usesPerSecond); v.writeUses(uses) != nil {
				return
			}
		}
	}
}

type useRow struct {
	mac latchkey.TokenMAC
	use latchkey.Use
}

// collect takes at most limit uses that are not on the disk yet, in the order of
// their MACs, from one part of the table, from a slot on. It returns the slot to
// go on from; 0 is the end of the part.
func (v *Verifier) collect(part, from, limit int) (uses []useRow, next int) {
	p := &v.tokens.parts[part]
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := from; i < len(p.slots); i++ {
		if s := &p.slots[i]; s.dirty && s.flags&slotTaken != 0 {
			s.dirty = false
			row := useRow{use: v.use(s)}
			copy(row.mac[:], s.mac[:])
			if uses = append(uses, row); len(uses) == limit {
				next = (i + 1) % len(p.slots)
				break
			}
		}
	}
	slices.SortFunc(uses, func(a, b useRow) int { return bytes.Compare(a.mac[:], b.mac[:]) })
	return uses, next
}

// writeUses writes in steps that never hold up other writers for long. What
// cannot be written is left for the next round.
func (v *Verifier) writeUses(uses []useRow) error {
	for len(uses) > 0 {
		step := uses[:min(len(uses), 500)]
		_, err := v.store.Write(context.Background(), func(tx store.Tx) error {
			for i, u := range step {
				if i%32 == 31 {
					runtime.Gosched() // calls do not wait for this on a machine with one core
				}
				if err := tx.PutUse(u.mac, u.use); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			v.log.Warn("writing down when tokens were last used", "err", err)
			v.leaveForLater(uses)
			return err
		}
		uses = uses[len(step):]
	}
	return nil
}

func (v *Verifier) leaveForLater(uses []useRow) {
	for i := range uses {
		p := v.tokens.part(&uses[i].mac)
		p.mu.Lock()
		if at := p.find(&uses[i].mac); at >= 0 {
			p.slots[at].dirty = true
		}
		p.mu.Unlock()
	}
}
