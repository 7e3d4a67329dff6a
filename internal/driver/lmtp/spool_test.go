package lmtp

import (
	"strings"
	"testing"
)

func FuzzLineEnds(f *testing.F) {
	f.Add("a\r\nb", 1)
	f.Add("\r\r\n\n\r", 2)
	f.Fuzz(func(t *testing.T, in string, size int) {
		var out strings.Builder
		l := lineEnds{w: &out}
		for rest := in; rest != ""; {
			n := min(len(rest), 1+(size&0xf))
			if _, err := l.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if want := strings.ReplaceAll(in, "\r\n", "\n"); out.String() != want {
			t.Errorf("%q in pieces of %d = %q, want %q", in, size, out.String(), want)
		}
	})
}
