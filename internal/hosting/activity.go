package hosting

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// The parameters by which events of the audit trail are searched, for the
// account and for the host alike.

// EventParams are the parameters of a search.
type EventParams struct {
	Token    string         `param:"token,optional" doc:"What was called with the token of this name or handle, or done to it."`
	Function FunctionParam  `param:"function,optional" doc:"A function such as Email::add_pop, or a module; several apart by commas."`
	Resource ResourceParam  `param:"resource,optional" doc:"What was touched: a kind and how its name begins, such as mailbox=info@example.com."`
	Outcome  OutcomeParam   `param:"outcome,optional" doc:"How it ended: ok, refused, failed, or one of the kinds that answers have."`
	Address  AddressesParam `param:"address,optional" doc:"From where: an address, or a range such as 192.0.2.0/24."`
	Since    MomentParam    `param:"since,optional" doc:"From when on: seconds since 1970, a day or a time such as 2026-11-23T12:00:00Z."`
	Until    MomentParam    `param:"until,optional" doc:"Before when, likewise."`
	Limit    LimitParam     `param:"limit,optional" doc:"How many events at most, 1 to 1000; 50 if it is not given."`
	Before   PositionParam  `param:"before,optional" doc:"Where to go on: what the page before gave as next."`
}

// Query is what the parameters ask for. A token's name is still to be looked up.
func (p *EventParams) Query() (q latchkey.EventQuery, err error) {
	if len(p.Token) > 50 {
		return q, latchkey.InvalidParam("token", "The “token” argument is invalid: it must be the name or the handle of a token.")
	}
	q.Token, q.Functions, q.Resource, q.Outcome = p.Token, p.Function, p.Resource.ResourceFilter, p.Outcome.OutcomeFilter
	q.From, q.Since, q.Until = p.Address.Ranges(), p.Since.Time, p.Until.Time
	q.Before, q.Limit = p.Before.TrailPosition, int(p.Limit)
	if q.Limit == 0 {
		q.Limit = 50
	}
	if h, ok := latchkey.ParseHandle(p.Token); ok {
		q.Handles = append(q.Handles, h)
	}
	return q, nil
}

// ReadEventParams reads the parameters by their names out of get, which gives ""
// for those that are not there.
func ReadEventParams(get func(name string) string) (p EventParams, err error) {
	p.Token = get("token")
	for _, of := range []struct {
		name string
		into interface{ ParseParam(string) error }
	}{
		{"function", &p.Function}, {"resource", &p.Resource}, {"outcome", &p.Outcome}, {"address", &p.Address},
		{"since", &p.Since}, {"until", &p.Until}, {"before", &p.Before},
	} {
		if text := get(of.name); text != "" {
			if err := of.into.ParseParam(text); err != nil {
				return p, fmt.Errorf("%s %w", of.name, err)
			}
		}
	}
	return p, nil
}

// FunctionParam is a parameter that names functions, or modules.
type FunctionParam []string

// mostFunctions is how many functions one search asks for.
const mostFunctions = 16

// ParseParam reads Module::function or Module, several apart by commas.
func (f *FunctionParam) ParseParam(text string) error {
	names := strings.Split(text, ",")
	if len(names) > mostFunctions {
		return fmt.Errorf("must be at most %d functions", mostFunctions)
	}
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
		if err := checkFunction(names[i]); err != nil {
			return err
		}
	}
	*f = names
	return nil
}

func checkFunction(text string) error {
	other := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	}
	module, name, both := strings.Cut(text, "::")
	if len(text) > 140 || module == "" || both && name == "" || strings.ContainsFunc(module+name, other) {
		return errors.New("must be a function such as Email::add_pop, or a module such as Email")
	}
	return nil
}

// ResourceParam is a parameter that says what was touched.
type ResourceParam struct{ latchkey.ResourceFilter }

// ParamType is the public name of the type.
func (*FunctionParam) ParamType() string { return "string" }

// ParseParam reads kind=value.
func (r *ResourceParam) ParseParam(text string) (err error) {
	r.ResourceFilter, err = latchkey.ParseResourceFilter(text)
	return err
}

// OutcomeParam is a parameter that says how calls ended.
type OutcomeParam struct{ latchkey.OutcomeFilter }

// ParseParam reads one of the words.
func (o *OutcomeParam) ParseParam(text string) (err error) {
	o.OutcomeFilter, err = latchkey.ParseOutcome(text)
	return err
}

// AddressesParam is a parameter that is an address or a range.
type AddressesParam struct{ latchkey.Addresses }

// ParseParam reads an address or a range.
func (a *AddressesParam) ParseParam(text string) (err error) {
	if a.Addresses, err = latchkey.ParseAddresses([]string{text}); err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	return nil
}

// MomentParam is a parameter that is a time.
type MomentParam struct{ time.Time }

// ParseParam reads a time.
func (m *MomentParam) ParseParam(text string) (err error) {
	m.Time, err = latchkey.ParseMoment(text)
	return err
}

// LimitParam is a parameter that bounds a page of events.
type LimitParam int

// ParseParam reads 1 to 1000.
func (l *LimitParam) ParseParam(text string) error {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 1 || n > 1000 {
		return errors.New("must be a number from 1 to 1000")
	}
	*l = LimitParam(n)
	return nil
}

// ParamType is the public name of the type.
func (*LimitParam) ParamType() string { return "integer" }

// PositionParam is a parameter that is a position of the audit trail.
type PositionParam struct{ latchkey.TrailPosition }

// ParseParam reads a position as an answer gave it.
func (p *PositionParam) ParseParam(text string) (err error) {
	p.TrailPosition, err = latchkey.ParseTrailPosition(text)
	return err
}

// EventRow is an event as the public interface shows it. It holds no secret: of
// arguments whose values may be shown it has those too.
type EventRow struct {
	ID        string   `json:"id"`
	Time      int64    `json:"time"`
	At        string   `json:"at"` // to the microsecond
	Account   string   `json:"account"`
	By        string   `json:"by"` // token, password, session, local, or nobody
	Token     string   `json:"token"`
	TokenName string   `json:"token_name"` // "" of one that is no more
	Address   string   `json:"address"`
	Client    string   `json:"client"`
	Function  string   `json:"function"`
	Change    bool     `json:"change"`
	Outcome   string   `json:"outcome"` // ok, or a kind of error
	Message   string   `json:"message"`
	Reason    string   `json:"reason"` // why a credential was refused, or who acted for the account
	Names     []string `json:"params"`
	Values    []string `json:"values"`
	Resources []string `json:"resources"`
	Micros    int64    `json:"took_us"`
}

// EventRows are events as the public interface shows them.
func EventRows(events []latchkey.TrailEvent) []EventRow {
	rows := make([]EventRow, len(events))
	for i := range events {
		e := &events[i]
		rows[i] = EventRow{
			ID: e.TrailPosition.String(), Time: e.At.Unix(), At: e.At.Format("2006-01-02T15:04:05.000000Z07:00"), Account: string(e.Name), By: e.By.String(),
			Token: e.Handle.String(), Client: e.Client, Function: e.Func, Change: e.Change, Outcome: e.Ended(), Message: e.Messages, Reason: e.Reason,
			Names: e.Names, Values: e.Values, Resources: e.Touched(), Micros: e.Took.Microseconds(),
		}
		if e.Func == "::" {
			rows[i].Function = "" // what is asked with bad credentials is not read
		}
		if e.From.IsValid() {
			rows[i].Address = e.From.String()
		}
	}
	return rows
}
