package grant

import (
	"fmt"
	"strings"
)

// Preset is a job that tokens are often made for. It expands to grants, which
// are what counts: whoever chooses a preset sees them.
type Preset struct {
	ID    string
	Title string
	Doc   string // what a token of it can do, in one sentence
	Needs []Key  // what has to be named; one value or more of each

	grants []string // with {key} where the values stand
}

// presets in the order in which they are offered.
var presets = []Preset{
	{ID: "full_access", Title: "Full access", Doc: "Everything that the account itself can do through the API.",
		grants: []string{"*:write"}},
	{ID: "read_only", Title: "Read only", Doc: "Look at everything, change nothing.",
		grants: []string{"*:read"}},
	{ID: "certificates_dns", Title: "Certificates by DNS", Doc: "Prove to a certificate authority that the account controls a domain, through records called _acme-challenge, and do nothing else in its zone.",
		Needs: []Key{Zone},
		grants: []string{
			"DNS:write(zone={zone}, name=_acme-challenge*, type=TXT)", "ZoneEdit:write(zone={zone}, name=_acme-challenge*, type=TXT)",
			"DomainInfo:read(domain={zone})", "CustInfo::displaycontactinfo",
		}},
	{ID: "certificates_install", Title: "Install certificates", Doc: "Install certificates for chosen hosts, and see those that are there.",
		Needs: []Key{Host}, grants: []string{"SSL:write(host={host})", "DomainInfo:read(domain={host})"}},
	{ID: "deploy", Title: "Deploy to a folder", Doc: "Read and write the files of one folder and below.",
		Needs: []Key{Path}, grants: []string{"Fileman:write(path={path})"}},
	{ID: "mailboxes", Title: "Mailboxes of a domain", Doc: "Create, change and delete the mailboxes of a domain.",
		Needs: []Key{Domain}, grants: []string{"Email:write(domain={domain})"}},
	{ID: "dns_zone", Title: "DNS of a zone", Doc: "Change every record of a zone.",
		Needs: []Key{Zone}, grants: []string{"DNS:write(zone={zone})", "ZoneEdit:write(zone={zone})", "DomainInfo:read(domain={zone})"}},
	{ID: "dynamic_dns", Title: "Dynamic DNS for one host", Doc: "Change the addresses of one host, and do nothing else in its zone.",
		Needs: []Key{Zone, Name},
		grants: []string{
			"DNS:write(zone={zone}, name={name}, type=A|AAAA)", "ZoneEdit:write(zone={zone}, name={name}, type=A|AAAA)",
		}},
	{ID: "statistics", Title: "Disk usage and statistics", Doc: "See what the account uses and may use.",
		grants: []string{"Quota:read", "StatsBar:read", "ResourceUsage:read", "Bandwidth:read", "Stats:read"}},
	{ID: "backup", Title: "Backup", Doc: "Make backups, and see those that are there.",
		grants: []string{"Backup:write"}},
}

// Presets are all there are, in the order in which they are offered.
func Presets() []Preset { return append([]Preset(nil), presets...) }

// PresetOf is the preset with an ID.
func PresetOf(id string) (Preset, bool) {
	for _, p := range presets {
		if p.ID == id {
			return p, true
		}
	}
	return Preset{}, false
}

// Grants are what the preset stands for with values for what it needs.
func (p *Preset) Grants(values map[Key][]string) (Set, error) {
	var pairs []string
	for _, key := range p.Needs {
		if len(values[key]) == 0 {
			return nil, fmt.Errorf("“%s” needs a %s", p.Title, key)
		}
		quoted := make([]string, len(values[key]))
		for i, v := range values[key] {
			quoted[i] = quote(v)
		}
		pairs = append(pairs, "{"+key.String()+"}", strings.Join(quoted, "|"))
	}
	return Parse(strings.NewReplacer(pairs...).Replace(strings.Join(p.grants, ";")))
}
