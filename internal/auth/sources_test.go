package auth

import (
	"context"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// kept is what is written down of sources.
func (h *house) kept() (list []store.Source) {
	h.Helper()
	err := h.db.Store.Read(h.Context(), func(r store.Reader) (err error) {
		list, err = r.Sources()
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	return list
}

// A restart forgives nobody: who is refused stays so, and who has failed has as
// many failures left as before.
func TestSourcesOutliveARestart(t *testing.T) {
	h := newHouse(t)
	for i := range uint32(6) {
		h.throttle.try("192.0.2.1", noon, i)
	}
	for i := range uint32(40) {
		h.throttle.try("2001:db8:1:1::1", noon, i)
	}
	for i := range uint32(3) {
		h.throttle.try("198.51.100.1", noon, i)
	}
	h.flushSources(sourcesAtATime, false)
	h.reopen()
	for what, test := range map[string]struct {
		from  string
		after time.Duration
		want  Reason
	}{
		"refused for a period": {"192.0.2.1", 14 * time.Minute, Throttled},
		"its neighbour":        {"192.0.2.2", 0, ""},
		"refused for a day":    {"2001:db8:1:1:ffff::9", 23 * time.Hour, Throttled},
		"the next network":     {"2001:db8:1:2::1", 0, ""},
	} {
		if why := h.throttle.try(test.from, noon.Add(test.after), 99); why != test.want {
			t.Errorf("%s: %q, want %q", what, why, test.want)
		}
	}
	checked := 0
	for i := range uint32(10) {
		if h.throttle.try("198.51.100.1", noon, 100+i) == "" {
			checked++
		}
	}
	if checked != 2 {
		t.Errorf("after three failures and a restart %d were checked, want 2", checked)
	}
	blocks := h.Blocks()
	if len(blocks) != 3 || !blocks[2].Excess || blocks[2].Source.String() != "2001:db8:1:1::/64" {
		t.Errorf("blocks = %+v", blocks)
	}
}

// However far a clock was ahead, it shuts nobody out for longer than a day.
func TestSourcesOfAClockSetBack(t *testing.T) {
	h := newHouse(t)
	h.setTime(noon.AddDate(20, 0, 0))
	for i := range uint32(40) {
		h.throttle.try("192.0.2.1", h.clock(), i)
	}
	h.flushSources(sourcesAtATime, false)
	h.setTime(noon)
	h.reopen()
	if why := h.throttle.try("192.0.2.1", noon.Add(time.Hour), 1); why != Throttled {
		t.Errorf("after an hour: %q, want throttled", why)
	}
	if why := h.throttle.try("192.0.2.1", noon.Add(24*time.Hour), 1); why != "" {
		t.Errorf("after a day: %q", why)
	}
}

// Only what has changed is written, and what counts for nothing is taken away.
func TestSourcesAreWrittenOnce(t *testing.T) {
	h := newHouse(t)
	_, secret := h.token(h.account("alice"), "t")
	h.throttle.try("192.0.2.1", noon, 1)
	h.accepts("a good token", tokenCred("alice", secret))
	if list := h.throttle.takeChanged(10); len(list) != 1 {
		t.Fatalf("changed: %+v, want one", list)
	}
	h.accepts("a good token again", tokenCred("alice", secret))
	if list := h.throttle.takeChanged(10); len(list) != 0 {
		t.Errorf("a good call changed %+v", list)
	}
	h.throttle.try("192.0.2.1", noon, 2)
	h.db.refuse.Store(true)
	h.flushSources(10, false)
	h.db.refuse.Store(false)
	h.flushSources(10, false)
	if list := h.kept(); len(list) != 1 || list[0].Level != 2 {
		t.Errorf("kept after a write that failed: %+v", list)
	}
	h.setTime(noon.Add(time.Hour))
	h.flushSources(10, true)
	if list := h.kept(); len(list) != 0 {
		t.Errorf("kept an hour later: %+v", list)
	}
}

// A flood of sources is written down in part, and no more is kept than there is
// room for.
func TestSourcesOfAFlood(t *testing.T) {
	h := newHouse(t)
	for i := range uint32(5 * throttleSets) {
		var b [16]byte
		b[0], b[1] = 0x20, 0x01
		binary.BigEndian.PutUint32(b[4:], i)
		h.throttle.fail(netip.AddrFrom16(b), noon, i)
	}
	h.flushSources(sourcesAtATime, false)
	if n := len(h.kept()); n < sourcesAtATime || n > sourcesAtATime+throttleWays {
		t.Errorf("%d sources were written at a time, want about %d", n, sourcesAtATime)
	}
	h.flushSources(sourcesKept, false)
	if n := len(h.kept()); n < 4*throttleSets {
		t.Errorf("%d of %d sources are kept in the end", n, 5*throttleSets)
	}
	h.commit(func(tx store.Tx) error { return tx.DeleteOldSources(noon, noon.Add(-time.Hour), 100) })
	if n := len(h.kept()); n != 100 {
		t.Errorf("%d are kept, want 100", n)
	}
}

// What is pardoned is pardoned after a restart, too, also what was forgotten in
// memory.
func TestPardonIsKept(t *testing.T) {
	h := newHouse(t)
	for i := range uint32(6) {
		h.throttle.try("192.0.2.1", noon, i)
		h.throttle.try("198.51.100.1", noon, i)
	}
	h.flushSources(10, false)
	forgotten := sourceOf(addr("192.0.2.9"))
	h.commit(func(tx store.Tx) error {
		return tx.PutSource(store.Source{Key: forgotten, Level: 5, At: noon, Until: noon.Add(time.Hour), Count: 5})
	})
	r, _ := latchkey.ParseRange("192.0.2.0/24")
	ranges := []latchkey.AddressRange{r}
	h.commit(func(tx store.Tx) error { return h.ForgetSources(tx, ranges) })
	if _, freed := h.Pardon(ranges); freed != 1 {
		t.Errorf("%d were freed, want 1", freed)
	}
	h.flushSources(10, false)
	h.reopen()
	for from, want := range map[string]Reason{"192.0.2.1": "", "192.0.2.9": "", "198.51.100.1": Throttled} {
		if why := h.throttle.try(from, noon, 9); why != want {
			t.Errorf("%s: %q, want %q", from, why, want)
		}
	}
}

// RunSources writes down the last of it when it ends.
func TestRunSources(t *testing.T) {
	h := newHouse(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); h.RunSources(ctx) }()
	h.throttle.try("192.0.2.1", noon, 1)
	cancel()
	<-done
	if list := h.kept(); len(list) != 1 || prefixOf(list[0].Key).String() != "192.0.2.1/32" {
		t.Errorf("kept: %+v", list)
	}
}
