package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/store"
)

// An export is lines of JSON: one that says after which link it begins; for each
// link one with the link as it is, and one for each of its events, as [Line]; and one
// that says where it ends. The links are the trail's own chain: nothing in the file
// can be changed without changing its last hash, and that is sealed.

// exportVersion is the form of exports. With another one, events may be written
// otherwise.
const exportVersion = 1

type exportHead struct {
	Version int    `json:"latchkey_audit_export"`
	After   uint64 `json:"after_link"`
	Hash    string `json:"after_hash"`
	Events  int    `json:"after_events"`
}

type exportLink struct {
	Seq    uint64 `json:"link"`
	At     int64  `json:"written_us"`
	Events int    `json:"events"`
	Hash   string `json:"hash"`
	Body   []byte `json:"body"`
}

type exportEnd struct {
	Seq    uint64 `json:"end_link"`
	Hash   string `json:"end_hash"`
	Links  int    `json:"links"`
	Events int    `json:"events"`
	Seal   string `json:"seal"`
}

// Span is a part of the trail: the links that were written from Since on and
// before Until, up to Last; what is zero does not count.
type Span struct {
	Since, Until time.Time
	Last         uint64
}

// sealed is what the seal of an export is of: everything between two links.
func sealed(from, to *chain) []byte {
	var b []byte
	for _, c := range []*chain{from, to} {
		b = binary.BigEndian.AppendUint64(b, c.Seq)
		b = binary.BigEndian.AppendUint64(b, uint64(c.events))
		b = append(b, c.Hash[:]...)
	}
	return b
}

// Export writes a part of the trail to w, and checks it as it goes: a trail that
// is not whole is not exported further than it is.
func Export(ctx context.Context, s store.Store, heads *Heads, w io.Writer, part Span) error {
	a, err := anchorOf(ctx, s, heads)
	if err != nil {
		return err
	}
	x := newExporter(w, a, part)
	enough := errors.New("enough")
	err = walk(ctx, s, a.Seq, func(l *store.Link) error {
		if part.Last > 0 && l.Seq > part.Last || !part.Until.IsZero() && !l.At.Before(part.Until) {
			return enough
		}
		return x.link(l)
	})
	if err != nil && err != enough {
		return err
	}
	return x.end(heads.Keys)
}

// exporter is an export on its way.
type exporter struct {
	at, from chain
	begun    bool
	links    int
	part     Span
	out      *bufio.Writer
	enc      *json.Encoder
}

func newExporter(w io.Writer, from anchor, part Span) *exporter {
	x := &exporter{at: chain{from.head, from.Events}, out: bufio.NewWriterSize(w, 1<<16), part: part}
	x.enc = json.NewEncoder(x.out)
	x.enc.SetEscapeHTML(false)
	return x
}

func (x *exporter) begin() error {
	if x.begun {
		return nil
	}
	x.begun, x.from = true, x.at
	return x.enc.Encode(exportHead{exportVersion, x.at.Seq, hex.EncodeToString(x.at.Hash[:]), x.at.events})
}

func (x *exporter) link(l *store.Link) error {
	wanted := x.begun || x.part.Since.IsZero() || !l.At.Before(x.part.Since)
	if wanted {
		if err := x.begin(); err != nil {
			return err
		}
	}
	events, err := x.at.next(l)
	if err != nil || !wanted {
		return err
	}
	x.links++
	if err := x.enc.Encode(exportLink{l.Seq, l.At.UnixMicro(), l.Events, hex.EncodeToString(l.Hash[:]), l.Body}); err != nil {
		return err
	}
	for i := range events {
		if err := x.enc.Encode(LineOf(l.Seq, &events[i])); err != nil {
			return err
		}
	}
	return nil
}

func (x *exporter) end(keys *auth.Keys) error {
	if err := x.begin(); err != nil {
		return err
	}
	seal := keys.SealExport(sealed(&x.from, &x.at))
	end := exportEnd{x.at.Seq, hex.EncodeToString(x.at.Hash[:]), x.links, x.at.events - x.from.events, hex.EncodeToString(seal[:])}
	if err := x.enc.Encode(end); err != nil {
		return err
	}
	return x.out.Flush()
}

// Exported is what [VerifyExport] found.
type Exported struct {
	Known
	After  Known // the link before the first
	Links  int
	Events int
	Sealed bool // by the server whose key was given
}

// maxLine bounds a line of an export.
const maxLine = 64 << 20

// VerifyExport checks an export: that every event in it is the one that stood in
// the trail, that none is missing between the first and the last, and, with the
// server's keys, that it is the server's. The error names the first line that is
// wrong.
func VerifyExport(r io.Reader, keys *auth.Keys) (Exported, error) {
	v := &exportReader{in: bufio.NewReaderSize(r, 1<<16)}
	found, err := v.verify(keys)
	if err != nil {
		err = fmt.Errorf("line %d: %w", v.n, err)
	}
	return found, err
}

// exportReader reads an export line by line.
type exportReader struct {
	in *bufio.Reader
	n  int
}

func (v *exportReader) line() ([]byte, error) {
	v.n++
	var line []byte
	for {
		part, err := v.in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case err == io.EOF:
			return nil, errors.New("the file ends before its last line: its end was cut off")
		case err != bufio.ErrBufferFull:
			return nil, err
		case len(line) > maxLine:
			return nil, errors.New("it is too long")
		}
	}
}

// strictly reads line into v, and nothing that v does not have.
func strictly(line []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return errors.New("it is not a line of an export")
	}
	return nil
}

func (v *exportReader) verify(keys *auth.Keys) (found Exported, err error) {
	from, err := v.begin()
	if err != nil {
		return found, err
	}
	found.After = Known(from.head)
	at := from
	for {
		line, err := v.line()
		if err != nil {
			return found, err
		}
		if bytes.HasPrefix(line, []byte(`{"end_link":`)) {
			found.Known = Known(at.head)
			return found, v.end(line, keys, &from, &at, &found)
		}
		if err := v.link(line, &at); err != nil {
			return found, err
		}
		found.Links++
		found.Events = at.events - from.events
	}
}

func (v *exportReader) begin() (from chain, err error) {
	line, err := v.line()
	if err != nil {
		return from, err
	}
	var h exportHead
	if err := strictly(line, &h); err != nil {
		return from, errors.New("this is not an export of an audit trail")
	}
	if h.Version != exportVersion {
		return from, fmt.Errorf("the export is of version %d, this program knows %d", h.Version, exportVersion)
	}
	if h.Events < 0 {
		return from, errors.New("it is not a line of an export")
	}
	from = chain{head{Seq: h.After}, h.Events}
	from.Hash, err = parseHash(h.Hash)
	return from, err
}

// link reads a link whose first line is line, and the lines of its events.
func (v *exportReader) link(line []byte, at *chain) error {
	var l exportLink
	if err := strictly(line, &l); err != nil {
		return err
	}
	link := store.Link{Seq: l.Seq, At: time.UnixMicro(l.At).UTC(), Events: l.Events, Body: l.Body}
	var err error
	if link.Hash, err = parseHash(l.Hash); err != nil {
		return err
	}
	events, err := at.next(&link)
	if err != nil {
		return err
	}
	var want bytes.Buffer
	enc := json.NewEncoder(&want)
	enc.SetEscapeHTML(false)
	for i := range events {
		line, err := v.line()
		if err != nil {
			return err
		}
		want.Reset()
		if err := enc.Encode(LineOf(l.Seq, &events[i])); err != nil {
			return err
		}
		if !bytes.Equal(line, want.Bytes()) {
			return fmt.Errorf("event %d, of link %d: it was changed, it is not what the link has", at.events-len(events)+i+1, l.Seq)
		}
	}
	return nil
}

func (v *exportReader) end(line []byte, keys *auth.Keys, from, at *chain, found *Exported) error {
	var e exportEnd
	if err := strictly(line, &e); err != nil {
		return err
	}
	if e.Seq != at.Seq || e.Hash != hex.EncodeToString(at.Hash[:]) || e.Links != found.Links || e.Events != found.Events {
		return fmt.Errorf("the file should end at link %d with %d events, and ends at link %d with %d", e.Seq, e.Events, at.Seq, found.Events)
	}
	if _, err := v.in.ReadByte(); err != io.EOF {
		return errors.New("something stands after the end")
	}
	if keys == nil {
		return nil
	}
	seal := keys.SealExport(sealed(from, at))
	if found.Sealed = hex.EncodeToString(seal[:]) == e.Seal; !found.Sealed {
		return errors.New("the seal does not fit: the file was made anew, or by another server")
	}
	return nil
}
