package email

import (
	"context"

	"github.com/latchkey/latchkey/internal/hosting"
)

// The answers of the functions that switch something, which differ without a
// pattern.
var (
	nothing any
	one     any = 1
)

type suspendParams struct {
	Email hosting.MailboxParam `param:"email" doc:"The mailbox: its whole address, or its name if it is in the main domain."`
}

// switching makes the function that switches one way of using a mailbox off
// (on, in the words of a suspension) or on again.
//
// UAPI: Email::suspend_login, unsuspend_login, suspend_incoming,
// unsuspend_incoming, suspend_outgoing, unsuspend_outgoing, hold_outgoing,
// release_outgoing.
func switching(what hosting.Suspension, on bool, answer any) func(context.Context, hosting.Account, suspendParams) (any, error) {
	return func(ctx context.Context, acct hosting.Account, p suspendParams) (any, error) {
		a, err := mailboxOf(ctx, acct, p.Email, hosting.DomainParam{})
		if err != nil {
			return nil, err
		}
		return answer, acct.Mail().Suspend(ctx, a, what, on)
	}
}
