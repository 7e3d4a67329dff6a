package auth

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// The vectors of RFC 6238, appendix B, for SHA-1, cut to six digits.
func TestCodes(t *testing.T) {
	key := []byte("12345678901234567890")
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if got := code(key, at/codeStep); got != want {
			t.Errorf("code at %d = %s, want %s", at, got, want)
		}
	}
}

func TestFactorIsSealed(t *testing.T) {
	k := NewKeys(make([]byte, 32))
	secret := NewFactorSecret()
	sealed := k.SealFactor(7, secret)
	if strings.Contains(sealed, secret.Reveal()) || sealed == k.SealFactor(7, secret) {
		t.Error("the secret can be seen, or compared")
	}
	key, err := k.openFactor(7, sealed)
	if err != nil || factorSecret.EncodeToString(key) != secret.Reveal() {
		t.Errorf("openFactor: %v", err)
	}
	for what, open := range map[string]func() ([]byte, error){
		"in another account's row": func() ([]byte, error) { return k.openFactor(8, sealed) },
		"with other keys":          func() ([]byte, error) { return NewKeys([]byte(strings.Repeat("x", 32))).openFactor(7, sealed) },
		"damaged":                  func() ([]byte, error) { return k.openFactor(7, "A"+sealed[1:]) },
		"cut":                      func() ([]byte, error) { return k.openFactor(7, sealed[:4]) },
	} {
		if _, err := open(); err == nil && !(what == "damaged" && sealed[0] == 'A') {
			t.Errorf("the secret can be read %s", what)
		}
	}
}

func TestSecondFactor(t *testing.T) {
	h := newHouse(t)
	made, err := hasher.Make(t.Context(), latchkey.NewSecret("right one"))
	if err != nil {
		t.Fatal(err)
	}
	secret := NewFactorSecret()
	key, _ := factorSecret.DecodeString(secret.Reveal())
	id := h.account("alice", func(a *latchkey.Account) { a.PasswordHash = string(made) })
	h.account("alice", func(a *latchkey.Account) { a.SecondFactor = h.keys.SealFactor(id, secret) })
	_, token := h.token(id, "t")
	at := noon
	with := func(text string) latchkey.Credentials {
		c := basicCred("alice", "right one")
		c.Code = latchkey.NewSecret(text)
		return c
	}
	now := func(skew int64) string { return code(key, at.Unix()/codeStep+skew) }
	h.accepts("a token, without a code", tokenCred("alice", token))
	h.refuses("no code", basicCred("alice", "right one"), NoCode)
	h.refuses("a wrong password", latchkey.Credentials{Scheme: latchkey.SchemeBasic, User: "alice", Secret: latchkey.NewSecret("wrong"), Code: latchkey.NewSecret(now(0))}, WrongPassword)
	h.refuses("a wrong code", with("000000"), WrongCode)
	h.refuses("a code of a minute ago", with(now(-2)), WrongCode)
	h.refuses("a code to come", with(now(2)), WrongCode)
	h.accepts("the code of now", with(now(0)))
	h.accepts("the same code, same source", with(now(0)))
	h.refuses("the code before it, after it", with(now(-1)), WrongCode)
	if _, r := h.Check(t.Context(), with(now(0)), latchkey.ForAccount, latchkey.Origin{Addr: addr("203.0.113.1")}); r == nil || r.Reason != WrongCode {
		t.Error("another source uses the same code again")
	}
	at = at.Add(codeStep * time.Second)
	h.setTime(at)
	h.accepts("the next code", with(now(0)))

	// A million codes cannot be tried, from however many sources.
	tried := 0
	for i := range 1000 {
		if _, r := h.Check(t.Context(), with(fmt.Sprintf("%06d", i)), latchkey.ForAccount, latchkey.Origin{Addr: addr(fmt.Sprintf("203.0.113.%d", i%250))}); r != nil && r.Reason == WrongCode {
			tried++
		}
	}
	if tried > wrongCodes {
		t.Errorf("%d wrong codes were tried", tried)
	}
	h.accepts("a token meanwhile", tokenCred("alice", token))
	at = at.Add(wrongCodePeriod)
	h.setTime(at)
	h.accepts("the right code later", with(now(0)))

	h.commit(func(tx store.Tx) error { return PutFactorPolicy(tx, latchkey.FactorPolicy{Off: true}) })
	h.accepts("no code, where nobody is asked", basicCred("alice", "right one"))
	h.commit(func(tx store.Tx) error { return PutFactorPolicy(tx, latchkey.FactorPolicy{}) })
	h.account("alice", func(a *latchkey.Account) { a.SecondFactor = "damaged" })
	h.refuses("a damaged row", with(now(0)), CannotCheck)
}
