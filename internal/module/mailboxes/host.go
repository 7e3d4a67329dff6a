package mailboxes

import (
	"context"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Host is WHM's functions for the same.
var Host = api.Module[hosting.Host]{Name: "whm", Funcs: []api.Func[hosting.Host]{
	{Name: "get_mailbox_status_list", Privilege: latchkey.PrivilegeAccountAPI, Role: api.MailReceive, Run: api.Run(onHost(listOnHost)),
		Doc: "List the folders of an account's mailbox with what they hold."},
	{Name: "get_mailbox_status", Privilege: latchkey.PrivilegeAccountAPI, Role: api.MailReceive, Run: api.Run(onHost(status)),
		Doc: "Show what the folders of an account's mailbox hold, by name."},
	{Name: "expunge_mailbox_messages", Privilege: latchkey.PrivilegeAccountAPI, Role: api.MailReceive, Effect: api.Write, Run: api.Run(onHost(expungeByName)),
		Doc: "Delete messages of a folder of an account's mailbox, chosen by a query."},
	{Name: "expunge_messages_for_mailbox_guid", Privilege: latchkey.PrivilegeAccountAPI, Role: api.MailReceive, Effect: api.Write, Run: api.Run(onHost(expungeByGUID)),
		Doc: "Delete messages of a folder that is named by its GUID, chosen by a query."},
}}

// onHost is a function of an account for who acts for the one that a mailbox
// belongs to.
func onHost[P interface {
	box() (hosting.Address, error)
}, R any](run func(context.Context, hosting.Account, P) (R, error)) func(context.Context, hosting.Host, P) (R, error) {
	return func(ctx context.Context, h hosting.Host, p P) (none R, err error) {
		box, err := p.box()
		if err != nil {
			return none, err
		}
		a, _, err := h.FindDomain(ctx, box.Domain)
		if err != nil {
			return none, err
		}
		acct, err := h.As(ctx, a.Name)
		if err != nil {
			return none, err
		}
		return run(ctx, acct, p)
	}
}

type mailboxes struct {
	Mailboxes []Folder `json:"mailboxes"`
}

// WHM API 1: get_mailbox_status_list.
func listOnHost(ctx context.Context, acct hosting.Account, p boxParams) (mailboxes, error) {
	rows, err := list(ctx, acct, p)
	return mailboxes{rows}, err
}

type holding struct {
	GUID     string `json:"guid"`
	Messages int64  `json:"messages"`
	Virtual  int64  `json:"vsize"`
}

// WHM API 1: get_mailbox_status.
func status(ctx context.Context, acct hosting.Account, p boxParams) (map[string]holding, error) {
	rows, err := list(ctx, acct, p)
	all := make(map[string]holding, len(rows))
	for _, f := range rows {
		all[f.Name] = holding{f.GUID, f.Messages, f.Virtual}
	}
	return all, err
}
