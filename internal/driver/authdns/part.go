package authdns

import (
	"context"
	"errors"
	"fmt"

	"github.com/miekg/dns"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// Part serves zones as they are kept, as texts.
type Part struct{ Server *Server }

// Promise says that there is a zone, which load reads when somebody first asks
// for it.
func (p Part) Promise(name latchkey.Domain, load func() (*zone.Zone, error)) error {
	return p.Server.Promise(string(name), func() (*Zone, error) {
		z, err := load()
		if err != nil {
			return nil, err
		}
		return fromText(z)
	})
}

// Check finds nothing wrong: all that this server would not serve package zone
// does not read.
func (Part) Check(context.Context, *zone.Zone) error { return nil }

// Serve makes is what is answered in place of was, which is nil for a zone that
// was not there, and returns when a question gets the new version. It costs what
// differs.
func (p Part) Serve(ctx context.Context, was, is *zone.Zone) error {
	if err := p.swap(was, is); err != nil {
		return err
	}
	return p.Server.Confirm(ctx, is.Apex(), is.Serial())
}

// swap changes what is served from was to is, or puts the whole of is where
// something else is served.
func (p Part) swap(was, is *zone.Zone) error {
	if was != nil {
		done, err := p.change(was, is)
		if done || err != nil {
			return err
		}
	}
	z, err := fromText(is)
	if err == nil {
		p.Server.Put(z)
	}
	return err
}

// change reports whether is is served now; if not, something else than was is,
// or nothing.
func (p Part) change(was, is *zone.Zone) (done bool, err error) {
	now, err := p.Server.Zone(is.Apex())
	if err != nil || now.Serial() != was.Serial() {
		return err == nil && now.Serial() == is.Serial(), nil
	}
	gone, come := zone.Diff(was, is)
	remove, err := wireRecords(gone)
	if err != nil {
		return false, err
	}
	add, err := wireRecords(come)
	if err != nil {
		return false, err
	}
	err = p.Server.Update(is.Apex(), remove, add)
	if errors.Is(err, ErrStale) {
		return false, nil
	}
	return err == nil, err
}

// Withdraw ends the answers for a zone. That there was none is no error.
func (p Part) Withdraw(_ context.Context, name latchkey.Domain) error {
	p.Server.Remove(string(name))
	return nil
}

// fromText makes what is served of what is kept.
func fromText(z *zone.Zone) (*Zone, error) {
	var records []*zone.Entry
	for _, e := range z.All() {
		if e.Kind() == zone.Record {
			records = append(records, e)
		}
	}
	rrs, err := wireRecords(records)
	if err != nil {
		return nil, err
	}
	return NewZone(z.Apex(), rrs)
}

func wireRecords(entries []*zone.Entry) ([]dns.RR, error) {
	rrs := make([]dns.RR, len(entries))
	for i, e := range entries {
		if rrs[i] = e.RR(); rrs[i] == nil {
			return nil, fmt.Errorf("a %s record of %q cannot be read again", e.Type(), e.Name())
		}
	}
	return rrs, nil
}
