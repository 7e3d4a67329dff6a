package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// everything changes a bit of everything a transaction can.
func everything(tx store.Tx) error {
	id, err := addAccount(tx, "ghost")
	if err != nil {
		return err
	}
	if _, err := tx.NextTokenID(); err != nil {
		return err
	}
	if err := tx.InsertToken(token(id, latchkey.ForAccount, "ghost", 99)); err != nil {
		return err
	}
	if _, err := tx.InsertIntent(store.Intent{Kind: "ghost", Body: []byte("{}")}); err != nil {
		return err
	}
	tx.Log(store.Change{Kind: store.AccountPut, Account: id})
	tx.Audit([]byte("ghost"), 1)
	return nil
}

// untouched checks that nothing of everything is there.
func (h *house) untouched(t *testing.T) {
	t.Helper()
	h.read(func(r store.Reader) error {
		_, err := r.Account("ghost")
		absent(t, "Account", err)
		_, err = r.DomainOwner("ghost.example")
		absent(t, "DomainOwner", err)
		_, err = r.TokenByMAC(token(0, 0, "", 99).MAC)
		absent(t, "TokenByMAC", err)
		intents, err := r.Intents()
		same(t, "Intents", len(intents), err, 0)
		_, err = r.TrailHead()
		absent(t, "TrailHead", err)
		return nil
	})
	head, err := h.Head(t.Context())
	same(t, "Head", head, err, 0)
}

func testFailedWrite(t *testing.T, h *house) {
	seq, err := h.Write(t.Context(), func(tx store.Tx) error { return errors.Join(everything(tx), errOwn) })
	if !errors.Is(err, errOwn) || seq != 0 {
		t.Errorf("Write = %d, %v, want 0 and the function's own error", seq, err)
	}
	h.untouched(t)
	h.writeErr(latchkey.Exists, "a failed statement", func(tx store.Tx) error {
		if err := everything(tx); err != nil {
			return err
		}
		return everything(tx)
	})
	h.untouched(t)
	if seq := h.write(everything); seq != 1 {
		t.Errorf("the first change that was kept has position %d, want 1", seq)
	}
}

func testPanickingWrite(t *testing.T, h *house) {
	h.writeErr(latchkey.Internal, "a panic", func(tx store.Tx) error {
		if err := everything(tx); err != nil {
			t.Error(err)
		}
		panic("as the test wants it")
	})
	h.untouched(t)
	h.write(everything)
}

// Whatever shares a commit with a write that fails is kept, and nothing of the
// one that fails.
func testFailuresAmongOthers(t *testing.T, h *house) {
	const n = 60
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			name := latchkey.AccountName(fmt.Sprintf("w%02d", i))
			_, err := h.Write(t.Context(), func(tx store.Tx) error {
				id, err := addAccount(tx, name)
				if err != nil {
					return err
				}
				tx.Log(store.Change{Kind: store.AccountPut, Account: id})
				tx.Audit([]byte(name), 1)
				switch i % 3 {
				case 1:
					return errOwn
				case 2:
					panic("as the test wants it")
				}
				return nil
			})
			if kept := i%3 == 0; kept != (err == nil) {
				t.Errorf("write %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	var events int
	h.read(func(r store.Reader) error {
		list, err := r.Accounts("", 1000)
		if err != nil {
			return err
		}
		for _, a := range list {
			if i, err := strconv.Atoi(string(a.Name[1:])); err != nil || i%3 != 0 {
				t.Errorf("account %s is there, whose write failed", a.Name)
			}
		}
		if len(list) != n/3 {
			t.Errorf("%d accounts are there, want %d", len(list), n/3)
		}
		trail, err := r.Trail(0, 1000)
		for _, l := range trail {
			events += l.Events
			if len(l.Body) != 3*l.Events {
				t.Errorf("link %d holds %q for %d events", l.Seq, l.Body, l.Events)
			}
		}
		return err
	})
	if events != n/3 {
		t.Errorf("the trail holds %d events, want %d", events, n/3)
	}
	changes, _, err := h.Since(t.Context(), 0)
	same(t, "number of changes", len(changes), err, n/3)
}

func testCancelledWrite(t *testing.T, h *house) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		if seq, err := h.Write(ctx, everything); !errors.Is(err, context.Canceled) || seq != 0 {
			t.Fatalf("Write with a context that has ended = %d, %v", seq, err)
		}
	}
	h.untouched(t)
}

func testManyWriters(t *testing.T, h *house) {
	const writers, each = 64, 6
	id := h.account("alice")
	var wg sync.WaitGroup
	var highest atomic.Uint64
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				m := box(id, "alice.example", fmt.Sprintf("w%d-%d", w, i))
				seq, err := h.Write(t.Context(), func(tx store.Tx) error {
					n, err := tx.MailboxCount(id)
					if err != nil {
						return err
					}
					tx.Log(store.Change{Kind: store.AccountPut, Account: latchkey.AccountID(n)})
					return tx.InsertMailbox(m, store.Ready)
				})
				if err != nil {
					t.Errorf("Write: %v", err)
					return
				}
				for old := highest.Load(); uint64(seq) > old && !highest.CompareAndSwap(old, uint64(seq)); old = highest.Load() {
				}
				// What was answered is there for whoever reads next.
				err = h.Read(t.Context(), func(r store.Reader) error {
					_, err := r.Mailbox(id, m.Domain, m.Local)
					return err
				})
				if err != nil {
					t.Errorf("%s, just written: %v", m.Address(), err)
				}
			}
		})
	}
	wg.Wait()
	h.read(func(r store.Reader) error {
		n, err := r.MailboxCount(id)
		same(t, "MailboxCount", n, err, writers*each)
		return nil
	})
	head, err := h.Head(t.Context())
	same(t, "Head", head, err, store.Seq(highest.Load()))
	// Each write saw all before it: the counts stand in the log in their order.
	changes, _, err := h.Since(t.Context(), 0)
	if err != nil || len(changes) != writers*each {
		t.Fatalf("Since(0) = %d changes, %v", len(changes), err)
	}
	for i, c := range changes {
		if int(c.Account) != i {
			t.Fatalf("change %d was made when there were %d mailboxes", i, c.Account)
		}
	}
}

// A transaction under way is seen by itself alone.
func testReadsWhatIsCommitted(t *testing.T, h *house) {
	inside, looked := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	go func() {
		_, err := h.Write(t.Context(), func(tx store.Tx) error {
			err := everything(tx)
			if _, own := tx.Account("ghost"); own != nil {
				err = errors.Join(err, fmt.Errorf("the transaction does not see its own account: %w", own))
			}
			close(inside)
			<-looked
			return err
		})
		done <- err
	}()
	<-inside
	h.untouched(t)
	close(looked)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	h.read(func(r store.Reader) error {
		_, err := r.Account("ghost")
		return err
	})
}

// Whatever is committed meanwhile, one Read sees one state.
func testReadsOneView(t *testing.T, h *house) {
	put := func(n int64) {
		h.write(func(tx store.Tx) error {
			for _, name := range []string{"a", "b"} {
				if err := tx.PutPackage(latchkey.Package{Name: name, Limits: latchkey.Limits{DiskMB: n}}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	put(1)
	h.read(func(r store.Reader) error {
		a, err := r.Package("a")
		if err != nil {
			return err
		}
		put(2)
		b, err := r.Package("b")
		if a.Limits.DiskMB != 1 || b.Limits.DiskMB != 1 {
			t.Errorf("one Read saw package a as of write %d and package b as of write %d", a.Limits.DiskMB, b.Limits.DiskMB)
		}
		return err
	})
	h.read(func(r store.Reader) error {
		b, err := r.Package("b")
		same(t, "the next Read", b.Limits.DiskMB, err, 2)
		return nil
	})
	err := h.Read(t.Context(), func(store.Reader) error { return errOwn })
	if err != errOwn {
		t.Errorf("Read = %v, want the function's own error", err)
	}
}

func testCancelledRead(t *testing.T, h *house) {
	h.account("alice")
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		err := h.Read(ctx, func(r store.Reader) error {
			if _, err := r.Account("alice"); err != nil {
				return err
			}
			cancel()
			_, err := r.Account("alice")
			return err
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("Read whose context ended = %v", err)
		}
	}
	// None of that is in the way of those who come after.
	h.account("bob")
	h.read(func(r store.Reader) error {
		_, err := r.Account("bob")
		return err
	})
}

func logs(accounts ...latchkey.AccountID) func(store.Tx) error {
	return func(tx store.Tx) error {
		for _, id := range accounts {
			tx.Log(store.Change{Kind: store.AccountPut, Account: id})
		}
		return nil
	}
}

func accountsOf(changes []store.Change) []int {
	ids := []int{}
	for _, c := range changes {
		ids = append(ids, int(c.Account))
	}
	return ids
}

func testChangeLog(t *testing.T, h *house) {
	if head, err := h.Head(t.Context()); head != 0 || err != nil {
		t.Errorf("Head of an empty log = %d, %v", head, err)
	}
	if seq := h.write(func(store.Tx) error { return nil }); seq != 0 {
		t.Errorf("Write that logged nothing = %d, want 0", seq)
	}
	select {
	case <-h.Wake():
		t.Error("Wake without a change")
	default:
	}
	k := token(5, latchkey.ForAccount, "t", 8)
	if seq := h.write(logs(1, 2)); seq != 1 {
		t.Errorf("the first position is %d, want 1", seq)
	}
	select {
	case <-h.Wake():
	case <-time.After(5 * time.Second):
		t.Error("no Wake after a change")
	}
	h.write(func(tx store.Tx) error {
		tx.Log(store.Change{Kind: store.TokenPut, Account: 5, Token: &k})
		return nil
	})
	h.write(logs(4))
	check := func() {
		t.Helper()
		for _, test := range []struct {
			after, at store.Seq
			want      []int
		}{
			{0, 3, []int{1, 2, 5, 4}},
			{1, 3, []int{5, 4}},
			{2, 3, []int{4}},
			{3, 3, []int{}},
		} {
			changes, at, err := h.Since(t.Context(), test.after)
			same(t, fmt.Sprintf("Since(%d)", test.after), accountsOf(changes), err, test.want)
			if at != test.at {
				t.Errorf("Since(%d) reaches to %d, want %d", test.after, at, test.at)
			}
		}
		head, err := h.Head(t.Context())
		same(t, "Head", head, err, 3)
		changes, _, err := h.Since(t.Context(), 1)
		same(t, "a token's change", changes[0], err, store.Change{Kind: store.TokenPut, Account: 5, Token: &k})
	}
	check()
	h.reopen()
	check()
	if seq := h.write(logs(9)); seq != 4 {
		t.Errorf("the first position after a reopening is %d, want 4", seq)
	}
}

// Every writer finds its own changes at the position it was given.
func testChangesOfAGroup(t *testing.T, h *house) {
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			id := latchkey.AccountID(i + 1)
			seq, err := h.Write(t.Context(), logs(id, id))
			if err != nil || seq == 0 {
				t.Errorf("Write = %d, %v", seq, err)
				return
			}
			changes, at, err := h.Since(t.Context(), seq-1)
			found := 0
			for _, c := range changes {
				if c.Account == id {
					found++
				}
			}
			if err != nil || found != 2 || at < seq {
				t.Errorf("Since(%d) = up to %d, %v, with %d of the two changes written at %d", seq-1, at, err, found, seq)
			}
		})
	}
	wg.Wait()
}

// A reader that is far behind is given everything, or told to start anew; it
// never misses a change unknowingly.
func testPrunedChanges(t *testing.T, h *house) {
	const n = 600
	for i := range n {
		h.write(logs(latchkey.AccountID(i + 1)))
	}
	h.reopen()
	for _, after := range []store.Seq{0, 1, 100, n - 2, n - 1, n} {
		var got []int
		at := after
		for at < n {
			changes, next, err := h.Since(t.Context(), at)
			if errors.Is(err, store.ErrGap) {
				got = nil
				break
			}
			if err != nil || next <= at {
				t.Fatalf("Since(%d) = up to %d, %v", at, next, err)
			}
			got, at = append(got, accountsOf(changes)...), next
		}
		if got == nil {
			continue
		}
		for i, id := range got {
			if id != int(after)+i+1 {
				t.Fatalf("after %d, change %d is that of write %d", after, i, id)
			}
		}
		if len(got) != n-int(after) {
			t.Errorf("after %d: %d changes, want %d or ErrGap", after, len(got), n-int(after))
		}
	}
	if changes, at, err := h.Since(t.Context(), n); len(changes) != 0 || at != n || err != nil {
		t.Errorf("Since(head) = %d changes, %d, %v", len(changes), at, err)
	}
}

func testTrail(t *testing.T, h *house) {
	h.write(func(tx store.Tx) error { tx.Audit([]byte("one"), 1); return nil })
	h.later(time.Minute)
	h.write(func(tx store.Tx) error {
		tx.Audit([]byte("two"), 2)
		tx.Audit([]byte("+three"), 3)
		return nil
	})
	h.reopen()
	h.write(func(tx store.Tx) error { tx.Audit([]byte("four"), 1); return nil })
	first := store.Link{Seq: 1, At: epoch, Events: 1, Body: []byte("one")}
	first.Hash = first.Sum([32]byte{})
	second := store.Link{Seq: 2, At: epoch.Add(time.Minute), Events: 5, Body: []byte("two+three")}
	second.Hash = second.Sum(first.Hash)
	third := store.Link{Seq: 3, At: epoch.Add(time.Minute), Events: 1, Body: []byte("four")}
	third.Hash = third.Sum(second.Hash)
	h.read(func(r store.Reader) error {
		all, err := r.Trail(0, 10)
		same(t, "Trail(0, 10)", all, err, []store.Link{first, second, third})
		all, err = r.Trail(1, 1)
		same(t, "Trail(1, 1)", all, err, []store.Link{second})
		all, err = r.TrailBefore(math.MaxUint64, 2)
		same(t, "TrailBefore(all, 2)", all, err, []store.Link{third, second})
		all, err = r.TrailBefore(2, 10)
		same(t, "TrailBefore(2, 10)", all, err, []store.Link{first})
		head, err := r.TrailHead()
		same(t, "TrailHead", head, err, third)
		return nil
	})
}

func testTrailBlocks(t *testing.T, h *house) {
	blocks := []store.TrailBlock{
		{First: 1, Last: 3, Events: 7, From: epoch, To: epoch.Add(time.Second), Filter: []byte("abc")},
		{First: 4, Last: 4, Events: 1, From: epoch, To: epoch, Filter: []byte("d")},
		{First: 5, Last: 9, Events: 2, From: epoch, To: epoch, Filter: []byte("e")},
	}
	for _, b := range blocks {
		h.write(func(tx store.Tx) error { return tx.PutTrailBlock(b) })
	}
	blocks[2].Last, blocks[2].Filter = 8, []byte("other")
	h.write(func(tx store.Tx) error { return tx.PutTrailBlock(blocks[2]) })
	h.read(func(r store.Reader) error {
		list, err := r.TrailBlocks(math.MaxUint64, 2)
		same(t, "TrailBlocks(all, 2)", list, err, []store.TrailBlock{blocks[2], blocks[1]})
		list, err = r.TrailBlocks(5, 10)
		same(t, "TrailBlocks(5, 10)", list, err, []store.TrailBlock{blocks[1], blocks[0]})
		list, err = r.TrailBlocks(1, 10)
		same(t, "TrailBlocks(1, 10)", list, err, nil)
		return nil
	})
}

// What is cut off the front takes its blocks along, the newest link stays, and
// the chain goes on where it was, also after a restart.
func testCutTrail(t *testing.T, h *house) {
	var head store.Link
	add := func() {
		h.write(func(tx store.Tx) error { tx.Audit([]byte("some"), 1); return nil })
		h.read(func(r store.Reader) (err error) { head, err = r.TrailHead(); return err })
	}
	for range 6 {
		add()
	}
	h.write(func(tx store.Tx) error {
		return errors.Join(tx.PutTrailBlock(store.TrailBlock{First: 1, Last: 2, Filter: []byte{1}}), tx.PutTrailBlock(store.TrailBlock{First: 3, Last: 5, Filter: []byte{2}}))
	})
	cut := func(seq uint64, want int64) {
		t.Helper()
		h.write(func(tx store.Tx) error {
			if n, err := tx.CutTrail(seq); err != nil || n != want {
				t.Errorf("CutTrail(%d) = %d, %v, want %d", seq, n, err, want)
			}
			return nil
		})
	}
	left := func(links, blocks int) {
		t.Helper()
		h.read(func(r store.Reader) error {
			all, err := r.Trail(0, 100)
			some, err2 := r.TrailBlocks(math.MaxUint64, 100)
			if err = errors.Join(err, err2); err != nil || len(all) != links || len(some) != blocks {
				t.Errorf("%d links and %d blocks are left, %v, want %d and %d", len(all), len(some), err, links, blocks)
			}
			return nil
		})
	}
	cut(3, 3)
	left(3, 1)
	cut(3, 0)
	cut(100, 2)
	left(1, 0)
	before := head
	h.reopen()
	add()
	if want := (&store.Link{Seq: 7, At: epoch, Events: 1, Body: []byte("some")}).Sum(before.Hash); head.Seq != 7 || head.Hash != want {
		t.Errorf("after the cut the trail goes on with link %d, hash %x, want 7, %x", head.Seq, head.Hash, want)
	}
}

func testReopen(t *testing.T, h *house) {
	h.write(everything)
	id := h.account("alice")
	h.write(func(tx store.Tx) error {
		if err := tx.InsertMailbox(box(id, "alice.example", "a"), store.Creating); err != nil {
			return err
		}
		return tx.PutOverride(id, "ssh", true)
	})
	type state struct {
		Accounts  []latchkey.Account
		Tokens    []latchkey.Token
		Intents   []store.Intent
		Trail     []store.Link
		Overrides map[string]bool
		Mailboxes int64
		Head      store.Seq
	}
	look := func() (s state) {
		h.read(func(r store.Reader) (err error) {
			var errs [6]error
			s.Accounts, errs[0] = r.Accounts("", 10)
			s.Tokens, errs[1] = r.TokensAfter(0, 0, "", 10)
			s.Intents, errs[2] = r.Intents()
			s.Trail, errs[3] = r.Trail(0, 10)
			s.Overrides, errs[4] = r.Overrides(id)
			s.Mailboxes, errs[5] = r.MailboxCount(id)
			return errors.Join(errs[:]...)
		})
		s.Head, _ = h.Head(t.Context())
		return s
	}
	before := look()
	h.reopen()
	if d := cmp.Diff(before, look()); d != "" {
		t.Errorf("after a reopening (-before +after):\n%s", d)
	}
	if err := h.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := h.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
	h.Store = h.open(t, h.clock)
}

// A store that is closed, or being closed, refuses and never hangs.
func testClosed(t *testing.T, h *house) {
	var wg sync.WaitGroup
	var kept atomic.Int64
	for range 8 {
		wg.Go(func() {
			for {
				_, err := h.Write(t.Context(), func(tx store.Tx) error { tx.Audit([]byte("x"), 1); return nil })
				if err != nil {
					if latchkey.KindOf(err) != latchkey.Unavailable {
						t.Errorf("Write on a closed store: %v (%v), want kind unavailable", err, latchkey.KindOf(err))
					}
					return
				}
				kept.Add(1)
				if err := h.Read(t.Context(), func(r store.Reader) error { _, err := r.TrailHead(); return err }); err != nil {
					if latchkey.KindOf(err) != latchkey.Unavailable {
						t.Errorf("Read on a closed store: %v (%v), want kind unavailable", err, latchkey.KindOf(err))
					}
				}
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	if err := h.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	wg.Wait()
	h.Store = h.open(t, h.clock)
	var events int64
	h.read(func(r store.Reader) error {
		trail, err := r.Trail(0, 1<<30)
		for _, l := range trail {
			events += int64(l.Events)
		}
		return err
	})
	if events != kept.Load() {
		t.Errorf("%d writes were acknowledged, %d are there", kept.Load(), events)
	}
}
