package email

import (
	"context"
	"math"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

type diskUsageParams struct {
	Domain hosting.DomainParam  `param:"domain" doc:"The domain of the mailbox."`
	User   hosting.MailboxParam `param:"user" doc:"Its name."`
}

type diskUsage struct {
	DiskUsed float64         `json:"diskused"` // megabytes
	Domain   latchkey.Domain `json:"domain"`
	Login    string          `json:"login"`
	User     string          `json:"user"`
}

// UAPI: Email::get_disk_usage.
func getDiskUsage(ctx context.Context, acct hosting.Account, p diskUsageParams) (diskUsage, error) {
	a, err := mailboxOf(ctx, acct, p.User, p.Domain)
	if err != nil {
		return diskUsage{}, err
	}
	mail := acct.Mail()
	if _, err := mail.Mailbox(ctx, a); err != nil {
		return diskUsage{}, err
	}
	u, err := mail.Usage(ctx, a)
	// Six decimals, so that the smallest message is seen.
	used := math.Round(float64(u.Bytes)/(1<<20)*1e6) / 1e6
	return diskUsage{DiskUsed: used, Domain: a.Domain, Login: a.String(), User: a.Local}, err
}

// UAPI: Email::get_main_account_disk_usage.
func mainDiskUsage(ctx context.Context, acct hosting.Account, _ api.None) (string, error) {
	q, err := acct.Quota(ctx)
	return human(q.Bytes), err
}

// UAPI: Email::get_main_account_disk_usage_bytes.
func mainDiskUsageBytes(ctx context.Context, acct hosting.Account, _ api.None) (int64, error) {
	q, err := acct.Quota(ctx)
	return q.Bytes, err
}
