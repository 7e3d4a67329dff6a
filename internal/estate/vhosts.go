package estate

import (
	"context"

	"github.com/latchkey/latchkey/internal/driver/nginx"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
	"github.com/latchkey/latchkey/internal/store"
)

// reshaper is a [Webserver] that must be told when accounts come, go, or change
// their names or whether they are suspended: it does not ask at every request.
type reshaper interface {
	Reshape(ctx context.Context) error
}

// reshape has the web server told that accounts have changed. What it cannot do now
// it is told again.
func (e *Estate) reshape(ctx context.Context) {
	w, ok := e.Web.(reshaper)
	if !ok {
		return
	}
	if err := w.Reshape(context.WithoutCancel(ctx)); err != nil {
		e.Log.Error("the web server does not know yet that accounts have changed, and will be told again", "err", err)
		e.reshapes.Store(true)
	}
}

// Vhosts are the sites for a web server that serves files by itself.
func (e *Estate) Vhosts() nginx.Source { return vhosts{e} }

type vhosts struct{ *Estate }

// Site is a site by one of its names.
func (v vhosts) Site(ctx context.Context, name latchkey.Domain) (site *nginx.Site, err error) {
	err = v.Store.Read(ctx, func(r store.Reader) error {
		id, d, err := v.siteDomain(r, name)
		if err != nil {
			return err
		}
		sites, rows, err := v.bareSites(r, id)
		if err != nil {
			return err
		}
		s, err := hosting.FindSite(sites, d.Name)
		if err != nil {
			return err
		}
		a, err := r.AccountByID(id)
		if err == nil {
			site, err = v.vhost(&a, s, rows[s.Name])
		}
		return err
	})
	return site, err
}

// Each is every site of every account.
func (v vhosts) Each(ctx context.Context, fn func(*nginx.Site) error) error {
	const page = 500
	var after latchkey.AccountName
	for {
		var list []latchkey.Account
		err := v.Store.Read(ctx, func(r store.Reader) (err error) {
			if list, err = r.Accounts(after, page); err != nil {
				return err
			}
			for i := 0; i < len(list) && err == nil; i++ {
				err = v.each(r, &list[i], fn)
			}
			return err
		})
		if err != nil || len(list) < page {
			return err
		}
		after = list[len(list)-1].Name
	}
}

func (v vhosts) each(r store.Reader, a *latchkey.Account, fn func(*nginx.Site) error) error {
	sites, rows, err := v.bareSites(r, a.ID)
	for i := 0; i < len(sites) && err == nil; i++ {
		var s *nginx.Site
		if s, err = v.vhost(a, &sites[i], rows[sites[i].Name]); err == nil {
			err = fn(s)
		}
	}
	return err
}

// vhost is a site as the web server is told of it. One whose certificate cannot be
// read is served without.
func (v vhosts) vhost(a *latchkey.Account, s *hosting.Site, row store.Site) (*nginx.Site, error) {
	home, err := v.Homes.Path(string(a.Name))
	if err != nil {
		return nil, err
	}
	site := &nginx.Site{Names: s.Names, Home: home, Root: s.Root, Suspended: a.Suspended, SecureOnly: row.Redirects}
	if row.Chain == "" {
		return site, nil
	}
	key, err := v.openKey(row.Account, row.KeyID, row.Sealed)
	if err == nil {
		_, _, err = pki.ParseCertificate(row.Chain)
	}
	if err != nil {
		v.Log.Error("a site is served without its certificate", "site", s.Name, "err", err)
		return site, nil
	}
	site.Chain, site.Key = row.Chain, key.PEM().Reveal()
	return site, nil
}
