// Package relay holds the functions of WHM that call others: cpanel, uapi_cpanel
// and batch. Start at [New].
package relay

import (
	"context"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// New makes the module, whose calls of account functions do runs, and those of
// host functions host.
func New(do api.Doer, host api.HostDoer) api.Module[hosting.Host] {
	return api.Module[hosting.Host]{
		Name: "whm",
		Funcs: []api.Func[hosting.Host]{
			{Name: "cpanel", Privilege: latchkey.PrivilegeAccountAPI, Effect: api.Passes, Run: api.Run(cpanel), Doc: "Call a UAPI or cPanel API 2 function of an account; the answer is that function's own."},
			{Name: "uapi_cpanel", Privilege: latchkey.PrivilegeAccountAPI, Effect: api.Passes, Run: api.Run(uapi(do)), Doc: "Call a UAPI function of an account."},
			{Name: "batch", Privilege: latchkey.PrivilegeBasic, Effect: api.Passes, Meta: true, Run: api.Run(batch(host)),
				Doc: "Call functions of this interface in their order. What was done before one that fails stays done."},
		},
	}
}

type cpanelParams struct {
	User     hosting.AccountParam `param:"cpanel_jsonapi_user" doc:"The account."`
	Module   string               `param:"cpanel_jsonapi_module" doc:"The function's module; capital and small letters differ."`
	Function string               `param:"cpanel_jsonapi_func" doc:"The function; capital and small letters differ."`
	Version  string               `param:"cpanel_jsonapi_apiversion,optional" doc:"3 for UAPI, 2 (the default) for cPanel API 2."`
	Rest     api.Args             `param:"*" doc:"The function's own arguments."`
}

// cpanel is what comes of the function inside a batch, where an answer in
// another form than WHM's has no place. Everywhere else it is the way of the
// call itself that passes it on.
//
// WHM API 1: cpanel.
func cpanel(context.Context, hosting.Host, cpanelParams) (api.Void, error) {
	return nil, latchkey.Errorf(latchkey.NotHere, "The function “cpanel” cannot be called in a batch, as its answers are not WHM’s: use “uapi_cpanel”.")
}

type uapiParams struct {
	User     hosting.AccountParam `param:"cpanel.user" doc:"The account."`
	Module   string               `param:"cpanel.module" doc:"The function's module; capital and small letters differ."`
	Function string               `param:"cpanel.function" doc:"The function; capital and small letters differ."`
	Rest     api.Args             `param:"*" doc:"The function's own arguments."`
}

type uapiAnswer struct {
	UAPI api.Envelope `json:"uapi"`
}

// uapi makes uapi_cpanel, which succeeds wherever the function could be called:
// what came of that says the envelope.
//
// WHM API 1: uapi_cpanel.
func uapi(do api.Doer) func(context.Context, hosting.Host, uapiParams) (uapiAnswer, error) {
	return func(ctx context.Context, h hosting.Host, p uapiParams) (uapiAnswer, error) {
		on, err := h.As(ctx, p.User.Name)
		if err != nil {
			return uapiAnswer{}, err
		}
		return uapiAnswer{api.EnvelopeOf(do(ctx, on, p.Module, p.Function, p.Rest))}, nil
	}
}
