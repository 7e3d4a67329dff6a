package sieve

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
)

// How much of a message is looked at.
const (
	maxHeader = 256 << 10
	maxText   = 4 << 20 // of all texts in it
	maxDepth  = 20      // of parts in parts
	maxParts  = 500
)

// Message is a message, as scripts see it: fields and texts in UTF-8.
type Message struct {
	fields map[string][]string // by name in its usual form
	people map[string][]string // the addresses in those that were asked for
	body   io.Reader
	texts  []string
	read   bool
	room   int
	parts  int
	err    error
}

// Read reads the header of a message; its body is read when a script asks for it,
// until the script has ended. Lines may end in LF or CRLF. Of a header that is
// very long only the beginning is seen.
func Read(r io.Reader) *Message {
	b := bufio.NewReaderSize(r, 4096)
	m := &Message{fields: map[string][]string{}, body: b, room: maxText}
	var header bytes.Buffer
	for {
		line, err := b.ReadSlice('\n')
		whole := err == nil
		if header.Len() < maxHeader {
			header.Write(line)
		}
		if whole && len(bytes.TrimRight(line, "\r\n")) == 0 && endsLine(header.Bytes(), len(line)) {
			break
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if err != io.EOF {
				m.err = err
			}
			break
		}
	}
	m.split(header.String())
	return m
}

// endsLine reports whether the last n bytes of text begin a line.
func endsLine(text []byte, n int) bool {
	at := len(text) - n
	return at <= 0 || text[at-1] == '\n'
}

// split takes a header into its fields. What is no field is passed over.
func (m *Message) split(header string) {
	var name string
	var value strings.Builder // a field may have as many lines as the header
	end := func() {
		if name != "" {
			key := textproto.CanonicalMIMEHeaderKey(name)
			m.fields[key] = append(m.fields[key], decodeWords(strings.TrimSpace(value.String())))
		}
		name = ""
		value.Reset()
	}
	for line := range strings.Lines(header) {
		line = strings.TrimRight(line, "\r\n")
		if line != "" && (line[0] == ' ' || line[0] == '\t') {
			value.WriteString(line)
			continue
		}
		end()
		if n, v, ok := strings.Cut(line, ":"); ok {
			name = strings.TrimRight(n, " \t")
			value.WriteString(v)
		}
	}
	end()
}

var words = mime.WordDecoder{CharsetReader: func(charset string, r io.Reader) (io.Reader, error) {
	e, err := htmlindex.Get(charset)
	if err != nil {
		return nil, err
	}
	return e.NewDecoder().Reader(r), nil
}}

// decodeWords is a field in UTF-8; what cannot be decoded stays as it is.
func decodeWords(text string) string {
	decoded, err := words.DecodeHeader(text)
	if err != nil {
		decoded = text
	}
	return strings.ToValidUTF8(decoded, "\ufffd")
}

// Fields are the texts of the header fields with a name.
func (m *Message) Fields(name string) []string {
	return m.fields[textproto.CanonicalMIMEHeaderKey(name)]
}

// addresses are those in the header fields with a name.
func (m *Message) addresses(name string) []string {
	name = textproto.CanonicalMIMEHeaderKey(name)
	list, known := m.people[name]
	if known {
		return list
	}
	for _, text := range m.fields[name] {
		list = append(list, addresses(text)...)
	}
	if m.people == nil {
		m.people = map[string][]string{}
	}
	m.people[name] = list
	return list
}

// Texts are the texts in the message: its parts of the type text, decoded.
func (m *Message) Texts() []string {
	if m.read || m.err != nil {
		return m.texts
	}
	m.read = true
	first := func(name string) string {
		if list := m.Fields(name); len(list) > 0 {
			return list[0]
		}
		return ""
	}
	m.part(first("Content-Type"), first("Content-Transfer-Encoding"), m.body, 0)
	return m.texts
}

// part gathers the texts of one part.
func (m *Message) part(contentType, encoding string, body io.Reader, depth int) {
	if contentType == "" {
		contentType = "text/plain"
	}
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return
	}
	m.parts++
	switch {
	case m.parts > maxParts || depth > maxDepth:
	case strings.HasPrefix(kind, "multipart/") && params["boundary"] != "":
		m.multipart(multipart.NewReader(body, params["boundary"]), depth)
	case strings.HasPrefix(kind, "text/"):
		m.text(decoder(encoding, body), params["charset"])
	}
}

func (m *Message) multipart(parts *multipart.Reader, depth int) {
	for m.parts <= maxParts && m.room > 0 {
		p, err := parts.NextRawPart()
		if err != nil {
			return
		}
		m.part(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p, depth+1)
	}
}

func decoder(encoding string, body io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		return quotedprintable.NewReader(body)
	}
	return body
}

// text adds one text. Where it cannot be read to its end what there is counts.
func (m *Message) text(r io.Reader, charset string) {
	raw, _ := io.ReadAll(io.LimitReader(r, int64(m.room)))
	m.room -= len(raw)
	text := string(raw)
	if e, err := htmlindex.Get(charset); err == nil {
		if decoded, err := e.NewDecoder().String(text); err == nil {
			text = decoded
		}
	}
	m.texts = append(m.texts, strings.ToValidUTF8(text, "\ufffd"))
}
