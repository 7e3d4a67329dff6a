package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/needs"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/store/sqlite"
)

// smallDisk is a disk of its own for one test.
func smallDisk(t *testing.T, size string) string {
	dir := t.TempDir()
	if err := syscall.Mount("latchkey-test", dir, "tmpfs", 0, "size="+size); err != nil {
		needs.Missing(t, "a small disk cannot be mounted here (run as root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill leaves not a byte free on the disk, until the file it returns is removed.
func fill(t *testing.T, dir string) string {
	t.Helper()
	f, err := os.CreateTemp(dir, "ballast")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 64 << 10; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return f.Name()
}

// ledger writes numbered mailboxes and knows which were acknowledged.
type ledger struct {
	*testing.T
	s    *sqlite.Store
	id   latchkey.AccountID
	n    atomic.Int64
	mu   sync.Mutex
	kept []string
}

func (l *ledger) add() error {
	local := fmt.Sprintf("box%06d", l.n.Add(1))
	_, err := l.s.Write(l.Context(), func(tx store.Tx) error {
		tx.Audit(bytes.Repeat([]byte{'x'}, 4000), 1)
		return tx.InsertMailbox(store.Mailbox{Account: l.id, Domain: "a.example", Local: local}, store.Ready)
	})
	if err == nil {
		l.mu.Lock()
		l.kept = append(l.kept, local)
		l.mu.Unlock()
	}
	return err
}

// untilFull has many writers write until the disk refuses each of them.
func (l *ledger) untilFull() {
	l.Helper()
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 2000 {
				if err := l.add(); err != nil {
					if latchkey.KindOf(err) != latchkey.Unavailable {
						l.Errorf("Write on a full disk: %v (%v), want kind unavailable", err, latchkey.KindOf(err))
					}
					return
				}
			}
			l.Error("the disk never got full")
		})
	}
	wg.Wait()
}

// check finds exactly what was acknowledged.
func (l *ledger) check(when string) {
	l.Helper()
	err := l.s.Read(l.Context(), func(r store.Reader) error {
		for _, local := range l.kept {
			if _, err := r.Mailbox(l.id, "a.example", local); err != nil {
				return fmt.Errorf("%s, acknowledged: %w", local, err)
			}
		}
		n, err := r.MailboxCount(l.id)
		if err == nil && n != int64(len(l.kept)) {
			err = fmt.Errorf("%d mailboxes are counted, %d were acknowledged", n, len(l.kept))
		}
		return err
	})
	if err != nil {
		l.Errorf("%s: %v", when, err)
	}
}

func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, "6m")
	l := &ledger{T: t, s: openAt(t, dir), id: 1}
	insertAccount(t, l.s, "alice")
	for range 10 {
		if err := l.add(); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 3 {
		ballast := fill(t, dir)
		l.untilFull()
		l.check("on a full disk")
		if err := l.add(); latchkey.KindOf(err) != latchkey.Unavailable {
			t.Errorf("round %d: a further Write on the full disk: %v", round, err)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if err := l.add(); err != nil {
				t.Fatalf("round %d: Write after there was room again: %v", round, err)
			}
		}
		l.check("after there was room again")
	}
	if err := l.s.Close(); err != nil {
		t.Fatal(err)
	}
	l.s = openAt(t, dir)
	l.check("after a reopening")
}

func TestOpenOnFullDisk(t *testing.T) {
	dir := smallDisk(t, "6m")
	l := &ledger{T: t, s: openAt(t, dir), id: 1}
	insertAccount(t, l.s, "alice")
	for round := range 4 {
		for range 10 {
			if err := l.add(); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.s.Close(); err != nil {
			t.Fatal(err)
		}
		ballast := fill(t, dir)
		l.s = openAt(t, dir)
		l.check("opened on a full disk")
		l.untilFull()
		// Once more, now that the first reserve is given up.
		if err := l.s.Close(); err != nil {
			t.Logf("round %d: Close on a full disk: %v", round, err)
		}
		more := fill(t, dir)
		l.s = openAt(t, dir)
		l.check("opened on a full disk once more")
		if err := errors.Join(os.Remove(ballast), os.Remove(more)); err != nil {
			t.Fatal(err)
		}
	}
}

// What a killed server leaves behind opens on a full disk too: the log that was
// not yet folded into the file, and no index of it.
func TestOpenOnFullDiskAfterKill(t *testing.T) {
	dir := smallDisk(t, "8m")
	l := &ledger{T: t, s: openAt(t, dir), id: 1}
	insertAccount(t, l.s, "alice")
	for range 50 {
		if err := l.add(); err != nil {
			t.Fatal(err)
		}
	}
	left := filepath.Join(dir, "left")
	if err := os.Mkdir(left, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"latchkey.db", "latchkey.db-wal", "latchkey.db.reserve"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(left, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	fill(t, dir)
	l.s = openAt(t, left)
	l.check("opened on a full disk after a kill")
	l.untilFull()
	l.check("still")
}
