package estate

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

func (h *host) ChangePackage(ctx context.Context, name string, change func(p *latchkey.Package, exists bool) error) error {
	return h.e.commit(ctx, h.act, h.caller, func(tx store.Tx) error {
		was, err := tx.Package(name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		existed := err == nil
		if err := h.givesAlone(tx, name); err != nil {
			return err
		}
		p := was
		p.Name = name
		if err := change(&p, existed); err != nil {
			return err
		}
		p.Name = name
		if err := h.mayPut(tx, &was, &p); err != nil {
			return err
		}
		if _, err := tx.FeatureList(p.FeatureList); err != nil {
			return noList(err, p.FeatureList)
		}
		tx.Log(store.Change{Kind: store.PolicyPut})
		if err := tx.PutPackage(p); err != nil || !existed || was.Limits == p.Limits {
			return err
		}
		if err := passOn(tx, p.Name, was.Limits, p.Limits); err != nil {
			return err
		}
		return h.withinPromise(tx, &p)
	})
}

func (h *host) RemovePackage(ctx context.Context, name string) error {
	if name == DefaultPackage {
		return latchkey.Errorf(latchkey.Invalid, "The package “%s” cannot be deleted: accounts that name no other get it.", name)
	}
	return h.e.commit(ctx, h.act, h.caller, func(tx store.Tx) error {
		if err := h.mayName("pkgname", name); err != nil {
			return err
		}
		if _, err := findPackage(tx, name); err != nil {
			return err
		}
		used, err := tx.PackageUsed(name)
		if err == nil && !used {
			used, err = aboutToUse(tx, name)
		}
		switch {
		case err != nil:
			return err
		case used:
			return latchkey.Errorf(latchkey.Invalid, "The package “%s” cannot be deleted while accounts have it: move them to another with changepackage.", name)
		}
		tx.Log(store.Change{Kind: store.PolicyPut})
		return tx.DeletePackage(name)
	})
}

// aboutToUse reports whether an account whose renaming is under way gets the
// package with its new name.
func aboutToUse(r store.Reader, name string) (bool, error) {
	open, err := r.Intents()
	for _, i := range open {
		var in intent
		if err := json.Unmarshal(i.Body, &in); err == nil && in.Is != nil && in.Is.Package == name {
			return true, nil
		}
	}
	return false, err
}

// usedByOthers is the answer to who wants to change what is theirs by its name
// but not theirs alone.
func usedByOthers(param, name string) error {
	return denied(param, "“"+name+"” is used for accounts that are not yours: only the administrator can change it.")
}

// passOn changes, for every account that has the package, those limits that the
// package changed.
func passOn(tx store.Tx, plan string, was, is latchkey.Limits) error {
	return eachAccount(tx, func(a *latchkey.Account) error {
		if a.Package != plan {
			return nil
		}
		a.Limits = a.Limits.Changed(was, is)
		return tx.UpdateAccount(*a)
	})
}

// eachAccount does something with every account, by name.
func eachAccount(r store.Reader, do func(*latchkey.Account) error) error {
	const page = 1000
	var after latchkey.AccountName
	for {
		accounts, err := r.Accounts(after, page)
		if err != nil {
			return err
		}
		for i := range accounts {
			after = accounts[i].Name
			if err := do(&accounts[i]); err != nil {
				return err
			}
		}
		if len(accounts) < page {
			return nil
		}
	}
}

func noList(err error, name string) error {
	if errors.Is(err, store.ErrNotFound) {
		return &latchkey.Error{Kind: latchkey.NotFound, Param: "featurelist", Msg: "There is no feature list “" + name + "”."}
	}
	return err
}

func (h *host) Package(ctx context.Context, name string) (p latchkey.Package, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) (err error) {
		if p, err = findPackage(r, name); err != nil {
			return err
		}
		return h.seesPackage(r, name)
	})
	return p, err
}

// seesPackage says why the caller may not know of the package called name: it is
// neither one to use nor that of an account of theirs.
func (h *host) seesPackage(r store.Reader, name string) error {
	err := h.mayUse(name)
	if err == nil {
		return nil
	}
	owned, bad := r.Owned(h.caller.Name)
	if bad != nil {
		return bad
	}
	if slices.ContainsFunc(owned, func(a latchkey.Account) bool { return a.Package == name }) {
		return nil
	}
	if own, bad := r.AccountByID(h.caller.Account); bad == nil && own.Package == name {
		return nil
	}
	return err
}

func (h *host) Packages(ctx context.Context) (list []latchkey.Package, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) (err error) {
		list, err = r.Packages()
		list = slices.DeleteFunc(list, func(p latchkey.Package) bool { return h.mayUse(p.Name) != nil })
		return err
	})
	return list, err
}

func (h *host) ChangeFeatureList(ctx context.Context, name string, create bool, change func(*latchkey.FeatureList) error) error {
	return h.e.commit(ctx, h.act, h.caller, func(tx store.Tx) error {
		if err := h.mayName("featurelist", name); err != nil {
			return err
		}
		l, err := tx.FeatureList(name)
		if errors.Is(err, store.ErrNotFound) && create {
			l, err = latchkey.FeatureList{Name: name}, nil
		}
		if err != nil {
			return noList(err, name)
		}
		if err := h.usesAlone(tx, name); err != nil {
			return err
		}
		l.Values = maps.Clone(l.Values)
		if l.Values == nil {
			l.Values = map[string]bool{}
		}
		if err := change(&l); err != nil {
			return err
		}
		tx.Log(store.Change{Kind: store.PolicyPut})
		return tx.PutFeatureList(l)
	})
}

// givesAlone says why the caller may not change the package called name: an
// account that is not theirs has it.
func (h *host) givesAlone(r store.Reader, name string) error {
	if h.caller.OverAll() || !h.ofOwn(name) {
		return nil // what is not theirs by its name is refused for that
	}
	return eachAccount(r, func(a *latchkey.Account) error {
		if a.Package == name && !h.caller.Sees(a) {
			return usedByOthers("name", name)
		}
		return nil
	})
}

// usesAlone says why the caller may not change the feature list called name: a
// package that is not theirs has it.
func (h *host) usesAlone(r store.Reader, name string) error {
	if h.caller.OverAll() {
		return nil
	}
	plans, err := r.Packages()
	for _, p := range plans {
		if p.FeatureList == name && !h.ofOwn(p.Name) {
			return usedByOthers("featurelist", name)
		}
	}
	return err
}

func (h *host) RemoveFeatureList(ctx context.Context, name string) error {
	if slices.Contains([]string{latchkey.DefaultList, latchkey.DisabledList, latchkey.MailOnlyList}, name) {
		return latchkey.Errorf(latchkey.Invalid, "The feature list “%s” cannot be deleted: every server has it.", name)
	}
	return h.e.commit(ctx, h.act, h.caller, func(tx store.Tx) error {
		if err := h.mayName("featurelist", name); err != nil {
			return err
		}
		if _, err := tx.FeatureList(name); err != nil {
			return noList(err, name)
		}
		plans, err := tx.Packages()
		if err != nil {
			return err
		}
		for _, p := range plans {
			if p.FeatureList == name {
				return latchkey.Errorf(latchkey.Invalid, "The feature list “%s” cannot be deleted while a package has it, as “%s” does: give that another list with editpkg.", name, p.Name)
			}
		}
		tx.Log(store.Change{Kind: store.PolicyPut})
		return tx.DeleteFeatureList(name)
	})
}

func (h *host) FeatureList(ctx context.Context, name string) (l latchkey.FeatureList, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) (err error) {
		if l, err = r.FeatureList(name); err == nil {
			err = h.seesList(r, name)
		}
		return noList(err, name)
	})
	if err != nil {
		l = latchkey.FeatureList{}
	}
	return l, err
}

// seesList fails with [store.ErrNotFound] for a list that is another reseller's
// and that no package has which the caller sees.
func (h *host) seesList(r store.Reader, name string) error {
	if h.caller.OverAll() || !strings.Contains(name, "_") || h.ofOwn(name) {
		return nil
	}
	plans, err := r.Packages()
	for _, p := range plans {
		if p.FeatureList == name && h.seesPackage(r, p.Name) == nil {
			return nil
		}
	}
	if err == nil {
		err = store.ErrNotFound
	}
	return err
}

func (h *host) FeatureLists(ctx context.Context) (list []latchkey.FeatureList, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) (err error) {
		list, err = r.FeatureLists()
		list = slices.DeleteFunc(list, func(l latchkey.FeatureList) bool { return !h.caller.OverAll() && !h.ofOwn(l.Name) })
		return err
	})
	return list, err
}

func (h *host) Override(ctx context.Context, name latchkey.AccountName, features map[string]bool) error {
	return h.overrides(ctx, name, func(tx store.Tx, id latchkey.AccountID) error {
		for f, on := range features {
			if err := tx.PutOverride(id, f, on); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *host) ClearOverrides(ctx context.Context, name latchkey.AccountName, features []string) error {
	return h.overrides(ctx, name, func(tx store.Tx, id latchkey.AccountID) error {
		for _, f := range features {
			if err := tx.DeleteOverride(id, f); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *host) overrides(ctx context.Context, name latchkey.AccountName, change func(store.Tx, latchkey.AccountID) error) error {
	return h.e.commit(ctx, h.act, h.caller, func(tx store.Tx) error {
		a, err := h.command(tx, name)
		if err != nil {
			return err
		}
		tx.Log(store.Change{Kind: store.AccountPut, Account: a.ID})
		return change(tx, a.ID)
	})
}

func (h *host) Overrides(ctx context.Context, name latchkey.AccountName) (m map[string]bool, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) error {
		a, err := h.see(r, name)
		if err == nil {
			m, err = r.Overrides(a.ID)
		}
		return err
	})
	return m, err
}

func (h *host) Features(ctx context.Context, name latchkey.AccountName) (s latchkey.FeatureSet, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) error {
		a, err := h.see(r, name)
		if err != nil {
			return err
		}
		s, err = auth.Features(r, a)
		return err
	})
	return s, err
}
