package estate

import (
	"context"
	"errors"

	"github.com/miekg/dns"

	"github.com/latchkey/latchkey/internal/driver/authdns"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// Embedded is the name server inside this program, as a [Nameserver].
type Embedded struct{ Server *authdns.Server }

// Promise is [Nameserver.Promise].
func (n Embedded) Promise(name latchkey.Domain, load func() (*zone.Zone, error)) error {
	return n.Server.Promise(string(name)+".", func() (*authdns.Zone, error) {
		z, err := load()
		if err != nil {
			return nil, err
		}
		return whole(z)
	})
}

// Check is [Nameserver.Check]. A zone that can be read can be served, but for
// what only its records together show.
func (n Embedded) Check(context.Context, *zone.Zone) error { return nil }

// Serve is [Nameserver.Serve]. It costs what differs.
func (n Embedded) Serve(ctx context.Context, was, is *zone.Zone) error {
	err := error(authdns.ErrNoZone)
	if was != nil {
		gone, come := zone.Diff(was, is)
		err = n.Server.Update(is.Apex(), records(gone), records(come))
	}
	if errors.Is(err, authdns.ErrNoZone) || errors.Is(err, authdns.ErrStale) {
		var z *authdns.Zone
		if z, err = whole(is); err == nil {
			n.Server.Put(z)
		}
	}
	if err != nil {
		return err
	}
	return n.Server.Confirm(ctx, is.Apex(), is.Serial())
}

// Withdraw is [Nameserver.Withdraw].
func (n Embedded) Withdraw(_ context.Context, name latchkey.Domain) error {
	n.Server.Remove(string(name) + ".")
	return nil
}

func whole(z *zone.Zone) (*authdns.Zone, error) {
	var list []dns.RR
	for _, e := range z.All() {
		if rr := e.RR(); rr != nil {
			list = append(list, rr)
		}
	}
	return authdns.NewZone(z.Apex(), list)
}

func records(entries []*zone.Entry) []dns.RR {
	list := make([]dns.RR, len(entries))
	for i, e := range entries {
		list[i] = e.RR()
	}
	return list
}

// silent is the part where there is none: zones are kept, and nobody asks.
type silent struct{}

func (silent) Promise(latchkey.Domain, func() (*zone.Zone, error)) error { return nil }
func (silent) Check(context.Context, *zone.Zone) error                   { return nil }
func (silent) Serve(context.Context, *zone.Zone, *zone.Zone) error       { return nil }
func (silent) Withdraw(context.Context, latchkey.Domain) error           { return nil }
