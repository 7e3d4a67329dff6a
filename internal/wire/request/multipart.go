package request

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// File is one file of a multipart body. Name and Field are as they were sent:
// a Name may hold slashes, dots and anything else, and whoever stores the file
// judges it.
type File struct {
	Field string // the name of the part
	Name  string // what the sender calls the file; never empty
	Size  int64
	data  *io.SectionReader
}

// Open is a reader at the start of the file, good until the [Parsed] it came
// with is closed. It needs no closing.
func (f *File) Open() *io.SectionReader { return io.NewSectionReader(f.data, 0, f.Size) }

// multipart adds the fields of a multipart body and stores its files.
func (c *collector) multipart(r *http.Request, contentType string) (Parsed, error) {
	if r.ContentLength > c.limits.Body+c.limits.Upload {
		return Parsed{}, bodyTooLarge(c.limits.Body + c.limits.Upload)
	}
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["boundary"] == "" {
		return Parsed{}, latchkey.Errorf(latchkey.Invalid, "The Content-Type of the multipart body names no boundary.")
	}
	m := meter{src: r.Body, left: c.limits.Body}
	f := formReader{collector: c, meter: &m, parts: multipart.NewReader(&m, params["boundary"])}
	if err := f.read(); err != nil {
		f.store.close()
		return Parsed{}, err
	}
	return Parsed{Args: c.args, Files: f.files, spool: f.store.disk}, nil
}

// formReader reads one multipart body.
type formReader struct {
	*collector
	meter *meter
	parts *multipart.Reader
	files []File
	store store
	sizes int64 // of the files so far
}

func (f *formReader) read() error {
	for n := 0; ; n++ {
		// Not NextPart: it would undo one transfer encoding unasked.
		part, err := f.parts.NextRawPart()
		if err == io.EOF || err != nil && f.meter.read == 0 && f.meter.err == io.EOF {
			return nil
		}
		if err != nil {
			return f.broken()
		}
		if n == f.limits.Parts {
			return latchkey.Errorf(latchkey.Invalid, "The multipart body has more than %d parts.", f.limits.Parts)
		}
		if err := f.part(part); err != nil {
			return err
		}
	}
}

func (f *formReader) part(part *multipart.Part) error {
	name, filename := disposition(part.Header.Get("Content-Disposition"))
	if name == "" {
		return latchkey.Errorf(latchkey.Invalid, "A part of the multipart body has no name.")
	}
	if err := f.checkKey(name); err != nil {
		return err
	}
	switch strings.ToLower(part.Header.Get("Content-Transfer-Encoding")) {
	case "", "binary", "8bit", "7bit":
	default:
		return latchkey.InvalidParam(name, "The ‘%s’ argument has a Content-Transfer-Encoding. Send it without one.", name)
	}
	if filename != "" {
		return f.file(name, filename, part)
	}
	return f.field(name, part)
}

// disposition is the name and the filename of a multipart part.
func disposition(header string) (name, filename string) {
	_, params, err := mime.ParseMediaType(header)
	if err != nil {
		return "", ""
	}
	return params["name"], params["filename"]
}

func (f *formReader) field(name string, part *multipart.Part) error {
	value, err := io.ReadAll(io.LimitReader(part, int64(f.limits.Value)+1))
	if err != nil {
		return f.broken()
	}
	return f.add(name, string(value), true)
}

func (f *formReader) file(field, name string, part *multipart.Part) error {
	if f.limits.Upload <= 0 {
		return latchkey.InvalidParam(field, "The ‘%s’ argument is a file, and no file is expected here.", field)
	}
	if len(name) > f.limits.Key {
		return latchkey.InvalidParam(field, "The name of the file in the ‘%s’ argument is longer than %d bytes.", field, f.limits.Key)
	}
	allowed := f.limits.Upload - f.sizes
	data, err := f.store.put(io.LimitReader(credited{part, f.meter}, allowed+1), f.limits.Spool)
	if err != nil {
		return f.unstored(err)
	}
	if data.Size() > allowed {
		return latchkey.Errorf(latchkey.Invalid, "The files in the request are together larger than %d bytes.", f.limits.Upload)
	}
	f.sizes += data.Size()
	f.files = append(f.files, File{Field: field, Name: name, Size: data.Size(), data: data})
	return nil
}

func (f *formReader) unstored(err error) error {
	if e, ok := errors.AsType[storeError](err); ok {
		return &latchkey.Error{Kind: latchkey.Unavailable, Msg: "The file could not be stored just now. Try again later.", Err: e.error}
	}
	return f.broken()
}

// broken says why the body could not be read on. The multipart reader's own
// errors quote the body and are therefore not passed on.
func (f *formReader) broken() error {
	switch {
	case f.meter.left < 0:
		return bodyTooLarge(f.limits.Body)
	case f.meter.err != nil && f.meter.err != io.EOF:
		return unreadable(f.meter.err)
	}
	return latchkey.Errorf(latchkey.Invalid, "The multipart body is cut short or cannot be understood.")
}

// meter reads a body until the bytes it may hold besides files are used up,
// and remembers how reading ended.
type meter struct {
	src  io.Reader
	left int64
	read int64
	err  error
}

func (m *meter) Read(p []byte) (int, error) {
	if m.left < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := m.src.Read(p)
	m.left -= int64(n)
	m.read += int64(n)
	m.err = err
	return n, err
}

// credited gives the bytes of a file back to the meter they came through.
type credited struct {
	file  io.Reader
	meter *meter
}

func (c credited) Read(p []byte) (int, error) {
	n, err := c.file.Read(p)
	c.meter.left += int64(n)
	return n, err
}
