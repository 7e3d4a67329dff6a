package estate

import (
	"context"
	"errors"
	"path"
	"time"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/policy"
	"github.com/latchkey/latchkey/internal/store"
)

// host is the server in the administrator's hands.
type host struct {
	e        *Estate
	act      *audit.Act
	caller   *latchkey.Caller
	patience time.Time // until when this call waits for measurements; zero before it began to
}

func (h *host) Caller() *latchkey.Caller { return h.caller }
func (h *host) Server() *hosting.Server  { return &h.e.Server }
func (h *host) At() time.Time            { return h.act.At() }
func (h *host) Zones() hosting.HostZones { return &hostZones{h} }
func (h *host) Tokens() hosting.Tokens {
	return &tokens{e: h.e, act: h.act, caller: h.caller, account: h.caller.Account, audience: latchkey.ForHost}
}

func (h *host) Home(name latchkey.AccountName) string { return path.Join(h.e.HomeRoot, string(name)) }

func (h *host) As(ctx context.Context, name latchkey.AccountName) (hosting.Account, error) {
	a, err := h.Account(ctx, name)
	if err == nil {
		err = h.commands(&a)
	}
	if err != nil {
		return nil, err
	}
	features, err := h.Features(ctx, name)
	if err != nil {
		return nil, err
	}
	caller := *h.caller
	caller.Role, caller.Account, caller.Name, caller.Features, caller.Through = a.Role, a.ID, a.Name, features, h.caller
	caller.Door, caller.Privileges = latchkey.ForAccount, 0
	return &account{e: h.e, act: h.act, caller: &caller}, nil
}

func findPackage(r store.Reader, name string) (latchkey.Package, error) {
	p, err := r.Package(name)
	if errors.Is(err, store.ErrNotFound) {
		err = &latchkey.Error{Kind: latchkey.NotFound, Param: "plan", Msg: "There is no package “" + name + "”."}
	}
	return p, err
}

// account is the row of an account that is no administrator.
func findAccount(r store.Reader, name latchkey.AccountName) (latchkey.Account, error) {
	a, err := r.Account(name)
	if errors.Is(err, store.ErrNotFound) || err == nil && a.Role != latchkey.RoleUser {
		return a, noUser(name)
	}
	return a, err
}

// see is the row of an account that the caller may know of: what is not theirs
// is not there for them.
func (h *host) see(r store.Reader, name latchkey.AccountName) (latchkey.Account, error) {
	a, err := findAccount(r, name)
	switch {
	case latchkey.KindOf(err) == latchkey.NotFound && h.caller.Role != latchkey.RoleRoot, err == nil && !h.caller.Sees(&a):
		return latchkey.Account{}, policy.NotYours(name)
	}
	return a, err
}

// command is the row of an account that the caller may change.
func (h *host) command(r store.Reader, name latchkey.AccountName) (latchkey.Account, error) {
	a, err := h.see(r, name)
	if err == nil {
		err = h.commands(&a)
	}
	return a, err
}

// commands says why the caller may not change a.
func (h *host) commands(a *latchkey.Account) error {
	if err := policy.MayActFor(h.caller, a); err != nil {
		return err
	}
	return nil
}

func noUser(name latchkey.AccountName) error {
	return &latchkey.Error{Kind: latchkey.NotFound, Param: "user", Msg: "System user " + string(name) + " does not exist!"}
}

// stillThere is the row of an account that was called name a moment ago, for a
// caller who wants to change it.
func (h *host) stillThere(r store.Reader, id latchkey.AccountID, name latchkey.AccountName) (latchkey.Account, error) {
	a, err := r.AccountByID(id)
	if errors.Is(err, store.ErrNotFound) {
		return a, noUser(name)
	}
	if err == nil {
		err = h.commands(&a)
	}
	return a, err
}

// notOneself is the answer to who wants to remove or suspend the account that
// they call with.
func notOneself() error {
	return &latchkey.Error{Kind: latchkey.Denied, Param: "user", Msg: "You cannot do this to your own account: ask the administrator."}
}

func (h *host) Account(ctx context.Context, name latchkey.AccountName) (a latchkey.Account, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) (err error) {
		a, err = h.see(r, name)
		return err
	})
	return a, err
}

func (h *host) RemoveAccount(ctx context.Context, name latchkey.AccountName) error {
	a, err := h.Account(ctx, name)
	if err != nil {
		return err
	}
	if a.ID == h.caller.Account {
		return notOneself()
	}
	defer h.e.reshape(ctx)
	in := &intent{Account: a.ID, Name: a.Name}
	return h.e.locks.alone(ctx, a.ID, func() error {
		return h.e.carryOut(ctx, h.act, h.caller, "account-remove", in, func(tx store.Tx) error {
			now, err := h.stillThere(tx, a.ID, name)
			if err != nil {
				return err
			}
			if err := notRenaming(tx, a.ID); err != nil {
				return err
			}
			in.Name = now.Name
			// From here on its tokens are refused: the account is no longer there.
			tx.Log(store.Change{Kind: store.AccountGone, Account: a.ID})
			return tx.StageAccount(a.ID, store.Removing)
		})
	})
}

var accountRemove = plan{
	apply: func(e *Estate, ctx context.Context, in *intent) error {
		if err := e.applyMail(ctx, in.place()); err != nil { // first, so that no message comes into what is being removed
			return err
		}
		if err := e.withdrawAll(ctx, in.Account); err != nil {
			return err
		}
		return gone(e.Homes.Remove(ctx, string(in.Name)))
	},
	finish: func(tx store.Tx, in *intent) error {
		// Once more, for tokens that came into memory since the first time.
		tx.Log(store.Change{Kind: store.AccountGone, Account: in.Account})
		if err := reown(tx, in.Name, RootName); err != nil {
			return err
		}
		return tx.DeleteAccount(in.Account)
	},
}

// reown gives what one owned to another: nobody who comes to be called so later
// owns what was somebody else's.
func reown(tx store.Tx, owner, to latchkey.AccountName) error {
	n, err := tx.Reown(owner, to)
	if n > 0 {
		tx.Log(store.Change{Kind: store.PolicyPut})
	}
	return err
}

func (h *host) UpdateAccount(ctx context.Context, name latchkey.AccountName, change func(*latchkey.Account) error) (latchkey.Account, error) {
	return h.ModifyAccount(ctx, name, "", func(_ hosting.Moment, a *latchkey.Account) error { return change(a) })
}

func (h *host) Suspend(ctx context.Context, name latchkey.AccountName, on bool, reason string, locked bool) error {
	defer h.e.reshape(ctx)
	_, err := h.UpdateAccount(ctx, name, func(a *latchkey.Account) error {
		if a.ID == h.caller.Account {
			return notOneself()
		}
		a.Suspended, a.SuspendReason, a.SuspendedAt, a.SuspendLocked = on, reason, h.e.Now().UTC(), on && locked
		if !on {
			a.SuspendReason, a.SuspendedAt = "", time.Time{}
		}
		return nil
	})
	return err
}

func (h *host) SetPassword(ctx context.Context, name latchkey.AccountName, secret latchkey.Secret) error {
	if name == RootName && h.caller.Role == latchkey.RoleRoot && h.caller.Privileges.Has(latchkey.PrivilegeAll) {
		return h.e.setRootPassword(ctx, h.act, h.caller, secret)
	}
	hash, err := h.e.Hasher.Make(ctx, secret)
	if err != nil {
		return err
	}
	_, err = h.UpdateAccount(ctx, name, func(a *latchkey.Account) error {
		a.PasswordHash = string(hash)
		return nil
	})
	return err
}
