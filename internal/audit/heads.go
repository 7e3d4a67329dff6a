package audit

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/latchkey/latchkey/internal/durable"
	"github.com/latchkey/latchkey/internal/store"
)

// Heads is the copy of the trail's newest link in a file apart from the store,
// sealed with a key that is not in the store either. A chain alone cannot show
// that its end was cut off; the copy can.
type Heads struct {
	Path string
	Seal func(seq uint64, hash [32]byte) [32]byte
	last uint64
}

type head struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"`
	Seal string `json:"seal"`
}

// Copy writes down the newest link, if it is a new one.
func (h *Heads) Copy(ctx context.Context, s store.Store) error {
	var newest store.Link
	err := s.Read(ctx, func(r store.Reader) (err error) {
		newest, err = r.TrailHead()
		return err
	})
	if errors.Is(err, store.ErrNotFound) || err == nil && newest.Seq == h.last {
		return nil
	}
	if err != nil {
		return err
	}
	seal := h.Seal(newest.Seq, newest.Hash)
	text, err := json.Marshal(head{newest.Seq, hex.EncodeToString(newest.Hash[:]), hex.EncodeToString(seal[:])})
	if err != nil {
		return err
	}
	if err := durable.WriteFile(h.Path, append(text, '\n'), 0o600); err != nil {
		return err
	}
	h.last = newest.Seq
	return nil
}

// read is the copied head; a zero one if there is none yet.
func (h *Heads) read() (c head, hash [32]byte, err error) {
	text, err := os.ReadFile(h.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, hash, nil
	}
	if err != nil {
		return c, hash, err
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, hash, fmt.Errorf("%s: %w", h.Path, err)
	}
	if n, err := hex.Decode(hash[:], []byte(c.Hash)); err != nil || n != len(hash) {
		return c, hash, fmt.Errorf("%s does not hold a hash", h.Path)
	}
	if seal := h.Seal(c.Seq, hash); hex.EncodeToString(seal[:]) != c.Seal {
		return c, hash, fmt.Errorf("%s was changed: its seal does not fit", h.Path)
	}
	return c, hash, nil
}
