// Package record has the records of a zone as the interfaces before UAPI know
// them: flat, by the number of their line, with a field for each part of their
// data. Start at [Rows] and [Values].
package record

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// Row is what stands on a line of a zone, and on those that belong to it. Lines
// are counted from 1. There are programs that look for "line":N, in the text, so
// that line must be a number and not the last member, and no member an object.
type Row struct {
	Line   int    `json:"Line"`
	Lines  int    `json:"Lines"`
	Lower  int    `json:"line"`
	Type   string `json:"type"` // :RAW is a comment, $TTL a control line
	Class  string `json:"class,omitempty"`
	Name   string `json:"name,omitempty"` // in full, with the last dot
	TTL    string `json:"ttl,omitempty"`
	Record string `json:"record,omitempty"` // what says most of the data

	Address    string  `json:"address,omitempty"`
	CName      string  `json:"cname,omitempty"`
	DName      string  `json:"dname,omitempty"`
	Exchange   string  `json:"exchange,omitempty"`
	Preference string  `json:"preference,omitempty"`
	TxtData    *string `json:"txtdata,omitempty"`
	NSDName    string  `json:"nsdname,omitempty"`
	PtrDName   string  `json:"ptrdname,omitempty"`
	Priority   string  `json:"priority,omitempty"`
	Weight     string  `json:"weight,omitempty"`
	Port       string  `json:"port,omitempty"`
	Target     string  `json:"target,omitempty"`
	Flag       string  `json:"flag,omitempty"`
	Tag        string  `json:"tag,omitempty"`
	Value      *string `json:"value,omitempty"`
	MName      string  `json:"mname,omitempty"`
	RName      string  `json:"rname,omitempty"`
	Serial     string  `json:"serial,omitempty"`
	Refresh    string  `json:"refresh,omitempty"`
	Retry      string  `json:"retry,omitempty"`
	Expire     string  `json:"expire,omitempty"`
	Minimum    string  `json:"minimum,omitempty"`
	Raw        *string `json:"raw,omitempty"`
}

// Rows are the lines of a zone.
func Rows(z *zone.Zone) []Row {
	rows := []Row{}
	for at, e := range z.All() {
		rows = append(rows, newRow(at, e))
	}
	return rows
}

// At is what stands on a line, counted from 1.
func At(z *zone.Zone, line int) (Row, error) {
	e := z.At(line - 1)
	if e == nil {
		return Row{}, noRecord("Nothing begins on line %d of the DNS zone.", line)
	}
	return newRow(line-1, e), nil
}

func noRecord(format string, line int) error {
	return &latchkey.Error{Kind: latchkey.Invalid, Param: "line", Msg: fmt.Sprintf(format, line), Err: zone.ErrNoRecord}
}

func newRow(at int, e *zone.Entry) Row {
	r := Row{Line: at + 1, Lower: at + 1, Lines: e.Lines()}
	if e.Kind() != zone.Record {
		return r.of(e.Text())
	}
	r.Type, r.Class, r.Name, r.TTL = e.Type(), "IN", e.Name(), strconv.FormatUint(uint64(e.TTL()), 10)
	data := e.Data()
	parts := r.parts()
	switch {
	case e.Type() == "TXT" || e.Type() == "SPF":
		text := strings.Join(data, "")
		r.TxtData, r.Record = &text, text
	case e.Type() == "CAA" && len(data) == 3:
		r.Flag, r.Tag, r.Value, r.Record = data[0], data[1], &data[2], strings.Join(data, " ")
	case len(parts) == 0 || len(parts) != len(data):
		text := e.Text()
		r.Record, r.Raw = strings.Join(data, " "), &text
	default:
		for i, into := range parts {
			*into = bare(e.Type(), data[i])
		}
		r.Record = *parts[main(e.Type())]
	}
	return r
}

// of is a line that is no record.
func (r Row) of(text string) Row {
	if word, ttl, ok := strings.Cut(text, " "); ok && strings.EqualFold(word, "$TTL") {
		r.Type, r.TTL = "$TTL", strings.TrimSpace(ttl)
		return r
	}
	r.Type, r.Raw = ":RAW", &text
	return r
}

// parts are the members for the data of a record of r's type, in the order in
// which a zone has them. Those of a TXT and a CAA record are others.
func (r *Row) parts() []*string {
	switch r.Type {
	case "A", "AAAA":
		return []*string{&r.Address}
	case "CNAME":
		return []*string{&r.CName}
	case "DNAME":
		return []*string{&r.DName}
	case "MX":
		return []*string{&r.Preference, &r.Exchange}
	case "NS":
		return []*string{&r.NSDName}
	case "PTR":
		return []*string{&r.PtrDName}
	case "SRV":
		return []*string{&r.Priority, &r.Weight, &r.Port, &r.Target}
	case "SOA":
		return []*string{&r.MName, &r.RName, &r.Serial, &r.Refresh, &r.Retry, &r.Expire, &r.Minimum}
	}
	return nil
}

// main is which of a record's parts says most.
func main(kind string) int {
	switch kind {
	case "MX":
		return 1
	case "SRV":
		return 3
	}
	return 0
}

// bare is a part without the last dot of a name, as these interfaces have the
// names that records point to.
func bare(kind, text string) string {
	if kind == "A" || kind == "AAAA" || text == "." {
		return text
	}
	return strings.TrimSuffix(text, ".")
}
