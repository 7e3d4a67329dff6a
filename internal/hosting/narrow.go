package hosting

import (
	"context"
	"time"

	"github.com/latchkey/latchkey/internal/hosting/mailsearch"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Narrow is acct in the hands of somebody who may act on some of what it owns
// only: may says why not, for the things that are named. Other things are
// refused before it is looked whether there are any, and no list has them.
// There are no tokens, no sessions and no figures of the account as a whole.
func Narrow(acct Account, may func(...latchkey.Resource) error) Account {
	return &narrow{acct, may, look{may, func(latchkey.Resource) {}}}
}

// Watched is acct as [Narrow] gives it, and tells used of what is touched: of the
// account as a whole by the zero resource. What is only read in a list, or with
// all else in its zone, is listed.
func Watched(acct Account, may func(...latchkey.Resource) error, used func(thing latchkey.Resource, listed bool)) Account {
	touch := func(things ...latchkey.Resource) error {
		if err := may(things...); err != nil {
			return err
		}
		if len(things) == 0 {
			used(latchkey.Resource{}, false)
		}
		for _, r := range things {
			used(r, false)
		}
		return nil
	}
	return &narrow{acct, touch, look{may, func(r latchkey.Resource) { used(r, true) }}}
}

// look is for what is shown and not touched: ask says why it may not be, and
// shown is told of it.
type look struct {
	ask   func(...latchkey.Resource) error
	shown func(latchkey.Resource)
}

// Holds reports whether who has acct in their hands may act on a thing.
func Holds(acct Account, thing latchkey.Resource) bool { return May(acct, thing) == nil }

// May says why who has acct in their hands may not act on a thing, or nil. It is
// for what is to be said before what else is wrong with a call.
func May(acct Account, thing latchkey.Resource) error {
	n, ok := acct.(*narrow)
	if !ok {
		return nil
	}
	return n.look.ask(thing)
}

// narrow has every method of an account by itself: one that comes to be must be
// thought of here before it can be called.
type narrow struct {
	all  Account
	may  func(...latchkey.Resource) error // act on things
	look look
}

func (n *narrow) Caller() *latchkey.Caller { return n.all.Caller() }
func (n *narrow) Home() string             { return n.all.Home() }
func (n *narrow) At() time.Time            { return n.all.At() }
func (n *narrow) Server() *Server          { return n.all.Server() }
func (n *narrow) Tokens() Tokens           { return noTokens{} }
func (n *narrow) SignIns() SignIns         { return noSignIns{} }
func (n *narrow) Mail() Mail               { return &narrowMail{n.all.Mail(), n.may, n.look} }
func (n *narrow) Zones() Zones             { return &narrowZones{n.all.Zones(), n.may, n.look} }
func (n *narrow) Certificates() Certificates {
	return &narrowCertificates{n.all.Certificates(), n.may, n.look}
}

func (n *narrow) DynamicHosts() DynamicHosts {
	return &narrowDynamic{n.all.DynamicHosts(), n.may}
}

func (n *narrow) DKIM() DKIM { return &narrowDKIM{n.all.DKIM(), n.may} }

func (n *narrow) Info(ctx context.Context) (*latchkey.Account, error) {
	a, err := n.all.Info(ctx)
	if err != nil {
		return nil, err
	}
	info := *a
	info.PasswordHash = ""
	return &info, nil
}

func (n *narrow) Domains(ctx context.Context) ([]latchkey.OwnedDomain, error) {
	list, err := n.all.Domains(ctx)
	list = covered(list, n.look.ask, func(d *latchkey.OwnedDomain) latchkey.Resource { return domainNamed(d.Name) })
	for i := range list {
		n.look.shown(domainNamed(list[i].Name))
	}
	return list, err
}

func (n *narrow) Plan(ctx context.Context) (latchkey.Package, error) { return n.all.Plan(ctx) }

func (n *narrow) Activity(ctx context.Context, q latchkey.EventQuery) (latchkey.EventPage, error) {
	if err := n.may(); err != nil {
		return latchkey.EventPage{}, err
	}
	return n.all.Activity(ctx, q)
}

func (n *narrow) Quota(ctx context.Context) (Quota, error) {
	if err := n.may(); err != nil {
		return Quota{}, err
	}
	return n.all.Quota(ctx)
}

// covered are those of a list that may be touched.
func covered[T any](list []T, may func(...latchkey.Resource) error, name func(*T) latchkey.Resource) []T {
	var kept []T
	for i := range list {
		if may(name(&list[i])) == nil {
			kept = append(kept, list[i])
		}
	}
	return kept
}

func domainNamed(d latchkey.Domain) latchkey.Resource { return DomainParam{d}.Resource() }

type narrowMail struct {
	all  Mail
	may  func(...latchkey.Resource) error
	look look
}

// on says why a may not be touched, or nil.
func (m *narrowMail) on(a Address) error { return m.may(MailboxParam(a).Resource()) }

func (m *narrowMail) Create(ctx context.Context, n NewMailbox) error {
	if err := m.on(n.Address); err != nil {
		return err
	}
	return m.all.Create(ctx, n)
}

func (m *narrowMail) Remove(ctx context.Context, a Address) error {
	if err := m.on(a); err != nil {
		return err
	}
	return m.all.Remove(ctx, a)
}

func (m *narrowMail) SetPassword(ctx context.Context, a Address, password latchkey.Secret) error {
	if err := m.on(a); err != nil {
		return err
	}
	return m.all.SetPassword(ctx, a, password)
}

func (m *narrowMail) SetQuota(ctx context.Context, a Address, bytes int64) error {
	if err := m.on(a); err != nil {
		return err
	}
	return m.all.SetQuota(ctx, a, bytes)
}

func (m *narrowMail) Suspend(ctx context.Context, a Address, what Suspension, on bool) error {
	if err := m.on(a); err != nil {
		return err
	}
	return m.all.Suspend(ctx, a, what, on)
}

func (m *narrowMail) Verify(ctx context.Context, a Address, password latchkey.Secret) (bool, error) {
	if err := m.on(a); err != nil {
		return false, err
	}
	return m.all.Verify(ctx, a, password)
}

func (m *narrowMail) Mailbox(ctx context.Context, a Address) (Mailbox, error) {
	if err := m.on(a); err != nil {
		return Mailbox{}, err
	}
	return m.all.Mailbox(ctx, a)
}

func (m *narrowMail) Mailboxes(ctx context.Context) (list []Mailbox, err error) {
	err = m.EachMailbox(ctx, func(some []Mailbox) error { list = append(list, some...); return nil })
	return list, err
}

func (m *narrowMail) EachMailbox(ctx context.Context, take func([]Mailbox) error) error {
	var last latchkey.Domain
	return m.all.EachMailbox(ctx, func(some []Mailbox) error {
		some = covered(some, m.look.ask, func(b *Mailbox) latchkey.Resource { return MailboxParam(b.Address).Resource() })
		for i := range some {
			if d := some[i].Address.Domain; d != last {
				m.look.shown(domainNamed(d))
				last = d
			}
		}
		return take(some)
	})
}

func (m *narrowMail) Page(ctx context.Context, skip, size int) ([]Mailbox, int, error) {
	return pageOf(m, ctx, skip, size)
}

// pageOf is a page of mailboxes that have to be looked at one by one. It keeps no
// more of them than it shows.
func pageOf(m interface {
	EachMailbox(context.Context, func([]Mailbox) error) error
}, ctx context.Context, skip, size int) (page []Mailbox, total int, err error) {
	err = m.EachMailbox(ctx, func(some []Mailbox) error {
		from := min(max(skip-total, 0), len(some))
		page = append(page, some[from:min(from+size-len(page), len(some))]...)
		total += len(some)
		return nil
	})
	return page, total, err
}

func (m *narrowMail) Count(ctx context.Context) (int64, error) {
	list, err := m.Mailboxes(ctx)
	return int64(len(list)), err
}

func (m *narrowMail) Usage(ctx context.Context, a Address) (MailUsage, error) {
	if err := m.on(a); err != nil {
		return MailUsage{}, err
	}
	return m.all.Usage(ctx, a)
}

func (m *narrowMail) Folders(ctx context.Context, a Address) ([]MailFolder, error) {
	if err := m.on(a); err != nil {
		return nil, err
	}
	return m.all.Folders(ctx, a)
}

func (m *narrowMail) Expunge(ctx context.Context, a Address, f FolderRef, q mailsearch.Query) (int64, error) {
	if err := m.on(a); err != nil {
		return 0, err
	}
	return m.all.Expunge(ctx, a, f, q)
}

func (m *narrowMail) Domains(ctx context.Context) ([]latchkey.Domain, error) {
	list, err := m.all.Domains(ctx)
	list = covered(list, m.look.ask, func(d *latchkey.Domain) latchkey.Resource { return domainNamed(*d) })
	for _, d := range list {
		m.look.shown(domainNamed(d))
	}
	return list, err
}
