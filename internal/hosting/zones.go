package hosting

import (
	"context"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// Zones are DNS zones: those of an account, or those that somebody may edit who
// came in at the host's door. What is asked of a zone that is not there or not
// theirs fails with NotFound.
type Zones interface {
	// List are the names of the zones, in their order.
	List(ctx context.Context) ([]latchkey.Domain, error)
	// Zone is a zone as it is now.
	Zone(ctx context.Context, name latchkey.Domain) (*zone.Zone, error)
	// Edit changes a zone by what change asks for, all of it or nothing, and
	// returns the zone as the name server then answers for it. change gets the
	// zone as it is in that moment and may run more than once. Fails as
	// [zone.Zone.Edit] does, with what change returns, and with Invalid for
	// records that are not an account's to edit: see [CheckEdit].
	Edit(ctx context.Context, name latchkey.Domain, change func(*zone.Zone) (zone.Edit, error)) (*zone.Zone, error)
	// Reset makes a zone anew, as if its domain were new. Its serial number goes
	// on.
	Reset(ctx context.Context, name latchkey.Domain) (*zone.Zone, error)
	// Sign has a zone signed, and returns when it is answered so; of one that is
	// signed already, how it says what is not there may change. Fails: Invalid, and
	// RoleOff where the name server does not sign.
	Sign(ctx context.Context, name latchkey.Domain, how Signing) error
	// Unsign ends that, and throws the keys away. A zone that was not signed stays.
	Unsign(ctx context.Context, name latchkey.Domain) error
	// Signed is how a zone is signed.
	Signed(ctx context.Context, name latchkey.Domain) (SignedZone, error)
	// SigningKey is the private part of a key. Fails: NotFound.
	SigningKey(ctx context.Context, name latchkey.Domain, tag int) (latchkey.Secret, error)
}

// HostZones are the zones in the hands of the host.
type HostZones interface {
	Zones
	// Add makes a zone as a new domain gets it, with the address ip, for the
	// account called owner, or for the administrator if that is "", of the template
	// with a name, or the standard one if that is "". Fails: Exists, Invalid, NotFound.
	Add(ctx context.Context, name latchkey.Domain, ip string, owner latchkey.AccountName, template string) error
	// Remove takes a zone away.
	Remove(ctx context.Context, name latchkey.Domain) error
	// Owner is the account that a zone belongs to.
	Owner(ctx context.Context, name latchkey.Domain) (latchkey.AccountName, error)
}

// ZoneParam is a parameter that names a DNS zone.
type ZoneParam struct{ latchkey.Domain }

// ParseParam reads the name of a zone.
func (z *ZoneParam) ParseParam(text string) (err error) {
	z.Domain, err = ParseDomain(text)
	return err
}

// Resource names the zone.
func (z ZoneParam) Resource() latchkey.Resource {
	return latchkey.Resource{Kind: "zone", Name: string(z.Domain)}
}

// NoZone is the answer to who names a zone that is not there or not theirs.
func NoZone(name latchkey.Domain) error {
	return &latchkey.Error{Kind: latchkey.NotFound, Param: "zone", Msg: "You do not control a DNS zone named " + string(name) + "."}
}

// ZoneOf is the zone that a name lies in: of several the one with the longest
// name. It fails as [Zones.Zone] does for a name that lies in none.
func ZoneOf(ctx context.Context, zones Zones, name latchkey.Domain) (*zone.Zone, error) {
	names, err := zones.List(ctx)
	if err != nil {
		return nil, err
	}
	for at := name; at != ""; {
		if slices.Contains(names, at) {
			return zones.Zone(ctx, at)
		}
		_, up, _ := strings.Cut(string(at), ".")
		at = latchkey.Domain(up)
	}
	return zones.Zone(ctx, name)
}

// hostsOnly are the types of records that are the host's to edit.
var hostsOnly = []string{"NS", "PTR", "SOA", "DNSKEY", "CDS", "CDNSKEY", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "ZONEMD"}

// CheckEdit says why an account may not edit z so: who answers for names, in
// either direction, and what signs them is the host's to say.
func CheckEdit(z *zone.Zone, e zone.Edit) error {
	touched, err := z.Touches(e)
	if err != nil {
		return err
	}
	for _, t := range touched {
		for _, rtype := range hostsOnly {
			if strings.EqualFold(t.Type, rtype) {
				return latchkey.Errorf(latchkey.Invalid, "Records of the type “%s” cannot be edited with an account’s functions: ask the server’s administrator.", rtype)
			}
		}
	}
	return nil
}
