package encode

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// XML appends an answer in JSON, as [Append] makes it, as an XML document.
// Objects are elements with an element for each member, arrays are elements
// repeated under one name, null and empty texts are empty elements; an empty
// array is nothing at all. The root element is called root, or, where that is
// empty, as the one member that the answer has.
//
// A key that is no name in XML has its other characters replaced by _ and stands
// in the attribute name. Characters that XML cannot hold are replaced by U+FFFD.
func XML(dst []byte, root string, answer []byte) []byte {
	if root == "" {
		root, answer = onlyMember(answer)
	}
	x := xmlWriter{dst: append(dst, "<?xml version=\"1.0\" ?>\n"...), d: json.NewDecoder(bytes.NewReader(answer))}
	x.d.UseNumber()
	t := x.next()
	x.element(root, func() {
		if t == json.Delim('[') {
			x.repeat("item")
			return
		}
		x.content(root, t)
	})
	return append(x.dst, '\n')
}

// onlyMember is the one member of an answer, with its name, or all of it as
// result.
func onlyMember(answer []byte) (name string, value []byte) {
	var members map[string]json.RawMessage
	if json.Unmarshal(answer, &members) == nil && len(members) == 1 {
		for name, value := range members {
			return name, value
		}
	}
	return "result", answer
}

type xmlWriter struct {
	dst []byte
	d   *json.Decoder
	err error // what follows cannot be read
}

// next is the next token, nil for null and where there is none.
func (x *xmlWriter) next() (t json.Token) {
	if x.err == nil {
		t, x.err = x.d.Token()
	}
	return t
}

// more reports whether the object or array goes on.
func (x *xmlWriter) more() bool { return x.err == nil && x.d.More() }

func (x *xmlWriter) element(key string, content func()) {
	name, is := elementName(key)
	x.dst = append(append(x.dst, '<'), name...)
	if !is {
		x.dst = append(x.dst, ` name="`...)
		x.dst = append(appendXMLText(x.dst, key), '"')
	}
	x.dst = append(x.dst, '>')
	content()
	x.dst = append(append(append(x.dst, "</"...), name...), '>')
}

// member writes the value whose first token is t under a name.
func (x *xmlWriter) member(name string, t json.Token) {
	if t == json.Delim('[') {
		x.repeat(name)
		return
	}
	x.element(name, func() { x.content(name, t) })
}

// repeat writes the elements of an array, each under name. One that is an array
// itself is an element that holds others of its name.
func (x *xmlWriter) repeat(name string) {
	for x.more() {
		t := x.next()
		x.element(name, func() {
			if t == json.Delim('[') {
				x.repeat(name)
				return
			}
			x.content(name, t)
		})
	}
	x.next()
}

func (x *xmlWriter) content(name string, t json.Token) {
	switch t := t.(type) {
	case json.Delim:
		for x.more() {
			key, _ := x.next().(string)
			x.member(key, x.next())
		}
		x.next()
	case string:
		x.dst = appendXMLText(x.dst, t)
	case json.Number:
		x.dst = append(x.dst, t...)
	case bool:
		x.dst = appendBit(x.dst, t)
	}
}

// elementName is the name of the element for a key, and whether it is the key.
func elementName(key string) (name string, is bool) {
	name = strings.Map(func(r rune) rune {
		if r == '-' || r == '.' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, key)
	if name == "" || strings.IndexByte("-.0123456789", name[0]) >= 0 || len(name) >= 3 && strings.EqualFold(name[:3], "xml") {
		name = "_" + name
	}
	return name, name == key
}

// appendXMLText appends text fit for an element and for an attribute in double
// quotes.
func appendXMLText(dst []byte, text string) []byte {
	for _, r := range text {
		switch {
		case r == '&':
			dst = append(dst, "&amp;"...)
		case r == '<':
			dst = append(dst, "&lt;"...)
		case r == '>':
			dst = append(dst, "&gt;"...)
		case r == '"':
			dst = append(dst, "&quot;"...)
		case r == '\r':
			dst = append(dst, "&#13;"...)
		case r == '\n' || r == '\t':
			dst = append(dst, byte(r))
		case r < ' ' || r == 0xFFFE || r == 0xFFFF:
			dst = append(dst, "\uFFFD"...)
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}
