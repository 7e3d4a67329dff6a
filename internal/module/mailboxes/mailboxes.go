// Package mailboxes is the module Mailboxes: what stands in the folders of the
// account's mailboxes.
package mailboxes

import (
	"context"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/mailsearch"
	"github.com/latchkey/latchkey/internal/latchkey"
)

const feature = latchkey.FeatureEmailDiskUsage

// Module is the module Mailboxes, of UAPI.
var Module = api.Module[hosting.Account]{
	Name: "Mailboxes",
	Doc:  "What stands in the folders of the account's mailboxes.",
	Funcs: []api.Func[hosting.Account]{
		{Name: "get_mailbox_status_list", Feature: feature, Mailbox: true, Role: api.MailReceive, Scope: api.Things, Run: api.Run(list),
			Doc: "List the folders of a mailbox with what they hold."},
		{Name: "expunge_mailbox_messages", Feature: feature, Mailbox: true, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(expungeByName),
			Doc: "Delete messages of a folder, chosen by a query."},
		{Name: "expunge_messages_for_mailbox_guid", Feature: feature, Mailbox: true, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(expungeByGUID),
			Doc: "Delete messages of a folder that is named by its GUID, chosen by a query."},
		{Name: "has_utf8_mailbox_names", Mailbox: true, Role: api.MailReceive, Scope: api.Things, Run: api.Run(hasUTF8),
			Doc: "Tell whether the names of folders stand on the disk in UTF-8."},
		{Name: "set_utf8_mailbox_names", Role: api.MailReceive, Effect: api.Write, Run: api.Run(setUTF8),
			Doc: "Choose how the names of folders stand on the disk: in UTF-7, as mail programs send them."},
	},
}

// boxParams name a mailbox.
type boxParams struct {
	Account hosting.MailboxParam `param:"account" doc:"The mailbox: its whole address."`
}

// box is the mailbox meant. A name alone, and _mainaccount, is the account
// itself, which has none here.
func (p boxParams) box() (hosting.Address, error) {
	if p.Account.Domain == "" || p.Account.Local == "_mainaccount" {
		return hosting.Address{}, latchkey.InvalidParam("account", "The account itself has no mailbox on this server: give the whole address of an email account.")
	}
	return hosting.Address(p.Account), nil
}

// Folder is a folder as the list shows it.
type Folder struct {
	GUID     string `json:"guid"`
	Name     string `json:"mailbox"`
	Messages int64  `json:"messages"`
	Virtual  int64  `json:"vsize"`
}

// UAPI: Mailboxes::get_mailbox_status_list.
func list(ctx context.Context, acct hosting.Account, p boxParams) ([]Folder, error) {
	box, err := p.box()
	if err != nil {
		return nil, err
	}
	found, err := acct.Mail().Folders(ctx, box)
	rows := make([]Folder, len(found))
	for i, f := range found {
		rows[i] = Folder{f.GUID, f.Name, f.Messages, f.Virtual}
	}
	return rows, err
}

type queryParams struct {
	Query string `param:"query" doc:"Which messages, in the language of Dovecot's searches: savedbefore 52w."`
}

type byNameParams struct {
	boxParams
	Name string `param:"mailbox" doc:"The folder, as get_mailbox_status_list has it: INBOX, INBOX.Trash. It is a name and no pattern."`
	queryParams
}

type byGUIDParams struct {
	boxParams
	GUID string `param:"mailbox_guid" doc:"The folder's GUID, as get_mailbox_status_list has it."`
	queryParams
}

// UAPI: Mailboxes::expunge_mailbox_messages.
func expungeByName(ctx context.Context, acct hosting.Account, p byNameParams) (api.Answer, error) {
	return expunge(ctx, acct, p.boxParams, hosting.FolderRef{Name: p.Name}, p.Query)
}

// UAPI: Mailboxes::expunge_messages_for_mailbox_guid.
func expungeByGUID(ctx context.Context, acct hosting.Account, p byGUIDParams) (api.Answer, error) {
	return expunge(ctx, acct, p.boxParams, hosting.FolderRef{GUID: p.GUID}, p.Query)
}

func expunge(ctx context.Context, acct hosting.Account, p boxParams, f hosting.FolderRef, query string) (api.Answer, error) {
	box, err := p.box()
	if err != nil {
		return api.Answer{}, err
	}
	q, err := mailsearch.Parse(query, acct.At())
	if err != nil {
		return api.Answer{}, latchkey.InvalidParam("query", "The “query” argument is invalid: it %s.", err)
	}
	_, err = acct.Mail().Expunge(ctx, box, f, q)
	return api.Answer{}, err
}

type hasParams struct {
	User string `param:"user,optional" doc:"Accepted. It is the same for all."`
}

type enabled struct {
	Enabled bool `json:"enabled"`
}

// UAPI: Mailboxes::has_utf8_mailbox_names.
func hasUTF8(context.Context, hosting.Account, hasParams) (enabled, error) { return enabled{}, nil }

type setParams struct {
	Enabled bool `param:"enabled" doc:"0. Names in UTF-8 are refused: an IMAP server that does not expect them shows other ones."`
}

type success struct {
	Success bool `json:"success"`
}

// UAPI: Mailboxes::set_utf8_mailbox_names.
func setUTF8(_ context.Context, _ hosting.Account, p setParams) (success, error) {
	if p.Enabled {
		return success{}, latchkey.InvalidParam("enabled", "This server keeps the names of folders in UTF-7, as mail programs send them: they cannot be kept in UTF-8.")
	}
	return success{true}, nil
}
