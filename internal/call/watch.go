package call

import (
	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/observe"
	"github.com/latchkey/latchkey/internal/policy"
)

// watch begins to take down what a call uses, if it comes with a token that is
// watched. What consists of other calls, or is about the token itself, needs no
// right and is not taken down.
func (s *Service) watch(r *Request) {
	c, e := &r.res.Caller, r.res.Entry
	if c.Observing && c.Kind == latchkey.ByToken && s.Observed != nil && (e.Scope == api.Whole || e.Scope == api.Things) {
		r.uses = new(observe.Sheet)
	}
}

// touched takes down one thing. A zone that a function reads which does not only
// show it is used, and not just listed.
func (r *Request) touched(thing latchkey.Resource, listed bool) {
	e := r.res.Entry
	r.uses.Used(policy.Called(e), thing, listed && (thing.Kind != "zone" || e.Lists))
}

// watched writes down what a call has used that went as it would go again: of one
// that was refused, or made no sense, nothing.
func (s *Service) watched(r *Request) {
	if r.uses == nil || !again(r.res.Err) {
		return
	}
	f := policy.Called(r.res.Entry)
	switch {
	case r.res.Entry.Scope == api.Whole:
		r.uses.Used(f, latchkey.Resource{}, false)
	case r.uses.Empty() && r.res.Err == nil:
		r.uses.Used(f, latchkey.Resource{Kind: latchkey.NothingKind}, false)
	}
	s.Observed.Note(r.res.Caller.Proof, r.uses)
}

// again reports whether a program that is told err would do the same again: of
// what is there already, or is not, many programs ask just that.
func again(err *latchkey.Error) bool {
	if err == nil {
		return true
	}
	switch err.Kind {
	case latchkey.Exists, latchkey.NotFound, latchkey.Limit, latchkey.Unavailable:
		return true
	}
	return false
}
