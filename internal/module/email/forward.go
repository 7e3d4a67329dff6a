package email

import (
	"context"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/mailrule"
)

// method is a parameter that says how mail is handled.
type method string

const (
	byForwarding method = "fwd"
	byRefusing   method = "fail"
	byForgetting method = "blackhole"
	bySystem     method = "system"
	byPipe       method = "pipe"
)

// ParseParam reads a method.
func (m *method) ParseParam(text string) error {
	if *m = method(text); !slices.Contains(m.Words(), text) {
		return fmt.Errorf("must be %s", strings.Join(m.Words(), ", "))
	}
	return nil
}

// Words are the methods there are.
func (*method) Words() []string {
	return []string{string(byForwarding), string(byRefusing), string(byForgetting), string(bySystem), string(byPipe)}
}

// destinationParams say where mail goes.
type destinationParams struct {
	Method  method `param:"fwdopt" doc:"What is done with the mail: fwd, fail, blackhole; system and pipe, which this server does not do, are refused."`
	To      string `param:"fwdemail,optional" doc:"Where it is forwarded to: an address, or several separated by commas."`
	System  string `param:"fwdsystem,optional" doc:"The system user that it is given to. There are none that take mail."`
	Message string `param:"failmsgs,optional" doc:"What the sender is told. “No such person at this address” if nothing is said."`
	Pipe    string `param:"pipefwd,optional" doc:"The program that it is given to. No programs are run."`
}

func (p *destinationParams) destinations() ([]mailrule.Destination, error) {
	switch p.Method {
	case byRefusing:
		message := strings.TrimSpace(p.Message)
		if message == "" {
			message = "No such person at this address"
		}
		return []mailrule.Destination{mailrule.Refusal(message)}, nil
	case byForgetting:
		return []mailrule.Destination{mailrule.Blackhole}, nil
	case bySystem:
		return nil, latchkey.InvalidParam("fwdopt", "Mail cannot be given to a system user: the accounts of this server have mailboxes, and no user that takes mail besides. Give the address of a mailbox.")
	case byPipe:
		return nil, latchkey.InvalidParam("fwdopt", "Mail cannot be given to a program: the accounts of this server are virtual and run none. Forward it to a mailbox.")
	}
	if p.To == "" {
		return nil, &latchkey.Error{Kind: latchkey.Missing, Param: "fwdemail"}
	}
	var list []mailrule.Destination
	for text := range strings.SplitSeq(p.To, ",") {
		d, err := destination(strings.TrimSpace(text))
		if err != nil {
			return nil, latchkey.InvalidParam("fwdemail", "The “fwdemail” argument is invalid: it %v.", err)
		}
		list = append(list, d)
	}
	return list, nil
}

// destination reads an address that mail is forwarded to.
func destination(text string) (mailrule.Destination, error) {
	address, err := hosting.ParseRecipient(text)
	return mailrule.Destination(address), err
}

type addForwarderParams struct {
	Domain hosting.DomainParam  `param:"domain,optional" doc:"The domain of the address; the main domain if nothing is said."`
	Email  hosting.MailboxParam `param:"email" doc:"The address whose mail is forwarded: its name, or whole."`
	destinationParams
}

type addedForwarder struct {
	Domain  latchkey.Domain      `json:"domain"`
	Email   string               `json:"email"`
	Forward mailrule.Destination `json:"forward"`
}

// UAPI: Email::add_forwarder.
func addForwarder(ctx context.Context, acct hosting.Account, p addForwarderParams) ([]addedForwarder, error) {
	from, err := addressOf(ctx, acct, p.Email, p.Domain)
	if err != nil {
		return nil, err
	}
	to, err := p.destinations()
	if err != nil {
		return nil, err
	}
	rows := make([]addedForwarder, len(to))
	for i, d := range to {
		rows[i] = addedForwarder{from.Domain, from.String(), d}
	}
	return rows, acct.Mail().Forward(ctx, from, to)
}

type listForwardersParams struct {
	Domain hosting.DomainParam `param:"domain,optional" doc:"List only those of this domain."`
	Regex  pattern             `param:"regex,optional" doc:"List only those where this regular expression matches the address or where its mail goes."`
}

type forwarderRow struct {
	Dest        string `json:"dest"`
	Forward     string `json:"forward"`
	HTMLDest    string `json:"html_dest"`
	HTMLForward string `json:"html_forward"`
	URIDest     string `json:"uri_dest"`
	URIForward  string `json:"uri_forward"`
}

// UAPI: Email::list_forwarders.
func listForwarders(ctx context.Context, acct hosting.Account, p listForwardersParams) ([]forwarderRow, error) {
	list, err := acct.Mail().Forwarders(ctx)
	rows := make([]forwarderRow, 0, len(list))
	for _, f := range list {
		from, to := f.From.String(), string(f.To)
		if p.Domain.Domain != "" && f.From.Domain != p.Domain.Domain || !p.Regex.matches(f.From) && !p.Regex.re.MatchString(to) {
			continue
		}
		rows = append(rows, forwarderRow{from, to, html.EscapeString(from), html.EscapeString(to), url.QueryEscape(from), url.QueryEscape(to)})
	}
	return rows, err
}

func countForwarders(ctx context.Context, acct hosting.Account, _ api.None) (int, error) {
	list, err := acct.Mail().Forwarders(ctx)
	return len(list), err
}

type deleteForwarderParams struct {
	Address   hosting.MailboxParam `param:"address,optional" doc:"The address whose mail is forwarded."`
	Email     hosting.MailboxParam `param:"email,optional" doc:"The same, in API 2."`
	Forwarder string               `param:"forwarder,optional" doc:"Where it is forwarded to, as lists show it."`
	EmailDest string               `param:"emaildest,optional" doc:"The same, in API 2."`
}

// UAPI: Email::delete_forwarder.
func deleteForwarder(ctx context.Context, acct hosting.Account, p deleteForwarderParams) (api.Void, error) {
	name, to := p.Address, p.Forwarder
	if name == (hosting.MailboxParam{}) {
		name = p.Email
	}
	if to == "" {
		to = p.EmailDest
	}
	if name == (hosting.MailboxParam{}) {
		return nil, &latchkey.Error{Kind: latchkey.Missing, Param: "address"}
	}
	from, err := addressOf(ctx, acct, name, hosting.DomainParam{})
	if err != nil {
		return nil, err
	}
	if to == "" {
		return nil, &latchkey.Error{Kind: latchkey.Missing, Param: "forwarder"}
	}
	return nil, acct.Mail().Unforward(ctx, from, listed(to))
}

// listed are destinations as lists show them: one that is no address, or addresses
// separated by commas.
func listed(text string) (list []mailrule.Destination) {
	if strings.HasPrefix(text, ":") {
		return []mailrule.Destination{mailrule.Destination(text)}
	}
	for one := range strings.SplitSeq(text, ",") {
		d, err := destination(strings.TrimSpace(one))
		if err != nil {
			d = mailrule.Destination(strings.TrimSpace(one)) // it is none, and none is called so
		}
		list = append(list, d)
	}
	return list
}

type domainForwarderParams struct {
	Domain hosting.DomainParam `param:"domain" doc:"The domain whose mail is forwarded, but for that of addresses of its own."`
	To     hosting.DomainParam `param:"destdomain" doc:"The domain whose addresses take it."`
}

// UAPI: Email::add_domain_forwarder.
func addDomainForwarder(ctx context.Context, acct hosting.Account, p domainForwarderParams) (string, error) {
	return string(p.To.Domain), acct.Mail().ForwardDomain(ctx, p.Domain.Domain, p.To.Domain)
}

type ofDomainParams struct {
	Domain hosting.DomainParam `param:"domain,optional" doc:"List only this domain."`
}

type domainForwarderRow struct {
	Dest    latchkey.Domain `json:"dest"`
	Forward latchkey.Domain `json:"forward"`
}

// UAPI: Email::list_domain_forwarders.
func listDomainForwarders(ctx context.Context, acct hosting.Account, p ofDomainParams) ([]domainForwarderRow, error) {
	list, err := acct.Mail().Remainders(ctx)
	var rows []domainForwarderRow
	for _, r := range list {
		if r.Forward != "" && (p.Domain.Domain == "" || p.Domain.Domain == r.Domain) {
			rows = append(rows, domainForwarderRow{r.Domain, r.Forward})
		}
	}
	return rows, err
}

type deleteDomainForwarderParams struct {
	Domain hosting.DomainParam `param:"domain" doc:"The domain whose mail is forwarded no more."`
}

// UAPI: Email::delete_domain_forwarder.
func deleteDomainForwarder(ctx context.Context, acct hosting.Account, p deleteDomainForwarderParams) (api.Void, error) {
	return nil, acct.Mail().ForwardDomain(ctx, p.Domain.Domain, "")
}

type domainRow struct {
	Domain latchkey.Domain `json:"domain"`
}

// UAPI: Email::list_forwarders_backups.
func listForwardedDomains(ctx context.Context, acct hosting.Account, _ api.None) ([]domainRow, error) {
	list, err := acct.Mail().Remainders(ctx)
	var rows []domainRow
	for _, r := range list {
		if r.Forward != "" {
			rows = append(rows, domainRow{r.Domain})
		}
	}
	return rows, err
}

type setDefaultParams struct {
	Domain hosting.DomainParam `param:"domain,optional" doc:"The domain; the main domain if nothing is said."`
	destinationParams
}

type defaultSet struct {
	Dest   string          `json:"dest"`
	Domain latchkey.Domain `json:"domain"`
}

// UAPI: Email::set_default_address.
func setDefaultAddress(ctx context.Context, acct hosting.Account, p setDefaultParams) ([]defaultSet, error) {
	domain, err := domainOf(ctx, acct, p.Domain)
	if err != nil {
		return nil, err
	}
	to, err := p.destinations()
	if err != nil {
		return nil, err
	}
	if len(to) != 1 {
		return nil, latchkey.InvalidParam("fwdemail", "A domain has one default address: give one.")
	}
	return []defaultSet{{string(to[0]), domain}}, acct.Mail().SetDefault(ctx, domain, to[0])
}

type listDefaultParams struct {
	Domain hosting.DomainParam `param:"domain,optional" doc:"List only this domain."`
	User   string              `param:"user,optional" doc:"Accepted. There are those of the account."`
}

type defaultRow struct {
	Address string          `json:"defaultaddress"`
	Domain  latchkey.Domain `json:"domain"`
}

// UAPI: Email::list_default_address. A text with spaces stands in quotes.
func listDefaultAddress(ctx context.Context, acct hosting.Account, p listDefaultParams) ([]defaultRow, error) {
	list, err := acct.Mail().Remainders(ctx)
	rows := make([]defaultRow, 0, len(list))
	for _, r := range list {
		if p.Domain.Domain != "" && p.Domain.Domain != r.Domain {
			continue
		}
		text := string(r.Default)
		if _, refuses := r.Default.Refuses(); refuses {
			text = `"` + text + `"`
		}
		rows = append(rows, defaultRow{text, r.Domain})
	}
	return rows, err
}

// defaultOfAPI2 is the answer to setdefaultaddress.
func defaultOfAPI2(data any) any {
	rows, ok := data.([]defaultSet)
	if !ok {
		return data
	}
	list := make([]string, len(rows))
	for i, r := range rows {
		list[i] = r.Dest
	}
	return list
}

type mainDiscardRow struct {
	Status int `json:"status"`
}

// API 2: Email::checkmaindiscard.
func checkMainDiscard(ctx context.Context, acct hosting.Account, _ api.None) ([]mainDiscardRow, error) {
	a, err := acct.Info(ctx)
	if err != nil {
		return nil, err
	}
	list, err := acct.Mail().Remainders(ctx)
	row := mainDiscardRow{}
	for _, r := range list {
		if r.Domain == a.Domain && r.Default == mailrule.Blackhole {
			row.Status = 1
		}
	}
	return []mainDiscardRow{row}, err
}
