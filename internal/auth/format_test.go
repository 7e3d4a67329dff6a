package auth

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/latchkey"
)

var tokenPattern = regexp.MustCompile(`^LK[0-9A-Z]{30}$`)

func TestNewToken(t *testing.T) {
	seen := map[string]bool{}
	for range 2000 {
		for _, audience := range []latchkey.Audience{latchkey.ForAccount, latchkey.ForHost} {
			text := NewToken(audience).Reveal()
			if !tokenPattern.MatchString(text) {
				t.Fatalf("NewToken(%d) = %q", audience, text)
			}
			if !WellFormed(audience, text) {
				t.Fatalf("WellFormed(%d, %q) = false", audience, text)
			}
			if WellFormed(1-audience, text) {
				t.Errorf("WellFormed(%d, %q) = true for a token of the other door", 1-audience, text)
			}
			if seen[text] {
				t.Fatalf("%q was drawn twice", text)
			}
			seen[text] = true
		}
	}
}

// Every character is as likely as any other: chi square with 35 degrees of
// freedom is over 110 once in a thousand million runs.
func TestNewTokenUniform(t *testing.T) {
	const draws = 8000
	var count [256]float64
	for range draws {
		text := NewToken(latchkey.ForAccount).Reveal()
		for i := len(tokenPrefix); i < tokenLen-tokenCheck; i++ {
			count[text[i]]++
		}
	}
	const want = draws * float64(tokenRandom) / 36
	var chi float64
	for _, c := range alphabet {
		d := count[c] - want
		chi += d * d / want
	}
	if chi > 110 {
		t.Errorf("chi square of %d random characters is %.1f, want under 110", draws*tokenRandom, chi)
	}
	t.Logf("chi square %.1f for %d characters (35 expected)", chi, draws*tokenRandom)
}

// sampleToken is a token that is the same in every run.
func sampleToken(r *rand.Rand, audience latchkey.Audience) string {
	head := []byte(tokenPrefix)
	for range tokenRandom {
		head = append(head, alphabet[r.IntN(len(alphabet))])
	}
	check := checkCharacters(audience, string(head))
	return string(head) + string(check[:])
}

// A typing mistake is seen without looking anything up: one wrong character, or
// two that changed places.
func TestTypos(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	tried := 0
	refused := func(text, typo string) {
		if tried++; WellFormed(latchkey.ForAccount, typo) {
			t.Errorf("WellFormed(%q) = true, mistyped for %q", typo, text)
		}
	}
	for range 50 {
		text := sampleToken(r, latchkey.ForAccount)
		for i := range text {
			for _, c := range alphabet + "abcz -_\x00\xff" {
				if typo := text[:i] + string(c) + text[i+1:]; typo != text {
					refused(text, typo)
				}
			}
			if i > 0 && text[i] != text[i-1] {
				refused(text, text[:i-1]+text[i:i+1]+text[i-1:i]+text[i+1:])
			}
		}
	}
	t.Logf("%d mistypings refused", tried)
}

func TestWellFormed(t *testing.T) {
	good := sampleToken(rand.New(rand.NewPCG(3, 4)), latchkey.ForAccount)
	strange := append([]byte(nil), good[:tokenLen-tokenCheck]...)
	strange[10] = 'a'
	check := checkCharacters(latchkey.ForAccount, string(strange))
	for _, test := range []struct {
		text string
		want bool
	}{
		{good, true},
		{"", false},
		{"LK", false},
		{good[:31], false},
		{good + "0", false},
		{" " + good, false},
		{good + "\n", false},
		{strings.ToLower(good), false},
		{"KL" + good[2:], false},
		{strings.Repeat("0", 32), false},
		{"LK" + strings.Repeat("\x00", 30), false},
		{string(strange) + string(check[:]), false}, // the check fits, the character does not
		{"JPQN" + good[4:], false},
	} {
		if got := WellFormed(latchkey.ForAccount, test.text); got != test.want {
			t.Errorf("WellFormed(%q) = %v, want %v", test.text, got, test.want)
		}
	}
}

func FuzzWellFormed(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 6))
	f.Add(uint8(0), sampleToken(r, latchkey.ForAccount))
	f.Add(uint8(1), sampleToken(r, latchkey.ForHost))
	f.Add(uint8(0), "")
	f.Add(uint8(1), strings.Repeat("LK", 16))
	f.Fuzz(func(t *testing.T, door uint8, text string) {
		audience := latchkey.Audience(door % 2)
		if WellFormed(audience, text) {
			if !tokenPattern.MatchString(text) {
				t.Errorf("WellFormed(%d, %q) = true", audience, text)
			}
			if WellFormed(1-audience, text) {
				t.Errorf("%q is well-formed for both doors", text)
			}
			return
		}
		// What is not a token becomes one with the right check alone.
		if len(text) == tokenLen && tokenPattern.MatchString(text) {
			check := checkCharacters(audience, text[:tokenLen-tokenCheck])
			if mended := text[:tokenLen-tokenCheck] + string(check[:]); !WellFormed(audience, mended) {
				t.Errorf("WellFormed(%d, %q) = false", audience, mended)
			}
		}
	})
}

func BenchmarkNewToken(b *testing.B) {
	for b.Loop() {
		NewToken(latchkey.ForAccount)
	}
}

func BenchmarkWellFormed(b *testing.B) {
	good := NewToken(latchkey.ForAccount).Reveal()
	for _, text := range []string{good, "0" + good[1:]} {
		b.Run(fmt.Sprint(WellFormed(latchkey.ForAccount, text)), func(b *testing.B) {
			for b.Loop() {
				WellFormed(latchkey.ForAccount, text)
			}
		})
	}
}
