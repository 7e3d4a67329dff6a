package hostingtest

import (
	"context"
	"maps"
	"slices"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// resellers is the host as [hosting.Resellers].
type resellers struct{ h *Host }

// Resellers are the host's.
func (h *Host) Resellers() hosting.Resellers { return resellers{h} }

func (r resellers) with(name latchkey.AccountName, fn func(*hosted) error) error {
	return r.h.with(name, func(a *hosted) error {
		if !a.Reseller {
			return latchkey.Errorf(latchkey.NotFound, "The account “%s” is not a reseller.", name)
		}
		return fn(a)
	})
}

func (r resellers) Make(_ context.Context, name latchkey.AccountName, own bool) error {
	return r.h.with(name, func(a *hosted) error {
		if a.Reseller {
			return latchkey.Errorf(latchkey.Exists, "The account “%s” is already a reseller.", name)
		}
		a.Reseller, a.Privileges = true, latchkey.InitialPrivileges()
		if own {
			a.Owner = a.Name
		}
		return nil
	})
}

func (r resellers) Unmake(_ context.Context, name latchkey.AccountName) error {
	return r.with(name, func(a *hosted) error { a.Reseller, a.Privileges = false, 0; return nil })
}

func (r resellers) accounts(keep func(*hosted) bool) (list []latchkey.Account) {
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(r.h.accounts)) {
		if a := r.h.accounts[name]; keep(a) {
			list = append(list, a.Account)
		}
	}
	return list
}

func (r resellers) All(context.Context) ([]latchkey.Account, error) {
	return r.accounts(func(a *hosted) bool { return a.Reseller }), nil
}

func (r resellers) Owned(_ context.Context, owner latchkey.AccountName) ([]latchkey.Account, error) {
	return r.accounts(func(a *hosted) bool { return a.Owner == owner }), nil
}

func (r resellers) Reseller(_ context.Context, name latchkey.AccountName) (found latchkey.Account, s latchkey.Reseller, err error) {
	err = r.with(name, func(a *hosted) error { found, s = a.Account, a.settings; return nil })
	return found, s, err
}

func (r resellers) Change(_ context.Context, name latchkey.AccountName, change func(*latchkey.PrivilegeSet, *latchkey.Reseller) error) error {
	return r.with(name, func(a *hosted) error {
		privileges, s := a.Privileges, a.settings
		s.Packages = maps.Clone(s.Packages)
		if err := change(&privileges, &s); err != nil {
			return err
		}
		for plan := range s.Packages {
			if _, err := r.h.plan(plan); err != nil {
				return err
			}
		}
		a.Privileges, a.settings = privileges, s
		return nil
	})
}

func (r resellers) Lists(context.Context) (list []latchkey.PrivilegeList, err error) {
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(r.h.privileges)) {
		list = append(list, latchkey.PrivilegeList{Name: name, Privileges: r.h.privileges[name]})
	}
	return list, nil
}

func (r resellers) List(_ context.Context, name string) (latchkey.PrivilegeList, error) {
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	s, ok := r.h.privileges[name]
	if !ok {
		return latchkey.PrivilegeList{}, latchkey.Errorf(latchkey.NotFound, "There is no list of privileges “%s”.", name)
	}
	return latchkey.PrivilegeList{Name: name, Privileges: s}, nil
}

func (r resellers) PutList(_ context.Context, l latchkey.PrivilegeList) error {
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	r.h.privileges[l.Name] = l.Privileges
	return nil
}
