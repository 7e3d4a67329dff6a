package hosting

import (
	"context"
	"errors"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// narrowZones are zones in the hands of somebody who may act on some records
// only. Of the others they see that there are lines, and no more.
type narrowZones struct {
	all  Zones
	may  func(...latchkey.Resource) error
	look look
}

// RecordOf is the resource that a record of a zone is. name is fully qualified.
func RecordOf(zone latchkey.Domain, name, rtype string) latchkey.Resource {
	relative := strings.TrimSuffix(strings.ToLower(name), ".")
	switch {
	case relative == string(zone):
		relative = "@"
	default:
		relative = strings.TrimSuffix(relative, "."+string(zone))
	}
	return latchkey.Resource{Kind: latchkey.RecordKind, Zone: string(zone), Name: relative, Type: strings.ToUpper(rtype)}
}

// into says why nothing of a zone may be touched, or nil.
func (n *narrowZones) into(name latchkey.Domain) error {
	return n.look.ask(latchkey.Resource{Kind: latchkey.RecordKind, Zone: string(name), Some: true})
}

// wholly says why not everything in a zone may be touched, or nil.
func (n *narrowZones) wholly(name latchkey.Domain) error {
	return n.look.ask(ZoneParam{name}.Resource())
}

// seen is what may be seen of a zone.
func (n *narrowZones) seen(z *zone.Zone) *zone.Zone {
	if n.wholly(z.Name()) == nil {
		return z
	}
	return z.Only(func(name, rtype string) bool { return n.look.ask(RecordOf(z.Name(), name, rtype)) == nil })
}

func (n *narrowZones) List(ctx context.Context) ([]latchkey.Domain, error) {
	list, err := n.all.List(ctx)
	var kept []latchkey.Domain
	for _, name := range list {
		if n.into(name) == nil {
			kept = append(kept, name)
		}
	}
	return kept, err
}

func (n *narrowZones) Zone(ctx context.Context, name latchkey.Domain) (*zone.Zone, error) {
	if err := n.into(name); err != nil {
		return nil, err
	}
	z, err := n.all.Zone(ctx, name)
	if err != nil {
		return nil, err
	}
	n.look.shown(ZoneParam{name}.Resource())
	return n.seen(z), nil
}

func (n *narrowZones) Edit(ctx context.Context, name latchkey.Domain, change func(*zone.Zone) (zone.Edit, error)) (*zone.Zone, error) {
	if err := n.into(name); err != nil {
		return nil, err
	}
	is, err := n.all.Edit(ctx, name, func(z *zone.Zone) (zone.Edit, error) {
		seen := n.seen(z)
		e, err := change(seen)
		if err == nil {
			err = n.touches(seen, e)
		}
		return e, n.sees(name, err)
	})
	if err != nil {
		return nil, n.sees(name, err)
	}
	return n.seen(is), nil
}

// sees is what is told of err to who may not see every line of a zone: of lines
// on which they see no record that they may touch none, whatever is there, and
// of records that they do not see no name.
func (n *narrowZones) sees(name latchkey.Domain, err error) error {
	denied := n.wholly(name)
	switch {
	case denied == nil:
		return err
	case errors.Is(err, zone.ErrNoRecord):
		return denied
	case errors.Is(err, zone.ErrFollows):
		return latchkey.Errorf(latchkey.Invalid, "Another record of the DNS zone takes its name or TTL from one that would change: ask the account’s owner to write it out.")
	}
	return err
}

// touches says why e may not be done: every record is asked about as it was, and
// as it is to be.
func (n *narrowZones) touches(seen *zone.Zone, e zone.Edit) error {
	touched, err := seen.Touches(e)
	for _, t := range touched {
		if t.Type == "DNAME" { // it stands for every name below it
			if err := n.may(ZoneParam{seen.Name()}.Resource()); err != nil {
				return err
			}
		}
		if err := n.may(RecordOf(seen.Name(), t.Name, t.Type)); err != nil {
			return err
		}
	}
	return err
}

func (n *narrowZones) Reset(ctx context.Context, name latchkey.Domain) (*zone.Zone, error) {
	if err := n.may(ZoneParam{name}.Resource()); err != nil {
		return nil, err
	}
	return n.all.Reset(ctx, name)
}

// The keys of a zone are those of all that is in it.

func (n *narrowZones) Sign(ctx context.Context, name latchkey.Domain, how Signing) error {
	if err := n.may(ZoneParam{name}.Resource()); err != nil {
		return err
	}
	return n.all.Sign(ctx, name, how)
}

func (n *narrowZones) Unsign(ctx context.Context, name latchkey.Domain) error {
	if err := n.may(ZoneParam{name}.Resource()); err != nil {
		return err
	}
	return n.all.Unsign(ctx, name)
}

func (n *narrowZones) Signed(ctx context.Context, name latchkey.Domain) (SignedZone, error) {
	if err := n.may(ZoneParam{name}.Resource()); err != nil {
		return SignedZone{}, err
	}
	return n.all.Signed(ctx, name)
}

func (n *narrowZones) SigningKey(ctx context.Context, name latchkey.Domain, tag int) (latchkey.Secret, error) {
	if err := n.may(ZoneParam{name}.Resource()); err != nil {
		return latchkey.Secret{}, err
	}
	return n.all.SigningKey(ctx, name, tag)
}
