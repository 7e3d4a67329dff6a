package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6238, as every program for such codes has it
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// Codes of the second factor are those of RFC 6238: six digits, every half
// minute another, of HMAC-SHA-1. One half minute too early or too late is taken.
const (
	codeStep   = 30
	codeDigits = 6
	codeSkew   = 1
)

// Wrong codes fade as failures of a source do. Who sends them has the right
// password, so they are counted by account too: a code has a million values.
const (
	wrongCodes      = 10
	wrongCodePeriod = 5 * time.Minute
)

// factorSecret is the form of what codes are made of: sixteen letters of base 32.
var factorSecret = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewFactorSecret is what the codes of a second factor are made of from now on.
func NewFactorSecret() latchkey.Secret {
	var b [10]byte
	_, _ = rand.Read(b[:])
	return latchkey.NewSecret(factorSecret.EncodeToString(b[:]))
}

// FactorURL is secret as programs for codes take it.
func FactorURL(issuer string, name latchkey.AccountName, secret latchkey.Secret) latchkey.Secret {
	i := url.PathEscape(issuer)
	return latchkey.NewSecret("otpauth://totp/" + i + ":" + url.PathEscape(string(name)) + "?secret=" + secret.Reveal() + "&issuer=" + i)
}

// code is the code of one step.
func code(key []byte, step int64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(step))
	h := hmac.New(sha1.New, key)
	h.Write(b[:])
	sum := h.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%0*d", codeDigits, binary.BigEndian.Uint32(sum[at:at+4])&0x7fffffff%1_000_000)
}

// stepOf is the step whose code was given, if it is one of now.
func stepOf(key []byte, given string, now time.Time) (step int64, ok bool) {
	for s := now.Unix()/codeStep - codeSkew; s <= now.Unix()/codeStep+codeSkew; s++ {
		if subtle.ConstantTimeCompare([]byte(code(key, s)), []byte(given)) == 1 {
			step, ok = s, true
		}
	}
	return step, ok
}

// GoodCode is [GoodCode] by the server's clock.
func (v *Verifier) GoodCode(secret, given latchkey.Secret) bool {
	return GoodCode(secret, given, v.now())
}

// GoodCode reports whether given is a code of secret at now: whoever sets up a
// second factor shows that they have it. A secret in a wrong form has none.
func GoodCode(secret, given latchkey.Secret, now time.Time) bool {
	key, err := factorSecret.DecodeString(secret.Reveal())
	if err != nil || len(key) != 10 {
		return false
	}
	_, ok := stepOf(key, given.Reveal(), now)
	return ok
}

// SealFactor is secret as it is kept: nobody reads it without the keys, and in
// another account's row it is of no use.
func (k *Keys) SealFactor(account latchkey.AccountID, secret latchkey.Secret) string {
	return base64.StdEncoding.EncodeToString(encrypt(k.factor, []byte(secret.Reveal()), factorOwner(account)))
}

func (k *Keys) openFactor(account latchkey.AccountID, sealed string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return nil, fmt.Errorf("the second factor of account %d is damaged", account)
	}
	text, err := decrypt(k.factor, b, factorOwner(account))
	if err != nil {
		return nil, fmt.Errorf("the second factor of account %d is damaged: %w", account, err)
	}
	return factorSecret.DecodeString(string(text))
}

func factorOwner(account latchkey.AccountID) []byte {
	return binary.BigEndian.AppendUint32([]byte("account "), uint32(account))
}

// factorSetting is the name under which the store keeps the policy.
const factorSetting = "second_factor"

// FactorPolicyOf is what the administrator has set about second factors.
func FactorPolicyOf(r store.Reader) (p latchkey.FactorPolicy, err error) {
	err = gone(r.Setting(factorSetting, &p))
	return p, err
}

// PutFactorPolicy sets it. It counts from the commit on.
func PutFactorPolicy(tx store.Tx, p latchkey.FactorPolicy) error {
	tx.Log(store.Change{Kind: store.SettingPut})
	return tx.PutSetting(factorSetting, p)
}

// codes is what is remembered of the codes that accounts gave.
type codes struct {
	mu sync.Mutex
	of map[latchkey.AccountID]*given
}

// given is the latest right code of an account, and how many wrong ones it gave
// lately.
type given struct {
	step   int64
	source uint64
	wrong  float64
	at     time.Time // of wrong
}

// checkCode asks for the second factor, where the account has one. A code is good
// once; for some seconds more only to the source that gave it, as one program
// makes several calls. A recovery code does as well, and is used up by it.
func (v *Verifier) checkCode(ctx context.Context, a *latchkey.Account, cred latchkey.Credentials, from latchkey.Origin) (recovered bool, _ Reason) {
	if a.SecondFactor == "" || v.factors.Load().Off {
		return false, ""
	}
	if cred.Code.Empty() {
		return false, NoCode
	}
	if mac, ok := v.keys.recoveryMAC(a.ID, cred.Code); ok {
		reason := v.checkRecovery(ctx, a.ID, mac, v.at(from))
		return reason == "", reason
	}
	key, err := v.keys.openFactor(a.ID, a.SecondFactor)
	if err != nil {
		v.log.Error("second factor", "err", err)
		return false, CannotCheck
	}
	return false, v.codes.check(a.ID, key, cred.Code, v.at(from), sourceOf(from.Addr))
}

// check takes a code of the account whose codes are made of key.
func (c *codes) check(id latchkey.AccountID, key []byte, code latchkey.Secret, now time.Time, source uint64) Reason {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.find(id, now)
	if g.wrong >= wrongCodes {
		return Throttled
	}
	step, ok := stepOf(key, code.Reveal(), now)
	if !ok || step < g.step || step == g.step && source != g.source {
		g.wrong++
		return WrongCode
	}
	g.step, g.source = step, source
	return ""
}

// find is what is remembered of an account, as far as it has not faded.
func (c *codes) find(id latchkey.AccountID, now time.Time) *given {
	if c.of == nil {
		c.of = make(map[latchkey.AccountID]*given)
	}
	g := c.of[id]
	if g == nil {
		g = &given{at: now}
		c.of[id] = g
	}
	if passed := now.Sub(g.at); passed > 0 {
		g.wrong = max(0, g.wrong-wrongCodes*passed.Seconds()/wrongCodePeriod.Seconds())
		g.at = now
	}
	return g
}
