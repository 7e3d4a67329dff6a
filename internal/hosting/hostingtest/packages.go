package hostingtest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// save makes a package there is not yet.
func (h *Host) save(p latchkey.Package) error {
	if _, there := h.packages[p.Name]; there {
		return latchkey.Errorf(latchkey.Exists, "A package named “%s” already exists.", p.Name)
	}
	if _, err := h.list(p.FeatureList); err != nil {
		return err
	}
	h.packages[p.Name] = p
	return nil
}

func (h *Host) plan(name string) (latchkey.Package, error) {
	p, ok := h.packages[name]
	if !ok {
		return p, latchkey.Errorf(latchkey.NotFound, "There is no package “%s”.", name)
	}
	return p, nil
}

func (h *Host) ChangePackage(_ context.Context, name string, change func(*latchkey.Package, bool) error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	was, there := h.packages[name]
	p := was
	p.Name = name
	if err := change(&p, there); err != nil {
		return err
	}
	if p.Name != name {
		return errors.New("ChangePackage: the change touched the name")
	}
	if _, err := h.list(p.FeatureList); err != nil {
		return err
	}
	h.packages[p.Name] = p
	for _, a := range h.accounts {
		if there && a.Package == p.Name {
			a.Limits = a.Limits.Changed(was.Limits, p.Limits)
		}
	}
	return nil
}

func (h *Host) RemovePackage(_ context.Context, name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, err := h.plan(name); err != nil {
		return err
	}
	inUse := name == "default"
	for _, a := range h.accounts {
		inUse = inUse || a.Package == name
	}
	if inUse {
		return latchkey.Errorf(latchkey.Invalid, "The package “%s” cannot be deleted.", name)
	}
	delete(h.packages, name)
	return nil
}

func (h *Host) Package(_ context.Context, name string) (latchkey.Package, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.plan(name)
}

func (h *Host) Packages(context.Context) ([]latchkey.Package, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.SortedFunc(maps.Values(h.packages), func(x, y latchkey.Package) int { return strings.Compare(x.Name, y.Name) }), nil
}

func (h *Host) list(name string) (latchkey.FeatureList, error) {
	l, ok := h.lists[name]
	if !ok {
		return l, latchkey.Errorf(latchkey.NotFound, "There is no feature list “%s”.", name)
	}
	l.Values = maps.Clone(l.Values)
	return l, nil
}

func (h *Host) ChangeFeatureList(_ context.Context, name string, create bool, change func(*latchkey.FeatureList) error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	l, err := h.list(name)
	if err != nil {
		if !create {
			return err
		}
		l = latchkey.FeatureList{Name: name, Values: map[string]bool{}}
	}
	if err := change(&l); err != nil {
		return err
	}
	if l.Name != name {
		return errors.New("ChangeFeatureList: the change touched the name")
	}
	h.lists[name] = l
	return nil
}

func (h *Host) RemoveFeatureList(_ context.Context, name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, err := h.list(name); err != nil {
		return err
	}
	inUse := name == latchkey.DefaultList || name == latchkey.DisabledList || name == latchkey.MailOnlyList
	for _, p := range h.packages {
		inUse = inUse || p.FeatureList == name
	}
	if inUse {
		return latchkey.Errorf(latchkey.Invalid, "The feature list “%s” cannot be deleted.", name)
	}
	delete(h.lists, name)
	return nil
}

func (h *Host) FeatureList(_ context.Context, name string) (latchkey.FeatureList, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.list(name)
}

func (h *Host) FeatureLists(context.Context) ([]latchkey.FeatureList, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []latchkey.FeatureList
	for _, name := range slices.Sorted(maps.Keys(h.lists)) {
		l, err := h.list(name)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

func (h *Host) Override(_ context.Context, name latchkey.AccountName, features map[string]bool) error {
	return h.with(name, func(a *hosted) error { maps.Copy(a.overrides, features); return nil })
}

func (h *Host) ClearOverrides(_ context.Context, name latchkey.AccountName, features []string) error {
	return h.with(name, func(a *hosted) error {
		for _, f := range features {
			delete(a.overrides, f)
		}
		return nil
	})
}

func (h *Host) Overrides(_ context.Context, name latchkey.AccountName) (overrides map[string]bool, err error) {
	err = h.with(name, func(a *hosted) error { overrides = maps.Clone(a.overrides); return nil })
	return overrides, err
}

func (h *Host) Features(_ context.Context, name latchkey.AccountName) (s latchkey.FeatureSet, err error) {
	err = h.with(name, func(a *hosted) error {
		p, err := h.plan(a.Package)
		if err != nil {
			return err
		}
		l, err := h.list(p.FeatureList)
		if err != nil {
			return err
		}
		s = latchkey.Effective(l, h.lists[latchkey.DisabledList], a.overrides)
		return nil
	})
	return s, err
}
