package estate

import (
	"context"
	"errors"
	"strings"

	"github.com/latchkey/latchkey/internal/driver/sites"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// Webserver is the part that serves sites.
type Webserver interface {
	// Renew has names answered by what [Estate.Site] says now, and returns when
	// who comes gets it.
	Renew(ctx context.Context, names ...latchkey.Domain) error
}

// closed is the part where there is none: certificates are kept, and nobody
// comes.
type closed struct{}

func (closed) Renew(context.Context, ...latchkey.Domain) error { return nil }

// Site is what is to be served for a name: a domain of an account, or one of its
// aliases.
func (e *Estate) Site(ctx context.Context, name latchkey.Domain) (site *sites.Site, err error) {
	err = e.Store.Read(ctx, func(r store.Reader) error {
		id, d, err := siteDomain(r, name)
		if err != nil {
			return err
		}
		site = &sites.Site{Account: id, Root: d.DocumentRoot}
		return nil
	})
	return site, err
}

// siteDomain is the domain whose site a name shows.
func siteDomain(r store.Reader, name latchkey.Domain) (latchkey.AccountID, latchkey.OwnedDomain, error) {
	id, d, err := r.Domain(name)
	if !errors.Is(err, store.ErrNotFound) {
		return id, d, err
	}
	for _, alias := range siteAliases {
		if of, ok := strings.CutPrefix(string(name), alias); ok {
			return r.Domain(latchkey.Domain(of))
		}
	}
	return id, d, err
}

// siteAliases begin the names that a domain has besides its own.
var siteAliases = []string{"www.", "mail."}

// Tenant is the account that a site belongs to.
func (e *Estate) Tenant(ctx context.Context, id latchkey.AccountID) (sites.Tenant, error) {
	entry, err := e.Auth.Entry(ctx, id)
	if err != nil {
		return sites.Tenant{}, err
	}
	return sites.Tenant{Name: entry.Account.Name, Suspended: entry.Account.Suspended}, nil
}
