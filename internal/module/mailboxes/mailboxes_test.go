package mailboxes

import (
	"testing"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

func TestMailboxes(t *testing.T) {
	acct := hostingtest.New()
	bob := hosting.Address{Local: "bob", Domain: "example.com"}
	if err := acct.Mail().Create(t.Context(), hosting.NewMailbox{Address: bob, Password: latchkey.NewSecret("x")}); err != nil {
		t.Fatal(err)
	}
	acct.Fill(bob, hosting.MailUsage{Bytes: 300, Messages: 3, Modified: acct.Now().AddDate(0, 0, -10)})
	folders, err := acct.Mail().Folders(t.Context(), bob)
	if err != nil {
		t.Fatal(err)
	}
	guid := folders[0].GUID
	const whole = `invalid: The account itself has no mailbox on this server: give the whole address of an email account.`
	const none = `not-found: The email account “bob@example.com” has no such folder: Mailboxes::get_mailbox_status_list lists those that it has.`
	full, empty := `[{"guid":"`+guid+`","mailbox":"INBOX","messages":3,"vsize":300}]`, `[{"guid":"`+guid+`","mailbox":"INBOX","messages":0,"vsize":0}]`
	moduletest.Table(t, Module, acct, []moduletest.Row{
		{`get_mailbox_status_list?account=bob@example.com`, full},
		{`get_mailbox_status_list?account=bob`, whole},
		{`get_mailbox_status_list?account=_mainaccount@example.com`, whole},
		{`get_mailbox_status_list?account=eve@example.com`, `not-found: You do not have an email account named “eve@example.com”.`},
		{`get_mailbox_status_list?account=bob@example.net`, `not-found: You do not own the domain “example.net”.`},
		{`get_mailbox_status_list`, `missing: account`},

		{`expunge_mailbox_messages?account=bob@example.com&mailbox=INBOX`, `missing: query`},
		{`expunge_mailbox_messages?account=bob@example.com&query=all`, `missing: mailbox`},
		{`expunge_mailbox_messages?account=bob@example.com&mailbox=INBOX&query=everything`, `invalid: The “query” argument is invalid: it has “everything”, which is no key that this server knows.`},
		{`expunge_mailbox_messages?account=bob@example.com&mailbox=INBOX.Trash&query=all`, none},
		{`expunge_mailbox_messages?account=bob@example.com&mailbox=*&query=all`, none},
		{`expunge_mailbox_messages?account=bob@example.com&mailbox=../INBOX&query=all`, none},
		{`expunge_mailbox_messages?account=eve@example.com&mailbox=INBOX&query=all`, `not-found: You do not have an email account named “eve@example.com”.`},
		{`expunge_mailbox_messages?account=bob@example.com&mailbox=INBOX&query=savedbefore+2w`, `null`},
		{`get_mailbox_status_list?account=bob@example.com`, full},
		{`expunge_messages_for_mailbox_guid?account=bob@example.com&mailbox_guid=x&query=all`, none},
		{`expunge_messages_for_mailbox_guid?account=bob@example.com&mailbox_guid=` + guid + `&query=savedbefore+1w`, `null`},
		{`get_mailbox_status_list?account=bob@example.com`, empty},

		{`has_utf8_mailbox_names`, `{"enabled":0}`},
		{`set_utf8_mailbox_names?enabled=0`, `{"success":1}`},
		{`set_utf8_mailbox_names?enabled=1`, `invalid: This server keeps the names of folders in UTF-7, as mail programs send them: they cannot be kept in UTF-8.`},
	})
}
