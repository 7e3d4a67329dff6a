package estate

import (
	"context"
	"errors"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/policy"
	"github.com/latchkey/latchkey/internal/store"
)

// resellers are the resellers in the hands of who came in at the host's door.
type resellers struct{ *host }

func (h *host) Resellers() hosting.Resellers { return resellers{h} }

func (h resellers) Make(ctx context.Context, name latchkey.AccountName, own bool) error {
	return h.change(ctx, name, func(tx store.Tx, a *latchkey.Account) error {
		if a.Reseller {
			return &latchkey.Error{Kind: latchkey.Exists, Param: "user", Msg: "The account “" + string(name) + "” is already a reseller."}
		}
		a.Reseller, a.Privileges = true, latchkey.InitialPrivileges()
		if own {
			a.Owner = a.Name
		}
		return nil
	})
}

func (h resellers) Unmake(ctx context.Context, name latchkey.AccountName) error {
	return h.change(ctx, name, func(tx store.Tx, a *latchkey.Account) error {
		if !a.Reseller {
			return noReseller(name)
		}
		if a.ID == h.caller.Account {
			return notOneself()
		}
		a.Reseller, a.Privileges = false, 0
		return revokeAll(tx, a.ID, latchkey.ForHost)
	})
}

// revokeAll revokes every token that an account has for a door.
func revokeAll(tx store.Tx, id latchkey.AccountID, audience latchkey.Audience) error {
	tokens, err := tx.Tokens(id, audience)
	if err != nil {
		return err
	}
	for _, k := range tokens {
		tx.Log(store.Change{Kind: store.TokenGone, Account: id, Token: &k})
		if err := tx.DeleteToken(id, audience, k.Name); err != nil {
			return err
		}
	}
	return nil
}

// change changes the account called name in one transaction, which nobody may
// who does not own every account.
func (h resellers) change(ctx context.Context, name latchkey.AccountName, change func(store.Tx, *latchkey.Account) error) error {
	return h.e.commit(ctx, h.act, h.caller, func(tx store.Tx) error {
		if !h.caller.OverAll() {
			return denied("user", "Only the administrator can change what a reseller may do.")
		}
		a, err := h.command(tx, name)
		if err != nil {
			return err
		}
		if err := change(tx, &a); err != nil {
			return err
		}
		if !a.Privileges.Within(h.caller.Privileges) {
			return denied("acl", "You can give a reseller no privileges that you do not have.")
		}
		tx.Log(store.Change{Kind: store.AccountPut, Account: a.ID})
		return tx.UpdateAccount(a)
	})
}

func noReseller(name latchkey.AccountName) error {
	return &latchkey.Error{Kind: latchkey.NotFound, Param: "user", Msg: "The account “" + string(name) + "” is not a reseller."}
}

func (h resellers) All(ctx context.Context) (list []latchkey.Account, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) (err error) {
		all, err := r.Resellers()
		for _, a := range all {
			if h.caller.Sees(&a) {
				list = append(list, a)
			}
		}
		return err
	})
	return list, err
}

func (h resellers) Reseller(ctx context.Context, name latchkey.AccountName) (a latchkey.Account, s latchkey.Reseller, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) error {
		if a, err = h.see(r, name); err != nil {
			return err
		}
		if !a.Reseller {
			return noReseller(name)
		}
		s, err = settings(r, a.ID)
		return err
	})
	return a, s, err
}

func (h resellers) Change(ctx context.Context, name latchkey.AccountName, change func(*latchkey.PrivilegeSet, *latchkey.Reseller) error) error {
	return h.change(ctx, name, func(tx store.Tx, a *latchkey.Account) error {
		if !a.Reseller {
			return noReseller(name)
		}
		s, err := settings(tx, a.ID)
		if err != nil {
			return err
		}
		if err := change(&a.Privileges, &s); err != nil {
			return err
		}
		for plan := range s.Packages {
			if _, err := findPackage(tx, plan); err != nil {
				return err
			}
		}
		return tx.PutReseller(a.ID, s)
	})
}

func (h resellers) Owned(ctx context.Context, owner latchkey.AccountName) (list []latchkey.Account, err error) {
	if !h.caller.OverAll() && owner != h.caller.Name {
		return nil, policy.NotYours(owner)
	}
	err = h.e.Store.Read(ctx, func(r store.Reader) (err error) {
		list, err = r.Owned(owner)
		return err
	})
	return list, err
}

func (h resellers) Lists(ctx context.Context) (list []latchkey.PrivilegeList, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) (err error) {
		list, err = r.PrivilegeLists()
		return err
	})
	return list, err
}

func (h resellers) List(ctx context.Context, name string) (l latchkey.PrivilegeList, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) (err error) {
		l, err = r.PrivilegeList(name)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		err = &latchkey.Error{Kind: latchkey.NotFound, Param: "acllist", Msg: "There is no list of privileges “" + name + "”."}
	}
	return l, err
}

func (h resellers) PutList(ctx context.Context, l latchkey.PrivilegeList) error {
	return h.e.commit(ctx, h.act, h.caller, func(tx store.Tx) error {
		if !h.caller.OverAll() || !l.Privileges.Within(h.caller.Privileges) {
			return denied("acllist", "Only the administrator can change lists of privileges.")
		}
		return tx.PutPrivilegeList(l)
	})
}
