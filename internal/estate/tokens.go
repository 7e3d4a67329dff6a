package estate

import (
	"context"
	"errors"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// tokens are the tokens of one account, for one door.
type tokens struct {
	e        *Estate
	act      *audit.Act
	caller   *latchkey.Caller // nil once they have revoked the token they call with
	account  latchkey.AccountID
	audience latchkey.Audience
}

func (t *tokens) Create(ctx context.Context, n hosting.NewToken) (latchkey.Token, latchkey.Secret, error) {
	if err := hosting.CheckTokenName("name", n.Name); err != nil {
		return latchkey.Token{}, latchkey.Secret{}, err
	}
	now := t.e.Now()
	if !n.Expires.IsZero() && !n.Expires.After(now) {
		return latchkey.Token{}, latchkey.Secret{}, latchkey.InvalidParam("expires_at",
			"The expiry time has already passed: give a time in the future, in seconds since 1970, or none.")
	}
	secret := auth.NewToken(t.audience)
	k := latchkey.Token{
		Account: t.account, Audience: t.audience, Name: n.Name, MAC: t.e.Keys.MAC(secret.Reveal()),
		Created: now.UTC(), Expires: n.Expires, ReadOnly: n.ReadOnly,
	}
	k.Handle = t.e.Keys.Handle(k.MAC)
	err := t.e.commit(ctx, t.act, t.caller, func(tx store.Tx) error {
		err := t.usable(tx)
		if err != nil {
			return err
		}
		if k.ID, err = tx.NextTokenID(); err != nil {
			return err
		}
		return t.put(tx, &k, tx.InsertToken)
	})
	if err != nil {
		return latchkey.Token{}, latchkey.Secret{}, err
	}
	return k, secret, nil
}

// put seals the row, writes it and logs the change. A name that is taken is the
// store's word, so that nobody can take it between a look and the write.
func (t *tokens) put(tx store.Tx, k *latchkey.Token, write func(latchkey.Token) error) error {
	k.Seal = t.e.Keys.Seal(k)
	err := write(*k)
	if latchkey.KindOf(err) == latchkey.Exists {
		return &latchkey.Error{Kind: latchkey.Exists, Param: "name",
			Msg: "An API token with the name “" + k.Name + "” already exists: choose another name, or revoke that token first."}
	}
	if err != nil {
		return err
	}
	tx.Log(store.Change{Kind: store.TokenPut, Account: t.account, Token: k})
	return nil
}

// usable says why the account's tokens may not be changed now: an account that
// was suspended or removed since the call began gets no new token.
func (t *tokens) usable(tx store.Tx) error {
	suspended, err := t.e.Auth.Suspended(tx, t.account)
	if err == nil && suspended {
		err = latchkey.Errorf(latchkey.Denied, "The account is suspended.")
	}
	return err
}

func (t *tokens) List(ctx context.Context) (list []hosting.TokenInfo, err error) {
	err = t.e.Store.Read(ctx, func(r store.Reader) error {
		rows, err := r.Tokens(t.account, t.audience)
		if err != nil {
			return err
		}
		list = make([]hosting.TokenInfo, len(rows))
		for i := range rows {
			list[i].Token, list[i].Expired = rows[i], rows[i].Expired(t.e.Now())
			if list[i].Use, err = t.e.Auth.LastUse(r, &rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return list, err
}

func (t *tokens) Rename(ctx context.Context, name, newName string) error {
	if err := hosting.CheckTokenName("new_name", newName); err != nil {
		return err
	}
	return t.e.commit(ctx, t.act, t.caller, func(tx store.Tx) error {
		k, err := tx.Token(t.account, t.audience, name)
		if errors.Is(err, store.ErrNotFound) {
			return &latchkey.Error{Kind: latchkey.NotFound, Param: "name", Msg: "There is no API token with the name “" + name + "”."}
		}
		if err != nil || name == newName {
			return err
		}
		if t.e.Keys.Seal(&k) != k.Seal {
			return errDamagedRow
		}
		k.Name = newName
		return t.put(tx, &k, func(k latchkey.Token) error { return tx.UpdateToken(name, k) })
	})
}

// errDamagedRow keeps a row that was tampered with from being sealed anew.
var errDamagedRow = latchkey.Errorf(latchkey.Unavailable, "The record of this API token is damaged: revoke it and make a new one.")

func (t *tokens) Revoke(ctx context.Context, name string) (found bool, err error) {
	own := false
	err = t.e.commit(ctx, t.act, t.caller, func(tx store.Tx) error {
		k, err := tx.Token(t.account, t.audience, name)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		found = true
		tx.Log(store.Change{Kind: store.TokenGone, Account: t.account, Token: &k})
		own = t.caller != nil && k.ID == t.caller.Token
		return tx.DeleteToken(t.account, t.audience, name)
	})
	if err == nil && own {
		t.caller = nil // a call that revokes several tokens revokes them all
	}
	return found, err
}
