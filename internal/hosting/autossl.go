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
	// Status is how AutoSSL stands to the site with a domain. Fails: NotFound.
	Status(ctx context.Context, domain latchkey.Domain) (AutoSSLStatus, error)
}

// AutoSSLStatus is how AutoSSL stands to a site.
type AutoSSLStatus struct {
	Active   bool // AutoSSL is on
	Excluded bool // it leaves the domain alone
	Problem  bool // it got no certificate for the domain when it last tried
	Renews   bool // it will renew the certificate that is installed
}

// HostAutoSSL is AutoSSL of the whole server, which is the administrator's.
type HostAutoSSL interface {
	Settings(ctx context.Context) (AutoSSLSettings, error)
	// Switch switches AutoSSL on or off, for all accounts. Fails: Unavailable for
	// on where the configuration does not set it up.
	Switch(ctx context.Context, on bool) error
	// Replace says whether certificates that people have installed are replaced
	// when they end within three days.
	Replace(ctx context.Context, on bool) error
	// CheckAll begins to look at the sites of all accounts; it does not wait.
	// Fails: Unavailable where AutoSSL is off.
	CheckAll(ctx context.Context) error
	// Runs are what AutoSSL did since the server started, the newest first and no
	// more than it remembers.
	Runs(ctx context.Context) ([]AutoSSLRun, error)
}

// AutoSSLSettings are how AutoSSL is set up.
type AutoSSLSettings struct {
	SetUp     bool   // the configuration names an authority
	On        bool   // and nobody has switched it off
	Provider  string // the word for who gets the certificates
	Authority string // the name of the authority's host
	ByDNS     bool   // names in zones that are here are proved by DNS
	Wildcard  bool   // certificates are for all names below a domain, too
	Names     int    // how many names a certificate has at most
	Replaces  bool   // what people have installed is replaced when it ends
	Next      time.Time
}

// AutoSSLRun is one look at the sites of an account.
type AutoSSLRun struct {
	Account latchkey.AccountName // "" for the server's own certificate
	Began   time.Time            // no two runs have the same
	Ended   bool
	Lines   []AutoSSLLine
}

// AutoSSLLine is a line of what a run did.
type AutoSSLLine struct {
	At   time.Time
	Kind string // out, success, warn or failure
	Text string
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

func (g guardedAutoSSL) Status(ctx context.Context, domain latchkey.Domain) (AutoSSLStatus, error) {
	if err := g.may(); err != nil {
		return AutoSSLStatus{}, err
	}
	return g.all.Status(ctx, domain)
}

func (g guardedAutoSSL) Exclude(ctx context.Context, change func([]latchkey.Domain) []latchkey.Domain) error {
	if err := g.may(); err != nil {
		return err
	}
	return g.all.Exclude(ctx, change)
}
