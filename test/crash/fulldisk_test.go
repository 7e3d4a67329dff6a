package crash

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// fill leaves not a byte free on the disk that holds dir, until free is called.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "ballast"))
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
	return func() {
		if err := os.Remove(f.Name()); err != nil {
			t.Fatal(err)
		}
	}
}

// refusals gathers what clients were refused, in words.
type refusals struct {
	mu    sync.Mutex
	words map[string]int
}

func (r *refusals) note(client string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.words == nil {
		r.words = make(map[string]int)
	}
	r.words[err.Error()]++
}

// take is how many refusals there were, all of which must be clear ones.
func (r *refusals) take(t *testing.T) (n int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for words, times := range r.words {
		if n += times; !inClearWords(words) {
			t.Errorf("a change on a full disk is refused (%d times) with %q, want HTTP 200 and the disk named, or for mail 451", times, words)
		}
	}
	t.Logf("refused: %v", slices.Sorted(maps.Keys(r.words)))
	r.words = nil
	return n
}

// inClearWords reports whether a refusal says what is the matter.
func inClearWords(words string) bool {
	return strings.HasPrefix(words, "refused with HTTP 200: ") && (strings.Contains(words, "disk is full") || strings.Contains(words, hasBegun)) ||
		strings.HasPrefix(words, "refused with HTTP 451: ")
}

// TestFullDisk fills the disk under a server at work. Changes are refused in
// clear words, reads go on, nothing acknowledged is lost, and when there is
// room again everything works again. A server starts on a full disk, too.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	smallDisk(t, dir, "24m")
	w := newWorld(t, dir)
	w.furnish(start(t, dir))
	var refused refusals

	load := w.load(w.run, 0)
	load.refused = refused.note
	time.Sleep(200 * time.Millisecond)
	if n := refused.take(t); n > 0 {
		t.Errorf("%d changes were refused before the disk was full", n)
	}
	free := fill(t, dir)
	time.Sleep(200 * time.Millisecond)
	w.readsGoOn(time.Second)
	if n := refused.take(t); n == 0 {
		t.Error("no change was refused on a full disk")
	}
	free()
	time.Sleep(50 * time.Millisecond)
	refused.take(t) // those that were under way
	acknowledged := w.acked()
	time.Sleep(300 * time.Millisecond)
	if n := refused.take(t); n > 0 {
		t.Errorf("%d changes were refused with room on the disk again", n)
	}
	load.wait()
	if w.acked() == acknowledged {
		t.Error("no change was acknowledged with room on the disk again")
	}
	w.settled()
	w.check()

	load = w.load(w.run, 1)
	load.refused = refused.note
	time.Sleep(100 * time.Millisecond)
	free = fill(t, dir)
	time.Sleep(100 * time.Millisecond)
	w.run.kill()
	load.wait()
	refused.take(t)
	w.run = start(t, dir) // it can: a reserve is kept for this
	w.readsGoOn(300 * time.Millisecond)
	free()
	w.settled()
	w.run.stop()
	w.run = start(t, dir)
	w.check()
	w.run.stop()
	t.Logf("%d acknowledged changes, %d lost; seed %d", w.acknowledged, w.lost, *seed)
}

// acked is how many changes were acknowledged so far.
func (w *world) acked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.acknowledged
}

// readsGoOn asks for all kinds of things that need no room, for a time.
func (w *world) readsGoOn(long time.Duration) {
	w.t.Helper()
	demo, other, root, bad := w.run.account("demo", w.demo), w.run.account("other", w.other), w.run.host(w.root), w.run.account("demo", w.other)
	n := 0
	for end := time.Now().Add(long); time.Now().Before(end); n++ {
		for _, read := range []struct {
			c        *client
			function string
		}{
			{demo, "Quota/get_quota_info"}, {demo, "Email/list_pops"}, {other, "Email/list_pops_with_disk"}, {other, "Tokens/list"}, {root, "listaccts"},
		} {
			if err := read.c.call(nil, read.function); err != nil {
				w.t.Errorf("%s on a full disk: %v", read.function, err)
				return
			}
		}
		if refused, ok := errors.AsType[*refusal](bad.call(nil, "Quota/get_quota_info")); !ok || refused.code != 401 {
			w.t.Errorf("a token of another account on a full disk: %v, want HTTP 401", refused)
		}
	}
	w.t.Logf("%d rounds of reads on a full disk", n)
}

// settled waits until what had begun is finished.
func (w *world) settled() {
	w.t.Helper()
	var left []string
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if left = unsound(w.t, w.dir); len(left) == 0 {
			return
		}
	}
	w.t.Errorf("15 s after there was room again: %v\n%s", left, w.run.log.String())
}
