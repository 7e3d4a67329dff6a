package hosting

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/mailrule"
)

// MailRules are what an account wants done with its mail: see package mailrule.
// An address need not be a mailbox. A domain that is not the account's fails with
// NotFound; what needs mail to leave the server fails with RoleOff where none can.
type MailRules interface {
	// Forwarders are all of them, by domain, name and destination.
	Forwarders(ctx context.Context) ([]Forwarder, error)
	// Forward adds destinations to an address, all of them or none; those that it has
	// stay. Fails: Invalid, Limit for more than [MaxDestinations] of it or
	// [MaxForwarders] of the account.
	Forward(ctx context.Context, from Address, to []mailrule.Destination) error
	// Unforward takes destinations from an address, all of them or none. Fails:
	// NotFound.
	Unforward(ctx context.Context, from Address, to []mailrule.Destination) error

	// Remainders say of every domain of the account what becomes of mail that no
	// address takes, the main domain first, then by name.
	Remainders(ctx context.Context) ([]Remainder, error)
	// SetDefault sets the default address of a domain.
	SetDefault(ctx context.Context, domain latchkey.Domain, to mailrule.Destination) error
	// ForwardDomain has the addresses of another domain take the mail that a domain
	// does not; "" ends that.
	ForwardDomain(ctx context.Context, domain, to latchkey.Domain) error

	// Autoresponders are all of them, by domain and name.
	Autoresponders(ctx context.Context) ([]Autoresponder, error)
	// Autoresponder is that of an address. Fails: NotFound.
	Autoresponder(ctx context.Context, a Address) (Autoresponder, error)
	// Answer puts an autoresponder in the place of the one that an address has, if it
	// has one. Fails: Invalid, Limit for more than [MaxAutoresponders].
	Answer(ctx context.Context, r Autoresponder) error
	// Unanswer takes the autoresponder of an address away. That there was none is no
	// error.
	Unanswer(ctx context.Context, a Address) error

	// Filters are those of a mailbox, or under the zero address those of the account,
	// in their order.
	Filters(ctx context.Context, of Address) ([]mailrule.Filter, error)
	// SetFilters changes them by change, atomically. Fails as change does, with
	// Invalid for filters that fail [CheckFilter], and with Limit.
	SetFilters(ctx context.Context, of Address, change func([]mailrule.Filter) ([]mailrule.Filter, error)) error
}

// Forwarder is one destination of the mail for an address.
type Forwarder struct {
	From Address
	To   mailrule.Destination
}

// Remainder is what becomes of mail for a domain that none of its addresses
// takes.
type Remainder struct {
	Domain  latchkey.Domain
	Default mailrule.Destination
	Forward latchkey.Domain // "" for none
}

// Unknown is the default address of a domain that has none.
var Unknown = mailrule.Refusal("No Such User Here")

// Autoresponder is the autoresponder of an address.
type Autoresponder struct {
	Address
	mailrule.Autoresponder
}

// NoAutoresponder is the answer where an address has none.
func NoAutoresponder(a Address) error {
	return &latchkey.Error{Kind: latchkey.NotFound, Param: "email", Msg: "There is no autoresponder for “" + a.String() + "”."}
}

// How much an account may want done.
const (
	MaxDestinations   = 100 // of an address
	MaxForwarders     = 20_000
	MaxAutoresponders = 1000
	MaxFilters        = 100 // of a mailbox, and of the account
	maxRules          = 100 // of a filter
	maxActions        = 20
	maxValue          = 1000
	maxBody           = 64 << 10
	maxHours          = 24 * 365
)

// ParseRecipient reads an address that mail can be sent to: it may be anywhere,
// and have more characters than one of ours. Its domain becomes lower case.
func ParseRecipient(text string) (string, error) {
	local, domain, ok := strings.Cut(text, "@")
	if !ok {
		return "", fmt.Errorf("must be an address such as user@example.com")
	}
	d, err := ParseDomain(domain)
	if err != nil {
		return "", err
	}
	return local + "@" + string(d), checkRecipient(local)
}

func checkRecipient(local string) error {
	switch {
	case local == "" || len(local) > 64:
		return fmt.Errorf("must have 1 to 64 characters before the @")
	case strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, ".."):
		return fmt.Errorf("must not begin or end with a dot or have two in a row")
	case local[0] == '-':
		return fmt.Errorf("must not begin with a dash")
	}
	for i := range len(local) {
		c := local[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("._-+=&'#$*?^~", c) < 0 {
			return fmt.Errorf("may only have letters, digits and . _ - + = & ' # $ * ? ^ ~ before the @")
		}
	}
	return nil
}

// OneLine says why text cannot stand on one line of a message, or nil: it has
// at most so many bytes, all of them of characters that can be seen.
func OneLine(param, text string, most int) error {
	odd := func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) }
	if !utf8.ValidString(text) || len(text) > most || strings.ContainsFunc(text, odd) {
		return latchkey.InvalidParam(param, "The “%s” argument is invalid: it may have %d bytes of text on one line, and no control characters.", param, most)
	}
	return nil
}

// CheckDestination says why mail cannot be sent to d, or nil.
func CheckDestination(d mailrule.Destination) error {
	if message, ok := d.Refuses(); ok {
		return OneLine("failmsgs", message, 500)
	}
	if d == mailrule.Blackhole {
		return nil
	}
	text, _ := d.Address()
	if clean, err := ParseRecipient(text); err != nil || clean != text {
		return latchkey.InvalidParam("fwdemail", "“%s” is not an address that mail can be forwarded to.", d)
	}
	return nil
}

// CheckAutoresponder says why r cannot be one, or nil.
func CheckAutoresponder(r *mailrule.Autoresponder) error {
	for _, line := range []struct{ param, text string }{{"from", r.From}, {"subject", r.Subject}, {"charset", r.Charset}} {
		if err := OneLine(line.param, line.text, 500); err != nil {
			return err
		}
	}
	odd := func(c rune) bool { return c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f }
	switch {
	case !utf8.ValidString(r.Body) || len(r.Body) > maxBody || strings.ContainsFunc(r.Body, odd):
		return latchkey.InvalidParam("body", "The “body” argument is invalid: it may have %d bytes of text.", maxBody)
	case r.Interval < 0 || r.Interval > maxHours:
		return latchkey.InvalidParam("interval", "The “interval” argument is invalid: give a number of hours, 0 to %d.", maxHours)
	case !r.Start.IsZero() && !r.Stop.IsZero() && !r.Stop.After(r.Start):
		return latchkey.InvalidParam("stop", "The “stop” argument is invalid: it must be a time after “start”.")
	}
	return nil
}

// CheckFilter says why f cannot be a filter, or nil.
func CheckFilter(f *mailrule.Filter) error {
	if f.Name == "" {
		return &latchkey.Error{Kind: latchkey.Missing, Param: "filtername"}
	}
	if err := OneLine("filtername", f.Name, 200); err != nil {
		return err
	}
	switch {
	case len(f.Rules) == 0:
		return latchkey.InvalidParam("part1", "A filter must have a rule: give “part1”, “match1” and “val1”.")
	case len(f.Actions) == 0:
		return latchkey.InvalidParam("action1", "A filter must have an action: give “action1”.")
	case len(f.Rules) > maxRules:
		return latchkey.InvalidParam("part1", "A filter may have %d rules.", maxRules)
	case len(f.Actions) > maxActions:
		return latchkey.InvalidParam("action1", "A filter may have %d actions.", maxActions)
	}
	for i := range f.Rules {
		if err := OneLine(fmt.Sprintf("val%d", i+1), f.Rules[i].Value, maxValue); err != nil {
			return err
		}
		if param, err := f.Rules[i].Check(); err != nil {
			param = fmt.Sprintf("%s%d", param, i+1)
			return latchkey.InvalidParam(param, "The “%s” argument is invalid: it %v.", param, err)
		}
	}
	for i, a := range f.Actions {
		if err := checkAction(f, a); err != nil {
			param := fmt.Sprintf("dest%d", i+1)
			return latchkey.InvalidParam(param, "The “%s” argument is invalid: it %v.", param, err)
		}
	}
	return nil
}

func checkAction(f *mailrule.Filter, a mailrule.Action) error {
	switch a.Do {
	case mailrule.Deliver:
		if clean, err := ParseRecipient(a.To); err != nil {
			return err
		} else if clean != a.To {
			return fmt.Errorf("must have its domain in lower case")
		}
	case mailrule.Save:
		return mailrule.CheckFolder(a.To)
	case mailrule.Fail:
		if len(f.Actions) > 1 {
			return fmt.Errorf("stands beside another action: a filter that refuses messages does nothing else")
		}
		if OneLine("", a.To, 500) != nil {
			return fmt.Errorf("must be a text on one line")
		}
	case mailrule.Finish:
	default:
		return fmt.Errorf("belongs to an action that there is not")
	}
	return nil
}

func (m *narrowMail) Forwarders(ctx context.Context) ([]Forwarder, error) {
	list, err := m.all.Forwarders(ctx)
	list = covered(list, m.look.ask, func(f *Forwarder) latchkey.Resource { return MailboxParam(f.From).Resource() })
	for i := range list {
		if i == 0 || list[i].From.Domain != list[i-1].From.Domain {
			m.look.shown(domainNamed(list[i].From.Domain))
		}
	}
	return list, err
}

func (m *narrowMail) Forward(ctx context.Context, from Address, to []mailrule.Destination) error {
	if err := m.on(from); err != nil {
		return err
	}
	return m.all.Forward(ctx, from, to)
}

func (m *narrowMail) Unforward(ctx context.Context, from Address, to []mailrule.Destination) error {
	if err := m.on(from); err != nil {
		return err
	}
	return m.all.Unforward(ctx, from, to)
}

func (m *narrowMail) Remainders(ctx context.Context) ([]Remainder, error) {
	list, err := m.all.Remainders(ctx)
	list = covered(list, m.look.ask, func(r *Remainder) latchkey.Resource { return domainNamed(r.Domain) })
	for i := range list {
		m.look.shown(domainNamed(list[i].Domain))
	}
	return list, err
}

func (m *narrowMail) SetDefault(ctx context.Context, domain latchkey.Domain, to mailrule.Destination) error {
	if err := m.may(domainNamed(domain)); err != nil {
		return err
	}
	return m.all.SetDefault(ctx, domain, to)
}

func (m *narrowMail) ForwardDomain(ctx context.Context, domain, to latchkey.Domain) error {
	if err := m.may(domainNamed(domain)); err != nil {
		return err
	}
	return m.all.ForwardDomain(ctx, domain, to)
}

func (m *narrowMail) Autoresponders(ctx context.Context) ([]Autoresponder, error) {
	list, err := m.all.Autoresponders(ctx)
	list = covered(list, m.look.ask, func(r *Autoresponder) latchkey.Resource { return MailboxParam(r.Address).Resource() })
	for i := range list {
		if i == 0 || list[i].Domain != list[i-1].Domain {
			m.look.shown(domainNamed(list[i].Domain))
		}
	}
	return list, err
}

func (m *narrowMail) Autoresponder(ctx context.Context, a Address) (Autoresponder, error) {
	if err := m.on(a); err != nil {
		return Autoresponder{}, err
	}
	return m.all.Autoresponder(ctx, a)
}

func (m *narrowMail) Answer(ctx context.Context, r Autoresponder) error {
	if err := m.on(r.Address); err != nil {
		return err
	}
	return m.all.Answer(ctx, r)
}

func (m *narrowMail) Unanswer(ctx context.Context, a Address) error {
	if err := m.on(a); err != nil {
		return err
	}
	return m.all.Unanswer(ctx, a)
}

// onOwner says why what belongs to a mailbox, or to the account as a whole, may not
// be touched.
func (m *narrowMail) onOwner(of Address) error {
	if of == (Address{}) {
		return m.may()
	}
	return m.on(of)
}

func (m *narrowMail) Filters(ctx context.Context, of Address) ([]mailrule.Filter, error) {
	if err := m.onOwner(of); err != nil {
		return nil, err
	}
	return m.all.Filters(ctx, of)
}

func (m *narrowMail) SetFilters(ctx context.Context, of Address, change func([]mailrule.Filter) ([]mailrule.Filter, error)) error {
	if err := m.onOwner(of); err != nil {
		return err
	}
	return m.all.SetFilters(ctx, of, change)
}

func (m *ownMail) Forwarders(ctx context.Context) (own []Forwarder, err error) {
	list, err := m.all.Forwarders(ctx)
	for _, f := range list {
		if f.From == m.own {
			own = append(own, f)
		}
	}
	return own, err
}

func (m *ownMail) Forward(ctx context.Context, from Address, to []mailrule.Destination) error {
	if err := m.mine(from); err != nil {
		return err
	}
	return m.all.Forward(ctx, from, to)
}

func (m *ownMail) Unforward(ctx context.Context, from Address, to []mailrule.Destination) error {
	if err := m.mine(from); err != nil {
		return err
	}
	return m.all.Unforward(ctx, from, to)
}

func (m *ownMail) Remainders(context.Context) ([]Remainder, error) { return nil, errNotForMailboxes }
func (m *ownMail) SetDefault(context.Context, latchkey.Domain, mailrule.Destination) error {
	return errNotForMailboxes
}
func (m *ownMail) ForwardDomain(context.Context, latchkey.Domain, latchkey.Domain) error {
	return errNotForMailboxes
}

func (m *ownMail) Autoresponders(ctx context.Context) ([]Autoresponder, error) {
	r, err := m.all.Autoresponder(ctx, m.own)
	if latchkey.KindOf(err) == latchkey.NotFound {
		return nil, nil
	}
	return []Autoresponder{r}, err
}

func (m *ownMail) Autoresponder(ctx context.Context, a Address) (Autoresponder, error) {
	if err := m.mine(a); err != nil {
		return Autoresponder{}, err
	}
	return m.all.Autoresponder(ctx, a)
}

func (m *ownMail) Answer(ctx context.Context, r Autoresponder) error {
	if err := m.mine(r.Address); err != nil {
		return err
	}
	return m.all.Answer(ctx, r)
}

func (m *ownMail) Unanswer(ctx context.Context, a Address) error {
	if err := m.mine(a); err != nil {
		return err
	}
	return m.all.Unanswer(ctx, a)
}

func (m *ownMail) Filters(ctx context.Context, of Address) ([]mailrule.Filter, error) {
	if err := m.mine(of); err != nil {
		return nil, err
	}
	return m.all.Filters(ctx, of)
}

func (m *ownMail) SetFilters(ctx context.Context, of Address, change func([]mailrule.Filter) ([]mailrule.Filter, error)) error {
	if err := m.mine(of); err != nil {
		return err
	}
	return m.all.SetFilters(ctx, of, change)
}
