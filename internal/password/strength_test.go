package password

import (
	"testing"

	"github.com/latchkey/latchkey/internal/latchkey"
)

func TestStrength(t *testing.T) {
	for _, test := range []struct {
		text     string
		min, max int
	}{
		{"", 0, 0},
		{"a", 1, 10},
		{"aaaaaaaaaaaaaaaa", 10, 30},
		{"12345678", 0, 20},
		{"password", 0, 20},
		{"Password1", 10, 30},
		{"qwertyuiop", 0, 20},
		{"hunter", 30, 45},
		{"12345luggage", 50, 60},
		{"correct horse battery staple", 100, 100},
		{"kT7#vq2!mZ", 75, 90},
		{"kT7#vq2!mZ9$rB", 100, 100},
		{"žluťoučký", 70, 90},
	} {
		got := Strength(latchkey.NewSecret(test.text))
		if got < test.min || got > test.max {
			t.Errorf("Strength(%q) = %d, want %d to %d", test.text, got, test.min, test.max)
		}
	}
}
