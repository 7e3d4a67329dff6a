package auth

import (
	"crypto/sha256"
	"errors"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// Stands says why c, who was let in before, may change nothing any more: the
// token was revoked, the password changed, the account suspended or removed, or
// a feature switched off. It is asked inside the transaction of the change:
// nothing is changed after any of these was answered. It asks r only for what
// is not in memory, which is what those steps have just changed.
func (v *Verifier) Stands(r store.Reader, c *latchkey.Caller) error {
	s, err := v.standingNow(r, c.Account)
	if err == nil {
		err = v.credentialStands(r, c, &s)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return &latchkey.Error{Kind: latchkey.BadCredentials, Msg: "Access denied"}
	case err != nil:
		return err
	case c.Features&^s.features != 0:
		return &latchkey.Error{Kind: latchkey.FeatureOff, Msg: "A feature of the account was switched off while this call was under way: nothing was changed."}
	}
	return nil
}

// standingNow is what checks ask of an account, from memory or from r. It is not
// remembered: r may show what is not committed yet.
func (v *Verifier) standingNow(r store.Reader, id latchkey.AccountID) (standing, error) {
	if s, ok := v.accounts.standing(id); ok {
		return s, nil
	}
	e, err := readEntry(r, id)
	return standingOf(&e), err
}

// accountNow is an account from memory or from r.
func (v *Verifier) accountNow(r store.Reader, id latchkey.AccountID) (latchkey.Account, error) {
	if e := v.accounts.entry(id); e != nil {
		return e.Account, nil
	}
	return r.AccountByID(id)
}

// credentialStands fails with [store.ErrNotFound] where what c was let in by is
// no more, or does not let in any more.
func (v *Verifier) credentialStands(r store.Reader, c *latchkey.Caller, of *standing) error {
	stands := true
	switch c.Kind {
	case latchkey.ByToken:
		mac := latchkey.TokenMAC(c.Proof)
		if s, ok := v.lookUp(&mac); ok {
			stands = latchkey.TokenID(s.id) == c.Token && s.flags&(slotDisabled|slotDamaged) == 0
			break
		}
		t, err := r.TokenByMAC(mac)
		if err != nil {
			return err
		}
		stands = t.ID == c.Token && t.State == latchkey.TokenActive
	case latchkey.ByPassword:
		a, err := v.accountNow(r, c.Account)
		if err != nil {
			return err
		}
		stands = passwordProof(&a) == c.Proof
	default: // the system vouches for the caller, suspended or not
		return nil
	}
	if !stands || !of.usable {
		return store.ErrNotFound
	}
	return nil
}

// passwordProof tells one password of an account from the next.
func passwordProof(a *latchkey.Account) [32]byte { return sha256.Sum256([]byte(a.PasswordHash)) }
