package whm

import (
	"context"

	"github.com/latchkey/latchkey/internal/hosting"
)

type activityParams struct {
	User hosting.AccountParam `param:"user,optional" doc:"Whose events: an account, also one that is no more, or root. All there are if it is not given."`
	hosting.EventParams
}

type activityFound struct {
	Events []hosting.EventRow `json:"events"`
	Next   string             `json:"next"` // "" after the last page
}

// showActivity is latchkey_activity, which is ours.
func showActivity(ctx context.Context, h hosting.Host, p activityParams) (activityFound, error) {
	q, err := p.Query()
	if err != nil {
		return activityFound{}, err
	}
	page, err := h.Activity(ctx, p.User.Name, q)
	return activityFound{hosting.EventRows(page.Events), page.Next.String()}, err
}
