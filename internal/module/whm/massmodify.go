package whm

import (
	"cmp"
	"context"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// WHM API 1: massmodifyacct.
type modifyAccountsParams struct {
	Users  []hosting.AccountParam `param:"user" doc:"The accounts: user, user-1 and so on."`
	Change api.Args               `param:"*" doc:"What to change, as in modifyacct; of an account's own, such as its name and domain, nothing."`
}

// mostModified is how many accounts one call may change.
const mostModified = 1000

type modifiedRow struct {
	Extended    any                  `json:"extended"`
	Messages    []string             `json:"messages"`
	ProxiedFrom []string             `json:"proxied_from"`
	Reason      string               `json:"reason"`
	Result      bool                 `json:"result"`
	User        latchkey.AccountName `json:"user"`
	Warnings    []string             `json:"warnings"`
}

type modifiedRows struct {
	Payload []modifiedRow `json:"payload"`
}

// modifyOne is modifyacct, as it is called for each account.
var modifyOne = api.Run(modifyAccount)

// modifyAccounts changes what it can: the rows say what came of each account,
// and with one that failed the call has failed.
func modifyAccounts(ctx context.Context, h hosting.Host, p modifyAccountsParams) (api.Answer, error) {
	if len(p.Users) > mostModified {
		return api.Answer{}, latchkey.InvalidParam("user", "One call can change at most %d accounts, and this one names %d.", mostModified, len(p.Users))
	}
	var args api.Args
	for _, arg := range p.Change {
		switch arg.Key {
		case "newuser", "domain", "DNS":
			return api.Answer{}, latchkey.InvalidParam(arg.Key, "The “%s” argument is one account’s alone: change it with modifyacct.", arg.Key)
		case "CONTACTEMAIL":
			arg.Key = "contactemail"
		}
		args = append(args, arg)
	}
	var rows modifiedRows
	var failed []string
	for _, user := range p.Users {
		row := modifiedRow{Reason: "Account Modified", Result: true, User: user.Name}
		done, err := modifyOne.Call(ctx, h, append(args[:len(args):len(args)], api.Arg{Key: "user", Value: string(user.Name), Body: true}))
		if row.Extended = done; err != nil {
			e := latchkey.AsError(err)
			if e.Kind == latchkey.Internal {
				return api.Answer{}, err
			}
			row.Result, row.Reason = false, cmp.Or(e.Msg, "The request failed: "+e.Kind.String()+".")
			failed = append(failed, string(user.Name))
		}
		rows.Payload = append(rows.Payload, row)
	}
	answer := api.Answer{Data: rows, Reason: "Account Modified"}
	if failed != nil {
		answer.Errors = []string{"These accounts could not be changed: " + strings.Join(failed, ", ") + "."}
	}
	return answer, nil
}
