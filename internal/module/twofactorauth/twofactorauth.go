// Package twofactorauth is the module TwoFactorAuth: the second factor that the
// account's password does not sign in without.
package twofactorauth

import (
	"context"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Module is the module TwoFactorAuth, of UAPI.
var Module = api.Module[hosting.Account]{
	Name: "TwoFactorAuth",
	Doc:  "The account's second factor.",
	Funcs: []api.Func[hosting.Account]{
		{Name: "generate_user_configuration", Effect: api.Write, Run: api.Run(generate), Doc: "Make the secret of a new second factor; it counts when it is set."},
		{Name: "set_user_configuration", Effect: api.Write, Run: api.Run(set), Doc: "Set the second factor, with a code that shows that it works."},
		{Name: "get_user_configuration", Run: api.Run(show), Doc: "Tell whether there is a second factor."},
		{Name: "remove_user_configuration", Effect: api.Write, Run: api.Run(remove), Doc: "Take the second factor away, and its recovery codes with it."},

		{Name: "make_recovery_codes", Effect: api.Write, Run: api.Run(makeRecovery),
			Doc: "Make ten recovery codes, which are shown this once: each signs in once in place of a code. Those of before are good no more. An extension of this server."},
		{Name: "count_recovery_codes", Run: api.Run(countRecovery),
			Doc: "Tell whether there is a second factor, and how many recovery codes are left. An extension of this server."},
	},
}

// generated is shown this once.
type generated struct {
	URL    string `json:"otpauth_str"`
	Secret string `json:"secret"`
}

// UAPI: TwoFactorAuth::generate_user_configuration.
func generate(ctx context.Context, acct hosting.Account, _ api.None) (generated, error) {
	secret, url, err := acct.SignIns().Factor().New(ctx)
	return generated{url.Reveal(), secret.Reveal()}, err
}

type setParams struct {
	Secret latchkey.Secret `param:"secret" doc:"The secret, as generate_user_configuration made it."`
	Code   latchkey.Secret `param:"tfa_token" doc:"The code of six digits that is made of it now."`
	// Recovery asks for what only this server has: clients that do not know of it
	// would leave ten keys lying about.
	Recovery bool `param:"recovery_codes,optional" doc:"1 to have recovery codes made, and shown this once. Only this server has them."`
}

type configured struct {
	On       bool     `json:"tfa_configured"`
	Recovery []string `json:"recovery_codes,omitempty"`
}

// UAPI: TwoFactorAuth::set_user_configuration.
func set(ctx context.Context, acct hosting.Account, p setParams) (configured, error) {
	codes, err := acct.SignIns().Factor().Set(ctx, p.Secret, p.Code, p.Recovery)
	return configured{err == nil, latchkey.Revealed(codes)}, err
}

type configuration struct {
	On     bool   `json:"is_enabled"`
	Issuer string `json:"issuer"`
}

// UAPI: TwoFactorAuth::get_user_configuration.
func show(ctx context.Context, acct hosting.Account, _ api.None) (configuration, error) {
	is, err := acct.SignIns().Factor().State(ctx)
	return configuration{is.On, is.Issuer}, err
}

type removed struct {
	Removed bool `json:"tfa_removed"`
}

// UAPI: TwoFactorAuth::remove_user_configuration.
func remove(ctx context.Context, acct hosting.Account, _ api.None) (removed, error) {
	err := acct.SignIns().Factor().Remove(ctx)
	return removed{err == nil}, err
}

type made struct {
	Recovery []string `json:"recovery_codes"`
}

// makeRecovery is TwoFactorAuth::make_recovery_codes, which is ours.
func makeRecovery(ctx context.Context, acct hosting.Account, _ api.None) (made, error) {
	codes, err := acct.SignIns().Factor().Recovery(ctx)
	return made{latchkey.Revealed(codes)}, err
}

// counted is how many recovery codes are left, of how many.
type counted struct {
	On   bool `json:"is_enabled"`
	Left int  `json:"left"`
	Of   int  `json:"of"`
}

// countRecovery is TwoFactorAuth::count_recovery_codes, which is ours.
func countRecovery(ctx context.Context, acct hosting.Account, _ api.None) (counted, error) {
	is, err := acct.SignIns().Factor().State(ctx)
	return counted{is.On, is.Recovery, is.Most}, err
}
