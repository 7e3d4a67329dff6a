package store

import (
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/mailrule"
)

// MailPlace is an address of an account; without Local one of its domains;
// without Domain the account.
type MailPlace struct {
	Account latchkey.AccountID
	Domain  latchkey.Domain
	Local   string
}

// Address is local@domain.
func (p MailPlace) Address() string { return p.Local + "@" + string(p.Domain) }

// Forwarder is one destination that the mail for an address goes to.
type Forwarder struct {
	MailPlace
	To mailrule.Destination
}

// MailDomain is what becomes of mail for a domain that none of its addresses
// takes. A domain that refuses such mail has no row.
type MailDomain struct {
	Account latchkey.AccountID
	Domain  latchkey.Domain
	Default mailrule.Destination // "" refuses
	Forward latchkey.Domain      // the domain whose addresses take it; "" for none
}

// Autoresponder is the autoresponder of an address.
type Autoresponder struct {
	MailPlace
	mailrule.Autoresponder
}

// Filters are those of a mailbox, or of the account, in their order.
type Filters struct {
	MailPlace
	List []mailrule.Filter
}

// MailRules finds what accounts want done with their mail. It does not matter to
// it whether there is a mailbox at an address.
type MailRules interface {
	// Forwarders are those of an account, by domain, name and destination, at most
	// limit of them from after on; limit 0 is all.
	Forwarders(account latchkey.AccountID, after Forwarder, limit int) ([]Forwarder, error)
	// ForwardersAt are the destinations of an address.
	ForwardersAt(p MailPlace) ([]mailrule.Destination, error)
	MailDomain(account latchkey.AccountID, domain latchkey.Domain) (MailDomain, error)
	// MailDomains are those of an account that have a row, by name.
	MailDomains(account latchkey.AccountID) ([]MailDomain, error)
	Autoresponder(p MailPlace) (Autoresponder, error)
	// Autoresponders are those of an account, by domain and name.
	Autoresponders(account latchkey.AccountID) ([]Autoresponder, error)
	// MailRuleCounts is how many forwarders and autoresponders an account has.
	MailRuleCounts(account latchkey.AccountID) (forwarders, autoresponders int, err error)
	// Filters are those of a place; none is no error.
	Filters(p MailPlace) ([]mailrule.Filter, error)
	// AllFilters are those of an account and of its mailboxes: its own first, then
	// by domain and name.
	AllFilters(account latchkey.AccountID) ([]Filters, error)
}

// MailRuler changes what [MailRules] finds.
type MailRuler interface {
	// PutForwarder adds a destination; one that is there already stays.
	PutForwarder(f Forwarder) error
	DeleteForwarder(f Forwarder) error
	// PutMailDomain puts a row in the place of the one of its domain; one that says
	// nothing takes it away.
	PutMailDomain(d MailDomain) error
	// PutAutoresponder puts one in the place of another of its address.
	PutAutoresponder(a Autoresponder) error
	// DeleteAutoresponder forgets whom it answered, too.
	DeleteAutoresponder(p MailPlace) error
	// PutFilters puts a list in the place of another. It goes with its mailbox.
	PutFilters(f Filters) error
	// Answer notes that a sender is answered from a place, and reports whether that
	// has not been since a time.
	Answer(p MailPlace, sender string, at, since time.Time) (bool, error)
	// ForgetAnswers forgets the answers after which another may be sent now.
	ForgetAnswers(now time.Time) error
}
