// Package pki reads and makes what stands behind TLS: private keys, certificate
// signing requests and certificates, as texts in PEM. What it has read is sound:
// no text, however it came to be, gets further than [ParseKey], [ParseRequest],
// [ParseCertificate] and [ParseChain].
package pki

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/url"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// The most a text may hold: twice what the largest key, and a long chain, take.
const (
	maxText  = 128 << 10
	maxBlock = 32 << 10
	maxChain = 12 // certificates
)

// block is one piece of a text.
type block struct {
	kind string // such as CERTIFICATE
	der  []byte
}

const dashes = "-----"

// blocks are the pieces of a text in PEM, as clients send it: percent-encoded
// once more than it should be, with any kind of line ends or none, and with
// other text around. what names the thing for whom it concerns.
func blocks(what, text string) ([]block, error) {
	if len(text) > maxText {
		return nil, invalid("%s is too large: it may have at most %d KB.", what, maxText>>10)
	}
	if text = unescaped(text); strings.ContainsRune(text, 0) {
		return nil, damaged(what)
	}
	var list []block
	for {
		_, rest, found := strings.Cut(text, dashes+"BEGIN ")
		if !found {
			break
		}
		kind, rest, ok := strings.Cut(rest, dashes)
		if !ok || len(kind) > 40 {
			return nil, damaged(what)
		}
		body, rest, ok := strings.Cut(rest, dashes+"END "+kind+dashes)
		if !ok {
			return nil, damaged(what)
		}
		if strings.Contains(body, "ENCRYPTED") || strings.Contains(kind, "ENCRYPTED") {
			return nil, invalid("%s is protected by a passphrase: give it without one.", what)
		}
		der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(body), ""))
		if err != nil || len(der) == 0 || len(der) > maxBlock {
			return nil, damaged(what)
		}
		list = append(list, block{kind, der})
		text = rest
	}
	if len(list) == 0 {
		return nil, invalid("%s is not in the PEM format: it begins with %sBEGIN.", what, dashes)
	}
	return list, nil
}

// unescaped undoes one percent-encoding too many: PEM has no % of its own.
func unescaped(text string) string {
	if !strings.Contains(text, dashes+"BEGIN%20") {
		return text
	}
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

func toPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func invalid(format string, args ...any) error {
	return latchkey.Errorf(latchkey.Invalid, format, args...)
}

// brief is what a library says of a text, without too much of that.
func brief(err error) string { return strings.ToValidUTF8(fmt.Sprintf("%.200v", err), "?") }

func damaged(what string) error {
	return invalid("%s is damaged: its text in the PEM format cannot be read. In a form or a query every + of it must be written %%2B.", what)
}
