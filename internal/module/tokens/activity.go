package tokens

import (
	"context"
	"slices"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// found is what [activity] answers.
type found struct {
	Events []hosting.EventRow `json:"events"`
	Next   string             `json:"next"` // "" after the last page
}

// activity is Tokens::activity, which is ours: what was done with the account's
// tokens and passwords, and what was refused, as the audit trail has it.
func activity(ctx context.Context, acct hosting.Account, p hosting.EventParams) (found, error) {
	q, err := p.Query()
	if err != nil {
		return found{}, err
	}
	page, err := acct.Activity(ctx, q)
	if err != nil {
		return found{}, err
	}
	names, err := namesFor(ctx, acct, q.Token, page.Events)
	if err != nil {
		return found{}, err
	}
	rows := hosting.EventRows(page.Events)
	for i := range rows {
		rows[i].TokenName = names[page.Events[i].Handle]
	}
	return found{rows, page.Next.String()}, nil
}

// namesFor are the names of the tokens that events were done with, by their
// handles. All are listed only where the events are not those of one.
func namesFor(ctx context.Context, acct hosting.Account, one string, events []latchkey.TrailEvent) (map[latchkey.Handle]string, error) {
	names := make(map[latchkey.Handle]string)
	if t, err := acct.Tokens().Named(ctx, one); err == nil {
		names[t.Handle] = t.Name
	}
	if !slices.ContainsFunc(events, func(e latchkey.TrailEvent) bool {
		return e.By == latchkey.ByToken && names[e.Handle] == ""
	}) {
		return names, nil
	}
	tokens, err := acct.Tokens().List(ctx)
	for i := range tokens {
		names[tokens[i].Handle] = tokens[i].Name
	}
	return names, err
}
