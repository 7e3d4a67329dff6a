package acme

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"

	"github.com/mholt/acmez/v3/acme"

	"github.com/latchkey/latchkey/internal/latchkey"
)

func TestExplain(t *testing.T) {
	plain := errors.New("no network")
	about := acme.Problem{Type: acme.ProblemTypeDNS, Detail: "no such\n name", Resource: acme.Authorization{Identifier: acme.Identifier{Type: "dns", Value: "www.example.com"}}}
	rejected := acme.Problem{Type: "urn:ietf:params:acme:error:malformed", Subproblems: []acme.Subproblem{
		{Problem: acme.Problem{Type: "urn:ietf:params:acme:error:rejectedIdentifier"}, Identifier: acme.Identifier{Type: "dns", Value: "bad.example"}},
	}}
	for _, test := range []struct {
		err  error
		want string // NAME: TEXT of what was refused; "" for an error about no name
	}{
		{plain, ""},
		{acme.Problem{Type: acme.ProblemTypeRateLimited, Detail: "too many"}, ""},
		{fmt.Errorf("solving: %w", about), "www.example.com: no such name"},
		{fmt.Errorf("ordering: %w", rejected), "bad.example: rejectedIdentifier"},
	} {
		err := explain(test.err)
		got := ""
		if r, ok := errors.AsType[*Refused](err); ok {
			got = r.Error()
		}
		if got != test.want || !errors.Is(err, plain) && test.err == plain {
			t.Errorf("explain(%v) = %q, want %q", test.err, got, test.want)
		}
	}
}

// An account that the authority does not know any more is made anew, with the same
// key; after other errors the account stays.
func TestForget(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := New(Options{Directory: "https://authority.example/dir"}, key)
	c.member.Status, c.member.Location = acme.StatusValid, "https://authority.example/1"
	c.forget(errors.New("no network"))
	c.forget(acme.Problem{Type: acme.ProblemTypeRateLimited})
	if c.member.Status != acme.StatusValid {
		t.Error("an account was forgotten for nothing")
	}
	c.forget(fmt.Errorf("ordering: %w", acme.Problem{Type: acme.ProblemTypeAccountDoesNotExist}))
	if c.member.Status != "" || c.member.Location != "" || c.member.PrivateKey != key {
		t.Errorf("the account is %+v", c.member)
	}
}

// What was put up is taken down once, also when nobody waits any more; what was
// not is not.
func TestSolver(t *testing.T) {
	up := map[string]bool{}
	o := Order{HTTP: func(host latchkey.Domain, token, proof string) func() {
		up[string(host)+" "+token+" "+proof] = true
		return func() { delete(up, string(host)+" "+token+" "+proof) }
	}}
	solvers := o.solvers()
	if len(solvers) != 1 {
		t.Fatalf("%d ways, want one", len(solvers))
	}
	s := solvers[acme.ChallengeTypeHTTP01]
	one := acme.Challenge{Token: "a", KeyAuthorization: "a.print", Identifier: acme.Identifier{Value: "example.com"}}
	if err := s.Present(t.Context(), one); err != nil || !up["example.com a a.print"] {
		t.Errorf("Present: %v, %v", err, up)
	}
	over, stop := context.WithCancel(t.Context())
	stop()
	for range 2 {
		if err := s.CleanUp(over, one); err != nil || len(up) > 0 {
			t.Errorf("CleanUp: %v, %v", err, up)
		}
	}
	failing := Order{DNS: func(context.Context, latchkey.Domain, string) (func(context.Context) error, error) {
		return nil, errors.New("no zone")
	}}.solvers()[acme.ChallengeTypeDNS01]
	if err := failing.Present(t.Context(), one); err == nil {
		t.Error("Present succeeds where nothing was put up")
	}
	if err := failing.CleanUp(t.Context(), one); err != nil {
		t.Errorf("CleanUp of what was not put up: %v", err)
	}
}
