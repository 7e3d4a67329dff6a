package auth

import (
	"bytes"
	"testing"

	"github.com/latchkey/latchkey/internal/latchkey"
)

func TestSealPrivateKey(t *testing.T) {
	k, text := NewKeys(bytes.Repeat([]byte{1}, 32)), latchkey.NewSecret("the private key")
	sealed := k.SealPrivateKey(7, "id", text)
	if bytes.Contains(sealed, []byte("private")) || bytes.Equal(sealed, k.SealPrivateKey(7, "id", text)) {
		t.Errorf("sealed is %q, and again the same", sealed)
	}
	if is, err := k.OpenPrivateKey(7, "id", sealed); err != nil || is != text {
		t.Errorf("opened: %v", err)
	}
	flipped := bytes.Clone(sealed)
	flipped[len(flipped)-1] ^= 1
	for what, open := range map[string]func() (latchkey.Secret, error){
		"of another account": func() (latchkey.Secret, error) { return k.OpenPrivateKey(8, "id", sealed) },
		"under another id":   func() (latchkey.Secret, error) { return k.OpenPrivateKey(7, "ie", sealed) },
		"with another secret": func() (latchkey.Secret, error) {
			return NewKeys(bytes.Repeat([]byte{2}, 32)).OpenPrivateKey(7, "id", sealed)
		},
		"with a bit flipped":  func() (latchkey.Secret, error) { return k.OpenPrivateKey(7, "id", flipped) },
		"of which little is":  func() (latchkey.Secret, error) { return k.OpenPrivateKey(7, "id", sealed[:5]) },
		"of which is nothing": func() (latchkey.Secret, error) { return k.OpenPrivateKey(7, "id", nil) },
		"that a factor's key sealed": func() (latchkey.Secret, error) {
			return k.OpenPrivateKey(7, "id", encrypt(k.factor, []byte("x"), keyOwner(7, "id")))
		},
	} {
		if is, err := open(); err == nil || !is.Empty() {
			t.Errorf("a key %s was opened", what)
		}
	}
}
