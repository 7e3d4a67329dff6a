package auth

import (
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
	switch {
	case err != nil:
	case c.Through != nil: // the account may be suspended, who acts for it may not
		err = v.Stands(r, c.Through)
	default:
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

// hashNow is the stored hash of the password that c was let in by; none where it
// does not let in any more.
func (v *Verifier) hashNow(r store.Reader, c *latchkey.Caller) (string, error) {
	if c.Mailbox != "" {
		row, err := mailboxRow(r, c.Mailbox)
		if err != nil || row.Account != c.Account || row.SuspendedLogin {
			return "", err
		}
		return row.PasswordHash, nil
	}
	if e := v.accounts.entry(c.Account); e != nil {
		return e.Account.PasswordHash, nil
	}
	a, err := r.AccountByID(c.Account)
	return a.PasswordHash, err
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
		hash, err := v.hashNow(r, c)
		if err != nil {
			return err
		}
		stands = proofOf(hash) == c.Proof
	default: // the system vouches for the caller, suspended or not
		return nil
	}
	if !stands || !of.usable {
		return store.ErrNotFound
	}
	return nil
}
