package estate

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/notice"
	"github.com/latchkey/latchkey/internal/store"
)

// tokens are the tokens of one account, for one door.
type tokens struct {
	e        *Estate
	act      *audit.Act
	caller   *latchkey.Caller // nil once they have revoked the token they call with
	ended    *wielded         // that token then
	account  latchkey.AccountID
	audience latchkey.Audience
}

func (t *tokens) Create(ctx context.Context, n hosting.NewToken) (latchkey.Token, latchkey.Secret, error) {
	now := t.e.Now()
	if err := checkToken("name", &n, now, time.Time{}); err != nil {
		return latchkey.Token{}, latchkey.Secret{}, err
	}
	secret := auth.NewToken(t.audience)
	k := latchkey.Token{Account: t.account, Audience: t.audience, MAC: t.e.Keys.MAC(secret.Reveal()), Created: now.UTC()}
	n.Put(&k)
	k.Handle = t.e.Keys.Handle(k.MAC)
	err := t.e.commit(ctx, t.act, t.caller, func(tx store.Tx) error {
		err := t.usable(tx)
		if err == nil {
			err = t.bind(tx, &k)
		}
		if err == nil {
			err = t.keepPolicy(tx, &k, true)
		}
		if err == nil {
			err = t.makeRoom(tx)
		}
		if err != nil {
			return err
		}
		if k.ID, err = tx.NextTokenID(); err != nil {
			return err
		}
		if err := t.put(tx, store.Change{Token: &k}, tx.InsertToken); err != nil {
			return err
		}
		return t.tell(tx, &k, notice.Notice{Kind: notice.Created})
	})
	if err != nil {
		return latchkey.Token{}, latchkey.Secret{}, err
	}
	return k, secret, nil
}

// checkToken says what is wrong with a token to be, whose name param gives. The
// expiry that it had may have passed.
func checkToken(param string, n *hosting.NewToken, now, had time.Time) error {
	if err := hosting.CheckTokenName(param, n.Name); err != nil {
		return err
	}
	if !n.Expires.IsZero() && !n.Expires.Equal(had) && !n.Expires.After(now) {
		return latchkey.InvalidParam("expires_at", "The expiry time has already passed: give a time in the future, in seconds since 1970, or none.")
	}
	if err := hosting.CheckTerms(n.Terms, n.Expires); err != nil {
		return err
	}
	return hosting.CheckNote(n.Note)
}

// bind keeps a token to what who makes it, or changes it, may do, and fills in
// what was left out.
func (t *tokens) bind(r store.Reader, k *latchkey.Token) error {
	own, err := t.bounds(r)
	if err != nil {
		return err
	}
	if t.audience == latchkey.ForHost {
		if err := bindPrivileges(t.caller, k); err != nil {
			return err
		}
	}
	if own == nil {
		return nil
	}
	own.endow(k)
	return own.gives(k)
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

// put seals the row of c's token, writes it and logs c. A name that is taken is
// the store's word, so that nobody can take it between a look and the write.
func (t *tokens) put(tx store.Tx, c store.Change, write func(latchkey.Token) error) error {
	k := c.Token
	k.Seal = t.e.Keys.Seal(k)
	err := write(*k)
	if latchkey.KindOf(err) == latchkey.Exists {
		return &latchkey.Error{Kind: latchkey.Exists, Param: "name",
			Msg: "An API token with the name “" + k.Name + "” already exists: choose another name, or revoke that token first."}
	}
	if err == nil {
		err = t.e.Auth.BeginTally(tx, k)
	}
	if err != nil {
		return err
	}
	c.Kind, c.Account = store.TokenPut, t.account
	tx.Log(c)
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
		if list, err = t.stand(r, rows); err != nil {
			return err
		}
		return t.complete(r, list)
	})
	return list, err
}

// Search implements [hosting.Tokens]. Of those that are not shown it reads only
// what tells how they stand.
func (t *tokens) Search(ctx context.Context, q hosting.TokenQuery, skip, limit int) (p hosting.TokenPage, err error) {
	err = t.e.Store.Read(ctx, func(r store.Reader) error {
		rows, err := r.Tokens(t.account, t.audience)
		if err != nil {
			return err
		}
		list, err := t.stand(r, rows)
		if err != nil {
			return err
		}
		p = q.Of(list, t.e.Now(), skip, limit)
		return t.complete(r, p.Tokens)
	})
	return p, err
}

// stand is how tokens stand.
func (t *tokens) stand(r store.Reader, rows []latchkey.Token) ([]hosting.TokenInfo, error) {
	now := t.e.Now()
	list := make([]hosting.TokenInfo, len(rows))
	var bound []latchkey.Token // those that end when nobody uses them
	for i := range rows {
		if rows[i].UnusedDays > 0 {
			bound = append(bound, rows[i])
		}
	}
	uses, _, err := t.e.Auth.LastUses(r, bound)
	for i := 0; err == nil && i < len(rows); i++ {
		k, info := &rows[i], &list[i]
		*info = hosting.TokenInfo{Token: *k, Expired: k.Expired(now)}
		if k.UnusedDays > 0 {
			info.Use, uses = uses[0], uses[1:]
		}
		info.Uses, err = auth.Uses(r, k)
		info.Standing = k.Standing(now, info.Use.At, info.Uses)
	}
	return list, err
}

// complete fills in what else is told of tokens.
func (t *tokens) complete(r store.Reader, list []hosting.TokenInfo) error {
	rows, ids := make([]latchkey.Token, len(list)), make([]latchkey.TokenID, len(list))
	of := make(map[latchkey.TokenID]*hosting.TokenInfo, len(list))
	for i := range list {
		rows[i], ids[i] = list[i].Token, list[i].ID
		of[ids[i]] = &list[i]
	}
	last, before, err := t.e.Auth.LastUses(r, rows)
	if err != nil {
		return err
	}
	for i := range list {
		list[i].Use, list[i].UsedWas = last[i], before[i]
	}
	days, err := r.DaysOf(ids, latchkey.DayOf(t.e.Now())-hosting.ShownDays+1)
	for _, d := range days {
		of[d.Token].Days = append(of[d.Token].Days, d)
	}
	if err != nil {
		return err
	}
	return t.judge(r, list)
}

// Named implements [hosting.Tokens].
func (t *tokens) Named(ctx context.Context, name string) (hosting.TokenInfo, error) {
	list := make([]hosting.TokenInfo, 1)
	err := t.e.Store.Read(ctx, func(r store.Reader) error {
		k, err := t.find(r, name)
		if err == nil {
			list[0], err = t.info(r, &k)
		}
		if err != nil {
			return err
		}
		return t.complete(r, list)
	})
	return list[0], err
}

// info is what may be told of k.
func (t *tokens) info(r store.Reader, k *latchkey.Token) (_ hosting.TokenInfo, err error) {
	now := t.e.Now()
	info := hosting.TokenInfo{Token: *k, Expired: k.Expired(now)}
	if info.Use, info.UsedWas, err = t.e.Auth.LastUse(r, k); err == nil {
		info.Uses, err = auth.Uses(r, k)
	}
	info.Standing = k.Standing(now, info.Use.At, info.Uses)
	return info, err
}

// change changes the row of the token called name by do, in one transaction, and
// returns what may be told of it then.
func (t *tokens) change(ctx context.Context, name string, do func(store.Tx, *store.Change) error) (info hosting.TokenInfo, err error) {
	err = t.e.commit(ctx, t.act, t.caller, func(tx store.Tx) error {
		if err := t.usable(tx); err != nil {
			return err
		}
		k, err := t.find(tx, name)
		if err != nil {
			return err
		}
		c := store.Change{Token: &k}
		if err := do(tx, &c); err != nil {
			return err
		}
		if err := t.put(tx, c, func(k latchkey.Token) error { return tx.UpdateToken(name, k) }); err != nil {
			return err
		}
		info, err = t.info(tx, &k)
		return err
	})
	return info, err
}

// find is the row of the token called name, as it was sealed.
func (t *tokens) find(r store.Reader, name string) (latchkey.Token, error) {
	k, err := r.Token(t.account, t.audience, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		err = noToken(name)
	case err == nil && t.e.Keys.Seal(&k) != k.Seal:
		err = errDamagedRow
	}
	return k, err
}

func (t *tokens) Rename(ctx context.Context, name, newName string) error {
	if err := hosting.CheckTokenName("new_name", newName); err != nil {
		return err
	}
	return t.e.commit(ctx, t.act, t.caller, func(tx store.Tx) error {
		k, err := t.find(tx, name)
		if err == nil {
			err = t.mayMeddle(tx, &k)
		}
		if err != nil || name == newName {
			return err
		}
		k.Name = newName
		return t.put(tx, store.Change{Token: &k}, func(k latchkey.Token) error { return tx.UpdateToken(name, k) })
	})
}

func (t *tokens) Change(ctx context.Context, name string, change func(*hosting.NewToken) error) (hosting.TokenInfo, error) {
	return t.change(ctx, name, func(tx store.Tx, c *store.Change) error {
		k := c.Token
		n := hosting.TokenOf(k)
		if err := change(&n); err != nil {
			return err
		}
		if err := checkToken("new_name", &n, t.e.Now(), k.Expires); err != nil {
			return err
		}
		if err := t.mayWield(tx, k); err != nil {
			return err
		}
		if n.Observing && !k.Observing {
			if err := tx.DeleteObserved(k.ID); err != nil {
				return err
			}
		}
		n.Put(k)
		k.WasUntil = notAfter(k.WasUntil, k.Expires)
		if err := t.bind(tx, k); err != nil {
			return err
		}
		return t.keepPolicy(tx, k, false)
	})
}

// notAfter is at, or end if that is earlier; an end of zero is never.
func notAfter(at, end time.Time) time.Time {
	if !end.IsZero() && end.Before(at) {
		return end
	}
	return at
}

func (t *tokens) Rotate(ctx context.Context, name string, overlap time.Duration) (hosting.TokenInfo, latchkey.Secret, error) {
	if overlap < 0 || overlap > hosting.MaxOverlap {
		return hosting.TokenInfo{}, latchkey.Secret{}, latchkey.InvalidParam("overlap",
			"The “overlap” argument is invalid: it is how many seconds the secret of now stays valid, 0 to %d.", int64(hosting.MaxOverlap/time.Second))
	}
	secret := auth.NewToken(t.audience)
	info, err := t.change(ctx, name, func(tx store.Tx, c *store.Change) error {
		now, k := t.e.Now().UTC(), c.Token
		if err := t.mayWield(tx, k); err != nil {
			return err
		}
		if k.Expired(now) {
			return latchkey.Errorf(latchkey.Denied, "The API token “%s” has expired: a new secret would open nothing. Give it another expiry first, or make a new token.", k.Name)
		}
		c.Gone = k.Was
		k.Was, k.WasUntil = k.MAC, notAfter(now.Add(overlap), k.Expires)
		k.MAC, k.Renewed = t.e.Keys.MAC(secret.Reveal()), now
		if err := t.keepPolicy(tx, k, false); err != nil {
			return err
		}
		return t.tell(tx, k, notice.Notice{Kind: notice.Rotated, Overlap: k.WasUntil})
	})
	if err != nil {
		return hosting.TokenInfo{}, latchkey.Secret{}, err
	}
	return info, secret, nil
}

func (t *tokens) Switch(ctx context.Context, name string, on bool) (hosting.TokenInfo, error) {
	return t.change(ctx, name, func(tx store.Tx, c *store.Change) error {
		k := c.Token
		if !on {
			k.State = latchkey.TokenDisabled
			return t.mayMeddle(tx, k)
		}
		k.State, k.Renewed = latchkey.TokenActive, t.e.Now().UTC()
		if err := t.mayWield(tx, k); err != nil {
			return err
		}
		return t.keepPolicy(tx, k, false)
	})
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

// told is what may be told of the token with a secret.
func (t *tokens) told(r store.Reader, mac latchkey.TokenMAC) (found hosting.TokenInfo, err error) {
	k, err := r.TokenByMAC(mac)
	if err == nil {
		found, err = t.info(r, &k)
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
		mac := t.e.Keys.MAC(secret.Reveal())
		k, err := t.told(r, mac)
		switch {
		case errors.Is(err, store.ErrNotFound), err == nil && (!t.shows(&k.Token) || !k.Opened(mac, t.e.Now())):
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
	var own *latchkey.Token
	err = t.e.commit(ctx, t.act, t.caller, func(tx store.Tx) error {
		k, err := tx.Token(t.account, t.audience, name)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if found = true; t.isOwn(&k) {
			own = &k
		}
		return t.revoke(tx, &k)
	})
	if err != nil {
		return false, err
	}
	t.end(own)
	return found, nil
}

// end notes that the token that the caller came in with was revoked: a call that
// revokes several tokens revokes them all.
func (t *tokens) end(own *latchkey.Token) {
	if own != nil {
		t.caller, t.ended = nil, &wielded{*own, t.e.Reads}
	}
}

func (t *tokens) RevokeAll(ctx context.Context, keepOwn bool) (n int, err error) {
	var own *latchkey.Token
	err = t.e.commit(ctx, t.act, t.caller, func(tx store.Tx) error {
		n, own = 0, nil
		all, err := tx.Tokens(t.account, t.audience)
		for i := range all {
			if t.isOwn(&all[i]) {
				if keepOwn {
					continue
				}
				own = &all[i]
			}
			if err := t.revoke(tx, &all[i]); err != nil {
				return err
			}
			n++
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	t.end(own)
	return n, nil
}

// revoke takes the row of k away, if the caller may.
func (t *tokens) revoke(tx store.Tx, k *latchkey.Token) error {
	if err := t.mayMeddle(tx, k); err != nil {
		return err
	}
	tx.Log(store.Change{Kind: store.TokenGone, Account: t.account, Token: k})
	if t.caller != nil && t.caller.Through != nil {
		if err := t.tell(tx, k, notice.Notice{Kind: notice.Revoked}); err != nil {
			return err
		}
	}
	return tx.DeleteToken(t.account, t.audience, k.Name)
}

// isOwn reports whether k is the token that the caller came in with.
func (t *tokens) isOwn(k *latchkey.Token) bool { return t.caller != nil && k.ID == t.caller.Token }
