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
		err = v.standsThrough(r, c)
	default:
		err = v.credentialStands(r, c, &s)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return &latchkey.Error{Kind: latchkey.BadCredentials, Msg: "Access denied"}
	case err != nil:
		return err
	case c.Features&^s.features != 0:
		return featureGone()
	case c.Door == latchkey.ForHost && s.role != latchkey.RoleRoot:
		return v.privilegesStand(r, c)
	}
	return nil
}

func featureGone() error {
	return &latchkey.Error{Kind: latchkey.FeatureOff, Msg: "A feature of the account was switched off while this call was under way: nothing was changed."}
}

// privilegesStand says whether c, a reseller, has lost a privilege since.
func (v *Verifier) privilegesStand(r store.Reader, c *latchkey.Caller) error {
	a, err := v.accountNow(r, c.Account)
	if err == nil && (!a.Reseller || !c.Privileges.Within(a.Privileges)) {
		err = latchkey.Errorf(latchkey.Denied, "A privilege of yours was taken away while this call was under way: nothing was changed.")
	}
	return err
}

// standsThrough is [Verifier.Stands] for who acts for an account: they must
// still be let in themselves, and still command the account.
func (v *Verifier) standsThrough(r store.Reader, c *latchkey.Caller) error {
	if err := v.Stands(r, c.Through); err != nil {
		return err
	}
	a, err := v.accountNow(r, c.Account)
	if err == nil && !c.Through.Commands(&a) {
		err = latchkey.Errorf(latchkey.Denied, "The account was taken from you while this call was under way: nothing was changed.")
	}
	return err
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
	a, err := v.accountNow(r, c.Account)
	return a.PasswordHash, err
}

// Suspended reports whether an account may not be used now, asked inside a
// transaction: r is asked only for what is not in memory.
func (v *Verifier) Suspended(r store.Reader, id latchkey.AccountID) (bool, error) {
	s, err := v.standingNow(r, id)
	return !s.usable, err
}

// Account is an account, asked for inside a transaction: r is asked only for what
// is not in memory.
func (v *Verifier) Account(r store.Reader, id latchkey.AccountID) (latchkey.Account, error) {
	return v.accountNow(r, id)
}

// Unbounded reports whether memory has it that the secret with mac is that of a
// token of an account's which may do everything, from everywhere, for ever.
func (v *Verifier) Unbounded(mac latchkey.TokenMAC) bool {
	s, ok := v.lookUp(&mac)
	return ok && s.flags&^slotTaken == 0 && s.expires == 0
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
		if err := v.tokenStands(r, mac, c); err != nil {
			return err
		}
	case latchkey.BySession:
		return v.sessionStands(r, c)
	case latchkey.ByCallBack:
		if _, err := r.DynamicHostByMAC(latchkey.TokenMAC(c.Proof)); err != nil {
			return err
		}
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

// tokenStands fails with [store.ErrNotFound] where the token that c was let in
// with is no more or is disabled, or its secret is replaced, and in words where
// it may do something else than it could when c was let in.
func (v *Verifier) tokenStands(r store.Reader, mac latchkey.TokenMAC, c *latchkey.Caller) error {
	s, ok := v.lookUp(&mac)
	var print uint64
	switch {
	case !ok:
		t, err := r.TokenByMAC(mac)
		if err != nil {
			return err
		}
		if v.keys.Seal(&t) != t.Seal {
			return store.ErrNotFound
		}
		if s, print = newSlot(&t), printOf(&t); t.Was == mac {
			s = s.replaced(&t)
		}
	case s.flags&slotBound != 0:
		found := v.bound.find(&mac)
		if found == nil {
			return store.ErrNotFound
		}
		print = found.print
	}
	switch {
	case latchkey.TokenID(s.id) != c.Token, s.flags&(slotDisabled|slotDamaged) != 0,
		s.flags&slotReplaced != 0 && v.expiryTime(v.now()) >= int64(s.expires):
		return store.ErrNotFound
	case print != c.Bounds, s.flags&slotReadOnly != 0 && !c.ReadOnly:
		return latchkey.Errorf(latchkey.Denied, "The API token was changed while this call was under way: nothing was changed.")
	}
	return nil
}
