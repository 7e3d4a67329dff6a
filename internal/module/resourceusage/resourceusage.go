// Package resourceusage is the module ResourceUsage: what an account uses of what
// it may use.
package resourceusage

import (
	"context"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Module is the module ResourceUsage.
var Module = api.Module[hosting.Account]{
	Name: "ResourceUsage",
	Doc:  "What the account uses of what it may use.",
	Funcs: []api.Func[hosting.Account]{
		{Name: "get_usages", Run: api.Run(usages),
			Doc: "List what the account uses and may use, as far as this server counts it."},
	},
}

// usage has null for what there is not: an error, a way to write the numbers, a
// limit. There are no pages to point to.
type usage struct {
	Description string `json:"description"`
	Error       any    `json:"error"`
	Formatter   any    `json:"formatter"`
	ID          string `json:"id"`
	Maximum     any    `json:"maximum"`
	URL         string `json:"url"`
	Usage       int64  `json:"usage"`
}

// maximum is a limit as the wire has it.
func maximum(most int64) any {
	if most == latchkey.Unlimited {
		return nil
	}
	return most
}

// UAPI: ResourceUsage::get_usages.
func usages(ctx context.Context, acct hosting.Account, _ api.None) ([]usage, error) {
	q, err := acct.Quota(ctx)
	if err != nil {
		return nil, err
	}
	owned, err := acct.Domains(ctx)
	if err != nil {
		return nil, err
	}
	boxes, err := acct.Mail().Count(ctx)
	if err != nil {
		return nil, err
	}
	kinds := map[latchkey.DomainKind]int64{}
	for _, d := range owned {
		kinds[d.Kind]++
	}
	a, err := acct.Info(ctx)
	if err != nil {
		return nil, err
	}
	limits := &a.Limits
	return []usage{
		{ID: "disk_usage", Description: "Disk Usage", Formatter: "format_bytes", Usage: q.Bytes, Maximum: maximum(q.ByteLimit)},
		{ID: "filesusage", Description: "File Usage", Usage: q.Inodes, Maximum: maximum(q.InodeLimit)},
		{ID: "addon_domains", Description: "Addon Domains", Usage: kinds[latchkey.AddonDomain], Maximum: maximum(limits.Addons)},
		{ID: "subdomains", Description: "Subdomains", Usage: kinds[latchkey.SubDomain], Maximum: maximum(limits.Subdomains)},
		{ID: "aliases", Description: "Aliases", Usage: kinds[latchkey.ParkedDomain], Maximum: maximum(limits.Parked)},
		{ID: "email_accounts", Description: "Email Accounts", Usage: boxes, Maximum: maximum(limits.Mailboxes)},
	}, nil
}
