package estate

import (
	"context"
	"errors"
	"slices"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/mailrule"
	"github.com/latchkey/latchkey/internal/store"
)

// inDomain runs fn in the transaction of a change of what is done with mail for an
// address, a domain or the account; then that takes effect.
func (m *mail) inDomain(ctx context.Context, a hosting.Address, fn func(tx store.Tx) error) error {
	switch {
	case a.Local != "":
		m.on(a)
	case a.Domain != "":
		m.act.On(hosting.DomainParam{Domain: a.Domain}.Resource())
	}
	err := m.e.commit(ctx, m.act, m.caller, func(tx store.Tx) error {
		if a.Domain != "" {
			if err := m.ownsDomain(tx, a.Domain); err != nil {
				return err
			}
		}
		return fn(tx)
	})
	return m.applied(ctx, a, err)
}

// errNoMailOut says that no mail leaves the server.
var errNoMailOut = &latchkey.Error{Kind: latchkey.RoleOff, Msg: "This server sends no mail: nothing can be forwarded to addresses elsewhere, and nothing answered. " +
	"Its administrator has to set notices_sendmail or notices_smtp, or have a mail server deliver."}

// sends reports whether mail leaves the server.
func (e *Estate) sends() bool {
	_, own := e.Mailserver.(homely)
	return e.MailOut != nil || !own
}

// reaches says why mail cannot get to d: it is elsewhere, and none leaves.
func (e *Estate) reaches(r store.Reader, d mailrule.Destination) error {
	if err := hosting.CheckDestination(d); err != nil {
		return err
	}
	text, ok := d.Address()
	if !ok || e.sends() {
		return nil
	}
	return e.reachesDomain(r, domainOf(text))
}

func (e *Estate) reachesDomain(r store.Reader, d latchkey.Domain) error {
	_, err := r.DomainOwner(d)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
		if !e.sends() {
			err = errNoMailOut
		}
	}
	return err
}

func (m *mail) Forwarders(ctx context.Context) (list []hosting.Forwarder, err error) {
	err = m.e.Store.Read(ctx, func(r store.Reader) error {
		rows, err := r.Forwarders(m.caller.Account, store.Forwarder{}, 0)
		for _, f := range rows {
			list = append(list, hosting.Forwarder{From: hosting.Address{Local: f.Local, Domain: f.Domain}, To: f.To})
		}
		return err
	})
	return list, err
}

func (m *mail) Forward(ctx context.Context, from hosting.Address, to []mailrule.Destination) error {
	return m.inDomain(ctx, from, func(tx store.Tx) error {
		has, err := tx.ForwardersAt(m.place(from))
		if err != nil {
			return err
		}
		for _, d := range to {
			if err := m.e.reaches(tx, d); err != nil {
				return err
			}
			if !slices.Contains(has, d) {
				has = append(has, d)
			}
			if err := tx.PutForwarder(store.Forwarder{MailPlace: m.place(from), To: d}); err != nil {
				return err
			}
		}
		if len(has) > hosting.MaxDestinations {
			return latchkey.Errorf(latchkey.Limit, "An address can be forwarded to %d others.", hosting.MaxDestinations)
		}
		return fewRules(tx, m.caller.Account)
	})
}

// fewRules says why what an account wants done with its mail is too much, or nil: it
// stands in the server's own database, which no quota of the account's bounds.
func fewRules(r store.Reader, id latchkey.AccountID) error {
	forwarders, autoresponders, err := r.MailRuleCounts(id)
	switch {
	case err != nil:
		return err
	case forwarders > hosting.MaxForwarders:
		return latchkey.Errorf(latchkey.Limit, "An account can have %d forwarders.", hosting.MaxForwarders)
	case autoresponders > hosting.MaxAutoresponders:
		return latchkey.Errorf(latchkey.Limit, "An account can have %d autoresponders.", hosting.MaxAutoresponders)
	}
	return nil
}

func (m *mail) Unforward(ctx context.Context, from hosting.Address, to []mailrule.Destination) error {
	return m.inDomain(ctx, from, func(tx store.Tx) error {
		for _, d := range to {
			err := tx.DeleteForwarder(store.Forwarder{MailPlace: m.place(from), To: d})
			if errors.Is(err, store.ErrNotFound) {
				err = &latchkey.Error{Kind: latchkey.NotFound, Param: "forwarder", Msg: "The mail for “" + from.String() + "” is not forwarded to “" + string(d) + "”."}
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (m *mail) Remainders(ctx context.Context) ([]hosting.Remainder, error) {
	domains, err := m.Domains(ctx)
	if err != nil {
		return nil, err
	}
	var rows []store.MailDomain
	err = m.e.Store.Read(ctx, func(r store.Reader) (err error) {
		rows, err = r.MailDomains(m.caller.Account)
		return err
	})
	list := make([]hosting.Remainder, len(domains))
	for i, d := range domains {
		list[i] = hosting.Remainder{Domain: d, Default: hosting.Unknown}
		at, ok := slices.BinarySearchFunc(rows, d, func(r store.MailDomain, d latchkey.Domain) int { return compareDomains(r.Domain, d) })
		if !ok {
			continue
		}
		if list[i].Forward = rows[at].Forward; rows[at].Default != "" {
			list[i].Default = rows[at].Default
		}
	}
	return list, err
}

func compareDomains(a, b latchkey.Domain) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// remainder changes what becomes of other mail for a domain.
func (m *mail) remainder(ctx context.Context, domain latchkey.Domain, change func(tx store.Tx, d *store.MailDomain) error) error {
	return m.inDomain(ctx, hosting.Address{Domain: domain}, func(tx store.Tx) error {
		row, err := tx.MailDomain(m.caller.Account, domain)
		if errors.Is(err, store.ErrNotFound) {
			row, err = store.MailDomain{Account: m.caller.Account, Domain: domain}, nil
		}
		if err == nil {
			err = change(tx, &row)
		}
		if err != nil {
			return err
		}
		return tx.PutMailDomain(row)
	})
}

func (m *mail) SetDefault(ctx context.Context, domain latchkey.Domain, to mailrule.Destination) error {
	return m.remainder(ctx, domain, func(tx store.Tx, d *store.MailDomain) error {
		d.Default = to
		return m.e.reaches(tx, to)
	})
}

func (m *mail) ForwardDomain(ctx context.Context, domain, to latchkey.Domain) error {
	return m.remainder(ctx, domain, func(tx store.Tx, d *store.MailDomain) error {
		switch {
		case to == domain:
			return latchkey.InvalidParam("destdomain", "The mail of a domain cannot be forwarded to the same domain.")
		case to == "" && d.Forward == "":
			return &latchkey.Error{Kind: latchkey.NotFound, Param: "domain", Msg: "The mail of the domain “" + string(domain) + "” is not forwarded."}
		}
		d.Forward = to
		if to == "" {
			return nil
		}
		return m.e.reachesDomain(tx, to)
	})
}

func (m *mail) Autoresponders(ctx context.Context) (list []hosting.Autoresponder, err error) {
	err = m.e.Store.Read(ctx, func(r store.Reader) error {
		rows, err := r.Autoresponders(m.caller.Account)
		for i := range rows {
			list = append(list, autoresponder(&rows[i]))
		}
		return err
	})
	return list, err
}

func autoresponder(row *store.Autoresponder) hosting.Autoresponder {
	return hosting.Autoresponder{Address: hosting.Address{Local: row.Local, Domain: row.Domain}, Autoresponder: row.Autoresponder}
}

func (m *mail) Autoresponder(ctx context.Context, a hosting.Address) (found hosting.Autoresponder, err error) {
	m.on(a)
	err = m.e.Store.Read(ctx, func(r store.Reader) error {
		if err := m.ownsDomain(r, a.Domain); err != nil {
			return err
		}
		row, err := r.Autoresponder(m.place(a))
		if errors.Is(err, store.ErrNotFound) {
			err = hosting.NoAutoresponder(a)
		}
		found = autoresponder(&row)
		return err
	})
	return found, err
}

func (m *mail) Answer(ctx context.Context, r hosting.Autoresponder) error {
	return m.inDomain(ctx, r.Address, func(tx store.Tx) error {
		if err := hosting.CheckAutoresponder(&r.Autoresponder); err != nil {
			return err
		}
		if !m.e.sends() {
			return errNoMailOut
		}
		if err := tx.PutAutoresponder(store.Autoresponder{MailPlace: m.place(r.Address), Autoresponder: r.Autoresponder}); err != nil {
			return err
		}
		return fewRules(tx, m.caller.Account)
	})
}

func (m *mail) Unanswer(ctx context.Context, a hosting.Address) error {
	return m.inDomain(ctx, a, func(tx store.Tx) error { return gone(tx.DeleteAutoresponder(m.place(a))) })
}

// hasFilters says why a place cannot have filters: it is no mailbox.
func (m *mail) hasFilters(r store.Reader, of hosting.Address) error {
	if of == (hosting.Address{}) {
		return nil
	}
	_, err := m.find(r, of)
	return err
}

func (m *mail) Filters(ctx context.Context, of hosting.Address) (list []mailrule.Filter, err error) {
	if of != (hosting.Address{}) {
		m.on(of)
	}
	err = m.e.Store.Read(ctx, func(r store.Reader) error {
		if err := m.hasFilters(r, of); err != nil {
			return err
		}
		list, err = r.Filters(m.place(of))
		return err
	})
	return list, err
}

func (m *mail) SetFilters(ctx context.Context, of hosting.Address, change func([]mailrule.Filter) ([]mailrule.Filter, error)) error {
	return m.inDomain(ctx, of, func(tx store.Tx) error {
		if err := m.hasFilters(tx, of); err != nil {
			return err
		}
		was, err := tx.Filters(m.place(of))
		if err != nil {
			return err
		}
		is, err := change(was)
		if err != nil {
			return err
		}
		if err := m.checkFilters(tx, is); err != nil {
			return err
		}
		return tx.PutFilters(store.Filters{MailPlace: m.place(of), List: is})
	})
}

func (m *mail) checkFilters(r store.Reader, list []mailrule.Filter) error {
	if len(list) > hosting.MaxFilters {
		return latchkey.Errorf(latchkey.Limit, "There are %d filters already, the most there may be.", hosting.MaxFilters)
	}
	for i := range list {
		if err := hosting.CheckFilter(&list[i]); err != nil {
			return err
		}
		for _, a := range list[i].Actions {
			if a.Do == mailrule.Deliver {
				if err := m.e.reaches(r, mailrule.Destination(a.To)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
