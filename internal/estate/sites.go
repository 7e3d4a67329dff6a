package estate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/latchkey/latchkey/internal/driver/sites"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/zone"
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
// aliases. One whose certificate cannot be read is served without.
func (e *Estate) Site(ctx context.Context, name latchkey.Domain) (site *sites.Site, err error) {
	var row store.Site
	err = e.Store.Read(ctx, func(r store.Reader) error {
		id, d, err := e.siteDomain(r, name)
		if err != nil {
			return err
		}
		site = &sites.Site{Account: id, Root: d.DocumentRoot}
		row, err = r.Site(d.Name)
		return gone(err)
	})
	if err != nil || row.Chain == "" || row.Account != site.Account {
		return site, err
	}
	site.SecureOnly = row.Redirects
	if site.Certificate, err = e.forTLS(&row); err != nil {
		e.Log.Error("a site is served without its certificate", "site", row.Host, "err", err)
	}
	return site, nil
}

// forTLS is what a connection to a site is secured with.
func (e *Estate) forTLS(row *store.Site) (*tls.Certificate, error) {
	c, above, err := pki.ParseCertificate(row.Chain)
	if err != nil {
		return nil, err
	}
	key, err := e.openKey(row.Account, row.KeyID, row.Sealed)
	if err != nil {
		return nil, err
	}
	chain := [][]byte{c.Raw}
	for _, one := range above {
		chain = append(chain, one.Raw)
	}
	return &tls.Certificate{Certificate: chain, PrivateKey: key.Signer(), Leaf: c.Certificate}, nil
}

func (e *Estate) openKey(account latchkey.AccountID, id string, sealed []byte) (pki.Key, error) {
	text, err := e.Keys.OpenPrivateKey(account, id, sealed)
	if err != nil {
		return pki.Key{}, err
	}
	return pki.ParseKey(text)
}

// siteDomain is the domain whose site a name shows, as [hosting.SitesOf] has it.
// The server's own name is no account's because it lies under a domain of theirs.
func (e *Estate) siteDomain(r store.Reader, name latchkey.Domain) (latchkey.AccountID, latchkey.OwnedDomain, error) {
	id, d, err := r.Domain(name)
	if errors.Is(err, store.ErrNotFound) {
		label, of, _ := strings.Cut(string(name), ".")
		if !slices.Contains(hosting.AlwaysUnder, label) || name == e.ownName() {
			return id, d, err
		}
		if id, d, err = r.Domain(latchkey.Domain(of)); err == nil && d.Kind == latchkey.SubDomain && label != "www" {
			err = store.ErrNotFound
		}
	}
	if err != nil || d.Kind != latchkey.ParkedDomain {
		return id, d, err
	}
	owned, err := r.Domains(id)
	if err == nil {
		d = mainFirst(owned)[0]
	}
	return id, d, err
}

// Tenant is the account that a site belongs to.
func (e *Estate) Tenant(ctx context.Context, id latchkey.AccountID) (sites.Tenant, error) {
	entry, err := e.Auth.Entry(ctx, id)
	if err != nil {
		return sites.Tenant{}, err
	}
	return sites.Tenant{Name: entry.Account.Name, Suspended: entry.Account.Suspended}, nil
}

// behind are the sites that are not served as they are to be.
type behind struct {
	mu    sync.Mutex
	sites []changedSite
}

// changedSite is a site that has changed.
type changedSite struct {
	account latchkey.AccountID
	name    latchkey.Domain
	names   []latchkey.Domain
}

func (b *behind) add(s changedSite) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sites = slices.DeleteFunc(b.sites, func(o changedSite) bool { return o.name == s.name })
	b.sites = append(b.sites, s)
}

func (b *behind) take() []changedSite {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.sites
	b.sites = nil
	return list
}

// changeSites changes sites of the account by change, in one transaction, and has
// those served that it returns. Who does has the account's sites alone.
func (a *account) changeSites(ctx context.Context, change func(store.Tx) ([]*hosting.Site, error)) error {
	e, id := a.e, a.caller.Account
	if e.Web == (closed{}) {
		return &latchkey.Error{Kind: latchkey.RoleOff, Param: "WebServer"}
	}
	return e.serving.alone(ctx, id, func() error {
		var changed []*hosting.Site
		err := e.commit(ctx, a.act, a.caller, func(tx store.Tx) (err error) {
			changed, err = change(tx)
			return err
		})
		for i := 0; i < len(changed) && err == nil; i++ {
			err = e.renew(context.WithoutCancel(ctx), changedSite{id, changed[i].Name, changed[i].Names})
		}
		return err
	})
}

// renew has a site served that is kept already.
func (e *Estate) renew(ctx context.Context, s changedSite) error {
	err := e.Web.Renew(ctx, s.names...)
	if err == nil {
		return nil
	}
	e.behind.add(s)
	e.Log.Error("a site has changed but is not served so yet, and will be tried again", "site", s.name, "err", err)
	return &latchkey.Error{Kind: latchkey.Unavailable, Err: err,
		Msg: "The web site “" + string(s.name) + "” has changed, but the web server does not serve it so yet. The server will go on with it by itself; look again later."}
}

// repairSites has those served that could not be so far.
func (e *Estate) repairSites(ctx context.Context) {
	if e.reshapes.Swap(false) {
		e.reshape(ctx)
	}
	for _, s := range e.behind.take() {
		err := e.serving.alone(ctx, s.account, func() error { return e.renew(ctx, s) })
		if err == nil {
			e.Log.Info("serves a site that could not be served earlier", "site", s.name)
		}
	}
}

// sitesOf are the sites of an account, the main one first.
func (e *Estate) sitesOf(r store.Reader, id latchkey.AccountID) ([]hosting.Site, error) {
	sites, rows, err := e.bareSites(r, id)
	for i := range sites {
		if row, ok := rows[sites[i].Name]; ok && err == nil {
			err = withCertificate(&sites[i], &row)
		}
	}
	return sites, err
}

// bareSites are the sites of an account as its domains make them, and their rows
// by name.
func (e *Estate) bareSites(r store.Reader, id latchkey.AccountID) ([]hosting.Site, map[latchkey.Domain]store.Site, error) {
	owned, err := r.Domains(id)
	if err != nil {
		return nil, nil, err
	}
	list, err := r.Sites(id)
	if err != nil {
		return nil, nil, err
	}
	rows := make(map[latchkey.Domain]store.Site, len(list))
	for _, row := range list {
		rows[row.Host] = row
	}
	sites := hosting.SitesOf(mainFirst(owned))
	for i := 0; i < len(sites) && err == nil; i++ {
		sites[i].Names, err = e.namesOf(r, id, sites[i].Names)
	}
	return sites, rows, err
}

// namesOf are those of the names of a site, its own first, that are not another
// account's domains and not the server's own name.
func (e *Estate) namesOf(r store.Reader, id latchkey.AccountID, names []latchkey.Domain) (theirs []latchkey.Domain, err error) {
	for i, n := range names {
		owner, _, err := r.Domain(n)
		switch {
		case gone(err) != nil:
			return nil, err
		case i == 0, err == nil && owner == id, err != nil && n != e.ownName():
			theirs = append(theirs, n)
		}
	}
	return theirs, nil
}

// ownName is the name of the server.
func (e *Estate) ownName() latchkey.Domain { return latchkey.Domain(zone.HostName(e.Server.Hostname)) }

func withCertificate(s *hosting.Site, row *store.Site) (err error) {
	s.Redirects = row.Redirects
	if row.Chain == "" {
		return nil
	}
	s.KeyID, s.Installed, s.Provider = row.KeyID, row.Installed, row.Provider
	if s.Certificate, s.Chain, err = pki.ParseCertificate(row.Chain); err != nil {
		return fmt.Errorf("the certificate of the site %s: %w", row.Host, err)
	}
	return nil
}
