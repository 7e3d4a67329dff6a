package hosting

import (
	"context"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
)

// narrowCertificates are certificates in the hands of somebody who may act on
// some hosts only. A host is a site, by whichever of its names. A certificate
// belongs to all the hosts it is for, and a key to those of what was made with
// it: who may not act on each of them sees neither. What belongs to no host yet
// is theirs who may act on everything, and so is the private part of every key.
type narrowCertificates struct {
	all  Certificates
	may  func(...latchkey.Resource) error
	look look
}

// hostsOf are the hosts that names stand for, as resources.
func hostsOf(sites []Site, names []string) []latchkey.Resource {
	list := make([]latchkey.Resource, 0, len(names))
	for _, n := range names {
		host := n
		for i := range sites {
			if sites[i].Has(latchkey.Domain(strings.TrimPrefix(n, "*."))) && !strings.HasPrefix(n, "*.") {
				host = string(sites[i].Name)
			}
		}
		list = append(list, hostNamed(host))
	}
	return list
}

// on says why names may not be touched, or nil. Where there is none, everything
// must be allowed. The refusal names what was asked for, and not whose it is.
func (n *narrowCertificates) on(ctx context.Context, names ...string) error {
	sites, err := n.all.Sites(ctx)
	if err != nil {
		return err
	}
	denied := n.may(hostsOf(sites, names)...)
	if denied == nil {
		return nil
	}
	if err := n.may(hostsOf(nil, names)...); err != nil {
		return err
	}
	return denied
}

// onSite says why the site with a name may not be touched, or nil.
func (n *narrowCertificates) onSite(ctx context.Context, name latchkey.Domain) error {
	return n.on(ctx, string(name))
}

func (n *narrowCertificates) Sites(ctx context.Context) ([]Site, error) {
	list, err := n.all.Sites(ctx)
	list = covered(list, n.look.ask, func(s *Site) latchkey.Resource { return hostNamed(string(s.Name)) })
	for i := range list {
		n.look.shown(hostNamed(string(list[i].Name)))
	}
	return list, err
}

func (n *narrowCertificates) Certificates(ctx context.Context) ([]KeptCertificate, error) {
	list, err := n.all.Certificates(ctx)
	if err != nil {
		return nil, err
	}
	sites, err := n.all.Sites(ctx)
	var kept []KeptCertificate
	for i := range list {
		if n.look.ask(hostsOf(sites, list[i].Names())...) == nil {
			kept = append(kept, list[i])
		}
	}
	return kept, err
}

func (n *narrowCertificates) Requests(ctx context.Context) ([]KeptRequest, error) {
	list, err := n.all.Requests(ctx)
	if err != nil {
		return nil, err
	}
	sites, err := n.all.Sites(ctx)
	var kept []KeptRequest
	for i := range list {
		if n.look.ask(hostsOf(sites, list[i].Names())...) == nil {
			kept = append(kept, list[i])
		}
	}
	return kept, err
}

// Keys are those that nothing was made with but for hosts that may be touched.
func (n *narrowCertificates) Keys(ctx context.Context) ([]KeptKey, error) {
	list, err := n.all.Keys(ctx)
	if err != nil {
		return nil, err
	}
	made, err := n.madeWith(ctx)
	if err != nil {
		return nil, err
	}
	var kept []KeptKey
	for _, k := range list {
		if n.look.ask(made[k.ID]...) == nil {
			kept = append(kept, k)
		}
	}
	return kept, nil
}

// madeWith are the hosts that keys belong to, by the ids of the keys.
func (n *narrowCertificates) madeWith(ctx context.Context) (map[string][]latchkey.Resource, error) {
	sites, err := n.all.Sites(ctx)
	if err != nil {
		return nil, err
	}
	made := make(map[string][]latchkey.Resource)
	of := func(key pki.Public, names []string) {
		made[key.ID()] = append(made[key.ID()], hostsOf(sites, names)...)
	}
	certificates, err := n.all.Certificates(ctx)
	for _, c := range certificates {
		of(c.Certificate.Public, c.Names())
	}
	if err != nil {
		return nil, err
	}
	requests, err := n.all.Requests(ctx)
	for _, r := range requests {
		of(r.Request.Public, r.Names())
	}
	for _, s := range sites {
		if s.Certificate != nil {
			of(s.Certificate.Public, []string{string(s.Name)})
		}
	}
	return made, err
}

// PrivateKey is for who may act on everything.
func (n *narrowCertificates) PrivateKey(ctx context.Context, id string) (latchkey.Secret, error) {
	if err := n.may(); err != nil {
		return latchkey.Secret{}, err
	}
	return n.all.PrivateKey(ctx, id)
}

// AddKey is for who may act on everything: a key belongs to no host yet.
func (n *narrowCertificates) AddKey(ctx context.Context, name string, k pki.Key) (KeptKey, error) {
	if err := n.may(); err != nil {
		return KeptKey{}, err
	}
	return n.all.AddKey(ctx, name, k)
}

// AddCertificate keeps none for a key that is kept and not to be seen: the key would
// become theirs, and anybody can have a certificate made for a public key.
func (n *narrowCertificates) AddCertificate(ctx context.Context, name string, c *pki.Certificate, chain pki.Chain) (KeptCertificate, error) {
	err := n.on(ctx, c.Names()...)
	if err == nil && n.has(ctx, Keys, c.Public.ID()) != nil {
		err = n.foreign(ctx, c.Public.ID())
	}
	if err != nil {
		return KeptCertificate{}, err
	}
	return n.all.AddCertificate(ctx, name, c, chain)
}

// foreign says why a key may not be touched if it is kept, whoever's it is.
func (n *narrowCertificates) foreign(ctx context.Context, id string) error {
	keys, err := n.all.Keys(ctx)
	if err == nil && slices.ContainsFunc(keys, func(k KeptKey) bool { return k.ID == id }) {
		err = n.may()
	}
	return err
}

func (n *narrowCertificates) Request(ctx context.Context, key, name string, s pki.Subject) (KeptRequest, error) {
	if err := n.with(ctx, key, s.Names); err != nil {
		return KeptRequest{}, err
	}
	return n.all.Request(ctx, key, name, s)
}

func (n *narrowCertificates) SelfSign(ctx context.Context, key, name string, s pki.Subject) (KeptCertificate, error) {
	if err := n.with(ctx, key, s.Names); err != nil {
		return KeptCertificate{}, err
	}
	return n.all.SelfSign(ctx, key, name, s)
}

// with says why nothing may be made with a key for hosts with names.
func (n *narrowCertificates) with(ctx context.Context, key string, names []string) error {
	if err := n.on(ctx, names...); err != nil {
		return err
	}
	return n.has(ctx, Keys, key)
}

// has says that there is nothing with an id among what may be seen.
func (n *narrowCertificates) has(ctx context.Context, kind Keeping, id string) error {
	var ids []string
	switch kind {
	case Keys:
		list, err := n.Keys(ctx)
		if err != nil {
			return err
		}
		ids = idsOf(list, func(k KeptKey) string { return k.ID })
	case Requests:
		list, err := n.Requests(ctx)
		if err != nil {
			return err
		}
		ids = idsOf(list, func(r KeptRequest) string { return r.Kept.ID })
	default:
		list, err := n.Certificates(ctx)
		if err != nil {
			return err
		}
		ids = idsOf(list, func(c KeptCertificate) string { return c.Kept.ID })
	}
	for _, is := range ids {
		if is == id {
			return nil
		}
	}
	return NotKept(kind)
}

func idsOf[T any](list []T, id func(T) string) []string {
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = id(list[i])
	}
	return ids
}

func (n *narrowCertificates) Rename(ctx context.Context, kind Keeping, id, name string) error {
	if err := n.has(ctx, kind, id); err != nil {
		return err
	}
	return n.all.Rename(ctx, kind, id, name)
}

func (n *narrowCertificates) Remove(ctx context.Context, kind Keeping, id string) error {
	if err := n.has(ctx, kind, id); err != nil {
		return err
	}
	return n.all.Remove(ctx, kind, id)
}

// Install asks about the site, not about each name of the certificate: those of
// others it is for are served as they were. A key that is kept is used if it may
// be seen.
func (n *narrowCertificates) Install(ctx context.Context, domain latchkey.Domain, i Installation) (Site, error) {
	if err := n.onSite(ctx, domain); err != nil {
		return Site{}, err
	}
	if i.Key.Signer() == nil {
		if err := n.has(ctx, Keys, i.Certificate.Public.ID()); err != nil {
			return Site{}, NoKeyFor(err)
		}
	}
	return n.all.Install(ctx, domain, i)
}

func (n *narrowCertificates) Uninstall(ctx context.Context, domain latchkey.Domain) error {
	if err := n.onSite(ctx, domain); err != nil {
		return err
	}
	return n.all.Uninstall(ctx, domain)
}

func (n *narrowCertificates) Redirect(ctx context.Context, domains []latchkey.Domain, on bool) error {
	for _, d := range domains {
		if err := n.onSite(ctx, d); err != nil {
			return err
		}
	}
	return n.all.Redirect(ctx, domains, on)
}

func (n *narrowCertificates) KeyType(ctx context.Context) (pki.KeyType, error) {
	return n.all.KeyType(ctx)
}

func (n *narrowCertificates) SetKeyType(ctx context.Context, t pki.KeyType) error {
	if err := n.may(); err != nil {
		return err
	}
	return n.all.SetKeyType(ctx, t)
}
