package hostingtest

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// addressesOf are the A and AAAA records of a name in the account's zone.
func addressesOf(t *testing.T, a *Tenant, name string) (list []string) {
	t.Helper()
	z, err := a.Open().Zones().Zone(t.Context(), "example.com")
	worked(t, "Zone", err)
	for _, e := range z.Named(name) {
		list = append(list, e.Type()+" "+strings.Join(e.Data(), " "))
	}
	slices.Sort(list)
	return list
}

func testDynamicHosts(t *testing.T, a *Tenant) {
	ctx, hosts := t.Context(), a.Open().DynamicHosts()
	list, err := hosts.List(ctx)
	same(t, "List of none", len(list), err, 0)
	d, err := hosts.Create(ctx, "example.com", "home.example.com", "Zu Hause")
	worked(t, "Create", err)
	if id := d.ID.Reveal(); len(id) != 32 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz") != "" {
		t.Errorf("the ID is not 32 letters: %d of them", len(id))
	}
	made := d
	made.ID = latchkey.Secret{}
	if want := (hosting.DynamicHost{Zone: "example.com", Name: "home.example.com", Description: "Zu Hause", Created: a.Now()}); !reflect.DeepEqual(made, want) {
		t.Errorf("Create = %+v, want %+v", made, want)
	}
	same(t, "addresses before a call", addressesOf(t, a, "home.example.com."), nil, nil)
	_, err = hosts.Create(ctx, "example.com", "home.example.com", "")
	failed(t, "Create twice", err, latchkey.Exists)

	a.Wait(time.Hour)
	follow := func(at string, want ...string) {
		t.Helper()
		worked(t, "Follow "+at, a.Open().DynamicHosts().Follow(ctx, d.ID, netip.MustParseAddr(at)))
		same(t, "addresses after "+at, addressesOf(t, a, "home.example.com."), nil, want)
	}
	follow("198.51.100.7", "A 198.51.100.7")
	follow("2001:db8::7", "A 198.51.100.7", "AAAA 2001:db8::7")
	z, _ := a.Open().Zones().Zone(ctx, "example.com")
	follow("198.51.100.7", "A 198.51.100.7", "AAAA 2001:db8::7")
	if now, _ := a.Open().Zones().Zone(ctx, "example.com"); now.Serial() != z.Serial() {
		t.Error("a call that changes nothing changes the zone")
	}
	follow("::ffff:198.51.100.8", "A 198.51.100.8", "AAAA 2001:db8::7")
	is, err := a.Open().DynamicHosts().Find(ctx, d.ID)
	worked(t, "Find", err)
	if !is.Updated.Equal(a.Now()) || len(is.Runs) == 0 || !is.Runs[0].Equal(a.Now()) {
		t.Errorf("after calls: updated %v, runs %v", is.Updated, is.Runs)
	}

	worked(t, "Describe", hosts.Describe(ctx, d.ID, ""))
	failed(t, "Describe with a line end", hosts.Describe(ctx, d.ID, "a\nb"), latchkey.Invalid)
	renewed, err := hosts.Renew(ctx, d.ID)
	worked(t, "Renew", err)
	if renewed.ID == d.ID {
		t.Error("Renew gives the same ID")
	}
	for name, err := range map[string]error{
		"Follow": hosts.Follow(ctx, d.ID, netip.MustParseAddr("192.0.2.9")), "Describe": hosts.Describe(ctx, d.ID, "x"), "Remove": hosts.Remove(ctx, d.ID),
	} {
		failed(t, name+" by the ID of before", err, latchkey.NotFound)
	}

	// What calls have set goes; what somebody else has set stays.
	_, err = a.Open().Zones().Edit(ctx, "example.com", func(*zone.Zone) (zone.Edit, error) {
		return zone.Edit{Add: []zone.New{{Name: "home", TTL: 60, Type: "A", Data: []string{"192.0.2.77"}}}}, nil
	})
	worked(t, "Edit", err)
	worked(t, "Remove", hosts.Remove(ctx, renewed.ID))
	if got := addressesOf(t, a, "home.example.com."); !slices.Equal(got, []string{"A 192.0.2.77"}) {
		t.Errorf("after Remove: %v", got)
	}
	failed(t, "Remove once more", hosts.Remove(ctx, renewed.ID), latchkey.NotFound)
}

func testDynamicHostsRefused(t *testing.T, a *Tenant) {
	ctx, hosts := t.Context(), a.Open().DynamicHosts()
	for _, row := range []struct {
		zone, name latchkey.Domain
		kind       latchkey.Kind
	}{
		{"example.com", "home.example.net", latchkey.Invalid},
		{"example.com", "homeexample.com", latchkey.Invalid},
		{"example.com", "www.example.com", latchkey.Invalid}, // an alias
		{"example.net", "home.example.net", latchkey.NotFound},
	} {
		_, err := hosts.Create(ctx, row.zone, row.name, "")
		failed(t, "Create "+string(row.name), err, row.kind)
	}
	_, err := hosts.Create(ctx, "example.com", "home.example.com", strings.Repeat("x", 1001))
	failed(t, "Create with a long description", err, latchkey.Invalid)
	list, err := hosts.List(ctx)
	same(t, "List", len(list), err, 0)
}
