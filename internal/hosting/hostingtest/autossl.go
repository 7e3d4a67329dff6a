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

func (a autoSSL) Status(ctx context.Context, domain latchkey.Domain) (s hosting.AutoSSLStatus, err error) {
	owned, err := a.Domains(ctx)
	if err != nil {
		return s, err
	}
	if _, err = hosting.FindSite(hosting.SitesOf(owned), domain); err != nil {
		return s, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s.Excluded = slices.Contains(a.excluded, domain)
	return s, nil
}

// hostAutoSSL is AutoSSL of a server in memory: it is not set up.
type hostAutoSSL struct{}

// AutoSSL gets no certificates.
func (h *Host) AutoSSL() hosting.HostAutoSSL { return hostAutoSSL{} }

func (hostAutoSSL) Settings(context.Context) (hosting.AutoSSLSettings, error) {
	return hosting.AutoSSLSettings{}, nil
}

func (hostAutoSSL) Switch(_ context.Context, on bool) error {
	if on {
		return hosting.AutoSSLOff()
	}
	return nil
}

func (hostAutoSSL) Replace(context.Context, bool) error                { return nil }
func (hostAutoSSL) CheckAll(context.Context) error                     { return hosting.AutoSSLOff() }
func (hostAutoSSL) Runs(context.Context) ([]hosting.AutoSSLRun, error) { return nil, nil }

// ownCertificate is the certificate of a server in memory, whose doors nobody
// comes to.
type ownCertificate struct{ *Host }

// OwnCertificate is what [hosting.Server.Shown] tells from then on.
func (h *Host) OwnCertificate() hosting.OwnCertificate { return ownCertificate{h} }

func (o ownCertificate) Install(_ context.Context, n hosting.Installation) error {
	if err := n.Check(latchkey.Domain(o.Machine.Hostname), o.Now()); err != nil {
		return err
	}
	shown := hosting.Shown{Certificate: n.Certificate, Chain: n.Certificate.Above(n.Chain)}
	o.Machine.Doors = func() hosting.Shown { return shown }
	return nil
}

func (o ownCertificate) Reset(context.Context) error {
	o.Machine.Doors = nil
	return nil
}
