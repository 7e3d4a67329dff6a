package hostingtest

import (
	"context"
	"slices"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// autoSSL is AutoSSL of an account in memory: it is off.
type autoSSL struct{ *Account }

// AutoSSL gets no certificates.
func (a *Account) AutoSSL() hosting.AutoSSL { return autoSSL{a} }

func (autoSSL) Check(context.Context) error                                { return hosting.AutoSSLOff() }
func (autoSSL) Checking(context.Context) (bool, error)                     { return false, nil }
func (autoSSL) Problems(context.Context) ([]hosting.AutoSSLProblem, error) { return nil, nil }

func (a autoSSL) Excluded(context.Context) ([]latchkey.Domain, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.excluded), nil
}

func (a autoSSL) Exclude(ctx context.Context, change func([]latchkey.Domain) []latchkey.Domain) error {
	owned, err := a.Domains(ctx)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	is := change(slices.Clone(a.excluded))
	if err := hosting.CheckExcluded(hosting.SitesOf(owned), is); err != nil {
		return err
	}
	slices.Sort(is)
	a.excluded = slices.Compact(is)
	return nil
}
