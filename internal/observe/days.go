package observe

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// KeepDays is for how many days it is kept how often tokens were used.
const KeepDays = 60

// Days counts how often tokens are used, by day. What it counts is written down
// every few seconds: a crash can lose those.
type Days struct {
	Store store.Store
	Now   latchkey.Clock
	Log   *slog.Logger

	writing sync.Mutex // held while counts are on their way to the store
	swept   latchkey.DayNumber

	mu     sync.Mutex
	counts map[tokenDay]counts
}

type tokenDay struct {
	token latchkey.TokenID
	day   latchkey.DayNumber
}

type counts struct{ calls, refused int64 }

// Note counts a call with a token. It never waits for the disk.
func (d *Days) Note(token latchkey.TokenID, at time.Time, refused bool) {
	key := tokenDay{token, latchkey.DayOf(at)}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.counts == nil {
		d.counts = make(map[tokenDay]counts)
	}
	c := d.counts[key]
	c.calls++
	if refused {
		c.refused++
	}
	d.counts[key] = c
}

// Run writes down what was counted every few seconds until ctx ends, and then the
// last of it.
func (d *Days) Run(ctx context.Context) {
	tick := time.NewTicker(3 * time.Second)
	defer tick.Stop()
	for over := false; !over; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			over = true
		}
		if err := d.Flush(context.Background()); err != nil {
			d.Log.Warn("how often tokens were used could not be written down, and will be tried again", "err", err)
		}
	}
}

// Flush writes down what was counted so far. What the store does not take is
// kept.
func (d *Days) Flush(ctx context.Context) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	d.mu.Lock()
	page := d.counts
	d.counts = nil
	d.mu.Unlock()
	today := latchkey.DayOf(d.Now())
	if len(page) == 0 && today == d.swept {
		return nil
	}
	_, err := d.Store.Write(ctx, func(tx store.Tx) error {
		for key, c := range page {
			if err := tx.AddTokenDay(latchkey.TokenDay{Token: key.token, Day: key.day, Calls: c.calls, Refused: c.refused}); err != nil {
				return err
			}
		}
		if today == d.swept {
			return nil
		}
		return tx.DeleteTokenDays(today - KeepDays)
	})
	if err != nil {
		d.putBack(page)
		return err
	}
	d.swept = today
	return nil
}

func (d *Days) putBack(page map[tokenDay]counts) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.counts == nil {
		d.counts = page
		return
	}
	for key, c := range page {
		had := d.counts[key]
		d.counts[key] = counts{had.calls + c.calls, had.refused + c.refused}
	}
}
