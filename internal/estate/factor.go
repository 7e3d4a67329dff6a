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
	_, issuer, err := f.On(ctx)
	return secret, auth.FactorURL(issuer, f.caller.Name, secret), err
}

func (f *factor) Set(ctx context.Context, secret, code latchkey.Secret) error {
	if !f.e.Auth.GoodCode(secret, code) {
		return latchkey.InvalidParam("tfa_token", "The security code is invalid: give the code that your program shows now for this secret.")
	}
	return f.e.changeFactor(ctx, f.act, f.caller, func(tx store.Tx) (latchkey.Account, error) {
		p, err := auth.FactorPolicyOf(tx)
		if err == nil && p.Off {
			err = denied("secret", "The security policy for two-factor authentication is disabled on this server: its administrator can enable it.")
		}
		if err != nil {
			return latchkey.Account{}, err
		}
		a, err := f.own(tx)
		a.SecondFactor = f.e.Keys.SealFactor(a.ID, secret)
		return a, err
	})
}

func (f *factor) Remove(ctx context.Context) error {
	return f.e.changeFactor(ctx, f.act, f.caller, func(tx store.Tx) (latchkey.Account, error) {
		a, err := f.own(tx)
		return withoutFactor(a, err)
	})
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

func withoutFactor(a latchkey.Account, err error) (latchkey.Account, error) {
	if err == nil && a.SecondFactor == "" {
		err = &latchkey.Error{Kind: latchkey.NotFound, Param: "user", Msg: "Two-factor authentication is not configured for the account “" + string(a.Name) + "”."}
	}
	a.SecondFactor = ""
	return a, err
}

// changeFactor writes an account whose second factor is another.
func (e *Estate) changeFactor(ctx context.Context, act *audit.Act, caller *latchkey.Caller, change func(store.Tx) (latchkey.Account, error)) error {
	return e.commit(ctx, act, caller, func(tx store.Tx) error {
		a, err := change(tx)
		if err != nil {
			return err
		}
		tx.Log(store.Change{Kind: store.AccountPut, Account: a.ID})
		return tx.UpdateAccount(a)
	})
}

func (f *factor) On(ctx context.Context) (on bool, issuer string, err error) {
	err = f.e.Store.Read(ctx, func(r store.Reader) error {
		p, err := auth.FactorPolicyOf(r)
		if err != nil {
			return err
		}
		a, err := r.AccountByID(f.caller.Account)
		on, issuer = a.SecondFactor != "", cmp.Or(p.Issuer, f.e.Server.Hostname)
		return err
	})
	return on, issuer, err
}

func (h *hostSignIns) RemoveFactor(ctx context.Context, name latchkey.AccountName) error {
	return h.e.changeFactor(ctx, h.act, h.caller, func(tx store.Tx) (latchkey.Account, error) {
		if name == RootName && h.caller.Role == latchkey.RoleRoot && h.caller.Privileges == latchkey.AllPrivileges {
			a, err := tx.Account(RootName)
			return withoutFactor(a, err)
		}
		a, err := h.command(tx, name)
		return withoutFactor(a, err)
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
