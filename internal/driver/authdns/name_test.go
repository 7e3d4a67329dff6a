package authdns

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// FuzzName holds keys to what they promise: equal for equal names only, sorted
// as RFC 4034 sorts names, and those below a name beginning with its key.
func FuzzName(f *testing.F) {
	f.Add("www.example.com.", "WWW.Example.com.")
	f.Add(`a\.b.com.`, `a.b.com.`)
	f.Add(`\000.com.`, `\001\000.com.`)
	f.Add("*.x.", `\042.x.`)
	f.Add(".", "x.")
	f.Fuzz(func(t *testing.T, a, b string) {
		var x, y split
		if x.read(a) != nil || y.read(b) != nil {
			return
		}
		ka, kb := key(strings.Clone(string(x.relative(0, &path{})))), y.relative(0, &path{})
		if got, want := ka == kb, string(x.suffix(0)) == string(y.suffix(0)); got != want {
			t.Errorf("keys of %q and %q are equal: %v, want %v", a, b, got, want)
		}
		if got, want := ka < kb, before(&x, &y); got != want {
			t.Errorf("key of %q before that of %q: %v, want %v", a, b, got, want)
		}
		below := y.n < x.n && string(x.suffix(x.n-y.n)) == string(y.suffix(0))
		if got := ka.below(kb); got != below {
			t.Errorf("%q below %q: %v, want %v", a, b, got, below)
		}
	})
}

// before compares names label by label, from the right (RFC 4034, 6.1).
func before(x, y *split) bool {
	for i := 1; i <= x.n && i <= y.n; i++ {
		if c := strings.Compare(string(x.label(x.n-i)), string(y.label(y.n-i))); c != 0 {
			return c < 0
		}
	}
	return x.n < y.n
}

func TestNoName(t *testing.T) {
	for _, name := range []string{strings.Repeat("a", 64) + ".com.", "a..b.", strings.Repeat("a.", 128)} {
		var s split
		if s.read(name) == nil {
			t.Errorf("%q is a name", name)
		}
	}
	var s split
	if long := strings.Repeat("a.", 127); s.read(long) != nil || s.n != 127 || dns.CountLabel(long) != 127 {
		t.Errorf("%q is no name", long)
	}
}
