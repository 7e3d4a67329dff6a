package estate

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/zone"
)

// dynamicHosts are the dynamic hosts of one account.
type dynamicHosts struct{ *account }

// The most dynamic hosts of an account, and how many of its latest calls are
// remembered. Calls that change nothing are noted once in a while.
const (
	maxDynamicHosts = 500
	keptRuns        = 5
	runEvery        = time.Minute
)

// dynamic is a row as its owner gets it.
func (d *dynamicHosts) dynamic(row *store.DynamicHost) (hosting.DynamicHost, error) {
	id, err := d.e.Keys.OpenCallBack(row)
	return hosting.DynamicHost{Zone: row.Zone, Name: row.Name, ID: id, Description: row.Description,
		Created: row.Created, Updated: row.Updated, Runs: row.Runs}, err
}

// row is the account's own row that id finds.
func (d *dynamicHosts) row(r store.Reader, id latchkey.Secret) (store.DynamicHost, error) {
	row, err := r.DynamicHostByMAC(d.e.Keys.CallBackMAC(id))
	if errors.Is(err, store.ErrNotFound) || err == nil && row.Account != d.caller.Account {
		err = hosting.NoDynamicHost()
	}
	return row, err
}

func (d *dynamicHosts) found(ctx context.Context, id latchkey.Secret) (row store.DynamicHost, err error) {
	err = d.e.Store.Read(ctx, func(r store.Reader) (err error) {
		row, err = d.row(r, id)
		return err
	})
	return row, err
}

func (d *dynamicHosts) Find(ctx context.Context, id latchkey.Secret) (hosting.DynamicHost, error) {
	row, err := d.found(ctx, id)
	if err != nil {
		return hosting.DynamicHost{}, err
	}
	return d.dynamic(&row)
}

func (d *dynamicHosts) List(ctx context.Context) (list []hosting.DynamicHost, err error) {
	err = d.e.Store.Read(ctx, func(r store.Reader) error {
		rows, err := r.DynamicHosts(d.caller.Account)
		for i := 0; i < len(rows) && err == nil; i++ {
			var one hosting.DynamicHost
			if one, err = d.dynamic(&rows[i]); err == nil {
				list = append(list, one)
			}
		}
		return err
	})
	return list, err
}

// renew gives a row another ID.
func (d *dynamicHosts) renew(row *store.DynamicHost) {
	id := auth.NewCallBack()
	row.MAC, row.Sealed = d.e.Keys.CallBackMAC(id), d.e.Keys.SealCallBack(row.Account, row.Name, id)
}

func (d *dynamicHosts) Create(ctx context.Context, in, name latchkey.Domain, description string) (hosting.DynamicHost, error) {
	if err := hosting.CheckDescription(description); err != nil {
		return hosting.DynamicHost{}, err
	}
	own := &ownZones{d.account}
	z, err := own.Zone(ctx, in)
	if err == nil {
		err = hosting.CheckDynamicHost(z, name)
	}
	if err != nil {
		return hosting.DynamicHost{}, err
	}
	row := store.DynamicHost{Name: name, Account: d.caller.Account, Zone: in, Description: description, Created: d.e.Now().UTC().Truncate(time.Microsecond)}
	d.renew(&row)
	err = d.e.commit(ctx, d.act, d.caller, func(tx store.Tx) error {
		if _, err := findZone(tx, in, own.mine); err != nil {
			return err
		}
		return d.insert(tx, row)
	})
	if err != nil {
		return hosting.DynamicHost{}, err
	}
	return d.dynamic(&row)
}

// insert adds a row in the place of one whose account no longer has the zone.
func (d *dynamicHosts) insert(tx store.Tx, row store.DynamicHost) error {
	all, err := tx.DynamicHosts(row.Account)
	if err == nil && len(all) >= maxDynamicHosts {
		err = latchkey.Errorf(latchkey.Limit, "The account has %d dynamic DNS domains already: delete one first.", len(all))
	}
	if err != nil {
		return err
	}
	if was, err := tx.DynamicHost(row.Name); err == nil && was.Account != row.Account {
		if err := tx.DeleteDynamicHost(row.Name); err != nil {
			return err
		}
	}
	err = tx.InsertDynamicHost(row)
	if latchkey.KindOf(err) == latchkey.Exists {
		err = &latchkey.Error{Kind: latchkey.Exists, Param: "domain", Msg: "The domain “" + string(row.Name) + "” is a dynamic DNS domain already."}
	}
	return err
}

// change changes the row that id finds.
func (d *dynamicHosts) change(ctx context.Context, id latchkey.Secret, change func(*store.DynamicHost)) (row store.DynamicHost, err error) {
	err = d.e.commit(ctx, d.act, d.caller, func(tx store.Tx) (err error) {
		if row, err = d.row(tx, id); err != nil {
			return err
		}
		change(&row)
		return tx.UpdateDynamicHost(row)
	})
	return row, err
}

func (d *dynamicHosts) Describe(ctx context.Context, id latchkey.Secret, description string) error {
	if err := hosting.CheckDescription(description); err != nil {
		return err
	}
	_, err := d.change(ctx, id, func(row *store.DynamicHost) { row.Description = description })
	return err
}

func (d *dynamicHosts) Renew(ctx context.Context, id latchkey.Secret) (hosting.DynamicHost, error) {
	row, err := d.change(ctx, id, d.renew)
	if err != nil {
		return hosting.DynamicHost{}, err
	}
	return d.dynamic(&row)
}

func (d *dynamicHosts) Remove(ctx context.Context, id latchkey.Secret) error {
	row, err := d.found(ctx, id)
	if err != nil {
		return err
	}
	gone := func(tx store.Tx) error {
		now, err := d.row(tx, id)
		if err == nil {
			err = tx.DeleteDynamicHost(now.Name)
		}
		return err
	}
	err = d.edit(ctx, &row, func(z *zone.Zone) (zone.Edit, bool) { return hosting.ForgetEdit(z, row.Name, row.V4, row.V6) }, gone)
	if errors.Is(err, errNothing) || latchkey.KindOf(err) == latchkey.NotFound { // the zone is no more, or not theirs
		return d.e.commit(ctx, d.act, d.caller, gone)
	}
	return err
}

// errNothing says that there is nothing to edit.
var errNothing = errors.New("there is nothing to edit")

// edit edits the zone of a host, and does also in the same transaction.
func (d *dynamicHosts) edit(ctx context.Context, row *store.DynamicHost, what func(*zone.Zone) (zone.Edit, bool), also func(store.Tx) error) error {
	own := &ownZones{d.account}
	_, err := d.e.changeZone(ctx, d.act, d.caller, row.Zone, own.mine, func(was *zone.Zone) (*zone.Zone, error) {
		edit, needed := what(was)
		if !needed {
			return nil, errNothing
		}
		return was.Edit(edit, d.e.Now())
	}, also)
	return err
}

func (d *dynamicHosts) Follow(ctx context.Context, id latchkey.Secret, at netip.Addr) error {
	at = at.Unmap().WithZone("")
	row, err := d.found(ctx, id)
	if err != nil {
		return err
	}
	now := d.e.Now().UTC().Truncate(time.Microsecond)
	called := func(row *store.DynamicHost) {
		row.Runs = slices.Insert(row.Runs, 0, now)
		row.Runs = row.Runs[:min(len(row.Runs), keptRuns)]
		if at.Is4() {
			row.V4 = at.String()
		} else {
			row.V6 = at.String()
		}
	}
	err = d.edit(ctx, &row, func(z *zone.Zone) (zone.Edit, bool) { return hosting.FollowEdit(z, row.Name, at) }, func(tx store.Tx) error {
		row, err := d.row(tx, id)
		if err != nil {
			return err
		}
		called(&row)
		row.Updated = now
		return tx.UpdateDynamicHost(row)
	})
	if !errors.Is(err, errNothing) {
		return err
	}
	if len(row.Runs) > 0 && now.Sub(row.Runs[0]) < runEvery && (row.V4 == at.String() || row.V6 == at.String()) {
		return nil
	}
	_, err = d.change(ctx, id, called)
	return err
}
