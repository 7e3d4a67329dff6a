package audit

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// anchor says where the front of the trail was cut off by order: the chain goes on
// from there. It stands in the store, sealed with a key that does not: without that
// nobody cuts anything off unseen.
type anchor struct {
	head
	Events int // that were cut off, in all
	At     time.Time
}

// anchorSetting is where the anchor stands, as an [anchorRow].
const anchorSetting = "audit-anchor"

type anchorRow struct {
	Seq    uint64 `json:"seq"`
	Events int    `json:"events"`
	At     int64  `json:"at"` // of the last link cut off, in microseconds
	Hash   string `json:"hash"`
	Seal   string `json:"seal"`
}

// text is what the seal is of.
func (a *anchor) text() []byte {
	b := binary.BigEndian.AppendUint64(nil, a.Seq)
	b = binary.BigEndian.AppendUint64(b, uint64(a.Events))
	b = binary.BigEndian.AppendUint64(b, uint64(a.At.UnixMicro()))
	return append(b, a.Hash[:]...)
}

func (a *anchor) row(heads *Heads) anchorRow {
	seal := heads.Keys.SealCut(a.text())
	return anchorRow{a.Seq, a.Events, a.At.UnixMicro(), hex.EncodeToString(a.Hash[:]), hex.EncodeToString(seal[:])}
}

// anchorOf reads the anchor; a zero one if nothing was cut off. Without heads the
// seal is taken as it is.
func anchorOf(ctx context.Context, s store.Store, heads *Heads) (a anchor, err error) {
	var row anchorRow
	err = s.Read(ctx, func(r store.Reader) error { return r.Setting(anchorSetting, &row) })
	if errors.Is(err, store.ErrNotFound) {
		return a, nil
	}
	damaged := errors.New("what says where the trail’s front was cut off was changed: its seal does not fit")
	if err != nil {
		return a, errors.Join(damaged, err)
	}
	a.Seq, a.Events, a.At = row.Seq, row.Events, time.UnixMicro(row.At).UTC()
	if a.Hash, err = parseHash(row.Hash); err != nil {
		return anchor{}, damaged
	}
	if heads != nil && a.row(heads) != row {
		return anchor{}, damaged
	}
	return a, nil
}

// Retention is how long the trail is kept.
type Retention struct {
	Days   int    // 0 is for ever
	Folder string // where what is cut off is written before; "" is nowhere
}

// Pruned is what [Recorder.Prune] cut off.
type Pruned struct {
	First, Last uint64
	Events      int
	File        string // where it was written to; "" for nowhere
}

// pruneAtOnce is how many links one transaction takes away.
const pruneAtOnce = 5000

// Prune takes away the links that were written before a time, but not the newest.
// What it takes away is checked first, and written to the folder that is set: if
// either fails nothing is taken away. The trail says that it was cut, where, and by
// whom.
func (r *Recorder) Prune(ctx context.Context, before time.Time, by string) (done Pruned, err error) {
	r.pruning.Lock()
	defer r.pruning.Unlock()
	if r.heads == nil {
		return done, errors.New("there is no key to seal with where the trail is cut off")
	}
	r.Flush()
	marks, err := r.passOver(ctx, before)
	if err != nil || len(marks) < 2 {
		return done, err
	}
	first, last := marks[0], marks[len(marks)-1]
	done = Pruned{First: first.Seq + 1, Last: last.Seq, Events: last.Events - first.Events}
	if r.Keep.Folder != "" {
		done.File = filepath.Join(r.Keep.Folder, fmt.Sprintf("audit-%012d-%012d.jsonl", done.First, done.Last))
		if err := r.exportTo(ctx, done.File, done.Last); err != nil {
			return Pruned{}, fmt.Errorf("nothing was cut off: %w", err)
		}
	}
	// The copy of the head must be of a link that stays.
	if err := r.copyNow(ctx); err != nil {
		return Pruned{}, fmt.Errorf("nothing was cut off: %w", err)
	}
	for i := range marks[1:] {
		if err := r.cut(ctx, &marks[i], &marks[i+1], by, done.File); err != nil {
			return done, err
		}
	}
	return done, nil
}

// passOver checks the chain up to a time and returns where it begins, and where
// each part of what is to be cut off ends.
func (r *Recorder) passOver(ctx context.Context, before time.Time) ([]anchor, error) {
	from, err := anchorOf(ctx, r.store, r.heads)
	if err != nil {
		return nil, err
	}
	newest, err := newestOf(ctx, r.store)
	if err != nil {
		return nil, err
	}
	marks := []anchor{from}
	c := chain{from.head, from.Events}
	enough := errors.New("enough")
	at := from.At
	err = walk(ctx, r.store, from.Seq, func(l *store.Link) error {
		if !l.At.Before(before) || l.Seq >= newest.Seq {
			return enough
		}
		if _, err := c.next(l); err != nil {
			return fmt.Errorf("nothing was cut off, the trail does not verify: %w", err)
		}
		if at = l.At; (c.Seq-from.Seq)%pruneAtOnce == 0 {
			marks = append(marks, anchor{c.head, c.events, at})
		}
		return nil
	})
	if err != nil && err != enough {
		return nil, err
	}
	if last := marks[len(marks)-1]; last.Seq < c.Seq {
		marks = append(marks, anchor{c.head, c.events, at})
	}
	return marks, nil
}

// cut takes away the links between two marks, says so in the trail and where the
// chain goes on: all of it or nothing.
func (r *Recorder) cut(ctx context.Context, from, to *anchor, by, file string) error {
	e := &latchkey.Event{
		At: r.now(), Name: "root", By: latchkey.ByLocal, Client: by, Func: "audit::prune", Change: true, OK: true,
		Values: []string{
			fmt.Sprintf("links=%d-%d", from.Seq+1, to.Seq), fmt.Sprintf("events=%d", to.Events-from.Events),
			"until=" + to.At.Format(time.RFC3339), "hash=" + hex.EncodeToString(to.Hash[:]), "file=" + filepath.Base(file),
		},
	}
	if file == "" {
		e.Values = e.Values[:4]
	}
	_, err := r.store.Write(ctx, func(tx store.Tx) error {
		n, err := tx.CutTrail(to.Seq)
		if err == nil && uint64(n) != to.Seq-from.Seq {
			err = fmt.Errorf("links %d to %d are not all there", from.Seq+1, to.Seq)
		}
		if err == nil {
			err = tx.PutSetting(anchorSetting, to.row(r.heads))
		}
		tx.Audit(Encode(e), 1)
		return err
	})
	return err
}

// exportTo writes the trail from its beginning up to a link into a file that there
// is not yet. When it returns nil the file is on the disk.
func (r *Recorder) exportTo(ctx context.Context, path string, last uint64) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".audit-*")
	if err != nil {
		return err
	}
	defer func() {
		f.Close()
		os.Remove(f.Name())
	}()
	if err := Export(ctx, r.store, r.heads, f, Span{Last: last}); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	// What an earlier attempt wrote of the same links is the same.
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// prune takes away what is older than it is to be kept, once a day's worth of it
// has gathered.
func (r *Recorder) prune(ctx context.Context) {
	if r.Keep.Days <= 0 {
		return
	}
	var oldest []store.Link
	err := r.store.Read(ctx, func(rd store.Reader) (err error) {
		oldest, err = rd.Trail(0, 1)
		return err
	})
	until := r.now().AddDate(0, 0, -r.Keep.Days)
	if err == nil && (len(oldest) == 0 || oldest[0].At.After(until.AddDate(0, 0, -1))) {
		return
	}
	var done Pruned
	if err == nil {
		done, err = r.Prune(ctx, until, "retention")
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		r.log.Error("the audit trail cannot be pruned", "err", err)
	case done.Last > 0:
		r.log.Info("pruned the audit trail", "events", done.Events, "first", done.First, "last", done.Last, "file", done.File)
	}
}

// runPrune prunes once an hour until ctx ends.
func (r *Recorder) runPrune(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		r.prune(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
