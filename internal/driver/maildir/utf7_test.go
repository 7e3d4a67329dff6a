package maildir

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestReadable(t *testing.T) {
	for name, want := range map[string]string{
		"": "", "Sent": "Sent", "Entw&APw-rfe": "Entwürfe", "&U,BTFw-": "台北", "a&-b": "a&b", "&2D3eAA-": "😀",
		"&": "&", "a&b": "a&b", "&AAo-": "&AAo-", "&AA-": "&AA-", "&AEE-": "&AEE-", "&2D0-": "&2D0-", "&!-": "&!-", "&AIU-": "&AIU-",
	} {
		if got := readable(name); got != want {
			t.Errorf("readable(%q) = %q, want %q", name, got, want)
		}
	}
}

func FuzzReadable(f *testing.F) {
	f.Add("Entw&APw-rfe")
	f.Fuzz(func(t *testing.T, name string) {
		got := readable(name)
		if got != name && (!utf8.ValidString(got) && utf8.ValidString(name) || strings.Count(got, "\n") > strings.Count(name, "\n") || strings.Count(got, "\x00") > strings.Count(name, "\x00")) {
			t.Errorf("readable(%q) = %q", name, got)
		}
	})
}
