package email

import (
	"context"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// listFuncs are about mailing lists. There are none: what asks for them is told
// so. What would make or change one stands in package absent.
var listFuncs = []api.Func[hosting.Account]{
	{Name: "list_lists", API2: "listlists", Feature: latchkey.FeatureLists, Role: api.MailReceive, Scope: api.Things, Run: api.Run(listLists),
		Doc: "List the mailing lists: there are none."},
	{Name: "count_lists", Feature: latchkey.FeatureLists, Role: api.MailReceive, Scope: api.Things, Run: api.Run(countLists),
		Doc: "Count the mailing lists: there are none."},
	{Name: "get_lists_total_disk_usage", Feature: latchkey.FeatureLists, Role: api.MailReceive, Scope: api.Things, Run: api.Run(countLists),
		Doc: "Tell how many bytes mailing lists take up: there are none."},
	{Name: "has_delegated_mailman_lists", Feature: latchkey.FeatureLists, Role: api.MailReceive, Scope: api.Things, Run: api.Run(hasDelegatedLists),
		Doc: "Tell whether somebody administers a mailing list for its owner."},
}

type listListsParams struct {
	Domain hosting.DomainParam `param:"domain,optional" doc:"List only those of this domain."`
	Regex  pattern             `param:"regex,optional" doc:"List only those whose name this regular expression matches."`
}

// UAPI: Email::list_lists.
func listLists(context.Context, hosting.Account, listListsParams) ([]struct{}, error) {
	return []struct{}{}, nil
}

// UAPI: Email::count_lists, get_lists_total_disk_usage.
func countLists(context.Context, hosting.Account, api.None) (int64, error) { return 0, nil }

type delegateParams struct {
	Delegate hosting.MailboxParam `param:"delegate" doc:"The mailbox that may administer a list."`
}

// UAPI: Email::has_delegated_mailman_lists.
func hasDelegatedLists(context.Context, hosting.Account, delegateParams) (bool, error) {
	return false, nil
}
