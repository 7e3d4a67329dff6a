package auth

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// SealSecret is secret as it is kept: nobody reads it without the keys, and only
// in the place that it was sealed for.
func (k *Keys) SealSecret(place string, secret latchkey.Secret) string {
	nonce := make([]byte, k.kept.NonceSize())
	_, _ = rand.Read(nonce)
	return base64.StdEncoding.EncodeToString(k.kept.Seal(nonce, nonce, []byte(secret.Reveal()), []byte(place)))
}

// OpenSecret is what [Keys.SealSecret] has sealed for a place.
func (k *Keys) OpenSecret(place, sealed string) (latchkey.Secret, error) {
	b, err := base64.StdEncoding.DecodeString(sealed)
	if err == nil && len(b) < k.kept.NonceSize() {
		err = fmt.Errorf("it is too short")
	}
	if err == nil {
		b, err = k.kept.Open(nil, b[:k.kept.NonceSize()], b[k.kept.NonceSize():], []byte(place))
	}
	if err != nil {
		return latchkey.Secret{}, fmt.Errorf("the secret that is kept for %s is damaged: %w", place, err)
	}
	return latchkey.NewSecret(string(b)), nil
}
