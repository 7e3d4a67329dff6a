package record

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// Number is a parameter that is a number, or was not given. Of a number that
// goes on with other things the leading digits count.
type Number struct {
	Given bool
	N     uint32
}

// ParseParam reads the number.
func (n *Number) ParseParam(text string) error {
	text = strings.TrimLeft(text, " ")
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	v, err := strconv.ParseUint(text[:digits], 10, 32)
	if err != nil {
		return fmt.Errorf("must begin with a number")
	}
	n.Given, n.N = true, uint32(v)
	return nil
}

// ParamType is the public name of the type.
func (*Number) ParamType() string { return "integer" }

func (n Number) text() string {
	if !n.Given {
		return ""
	}
	return strconv.FormatUint(uint64(n.N), 10)
}

// Values are the parameters that say what a record is to be, or which records
// are looked for. What is not given is "".
type Values struct {
	Name       string `param:"name,optional" doc:"The record's name: relative to the zone, or in full."`
	Type       string `param:"type,optional" doc:"The record's type, such as TXT."`
	Class      string `param:"class,optional" doc:"The record's class, which is IN."`
	TTL        Number `param:"ttl,optional" doc:"How many seconds others may keep the record."`
	Address    string `param:"address,optional" doc:"The address of an A or AAAA record."`
	CName      string `param:"cname,optional" doc:"The name that a CNAME record points to."`
	DName      string `param:"dname,optional" doc:"The name that a DNAME record points to."`
	Exchange   string `param:"exchange,optional" doc:"The mail server of an MX record."`
	Preference Number `param:"preference,optional" doc:"The preference of an MX record."`
	TxtData    string `param:"txtdata,optional" doc:"The text of a TXT record."`
	NSDName    string `param:"nsdname,optional" doc:"The name server of an NS record."`
	PtrDName   string `param:"ptrdname,optional" doc:"The name that a PTR record points to."`
	Priority   Number `param:"priority,optional" doc:"The priority of an SRV record."`
	Weight     Number `param:"weight,optional" doc:"The weight of an SRV record."`
	Port       Number `param:"port,optional" doc:"The port of an SRV record."`
	Target     string `param:"target,optional" doc:"The host of an SRV record."`
	Flag       Number `param:"flag,optional" doc:"The flag of a CAA record."`
	Tag        string `param:"tag,optional" doc:"The tag of a CAA record."`
	Value      string `param:"value,optional" doc:"The value of a CAA record."`
	Record     string `param:"record,optional" doc:"What says most of a record's data."`
}

// DefaultTTL is that of a record for which none was given.
const DefaultTTL = 14400

// New is the record to be added to z.
func (v *Values) New(z *zone.Zone) (zone.New, error) {
	return v.over(z, Row{Type: v.kind(), TTL: strconv.Itoa(DefaultTTL)})
}

// Edit is what the record on a line of z, counted from 1, is to become: what was
// not given stays.
func (v *Values) Edit(z *zone.Zone, line int) (zone.New, error) {
	was, err := At(z, line)
	if err != nil {
		return zone.New{}, err
	}
	if was.Class == "" {
		return zone.New{}, noRecord("There is no record on line %d of the DNS zone.", line)
	}
	if kind := v.kind(); kind != "" && kind != was.Type {
		was = Row{Type: kind, Name: was.Name, TTL: was.TTL}
	}
	return v.over(z, was)
}

func (v *Values) kind() string { return strings.ToUpper(strings.TrimSpace(v.Type)) }

// over is r with the values that were given in place of its own.
func (v *Values) over(z *zone.Zone, r Row) (n zone.New, err error) {
	if c := strings.ToUpper(v.Class); c != "" && c != "IN" {
		return n, latchkey.InvalidParam("class", "Only records of the class IN can be kept.")
	}
	if n.Type = r.Type; n.Type == "" {
		return n, &latchkey.Error{Kind: latchkey.Missing, Param: "type"}
	}
	n.Name = r.Name
	if v.Name != "" || n.Name == "" {
		n.Name = FullName(z, v.Name)
	}
	ttl, _ := strconv.ParseUint(r.TTL, 10, 32)
	if n.TTL = uint32(ttl); v.TTL.Given {
		n.TTL = v.TTL.N
	}
	n.Data, err = v.data(&r)
	return n, err
}

// data is the data of a record of r's type.
func (v *Values) data(r *Row) ([]string, error) {
	switch r.Type {
	case "TXT", "SPF":
		return given("txtdata", v.TxtData, r.TxtData)
	case "CAA":
		value, err := given("value", v.Value, r.Value)
		if err != nil {
			return nil, err
		}
		if v.Tag != "" {
			r.Tag = v.Tag
		}
		return []string{or(v.Flag.text(), r.Flag, "0"), or(r.Tag, "issue"), value[0]}, nil
	}
	parts, names, values := r.parts(), partNames[r.Type], v.parts(r.Type)
	if len(parts) == 0 {
		return nil, latchkey.InvalidParam("type", "Records of the type “%s” cannot be written with this function: use DNS::mass_edit_zone.", r.Type)
	}
	data := make([]string, len(parts))
	for i, part := range parts {
		if data[i] = or(values[i], *part); data[i] == "" {
			return nil, &latchkey.Error{Kind: latchkey.Missing, Param: names[i]}
		}
	}
	return data, nil
}

func given(param, text string, old *string) ([]string, error) {
	switch {
	case text != "":
		return []string{text}, nil
	case old != nil:
		return []string{*old}, nil
	}
	return nil, &latchkey.Error{Kind: latchkey.Missing, Param: param}
}

func or(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// partNames are the parameters for the parts of a record.
var partNames = map[string][]string{
	"A": {"address"}, "AAAA": {"address"}, "CNAME": {"cname"}, "DNAME": {"dname"}, "MX": {"preference", "exchange"}, "NS": {"nsdname"},
	"PTR": {"ptrdname"}, "SRV": {"priority", "weight", "port", "target"}, "SOA": {"mname", "rname", "serial", "refresh", "retry", "expire", "minimum"},
}

// parts are the values given for the parts of a record.
func (v *Values) parts(kind string) []string {
	switch kind {
	case "A", "AAAA":
		return []string{v.Address}
	case "CNAME":
		return []string{v.CName}
	case "DNAME":
		return []string{v.DName}
	case "MX":
		return []string{v.Preference.text(), v.Exchange}
	case "NS":
		return []string{v.NSDName}
	case "PTR":
		return []string{v.PtrDName}
	case "SRV":
		return []string{v.Priority.text(), v.Weight.text(), v.Port.text(), v.Target}
	}
	return make([]string, len(partNames[kind]))
}

// FullName is a name of z in full: these interfaces take it relative to the
// zone or in full, with its last dot or without, and nothing or @ for the zone.
func FullName(z *zone.Zone, name string) string {
	lower := strings.ToLower(strings.TrimSpace(name))
	switch {
	case lower == "", lower == "@":
		return z.Apex()
	case strings.HasSuffix(lower, "."):
		return strings.TrimSpace(name)
	case strings.HasSuffix("."+lower+".", "."+z.Apex()):
		return strings.TrimSpace(name) + "."
	}
	return strings.TrimSpace(name) + "." + z.Apex()
}

// Match reports whether a row of z has all the values given. Of types there may
// be several, with commas between them.
func (v *Values) Match(z *zone.Zone, r *Row) bool {
	if v.Name != "" && !strings.EqualFold(FullName(z, v.Name), r.Name) {
		return false
	}
	if kinds := strings.Split(v.kind(), ","); v.kind() != "" && !slices.Contains(kinds, r.Type) {
		return false
	}
	for _, want := range [][2]string{
		{strings.ToUpper(v.Class), r.Class}, {v.TTL.text(), r.TTL}, {v.Address, r.Address}, {v.Preference.text(), r.Preference},
		{v.Priority.text(), r.Priority}, {v.Weight.text(), r.Weight}, {v.Port.text(), r.Port}, {v.Flag.text(), r.Flag}, {v.Tag, r.Tag},
	} {
		if want[0] != "" && want[0] != want[1] {
			return false
		}
	}
	for _, want := range [][2]string{
		{v.CName, r.CName}, {v.DName, r.DName}, {v.Exchange, r.Exchange}, {v.NSDName, r.NSDName}, {v.PtrDName, r.PtrDName}, {v.Target, r.Target},
	} {
		if want[0] != "" && !strings.EqualFold(strings.TrimSuffix(want[0], "."), want[1]) {
			return false
		}
	}
	return same(v.TxtData, r.TxtData) && same(v.Value, r.Value) && (v.Record == "" || v.Record == r.Record)
}

func same(want string, has *string) bool { return want == "" || has != nil && want == *has }

// Removing edits a zone so that the record on a line is gone.
func Removing(ctx context.Context, zones hosting.Zones, name latchkey.Domain, line int, check func(*zone.Zone) error) (*zone.Zone, error) {
	is, err := zones.Edit(ctx, name, func(z *zone.Zone) (zone.Edit, error) {
		if err := check(z); err != nil {
			return zone.Edit{}, err
		}
		_, err := At(z, line)
		return zone.Edit{Remove: []int{line - 1}}, err
	})
	if errors.Is(err, zone.ErrNoRecord) && latchkey.AsError(err).Param == "remove" { // it counts from 0
		err = &latchkey.Error{Kind: latchkey.Invalid, Param: "line", Err: err, Msg: fmt.Sprintf("There is no record on line %d of the DNS zone.", line)}
	}
	return is, err
}

// Line is the number of the line that two parameters give, line and Line.
func Line(lower, upper hosting.LineParam) (int, error) {
	line := int(max(lower, upper))
	if line == 0 {
		return 0, &latchkey.Error{Kind: latchkey.Missing, Param: "line"}
	}
	return line, nil
}
