package whm

import (
	"context"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// TwoFactor is the functions about second factors: the caller's own, and the
// policy for everybody.
var TwoFactor = api.Module[hosting.Host]{Name: "whm", Doc: Module.Doc, Funcs: []api.Func[hosting.Host]{
	{Name: "twofactorauth_policy_status", Privilege: latchkey.PrivilegeBasic, Run: api.Run(factorStatus), Doc: "Tell whether second factors are asked for."},
	{Name: "twofactorauth_enable_policy", Privilege: latchkey.PrivilegeAll, Effect: api.Write, Run: api.Run(switchFactors(true)), Doc: "Ask for second factors, of everybody who has one."},
	{Name: "twofactorauth_disable_policy", Privilege: latchkey.PrivilegeAll, Effect: api.Write, Run: api.Run(switchFactors(false)), Doc: "Ask nobody for a second factor."},
	{Name: "twofactorauth_get_issuer", Privilege: latchkey.PrivilegeBasic, Run: api.Run(factorIssuer), Doc: "Tell whom programs for codes say that their codes are of."},
	{Name: "twofactorauth_set_issuer", Privilege: latchkey.PrivilegeAll, Effect: api.Write, Run: api.Run(setFactorIssuer), Doc: "Set whom programs for codes say that their codes are of."},
	{Name: "twofactorauth_generate_tfa_config", Privilege: latchkey.PrivilegeBasic, Effect: api.Write, Run: api.Run(generateFactor), Doc: "Make the secret of a new second factor of the caller's; it counts when it is set."},
	{Name: "twofactorauth_set_tfa_config", Privilege: latchkey.PrivilegeBasic, Effect: api.Write, Run: api.Run(setFactor), Doc: "Set the caller's second factor, with a code that shows that it works."},
	{Name: "twofactorauth_remove_user_config", Privilege: latchkey.PrivilegePassword, Effect: api.Write, Run: api.Run(removeFactors), Doc: "Take the second factors of accounts away."},

	{Name: "twofactorauth_remove_tfa_config", Privilege: latchkey.PrivilegeBasic, Effect: api.Write, Run: api.Run(removeFactor), Doc: "Take the caller's own second factor away. An extension of this server."},
	{Name: "twofactorauth_make_recovery_codes", Privilege: latchkey.PrivilegeBasic, Effect: api.Write, Run: api.Run(makeRecovery),
		Doc: "Make ten recovery codes of the caller's, which are shown this once: each signs in once in place of a code. Those of before are good no more. An extension of this server."},
	{Name: "twofactorauth_count_recovery_codes", Privilege: latchkey.PrivilegeBasic, Run: api.Run(countRecovery),
		Doc: "Tell whether the caller has a second factor, and how many recovery codes are left. An extension of this server."},
}}

type factorState struct {
	Enabled bool `json:"is_enabled"`
}

// WHM API 1: twofactorauth_policy_status.
func factorStatus(ctx context.Context, h hosting.Host, _ api.None) (factorState, error) {
	p, err := h.SignIns().FactorPolicy(ctx)
	return factorState{!p.Off}, err
}

// WHM API 1: twofactorauth_enable_policy, twofactorauth_disable_policy.
func switchFactors(on bool) func(context.Context, hosting.Host, api.None) (api.Void, error) {
	return func(ctx context.Context, h hosting.Host, _ api.None) (api.Void, error) {
		return nil, h.SignIns().ChangeFactorPolicy(ctx, func(p *latchkey.FactorPolicy) error {
			p.Off = !on
			return nil
		})
	}
}

type issuer struct {
	Issuer string `json:"issuer"`
	Wide   string `json:"system_wide_issuer"`
}

// WHM API 1: twofactorauth_get_issuer.
func factorIssuer(ctx context.Context, h hosting.Host, _ api.None) (issuer, error) {
	is, err := h.SignIns().Factor().State(ctx)
	return issuer{is.Issuer, is.Issuer}, err
}

// WHM API 1: twofactorauth_set_issuer.
type issuerParams struct {
	Issuer string `param:"issuer" doc:"The name to show, in at most 100 bytes, without a colon."`
}

func setFactorIssuer(ctx context.Context, h hosting.Host, p issuerParams) (api.Void, error) {
	if len(p.Issuer) > 100 || strings.ContainsFunc(p.Issuer, func(r rune) bool { return r < ' ' || r == 0x7f || r == ':' || r == 0xfffd }) {
		return nil, latchkey.InvalidParam("issuer", "The “issuer” argument is invalid: it must have at most 100 bytes, without colons and control characters.")
	}
	return nil, h.SignIns().ChangeFactorPolicy(ctx, func(f *latchkey.FactorPolicy) error {
		f.Issuer = p.Issuer
		return nil
	})
}

// newFactor is shown this once.
type newFactor struct {
	URL    string `json:"otpauth_str"`
	Secret string `json:"secret"`
}

// WHM API 1: twofactorauth_generate_tfa_config.
func generateFactor(ctx context.Context, h hosting.Host, _ api.None) (newFactor, error) {
	secret, url, err := h.SignIns().Factor().New(ctx)
	return newFactor{url.Reveal(), secret.Reveal()}, err
}

// WHM API 1: twofactorauth_set_tfa_config.
type setFactorParams struct {
	Secret latchkey.Secret `param:"secret" doc:"The secret, as twofactorauth_generate_tfa_config made it."`
	Code   latchkey.Secret `param:"tfa_token" doc:"The code of six digits that is made of it now."`
	// As in UAPI, whoever does not know of them makes none.
	Recovery flag `param:"recovery_codes,optional" doc:"1 to have recovery codes made, and shown this once. Only this server has them."`
}

type factorSet struct {
	On       bool     `json:"tfa_configured"`
	Recovery []string `json:"recovery_codes,omitempty"`
}

func setFactor(ctx context.Context, h hosting.Host, p setFactorParams) (factorSet, error) {
	codes, err := h.SignIns().Factor().Set(ctx, p.Secret, p.Code, p.Recovery.on)
	return factorSet{err == nil, latchkey.Revealed(codes)}, err
}

// removeFactor is twofactorauth_remove_tfa_config, which is ours.
func removeFactor(ctx context.Context, h hosting.Host, _ api.None) (api.Void, error) {
	return nil, h.SignIns().Factor().Remove(ctx)
}

type recoveryMade struct {
	Codes []string `json:"recovery_codes"`
}

// makeRecovery is twofactorauth_make_recovery_codes, which is ours.
func makeRecovery(ctx context.Context, h hosting.Host, _ api.None) (recoveryMade, error) {
	codes, err := h.SignIns().Factor().Recovery(ctx)
	return recoveryMade{latchkey.Revealed(codes)}, err
}

type recoveryLeft struct {
	On   bool `json:"is_enabled"`
	Left int  `json:"left"`
	Of   int  `json:"of"`
}

// countRecovery is twofactorauth_count_recovery_codes, which is ours.
func countRecovery(ctx context.Context, h hosting.Host, _ api.None) (recoveryLeft, error) {
	is, err := h.SignIns().Factor().State(ctx)
	return recoveryLeft{is.On, is.Recovery, is.Most}, err
}

// WHM API 1: twofactorauth_remove_user_config.
type removeFactorsParams struct {
	Users []hosting.AccountParam `param:"user" doc:"The accounts: user, user-1 and so on."`
}

type factorsRemoved struct {
	Failed   map[string]string `json:"failed"`
	Modified []string          `json:"users_modified"`
}

func removeFactors(ctx context.Context, h hosting.Host, p removeFactorsParams) (factorsRemoved, error) {
	out := factorsRemoved{map[string]string{}, []string{}}
	for _, u := range p.Users {
		err := h.SignIns().RemoveFactor(ctx, u.Name)
		switch e := latchkey.AsError(err); {
		case e == nil:
			out.Modified = append(out.Modified, string(u.Name))
		case e.Kind == latchkey.NotFound || e.Kind == latchkey.Denied:
			out.Failed[string(u.Name)] = e.Msg
		default:
			return out, err
		}
	}
	return out, nil
}
