package lmtp

import (
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
)

const (
	maxLocal  = 64
	maxDomain = 254
	maxSender = 512
)

// SplitAddress takes an address apart, both parts in lower case. It accepts the
// plain form that mailboxes have, local@domain, with a dot-atom before the "@"
// and a host name after it. Quoted local parts, address literals ([192.0.2.1]),
// anything but ASCII and every control character are refused as
// [latchkey.Invalid], with words for the sender.
func SplitAddress(address string) (local, domain string, err error) {
	local, domain, ok := strings.Cut(address, "@")
	switch {
	case !ok || local == "" || domain == "":
		return "", "", refuse("an address has the form local@domain")
	case strings.ContainsAny(address, "\" \\()<>[]:;,") || strings.Contains(domain, "@"):
		return "", "", refuse("quoted local parts, comments and address literals are not accepted")
	case len(local) > maxLocal:
		return "", "", refuse("the part before the @ is longer than 64 characters")
	case len(domain) > maxDomain:
		return "", "", refuse("the domain is longer than 254 characters")
	case !dotted(local, isAtom):
		return "", "", refuse("the part before the @ holds characters that are not accepted")
	case !dotted(domain, isHost):
		return "", "", refuse("the domain is not a host name")
	}
	return strings.ToLower(local), strings.ToLower(domain), nil
}

func refuse(why string) error { return latchkey.Errorf(latchkey.Invalid, "%s", why) }

// dotted reports whether s is words of ok characters with single dots between.
func dotted(s string, ok func(byte) bool) bool {
	for word := range strings.SplitSeq(s, ".") {
		if word == "" {
			return false
		}
		for i := range len(word) {
			if !ok(word[i]) {
				return false
			}
		}
	}
	return true
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func isAtom(c byte) bool { return isAlnum(c) || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0 }

func isHost(c byte) bool { return isAlnum(c) || c == '-' || c == '_' }

// safeSender is the sender's address as it may stand in a header: empty for a
// bounce, and refused if it holds what could end the line or the brackets.
func safeSender(from string) (string, error) {
	if len(from) > maxSender {
		return "", refuse("the sender's address is too long")
	}
	for i := range len(from) {
		if c := from[i]; c < ' ' || c == 0x7f || c == '<' || c == '>' {
			return "", refuse("the sender's address holds characters that are not accepted")
		}
	}
	return from, nil
}
