package hostingtest

import (
	"context"
	"slices"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
)

// certificates are those of an account in memory.
type certificates struct {
	*Account
	keys     []hosting.KeptKey
	secrets  map[string]pki.Key // by ID
	requests []hosting.KeptRequest
	signed   []hosting.KeptCertificate
	sites    map[latchkey.Domain]*hosting.Site // what is set of them
	keyType  pki.KeyType
}

// Certificates are those of the account. Its sites are served by nobody.
func (a *Account) Certificates() hosting.Certificates {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tls == nil {
		a.tls = &certificates{Account: a, secrets: map[string]pki.Key{}, sites: map[latchkey.Domain]*hosting.Site{}}
	}
	return a.tls
}

func (c *certificates) Keys(context.Context) ([]hosting.KeptKey, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.keys), nil
}

func (c *certificates) Requests(context.Context) ([]hosting.KeptRequest, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.requests), nil
}

func (c *certificates) Certificates(context.Context) ([]hosting.KeptCertificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.signed), nil
}

func (c *certificates) PrivateKey(_ context.Context, id string) (latchkey.Secret, error) {
	k, err := c.key(id)
	return k.PEM(), err
}

func (c *certificates) key(id string) (pki.Key, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.secrets[id]
	if !ok {
		return k, hosting.NotKept(hosting.Keys)
	}
	return k, nil
}

// heads are the headers of all that is kept of a kind.
func (c *certificates) heads(kind hosting.Keeping) (heads []*hosting.Kept) {
	for i := range c.keys {
		if kind == hosting.Keys {
			heads = append(heads, &c.keys[i].Kept)
		}
	}
	for i := range c.requests {
		if kind == hosting.Requests {
			heads = append(heads, &c.requests[i].Kept)
		}
	}
	for i := range c.signed {
		if kind == hosting.Signed {
			heads = append(heads, &c.signed[i].Kept)
		}
	}
	return heads
}

// head is the header of something new; of what is kept already, its index.
func (c *certificates) head(kind hosting.Keeping, id, name, base string) (h hosting.Kept, known int, err error) {
	heads := c.heads(kind)
	names := make([]string, len(heads))
	for i, k := range heads {
		if k.ID == id {
			return *k, i, nil
		}
		names[i] = k.Name
	}
	name, err = hosting.KeptName(names, name, base)
	return hosting.Kept{ID: id, Name: name, Created: c.Now()}, -1, err
}

func (c *certificates) AddKey(_ context.Context, name string, k pki.Key) (hosting.KeptKey, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h, known, err := c.head(hosting.Keys, k.ID(), name, hosting.KeyName(k.Public, c.Now()))
	kept := hosting.KeptKey{Kept: h, Public: k.Public}
	if err == nil && known < 0 {
		c.keys, c.secrets[h.ID] = append(c.keys, kept), k
	}
	return kept, err
}

func (c *certificates) AddCertificate(_ context.Context, name string, cert *pki.Certificate, chain pki.Chain) (hosting.KeptCertificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h, known, err := c.head(hosting.Signed, cert.ID(), name, hosting.NameFor(cert.Names()))
	if known >= 0 {
		return c.signed[known], nil
	}
	kept := hosting.KeptCertificate{Kept: h, Certificate: cert, Chain: cert.Above(chain)}
	if err == nil {
		c.signed = append(c.signed, kept)
	}
	return kept, err
}

func (c *certificates) Request(_ context.Context, key, name string, s pki.Subject) (hosting.KeptRequest, error) {
	k, err := c.key(key)
	if err != nil {
		return hosting.KeptRequest{}, err
	}
	r, err := pki.NewRequest(k, s)
	if err != nil {
		return hosting.KeptRequest{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	h, _, err := c.head(hosting.Requests, r.ID(), name, hosting.NameFor(r.Names()))
	kept := hosting.KeptRequest{Kept: h, Request: r}
	if err == nil {
		c.requests = append(c.requests, kept)
	}
	return kept, err
}

func (c *certificates) SelfSign(ctx context.Context, key, name string, s pki.Subject) (hosting.KeptCertificate, error) {
	k, err := c.key(key)
	if err != nil {
		return hosting.KeptCertificate{}, err
	}
	cert, err := pki.SelfSign(k, s, c.Now())
	if err != nil {
		return hosting.KeptCertificate{}, err
	}
	return c.AddCertificate(ctx, name, cert, nil)
}

func (c *certificates) Rename(_ context.Context, kind hosting.Keeping, id, name string) error {
	if err := hosting.CheckKeptName("new_friendly_name", name); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var found *hosting.Kept
	for _, k := range c.heads(kind) {
		switch {
		case k.ID == id:
			found = k
		case k.Name == name:
			return hosting.KeptNameTaken("new_friendly_name")
		}
	}
	if found == nil {
		return hosting.NotKept(kind)
	}
	found.Name = name
	return nil
}

func (c *certificates) Remove(_ context.Context, kind hosting.Keeping, id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := len(c.keys) + len(c.requests) + len(c.signed)
	switch kind {
	case hosting.Keys:
		c.keys = slices.DeleteFunc(c.keys, func(k hosting.KeptKey) bool { return k.ID == id })
		delete(c.secrets, id)
	case hosting.Requests:
		c.requests = slices.DeleteFunc(c.requests, func(k hosting.KeptRequest) bool { return k.Kept.ID == id })
	case hosting.Signed:
		c.signed = slices.DeleteFunc(c.signed, func(k hosting.KeptCertificate) bool { return k.Kept.ID == id })
	}
	if len(c.keys)+len(c.requests)+len(c.signed) == before {
		return hosting.NotKept(kind)
	}
	return nil
}

func (c *certificates) Sites(context.Context) ([]hosting.Site, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all(), nil
}

func (c *certificates) all() []hosting.Site {
	sites := hosting.SitesOf(c.Owned)
	for i := range sites {
		if set := c.sites[sites[i].Name]; set != nil {
			is := *set
			is.Name, is.Names, is.Root = sites[i].Name, sites[i].Names, sites[i].Root
			sites[i] = is
		}
	}
	return sites
}

func (c *certificates) Install(ctx context.Context, domain latchkey.Domain, n hosting.Installation) (hosting.Site, error) {
	if err := n.Check(domain, c.Now()); err != nil {
		return hosting.Site{}, err
	}
	if n.Key.Signer() == nil {
		k, err := c.key(n.Certificate.Public.ID())
		if err != nil {
			return hosting.Site{}, hosting.NoKeyFor(err)
		}
		n.Key = k
	}
	s, err := c.find(domain)
	if err != nil {
		return hosting.Site{}, err
	}
	if n.Chain = n.Certificate.Above(n.Chain); len(n.Chain) == 0 && !n.Certificate.SelfSigned() {
		n.Chain = n.Certificate.Above(c.pool())
	}
	if _, err := c.AddKey(ctx, "", n.Key); err != nil {
		return hosting.Site{}, err
	}
	if _, err := c.AddCertificate(ctx, "", n.Certificate, n.Chain); err != nil {
		return hosting.Site{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Certificate, s.Chain, s.KeyID, s.Installed, s.Provider = n.Certificate, n.Chain, n.Key.ID(), c.Now(), n.Provider
	c.sites[s.Name] = s
	return *s, nil
}

// pool are the chains that came with certificates.
func (c *certificates) pool() (pool pki.Chain) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.signed {
		pool = append(pool, k.Chain...)
	}
	return pool
}

func (c *certificates) find(domain latchkey.Domain) (*hosting.Site, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return hosting.FindSite(c.all(), domain)
}

func (c *certificates) Uninstall(_ context.Context, domain latchkey.Domain) error {
	s, err := c.find(domain)
	if err == nil && s.Certificate == nil {
		err = hosting.NoCertificate(s.Name)
	}
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sites, s.Name)
	return nil
}

func (c *certificates) Redirect(_ context.Context, domains []latchkey.Domain, on bool) error {
	var found []latchkey.Domain
	for _, d := range domains {
		s, err := c.find(d)
		if err == nil && on && s.Certificate == nil {
			err = hosting.NoCertificate(s.Name)
		}
		if err != nil {
			return err
		}
		found = append(found, s.Name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range found {
		if s := c.sites[name]; s != nil {
			s.Redirects = on
		}
	}
	return nil
}

func (c *certificates) KeyType(context.Context) (pki.KeyType, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keyType, nil
}

func (c *certificates) SetKeyType(_ context.Context, t pki.KeyType) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keyType = t
	return nil
}
