package estate

import (
	"errors"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/mailrule"
	"github.com/latchkey/latchkey/internal/store"
)

// domainOf is the domain of an address.
func domainOf(address string) latchkey.Domain {
	return latchkey.Domain(address[strings.LastIndexByte(address, '@')+1:])
}

// maxSteps is how many addresses one message may come by.
const maxSteps = 200

// route is where the mail for an address goes, as package mailrule says. It is
// found anew for each message.
type route struct {
	boxes   []store.Mailbox
	answers []store.Autoresponder // of addresses that have no mailbox
	out     []leaving
	nowhere bool            // it is taken and forgotten
	no      error           // why an address does not take it
	seen    map[string]bool // the addresses that it comes by
	sends   bool            // mail can leave
	passed  func(address string) bool
}

// leaving is an address elsewhere, and the one of ours that sends mail on to it.
type leaving struct{ to, by string }

var (
	errNoBox  = &latchkey.Error{Kind: latchkey.NotFound, Msg: "There is no such mailbox here."}
	errShut   = &latchkey.Error{Kind: latchkey.Denied, Msg: "This mailbox does not take mail at present."}
	errMute   = &latchkey.Error{Kind: latchkey.Invalid, Msg: "this address sends no mail on at present"}
	errCircle = &latchkey.Error{Kind: latchkey.Invalid, Msg: "mail for this address goes round in a circle"}
)

// takes says why nobody takes the message, or nil.
func (t *route) takes() error {
	if len(t.boxes)+len(t.answers)+len(t.out) > 0 || t.nowhere {
		return nil
	}
	if t.no != nil {
		return t.no
	}
	return errCircle
}

// refuse notes why an address does not take the message. What its owner says
// counts before that another does not exist.
func (t *route) refuse(err error) {
	if t.no == nil || latchkey.KindOf(t.no) == latchkey.NotFound {
		t.no = err
	}
}

// add adds where mail for an address goes. by is the address that sends it on, ""
// for none.
func (t *route) add(r store.Reader, text, by string) error {
	if t.seen == nil {
		t.seen = map[string]bool{}
	}
	key := strings.ToLower(text)
	if t.seen[key] || len(t.seen) >= maxSteps {
		return nil
	}
	t.seen[key] = true
	id, err := r.DomainOwner(domainOf(text))
	switch {
	case errors.Is(err, store.ErrNotFound) && by == "":
		t.refuse(errNoBox)
		return nil
	case errors.Is(err, store.ErrNotFound):
		return t.leave(r, text, by)
	case err != nil:
		return err
	}
	owner, err := r.AccountByID(id)
	if err != nil {
		return t.missing(err)
	}
	if owner.Suspended {
		t.refuse(errShut)
		return nil
	}
	a, err := hosting.ParseAddress(key)
	if err != nil {
		t.refuse(errNoBox)
		return nil
	}
	return t.local(r, store.MailPlace{Account: id, Domain: a.Domain, Local: a.Local})
}

// missing takes what is not there, or not any more, for an address that is not.
func (t *route) missing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		t.refuse(errNoBox)
		return nil
	}
	return err
}

// leave notes that the message leaves the server. One that was sent on by the
// same address before does not: it would come back for ever. Nor does it by a mailbox
// whose outgoing mail is suspended.
func (t *route) leave(r store.Reader, to, by string) error {
	muted, err := mute(r, by)
	switch {
	case err != nil:
		return err
	case muted:
		t.refuse(errMute)
	case t.passed != nil && t.passed(by):
		t.refuse(errCircle)
	case !t.sends:
		t.refuse(&latchkey.Error{Kind: latchkey.Unavailable, Msg: "No mail leaves this server."})
	default:
		t.out = append(t.out, leaving{to, by})
	}
	return nil
}

// mute reports whether an address of ours has a mailbox whose outgoing mail is
// suspended.
func mute(r store.Reader, address string) (bool, error) {
	domain := domainOf(address)
	id, err := r.DomainOwner(domain)
	if err != nil {
		return false, gone(err)
	}
	row, err := r.Mailbox(id, domain, strings.TrimSuffix(address, "@"+string(domain)))
	return row.SuspendedOutgoing, gone(err)
}

// local adds where mail for an address of ours goes.
func (t *route) local(r store.Reader, p store.MailPlace) error {
	to, err := r.ForwardersAt(p)
	if err != nil {
		return err
	}
	if done := t.ends(to); done {
		return nil
	}
	row, err := r.Mailbox(p.Account, p.Domain, p.Local)
	has := err == nil
	switch {
	case has && row.SuspendedIncoming:
		t.refuse(errShut)
		return nil
	case has:
		t.boxes = append(t.boxes, row)
	case !errors.Is(err, store.ErrNotFound):
		return err
	default:
		responder, err := r.Autoresponder(p)
		if err == nil {
			t.answers = append(t.answers, responder)
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		has = err == nil
	}
	for _, d := range to {
		if address, ok := d.Address(); ok {
			if err := t.add(r, address, p.Address()); err != nil {
				return err
			}
		}
	}
	if has || len(to) > 0 {
		return nil
	}
	return t.remainder(r, p)
}

// ends reports whether mail goes nowhere for one of these destinations.
func (t *route) ends(to []mailrule.Destination) bool {
	for _, d := range to {
		if message, ok := d.Refuses(); ok {
			t.refuse(latchkey.Errorf(latchkey.Invalid, "%s", message))
			return true
		}
	}
	if slices.Contains(to, mailrule.Blackhole) {
		t.nowhere = true
		return true
	}
	return false
}

// remainder adds where mail for an address goes that has nothing of its own.
func (t *route) remainder(r store.Reader, p store.MailPlace) error {
	d, err := r.MailDomain(p.Account, p.Domain)
	if err != nil {
		return t.missing(err)
	}
	if d.Forward != "" {
		return t.add(r, p.Local+"@"+string(d.Forward), p.Address())
	}
	if t.ends([]mailrule.Destination{d.Default}) {
		return nil
	}
	address, ok := d.Default.Address()
	if !ok {
		t.refuse(errNoBox)
		return nil
	}
	return t.add(r, address, p.Address())
}
