package estate

import (
	"context"
	"slices"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// autoSSL is AutoSSL in the hands of an account.
type autoSSL struct{ *account }

func (a *account) AutoSSL() hosting.AutoSSL { return &autoSSL{a} }

func (a *autoSSL) Check(ctx context.Context) error {
	if err := a.e.autoSSLOn(ctx); err != nil {
		return err
	}
	a.e.checks.add(a.caller.Account, true)
	return nil
}

func (a *autoSSL) Checking(context.Context) (bool, error) {
	return a.e.AutoSSL != nil && a.e.checks.has(a.caller.Account), nil
}

func (a *autoSSL) Problems(ctx context.Context) (list []hosting.AutoSSLProblem, err error) {
	err = a.e.Store.Read(ctx, func(r store.Reader) error {
		rows, err := r.AutoSSL(a.caller.Account)
		if err != nil {
			return err
		}
		has, err := a.e.hostsOf(r, a.caller.Account)
		for _, row := range rows {
			if row.Problem != "" && !row.Excluded && has[row.Host] {
				list = append(list, hosting.AutoSSLProblem{Domain: row.Host, Text: row.Problem, At: row.At})
			}
		}
		return err
	})
	return list, err
}

// hostsOf are the names of an account's sites. One that has become another account's
// domain is none any more.
func (e *Estate) hostsOf(r store.Reader, id latchkey.AccountID) (map[latchkey.Domain]bool, error) {
	sites, _, err := e.bareSites(r, id)
	has := make(map[latchkey.Domain]bool)
	for i := range sites {
		for _, n := range sites[i].Names {
			has[n] = true
		}
	}
	return has, err
}

func (a *autoSSL) Excluded(ctx context.Context) ([]latchkey.Domain, error) {
	rows, err := a.e.autoSSL(ctx, a.caller.Account)
	return excluded(rows), err
}

func excluded(rows []store.AutoSSL) (list []latchkey.Domain) {
	for _, row := range rows {
		if row.Excluded {
			list = append(list, row.Host)
		}
	}
	return list
}

func (a *autoSSL) Exclude(ctx context.Context, change func([]latchkey.Domain) []latchkey.Domain) error {
	return a.e.commit(ctx, a.act, a.caller, func(tx store.Tx) error {
		rows, err := tx.AutoSSL(a.caller.Account)
		if err != nil {
			return err
		}
		sites, _, err := a.e.bareSites(tx, a.caller.Account)
		if err != nil {
			return err
		}
		was := excluded(rows)
		is := change(slices.Clone(was))
		if err := hosting.CheckExcluded(sites, without(is, was)); err != nil {
			return err
		}
		return a.exclude(tx, rows, is)
	})
}

// exclude makes is what is excluded.
func (a *autoSSL) exclude(tx store.Tx, rows []store.AutoSSL, is []latchkey.Domain) error {
	for _, row := range rows {
		if on := slices.Contains(is, row.Host); on != row.Excluded {
			row.Excluded = on
			if err := putAutoSSL(tx, row); err != nil {
				return err
			}
		}
		is = without(is, []latchkey.Domain{row.Host})
	}
	for _, d := range is {
		if err := tx.PutAutoSSL(store.AutoSSL{Host: d, Account: a.caller.Account, Excluded: true}); err != nil {
			return err
		}
	}
	return nil
}

// without is list without those in of.
func without[T comparable](list, of []T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(one T) bool { return slices.Contains(of, one) })
}

func (a *autoSSL) Status(ctx context.Context, domain latchkey.Domain) (s hosting.AutoSSLStatus, err error) {
	sites, err := a.Certificates().Sites(ctx)
	if err != nil {
		return s, err
	}
	site, err := hosting.FindSite(sites, domain)
	if err != nil {
		return s, err
	}
	rows, err := a.e.autoSSL(ctx, a.caller.Account)
	for _, row := range rows {
		if row.Host == domain || row.Host == site.Name {
			s.Excluded = s.Excluded || row.Excluded
			s.Problem = s.Problem || row.Problem != ""
		}
	}
	s.Active = a.e.autoSSLOn(ctx) == nil
	s.Renews = s.Active && !s.Excluded && !s.Problem && site.Certificate != nil && site.Provider == autoSSLProvider
	return s, err
}
