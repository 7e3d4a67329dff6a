// Package srs gives mail that is sent on a sender of our own (Sender Rewriting
// Scheme, SRS0), so that servers elsewhere do not take it for forged, and finds the
// first sender again for what comes back.
//
// A rewritten sender is SRS0=MAC=DAY=DOMAIN=LOCAL@OURS. Nobody else can make one,
// and it is good for [Days]: nobody can have us send mail to whom they like.
package srs

import (
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"strings"
	"time"
)

// Days is how long a rewritten sender takes mail.
const Days = 21

// maxSender is how long a sender may be that mail servers take.
const maxSender = 254

// Rewriter rewrites senders. MAC is a keyed hash of a text.
type Rewriter struct {
	MAC func(text string) [32]byte
}

const prefix = "SRS0"

// alphabet is what the MAC and the day are written in: case does not count.
var alphabet = base32.StdEncoding.WithPadding(base32.NoPadding)

// Is reports whether an address looks like a rewritten sender.
func Is(address string) bool {
	return len(address) > len(prefix) && strings.EqualFold(address[:len(prefix)], prefix) && address[len(prefix)] == '='
}

// Forward is the sender to give at a domain of ours to what comes from sender, which
// is local@domain. It is "" where there is none, or it would be longer than mail
// servers take: then nobody is told if the mail cannot be delivered.
func (w Rewriter) Forward(sender, ours string, now time.Time) string {
	at := strings.LastIndexByte(sender, '@')
	if at <= 0 || at == len(sender)-1 || strings.ContainsAny(sender[at:], "=") {
		return ""
	}
	rest := day(now) + "=" + sender[at+1:] + "=" + sender[:at]
	text := prefix + "=" + w.mac(rest, ours) + "=" + rest + "@" + ours
	if len(text) > maxSender {
		return ""
	}
	return text
}

// Why something is not a sender that mail can come back to.
var (
	ErrForged = errors.New("this address was not made here")
	ErrOld    = errors.New("this address takes no mail any more")
)

// Reverse is the sender that [Rewriter.Forward] has made address of.
func (w Rewriter) Reverse(address string, now time.Time) (string, error) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 || !Is(address) {
		return "", ErrForged
	}
	parts := strings.SplitN(address[len(prefix)+1:at], "=", 4)
	if len(parts) < 4 || parts[2] == "" || parts[3] == "" {
		return "", ErrForged
	}
	want := w.mac(strings.Join(parts[1:], "="), address[at+1:])
	if subtle.ConstantTimeCompare([]byte(strings.ToUpper(parts[0])), []byte(want)) != 1 {
		return "", ErrForged
	}
	for i := range Days + 1 {
		if strings.EqualFold(parts[1], day(now.AddDate(0, 0, -i))) {
			return parts[3] + "@" + parts[2], nil
		}
	}
	return "", ErrOld
}

// mac is 40 bits that say that the rest of a sender at a domain is ours.
func (w Rewriter) mac(rest, ours string) string {
	sum := w.MAC(strings.ToLower(rest + "@" + ours))
	return alphabet.EncodeToString(sum[:5])
}

// day is the number of a day, in two characters: it begins anew after 1,024 days.
func day(t time.Time) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	n := t.Unix() / (24 * 60 * 60) % 1024
	return string([]byte{digits[n>>5&31], digits[n&31]})
}
