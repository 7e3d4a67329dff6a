package estate

import (
	"context"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// Nameserver is the part that answers for zones. Calls about one zone come one
// after another.
type Nameserver interface {
	// Promise says that there is a zone, which load reads when it is needed.
	Promise(name latchkey.Domain, load func() (*zone.Zone, error)) error
	// Check says why the part would not serve z, in words for the caller.
	Check(ctx context.Context, z *zone.Zone) error
	// Serve makes is what is answered in place of was, which is nil for a zone
	// that was not there, and returns when a question gets the new version. It
	// may be called again with the same is, and with a was that was never served.
	Serve(ctx context.Context, was, is *zone.Zone) error
	// Withdraw ends the answers for a zone. That there was none is no error.
	Withdraw(ctx context.Context, name latchkey.Domain) error
}

// silent is the part where there is none: zones are kept, and nobody asks.
type silent struct{}

func (silent) Promise(latchkey.Domain, func() (*zone.Zone, error)) error { return nil }
func (silent) Check(context.Context, *zone.Zone) error                   { return nil }
func (silent) Serve(context.Context, *zone.Zone, *zone.Zone) error       { return nil }
func (silent) Withdraw(context.Context, latchkey.Domain) error           { return nil }
