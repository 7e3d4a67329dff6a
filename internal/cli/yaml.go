package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// writeYAML writes a JSON answer as YAML in the shape that shell scripts expect
// of these commands: two spaces a level, list items two deeper than their key,
// ~ for null, keys in the order of the answer.
func writeYAML(w *bytes.Buffer, answer []byte) error {
	d := json.NewDecoder(bytes.NewReader(answer))
	d.UseNumber()
	w.WriteString("---")
	y := yaml{w, d}
	if err := y.value(0); err != nil {
		return fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	return nil
}

type yaml struct {
	w *bytes.Buffer
	d *json.Decoder
}

// value writes the next value, after a key, a dash or the start of the document.
func (y *yaml) value(depth int) error {
	t, err := y.d.Token()
	if err != nil {
		return err
	}
	switch t := t.(type) {
	case json.Delim:
		return y.nested(t, depth)
	case nil:
		y.w.WriteString(" ~\n")
	case bool:
		fmt.Fprintf(y.w, " %v\n", t)
	case json.Number:
		y.w.WriteString(" " + t.String() + "\n")
	case string:
		y.w.WriteString(" " + scalar(t) + "\n")
	}
	return nil
}

func (y *yaml) nested(open json.Delim, depth int) error {
	if !y.d.More() {
		_, err := y.d.Token()
		y.w.WriteString(map[json.Delim]string{'{': " {}\n", '[': " []\n"}[open])
		return err
	}
	y.w.WriteString("\n")
	for y.d.More() {
		y.w.WriteString(strings.Repeat("  ", depth))
		if open == '[' {
			y.w.WriteString("-")
		} else {
			key, err := y.d.Token()
			if err != nil {
				return err
			}
			y.w.WriteString(scalar(key.(string)) + ":")
		}
		if err := y.value(depth + 1); err != nil {
			return err
		}
	}
	_, err := y.d.Token()
	if err == io.EOF {
		err = nil
	}
	return err
}

// plainScalar is text that YAML reads as itself without quotes.
var plainScalar = regexp.MustCompile(`^[A-Za-z_/][A-Za-z0-9_./@+ -]*$`)

func scalar(text string) string {
	switch strings.ToLower(text) {
	case "true", "false", "yes", "no", "on", "off", "null", "y", "n":
	default:
		if plainScalar.MatchString(text) && !strings.HasSuffix(text, " ") {
			return text
		}
	}
	var quoted strings.Builder // a JSON string is a YAML string
	e := json.NewEncoder(&quoted)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a string and a builder cannot fail
	return strings.ReplaceAll(strings.TrimSuffix(quoted.String(), "\n"), "\x7f", `\u007f`)
}
