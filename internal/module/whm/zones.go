package whm

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/record"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// zoneFuncs are the functions about zones that go by lines and records. In API 0
// they have shapes of their own.
var zoneFuncs = []api.Func[hosting.Host]{
	{Name: "listzones", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNS, API0: `{"zone":data.zone}`, Run: api.Run(listZones), Doc: "List the DNS zones."},
	{Name: "dumpzone", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNS, Reason: "Zone Serialized", API0: dumpedShape, API0Data: dumpedOfAPI0, Run: api.Run(dumpZone), Doc: "Show a DNS zone. Deprecated: use parse_dns_zone."},
	{Name: "getzonerecord", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNS, Reason: "Record obtained.", API0: recordShape, API0Data: recordOfAPI0, Run: api.Run(showZoneRecord), Doc: "Show what stands on a line of a DNS zone."},
	{Name: "addzonerecord", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNS, Effect: api.Write, API0: api.Result0, Run: api.Run(addZoneRecord), Doc: "Add a record to a DNS zone."},
	{Name: "editzonerecord", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNS, Effect: api.Write, API0: api.Result0, Run: api.Run(editZoneRecord), Doc: "Change a record of a DNS zone; what is not given stays."},
	{Name: "removezonerecord", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNS, Effect: api.Write, API0: api.Result0, Run: api.Run(removeZoneRecord), Doc: "Remove a record from a DNS zone."},
	{Name: "resetzone", Privilege: latchkey.PrivilegeEditDNS, Role: api.DNS, Effect: api.Write, API0: api.Result0, Run: api.Run(resetZone), Doc: "Make a DNS zone what it was when its domain was new."},
	{Name: "adddns", Privilege: latchkey.PrivilegeCreateDNS, Role: api.DNS, Effect: api.Write, API0: api.Result0, Run: api.Run(addZone), Doc: "Create a DNS zone as a new domain has it."},
	{Name: "listmxs", Privilege: latchkey.PrivilegeEditMX, Role: api.DNS, Run: api.Run(listMXs), Doc: "List the mail exchangers of a domain."},
	{Name: "savemxs", Privilege: latchkey.PrivilegeEditMX, Role: api.DNS, Effect: api.Write, Run: api.Run(saveMX), Doc: "Add a mail exchanger to a DNS zone."},
	{Name: "killdns", Privilege: latchkey.PrivilegeRemoveDNS, Role: api.DNS, Effect: api.Write, Reason: "Zones Removed", API0: killedShape, Run: api.Run(removeZone), Doc: "Remove a DNS zone."},
}

const (
	dumpedShape api.Shape0 = `{"result":[{"record":data,"status":status,"statusmsg":text}]}`
	recordShape api.Shape0 = `{"result":[{"record":data,"status":status,"statusmsg":text}]}`
	killedShape api.Shape0 = `{"result":[{"rawout":"","status":status,"statusmsg":text}]}`
)

type zoneList struct {
	Zone []zoneFile `json:"zone"`
}

type zoneFile struct {
	Domain latchkey.Domain `json:"domain"`
	File   string          `json:"zonefile"`
}

// WHM API 1: listzones.
func listZones(ctx context.Context, h hosting.Host, _ api.None) (zoneList, error) {
	names, err := h.Zones().List(ctx)
	list := zoneList{[]zoneFile{}}
	for _, name := range names {
		list.Zone = append(list.Zone, zoneFile{name, string(name) + ".db"})
	}
	return list, err
}

// zoneParams name a zone, by either of two names.
type zoneParams struct {
	Domain hosting.ZoneParam `param:"domain,optional" doc:"The zone."`
	Zone   hosting.ZoneParam `param:"zone,optional" doc:"The same."`
}

func (p *zoneParams) name() (latchkey.Domain, error) {
	switch {
	case p.Domain.Domain != "":
		return p.Domain.Domain, nil
	case p.Zone.Domain != "":
		return p.Zone.Domain, nil
	}
	return "", &latchkey.Error{Kind: latchkey.Missing, Param: "domain"}
}

type zoneLineParams struct {
	zoneParams
	Lower  hosting.LineParam `param:"line,optional" doc:"The number of the record's line, counted from 1."`
	Upper  hosting.LineParam `param:"Line,optional" doc:"The same."`
	Serial record.Number     `param:"serialnum,optional" doc:"The serial number that the zone must have."`
}

// where is the zone and the line.
func (p *zoneLineParams) where() (name latchkey.Domain, line int, err error) {
	if name, err = p.name(); err == nil {
		line, err = record.Line(p.Lower, p.Upper)
	}
	return name, line, err
}

// check says that the zone is not the one that the caller has seen.
func (p *zoneLineParams) check(z *zone.Zone) error {
	if p.Serial.Given && p.Serial.N != z.Serial() {
		return latchkey.InvalidParam("serialnum",
			"The given serial number (%d) does not match the DNS zone's serial number (%d). Refresh your view of the DNS zone, then resubmit.", p.Serial.N, z.Serial())
	}
	return nil
}

type dumpedZones struct {
	Zone []dumpedZone `json:"zone"`
}

type dumpedZone struct {
	Record []record.Row `json:"record"`
}

// WHM API 1: dumpzone.
func dumpZone(ctx context.Context, h hosting.Host, p zoneParams) (dumpedZones, error) {
	name, err := p.name()
	if err != nil {
		return dumpedZones{}, err
	}
	z, err := h.Zones().Zone(ctx, name)
	if err != nil {
		return dumpedZones{}, err
	}
	return dumpedZones{[]dumpedZone{{record.Rows(z)}}}, nil
}

func dumpedOfAPI0(data any) any {
	if d, ok := data.(dumpedZones); ok {
		return d.Zone[0].Record
	}
	return data
}

type zoneRecords struct {
	Record []record.Row `json:"record"`
}

func recordOfAPI0(data any) any {
	if r, ok := data.(zoneRecords); ok {
		return r.Record[0]
	}
	return data
}

// WHM API 1: getzonerecord.
func showZoneRecord(ctx context.Context, h hosting.Host, p zoneLineParams) (zoneRecords, error) {
	name, line, err := p.where()
	if err != nil {
		return zoneRecords{}, err
	}
	z, err := h.Zones().Zone(ctx, name)
	if err != nil {
		return zoneRecords{}, err
	}
	r, err := record.At(z, line)
	return zoneRecords{[]record.Row{r}}, err
}

type addZoneRecordParams struct {
	zoneParams
	record.Values
}

// WHM API 1: addzonerecord.
func addZoneRecord(ctx context.Context, h hosting.Host, p addZoneRecordParams) (api.Answer, error) {
	name, err := p.name()
	if err != nil {
		return api.Answer{}, err
	}
	return changedZone(h.Zones().Edit(ctx, name, func(z *zone.Zone) (zone.Edit, error) {
		n, err := p.Values.New(z)
		return zone.Edit{Add: []zone.New{n}}, err
	}))
}

// changedZone is the answer to a change.
func changedZone(z *zone.Zone, err error) (api.Answer, error) {
	if err != nil {
		return api.Answer{}, err
	}
	return api.Answer{Reason: "The DNS zone “" + string(z.Name()) + "” has the serial number " + strconv.FormatUint(uint64(z.Serial()), 10) + " now."}, nil
}

type editZoneRecordParams struct {
	zoneLineParams
	record.Values
}

// WHM API 1: editzonerecord.
func editZoneRecord(ctx context.Context, h hosting.Host, p editZoneRecordParams) (api.Answer, error) {
	name, line, err := p.where()
	if err != nil {
		return api.Answer{}, err
	}
	return changedZone(h.Zones().Edit(ctx, name, func(z *zone.Zone) (zone.Edit, error) {
		if err := p.check(z); err != nil {
			return zone.Edit{}, err
		}
		n, err := p.Values.Edit(z, line)
		return zone.Edit{Replace: map[int]zone.New{line - 1: n}}, err
	}))
}

// WHM API 1: removezonerecord.
func removeZoneRecord(ctx context.Context, h hosting.Host, p zoneLineParams) (api.Answer, error) {
	name, line, err := p.where()
	if err != nil {
		return api.Answer{}, err
	}
	return changedZone(record.Removing(ctx, h.Zones(), name, line, p.check))
}

type resetZoneParams struct {
	zoneParams
	User hosting.AccountParam `param:"user,optional" doc:"The account whose main domain’s zone is meant, where no zone is named."`
}

// WHM API 1: resetzone.
func resetZone(ctx context.Context, h hosting.Host, p resetZoneParams) (api.Answer, error) {
	name, err := p.name()
	if err != nil && p.User.Name != "" {
		var a latchkey.Account
		a, err = h.Account(ctx, p.User.Name)
		name = a.Domain
	}
	if err != nil {
		return api.Answer{}, err
	}
	return changedZone(h.Zones().Reset(ctx, name))
}

// ipv4Param is a parameter that is an address of IPv4.
type ipv4Param struct{ text string }

// ParseParam reads an address.
func (a *ipv4Param) ParseParam(text string) error {
	ip, err := netip.ParseAddr(text)
	if err != nil || !ip.Is4() {
		return fmt.Errorf("must be an IPv4 address")
	}
	a.text = ip.String()
	return nil
}

type addZoneParams struct {
	Domain   hosting.ZoneParam    `param:"domain" doc:"The zone."`
	IP       ipv4Param            `param:"ip" doc:"The address that its names get."`
	Owner    hosting.AccountParam `param:"trueowner,optional" doc:"The account it is to belong to. By default who has the domain, else who makes the zone."`
	Template string               `param:"template,optional" doc:"The zone template: standard, or the name of one that the administrator has made."`
}

// WHM API 1: adddns.
func addZone(ctx context.Context, h hosting.Host, p addZoneParams) (api.Answer, error) {
	if err := h.Zones().Add(ctx, p.Domain.Domain, p.IP.text, p.Owner.Name, p.Template); err != nil {
		return api.Answer{}, err
	}
	return api.Answer{Reason: "Added " + string(p.Domain.Domain) + " ok."}, nil
}

type removeZoneParams struct {
	Domain hosting.ZoneParam `param:"domain" doc:"The zone."`
}

// WHM API 1: killdns.
func removeZone(ctx context.Context, h hosting.Host, p removeZoneParams) (api.Void, error) {
	return nil, h.Zones().Remove(ctx, p.Domain.Domain)
}

type listMXParams struct {
	Domain hosting.ZoneParam `param:"domain" doc:"The zone."`
}

// mxRow is a mail exchanger; all its values are texts.
type mxRow struct {
	Line       string `json:"Line"`
	Class      string `json:"class"`
	Exchange   string `json:"exchange"`
	Name       string `json:"name"`
	Preference string `json:"preference"`
	TTL        string `json:"ttl"`
	Type       string `json:"type"`
}

type mxRows struct {
	Record []mxRow `json:"record"`
}

// WHM API 1: listmxs.
func listMXs(ctx context.Context, h hosting.Host, p listMXParams) (mxRows, error) {
	z, err := h.Zones().Zone(ctx, p.Domain.Domain)
	if err != nil {
		return mxRows{}, err
	}
	list := mxRows{[]mxRow{}}
	for _, r := range record.Rows(z) {
		if r.Type == "MX" {
			list.Record = append(list.Record, mxRow{strconv.Itoa(r.Line), r.Class, r.Exchange, r.Name, r.Preference, r.TTL, r.Type})
		}
	}
	return list, nil
}

type saveMXParams struct {
	Domain     hosting.ZoneParam `param:"domain" doc:"The zone."`
	Name       string            `param:"name" doc:"The domain that the exchanger is for, in full with a dot at its end, or relative to the zone."`
	Exchange   string            `param:"exchange" doc:"The host that takes mail."`
	Preference record.Number     `param:"preference" doc:"Mail goes to the lowest first."`
	Class      string            `param:"class,optional" doc:"IN."`
	TTL        record.Number     `param:"ttl,optional" doc:"How long others may remember it, in seconds."`
}

// WHM API 1: savemxs.
func saveMX(ctx context.Context, h hosting.Host, p saveMXParams) (api.Answer, error) {
	v := record.Values{Name: p.Name, Type: "MX", Exchange: p.Exchange, Preference: p.Preference, Class: p.Class, TTL: p.TTL}
	return changedZone(h.Zones().Edit(ctx, p.Domain.Domain, func(z *zone.Zone) (zone.Edit, error) {
		n, err := v.New(z)
		return zone.Edit{Add: []zone.New{n}}, err
	}))
}
