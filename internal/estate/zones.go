package estate

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/zone"
)

// A zone's text stands in the store, and the name server answers from what it
// was last given. An edit is one transaction; after it the new version is given
// to the name server, and the edit is answered when that has confirmed it. A
// version that it does not take stays in [zones.behind] and is given to it again
// by [Estate.Repair]; at the start it gets what the store has.

// owns says whose zones somebody may reach: it fails with NotFound for others.
type owns func(r store.Reader, row *store.Zone) error

// readZone is the zone as the store has it now.
func (e *Estate) readZone(ctx context.Context, s *zoneSlot, name latchkey.Domain, mine owns) (row store.Zone, z *zone.Zone, err error) {
	err = e.Store.Read(ctx, func(r store.Reader) error {
		if row, err = findZone(r, name, mine); err != nil {
			return err
		}
		if s.zone != nil && s.version == row.Version {
			z = s.zone
			return nil
		}
		z, err = loadZone(r, &row)
		return err
	})
	if err == nil {
		s.zone, s.version = z, row.Version
	}
	return row, z, err
}

func findZone(r store.Reader, name latchkey.Domain, mine owns) (store.Zone, error) {
	row, err := r.Zone(name)
	if err == nil {
		err = mine(r, &row)
	}
	if errors.Is(err, store.ErrNotFound) {
		err = hosting.NoZone(name)
	}
	return row, err
}

func loadZone(r store.Reader, row *store.Zone) (*zone.Zone, error) {
	kept, err := r.ZoneParts(row.Name)
	if err != nil {
		return nil, err
	}
	text := make(map[int64]string, len(kept))
	for _, p := range kept {
		text[p.Key] = p.Text
	}
	parts := make([]zone.Part, len(row.Parts))
	for i, key := range row.Parts {
		parts[i] = zone.Part{Key: key, Text: text[key]}
	}
	return zone.Load(row.Name, parts)
}

// zoneNow is a zone for the name server.
func (e *Estate) zoneNow(ctx context.Context, name latchkey.Domain) (z *zone.Zone, err error) {
	err = e.Store.Read(ctx, func(r store.Reader) error {
		row, err := r.Zone(name)
		if err == nil {
			z, err = loadZone(r, &row)
		}
		return err
	})
	return z, err
}

// changeZone makes of a zone what change makes of it, keeps it and has it served.
// also is done in the same transaction.
func (e *Estate) changeZone(ctx context.Context, act *audit.Act, caller *latchkey.Caller, name latchkey.Domain, mine owns, change func(*zone.Zone) (*zone.Zone, error), also ...func(store.Tx) error) (is *zone.Zone, err error) {
	err = e.zones.with(name, func(s *zoneSlot) error {
		for range 5 {
			row, was, err := e.readZone(ctx, s, name, mine)
			if err != nil {
				return err
			}
			if is, err = change(was); err != nil {
				return err
			}
			if err := e.DNS.Check(ctx, is); err != nil {
				return err
			}
			now := row
			now.Version, now.Serial = newVersion(), is.Serial()
			if err = e.keepZone(ctx, act, caller, row.Version, now, was, is, mine, also); err == nil {
				s.zone, s.version = is, now.Version
				return e.serveZone(ctx, was, is)
			}
			if !errors.Is(err, errChanged) {
				return err
			}
		}
		return latchkey.Errorf(latchkey.Unavailable, "Others change the DNS zone at the same time: try again.")
	})
	if err != nil {
		return nil, err
	}
	return is, nil
}

// errChanged says that a zone is another than the one that was read.
var errChanged = errors.New("the zone has changed meanwhile")

// keepZone writes the parts of is that was does not have.
func (e *Estate) keepZone(ctx context.Context, act *audit.Act, caller *latchkey.Caller, read int64, row store.Zone, was, is *zone.Zone, mine owns, also []func(store.Tx) error) error {
	drop, put := partsOf(&row, was, is)
	return e.commit(ctx, act, caller, func(tx store.Tx) error {
		now, err := findZone(tx, row.Name, mine)
		if err != nil {
			return err
		}
		if now.Version != read {
			return errChanged
		}
		for _, do := range also {
			if err := do(tx); err != nil {
				return err
			}
		}
		return tx.UpdateZone(row, drop, put)
	})
}

// partsOf says which parts a zone consists of, which are no more, and which are
// new.
func partsOf(row *store.Zone, was, is *zone.Zone) (drop []int64, put []store.ZonePart) {
	had := make(map[int64]bool)
	if was != nil {
		for _, p := range was.Parts() {
			had[p.Key] = true
		}
	}
	row.Parts = nil
	for _, p := range is.Parts() {
		row.Parts = append(row.Parts, p.Key)
		if had[p.Key] {
			delete(had, p.Key)
			continue
		}
		put = append(put, store.ZonePart{Key: p.Key, Text: p.Text})
	}
	for key := range had {
		drop = append(drop, key)
	}
	slices.Sort(drop)
	return drop, put
}

// newVersion is another number every time.
func newVersion() int64 {
	var b [8]byte
	rand.Read(b[:])
	return int64(binary.BigEndian.Uint64(b[:]) >> 1)
}

// serveZone has a version served that is kept already.
func (e *Estate) serveZone(ctx context.Context, was, is *zone.Zone) error {
	err := e.DNS.Serve(context.WithoutCancel(ctx), was, is)
	e.zones.setBehind(is.Name(), err != nil)
	if err == nil {
		return nil
	}
	e.Log.Error("a zone is kept but not served yet, and will be tried again", "zone", is.Name(), "serial", is.Serial(), "err", err)
	return &latchkey.Error{Kind: latchkey.Unavailable, Err: err,
		Msg: "The DNS zone has changed, but the name server does not answer with the change yet. The server will go on with it by itself; look again later."}
}

// repairZones has those served that could not be so far.
func (e *Estate) repairZones(ctx context.Context) {
	for _, name := range e.zones.takeBehind() {
		err := e.zones.with(name, func(*zoneSlot) error {
			z, err := e.zoneNow(ctx, name)
			if err != nil {
				return gone(err)
			}
			return e.DNS.Serve(ctx, nil, z)
		})
		if err != nil {
			e.zones.setBehind(name, true)
			continue
		}
		e.Log.Info("serves a zone that could not be served earlier", "zone", name)
	}
}

// announceZones tells the name server of every zone there is.
func (e *Estate) announceZones(ctx context.Context) error {
	if e.DNS == (silent{}) {
		return nil
	}
	const page = 1000
	var after latchkey.Domain
	for {
		var list []store.Zone
		err := e.Store.Read(ctx, func(r store.Reader) (err error) {
			list, err = r.ZonesAfter(after, page)
			return err
		})
		if err != nil {
			return err
		}
		for i := range list {
			name := list[i].Name
			load := func() (*zone.Zone, error) { return e.zoneNow(context.Background(), name) }
			if err := e.DNS.Promise(name, load); err != nil {
				return err
			}
		}
		if len(list) < page {
			return nil
		}
		after = list[page-1].Name
	}
}

// template is the template with a name. Of one that is no good any more the last that
// was is taken, and the log says so.
func (e *Estate) template(name string) (zone.Template, error) {
	t, err := e.Templates.Named(name)
	switch {
	case err == nil, latchkey.KindOf(err) == latchkey.NotFound:
		return t, err
	case t != zone.Template{}:
		e.Log.Error("a zone template cannot be used: what it was before is", "err", err)
		return t, nil
	}
	e.Log.Error("a zone template cannot be used", "err", err)
	return t, &latchkey.Error{Kind: latchkey.Unavailable, Err: err, Msg: "No DNS zone can be made for the domain: ask the administrator to look at the zone template."}
}

// planned is a zone that is to be made of a template.
type planned struct {
	name         latchkey.Domain
	ip, template string
	servers      []string
	serial       uint32 // of the zone there was; 0 for none
}

// newZone is the zone of a new domain, or of one that had another before.
func (e *Estate) newZone(p planned) (*zone.Zone, error) {
	t, err := e.template(p.template)
	if err != nil {
		return nil, err
	}
	if a, err := netip.ParseAddr(p.ip); err != nil || !a.Is4() {
		p.ip = "" // the template has the addresses of IPv4 alone
	}
	host := zone.HostName(e.Server.Hostname)
	z, err := t.Zone(zone.Values{Domain: p.name, IP: p.ip, Nameservers: p.servers, Hostname: host, Now: e.Now(), Serial: p.serial})
	if err != nil {
		e.Log.Error("no zone can be made of the template", "zone", p.name, "err", err)
		err = &latchkey.Error{Kind: latchkey.Unavailable, Err: err, Msg: "No DNS zone can be made for the domain: ask the administrator to look at the zone template and the name of the server."}
	}
	return z, err
}

// insertZone keeps the zone of a new domain; the account's intent has it served.
func (e *Estate) insertZone(tx store.Tx, by *latchkey.Caller, account latchkey.AccountID, p planned) error {
	if err := notBelowForeign(tx, by, account, p.name); err != nil {
		return err
	}
	z, err := e.newZone(p)
	if err != nil {
		return err
	}
	row := store.Zone{Name: p.name, Account: account, Version: newVersion(), Serial: z.Serial()}
	_, parts := partsOf(&row, nil, z)
	err = tx.InsertZone(row, parts)
	if latchkey.KindOf(err) == latchkey.Exists {
		err = &latchkey.Error{Kind: latchkey.Exists, Param: "domain", Msg: "A DNS zone named " + string(p.name) + " already exists: remove it first."}
	}
	return err
}

// nameserversOf are the ones that an account's zones name.
func (e *Estate) nameserversOf(r store.Reader, id latchkey.AccountID) ([]string, error) {
	a, err := r.AccountByID(id)
	if err != nil {
		return nil, err
	}
	return e.nameservers(r, a.Owner)
}

// nameservers are the ones that the zones of an owner's accounts name: the
// reseller's, or else the server's.
func (e *Estate) nameservers(r store.Reader, owner latchkey.AccountName) ([]string, error) {
	a, err := r.Account(owner)
	if err != nil || !a.Reseller {
		return e.Server.Nameservers, gone(err)
	}
	s, err := r.Reseller(a.ID)
	if err != nil || len(s.Nameservers) == 0 {
		return e.Server.Nameservers, gone(err)
	}
	names := make([]string, len(s.Nameservers))
	for i, n := range s.Nameservers {
		names[i] = string(n)
	}
	return names, nil
}

// notBelowForeign keeps a new zone from taking names out of somebody else's: the
// longest zone answers. The server's own changes have no caller.
func notBelowForeign(r store.Reader, by *latchkey.Caller, account latchkey.AccountID, name latchkey.Domain) error {
	if by == nil || by.OverAll() {
		return nil
	}
	for _, parent, more := strings.Cut(string(name), "."); more && parent != ""; _, parent, more = strings.Cut(parent, ".") {
		owner, err := ownerAt(r, latchkey.Domain(parent))
		if err != nil {
			return err
		}
		if owner == 0 || owner == account {
			continue
		}
		if a, err := r.AccountByID(owner); err != nil || !by.Commands(&a) {
			return &latchkey.Error{Kind: latchkey.Exists, Param: "domain", Msg: "The domain “" + parent + "” already exists on this server and is not yours: “" + string(name) + "” cannot be taken out of it."}
		}
	}
	return nil
}

// zonesOf are the names of an account's zones.
func (e *Estate) zonesOf(ctx context.Context, id latchkey.AccountID) (names []latchkey.Domain, err error) {
	err = e.Store.Read(ctx, func(r store.Reader) error {
		rows, err := r.Zones(id)
		for i := range rows {
			names = append(names, rows[i].Name)
		}
		return err
	})
	return names, err
}

// serveAll has every zone of an account served.
func (e *Estate) serveAll(ctx context.Context, id latchkey.AccountID) error {
	return e.eachZone(ctx, id, func(name latchkey.Domain) error {
		z, err := e.zoneNow(ctx, name)
		if err != nil {
			return gone(err)
		}
		return e.DNS.Serve(ctx, nil, z)
	})
}

// withdrawAll ends the answers for every zone of an account.
func (e *Estate) withdrawAll(ctx context.Context, id latchkey.AccountID) error {
	return e.eachZone(ctx, id, func(name latchkey.Domain) error { return e.DNS.Withdraw(ctx, name) })
}

func (e *Estate) eachZone(ctx context.Context, id latchkey.AccountID, fn func(latchkey.Domain) error) error {
	names, err := e.zonesOf(ctx, id)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := e.zones.with(name, func(*zoneSlot) error { return fn(name) }); err != nil {
			return err
		}
	}
	return nil
}

// ownZones are the zones of one account.
type ownZones struct{ *account }

func (z *ownZones) mine(_ store.Reader, row *store.Zone) error {
	if row.Account != z.caller.Account {
		return store.ErrNotFound
	}
	return nil
}

func (z *ownZones) List(ctx context.Context) ([]latchkey.Domain, error) {
	return z.e.zonesOf(ctx, z.caller.Account)
}

func (z *ownZones) Zone(ctx context.Context, name latchkey.Domain) (is *zone.Zone, err error) {
	return z.e.seeZone(ctx, z.act, name, z.mine)
}

func (e *Estate) seeZone(ctx context.Context, act *audit.Act, name latchkey.Domain, mine owns) (is *zone.Zone, err error) {
	act.On(latchkey.Resource{Kind: latchkey.RecordKind, Zone: string(name), Some: true})
	err = e.zones.with(name, func(s *zoneSlot) (err error) {
		_, is, err = e.readZone(ctx, s, name, mine)
		return err
	})
	return is, err
}

func (z *ownZones) Edit(ctx context.Context, name latchkey.Domain, change func(*zone.Zone) (zone.Edit, error)) (*zone.Zone, error) {
	return z.e.changeZone(ctx, z.act, z.caller, name, z.mine, func(was *zone.Zone) (*zone.Zone, error) {
		edit, err := change(was)
		if err != nil {
			return nil, err
		}
		noteEdit(z.act, was, edit)
		if err := hosting.CheckEdit(was, edit); err != nil {
			return nil, err
		}
		is, err := was.Edit(edit, z.e.Now())
		if err == nil {
			err = z.e.fits(was, is)
		}
		return is, err
	})
}

// fits says why an account may not let a zone grow so. What is larger already, since
// the administrator made it so or a limit fell, may shrink.
func (e *Estate) fits(was, is *zone.Zone) error {
	if e.ZoneSize <= 0 || is.Size() <= e.ZoneSize || is.Size() <= was.Size() {
		return nil
	}
	return latchkey.Errorf(latchkey.Limit, "The DNS zone would be too large: it may have at most %d bytes here, and would have %d. Remove records first, or ask the server’s administrator.", e.ZoneSize, is.Size())
}

// noteEdit notes the records that an edit touches, as they were and as they are
// to be.
func noteEdit(act *audit.Act, was *zone.Zone, edit zone.Edit) {
	touched, _ := was.Touches(edit) // what is wrong with the edit is said by who makes it
	for _, t := range touched {
		act.On(hosting.RecordOf(was.Name(), t.Name, t.Type))
	}
}

func (z *ownZones) Reset(ctx context.Context, name latchkey.Domain) (*zone.Zone, error) {
	return z.e.resetZone(ctx, z.act, z.caller, name, z.mine)
}

// resetZone makes a zone anew. Its parts get other keys than they had.
func (e *Estate) resetZone(ctx context.Context, act *audit.Act, caller *latchkey.Caller, name latchkey.Domain, mine owns) (*zone.Zone, error) {
	var servers []string
	err := e.Store.Read(ctx, func(r store.Reader) error {
		row, err := findZone(r, name, mine)
		if err == nil {
			servers, err = e.nameserversOf(r, row.Account)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return e.changeZone(ctx, act, caller, name, mine, func(was *zone.Zone) (*zone.Zone, error) {
		z, err := e.newZone(planned{name: name, ip: e.Server.IP, template: zone.Standard, servers: servers, serial: was.Serial()})
		if err != nil {
			return nil, err
		}
		return z.After(was), nil
	})
}
