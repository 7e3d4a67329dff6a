package dnssec

import (
	"context"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Host is WHM's functions for signed zones. What fails of several zones stands with
// the zone; of one alone it is the call's error.
var Host = api.Module[hosting.Host]{Name: "whm", Funcs: []api.Func[hosting.Host]{
	{Name: "enable_dnssec_for_domains", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNSSEC, Effect: api.Write, Run: api.Run(hostEnable), Doc: "Sign zones."},
	{Name: "disable_dnssec_for_domains", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNSSEC, Effect: api.Write, Run: api.Run(hostDisable), Doc: "Sign zones no more, and throw their keys away."},
	{Name: "fetch_ds_records_for_domains", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNSSEC, Run: api.Run(hostFetchDS), Doc: "List the keys of zones, with the digests that a registrar asks for."},
	{Name: "set_nsec3_for_domains", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNSSEC, Effect: api.Write, Run: api.Run(hostSetNSEC3), Doc: "Have signed zones say what is not there by NSEC3."},
	{Name: "unset_nsec3_for_domains", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNSSEC, Effect: api.Write, Run: api.Run(hostUnsetNSEC3), Doc: "Have signed zones say what is not there by NSEC."},
	{Name: "export_zone_dnskey", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNSSEC, Run: api.Run(hostExportPublic), Doc: "Show the public part of a key."},
	{Name: "export_zone_key", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNSSEC, Effect: api.Write, Run: api.Run(hostExportPrivate), Doc: "Show the private part of a key."},
}}

// perDomain is the answer about several zones.
type perDomain struct {
	Domains []any `json:"domains"`
}

func forEach(domains []hosting.ZoneParam, do func(latchkey.Domain) (any, error)) (perDomain, error) {
	list := perDomain{[]any{}}
	for _, d := range domains {
		is, err := do(d.Domain)
		if err != nil && len(domains) == 1 {
			return perDomain{}, err
		}
		list.Domains = append(list.Domains, is)
	}
	return list, nil
}

type hostEnabled struct {
	Domain latchkey.Domain `json:"domain"`
	enabled
}

// WHM: enable_dnssec_for_domains.
func hostEnable(ctx context.Context, h hosting.Host, p enableParams) (perDomain, error) {
	how, err := p.signing()
	if err != nil {
		return perDomain{}, err
	}
	return forEach(p.Domains, func(name latchkey.Domain) (any, error) {
		is, err := sign(ctx, h.Zones(), name, how)
		if err != nil {
			is.Error = told(err)
		}
		return hostEnabled{name, is}, err
	})
}

type hostDisabled struct {
	Disabled bool            `json:"disabled"`
	Domain   latchkey.Domain `json:"domain"`
	Error    string          `json:"error,omitempty"`
}

// WHM: disable_dnssec_for_domains.
func hostDisable(ctx context.Context, h hosting.Host, p domainsParams) (perDomain, error) {
	return forEach(p.Domains, func(name latchkey.Domain) (any, error) {
		err := h.Zones().Unsign(ctx, name)
		return hostDisabled{err == nil, name, told(err)}, err
	})
}

type hostRecords struct {
	Domain  latchkey.Domain `json:"domain"`
	Records any             `json:"ds_records"`
	Error   string          `json:"error,omitempty"`
}

// WHM: fetch_ds_records_for_domains.
func hostFetchDS(ctx context.Context, h hosting.Host, p domainsParams) (perDomain, error) {
	return forEach(p.Domains, func(name latchkey.Domain) (any, error) {
		is, err := fetch(ctx, h.Zones(), name)
		return hostRecords{name, is, told(err)}, err
	})
}

// WHM: set_nsec3_for_domains.
func hostSetNSEC3(ctx context.Context, h hosting.Host, p nsec3Params) (perDomain, error) {
	return forEach(p.Domains, func(name latchkey.Domain) (any, error) {
		_, err := chain(ctx, h.Zones(), name, p.nsec3())
		return hostEnabled{name, enabled{Enabled: err == nil, Error: told(err)}}, err
	})
}

// WHM: unset_nsec3_for_domains.
func hostUnsetNSEC3(ctx context.Context, h hosting.Host, p domainsParams) (perDomain, error) {
	return forEach(p.Domains, func(name latchkey.Domain) (any, error) {
		_, err := chain(ctx, h.Zones(), name, nil)
		return hostDisabled{err == nil, name, told(err)}, err
	})
}

// WHM: export_zone_dnskey.
func hostExportPublic(ctx context.Context, h hosting.Host, p keyParams) (publicKey, error) {
	return public(ctx, h.Zones(), &p)
}

// WHM: export_zone_key.
func hostExportPrivate(ctx context.Context, h hosting.Host, p keyParams) (privateKey, error) {
	return private(ctx, h.Zones(), &p)
}
