package audit

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Act is one call on its way: its event, as far as it is known.
type Act struct {
	event latchkey.Event
	now   latchkey.Clock
	as    latchkey.MailboxName
	kept  bool

	params []api.Param
	args   api.Args
	more   int // resources that found no room
}

// Begin begins the event of a call.
func Begin(now latchkey.Clock, from latchkey.Origin) *Act {
	a := new(Act)
	a.Begin(now, from)
	return a
}

// Begin begins the event of a call in an Act that was nothing yet.
func (a *Act) Begin(now latchkey.Clock, from latchkey.Origin) {
	a.now = now
	a.event.At, a.event.From, a.event.Client = now(), from.Addr, from.Client
}

// At is when the call began.
func (a *Act) At() time.Time { return a.event.At }

// From is where the call came from; not valid for one of the command line.
func (a *Act) From() netip.Addr { return a.event.From }

// Client is the program that the call came from, as it calls itself.
func (a *Act) Client() string { return a.event.Client }

// Asked notes what was asked for, in a stranger's words, where no function was
// found.
func (a *Act) Asked(name string) { a.event.Func = clean(name, maxFunc) }

// As notes who acts.
func (a *Act) As(c *latchkey.Caller) {
	a.event.Account, a.event.Name, a.event.By, a.event.Handle = c.Account, c.Name, c.Kind, c.Handle
	a.as = c.Mailbox
	if c.Recovered {
		a.event.Reason = "with a recovery code"
	}
	if c.Through != nil {
		a.event.Reason = "called through WHM by " + string(c.Through.Name)
	}
}

// Refused notes whose credential was refused, and why.
func (a *Act) Refused(r *auth.Refusal) {
	a.event.Account, a.event.Name, a.event.Handle, a.event.Reason = r.Account, r.Name, r.Handle, string(r.Reason)
}

// Calls notes what is called, with what may be shown of its arguments.
func (a *Act) Calls(function string, change bool, args api.Args, params []api.Param) {
	a.event.Func, a.event.Change = function, change
	a.params, a.args = params, args
	if len(args) > 0 {
		names := args.Names()
		a.event.Names = names[:min(len(names), maxArgs)]
		for i, name := range a.event.Names {
			a.event.Names[i] = clean(name, maxName)
		}
		a.event.Values = api.Shown(params, args)
		a.event.Values = a.event.Values[:min(len(a.event.Values), maxArgs)]
	}
	if a.as != "" {
		a.event.Values = append([]string{"signed_in_as=" + string(a.as)}, a.event.Values...)
	}
}

// Follows notes that the addresses of a host follow who calls.
func (a *Act) Follows(function string, host latchkey.Domain, at netip.Addr) {
	a.event.Func, a.event.Change = function, true
	a.event.Names = []string{"domain"}
	a.event.Values = []string{"domain=" + string(host), "address=" + at.String()}
}

// What one call may add to the trail: a stranger's megabytes must not end up in
// it.
const (
	maxArgs    = 100
	maxName    = 64
	maxFunc    = 140
	maxMessage = 1000
	maxOn      = 32
	maxOnName  = 255
)

// On notes what the call touches, each thing once. Who looks into a zone and then
// edits records of it has touched those records.
func (a *Act) On(r latchkey.Resource) {
	on := a.event.On
	for i := range on {
		if on[i] == r || r.Some && on[i].Zone == r.Zone && on[i].Kind == r.Kind {
			return
		}
		if on[i].Some && on[i].Zone == r.Zone {
			on[i] = r
			return
		}
	}
	if len(on) == maxOn {
		a.more++
		return
	}
	a.event.On = append(on, r)
}

// on is what stands in the event of a call that ended with err: what it was
// refused on, what it has touched, or else what its arguments name.
func (a *Act) on(err *latchkey.Error) []latchkey.Resource {
	switch {
	case err != nil && err.On != nil:
		return []latchkey.Resource{*err.On}
	case len(a.event.On) == 0:
		named := api.Touched(a.params, a.args)
		if more := len(named) - maxOn; more > 0 {
			return append(named[:maxOn], moreOf(more))
		}
		return named
	case a.more > 0:
		return append(a.event.On[:maxOn:maxOn], moreOf(a.more))
	}
	return a.event.On
}

func moreOf(n int) latchkey.Resource {
	return latchkey.Resource{Kind: latchkey.MoreKind, Name: strconv.Itoa(n)}
}

// Success is the event of a call that succeeded, encoded for the transaction
// that makes it so. Call [Act.Kept] when that transaction is on the disk.
func (a *Act) Success() []byte {
	e := a.event
	e.OK, e.Took, e.On = true, a.now().Sub(e.At), a.on(nil)
	return Encode(&e)
}

// Begun is the event of a call whose change begins and cannot be undone, encoded
// for the transaction that begins it. Another follows when it is done.
func (a *Act) Begun() []byte {
	e := a.event
	e.OK, e.Took, e.On = true, a.now().Sub(e.At), a.on(nil)
	if e.Reason != "" {
		e.Reason += ", "
	}
	e.Reason += "begun"
	return Encode(&e)
}

// Kept notes that the event stands in the trail.
func (a *Act) Kept() { a.kept = true }

// End hands the event to the recorder, unless it stands in the trail already
// and the call did not fail after that.
func (a *Act) End(r *Recorder, err *latchkey.Error) {
	if a.kept && err == nil || untrailed {
		return
	}
	e := &a.event
	e.Took = a.now().Sub(e.At)
	e.OK, e.On = err == nil, a.on(err)
	if err != nil {
		e.Outcome = err.Kind
		if err.Kind != latchkey.Internal {
			e.Messages = strings.ToValidUTF8(err.Msg[:min(len(err.Msg), maxMessage)], "?")
		}
	}
	r.Record(e)
}

// clean makes a name that a stranger gave fit to be kept.
func clean(name string, most int) string {
	name = name[:min(len(name), most)]
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, name)
}
