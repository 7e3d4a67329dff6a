package auth

import (
	"crypto/rand"
	"hash/crc32"
	"strings"
	"unsafe"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// A token is 32 characters of A-Z and 0-9: "LK", 25 random ones and 5 that
// check the rest. 25 random characters hold 129 bits.
const (
	tokenLen    = 32
	tokenRandom = 25
	tokenCheck  = 5
	tokenPrefix = "LK"
	alphabet    = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

var inAlphabet = func() (in [256]bool) {
	for _, c := range alphabet {
		in[c] = true
	}
	return in
}()

// labels go into the check characters, so that a token says, to us alone, at
// which door it opens.
var labels = [...]string{latchkey.ForAccount: "account", latchkey.ForHost: "host"}

// labelSums are the checksums of the labels, continued for every token.
var labelSums = func() (sums [len(labels)]uint32) {
	for i, l := range labels {
		sums[i] = crc32.ChecksumIEEE([]byte(l))
	}
	return sums
}()

// NewToken draws a token for an audience.
func NewToken(audience latchkey.Audience) latchkey.Secret {
	text := make([]byte, 0, tokenLen)
	text = append(text, tokenPrefix...)
	var pool [64]byte
	for len(text) < tokenLen-tokenCheck {
		_, _ = rand.Read(pool[:]) // never fails: it ends the program instead
		for _, b := range pool {
			// 252 is the last multiple of 36 in a byte: above it a character would
			// be more likely than another.
			if b < 252 && len(text) < tokenLen-tokenCheck {
				text = append(text, alphabet[b%36])
			}
		}
	}
	check := checkCharacters(audience, string(text))
	return latchkey.NewSecret(string(append(text, check[:]...)))
}

// checkCharacters are the five last characters of a token that begins with head.
func checkCharacters(audience latchkey.Audience, head string) (c [tokenCheck]byte) {
	// The bytes of the string itself: a copy would escape to the heap.
	n := crc32.Update(labelSums[audience], crc32.IEEETable, unsafe.Slice(unsafe.StringData(head), len(head))) % (36 * 36 * 36 * 36 * 36)
	for i := tokenCheck - 1; i >= 0; i-- {
		c[i] = alphabet[n%36]
		n /= 36
	}
	return c
}

// WellFormed reports whether text can be a token for audience at all. It tells
// typing mistakes and garbage from tokens without looking anything up; it is no
// proof of anything.
func WellFormed(audience latchkey.Audience, text string) bool {
	if len(text) != tokenLen || text[:len(tokenPrefix)] != tokenPrefix {
		return false
	}
	head := text[:tokenLen-tokenCheck]
	for i := range len(head) {
		if !inAlphabet[head[i]] {
			return false
		}
	}
	check := checkCharacters(audience, head)
	return text[tokenLen-tokenCheck:] == string(check[:])
}

// Redact is text with "***" in the place of every token in it, also of one whose
// letters have become small: people put tokens where a name belongs.
func Redact(text string) string {
	for at := 0; at+tokenLen <= len(text); at++ {
		if text[at]|0x20 != 'l' || text[at+1]|0x20 != 'k' {
			continue
		}
		found := strings.ToUpper(text[at : at+tokenLen])
		if WellFormed(latchkey.ForAccount, found) || WellFormed(latchkey.ForHost, found) {
			text = text[:at] + "***" + text[at+tokenLen:]
		}
	}
	return text
}
