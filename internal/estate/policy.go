package estate

import (
	"context"
	"errors"
	"maps"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

func (h *host) PutPackage(ctx context.Context, p latchkey.Package, mustBeNew bool) error {
	return h.e.commit(ctx, h.act, h.caller, func(tx store.Tx) error {
		was, err := tx.Package(p.Name)
		switch {
		case err == nil && mustBeNew:
			return latchkey.Errorf(latchkey.Exists, "A package named “%s” already exists.", p.Name)
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return err
		}
		existed := err == nil
		if _, err := tx.FeatureList(p.FeatureList); err != nil {
			return noList(err, p.FeatureList)
		}
		tx.Log(store.Change{Kind: store.PolicyPut})
		if err := tx.PutPackage(p); err != nil || !existed || was.Limits == p.Limits {
			return err
		}
		return passOn(tx, p.Name, was.Limits, p.Limits)
	})
}

// passOn changes, for every account that has the package, those limits that the
// package changed.
func passOn(tx store.Tx, plan string, was, is latchkey.Limits) error {
	const page = 1000
	var after latchkey.AccountName
	for {
		accounts, err := tx.Accounts(after, page)
		if err != nil {
			return err
		}
		for _, a := range accounts {
			after = a.Name
			if a.Package != plan {
				continue
			}
			a.Limits = a.Limits.Changed(was, is)
			if err := tx.UpdateAccount(a); err != nil {
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
		p, err = findPackage(r, name)
		return err
	})
	return p, err
}

func (h *host) Packages(ctx context.Context) (list []latchkey.Package, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) (err error) {
		list, err = r.Packages()
		return err
	})
	return list, err
}

func (h *host) ChangeFeatureList(ctx context.Context, name string, create bool, change func(*latchkey.FeatureList) error) error {
	return h.e.commit(ctx, h.act, h.caller, func(tx store.Tx) error {
		l, err := tx.FeatureList(name)
		if errors.Is(err, store.ErrNotFound) && create {
			l, err = latchkey.FeatureList{Name: name}, nil
		}
		if err != nil {
			return noList(err, name)
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

func (h *host) FeatureList(ctx context.Context, name string) (l latchkey.FeatureList, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) (err error) {
		l, err = r.FeatureList(name)
		return noList(err, name)
	})
	return l, err
}

func (h *host) FeatureLists(ctx context.Context) (list []latchkey.FeatureList, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) (err error) {
		list, err = r.FeatureLists()
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
		a, err := findAccount(tx, name)
		if err != nil {
			return err
		}
		tx.Log(store.Change{Kind: store.AccountPut, Account: a.ID})
		return change(tx, a.ID)
	})
}

func (h *host) Overrides(ctx context.Context, name latchkey.AccountName) (m map[string]bool, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) error {
		a, err := findAccount(r, name)
		if err == nil {
			m, err = r.Overrides(a.ID)
		}
		return err
	})
	return m, err
}

func (h *host) Features(ctx context.Context, name latchkey.AccountName) (s latchkey.FeatureSet, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) error {
		a, err := findAccount(r, name)
		if err != nil {
			return err
		}
		s, err = auth.Features(r, a)
		return err
	})
	return s, err
}
