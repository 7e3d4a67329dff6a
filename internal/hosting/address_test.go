package hosting

import (
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"bob@example.com", "bob@example.com"},
		{"Bob.O+Tag@EXAMPLE.com", "bob.o+tag@example.com"},
		{"o'hara@a-b.example", "o'hara@a-b.example"},
		{"bob@example.com.", "bob@example.com"},
		{strings.Repeat("a", 64) + "@x.y", strings.Repeat("a", 64) + "@x.y"},
	} {
		if got, err := ParseAddress(c.in); got.String() != c.want || err != nil {
			t.Errorf("ParseAddress(%q) = %v, %v, want %s", c.in, got, err, c.want)
		}
	}
	for _, in := range []string{
		"", "@", "bob", "bob@", "@example.com", "b@b@example.com", `"b b"@example.com`, `"bob"@example.com`, "b@localhost",
		"b b@example.com", "bob@[127.0.0.1]", "bob@[IPv6:::1]", "bob@exa mple.com", "bob@.com", "bob@example.com..", "bob@-a.b",
		"bob@a..b", ".bob@x.y", "bob.@x.y", "b..b@x.y", "bob\r@x.y", "bob\n@x.y", "bob@x.y\r\nRCPT", "bob\x00@x.y", "bob@x.y\x00",
		"b\u00fcb@x.y", "bob@\u00fc.de", "bob\u0085@x.y", "bob@x/../y.z", "bob(c)@x.y", "<bob@x.y>", "bob@x.y>", "a,b@x.y", "a:b@x.y", `a\b@x.y`,
		"-x@x.y", "+x@x.y", "~x@x.y", "'x@x.y", "{x}@x.y", "a~b@x.y",
		"a/b@x.y", "../b@x.y", "|id@x.y", "`id`@x.y", "$(id)@x.y", "*@x.y",
		strings.Repeat("a", 65) + "@x.y", "b@" + strings.Repeat("a.", 130) + "x",
	} {
		if got, err := ParseAddress(in); err == nil {
			t.Errorf("ParseAddress(%q) = %v, want an error", in, got)
		}
	}
}

// FuzzAddress: what is accepted is a mailbox that no file name, line or shell
// can misunderstand, and reads back the same.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"bob@example.com", `"b b"@x.y`, "b@b@x.y", "B\r\n@X.Y", "b@[1.2.3.4]", "\u00fc@\u00fc.de", "a.b+c@D-e.F", "a@b.c."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		a, err := ParseAddress(in)
		if err != nil {
			if err.Error() == "" {
				t.Errorf("ParseAddress(%q) fails without a word", in)
			}
			return
		}
		out := a.String()
		if out != strings.TrimSuffix(strings.ToLower(in), ".") {
			t.Errorf("ParseAddress(%q) = %q: more than the case changed", in, out)
		}
		if a.Local == "" || len(a.Local) > 64 || a.Domain == "" || len(a.Domain) > 253 || strings.Count(out, "@") != 1 {
			t.Errorf("ParseAddress(%q) = %+v", in, a)
		}
		for i := range len(out) {
			if c := out[i]; c <= ' ' || c >= 0x7f || c >= 'A' && c <= 'Z' || strings.IndexByte(`"\()<>[]:;,/|`+"`$*?", c) >= 0 {
				t.Errorf("ParseAddress(%q) lets %q pass", in, c)
			}
		}
		if strings.Contains(out, "..") || strings.HasPrefix(out, ".") {
			t.Errorf("ParseAddress(%q) = %q", in, out)
		}
		if again, err := ParseAddress(out); again != a || err != nil {
			t.Errorf("ParseAddress(%q) is not stable: %v, %v", out, again, err)
		}
	})
}
