// Package acme gets certificates from an authority that speaks ACME (RFC 8555).
// Start at [Client].
package acme

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Options tell which authority to ask.
type Options struct {
	Directory string         // its address
	Roots     *x509.CertPool // what its own certificate is checked with; nil: what the system trusts
	Email     string         // whom it may write to; "" for nobody
	Agreed    bool           // to its terms
	UserAgent string
}

// Client asks one authority, as one account there. Its methods may be called by
// many goroutines.
type Client struct {
	o      Options
	api    *acme.Client
	mu     sync.Mutex // held while the account is made
	member acme.Account
}

// New makes a client whose account is the one with a key. It asks for nothing yet.
func New(o Options, key crypto.Signer) *Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12}
	return &Client{o: o, member: acme.Account{PrivateKey: key}, api: &acme.Client{
		Directory: o.Directory, UserAgent: o.UserAgent,
		HTTPClient: &http.Client{Transport: t, Timeout: 30 * time.Second},
	}}
}

// account is the account at the authority, made if there is none yet: there is one
// for a key.
func (c *Client) account(ctx context.Context) (acme.Account, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.member.Status == acme.StatusValid {
		return c.member, nil
	}
	ask := acme.Account{PrivateKey: c.member.PrivateKey, TermsOfServiceAgreed: c.o.Agreed}
	if c.o.Email != "" {
		ask.Contact = []string{"mailto:" + c.o.Email}
	}
	is, err := c.api.NewAccount(ctx, ask)
	if err != nil {
		return is, fmt.Errorf("the authority gives no account: %w", err)
	}
	c.member = is
	return is, nil
}

// forget forgets the account if the authority has: the next order makes another.
func (c *Client) forget(err error) {
	if p, ok := errors.AsType[acme.Problem](err); ok && p.Type == acme.ProblemTypeAccountDoesNotExist {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.member = acme.Account{PrivateKey: c.member.PrivateKey}
	}
}

// Order is what certificate is wanted.
type Order struct {
	Names    []string      // hosts; *.example.com is all directly below example.com
	Key      crypto.Signer // of the certificate
	Replaces *x509.Certificate
	// HTTP has an authority that comes to a host for a token find proof, until
	// done is called; DNS has it find a text at _acme-challenge under a name. A way
	// that is nil is not gone.
	HTTP func(host latchkey.Domain, token, proof string) (done func())
	DNS  func(ctx context.Context, name latchkey.Domain, text string) (done func(context.Context) error, err error)
}

// Obtain gets a certificate: its PEM, followed by those above it. It fails with a
// [Refused] if that is about one of the names.
func (c *Client) Obtain(ctx context.Context, o Order) ([]byte, error) {
	account, err := c.account(ctx)
	if err != nil {
		return nil, err
	}
	request, err := acmez.NewCSR(o.Key, o.Names)
	if err != nil {
		return nil, err
	}
	params, err := acmez.OrderParametersFromCSR(account, request)
	if err != nil {
		return nil, err
	}
	params.Replaces = o.Replaces
	client := &acmez.Client{Client: c.api, ChallengeSolvers: o.solvers()}
	chains, err := client.ObtainCertificate(ctx, params)
	if err != nil {
		c.forget(err)
		return nil, explain(err)
	}
	if len(chains) == 0 {
		return nil, errors.New("the authority gives no certificate")
	}
	return chains[0].ChainPEM, nil
}

// Renewal is when the authority wants a certificate to be renewed, and when to ask
// again. ok is false for one that does not say.
func (c *Client) Renewal(ctx context.Context, leaf *x509.Certificate) (at, again time.Time, ok bool, err error) {
	info, err := c.api.GetRenewalInfo(ctx, leaf)
	if errors.Is(err, acme.ErrUnsupported) {
		return at, again, false, nil
	}
	if err != nil || !info.HasWindow() {
		return at, again, false, err
	}
	if info.RetryAfter != nil {
		again = *info.RetryAfter
	}
	return info.SelectedTime, again, true, nil
}

// Refused is an authority's answer about one of the names.
type Refused struct {
	Name string
	Text string // what it says
	Err  error
}

func (r *Refused) Error() string { return r.Name + ": " + r.Text }
func (r *Refused) Unwrap() error { return r.Err }

// explain finds the name that an error is about.
func explain(err error) error {
	problem, ok := errors.AsType[acme.Problem](err)
	if !ok {
		return err
	}
	if authz, ok := problem.Resource.(acme.Authorization); ok {
		return &Refused{Name: authz.IdentifierValue(), Text: text(problem), Err: err}
	}
	for _, sub := range problem.Subproblems {
		if sub.Identifier.Value != "" {
			return &Refused{Name: sub.Identifier.Value, Text: text(sub.Problem), Err: err}
		}
	}
	return err
}

// text is what a problem says, on one line.
func text(p acme.Problem) string {
	says := p.Detail
	if says == "" {
		says = strings.TrimPrefix(p.Type, "urn:ietf:params:acme:error:")
	}
	return strings.Join(strings.Fields(says), " ")
}
