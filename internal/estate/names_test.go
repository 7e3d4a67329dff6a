package estate_test

import (
	"slices"
	"testing"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/estate"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki/pkitest"
)

// TestForeignNames: a name that comes with an account's domain, but is another
// account's or the server's own, is not that account's to serve, to install for or
// to have certified.
func TestForeignNames(t *testing.T) {
	a := newAuthority(t, nil)
	a.s.Estate.Server.Hostname = "mail.example.com"
	a.s.WHM("createacct", "username", "below", "domain", "www.example.com", "password", "correct-horse-7-battery")

	if got := a.check(); !equalOrders(got, []string{"example.com"}) {
		t.Errorf("AutoSSL orders %v for demo", got)
	}
	if names := a.site().Names; !slices.Equal(names, []latchkey.Domain{"example.com"}) {
		t.Errorf("demo's site has the names %v", names)
	}
	ca := pkitest.New(t, a.s.Now())
	key := ca.Key()
	for _, name := range []latchkey.Domain{"www.example.com", "mail.example.com"} {
		_, err := a.demo.Certificates().Install(t.Context(), name, hosting.Installation{Certificate: ca.Issue(key, string(name)), Key: key, Chain: ca.Chain()})
		if latchkey.KindOf(err) != latchkey.NotFound {
			t.Errorf("demo installs for %s: %v", name, err)
		}
	}
	if site, err := a.s.Estate.Site(t.Context(), "mail.example.com"); latchkey.KindOf(err) != latchkey.NotFound {
		t.Errorf("the server's own name shows %+v, %v", site, err)
	}
}

// TestDomainsBelow: a reseller makes no account for a name below somebody else's
// domain, and nobody makes one for the server's own.
func TestDomainsBelow(t *testing.T) {
	s := newAuthority(t, nil).s
	s.WHM("createacct", "username", "dealer", "domain", "dealer.example", "password", "correct-horse-7-battery", "reseller", "1")
	s.WHM("addpkg", "name", "dealer_basic")
	host := func(name latchkey.AccountName) hosting.Host {
		c, err := s.Verifier.Local(t.Context(), name, latchkey.ForHost)
		if err != nil {
			t.Fatal(err)
		}
		h, err := s.Estate.Host(t.Context(), audit.Begin(s.Now, latchkey.Origin{}), &c)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	for _, test := range []struct {
		by     latchkey.AccountName
		name   latchkey.AccountName
		domain latchkey.Domain
		want   latchkey.Kind
	}{
		{"dealer", "evila", "www.example.com", latchkey.Exists},
		{"dealer", "evilb", "a.b.example.com", latchkey.Exists},
		{"dealer", "apart", "notexample.com", 0},
		{estate.RootName, "ours", "sub.example.com", 0},
		{estate.RootName, "server", "host.example.org", latchkey.Invalid},
	} {
		_, err := host(test.by).CreateAccount(t.Context(), hosting.NewAccount{Name: test.name, Domain: test.domain, Owner: test.by, Package: map[latchkey.AccountName]string{"dealer": "dealer_basic"}[test.by]})
		if (err == nil) != (test.want == 0) || err != nil && latchkey.KindOf(err) != test.want {
			t.Errorf("%s makes an account for %s: %v, want %v", test.by, test.domain, err, test.want)
		}
	}
}
