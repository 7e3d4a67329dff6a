package estate

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/zone"
)

// hostZones are the zones in the hands of the host.
type hostZones struct{ *host }

// mine lets the administrator at every zone, others at those of accounts that
// they may command; but nobody at those of an account that is being removed.
func (z *hostZones) mine(r store.Reader, row *store.Zone) error {
	a, err := r.AccountByID(row.Account)
	if err != nil || z.caller.OverAll() {
		return err
	}
	if a.Role != latchkey.RoleUser || !z.caller.Sees(&a) {
		return store.ErrNotFound
	}
	return z.commands(&a)
}

func (z *hostZones) List(ctx context.Context) (names []latchkey.Domain, err error) {
	err = z.e.Store.Read(ctx, func(r store.Reader) error {
		rows, err := z.rows(r)
		for i := range rows {
			names = append(names, rows[i].Name)
		}
		slices.Sort(names)
		return err
	})
	return names, err
}

func (z *hostZones) rows(r store.Reader) ([]store.Zone, error) {
	if z.caller.OverAll() {
		return r.ZonesAfter("", -1)
	}
	owned, err := r.Owned(z.caller.Name)
	var rows []store.Zone
	for i := 0; i < len(owned) && err == nil; i++ {
		var more []store.Zone
		more, err = r.Zones(owned[i].ID)
		rows = append(rows, more...)
	}
	return rows, err
}

func (z *hostZones) Zone(ctx context.Context, name latchkey.Domain) (*zone.Zone, error) {
	return z.e.seeZone(ctx, z.act, name, z.mine)
}

func (z *hostZones) Edit(ctx context.Context, name latchkey.Domain, change func(*zone.Zone) (zone.Edit, error)) (*zone.Zone, error) {
	return z.e.changeZone(ctx, z.act, z.caller, name, z.mine, func(was *zone.Zone) (*zone.Zone, error) {
		edit, err := change(was)
		if err != nil {
			return nil, err
		}
		noteEdit(z.act, was, edit)
		is, err := was.Edit(edit, z.e.Now())
		if err == nil && !z.caller.OverAll() {
			err = z.e.fits(was, is)
		}
		return is, err
	})
}

func (z *hostZones) Reset(ctx context.Context, name latchkey.Domain) (*zone.Zone, error) {
	return z.e.resetZone(ctx, z.act, z.caller, name, z.mine)
}

func (z *hostZones) Owner(ctx context.Context, name latchkey.Domain) (owner latchkey.AccountName, err error) {
	err = z.e.Store.Read(ctx, func(r store.Reader) error {
		row, err := findZone(r, name, z.mine)
		if err != nil {
			return err
		}
		a, err := r.AccountByID(row.Account)
		owner = a.Name
		return err
	})
	return owner, err
}

func (z *hostZones) Add(ctx context.Context, name latchkey.Domain, ip string, owner latchkey.AccountName, template string) error {
	return z.e.zones.with(name, func(s *zoneSlot) error {
		err := z.e.commit(ctx, z.act, z.caller, func(tx store.Tx) error {
			id, err := z.forWhom(tx, name, owner)
			if err == nil && !z.caller.OverAll() {
				err = z.mayHave(name)
			}
			if err == nil && !z.caller.OverAll() {
				err = z.mayAdd(tx, id)
			}
			if err != nil {
				return err
			}
			servers, err := z.e.nameserversOf(tx, id)
			if err != nil {
				return err
			}
			return z.e.insertZone(tx, z.caller, id, planned{name: name, ip: cmp.Or(ip, z.e.Server.IP), template: template, servers: servers})
		})
		if err != nil {
			return err
		}
		_, is, err := z.e.readZone(context.WithoutCancel(ctx), s, name, z.mine)
		if err != nil {
			return err
		}
		return z.e.serveZone(ctx, nil, is)
	})
}

// mayAdd says why an account may not have another zone, or nil.
func (z *hostZones) mayAdd(r store.Reader, id latchkey.AccountID) error {
	rows, err := r.Zones(id)
	if most := z.e.MostZones; err == nil && most > 0 && len(rows) >= most {
		err = latchkey.Errorf(latchkey.Limit, "The account has %d DNS zones already, and may have at most %d here: remove some, or ask the server’s administrator.", len(rows), most)
	}
	return err
}

// forWhom is the account that a new zone is to belong to. A domain's zone belongs
// to who has the domain.
func (z *hostZones) forWhom(r store.Reader, name latchkey.Domain, owner latchkey.AccountName) (latchkey.AccountID, error) {
	if owner != "" {
		a, err := z.command(r, owner)
		if err != nil {
			return 0, err
		}
		if id, err := r.DomainOwner(name); err == nil && id != a.ID {
			return 0, &latchkey.Error{Kind: latchkey.Exists, Param: "domain", Msg: "The domain “" + string(name) + "” belongs to another account."}
		}
		return a.ID, nil
	}
	id, err := r.DomainOwner(name)
	switch {
	case errors.Is(err, store.ErrNotFound) && z.caller.OverAll():
		root, err := r.Account(RootName)
		return root.ID, err
	case errors.Is(err, store.ErrNotFound):
		return z.caller.Account, nil
	case err != nil:
		return 0, err
	}
	a, err := r.AccountByID(id)
	if err == nil && !z.caller.Sees(&a) {
		err = &latchkey.Error{Kind: latchkey.Exists, Param: "domain", Msg: "The domain “" + string(name) + "” already exists on this server."}
	}
	if err == nil {
		err = z.commands(&a)
	}
	return id, err
}

func (z *hostZones) Remove(ctx context.Context, name latchkey.Domain) error {
	in := &intent{Domain: name}
	return z.e.carryOut(ctx, z.act, z.caller, "zone-remove", in, func(tx store.Tx) error {
		row, err := findZone(tx, name, z.mine)
		if err != nil {
			return err
		}
		in.Account = row.Account
		return tx.DeleteZone(name)
	})
}

// zoneRemove is for a zone that is no more: a name server of another program goes on
// answering for it until it is told.
var zoneRemove = plan{
	noMail: true,
	apply: func(e *Estate, ctx context.Context, in *intent) error {
		return e.zones.with(in.Domain, func(s *zoneSlot) error {
			s.zone = nil
			if _, err := e.zoneNow(ctx, in.Domain); !errors.Is(err, store.ErrNotFound) {
				return err // there is another of the name by now
			}
			return e.DNS.Withdraw(ctx, in.Domain)
		})
	},
	finish: func(store.Tx, *intent) error { return nil },
}

// firstZones makes a zone for every main domain that has none, once in the life
// of a server: one that is taken away later stays away.
func (e *Estate) firstZones(ctx context.Context) error {
	const name, page = "zones-made", 200
	var made bool
	err := e.Store.Read(ctx, func(r store.Reader) error { return gone(r.Setting(name, &made)) })
	for after := latchkey.Domain(""); err == nil && !made; {
		err = e.Auth.Commit(ctx, func(tx store.Tx) error {
			list, err := tx.DomainsAfter(after, page)
			for i := 0; i < len(list) && err == nil; i++ {
				if after = list[i].Name; list[i].Kind == latchkey.MainDomain {
					err = e.firstZone(tx, after)
				}
			}
			if made = len(list) < page; err != nil || !made {
				return err
			}
			return tx.PutSetting(name, true)
		})
	}
	return err
}

func (e *Estate) firstZone(tx store.Tx, name latchkey.Domain) error {
	if _, err := tx.Zone(name); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	owner, err := tx.DomainOwner(name)
	if err != nil {
		return err
	}
	servers, err := e.nameserversOf(tx, owner)
	if err != nil {
		return err
	}
	return e.insertZone(tx, nil, owner, planned{name: name, ip: e.Server.IP, template: zone.Standard, servers: servers})
}
