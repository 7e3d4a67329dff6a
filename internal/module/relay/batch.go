package relay

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// maxCommands is how many calls one batch may hold.
const maxCommands = 1000

type batchParams struct {
	Commands []command `param:"command" doc:"A call: the function, and after a question mark its arguments as in a URL, such as accountsummary?user=demo; encoded once more, as every argument is."`
	Abort    bool      `param:"abort_on_error,optional" doc:"1 to stop at the first call that fails, 0 (the default) to go on."`
}

// command is a parameter that says which call to make.
type command struct {
	function string
	args     api.Args
}

// ParseParam reads FUNCTION?ARGUMENTS.
func (c *command) ParseParam(text string) error {
	name, query, _ := strings.Cut(text, "?")
	switch {
	case name == "" || strings.ContainsAny(name, "=& /%"):
		return fmt.Errorf("must be a function and its arguments, such as accountsummary?user=demo")
	case name == "batch":
		return fmt.Errorf("must not be a batch itself")
	}
	c.function = name
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(key)
		if err == nil {
			value, err = url.QueryUnescape(value)
		}
		switch {
		case err != nil:
			return fmt.Errorf("must have its arguments encoded as in a URL: write %%25 for a percent sign")
		case key == "api.version":
		case strings.HasPrefix(key, "api."):
			return fmt.Errorf("must not have the argument “%s”: call the function by itself to filter, sort or cut its answer", key)
		default:
			c.args = append(c.args, api.Arg{Key: key, Value: value, Body: true})
		}
	}
	return nil
}

type batchAnswer struct {
	Result []api.HostEnvelope `json:"result"`
}

// batch makes the function of the same name. It refuses what is no call before
// it makes any. Where one failed the batch has failed, with all the answers
// there are.
//
// WHM API 1: batch.
func batch(do api.HostDoer) func(context.Context, hosting.Host, batchParams) (api.Answer, error) {
	return func(ctx context.Context, h hosting.Host, p batchParams) (api.Answer, error) {
		if len(p.Commands) > maxCommands {
			return api.Answer{}, latchkey.InvalidParam("command", "A batch may hold at most %d commands, and this one holds %d.", maxCommands, len(p.Commands))
		}
		var done batchAnswer
		var failed []string
		for i, c := range p.Commands {
			if err := ctx.Err(); err != nil {
				return api.Answer{}, fmt.Errorf("after %d of %d commands: %w", i, len(p.Commands), err)
			}
			a := do(ctx, h, c.function, c.args)
			ok := len(a.Errors) == 0
			done.Result = append(done.Result, api.HostEnvelope{Data: a.Data, Metadata: api.MetadataOf(c.function, a.Reason, ok, &a)})
			if ok {
				continue
			}
			failed = append(failed, fmt.Sprintf("Command %d of %d (%s) failed: %s", i+1, len(p.Commands), c.function, a.Reason))
			if p.Abort {
				break
			}
		}
		return api.Answer{Data: done, Errors: failed[:min(len(failed), maxTold)]}, nil
	}
}

// maxTold is how many failures the reason names; the answers have them all.
const maxTold = 3
