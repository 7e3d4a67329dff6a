package hostingtest

import (
	"context"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/mailrule"
)

// rules are what is done with mail, in memory. Everything can be sent.
type rules struct {
	forwarders []hosting.Forwarder
	remainders map[latchkey.Domain]hosting.Remainder
	responders map[hosting.Address]mailrule.Autoresponder
	filters    map[hosting.Address][]mailrule.Filter
}

// ruled runs fn on the rules of the account, if a domain is its own.
func (m *mail) ruled(d latchkey.Domain, fn func(*rules) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d != "" && !m.owns(d) {
		return notOwned(d)
	}
	if m.rules.remainders == nil {
		m.rules = rules{
			remainders: map[latchkey.Domain]hosting.Remainder{}, responders: map[hosting.Address]mailrule.Autoresponder{},
			filters: map[hosting.Address][]mailrule.Filter{},
		}
	}
	return fn(&m.rules)
}

func byAddress(a, b hosting.Address) int {
	return strings.Compare(string(a.Domain)+"\x00"+a.Local, string(b.Domain)+"\x00"+b.Local)
}

func (m *mail) Forwarders(context.Context) (list []hosting.Forwarder, err error) {
	err = m.ruled("", func(r *rules) error { list = slices.Clone(r.forwarders); return nil })
	slices.SortFunc(list, func(a, b hosting.Forwarder) int {
		if c := byAddress(a.From, b.From); c != 0 {
			return c
		}
		return strings.Compare(string(a.To), string(b.To))
	})
	return list, err
}

func (m *mail) Forward(_ context.Context, from hosting.Address, to []mailrule.Destination) error {
	return m.ruled(from.Domain, func(r *rules) error {
		is, has := slices.Clone(r.forwarders), 0
		for _, d := range to {
			if err := hosting.CheckDestination(d); err != nil {
				return err
			}
			if f := (hosting.Forwarder{From: from, To: d}); !slices.Contains(is, f) {
				is = append(is, f)
			}
		}
		for _, f := range is {
			if f.From == from {
				has++
			}
		}
		if has > hosting.MaxDestinations || len(is) > hosting.MaxForwarders {
			return latchkey.Errorf(latchkey.Limit, "That are too many.")
		}
		r.forwarders = is
		return nil
	})
}

func (m *mail) Unforward(_ context.Context, from hosting.Address, to []mailrule.Destination) error {
	return m.ruled(from.Domain, func(r *rules) error {
		is := slices.Clone(r.forwarders)
		for _, d := range to {
			at := slices.Index(is, hosting.Forwarder{From: from, To: d})
			if at < 0 {
				return latchkey.Errorf(latchkey.NotFound, "“%s” is not forwarded to “%s”.", from, d)
			}
			is = slices.Delete(is, at, at+1)
		}
		r.forwarders = is
		return nil
	})
}

func (m *mail) Remainders(context.Context) (list []hosting.Remainder, err error) {
	err = m.ruled("", func(r *rules) error {
		for _, o := range m.Owned {
			row := r.remainders[o.Name]
			if row.Domain = o.Name; row.Default == "" {
				row.Default = hosting.Unknown
			}
			list = append(list, row)
		}
		return nil
	})
	return list, err
}

func (m *mail) SetDefault(_ context.Context, domain latchkey.Domain, to mailrule.Destination) error {
	return m.ruled(domain, func(r *rules) error {
		if err := hosting.CheckDestination(to); err != nil {
			return err
		}
		row := r.remainders[domain]
		row.Default = to
		r.remainders[domain] = row
		return nil
	})
}

func (m *mail) ForwardDomain(_ context.Context, domain, to latchkey.Domain) error {
	return m.ruled(domain, func(r *rules) error {
		row := r.remainders[domain]
		switch {
		case to == domain:
			return latchkey.InvalidParam("destdomain", "That is the same domain.")
		case to == "" && row.Forward == "":
			return latchkey.Errorf(latchkey.NotFound, "The domain “%s” is not forwarded.", domain)
		}
		row.Forward = to
		r.remainders[domain] = row
		return nil
	})
}

func (m *mail) Autoresponders(context.Context) (list []hosting.Autoresponder, err error) {
	err = m.ruled("", func(r *rules) error {
		for a, one := range r.responders {
			list = append(list, hosting.Autoresponder{Address: a, Autoresponder: one})
		}
		return nil
	})
	slices.SortFunc(list, func(a, b hosting.Autoresponder) int { return byAddress(a.Address, b.Address) })
	return list, err
}

func (m *mail) Autoresponder(_ context.Context, a hosting.Address) (found hosting.Autoresponder, err error) {
	err = m.ruled(a.Domain, func(r *rules) error {
		one, ok := r.responders[a]
		if !ok {
			return hosting.NoAutoresponder(a)
		}
		found = hosting.Autoresponder{Address: a, Autoresponder: one}
		return nil
	})
	return found, err
}

func (m *mail) Answer(_ context.Context, one hosting.Autoresponder) error {
	return m.ruled(one.Domain, func(r *rules) error {
		if err := hosting.CheckAutoresponder(&one.Autoresponder); err != nil {
			return err
		}
		if _, there := r.responders[one.Address]; !there && len(r.responders) >= hosting.MaxAutoresponders {
			return latchkey.Errorf(latchkey.Limit, "That are too many.")
		}
		r.responders[one.Address] = one.Autoresponder
		return nil
	})
}

func (m *mail) Unanswer(_ context.Context, a hosting.Address) error {
	return m.ruled(a.Domain, func(r *rules) error { delete(r.responders, a); return nil })
}

func (m *mail) Filters(ctx context.Context, of hosting.Address) (list []mailrule.Filter, err error) {
	err = m.SetFilters(ctx, of, func(is []mailrule.Filter) ([]mailrule.Filter, error) {
		list = slices.Clone(is)
		return is, nil
	})
	return list, err
}

func (m *mail) SetFilters(_ context.Context, of hosting.Address, change func([]mailrule.Filter) ([]mailrule.Filter, error)) error {
	return m.ruled(of.Domain, func(r *rules) error {
		if of != (hosting.Address{}) && m.boxes[of] == nil {
			return latchkey.Errorf(latchkey.NotFound, "You do not have an email account named “%s”.", of)
		}
		is, err := change(slices.Clone(r.filters[of]))
		if err != nil {
			return err
		}
		if len(is) > hosting.MaxFilters {
			return latchkey.Errorf(latchkey.Limit, "That are too many.")
		}
		for i := range is {
			if err := hosting.CheckFilter(&is[i]); err != nil {
				return err
			}
		}
		r.filters[of] = is
		return nil
	})
}
