package password

import (
	"math"
	"strings"
	"unicode"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// strongBits is the guessing work that counts as 100.
const strongBits = 80

// weakWords are what people choose first. Inside a password each is worth one
// character and a half, however long.
var weakWords = []string{
	"password", "passwort", "qwertyuiop", "qwertz", "qwerty", "asdfgh", "zxcvbn", "1q2w3e", "123123",
	"letmein", "welcome", "iloveyou", "monkey", "dragon", "sunshine", "princess", "football", "baseball",
	"master", "shadow", "superman", "batman", "trustno1", "secret", "changeme", "default", "starwars",
	"admin", "root", "login", "guest", "test", "demo", "user", "mail", "webmaster", "hello", "summer", "winter",
}

// Strength judges a password from 0 (none) to 100. It is an estimate of the
// work of guessing: the length, times what the kinds of characters allow,
// less repeats ("aaaa"), runs ("1234", "dcba") and the words people choose
// first. It knows nothing of the person, so a name or a birthday counts in full.
func Strength(password latchkey.Secret) int {
	text := password.Reveal()
	bits := worth(text) * math.Log2(float64(alphabet(text)))
	return int(min(100, math.Round(bits*100/strongBits)))
}

// alphabet is the number of characters that a guesser has to try for each place.
func alphabet(text string) int {
	var lower, upper, digit, sign, other int
	for _, r := range text {
		switch {
		case r >= 'a' && r <= 'z':
			lower = 26
		case r >= 'A' && r <= 'Z':
			upper = 26
		case r >= '0' && r <= '9':
			digit = 10
		case r < unicode.MaxASCII:
			sign = 33
		default:
			other = 100
		}
	}
	return max(1, lower+upper+digit+sign+other)
}

// worth is the length of text in characters that a guesser cannot foresee.
func worth(text string) float64 {
	var sum float64
	rest := strings.ToLower(text)
	for _, w := range weakWords {
		n := strings.Count(rest, w)
		rest = strings.ReplaceAll(rest, w, "\x00")
		sum += 1.5 * float64(n)
	}
	var before rune
	for _, r := range rest {
		switch step := r - before; {
		case r == 0:
		case before != 0 && step >= -1 && step <= 1:
			sum += 0.25
		default:
			sum++
		}
		before = r
	}
	return sum
}
