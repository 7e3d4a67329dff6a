package authdns

import (
	"cmp"
	"hash/maphash"
	"iter"
	"slices"
)

// entry is a name that has records. It never changes.
type entry struct {
	key  key
	sets []*set
}

// node is a tree of entries in the order of their keys, a treap. Nodes never
// change: a change makes a new tree that shares with the old one all but the
// path to what changed. nil is the empty tree.
type node struct {
	*entry
	rank        uint64
	left, right *node
}

// seed keeps those who choose names from choosing the shape of trees.
var seed = maphash.MakeSeed()

func newNode(e *entry) *node { return &node{entry: e, rank: maphash.Comparable(seed, e.key)} }

// plant makes a tree of entries that are in order.
func plant(entries []*entry) *node {
	var spine []*node // from the root to the right
	for _, e := range entries {
		n := newNode(e)
		for len(spine) > 0 && spine[len(spine)-1].rank < n.rank {
			n.left = spine[len(spine)-1]
			spine = spine[:len(spine)-1]
		}
		if len(spine) > 0 {
			spine[len(spine)-1].right = n
		}
		spine = append(spine, n)
	}
	if len(spine) == 0 {
		return nil
	}
	return spine[0]
}

func sortEntries(entries []*entry) {
	slices.SortFunc(entries, func(a, b *entry) int { return cmp.Compare(a.key, b.key) })
}

// find is the entry with key k, or nil.
func (n *node) find(k key) *entry {
	for n != nil {
		switch c := cmp.Compare(k, n.key); {
		case c == 0:
			return n.entry
		case c < 0:
			n = n.left
		default:
			n = n.right
		}
	}
	return nil
}

// near is the entry with key k, the last before it and the first after it; nil
// where there is none.
func (n *node) near(k key) (at, before, after *entry) {
	for n != nil {
		c := cmp.Compare(k, n.key)
		if c == 0 {
			at = n.entry
		}
		if c < 0 {
			after, n = n.entry, n.left
			continue
		}
		if c > 0 {
			before = n.entry
		}
		n = n.right
	}
	return at, before, after
}

// with is the tree with e in it, in place of what had its key.
func (n *node) with(e *entry) *node { return n.insert(newNode(e)) }

func (n *node) insert(x *node) *node {
	switch {
	case n == nil:
		return x
	case n.key == x.key:
		return &node{x.entry, n.rank, n.left, n.right}
	case n.rank < x.rank:
		x.left, x.right = n.split(x.key)
		return x
	case x.key < n.key:
		return &node{n.entry, n.rank, n.left.insert(x), n.right}
	}
	return &node{n.entry, n.rank, n.left, n.right.insert(x)}
}

// split is what stands before k and what stands after it; k itself is not in n.
func (n *node) split(k key) (before, after *node) {
	if n == nil {
		return nil, nil
	}
	if k < n.key {
		before, after = n.left.split(k)
		return before, &node{n.entry, n.rank, after, n.right}
	}
	before, after = n.right.split(k)
	return &node{n.entry, n.rank, n.left, before}, after
}

// without is the tree without the entry that has key k.
func (n *node) without(k key) *node {
	switch {
	case n == nil:
		return nil
	case n.key == k:
		return join(n.left, n.right)
	case k < n.key:
		return &node{n.entry, n.rank, n.left.without(k), n.right}
	}
	return &node{n.entry, n.rank, n.left, n.right.without(k)}
}

// join is one tree of two; all of a stands before all of b.
func join(a, b *node) *node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.rank > b.rank:
		return &node{a.entry, a.rank, a.left, join(a.right, b)}
	}
	return &node{b.entry, b.rank, join(a, b.left), b.right}
}

// all is every entry in order.
func (n *node) all() iter.Seq[*entry] {
	return func(yield func(*entry) bool) { n.walk(yield) }
}

func (n *node) walk(yield func(*entry) bool) bool {
	return n == nil || n.left.walk(yield) && yield(n.entry) && n.right.walk(yield)
}
