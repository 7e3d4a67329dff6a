package observe

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/store/sqlite"
)

var (
	start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	edit  = latchkey.Called{Module: "DNS", Name: "mass_edit_zone", Write: true}
)

// shelf is a store with two tokens, of which the first is watched.
type shelf struct {
	*testing.T
	path  string
	store store.Store
	book  *Book
	now   time.Time
	mac   [2]latchkey.TokenMAC
}

func newShelf(t *testing.T) *shelf {
	s := &shelf{T: t, path: filepath.Join(t.TempDir(), "store.db"), now: start, mac: [2]latchkey.TokenMAC{{1}, {2}}}
	s.open()
	_, err := s.store.Write(t.Context(), func(tx store.Tx) error {
		id, err := tx.InsertAccount(latchkey.Account{Name: "demo", Domain: "example.com", Created: start}, store.Ready)
		for i := range s.mac {
			if err != nil {
				return err
			}
			err = tx.InsertToken(latchkey.Token{ID: latchkey.TokenID(i + 1), Account: id, Name: fmt.Sprint("t", i), MAC: s.mac[i], Created: start, Terms: latchkey.Terms{Observing: i == 0}})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.store.Close() })
	return s
}

func (s *shelf) open() {
	db, err := sqlite.Open(context.Background(), s.path, sqlite.Options{Now: s.clock})
	if err != nil {
		s.Fatal(err)
	}
	s.store, s.book = db, &Book{Store: db, Now: s.clock, Log: slog.New(slog.DiscardHandler)}
}

func (s *shelf) clock() time.Time { return s.now }

func (s *shelf) note(token int, on ...latchkey.Resource) {
	sheet := new(Sheet)
	for _, r := range on {
		sheet.Used(edit, r, false)
	}
	s.book.Note(s.mac[token], sheet)
}

func (s *shelf) observed(token int) (list []latchkey.Observed) {
	s.Helper()
	if err := s.book.Flush(s.Context()); err != nil {
		s.Fatal(err)
	}
	err := s.store.Read(s.Context(), func(r store.Reader) (err error) {
		list, err = r.Observed(latchkey.TokenID(token + 1))
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	return list
}

func record(name string) latchkey.Resource {
	return latchkey.Resource{Kind: latchkey.RecordKind, Zone: "example.com", Name: name, Type: "TXT"}
}

// What is the same counts more, before and after it was written down, and over a
// restart; a token that is not watched has nothing written down.
func TestUsesAreCounted(t *testing.T) {
	s := newShelf(t)
	s.note(0, record("a"), record("a"), record("b"))
	s.now = s.now.Add(time.Minute)
	s.note(0, record("a"))
	s.note(1, record("a"))
	want := []latchkey.Observed{
		{Called: edit, On: record("a"), Count: 2, First: start, Last: s.now},
		{Called: edit, On: record("b"), Count: 1, First: start, Last: start},
	}
	if d := cmp.Diff(want, s.observed(0)); d != "" {
		t.Error(d)
	}
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	s.open()
	s.now = s.now.Add(time.Minute)
	s.note(0, record("b"))
	want[1].Count, want[1].Last = 2, s.now
	if d := cmp.Diff(want, s.observed(0)); d != "" {
		t.Errorf("after a restart: %s", d)
	}
	if list := s.observed(1); list != nil {
		t.Errorf("a token that is not watched: %v", list)
	}
}

// However much a token is used for, so much of it is kept and no more, and what
// is kept covers all of it.
func TestUsesAreBounded(t *testing.T) {
	s := newShelf(t)
	for i := range 30_000 {
		r := record(fmt.Sprint("n", i))
		r.Zone = fmt.Sprintf("z%d.example", i%5000)
		s.note(0, r)
		if i%7000 == 0 {
			s.observed(0)
		}
	}
	list := s.observed(0)
	zones, whole := map[string]bool{}, false
	for i := range list {
		zones[list[i].On.Name] = zones[list[i].On.Name] || list[i].On.Kind == "zone"
		whole = whole || list[i].On.Kind == ""
	}
	if len(list) < most || len(list) > 2*most+1 || !whole {
		t.Errorf("%d uses are kept, of the whole account: %v", len(list), whole)
	}
	one := new(Sheet)
	for i := range 30_000 {
		one.Used(edit, record(fmt.Sprint("n", i)), false)
	}
	if len(one.of) > most+1 {
		t.Errorf("one call has %d uses", len(one.of))
	}
}

// What the store does not take is kept.
func TestUsesWaitForTheStore(t *testing.T) {
	s := newShelf(t)
	s.note(0, record("a"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.book.Flush(ctx); err == nil {
		t.Fatal("a store that takes nothing")
	}
	s.note(0, record("a"), record("b"))
	if list := s.observed(0); len(list) != 2 || list[0].Count != 2 {
		t.Errorf("then: %v", list)
	}
}

func TestManyNoteAtOnce(t *testing.T) {
	s := newShelf(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 200 {
				sheet := new(Sheet)
				sheet.Used(edit, record(fmt.Sprint("n", i%10)), false)
				s.book.Note(s.mac[0], sheet)
				if i%50 == 0 {
					_ = s.book.Flush(context.Background())
				}
			}
		})
	}
	all.Wait()
	var n int64
	for _, o := range s.observed(0) {
		n += o.Count
	}
	if n != 1600 {
		t.Errorf("%d uses of 1600 are counted", n)
	}
}
