package estate

import (
	"context"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

func (h *host) RenameAccount(ctx context.Context, name, newName latchkey.AccountName) error {
	_, err := h.rename(ctx, name, newName, func(hosting.Moment, *latchkey.Account) error { return nil })
	return err
}

func (h *host) ModifyAccount(ctx context.Context, name, newName latchkey.AccountName, change func(hosting.Moment, *latchkey.Account) error) (a latchkey.Account, err error) {
	if newName != "" && newName != name {
		return h.rename(ctx, name, newName, change)
	}
	var was latchkey.Account
	err = h.e.commit(ctx, h.act, h.caller, func(tx store.Tx) error {
		if was, err = h.command(tx, name); err != nil {
			return err
		}
		if a, err = h.changed(tx, was, was.Name, change); err != nil {
			return err
		}
		tx.Log(store.Change{Kind: store.AccountPut, Account: a.ID})
		return tx.UpdateAccount(a)
	})
	if err == nil && a.Suspended != was.Suspended {
		err = h.e.applyMail(ctx, store.MailPlace{Account: a.ID})
	}
	return a, err
}

// rename changes an account and its name. What else changes becomes true with
// the name, and not before.
func (h *host) rename(ctx context.Context, name, newName latchkey.AccountName, change func(hosting.Moment, *latchkey.Account) error) (a latchkey.Account, err error) {
	if err := hosting.CheckNewName(newName); err != nil {
		return a, err
	}
	if a, err = h.Account(ctx, name); err != nil {
		return a, err
	}
	defer h.e.reshape(ctx)
	h.e.naming.Lock()
	defer h.e.naming.Unlock()
	in := &intent{Account: a.ID, Name: name, NewName: newName}
	err = h.e.locks.alone(ctx, a.ID, func() error {
		return h.e.carryOut(ctx, h.act, h.caller, "account-rename", in, func(tx store.Tx) error {
			was, err := h.stillThere(tx, a.ID, name)
			if err != nil {
				return err
			}
			if was.Name != name {
				return noUser(name)
			}
			if err := notRenaming(tx, a.ID); err != nil {
				return err
			}
			if err := namesNothing(tx, name); err != nil {
				return err
			}
			if err := namesNothing(tx, newName); err != nil && newName != name {
				return err // they would become its own
			}
			if a, err = h.changed(tx, was, newName, change); err != nil {
				return err
			}
			a.Named = h.e.Now()
			in.Was, in.Is = bare(was), bare(a)
			a.Name = newName
			if newName != name && head(newName) == head(name) {
				return nil // nobody else's name begins so
			}
			return nameFree(tx, newName)
		})
	})
	return a, err
}

// bare is an account without what must not stand in an intent.
func bare(a latchkey.Account) *latchkey.Account {
	a.PasswordHash, a.SecondFactor = "", ""
	return &a
}

// changed is what change makes of an account that is to be called name.
func (h *host) changed(r store.Reader, was latchkey.Account, name latchkey.AccountName, change func(hosting.Moment, *latchkey.Account) error) (latchkey.Account, error) {
	a := was
	if err := change(moment{r}, &a); err != nil {
		return a, err
	}
	a.ID, a.Name, a.Role, a.Domain, a.Reseller, a.Privileges = was.ID, was.Name, was.Role, was.Domain, was.Reseller, was.Privileges
	if err := h.mayMake(r, &was, &a); err != nil {
		return a, err
	}
	if a.Package != was.Package {
		if _, err := findPackage(r, a.Package); err != nil {
			return a, err
		}
	}
	switch a.Owner {
	case was.Owner:
		if a.Owner == was.Name {
			a.Owner = name // who owns itself does so by its new name
		}
	case was.Name, name:
		a.Owner = name
	default:
		return a, h.mayOwn(r, a.Owner)
	}
	return a, nil
}

// namesNothing says why the account called name, if it is a reseller, must keep
// its name: its packages and feature lists are its own by that.
func namesNothing(r store.Reader, name latchkey.AccountName) error {
	packages, err := r.Packages()
	if err != nil {
		return err
	}
	lists, err := r.FeatureLists()
	if err != nil {
		return err
	}
	own := func(of string) bool { return strings.HasPrefix(of, string(name)+"_") }
	if slices.ContainsFunc(packages, func(p latchkey.Package) bool { return own(p.Name) }) ||
		slices.ContainsFunc(lists, func(l latchkey.FeatureList) bool { return own(l.Name) }) {
		return latchkey.InvalidParam("newuser", "There are packages or feature lists of “%s”, whose names begin with its own: remove them before you rename it.", name)
	}
	return nil
}

// moment is a transaction as those see it who say what to change.
type moment struct{ r store.Reader }

func (m moment) Package(name string) (latchkey.Package, error) { return findPackage(m.r, name) }

var accountRename = plan{
	apply: func(e *Estate, ctx context.Context, in *intent) error {
		if there, err := e.Homes.Exists(ctx, string(in.Name)); err != nil || !there {
			return err // it has moved already
		}
		if err := e.holdMail(ctx, in.Account); err != nil {
			return err
		}
		return e.Homes.Rename(ctx, string(in.Name), string(in.NewName))
	},
	finish: func(tx store.Tx, in *intent) error {
		a, err := tx.AccountByID(in.Account)
		if err != nil {
			return gone(err)
		}
		if in.Is != nil {
			a = a.Changed(*in.Was, *in.Is)
		}
		a.Name = in.NewName
		tx.Log(store.Change{Kind: store.AccountPut, Account: in.Account})
		if err := tx.UpdateAccount(a); err != nil {
			return err
		}
		return reown(tx, in.Name, in.NewName)
	},
	revert: func(e *Estate, ctx context.Context, in *intent) error {
		is, err := e.accountNow(ctx, in.Account)
		if err != nil || is.Name == in.NewName {
			return err // after all it is done
		}
		there, err := e.Homes.Exists(ctx, string(in.Name))
		if err == nil && !there { // it has moved
			err = e.Homes.Rename(ctx, string(in.NewName), string(in.Name))
		}
		if err != nil {
			return err
		}
		return e.applyMail(ctx, in.place())
	},
	together: true,
	undo:     func(store.Tx, *intent) error { return nil }, // nothing was reserved but the name, by the intent
}
