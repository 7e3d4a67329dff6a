package hostingtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
	"github.com/latchkey/latchkey/internal/pki/pkitest"
)

func keyIDs(t *testing.T, c hosting.Certificates) []string {
	t.Helper()
	list, err := c.Keys(t.Context())
	worked(t, "Keys", err)
	return each(list, func(k hosting.KeptKey) string { return k.ID })
}

func certificateIDs(t *testing.T, c hosting.Certificates) []string {
	t.Helper()
	list, err := c.Certificates(t.Context())
	worked(t, "Certificates", err)
	return each(list, func(k hosting.KeptCertificate) string { return k.Kept.ID })
}

func testCertificatesKept(t *testing.T, a *Tenant) {
	ctx, c, ca := t.Context(), a.Open().Certificates(), pkitest.New(t, a.Now())
	same(t, "Keys of a new account", keyIDs(t, c), nil, []string{})
	key := ca.Key()
	k, err := c.AddKey(ctx, "First", key)
	worked(t, "AddKey", err)
	if k.ID != key.ID() || k.Name != "First" || !k.Created.Equal(a.Now()) || !k.Public.Same(key.Public) {
		t.Errorf("AddKey = %+v", k)
	}
	again, err := c.AddKey(ctx, "Another name", key)
	same(t, "the name of a key that is kept already", again.Name, err, "First")
	_, err = c.AddKey(ctx, "First", ca.Key())
	failed(t, "AddKey with a name that is taken", err, latchkey.Exists)
	for _, bad := range []string{"a\nb", strings.Repeat("x", 256), "\x00", "a\xff"} {
		_, err = c.AddKey(ctx, bad, ca.Key())
		failed(t, fmt.Sprintf("AddKey(%.10q)", bad), err, latchkey.Invalid)
		failed(t, fmt.Sprintf("Rename to %.10q", bad), c.Rename(ctx, hosting.Keys, k.ID, bad), latchkey.Invalid)
	}
	second, err := c.AddKey(ctx, "", ca.Key())
	worked(t, "AddKey without a name", err)
	third, err := c.AddKey(ctx, "", ca.Key())
	if err != nil || second.Name == "" || third.Name == second.Name || third.Name == k.Name {
		t.Errorf("keys without names are called %q and %q, %v", second.Name, third.Name, err)
	}
	secret, err := a.Open().Certificates().PrivateKey(ctx, k.ID)
	worked(t, "PrivateKey", err)
	is, err := pki.ParseKey(secret)
	same(t, "the private key", is.ID(), err, key.ID())

	cert := ca.Issue(key, "example.com", "www.example.com", "elsewhere.example")
	s, err := c.AddCertificate(ctx, "", cert, pki.Chain{ca.Root, ca.Issue(ca.Key(), "x.example").Certificate, ca.Middle})
	worked(t, "AddCertificate", err)
	if s.Kept.ID != cert.ID() || s.Kept.Name != "example.com" || len(s.Chain) != 2 || !s.Chain[0].Equal(ca.Middle) {
		t.Errorf("AddCertificate = %+v, chain of %d", s.Kept, len(s.Chain))
	}
	a.Wait(time.Second)
	other, err := a.Open().Certificates().AddCertificate(ctx, "", ca.Issue(key, "example.com"), nil)
	same(t, "the name of a second certificate", other.Kept.Name, err, "example.com (2)")
	list, err := a.Open().Certificates().Certificates(ctx)
	same(t, "certificates", each(list, func(k hosting.KeptCertificate) string { return fmt.Sprint(k.Kept.Name, k.Names(), len(k.Chain)) }), err,
		[]string{"example.com[example.com www.example.com elsewhere.example] 2", "example.com (2)[example.com] 0"})

	failed(t, "Rename to a name that is taken", c.Rename(ctx, hosting.Signed, s.Kept.ID, "example.com (2)"), latchkey.Exists)
	worked(t, "Rename to the name of a key", c.Rename(ctx, hosting.Signed, s.Kept.ID, "First"))
	worked(t, "Rename to its own name", c.Rename(ctx, hosting.Signed, s.Kept.ID, "First"))
	for _, kind := range []hosting.Keeping{hosting.Keys, hosting.Requests, hosting.Signed} {
		failed(t, "Rename of none", c.Rename(ctx, kind, "none", "x"), latchkey.NotFound)
		failed(t, "Remove of none", c.Remove(ctx, kind, "none"), latchkey.NotFound)
	}
	worked(t, "Remove a key", c.Remove(ctx, hosting.Keys, k.ID))
	_, err = c.PrivateKey(ctx, k.ID)
	failed(t, "PrivateKey of one that is removed", err, latchkey.NotFound)
	same(t, "keys that are left", len(keyIDs(t, c)), nil, 2)
	worked(t, "Remove a certificate", c.Remove(ctx, hosting.Signed, s.Kept.ID))
	same(t, "certificates that are left", certificateIDs(t, a.Open().Certificates()), nil, []string{other.Kept.ID})
	_, err = c.AddKey(ctx, "First", key)
	worked(t, "AddKey of one that was removed", err)

	kind, err := c.KeyType(ctx)
	same(t, "KeyType", kind, err, "")
	worked(t, "SetKeyType", c.SetKeyType(ctx, pki.P384))
	kind, err = a.Open().Certificates().KeyType(ctx)
	same(t, "KeyType", kind, err, pki.P384)
}

func testCertificatesMade(t *testing.T, a *Tenant) {
	ctx, c := t.Context(), a.Open().Certificates()
	k, err := c.AddKey(ctx, "", pkitest.New(t, a.Now()).Key())
	worked(t, "AddKey", err)
	subject := pki.Subject{Names: []string{"Example.com", "*.example.com"}, Country: "US", State: "Texas", Locality: "Houston", Organization: "O", Unit: "U", Mail: "a@example.com"}
	r, err := c.Request(ctx, k.ID, "mine", subject)
	worked(t, "Request", err)
	if r.Kept.ID != r.Request.ID() || r.Kept.Name != "mine" || !r.Request.Public.Same(k.Public) || !slices.Equal(r.Names(), []string{"example.com", "*.example.com"}) {
		t.Errorf("Request = %+v for %s", r.Kept, r.Names())
	}
	listed, err := a.Open().Certificates().Requests(ctx)
	same(t, "Requests", each(listed, func(k hosting.KeptRequest) string { return k.Kept.Name + " " + k.Subject.String() }), err, []string{"mine " + r.Subject.String()})
	s, err := c.SelfSign(ctx, k.ID, "", subject)
	worked(t, "SelfSign", err)
	if !s.SelfSigned() || !s.Certificate.Public.Same(k.Public) || !s.Covers("www.example.com") || s.NotAfter.Before(a.Now().AddDate(0, 11, 0)) {
		t.Errorf("SelfSign = %+v", s.Kept)
	}
	for what, bad := range map[string]pki.Subject{
		"no names":          {},
		"a bad name":        {Names: []string{"exa mple.com"}},
		"a path":            {Names: []string{"../example.com"}},
		"a bad country":     {Names: []string{"example.com"}, Country: "usa"},
		"a control":         {Names: []string{"example.com"}, Organization: "a\nb"},
		"a long name":       {Names: []string{"example.com"}, Organization: strings.Repeat("x", 500)},
		"more than is sane": {Names: slices.Repeat([]string{"example.com"}, 101)},
	} {
		_, err = c.Request(ctx, k.ID, "", bad)
		failed(t, "Request for "+what, err, latchkey.Invalid)
		_, err = c.SelfSign(ctx, k.ID, "", bad)
		failed(t, "SelfSign for "+what, err, latchkey.Invalid)
	}
	_, err = c.Request(ctx, "none", "", subject)
	failed(t, "Request with a key there is not", err, latchkey.NotFound)
	_, err = c.SelfSign(ctx, "none", "", subject)
	failed(t, "SelfSign with a key there is not", err, latchkey.NotFound)
}

// site is the site called name.
func (a *Tenant) site(t *testing.T, name latchkey.Domain) *hosting.Site {
	t.Helper()
	sites, err := a.Open().Certificates().Sites(t.Context())
	worked(t, "Sites", err)
	s, err := hosting.FindSite(sites, name)
	worked(t, "FindSite", err)
	return s
}

func testCertificatesInstalled(t *testing.T, a *Tenant) {
	ctx, ca := t.Context(), pkitest.New(t, a.Now())
	a.Own(latchkey.AddonDomain, "addon.example")
	a.Own(latchkey.ParkedDomain, "alias.example")
	a.Own(latchkey.SubDomain, "www.addon.example")
	sites, err := a.Open().Certificates().Sites(ctx)
	same(t, "Sites", each(sites, func(s hosting.Site) string { return fmt.Sprint(s.Names, s.Certificate != nil) }), err, []string{
		"[example.com mail.example.com www.example.com alias.example mail.alias.example www.alias.example] false",
		"[addon.example mail.addon.example] false", "[www.addon.example www.www.addon.example] false",
	})
	key := ca.Key()
	cert := ca.Issue(key, "www.example.com", "example.com")
	c := a.Open().Certificates()
	s, err := c.Install(ctx, "www.example.com", hosting.Installation{Certificate: cert, Key: key, Chain: pki.Chain{ca.Root, ca.Middle}, Provider: "acme"})
	worked(t, "Install", err)
	check := func(s *hosting.Site) {
		t.Helper()
		if s.Name != "example.com" || s.Certificate == nil || s.Certificate.ID() != cert.ID() || s.KeyID != key.ID() || s.Provider != "acme" || !s.Installed.Equal(a.Now()) ||
			len(s.Chain) != 2 || !s.Chain[0].Equal(ca.Middle) || s.Redirects {
			t.Errorf("the site is %+v", s)
		}
	}
	check(&s)
	check(a.site(t, "alias.example"))
	same(t, "keys", keyIDs(t, c), nil, []string{key.ID()})
	same(t, "certificates", certificateIDs(t, c), nil, []string{cert.ID()})
	if other := a.site(t, "addon.example"); other.Certificate != nil {
		t.Errorf("another site has a certificate, too")
	}

	worked(t, "Redirect", c.Redirect(ctx, []latchkey.Domain{"mail.example.com", "example.com"}, true))
	same(t, "Redirects", a.site(t, "example.com").Redirects, nil, true)
	failed(t, "Redirect to a site without a certificate", c.Redirect(ctx, []latchkey.Domain{"example.com", "addon.example"}, true), latchkey.Invalid)
	worked(t, "Redirect of a site without a certificate no longer", c.Redirect(ctx, []latchkey.Domain{"addon.example"}, false))

	a.Wait(time.Hour)
	worked(t, "Remove the key that is installed", c.Remove(ctx, hosting.Keys, key.ID()))
	worked(t, "Remove the certificate that is installed", c.Remove(ctx, hosting.Signed, cert.ID()))
	same(t, "what is installed after that", a.site(t, "example.com").Certificate.ID(), nil, cert.ID())

	// A second one in its place: with a key that is kept, and a chain that came with another.
	next := ca.Key()
	_, err = c.AddKey(ctx, "", next)
	worked(t, "AddKey", err)
	_, err = c.AddCertificate(ctx, "", ca.Issue(ca.Key(), "addon.example"), ca.Chain())
	worked(t, "AddCertificate", err)
	c = a.Open().Certificates()
	s, err = c.Install(ctx, "example.com", hosting.Installation{Certificate: ca.Issue(next, "example.com")})
	worked(t, "Install with a key that is kept", err)
	if len(s.Chain) != 2 || s.KeyID != next.ID() || s.Provider != "" || !s.Redirects {
		t.Errorf("the site is %+v", s)
	}
	worked(t, "Redirect no longer", c.Redirect(ctx, []latchkey.Domain{"example.com"}, false))
	same(t, "Redirects", a.site(t, "example.com").Redirects, nil, false)

	worked(t, "Uninstall", c.Uninstall(ctx, "mail.example.com"))
	if s := a.site(t, "example.com"); s.Certificate != nil || s.KeyID != "" {
		t.Errorf("after Uninstall: %+v", s)
	}
	failed(t, "Uninstall once more", c.Uninstall(ctx, "example.com"), latchkey.Invalid)
	same(t, "certificates", len(certificateIDs(t, c)), nil, 2)
}

func testCertificatesRefused(t *testing.T, a *Tenant) {
	ctx, ca, other := t.Context(), pkitest.New(t, a.Now()), pkitest.New(t, a.Now())
	key := ca.Key()
	good := ca.Issue(key, "example.com")
	c := a.Open().Certificates()
	for what, n := range map[string]hosting.Installation{
		"for another domain":         {Certificate: ca.Issue(key, "example.net"), Key: key},
		"for a domain below":         {Certificate: ca.Issue(key, "www.example.com"), Key: key},
		"for all domains below":      {Certificate: ca.Issue(key, "*.example.com"), Key: key},
		"with another key":           {Certificate: good, Key: ca.Key()},
		"with no key":                {Certificate: good},
		"that has expired":           {Certificate: ca.Expired(key, "example.com"), Key: key},
		"with another's chain":       {Certificate: good, Key: key, Chain: other.Chain()},
		"with a chain of no use":     {Certificate: good, Key: key, Chain: pki.Chain{good.Certificate}},
		"that is not yet valid":      {Certificate: pkitest.New(t, a.Now().AddDate(0, 1, 0)).Issue(key, "example.com"), Key: key},
		"with a chain without links": {Certificate: good, Key: key, Chain: pki.Chain{ca.Root}},
	} {
		_, err := c.Install(ctx, "example.com", n)
		failed(t, "Install a certificate "+what, err, latchkey.Invalid)
	}
	for _, name := range []latchkey.Domain{"example.net", "no.example.com", "com"} {
		cert := ca.Issue(key, string(name))
		_, err := c.Install(ctx, name, hosting.Installation{Certificate: cert, Key: key})
		failed(t, "Install for "+string(name), err, latchkey.NotFound)
		failed(t, "Uninstall "+string(name), c.Uninstall(ctx, name), latchkey.NotFound)
		failed(t, "Redirect "+string(name), c.Redirect(ctx, []latchkey.Domain{name}, true), latchkey.NotFound)
	}
	failed(t, "Uninstall where there is none", c.Uninstall(ctx, "example.com"), latchkey.Invalid)
	same(t, "keys", keyIDs(t, c), nil, []string{})
	same(t, "certificates", certificateIDs(t, c), nil, []string{})
	if a.site(t, "example.com").Certificate != nil {
		t.Error("a certificate that was refused is installed")
	}
}

// testCertificatesAtOnce: of certificates that are installed at once one stays,
// with its own key, and all are kept.
func testCertificatesAtOnce(t *testing.T, a *Tenant) {
	ca := pkitest.New(t, a.Now())
	const n = 8
	keys := make([]pki.Key, n)
	for i := range keys {
		keys[i] = ca.Key()
	}
	done, kinds := atOnce(t, n, func(i int) error {
		_, err := a.Open().Certificates().Install(t.Context(), "example.com", hosting.Installation{Certificate: ca.Issue(keys[i], "example.com"), Key: keys[i]})
		return err
	})
	if done != n {
		t.Errorf("%d of %d were installed: %v", done, n, kinds)
	}
	s := a.site(t, "example.com")
	if s.Certificate == nil || s.KeyID != s.Certificate.Public.ID() {
		t.Errorf("the site is %+v", s)
	}
	same(t, "keys", len(keyIDs(t, a.Open().Certificates())), nil, n)
	same(t, "certificates", len(certificateIDs(t, a.Open().Certificates())), nil, n)
}

// testCertificatesNarrow: who may act on one host sees and touches what is that
// host's alone.
func testCertificatesNarrow(t *testing.T, a *Tenant) {
	ctx, ca := t.Context(), pkitest.New(t, a.Now())
	a.Own(latchkey.AddonDomain, "addon.example")
	all := a.Open().Certificates()
	mine, others, both, loose := ca.Key(), ca.Key(), ca.Key(), ca.Key()
	own := ca.Issue(mine, "example.com", "www.example.com")
	foreign, shared := ca.Issue(others, "addon.example"), ca.Issue(both, "example.com", "addon.example")
	for _, k := range []pki.Key{mine, others, both, loose} {
		_, err := all.AddKey(ctx, "", k)
		worked(t, "AddKey", err)
	}
	for _, s := range []*pki.Certificate{own, foreign, shared, ca.Issue(both, "example.com")} {
		_, err := all.AddCertificate(ctx, "", s, nil)
		worked(t, "AddCertificate", err)
	}
	_, err := all.Request(ctx, others.ID(), "", pki.Subject{Names: []string{"addon.example"}})
	worked(t, "Request", err)

	narrow := hosting.Narrow(a.Open(), func(things ...latchkey.Resource) error {
		for _, r := range things {
			if r != (latchkey.Resource{Kind: "host", Name: "example.com"}) {
				return latchkey.Errorf(latchkey.Denied, "no")
			}
		}
		if len(things) == 0 {
			return latchkey.Errorf(latchkey.Denied, "no")
		}
		return nil
	}).Certificates()
	same(t, "keys", keyIDs(t, narrow), nil, []string{mine.ID()})
	same(t, "certificates", len(certificateIDs(t, narrow)), nil, 2)
	requests, err := narrow.Requests(ctx)
	same(t, "requests", len(requests), err, 0)
	sites, err := narrow.Sites(ctx)
	same(t, "sites", each(sites, func(s hosting.Site) latchkey.Domain { return s.Name }), err, []latchkey.Domain{"example.com"})

	subject := pki.Subject{Names: []string{"addon.example"}}
	for what, call := range map[string]func() error{
		"PrivateKey":           func() error { _, err := narrow.PrivateKey(ctx, mine.ID()); return err },
		"PrivateKey of others": func() error { _, err := narrow.PrivateKey(ctx, others.ID()); return err },
		"AddKey":               func() error { _, err := narrow.AddKey(ctx, "", ca.Key()); return err },
		"AddCertificate":       func() error { _, err := narrow.AddCertificate(ctx, "", shared, nil); return err },
		"Request":              func() error { _, err := narrow.Request(ctx, mine.ID(), "", subject); return err },
		"SelfSign":             func() error { _, err := narrow.SelfSign(ctx, mine.ID(), "", subject); return err },
		"Install": func() error {
			_, err := narrow.Install(ctx, "addon.example", hosting.Installation{Certificate: foreign, Key: others})
			return err
		},
		"Uninstall":         func() error { return narrow.Uninstall(ctx, "addon.example") },
		"Uninstall of none": func() error { return narrow.Uninstall(ctx, "none.example") },
		"Redirect":          func() error { return narrow.Redirect(ctx, []latchkey.Domain{"example.com", "addon.example"}, true) },
		"SetKeyType":        func() error { return narrow.SetKeyType(ctx, pki.P256) },
	} {
		failed(t, what+" by who may not", call(), latchkey.Denied)
	}
	subject = pki.Subject{Names: []string{"example.com"}}
	for what, call := range map[string]func() error{
		"Remove another's":   func() error { return narrow.Remove(ctx, hosting.Signed, foreign.ID()) },
		"Remove a shared":    func() error { return narrow.Remove(ctx, hosting.Signed, shared.ID()) },
		"Remove a key":       func() error { return narrow.Remove(ctx, hosting.Keys, loose.ID()) },
		"Rename another's":   func() error { return narrow.Rename(ctx, hosting.Signed, foreign.ID(), "x") },
		"Request":            func() error { _, err := narrow.Request(ctx, others.ID(), "", subject); return err },
		"SelfSign":           func() error { _, err := narrow.SelfSign(ctx, loose.ID(), "", subject); return err },
		"Remove of none":     func() error { return narrow.Remove(ctx, hosting.Requests, "none") },
		"SelfSign with none": func() error { _, err := narrow.SelfSign(ctx, "none", "", subject); return err },
	} {
		failed(t, what+" that may not be seen", call(), latchkey.NotFound)
	}
	_, err = narrow.Install(ctx, "example.com", hosting.Installation{Certificate: shared})
	failed(t, "Install with a key that may not be seen", err, latchkey.Invalid)

	_, err = narrow.Install(ctx, "www.example.com", hosting.Installation{Certificate: own})
	worked(t, "Install", err)
	_, err = narrow.Install(ctx, "example.com", hosting.Installation{Certificate: ca.Issue(others, "example.com", "elsewhere.example"), Key: others})
	worked(t, "Install one that is for others, too", err)
	worked(t, "Redirect", narrow.Redirect(ctx, []latchkey.Domain{"example.com"}, true))
	worked(t, "Uninstall", narrow.Uninstall(ctx, "example.com"))
	_, err = narrow.SelfSign(ctx, mine.ID(), "", subject)
	worked(t, "SelfSign", err)
	worked(t, "Rename", narrow.Rename(ctx, hosting.Signed, own.ID(), "renamed"))
	worked(t, "Remove", narrow.Remove(ctx, hosting.Signed, own.ID()))
	same(t, "keys that are left", len(keyIDs(t, all)), nil, 4)
}
