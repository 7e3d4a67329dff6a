package email

import (
	"context"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/mailrule"
)

type traceDeliveryParams struct {
	Recipient hosting.MailboxParam `param:"recipient" doc:"The address: whole, or its name if it is in the main domain."`
}

// What becomes of mail at an address, as answers call it. The first two are
// cPanel's.
const (
	isRouted    = "routed"
	isDelivered = "local_delivery"
	isElsewhere = "remote_delivery" // at an address that is not the account's, or not theirs to see who ask
	isAnswered  = "autoresponder"
	isDiscarded = "discard"
	isReturned  = "bounce"
)

// step is one step on the way of a message.
type step struct {
	Address      string  `json:"address,omitempty"`
	Mailbox      string  `json:"mailbox,omitempty"`
	Message      string  `json:"message,omitempty"`
	Destinations []*step `json:"destinations,omitempty"`
	Type         string  `json:"type"`
}

// maxTraced is how many addresses are followed: a message comes by no more.
const maxTraced = 200

// tracer follows mail through what the account wants done with it. What who asks
// may not see it does not follow.
type tracer struct {
	acct       hosting.Account
	forwarders map[hosting.Address][]mailrule.Destination
	remainders map[latchkey.Domain]hosting.Remainder
	seen       map[hosting.Address]bool
}

// UAPI: Email::trace_delivery.
func traceDelivery(ctx context.Context, acct hosting.Account, p traceDeliveryParams) (*step, error) {
	a, err := addressOf(ctx, acct, p.Recipient, hosting.DomainParam{})
	if err != nil {
		return nil, err
	}
	t := &tracer{acct, map[hosting.Address][]mailrule.Destination{}, map[latchkey.Domain]hosting.Remainder{}, map[hosting.Address]bool{}}
	if err := t.read(ctx); err != nil {
		return nil, err
	}
	if _, err := t.responds(ctx, a); err != nil { // whose the domain is
		return nil, err
	}
	return t.address(ctx, a)
}

func (t *tracer) read(ctx context.Context) error {
	mail := t.acct.Mail()
	forwarders, err := mail.Forwarders(ctx)
	if err != nil {
		return err
	}
	for _, f := range forwarders {
		t.forwarders[f.From] = append(t.forwarders[f.From], f.To)
	}
	remainders, err := mail.Remainders(ctx)
	for _, r := range remainders {
		t.remainders[r.Domain] = r
	}
	return err
}

// responds reports whether an address has an autoresponder.
func (t *tracer) responds(ctx context.Context, a hosting.Address) (bool, error) {
	_, err := t.acct.Mail().Autoresponder(ctx, a)
	if e := latchkey.AsError(err); e != nil && e.Kind == latchkey.NotFound && e.Param == "email" {
		return false, nil
	}
	return err == nil, err
}

// address follows mail for an address of the account.
func (t *tracer) address(ctx context.Context, a hosting.Address) (*step, error) {
	s := &step{Address: a.String(), Type: isRouted}
	if t.seen[a] || len(t.seen) >= maxTraced {
		s.Message = "Mail has come by this address already, or by too many: it is not followed further."
		return s, nil
	}
	t.seen[a] = true
	to := t.forwarders[a]
	if end := ends(to); end != nil {
		s.Destinations = []*step{end}
		return s, nil
	}
	box, err := t.acct.Mail().Mailbox(ctx, a)
	has := err == nil
	switch {
	case has && box.SuspendedIncoming:
		s.Destinations = []*step{{Type: isReturned, Message: "Incoming mail for this mailbox is suspended."}}
		return s, nil
	case has:
		s.Destinations = append(s.Destinations, &step{Mailbox: a.String(), Type: isDelivered})
	case latchkey.KindOf(err) != latchkey.NotFound:
		return nil, err
	}
	if has, err = t.responds(ctx, a); err != nil {
		return nil, err
	} else if has {
		s.Destinations = append(s.Destinations, &step{Address: a.String(), Type: isAnswered})
	}
	for _, d := range to {
		next, err := t.destination(ctx, d)
		if err != nil {
			return nil, err
		}
		s.Destinations = append(s.Destinations, next)
	}
	if len(s.Destinations) > 0 {
		return s, nil
	}
	next, err := t.remainder(ctx, a)
	s.Destinations = []*step{next}
	return s, err
}

// ends is what becomes of mail that goes nowhere for one of these destinations; nil
// where it goes on.
func ends(to []mailrule.Destination) (s *step) {
	for _, d := range to {
		if message, ok := d.Refuses(); ok {
			return &step{Type: isReturned, Message: message}
		}
		if d == mailrule.Blackhole {
			s = &step{Type: isDiscarded}
		}
	}
	return s
}

// destination follows mail to where a forwarder sends it.
func (t *tracer) destination(ctx context.Context, d mailrule.Destination) (*step, error) {
	text, _ := d.Address()
	a, err := hosting.ParseAddress(text)
	if err != nil || !t.owns(a.Domain) {
		return &step{Address: text, Type: isElsewhere}, nil
	}
	if !hosting.Holds(t.acct, hosting.MailboxParam(a).Resource()) {
		return &step{Address: text, Type: isRouted}, nil
	}
	return t.address(ctx, a)
}

// owns reports whether a domain is one that the account has, as far as who asks may
// see that.
func (t *tracer) owns(d latchkey.Domain) bool {
	_, ok := t.remainders[d]
	return ok
}

// remainder follows mail for an address that has nothing of its own.
func (t *tracer) remainder(ctx context.Context, a hosting.Address) (*step, error) {
	r, ok := t.remainders[a.Domain]
	if !ok {
		return &step{Address: "*@" + string(a.Domain), Type: isRouted}, nil // the domain's part is not theirs to see
	}
	if r.Forward != "" {
		return t.destination(ctx, mailrule.Destination(a.Local+"@"+string(r.Forward)))
	}
	if end := ends([]mailrule.Destination{r.Default}); end != nil {
		return end, nil
	}
	return t.destination(ctx, r.Default)
}
