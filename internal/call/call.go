// Package call is the whole way of one call, in order, in one function:
// [Service.Do]. Everything that executes a function goes through it; there is
// no second way in.
package call

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
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

	act audit.Act
	res Result
}

// Result is what came of a call. With Err the answer is empty.
type Result struct {
	Caller latchkey.Caller
	Entry  *api.Entry // nil if the function was not found
	api.Answer
	Err *latchkey.Error
}

// Failed reports whether the call failed, as a whole or in part.
func (r *Result) Failed() bool { return r.Err != nil || len(r.Errors) > 0 }

// Binder puts an account, or the host, into a caller's hands.
type Binder interface {
	Account(ctx context.Context, act *audit.Act, caller *latchkey.Caller) (hosting.Account, error)
	Host(ctx context.Context, act *audit.Act, caller *latchkey.Caller) (hosting.Host, error)
}

// Service runs calls. All fields are required.
type Service struct {
	Auth     *auth.Verifier
	Registry *api.Registry
	Binder   Binder
	Audit    *audit.Recorder
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
	if res.Entry, res.Err = s.what(r); res.Err != nil {
		return res
	}
	if res.Err = policy.May(&res.Caller, res.Entry); res.Err != nil {
		return res
	}
	s.run(ctx, r)
	return res
}

// Nested runs a function inside another call, for the same caller, by the same
// rules: what Batch is made of. The errors of the answer are all there is to
// say of a failure.
func (s *Service) Nested(ctx context.Context, on hosting.Account, module, name string, args api.Args) api.Answer {
	caller := on.Caller()
	r := &Request{Names: UAPI, Module: module, Func: name, Args: args}
	act, res := &r.act, &r.res
	res.Caller = *caller
	act.Begin(s.Now, latchkey.Origin{})
	act.As(caller)
	defer s.takeDown(act, r, res)
	if res.Entry, res.Err = s.what(r); res.Err == nil {
		res.Err = policy.May(caller, res.Entry)
	}
	if res.Err == nil {
		s.run(ctx, r)
	}
	if res.Err != nil {
		return api.Answer{Errors: []string{Words(res.Err, r, s.Log)}}
	}
	return res.Answer
}

// who is calling? Every refusal of a credential is the same to the caller; the
// reason goes into the trail.
func (s *Service) who(ctx context.Context, r *Request, act *audit.Act) (latchkey.Caller, *latchkey.Error) {
	if r.Local != "" {
		c, err := s.Auth.Local(ctx, r.Local)
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
	act, args, res := &r.act, r.Args, &r.res
	act.Calls(res.Entry.FullName(), res.Entry.Effect == api.Write, args, res.Entry.Params)
	var data any
	var err error
	if res.Entry.Audience == latchkey.ForHost {
		var on hosting.Host
		if on, err = s.Binder.Host(ctx, act, &res.Caller); err == nil {
			data, err = res.Entry.OnHost(ctx, on, args)
		}
	} else {
		var on hosting.Account
		if on, err = s.Binder.Account(ctx, act, &res.Caller); err == nil {
			data, err = res.Entry.OnAccount(ctx, on, args)
		}
	}
	if res.Err = latchkey.AsError(err); res.Err != nil {
		return
	}
	if a, ok := data.(api.Answer); ok {
		res.Answer = a
	} else {
		res.Data = data
	}
}

// takeDown writes the call into the trail, unless its change has done so
// already.
func (s *Service) takeDown(act *audit.Act, r *Request, res *Result) {
	if res.Entry == nil {
		act.Asked(r.Module + "::" + r.Func)
	}
	act.End(s.Audit, res.Err)
}
