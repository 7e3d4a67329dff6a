package auth

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// RecoveryCodes is how many recovery codes are made at once: each stands in, once,
// for a code of the second factor, for whoever has lost what shows those.
const RecoveryCodes = 10

// recoveryLength is how long one is, without the dash in its middle: 50 bits, of
// which nobody may try more than they may of other codes.
const recoveryLength = 10

var recoveryLetters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewRecoveryCodes are recovery codes for an account, as they are shown this once
// and as they are kept.
func (k *Keys) NewRecoveryCodes(account latchkey.AccountID) (codes []latchkey.Secret, macs []latchkey.RecoveryMAC) {
	for range RecoveryCodes {
		var b [7]byte
		_, _ = rand.Read(b[:])
		text := recoveryLetters.EncodeToString(b[:])[:recoveryLength]
		code := latchkey.NewSecret(text[:recoveryLength/2] + "-" + text[recoveryLength/2:])
		mac, _ := k.recoveryMAC(account, code)
		codes, macs = append(codes, code), append(macs, mac)
	}
	return codes, macs
}

// recoveryMAC is what a code is looked up by, if it has the form of a recovery
// code: with or without the dash, in letters of either case. Another account's
// is another.
func (k *Keys) recoveryMAC(account latchkey.AccountID, code latchkey.Secret) (mac latchkey.RecoveryMAC, ok bool) {
	text := strings.ToLower(strings.ReplaceAll(code.Reveal(), "-", ""))
	if len(text) != recoveryLength || strings.ContainsFunc(text, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '2' || r > '7') }) {
		return mac, false
	}
	return k.recovery.sum(append(binary.BigEndian.AppendUint32(nil, uint32(account)), text...)), true
}

// checkRecovery uses a recovery code up. A wrong one counts as any wrong code does,
// and from before it is looked for: many at once are no way around.
func (v *Verifier) checkRecovery(ctx context.Context, id latchkey.AccountID, mac latchkey.RecoveryMAC, now time.Time) Reason {
	if !v.codes.reserve(id, now) {
		return Throttled
	}
	_, err := v.store.Write(ctx, func(tx store.Tx) error { return tx.DeleteRecoveryCode(id, mac) })
	if errors.Is(err, store.ErrNotFound) {
		return WrongCode
	}
	v.codes.release(id, now)
	if err != nil {
		v.log.Error("recovery code", "err", err)
		return CannotCheck
	}
	return ""
}

// reserve counts a wrong code before it is known to be one; false if there were too
// many. release takes it back.
func (c *codes) reserve(id latchkey.AccountID, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.find(id, now)
	if g.wrong >= wrongCodes {
		return false
	}
	g.wrong++
	return true
}

func (c *codes) release(id latchkey.AccountID, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.find(id, now)
	g.wrong = max(0, g.wrong-1)
}
