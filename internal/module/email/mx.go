package email

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// mxFuncs are the functions about where mail for a domain goes: the MX records of
// its zone. To narrow tokens they are about those records.
var mxFuncs = []api.Func[hosting.Account]{
	{Name: "list_mxs", API2: "listmxs", Feature: latchkey.FeatureChangeMX, Role: api.DNS, Scope: api.Things, Run: api.Run(listMXs),
		Doc: "List the mail exchangers of domains."},
	{Name: "listmx", OnlyAPI2: true, Feature: latchkey.FeatureChangeMX, Role: api.DNS, Scope: api.Things, Run: api.Run(listMXs),
		Doc: "List the mail exchangers of domains."},
	{Name: "add_mx", API2: "addmx", Feature: latchkey.FeatureChangeMX, Role: api.DNS, Effect: api.Write, Scope: api.Things, Run: api.Run(addMX),
		Doc: "Add a mail exchanger."},
	{Name: "change_mx", API2: "changemx", Feature: latchkey.FeatureChangeMX, Role: api.DNS, Effect: api.Write, Scope: api.Things, Run: api.Run(changeMX),
		Doc: "Put a mail exchanger in the place of another."},
	{Name: "delete_mx", API2: "delmx", Feature: latchkey.FeatureChangeMX, Role: api.DNS, Effect: api.Write, Scope: api.Things, Run: api.Run(deleteMX),
		Doc: "Delete a mail exchanger."},
	{Name: "set_always_accept", API2: "setalwaysaccept", Feature: latchkey.FeatureChangeMX, Role: api.DNS, Effect: api.Write, Scope: api.Things, Run: api.Run(setRouting),
		Doc: "Say that this server takes the mail of a domain. It always does."},
	{Name: "setmxcheck", OnlyAPI2: true, Feature: latchkey.FeatureChangeMX, Role: api.DNS, Effect: api.Write, Scope: api.Things, Run: api.Run(setRouting),
		Doc: "Say that this server takes the mail of a domain. It always does."},
	{Name: "getmxcheck", OnlyAPI2: true, Feature: latchkey.FeatureChangeMX, Role: api.DNS, Scope: api.Things, Run: api.Run(showRouting),
		Doc: "Tell whether this server takes the mail of a domain."},
	{Name: "getalwaysaccept", OnlyAPI2: true, Feature: latchkey.FeatureChangeMX, Role: api.DNS, Scope: api.Things, Run: api.Run(showRouting),
		Doc: "Tell whether this server takes the mail of a domain."},
}

// routing is where mail for a domain goes. This server takes the mail of all its
// domains: MXCheck is always local, and Detected is what the records say.
type routing struct {
	Detected  string `json:"detected"`
	Local     bool   `json:"local"`
	MXCheck   string `json:"mxcheck"`
	Remote    bool   `json:"remote"`
	Secondary bool   `json:"secondary"`
}

func routed(detected string) routing {
	return routing{Detected: detected, Local: true, MXCheck: "local"}
}

// exchanger is one mail exchanger.
type exchanger struct {
	Domain   latchkey.Domain `json:"domain"`
	Count    int             `json:"entrycount"`
	Host     string          `json:"mx"`
	Priority string          `json:"priority"`
	Row      string          `json:"row"`
	line     int
	rank     uint64
	ttl      uint32
}

// exchangers are those of a domain, the one that mail goes to first at the head.
func exchangers(z *zone.Zone, domain latchkey.Domain) (list []exchanger) {
	for line, e := range z.Named(string(domain) + ".") {
		if d := e.Data(); e.Type() == "MX" && len(d) == 2 {
			rank, _ := strconv.ParseUint(d[0], 10, 16)
			list = append(list, exchanger{Domain: domain, Host: strings.TrimSuffix(d[1], "."), Priority: d[0], line: line, rank: rank, ttl: e.TTL()})
		}
	}
	slices.SortStableFunc(list, func(a, b exchanger) int { return cmp.Compare(a.rank, b.rank) })
	for i := range list {
		list[i].Count, list[i].Row = i+1, [...]string{"odd", "even"}[i%2]
	}
	return list
}

// detected is where mail goes by the records: to this server first, to it after
// others, or elsewhere. Names outside the zone are not looked up, but for the
// server's own.
func detected(z *zone.Zone, list []exchanger, s *hosting.Server) string {
	for i, x := range list {
		if !strings.EqualFold(x.Host, s.Hostname) && !leads(z, x.Host, s.IP) {
			continue
		}
		if list[0].rank == list[i].rank {
			return "local"
		}
		return "secondary"
	}
	return "remote"
}

// leads reports whether a host has the address ip in the zone, by aliases too.
func leads(z *zone.Zone, host, ip string) bool {
	for range 8 {
		alias := ""
		for _, e := range z.Named(host + ".") {
			switch d := strings.Join(e.Data(), ""); e.Type() {
			case "A", "AAAA":
				if d == ip {
					return true
				}
			case "CNAME":
				alias = strings.TrimSuffix(d, ".")
			}
		}
		if alias == "" {
			return false
		}
		host = alias
	}
	return false
}

type listMXParams struct {
	Domain hosting.ZoneParam `param:"domain,optional" doc:"The domain. By default every domain that has a zone."`
}

type domainMXs struct {
	AlwaysAccept bool            `json:"alwaysaccept"`
	Domain       latchkey.Domain `json:"domain"`
	Entries      []exchanger     `json:"entries"`
	MX           string          `json:"mx"`
	routing
	Status  int    `json:"status"`
	Message string `json:"statusmsg"`
}

// UAPI: Email::list_mxs.
func listMXs(ctx context.Context, acct hosting.Account, p listMXParams) ([]domainMXs, error) {
	if p.Domain.Domain != "" {
		z, err := hosting.ZoneOf(ctx, acct.Zones(), p.Domain.Domain)
		if err != nil {
			return nil, err
		}
		return []domainMXs{mxsOf(z, p.Domain.Domain, acct.Server())}, nil
	}
	names, err := acct.Zones().List(ctx)
	list := make([]domainMXs, 0, len(names))
	for _, name := range names {
		z, err := acct.Zones().Zone(ctx, name)
		if latchkey.KindOf(err) == latchkey.NotFound {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		list = append(list, mxsOf(z, name, acct.Server()))
	}
	return list, err
}

func mxsOf(z *zone.Zone, domain latchkey.Domain, s *hosting.Server) domainMXs {
	d := domainMXs{AlwaysAccept: true, Domain: domain, Entries: exchangers(z, domain), Status: 1, Message: "Fetched MX List"}
	if d.routing = routed(detected(z, d.Entries, s)); len(d.Entries) > 0 {
		d.MX = d.Entries[0].Host
	}
	return d
}

// mxCheck is what a change says of where mail goes after it.
type mxCheck struct {
	Changed     bool     `json:"changed"`
	Detected    string   `json:"detected"`
	IsPrimary   bool     `json:"isprimary"`
	IsSecondary bool     `json:"issecondary"`
	Local       bool     `json:"local"`
	MXCheck     string   `json:"mxcheck"`
	Remote      bool     `json:"remote"`
	Secondary   bool     `json:"secondary"`
	Warnings    []string `json:"warnings"`
}

type changedMX struct {
	Check   mxCheck `json:"checkmx"`
	Results string  `json:"results"`
	Status  int     `json:"status"`
	Message string  `json:"statusmsg"`
}

// toldMX is the answer to a change.
func toldMX(z *zone.Zone, domain latchkey.Domain, s *hosting.Server, done string) changedMX {
	list := exchangers(z, domain)
	c := mxCheck{Detected: detected(z, list, s), Local: true, MXCheck: "local", Warnings: []string{}}
	c.IsPrimary, c.IsSecondary = c.Detected == "local", c.Detected == "secondary"
	switch {
	case len(list) == 0:
		c.Warnings = append(c.Warnings, "The domain has no mail exchanger: mail for it goes to its address.")
	case c.Detected == "remote":
		c.Warnings = append(c.Warnings, "Mail for the domain goes elsewhere, but what this server itself receives for it stays here.")
	}
	return changedMX{Check: c, Results: done, Status: 1, Message: done}
}

// mxParams name a domain and an exchanger, by the names of UAPI and of API 2.
type mxParams struct {
	Domain     hosting.ZoneParam `param:"domain" doc:"The domain."`
	Exchanger  string            `param:"exchanger,optional" doc:"The host that takes mail."`
	Exchange   string            `param:"exchange,optional" doc:"The same, in API 2."`
	Priority   rank              `param:"priority,optional" doc:"0 to 65535; mail goes to the lowest first."`
	Preference rank              `param:"preference,optional" doc:"The same, in API 2."`
	Accept     string            `param:"alwaysaccept,optional" doc:"Whether this server takes the domain's mail: only 1 and local, for it always does."`
}

// rank is a parameter that is a priority, or was not given.
type rank string

// ParseParam reads a number.
func (r *rank) ParseParam(text string) error {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
	*r = rank(strconv.FormatUint(n, 10))
	if err != nil {
		return fmt.Errorf("must be a number from 0 to 65535")
	}
	return nil
}

// ParamType is the public name of the type.
func (*rank) ParamType() string { return "integer" }

// given is the exchanger and its priority, both of which must be there.
func (p *mxParams) given() (host string, priority rank, err error) {
	host, priority = strings.TrimSpace(cmp.Or(p.Exchanger, p.Exchange)), cmp.Or(p.Priority, p.Preference)
	switch {
	case host == "":
		err = &latchkey.Error{Kind: latchkey.Missing, Param: "exchanger"}
	case priority == "":
		err = &latchkey.Error{Kind: latchkey.Missing, Param: "priority"}
	default:
		err = takesMail(p.Accept)
	}
	return host, priority, err
}

// takesMail says why this server cannot do with the mail of its domains as asked.
func takesMail(wish string) error {
	switch wish {
	case "", "1", "local":
		return nil
	}
	return latchkey.InvalidParam("alwaysaccept", "This server takes the mail of all its domains: it cannot leave that of one to others. The MX records say where the rest of the world delivers it.")
}

// edit edits the exchangers of the domain, by what what makes of those it has.
// Whether the caller may comes before what they have left out.
func (p *mxParams) edit(ctx context.Context, acct hosting.Account, done string, what func(host string, priority rank, list []exchanger) (zone.Edit, error)) (changedMX, error) {
	domain := p.Domain.Domain
	in, err := hosting.ZoneOf(ctx, acct.Zones(), domain)
	if err != nil {
		return changedMX{}, err
	}
	host, priority, err := p.given()
	if err != nil {
		return changedMX{}, err
	}
	is, err := acct.Zones().Edit(ctx, in.Name(), func(z *zone.Zone) (zone.Edit, error) { return what(host, priority, exchangers(z, domain)) })
	if err != nil {
		return changedMX{}, err
	}
	return toldMX(is, domain, acct.Server(), done), nil
}

// mxRecord is the record of an exchanger.
func mxRecord(domain latchkey.Domain, host string, priority rank, ttl uint32) zone.New {
	return zone.New{Name: string(domain) + ".", TTL: ttl, Type: "MX", Data: []string{string(priority), host}}
}

func (x *exchanger) is(host string, priority rank) bool {
	return strings.EqualFold(x.Host, strings.TrimSuffix(host, ".")) && (priority == "" || x.Priority == string(priority))
}

// UAPI: Email::add_mx.
func addMX(ctx context.Context, acct hosting.Account, p mxParams) (changedMX, error) {
	return p.edit(ctx, acct, "Added MX Entry", func(host string, priority rank, list []exchanger) (zone.Edit, error) {
		if slices.ContainsFunc(list, func(x exchanger) bool { return x.is(host, priority) }) {
			return zone.Edit{}, &latchkey.Error{Kind: latchkey.Exists, Param: "exchanger", Msg: "“" + host + "” is a mail exchanger of the domain with this priority already."}
		}
		return zone.Edit{Add: []zone.New{mxRecord(p.Domain.Domain, host, priority, defaultTTL)}}, nil
	})
}

// defaultTTL is what the records of a new zone have.
const defaultTTL = 14400

type changeMXParams struct {
	mxParams
	OldExchanger  string `param:"oldexchanger,optional" doc:"The exchanger that it is to be in the place of."`
	OldExchange   string `param:"oldexchange,optional" doc:"The same, in API 2."`
	OldPriority   rank   `param:"oldpriority,optional" doc:"Its priority, where it has several."`
	OldPreference rank   `param:"oldpreference,optional" doc:"The same, in API 2."`
}

// UAPI: Email::change_mx.
func changeMX(ctx context.Context, acct hosting.Account, p changeMXParams) (changedMX, error) {
	return p.edit(ctx, acct, "Changed MX Entry", func(host string, priority rank, list []exchanger) (zone.Edit, error) {
		old := strings.TrimSpace(cmp.Or(p.OldExchanger, p.OldExchange))
		if old == "" {
			return zone.Edit{}, &latchkey.Error{Kind: latchkey.Missing, Param: "oldexchanger"}
		}
		x, err := theMX(list, old, cmp.Or(p.OldPriority, p.OldPreference))
		return zone.Edit{Replace: map[int]zone.New{x.line: mxRecord(p.Domain.Domain, host, priority, x.ttl)}}, err
	})
}

// theMX is the exchanger that is meant.
func theMX(list []exchanger, host string, priority rank) (exchanger, error) {
	for _, x := range list {
		if x.is(host, priority) {
			return x, nil
		}
	}
	return exchanger{}, &latchkey.Error{Kind: latchkey.NotFound, Param: "exchanger", Msg: "“" + host + "” is no mail exchanger of the domain with this priority."}
}

// UAPI: Email::delete_mx.
func deleteMX(ctx context.Context, acct hosting.Account, p mxParams) (changedMX, error) {
	return p.edit(ctx, acct, "Deleted MX Entry", func(host string, priority rank, list []exchanger) (zone.Edit, error) {
		x, err := theMX(list, host, priority)
		return zone.Edit{Remove: []int{x.line}}, err
	})
}

type routingParams struct {
	Domain hosting.ZoneParam `param:"domain" doc:"The domain."`
	Accept string            `param:"alwaysaccept,optional" doc:"Whether this server takes the domain's mail: only 1 and local, for it always does."`
	Check  string            `param:"mxcheck,optional" doc:"The same: local; or auto, where the domain's records lead here."`
}

type changedRouting struct {
	changedMX
	routing
}

// UAPI: Email::set_always_accept. It changes nothing: what can be asked for is so.
func setRouting(ctx context.Context, acct hosting.Account, p routingParams) (changedRouting, error) {
	z, err := hosting.ZoneOf(ctx, acct.Zones(), p.Domain.Domain)
	if err != nil {
		return changedRouting{}, err
	}
	told := toldMX(z, p.Domain.Domain, acct.Server(), "The mail of the domain is taken here.")
	if p.Check == "auto" && told.Check.Detected == "local" {
		p.Check = ""
	}
	for _, wish := range []string{p.Accept, p.Check} {
		if err := takesMail(wish); err != nil {
			return changedRouting{}, err
		}
	}
	return changedRouting{told, routed(told.Check.Detected)}, nil
}

type showRoutingParams struct {
	Domain hosting.ZoneParam `param:"domain" doc:"The domain."`
}

type shownRouting struct {
	AlwaysAccept bool            `json:"alwaysaccept"`
	Domain       latchkey.Domain `json:"domain"`
	routing
	Status int `json:"status"`
}

// API 2: Email::getmxcheck.
func showRouting(ctx context.Context, acct hosting.Account, p showRoutingParams) (shownRouting, error) {
	z, err := hosting.ZoneOf(ctx, acct.Zones(), p.Domain.Domain)
	if err != nil {
		return shownRouting{}, err
	}
	return shownRouting{true, p.Domain.Domain, routed(detected(z, exchangers(z, p.Domain.Domain), acct.Server())), 1}, nil
}
