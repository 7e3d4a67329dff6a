package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// SealPrivateKey is a private key as it is kept: nobody reads it without the
// keys, and in another account's row, or under another ID, it is of no use.
func (k *Keys) SealPrivateKey(account latchkey.AccountID, id string, key latchkey.Secret) []byte {
	return encrypt(k.private, []byte(key.Reveal()), keyOwner(account, id))
}

// OpenPrivateKey reads what [Keys.SealPrivateKey] made.
func (k *Keys) OpenPrivateKey(account latchkey.AccountID, id string, sealed []byte) (latchkey.Secret, error) {
	text, err := decrypt(k.private, sealed, keyOwner(account, id))
	if err != nil {
		return latchkey.Secret{}, fmt.Errorf("the private key %s of account %d is damaged: %w", id, account, err)
	}
	return latchkey.NewSecret(string(text)), nil
}

func keyOwner(account latchkey.AccountID, id string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte("account "), uint32(account)), id...)
}

// encrypt makes of text what only aead reads, together with whose it is.
func encrypt(aead cipher.AEAD, text, owner []byte) []byte {
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce)
	return aead.Seal(nonce, nonce, text, owner)
}

func decrypt(aead cipher.AEAD, sealed, owner []byte) ([]byte, error) {
	n := aead.NonceSize()
	if len(sealed) < n {
		return nil, errors.New("too short")
	}
	return aead.Open(nil, sealed[:n], sealed[n:], owner)
}

func newCipher(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err == nil {
		var aead cipher.AEAD
		if aead, err = cipher.NewGCM(block); err == nil {
			return aead
		}
	}
	panic(err) // only for a length no caller asks for
}
