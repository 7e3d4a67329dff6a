// Package webvhosts is the module WebVhosts: which web site shows each of the
// account's domains.
package webvhosts

import (
	"context"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Module is the module WebVhosts.
var Module = api.Module[hosting.Account]{
	Name: "WebVhosts",
	Doc:  "Which web site shows each of the account's domains.",
	Funcs: []api.Func[hosting.Account]{
		{Name: "list_domains", Scope: api.Things, Lists: true, Run: api.Run(listDomains),
			Doc: "List the domains with their web sites, and whether these have a certificate."},
		{Name: "list_ssl_capable_domains", Scope: api.Things, Lists: true, Run: api.Run(listCapable),
			Doc: "List the domains that a certificate can be installed for, with their web sites."},
	},
}

type shown struct {
	Domain   latchkey.Domain `json:"domain"`
	Services []string        `json:"proxy_subdomains"` // none: they are no part of web sites here
	Secured  bool            `json:"vhost_is_ssl"`
	Site     latchkey.Domain `json:"vhost_name"`
}

// UAPI: WebVhosts::list_domains.
func listDomains(ctx context.Context, acct hosting.Account, _ api.None) ([]shown, error) {
	return each(ctx, acct, func(s *hosting.Site, name latchkey.Domain) shown {
		return shown{Domain: name, Secured: s.Certificate != nil, Site: s.Name}
	})
}

type capable struct {
	Domain latchkey.Domain `json:"domain"`
	Proxy  bool            `json:"is_proxy"`
	Site   latchkey.Domain `json:"vhost_name"`
}

type capableParams struct {
	Hide bool `param:"hide_temporary_domains,optional" doc:"Accepted. There are no temporary domains."`
}

// UAPI: WebVhosts::list_ssl_capable_domains.
func listCapable(ctx context.Context, acct hosting.Account, _ capableParams) ([]capable, error) {
	return each(ctx, acct, func(s *hosting.Site, name latchkey.Domain) capable { return capable{Domain: name, Site: s.Name} })
}

// each has a row for every name of every web site.
func each[R any](ctx context.Context, acct hosting.Account, row func(*hosting.Site, latchkey.Domain) R) ([]R, error) {
	sites, err := acct.Certificates().Sites(ctx)
	list := []R{}
	for i := range sites {
		for _, name := range sites[i].Names {
			list = append(list, row(&sites[i], name))
		}
	}
	return list, err
}
