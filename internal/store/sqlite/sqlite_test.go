package sqlite_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/store/sqlite"
	"github.com/latchkey/latchkey/internal/store/storetest"
)

func TestContract(t *testing.T) {
	var dirs sync.Map
	storetest.Run(t, func(t *testing.T, now latchkey.Clock) store.Store {
		dir, _ := dirs.LoadOrStore(t.Name(), t.TempDir())
		s, err := sqlite.Open(t.Context(), filepath.Join(dir.(string), "latchkey.db"), sqlite.Options{Now: now, KeepChanges: 1})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func openAt(tb testing.TB, dir string) *sqlite.Store {
	tb.Helper()
	s, err := sqlite.Open(tb.Context(), filepath.Join(dir, "latchkey.db"), sqlite.Options{Now: time.Now})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

func insertAccount(tb testing.TB, s store.Store, name latchkey.AccountName) {
	tb.Helper()
	_, err := s.Write(tb.Context(), func(tx store.Tx) error {
		_, err := tx.InsertAccount(latchkey.Account{Name: name}, store.Ready)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// A closed store is one file.
func TestCopyOfFile(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	s := openAt(t, dir)
	insertAccount(t, s, "alice")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "latchkey.db"))
	if err == nil {
		err = os.WriteFile(filepath.Join(other, "latchkey.db"), data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	err = openAt(t, other).Read(t.Context(), func(r store.Reader) error {
		_, err := r.Account("alice")
		return err
	})
	if err != nil {
		t.Errorf("in a copy of the file: %v", err)
	}
}

// Nobody else on the machine may read what is in the store.
func TestModes(t *testing.T) {
	dir := t.TempDir()
	insertAccount(t, openAt(t, dir), "alice")
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if st, err := f.Info(); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want mode 0600", f.Name(), st.Mode(), err)
		}
	}
}

// Many writers share a commit; one alone waits for nobody.
func TestGroupCommit(t *testing.T) {
	s := openAt(t, t.TempDir())
	change := func(tx store.Tx) error {
		tx.Log(store.Change{Kind: store.PolicyPut})
		return nil
	}
	for i := range 5 {
		if seq, err := s.Write(t.Context(), change); err != nil || seq != store.Seq(i+1) {
			t.Fatalf("Write = %d, %v, want %d: a commit of its own for each", seq, err, i+1)
		}
	}
	// The first write holds up the writer until all others stand in line.
	const writers = 100
	held, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := s.Write(t.Context(), func(tx store.Tx) error { close(held); <-release; return change(tx) }); err != nil {
			t.Error(err)
		}
	})
	<-held
	for range writers {
		wg.Go(func() {
			if _, err := s.Write(t.Context(), change); err != nil {
				t.Error(err)
			}
		})
	}
	for sqlite.Waiting(s) < writers {
		time.Sleep(time.Millisecond)
	}
	close(release)
	wg.Wait()
	if head, err := s.Head(t.Context()); err != nil || head != 5+1+1 {
		t.Errorf("%d writers made %d commits, %v, want 1", writers, head-6, err)
	}
}

// A log that is pruned says so to whoever comes too late.
func TestGap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "latchkey.db")
	open := func() *sqlite.Store {
		s, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: time.Now, KeepChanges: 10})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	for range 256 {
		_, err := s.Write(t.Context(), func(tx store.Tx) error {
			tx.Log(store.Change{Kind: store.PolicyPut})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if list, _, err := s.Since(t.Context(), 0); err != nil || len(list) != 256 {
		t.Errorf("Since(0), all in memory = %d, %v", len(list), err)
	}
	s.Close()
	s = open()
	defer s.Close()
	for _, test := range []struct {
		after store.Seq
		want  int
		err   error
	}{
		{0, 0, store.ErrGap},
		{245, 0, store.ErrGap},
		{246, 10, nil},
		{255, 1, nil},
		{256, 0, nil},
	} {
		list, _, err := s.Since(t.Context(), test.after)
		if len(list) != test.want || !errors.Is(err, test.err) {
			t.Errorf("Since(%d) = %d changes, %v, want %d, %v", test.after, len(list), err, test.want, test.err)
		}
	}
}

// A store made by a newer program is left alone.
func TestNewerSchema(t *testing.T) {
	dir := t.TempDir()
	openAt(t, dir).Close()
	path := filepath.Join(dir, "latchkey.db")
	db, err := sql.Open("sqlite", path)
	if err == nil {
		_, err = db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)`)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: time.Now})
	if err == nil {
		s.Close()
		t.Error("Open of a store with a newer schema succeeded")
	}
}
