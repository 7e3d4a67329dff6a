package acme

import (
	"context"
	"sync"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// solver puts one kind of proof up and takes it down.
type solver struct {
	put func(ctx context.Context, c acme.Challenge) (done func(context.Context) error, err error)

	mu   sync.Mutex
	done map[string]func(context.Context) error // by token
}

// solvers are the ways of an order.
func (o Order) solvers() map[string]acmez.Solver {
	ways := make(map[string]acmez.Solver)
	if o.HTTP != nil {
		ways[acme.ChallengeTypeHTTP01] = &solver{put: func(_ context.Context, c acme.Challenge) (func(context.Context) error, error) {
			done := o.HTTP(latchkey.Domain(c.Identifier.Value), c.Token, c.KeyAuthorization)
			return func(context.Context) error { done(); return nil }, nil
		}}
	}
	if o.DNS != nil {
		ways[acme.ChallengeTypeDNS01] = &solver{put: func(ctx context.Context, c acme.Challenge) (func(context.Context) error, error) {
			return o.DNS(ctx, latchkey.Domain(c.Identifier.Value), c.DNS01KeyAuthorization())
		}}
	}
	return ways
}

// Present is part of [acmez.Solver].
func (s *solver) Present(ctx context.Context, c acme.Challenge) error {
	done, err := s.put(ctx, c)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done == nil {
		s.done = make(map[string]func(context.Context) error)
	}
	s.done[c.Token] = done
	return nil
}

// CleanUp is part of [acmez.Solver]. It is called for what was not put up, too,
// and goes on when nobody waits any more.
func (s *solver) CleanUp(ctx context.Context, c acme.Challenge) error {
	s.mu.Lock()
	done := s.done[c.Token]
	delete(s.done, c.Token)
	s.mu.Unlock()
	if done == nil {
		return nil
	}
	return done(context.WithoutCancel(ctx))
}
