package estate_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/driver/authdns"
	"github.com/latchkey/latchkey/internal/estate"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/zone"
	"github.com/latchkey/latchkey/test/testserver"
)

func accountOf(t *testing.T, s *testserver.Server, name latchkey.AccountName) hosting.Account {
	t.Helper()
	c, err := s.Verifier.Local(t.Context(), name, latchkey.ForAccount)
	if err != nil {
		t.Fatal(err)
	}
	acct, err := s.Estate.Account(t.Context(), audit.Begin(s.Now, latchkey.Origin{}), &c)
	if err != nil {
		t.Fatal(err)
	}
	return acct
}

func text(name, data string) func(*zone.Zone) (zone.Edit, error) {
	return func(*zone.Zone) (zone.Edit, error) {
		return zone.Edit{Add: []zone.New{{Name: name, TTL: 60, Type: "TXT", Data: []string{data}}}}, nil
	}
}

// served is what a name server has of a zone, as text.
func served(t *testing.T, dns *authdns.Server, name string) string {
	t.Helper()
	z, err := dns.Zone(name)
	if errors.Is(err, authdns.ErrNoZone) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for rr := range z.Records() {
		b.WriteString(rr.String() + "\n")
	}
	return b.String()
}

// A zone comes with its account, is served as it is kept, and goes with it.
func TestZonesAreServed(t *testing.T) {
	s := testserver.New(t)
	if got := served(t, s.DNS, "example.com."); !strings.Contains(got, "www.example.com.\t14400\tIN\tCNAME\texample.com.") {
		t.Errorf("a new account's zone is served as\n%s", got)
	}
	if _, err := accountOf(t, s, "demo").Zones().Edit(t.Context(), "example.com", text("new", "one")); err != nil {
		t.Fatal(err)
	}
	if got := served(t, s.DNS, "example.com."); !strings.Contains(got, "new.example.com.\t60\tIN\tTXT\t\"one\"") || !strings.Contains(got, " 2026112301 ") {
		t.Errorf("after an edit the zone is served as\n%s", got)
	}

	again := authdns.New(authdns.Options{})
	e := estate.New(s.Estate.Config)
	e.DNS = authdns.Part{Server: again}
	if _, err := e.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := served(t, again, "example.com."), served(t, s.DNS, "example.com."); got != want {
		t.Errorf("after a start the zone is served as\n%s, was\n%s", got, want)
	}

	s.WHM("removeacct", "user", "demo")
	if got := served(t, s.DNS, "example.com."); got != "" {
		t.Errorf("the zone of a removed account is served as\n%s", got)
	}
	if err := s.Store.Read(t.Context(), func(r store.Reader) error { _, err := r.Zone("example.com"); return err }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the zone of a removed account: %v", err)
	}
}

// Accounts from before there were zones get one, once.
func TestFirstZones(t *testing.T) {
	s := testserver.New(t)
	take := func() {
		t.Helper()
		if _, err := s.Store.Write(t.Context(), func(tx store.Tx) error { return tx.DeleteZone("example.com") }); err != nil {
			t.Fatal(err)
		}
		s.DNS.Remove("example.com.")
		if _, err := s.Estate.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	take()
	if got := served(t, s.DNS, "example.com."); !strings.Contains(got, "SOA") {
		t.Errorf("an account without a zone is served as %q", got)
	}
	take()
	if got := served(t, s.DNS, "example.com."); got != "" {
		t.Errorf("a zone that was taken away is served as\n%s", got)
	}
}

// sick is a name server that does not do what it is told.
type sick struct {
	estate.Nameserver
	serves, checks atomic.Bool
}

func (n *sick) Serve(ctx context.Context, was, is *zone.Zone) error {
	if !n.serves.Load() {
		return errors.New("nobody answers")
	}
	return n.Nameserver.Serve(ctx, was, is)
}

func (n *sick) Check(ctx context.Context, z *zone.Zone) error {
	if !n.checks.Load() {
		return latchkey.Errorf(latchkey.Invalid, "no such zone here")
	}
	return n.Nameserver.Check(ctx, z)
}

func TestNameserverFails(t *testing.T) {
	s := testserver.New(t)
	part := &sick{Nameserver: s.Estate.DNS}
	part.serves.Store(true)
	s.Estate.DNS = part
	zones := accountOf(t, s, "demo").Zones()
	before := served(t, s.DNS, "example.com.")
	if _, err := zones.Edit(t.Context(), "example.com", text("new", "one")); latchkey.KindOf(err) != latchkey.Invalid {
		t.Errorf("an edit that the name server refuses: %v", err)
	}
	if z, err := zones.Zone(t.Context(), "example.com"); err != nil || z.Serial() != 2026112300 {
		t.Errorf("after it: %v, %v", z, err)
	}
	part.checks.Store(true)
	part.serves.Store(false)
	if _, err := zones.Edit(t.Context(), "example.com", text("new", "two")); latchkey.KindOf(err) != latchkey.Unavailable {
		t.Errorf("an edit that is not served: %v", err)
	}
	s.Estate.Repair(t.Context())
	if served(t, s.DNS, "example.com.") != before {
		t.Error("a zone was served that was refused")
	}
	part.serves.Store(true)
	s.Estate.Repair(t.Context())
	if got := served(t, s.DNS, "example.com."); !strings.Contains(got, `"two"`) {
		t.Errorf("after the repair the zone is served as\n%s", got)
	}
	part.serves.Store(false)
	_, err := hostOf(t, s).CreateAccount(t.Context(), hosting.NewAccount{Name: "unlucky", Domain: "unlucky.example"})
	if err == nil {
		t.Fatal("an account was made whose zone is not served")
	}
	if err := s.Store.Read(t.Context(), func(r store.Reader) error { _, err := r.Zone("unlucky.example"); return err }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the zone of an account that was not made: %v", err)
	}
}

func TestHostZones(t *testing.T) {
	s := testserver.New(t)
	ctx, zones := t.Context(), hostOf(t, s).Zones()
	kind := func(what string, err error, want latchkey.Kind) {
		t.Helper()
		if latchkey.KindOf(err) != want || err == nil {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	for _, add := range []struct {
		name  latchkey.Domain
		owner latchkey.AccountName
	}{{"alone.example", ""}, {"theirs.example", "other"}} {
		if err := zones.Add(ctx, add.name, "192.0.2.55", add.owner, ""); err != nil {
			t.Fatal(err)
		}
		if got := served(t, s.DNS, string(add.name)+"."); !strings.Contains(got, "192.0.2.55") {
			t.Errorf("%s is served as\n%s", add.name, got)
		}
	}
	kind("Add twice", zones.Add(ctx, "alone.example", "", "", ""), latchkey.Exists)
	kind("Add of another's domain", zones.Add(ctx, "example.com", "", "other", ""), latchkey.Exists)
	kind("Add for nobody", zones.Add(ctx, "x.example", "", "nobody", ""), latchkey.NotFound)
	if names, err := zones.List(ctx); fmt.Sprint(names) != "[alone.example example.com example.net theirs.example]" {
		t.Errorf("List: %v, %v", names, err)
	}
	if names, err := accountOf(t, s, "other").Zones().List(ctx); fmt.Sprint(names) != "[example.net theirs.example]" {
		t.Errorf("other's List: %v, %v", names, err)
	}
	if owner, err := zones.Owner(ctx, "theirs.example"); owner != "other" {
		t.Errorf("Owner: %q, %v", owner, err)
	}
	if _, err := zones.Edit(ctx, "example.com", func(*zone.Zone) (zone.Edit, error) {
		return zone.Edit{Add: []zone.New{{Name: "sub", TTL: 5, Type: "NS", Data: []string{"ns.example.net."}}}}, nil
	}); err != nil {
		t.Errorf("the administrator's NS record: %v", err)
	}
	_, err := accountOf(t, s, "demo").Zones().Zone(ctx, "alone.example")
	kind("another's zone", err, latchkey.NotFound)
	if err := zones.Remove(ctx, "alone.example"); err != nil {
		t.Fatal(err)
	}
	kind("Remove twice", zones.Remove(ctx, "alone.example"), latchkey.NotFound)
	if got := served(t, s.DNS, "alone.example."); got != "" {
		t.Errorf("a removed zone is served as\n%s", got)
	}
	// One of the same name afterwards is another zone.
	if err := zones.Add(ctx, "alone.example", "192.0.2.56", "", ""); err != nil {
		t.Fatal(err)
	}
	if z, err := zones.Zone(ctx, "alone.example"); err != nil || !strings.Contains(z.String(), "192.0.2.56") {
		t.Errorf("a zone made again: %v\n%s", err, z)
	}
}

// An edit costs what it changes.
func BenchmarkEdit(b *testing.B) {
	for _, records := range []int{10, 5000, 100_000} {
		b.Run(fmt.Sprint(records), func(b *testing.B) {
			s := testserver.New(b)
			c, err := s.Verifier.Local(b.Context(), "demo", latchkey.ForAccount)
			if err != nil {
				b.Fatal(err)
			}
			acct, err := s.Estate.Account(b.Context(), audit.Begin(s.Now, latchkey.Origin{}), &c)
			if err != nil {
				b.Fatal(err)
			}
			var e zone.Edit
			for i := range records {
				e.Add = append(e.Add, zone.New{Name: fmt.Sprint("r", i), TTL: 60, Type: "A", Data: []string{"192.0.2.1"}})
			}
			if _, err := acct.Zones().Edit(b.Context(), "example.com", func(*zone.Zone) (zone.Edit, error) { return e, nil }); err != nil {
				b.Fatal(err)
			}
			line := 30
			for b.Loop() {
				c, err := s.Verifier.Local(b.Context(), "demo", latchkey.ForAccount)
				if err != nil {
					b.Fatal(err)
				}
				acct, err := s.Estate.Account(b.Context(), audit.Begin(s.Now, latchkey.Origin{}), &c)
				if err != nil {
					b.Fatal(err)
				}
				_, err = acct.Zones().Edit(b.Context(), "example.com", func(z *zone.Zone) (zone.Edit, error) {
					return zone.Edit{Replace: map[int]zone.New{line: {Name: "changed", TTL: 60, Type: "TXT", Data: []string{fmt.Sprint(b.Elapsed())}}}}, nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestZoneSize: an account lets a zone grow so far and not further, and what is
// larger already may shrink.
func TestZoneSize(t *testing.T) {
	s := testserver.New(t)
	zones := accountOf(t, s, "demo").Zones()
	z, err := zones.Zone(t.Context(), "example.com")
	if err != nil {
		t.Fatal(err)
	}
	s.Estate.ZoneSize = z.Size() + 200
	long := strings.Repeat("x", 100)
	first, err := zones.Edit(t.Context(), "example.com", text("a", long))
	if err != nil {
		t.Fatal(err)
	}
	_, err = zones.Edit(t.Context(), "example.com", text("b", long))
	if latchkey.KindOf(err) != latchkey.Limit || !strings.Contains(latchkey.AsError(err).Msg, "at most "+fmt.Sprint(s.Estate.ZoneSize)+" bytes") {
		t.Errorf("too large: %v", err)
	}
	if now, err := zones.Zone(t.Context(), "example.com"); err != nil || now.String() != first.String() {
		t.Errorf("refused, and the zone has changed: %v", err)
	}
	s.Estate.ZoneSize = 10
	for line, e := range first.All() {
		if e.Kind() == zone.Record && strings.HasPrefix(e.Name(), "a.") {
			if _, err := zones.Edit(t.Context(), "example.com", func(*zone.Zone) (zone.Edit, error) { return zone.Edit{Remove: []int{line}}, nil }); err != nil {
				t.Errorf("smaller: %v", err)
			}
		}
	}
	s.WHM("addzonerecord", "domain", "example.com", "name", "host.example.com.", "type", "TXT", "txtdata", long)
	s.WHM("setupreseller", "user", "demo", "makeowner", "1")
	s.WHM("setacls", "reseller", "demo", "acl-all", "0", "acl-edit-dns", "1")
	res := s.Call(call.WHM, "demo", "", "addzonerecord", "domain", "example.com", "name", "by.example.com.", "type", "TXT", "txtdata", long)
	if res.Err == nil || res.Err.Kind != latchkey.Limit {
		t.Errorf("too large by a reseller's door: %v, %v", res.Reason, res.Err)
	}
}

// unsigning is a name server that does not manage to sign.
type unsigning struct{ estate.Signer }

type signsNothing struct {
	estate.Nameserver
	unsigning
}

func (unsigning) Sign(context.Context, *zone.Zone, hosting.Signing) error {
	return errors.New("it does not sign")
}

// TestSigningFails: the trail does not say that a zone was signed before it is.
func TestSigningFails(t *testing.T) {
	s := testserver.New(t)
	s.Estate.DNS = signsNothing{s.Estate.DNS, unsigning{s.Estate.DNS.(estate.Signer)}}
	res := s.Call(call.UAPI, "demo", "DNSSEC", "enable_dnssec", "domain", "example.com", "algo_num", "13")
	if res.Err == nil {
		t.Fatalf("signed: %v", res.Data)
	}
	s.Trail.Flush()
	var said []string
	err := audit.List(t.Context(), s.Store, 0, func(_ uint64, ev *latchkey.Event) bool {
		if ev.Func == "DNSSEC::enable_dnssec" {
			said = append(said, strings.TrimSpace(ev.Ended()+" "+ev.Reason))
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(said) != 2 || said[0] != "ok begun" || !strings.HasPrefix(said[1], "internal") {
		t.Errorf("the trail says %q", said)
	}
}

// TestTemplates: accounts, zones that are added and zones that are reset are made of
// the server's template.
func TestTemplates(t *testing.T) {
	s, dir := testserver.New(t), t.TempDir()
	const head = "$TTL 300\n%domain%. IN SOA %nameserver%. %rpemail%. ( %serial% 1 2 3 4 )\n%domain%. IN NS %nameserver%.\n%domain%. IN A %ip%\n"
	for name, mark := range map[string]string{"standard": "ours", "special": "theirs"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(head+mark+" IN TXT \"%domain%\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	templates, err := zone.OpenTemplates(dir)
	if err != nil {
		t.Fatal(err)
	}
	s.Estate.Templates = templates
	s.WHM("createacct", "username", "fresh", "domain", "fresh.example", "password", testserver.Password)
	s.WHM("adddns", "domain", "more.example", "ip", "192.0.2.7", "template", "special")
	s.WHM("resetzone", "zone", "example.com")
	for name, mark := range map[string]string{"fresh.example.": "ours", "more.example.": "theirs", "example.com.": "ours"} {
		if got := served(t, s.DNS, name); !strings.Contains(got, mark+"."+name) || strings.Contains(got, "cpcontacts") {
			t.Errorf("%s is\n%s", name, got)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "standard"), []byte("spoiled"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.WHM("createacct", "username", "later", "domain", "later.example", "password", testserver.Password)
	if got := served(t, s.DNS, "later.example."); !strings.Contains(got, "ours.later.example.") {
		t.Errorf("with a template that is no good the zone is\n%s", got)
	}
}

// A new zone names the nameservers of who its account belongs to, as createacct
// says, and so does one that is reset.
func TestNameserversOfZones(t *testing.T) {
	s := testserver.New(t)
	says := func(domain, want string) {
		t.Helper()
		if got := served(t, s.DNS, domain+"."); !strings.Contains(got, "\tNS\t"+want+".") {
			t.Errorf("%s is served as\n%s, want %s in it", domain, got, want)
		}
	}
	own := s.Estate.Server.Nameservers[0]
	says("example.com", own)
	s.WHM("setupreseller", "user", "demo")
	s.WHM("setresellernameservers", "user", "demo", "nameservers", "ns1.reseller.example,ns2.reseller.example")
	made := s.WHM("createacct", "username", "client", "domain", "client.example", "owner", "demo")
	if text := fmt.Sprintf("%+v", made); !strings.Contains(text, "Nameserver:ns1.reseller.example Nameserver2:ns2.reseller.example") {
		t.Errorf("createacct answers %s", text)
	}
	says("client.example", "ns2.reseller.example")
	s.WHM("createacct", "username", "direct", "domain", "direct.example")
	says("direct.example", own)
	s.WHM("resetzone", "domain", "client.example")
	says("client.example", "ns1.reseller.example")
}

// TestMostZones: a reseller makes no more zones than an account may have, and the
// administrator as many as they like.
func TestMostZones(t *testing.T) {
	s := testserver.New(t)
	s.Estate.MostZones = 3
	s.WHM("setupreseller", "user", "demo", "makeowner", "1")
	s.WHM("setacls", "reseller", "demo", "acl-all", "0", "acl-create-dns", "1", "acl-kill-dns", "1")
	add := func(user, domain string) *latchkey.Error {
		return s.Call(call.WHM, user, "", "adddns", "domain", domain, "ip", "192.0.2.7").Err
	}
	for _, domain := range []string{"one.example", "two.example"} {
		if err := add("demo", domain); err != nil {
			t.Errorf("%s: %v", domain, err)
		}
	}
	if err := add("demo", "three.example"); err == nil || err.Kind != latchkey.Limit || !strings.Contains(err.Msg, "at most 3") {
		t.Errorf("one too many: %v", err)
	}
	if err := add("root", "three.example"); err != nil {
		t.Errorf("the administrator: %v", err)
	}
	if res := s.Call(call.WHM, "demo", "", "killdns", "domain", "two.example"); res.Err != nil {
		t.Fatal(res.Err)
	}
	if err := add("demo", "four.example"); err != nil {
		t.Errorf("in the place of one that is gone: %v", err)
	}
}
