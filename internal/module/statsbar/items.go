package statsbar

import (
	"context"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// items are the figures there are. A published one that is not among them
// belongs to something that this server does not have.
var items = []item{
	{name: "addondomains", title: "Addon Domains", module: "Park", feature: latchkey.FeatureAddonDomains,
		count: domains(latchkey.AddonDomain, func(l *latchkey.Limits) int64 { return l.Addons })},
	{name: "subdomains", title: "Subdomains", module: "SubDomain", feature: latchkey.FeatureSubdomains,
		count: domains(latchkey.SubDomain, func(l *latchkey.Limits) int64 { return l.Subdomains })},
	{name: "parkeddomains", title: "Aliases", module: "Park", feature: latchkey.FeatureParkedDomains,
		count: domains(latchkey.ParkedDomain, func(l *latchkey.Limits) int64 { return l.Parked })},
	{name: "emailaccounts", title: "Email Accounts", module: "Email", feature: latchkey.FeaturePopAccounts, role: api.MailReceive,
		count: mailboxes},
	{name: "mailinglists", title: "Mailing Lists", module: "Email", feature: latchkey.FeatureLists, role: api.MailReceive,
		count: lists},
	{name: "diskusage", title: "Disk Space Usage", module: "Quota", bytes: true, count: disk},
	{name: "fileusage", title: "File Usage", module: "Quota", count: files},
	{name: "cpanelversion", title: "Server Version", module: "StatsBar", text: server(func(s *hosting.Server) string { return s.Version })},
	{name: "hostname", title: "Server Name", module: "StatsBar", text: server(func(s *hosting.Server) string { return s.Hostname })},
	{name: "shorthostname", title: "Short Server Name", module: "StatsBar", text: server(func(s *hosting.Server) string {
		short, _, _ := strings.Cut(s.Hostname, ".")
		return short
	})},
	{name: "sharedip", title: "Shared IP Address", module: "StatsBar", text: server(func(s *hosting.Server) string { return s.IP })},
	{name: "hostingpackage", title: "Hosting Package", module: "StatsBar", text: info(func(a *latchkey.Account) string { return a.Package })},
	{name: "package", title: "Hosting Package", module: "StatsBar", text: info(func(a *latchkey.Account) string { return a.Package })},
	{name: "theme", title: "Theme", module: "StatsBar", text: info(func(a *latchkey.Account) string { return a.Theme })},
}

func domains(kind latchkey.DomainKind, most func(*latchkey.Limits) int64) func(context.Context, hosting.Account) (int64, int64, error) {
	return func(ctx context.Context, acct hosting.Account) (n, limit int64, err error) {
		owned, err := acct.Domains(ctx)
		if err != nil {
			return 0, 0, err
		}
		for _, d := range owned {
			if d.Kind == kind {
				n++
			}
		}
		limit, err = limitOf(ctx, acct, most)
		return n, limit, err
	}
}

func mailboxes(ctx context.Context, acct hosting.Account) (n, limit int64, err error) {
	if n, err = acct.Mail().Count(ctx); err != nil {
		return 0, 0, err
	}
	limit, err = limitOf(ctx, acct, func(l *latchkey.Limits) int64 { return l.Mailboxes })
	return n, limit, err
}

// lists is always 0 of what is allowed: nobody can make a list here.
func lists(ctx context.Context, acct hosting.Account) (n, limit int64, err error) {
	limit, err = limitOf(ctx, acct, func(l *latchkey.Limits) int64 { return l.Lists })
	return 0, limit, err
}

// limitOf is one of the account's limits.
func limitOf(ctx context.Context, acct hosting.Account, which func(*latchkey.Limits) int64) (int64, error) {
	a, err := acct.Info(ctx)
	if err != nil {
		return 0, err
	}
	return which(&a.Limits), nil
}

func disk(ctx context.Context, acct hosting.Account) (n, limit int64, err error) {
	q, err := acct.Quota(ctx)
	return q.Bytes, q.ByteLimit, err
}

func files(ctx context.Context, acct hosting.Account) (n, limit int64, err error) {
	q, err := acct.Quota(ctx)
	return q.Inodes, q.InodeLimit, err
}

func server(text func(*hosting.Server) string) func(context.Context, hosting.Account) (string, error) {
	return func(_ context.Context, acct hosting.Account) (string, error) { return text(acct.Server()), nil }
}

func info(text func(*latchkey.Account) string) func(context.Context, hosting.Account) (string, error) {
	return func(ctx context.Context, acct hosting.Account) (string, error) {
		a, err := acct.Info(ctx)
		if err != nil {
			return "", err
		}
		return text(a), nil
	}
}
