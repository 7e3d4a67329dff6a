package email

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// maxQuota is the largest quota that can be asked for, in megabytes: 4 PiB.
const maxQuota = 1 << 32

// quota is a parameter that says how much a mailbox may hold.
type quota struct {
	given bool
	bytes int64 // 0 is no limit
}

// ParseParam reads megabytes; 0 and the word unlimited are no limit.
func (q *quota) ParseParam(text string) error {
	q.given = true
	text = strings.TrimSpace(text)
	if strings.EqualFold(text, "unlimited") {
		return nil
	}
	mb, err := strconv.ParseInt(text, 10, 64)
	if err != nil || mb < 0 || mb > maxQuota {
		return fmt.Errorf("must be a whole number of megabytes, up to %d, or “unlimited”", int64(maxQuota))
	}
	q.bytes = mb << 20
	return nil
}

// in is the quota in bytes for a mailbox of acct: what was asked for, else the
// default.
func (q quota) in(ctx context.Context, acct hosting.Account) (int64, error) {
	if q.given {
		return q.bytes, nil
	}
	return mostBytes(ctx, acct, api.None{})
}

// mostMegabytes is the largest quota a mailbox of acct may have, in megabytes, and also
// the default; 0 is no limit.
func mostMegabytes(ctx context.Context, acct hosting.Account, _ api.None) (int64, error) {
	a, err := acct.Info(ctx)
	if err != nil || a.Limits.MailboxMB >= maxQuota {
		return 0, err
	}
	return a.Limits.MailboxMB, nil
}

func mostBytes(ctx context.Context, acct hosting.Account, _ api.None) (int64, error) {
	mb, err := mostMegabytes(ctx, acct, api.None{})
	return mb << 20, err
}

// mailboxOf is the mailbox that parameters name: a name alone is one of the
// account's main domain. Who may not touch that one is not told which it is.
func mailboxOf(ctx context.Context, acct hosting.Account, name hosting.MailboxParam, domain hosting.DomainParam) (hosting.Address, error) {
	a, err := acct.Info(ctx)
	if err != nil {
		return hosting.Address{}, err
	}
	box, err := name.In(domain, a.Domain)
	thing := hosting.MailboxParam(box).Resource()
	if err == nil && name.Domain == "" && domain.Domain == "" && !hosting.Holds(acct, thing) {
		err = &latchkey.Error{Kind: latchkey.Denied, On: &thing,
			Msg: "This API token may not do that: it has no grant for “" + box.Local + "” in the account’s main domain. Give a whole address, or the domain."}
	}
	return box, err
}

// addressOf is mailboxOf for what has more to say of a call than whether it may be
// made: that comes first.
func addressOf(ctx context.Context, acct hosting.Account, name hosting.MailboxParam, domain hosting.DomainParam) (hosting.Address, error) {
	a, err := mailboxOf(ctx, acct, name, domain)
	if err == nil {
		err = hosting.May(acct, hosting.MailboxParam(a).Resource())
	}
	return a, err
}

// domainOf is the domain that a parameter names, else the account's main domain,
// of which who may not touch it is not told.
func domainOf(ctx context.Context, acct hosting.Account, p hosting.DomainParam) (latchkey.Domain, error) {
	if p.Domain != "" {
		return p.Domain, hosting.May(acct, p.Resource())
	}
	a, err := acct.Info(ctx)
	if err != nil {
		return "", err
	}
	thing := hosting.DomainParam{Domain: a.Domain}.Resource()
	if !hosting.Holds(acct, thing) {
		return "", &latchkey.Error{Kind: latchkey.Denied, On: &thing, Msg: "This API token may not do that: it has no grant for the account’s main domain. Give the domain."}
	}
	return a.Domain, nil
}

type addPopParams struct {
	Email        hosting.MailboxParam `param:"email" doc:"The mailbox to create: its name, or its whole address."`
	Domain       hosting.DomainParam  `param:"domain,optional" doc:"Its domain; the main domain if nothing is said."`
	Password     latchkey.Secret      `param:"password,optional" doc:"Its password."`
	PasswordHash latchkey.Secret      `param:"password_hash,optional" doc:"The crypt hash of its password, instead of the password."`
	Quota        quota                `param:"quota,optional" doc:"How many megabytes it may hold; 0 or “unlimited” for no limit. Without it, as much as the package allows."`
	Welcome      bool                 `param:"send_welcome_email,optional" doc:"Accepted. No message is sent."`
	SkipUpdate   bool                 `param:"skip_update_db,optional" doc:"Accepted. There is nothing to skip."`
}

// UAPI: Email::add_pop.
func addPop(ctx context.Context, acct hosting.Account, p addPopParams) (api.Answer, error) {
	a, err := mailboxOf(ctx, acct, p.Email, p.Domain)
	if err != nil {
		return api.Answer{}, err
	}
	if err := p.check(a); err != nil {
		return api.Answer{}, err
	}
	quota, err := p.Quota.in(ctx, acct)
	if err != nil {
		return api.Answer{}, err
	}
	err = acct.Mail().Create(ctx, hosting.NewMailbox{Address: a, Password: p.Password, Hash: p.PasswordHash.Reveal(), Quota: quota})
	if latchkey.KindOf(err) == latchkey.Exists {
		// Clients know the sentence with these quotes.
		err = &latchkey.Error{Kind: latchkey.Exists, Param: "email", Msg: fmt.Sprintf(`The email account "%s" already exists!`, a), Err: err}
	}
	if err != nil {
		return api.Answer{}, err
	}
	answer := api.Answer{Data: a.Local + "+" + string(a.Domain)}
	if p.Welcome {
		answer.Warnings = []string{"This server does not send welcome messages: tell the owner of the mailbox how to use it."}
	}
	return answer, nil
}

func (p *addPopParams) check(a hosting.Address) error {
	switch {
	case p.Password.Empty() && p.PasswordHash.Empty():
		return &latchkey.Error{Kind: latchkey.Missing, Param: "password"}
	case !p.Password.Empty() && !p.PasswordHash.Empty():
		return latchkey.InvalidParam("password_hash", "Give either the “password” or the “password_hash” argument, not both.")
	case a.Local == "cpanel":
		return latchkey.InvalidParam("email", "An email account cannot be called “cpanel”: choose another name.")
	}
	return nil
}

type deletePopParams struct {
	Email     hosting.MailboxParam `param:"email" doc:"The mailbox to delete: its name, or its whole address."`
	Domain    hosting.DomainParam  `param:"domain,optional" doc:"Its domain; the main domain if nothing is said."`
	Flags     string               `param:"flags,optional" doc:"Accepted. The mail is always deleted with the mailbox."`
	SkipQuota bool                 `param:"skip_quota,optional" doc:"Accepted. There is nothing to skip."`
}

// UAPI: Email::delete_pop.
func deletePop(ctx context.Context, acct hosting.Account, p deletePopParams) (api.Void, error) {
	a, err := mailboxOf(ctx, acct, p.Email, p.Domain)
	if err != nil {
		return nil, err
	}
	return nil, acct.Mail().Remove(ctx, a)
}

type passwdPopParams struct {
	Email    hosting.MailboxParam `param:"email" doc:"The mailbox: its name, or its whole address."`
	Password latchkey.Secret      `param:"password" doc:"Its new password."`
	Domain   hosting.DomainParam  `param:"domain,optional" doc:"Its domain; the main domain if nothing is said."`
}

// UAPI: Email::passwd_pop.
func passwdPop(ctx context.Context, acct hosting.Account, p passwdPopParams) (api.Void, error) {
	a, err := mailboxOf(ctx, acct, p.Email, p.Domain)
	if err != nil {
		return nil, err
	}
	return nil, acct.Mail().SetPassword(ctx, a, p.Password)
}

type editPopQuotaParams struct {
	Email  hosting.MailboxParam `param:"email" doc:"The mailbox: its name, or its whole address."`
	Domain hosting.DomainParam  `param:"domain" doc:"Its domain."`
	Quota  quota                `param:"quota,optional" doc:"How many megabytes it may hold; 0 or “unlimited” for no limit. Without it, as much as the package allows."`
}

// UAPI: Email::edit_pop_quota.
func editPopQuota(ctx context.Context, acct hosting.Account, p editPopQuotaParams) (api.Void, error) {
	a, err := mailboxOf(ctx, acct, p.Email, p.Domain)
	if err != nil {
		return nil, err
	}
	quota, err := p.Quota.in(ctx, acct)
	if err != nil {
		return nil, err
	}
	return nil, acct.Mail().SetQuota(ctx, a, quota)
}

type getPopQuotaParams struct {
	Email   hosting.MailboxParam `param:"email" doc:"The mailbox: its name, or its whole address."`
	AsBytes bool                 `param:"as_bytes,optional" doc:"Answer in bytes instead of megabytes."`
	Domain  hosting.DomainParam  `param:"domain,optional" doc:"Its domain; the main domain if nothing is said."`
}

// UAPI: Email::get_pop_quota.
func getPopQuota(ctx context.Context, acct hosting.Account, p getPopQuotaParams) (int64, error) {
	a, err := mailboxOf(ctx, acct, p.Email, p.Domain)
	if err != nil {
		return 0, err
	}
	m, err := acct.Mail().Mailbox(ctx, a)
	if !p.AsBytes {
		m.Quota >>= 20
	}
	return m.Quota, err
}

type verifyPasswordParams struct {
	Email    hosting.MailboxParam `param:"email" doc:"The mailbox: its name, or its whole address."`
	Password latchkey.Secret      `param:"password" doc:"The password to try."`
}

// UAPI: Email::verify_password.
func verifyPassword(ctx context.Context, acct hosting.Account, p verifyPasswordParams) (bool, error) {
	a, err := mailboxOf(ctx, acct, p.Email, hosting.DomainParam{})
	if err != nil {
		return false, err
	}
	return acct.Mail().Verify(ctx, a, p.Password)
}
