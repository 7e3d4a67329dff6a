package auth

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// TestRecoveryCodes: each signs in once, whoever comes at the same moment; a wrong
// one counts as any wrong code does.
func TestRecoveryCodes(t *testing.T) {
	h := newHouse(t)
	made, err := hasher.Make(t.Context(), latchkey.NewSecret("right one"))
	if err != nil {
		t.Fatal(err)
	}
	id := h.account("alice", func(a *latchkey.Account) { a.PasswordHash = string(made) })
	h.account("alice", func(a *latchkey.Account) { a.SecondFactor = h.keys.SealFactor(id, NewFactorSecret()) })
	codes, macs := h.keys.NewRecoveryCodes(id)
	if len(codes) != RecoveryCodes || len(codes[0].Reveal()) != 11 || codes[0] == codes[1] {
		t.Fatalf("%d codes, such as %d letters", len(codes), len(codes[0].Reveal()))
	}
	if other, ok := h.keys.recoveryMAC(id+1, codes[0]); !ok || other == macs[0] {
		t.Error("another account's code is kept as the same")
	}
	h.commit(func(tx store.Tx) error { return tx.PutRecoveryCodes(id, macs) })
	with := func(text string) latchkey.Credentials {
		c := basicCred("alice", "right one")
		c.Code = latchkey.NewSecret(text)
		return c
	}
	wrong := with(codes[0].Reveal())
	wrong.Secret = latchkey.NewSecret("wrong")
	h.refuses("with a wrong password", wrong, WrongPassword)
	c, r := h.Check(t.Context(), with(codes[0].Reveal()), latchkey.ForAccount, origin)
	if r != nil || !c.Recovered {
		t.Fatalf("a code: %+v, %+v", c, r)
	}
	h.refuses("the same code again", with(codes[0].Reveal()), WrongCode)
	h.accepts("without the dash, in capitals", with(strings.ToUpper(strings.ReplaceAll(codes[1].Reveal(), "-", ""))))
	var in atomic.Int32
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if _, r := h.Check(t.Context(), with(codes[2].Reveal()), latchkey.ForAccount, origin); r == nil {
				in.Add(1)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 {
		t.Errorf("at once one code let %d in", in.Load())
	}
	h.setTime(noon.Add(wrongCodePeriod))
	tried := 0
	for range 3 * wrongCodes {
		if _, r := h.Check(t.Context(), with("aaaaa-aaaaa"), latchkey.ForAccount, origin); r != nil && r.Reason == WrongCode {
			tried++
		}
	}
	if tried == 0 || tried > wrongCodes {
		t.Errorf("%d wrong codes were tried", tried)
	}
	h.refuses("a right code after too many", with(codes[3].Reveal()), Throttled)
	h.setTime(noon.Add(3 * wrongCodePeriod))
	h.accepts("the same code later", with(codes[3].Reveal()))
	h.account("alice", func(a *latchkey.Account) { a.SecondFactor = h.keys.SealFactor(id, NewFactorSecret()) })
	h.refuses("a code of the second factor before", with(codes[4].Reveal()), WrongCode)
}
