package email

import (
	"context"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
)

type listMailDomainsParams struct {
	Select          string `param:"select,optional" doc:"Mark this domain in the answer."`
	AddWWW          bool   `param:"add_www,optional" doc:"List www. before each domain too."`
	IncludeWildcard bool   `param:"include_wildcard,optional" doc:"List *. before each domain too."`
	Temporary       string `param:"return_temporary_domain,optional" doc:"Accepted. There are no temporary domains."`
}

type mailDomain struct {
	Domain string `json:"domain"`
	Select bool   `json:"select,omitempty"` // only in the row it is true of
}

// UAPI: Email::list_mail_domains.
func listMailDomains(ctx context.Context, acct hosting.Account, p listMailDomainsParams) ([]mailDomain, error) {
	list, err := acct.Mail().Domains(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([]mailDomain, 0, len(list))
	for _, d := range list {
		names := []string{string(d)}
		if p.AddWWW {
			names = append(names, "www."+string(d))
		}
		if p.IncludeWildcard {
			names = append(names, "*."+string(d))
		}
		for _, name := range names {
			rows = append(rows, mailDomain{Domain: name, Select: name == p.Select})
		}
	}
	return rows, nil
}

type accountNameParams struct {
	Account string `param:"account,optional" doc:"The name to give back."`
	Display string `param:"display,optional" doc:"Give back a phrase if there is no name."`
}

// UAPI: Email::account_name.
func accountName(_ context.Context, _ hosting.Account, p accountNameParams) (string, error) {
	if p.Account == "" && p.Display != "" {
		return "All Mail On The Account", nil
	}
	return p.Account, nil
}

func hasPlaintextAuthentication(_ context.Context, acct hosting.Account, _ api.None) (bool, error) {
	return acct.Server().PlainAuth, nil
}

// statsDBStatus is for clients that ask before they show statistics: there is
// never an import or an update under way.
func statsDBStatus(context.Context, hosting.Account, api.None) (string, error) { return "active", nil }
