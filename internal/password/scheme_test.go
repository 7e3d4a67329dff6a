package password

import (
	"strings"
	"testing"
	"unicode"

	"github.com/latchkey/latchkey/internal/latchkey"
)

func TestParseForeign(t *testing.T) {
	sha256 := vectors[0].hash
	salt, key := strings.Repeat("A", 11), strings.Repeat("A", 43)
	for _, test := range []struct {
		name, text string
		scheme     string // "" where it is to be refused
	}{
		{"sha512", sha512Hash, "SHA512-CRYPT"},
		{"sha512 in braces", "{SHA512-CRYPT}" + sha512Hash, "SHA512-CRYPT"},
		{"sha256", sha256, "SHA256-CRYPT"},
		{"bcrypt", bcryptHash, "BLF-CRYPT"},
		{"bcrypt in braces", "{BLF-CRYPT}" + bcryptHash, "BLF-CRYPT"},
		{"argon2id", argonHash, "ARGON2ID"},

		{"empty", "", ""},
		{"plain text", "12345luggage", ""},
		{"plain in braces", "{PLAIN}12345luggage", ""},
		{"open brace", "{SHA512-CRYPT" + sha512Hash, ""},
		{"wrong braces", "{SHA256-CRYPT}" + sha512Hash, ""},
		{"locked", "!" + sha512Hash, ""},
		{"md5", "$1$salt$qJH7.N4xYta3aEG/dfqo/0", ""},
		{"des", "rl.3StKT.4T8M", ""},
		{"broken bcrypt", "$2x$" + bcryptHash[4:], ""},
		{"yescrypt", "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7", ""},
		{"line end", sha512Hash + "\n", ""},
		{"NUL", sha512Hash[:40] + "\x00" + sha512Hash[41:], ""},
		{"colon", strings.Replace(sha512Hash, "saltstring", "salt:tring", 1), ""},
		{"cut", sha512Hash[:90], ""},
		{"cut bcrypt", bcryptHash[:59], ""},
		{"no salt", strings.Replace(sha512Hash, "saltstring", "", 1), ""},
		{"long salt", strings.Replace(sha512Hash, "saltstring", "saltstringsaltstr", 1), ""},
		{"more parts", sha512Hash + "$x", ""},

		{"most rounds", "$5$rounds=1000000$s$" + key, "SHA256-CRYPT"},
		{"too many rounds", "$5$rounds=1000001$s$" + key, ""},
		{"far too many rounds", "$5$rounds=99999999999999999999$s$" + key, ""},
		{"too few rounds", "$5$rounds=999$s$" + key, ""},
		{"negative rounds", "$5$rounds=-5000$s$" + key, ""},
		{"zeros before", "$5$rounds=05000$s$" + key, ""},
		{"no rounds", "$5$rounds=$s$" + key, ""},
		{"other parameter", "$5$r=5000$s$" + key, ""},
		{"most cost", strings.Replace(bcryptHash, "$05$", "$14$", 1), "BLF-CRYPT"},
		{"too much cost", strings.Replace(bcryptHash, "$05$", "$15$", 1), ""},
		{"too little cost", strings.Replace(bcryptHash, "$05$", "$03$", 1), ""},
		{"signed cost", strings.Replace(bcryptHash, "$05$", "$+5$", 1), ""},

		{"most memory", "$argon2id$v=19$m=65536,t=10,p=4$" + salt + "$" + key, "ARGON2ID"},
		{"too much memory", "$argon2id$v=19$m=65537,t=2,p=1$" + salt + "$" + key, ""},
		{"too many passes", "$argon2id$v=19$m=19456,t=11,p=1$" + salt + "$" + key, ""},
		{"too many threads", "$argon2id$v=19$m=19456,t=2,p=5$" + salt + "$" + key, ""},
		{"threads past a byte", "$argon2id$v=19$m=19456,t=2,p=257$" + salt + "$" + key, ""},
		{"no passes", "$argon2id$v=19$m=19456,t=0,p=1$" + salt + "$" + key, ""},
		{"old version", "$argon2id$v=16$m=19456,t=2,p=1$" + salt + "$" + key, ""},
		{"tail", "$argon2id$v=19$m=19456,t=2,p=1x$" + salt + "$" + key, ""},
		{"short salt", "$argon2id$v=19$m=19456,t=2,p=1$AAAA$" + key, ""},
		{"loose base64", "$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + key[:42] + "B", ""},
		{"argon2i", strings.Replace(argonHash, "argon2id", "argon2i", 1), ""},
	} {
		got, err := ParseForeign(test.text)
		if got.Scheme() != test.scheme {
			t.Errorf("%s: ParseForeign(%q) = %q, %v, want scheme %q", test.name, test.text, string(got), err, test.scheme)
		}
		if (err != nil) != (test.scheme == "") || err != nil && latchkey.KindOf(err) != latchkey.Invalid {
			t.Errorf("%s: ParseForeign(%q): error %v", test.name, test.text, err)
		}
	}
}

// What is taken is one line of visible characters, and is taken again as it
// stands; what is refused is refused with a reason that shows none of it.
func FuzzParseForeign(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.hash)
	}
	f.Add("{BLF-CRYPT}" + bcryptHash)
	f.Add("$1$salt$qJH7.N4xYta3aEG/dfqo/0")
	f.Fuzz(func(t *testing.T, text string) {
		hash, err := ParseForeign(text)
		if err != nil {
			if hash != "" || latchkey.KindOf(err) != latchkey.Invalid {
				t.Fatalf("ParseForeign(%q) = %q, %v", text, string(hash), err)
			}
			return
		}
		if len(hash) > 300 || strings.ContainsFunc(string(hash), func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsGraphic(r) }) {
			t.Errorf("ParseForeign(%q) = %q", text, string(hash))
		}
		if again, err := ParseForeign(string(hash)); again != hash || err != nil {
			t.Errorf("ParseForeign(%q) = %q, %v, want it unchanged", string(hash), string(again), err)
		}
	})
}
