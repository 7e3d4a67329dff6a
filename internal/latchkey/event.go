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
	Values   []string   // "domain=example.com"
	On       []Resource // what it touched, or was refused on; the last is [MoreKind] if there were too many
	Messages string     // the error shown to the caller
}

// Ended is "ok", or the name of the kind of error that the call ended with.
func (e *Event) Ended() string {
	if e.OK {
		return "ok"
	}
	return e.Outcome.String()
}

// Touched are the resources of the event in words.
func (e *Event) Touched() []string {
	var texts []string
	for _, r := range e.On {
		texts = append(texts, r.String())
	}
	return texts
}
