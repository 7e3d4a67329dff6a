package lmtp

import (
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/latchkey"
)

func TestSplitAddress(t *testing.T) {
	for _, c := range []struct{ in, local, domain string }{
		{"bob@example.com", "bob", "example.com"},
		{"Bob.O+Tag@EXAMPLE.com", "bob.o+tag", "example.com"},
		{"o'hara@a-b.example", "o'hara", "a-b.example"},
		{"b@localhost", "b", "localhost"},
		{strings.Repeat("a", 64) + "@x", strings.Repeat("a", 64), "x"},
	} {
		local, domain, err := SplitAddress(c.in)
		if local != c.local || domain != c.domain || err != nil {
			t.Errorf("SplitAddress(%q) = %q, %q, %v, want %q, %q", c.in, local, domain, err, c.local, c.domain)
		}
	}
	for _, in := range []string{
		"", "@", "bob", "bob@", "@example.com", "b@b@example.com", `"b b"@example.com`, `"bob"@example.com`,
		"b b@example.com", "bob@[127.0.0.1]", "bob@[IPv6:::1]", "bob@exa mple.com", "bob@example.com.", "bob@.com",
		"bob@a..b", ".bob@x", "bob.@x", "b..b@x", "bob\r@x", "bob\n@x", "bob@x\r\nRCPT", "bob\x00@x", "bob@x\x00",
		"b\u00fcb@x", "bob@\u00fc.de", "bob\u0085@x", "bob@x/../y", "bob(c)@x", "<bob@x>", "bob@x>", "a,b@x", "a:b@x", `a\b@x`,
		strings.Repeat("a", 65) + "@x", "b@" + strings.Repeat("a.", 130) + "x",
	} {
		if local, domain, err := SplitAddress(in); latchkey.KindOf(err) != latchkey.Invalid {
			t.Errorf("SplitAddress(%q) = %q, %q, %v, want kind %v", in, local, domain, err, latchkey.Invalid)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"bob@example.com", `"b b"@x`, "b@b@x", "B\r\n@X", "b@[1.2.3.4]", "\u00fc@\u00fc", "a.b+c@D-e.F"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		local, domain, err := SplitAddress(in)
		if err != nil {
			if latchkey.KindOf(err) != latchkey.Invalid || err.Error() == "" {
				t.Errorf("SplitAddress(%q): %v, want words of kind %v", in, err, latchkey.Invalid)
			}
			return
		}
		out := local + "@" + domain
		if out != strings.ToLower(in) {
			t.Errorf("SplitAddress(%q) = %q: more than the case changed", in, out)
		}
		if local == "" || len(local) > 64 || domain == "" || len(domain) > 254 || strings.Count(out, "@") != 1 {
			t.Errorf("SplitAddress(%q) = %q, %q", in, local, domain)
		}
		for i := range len(out) {
			if c := out[i]; c <= ' ' || c >= 0x7f || c >= 'A' && c <= 'Z' || strings.IndexByte(`"\()<>[]:;,`, c) >= 0 {
				t.Errorf("SplitAddress(%q) lets %q pass", in, c)
			}
		}
		if strings.Contains(domain, "/") || strings.Contains(out, "..") {
			t.Errorf("SplitAddress(%q) = %q", in, out)
		}
		l2, d2, err := SplitAddress(out)
		if l2 != local || d2 != domain || err != nil {
			t.Errorf("SplitAddress(%q) is not stable: %q, %q, %v", out, l2, d2, err)
		}
	})
}

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
