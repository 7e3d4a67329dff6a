// Package dynamicdns is the module DynamicDNS: hosts of the account's zones whose
// addresses follow whoever calls a secret address.
package dynamicdns

import (
	"context"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Module is the module DynamicDNS, of UAPI.
var Module = api.Module[hosting.Account]{
	Name: "DynamicDNS",
	Doc:  "The account's dynamic DNS domains.",
	Funcs: []api.Func[hosting.Account]{
		{Name: "create", Feature: latchkey.FeatureDynamicDNS, Role: api.DNS, Scope: api.Things, Effect: api.Write, Run: api.Run(create),
			Doc: "Make a name of a zone follow whoever calls its address, /cpanelwebcall/ID."},
		{Name: "delete", Feature: latchkey.FeatureDynamicDNS, Role: api.DNS, Scope: api.Things, Effect: api.Write, Run: api.Run(remove),
			Doc: "End a dynamic DNS domain and remove the addresses that calls have set."},
		{Name: "list", Feature: latchkey.FeatureDynamicDNS, Role: api.DNS, Scope: api.Things, Run: api.Run(list),
			Doc: "List the dynamic DNS domains. Who may not change one is not told its ID."},
		{Name: "recreate", Feature: latchkey.FeatureDynamicDNS, Role: api.DNS, Scope: api.Things, Effect: api.Write, Run: api.Run(recreate),
			Doc: "Give a dynamic DNS domain another ID; the one it has ends."},
		{Name: "set_description", Feature: latchkey.FeatureDynamicDNS, Role: api.DNS, Scope: api.Things, Effect: api.Write, Run: api.Run(describe),
			Doc: "Set the description of a dynamic DNS domain."},
	},
}

// idParams name a dynamic DNS domain by what it is called with.
type idParams struct {
	ID latchkey.Secret `param:"id" doc:"The ID of the dynamic DNS domain."`
}

type createParams struct {
	Domain      hosting.ZoneParam `param:"domain" doc:"The name: one of the account's zones, or one that lies in it."`
	Description string            `param:"description,optional" doc:"What it is, for people."`
}

type created struct {
	Created int64  `json:"created_time"`
	ID      string `json:"id"`
}

// UAPI: DynamicDNS::create.
func create(ctx context.Context, acct hosting.Account, p createParams) (created, error) {
	in, err := hosting.ZoneOf(ctx, acct.Zones(), p.Domain.Domain)
	if err != nil {
		return created{}, err
	}
	d, err := acct.DynamicHosts().Create(ctx, in.Name(), p.Domain.Domain, p.Description)
	return created{d.Created.Unix(), d.ID.Reveal()}, err
}

type removed struct {
	Deleted bool `json:"deleted"`
}

// UAPI: DynamicDNS::delete.
func remove(ctx context.Context, acct hosting.Account, p idParams) (removed, error) {
	err := acct.DynamicHosts().Remove(ctx, p.ID)
	if latchkey.KindOf(err) == latchkey.NotFound {
		return removed{}, nil
	}
	return removed{err == nil}, err
}

// row is a dynamic DNS domain as clients get it.
type row struct {
	Created     int64           `json:"created_time"`
	Description string          `json:"description"`
	Domain      latchkey.Domain `json:"domain"`
	ID          *string         `json:"id"`
	Runs        []int64         `json:"last_run_times"`
	Updated     *int64          `json:"last_update_time"`
}

// UAPI: DynamicDNS::list.
func list(ctx context.Context, acct hosting.Account, _ api.None) ([]row, error) {
	hosts, err := acct.DynamicHosts().List(ctx)
	rows := make([]row, len(hosts))
	for i := range hosts {
		rows[i] = rowOf(&hosts[i], acct.Caller())
	}
	return rows, err
}

func rowOf(d *hosting.DynamicHost, c *latchkey.Caller) row {
	r := row{Created: d.Created.Unix(), Description: d.Description, Domain: d.Name, Runs: make([]int64, len(d.Runs))}
	for i, at := range d.Runs {
		r.Runs[i] = at.Unix()
	}
	if !d.Updated.IsZero() {
		at := d.Updated.Unix()
		r.Updated = &at
	}
	if mayChange(c, d) {
		id := d.ID.Reveal()
		r.ID = &id
	}
	return r
}

// mayChange reports whether c may change d: with its ID anybody could.
func mayChange(c *latchkey.Caller, d *hosting.DynamicHost) bool {
	if c.ReadOnly || c.Looking {
		return false
	}
	return c.Rights == nil || c.Rights.Covers(latchkey.Called{Module: "DynamicDNS", Name: "recreate", Write: true}, d.Records()...)
}

type recreated struct {
	ID string `json:"id"`
}

// UAPI: DynamicDNS::recreate.
func recreate(ctx context.Context, acct hosting.Account, p idParams) (recreated, error) {
	d, err := acct.DynamicHosts().Renew(ctx, p.ID)
	return recreated{d.ID.Reveal()}, err
}

type describeParams struct {
	idParams
	Description string `param:"description" doc:"What it is, for people; may be empty."`
}

// UAPI: DynamicDNS::set_description.
func describe(ctx context.Context, acct hosting.Account, p describeParams) (api.Void, error) {
	return nil, acct.DynamicHosts().Describe(ctx, p.ID, p.Description)
}
