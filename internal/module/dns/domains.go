package dns

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// zoneOf is the account's zone that a domain lies in. It fails with NotFound for
// one that the caller may not see, too.
func zoneOf(ctx context.Context, acct hosting.Account, domain latchkey.Domain) (*zone.Zone, error) {
	z, err := hosting.ZoneOf(ctx, acct.Zones(), domain)
	if latchkey.KindOf(err) == latchkey.Denied {
		err = hosting.NoZone(domain)
	}
	return z, err
}

type lookupParams struct {
	Domain hosting.DomainParam `param:"domain" doc:"The name to look up."`
}

// UAPI: DNS::lookup. Names outside the account's zones are not looked up: what
// others answer is not this server's to say.
func lookup(ctx context.Context, acct hosting.Account, p lookupParams) ([]string, error) {
	z, err := zoneOf(ctx, acct, p.Domain.Domain)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, e := range z.Named(string(p.Domain.Domain) + ".") {
		lines = append(lines, e.RR().String())
	}
	return lines, nil
}

type domainsParams struct {
	Domains []hosting.DomainParam `param:"domain" doc:"A domain to ask about."`
}

// authority is what is known of who answers for a domain.
type authority struct {
	Domain      latchkey.Domain  `json:"domain"`
	Error       string           `json:"error,omitempty"`
	Local       bool             `json:"local_authority"`
	Nameservers []string         `json:"nameservers"`
	Zone        *latchkey.Domain `json:"zone"`
}

// UAPI: DNS::has_local_authority.
func hasLocalAuthority(ctx context.Context, acct hosting.Account, p domainsParams) ([]authority, error) {
	list := make([]authority, len(p.Domains))
	for i, d := range p.Domains {
		a := &list[i]
		a.Domain, a.Nameservers = d.Domain, []string{}
		z, err := zoneOf(ctx, acct, d.Domain)
		if latchkey.KindOf(err) == latchkey.NotFound {
			a.Error = latchkey.AsError(err).Msg
			continue
		}
		if err != nil {
			return nil, err
		}
		name := z.Name()
		a.Local, a.Zone = true, &name
		for _, e := range z.Named(z.Apex()) {
			if e.Type() == "NS" {
				a.Nameservers = append(a.Nameservers, strings.TrimSuffix(e.Data()[0], "."))
			}
		}
	}
	return list, nil
}

// UAPI: DNS::ensure_domains_reside_only_locally. Of each domain, in the order
// they came in, it says why it is not at this server alone; nil if it is.
func resideOnlyLocally(ctx context.Context, acct hosting.Account, p domainsParams) ([]*string, error) {
	list := make([]*string, len(p.Domains))
	for i, d := range p.Domains {
		z, err := zoneOf(ctx, acct, d.Domain)
		if err != nil {
			return nil, err
		}
		if why := elsewhere(z, d.Domain, acct.Server().IP); why != "" {
			list[i] = &why
		}
	}
	return list, nil
}

// elsewhere says why a domain is not at ip alone, or nothing if it is. It
// follows an alias within the zone.
func elsewhere(z *zone.Zone, domain latchkey.Domain, ip string) string {
	name, found := string(domain)+".", false
	for range 8 {
		alias := ""
		for _, e := range z.Named(name) {
			switch e.Type() {
			case "CNAME":
				alias = e.Data()[0]
			case "A", "AAAA":
				if found = true; e.Data()[0] != ip {
					return fmt.Sprintf("The domain “%s” does not resolve to this server alone: its zone has the address %s.", domain, e.Data()[0])
				}
			}
		}
		if alias == "" {
			break
		}
		name = alias
	}
	if !found {
		return fmt.Sprintf("The domain “%s” does not resolve to this server: its zone has no address for it.", domain)
	}
	return ""
}

// generated are the labels of the names that every new zone has: the domain itself,
// and below it.
var generated = []string{"", "cpanel", "cpcalendars", "cpcontacts", "ftp", "mail", "webdisk", "webmail", "whm", "www"}

type generatedDomain struct {
	Domain string `json:"domain"`
}

// UAPI: DNS::fetch_cpanel_generated_domains.
func generatedDomains(ctx context.Context, acct hosting.Account, p lookupParams) ([]generatedDomain, error) {
	z, err := zoneOf(ctx, acct, p.Domain.Domain)
	if err != nil {
		return nil, err
	}
	list := []generatedDomain{}
	for _, label := range generated {
		name := strings.TrimPrefix(fmt.Sprintf("%s.%s.", label, p.Domain.Domain), ".")
		for range z.Named(name) {
			list = append(list, generatedDomain{name})
			break
		}
	}
	return list, nil
}

type none struct{}

type aliases struct {
	Alias    bool   `json:"alias"`
	AName    bool   `json:"aname"`
	Resolver string `json:"resolver"`
}

// UAPI: DNS::is_alias_available.
func aliasAvailable(context.Context, hosting.Account, none) (aliases, error) { return aliases{}, nil }

// server is the name of the name server, where programs ask for it.
func server(acct hosting.Account) string { return cmp.Or(acct.Server().DNSServer, "latchkey") }

type https struct {
	Server string `json:"dns_server"`
	HTTPS  bool   `json:"https"`
}

// UAPI: DNS::is_https_available.
func httpsAvailable(_ context.Context, acct hosting.Account, _ none) (https, error) {
	return https{server(acct), true}, nil
}

type svcb struct {
	Server string `json:"dns_server"`
	SVCB   bool   `json:"svcb"`
}

// UAPI: DNS::is_svcb_available.
func svcbAvailable(_ context.Context, acct hosting.Account, _ none) (svcb, error) {
	return svcb{server(acct), true}, nil
}

// ipv4 is a parameter that is an IPv4 address.
type ipv4 struct{ netip.Addr }

// ParseParam reads an address.
func (a *ipv4) ParseParam(text string) (err error) {
	if a.Addr, err = netip.ParseAddr(text); err != nil || !a.Is4() {
		err = fmt.Errorf("must be an IPv4 address")
	}
	return err
}

type swapParams struct {
	Domains []hosting.DomainParam `param:"domain" doc:"A domain in whose zone to do it."`
	Dest    ipv4                  `param:"dest_ip" doc:"The address to put."`
	Source  ipv4                  `param:"source_ip,optional" doc:"The address to put it in the place of. By default that of the zone itself, else the first one of the zone that is no loopback address, else the server's."`
	FTP     ipv4                  `param:"ftp_ip,optional" doc:"The address to put for FTP. By default dest_ip."`
}

// swap is a record that was changed.
type swap struct {
	Zone string `json:"zone_name"`
	Name string `json:"record_name"`
	Type string `json:"record_type"`
	Old  string `json:"old_value"`
	New  string `json:"new_value"`
}

// UAPI: DNS::swap_ip_in_zones.
func swapIP(ctx context.Context, acct hosting.Account, p swapParams) ([]swap, error) {
	if !p.FTP.IsValid() {
		p.FTP = p.Dest
	}
	for _, d := range p.Domains { // nothing is done if one of them is not the account's
		if _, err := zoneOf(ctx, acct, d.Domain); err != nil {
			return nil, err
		}
	}
	list := []swap{}
	for _, d := range p.Domains {
		done, err := p.swapIn(ctx, acct, d.Domain)
		if err != nil {
			return nil, err
		}
		list = append(list, done...)
	}
	return list, nil
}

// errSame ends an edit that would change nothing.
var errSame = latchkey.Errorf(latchkey.Invalid, "nothing would change")

func (p *swapParams) swapIn(ctx context.Context, acct hosting.Account, domain latchkey.Domain) (done []swap, err error) {
	in, err := zoneOf(ctx, acct, domain)
	if err != nil {
		return nil, err
	}
	_, err = acct.Zones().Edit(ctx, in.Name(), func(z *zone.Zone) (zone.Edit, error) {
		done = nil
		source := p.source(z, acct.Server().IP)
		e := zone.Edit{Replace: make(map[int]zone.New)}
		for line, r := range z.All() {
			if r.Kind() != zone.Record || r.Type() != "A" || r.Data()[0] != source || !under(r.Name(), domain) {
				continue
			}
			to := p.Dest.String()
			if first, _, _ := strings.Cut(r.Name(), "."); strings.EqualFold(first, "ftp") {
				to = p.FTP.String()
			}
			if to != source {
				e.Replace[line] = zone.New{Name: r.Name(), TTL: r.TTL(), Type: "A", Data: []string{to}}
				done = append(done, swap{string(z.Name()), r.Name(), "A", source, to})
			}
		}
		if len(done) == 0 {
			return e, errSame
		}
		return e, nil
	})
	if err == errSame {
		err = nil
	}
	return done, err
}

// under reports whether a name is a domain or below it.
func under(name string, domain latchkey.Domain) bool {
	return strings.HasSuffix("."+strings.ToLower(name), "."+string(domain)+".")
}

// source is the address that is to go.
func (p *swapParams) source(z *zone.Zone, server string) string {
	if p.Source.IsValid() {
		return p.Source.String()
	}
	first := ""
	for _, e := range z.All() {
		if e.Kind() != zone.Record || e.Type() != "A" {
			continue
		}
		ip := e.Data()[0]
		if a, err := netip.ParseAddr(ip); err != nil || a.IsLoopback() {
			continue
		}
		if strings.EqualFold(e.Name(), z.Apex()) {
			return ip
		}
		if first == "" {
			first = ip
		}
	}
	if first == "" {
		first = server
	}
	return first
}
