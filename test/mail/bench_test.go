// Package mail measures what functions of mailboxes cost: run its benchmarks with
// go test -run='^$' -bench=. ./test/mail.
package mail

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/password"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/test/testserver"
)

// hash is a password's, in a scheme that costs next to nothing to take.
const hash = "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"

// server is a server, and how demo calls a function of its module Email with a
// token.
func server(b *testing.B) (*testserver.Server, func(call string) string) {
	s := testserver.New(b)
	authorization := "cpanel demo:" + s.Token("demo", "bench")
	return s, func(call string) string {
		a := s.Get(s.Account, "/execute/Email/"+call, authorization)
		if !strings.Contains(a.Body, `"status":1`) {
			b.Fatalf("%s: %s", call, a.Body)
		}
		return a.Body
	}
}

// timed runs do b.N times and reports the median and the 99th of a hundred.
func timed(b *testing.B, do func(n int)) {
	took := make([]time.Duration, 0, b.N)
	n := 0
	for b.Loop() {
		start := time.Now()
		do(n)
		took = append(took, time.Since(start))
		n++
	}
	report(b, "", took)
}

func report(b *testing.B, what string, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, what+"p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, what+"p99-ms")
}

// BenchmarkAddPop measures add_pop in turn with what it cannot do without: the disk's
// part of it, and the password's hash. Only the ratios of one run mean something.
func BenchmarkAddPop(b *testing.B) {
	b.Run("to the disk alone", func(b *testing.B) {
		s, call := server(b)
		disk := newDisk(b, s.Dir)
		inTurn(b, func(n int) { call(fmt.Sprint("add_pop?email=box", n, "&password_hash=", url.QueryEscape(hash))) }, disk.mailbox)
	})
	b.Run("to the hash alone", func(b *testing.B) {
		_, call := server(b)
		h := password.New(0)
		inTurn(b, func(n int) { call(fmt.Sprint("add_pop?email=box", n, "&password=12345luggage")) }, func(int) {
			if _, err := h.Make(context.Background(), latchkey.NewSecret("12345luggage")); err != nil {
				b.Fatal(err)
			}
		})
	})
}

// inTurn runs one and other b.N times, in turn, and reports both and their ratio.
func inTurn(b *testing.B, one, other func(n int)) {
	took := make([][]time.Duration, 2)
	n := 0
	for b.Loop() {
		for i, do := range []func(int){one, other} {
			start := time.Now()
			do(n)
			took[i] = append(took[i], time.Since(start))
		}
		n++
	}
	report(b, "", took[0])
	report(b, "other-", took[1])
	b.ReportMetric(float64(took[0][n/2])/float64(took[1][n/2]), "p50-ratio") // sorted by report
}

// disk does by system calls what durably making a mailbox takes at the least: before
// it a commit, three directories in one in another, which is synced, and after it a
// commit.
type disk struct {
	b   *testing.B
	dir string
	log *os.File
}

func newDisk(b *testing.B, dir string) *disk {
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { log.Close() })
	return &disk{b, dir, log}
}

func (d *disk) mailbox(n int) {
	d.commit()
	box := filepath.Join(d.dir, fmt.Sprint("alone", n))
	var err error
	for _, part := range []string{"", "cur", "new", "tmp"} {
		err = errors.Join(err, os.Mkdir(filepath.Join(box, part), 0o700))
	}
	for _, dir := range []string{box, d.dir} {
		f, oerr := os.Open(dir)
		err = errors.Join(err, oerr, f.Sync(), f.Close())
	}
	if err != nil {
		d.b.Fatal(err)
	}
	d.commit()
}

// page is what a commit writes at the least.
var page = make([]byte, 4096)

func (d *disk) commit() {
	_, err := d.log.Write(page)
	if err = errors.Join(err, unix.Fdatasync(int(d.log.Fd()))); err != nil {
		d.b.Fatal(err)
	}
}

// fill gives demo n mailboxes, of which those that show says have their Maildirs.
func fill(b *testing.B, s *testserver.Server, n int, show func(int) bool) {
	b.Helper()
	for from := 0; from < n; from += 5000 {
		_, err := s.Store.Write(context.Background(), func(tx store.Tx) error {
			a, err := tx.Account("demo")
			for i := from; i < min(from+5000, n) && err == nil; i++ {
				err = tx.InsertMailbox(store.Mailbox{Account: a.ID, Domain: "example.com", Local: fmt.Sprintf("box%06d", i), PasswordHash: hash, Quota: 100 << 20, Created: s.Now()}, store.Ready)
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for i := range n {
		if !show(i) {
			continue
		}
		box := filepath.Join(s.Dir, "homes", "demo", "mail", "example.com", fmt.Sprintf("box%06d", i))
		for _, part := range []string{"cur", "new", "tmp"} {
			if err := os.MkdirAll(filepath.Join(box, part), 0o700); err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(box, "new", "1.a,S=7,W=8"), []byte("letter\n"), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	time.Sleep(200 * time.Millisecond) // what is younger than that is looked at anew each time
}

func all(int) bool { return true }

func BenchmarkListPopsWithDisk(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, call := server(b)
			fill(b, s, n, all)
			call("list_pops_with_disk")
			b.ReportAllocs()
			timed(b, func(int) { call("list_pops_with_disk") })
		})
	}
}

// BenchmarkPage reads the last and the first page of lists, in turn: of 100,000
// mailboxes the last costs what the first does, and both in memory what those of
// 1,000 do.
func BenchmarkPage(b *testing.B) {
	const size = 100
	for _, n := range []int{1000, 100_000} {
		s, call := server(b)
		fill(b, s, n, func(i int) bool { return i < size || i >= n-size })
		read := func(start int) func(int) {
			page := fmt.Sprintf("list_pops_with_disk?api.paginate=1&api.paginate_size=%d&api.paginate_start=%d", size, start)
			if body := call(page); strings.Count(body, `"_diskused":"7"`) != size {
				b.Fatalf("%d rows: %.300s", strings.Count(body, `"_diskused":"7"`), body)
			}
			return func(int) { call(page) }
		}
		b.Run(fmt.Sprint(n, " last to first"), func(b *testing.B) {
			b.ReportAllocs()
			inTurn(b, read(n-size+1), read(1))
		})
	}
}

// BenchmarkWhileHashing measures cheap calls while as many mailboxes as there are
// callers for are made with passwords.
func BenchmarkWhileHashing(b *testing.B) {
	for _, makers := range []int{0, 16} {
		b.Run(fmt.Sprint(makers, " make mailboxes"), func(b *testing.B) {
			_, call := server(b)
			stop := make(chan struct{})
			var group sync.WaitGroup
			for m := range makers {
				group.Go(func() {
					for n := 0; ; n++ {
						select {
						case <-stop:
							return
						default:
							call(fmt.Sprintf("add_pop?email=m%dn%d&password=12345luggage", m, n))
						}
					}
				})
			}
			timed(b, func(int) { call("count_pops") })
			close(stop)
			group.Wait()
		})
	}
}
