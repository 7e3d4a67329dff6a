// Package emailauth is the module EmailAuth: the records in the account's zones
// that tell others which mail of a domain is genuine. dkim.go, spf.go and dmarc.go
// have one kind each.
package emailauth

import (
	"context"
	"errors"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

const feature = latchkey.FeatureEmailAuth

// Module is the module EmailAuth, of UAPI. Its functions stand on the zones, and
// to narrow tokens are about the records that they read and write.
var Module = api.Module[hosting.Account]{
	Name: "EmailAuth",
	Doc:  "The records that tell which mail of the account's domains is genuine: SPF, DKIM and DMARC.",
	Funcs: []api.Func[hosting.Account]{
		{Name: "ensure_dkim_keys_exist", Feature: feature, Role: api.DNS, Scope: api.Things, Effect: api.Write, Run: api.Run(ensureKeys),
			Doc: "Make a DKIM key for every one of the domains that has none."},
		{Name: "enable_dkim", Feature: feature, Role: api.DNS, Scope: api.Things, Effect: api.Write, Run: api.Run(enableDKIM),
			Doc: "Publish the DKIM keys of domains, making those that there are not yet."},
		{Name: "disable_dkim", Feature: feature, Role: api.DNS, Scope: api.Things, Effect: api.Write, Run: api.Run(disableDKIM),
			Doc: "Take the DKIM records of domains away. Their keys stay."},
		{Name: "install_dkim_private_keys", Feature: feature, Role: api.DNS, Scope: api.Things, Effect: api.Write, Run: api.Run(installKeys),
			Doc: "Put DKIM keys in the place of those that domains have."},
		{Name: "fetch_dkim_private_keys", Feature: feature, Role: api.DNS, Scope: api.Things, Effect: api.Write, Run: api.Run(fetchKeys),
			Doc: "Show the private DKIM keys of domains."},
		{Name: "validate_current_dkims", Feature: feature, Role: api.DNS, Scope: api.Things, Run: api.Run(validateDKIM),
			Doc: "Tell whether the DKIM records of domains are those of their keys."},
		{Name: "install_spf_records", Feature: feature, Role: api.DNS, Scope: api.Things, Effect: api.Write, Run: api.Run(installSPF),
			Doc: "Set the SPF records of domains."},
		{Name: "validate_current_spfs", Feature: feature, Role: api.DNS, Scope: api.Things, Run: api.Run(validateSPF),
			Doc: "Tell whether the SPF records of domains let this server send mail for them."},
		{Name: "apply_dmarc", Feature: feature, Role: api.DNS, Scope: api.Things, Effect: api.Write, Run: api.Run(applyDMARC),
			Doc: "Set the DMARC record of domains."},
		{Name: "remove_dmarc", Feature: feature, Role: api.DNS, Scope: api.Things, Effect: api.Write, Run: api.Run(removeDMARC),
			Doc: "Take the DMARC records of domains away."},
		{Name: "validate_current_dmarcs", Feature: feature, Role: api.DNS, Scope: api.Things, Run: api.Run(validateDMARC),
			Doc: "Show the DMARC records of domains."},
		{Name: "validate_current_ptrs", Feature: feature, Role: api.DNS, Scope: api.Things, Run: api.Run(validatePTR),
			Doc: "Tell what is known here of the name of the server's address."},
	},
}

// domainsParams name domains, each by itself.
type domainsParams struct {
	Domains []hosting.ZoneParam `param:"domain" doc:"A domain."`
}

// done is what came of one domain.
type done struct {
	Domain latchkey.Domain `json:"domain"`
	Msg    string          `json:"msg"`
	OK     bool            `json:"status"`
}

// each does do for every domain. What one of them is refused for stands in its
// row; the first that may not be touched at all ends the call.
func each(ctx context.Context, acct hosting.Account, domains []hosting.ZoneParam, do func(z *zone.Zone, i int) (string, error)) ([]done, error) {
	zones := make([]*zone.Zone, len(domains))
	for i, d := range domains {
		var err error
		if zones[i], err = hosting.ZoneOf(ctx, acct.Zones(), d.Domain); err != nil {
			return nil, err
		}
	}
	list := make([]done, len(domains))
	for i, d := range domains {
		msg, err := do(zones[i], i)
		switch latchkey.KindOf(err) {
		case latchkey.Invalid, latchkey.Exists, latchkey.NotFound, latchkey.Limit:
			msg = latchkey.AsError(err).Msg
		default:
			if err != nil {
				return nil, err
			}
		}
		list[i] = done{d.Domain, msg, err == nil}
	}
	return list, nil
}

// all are the domains that were named, or those that have zones.
func all(ctx context.Context, acct hosting.Account, named []hosting.ZoneParam) ([]hosting.ZoneParam, error) {
	if len(named) > 0 {
		return named, nil
	}
	names, err := acct.Zones().List(ctx)
	list := make([]hosting.ZoneParam, len(names))
	for i, name := range names {
		list[i].Domain = name
	}
	return list, err
}

// errSame ends an edit that would change nothing.
var errSame = errors.New("nothing would change")

// set makes text the one text of a name that begins with word; none, if it is
// empty. It says what it did.
func set(ctx context.Context, acct hosting.Account, in latchkey.Domain, name, word, text string) (told string, err error) {
	_, err = acct.Zones().Edit(ctx, in, func(z *zone.Zone) (e zone.Edit, err error) {
		var needed bool
		if e, told, needed = hosting.TextEdit(z, name, word, text); !needed {
			err = errSame
		}
		return e, err
	})
	if errors.Is(err, errSame) {
		err = nil
	}
	return told, err
}
