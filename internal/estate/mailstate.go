package estate

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/latchkey/latchkey/internal/driver/dovecot"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/mailrule"
	"github.com/latchkey/latchkey/internal/store"
)

// MailOf implements [dovecot.Source].
func (e *Estate) MailOf(ctx context.Context, places []store.MailPlace) (s dovecot.State, err error) {
	err = e.Store.Read(ctx, func(r store.Reader) error {
		for _, p := range places {
			if err := e.mailAt(r, p, &s); err != nil {
				return err
			}
		}
		return nil
	})
	return s, err
}

// AllMail implements [dovecot.Source].
func (e *Estate) AllMail(ctx context.Context, each func(dovecot.State) error) error {
	const page = 200
	for after := latchkey.AccountName(""); ; {
		var list []latchkey.Account
		var s dovecot.State
		err := e.Store.Read(ctx, func(r store.Reader) (err error) {
			list, err = r.Accounts(after, page)
			for i := 0; i < len(list) && err == nil; i++ {
				err = e.mailAt(r, store.MailPlace{Account: list[i].ID}, &s)
			}
			return err
		})
		if err == nil {
			err = each(s)
		}
		if err != nil || len(list) < page {
			return err
		}
		after = list[len(list)-1].Name
	}
}

// rendering adds the mail of one account to a state.
type rendering struct {
	*dovecot.State
	owner latchkey.Account
	mail  string // the directory of its mailboxes
	own   []mailrule.Filter
	here  func(to string) (bool, error) // whether an address is of one of our domains
}

// mailAt adds what there is at a place.
func (e *Estate) mailAt(r store.Reader, p store.MailPlace, s *dovecot.State) error {
	owner, err := r.AccountByID(p.Account)
	if err != nil {
		return gone(err)
	}
	home, err := e.Homes.Path(string(owner.Name))
	if err != nil {
		return err
	}
	m := &rendering{State: s, owner: owner, mail: filepath.Join(home, "mail")}
	m.here = func(to string) (bool, error) {
		_, err := r.DomainOwner(domainOf(strings.ToLower(to)))
		return err == nil, gone(err)
	}
	if m.own, err = r.Filters(store.MailPlace{Account: p.Account}); err != nil {
		return err
	}
	switch {
	case p.Domain == "":
		return m.account(r)
	case p.Local == "":
		return m.domain(r, p)
	}
	return m.address(r, p)
}

// address is one address, with all that is asked of the store for it.
type address struct {
	at      store.MailPlace
	box     *store.Mailbox
	to      []mailrule.Destination
	answer  *mailrule.Autoresponder
	filters []mailrule.Filter
}

func (m *rendering) account(r store.Reader) error {
	domains, err := r.Domains(m.owner.ID)
	if err != nil {
		return err
	}
	for _, d := range domains {
		if err := m.domain(r, store.MailPlace{Account: m.owner.ID, Domain: d.Name}); err != nil {
			return err
		}
	}
	all := make(map[store.MailPlace]*address)
	if err := m.gather(r, all); err != nil {
		return err
	}
	for _, a := range all {
		if err := m.add(a); err != nil {
			return err
		}
	}
	return nil
}

// gather finds the addresses of the account.
func (m *rendering) gather(r store.Reader, all map[store.MailPlace]*address) error {
	at := func(p store.MailPlace) *address {
		if all[p] == nil {
			all[p] = &address{at: p}
		}
		return all[p]
	}
	boxes, err := r.Mailboxes(m.owner.ID, store.Mailbox{}, 0)
	if err != nil {
		return err
	}
	for i, b := range boxes {
		at(store.MailPlace{Account: b.Account, Domain: b.Domain, Local: b.Local}).box = &boxes[i]
	}
	forwarders, err := r.Forwarders(m.owner.ID, store.Forwarder{}, 0)
	if err != nil {
		return err
	}
	for _, f := range forwarders {
		a := at(f.MailPlace)
		a.to = append(a.to, f.To)
	}
	answers, err := r.Autoresponders(m.owner.ID)
	if err != nil {
		return err
	}
	for i := range answers {
		at(answers[i].MailPlace).answer = &answers[i].Autoresponder
	}
	filters, err := r.AllFilters(m.owner.ID)
	for _, f := range filters {
		if f.Local != "" {
			at(f.MailPlace).filters = f.List
		}
	}
	return err
}

// domain adds what a domain has of its own.
func (m *rendering) domain(r store.Reader, p store.MailPlace) error {
	if id, err := r.DomainOwner(p.Domain); err != nil || id != p.Account {
		return gone(err)
	}
	m.Domains = append(m.Domains, dovecot.Domain{Name: p.Domain, Account: p.Account})
	if m.owner.Suspended {
		m.refuse(string(p.Domain), "no mail is taken for this domain at present")
		return nil
	}
	d, err := r.MailDomain(p.Account, p.Domain)
	if err != nil {
		return gone(err)
	}
	if d.Forward != "" {
		m.alias("@"+string(p.Domain), "@"+string(d.Forward))
		return nil
	}
	if message, refuses := d.Default.Refuses(); refuses && message != "" {
		m.refuse(string(p.Domain), message)
	}
	m.destination("@"+string(p.Domain), d.Default)
	return nil
}

// address adds one address.
func (m *rendering) address(r store.Reader, p store.MailPlace) error {
	a := &address{at: p}
	box, err := r.Mailbox(p.Account, p.Domain, p.Local)
	switch {
	case err == nil:
		a.box = &box
	case gone(err) != nil:
		return err
	}
	if a.to, err = r.ForwardersAt(p); err != nil {
		return err
	}
	answer, err := r.Autoresponder(p)
	switch {
	case err == nil:
		a.answer = &answer.Autoresponder
	case gone(err) != nil:
		return err
	}
	if a.filters, err = r.Filters(p); err != nil {
		return err
	}
	return m.add(a)
}

// mute takes away what sends mail of a elsewhere, if the outgoing mail of its mailbox
// is suspended: what would only go there is kept in the mailbox. Nobody is answered by
// one whose outgoing mail is held, either: Postfix could not tell whose answer it is.
func (m *rendering) mute(a *address) (account []mailrule.Filter, err error) {
	if a.box == nil || !a.box.SuspendedOutgoing {
		if a.box != nil && a.box.HoldOutgoing {
			a.answer = nil
		}
		return m.own, nil
	}
	var to []mailrule.Destination
	for _, d := range a.to {
		address, ok := d.Address()
		here, err := m.here(address)
		if err != nil {
			return nil, err
		}
		if !ok || here {
			to = append(to, d)
		}
	}
	a.to, a.answer = to, nil
	account, err = mailrule.Kept(m.own, m.here)
	if err == nil {
		a.filters, err = mailrule.Kept(a.filters, m.here)
	}
	return account, err
}

// add says where mail for a goes. What is thrown away or refused goes nowhere else,
// and a mailbox that takes no mail sends none on.
func (m *rendering) add(a *address) error {
	name := a.at.Local + "@" + string(a.at.Domain)
	account, err := m.mute(a)
	if err != nil {
		return err
	}
	m.render(a, name, account)
	return nil
}

func (m *rendering) render(a *address, name string, account []mailrule.Filter) {
	outdone := false
	if a.box != nil && a.box.SuspendedIncoming {
		m.box(a, name, account, false)
		return
	}
	for _, d := range a.to {
		if message, refuses := d.Refuses(); refuses {
			m.refuse(name, message)
			m.box(a, name, account, true)
			return
		}
		outdone = outdone || d == mailrule.Blackhole
	}
	for _, d := range a.to {
		if !outdone || d == mailrule.Blackhole {
			m.destination(name, d)
		}
	}
	m.box(a, name, account, outdone)
}

func (m *rendering) refuse(address, message string) {
	if message == "" {
		message = "there is no such person here"
	}
	m.Refusals = append(m.Refusals, dovecot.Refusal{Address: address, Account: m.owner.ID, Message: message})
}

func (m *rendering) destination(address string, d mailrule.Destination) {
	to, ok := d.Address()
	switch {
	case d == mailrule.Blackhole:
		m.alias(address, dovecot.Blackhole)
	case ok:
		m.alias(address, to)
	}
}

// alias adds where mail for an address goes. That of a suspended account goes nowhere.
func (m *rendering) alias(address, target string) {
	if m.owner.Suspended {
		return
	}
	m.Aliases = append(m.Aliases, dovecot.Alias{Address: address, Account: m.owner.ID, Target: target})
}

// box adds the mailbox of an address, if it has one, or what answers there without.
func (m *rendering) box(a *address, name string, account []mailrule.Filter, outdone bool) {
	b := dovecot.Box{Address: name, Account: m.owner.ID, Maildir: filepath.Join(m.mail, string(a.at.Domain), a.at.Local), Outdone: outdone, Incoming: !m.owner.Suspended}
	switch {
	case a.box != nil:
		b.Hash, b.Quota = a.box.PasswordHash, a.box.Quota
		b.Login = !m.owner.Suspended && !a.box.SuspendedLogin
		b.Incoming = b.Incoming && !a.box.SuspendedIncoming
		b.Outgoing = outgoing(&m.owner, a.box)
		b.Script = mailrule.Script(account, a.filters, a.answer, name).Text()
	case a.answer != nil: // nobody gets in, and nothing is kept
		b.Maildir = ""
		b.Script = mailrule.Answering(a.answer, name).Text()
	default:
		return
	}
	m.Boxes = append(m.Boxes, b)
}

// outgoing is what becomes of mail that a mailbox sends.
func outgoing(owner *latchkey.Account, box *store.Mailbox) dovecot.Outgoing {
	switch {
	case owner.Suspended || box.SuspendedOutgoing:
		return dovecot.Refused
	case box.HoldOutgoing:
		return dovecot.Held
	}
	return dovecot.Sent
}
