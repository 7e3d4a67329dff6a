package emailauth

import (
	"context"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Host is WHM's functions for the domains of all accounts. Each is the account's
// own, in the hands of who acts for it.
var Host = api.Module[hosting.Host]{Name: "whm", Funcs: []api.Func[hosting.Host]{
	{Name: "ensure_dkim_keys_exist", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNS, Effect: api.Write, Run: api.Run(onHost(ensureKeys)),
		Doc: "Make a DKIM key for every one of the domains that has none."},
	{Name: "enable_dkim", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNS, Effect: api.Write, Run: api.Run(onHost(enableDKIM)),
		Doc: "Publish the DKIM keys of domains, making those that there are not yet."},
	{Name: "disable_dkim", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNS, Effect: api.Write, Run: api.Run(onHost(disableDKIM)),
		Doc: "Take the DKIM records of domains away. Their keys stay."},
	{Name: "install_dkim_private_keys", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNS, Effect: api.Write, Run: api.Run(onHost(installKeys)),
		Doc: "Put DKIM keys in the place of those that domains have."},
	{Name: "fetch_dkim_private_keys", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNS, Effect: api.Write, Run: api.Run(onHost(fetchKeys)),
		Doc: "Show the private DKIM keys of domains."},
	{Name: "validate_current_dkims", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNS, Run: api.Run(onHost(validateDKIM)),
		Doc: "Tell whether the DKIM records of domains are those of their keys."},
	{Name: "install_spf_records", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNS, Effect: api.Write, Run: api.Run(onHost(installSPF)),
		Doc: "Set the SPF records of domains."},
	{Name: "validate_current_spfs", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNS, Run: api.Run(onHost(validateSPF)),
		Doc: "Tell whether the SPF records of domains let this server send mail for them."},
	{Name: "apply_dmarc", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNS, Effect: api.Write, Run: api.Run(onHost(applyDMARC)),
		Doc: "Set the DMARC record of domains, or of all."},
	{Name: "remove_dmarc", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNS, Effect: api.Write, Run: api.Run(onHost(removeDMARC)),
		Doc: "Take the DMARC records of domains away, or of all."},
	{Name: "validate_current_dmarcs", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNS, Run: api.Run(onHost(validateDMARC)),
		Doc: "Show the DMARC records of domains, or of all."},
	{Name: "validate_current_ptrs", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNS, Run: api.Run(onHost(validatePTR)),
		Doc: "Tell what is known here of the name of the server's address."},
}}

// several is parameters about several domains, that can be had for one of them.
type several[P any] interface {
	domains() []hosting.ZoneParam
	// only is the parameters for the domain d, which is the one with the number i.
	only(d hosting.ZoneParam, i int) P
}

func (p domainsParams) domains() []hosting.ZoneParam { return p.Domains }
func (p dmarcParams) domains() []hosting.ZoneParam   { return p.Domains }

func (p domainsParams) only(d hosting.ZoneParam, _ int) domainsParams {
	return domainsParams{[]hosting.ZoneParam{d}}
}

func (p dmarcParams) only(d hosting.ZoneParam, _ int) dmarcParams {
	return dmarcParams{[]hosting.ZoneParam{d}}
}

func (p applyParams) only(d hosting.ZoneParam, i int) applyParams {
	return applyParams{p.dmarcParams.only(d, i), p.Policy}
}

func (p installKeysParams) only(d hosting.ZoneParam, i int) installKeysParams {
	one := installKeysParams{domainsParams: p.domainsParams.only(d, i)}
	if len(p.Keys) == len(p.Domains) {
		one.Keys = p.Keys[i : i+1]
	}
	return one
}

func (p installSPFParams) only(d hosting.ZoneParam, i int) installSPFParams {
	one := installSPFParams{domainsParams: p.domainsParams.only(d, i)}
	if len(p.Records) == len(p.Domains) {
		one.Records = p.Records[i : i+1]
	}
	return one
}

type payload[R any] struct {
	Rows []R `json:"payload"`
}

// onHost is a function of an account for the domains of any. The first that there
// is not, or that is not the caller's to touch, ends the call before anything is
// done.
func onHost[P several[P], R any](run func(context.Context, hosting.Account, P) ([]R, error)) func(context.Context, hosting.Host, P) (payload[R], error) {
	return func(ctx context.Context, h hosting.Host, p P) (payload[R], error) {
		all := payload[R]{[]R{}}
		domains := p.domains()
		owners, err := ownersOf(ctx, h, &domains)
		for i := 0; i < len(owners) && err == nil; i++ {
			var rows []R
			rows, err = run(ctx, owners[i], p.only(domains[i], i))
			all.Rows = append(all.Rows, rows...)
		}
		return all, err
	}
}

// ownersOf are the accounts of domains; where none is named, domains become those
// of all accounts that have a zone.
func ownersOf(ctx context.Context, h hosting.Host, domains *[]hosting.ZoneParam) (owners []hosting.Account, err error) {
	named := *domains
	if every := len(named) == 0; every {
		zones, err := h.Zones().List(ctx)
		if err != nil {
			return nil, err
		}
		for _, z := range zones {
			if _, err := ownerOf(ctx, h, z); err == nil {
				*domains = append(*domains, hosting.ZoneParam{Domain: z})
			}
		}
		named = *domains
	}
	for _, d := range named {
		acct, err := ownerOf(ctx, h, d.Domain)
		if err != nil {
			return nil, err
		}
		owners = append(owners, acct)
	}
	return owners, nil
}

// ownerOf is the account that a domain, or one above it, belongs to.
func ownerOf(ctx context.Context, h hosting.Host, domain latchkey.Domain) (hosting.Account, error) {
	var first error
	for name := string(domain); strings.Contains(name, "."); _, name, _ = strings.Cut(name, ".") {
		a, _, err := h.FindDomain(ctx, latchkey.Domain(name))
		if err == nil {
			return h.As(ctx, a.Name)
		}
		if first == nil {
			first = err
		}
		if latchkey.KindOf(err) != latchkey.NotFound {
			break
		}
	}
	return nil, first
}
