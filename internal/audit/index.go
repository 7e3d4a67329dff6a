package audit

import (
	"context"
	"math"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// Links that follow each other make a block once there are enough of them. A
// block has a filter of what stands in it, by which a search passes over it; the
// links after the last block are read one by one.
const (
	blockLinks = 256
	blockBytes = 64 << 10
)

// key is a hash of something that events can be searched for.
type key uint64

// What keys are made of.
const (
	ofAccount = iota
	ofName
	ofHandle
	ofFunction
	ofAddress
	ofKind
	ofToken
)

func keyOf[T string | []byte](what byte, text T) key {
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	x := (offset ^ uint64(what)) * prime
	for i := range len(text) {
		x = (x ^ uint64(text[i])) * prime
	}
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	return key(x ^ x>>32)
}

func accountKey(id latchkey.AccountID) key {
	return keyOf(ofAccount, []byte{byte(id), byte(id >> 8), byte(id >> 16), byte(id >> 24)})
}

// keysOf calls fn with every key by which e can be searched for.
func keysOf(e *latchkey.Event, fn func(key)) {
	if e.Account != 0 {
		fn(accountKey(e.Account))
	}
	if e.By == 0 && e.Name != "" {
		fn(keyOf(ofName, string(e.Name)))
	}
	if e.Handle != (latchkey.Handle{}) {
		fn(keyOf(ofHandle, e.Handle[:]))
	}
	fn(keyOf(ofFunction, e.Func))
	if module, _, ok := strings.Cut(e.Func, "::"); ok {
		fn(keyOf(ofFunction, module))
	}
	if e.From.IsValid() {
		fn(keyOf(ofAddress, e.From.Unmap().WithZone("").AsSlice()))
	}
	for i := range e.On {
		fn(keyOf(ofKind, e.On[i].Kind))
		if e.On[i].Kind == latchkey.TokenKind {
			fn(keyOf(ofToken, e.On[i].Name))
		}
	}
}

// clauses are the keys that f asks for: of each clause at least one.
func clauses(f *latchkey.EventFilter) (all [][]key) {
	add := func(some ...key) { all = append(all, some) }
	if f.Account != 0 {
		add(accountKey(f.Account), keyOf(ofName, string(f.Name)))
	}
	if f.Token != "" || f.Handles != nil {
		some := []key{keyOf(ofToken, f.Token)}
		for _, h := range f.Handles {
			some = append(some, keyOf(ofHandle, h[:]))
		}
		add(some...)
	}
	if len(f.Functions) > 0 {
		some := make([]key, len(f.Functions))
		for i, name := range f.Functions {
			some[i] = keyOf(ofFunction, name)
		}
		add(some...)
	}
	if len(f.From) == 1 && f.From[0].IsSingleIP() {
		add(keyOf(ofAddress, f.From[0].Addr().AsSlice()))
	}
	switch f.Resource.Key {
	case "":
	case "domain":
		add(keyOf(ofKind, "domain"), keyOf(ofKind, "mailbox"))
	case "zone":
		add(keyOf(ofKind, "zone"), keyOf(ofKind, latchkey.RecordKind))
	case "name", "type":
		add(keyOf(ofKind, latchkey.RecordKind), keyOf(ofKind, f.Resource.Key))
	default:
		add(keyOf(ofKind, f.Resource.Key))
	}
	return all
}

// filter is a set that may hold more than was put in: of a hundred other keys it
// has about one.
type filter []byte

const (
	bitsPerKey = 10
	hashes     = 7
)

func newFilter(keys map[key]bool) filter {
	f := make(filter, (len(keys)*bitsPerKey+7)/8)
	for k := range keys {
		for i := range hashes {
			at := f.bit(k, i)
			f[at/8] |= 1 << (at % 8)
		}
	}
	return f
}

func (f filter) bit(k key, i int) uint64 {
	h := uint64(k) + uint64(i)*bits.RotateLeft64(uint64(k), 32)
	hi, _ := bits.Mul64(h*0x9e3779b97f4a7c15, uint64(len(f))*8)
	return hi
}

func (f filter) has(k key) bool {
	for i := range hashes {
		if len(f) == 0 {
			return false
		}
		if at := f.bit(k, i); f[at/8]&(1<<(at%8)) == 0 {
			return false
		}
	}
	return true
}

// may reports whether what is asked for may stand in the block that f is of.
func (f filter) may(all [][]key) bool {
	for _, some := range all {
		if !slices.ContainsFunc(some, f.has) {
			return false
		}
	}
	return true
}

// builder gathers links into a block.
type builder struct {
	store.TrailBlock
	keys  map[key]bool
	links int
	bytes int
}

// link begins with the events of a link.
func (b *builder) link(l *store.Link) {
	if b.links == 0 {
		b.First = l.Seq
	}
	b.Last = l.Seq
	b.links++
	b.bytes += len(l.Body)
}

// event adds one of them.
func (b *builder) event(e *latchkey.Event) {
	if b.Events == 0 || e.At.Before(b.From) {
		b.From = e.At
	}
	if b.Events == 0 || e.At.After(b.To) {
		b.To = e.At
	}
	b.Events++
	if b.keys == nil {
		b.keys = make(map[key]bool)
	}
	keysOf(e, func(k key) { b.keys[k] = true })
}

// whole reports whether there is enough for a block.
func (b *builder) whole() bool { return b.links == blockLinks || b.bytes >= blockBytes }

// block is what was gathered. The builder is empty after it.
func (b *builder) block() store.TrailBlock {
	done := b.TrailBlock
	done.Filter = newFilter(b.keys)
	clear(b.keys)
	*b = builder{keys: b.keys}
	return done
}

// index makes the blocks that there are links for, and tells how many that were.
// Whatever it leaves undone it does the next time: blocks say nothing that does
// not stand in the links.
func (r *Recorder) index(ctx context.Context) (int, error) {
	var links []store.Link
	err := r.store.Read(ctx, func(rd store.Reader) error {
		last, err := rd.TrailBlocks(math.MaxUint64, 1)
		if err != nil {
			return err
		}
		var after uint64
		if len(last) > 0 {
			after = last[0].Last
		}
		links, err = rd.Trail(after, blockLinks)
		return err
	})
	if err != nil {
		return 0, err
	}
	var blocks []store.TrailBlock
	var b builder
	for i := range links {
		b.link(&links[i])
		_ = each(links[i].Body, b.event) // a damaged link is the business of who verifies
		if b.whole() {
			blocks = append(blocks, b.block())
		}
	}
	if len(blocks) == 0 {
		return 0, nil
	}
	_, err = r.store.Write(ctx, func(tx store.Tx) error {
		for _, b := range blocks {
			if err := tx.PutTrailBlock(b); err != nil {
				return err
			}
		}
		return nil
	})
	return len(blocks), err
}

// Settle writes down everything that was recorded before, indexes it and copies the
// head, as happens by itself within seconds.
func (r *Recorder) Settle(ctx context.Context) error {
	if err := r.flush(); err != nil {
		return err
	}
	for {
		if n, err := r.index(ctx); err != nil {
			return err
		} else if n == 0 {
			return r.copyNow(ctx)
		}
	}
}

// runIndex makes blocks until ctx ends, once a second and as long as there is
// something to catch up with.
func (r *Recorder) runIndex(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		n, err := r.index(ctx)
		if err != nil && ctx.Err() == nil {
			r.log.Error("indexing the audit trail", "err", err)
		}
		if n > 0 && ctx.Err() == nil {
			continue
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
