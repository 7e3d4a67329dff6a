package request

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// jsonSpace is the white space of JSON.
const jsonSpace = " \t\r\n"

// json adds the arguments of a body that is one flat JSON object. Nesting is
// refused where it begins, so that its depth costs nothing.
func (c *collector) json(text []byte) error {
	if len(bytes.TrimLeft(text, jsonSpace)) == 0 {
		return nil
	}
	// The decoder would silently put U+FFFD in the place of either.
	if !utf8.Valid(text) || hasLoneSurrogate(text) {
		return latchkey.Errorf(latchkey.Invalid, "The JSON body is not valid UTF-8 text.")
	}
	d := flatDecoder{c, json.NewDecoder(bytes.NewReader(text))}
	d.UseNumber()
	return d.object()
}

// flatDecoder reads one flat object. The decoder's own errors quote the body
// and are therefore not passed on.
type flatDecoder struct {
	*collector
	*json.Decoder
}

func (d flatDecoder) object() error {
	token, err := d.Token()
	if err != nil {
		return d.malformed()
	}
	if token != json.Delim('{') {
		return latchkey.Errorf(latchkey.Invalid, "The JSON body must be one object, with a value for each argument.")
	}
	for d.More() {
		if err := d.member(); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return d.malformed()
	}
	if _, err := d.Token(); err != io.EOF {
		return latchkey.Errorf(latchkey.Invalid, "The JSON body goes on after its object.")
	}
	return nil
}

func (d flatDecoder) member() error {
	token, err := d.Token()
	key, ok := token.(string)
	if err != nil || !ok {
		return d.malformed()
	}
	if err := d.checkKey(key); err != nil {
		return err
	}
	value, err := d.Token()
	if err != nil {
		return d.malformed()
	}
	if value == json.Delim('[') {
		return d.list(key)
	}
	return d.scalar(key, value)
}

func (d flatDecoder) list(key string) error {
	if !d.More() {
		if err := d.count(); err != nil {
			return err
		}
	}
	for d.More() {
		value, err := d.Token()
		if err != nil {
			return d.malformed()
		}
		if err := d.scalar(key, value); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return d.malformed()
	}
	return nil
}

func (d flatDecoder) scalar(key string, value json.Token) error {
	switch v := value.(type) {
	case nil:
		return d.count()
	case string:
		return d.add(key, v, true)
	case json.Number:
		return d.add(key, v.String(), true)
	case bool:
		if v {
			return d.add(key, "1", true)
		}
		return d.add(key, "0", true)
	}
	return latchkey.InvalidParam(key, "The ‘%s’ argument is nested JSON. Give text, a number, true, false or a list of these; JSON inside an argument goes in as text.", key)
}

func (d flatDecoder) malformed() error {
	return latchkey.Errorf(latchkey.Invalid, "The JSON body cannot be understood near byte %d.", d.InputOffset())
}

// hasLoneSurrogate reports whether an escape in text is one half of a UTF-16
// pair without the other.
func hasLoneSurrogate(text []byte) bool {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			return false
		}
		text = text[i:]
		r := escapedUnit(text)
		switch {
		case !utf16.IsSurrogate(r):
			text = text[min(2, len(text)):]
		case utf16.DecodeRune(r, escapedUnit(text[6:])) == utf8.RuneError:
			return true
		default:
			text = text[12:]
		}
	}
}

// escapedUnit is the UTF-16 unit whose \u escape begins text, or 0.
func escapedUnit(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(n)
}
