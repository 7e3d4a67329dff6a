package srs

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func keyed(key string) Rewriter {
	return Rewriter{MAC: func(text string) (sum [32]byte) {
		h := hmac.New(sha256.New, []byte(key))
		h.Write([]byte(text))
		return [32]byte(h.Sum(nil))
	}}
}

func TestThereAndBack(t *testing.T) {
	w := keyed("a")
	for _, sender := range []string{"ann@example.org", "Ann.B+c=d=e@Example.org", "a@b", "SRS0=x=y=z.example=ann@example.org", `"a b"@example.org`} {
		text := w.Forward(sender, "ours.example", noon)
		if !Is(text) || !strings.HasSuffix(text, "@ours.example") {
			t.Errorf("Forward(%q) = %q", sender, text)
		}
		for what, at := range map[string]time.Time{"at once": noon, "on the last day": noon.AddDate(0, 0, Days)} {
			if got, err := w.Reverse(text, at); got != sender || err != nil {
				t.Errorf("Reverse(%q) %s = %q, %v", text, what, got, err)
			}
		}
		if got, err := w.Reverse(strings.ToLower(text), noon); !strings.EqualFold(got, sender) || err != nil {
			t.Errorf("Reverse of %q in lower case = %q, %v", text, got, err)
		}
		for what, late := range map[string]time.Time{"late": noon.AddDate(0, 0, Days+1), "before it was made": noon.AddDate(0, 0, -1)} {
			if got, err := w.Reverse(text, late); !errors.Is(err, ErrOld) {
				t.Errorf("Reverse(%q) %s = %q, %v", text, what, got, err)
			}
		}
	}
}

func TestForged(t *testing.T) {
	w := keyed("a")
	good := w.Forward("ann@example.org", "ours.example", noon)
	for _, text := range []string{
		"", "SRS0", "SRS0=", "SRS0=@", "SRS0=a=b=c@ours.example", "SRS0====@ours.example", "ann@ours.example",
		strings.Replace(good, "=ann@", "=eve@", 1), strings.Replace(good, "@ours.", "@other.", 1),
		strings.Replace(good, "=example.org=", "=example.net=", 1), keyed("b").Forward("ann@example.org", "ours.example", noon),
	} {
		if got, err := w.Reverse(text, noon); !errors.Is(err, ErrForged) {
			t.Errorf("Reverse(%q) = %q, %v", text, got, err)
		}
	}
	for _, sender := range []string{"", "ann", "@example.org", "ann@", "ann@exam=ple.org", strings.Repeat("a", 240) + "@example.org"} {
		if got := w.Forward(sender, "ours.example", noon); got != "" {
			t.Errorf("Forward(%q) = %q", sender, got)
		}
	}
}

func FuzzReverse(f *testing.F) {
	w := keyed("a")
	f.Add(w.Forward("ann@example.org", "ours.example", noon), "ann@example.org")
	f.Add("srs0=a=b=c=d@e", "a=b@c=d")
	f.Fuzz(func(t *testing.T, address, sender string) {
		if got, err := w.Reverse(address, noon); err == nil {
			at := strings.LastIndexByte(address, '@')
			if again := w.Forward(got, address[at+1:], noon); again == "" {
				t.Errorf("%q is taken for a sender %q that is never rewritten", address, got)
			}
		}
		text := w.Forward(sender, "ours.example", noon)
		if text == "" {
			return
		}
		if got, err := w.Reverse(text, noon); got != sender || err != nil {
			t.Errorf("%q became %q, and that %q, %v", sender, text, got, err)
		}
	})
}
