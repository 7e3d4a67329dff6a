package call

import (
	"context"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// Login is one sign-in as it was said: with a password, or with a session that
// was handed over.
type Login struct {
	Audience latchkey.Audience
	Cred     latchkey.Credentials // of [latchkey.SchemeBasic]; nothing for a session that was handed over
	HandOver latchkey.Secret      // opens the session that was handed over
	Prefix   string               // that stood in front of the address it came to
	Origin   latchkey.Origin
	InClear  bool
}

// SignedIn is a session that has begun. Secret opens it and is known to the
// caller alone.
type SignedIn struct {
	latchkey.Session
	Secret latchkey.Secret
}

// Login begins a session. Bad credentials are refused as calls refuse them; of a
// right password that wants a second factor the error's Param is tfa_token. A
// token begins no session.
func (s *Service) Login(ctx context.Context, l *Login) (in SignedIn, err *latchkey.Error) {
	act := audit.Begin(s.Now, l.Origin)
	l.Origin.At = act.At()
	defer func() { act.End(s.Audit, err) }()
	if l.InClear {
		act.Asked("session::login")
		act.Refused(&auth.Refusal{Reason: auth.InClear})
		return in, badCredentials
	}
	if !l.HandOver.Empty() {
		return s.takeOver(ctx, l, act)
	}
	act.Asked("session::login")
	if l.Cred.Scheme != latchkey.SchemeBasic {
		act.Refused(&auth.Refusal{Reason: auth.BadForm})
		return in, badCredentials
	}
	c, refusal := s.Auth.Check(ctx, l.Cred, l.Audience, l.Origin)
	if refusal != nil {
		act.Refused(refusal)
		if refusal.Reason == auth.NoCode {
			return in, &latchkey.Error{Kind: latchkey.BadCredentials, Param: "tfa_token", Msg: badCredentials.Msg}
		}
		return in, badCredentials
	}
	act.As(&c)
	return s.begin(ctx, act, "session::login", func(tx store.Tx) (latchkey.Session, latchkey.Secret, error) {
		if err := s.Auth.Stands(tx, &c); err != nil {
			return latchkey.Session{}, latchkey.Secret{}, err
		}
		return s.Auth.OpenSession(tx, auth.NewSession{Account: c.Account, Mailbox: c.Mailbox, Audience: l.Audience})
	})
}

// takeOver makes a session that was handed over the caller's own.
func (s *Service) takeOver(ctx context.Context, l *Login, act *audit.Act) (in SignedIn, err *latchkey.Error) {
	if !s.Auth.HandedOver(ctx, l.HandOver, l.Prefix, l.Audience) {
		act.Asked("session::take_over")
		act.Refused(&auth.Refusal{Reason: auth.UnknownSession})
		return in, badCredentials
	}
	in, err = s.begin(ctx, act, "session::take_over", func(tx store.Tx) (latchkey.Session, latchkey.Secret, error) {
		x, secret, err := s.Auth.TakeOver(tx, l.HandOver, l.Prefix, l.Audience)
		if err == nil {
			err = s.takenBy(tx, act, &x)
		}
		return x, secret, err
	})
	if err != nil && err.Kind == latchkey.BadCredentials {
		act.Refused(&auth.Refusal{Reason: auth.UnknownSession})
	}
	return in, err
}

// takenBy notes in the trail whose session it is that somebody takes over.
func (s *Service) takenBy(tx store.Tx, act *audit.Act, x *latchkey.Session) error {
	a, err := tx.AccountByID(x.Account)
	if err == nil {
		act.As(&latchkey.Caller{Kind: latchkey.BySession, Account: a.ID, Name: a.Name, Mailbox: x.Mailbox, Handle: s.Auth.SessionHandle(x.ID)})
	}
	return err
}

// begin begins a session in one transaction with the event that says so.
func (s *Service) begin(ctx context.Context, act *audit.Act, name string, open func(store.Tx) (latchkey.Session, latchkey.Secret, error)) (in SignedIn, _ *latchkey.Error) {
	err := s.Auth.Commit(ctx, func(tx store.Tx) (err error) {
		if in.Session, in.Secret, err = open(tx); err != nil {
			return err
		}
		act.Calls(name, true, nil, nil)
		tx.Audit(act.Success(), 1)
		return nil
	})
	if err != nil {
		act.Asked(name)
		return SignedIn{}, latchkey.AsError(err)
	}
	act.Kept()
	return in, nil
}

// Logout ends the session that r comes with. It fails with BadCredentials where
// there is none.
func (s *Service) Logout(ctx context.Context, r *Request) (err *latchkey.Error) {
	act := audit.Begin(s.Now, r.Origin)
	r.Origin.At = act.At()
	act.Asked("session::logout")
	defer func() { act.End(s.Audit, err) }()
	c, err := s.who(ctx, r, act)
	if err != nil {
		return err
	}
	if c.Kind != latchkey.BySession {
		return badCredentials
	}
	act.Calls("session::logout", true, nil, nil)
	failed := s.Auth.Commit(ctx, func(tx store.Tx) error {
		if err := s.Auth.EndSession(tx, &c); err != nil {
			return err
		}
		tx.Audit(act.Success(), 1)
		return nil
	})
	if failed == nil {
		act.Kept()
	}
	return latchkey.AsError(failed)
}
