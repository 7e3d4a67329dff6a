// Package batch is the module Batch: several calls in one. Start at [New].
package batch

import (
	"context"
	"fmt"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// maxCommands is how many calls one batch may hold.
const maxCommands = 1000

// New makes the module Batch, whose calls do runs.
func New(do api.Doer) api.Module[hosting.Account] {
	return api.Module[hosting.Account]{
		Name: "Batch",
		Doc:  "Several calls in one.",
		Funcs: []api.Func[hosting.Account]{
			{Name: "strict", Effect: api.Write, Scope: api.Calls, Meta: true, Run: api.Run(strict(do)),
				Doc: "Make calls in their order, up to the first that fails. What was done before it stays done."},
		},
	}
}

type params struct {
	Commands []command `param:"command" doc:"A call: a JSON array of the module, the function and, if it takes any, an object of its parameters."`
}

// strict makes the function of the same name. It refuses what is no call before
// it makes any. The last envelope is of the call that failed, if one did.
//
// UAPI: Batch::strict.
func strict(do api.Doer) func(context.Context, hosting.Account, params) (api.Answer, error) {
	return func(ctx context.Context, acct hosting.Account, p params) (api.Answer, error) {
		if len(p.Commands) > maxCommands {
			return api.Answer{}, latchkey.InvalidParam("command", "A batch may hold at most %d commands, and this one holds %d.", maxCommands, len(p.Commands))
		}
		done := make([]api.Envelope, 0, len(p.Commands))
		for i := range p.Commands {
			if err := ctx.Err(); err != nil {
				return api.Answer{}, fmt.Errorf("after %d of %d commands: %w", i, len(p.Commands), err)
			}
			c := &p.Commands[i]
			e := api.EnvelopeOf(do(ctx, acct, c.module, c.function, c.args))
			if done = append(done, e); !e.Status {
				failed := fmt.Sprintf("Command %d of %d (%s::%s) failed: %s", i+1, len(p.Commands), c.module, c.function, strings.Join(append(e.Errors, e.Messages...), " "))
				return api.Answer{Data: done, Errors: []string{failed}}, nil
			}
		}
		return api.Answer{Data: done}, nil
	}
}
