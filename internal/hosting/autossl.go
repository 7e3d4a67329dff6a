package hosting

import (
	"context"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// AutoSSL gets certificates for the sites of an account by itself.
type AutoSSL interface {
	// Check begins to look at the account's sites, and to get certificates for those
	// that need one; it does not wait. Fails: Unavailable where AutoSSL is off.
	Check(ctx context.Context) error
	// Checking reports whether that is under way, or waits for its turn.
	Checking(ctx context.Context) (bool, error)
	// Problems are why domains have no certificate of AutoSSL, by domain.
	Problems(ctx context.Context) ([]AutoSSLProblem, error)
	// Excluded are the domains that AutoSSL leaves alone, by name.
	Excluded(ctx context.Context) ([]latchkey.Domain, error)
	// Exclude changes which these are, by change. Fails: Invalid for a domain that
	// none of the account's sites has.
	Exclude(ctx context.Context, change func([]latchkey.Domain) []latchkey.Domain) error
}

// AutoSSLProblem is why a domain has no certificate of AutoSSL.
type AutoSSLProblem struct {
	Domain latchkey.Domain
	Text   string
	At     time.Time
}

// CheckExcluded says why domains cannot be excluded: one of them is on none of the
// sites.
func CheckExcluded(sites []Site, domains []latchkey.Domain) error {
	for _, d := range domains {
		if _, err := FindSite(sites, d); err != nil {
			return latchkey.InvalidParam("domains", "You do not have a web site with the domain “%s”.", d)
		}
	}
	return nil
}

// AutoSSLOff is the answer where AutoSSL gets no certificates.
func AutoSSLOff() error {
	return latchkey.Errorf(latchkey.Unavailable, "AutoSSL is off on this server: ask the administrator to set it up.")
}

// guardedAutoSSL is AutoSSL in the hands of somebody who may use it only if may
// has nothing against it.
type guardedAutoSSL struct {
	all AutoSSL
	may func() error
}

func (n *narrow) AutoSSL() AutoSSL {
	return guardedAutoSSL{n.all.AutoSSL(), func() error { return n.may() }}
}

func (o *ofMailbox) AutoSSL() AutoSSL {
	return guardedAutoSSL{o.Account.AutoSSL(), func() error { return errNotForMailboxes }}
}

func (g guardedAutoSSL) Check(ctx context.Context) error {
	if err := g.may(); err != nil {
		return err
	}
	return g.all.Check(ctx)
}

func (g guardedAutoSSL) Checking(ctx context.Context) (bool, error) {
	if err := g.may(); err != nil {
		return false, err
	}
	return g.all.Checking(ctx)
}

func (g guardedAutoSSL) Problems(ctx context.Context) ([]AutoSSLProblem, error) {
	if err := g.may(); err != nil {
		return nil, err
	}
	return g.all.Problems(ctx)
}

func (g guardedAutoSSL) Excluded(ctx context.Context) ([]latchkey.Domain, error) {
	if err := g.may(); err != nil {
		return nil, err
	}
	return g.all.Excluded(ctx)
}

func (g guardedAutoSSL) Exclude(ctx context.Context, change func([]latchkey.Domain) []latchkey.Domain) error {
	if err := g.may(); err != nil {
		return err
	}
	return g.all.Exclude(ctx, change)
}
