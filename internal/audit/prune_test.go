package audit

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/store/sqlite"
)

// aged is a trail of n days, one link of two events a day, and its recorder on the
// last of them.
func aged(tb testing.TB, n int) (*Recorder, *Heads, string) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "latchkey.db")
	day := 0
	now := func() time.Time { return noon.AddDate(0, 0, day) }
	s, err := sqlite.Open(tb.Context(), path, sqlite.Options{Now: now})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	heads := newHeads(tb)
	if err := heads.Begin(tb.Context(), s); err != nil {
		tb.Fatal(err)
	}
	r := newRecorder(s, heads)
	r.now = now
	for day = range n {
		r.Record(&latchkey.Event{At: now(), By: latchkey.ByToken, Account: 1, Func: fmt.Sprint("Email::f", day)})
		r.Record(&latchkey.Event{At: now(), By: latchkey.ByToken, Account: 2, Func: fmt.Sprint("Email::g", day), OK: true})
		r.Flush()
	}
	day = n - 1
	return r, heads, path
}

// What is cut off leaves a chain that verifies and says that it was cut, and is
// found in the folder; what is left is found by search.
func TestPrune(t *testing.T) {
	r, heads, _ := aged(t, 30)
	r.Keep.Folder = t.TempDir()
	for i, want := range []struct {
		before   time.Time
		cut      Pruned
		left     int
		anchored uint64
	}{
		{noon, Pruned{}, 60, 0},
		{noon.AddDate(0, 0, 10), Pruned{First: 1, Last: 10, Events: 20}, 41, 10},
		{noon.AddDate(0, 0, 10), Pruned{}, 41, 10},
		{noon.AddDate(0, 0, 15), Pruned{First: 11, Last: 15, Events: 10}, 32, 15},
		{noon.AddDate(1, 0, 0), Pruned{First: 16, Last: 31, Events: 31}, 2, 31}, // the newest stays
	} {
		got, err := r.Prune(t.Context(), want.before, "test")
		if err != nil {
			t.Fatal(err)
		}
		if got.File != "" {
			f, err := os.Open(got.File)
			if err != nil {
				t.Fatal(err)
			}
			x, err := VerifyExport(f, heads.Keys)
			f.Close()
			if err != nil || x.Seq != got.Last || x.After.Seq != got.First-1 || x.Events != got.Events || !x.Sealed {
				t.Errorf("round %d: the file holds %+v, %v", i, x, err)
			}
			got.File = ""
		}
		if got != want.cut {
			t.Errorf("round %d: Prune = %+v, want %+v", i, got, want.cut)
		}
		r.copyHead()
		rep, err := Verify(t.Context(), r.store, heads)
		if err != nil || rep.Events != want.left || rep.Cut != want.anchored {
			t.Errorf("round %d: Verify = %+v, %v, want %d events", i, rep, err, want.left)
		}
		page, err := r.Search(t.Context(), latchkey.EventQuery{Limit: 100})
		if err != nil || len(page.Events) != want.left {
			t.Errorf("round %d: %d events are found, %v, want %d", i, len(page.Events), err, want.left)
		}
		if n, err := r.index(t.Context()); n != 0 || err != nil {
			t.Errorf("index = %d, %v", n, err)
		}
	}
	last := events(t, r.store)
	if e := last[len(last)-1]; e.Func != "audit::prune" || !e.OK || !e.Change || e.Values[0] != "links=16-31" || e.Values[1] != "events=31" {
		t.Errorf("the trail says %+v", e)
	}
}

// A part that could not be written out, or is not as it was written, stays.
func TestPruneRefuses(t *testing.T) {
	r, heads, path := aged(t, 10)
	r.Keep.Folder = filepath.Join(t.TempDir(), "missing")
	stays := func(why string) {
		t.Helper()
		if done, err := r.Prune(t.Context(), noon.AddDate(0, 0, 5), "test"); err == nil {
			t.Errorf("%s: cut off %+v", why, done)
		}
		if rep, err := Verify(t.Context(), r.store, nil); rep.Cut != 0 {
			t.Errorf("%s: after it the trail is %+v, %v", why, rep, err)
		}
	}
	stays("no folder")
	r.Keep.Folder = ""
	r.store = &trail{Store: r.store}
	r.store.(*trail).refuse.Store(true)
	stays("the store refuses")
	r.store.(*trail).refuse.Store(false)
	r.copyHead()
	head, err := os.ReadFile(heads.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(heads.Path, bytes.Replace(head, []byte(`"seq":1`), []byte(`"seq":2`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	h := &Heads{Path: heads.Path, Keys: heads.Keys} // as after a restart
	if err := h.Begin(t.Context(), r.store); err == nil {
		t.Error("a copy of the head that was changed is taken")
	}
	r.heads = h
	stays("the copy of the head was changed")
	if err := os.WriteFile(heads.Path, head, 0o600); err != nil {
		t.Fatal(err)
	}
	r.heads = heads
	alter(t, path, `UPDATE audit SET body = zeroblob(length(body)) WHERE seq = 3`)
	stays("a link was changed")
}

// alter changes the database behind everybody's back.
func alter(tb testing.TB, path, query string, args ...any) {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	res, err := db.Exec(query, args...)
	if err != nil {
		tb.Fatal(err)
	}
	if n, err := res.RowsAffected(); n == 0 || err != nil {
		tb.Fatalf("%s changed %d rows, %v", query, n, err)
	}
}

// What is older than it is to be kept is cut off once there is a day's worth of it.
func TestRetention(t *testing.T) {
	r, heads, _ := aged(t, 30)
	cut := func() uint64 {
		t.Helper()
		r.prune(t.Context())
		rep, err := Verify(t.Context(), r.store, nil)
		if err != nil {
			t.Fatal(err)
		}
		return rep.Cut
	}
	if n := cut(); n != 0 {
		t.Errorf("cut up to link %d without being asked", n)
	}
	r.Keep.Days = 29
	if n := cut(); n != 0 {
		t.Errorf("kept for 29 days, 30 days are cut up to link %d", n)
	}
	r.Keep.Days = 20
	if n := cut(); n != 9 {
		t.Errorf("kept for 20 days, 30 days are cut up to link %d, want 9", n)
	}
	r.copyHead()
	if _, err := Verify(t.Context(), r.store, heads); err != nil {
		t.Error(err)
	}
}

// Nobody without the key cuts off the front, nor makes the cut look otherwise.
func TestCutUnseen(t *testing.T) {
	r, heads, path := aged(t, 30)
	r.copyHead()
	if _, err := r.Prune(t.Context(), noon.AddDate(0, 0, 5), "test"); err != nil {
		t.Fatal(err)
	}
	r.copyHead()
	pristine := vacuumed(t, path)
	var links []store.Link
	if err := r.store.Read(t.Context(), func(rd store.Reader) (err error) { links, err = rd.Trail(0, 100); return err }); err != nil {
		t.Fatal(err)
	}
	seal := heads.Keys.SealHead(links[3].Seq, links[3].Hash)
	for what, query := range map[string]string{
		"more is cut":          `DELETE FROM audit WHERE seq < 10`,
		"all is cut":           `DELETE FROM audit`,
		"the anchor is gone":   `DELETE FROM setting WHERE name = 'audit-anchor'`,
		"the anchor is moved":  `UPDATE setting SET body = replace(body, '"seq":5', '"seq":6') WHERE name = 'audit-anchor'`,
		"other events are cut": `UPDATE setting SET body = replace(body, '"events":10', '"events":11') WHERE name = 'audit-anchor'`,
		"the anchor is rubble": `UPDATE setting SET body = 'x' WHERE name = 'audit-anchor'`,
		"a head for an anchor": fmt.Sprintf(`UPDATE setting SET body = '{"seq":%d,"events":16,"at":%d,"hash":"%x","seal":"%x"}' WHERE name = 'audit-anchor'`,
			links[3].Seq, links[3].At.UnixMicro(), links[3].Hash, seal),
	} {
		copied := filepath.Join(t.TempDir(), "copy.db")
		if err := os.WriteFile(copied, pristine, 0o600); err != nil {
			t.Fatal(err)
		}
		alter(t, copied, query)
		if what == "a head for an anchor" {
			alter(t, copied, `DELETE FROM audit WHERE seq <= ?`, links[3].Seq)
		}
		if rep, err := verifyCopy(t, copied, heads); err == nil {
			t.Errorf("%s: not found, %+v", what, rep)
		}
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(copied, pristine, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := verifyCopy(t, copied, heads); err != nil {
		t.Errorf("the trail as it is: %v", err)
	}
}

// vacuumed is the database in one file.
func vacuumed(tb testing.TB, path string) []byte {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	out := filepath.Join(tb.TempDir(), "vacuumed.db")
	if _, err := db.Exec(`VACUUM INTO ?`, out); err != nil {
		tb.Fatal(err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func verifyCopy(tb testing.TB, path string, heads *Heads) (Report, error) {
	s, err := sqlite.Open(context.Background(), path, sqlite.Options{Now: clock})
	if err != nil {
		return Report{}, err
	}
	defer s.Close()
	return Verify(context.Background(), s, heads)
}

// A copy of the head that the trail does not reach at a start stays as it is: the
// server goes on, and says so.
func TestHeadsBegin(t *testing.T) {
	r, heads, path := aged(t, 5)
	r.copyHead()
	restart := func() error {
		t.Helper()
		r.heads = &Heads{Path: heads.Path, Keys: heads.Keys}
		err := r.heads.Begin(t.Context(), r.store)
		if err != nil {
			r.Warn(err)
		}
		r.copyHead()
		r.copyHead()
		r.Flush()
		return err
	}
	if err := restart(); err != nil {
		t.Errorf("a restart: %v", err)
	}
	if err := os.Remove(heads.Path); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(t.Context(), r.store, r.heads); err == nil {
		t.Error("the copy of the head is missing, and that is not found")
	}
	if err := restart(); err == nil {
		t.Error("the copy of the head is missing at a start, and that is not found")
	}
	list := events(t, r.store)
	if e := list[len(list)-1]; e.Func != "audit::head" || !strings.Contains(e.Messages, "is missing") {
		t.Errorf("the trail says %+v", e)
	}
	if _, err := Verify(t.Context(), r.store, r.heads); err != nil {
		t.Errorf("with a new copy: %v", err)
	}
	r.copyHead()
	file, err := os.ReadFile(heads.Path)
	if err != nil {
		t.Fatal(err)
	}
	alter(t, path, `DELETE FROM audit WHERE seq > 3`)
	if err := restart(); err == nil || !strings.Contains(err.Error(), "its end was cut off") {
		t.Errorf("the end was cut off before a start: %v", err)
	}
	if now, err := os.ReadFile(heads.Path); err != nil || !bytes.Equal(now, file) {
		t.Errorf("the copy that shows it was written over: %s, %v", now, err)
	}
	if _, err := Verify(t.Context(), r.store, r.heads); err == nil {
		t.Error("it is not found later")
	}
}

// Of the first record that is bad its link, event and time are named.
func TestVerifyNames(t *testing.T) {
	r, heads, path := aged(t, 20)
	if _, err := r.Prune(t.Context(), noon.AddDate(0, 0, 5), "test"); err != nil {
		t.Fatal(err)
	}
	r.copyHead()
	alter(t, path, `UPDATE audit SET body = zeroblob(length(body)) WHERE seq IN (9, 12)`)
	_, err := Verify(t.Context(), r.store, heads)
	b, ok := errors.AsType[*Broken](err)
	if !ok || b.Link != 9 || b.Event != 17 || !b.At.Equal(noon.AddDate(0, 0, 8)) {
		t.Errorf("Verify = %v, want link 9, event 17, of the ninth day", err)
	}
	if want := "link 9 (2026-11-28T12:00:00Z), from event 17 on: it was changed, its hash does not fit"; err.Error() != want {
		t.Errorf("Verify = %v, want %s", err, want)
	}
}

// What searches go by is held to what stands in the links.
func TestVerifyBlocks(t *testing.T) {
	s := newTrail(t)
	s.write(t, 600)
	heads := newHeads(t)
	r := newRecorder(s, heads)
	for n := 1; n > 0; {
		n, _ = r.index(t.Context())
	}
	if err := heads.Copy(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(t.Context(), s, heads); err != nil {
		t.Fatal(err)
	}
	var blocks []store.TrailBlock
	if err := s.Read(t.Context(), func(rd store.Reader) (err error) { blocks, err = rd.TrailBlocks(1<<62, 100); return err }); err != nil || len(blocks) != 2 {
		t.Fatalf("%d blocks, %v, want 2", len(blocks), err)
	}
	put := func(b store.TrailBlock) {
		t.Helper()
		if _, err := s.Write(t.Context(), func(tx store.Tx) error { return tx.PutTrailBlock(b) }); err != nil {
			t.Fatal(err)
		}
	}
	for what, change := range map[string]func(b *store.TrailBlock){
		"an empty filter":    func(b *store.TrailBlock) { b.Filter = []byte{} },
		"one bit of it":      func(b *store.TrailBlock) { b.Filter = bytes.Clone(b.Filter); b.Filter[0] ^= 1 },
		"a later beginning":  func(b *store.TrailBlock) { b.From = b.From.Add(time.Hour) },
		"an earlier end":     func(b *store.TrailBlock) { b.To = b.To.Add(-time.Hour) },
		"fewer events":       func(b *store.TrailBlock) { b.Events-- },
		"another last link":  func(b *store.TrailBlock) { b.Last++ },
		"fewer links":        func(b *store.TrailBlock) { b.Last-- },
		"a block of nothing": func(b *store.TrailBlock) { b.Last = b.First - 1 },
		"all links":          func(b *store.TrailBlock) { b.Last = 600 },
	} {
		for _, b := range blocks {
			changed := b
			change(&changed)
			put(changed)
			if _, err := Verify(t.Context(), s, heads); err == nil {
				t.Errorf("block of %d: %s: not found", b.First, what)
			}
			put(b)
		}
	}
	put(store.TrailBlock{First: 600, Last: 600, Filter: []byte{}})
	if _, err := Verify(t.Context(), s, heads); err == nil {
		t.Error("a block of the newest link that hides it is not found")
	}
}

// An export holds what stands in the trail, and nothing in it can be changed
// unseen.
func TestExport(t *testing.T) {
	r, heads, _ := aged(t, 12)
	if _, err := r.Prune(t.Context(), noon.AddDate(0, 0, 2), "test"); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Export(t.Context(), r.store, heads, &b, Span{Since: noon.AddDate(0, 0, 4), Until: noon.AddDate(0, 0, 8)}); err != nil {
		t.Fatal(err)
	}
	whole := b.String()
	x, err := VerifyExport(strings.NewReader(whole), heads.Keys)
	if err != nil || x.After.Seq != 4 || x.Seq != 8 || x.Links != 4 || x.Events != 8 || !x.Sealed {
		t.Fatalf("VerifyExport = %+v, %v", x, err)
	}
	if !strings.Contains(whole, `"func":"Email::f4"`) || !strings.Contains(whole, `"func":"Email::g7"`) || strings.Contains(whole, "::f8") || strings.Contains(whole, "::f3") {
		t.Errorf("the export holds %s", whole)
	}
	lines := strings.SplitAfter(whole, "\n")
	bad := func(what, text string) {
		t.Helper()
		if x, err := VerifyExport(strings.NewReader(text), heads.Keys); err == nil {
			t.Errorf("%s: not found, %+v", what, x)
		}
	}
	for at := range len(whole) {
		changed := []byte(whole)
		changed[at] ^= 1
		bad(fmt.Sprintf("byte %d", at), string(changed))
		bad(fmt.Sprintf("cut after byte %d", at), whole[:at])
	}
	for i := range lines[:len(lines)-1] {
		bad(fmt.Sprintf("without line %d", i), strings.Join(lines[:i], "")+strings.Join(lines[i+1:], ""))
		bad(fmt.Sprintf("line %d twice", i), strings.Join(lines[:i+1], "")+strings.Join(lines[i:], ""))
	}
	bad("something after it", whole+"{}\n")
	if _, err := VerifyExport(strings.NewReader(whole), auth.NewKeys(bytes.Repeat([]byte{1}, 32))); err == nil {
		t.Error("another server's key seals it too")
	}
	if x, err := VerifyExport(strings.NewReader(whole), nil); err != nil || x.Sealed {
		t.Errorf("without a key: %+v, %v", x, err)
	}
	b.Reset()
	if err := Export(t.Context(), r.store, heads, &b, Span{Since: noon.AddDate(9, 0, 0)}); err != nil {
		t.Fatal(err)
	}
	if x, err := VerifyExport(&b, heads.Keys); err != nil || x.Links != 0 {
		t.Errorf("an export of nothing: %+v, %v", x, err)
	}
}

func FuzzVerifyExport(f *testing.F) {
	heads := &Heads{Keys: auth.NewKeys(make([]byte, 32))}
	var b bytes.Buffer
	x := newExporter(&b, anchor{}, Span{})
	var prev [32]byte
	for n := range 3 {
		l := store.Link{Seq: uint64(n + 1), At: noon, Events: 1, Body: Encode(&latchkey.Event{At: noon, Func: fmt.Sprint("f", n), OK: true})}
		l.Hash = l.Sum(prev)
		prev = l.Hash
		if err := x.link(&l); err != nil {
			f.Fatal(err)
		}
	}
	if err := x.end(heads.Keys); err != nil {
		f.Fatal(err)
	}
	whole := b.String()
	f.Add([]byte(whole))
	f.Add([]byte(whole[:len(whole)/2]))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		x, err := VerifyExport(bytes.NewReader(text), heads.Keys)
		if err == nil && string(text) != whole && !bytes.HasSuffix(text, []byte("}")) {
			t.Errorf("taken for the server's: %+v\n%q", x, text)
		}
		_, _ = VerifyExport(bytes.NewReader(text), nil)
	})
}
