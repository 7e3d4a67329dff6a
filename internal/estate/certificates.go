package estate

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
	"github.com/latchkey/latchkey/internal/store"
)

// What an account keeps of keys, requests and certificates stands in the store,
// the keys encrypted; and so does what its sites are served under, once more, so
// that taking away what is kept ends no site.

// certificates are an account's.
type certificates struct{ *account }

func (a *account) Certificates() hosting.Certificates { return &certificates{a} }

// kept reads all of a kind.
func kept[T any](ctx context.Context, c *certificates, kind hosting.Keeping, read func(*store.Kept) (T, error)) (list []T, err error) {
	err = c.e.Store.Read(ctx, func(r store.Reader) error {
		rows, err := r.Kept(c.caller.Account, uint8(kind))
		for i := 0; i < len(rows) && err == nil; i++ {
			var one T
			if one, err = read(&rows[i]); err != nil {
				return fmt.Errorf("%s, which account %d keeps: %w", rows[i].ID, c.caller.Account, err)
			}
			list = append(list, one)
		}
		return err
	})
	return list, err
}

func header(row *store.Kept) hosting.Kept {
	return hosting.Kept{ID: row.ID, Name: row.Name, Created: row.Created}
}

func readKey(row *store.Kept) (hosting.KeptKey, error) {
	public, err := pki.ParsePublic(row.Body)
	return hosting.KeptKey{Kept: header(row), Public: public}, err
}

func readRequest(row *store.Kept) (hosting.KeptRequest, error) {
	r, err := pki.ParseRequest(string(row.Body))
	return hosting.KeptRequest{Kept: header(row), Request: r}, err
}

func readCertificate(row *store.Kept) (hosting.KeptCertificate, error) {
	c, chain, err := pki.ParseCertificate(string(row.Body))
	return hosting.KeptCertificate{Kept: header(row), Certificate: c, Chain: chain}, err
}

func (c *certificates) Keys(ctx context.Context) ([]hosting.KeptKey, error) {
	return kept(ctx, c, hosting.Keys, readKey)
}

func (c *certificates) Requests(ctx context.Context) ([]hosting.KeptRequest, error) {
	return kept(ctx, c, hosting.Requests, readRequest)
}

func (c *certificates) Certificates(ctx context.Context) ([]hosting.KeptCertificate, error) {
	return kept(ctx, c, hosting.Signed, readCertificate)
}

func (c *certificates) PrivateKey(ctx context.Context, id string) (text latchkey.Secret, err error) {
	err = c.e.Store.Read(ctx, func(r store.Reader) error {
		k, err := c.key(r, id)
		text = k.PEM()
		return err
	})
	return text, err
}

// key is a private key that is kept.
func (c *certificates) key(r store.Reader, id string) (pki.Key, error) {
	rows, err := r.Kept(c.caller.Account, uint8(hosting.Keys))
	if err != nil {
		return pki.Key{}, err
	}
	for i := range rows {
		if rows[i].ID == id {
			return c.e.openKey(c.caller.Account, id, rows[i].Sealed)
		}
	}
	return pki.Key{}, hosting.NotKept(hosting.Keys)
}

// keep keeps a row under a name, or under one like base if it is empty; what is
// kept already is left as it is.
func (c *certificates) keep(tx store.Tx, row store.Kept, name, base string) (store.Kept, error) {
	rows, err := tx.Kept(c.caller.Account, row.Kind)
	if err != nil {
		return row, err
	}
	names := make([]string, len(rows))
	for i := range rows {
		if rows[i].ID == row.ID {
			return rows[i], nil
		}
		names[i] = rows[i].Name
	}
	row.Account, row.Created = c.caller.Account, c.act.At()
	if row.Name, err = hosting.KeptName(names, name, base); err != nil {
		return row, err
	}
	return row, tx.InsertKept(row)
}

func (c *certificates) keepKey(tx store.Tx, name string, k pki.Key) (store.Kept, error) {
	id := k.ID()
	row := store.Kept{Kind: uint8(hosting.Keys), ID: id, Body: k.Bytes(), Sealed: c.e.Keys.SealPrivateKey(c.caller.Account, id, k.PEM())}
	return c.keep(tx, row, name, hosting.KeyName(k.Public, c.act.At()))
}

func (c *certificates) keepCertificate(tx store.Tx, name string, cert *pki.Certificate, chain pki.Chain) (store.Kept, error) {
	row := store.Kept{Kind: uint8(hosting.Signed), ID: cert.ID(), Body: []byte(cert.PEM() + chain.PEM())}
	return c.keep(tx, row, name, hosting.NameFor(cert.Names()))
}

func (c *certificates) commit(ctx context.Context, fn func(store.Tx) error) error {
	return c.e.commit(ctx, c.act, c.caller, fn)
}

func (c *certificates) AddKey(ctx context.Context, name string, k pki.Key) (is hosting.KeptKey, err error) {
	err = c.commit(ctx, func(tx store.Tx) error {
		row, err := c.keepKey(tx, name, k)
		is = hosting.KeptKey{Kept: header(&row), Public: k.Public}
		return err
	})
	return is, err
}

func (c *certificates) AddCertificate(ctx context.Context, name string, cert *pki.Certificate, chain pki.Chain) (is hosting.KeptCertificate, err error) {
	chain = cert.Above(chain)
	var row store.Kept
	err = c.commit(ctx, func(tx store.Tx) (err error) {
		row, err = c.keepCertificate(tx, name, cert, chain)
		return err
	})
	if err != nil {
		return is, err
	}
	return readCertificate(&row)
}

// with makes something with a key that is kept, outside of any transaction:
// signing takes its time.
func (c *certificates) with(ctx context.Context, id string, fn func(pki.Key) error) error {
	var k pki.Key
	err := c.e.Store.Read(ctx, func(r store.Reader) (err error) {
		k, err = c.key(r, id)
		return err
	})
	if err != nil {
		return err
	}
	return fn(k)
}

func (c *certificates) Request(ctx context.Context, key, name string, s pki.Subject) (is hosting.KeptRequest, err error) {
	err = c.with(ctx, key, func(k pki.Key) error {
		made, err := pki.NewRequest(k, s)
		if err != nil {
			return err
		}
		return c.commit(ctx, func(tx store.Tx) error {
			row := store.Kept{Kind: uint8(hosting.Requests), ID: made.ID(), Body: []byte(made.PEM())}
			row, err := c.keep(tx, row, name, hosting.NameFor(made.Names()))
			is = hosting.KeptRequest{Kept: header(&row), Request: made}
			return err
		})
	})
	return is, err
}

func (c *certificates) SelfSign(ctx context.Context, key, name string, s pki.Subject) (is hosting.KeptCertificate, err error) {
	err = c.with(ctx, key, func(k pki.Key) error {
		made, err := pki.SelfSign(k, s, c.e.Now())
		if err == nil {
			is, err = c.AddCertificate(ctx, name, made, nil)
		}
		return err
	})
	return is, err
}

func (c *certificates) Rename(ctx context.Context, kind hosting.Keeping, id, name string) error {
	if err := hosting.CheckKeptName("new_friendly_name", name); err != nil {
		return err
	}
	err := c.commit(ctx, func(tx store.Tx) error { return tx.RenameKept(c.caller.Account, uint8(kind), id, name) })
	if latchkey.KindOf(err) == latchkey.Exists {
		return hosting.KeptNameTaken("new_friendly_name")
	}
	return notKept(err, kind, id)
}

func (c *certificates) Remove(ctx context.Context, kind hosting.Keeping, id string) error {
	err := c.commit(ctx, func(tx store.Tx) error { return tx.DeleteKept(c.caller.Account, uint8(kind), id) })
	return notKept(err, kind, id)
}

func notKept(err error, kind hosting.Keeping, id string) error {
	if errors.Is(err, store.ErrNotFound) {
		return hosting.NotKept(kind)
	}
	return err
}

func (c *certificates) Sites(ctx context.Context) (sites []hosting.Site, err error) {
	err = c.e.Store.Read(ctx, func(r store.Reader) (err error) {
		sites, err = c.e.sitesOf(r, c.caller.Account)
		return err
	})
	return sites, err
}

func (c *certificates) Install(ctx context.Context, domain latchkey.Domain, n hosting.Installation) (is hosting.Site, err error) {
	if err := n.Check(domain, c.e.Now()); err != nil {
		return is, err
	}
	if err := c.complete(ctx, &n); err != nil {
		return is, err
	}
	err = c.changeSite(ctx, domain, func(tx store.Tx, s *hosting.Site, was store.Site) error {
		row, err := c.installed(tx, s.Name, &n)
		if err != nil {
			return err
		}
		row.Redirects = was.Redirects
		is = *s
		is.Redirects, is.Certificate, is.Chain = row.Redirects, n.Certificate, n.Chain
		is.KeyID, is.Installed, is.Provider = row.KeyID, row.Installed, row.Provider
		return tx.PutSite(row)
	})
	return is, err
}

// changeSite changes the site with a domain, whose row was may be empty.
func (c *certificates) changeSite(ctx context.Context, domain latchkey.Domain, change func(tx store.Tx, s *hosting.Site, was store.Site) error) error {
	return c.changeSites(ctx, func(tx store.Tx) ([]*hosting.Site, error) {
		sites, rows, err := c.e.bareSites(tx, c.caller.Account)
		if err != nil {
			return nil, err
		}
		s, err := hosting.FindSite(sites, domain)
		if err != nil {
			return nil, err
		}
		return []*hosting.Site{s}, change(tx, s, rows[s.Name])
	})
}

// complete finds what is kept of what an installation leaves out: the key, and the
// certificates above it.
func (c *certificates) complete(ctx context.Context, n *hosting.Installation) error {
	return c.e.Store.Read(ctx, func(r store.Reader) (err error) {
		if n.Key.Signer() == nil {
			if n.Key, err = c.key(r, n.Certificate.Public.ID()); err != nil {
				return hosting.NoKeyFor(err)
			}
		}
		n.Chain, err = c.above(r, n)
		return err
	})
}

// installed keeps what a site is to be served under, and is the row of that.
func (c *certificates) installed(tx store.Tx, host latchkey.Domain, n *hosting.Installation) (store.Site, error) {
	k, err := c.keepKey(tx, "", n.Key)
	if err != nil {
		return store.Site{}, err
	}
	if _, err := c.keepCertificate(tx, "", n.Certificate, n.Chain); err != nil {
		return store.Site{}, err
	}
	return store.Site{
		Host: host, Account: c.caller.Account, Chain: n.Certificate.PEM() + n.Chain.PEM(), KeyID: k.ID, Sealed: k.Sealed,
		Installed: c.act.At(), Provider: n.Provider,
	}, nil
}

// above are the certificates above the one to be installed: of those that came
// with it, or else of those that came with others.
func (c *certificates) above(r store.Reader, n *hosting.Installation) (pki.Chain, error) {
	if above := n.Certificate.Above(n.Chain); len(above) > 0 || n.Certificate.SelfSigned() {
		return above, nil
	}
	rows, err := r.Kept(c.caller.Account, uint8(hosting.Signed))
	if err != nil {
		return nil, err
	}
	var pool pki.Chain
	for i := range rows {
		k, err := readCertificate(&rows[i])
		if err != nil {
			return nil, err
		}
		pool = append(pool, k.Chain...)
	}
	return n.Certificate.Above(pool), nil
}

func (c *certificates) Uninstall(ctx context.Context, domain latchkey.Domain) error {
	return c.changeSite(ctx, domain, func(tx store.Tx, s *hosting.Site, was store.Site) error {
		if was.Chain == "" {
			return hosting.NoCertificate(s.Name)
		}
		return tx.DeleteSite(s.Name)
	})
}

func (c *certificates) Redirect(ctx context.Context, domains []latchkey.Domain, on bool) error {
	return c.changeSites(ctx, func(tx store.Tx) (changed []*hosting.Site, err error) {
		sites, rows, err := c.e.bareSites(tx, c.caller.Account)
		for i := 0; i < len(domains) && err == nil; i++ {
			var s *hosting.Site
			if s, err = hosting.FindSite(sites, domains[i]); err == nil {
				changed = append(changed, s)
				err = redirect(tx, s.Name, rows[s.Name], on)
			}
		}
		return changed, err
	})
}

func redirect(tx store.Tx, name latchkey.Domain, row store.Site, on bool) error {
	switch {
	case row.Redirects == on:
		return nil
	case row.Chain == "":
		return hosting.NoCertificate(name)
	}
	row.Redirects = on
	return tx.PutSite(row)
}

func (c *certificates) KeyType(ctx context.Context) (t pki.KeyType, err error) {
	err = c.e.Store.Read(ctx, func(r store.Reader) error {
		text, err := r.KeyType(c.caller.Account)
		t = pki.KeyType(text)
		return gone(err)
	})
	return t, err
}

func (c *certificates) SetKeyType(ctx context.Context, t pki.KeyType) error {
	return c.commit(ctx, func(tx store.Tx) error { return tx.PutKeyType(c.caller.Account, string(t)) })
}
