package tokens

import (
	"context"

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
	tokens, err := acct.Tokens().List(ctx)
	if err != nil {
		return found{}, err
	}
	names := make(map[latchkey.Handle]string)
	for i := range tokens {
		names[tokens[i].Handle] = tokens[i].Name
	}
	rows := hosting.EventRows(page.Events)
	for i := range rows {
		rows[i].TokenName = names[page.Events[i].Handle]
	}
	return found{rows, page.Next.String()}, nil
}
