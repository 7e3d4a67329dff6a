// Package audit keeps the trail: one event for every call and every refusal,
// chained so that nothing can be taken out or changed unseen. The event of a
// change goes into the transaction of the change ([Encode]); those of reads and
// refusals are gathered and written together ([Recorder]).
package audit

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// Refusals of strangers are kept one by one as long as they are few; more of
// them are counted. A flood of guesses may fill neither the disk nor the trail,
// however long it lasts.
const (
	refusalsAtOnce    = 1000
	refusalsPerSecond = 5
)

// maxGathered bounds what may wait to be written. When the store takes nothing
// any more, further events are counted, not kept.
const maxGathered = 16 << 20

// Recorder gathers events and writes them at least every tenth of a second.
type Recorder struct {
	store store.Store
	log   *slog.Logger
	now   latchkey.Clock
	heads *Heads
	// Keep is how long the trail is kept; set before Run.
	Keep Retention

	pruning sync.Mutex // held while the front is being cut off
	copying sync.Mutex // held while the head is being copied
	warned  string     // what was last said of the copy of the head

	writing sync.Mutex // held while a batch is on its way to the store

	mu        sync.Mutex
	pending   segment
	unwritten batch // what the store would not take yet
	lost      int   // events that found no room
	lately    int   // refusals of strangers kept lately, see [Recorder.forget]
	more      int   // refusals of strangers that were not kept
}

// batch is some events, encoded.
type batch struct {
	body []byte
	n    int
}

// NewRecorder makes a recorder. heads may be nil.
func NewRecorder(s store.Store, now latchkey.Clock, log *slog.Logger, heads *Heads) *Recorder {
	return &Recorder{store: s, log: log, now: now, heads: heads}
}

// Record takes down one event. It never waits for the disk.
func (r *Recorder) Record(e *latchkey.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.pending.buf)+len(r.unwritten.body) > maxGathered {
		r.lost++
		return
	}
	if e.By == 0 && !e.OK {
		if r.lately == refusalsAtOnce {
			r.more++
			return
		}
		r.lately++
	}
	r.pending.add(e)
}

// note takes down n events that were counted instead of kept.
func (r *Recorder) note(n *int, why string) {
	if *n > 0 {
		r.pending.add(&latchkey.Event{At: r.now(), Func: "audit", Outcome: latchkey.Unavailable, Messages: fmt.Sprintf("%d %s", *n, why)})
	}
	*n = 0
}

// forget takes down how many refusals were not kept, and makes room for some
// more. It is called once a second.
func (r *Recorder) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(&r.more, "more refusals were not kept one by one")
	r.lately = max(r.lately-refusalsPerSecond, 0)
}

// Run writes what was gathered until ctx ends, and then the last of it. While
// the store takes nothing it tries once a second.
func (r *Recorder) Run(ctx context.Context) {
	const second = 10
	var others sync.WaitGroup
	defer others.Wait()
	others.Go(func() { r.runIndex(ctx) })
	others.Go(func() { r.runPrune(ctx) })
	tick := time.NewTicker(time.Second / second)
	defer tick.Stop()
	beat := time.NewTicker(time.Second)
	defer beat.Stop()
	rest := 0
	for {
		select {
		case <-tick.C:
			if rest--; rest <= 0 && r.flush() != nil {
				rest = second
			}
		case <-beat.C:
			r.forget()
			r.copyHead()
		case <-ctx.Done():
			r.forget()
			r.Flush()
			r.copyHead()
			return
		}
	}
}

// Flush writes what was gathered, and waits for what is being written already.
// What cannot be written is kept for the next time.
func (r *Recorder) Flush() { _ = r.flush() } // a failure is in the log

func (r *Recorder) flush() error {
	r.writing.Lock()
	defer r.writing.Unlock()
	b := r.take()
	if b.n == 0 {
		return nil
	}
	_, err := r.store.Write(context.Background(), func(tx store.Tx) error {
		tx.Audit(b.body, b.n)
		return nil
	})
	if err != nil {
		r.log.Error("the audit trail cannot be written", "events", b.n, "err", err)
		r.putBack(b)
	}
	return err
}

// take takes out everything that is to be written.
func (r *Recorder) take() batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.unwritten
	r.unwritten = batch{}
	if b.n+r.pending.n > 0 {
		r.note(&r.lost, "events were not kept: the store could not take them")
	}
	if r.pending.n > 0 {
		b.n += r.pending.n
		b.body = r.pending.seal(b.body)
	}
	return b
}

// putBack keeps what could not be written, before whatever came since.
func (r *Recorder) putBack(b batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unwritten = batch{append(b.body, r.unwritten.body...), b.n + r.unwritten.n}
}

// copyHead copies the head. What is wrong with the copy is said once, in the log
// and in the trail.
func (r *Recorder) copyHead() {
	if r.heads == nil {
		return
	}
	if err := r.copyNow(context.Background()); err != nil {
		r.Warn(err)
	}
}

func (r *Recorder) copyNow(ctx context.Context) error {
	r.copying.Lock()
	defer r.copying.Unlock()
	return r.heads.Copy(ctx, r.store)
}

// Warn says what is wrong with the copy of the head, in the log and in the trail,
// unless it was said last.
func (r *Recorder) Warn(err error) {
	if err.Error() == r.warned {
		return
	}
	r.warned = err.Error()
	r.log.Error("the head of the audit trail cannot be copied", "err", err)
	r.Record(&latchkey.Event{At: r.now(), By: latchkey.ByLocal, Name: "root", Func: "audit::head", Outcome: latchkey.Unavailable, Messages: err.Error()})
}

// List calls fn with every event after link seq, oldest first, until fn returns
// false.
func List(ctx context.Context, s store.Store, seq uint64, fn func(link uint64, e *latchkey.Event) bool) error {
	stop := fmt.Errorf("enough")
	err := walk(ctx, s, seq, func(l *store.Link) error {
		events, err := Decode(l.Body)
		if err != nil {
			return fmt.Errorf("link %d: %w", l.Seq, err)
		}
		for i := range events {
			if !fn(l.Seq, &events[i]) {
				return stop
			}
		}
		return nil
	})
	if err == stop {
		return nil
	}
	return err
}

func walk(ctx context.Context, s store.Store, after uint64, fn func(*store.Link) error) error {
	for {
		var links []store.Link
		err := s.Read(ctx, func(r store.Reader) (err error) {
			links, err = r.Trail(after, 100)
			return err
		})
		if err != nil || len(links) == 0 {
			return err
		}
		for i := range links {
			if err := fn(&links[i]); err != nil {
				return err
			}
		}
		after = links[len(links)-1].Seq
	}
}
