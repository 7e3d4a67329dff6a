package encode

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Template is JSON with holes: names without quotes, such as
//
//	{"result":[{"options":data,"status":status}]}
//
// The word * instead of a member stands for the members of an object.
type Template struct {
	text  string
	root  part
	holes map[string]bool
}

// part is one value of a template.
type part struct {
	kind  byte // '{' or '[', 'h' for a hole and 'l' for a literal
	text  string
	keys  []string // of '{': `"name":`, or "" for a hole that gives members
	parts []part
}

// ParseTemplate reads a template.
func ParseTemplate(text string) (*Template, error) {
	p := templateParser{text: text, t: &Template{text: text, holes: map[string]bool{}}}
	root, err := p.value()
	if err == nil && p.text != "" {
		err = fmt.Errorf("something follows the template: %s", p.text)
	}
	p.t.root = root
	return p.t, err
}

// String is the template as it was written.
func (t *Template) String() string { return t.text }

// Has reports whether the template has a hole of this name.
func (t *Template) Has(hole string) bool { return t.holes[hole] }

// Holes are the names of the holes, in their order.
func (t *Template) Holes() []string { return slices.Sorted(maps.Keys(t.holes)) }

// Append appends the template with its holes filled. fill appends one complete
// JSON value, an object for *, or reports false: a member is left out then, and
// an element is null.
func (t *Template) Append(dst []byte, fill func(dst []byte, hole string) ([]byte, bool)) []byte {
	f := filler{dst: dst, fill: fill}
	if !f.value(&t.root) {
		f.write("null")
	}
	return f.dst
}

type filler struct {
	dst  []byte
	fill func(dst []byte, hole string) ([]byte, bool)
}

func (f *filler) write(text string) { f.dst = append(f.dst, text...) }

func (f *filler) value(p *part) bool {
	switch p.kind {
	case 'h':
		dst, ok := f.fill(f.dst, p.text)
		if ok {
			f.dst = dst
		}
		return ok
	case 'l':
		f.write(p.text)
	case '{':
		f.members(p)
	case '[':
		f.elements(p)
	}
	return true
}

func (f *filler) members(p *part) {
	f.write("{")
	first := len(f.dst)
	for i := range p.parts {
		start := len(f.dst)
		if start > first {
			f.write(",")
		}
		f.write(p.keys[i])
		from := len(f.dst)
		if !f.value(&p.parts[i]) || p.keys[i] == "" && !f.spread(from) {
			f.dst = f.dst[:start]
		}
	}
	f.write("}")
}

// spread makes members of the object that was written from a position on. It
// fails for what is no object or an empty one.
func (f *filler) spread(from int) bool {
	object := f.dst[from:]
	if len(object) <= 2 || object[0] != '{' {
		return false
	}
	copy(object, object[1:])
	f.dst = f.dst[:len(f.dst)-2]
	return true
}

func (f *filler) elements(p *part) {
	f.write("[")
	for i := range p.parts {
		if i > 0 {
			f.write(",")
		}
		if !f.value(&p.parts[i]) {
			f.write("null")
		}
	}
	f.write("]")
}

type templateParser struct {
	text string
	t    *Template
}

// take takes a sign from the front of what is left.
func (p *templateParser) take(sign string) bool {
	rest, ok := strings.CutPrefix(p.text, sign)
	p.text = rest
	return ok
}

func (p *templateParser) value() (part, error) {
	switch {
	case p.take("{"):
		return p.list('{', "}")
	case p.take("["):
		return p.list('[', "]")
	case strings.HasPrefix(p.text, `"`):
		text, err := p.quoted()
		return part{kind: 'l', text: text}, err
	}
	end := strings.IndexAny(p.text, ",:]}")
	if end < 0 {
		end = len(p.text)
	}
	word := p.text[:end]
	p.text = p.text[end:]
	switch {
	case word == "" || word != "*" && strings.ContainsAny(word, " \t\n\"{[*"):
		return part{}, fmt.Errorf("neither a value nor the name of a hole: %q", word)
	case json.Valid([]byte(word)):
		return part{kind: 'l', text: word}, nil
	}
	p.t.holes[word] = true
	return part{kind: 'h', text: word}, nil
}

// list reads the members of an object or the elements of an array.
func (p *templateParser) list(kind byte, end string) (part, error) {
	list := part{kind: kind}
	for more := !p.take(end); more; more = !p.take(end) {
		if len(list.parts) > 0 && !p.take(",") {
			return list, fmt.Errorf("a comma or %s is missing before %q", end, p.text)
		}
		key := ""
		if kind == '{' && !strings.HasPrefix(p.text, "*") {
			quoted, err := p.quoted()
			if err != nil || !p.take(":") {
				return list, fmt.Errorf("a name with a colon is missing before %q", p.text)
			}
			key = quoted + ":"
		}
		v, err := p.value()
		if err != nil {
			return list, err
		}
		list.keys, list.parts = append(list.keys, key), append(list.parts, v)
	}
	return list, nil
}

func (p *templateParser) quoted() (string, error) {
	end := 1 + strings.IndexByte(strings.TrimPrefix(p.text, `"`), '"')
	if !strings.HasPrefix(p.text, `"`) || end == 0 || !json.Valid([]byte(p.text[:end+1])) {
		return "", fmt.Errorf("a text in quotes is missing before %q", p.text)
	}
	text := p.text[:end+1]
	p.text = p.text[end+1:]
	return text, nil
}
