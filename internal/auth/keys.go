package auth

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/durable"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Keys are what tokens are hashed and sealed with. They come from one secret
// that lives outside the database.
type Keys struct {
	mac, handle, seal, bound, terms, tally, trail, session, callBack, recovery *hmacKey
	cut, export                                                                *hmacKey // of the trail
	returnPath                                                                 *hmacKey

	factor  cipher.AEAD // what second factors are kept under
	private cipher.AEAD // what private keys are kept under
	kept    cipher.AEAD // what other secrets are kept under
}

// LoadKeys reads the secret in the file path, and makes one if there is no such
// file. A file that others may read is refused.
func LoadKeys(path string) (*Keys, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createKey(path); err != nil {
			return nil, err
		}
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, err
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s may be read by others (mode %04o): make it private with chmod 600, and consider its tokens known", path, st.Mode().Perm())
	}
	secret, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(secret) != 32 {
		return nil, fmt.Errorf("%s does not hold 64 hexadecimal digits: put the right key file back, tokens cannot be checked without it", path)
	}
	return NewKeys(secret), nil
}

// createKey makes the file whole or not at all, and leaves one that somebody
// else has made meanwhile as it is.
func createKey(path string) error {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	err := durable.CreateFile(path, []byte(hex.EncodeToString(secret)+"\n"), 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil // another start was faster
	}
	return err
}

// NewKeys derives the keys from one secret of 32 bytes.
func NewKeys(secret []byte) *Keys {
	key := func(purpose string) []byte {
		k, err := hkdf.Key(sha256.New, secret, nil, "latchkey "+purpose, 32)
		if err != nil {
			panic(err) // only for a length no caller asks for
		}
		return k
	}
	derive := func(purpose string) *hmacKey { return newHMACKey(key(purpose)) }
	return &Keys{mac: derive("token"), handle: derive("handle"), seal: derive("row"), bound: derive("bound row"), terms: derive("row with terms"), tally: derive("tally"), trail: derive("trail"), session: derive("session"),
		cut: derive("cut trail"), export: derive("exported trail"), returnPath: derive("return path"),
		callBack: derive("call-back"), recovery: derive("recovery code"), factor: newCipher(key("second factor")), private: newCipher(key("private key")), kept: newCipher(key("kept secret"))}
}

// MAC is what a token is looked up by.
func (k *Keys) MAC(token string) latchkey.TokenMAC { return sum(k.mac, token) }

// Handle is the short name of a token that may be shown.
func (k *Keys) Handle(mac latchkey.TokenMAC) (h latchkey.Handle) {
	sum := k.handle.sum(mac[:])
	copy(h[:], sum[:])
	return h
}

// Seal is the MAC over everything of a token's row. A row with conditions that
// not every token has is sealed under a key of its own: without them its seal is
// wrong, whatever else is changed. So is one with terms, a note or an earlier
// secret.
func (k *Keys) Seal(t *latchkey.Token) [32]byte {
	b := make([]byte, 0, 160)
	b = binary.BigEndian.AppendUint64(b, uint64(t.ID))
	b = binary.BigEndian.AppendUint32(b, uint32(t.Account))
	b = append(b, byte(t.Audience), byte(t.State), boolByte(t.ReadOnly))
	b = append(b, t.MAC[:]...)
	b = append(b, t.Handle[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(unixMicro(t.Created)))
	b = binary.BigEndian.AppendUint64(b, uint64(unixMicro(t.Expires)))
	if hasTerms(t) {
		return k.terms.sum(appendTerms(b, t))
	}
	b = append(b, t.Name...)
	if !t.Bound() {
		return k.seal.sum(b)
	}
	b = append(b, 0) // no name has it
	names, _ := t.Privileges.MarshalText()
	b = append(append(b, names...), 0)
	b = append(b, t.Addresses...)
	if t.Grants != "" {
		b = append(append(b, 0), t.Grants...)
	}
	return k.bound.sum(b)
}

// hasTerms reports whether a row has anything that rows did not always have.
func hasTerms(t *latchkey.Token) bool {
	return t.Terms != (latchkey.Terms{}) || t.Note != "" || !t.Renewed.IsZero() || t.Was != (latchkey.TokenMAC{}) || !t.WasUntil.IsZero()
}

func appendTerms(b []byte, t *latchkey.Token) []byte {
	b = append(append(b, t.Was[:]...), boolByte(t.Observing))
	for _, n := range []int64{unixMicro(t.WasUntil), unixMicro(t.Renewed), unixMicro(t.NotBefore), t.MaxUses, int64(t.UnusedDays), int64(t.RateLimit)} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	privileges, _ := t.Privileges.MarshalText()
	for _, text := range []string{t.Name, string(privileges), string(t.Addresses), t.Grants, t.Note} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...)
	}
	return b
}

// SealTally is the MAC over how often a token was used.
func (k *Keys) SealTally(id latchkey.TokenID, uses int64) [32]byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 16), uint64(id))
	return k.tally.sum(binary.BigEndian.AppendUint64(b, uint64(uses)))
}

// SealHead is the MAC of the newest link of the audit trail, for the copy that
// is kept apart from it.
func (k *Keys) SealHead(seq uint64, hash [32]byte) [32]byte {
	return k.trail.sum(append(binary.BigEndian.AppendUint64(nil, seq), hash[:]...))
}

// SealCut is the MAC of what says where the front of the audit trail was cut off.
func (k *Keys) SealCut(text []byte) [32]byte { return k.cut.sum(text) }

// SealExport is the MAC of what says which part of the audit trail a file holds.
func (k *Keys) SealExport(text []byte) [32]byte { return k.export.sum(text) }

// ReturnMAC is the MAC of a sender that mail is sent on for: see package srs.
func (k *Keys) ReturnMAC(text string) [32]byte { return k.returnPath.sum([]byte(text)) }

func unixMicro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// hmacKey is HMAC-SHA-256 under one key. The library's hashes are kept and used
// again: beginning one anew costs more than all the rest.
type hmacKey struct{ hashes sync.Pool }

type keyedHash struct {
	hash.Hash
	text []byte // what is hashed, where it does not escape
	sum  [sha256.Size]byte
}

func newHMACKey(key []byte) *hmacKey {
	return &hmacKey{sync.Pool{New: func() any { return &keyedHash{Hash: hmac.New(sha256.New, key)} }}}
}

func (k *hmacKey) sum(msg []byte) [32]byte { return sum(k, msg) }

func sum[T string | []byte](k *hmacKey, msg T) [32]byte {
	h := k.hashes.Get().(*keyedHash)
	defer k.hashes.Put(h)
	h.text = append(h.text[:0], msg...)
	h.Reset()
	h.Write(h.text)
	clear(h.text) // it may be a token or a password
	h.Sum(h.sum[:0])
	return h.sum
}
