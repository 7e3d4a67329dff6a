package latchkey

import (
	"net/netip"
	"time"
)

// Event is one call or one refusal, as the audit trail keeps it. It never
// holds a secret: of the arguments it has the names, and the values only of
// those parameters that are declared safe to show.
type Event struct {
	At       time.Time
	Took     time.Duration
	Account  AccountID   // whom it concerns; 0 when the caller named nobody we know
	Name     AccountName // as claimed, for a refusal
	By       CallerKind
	Handle   Handle // of the token, if one was used
	From     netip.Addr
	Client   string
	Func     string // "Email::add_pop"
	Change   bool   // it is a write
	Outcome  Kind
	OK       bool   // it succeeded; Outcome says nothing then
	Reason   string // why a credential was refused, or who acted for the account: for the owner, never for the caller
	Names    []string
	Values   []string // "domain=example.com"
	Messages string   // the error shown to the caller
}
