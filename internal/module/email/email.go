// Package email is the module Email: the account's mailboxes. The functions
// stand in [Module]; each group has its file.
package email

import (
	"slices"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

const boxes = latchkey.FeaturePopAccounts

// Module is the module Email, of UAPI and of API 2.
var Module = api.Module[hosting.Account]{
	Name: "Email",
	Doc:  "The account's mailboxes, and where mail for its domains goes.",
	Funcs: slices.Concat([]api.Func[hosting.Account]{
		{Name: "add_pop", API2: "addpop", Feature: boxes, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(addPop),
			Doc: "Create a mailbox."},
		{Name: "delete_pop", API2: "delpop", Feature: boxes, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(deletePop), API2Data: deleted,
			Doc: "Delete a mailbox and its mail."},
		{Name: "passwd_pop", API2: "passwdpop", Feature: boxes, Mailbox: true, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(passwdPop),
			Doc: "Change the password of a mailbox."},
		{Name: "edit_pop_quota", API2: "editquota", Feature: boxes, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(editPopQuota),
			Doc: "Change how much a mailbox may hold."},
		{Name: "verify_password", Feature: boxes, Mailbox: true, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(verifyPassword),
			Doc: "Tell whether a password opens a mailbox."},

		{Name: "list_pops", API2: "listpops", Feature: boxes, Mailbox: true, Role: api.MailReceive, Scope: api.Things, Run: api.Run(listPops), API2Data: popsOfAPI2,
			Doc: "List the mailboxes."},
		{Name: "listpopssingle", OnlyAPI2: true, Feature: boxes, Mailbox: true, Role: api.MailReceive, Scope: api.Things, Run: api.Run(listPops), API2Data: popsOfAPI2,
			Doc: "List the mailboxes, as listpops does."},
		{Name: "list_pops_with_disk", API2: "listpopswithdisk", Feature: boxes, Mailbox: true, Role: api.MailReceive, Scope: api.Things, Run: api.Run(listPopsWithDisk), API2Data: popsWithDiskOfAPI2,
			Doc: "List the mailboxes with what they hold and may hold."},
		{Name: "count_pops", Feature: boxes, Role: api.MailReceive, Scope: api.Things, Run: api.Run(countPops),
			Doc: "Count the mailboxes."},

		{Name: "get_pop_quota", Feature: boxes, Mailbox: true, Role: api.MailReceive, Scope: api.Things, Run: api.Run(getPopQuota),
			Doc: "Tell how much a mailbox may hold; 0 is no limit."},
		{Name: "get_default_email_quota", Feature: boxes, Role: api.MailReceive, Run: api.Run(mostBytes),
			Doc: "Tell how many bytes a mailbox may hold that is created without a quota; 0 is no limit."},
		{Name: "get_default_email_quota_mib", Feature: boxes, Role: api.MailReceive, Run: api.Run(mostMegabytes),
			Doc: "Tell how many megabytes a mailbox may hold that is created without a quota; 0 is no limit."},
		{Name: "get_max_email_quota", Feature: boxes, Role: api.MailReceive, Run: api.Run(mostBytes),
			Doc: "Tell the largest quota a mailbox may have, in bytes; 0 is no limit."},
		{Name: "get_max_email_quota_mib", Feature: boxes, Role: api.MailReceive, Run: api.Run(mostMegabytes),
			Doc: "Tell the largest quota a mailbox may have, in megabytes; 0 is no limit."},

		{Name: "get_disk_usage", API2: "getdiskusage", Feature: boxes, Mailbox: true, Role: api.MailReceive, Scope: api.Things, Run: api.Run(getDiskUsage), API2Data: diskUsageOfAPI2,
			Doc: "Tell what a mailbox holds."},
		{Name: "get_main_account_disk_usage", Feature: boxes, Role: api.MailReceive, Run: api.Run(mainDiskUsage),
			Doc: "Tell what the account takes up, in words."},
		{Name: "get_main_account_disk_usage_bytes", Feature: boxes, Role: api.MailReceive, Run: api.Run(mainDiskUsageBytes),
			Doc: "Tell what the account takes up, in bytes."},

		{Name: "suspend_login", Feature: boxes, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(switching(hosting.Login, true, nothing)),
			Doc: "Keep a mailbox from being signed in to."},
		{Name: "unsuspend_login", Feature: boxes, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(switching(hosting.Login, false, nothing)),
			Doc: "Let a mailbox be signed in to again."},
		{Name: "suspend_incoming", Feature: boxes, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(switching(hosting.Incoming, true, nothing)),
			Doc: "Keep mail from reaching a mailbox."},
		{Name: "unsuspend_incoming", Feature: boxes, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(switching(hosting.Incoming, false, one)),
			Doc: "Let mail reach a mailbox again."},
		{Name: "suspend_outgoing", Feature: boxes, Role: api.MailSend, Effect: api.Write, Scope: api.Things, Run: api.Run(switching(hosting.Outgoing, true, one)),
			Doc: "Keep a mailbox from sending mail."},
		{Name: "unsuspend_outgoing", Feature: boxes, Role: api.MailSend, Effect: api.Write, Scope: api.Things, Run: api.Run(switching(hosting.Outgoing, false, nothing)),
			Doc: "Let a mailbox send mail again."},
		{Name: "hold_outgoing", Feature: boxes, Role: api.MailSend, Effect: api.Write, Scope: api.Things, Run: api.Run(switching(hosting.HoldOutgoing, true, nothing)),
			Doc: "Keep what a mailbox sends in the queue."},
		{Name: "release_outgoing", Feature: boxes, Role: api.MailSend, Effect: api.Write, Scope: api.Things, Run: api.Run(switching(hosting.HoldOutgoing, false, nothing)),
			Doc: "Let what a mailbox sends leave the queue."},

		{Name: "list_mail_domains", API2: "listmaildomains", Mailbox: true, Role: api.MailReceive, Scope: api.Things, Run: api.Run(listMailDomains),
			Doc: "List the domains that may have mailboxes, the main one first."},
		{Name: "account_name", Mailbox: true, Role: api.MailReceive, Run: api.Run(accountName),
			Doc: "Give back an account's name as a page shows it."},
		{Name: "has_plaintext_authentication", Mailbox: true, Role: api.MailReceive, Scope: api.Things, Run: api.Run(hasPlaintextAuthentication),
			Doc: "Tell whether mail programs may sign in without TLS."},
		{Name: "stats_db_status", Role: api.MailReceive, Scope: api.Things, Run: api.Run(statsDBStatus),
			Doc: "Tell the state of the mail statistics."},
	}, mxFuncs, listFuncs, ruleFuncs, programFuncs, lookFuncs),
}
