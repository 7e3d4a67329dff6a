package hostingtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// clock is a clock that a test puts forward.
func clock(now time.Time) (latchkey.Clock, func(time.Duration)) {
	return func() time.Time { return now }, func(d time.Duration) { now = now.Add(d) }
}

// begun is an account in the hands of a call, whose home holds its mail alone.
type begun struct {
	*hostingtest.Account
	info latchkey.Account
}

func (b *begun) Info(context.Context) (*latchkey.Account, error) { return &b.info, nil }

func (b *begun) Quota(ctx context.Context) (hosting.Quota, error) {
	q := hosting.Quota{ByteLimit: latchkey.Unlimited, InodeLimit: b.info.Limits.Inodes}
	if b.info.Limits.DiskMB != latchkey.Unlimited {
		q.ByteLimit = b.info.Limits.DiskMB << 20
	}
	list, err := b.Mail().Mailboxes(ctx)
	for _, box := range list {
		u, err := b.Mail().Usage(ctx, box.Address)
		if err != nil {
			return q, err
		}
		q.Bytes += u.Bytes
		q.Inodes += u.Messages
	}
	return q, err
}

func TestAccount(t *testing.T) {
	hostingtest.RunAccount(t, func(t *testing.T) *hostingtest.Tenant {
		a := hostingtest.New()
		var wait func(time.Duration)
		a.Now, wait = clock(a.Now())
		return &hostingtest.Tenant{
			Open: func() hosting.Account { return &begun{a, a.Data} }, Now: a.Now, Wait: wait,
			Limit:   func(change func(*latchkey.Limits)) { change(&a.Data.Limits) },
			Suspend: func(on bool) { a.Data.Suspended = on },
			Own:     func(k latchkey.DomainKind, d latchkey.Domain) { a.Own(k, d, string(d)) },
			Deliver: func(at hosting.Address, message string) error {
				u, err := a.Mail().Usage(t.Context(), at)
				if err == nil {
					a.Fill(at, hosting.MailUsage{Bytes: u.Bytes + int64(len(message)), Messages: u.Messages + 1, Modified: a.Now()})
				}
				return err
			},
		}
	})
}

func TestHost(t *testing.T) {
	hostingtest.RunHost(t, func(t *testing.T) *hostingtest.Landlord {
		h := hostingtest.NewHost()
		var wait func(time.Duration)
		h.Now, wait = clock(h.Now())
		return &hostingtest.Landlord{Open: func() hosting.Host { return h }, Now: h.Now, Wait: wait, Opens: h.Opens}
	})
}
