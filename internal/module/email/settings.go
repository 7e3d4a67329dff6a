package email

import (
	"context"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// programFuncs are about what opens mailboxes: mail programs, and webmail.
var programFuncs = []api.Func[hosting.Account]{
	{Name: "get_client_settings", Feature: boxes, Mailbox: true, Role: api.MailReceive, Scope: api.Things, Run: api.Run(clientSettings),
		Doc: "Tell what a mail program has to know to open a mailbox."},
	{Name: "dispatch_client_settings", Feature: boxes, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(dispatchSettings),
		Doc: "Send somebody by mail what a mail program has to know to open a mailbox. Its password is not in the mail."},
	{Name: "get_webmail_settings", Feature: boxes, Mailbox: true, Role: api.MailReceive, Scope: api.Things, Run: api.Run(webmailSettings),
		Doc: "Tell where webmail finds a mailbox."},

	{Name: "terminate_mailbox_sessions", Feature: boxes, Role: api.MailReceive, Effect: api.Write, Run: api.Run(endSessions),
		Doc: "End the sessions of all who read mail of the account, by IMAP or POP3."},

	{Name: "get_mailbox_autocreate", Feature: boxes, Role: api.MailReceive, Scope: api.Things, Run: api.Run(autocreate),
		Doc: "Tell whether mail for NAME+FOLDER makes a folder: it does not."},
	{Name: "disable_mailbox_autocreate", Feature: boxes, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(noAutocreate),
		Doc: "Have mail for NAME+FOLDER make no folder, which it never does."},
	{Name: "enable_mailbox_autocreate", Feature: boxes, Role: api.MailReceive, Effect: api.Write, Scope: api.Things, Run: api.Run(yesAutocreate),
		Doc: "Refuse: here + is a letter of names like any other."},
}

// The ports at which mail programs are served: “latchkey mail setup” has them so.
const (
	imapPort      = 993
	imapClearPort = 143
	smtpPort      = 465
	smtpClearPort = 587 // with STARTTLS
)

// smtpOf is where mail is sent by TLS: from the first byte on, unless there is
// STARTTLS alone.
func smtpOf(acct hosting.Account) int {
	if acct.Server().OnlySTARTTLS {
		return smtpClearPort
	}
	return smtpPort
}

// unserved warns of settings that nothing here goes by.
const unserved = "This server takes mail and runs no IMAP or SMTP for mail programs: the settings hold once its administrator has others serve its mailboxes."

// noMainBox is the answer where the account's own mailbox is meant.
func noMainBox() error {
	return &latchkey.Error{Kind: latchkey.NotFound, Param: "account", Msg: "The account itself has no mailbox on this server: give the address of a mailbox as “account”."}
}

// mailbox is the mailbox that a parameter means, if there is one.
func (o owner) mailbox(ctx context.Context, acct hosting.Account) (hosting.Address, error) {
	a, err := o.in(acct, "account")
	if err != nil {
		return a, err
	}
	if a == (hosting.Address{}) {
		return a, noMainBox()
	}
	_, err = acct.Mail().Mailbox(ctx, a)
	return a, err
}

// served is the answer of a server that may not serve what it tells of.
func served(acct hosting.Account, data any) api.Answer {
	answer := api.Answer{Data: data}
	if !acct.Server().MailServed {
		answer.Warnings = []string{unserved}
	}
	return answer
}

type settingsParams struct {
	Account owner `param:"account,optional" doc:"The mailbox, by its address. Who signed in as a mailbox may leave it out."`
}

type clientSettingsRow struct {
	Account       string          `json:"account"`
	ActiveSync    bool            `json:"activesync_available"`
	Display       string          `json:"display"`
	Domain        latchkey.Domain `json:"domain"`
	FromArchiving bool            `json:"from_archiving"`
	PlainAuth     bool            `json:"has_plaintext_authentication"`
	InboxHost     string          `json:"inbox_host"`
	InboxClear    int             `json:"inbox_insecure_port"`
	InboxPort     int             `json:"inbox_port"`
	InboxService  string          `json:"inbox_service"`
	InboxUser     string          `json:"inbox_username"`
	MailDomain    string          `json:"mail_domain"`
	SMTPHost      string          `json:"smtp_host"`
	SMTPClear     int             `json:"smtp_insecure_port"`
	SMTPPort      int             `json:"smtp_port"`
	SMTPUser      string          `json:"smtp_username"`
}

// clientSettings names the server itself as the host: its certificate is for that.
//
// UAPI: Email::get_client_settings.
func clientSettings(ctx context.Context, acct hosting.Account, p settingsParams) (api.Answer, error) {
	a, err := p.Account.mailbox(ctx, acct)
	if err != nil {
		return api.Answer{}, err
	}
	host, name := acct.Server().Hostname, a.String()
	return served(acct, clientSettingsRow{
		Account: name, Display: name, Domain: a.Domain, PlainAuth: acct.Server().PlainAuth,
		InboxHost: host, InboxClear: imapClearPort, InboxPort: imapPort, InboxService: "imap", InboxUser: name,
		MailDomain: "mail." + string(a.Domain), SMTPHost: host, SMTPClear: smtpClearPort, SMTPPort: smtpOf(acct), SMTPUser: name,
	}), nil
}

type dispatchParams struct {
	Account owner  `param:"account" doc:"The mailbox, by its address."`
	To      string `param:"to" doc:"The address to send the settings to."`
}

// UAPI: Email::dispatch_client_settings.
func dispatchSettings(ctx context.Context, acct hosting.Account, p dispatchParams) (api.Answer, error) {
	a, err := p.Account.mailbox(ctx, acct)
	if err != nil {
		return api.Answer{}, err
	}
	s := hosting.MailSettings{Mailbox: a, Host: acct.Server().Hostname, IMAP: imapPort, SMTP: smtpOf(acct)}
	if err := acct.Mail().SendSettings(ctx, s, p.To); err != nil {
		return api.Answer{}, err
	}
	return served(acct, nil), nil
}

type webmailSettingsRow struct {
	Domain     string `json:"domain"`
	HasMaildir bool   `json:"has_maildir"`
	User       string `json:"user"`
}

// UAPI: Email::get_webmail_settings.
func webmailSettings(ctx context.Context, acct hosting.Account, p settingsParams) (webmailSettingsRow, error) {
	a, err := p.Account.mailbox(ctx, acct)
	if err != nil {
		return webmailSettingsRow{}, err
	}
	return webmailSettingsRow{acct.Server().Hostname, true, a.String()}, nil
}

// UAPI: Email::terminate_mailbox_sessions.
func endSessions(ctx context.Context, acct hosting.Account, _ api.None) (api.Void, error) {
	return nil, acct.Mail().EndMailSessions(ctx)
}

type autocreateParams struct {
	Email hosting.MailboxParam `param:"email" doc:"The mailbox: its whole address, or its name if it is in the main domain."`
}

// there says why the mailbox is not there, or nil.
func (p *autocreateParams) there(ctx context.Context, acct hosting.Account) error {
	a, err := mailboxOf(ctx, acct, p.Email, hosting.DomainParam{})
	if err != nil {
		return err
	}
	_, err = acct.Mail().Mailbox(ctx, a)
	return err
}

// UAPI: Email::get_mailbox_autocreate.
func autocreate(ctx context.Context, acct hosting.Account, p autocreateParams) (bool, error) {
	return false, p.there(ctx, acct)
}

// noAutocreate reports that mail makes no folder.
//
// UAPI: Email::disable_mailbox_autocreate.
func noAutocreate(ctx context.Context, acct hosting.Account, p autocreateParams) (bool, error) {
	return true, p.there(ctx, acct)
}

// UAPI: Email::enable_mailbox_autocreate.
func yesAutocreate(ctx context.Context, acct hosting.Account, p autocreateParams) (bool, error) {
	if err := p.there(ctx, acct); err != nil {
		return false, err
	}
	return false, latchkey.Errorf(latchkey.Unavailable, "This server has no addresses of the form NAME+FOLDER: a + is a letter of a name like any other. Make a filter that saves to the folder instead.")
}
