// Package dns is the module DNS: the account's zones, by lines.
package dns

import (
	"context"
	"encoding/base64"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// Module is the module DNS.
var Module = api.Module[hosting.Account]{
	Name: "DNS",
	Doc:  "The account's DNS zones.",
	Funcs: []api.Func[hosting.Account]{
		{Name: "parse_zone", Feature: latchkey.FeatureZoneEdit, Role: api.DNS, Scope: api.Things, Lists: true, Run: api.Run(parseZone),
			Doc: "Read a zone, line by line."},
		{Name: "mass_edit_zone", Feature: latchkey.FeatureZoneEdit, Role: api.DNS, Scope: api.Things, Effect: api.Write, Run: api.Run(massEditZone),
			Doc: "Add, edit and remove records of a zone, all or none."},
		{Name: "swap_ip_in_zones", Feature: latchkey.FeatureZoneEdit, Role: api.DNS, Scope: api.Things, Effect: api.Write, Run: api.Run(swapIP),
			Doc: "Put another IPv4 address in the place of one in zones."},
		{Name: "lookup", Role: api.DNS, Scope: api.Things, Run: api.Run(lookup),
			Doc: "List the records of a name in the account's zones."},
		{Name: "has_local_authority", Role: api.DNS, Scope: api.Things, Run: api.Run(hasLocalAuthority),
			Doc: "Tell whether this server answers for domains."},
		{Name: "ensure_domains_reside_only_locally", Role: api.DNS, Scope: api.Things, Run: api.Run(resideOnlyLocally),
			Doc: "Tell of each domain why the account's zones do not have it at this server alone; null if they do."},
		{Name: "fetch_cpanel_generated_domains", Feature: latchkey.FeatureZoneEdit, Role: api.DNS, Scope: api.Things, Run: api.Run(generatedDomains),
			Doc: "List the names that every new zone has."},
		{Name: "is_alias_available", Role: api.DNS, Run: api.Run(aliasAvailable),
			Doc: "Tell whether a zone can have ALIAS records. It cannot."},
		{Name: "is_https_available", Role: api.DNS, Run: api.Run(httpsAvailable),
			Doc: "Tell whether a zone can have HTTPS records. It can."},
		{Name: "is_svcb_available", Role: api.DNS, Run: api.Run(svcbAvailable),
			Doc: "Tell whether a zone can have SVCB records. It can."},
	},
}

type parseZoneParams struct {
	Zone hosting.ZoneParam `param:"zone" doc:"The zone to read."`
}

// Line is one entry of a zone, as clients get it.
type Line struct {
	*Text
	*Record
	Index int    `json:"line_index"`
	Type  string `json:"type"` // comment, control, record
}

// Text is what stands on the line of a comment or a control entry.
type Text struct {
	Text string `json:"text_b64"`
}

// Record is a record. All its texts are in base64: a zone may hold any bytes.
type Record struct {
	Data []string `json:"data_b64"`
	Name string   `json:"dname_b64"`
	Type string   `json:"record_type"`
	TTL  uint32   `json:"ttl"`
}

// UAPI: DNS::parse_zone.
func parseZone(ctx context.Context, acct hosting.Account, p parseZoneParams) ([]Line, error) {
	z, err := acct.Zones().Zone(ctx, p.Zone.Domain)
	if err != nil {
		return nil, err
	}
	return Lines(z), nil
}

// Lines are the lines of a zone.
func Lines(z *zone.Zone) []Line {
	var lines []Line
	for at, e := range z.All() {
		l := Line{Index: at, Type: e.Kind().String()}
		if e.Kind() == zone.Record {
			l.Record = &Record{Data: e.Data(), Name: b64(z.ShortName(e)), Type: e.Type(), TTL: e.TTL()}
			for i, s := range l.Data {
				l.Data[i] = b64(s)
			}
		} else {
			l.Text = &Text{b64(e.Text())}
		}
		lines = append(lines, l)
	}
	return lines
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
