package audit

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/durable"
	"github.com/latchkey/latchkey/internal/store"
)

// Heads is the copy of the trail's newest link in a file apart from the store,
// sealed with a key that is not in the store either. A chain alone cannot show
// that its end was cut off; the copy can. It never goes back: a copy that the
// trail does not reach, or that is not whole, stays as it is until somebody moves
// it away.
type Heads struct {
	Path string
	Keys *auth.Keys

	last  head
	begun bool
	bad   error // why nothing is copied any more
}

// head is a link, by its number and its hash.
type head struct {
	Seq  uint64
	Hash [32]byte
}

// headFile is a head as it stands in the file.
type headFile struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"`
	Seal string `json:"seal"`
}

// Begin compares the copy with the trail before anything is added to that, and
// makes one for a new trail. The error says what is wrong with them.
func (h *Heads) Begin(ctx context.Context, s store.Store) error {
	top, err := h.read()
	if errors.Is(err, fs.ErrNotExist) {
		newest, err := newestOf(ctx, s)
		if err != nil {
			return err
		}
		if newest != (head{}) {
			return fmt.Errorf("the copy of the audit trail’s head, %s, is missing: whether the trail’s end was cut off before link %d cannot be told", h.Path, newest.Seq)
		}
		h.begun = true
		return h.write(head{})
	}
	if err == nil {
		err = h.reached(ctx, s, top)
	}
	if h.begun = true; err != nil {
		h.bad = fmt.Errorf("%w; the copy is kept as it is: move %s away, and keep it, to begin another at the next start", err, h.Path)
		return h.bad
	}
	h.last = top
	return nil
}

// reached says why the trail is not the one whose head was copied.
func (h *Heads) reached(ctx context.Context, s store.Store, top head) error {
	newest, err := newestOf(ctx, s)
	switch {
	case err != nil:
		return err
	case newest.Seq < top.Seq:
		return errCutOff(newest.Seq, top.Seq)
	case top.Seq == 0:
		return nil
	}
	return s.Read(ctx, func(r store.Reader) error {
		list, err := r.Trail(top.Seq-1, 1)
		if err == nil && len(list) == 1 && list[0].Seq == top.Seq && list[0].Hash != top.Hash {
			err = errNotCopied(top.Seq)
		}
		return err
	})
}

func errCutOff(is, was uint64) error {
	return fmt.Errorf("the trail ends at link %d but was at %d: its end was cut off", is, was)
}

func errNotCopied(seq uint64) error {
	return fmt.Errorf("link %d is not the one whose head was copied", seq)
}

// newestOf is the newest link of the trail, a zero one if there is none.
func newestOf(ctx context.Context, s store.Store) (newest head, err error) {
	err = s.Read(ctx, func(r store.Reader) error {
		l, err := r.TrailHead()
		newest = head{l.Seq, l.Hash}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return newest, err
}

// Copy writes down the newest link, if it is a new one.
func (h *Heads) Copy(ctx context.Context, s store.Store) error {
	if h.bad != nil {
		return h.bad
	}
	if !h.begun {
		if _, err := os.Stat(h.Path); errors.Is(err, fs.ErrNotExist) {
			h.begun = true
		} else if err := h.Begin(ctx, s); err != nil {
			return err
		}
	}
	newest, err := newestOf(ctx, s)
	if err != nil || newest == h.last {
		return err
	}
	if newest.Seq <= h.last.Seq {
		return errCutOff(newest.Seq, h.last.Seq)
	}
	return h.write(newest)
}

func (h *Heads) write(newest head) error {
	seal := h.Keys.SealHead(newest.Seq, newest.Hash)
	text, err := json.Marshal(headFile{newest.Seq, hex.EncodeToString(newest.Hash[:]), hex.EncodeToString(seal[:])})
	if err != nil {
		return err
	}
	if err := durable.WriteFile(h.Path, append(text, '\n'), 0o600); err != nil {
		return err
	}
	h.last = newest
	return nil
}

// read is the copied head. It fails with [fs.ErrNotExist] if there is none.
func (h *Heads) read() (top head, err error) {
	text, err := os.ReadFile(h.Path)
	if err != nil {
		return top, err
	}
	var f headFile
	if err := json.Unmarshal(text, &f); err != nil {
		return top, fmt.Errorf("%s: %w", h.Path, err)
	}
	if top.Hash, err = parseHash(f.Hash); err != nil {
		return top, fmt.Errorf("%s: %w", h.Path, err)
	}
	top.Seq = f.Seq
	if seal := h.Keys.SealHead(top.Seq, top.Hash); hex.EncodeToString(seal[:]) != f.Seal {
		return head{}, fmt.Errorf("%s was changed: its seal does not fit", h.Path)
	}
	return top, nil
}

func parseHash(text string) (hash [32]byte, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(hash) {
		return hash, errors.New("it does not hold a hash")
	}
	return [32]byte(b), nil
}

// ParseHead reads a head as it stands in the system's log, LINK:HASH: for
// [Verify].
func ParseHead(text string) (seq uint64, hash [32]byte, err error) {
	var sum string
	if n, err := fmt.Sscanf(text, "%d:%s", &seq, &sum); err != nil || n != 2 || seq == 0 {
		return 0, hash, errors.New("a head is LINK:HASH, as the system’s log has it")
	}
	hash, err = parseHash(sum)
	return seq, hash, err
}
