package hostingtest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// zones are zones in memory. A domain's zone is there as soon as it is asked for.
type zones struct {
	now     latchkey.Clock
	machine *hosting.Server
	domains func() map[latchkey.Domain]latchkey.AccountName
	free    bool // zones may be edited in whole, and made and removed

	mu    sync.Mutex
	by    map[latchkey.Domain]*zone.Zone
	owner map[latchkey.Domain]latchkey.AccountName // of those without a domain
	gone  map[latchkey.Domain]bool

	signed map[latchkey.Domain]hosting.Signing
}

func (z *zones) all() map[latchkey.Domain]latchkey.AccountName {
	all := z.domains()
	maps.Copy(all, z.owner)
	for name := range z.gone {
		delete(all, name)
	}
	return all
}

func (z *zones) fresh(name latchkey.Domain, ip string, serial uint32) (*zone.Zone, error) {
	return zone.StandardTemplate.Zone(zone.Values{
		Domain: name, IP: ip, Hostname: z.machine.Hostname, Nameservers: []string{"ns1." + z.machine.Hostname, "ns2." + z.machine.Hostname},
		Now: z.now(), Serial: serial,
	})
}

// find is a zone; the caller holds mu.
func (z *zones) find(name latchkey.Domain) (*zone.Zone, error) {
	if _, ok := z.all()[name]; !ok {
		return nil, hosting.NoZone(name)
	}
	if z.by[name] == nil {
		fresh, err := z.fresh(name, z.machine.IP, 0)
		if err != nil {
			return nil, err
		}
		if z.by == nil {
			z.by = map[latchkey.Domain]*zone.Zone{}
		}
		z.by[name] = fresh
	}
	return z.by[name], nil
}

func (z *zones) List(context.Context) ([]latchkey.Domain, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	return slices.Sorted(maps.Keys(z.all())), nil
}

func (z *zones) Zone(_ context.Context, name latchkey.Domain) (*zone.Zone, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.find(name)
}

func (z *zones) Edit(_ context.Context, name latchkey.Domain, change func(*zone.Zone) (zone.Edit, error)) (*zone.Zone, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	was, err := z.find(name)
	if err != nil {
		return nil, err
	}
	edit, err := change(was)
	if err == nil && !z.free {
		err = hosting.CheckEdit(was, edit)
	}
	if err != nil {
		return nil, err
	}
	is, err := was.Edit(edit, z.now())
	if err == nil {
		z.by[name] = is
	}
	return is, err
}

func (z *zones) Reset(_ context.Context, name latchkey.Domain) (*zone.Zone, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	was, err := z.find(name)
	if err != nil {
		return nil, err
	}
	is, err := z.fresh(name, z.machine.IP, was.Serial())
	if err == nil {
		z.by[name] = is
	}
	return is, err
}

func (z *zones) Add(_ context.Context, name latchkey.Domain, ip string, owner latchkey.AccountName, template string) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	if _, there := z.all()[name]; there {
		return latchkey.Errorf(latchkey.Exists, "A DNS zone named %s already exists: remove it first.", name)
	}
	if _, err := new(zone.Templates).Named(template); err != nil {
		return err
	}
	is, err := z.fresh(name, cmp.Or(ip, z.machine.IP), 0)
	if err != nil {
		return err
	}
	if z.by == nil {
		z.by = map[latchkey.Domain]*zone.Zone{}
	}
	if z.owner == nil {
		z.owner = map[latchkey.Domain]latchkey.AccountName{}
	}
	delete(z.gone, name)
	z.by[name], z.owner[name] = is, cmp.Or(owner, z.domains()[name], "root")
	return nil
}

func (z *zones) Remove(_ context.Context, name latchkey.Domain) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	if _, err := z.find(name); err != nil {
		return err
	}
	if z.gone == nil {
		z.gone = map[latchkey.Domain]bool{}
	}
	delete(z.by, name)
	delete(z.owner, name)
	z.gone[name] = true
	return nil
}

func (z *zones) Owner(_ context.Context, name latchkey.Domain) (latchkey.AccountName, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	owner, ok := z.all()[name]
	if !ok {
		return "", hosting.NoZone(name)
	}
	return owner, nil
}

// memoryKey is the key of every zone that is signed in memory.
var memoryKey = hosting.ZoneKey{Tag: 12345, Flags: 257, Bits: 256, Active: true, Created: time.Unix(1_700_000_000, 0), Public: "cHVibGlj",
	Digests: []hosting.Digest{{Type: 2, Hex: "00ff"}}}

func (z *zones) Sign(_ context.Context, name latchkey.Domain, how hosting.Signing) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	_, err := z.find(name)
	if err == nil {
		err = how.Check()
	}
	if err != nil {
		return err
	}
	if z.signed == nil {
		z.signed = map[latchkey.Domain]hosting.Signing{}
	}
	z.signed[name] = how
	return nil
}

func (z *zones) Unsign(_ context.Context, name latchkey.Domain) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	_, err := z.find(name)
	if err == nil {
		delete(z.signed, name)
	}
	return err
}

func (z *zones) Signed(_ context.Context, name latchkey.Domain) (is hosting.SignedZone, err error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if _, err := z.find(name); err != nil {
		return is, err
	}
	if how, ok := z.signed[name]; ok {
		is = hosting.SignedZone{Signing: how, Keys: []hosting.ZoneKey{memoryKey}}
	}
	return is, nil
}

func (z *zones) SigningKey(ctx context.Context, name latchkey.Domain, tag int) (latchkey.Secret, error) {
	is, err := z.Signed(ctx, name)
	switch {
	case err != nil:
		return latchkey.Secret{}, err
	case len(is.Keys) == 0:
		return latchkey.Secret{}, hosting.Unsigned(name)
	case tag != memoryKey.Tag:
		return latchkey.Secret{}, hosting.NoZoneKey()
	}
	return latchkey.NewSecret("Private-key-format: v1.3\n"), nil
}

// Zones are zones of the account's domains.
func (a *Account) Zones() hosting.Zones {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.dns == nil {
		a.dns = &zones{now: a.Now, machine: &a.Machine, domains: func() map[latchkey.Domain]latchkey.AccountName {
			names := map[latchkey.Domain]latchkey.AccountName{}
			for _, d := range a.Owned {
				if d.Kind != latchkey.SubDomain {
					names[d.Name] = a.Data.Name
				}
			}
			return names
		}}
	}
	return a.dns
}

// Zones are zones of the accounts' main domains, and those that were added.
func (h *Host) Zones() hosting.HostZones {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.zones == nil {
		h.zones = &zones{free: true, now: h.Now, machine: &h.Machine, domains: func() map[latchkey.Domain]latchkey.AccountName {
			h.mu.Lock()
			defer h.mu.Unlock()
			names := map[latchkey.Domain]latchkey.AccountName{}
			for name, a := range h.accounts {
				names[a.Domain] = name
			}
			return names
		}}
	}
	return h.zones
}
