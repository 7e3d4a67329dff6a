package dns

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// EditParams are the parameters of functions that edit a zone by lines.
type EditParams struct {
	Zone   hosting.ZoneParam   `param:"zone" doc:"The zone to edit."`
	Serial Serial              `param:"serial" doc:"The serial number that the zone had when it was read. If it has another by now, nothing changes."`
	Add    []Addition          `param:"add,optional" doc:"A record to add, as a JSON object: dname, ttl, record_type and data, a list of texts. A name without a dot at its end is relative to the zone."`
	Edit   []Replacement       `param:"edit,optional" doc:"A record to put in the place of another: as for add, and line_index, the line on which that one begins."`
	Remove []hosting.LineParam `param:"remove,optional" doc:"The line index of a record to remove."`
}

// Serial is a serial number as it was given.
type Serial string

// ParseParam reads a serial number. One that no zone can have is as good as any
// other that a zone does not have.
func (s *Serial) ParseParam(text string) error {
	if text == "" || len(text) > 20 || strings.Trim(text, "0123456789") != "" {
		return fmt.Errorf("must be a whole number")
	}
	*s = Serial(text)
	return nil
}

// ParamType is the public name of the type.
func (*Serial) ParamType() string { return "integer" }

// is reports whether it is the serial number n.
func (s Serial) is(n uint32) bool {
	given, err := strconv.ParseUint(string(s), 10, 32)
	return err == nil && uint32(given) == n
}

// Addition is a record that is to be.
type Addition struct{ zone.New }

// ParseParam reads a JSON object.
func (a *Addition) ParseParam(text string) error {
	r, err := readRecord(text)
	if err == nil {
		a.New, err = r.record()
	}
	return err
}

// Replacement is a record that is to be in the place of another.
type Replacement struct {
	zone.New
	Line int
}

// ParseParam reads a JSON object.
func (r *Replacement) ParseParam(text string) error {
	o, err := readRecord(text)
	if err != nil {
		return err
	}
	if r.New, err = o.record(); err != nil {
		return err
	}
	line, err := strconv.ParseUint(string(o.Line), 10, 31)
	if err != nil {
		return fmt.Errorf("must have a “line_index”, the number of a line")
	}
	r.Line = int(line)
	return nil
}

// object is a record as clients write it.
type object struct {
	Name *string `json:"dname"`
	TTL  scalar  `json:"ttl"`
	Type string  `json:"record_type"`
	Data scalars `json:"data"`
	Line scalar  `json:"line_index"`
}

// scalar is a text or a number.
type scalar string

// UnmarshalJSON takes a text as it is, and a number as it is written.
func (s *scalar) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(s))
	}
	var n json.Number
	err := json.Unmarshal(b, &n)
	*s = scalar(n)
	return err
}

type scalars []scalar

func readRecord(text string) (o object, err error) {
	if err := json.Unmarshal([]byte(text), &o); err != nil || !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") {
		return o, fmt.Errorf("must be a JSON object with “dname”, “ttl”, “record_type” and “data”, a list of texts")
	}
	return o, nil
}

// record is the record that an object says.
func (o *object) record() (zone.New, error) {
	switch {
	case o.Name == nil:
		return zone.New{}, fmt.Errorf("must have a “dname”")
	case o.Type == "":
		return zone.New{}, fmt.Errorf("must have a “record_type”")
	case o.Data == nil:
		return zone.New{}, fmt.Errorf("must have “data”, a list of texts")
	}
	ttl, err := strconv.ParseUint(string(o.TTL), 10, 32)
	if err != nil {
		return zone.New{}, fmt.Errorf("must have a “ttl”, a number of seconds")
	}
	n := zone.New{Name: *o.Name, TTL: uint32(ttl), Type: o.Type, Data: make([]string, len(o.Data))}
	for i, s := range o.Data {
		n.Data[i] = string(s)
	}
	return n, nil
}

// Edited is the answer to an edit.
type Edited struct {
	Serial string `json:"new_serial"`
}

// UAPI: DNS::mass_edit_zone.
func massEditZone(ctx context.Context, acct hosting.Account, p EditParams) (Edited, error) {
	return MassEdit(ctx, acct.Zones(), &p)
}

// MassEdit edits one of zones.
func MassEdit(ctx context.Context, zones hosting.Zones, p *EditParams) (Edited, error) {
	is, err := zones.Edit(ctx, p.Zone.Domain, func(z *zone.Zone) (zone.Edit, error) {
		if !p.Serial.is(z.Serial()) {
			return zone.Edit{}, &latchkey.Error{Kind: latchkey.Invalid, Param: "serial", Msg: fmt.Sprintf(
				"The given serial number (%s) does not match the DNS zone's serial number (%d). Refresh your view of the DNS zone, then resubmit.", p.Serial, z.Serial())}
		}
		return p.edit(z)
	})
	if err != nil {
		return Edited{}, err
	}
	return Edited{strconv.FormatUint(uint64(is.Serial()), 10)}, nil
}

// edit is what is asked for.
func (p *EditParams) edit(z *zone.Zone) (zone.Edit, error) {
	e := zone.Edit{Replace: make(map[int]zone.New)}
	for _, a := range p.Add {
		if a.Name == "@" {
			return e, noApex(z)
		}
		e.Add = append(e.Add, a.New)
	}
	for _, r := range p.Edit {
		if r.Name == "@" {
			return e, noApex(z)
		}
		if _, twice := e.Replace[r.Line]; twice {
			return e, latchkey.InvalidParam("edit", "The record at line index %d is named twice.", r.Line)
		}
		e.Replace[r.Line] = r.New
	}
	for _, line := range p.Remove {
		e.Remove = append(e.Remove, int(line))
	}
	return e, nil
}

// noApex is the answer to the name @, which zone files have and this function
// has not.
func noApex(z *zone.Zone) error {
	return &latchkey.Error{Kind: latchkey.Invalid, Param: "dname", Traced: true,
		Msg: "The name “@” is not understood here: write “" + z.Apex() + "” for the zone itself."}
}
