package estate

import (
	"cmp"
	"context"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// factor is the second factor of one account.
type factor struct {
	e      *Estate
	act    *audit.Act
	caller *latchkey.Caller
}

func (s *signIns) Factor() hosting.Factor     { return &factor{s.e, s.act, s.caller} }
func (h *hostSignIns) Factor() hosting.Factor { return &factor{h.e, h.act, h.caller} }

func (f *factor) New(ctx context.Context) (secret, url latchkey.Secret, err error) {
	secret = auth.NewFactorSecret()
	is, err := f.State(ctx)
	return secret, auth.FactorURL(is.Issuer, f.caller.Name, secret), err
}

func (f *factor) Set(ctx context.Context, secret, code latchkey.Secret, recovery bool) (codes []latchkey.Secret, err error) {
	if !f.e.Auth.GoodCode(secret, code) {
		return nil, latchkey.InvalidParam("tfa_token", "The security code is invalid: give the code that your program shows now for this secret.")
	}
	err = f.e.commit(ctx, f.act, f.caller, func(tx store.Tx) error {
		p, err := auth.FactorPolicyOf(tx)
		if err == nil && p.Off {
			err = denied("secret", "The security policy for two-factor authentication is disabled on this server: its administrator can enable it.")
		}
		if err != nil {
			return err
		}
		a, err := f.own(tx)
		if err != nil {
			return err
		}
		a.SecondFactor = f.e.Keys.SealFactor(a.ID, secret)
		if err := changeFactor(tx, a); err != nil || !recovery {
			return err
		}
		codes, err = f.e.makeRecovery(tx, a.ID)
		return err
	})
	return codes, err
}

func (f *factor) Recovery(ctx context.Context) (codes []latchkey.Secret, err error) {
	err = f.e.commit(ctx, f.act, f.caller, func(tx store.Tx) error {
		a, err := f.own(tx)
		if err == nil && a.SecondFactor == "" {
			err = noFactor(&a)
		}
		if err != nil {
			return err
		}
		codes, err = f.e.makeRecovery(tx, a.ID)
		return err
	})
	return codes, err
}

// makeRecovery gives an account other recovery codes.
func (e *Estate) makeRecovery(tx store.Tx, id latchkey.AccountID) ([]latchkey.Secret, error) {
	codes, macs := e.Keys.NewRecoveryCodes(id)
	return codes, tx.PutRecoveryCodes(id, macs)
}

func (f *factor) Remove(ctx context.Context) error {
	return f.e.commit(ctx, f.act, f.caller, func(tx store.Tx) error { return withoutFactor(tx, f.own) })
}

// own is the account whose second factor the caller may change: their own, and
// with a token only one that may do no more than the token does.
func (f *factor) own(r store.Reader) (latchkey.Account, error) {
	a, err := r.AccountByID(f.caller.Account)
	if err != nil {
		return a, err
	}
	has, by := a.Privileges, f.caller
	if a.Role == latchkey.RoleRoot {
		has = latchkey.AllPrivileges
	}
	if by.Through != nil {
		by = by.Through
	}
	if by.Kind == latchkey.ByToken && !has.Within(by.Privileges) {
		err = latchkey.Errorf(latchkey.Denied, "The API token that you call with may do less than “%s” may: sign in with the password to change its second factor.", a.Name)
	}
	return a, err
}

// withoutFactor takes away the second factor of the account that of finds.
func withoutFactor(tx store.Tx, of func(store.Reader) (latchkey.Account, error)) error {
	a, err := of(tx)
	if err == nil && a.SecondFactor == "" {
		err = noFactor(&a)
	}
	if err != nil {
		return err
	}
	a.SecondFactor = ""
	return changeFactor(tx, a)
}

func noFactor(a *latchkey.Account) error {
	return &latchkey.Error{Kind: latchkey.NotFound, Param: "user", Msg: "Two-factor authentication is not configured for the account “" + string(a.Name) + "”."}
}

// changeFactor writes an account whose second factor is another.
func changeFactor(tx store.Tx, a latchkey.Account) error {
	tx.Log(store.Change{Kind: store.AccountPut, Account: a.ID})
	return tx.UpdateAccount(a)
}

func (f *factor) State(ctx context.Context) (is hosting.FactorState, err error) {
	err = f.e.Store.Read(ctx, func(r store.Reader) error {
		p, err := auth.FactorPolicyOf(r)
		if err != nil {
			return err
		}
		a, err := r.AccountByID(f.caller.Account)
		if err != nil {
			return err
		}
		is = hosting.FactorState{On: a.SecondFactor != "", Issuer: cmp.Or(p.Issuer, f.e.Server.Hostname), Most: auth.RecoveryCodes}
		is.Recovery, err = r.RecoveryCodes(a.ID)
		return err
	})
	return is, err
}

func (h *hostSignIns) RemoveFactor(ctx context.Context, name latchkey.AccountName) error {
	return h.e.commit(ctx, h.act, h.caller, func(tx store.Tx) error {
		return withoutFactor(tx, func(store.Reader) (latchkey.Account, error) {
			if name == RootName && h.caller.Role == latchkey.RoleRoot && h.caller.Privileges == latchkey.AllPrivileges {
				return tx.Account(RootName)
			}
			return h.command(tx, name)
		})
	})
}

func (h *hostSignIns) FactorPolicy(ctx context.Context) (p latchkey.FactorPolicy, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) (err error) {
		p, err = auth.FactorPolicyOf(r)
		return err
	})
	return p, err
}

func (h *hostSignIns) ChangeFactorPolicy(ctx context.Context, change func(*latchkey.FactorPolicy) error) error {
	return h.e.commit(ctx, h.act, h.caller, func(tx store.Tx) error {
		p, err := auth.FactorPolicyOf(tx)
		if err == nil {
			err = change(&p)
		}
		if err != nil {
			return err
		}
		return auth.PutFactorPolicy(tx, p)
	})
}
