package audit

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/store/sqlite"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return noon }

// trail is a store whose trail can be tampered with and whose writes can fail.
type trail struct {
	store.Store
	tampered bool
	links    []store.Link // if tampered: read instead of what the store has
	refuse   atomic.Bool
}

func (s *trail) Write(ctx context.Context, fn func(store.Tx) error) (store.Seq, error) {
	if s.refuse.Load() {
		return 0, latchkey.Errorf(latchkey.Unavailable, "The disk is full.")
	}
	return s.Store.Write(ctx, fn)
}

func (s *trail) Read(ctx context.Context, fn func(store.Reader) error) error {
	if s.tampered {
		return fn(&tampered{links: s.links})
	}
	return s.Store.Read(ctx, fn)
}

type tampered struct {
	store.Reader
	links []store.Link
}

func (r *tampered) Setting(string, any) error { return store.ErrNotFound }

func (r *tampered) TrailBlocks(uint64, int) ([]store.TrailBlock, error) { return nil, nil }

func (r *tampered) Trail(after uint64, limit int) ([]store.Link, error) {
	var list []store.Link
	for _, l := range r.links {
		if l.Seq > after && len(list) < limit {
			list = append(list, l)
		}
	}
	return list, nil
}

func newTrail(tb testing.TB) *trail {
	s, err := sqlite.Open(tb.Context(), filepath.Join(tb.TempDir(), "latchkey.db"), sqlite.Options{Now: clock})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return &trail{Store: s}
}

func newHeads(tb testing.TB) *Heads {
	return &Heads{Path: filepath.Join(tb.TempDir(), "heads"), Keys: auth.NewKeys(make([]byte, 32))}
}

func newRecorder(s store.Store, heads *Heads) *Recorder {
	return NewRecorder(s, clock, slog.New(slog.DiscardHandler), heads)
}

// write writes n links of two events each and returns the whole trail.
func (s *trail) write(tb testing.TB, n int) (links []store.Link) {
	tb.Helper()
	for i := range n {
		_, err := s.Write(tb.Context(), func(tx store.Tx) error {
			tx.Audit(Encode(&latchkey.Event{At: noon, Func: "Email::add_pop", Name: latchkey.AccountName(fmt.Sprint("u", i)), OK: true}), 1)
			tx.Audit(Encode(&latchkey.Event{At: noon, Func: "Email::list_pops"}), 1)
			return nil
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	err := s.Read(tb.Context(), func(r store.Reader) (err error) {
		links, err = r.Trail(0, 1<<30)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return links
}

func TestVerify(t *testing.T) {
	s, heads := newTrail(t), newHeads(t)
	if rep, err := Verify(t.Context(), s, heads); err != nil || rep != (Report{}) {
		t.Errorf("Verify of an empty trail = %+v, %v", rep, err)
	}
	s.write(t, 250) // more than one page
	if err := heads.Copy(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	s.write(t, 3) // the trail may be further than the copy
	want := Report{Links: 253, Events: 506, Head: 253}
	for _, h := range []*Heads{nil, heads} {
		if h != nil {
			want.Copied = 250
		}
		if rep, err := Verify(t.Context(), s, h); err != nil || rep != want {
			t.Errorf("Verify = %+v, %v, want %+v", rep, err, want)
		}
	}
}

func TestVerifyFindsTampering(t *testing.T) {
	s, heads := newTrail(t), newHeads(t)
	whole := s.write(t, 6)
	if err := heads.Copy(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	tries := 0
	found := func(what string, change func(links []store.Link) []store.Link) {
		t.Helper()
		links := slices.Clone(whole)
		for i := range links {
			links[i].Body = bytes.Clone(links[i].Body)
		}
		s.tampered, s.links = true, change(links)
		if rep, err := Verify(t.Context(), s, heads); err == nil {
			t.Errorf("%s: not found, %+v", what, rep)
		}
		s.tampered = false
		tries++
	}
	for i := range whole {
		// Every bit of everything that stands in a link.
		for bit := range 8 {
			for at := range whole[i].Body {
				found(fmt.Sprintf("link %d, body byte %d, bit %d", i, at, bit), func(l []store.Link) []store.Link { l[i].Body[at] ^= 1 << bit; return l })
			}
			for at := range whole[i].Hash {
				found(fmt.Sprintf("link %d, hash byte %d, bit %d", i, at, bit), func(l []store.Link) []store.Link { l[i].Hash[at] ^= 1 << bit; return l })
			}
		}
		for bit := range 60 {
			found(fmt.Sprintf("link %d, time, bit %d", i, bit), func(l []store.Link) []store.Link {
				l[i].At = time.UnixMicro(l[i].At.UnixMicro() ^ 1<<bit)
				return l
			})
			found(fmt.Sprintf("link %d, events, bit %d", i, bit), func(l []store.Link) []store.Link { l[i].Events ^= 1 << bit; return l })
			found(fmt.Sprintf("link %d, number, bit %d", i, bit), func(l []store.Link) []store.Link { l[i].Seq ^= 1 << bit; return l })
		}
		found(fmt.Sprint("without link ", i), func(l []store.Link) []store.Link { return slices.Delete(l, i, i+1) })
		found(fmt.Sprint("without link ", i, ", numbered anew"), func(l []store.Link) []store.Link {
			l = slices.Delete(l, i, i+1)
			for j := range l {
				l[j].Seq = uint64(j + 1)
			}
			return l
		})
		for j := range i {
			found(fmt.Sprint("links ", i, " and ", j, " changed places"), func(l []store.Link) []store.Link {
				l[i], l[j] = l[j], l[i]
				l[i].Seq, l[j].Seq = uint64(i+1), uint64(j+1)
				return l
			})
		}
		found(fmt.Sprint("cut off after ", i), func(l []store.Link) []store.Link { return l[:i] })
		found(fmt.Sprint("chained anew from ", i), func(l []store.Link) []store.Link {
			l[i].Body, l[i].Events = Encode(&latchkey.Event{At: noon, Func: "nothing::happened"}), 1
			var prev [32]byte
			for j := range l {
				l[j].Hash = l[j].Sum(prev)
				prev = l[j].Hash
			}
			return l
		})
	}
	t.Logf("%d ways of tampering found", tries)
	if _, err := Verify(t.Context(), s, heads); err != nil {
		t.Errorf("the trail as it is: %v", err)
	}
}

func TestHeads(t *testing.T) {
	s, heads := newTrail(t), newHeads(t)
	if err := heads.Copy(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(heads.Path); !os.IsNotExist(err) {
		t.Errorf("the head of an empty trail was copied: %v", err)
	}
	s.write(t, 2)
	if err := heads.Copy(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(heads.Path)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(heads.Path); err != nil || st.Mode() != 0o600 {
		t.Errorf("the copy: %v, %v, want mode 0600", st.Mode(), err)
	}
	put := func(text []byte) {
		t.Helper()
		if err := os.WriteFile(heads.Path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for at := range len(text) - 1 { // the line end does not count
		forged := bytes.Clone(text)
		forged[at] ^= 1
		put(forged)
		if _, err := Verify(t.Context(), s, heads); err == nil {
			t.Errorf("a copy with byte %d changed was taken: %s", at, forged)
		}
	}
	put(text)
	if _, err := Verify(t.Context(), s, heads); err != nil {
		t.Errorf("the copy as it was: %v", err)
	}
	heads.Keys = auth.NewKeys(bytes.Repeat([]byte{1}, 32))
	if _, err := Verify(t.Context(), s, heads); err == nil {
		t.Error("a copy sealed with another key was taken")
	}
}

func TestListStops(t *testing.T) {
	s := newTrail(t)
	s.write(t, 5)
	var seen []uint64
	err := List(t.Context(), s, 2, func(link uint64, _ *latchkey.Event) bool {
		seen = append(seen, link)
		return len(seen) < 3
	})
	if err != nil || !slices.Equal(seen, []uint64{3, 3, 4}) {
		t.Errorf("List = %v, %v, want links 3, 3, 4", seen, err)
	}
}
