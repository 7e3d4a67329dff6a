package email

import (
	"testing"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

func TestSettings(t *testing.T) {
	acct := hostingtest.New()
	const settings = `{"account":"bob@example.com","activesync_available":0,"display":"bob@example.com","domain":"example.com","from_archiving":0,"has_plaintext_authentication":0,` +
		`"inbox_host":"host.example.net","inbox_insecure_port":143,"inbox_port":993,"inbox_service":"imap","inbox_username":"bob@example.com","mail_domain":"mail.example.com",` +
		`"smtp_host":"host.example.net","smtp_insecure_port":587,"smtp_port":465,"smtp_username":"bob@example.com"}`
	const nobody = `not-found: You do not have an email account named `
	const main = `not-found: The account itself has no mailbox on this server: give the address of a mailbox as “account”.`
	table(t, acct, []moduletest.Row{
		{`add_pop?email=bob&password=x`, `"bob+example.com"`},
		{`get_client_settings?account=bob@example.com`, settings},
		{`get_client_settings`, main},
		{`get_client_settings?account=demo`, main},
		{`get_client_settings?account=other`, nobody + `“other”.`},
		{`get_client_settings?account=no@example.com`, nobody + `“no@example.com”.`},
		{`get_client_settings?account=bob@example.net`, `not-found: You do not own the domain “example.net”.`},
		{`get_webmail_settings?account=bob@example.com`, `{"domain":"host.example.net","has_maildir":1,"user":"bob@example.com"}`},
		{`get_webmail_settings`, main},
		{`dispatch_client_settings?account=bob@example.com&to=me@example.net`, `null`},
		{`dispatch_client_settings?account=bob@example.com`, `missing: to`},
		{`dispatch_client_settings?account=no@example.com&to=me@example.net`, nobody + `“no@example.com”.`},
		{`dispatch_client_settings?account=other&to=me@example.net`, nobody + `“other”.`},

		{`terminate_mailbox_sessions`, `null`},
		{`2:listpopssingle?regex=^bob`, `[{"email":"bob@example.com","login":"bob@example.com"}]`},
		{`2:listlists`, `[]`},
		{`get_mailbox_autocreate?email=bob@example.com`, `0`},
		{`disable_mailbox_autocreate?email=bob`, `1`},
		{`enable_mailbox_autocreate?email=bob@example.com`, `unavailable: This server has no addresses of the form NAME+FOLDER: a + is a letter of a name like any other. Make a filter that saves to the folder instead.`},
		{`get_mailbox_autocreate?email=no@example.com`, nobody + `“no@example.com”.`},
		{`enable_mailbox_autocreate?email=no@example.com`, nobody + `“no@example.com”.`},
	})
	if len(acct.Sent) != 1 || acct.Sent[0] != "me@example.net" {
		t.Errorf("settings were sent to %q", acct.Sent)
	}
	acct.Who.Mailbox = "bob@example.com"
	own := hosting.ForMailbox(acct, hosting.Address{Local: "bob", Domain: "example.com"})
	table(t, own, []moduletest.Row{
		{`get_client_settings`, settings},
		{`get_webmail_settings`, `{"domain":"host.example.net","has_maildir":1,"user":"bob@example.com"}`},
		{`get_client_settings?account=demo`, nobody + `“demo”.`},
		{`get_client_settings?account=eve@example.com`, nobody + `“eve@example.com”.`},
	})
}

// TestServed: a server that serves no mail programs says so beside what it tells.
func TestServed(t *testing.T) {
	acct := hostingtest.New()
	if got := served(acct, nil).Warnings; len(got) != 1 {
		t.Errorf("warnings of a server that serves nobody: %q", got)
	}
	acct.Machine.MailServed = true
	if got := served(acct, nil).Warnings; got != nil {
		t.Errorf("warnings of one that does: %q", got)
	}
}

func TestLooks(t *testing.T) {
	acct := hostingtest.New()
	row := func(name, mtime string) string {
		return `{"depth":4,"file":"` + name + `","fullpath":"/home/demo/mail/example.com/bob/` + name + `","isleaf":1,"ismailbox":0,` + mtime +
			`"path":"/home/demo/mail/example.com/bob","relpath":"example.com/bob/` + name + `","type":"dir"}`
	}
	const mtime = `"mtime":1767268800,`
	table(t, acct, []moduletest.Row{
		{`add_pop?email=bob&password=x`, `"bob+example.com"`},
		{`get_held_message_count?email=bob@example.com`, `0`},
		{`get_held_message_count`, `0`},
		{`delete_held_messages?email=bob`, `0`},
		{`delete_held_messages`, `missing: email`},
		{`get_held_message_count?email=no`, `not-found: You do not have an email account named “no@example.com”.`},
		{`browse_mailbox?account=bob@example.com`, `[` + row("cur", mtime) + `,` + row("new", mtime) + `,` + row("tmp", mtime) + `]`},
		{`browse_mailbox?account=bob@example.com&dir=no`, `not-found: There is no such directory in the mailbox.`},
		{`browse_mailbox?account=bob@example.com&dir=cur/../../eve`, `invalid: The “dir” argument is invalid: it must be a path below the directory of mail.`},
		{`browse_mailbox?account=other`, `not-found: You do not have an email account named “other”.`},
		{`browse_mailbox?account=bob@example.net`, `not-found: You do not own the domain “example.net”.`},
		{`2:getabsbrowsedir?account=bob@example.com&dir=default`, `{"absdir":"/home/demo/mail/example.com/bob"}`},
		{`2:getabsbrowsedir?account=bob@example.com&dir=..`, `invalid: The “dir” argument is invalid: it must be a path below the directory of mail.`},
	})
	no := latchkey.Errorf(latchkey.Denied, "no")
	narrow := hosting.Narrow(acct, func(things ...latchkey.Resource) error {
		if len(things) == 1 && things[0] == (latchkey.Resource{Kind: "mailbox", Name: "bob@example.com"}) {
			return nil
		}
		return no
	})
	table(t, narrow, []moduletest.Row{
		{`get_held_message_count?email=bob@example.com`, `0`},
		{`get_held_message_count`, `denied: no`},
		{`delete_held_messages?email=eve@example.com`, `denied: no`},
		{`browse_mailbox`, `denied: no`},
		{`browse_mailbox?account=eve@example.com`, `denied: no`},
		{`2:getabsbrowsedir`, `denied: no`},
		{`get_client_settings?account=eve@example.com`, `denied: no`},
		{`dispatch_client_settings?account=eve@example.com&to=me@example.net`, `denied: no`},
	})
}
