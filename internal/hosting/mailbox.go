package hosting

import (
	"context"
	"time"

	"github.com/latchkey/latchkey/internal/hosting/mailsearch"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
	"github.com/latchkey/latchkey/internal/zone"
)

// ForMailbox is acct in the hands of somebody who signed in as the mailbox a: of
// all the account owns there is that mailbox, and what its owner may do with it.
// Its domain stands for the account's main domain, so that a name without one
// means the mailbox's own. Whatever else is asked for is Denied, and other
// mailboxes are NotFound, whether or not there are any.
func ForMailbox(acct Account, a Address) Account {
	return &ofMailbox{Account: acct, own: a}
}

type ofMailbox struct {
	Account
	own Address
}

var errNotForMailboxes = &latchkey.Error{Kind: latchkey.Denied, Msg: "An email account may not do this: sign in as the account it belongs to."}

func (o *ofMailbox) Tokens() Tokens   { return noTokens{} }
func (o *ofMailbox) SignIns() SignIns { return noSignIns{} }
func (o *ofMailbox) Mail() Mail       { return &ownMail{o.Account.Mail(), o.own} }

func (o *ofMailbox) Info(ctx context.Context) (*latchkey.Account, error) {
	a, err := o.Account.Info(ctx)
	if err != nil {
		return nil, err
	}
	info := *a
	info.Domain, info.PasswordHash = o.own.Domain, ""
	return &info, nil
}

func (o *ofMailbox) Domains(context.Context) ([]latchkey.OwnedDomain, error) {
	return nil, errNotForMailboxes
}

func (o *ofMailbox) Plan(context.Context) (latchkey.Package, error) {
	return latchkey.Package{}, errNotForMailboxes
}

func (o *ofMailbox) Activity(context.Context, latchkey.EventQuery) (latchkey.EventPage, error) {
	return latchkey.EventPage{}, errNotForMailboxes
}

func (o *ofMailbox) Quota(context.Context) (Quota, error) { return Quota{}, errNotForMailboxes }

type noSignIns struct{}

func (noSignIns) HandOver(context.Context, Address) (HandedOver, error) {
	return HandedOver{}, errNotForMailboxes
}

func (noSignIns) Own() OwnSessions { return noSessions{} }

type noSessions struct{}

func (noSessions) List(context.Context) ([]SessionInfo, error) { return nil, errNotForMailboxes }
func (noSessions) End(context.Context, string) (int, error)    { return 0, errNotForMailboxes }

func (noSignIns) Factor() Factor { return noFactor{} }

type noFactor struct{}

func (noFactor) New(context.Context) (secret, url latchkey.Secret, err error) {
	return secret, url, errNotForMailboxes
}
func (noFactor) Set(context.Context, latchkey.Secret, latchkey.Secret, bool) ([]latchkey.Secret, error) {
	return nil, errNotForMailboxes
}
func (noFactor) Recovery(context.Context) ([]latchkey.Secret, error) { return nil, errNotForMailboxes }
func (noFactor) Remove(context.Context) error                        { return errNotForMailboxes }
func (noFactor) State(context.Context) (FactorState, error)          { return FactorState{}, errNotForMailboxes }

func (o *ofMailbox) Zones() Zones { return noZones{} }

func (o *ofMailbox) DKIM() DKIM {
	return &narrowDKIM{o.Account.DKIM(), func(...latchkey.Resource) error { return errNotForMailboxes }}
}

func (o *ofMailbox) DynamicHosts() DynamicHosts {
	return &narrowDynamic{o.Account.DynamicHosts(), func(...latchkey.Resource) error { return errNotForMailboxes }}
}

type noZones struct{}

func (noZones) List(context.Context) ([]latchkey.Domain, error) { return nil, errNotForMailboxes }
func (noZones) Zone(context.Context, latchkey.Domain) (*zone.Zone, error) {
	return nil, errNotForMailboxes
}
func (noZones) Edit(context.Context, latchkey.Domain, func(*zone.Zone) (zone.Edit, error)) (*zone.Zone, error) {
	return nil, errNotForMailboxes
}
func (noZones) Reset(context.Context, latchkey.Domain) (*zone.Zone, error) {
	return nil, errNotForMailboxes
}

func (noZones) Sign(context.Context, latchkey.Domain, Signing) error { return errNotForMailboxes }
func (noZones) Unsign(context.Context, latchkey.Domain) error        { return errNotForMailboxes }
func (noZones) Signed(context.Context, latchkey.Domain) (SignedZone, error) {
	return SignedZone{}, errNotForMailboxes
}
func (noZones) SigningKey(context.Context, latchkey.Domain, int) (latchkey.Secret, error) {
	return latchkey.Secret{}, errNotForMailboxes
}

func (o *ofMailbox) Certificates() Certificates { return noCertificates{} }

type noCertificates struct{}

func (noCertificates) Keys(context.Context) ([]KeptKey, error) { return nil, errNotForMailboxes }
func (noCertificates) Requests(context.Context) ([]KeptRequest, error) {
	return nil, errNotForMailboxes
}
func (noCertificates) Certificates(context.Context) ([]KeptCertificate, error) {
	return nil, errNotForMailboxes
}
func (noCertificates) PrivateKey(context.Context, string) (latchkey.Secret, error) {
	return latchkey.Secret{}, errNotForMailboxes
}
func (noCertificates) AddKey(context.Context, string, pki.Key) (KeptKey, error) {
	return KeptKey{}, errNotForMailboxes
}
func (noCertificates) AddCertificate(context.Context, string, *pki.Certificate, pki.Chain) (KeptCertificate, error) {
	return KeptCertificate{}, errNotForMailboxes
}
func (noCertificates) Request(context.Context, string, string, pki.Subject) (KeptRequest, error) {
	return KeptRequest{}, errNotForMailboxes
}
func (noCertificates) SelfSign(context.Context, string, string, pki.Subject) (KeptCertificate, error) {
	return KeptCertificate{}, errNotForMailboxes
}
func (noCertificates) Rename(context.Context, Keeping, string, string) error {
	return errNotForMailboxes
}
func (noCertificates) Remove(context.Context, Keeping, string) error { return errNotForMailboxes }
func (noCertificates) Sites(context.Context) ([]Site, error)         { return nil, errNotForMailboxes }
func (noCertificates) Install(context.Context, latchkey.Domain, Installation) (Site, error) {
	return Site{}, errNotForMailboxes
}
func (noCertificates) Uninstall(context.Context, latchkey.Domain) error { return errNotForMailboxes }
func (noCertificates) Redirect(context.Context, []latchkey.Domain, bool) error {
	return errNotForMailboxes
}
func (noCertificates) KeyType(context.Context) (pki.KeyType, error)  { return "", errNotForMailboxes }
func (noCertificates) SetKeyType(context.Context, pki.KeyType) error { return errNotForMailboxes }

type noTokens struct{}

func (noTokens) Create(context.Context, NewToken) (latchkey.Token, latchkey.Secret, error) {
	return latchkey.Token{}, latchkey.Secret{}, errNotForMailboxes
}
func (noTokens) List(context.Context) ([]TokenInfo, error) { return nil, errNotForMailboxes }
func (noTokens) Search(context.Context, TokenQuery, int, int) (TokenPage, error) {
	return TokenPage{}, errNotForMailboxes
}
func (noTokens) Rename(context.Context, string, string) error { return errNotForMailboxes }
func (noTokens) Change(context.Context, string, func(*NewToken) error) (TokenInfo, error) {
	return TokenInfo{}, errNotForMailboxes
}
func (noTokens) Rotate(context.Context, string, time.Duration) (TokenInfo, latchkey.Secret, error) {
	return TokenInfo{}, latchkey.Secret{}, errNotForMailboxes
}
func (noTokens) Switch(context.Context, string, bool) (TokenInfo, error) {
	return TokenInfo{}, errNotForMailboxes
}
func (noTokens) Observed(context.Context, string) (TokenInfo, []latchkey.Observed, error) {
	return TokenInfo{}, nil, errNotForMailboxes
}
func (noTokens) Named(context.Context, string) (TokenInfo, error) {
	return TokenInfo{}, errNotForMailboxes
}
func (noTokens) RevokeAll(context.Context, bool) (int, error) { return 0, errNotForMailboxes }
func (noTokens) Find(context.Context, latchkey.Secret) (TokenInfo, error) {
	return TokenInfo{}, errNotForMailboxes
}
func (noTokens) Own(context.Context) (TokenInfo, error) { return TokenInfo{}, errNotForMailboxes }
func (noTokens) Revoke(context.Context, string) (found bool, e error) {
	return false, errNotForMailboxes
}

func (noTokens) Policy(context.Context) (TokenPolicyInfo, error) {
	return TokenPolicyInfo{}, errNotForMailboxes
}
func (noTokens) Notices(context.Context) (Notices, error) { return Notices{}, errNotForMailboxes }
func (noTokens) SetNotices(context.Context, func([]string) []string) (Notices, error) {
	return Notices{}, errNotForMailboxes
}

// ownMail is the mail of an account as one of its mailboxes has it.
type ownMail struct {
	all Mail
	own Address
}

// mine says why a is not the mailbox's own, or nil.
func (m *ownMail) mine(a Address) error {
	if a != m.own {
		return &latchkey.Error{Kind: latchkey.NotFound, Param: "email", Msg: "You do not have an email account named “" + a.String() + "”."}
	}
	return nil
}

func (m *ownMail) Create(context.Context, NewMailbox) error       { return errNotForMailboxes }
func (m *ownMail) Remove(context.Context, Address) error          { return errNotForMailboxes }
func (m *ownMail) SetQuota(context.Context, Address, int64) error { return errNotForMailboxes }
func (m *ownMail) Count(context.Context) (int64, error)           { return 1, nil }
func (m *ownMail) Domains(context.Context) ([]latchkey.Domain, error) {
	return []latchkey.Domain{m.own.Domain}, nil
}

func (m *ownMail) Suspend(context.Context, Address, Suspension, bool) error {
	return errNotForMailboxes
}

func (m *ownMail) SetPassword(ctx context.Context, a Address, password latchkey.Secret) error {
	if err := m.mine(a); err != nil {
		return err
	}
	return m.all.SetPassword(ctx, a, password)
}

func (m *ownMail) Verify(ctx context.Context, a Address, password latchkey.Secret) (bool, error) {
	if err := m.mine(a); err != nil {
		return false, err
	}
	return m.all.Verify(ctx, a, password)
}

func (m *ownMail) Mailbox(ctx context.Context, a Address) (Mailbox, error) {
	if err := m.mine(a); err != nil {
		return Mailbox{}, err
	}
	return m.all.Mailbox(ctx, a)
}

func (m *ownMail) Mailboxes(ctx context.Context) ([]Mailbox, error) {
	box, err := m.all.Mailbox(ctx, m.own)
	if err != nil {
		return nil, err
	}
	return []Mailbox{box}, nil
}

func (m *ownMail) Usage(ctx context.Context, a Address) (MailUsage, error) {
	if err := m.mine(a); err != nil {
		return MailUsage{}, err
	}
	return m.all.Usage(ctx, a)
}

func (m *ownMail) Folders(ctx context.Context, a Address) ([]MailFolder, error) {
	if err := m.mine(a); err != nil {
		return nil, err
	}
	return m.all.Folders(ctx, a)
}

func (m *ownMail) Expunge(ctx context.Context, a Address, f FolderRef, q mailsearch.Query) (int64, error) {
	if err := m.mine(a); err != nil {
		return 0, err
	}
	return m.all.Expunge(ctx, a, f, q)
}

func (m *ownMail) Page(ctx context.Context, skip, size int) ([]Mailbox, int, error) {
	return pageOf(m, ctx, skip, size)
}

func (m *ownMail) EachMailbox(ctx context.Context, take func([]Mailbox) error) error {
	list, err := m.Mailboxes(ctx)
	if err != nil {
		return err
	}
	return take(list)
}
