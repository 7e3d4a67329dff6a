package sqlite_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/latchkey/latchkey/internal/store"
)

func BenchmarkRead(b *testing.B) {
	s := openAt(b, b.TempDir())
	insertAccount(b, s, "alice")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			err := s.Read(b.Context(), func(r store.Reader) error {
				_, err := r.Account("alice")
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkCreate makes mailboxes that are on the disk when they are answered,
// together with their events; compare with what the disk itself can do in
// BenchmarkAppend.
func BenchmarkCreate(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := openAt(b, b.TempDir())
			insertAccount(b, s, "alice")
			event := make([]byte, 120)
			var n atomic.Int64
			b.ResetTimer()
			var wg sync.WaitGroup
			for range writers {
				wg.Go(func() {
					for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
						_, err := s.Write(b.Context(), func(tx store.Tx) error {
							tx.Audit(event, 1)
							return tx.InsertMailbox(store.Mailbox{Account: 1, Domain: "a.example", Local: fmt.Sprint("box", i)}, store.Ready)
						})
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "creates/s")
		})
	}
}

// BenchmarkAppend appends as much as one create does and waits for the disk.
func BenchmarkAppend(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	record := make([]byte, 4096)
	for b.Loop() {
		if _, err := f.Write(record); err != nil {
			b.Fatal(err)
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
	}
}
