// Package session is the module Session: sessions of the account, and of its
// mailboxes on webmail's port.
package session

import (
	"context"
	"time"

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

		{Name: "list_sessions", Run: api.Run(list),
			Doc: "List the sessions of the account, those of its mailboxes not among them. No token can. An extension of this server."},
		{Name: "end_session", Effect: api.Write, Run: api.Run(end),
			Doc: "End a session of the account, or all but the one that this is called in. No token can. An extension of this server."},
	},
}

// Host is the same of the caller's own sessions, of WHM API 1.
var Host = api.Module[hosting.Host]{
	Name: "whm",
	Doc:  "The sessions of who calls.",
	Funcs: []api.Func[hosting.Host]{
		{Name: "list_sessions", Privilege: latchkey.PrivilegeBasic, Run: api.Run(listOfHost),
			Doc: "List the caller's own sessions. No token can. An extension of this server."},
		{Name: "end_session", Privilege: latchkey.PrivilegeBasic, Effect: api.Write, Run: api.Run(endOfHost),
			Doc: "End a session of the caller's own, or all but the one that this is called in. No token can. An extension of this server."},
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

// row is a session as [list] shows it.
type row struct {
	ID      string    `json:"id"`
	Service string    `json:"service"`
	Created time.Time `json:"create_time"`
	Used    time.Time `json:"last_used"`
	Ends    time.Time `json:"expires_at"`
	Own     bool      `json:"current"`
	Waits   bool      `json:"handed_over"` // nobody has taken it over yet
	ByToken bool      `json:"by_token"`    // it ends with the API token that it was made with
}

// services are the doors as the interface calls them.
var services = [...]string{latchkey.ForAccount: "cpaneld", latchkey.ForHost: "whostmgrd", latchkey.ForWebmail: "webmaild"}

// list is Session::list_sessions, which is ours.
func list(ctx context.Context, acct hosting.Account, _ api.None) ([]row, error) {
	return rows(ctx, acct.SignIns().Own())
}

// listOfHost is list_sessions of WHM, which is ours.
func listOfHost(ctx context.Context, h hosting.Host, _ api.None) ([]row, error) {
	return rows(ctx, h.SignIns().Own())
}

func rows(ctx context.Context, own hosting.OwnSessions) ([]row, error) {
	found, err := own.List(ctx)
	list := []row{}
	for _, x := range found {
		list = append(list, row{x.Handle, services[x.Door], x.Created, x.Used, x.Ends, x.Own, x.Waits, x.ByToken})
	}
	return list, err
}

type endParams struct {
	ID     string `param:"id,optional" doc:"The session, as list_sessions names it."`
	Others bool   `param:"others,optional" doc:"All sessions but the one that this is called in."`
}

type ended struct {
	Ended int `json:"ended"`
}

// end is Session::end_session, which is ours.
func end(ctx context.Context, acct hosting.Account, p endParams) (ended, error) {
	return p.end(ctx, acct.SignIns().Own())
}

// endOfHost is end_session of WHM, which is ours.
func endOfHost(ctx context.Context, h hosting.Host, p endParams) (ended, error) {
	return p.end(ctx, h.SignIns().Own())
}

func (p *endParams) end(ctx context.Context, own hosting.OwnSessions) (ended, error) {
	switch {
	case p.ID == "" && !p.Others:
		return ended{}, &latchkey.Error{Kind: latchkey.Missing, Param: "id"}
	case p.ID != "" && p.Others:
		return ended{}, latchkey.InvalidParam("others", "Give either the “id” or the “others” argument, not both.")
	}
	n, err := own.End(ctx, p.ID)
	return ended{n}, err
}
