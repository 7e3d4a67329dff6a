// Package zoneedit is the module ZoneEdit of API 2: the account's zones, record
// by record. Programs read its answers with grep, so that their form matters:
// see [record.Row]. UAPI has the module DNS instead.
package zoneedit

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/record"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

const feature = latchkey.FeatureZoneEdit

// Module is the module ZoneEdit.
var Module = api.Module[hosting.Account]{
	Name: "ZoneEdit",
	Doc:  "The account's DNS zones, record by record, for older programs.",
	Funcs: []api.Func[hosting.Account]{
		{Name: "fetchzones", OnlyAPI2: true, Feature: feature, Role: api.DNS, Scope: api.Things, Lists: true, Run: api.Run(fetchZones), Doc: "Show the texts of the account's zones."},
		{Name: "fetchzone", OnlyAPI2: true, Feature: feature, Role: api.DNS, Scope: api.Things, Lists: true, Run: api.Run(fetchZone), Doc: "Show a zone, or those of its records that have what is asked for."},
		{Name: "fetchzone_records", OnlyAPI2: true, Feature: feature, Role: api.DNS, Scope: api.Things, Lists: true, Run: api.Run(fetchRecords), Doc: "List the records of a zone, or those that have what is asked for."},
		{Name: "get_zone_record", OnlyAPI2: true, Feature: feature, Role: api.DNS, Scope: api.Things, Run: api.Run(showRecord), Doc: "Show what stands on a line of a zone."},
		{Name: "add_zone_record", OnlyAPI2: true, Feature: feature, Role: api.DNS, Scope: api.Things, Effect: api.Write, Run: api.Run(addRecord), Doc: "Add a record to a zone."},
		{Name: "edit_zone_record", OnlyAPI2: true, Feature: feature, Role: api.DNS, Scope: api.Things, Effect: api.Write, Run: api.Run(editRecord), Doc: "Change a record of a zone; what is not given stays."},
		{Name: "remove_zone_record", OnlyAPI2: true, Feature: feature, Role: api.DNS, Scope: api.Things, Effect: api.Write, Run: api.Run(removeRecord), Doc: "Remove a record from a zone."},
		{Name: "resetzone", API2: "resetzone", Feature: feature, Role: api.DNS, Scope: api.Things, Effect: api.Write, Run: api.Run(resetZone), Doc: "Make a zone what it was when its domain was new."},
	},
}

// outcome is how an edit went. The serial is null where it did not go.
type outcome struct {
	Result result `json:"result"`
}

type result struct {
	NewSerial *string `json:"newserial"`
	Status    int     `json:"status"`
	Message   string  `json:"statusmsg"`
}

// edited is the answer to an edit. One that could not be made has its own form:
// it is no error of the call. What was not asked for as it must be, or may not
// be asked for, is.
func edited(z *zone.Zone, err error) (api.Answer, error) {
	if err == nil {
		serial := strconv.FormatUint(uint64(z.Serial()), 10)
		return api.Answer{Data: []outcome{{result{NewSerial: &serial, Status: 1}}}}, nil
	}
	if text, ok := told(err); ok {
		return api.Answer{Data: []outcome{{result{Message: text}}}, Errors: []string{text}}, nil
	}
	return api.Answer{}, err
}

// told is why a call that was as it must be could not be carried out.
func told(err error) (text string, ok bool) {
	switch latchkey.KindOf(err) {
	case latchkey.Invalid, latchkey.NotFound, latchkey.Exists, latchkey.Limit, latchkey.Unavailable:
		return latchkey.AsError(err).Msg, true
	}
	return "", false
}

type texts struct {
	Status  int                          `json:"status"`
	Message string                       `json:"statusmsg"`
	Zones   map[latchkey.Domain][]string `json:"zones"`
}

// API 2: ZoneEdit::fetchzones.
func fetchZones(ctx context.Context, acct hosting.Account, _ api.None) ([]texts, error) {
	names, err := acct.Zones().List(ctx)
	if err != nil {
		return nil, err
	}
	zones := make(map[latchkey.Domain][]string, len(names))
	for _, name := range names {
		z, err := acct.Zones().Zone(ctx, name)
		if latchkey.KindOf(err) == latchkey.NotFound {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		zones[name] = strings.Split(strings.TrimSuffix(z.String(), "\n"), "\n")
	}
	return []texts{{Status: 1, Zones: zones}}, nil
}

// wanted are the parameters of the functions that show records.
type wanted struct {
	Domain hosting.ZoneParam `param:"domain" doc:"The zone."`
	Custom bool              `param:"customonly,optional" doc:"Leave out the names that every zone has."`
	Lower  hosting.LineParam `param:"line,optional" doc:"The number of the line, counted from 1."`
	Upper  hosting.LineParam `param:"Line,optional" doc:"The same."`
	record.Values
}

// rows are the rows of a zone that are asked for.
func (w *wanted) rows(z *zone.Zone) []record.Row {
	list := []record.Row{}
	for _, r := range record.Rows(z) {
		if w.Lower != 0 && int(w.Lower) != r.Line || w.Upper != 0 && int(w.Upper) != r.Line {
			continue
		}
		if w.Values.Match(z, &r) && !(w.Custom && usual(z, &r)) {
			list = append(list, r)
		}
	}
	return list
}

// usual reports whether a row has a name that every zone has, or none.
func usual(z *zone.Zone, r *record.Row) bool {
	label := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(r.Name), z.Apex()), ".")
	return slices.Contains(usualLabels, label)
}

var usualLabels = []string{"", "autoconfig", "autodiscover", "cpanel", "cpcalendars", "cpcontacts", "ftp", "localhost", "mail", "webdisk", "webmail", "whm", "www"}

type whole struct {
	Record  []record.Row `json:"record"`
	Serial  string       `json:"serialnum"`
	Status  int          `json:"status"`
	Message string       `json:"statusmsg"`
}

// API 2: ZoneEdit::fetchzone.
func fetchZone(ctx context.Context, acct hosting.Account, w wanted) (api.Answer, error) {
	z, err := acct.Zones().Zone(ctx, w.Domain.Domain)
	if text, ok := told(err); ok {
		return api.Answer{Data: []whole{{Record: []record.Row{}, Message: text}}, Errors: []string{text}}, nil
	}
	if err != nil {
		return api.Answer{}, err
	}
	return api.Answer{Data: []whole{{Record: w.rows(z), Serial: strconv.FormatUint(uint64(z.Serial()), 10), Status: 1, Message: "Zone Serialized"}}}, nil
}

// API 2: ZoneEdit::fetchzone_records.
func fetchRecords(ctx context.Context, acct hosting.Account, w wanted) ([]record.Row, error) {
	z, err := acct.Zones().Zone(ctx, w.Domain.Domain)
	if err != nil {
		return nil, err
	}
	return w.rows(z), nil
}

type lineParams struct {
	Domain hosting.ZoneParam `param:"domain" doc:"The zone."`
	Lower  hosting.LineParam `param:"line,optional" doc:"The number of the record's line, counted from 1."`
	Upper  hosting.LineParam `param:"Line,optional" doc:"The same."`
}

type shown struct {
	Record  record.Row `json:"record"`
	Status  int        `json:"status"`
	Message string     `json:"statusmsg"`
}

// API 2: ZoneEdit::get_zone_record.
func showRecord(ctx context.Context, acct hosting.Account, p lineParams) ([]shown, error) {
	line, err := record.Line(p.Lower, p.Upper)
	if err != nil {
		return nil, err
	}
	z, err := acct.Zones().Zone(ctx, p.Domain.Domain)
	if err != nil {
		return nil, err
	}
	r, err := record.At(z, line)
	if err != nil {
		return nil, err
	}
	return []shown{{Record: r, Status: 1, Message: "Record obtained"}}, nil
}

type addParams struct {
	Domain hosting.ZoneParam `param:"domain" doc:"The zone."`
	record.Values
}

// API 2: ZoneEdit::add_zone_record.
func addRecord(ctx context.Context, acct hosting.Account, p addParams) (api.Answer, error) {
	return edited(acct.Zones().Edit(ctx, p.Domain.Domain, func(z *zone.Zone) (zone.Edit, error) {
		n, err := p.Values.New(z)
		return zone.Edit{Add: []zone.New{n}}, err
	}))
}

type editParams struct {
	lineParams
	record.Values
}

// API 2: ZoneEdit::edit_zone_record.
func editRecord(ctx context.Context, acct hosting.Account, p editParams) (api.Answer, error) {
	line, err := record.Line(p.Lower, p.Upper)
	if err != nil {
		return api.Answer{}, err
	}
	return edited(acct.Zones().Edit(ctx, p.Domain.Domain, func(z *zone.Zone) (zone.Edit, error) {
		n, err := p.Values.Edit(z, line)
		return zone.Edit{Replace: map[int]zone.New{line - 1: n}}, err
	}))
}

// API 2: ZoneEdit::remove_zone_record.
func removeRecord(ctx context.Context, acct hosting.Account, p lineParams) (api.Answer, error) {
	line, err := record.Line(p.Lower, p.Upper)
	if err != nil {
		return api.Answer{}, err
	}
	return edited(record.Removing(ctx, acct.Zones(), p.Domain.Domain, line, func(*zone.Zone) error { return nil }))
}

type resetParams struct {
	Domain hosting.ZoneParam `param:"domain" doc:"The zone."`
}

// UAPI: ZoneEdit::resetzone, and API 2's function of the same name.
func resetZone(ctx context.Context, acct hosting.Account, p resetParams) (api.Answer, error) {
	return edited(acct.Zones().Reset(ctx, p.Domain.Domain))
}
