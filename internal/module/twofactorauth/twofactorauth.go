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
		{Name: "remove_user_configuration", Effect: api.Write, Run: api.Run(remove), Doc: "Take the second factor away."},
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
}

type configured struct {
	On bool `json:"tfa_configured"`
}

// UAPI: TwoFactorAuth::set_user_configuration.
func set(ctx context.Context, acct hosting.Account, p setParams) (configured, error) {
	err := acct.SignIns().Factor().Set(ctx, p.Secret, p.Code)
	return configured{err == nil}, err
}

type configuration struct {
	On     bool   `json:"is_enabled"`
	Issuer string `json:"issuer"`
}

// UAPI: TwoFactorAuth::get_user_configuration.
func show(ctx context.Context, acct hosting.Account, _ api.None) (configuration, error) {
	on, issuer, err := acct.SignIns().Factor().On(ctx)
	return configuration{on, issuer}, err
}

type removed struct {
	Removed bool `json:"tfa_removed"`
}

// UAPI: TwoFactorAuth::remove_user_configuration.
func remove(ctx context.Context, acct hosting.Account, _ api.None) (removed, error) {
	err := acct.SignIns().Factor().Remove(ctx)
	return removed{err == nil}, err
}
