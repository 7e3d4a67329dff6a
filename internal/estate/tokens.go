package estate

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/grant"
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
	now := t.e.Now()
	if err := checkToken("name", &n, now); err != nil {
		return latchkey.Token{}, latchkey.Secret{}, err
	}
	secret := auth.NewToken(t.audience)
	k := latchkey.Token{
		Account: t.account, Audience: t.audience, Name: n.Name, MAC: t.e.Keys.MAC(secret.Reveal()),
		Created: now.UTC(), Expires: n.Expires, ReadOnly: n.ReadOnly, Privileges: n.Privileges, Addresses: n.Addresses, Grants: n.Grants,
	}
	k.Handle = t.e.Keys.Handle(k.MAC)
	err := t.e.commit(ctx, t.act, t.caller, func(tx store.Tx) error {
		err := t.usable(tx)
		if err == nil {
			err = t.bind(tx, &k)
		}
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

// checkToken says what is wrong with a token to be, whose name param gives.
func checkToken(param string, n *hosting.NewToken, now time.Time) error {
	if err := hosting.CheckTokenName(param, n.Name); err != nil {
		return err
	}
	if !n.Expires.IsZero() && !n.Expires.After(now) {
		return latchkey.InvalidParam("expires_at", "The expiry time has already passed: give a time in the future, in seconds since 1970, or none.")
	}
	return nil
}

// bind keeps a token to what who makes it may do, and fills in what was left
// out.
func (t *tokens) bind(r store.Reader, k *latchkey.Token) error {
	if t.caller == nil {
		return latchkey.Errorf(latchkey.Denied, "The API token that you call with was revoked.")
	}
	if t.audience == latchkey.ForHost {
		if err := bindPrivileges(t.caller, k); err != nil {
			return err
		}
	}
	by := t.caller
	if by.Through != nil {
		by = by.Through
	}
	if by.Kind != latchkey.ByToken {
		return nil
	}
	own, err := r.TokenByMAC(by.Proof)
	if err != nil {
		return err
	}
	if err := bindGrants(&own, k); err != nil {
		return err
	}
	return bindTo(&own, k, own.Audience == latchkey.ForHost)
}

// bindGrants gives k no more than own may do.
func bindGrants(own, k *latchkey.Token) error {
	if own.Grants == "" {
		return nil
	}
	if k.Grants != "" {
		has, err := grant.Parse(own.Grants)
		if err != nil {
			return err
		}
		wants, err := grant.Parse(k.Grants)
		if err != nil || wants.Within(has, nil) {
			return err
		}
	}
	return &latchkey.Error{Kind: latchkey.Denied, Param: "grants",
		Msg: "The token that you call with can give no other more than it has itself: " + own.Grants + "."}
}

// bindPrivileges gives k no more than caller may. One with all that the
// administrator may is not bound: it has what comes to be possible later too.
func bindPrivileges(caller *latchkey.Caller, k *latchkey.Token) error {
	if !k.Privileges.Within(caller.Privileges) {
		var beyond []string
		for _, p := range k.Privileges.List() {
			if !caller.Privileges.Has(p) {
				beyond = append(beyond, p.String())
			}
		}
		return &latchkey.Error{Kind: latchkey.Denied, Param: "acl", Msg: "You can give a token no privileges that you do not have: " + strings.Join(beyond, ", ") + "."}
	}
	if k.Privileges == 0 {
		k.Privileges = caller.Privileges
	}
	if caller.Role == latchkey.RoleRoot && k.Privileges.Has(latchkey.PrivilegeAll) {
		k.Privileges = 0
	}
	return nil
}

// bindTo keeps k to the places from which own may be used and, where that is
// asked, to the time that own lasts.
func bindTo(own, k *latchkey.Token, inTime bool) error {
	switch {
	case k.Addresses == "":
		k.Addresses = own.Addresses
	case !k.Addresses.Within(own.Addresses):
		return &latchkey.Error{Kind: latchkey.Denied, Param: "whitelist_ip",
			Msg: "The token that you call with may be used from certain addresses only, and a token that it makes from no others: " + strings.Join(own.Addresses.Texts(), ", ") + "."}
	}
	switch {
	case !inTime || own.Expires.IsZero():
	case k.Expires.IsZero():
		k.Expires = own.Expires
	case k.Expires.After(own.Expires):
		return &latchkey.Error{Kind: latchkey.Denied, Param: "expires_at",
			Msg: "The token that you call with expires before that: a token that it makes may last no longer than itself."}
	}
	return nil
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
			return noToken(name)
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

func (t *tokens) Update(ctx context.Context, name string, n hosting.NewToken) (k latchkey.Token, err error) {
	if err := checkToken("new_name", &n, t.e.Now()); err != nil {
		return k, err
	}
	err = t.e.commit(ctx, t.act, t.caller, func(tx store.Tx) error {
		if err := t.usable(tx); err != nil {
			return err
		}
		if k, err = tx.Token(t.account, t.audience, name); errors.Is(err, store.ErrNotFound) {
			return noToken(name)
		}
		if err != nil {
			return err
		}
		if t.e.Keys.Seal(&k) != k.Seal {
			return errDamagedRow
		}
		k.Name, k.Expires, k.Privileges, k.Addresses, k.Grants = n.Name, n.Expires, n.Privileges, n.Addresses, n.Grants
		if err := t.bind(tx, &k); err != nil {
			return err
		}
		return t.put(tx, &k, func(k latchkey.Token) error { return tx.UpdateToken(name, k) })
	})
	return k, err
}

func (t *tokens) Own(ctx context.Context) (found hosting.TokenInfo, err error) {
	if t.caller == nil || t.caller.Kind != latchkey.ByToken {
		return found, latchkey.Errorf(latchkey.NotFound, "You did not come in with an API token.")
	}
	err = t.e.Store.Read(ctx, func(r store.Reader) (err error) {
		found, err = t.told(r, t.caller.Proof)
		return err
	})
	if err == nil && (found.Account != t.account || found.Audience != t.audience) { // they act through WHM, with a token of another door
		return hosting.TokenInfo{}, latchkey.Errorf(latchkey.NotFound, "You did not come in with a token of this account.")
	}
	return found, err
}

// told is what may be told of the token with a MAC.
func (t *tokens) told(r store.Reader, mac latchkey.TokenMAC) (found hosting.TokenInfo, err error) {
	k, err := r.TokenByMAC(mac)
	if err == nil {
		found = hosting.TokenInfo{Token: k, Expired: k.Expired(t.e.Now())}
		found.Use, err = t.e.Auth.LastUse(r, &k)
	}
	return found, err
}

func noToken(name string) error {
	return &latchkey.Error{Kind: latchkey.NotFound, Param: "name", Msg: "There is no API token with the name “" + name + "”."}
}

func (t *tokens) Find(ctx context.Context, secret latchkey.Secret) (found hosting.TokenInfo, err error) {
	unknown := latchkey.Errorf(latchkey.NotFound, "This is none of your API tokens.")
	if !auth.WellFormed(t.audience, secret.Reveal()) {
		return found, unknown
	}
	err = t.e.Store.Read(ctx, func(r store.Reader) error {
		k, err := t.told(r, t.e.Keys.MAC(secret.Reveal()))
		switch {
		case errors.Is(err, store.ErrNotFound), err == nil && !t.shows(&k.Token):
			return unknown
		case err != nil:
			return err
		}
		found = k
		return nil
	})
	return found, err
}

// shows reports whether the caller may be told of the token k.
func (t *tokens) shows(k *latchkey.Token) bool {
	mine := k.Account == t.account || t.caller.OverAll()
	return mine && k.Audience == t.audience && t.e.Keys.Seal(k) == k.Seal
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
