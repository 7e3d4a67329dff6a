package estate_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/driver/acme"
	"github.com/latchkey/latchkey/internal/estate"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
	"github.com/latchkey/latchkey/internal/pki/pkitest"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/zone"
	"github.com/latchkey/latchkey/test/testserver"
)

// authority gives what it is asked for, unless it is told otherwise.
type authority struct {
	*testing.T
	s    *testserver.Server
	demo hosting.Account

	mu      sync.Mutex
	orders  [][]string        // the names of each
	refused map[string]string // names and why
	fails   error
	renew   time.Time             // when it wants certificates renewed; zero: it does not say
	prove   func(acme.Order) bool // whether a name is proved; nil: it need not be
}

func (a *authority) Obtain(_ context.Context, o acme.Order) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.orders = append(a.orders, slices.Clone(o.Names))
	if a.fails != nil {
		return nil, a.fails
	}
	if a.prove != nil && !a.prove(o) {
		return nil, errors.New("not proved")
	}
	for _, n := range o.Names {
		if why := a.refused[n]; why != "" {
			return nil, &acme.Refused{Name: n, Text: why}
		}
	}
	ca := pkitest.New(a, a.s.Now())
	return []byte(ca.Issue(keyOf(a.T, o.Key), o.Names...).PEM() + ca.Chain().PEM()), nil
}

func keyOf(t *testing.T, s crypto.Signer) pki.Key {
	der, err := x509.MarshalPKCS8PrivateKey(s)
	if err != nil {
		t.Fatal(err)
	}
	k, err := pki.ParseKey(latchkey.NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (a *authority) Renewal(context.Context, *x509.Certificate) (at, again time.Time, ok bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.renew, a.s.Now().Add(time.Minute), !a.renew.IsZero(), nil
}

// set changes what the authority does.
func (a *authority) set(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
}

// check has demo's sites looked at, and returns the names of the orders that came
// of it.
func (a *authority) check() (orders [][]string) {
	a.Helper()
	a.set(func() { a.orders = nil })
	auto := a.demo.AutoSSL()
	if err := auto.Check(a.Context()); err != nil {
		a.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		on, err := auto.Checking(a.Context())
		if err != nil || time.Now().After(end) {
			a.Fatalf("the check does not end (%v)", err)
		}
		if !on {
			break
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.orders
}

func newAuthority(t *testing.T, set func(*estate.AutoSSL)) *authority {
	t.Helper()
	s := testserver.New(t)
	a := &authority{T: t, s: s, demo: accountOf(t, s, "demo"), refused: map[string]string{}}
	s.Estate.AutoSSL = &estate.AutoSSL{Authority: a, Prove: func(latchkey.Domain, string, string) func() { return func() {} }}
	if set != nil {
		set(s.Estate.AutoSSL)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { s.Estate.RunAutoSSL(ctx) })
	t.Cleanup(func() { stop(); wg.Wait() })
	return a
}

func (a *authority) site() hosting.Site {
	a.Helper()
	sites, err := a.demo.Certificates().Sites(a.Context())
	if err != nil {
		a.Fatal(err)
	}
	return sites[0]
}

func (a *authority) problems() (list []string) {
	a.Helper()
	found, err := a.demo.AutoSSL().Problems(a.Context())
	if err != nil {
		a.Fatal(err)
	}
	for _, p := range found {
		list = append(list, string(p.Domain)+": "+p.Text)
	}
	return list
}

var allNames = []string{"example.com", "mail.example.com", "www.example.com"}

func equalOrders(got [][]string, want ...[]string) bool {
	return slices.EqualFunc(got, want, func(a, b []string) bool {
		return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
	})
}

func TestAutoSSLRenews(t *testing.T) {
	a := newAuthority(t, nil)
	if got := a.check(); !equalOrders(got, allNames) {
		t.Fatalf("orders: %v; problems: %v", got, a.problems())
	}
	first := a.site()
	if first.Certificate == nil || first.Provider == "" || a.s.Web.Site("www.example.com").Certificate == nil {
		t.Fatalf("the site is %+v", first)
	}
	a.s.Wait(50 * 24 * time.Hour)
	if got := a.check(); got != nil {
		t.Errorf("50 of 90 days: %v", got)
	}
	a.s.Wait(11 * 24 * time.Hour)
	if got := a.check(); !equalOrders(got, allNames) {
		t.Errorf("61 of 90 days: %v", got)
	}
	second := a.site()
	if second.Certificate.Equal(first.Certificate.Certificate) || second.KeyID == first.KeyID {
		t.Error("the certificate or its key is the one before")
	}
	certs := a.demo.Certificates()
	keys, err := certs.Keys(t.Context())
	kept, err2 := certs.Certificates(t.Context())
	if err != nil || err2 != nil || len(keys) != 1 || len(kept) != 1 {
		t.Errorf("%d keys and %d certificates are kept (%v, %v), want the last", len(keys), len(kept), err, err2)
	}
	a.set(func() { a.renew = a.s.Now().Add(-time.Minute) })
	a.s.Wait(7 * time.Hour) // it was asked before
	if got := a.check(); !equalOrders(got, allNames) {
		t.Errorf("when the authority wants it: %v", got)
	}
}

func TestAutoSSLRefused(t *testing.T) {
	a := newAuthority(t, nil)
	a.refused["www.example.com"] = "no such name"
	if got := a.check(); !equalOrders(got, allNames, []string{"example.com", "mail.example.com"}) {
		t.Errorf("orders: %v", got)
	}
	if got, want := a.problems(), []string{"www.example.com: no such name"}; !slices.Equal(got, want) {
		t.Errorf("problems: %q, want %q", got, want)
	}
	if got := a.site().Certificate.DNSNames; slices.Contains(got, "www.example.com") || len(got) != 2 {
		t.Errorf("the certificate is for %q", got)
	}
	if got := a.check(); got != nil {
		t.Errorf("at once: %v", got)
	}
	first := a.site()
	a.s.Wait(16 * time.Minute)
	if got := a.check(); !equalOrders(got, allNames) || !a.site().Certificate.Equal(first.Certificate.Certificate) {
		t.Errorf("while it is still refused: %v", got)
	}
	a.set(func() { delete(a.refused, "www.example.com") })
	a.s.Wait(16 * time.Minute)
	if got := a.check(); !equalOrders(got, allNames) {
		t.Errorf("when it is asked again: %v", got)
	}
	if got := a.problems(); len(got) > 0 {
		t.Errorf("problems that are over: %q", got)
	}
}

func TestAutoSSLBacksOff(t *testing.T) {
	a := newAuthority(t, nil)
	a.fails = errors.New("secret text of the inside")
	if got := a.check(); len(got) != 1 {
		t.Errorf("orders: %v", got)
	}
	if got := a.problems(); len(got) != 1 || !strings.HasPrefix(got[0], "example.com: ") || strings.Contains(got[0], "secret") {
		t.Errorf("problems: %q", got)
	}
	a.s.Wait(14 * time.Minute)
	if got := a.check(); got != nil {
		t.Errorf("after 14 minutes: %v", got)
	}
	a.set(func() { a.fails = nil })
	a.s.Wait(2 * time.Minute)
	if got := a.check(); len(got) != 1 || a.site().Certificate == nil {
		t.Errorf("after 16 minutes: %v", got)
	}
}

func TestAutoSSLLeavesAlone(t *testing.T) {
	a := newAuthority(t, nil)
	demo := a.demo
	exclude := func(list ...latchkey.Domain) {
		t.Helper()
		if err := demo.AutoSSL().Exclude(t.Context(), func([]latchkey.Domain) []latchkey.Domain { return list }); err != nil {
			t.Fatal(err)
		}
	}
	exclude("example.com")
	if got := a.check(); got != nil {
		t.Errorf("an excluded site: %v", got)
	}
	exclude("mail.example.com")
	suspend := func(on bool) {
		t.Helper()
		if err := hostOf(t, a.s).Suspend(t.Context(), "demo", on, "", false); err != nil {
			t.Fatal(err)
		}
	}
	suspend(true)
	if got := a.check(); got != nil {
		t.Errorf("a suspended account: %v", got)
	}
	suspend(false)
	switchOff := func(on bool) {
		t.Helper()
		if err := hostOf(t, a.s).Override(t.Context(), "demo", map[string]bool{"autossl": on}); err != nil {
			t.Fatal(err)
		}
	}
	switchOff(false)
	if got := a.check(); got != nil {
		t.Errorf("without the feature: %v", got)
	}
	switchOff(true)
	ca := pkitest.New(t, a.s.Now())
	key := ca.Key()
	_, err := demo.Certificates().Install(t.Context(), "example.com", hosting.Installation{Certificate: ca.Issue(key, "example.com"), Key: key, Chain: ca.Chain()})
	if err != nil {
		t.Fatal(err)
	}
	if got := a.check(); got != nil {
		t.Errorf("what its owner has installed: %v", got)
	}
	if err := demo.Certificates().Uninstall(t.Context(), "example.com"); err != nil {
		t.Fatal(err)
	}
	if got := a.check(); !equalOrders(got, []string{"example.com", "www.example.com"}) {
		t.Errorf("what is left: %v", got)
	}
}

// A domain and all below it are proved by two texts at one name; both are there at
// a time, beside what was there before, and afterwards neither is.
func TestAutoSSLWildcard(t *testing.T) {
	a := newAuthority(t, func(x *estate.AutoSSL) { x.Wildcard, x.ByDNS = true, true })
	texts := func() (list []string) {
		z, err := a.demo.Zones().Zone(t.Context(), "example.com")
		if err != nil {
			t.Error(err)
			return nil
		}
		for _, e := range z.All() {
			if e.Kind() == zone.Record && e.Type() == "TXT" && strings.HasPrefix(e.Name(), "_acme-challenge.") {
				list = append(list, e.Data()...)
			}
		}
		return list
	}
	_, err := a.demo.Zones().Edit(t.Context(), "example.com", func(*zone.Zone) (zone.Edit, error) {
		return zone.Edit{Add: []zone.New{{Name: "_acme-challenge", TTL: 60, Type: "TXT", Data: []string{"another's"}}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	a.prove = func(o acme.Order) bool {
		if o.HTTP != nil || o.DNS == nil {
			t.Error("a wildcard is to be proved by HTTP")
			return false
		}
		var done []func(context.Context) error
		for _, text := range []string{"one", "two"} {
			f, err := o.DNS(t.Context(), "example.com", text)
			if err != nil {
				t.Error(err)
				return false
			}
			done = append(done, f)
		}
		if got, want := texts(), []string{"another's", "one", "two"}; !slices.Equal(got, want) {
			t.Errorf("the zone has %q, want %q", got, want)
		}
		return errors.Join(done[0](t.Context()), done[1](t.Context())) == nil
	}
	if got := a.check(); !equalOrders(got, []string{"example.com", "*.example.com"}) {
		t.Fatalf("orders: %v; problems: %v", got, a.problems())
	}
	if got, want := texts(), []string{"another's"}; !slices.Equal(got, want) {
		t.Errorf("the zone has %q, want %q", got, want)
	}
	if got := a.site().Certificate; got == nil || !got.Covers("www.example.com") {
		t.Errorf("the certificate is %v", got)
	}
}

func TestAuthorityKey(t *testing.T) {
	s := testserver.New(t)
	one, err := s.Estate.AuthorityKey(t.Context(), "https://a.example/dir")
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Estate.AuthorityKey(t.Context(), "https://a.example/dir")
	other, err2 := s.Estate.AuthorityKey(t.Context(), "https://b.example/dir")
	if err != nil || err2 != nil || !reflect.DeepEqual(one.Public(), again.Public()) || reflect.DeepEqual(one.Public(), other.Public()) {
		t.Errorf("keys: %v, %v; an authority has one, and no other's", err, err2)
	}
}

// TestAutoSSLPauses: who takes away what AutoSSL got does not have it get another
// at once: the authority counts what it gives to the whole server.
func TestAutoSSLPauses(t *testing.T) {
	a := newAuthority(t, nil)
	if got := a.check(); len(got) != 1 {
		t.Fatalf("the first time: %v", got)
	}
	for range 3 {
		if err := a.demo.Certificates().Uninstall(t.Context(), "example.com"); err != nil {
			t.Fatal(err)
		}
		if got := a.check(); len(got) != 0 {
			t.Fatalf("after it was taken away: %v", got)
		}
		a.s.Wait(time.Hour)
		if got := a.check(); len(got) != 1 {
			t.Fatalf("an hour later: %v", got)
		}
	}
}

// TestNamesChangeHands: what was found out about a name is told to nobody but the
// account whose it is: not to one that had it before, nor of one that is gone to the
// next.
func TestNamesChangeHands(t *testing.T) {
	a := newAuthority(t, nil)
	a.set(func() { a.refused["www.example.com"] = "alice only" })
	a.check()
	if got := a.problems(); len(got) != 1 {
		t.Fatalf("the problems are %q", got)
	}
	a.s.WHM("createacct", "username", "bob", "domain", "www.example.com", "password", testserver.Password)
	bob := accountOf(t, a.s, "bob")
	theirs := func() (list []string) {
		found, err := bob.AutoSSL().Problems(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range found {
			list = append(list, string(p.Domain)+": "+p.Text)
		}
		return list
	}
	if got := append(a.problems(), theirs()...); len(got) > 0 {
		t.Errorf("after a name has become another’s the problems are %q", got)
	}
	// What is found out about an account that goes meanwhile is forgotten, and takes
	// nothing from who has the name next.
	went := make(chan struct{})
	var once sync.Once
	a.set(func() {
		a.refused = map[string]string{"example.com": "too late"}
		a.prove = func(acme.Order) bool {
			once.Do(func() {
				a.s.WHM("removeacct", "user", "demo")
				a.s.WHM("createacct", "username", "carol", "domain", "example.com", "password", testserver.Password)
				close(went)
			})
			return true
		}
	})
	was := a.demo
	var id latchkey.AccountID
	read := func(fn func(store.Reader) error) {
		t.Helper()
		if err := a.s.Store.Read(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	read(func(r store.Reader) (err error) { id, err = r.DomainOwner("example.com"); return err })
	a.s.UAPI("demo", "SSL", "delete_ssl", "domain", "example.com")
	a.s.Wait(2 * time.Hour)
	a.check()
	<-went
	read(func(r store.Reader) error {
		rows, err := r.AutoSSL(id)
		if len(rows) > 0 {
			t.Errorf("of who is gone is kept %+v", rows)
		}
		return err
	})
	carol := accountOf(t, a.s, "carol")
	for who, acct := range map[string]hosting.Account{"who is gone": was, "who has the name now": carol} {
		if found, err := acct.AutoSSL().Problems(t.Context()); err != nil || len(found) > 0 {
			t.Errorf("of %s the problems are %v, %v", who, found, err)
		}
	}
	a.set(func() { a.prove, a.refused = nil, map[string]string{"example.com": "carol only"} })
	a.demo = carol
	a.check()
	if got := a.problems(); !slices.Equal(got, []string{"example.com: carol only"}) {
		t.Errorf("the problems of who has the name now are %q", got)
	}
}

// TestWildcardIsNotAnothers: a certificate for all below a domain, which its owner has the
// key of, is never shown for another account's name that lies there, nor told of.
func TestWildcardIsNotAnothers(t *testing.T) {
	a := newAuthority(t, func(c *estate.AutoSSL) { c.Wildcard, c.ByDNS = true, true })
	a.s.WHM("createacct", "username", "bob", "domain", "shop.example.com", "password", testserver.Password)
	bob := accountOf(t, a.s, "bob")
	if got := a.check(); len(got) == 0 || !slices.Contains(got[0], "*.example.com") {
		t.Fatalf("the orders are %q, and the test shows nothing", got)
	}
	sites, err := bob.Certificates().Sites(t.Context())
	if err != nil || len(sites) != 1 || sites[0].Certificate != nil {
		t.Errorf("a neighbour's site is %+v, %v", sites, err)
	}
	if site, err := a.s.Estate.Site(t.Context(), "shop.example.com"); err != nil || site.Certificate != nil {
		t.Errorf("the neighbour's name is served by %+v, %v", site, err)
	}
	for _, function := range []string{"fetch_best_for_domain", "fetch_cert_info"} {
		if res := a.s.Call(call.UAPI, "bob", "SSL", function, "domain", "shop.example.com"); res.Err == nil && strings.Contains(fmt.Sprintf("%+v", res.Data), "BEGIN") {
			t.Errorf("SSL::%s tells the neighbour %+v", function, res.Data)
		}
	}
	a.demo = bob
	for _, names := range a.check() {
		for _, n := range names {
			if n != "shop.example.com" && !strings.HasSuffix(n, ".shop.example.com") {
				t.Errorf("for the neighbour is asked for %q", names)
			}
		}
	}
	if sites, err := bob.Certificates().Sites(t.Context()); err != nil || sites[0].Certificate == nil || slices.Contains(sites[0].Certificate.DNSNames, "*.example.com") {
		t.Errorf("the neighbour's site is %+v, %v", sites, err)
	}
}
