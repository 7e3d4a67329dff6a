package estate

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
	"github.com/latchkey/latchkey/internal/store"
)

// Webserver is the part that serves the accounts' sites. Calls about the sites of
// one account come one after another.
type Webserver interface {
	// Start is called once, before all others, with what finds sites.
	Start(ctx context.Context, sites Sites) error
	// Serve makes site be served as it says, in place of what was served under its
	// name, and returns when whoever connects gets that. It may be called again
	// with the same site.
	Serve(ctx context.Context, site *hosting.Served) error
	// Withdraw ends the site called name. That there was none is no error.
	Withdraw(ctx context.Context, name latchkey.Domain) error
}

// Sites finds sites as they are to be served now.
type Sites interface {
	// SiteOf is the site with a name, its own or another. Fails: NotFound.
	SiteOf(ctx context.Context, name latchkey.Domain) (*hosting.Served, error)
	// EachSite gives every site there is.
	EachSite(ctx context.Context, give func(*hosting.Served) error) error
}

var _ Sites = (*Estate)(nil)

// behind are the sites that are not served as they are to be, and whose they are.
type behind struct {
	mu sync.Mutex
	by map[latchkey.Domain]latchkey.AccountID
}

func (b *behind) set(name latchkey.Domain, account latchkey.AccountID, is bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.by == nil {
		b.by = make(map[latchkey.Domain]latchkey.AccountID)
	}
	if delete(b.by, name); is {
		b.by[name] = account
	}
}

func (b *behind) take() map[latchkey.Domain]latchkey.AccountID {
	b.mu.Lock()
	defer b.mu.Unlock()
	by := b.by
	b.by = nil
	return by
}

// changeSites changes sites of an account by change, in one transaction, and has
// those served whose names it returns.
func (e *Estate) changeSites(ctx context.Context, a *account, change func(store.Tx) ([]latchkey.Domain, error)) error {
	if e.Web == nil {
		return &latchkey.Error{Kind: latchkey.RoleOff, Param: "WebServer"}
	}
	id := a.caller.Account
	return e.serving.alone(ctx, id, func() error {
		var changed []latchkey.Domain
		err := e.commit(ctx, a.act, a.caller, func(tx store.Tx) (err error) {
			changed, err = change(tx)
			return err
		})
		if err != nil {
			return err
		}
		return e.serveSites(context.WithoutCancel(ctx), id, changed)
	})
}

// serveSites has sites served that are kept already. Who calls it is the only one
// at work on the sites of the account.
func (e *Estate) serveSites(ctx context.Context, id latchkey.AccountID, names []latchkey.Domain) error {
	var failed error
	for _, name := range names {
		err := e.serveSite(ctx, id, name)
		if e.behind.set(name, id, err != nil); err != nil {
			e.Log.Error("a site has changed but is not served so yet, and will be tried again", "site", name, "err", err)
			failed = &latchkey.Error{Kind: latchkey.Unavailable, Err: err,
				Msg: "The web site “" + string(name) + "” has changed, but the web server does not serve it so yet. The server will go on with it by itself; look again later."}
		}
	}
	return failed
}

// serveSite has a site served as the store has it now.
func (e *Estate) serveSite(ctx context.Context, id latchkey.AccountID, name latchkey.Domain) error {
	site, err := e.SiteOf(ctx, name)
	switch {
	case latchkey.KindOf(err) == latchkey.NotFound:
		return e.Web.Withdraw(ctx, name)
	case err != nil:
		return err
	case site.Account != id || site.Name != name: // it has become another's, who has it served
		return nil
	}
	return e.Web.Serve(ctx, site)
}

// repairSites has those served that could not be so far.
func (e *Estate) repairSites(ctx context.Context) {
	for name, id := range e.behind.take() {
		err := e.serving.alone(ctx, id, func() error { return e.serveSites(ctx, id, []latchkey.Domain{name}) })
		if err == nil {
			e.Log.Info("serves a site that could not be served earlier", "site", name)
		}
	}
}

// SiteOf is part of [Sites].
func (e *Estate) SiteOf(ctx context.Context, name latchkey.Domain) (found *hosting.Served, err error) {
	err = e.Store.Read(ctx, func(r store.Reader) error {
		id, err := siteOwner(r, name)
		if err != nil {
			return err
		}
		all, err := e.served(r, id)
		for _, s := range all {
			if s.Has(name) {
				found = s
			}
		}
		if err == nil && found == nil {
			err = store.ErrNotFound
		}
		return err
	})
	return found, err
}

// siteOwner is the account whose site has a name: that of a domain, or of the
// one that it stands under.
func siteOwner(r store.Reader, name latchkey.Domain) (latchkey.AccountID, error) {
	id, _, err := r.Domain(name)
	if gone(err) == nil && err != nil {
		_, parent, _ := strings.Cut(string(name), ".")
		id, _, err = r.Domain(latchkey.Domain(parent))
	}
	return id, err
}

// EachSite is part of [Sites].
func (e *Estate) EachSite(ctx context.Context, give func(*hosting.Served) error) error {
	const page = 200
	var after latchkey.AccountName
	for {
		var all []*hosting.Served
		var n int
		err := e.Store.Read(ctx, func(r store.Reader) error {
			list, err := r.Accounts(after, page)
			n = len(list)
			for i := 0; i < n && err == nil; i++ {
				var sites []*hosting.Served
				sites, err = e.served(r, list[i].ID)
				all = append(all, sites...)
				after = list[i].Name
			}
			return err
		})
		for i := 0; i < len(all) && err == nil; i++ {
			err = give(all[i])
		}
		if err != nil || n < page {
			return err
		}
	}
}

// served are the sites of an account. One whose certificate cannot be read is
// served without: that one is logged, and keeps no other from being served.
func (e *Estate) served(r store.Reader, id latchkey.AccountID) ([]*hosting.Served, error) {
	a, err := r.AccountByID(id)
	if err != nil {
		return nil, err
	}
	sites, rows, err := sitesOf(r, id)
	if err != nil {
		return nil, err
	}
	all := make([]*hosting.Served, len(sites))
	for i := range sites {
		all[i] = &hosting.Served{Site: sites[i], Account: id, User: a.Name, Suspended: a.Suspended}
		if sites[i].Certificate == nil {
			continue
		}
		if all[i].TLS, err = e.forTLS(&sites[i], rows[sites[i].Name]); err != nil {
			e.Log.Error("a site is served without its certificate", "site", sites[i].Name, "err", err)
			all[i].Certificate, all[i].Redirects = nil, false
		}
	}
	return all, nil
}

// forTLS is what a connection to a site is secured with.
func (e *Estate) forTLS(s *hosting.Site, row store.Site) (*tls.Certificate, error) {
	key, err := e.openKey(row.Account, row.KeyID, row.Sealed)
	if err != nil {
		return nil, err
	}
	chain := [][]byte{s.Certificate.Raw}
	for _, above := range s.Chain {
		chain = append(chain, above.Raw)
	}
	return &tls.Certificate{Certificate: chain, PrivateKey: key.Signer(), Leaf: s.Certificate.Certificate}, nil
}

func (e *Estate) openKey(account latchkey.AccountID, id string, sealed []byte) (pki.Key, error) {
	text, err := e.Keys.OpenPrivateKey(account, id, sealed)
	if err != nil {
		return pki.Key{}, err
	}
	return pki.ParseKey(text)
}

// sitesOf are the sites of an account, the main one first, and their rows by name.
func sitesOf(r store.Reader, id latchkey.AccountID) ([]hosting.Site, map[latchkey.Domain]store.Site, error) {
	sites, rows, err := bareSites(r, id)
	for i := range sites {
		if row, ok := rows[sites[i].Name]; ok && err == nil {
			err = withCertificate(&sites[i], &row)
		}
	}
	return sites, rows, err
}

// bareSites are the sites of an account as their domains make them, and their
// rows by name.
func bareSites(r store.Reader, id latchkey.AccountID) ([]hosting.Site, map[latchkey.Domain]store.Site, error) {
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
	return hosting.SitesOf(mainFirst(owned)), rows, nil
}

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

// siteNames are the names of sites that have all of some names.
func siteNames(sites []hosting.Site, domains []latchkey.Domain) ([]latchkey.Domain, error) {
	var names []latchkey.Domain
	for _, d := range domains {
		s, err := hosting.FindSite(sites, d)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	return names, nil
}
