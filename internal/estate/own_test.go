package estate_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/driver/acme"
	"github.com/latchkey/latchkey/internal/estate"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki/pkitest"
	"github.com/latchkey/latchkey/internal/zone"
)

// checkAll has everything looked at, and returns the names of the orders that were
// for the server itself.
func (a *authority) checkAll() (own [][]string) {
	a.Helper()
	a.set(func() { a.orders = nil })
	auto := hostOf(a.T, a.s).AutoSSL()
	if err := auto.CheckAll(a.Context()); err != nil {
		a.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); a.s.Estate.CheckingAny(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			a.Fatal("the check does not end")
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, names := range a.orders {
		if slices.Contains(names, "host.example.org") {
			own = append(own, names)
		}
	}
	return own
}

// TestOwnCertificate: the server's own certificate comes and is renewed as those of
// sites are, and one that the administrator has installed is left alone.
func TestOwnCertificate(t *testing.T) {
	names := []string{"host.example.org", "cpanel.host.example.org"}
	a := newAuthority(t, func(x *estate.AutoSSL) { x.Own = names })
	shown := func() hosting.Shown { return a.s.Estate.Server.Shown() }
	a.refused["cpanel.host.example.org"] = "no such name"
	if got := a.checkAll(); !equalOrders(got, names, names[:1]) {
		t.Errorf("orders: %v", got)
	}
	first := shown()
	if first.Certificate == nil || !slices.Equal(first.DNSNames, names[:1]) {
		t.Fatalf("the doors show %+v", first)
	}
	if got := a.checkAll(); got != nil {
		t.Errorf("at once: %v", got)
	}
	delete(a.refused, "cpanel.host.example.org")
	a.s.Wait(61 * 24 * time.Hour)
	if got := a.checkAll(); !equalOrders(got, names) || shown().Equal(first.Certificate.Certificate) || len(shown().DNSNames) != 2 {
		t.Errorf("61 of 90 days: %v", got)
	}

	ca := pkitest.New(t, a.s.Now())
	key := ca.Key()
	mine := ca.Issue(key, "host.example.org")
	if err := hostOf(t, a.s).OwnCertificate().Install(t.Context(), hosting.Installation{Certificate: mine, Chain: ca.Chain(), Key: key}); err != nil {
		t.Fatal(err)
	}
	a.s.Wait(61 * 24 * time.Hour)
	if got := a.checkAll(); got != nil || !shown().Equal(mine.Certificate) {
		t.Errorf("what the administrator has installed: %v", got)
	}
	a.s.Wait(61 * 24 * time.Hour)
	if got := a.checkAll(); !equalOrders(got, names) {
		t.Errorf("when it has ended: %v", got)
	}

	a.set(func() { a.fails = errors.New("no network") })
	if err := hostOf(t, a.s).OwnCertificate().Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := a.checkAll(); len(got) != 1 || shown().Certificate != nil {
		t.Errorf("a failure: %v", got)
	}
	a.set(func() { a.fails = nil })
	if got := a.checkAll(); got != nil {
		t.Errorf("just after a failure: %v", got)
	}
	a.s.Wait(16 * time.Minute)
	if got := a.checkAll(); len(got) != 1 || shown().Certificate == nil {
		t.Errorf("a quarter of an hour after a failure: %v", got)
	}
	runs, err := hostOf(t, a.s).AutoSSL().Runs(t.Context())
	if err != nil || len(runs) < 4 || !slices.ContainsFunc(runs, func(r hosting.AutoSSLRun) bool {
		return r.Account == "" && r.Ended && r.Lines[len(r.Lines)-1].Kind == "success"
	}) {
		t.Errorf("runs: %+v, %v", runs, err)
	}
}

// TestOwnByDNS: the server's name is proved in whoever's zone it is.
func TestOwnByDNS(t *testing.T) {
	a := newAuthority(t, func(x *estate.AutoSSL) { x.Own, x.ByDNS = []string{"host.example.org"}, true })
	if err := hostOf(t, a.s).Zones().Add(t.Context(), "example.org", "192.0.2.1", "", ""); err != nil {
		t.Fatal(err)
	}
	seen := 0
	a.prove = func(o acme.Order) bool {
		if o.DNS == nil {
			return true // a site's
		}
		name := latchkey.Domain(o.Names[0])
		done, err := o.DNS(t.Context(), name, "proof")
		if err != nil {
			t.Error(err)
			return false
		}
		if name == "host.example.org" {
			seen = len(a.texts("example.org", name))
		}
		return done(t.Context()) == nil
	}
	if got := a.checkAll(); len(got) != 1 || seen != 1 {
		t.Errorf("orders %v; %d texts while it was proved", got, seen)
	}
	if left := a.texts("example.org", "host.example.org"); len(left) > 0 {
		t.Errorf("the zone has %q", left)
	}
}

// texts are those at _acme-challenge under a name.
func (a *authority) texts(in, name latchkey.Domain) (list []string) {
	a.Helper()
	z, err := hostOf(a.T, a.s).Zones().Zone(a.Context(), in)
	if err != nil {
		a.Fatal(err)
	}
	for _, e := range z.All() {
		if e.Kind() == zone.Record && e.Type() == "TXT" && strings.HasPrefix(e.Name(), "_acme-challenge."+string(name)) {
			list = append(list, e.Data()...)
		}
	}
	return list
}

// TestProofsAreSwept: what a server has left in zones that ended in the middle is
// taken away by the next, and nothing else is.
func TestProofsAreSwept(t *testing.T) {
	a := newAuthority(t, func(x *estate.AutoSSL) { x.ByDNS = true })
	_, err := a.demo.Zones().Edit(t.Context(), "example.com", func(*zone.Zone) (zone.Edit, error) {
		return zone.Edit{Add: []zone.New{{Name: "_acme-challenge", TTL: 60, Type: "TXT", Data: []string{"another's"}}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	a.prove = func(o acme.Order) bool {
		_, err := o.DNS(t.Context(), "example.com", "left behind") // and nobody calls done
		return err == nil
	}
	a.check()
	if got := a.texts("example.com", "example.com"); !slices.Equal(got, []string{"another's", "left behind"}) {
		t.Fatalf("the zone has %q", got)
	}
	for range 2 { // the second has nothing to do
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { a.s.Estate.RunAutoSSL(ctx); close(ended) }()
		for end := time.Now().Add(10 * time.Second); len(a.texts("example.com", "example.com")) > 1 && time.Now().Before(end); time.Sleep(time.Millisecond) {
		}
		stop()
		<-ended
	}
	if got := a.texts("example.com", "example.com"); !slices.Equal(got, []string{"another's"}) {
		t.Errorf("the zone has %q", got)
	}
}

// TestAutoSSLSwitch: the administrator switches AutoSSL off and on, and has it
// replace what ends.
func TestAutoSSLSwitch(t *testing.T) {
	a := newAuthority(t, nil)
	auto := hostOf(t, a.s).AutoSSL()
	if err := auto.Switch(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if err := a.demo.AutoSSL().Check(t.Context()); latchkey.KindOf(err) != latchkey.Unavailable {
		t.Errorf("a check while it is off: %v", err)
	}
	auto = hostOf(t, a.s).AutoSSL()
	if err := errors.Join(auto.Switch(t.Context(), true), hostOf(t, a.s).AutoSSL().Replace(t.Context(), true)); err != nil {
		t.Fatal(err)
	}
	ca := pkitest.New(t, a.s.Now())
	key := ca.Key()
	if _, err := a.demo.Certificates().Install(t.Context(), "example.com", hosting.Installation{Certificate: ca.Issue(key, "example.com"), Key: key}); err != nil {
		t.Fatal(err)
	}
	left := a.site().Certificate.NotAfter.Sub(a.s.Now())
	a.s.Wait(left - 73*time.Hour)
	if got := a.check(); got != nil {
		t.Errorf("more than three days before its end: %v", got)
	}
	a.s.Wait(2 * time.Hour)
	if got := a.check(); !equalOrders(got, allNames) {
		t.Errorf("less than three days before its end: %v", got)
	}
	status, err := a.demo.AutoSSL().Status(t.Context(), "www.example.com")
	if want := (hosting.AutoSSLStatus{Active: true, Renews: true}); err != nil || status != want {
		t.Errorf("status %+v, %v", status, err)
	}
}
