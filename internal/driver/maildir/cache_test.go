package maildir

import (
	"fmt"
	"testing"
)

func TestCacheIsBounded(t *testing.T) {
	c := cache{limit: 100}
	pic := &picture{folders: make([]string, 1), figures: make([]figure, 2)}
	for i := range 1000 {
		c.keep(place{"a", "d", fmt.Sprint(i % 300)}, pic)
		if c.dirs > c.limit || c.dirs != len(c.pictures)*pic.weight() {
			t.Fatalf("after %d: %d of %d with %d mailboxes", i, c.dirs, c.limit, len(c.pictures))
		}
	}
	if len(c.pictures) != 25 {
		t.Errorf("%d mailboxes kept, want 25", len(c.pictures))
	}
	c.keep(place{"a", "d", "huge"}, &picture{figures: make([]figure, 50)})
	if c.find(place{"a", "d", "huge"}) != nil || len(c.pictures) != 25 {
		t.Error("a mailbox of half the cache pushed out others")
	}
}
