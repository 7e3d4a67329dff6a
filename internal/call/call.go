// Package call is the whole way of one call, in order, in one function:
// [Service.Do]. Everything that executes a function goes through it; there is
// no second way in.
package call

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/compat"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/observe"
	"github.com/latchkey/latchkey/internal/policy"
)

// Names says in which list of names a function is looked up.
type Names uint8

const (
	UAPI Names = iota // account functions by their UAPI names
	API2              // account functions by their API 2 names
	WHM               // host functions, as WHM API 1 has them
	WHM0              // host functions, as WHM API 0 has them
)

// String is how people call the list.
func (n Names) String() string { return [...]string{"UAPI", "API 2", "WHM API 1", "WHM API 0"}[n] }

// Speaker says, once the caller is known, what they said: it fills in the names
// and the arguments of r, or fails. A request whose credentials are bad is never
// read further.
type Speaker interface{ Say(r *Request) error }

// Request is one call as it was said.
type Request struct {
	Audience latchkey.Audience
	Cred     latchkey.Credentials
	Local    latchkey.AccountName // set instead of Cred where the system vouches for the caller
	Origin   latchkey.Origin
	InClear  bool    // the credentials came over a network in clear: they are refused
	Speaker  Speaker // nil where everything is filled in already

	Names        Names
	Module, Func string
	Args         api.Args
	// For is set where a host's caller calls an account function: the account.
	For latchkey.AccountName

	// Read reads an answer that is a list, as far as it is asked for; nil reads
	// all of it.
	Read func(context.Context, api.Listing) (any, error)

	act   audit.Act
	res   Result
	spent *latchkey.Error // why a token may make no such call more
	// uses is what a call of a token that is watched has touched; nil for others.
	uses *observe.Sheet
}

// Caller is who calls, once that is known: for [Speaker].
func (r *Request) Caller() *latchkey.Caller { return &r.res.Caller }

// Result is what came of a call. With Err the answer is empty.
type Result struct {
	Caller latchkey.Caller
	Entry  *api.Entry // nil if the function was not found
	api.Answer
	Err *latchkey.Error
}

// Failed reports whether the call failed, as a whole or in part.
func (r *Result) Failed() bool { return r.Err != nil || len(r.Errors) > 0 || r.No }

// Binder puts an account, or the host, into a caller's hands.
type Binder interface {
	Account(ctx context.Context, act *audit.Act, caller *latchkey.Caller) (hosting.Account, error)
	Host(ctx context.Context, act *audit.Act, caller *latchkey.Caller) (hosting.Host, error)
}

// Service runs calls. All fields but Missed, Observed and Days are required.
type Service struct {
	Auth     *auth.Verifier
	Registry *api.Registry
	Binder   Binder
	Audit    *audit.Recorder
	Missed   *compat.Tally // what is asked for and not here; nil counts nothing
	Observed *observe.Book // what tokens that are watched are used for; nil watches none
	Days     *observe.Days // how often tokens are used, by day; nil counts nothing
	Now      latchkey.Clock
	Log      *slog.Logger
}

// Do runs one call: who is it, what do they say, what is that, may they, on
// what, do it, take it down. The result is part of r, which is of no further
// use.
func (s *Service) Do(ctx context.Context, r *Request) (res *Result) {
	act := &r.act
	res = &r.res
	act.Begin(s.Now, r.Origin)
	r.Origin.At = act.At()
	defer s.takeDown(act, r, res)
	defer s.catch(r)

	if res.Caller, res.Err = s.who(ctx, r, act); res.Err != nil {
		return res
	}
	if r.Speaker != nil {
		if res.Err = latchkey.AsError(r.Speaker.Say(r)); res.Err != nil {
			return res
		}
	}
	if r.For != "" {
		s.passOn(ctx, r)
		return res
	}
	if res.Err = s.may(r); res.Err == nil {
		s.run(ctx, r)
	}
	return res
}

// may they call what they name?
func (s *Service) may(r *Request) *latchkey.Error {
	var err *latchkey.Error
	if r.res.Entry, err = s.what(r); err != nil {
		s.miss(r, err)
		return err
	}
	r.act.Calls(r.res.Entry.FullName(), r.res.Entry.Effect == api.Write, r.Args, r.res.Entry.Params())
	return policy.May(&r.res.Caller, r.res.Entry)
}

// miss counts what somebody whom we know asks for and we do not have.
func (s *Service) miss(r *Request, err *latchkey.Error) {
	if err.Kind != latchkey.UnknownModule && err.Kind != latchkey.UnknownFunction {
		return
	}
	name := r.Func
	if r.Module != "" {
		name = r.Module + "::" + r.Func
	}
	s.Missed.Missed(r.Names.String(), auth.Redact(name), auth.Redact(r.Origin.Client))
}

// Nested runs an account function inside another call, for who holds the
// account, by the same rules: what Batch is made of. The errors of the answer
// are all there is to say of a failure.
func (s *Service) Nested(ctx context.Context, on hosting.Account, module, name string, args api.Args) api.Answer {
	r := &Request{Names: UAPI, Module: module, Func: name, Args: args}
	return s.answer(r, s.oneMore(ctx, r, on.Caller()))
}

// NestedHost does for host functions as [Service.Nested] does for those of
// accounts. The answer has a reason in any case.
func (s *Service) NestedHost(ctx context.Context, on hosting.Host, name string, args api.Args) api.Answer {
	r := &Request{Audience: latchkey.ForHost, Names: WHM, Func: name, Args: args}
	a := s.answer(r, s.oneMore(ctx, r, on.Caller()))
	if len(a.Errors) > 0 {
		a.Reason = strings.Join(a.Errors, " ")
	}
	if a.Reason == "" {
		a.Reason = cmp.Or(r.res.Entry.Reason, "OK")
	}
	return a
}

// answer is a result as an answer.
func (s *Service) answer(r *Request, res *Result) api.Answer {
	if res.Err != nil {
		return api.Answer{Errors: []string{Words(res.Err, r, s.Log)}}
	}
	return res.Answer
}

// originKey is where calls that make others say where those come from.
type originKey struct{}

// oneMore is nest for a call that counts as one that came by itself.
func (s *Service) oneMore(ctx context.Context, r *Request, caller *latchkey.Caller) *Result {
	r.spent = s.Auth.Spend(ctx, caller)
	return s.nest(ctx, r, caller)
}

// nest runs a request inside another call, for a caller who is known.
func (s *Service) nest(ctx context.Context, r *Request, caller *latchkey.Caller) *Result {
	act, res := &r.act, &r.res
	res.Caller = *caller
	if from, ok := ctx.Value(originKey{}).(latchkey.Origin); ok {
		r.Origin = from
	}
	act.Begin(s.Now, r.Origin)
	act.As(caller)
	defer s.takeDown(act, r, res)
	if res.Err = s.may(r); res.Err == nil {
		res.Err = r.spent
	}
	if res.Err == nil {
		s.run(ctx, r)
	}
	return res
}

// passOn runs an account function for a host's caller: what "cpanel" of WHM is.
// The trail has both: what was passed on, and what was done.
//
// WHM API 1: cpanel.
func (s *Service) passOn(ctx context.Context, r *Request) {
	defer s.catch(r)
	res := &r.res
	on, err := s.stead(ctx, r)
	if err != nil {
		res.Err = latchkey.AsError(err)
		return
	}
	inner := &Request{Origin: r.Origin, Read: r.Read, Names: r.Names, Module: r.Module, Func: r.Func, Args: r.Args}
	done := s.nest(ctx, inner, on.Caller())
	res.Entry, res.Answer, res.Err = done.Entry, done.Answer, done.Err
}

// stead puts the account that r is for into the hands of a caller who may call
// "cpanel" and act for it.
func (s *Service) stead(ctx context.Context, r *Request) (hosting.Account, error) {
	entry, err := s.Registry.Host("cpanel")
	if err != nil {
		return nil, err
	}
	r.res.Entry = entry
	r.act.Calls(entry.FullName(), false, api.Args{
		{Key: "cpanel_jsonapi_user", Value: string(r.For)}, {Key: "cpanel_jsonapi_module", Value: r.Module}, {Key: "cpanel_jsonapi_func", Value: r.Func},
	}, entry.Params())
	if err := policy.May(&r.res.Caller, entry); err != nil {
		return nil, err
	}
	host, err := s.Binder.Host(ctx, &r.act, &r.res.Caller)
	if err != nil {
		return nil, err
	}
	return host.As(ctx, r.For)
}

// who is calling? Every refusal of a credential is the same to the caller; the
// reason goes into the trail.
func (s *Service) who(ctx context.Context, r *Request, act *audit.Act) (latchkey.Caller, *latchkey.Error) {
	if r.Local != "" {
		c, err := s.Auth.Local(ctx, r.Local, r.Audience)
		if err != nil {
			return c, latchkey.Errorf(latchkey.NotFound, "There is no account “%s”.", r.Local)
		}
		act.As(&c)
		return c, nil
	}
	if r.InClear && r.Cred.Scheme != latchkey.SchemeNone {
		act.Refused(&auth.Refusal{Reason: auth.InClear})
		return latchkey.Caller{}, badCredentials
	}
	c, refusal := s.Auth.Check(ctx, r.Cred, r.Audience, r.Origin)
	if refusal != nil {
		act.Refused(refusal)
		return c, badCredentials
	}
	c.Clear = r.Origin.Clear
	act.As(&c)
	return c, nil
}

var badCredentials = &latchkey.Error{Kind: latchkey.BadCredentials, Msg: "Access denied"}

// what function is that?
func (s *Service) what(r *Request) (*api.Entry, *latchkey.Error) {
	var e *api.Entry
	var err error
	switch r.Names {
	case UAPI:
		e, err = s.Registry.Account(r.Module, r.Func)
	case API2:
		e, err = s.Registry.API2(r.Module, r.Func)
	case WHM:
		e, err = s.Registry.Host(r.Func)
	case WHM0:
		e, err = s.Registry.Host0(r.Func)
	}
	return e, latchkey.AsError(err)
}

// catch makes a panic an internal error of this call alone.
func (s *Service) catch(r *Request) {
	if p := recover(); p != nil {
		name := r.Module + "::" + r.Func
		if r.res.Entry != nil {
			name = r.res.Entry.FullName()
		}
		s.Log.Error("a call panicked", "func", name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		r.res.Err = &latchkey.Error{Kind: latchkey.Internal, Err: fmt.Errorf("panic: %v", p)}
	}
}

// run puts the account or the host into the caller's hands and calls the
// function.
func (s *Service) run(ctx context.Context, r *Request) {
	defer s.catch(r)
	res := &r.res
	if res.Entry.Meta || res.Entry.Effect == api.Passes {
		ctx = context.WithValue(ctx, originKey{}, r.Origin)
	}
	data, err := s.enter(ctx, r)
	if l, ok := data.(api.Listing); ok && err == nil {
		data, err = r.read(ctx, l)
	}
	res.Err = latchkey.AsError(err)
	s.watched(r)
	if res.Err != nil {
		return
	}
	if a, ok := data.(api.Answer); ok {
		res.Answer = a
	} else {
		res.Data = data
	}
}

// enter calls the function on what it is about, if the part behind it is here.
func (s *Service) enter(ctx context.Context, r *Request) (any, error) {
	act, args, res := &r.act, r.Args, &r.res
	e := res.Entry
	if e.Audience == latchkey.ForHost {
		on, err := s.Binder.Host(ctx, act, &res.Caller)
		if err != nil {
			return nil, err
		}
		if !here(e, on.Server()) {
			return nil, &latchkey.Error{Kind: latchkey.RoleOff, Param: string(e.Role)}
		}
		return e.OnHost(ctx, on, args)
	}
	on, err := s.Binder.Account(ctx, act, &res.Caller)
	if err != nil {
		return nil, err
	}
	if !here(e, on.Server()) {
		return nil, &latchkey.Error{Kind: latchkey.RoleOff, Param: string(e.Role)}
	}
	s.watch(r)
	return e.OnAccount(ctx, narrowed(on, r), args)
}

// here reports whether the part that a function stands on is here: a zone that
// nobody serves is no zone, and a site that nobody serves is none.
func here(e *api.Entry, s *hosting.Server) bool {
	switch e.Role {
	case api.DNS:
		return s.DNS
	case api.DNSSEC:
		return s.DNS && s.DNSSEC
	case api.WebServer:
		return s.Web
	}
	return e.Role.Here()
}

// narrowed is on with those things only that the caller may call the function on.
func narrowed(on hosting.Account, r *Request) hosting.Account {
	res := &r.res
	if res.Caller.Rights == nil && r.uses == nil || res.Entry.Scope != api.Things {
		return on
	}
	may := func(things ...latchkey.Resource) error {
		if err := policy.MayTouch(&res.Caller, res.Entry, things...); err != nil {
			return err
		}
		return nil
	}
	if r.uses == nil {
		return hosting.Narrow(on, may)
	}
	return hosting.Watched(on, may, r.touched)
}

// HostNames are the names of the host functions that caller may call.
func (s *Service) HostNames(caller *latchkey.Caller) []string {
	var names []string
	for _, e := range s.Registry.All() {
		if e.Audience == latchkey.ForHost && policy.May(caller, e) == nil {
			names = append(names, e.Name)
		}
	}
	return names
}

// FeaturesOf are the features of the functions that a token with rights may call.
func (s *Service) FeaturesOf(rights latchkey.Rights, readOnly bool) (set latchkey.FeatureSet) {
	for _, e := range s.Registry.All() {
		if policy.Reaches(rights, readOnly, e) {
			set = set.With(e.Feature, true)
		}
	}
	return set
}

// read reads what the request asks for of a list. Where API 2 has rows of another
// shape, what is asked for is meant of those, and is cut from the whole list.
func (r *Request) read(ctx context.Context, l api.Listing) (any, error) {
	if r.Read == nil || r.Names == API2 && r.res.Entry.API2Data != nil {
		return l.All(ctx)
	}
	return r.Read(ctx, l)
}

// takeDown writes the call into the trail, unless its change has done so
// already.
func (s *Service) takeDown(act *audit.Act, r *Request, res *Result) {
	if res.Entry == nil && r.For == "" {
		act.Asked(r.Module + "::" + r.Func)
	}
	if c := &res.Caller; s.Days != nil && c.Kind == latchkey.ByToken && c.Through == nil {
		s.Days.Note(c.Token, act.At(), res.Err != nil)
	}
	act.End(s.Audit, res.Err)
}
