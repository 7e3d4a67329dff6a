package hostingtest

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// dynamicHost is a dynamic host in memory, and what calls have set.
type dynamicHost struct {
	hosting.DynamicHost
	set map[bool]string // by whether it is of IPv4
}

// dynamicHosts are the account's dynamic hosts. IDs are the same in every run.
type dynamicHosts struct{ a *Account }

// DynamicHosts are the account's dynamic hosts.
func (a *Account) DynamicHosts() hosting.DynamicHosts { return dynamicHosts{a} }

func (d dynamicHosts) newID() latchkey.Secret {
	d.a.lastID++
	n := int(d.a.lastID)
	return latchkey.NewSecret(fmt.Sprintf("idofadynamichostaaaaaaaaaaaaaa%c%c", 'a'+n/26%26, 'a'+n%26))
}

// with runs fn on the host with an ID.
func (d dynamicHosts) with(id latchkey.Secret, fn func(*dynamicHost) error) error {
	d.a.mu.Lock()
	defer d.a.mu.Unlock()
	for _, h := range d.a.dynamic {
		if h.ID == id {
			return fn(h)
		}
	}
	return hosting.NoDynamicHost()
}

func (d dynamicHosts) Create(ctx context.Context, in, name latchkey.Domain, description string) (hosting.DynamicHost, error) {
	z, err := d.a.Zones().Zone(ctx, in)
	if err == nil {
		err = hosting.CheckDynamicHost(z, name)
	}
	if err == nil {
		err = hosting.CheckDescription(description)
	}
	d.a.mu.Lock()
	defer d.a.mu.Unlock()
	if err == nil && d.a.dynamic[name] != nil {
		err = &latchkey.Error{Kind: latchkey.Exists, Param: "domain", Msg: "The domain “" + string(name) + "” is a dynamic DNS domain already."}
	}
	if err != nil {
		return hosting.DynamicHost{}, err
	}
	if d.a.dynamic == nil {
		d.a.dynamic = map[latchkey.Domain]*dynamicHost{}
	}
	h := &dynamicHost{hosting.DynamicHost{Zone: in, Name: name, ID: d.newID(), Description: description, Created: d.a.Now()}, map[bool]string{}}
	d.a.dynamic[name] = h
	return h.DynamicHost, nil
}

func (d dynamicHosts) List(context.Context) (list []hosting.DynamicHost, _ error) {
	d.a.mu.Lock()
	defer d.a.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(d.a.dynamic)) {
		list = append(list, d.a.dynamic[name].DynamicHost)
	}
	return list, nil
}

func (d dynamicHosts) Find(_ context.Context, id latchkey.Secret) (found hosting.DynamicHost, err error) {
	err = d.with(id, func(h *dynamicHost) error { found = h.DynamicHost; return nil })
	return found, err
}

func (d dynamicHosts) Describe(_ context.Context, id latchkey.Secret, description string) error {
	if err := hosting.CheckDescription(description); err != nil {
		return err
	}
	return d.with(id, func(h *dynamicHost) error { h.Description = description; return nil })
}

func (d dynamicHosts) Renew(_ context.Context, id latchkey.Secret) (found hosting.DynamicHost, err error) {
	err = d.with(id, func(h *dynamicHost) error {
		h.ID = d.newID()
		found = h.DynamicHost
		return nil
	})
	return found, err
}

func (d dynamicHosts) Remove(ctx context.Context, id latchkey.Secret) error {
	var h dynamicHost
	err := d.with(id, func(found *dynamicHost) error {
		h = *found
		delete(d.a.dynamic, h.Name)
		return nil
	})
	if err != nil {
		return err
	}
	return d.edit(ctx, &h, func(z *zone.Zone) (zone.Edit, bool) { return hosting.ForgetEdit(z, h.Name, h.set[true], h.set[false]) })
}

func (d dynamicHosts) edit(ctx context.Context, h *dynamicHost, what func(*zone.Zone) (zone.Edit, bool)) error {
	z, err := d.a.Zones().Zone(ctx, h.Zone)
	if err != nil {
		return err
	}
	if _, needed := what(z); !needed {
		return nil
	}
	_, err = d.a.Zones().Edit(ctx, h.Zone, func(z *zone.Zone) (zone.Edit, error) { e, _ := what(z); return e, nil })
	return err
}

func (d dynamicHosts) Follow(ctx context.Context, id latchkey.Secret, at netip.Addr) error {
	at = at.Unmap()
	var h dynamicHost
	err := d.with(id, func(found *dynamicHost) error {
		found.Runs = slices.Insert(found.Runs, 0, d.a.Now())
		if found.set[at.Is4()] != at.String() {
			found.Updated = d.a.Now()
		}
		found.set[at.Is4()] = at.String()
		h = *found
		return nil
	})
	if err != nil {
		return err
	}
	return d.edit(ctx, &h, func(z *zone.Zone) (zone.Edit, bool) { return hosting.FollowEdit(z, h.Name, at) })
}
