package hosting

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
)

// Certificates are an account's private keys, certificate signing requests and
// certificates, and its sites with what they are served under. What is asked of
// something that is not there or not the account's fails with NotFound.
type Certificates interface {
	// Keys, Requests and Certificates are all that are kept, the oldest first.
	Keys(ctx context.Context) ([]KeptKey, error)
	Requests(ctx context.Context) ([]KeptRequest, error)
	Certificates(ctx context.Context) ([]KeptCertificate, error)
	// PrivateKey is the private part of a key. It goes to who may have it and
	// nowhere else: nothing but this method hands one out.
	PrivateKey(ctx context.Context, id string) (latchkey.Secret, error)

	// AddKey and AddCertificate keep something under a name, or under one that
	// they find if it is empty. What is kept already stays as it is, with the name
	// it has. Fails: Exists for a name of another, Invalid, Limit.
	AddKey(ctx context.Context, name string, k pki.Key) (KeptKey, error)
	AddCertificate(ctx context.Context, name string, c *pki.Certificate, chain pki.Chain) (KeptCertificate, error)
	// Request and SelfSign make a certificate signing request, and a certificate
	// that is signed with its own key, and keep them. Fails as AddKey does, and
	// with NotFound for the key.
	Request(ctx context.Context, key, name string, s pki.Subject) (KeptRequest, error)
	SelfSign(ctx context.Context, key, name string, s pki.Subject) (KeptCertificate, error)
	// Rename gives something that is kept another name. Fails: Exists, Invalid.
	Rename(ctx context.Context, kind Keeping, id, name string) error
	// Remove takes something away that is kept. What is installed stays installed.
	Remove(ctx context.Context, kind Keeping, id string) error

	// Sites are the account's sites, the main one first, then by name.
	Sites(ctx context.Context) ([]Site, error)
	// Install serves the site with the name domain under a certificate, and keeps
	// that and its key. When it returns, whoever connects to the site gets the
	// certificate. Fails: Invalid for a certificate that cannot be used there, see
	// [Installation.Check]; RoleOff where nobody serves sites.
	Install(ctx context.Context, domain latchkey.Domain, n Installation) (Site, error)
	// Uninstall ends that: the site has no certificate of its own then.
	Uninstall(ctx context.Context, domain latchkey.Domain) error
	// Redirect sends visitors of sites who come without TLS to TLS, or no longer:
	// all of the sites or none. Fails: Invalid for a site without a certificate.
	Redirect(ctx context.Context, domains []latchkey.Domain, on bool) error

	// KeyType is the type of key that is made where nothing else is asked for, ""
	// for the server's own.
	KeyType(ctx context.Context) (pki.KeyType, error)
	SetKeyType(ctx context.Context, t pki.KeyType) error
}

// Keeping is one kind of what is kept.
type Keeping uint8

const (
	Keys Keeping = iota
	Requests
	Signed // certificates
)

// Kept is what all that is kept has.
type Kept struct {
	ID      string
	Name    string // by which people know it; no other of its kind has it
	Created time.Time
}

// KeptKey is a private key that is kept: its public part.
type KeptKey struct {
	Kept
	Public pki.Public
}

// KeptRequest is a certificate signing request that is kept.
type KeptRequest struct {
	Kept
	*pki.Request
}

// KeptCertificate is a certificate that is kept, and those above it.
type KeptCertificate struct {
	Kept
	*pki.Certificate
	Chain pki.Chain
}

// Site is a site and what it is served under.
type Site struct {
	Name      latchkey.Domain   // its own
	Names     []latchkey.Domain // all it is served under, its own first
	Root      string            // its document root, relative to the home
	Redirects bool              // visitors without TLS are sent to TLS
	// Of the certificate that is installed; Certificate is nil for none.
	Certificate *pki.Certificate
	Chain       pki.Chain
	KeyID       string
	Installed   time.Time
	Provider    string // who got it, where the server did by itself; "" for a person
}

// Has reports whether the site is served under a name.
func (s *Site) Has(name latchkey.Domain) bool { return slices.Contains(s.Names, name) }

// Installation is what a site is to be served under.
type Installation struct {
	Certificate *pki.Certificate
	Chain       pki.Chain // in any order; more than what belongs to it is left out
	Key         pki.Key   // the zero value: one of those that are kept
	Provider    string    // who got it, where the server did by itself
}

// Check says why a site cannot be served under the certificate: each of these is
// Invalid. It is for the host asked for, it has not expired, its key is that of
// the certificate, and what is given as its chain has signed it.
func (n *Installation) Check(domain latchkey.Domain, now time.Time) error {
	c := n.Certificate
	switch {
	case !c.Covers(domain):
		return latchkey.InvalidParam("cert", "The certificate is not for the domain “%s”: it is for %s.", domain, quoted(c.Names()))
	case n.Key.Signer() != nil && !n.Key.Same(c.Public):
		return latchkey.InvalidParam("key", "The private key does not belong to the certificate: give the one that the certificate was requested with.")
	case len(n.Chain) > 0 && !c.SelfSigned() && len(c.Above(n.Chain)) == 0:
		return latchkey.InvalidParam("cabundle", "The CA bundle does not belong to the certificate: none of its certificates is that of the authority “%s”.", c.Issuer.CommonName)
	}
	return c.CheckTime(now)
}

// quoted is a list of names as people read it.
func quoted(names []string) string {
	const most = 10
	text := ""
	for i, n := range names {
		switch {
		case i == most:
			return text + " and others"
		case i > 0:
			text += ", "
		}
		text += "“" + n + "”"
	}
	if text == "" {
		return "no domain"
	}
	return text
}

// AlwaysUnder are the names under a domain that come with it.
var AlwaysUnder = []string{"mail", "www"}

// SitesOf are the sites of domains, without certificates: every domain but the
// aliases, which are other names of the main one.
func SitesOf(owned []latchkey.OwnedDomain) []Site {
	var sites []Site
	for _, d := range owned {
		if d.Kind != latchkey.ParkedDomain {
			sites = append(sites, Site{Name: d.Name, Names: namesOf(d, owned), Root: d.DocumentRoot})
		}
	}
	return sites
}

func namesOf(d latchkey.OwnedDomain, owned []latchkey.OwnedDomain) []latchkey.Domain {
	if d.Kind == latchkey.SubDomain {
		return []latchkey.Domain{d.Name, "www." + d.Name}
	}
	names := withUnder(nil, d.Name)
	for _, parked := range owned {
		if d.Kind == latchkey.MainDomain && parked.Kind == latchkey.ParkedDomain {
			names = withUnder(names, parked.Name)
		}
	}
	// A name that is a site of its own is none of this one.
	return slices.DeleteFunc(names, func(n latchkey.Domain) bool {
		return slices.ContainsFunc(owned, func(o latchkey.OwnedDomain) bool {
			return o.Name == n && n != d.Name && o.Kind != latchkey.ParkedDomain
		})
	})
}

func withUnder(names []latchkey.Domain, d latchkey.Domain) []latchkey.Domain {
	names = append(names, d)
	for _, label := range AlwaysUnder {
		names = append(names, latchkey.Domain(label)+"."+d)
	}
	return names
}

// FindSite is the site with a name.
func FindSite(sites []Site, name latchkey.Domain) (*Site, error) {
	for i := range sites {
		if sites[i].Has(name) {
			return &sites[i], nil
		}
	}
	return nil, &latchkey.Error{Kind: latchkey.NotFound, Param: "domain", Msg: "You do not have a web site with the domain “" + string(name) + "”."}
}

// HostParam is a parameter that names the host of a certificate.
type HostParam struct{ latchkey.Domain }

// ParseParam reads the name of a host.
func (h *HostParam) ParseParam(text string) (err error) {
	h.Domain, err = ParseDomain(text)
	return err
}

// Resource names the host.
func (h HostParam) Resource() latchkey.Resource { return hostNamed(string(h.Domain)) }

func hostNamed(name string) latchkey.Resource { return latchkey.Resource{Kind: "host", Name: name} }

// CheckKeptName says why something that is kept cannot be called name.
func CheckKeptName(param, name string) error {
	if name == "" || len(name) > 255 || !printable(name) {
		return latchkey.InvalidParam(param, "A friendly name has from 1 to 255 characters, and no control characters.")
	}
	return nil
}

func printable(text string) bool {
	for _, r := range text {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return false
		}
	}
	return true
}

// The most of one kind that an account may keep.
const maxKept = 1000

// KeptName is the name for one thing more beside those with names: name, or one
// like base if it is empty. Fails: Exists, Invalid, Limit.
func KeptName(names []string, name, base string) (string, error) {
	if len(names) >= maxKept {
		return "", latchkey.Errorf(latchkey.Limit, "An account keeps at most %d of these: delete those that are not needed any more.", maxKept)
	}
	if name != "" {
		if slices.Contains(names, name) {
			return "", KeptNameTaken("friendly_name")
		}
		return name, CheckKeptName("friendly_name", name)
	}
	name = base
	for n := 2; slices.Contains(names, name); n++ {
		name = fmt.Sprintf("%s (%d)", base, n)
	}
	return name, nil
}

// KeptNameTaken is the answer to who gives a name that something else has.
func KeptNameTaken(param string) error {
	return &latchkey.Error{Kind: latchkey.Exists, Param: param, Msg: "That friendly name is taken: choose another."}
}

// KeyName is the name of a key that nobody has given one.
func KeyName(k pki.Public, at time.Time) string {
	return k.String() + " (" + at.UTC().Format("2006-01-02 15:04:05 MST") + ")"
}

// NameFor is the name of something for hosts that nobody has given one.
func NameFor(names []string) string {
	if len(names) == 0 {
		return "unnamed"
	}
	return names[0]
}

// NoKeyFor is the answer to who installs a certificate without its key, if none
// is kept.
func NoKeyFor(err error) error {
	if latchkey.KindOf(err) != latchkey.NotFound {
		return err
	}
	return latchkey.InvalidParam("key", "Give the private key of the certificate with it: none of those that are kept belongs to it.")
}

// NoCertificate is the answer to who names a site that has no certificate.
func NoCertificate(site latchkey.Domain) error {
	return latchkey.InvalidParam("domain", "There is no certificate installed for the web site “%s”.", site)
}

// NotKept is the answer to who names something that is not kept or not theirs. It
// does not say what they named: that may have been the private key itself.
func NotKept(kind Keeping) error {
	what := [...]string{"private key", "certificate signing request", "certificate"}[kind]
	return &latchkey.Error{Kind: latchkey.NotFound, Param: "id", Msg: "There is no such " + what + ": give the ID or the friendly name of one that is listed."}
}
