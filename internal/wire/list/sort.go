package list

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/wire/encode"
)

// keys are the sort keys of some rows by one [Sort], each read once: texts, or
// numbers when texts is nil.
type keys struct {
	texts   []string
	numbers []float64
	sign    int
}

// order puts the positions of rows into the order that sorts ask for. Positions
// must ascend; rows that are alike keep their order.
func order(sorts []Sort, r rows, positions []int) {
	all := make([]keys, len(sorts))
	for i, s := range sorts {
		all[i] = s.keys(r, positions)
	}
	by := make([]int, len(positions)) // index into positions and keys
	for i := range by {
		by[i] = i
	}
	slices.SortFunc(by, func(x, y int) int {
		for _, k := range all {
			if c := k.compare(x, y); c != 0 {
				return c
			}
		}
		return x - y
	})
	for i, n := range by {
		by[i] = positions[n]
	}
	copy(positions, by)
}

func (k keys) compare(x, y int) int {
	if k.texts != nil {
		return k.sign * strings.Compare(k.texts[x], k.texts[y])
	}
	return k.sign * cmp.Compare(k.numbers[x], k.numbers[y])
}

func (s Sort) keys(r rows, positions []int) keys {
	k := keys{sign: 1}
	if s.Reverse {
		k.sign = -1
	}
	if s.Method == Lexicographic {
		k.texts = make([]string, len(positions))
	} else {
		k.numbers = make([]float64, len(positions))
	}
	for i, at := range positions {
		v, _ := encode.Column(r.at(at), s.Column)
		if k.texts != nil {
			k.texts[i] = v.Text()
		} else {
			k.numbers[i] = s.Method.number(v)
		}
	}
	return k
}

// number is the place of v among numbers by method m.
func (m Method) number(v encode.Value) float64 {
	if m == IPv4 {
		return octets(v.Text())
	}
	n, ok := sizeOf(v)
	switch {
	case !ok:
		return math.Inf(-1)
	case n == 0 && m == NumericZeroAsMax:
		return math.Inf(1)
	}
	return n
}

// octets is an IPv4 address as one number, −1 for anything else.
func octets(s string) float64 {
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Unmap().Is4() {
		return -1
	}
	var n float64
	for _, octet := range a.Unmap().As4() {
		n = n*256 + float64(octet)
	}
	return n
}
