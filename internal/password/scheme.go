package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-crypt/crypt/algorithm/shacrypt"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// What a caller's own hash may cost us. The dearest of each takes about a
// second on one core, and argon2id 64 MiB.
const (
	minRounds, maxRounds = 1000, 1_000_000
	minCost, maxCost     = 4, 14
	maxMemory            = 64 << 10 // KiB
	maxTime              = 10
	maxThreads           = 4
)

// What our own hashes cost: 19 MiB and two passes, about 50 ms.
const (
	argon2idName = "ARGON2ID"
	ownMemory    = 19 << 10 // KiB
	ownTime      = 2
	ownThreads   = 1
	ownSalt      = 16
	ownKey       = 32
)

// cryptChars are the 64 characters that crypt strings are written in.
const cryptChars = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// A scheme is one way of hashing. check says why an encoded hash is not one of
// its own; match may be called with what check let through, and nothing else.
type scheme struct {
	name     string
	prefixes []string
	check    func(encoded string) error
	match    func(encoded, password string) bool
}

var schemes = []scheme{
	{argon2idName, []string{"$argon2id$"}, checkArgon2id, matchArgon2id},
	{"BLF-CRYPT", []string{"$2a$", "$2b$", "$2y$"}, checkBcrypt, matchBcrypt},
	{"SHA512-CRYPT", []string{"$6$"}, checkSHA(86), matchSHA},
	{"SHA256-CRYPT", []string{"$5$"}, checkSHA(43), matchSHA},
}

// ParseForeign reads a hash that was made elsewhere: a crypt string ($6$, $5$,
// $2a$, $2b$, $2y$) or an argon2id one, with or without its scheme in braces.
// It refuses everything else with [latchkey.Invalid]: other schemes (MD5's $1$
// among them), cut or damaged strings, and hashes too dear to check.
func ParseForeign(text string) (Hash, error) {
	s, encoded, err := parse(text)
	if err != nil {
		return "", err
	}
	return Hash("{" + s.name + "}" + encoded), nil
}

// parse finds the scheme of a hash and what stands behind the braces.
func parse(text string) (scheme, string, error) {
	name, encoded := "", text
	if rest, ok := strings.CutPrefix(text, "{"); ok {
		name, encoded, _ = strings.Cut(rest, "}")
	}
	for _, s := range schemes {
		if (name != "" && name != s.name) || !hasAnyPrefix(encoded, s.prefixes) {
			continue
		}
		if err := s.check(encoded); err != nil {
			return scheme{}, "", latchkey.Errorf(latchkey.Invalid, "This is not a usable %s password hash: %v.", s.name, err)
		}
		return s, encoded, nil
	}
	if strings.HasPrefix(encoded, "$1$") {
		return scheme{}, "", latchkey.Errorf(latchkey.Invalid, "MD5 password hashes ($1$) are too weak to be taken. Make a SHA-512 ($6$) or bcrypt ($2y$) hash, or give the password itself.")
	}
	return scheme{}, "", latchkey.Errorf(latchkey.Invalid, "The password hash is of no known scheme. Use a crypt string that begins with $6$, $5$ or $2y$, or an argon2id hash.")
}

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// argon2idHash is what an argon2id string says.
type argon2idHash struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

func (a argon2idHash) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		a.memory, a.time, a.threads, b64.EncodeToString(a.salt), b64.EncodeToString(a.key))
}

func (a argon2idHash) derive(password string) []byte {
	return argon2.IDKey([]byte(password), a.salt, a.time, a.memory, a.threads, uint32(len(a.key)))
}

func parseArgon2id(encoded string) (a argon2idHash, err error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 {
		return a, fmt.Errorf("it has not its five parts")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &a.memory, &a.time, &a.threads); err != nil {
		return a, fmt.Errorf("its costs cannot be read")
	}
	strict := base64.RawStdEncoding.Strict()
	if a.salt, err = strict.DecodeString(parts[4]); err != nil || len(a.salt) < 8 || len(a.salt) > 64 {
		return a, fmt.Errorf("its salt is not 8 to 64 bytes in base64")
	}
	if a.key, err = strict.DecodeString(parts[5]); err != nil || len(a.key) < 16 || len(a.key) > 64 {
		return a, fmt.Errorf("its digest is not 16 to 64 bytes in base64")
	}
	if a.threads < 1 || a.threads > maxThreads || a.time < 1 || a.time > maxTime || a.memory < 8*uint32(a.threads) || a.memory > maxMemory {
		return a, fmt.Errorf("its costs are out of bounds (m at most %d, t at most %d, p at most %d)", maxMemory, maxTime, maxThreads)
	}
	// Whatever the scanner forgave (leading zeros, signs, a tail) shows here,
	// and so does another version than ours.
	if a.String() != encoded {
		return a, fmt.Errorf("it is not written as version %d writes it", argon2.Version)
	}
	return a, nil
}

func checkArgon2id(encoded string) error {
	_, err := parseArgon2id(encoded)
	return err
}

func matchArgon2id(encoded, password string) bool {
	a, err := parseArgon2id(encoded)
	return err == nil && subtle.ConstantTimeCompare(a.key, a.derive(password)) == 1
}

func makeArgon2id(password string) Hash {
	a := argon2idHash{memory: ownMemory, time: ownTime, threads: ownThreads, salt: make([]byte, ownSalt), key: make([]byte, ownKey)}
	_, _ = rand.Read(a.salt) // never fails
	a.key = a.derive(password)
	return Hash("{" + argon2idName + "}" + a.String())
}

// matchNothing takes as long as matchArgon2id on a hash of our own.
func matchNothing(password string) {
	a := argon2idHash{memory: ownMemory, time: ownTime, threads: ownThreads, salt: make([]byte, ownSalt), key: make([]byte, ownKey)}
	subtle.ConstantTimeCompare(a.key, a.derive(password))
}

// checkBcrypt expects $2y$COST$ and 53 characters of salt and digest.
func checkBcrypt(encoded string) error {
	if len(encoded) != 60 || encoded[6] != '$' || !onlyCrypt(encoded[7:]) {
		return fmt.Errorf("it is cut or damaged")
	}
	cost, err := strconv.ParseUint(encoded[4:6], 10, 8)
	if err != nil || cost < minCost || cost > maxCost {
		return fmt.Errorf("its cost must be %02d to %d", minCost, maxCost)
	}
	return nil
}

func matchBcrypt(encoded, password string) bool {
	return bcrypt.CompareHashAndPassword([]byte(encoded), []byte(password)) == nil
}

// checkSHA expects $6$ (or $5$), rounds=N$ if they are not the usual 5000, a
// salt of 1 to 16 characters, and a digest of the given length.
func checkSHA(digest int) func(string) error {
	return func(encoded string) error {
		parts := strings.Split(encoded[len("$6$"):], "$")
		if len(parts) == 3 {
			if err := checkRounds(parts[0]); err != nil {
				return err
			}
			parts = parts[1:]
		}
		switch {
		case len(parts) != 2 || len(parts[1]) != digest || !onlyCrypt(parts[1]):
			return fmt.Errorf("it is cut or damaged")
		case len(parts[0]) < 1 || len(parts[0]) > 16 || !onlyCrypt(parts[0]):
			return fmt.Errorf("its salt must be 1 to 16 of A-Z a-z 0-9 . /")
		}
		return nil
	}
}

func checkRounds(text string) error {
	digits, ok := strings.CutPrefix(text, "rounds=")
	rounds, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil || digits[0] == '0' || rounds < minRounds || rounds > maxRounds {
		return fmt.Errorf("its rounds must be %d to %d", minRounds, maxRounds)
	}
	return nil
}

func matchSHA(encoded, password string) bool {
	digest, err := shacrypt.Decode(encoded)
	if err != nil {
		return false
	}
	same, err := digest.MatchAdvanced(password)
	return err == nil && same
}

func onlyCrypt(s string) bool { return strings.Trim(s, cryptChars) == "" }
