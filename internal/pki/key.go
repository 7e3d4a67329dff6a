package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// KeyType is what kind of key is to be made.
type KeyType string

// The kinds of keys, by cPanel's names.
const (
	RSA2048 KeyType = "rsa-2048"
	RSA4096 KeyType = "rsa-4096"
	P256    KeyType = "ecdsa-prime256v1"
	P384    KeyType = "ecdsa-secp384r1"
)

// KeyTypes are all there are. The first is made where nothing else is asked for.
var KeyTypes = []KeyType{RSA2048, RSA4096, P256, P384}

// What an RSA key may have, in bits: less is broken, more takes too long.
const (
	minRSA = 2048
	maxRSA = 8192
)

// Public is a public key: one of RSA with 2048 bits at least, or of ECDSA on the
// curves P-256 or P-384.
type Public struct {
	key crypto.PublicKey
	der []byte
}

// Key is a private key. It prints as its public one does: as nothing.
type Key struct {
	Public
	signer crypto.Signer
}

// newPublic says why a key cannot be used, in words about what it is part of.
func newPublic(what string, key any) (Public, error) {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n < minRSA || n > maxRSA {
			return Public{}, invalid("%s has an RSA key of %d bits: it must have from %d to %d.", what, n, minRSA, maxRSA)
		}
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() && k.Curve != elliptic.P384() {
			return Public{}, invalid("%s has an ECDSA key on a curve other than prime256v1 and secp384r1.", what)
		}
	default:
		return Public{}, invalid("%s has a key that is neither RSA nor ECDSA.", what)
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return Public{}, invalid("%s has a damaged key.", what)
	}
	return Public{key, der}, nil
}

// ParsePublic reads what [Public.Bytes] gave.
func ParsePublic(der []byte) (Public, error) {
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return Public{}, err
	}
	return newPublic("The key", key)
}

// Bytes is the key in its binary form.
func (p Public) Bytes() []byte { return p.der }

// Same reports whether two keys are the same.
func (p Public) Same(o Public) bool { return p.der != nil && bytes.Equal(p.der, o.der) }

// Algorithm is the key's algorithm by the name OpenSSL has for it.
func (p Public) Algorithm() string {
	if p.rsa() != nil {
		return "rsaEncryption"
	}
	return "id-ecPublicKey"
}

func (p Public) rsa() *rsa.PublicKey { k, _ := p.key.(*rsa.PublicKey); return k }

// Modulus is the modulus of an RSA key, in hexadecimal; "" for others.
func (p Public) Modulus() string {
	if k := p.rsa(); k != nil {
		return hex.EncodeToString(k.N.Bytes())
	}
	return ""
}

// Bits is how long the modulus of an RSA key is; 0 for others.
func (p Public) Bits() int {
	if k := p.rsa(); k != nil {
		return k.N.BitLen()
	}
	return 0
}

// Curve is the curve of an ECDSA key by OpenSSL's name; "" for others.
func (p Public) Curve() string {
	k, ok := p.key.(*ecdsa.PublicKey)
	switch {
	case !ok:
		return ""
	case k.Curve == elliptic.P384():
		return "secp384r1"
	}
	return "prime256v1"
}

// Point is the compressed point of an ECDSA key, in hexadecimal; "" for others.
func (p Public) Point() string {
	k, ok := p.key.(*ecdsa.PublicKey)
	if !ok {
		return ""
	}
	all, err := k.Bytes() // 4, x, y
	if err != nil {
		return ""
	}
	size := len(all) / 2
	return hex.EncodeToString(append([]byte{2 + all[2*size]&1}, all[1:1+size]...))
}

// Type is the key's type, or "" for an RSA key of another size than those that
// are made.
func (p Public) Type() KeyType {
	t := KeyType("ecdsa-" + p.Curve())
	if p.rsa() != nil {
		t = KeyType(fmt.Sprint("rsa-", p.Bits()))
	}
	if !slices.Contains(KeyTypes, t) {
		return ""
	}
	return t
}

// String names the kind of key, as people read it.
func (p Public) String() string {
	if n := p.Bits(); n > 0 {
		return fmt.Sprintf("%d-bit RSA", n)
	}
	return "ECDSA " + p.Curve()
}

// ends are the first and the last five digits of what makes a key what it is:
// ids begin with them.
func (p Public) ends() string {
	text := p.Modulus() + p.Point()
	return text[:5] + "_" + text[len(text)-5:]
}

// ID is the name that a key goes by: two keys have different ones.
func (p Public) ID() string { return p.ends() + "_" + digest(p.der) }

// digest is as long as the digests in ids of cPanel are.
func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// NewKey makes a key.
func NewKey(t KeyType) (Key, error) {
	var signer crypto.Signer
	var err error
	switch t {
	case RSA2048:
		signer, err = rsa.GenerateKey(rand.Reader, 2048)
	case RSA4096:
		signer, err = rsa.GenerateKey(rand.Reader, 4096)
	case P256:
		signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case P384:
		signer, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	default:
		return Key{}, invalid("There are no keys of the type “%s”.", t)
	}
	if err != nil {
		return Key{}, err
	}
	return newKey(signer)
}

func newKey(signer crypto.Signer) (Key, error) {
	public, err := newPublic("The private key", signer.Public())
	if err != nil {
		return Key{}, err
	}
	return Key{public, signer}, nil
}

// ParseKey reads a private key: the first one in the text.
func ParseKey(text latchkey.Secret) (Key, error) {
	list, err := blocks("The private key", text.Reveal())
	if err != nil {
		return Key{}, err
	}
	for _, b := range list {
		var key any
		switch b.kind {
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(b.der)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(b.der)
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(b.der)
		default:
			continue // a certificate, or the parameters of a curve
		}
		signer, ok := key.(crypto.Signer)
		if err != nil || !ok {
			return Key{}, invalid("The private key cannot be read: give one of RSA or ECDSA.") // err may hold some of it
		}
		return newKey(signer)
	}
	return Key{}, invalid("The text holds no private key.")
}

// Signer signs with the key.
func (k Key) Signer() crypto.Signer { return k.signer }

// PEM is the key as a text.
func (k Key) PEM() latchkey.Secret {
	if k.signer == nil {
		return latchkey.Secret{}
	}
	if r, ok := k.signer.(*rsa.PrivateKey); ok {
		return latchkey.NewSecret(toPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(r)))
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.signer)
	if err != nil {
		return latchkey.Secret{}
	}
	return latchkey.NewSecret(toPEM("PRIVATE KEY", der))
}

// Format keeps the key out of every text.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("***")) }
