package whm

import (
	"testing"

	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
)

func TestTokenPolicy(t *testing.T) {
	run(t, hostingtest.NewHost(), []row{
		{`set_token_policy?longest_days=90&require_addresses=True&full_access=false&api.version=1`,
			`{"package":"","who_may_create":"inherit","longest_days":"90","default_days":"inherit","unused_days":"inherit","require_addresses":"1","full_access":"0"}`},
		{`set_token_policy?require_addresses=inherit&full_access=1`,
			`{"package":"","who_may_create":"inherit","longest_days":"90","default_days":"inherit","unused_days":"inherit","require_addresses":"inherit","full_access":"1"}`},
		{`set_token_policy?full_access=maybe`, `invalid: The “full_access” argument is invalid: it must be 1, 0, or inherit for what the server's policy says.`},
		{`set_token_policy?longest_day=30`, `invalid: The argument “longest_day” is not understood: give package, who_may_create, longest_days, default_days, unused_days, require_addresses or full_access.`},
		{`set_token_policy?default_days=91`, `invalid: The “default_days” argument is invalid: tokens may last 90 days at most, so that none can last 91 that is given no end.`},
		{`get_token_policy?package=none`, `not-found: There is no package “none”.`},
	})
}
