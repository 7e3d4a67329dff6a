package dns

import (
	"context"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Host is WHM's functions for zones by lines.
var Host = api.Module[hosting.Host]{Name: "whm", Funcs: []api.Func[hosting.Host]{
	{Name: "parse_dns_zone", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNS, Run: api.Run(parseDNSZone),
		Doc: "Read a zone, line by line."},
	{Name: "mass_edit_dns_zone", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNS, Effect: api.Write, Run: api.Run(massEditDNSZone),
		Doc: "Add, edit and remove records of a zone, all or none."},
}}

type payload struct {
	Lines []Line `json:"payload"`
}

// WHM: parse_dns_zone.
func parseDNSZone(ctx context.Context, h hosting.Host, p parseZoneParams) (payload, error) {
	z, err := h.Zones().Zone(ctx, p.Zone.Domain)
	if err != nil {
		return payload{}, err
	}
	return payload{Lines(z)}, nil
}

// WHM: mass_edit_dns_zone.
func massEditDNSZone(ctx context.Context, h hosting.Host, p EditParams) (Edited, error) {
	return MassEdit(ctx, h.Zones(), &p)
}
