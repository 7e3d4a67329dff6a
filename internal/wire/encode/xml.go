package encode

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// XML appends an answer in JSON, as [Append] makes it, as an XML document.
// Objects are elements with an element for each member, arrays are elements
// repeated under one name, null and empty texts are empty elements; an empty
// array is nothing at all. The root element is called root, or, where that is
// empty, as the one member that the answer has.
//
// Every element stands on a line of its own: the oldest clients read XML word by
// word.
//
// A key that is no name in XML has its other characters replaced by _ and stands
// in the attribute name. Characters that XML cannot hold are replaced by U+FFFD.
func XML(dst []byte, root string, answer []byte) []byte {
	if root == "" {
		root, answer = onlyMember(answer)
	}
	var compact bytes.Buffer
	compact.Grow(len(answer))
	if json.Compact(&compact, answer) != nil {
		return XML(dst, root, Append(nil, string(answer))) // what is no JSON is a text
	}
	dst = slices.Grow(dst, 2*len(answer))
	x := xmlWriter{dst: append(dst, "<?xml version=\"1.0\" ?>\n"...), in: compact.Bytes(), tags: map[string]tag{}}
	t := x.tag([]byte(root))
	x.write(t.open)
	if x.take('[') {
		x.repeat(x.tag([]byte("item")))
	} else {
		x.content(t)
	}
	x.write(t.close)
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

// xmlWriter writes what is left of compact JSON.
type xmlWriter struct {
	dst  []byte
	in   []byte
	tags map[string]tag // by the key as it stands in the JSON
}

type tag struct{ open, close string }

// tag is the tag for a key.
func (x *xmlWriter) tag(raw []byte) tag {
	if t, ok := x.tags[string(raw)]; ok {
		return t
	}
	key := string(raw)
	if bytes.IndexByte(raw, '\\') >= 0 {
		_ = json.Unmarshal([]byte(`"`+key+`"`), &key) // it is good JSON
	}
	name, is := elementName(key)
	t := tag{"<" + name + ">", "</" + name + ">"}
	if !is {
		t.open = "<" + name + ` name="` + string(appendXMLText(nil, key)) + `">`
	}
	x.tags[string(raw)] = t
	return t
}

func (x *xmlWriter) write(text string) { x.dst = append(x.dst, text...) }

// take takes a sign from the front of what is left.
func (x *xmlWriter) take(sign byte) bool {
	if len(x.in) == 0 || x.in[0] != sign {
		return false
	}
	x.in = x.in[1:]
	return true
}

// member writes the next value under a tag.
func (x *xmlWriter) member(t tag) {
	if x.take('[') {
		x.repeat(t)
		return
	}
	x.element(t)
}

// element writes the next value under a tag, on a line of its own.
func (x *xmlWriter) element(t tag) {
	x.dst = append(x.dst, '\n')
	x.write(t.open)
	x.content(t)
	x.write(t.close)
}

// repeat writes the elements of an array, each under the tag. One that is an
// array itself is an element that holds others of its name.
func (x *xmlWriter) repeat(t tag) {
	for !x.take(']') {
		x.element(t)
		x.take(',')
	}
}

// content writes the next value without a tag.
func (x *xmlWriter) content(t tag) {
	switch {
	case x.take('{'):
		if x.take('}') {
			return
		}
		for !x.take('}') {
			key := x.quoted()
			x.take(':')
			x.member(x.tag(key))
			x.take(',')
		}
		x.dst = append(x.dst, '\n')
	case x.take('['):
		x.repeat(t)
	case x.in[0] == '"':
		x.text(x.quoted())
	default:
		x.literal()
	}
}

// quoted takes a text in quotes, and is what stands between them.
func (x *xmlWriter) quoted() []byte {
	end := 1
	for x.in[end] != '"' {
		if x.in[end] == '\\' {
			end++
		}
		end++
	}
	raw := x.in[1:end]
	x.in = x.in[end+1:]
	return raw
}

func (x *xmlWriter) text(raw []byte) {
	if bytes.IndexByte(raw, '\\') < 0 {
		x.dst = appendXMLText(x.dst, raw)
		return
	}
	var text string
	_ = json.Unmarshal(slices.Concat([]byte{'"'}, raw, []byte{'"'}), &text) // it is good JSON
	x.dst = appendXMLText(x.dst, text)
}

// literal writes a number, a bool as 1 or 0, and null as nothing.
func (x *xmlWriter) literal() {
	end := bytes.IndexAny(x.in, ",]}")
	if end < 0 {
		end = len(x.in)
	}
	switch word := string(x.in[:end]); word {
	case "null":
	case "true":
		x.write("1")
	case "false":
		x.write("0")
	default:
		x.write(word)
	}
	x.in = x.in[end:]
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
func appendXMLText[T string | []byte](dst []byte, text T) []byte {
	start := 0
	for i := 0; i < len(text); {
		if plainInXML[text[i]] {
			i++
			continue
		}
		with, size := xmlEscape(text[i:])
		if with != "" {
			dst = append(append(dst, text[start:i]...), with...)
			start = i + size
		}
		i += size
	}
	return append(dst, text[start:]...)
}

// plainInXML are the bytes that stand for themselves.
var plainInXML = func() (plain [256]bool) {
	for c := range utf8.RuneSelf {
		plain[c] = c >= ' ' && strings.IndexByte(`&<>"`, byte(c)) < 0 || c == '\n' || c == '\t'
	}
	return plain
}()

// xmlEscape is what the first character of text is written as, and how many
// bytes it has; "" for itself.
func xmlEscape[T string | []byte](text T) (with string, size int) {
	switch text[0] {
	case '&':
		return "&amp;", 1
	case '<':
		return "&lt;", 1
	case '>':
		return "&gt;", 1
	case '"':
		return "&quot;", 1
	case '\r':
		return "&#13;", 1
	}
	r, size := decodeRune(text)
	if r < ' ' || r == 0xFFFE || r == 0xFFFF || r == utf8.RuneError && size == 1 {
		return "\uFFFD", size
	}
	return "", size
}
