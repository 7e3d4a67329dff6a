package authdns

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"

	"github.com/miekg/dns"
)

// Key is a secret that servers share to sign what they tell each other (TSIG,
// RFC 8945). It prints as its name.
type Key struct {
	name      string // with the last dot, in lower case
	algorithm string
	secret    string // base64
}

// algorithms are those that are worth using.
var algorithms = map[string]func() hash.Hash{
	dns.HmacSHA256: sha256.New, dns.HmacSHA384: sha512.New384, dns.HmacSHA512: sha512.New,
}

// ParseKey reads a key as tsig-keygen writes it:
//
//	key "name" { algorithm hmac-sha256; secret "base64"; };
func ParseKey(text string) (*Key, error) {
	words, err := keyWords(text)
	if err != nil {
		return nil, err
	}
	if len(words) < 2 || words[0] != "key" {
		return nil, errors.New("there is no key in it: write it with tsig-keygen")
	}
	k := &Key{name: dns.CanonicalName(words[1])}
	for i := 2; i+1 < len(words); i += 2 {
		switch words[i] {
		case "algorithm":
			k.algorithm = dns.CanonicalName(words[i+1])
		case "secret":
			k.secret = words[i+1]
		default:
			return nil, errors.New("there is more in it than one key's algorithm and secret")
		}
	}
	return k, k.check()
}

// keyWords is the words of a key file, without what only separates them.
func keyWords(text string) ([]string, error) {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "//") {
			lines = append(lines, line)
		}
	}
	words := strings.FieldsFunc(strings.Join(lines, " "), func(r rune) bool { return strings.ContainsRune(" \t\"{};", r) })
	if len(words) > 6 {
		return nil, errors.New("there is more in it than one key")
	}
	return words, nil
}

func (k *Key) check() error {
	var s split
	if s.read(k.name) != nil || s.n == 0 {
		return errors.New("the key’s name is not a domain name")
	}
	if algorithms[k.algorithm] == nil {
		return errors.New("the key’s algorithm must be hmac-sha256, hmac-sha384 or hmac-sha512")
	}
	if secret, err := base64.StdEncoding.DecodeString(k.secret); err != nil || len(secret) < 16 {
		return errors.New("the key’s secret must be 16 bytes or more in base64")
	}
	return nil
}

// Format prints the key's name, whatever is asked for.
func (k *Key) Format(f fmt.State, _ rune) {
	if k == nil {
		fmt.Fprint(f, "no key")
		return
	}
	fmt.Fprint(f, k.name)
}

// Generate signs text. Implements [dns.TsigProvider], for nil too: it knows no
// signature then.
func (k *Key) Generate(text []byte, t *dns.TSIG) ([]byte, error) {
	if !k.named(t.Hdr.Name) || dns.CanonicalName(t.Algorithm) != k.algorithm {
		return nil, dns.ErrSecret
	}
	secret, err := base64.StdEncoding.DecodeString(k.secret)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(algorithms[k.algorithm], secret)
	mac.Write(text)
	return mac.Sum(nil), nil
}

// Verify checks the signature of text. Implements [dns.TsigProvider].
func (k *Key) Verify(text []byte, t *dns.TSIG) error {
	want, err := k.Generate(text, t)
	if err != nil {
		return err
	}
	if got, err := hex.DecodeString(t.MAC); err != nil || !hmac.Equal(got, want) {
		return dns.ErrSig
	}
	return nil
}

func (k *Key) named(name string) bool { return k != nil && dns.CanonicalName(name) == k.name }

// sign signs a message of ours.
func (k *Key) sign(m *dns.Msg, now int64) {
	if k != nil {
		m.SetTsig(k.name, k.algorithm, 300, now)
	}
}
