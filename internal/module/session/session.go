// Package session is the module Session: sessions of the account's mailboxes on
// webmail's port.
package session

import (
	"context"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Module is the module Session, of UAPI.
var Module = api.Module[hosting.Account]{
	Name: "Session",
	Doc:  "Sessions on webmail's port.",
	Funcs: []api.Func[hosting.Account]{
		{Name: "create_webmail_session_for_mail_user", Feature: latchkey.FeatureWebmail, Effect: api.Write, Run: api.Run(create),
			Doc: "Make a session of a mailbox, for somebody to take over."},
		{Name: "create_webmail_session_for_mail_user_check_password", Feature: latchkey.FeatureWebmail, Effect: api.Write, Run: api.Run(createWithPassword),
			Doc: "Make a session of a mailbox whose password is given, for somebody to take over."},
	},
}

type createParams struct {
	Login  hosting.MailboxParam `param:"login" doc:"The mailbox's name, without its domain."`
	Domain hosting.DomainParam  `param:"domain" doc:"Its domain."`
	Locale string               `param:"locale,optional" doc:"Accepted. There is one locale."`
	Remote string               `param:"remote_address,optional" doc:"Accepted. A session is not bound to an address."`
}

type createWithPasswordParams struct {
	Login    hosting.MailboxParam `param:"login" doc:"The mailbox's name, without its domain."`
	Domain   hosting.DomainParam  `param:"domain" doc:"Its domain."`
	Password latchkey.Secret      `param:"password" doc:"Its password."`
	Locale   string               `param:"locale,optional" doc:"Accepted. There is one locale."`
	Remote   string               `param:"remote_address,optional" doc:"Accepted. A session is not bound to an address."`
}

// created is a session and how to take it over: POST session to
// https://HOSTNAME:2096TOKEN/login.
type created struct {
	Hostname *string `json:"hostname"` // null: this very server
	Session  string  `json:"session"`
	Token    string  `json:"token"`
}

// UAPI: Session::create_webmail_session_for_mail_user.
func create(ctx context.Context, acct hosting.Account, p createParams) (api.Answer, error) {
	a, err := p.Login.In(p.Domain, "")
	if err != nil {
		return api.Answer{}, err
	}
	return handOver(ctx, acct, a, p.Remote)
}

// UAPI: Session::create_webmail_session_for_mail_user_check_password.
func createWithPassword(ctx context.Context, acct hosting.Account, p createWithPasswordParams) (api.Answer, error) {
	a, err := p.Login.In(p.Domain, "")
	if err != nil {
		return api.Answer{}, err
	}
	ok, err := acct.Mail().Verify(ctx, a, p.Password)
	if err == nil && !ok {
		err = latchkey.InvalidParam("password", "The password is not that of “%s”.", a)
	}
	if err != nil {
		return api.Answer{}, err
	}
	return handOver(ctx, acct, a, p.Remote)
}

func handOver(ctx context.Context, acct hosting.Account, a hosting.Address, remote string) (api.Answer, error) {
	out, err := acct.SignIns().HandOver(ctx, a)
	if err != nil {
		return api.Answer{}, err
	}
	answer := api.Answer{Data: created{Session: out.Secret.Reveal(), Token: "/" + out.Prefix}}
	if remote != "" {
		answer.Warnings = []string{"The argument “remote_address” has no effect: whoever has the session first takes it over, from wherever they are."}
	}
	return answer, nil
}
