package zone

import (
	"errors"
	"strings"
)

// token is one word of a line, or one text in quotes, as it stands there.
type token struct {
	start, end int
	quoted     bool
}

func (t token) raw(text string) string { return text[t.start:t.end] }

// value is what the token means, without quotes and escapes.
func (t token) value(text string) string {
	s := t.raw(text)
	if t.quoted {
		s = s[1 : len(s)-1]
	}
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		if n, ok := octet(s[i+1:]); ok {
			b.WriteByte(n)
			i += 3
			continue
		}
		i++
		b.WriteByte(s[i])
	}
	return b.String()
}

// octet reads the three digits of an escape.
func octet(s string) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	n := 0
	for _, c := range []byte(s[:3]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return byte(n), n < 256
}

// item is one entry as it was cut out of the text: from one line's beginning to
// the end of the same line, or of a later one if parentheses hold them together.
type item struct {
	end    int // in the text
	lines  int
	bare   bool // its first line begins with a blank: it has no name of its own
	tokens []token
	braces bool
}

// lex reads the entry at a place of a text.
func lex(text string, at int) (item, error) {
	it := item{end: at, bare: at < len(text) && (text[at] == ' ' || text[at] == '\t')}
	depth := 0
	for i := at; i < len(text); {
		c := text[i]
		switch {
		case c == '\n':
			it.lines++
			i++
			if depth == 0 {
				it.end = i
				return it, nil
			}
		case c == ' ', c == '\t':
			i++
		case c == '\r' && i+1 < len(text) && text[i+1] == '\n':
			i++
		case c == ';':
			n, err := commentEnd(text, i)
			if err != nil {
				return it, err
			}
			i = n
		case c == '(':
			if i == at {
				return it, errors.New("a record cannot begin with a parenthesis")
			}
			depth++
			it.braces = true
			i++
		case c == ')':
			if depth--; depth < 0 {
				return it, errors.New("a parenthesis is closed that was not opened")
			}
			i++
		default:
			t, err := word(text, i)
			if err != nil {
				return it, err
			}
			it.tokens = append(it.tokens, t)
			i = t.end
		}
	}
	if depth > 0 {
		return it, errors.New("a parenthesis is not closed")
	}
	it.end = len(text)
	it.lines++
	return it, nil
}

func commentEnd(text string, i int) (int, error) {
	for ; i < len(text) && text[i] != '\n'; i++ {
		if forbidden(text, i) {
			return i, errControl
		}
	}
	return i, nil
}

var errControl = errors.New("there is a control character: write it as \\DDD")

// forbidden reports whether the byte at i must not stand anywhere in a zone.
func forbidden(text string, i int) bool {
	c := text[i]
	return c == 0x7f || c < ' ' && c != '\t' && (c != '\r' || i+1 == len(text) || text[i+1] != '\n')
}

// word reads the token at a place of a text.
func word(text string, at int) (token, error) {
	t := token{start: at}
	if text[at] == '"' {
		end, err := quote(text, at)
		t.end, t.quoted = end, true
		if err == nil && end < len(text) && strings.IndexByte(" \t\r\n;()", text[end]) < 0 {
			err = errors.New("there must be a blank after a text in quotes")
		}
		return t, err
	}
	i := at
	for i < len(text) && strings.IndexByte(" \t\n;()", text[i]) < 0 {
		switch c := text[i]; {
		case c == '\r' && i+1 < len(text) && text[i+1] == '\n':
			t.end = i
			return t, nil
		case c >= 0x80:
			return t, errors.New("a letter outside ASCII must stand in quotes")
		case forbidden(text, i):
			return t, errControl
		case c == '\\':
			n, err := escape(text, i)
			if err != nil {
				return t, err
			}
			i = n
		case c == '"':
			if text[i-1] != '=' {
				return t, errors.New("there must be a blank before a text in quotes")
			}
			end, err := quote(text, i)
			if err != nil {
				return t, err
			}
			i = end
		default:
			i++
		}
	}
	t.end = i
	return t, nil
}

// quote finds the end of the text in quotes that begins at i.
func quote(text string, i int) (int, error) {
	for i++; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			return i + 1, nil
		case c == '\n', c == '\r':
			return i, errors.New("a quotation mark is not closed on its line")
		case forbidden(text, i):
			return i, errControl
		case c == '\\':
			n, err := escape(text, i)
			if err != nil {
				return i, err
			}
			i = n
		default:
			i++
		}
	}
	return i, errors.New("a quotation mark is not closed")
}

// escape finds the end of the escape that begins at i.
func escape(text string, i int) (int, error) {
	i++
	if i == len(text) || text[i] == '\n' || text[i] == '\r' || forbidden(text, i) {
		return i, errors.New("nothing follows a backslash")
	}
	if c := text[i]; c < '0' || c > '9' {
		return i + 1, nil
	}
	if _, ok := octet(text[i:]); !ok {
		return i, errors.New("a backslash and digits must be \\000 to \\255")
	}
	return i + 3, nil
}
