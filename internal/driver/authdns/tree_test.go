package authdns

import (
	"fmt"
	"slices"
	"testing"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

// TestTreeIsAMap holds trees to what a map and its sorted keys say, and every
// older version to what it said.
func TestTreeIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfDistinct(rapid.StringMatching(`[a-d]{0,3}`), rapid.ID).Draw(t, "keys")
		slices.Sort(keys)
		model := make(map[key]*entry)
		var planted []*entry
		for _, k := range keys {
			e := &entry{key: key(k)}
			model[e.key] = e
			planted = append(planted, e)
		}
		tree := plant(planted)
		old, oldSize := tree, len(model)
		for range rapid.IntRange(0, 40).Draw(t, "changes") {
			k := key(rapid.StringMatching(`[a-d]{0,3}`).Draw(t, "key"))
			if rapid.Bool().Draw(t, "away") {
				delete(model, k)
				tree = tree.without(k)
			} else {
				e := &entry{key: k}
				model[k] = e
				tree = tree.with(e)
			}
			checkTree(t, tree, model)
		}
		if n := len(slices.Collect(old.all())); n != oldSize {
			t.Fatalf("a version of %d entries has %d now", oldSize, n)
		}
	})
}

func checkTree(t *rapid.T, tree *node, model map[key]*entry) {
	var last key
	n := 0
	for e := range tree.all() {
		if n > 0 && e.key <= last || model[e.key] != e {
			t.Fatalf("entry %q stands after %q", e.key, last)
		}
		last = e.key
		n++
	}
	if n != len(model) {
		t.Fatalf("%d entries, want %d", n, len(model))
	}
	k := key(rapid.StringMatching(`[a-d]{0,3}`).Draw(t, "asked"))
	var before, after *entry
	for _, e := range model {
		if e.key < k && (before == nil || e.key > before.key) {
			before = e
		}
		if e.key > k && (after == nil || e.key < after.key) {
			after = e
		}
	}
	gotAt, gotBefore, gotAfter := tree.near(k)
	if gotAt != model[k] || gotAt != tree.find(k) || gotAfter != after || gotAt == nil && gotBefore != before {
		t.Fatalf("near(%q) = %v, %v, %v; want %v, %v, %v", k, gotAt, gotBefore, gotAfter, model[k], before, after)
	}
}

// TestChangesAndWholeAreOne wants a zone that was changed record by record to
// be the zone that is made of the records in the end.
func TestChangesAndWholeAreOne(t *testing.T) {
	base := records(t, "example.com.", plain)
	var pool []dns.RR
	for i := range 30 {
		pool = append(pool, records(t, "example.com.", fmt.Sprintf("n%d.x%d %d IN A 192.0.2.%d\n", i%5, i%3, 60+i%2, i%4))...)
	}
	pool = append(pool, records(t, "example.com.", "deep.sub 60 NS ns1\n*.w CNAME www\n_a TXT \"x\" \"y\"\n")...)
	for i := range pool[30:] {
		pool[30+i].Header().Ttl = 60
	}
	rapid.Check(t, func(t *rapid.T) {
		z, err := NewZone("example.com.", base)
		if err != nil {
			t.Fatal(err)
		}
		var have []dns.RR
		for range rapid.IntRange(1, 40).Draw(t, "changes") {
			var remove, add []dns.RR
			if len(have) > 0 && rapid.Bool().Draw(t, "away") {
				i := rapid.IntRange(0, len(have)-1).Draw(t, "which")
				remove, have = []dns.RR{have[i]}, slices.Delete(slices.Clone(have), i, i+1)
			} else {
				add = []dns.RR{rapid.SampledFrom(pool).Draw(t, "record")}
				have = append(have, add...)
			}
			if z, err = z.With(remove, add); err != nil {
				t.Fatal(err)
			}
		}
		want, err := NewZone("example.com.", slices.Concat(base, have))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := normal(slices.Collect(z.Records())), normal(slices.Collect(want.Records())); got != want || z.cuts != countCuts(z) {
			t.Fatalf("got\n%s\nwant\n%s\ncuts %d, want %d", got, want, z.cuts, countCuts(z))
		}
	})
}

func countCuts(z *Zone) (n int) {
	for e := range z.root.all() {
		n += e.cuts()
	}
	return n
}
