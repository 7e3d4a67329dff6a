package whm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// allowance is how many of something there may be: a number, of which 0 allows
// none, or "unlimited", for which the public documentation also knows "null".
type allowance struct {
	n     int64
	given bool
}

// most is the largest number an [allowance] can be; as megabytes it still has a
// number of bytes.
const most = 1e12

// ParseParam reads a whole number or "unlimited".
func (a *allowance) ParseParam(text string) error {
	text = strings.TrimSpace(text)
	if strings.EqualFold(text, "unlimited") || text == "null" {
		*a = allowance{latchkey.Unlimited, true}
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > most {
		return fmt.Errorf("must be a whole number or “unlimited”")
	}
	*a = allowance{int64(n), true}
	return nil
}

// put sets limit, if a number was given.
func (a allowance) put(limit *int64) {
	if a.given {
		*limit = a.n
	}
}

// ceiling is an [allowance] of which 0 does not limit.
type ceiling struct{ allowance }

// ParseParam reads a whole number or "unlimited".
func (c *ceiling) ParseParam(text string) error {
	err := c.allowance.ParseParam(text)
	if c.n == 0 {
		c.n = latchkey.Unlimited
	}
	return err
}

// limitText is a limit as it stands on the wire.
func limitText(n int64) string {
	if n == latchkey.Unlimited {
		return "unlimited"
	}
	return strconv.FormatInt(n, 10)
}

// flag is a switch that was given, or was not.
type flag struct{ on, given bool }

// ParseParam reads a switch.
func (f *flag) ParseParam(text string) error {
	on, err := api.ParseBool(text)
	if err != nil || text == "" {
		return fmt.Errorf("must be 1 or 0")
	}
	*f = flag{on, true}
	return nil
}

// ParamType is the public name of the type.
func (flag) ParamType() string { return "boolean" }

// put sets to, if the switch was given.
func (f flag) put(to *bool) {
	if f.given {
		*to = f.on
	}
}

// contact is an email address people are written to, as it was given.
type contact string

// ParseParam reads an email address.
func (c *contact) ParseParam(text string) error {
	*c = contact(strings.TrimSpace(text))
	_, err := hosting.ParseAddress(string(*c))
	return err
}

// word is the name of a locale or a theme.
type word string

// ParseParam reads a name.
func (w *word) ParseParam(text string) error {
	for _, r := range text {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' {
			return fmt.Errorf("must be a name of letters, digits, _ and -")
		}
	}
	if len(text) > 64 {
		return fmt.Errorf("must be at most 64 characters long")
	}
	*w = word(text)
	return nil
}

// monthNumber is a month of the year; 0 if none was given.
type monthNumber int

// ParseParam reads 1 to 12.
func (m *monthNumber) ParseParam(text string) error { return inRange((*int)(m), text, 1, 12) }

// ParamType is the public name of the type.
func (monthNumber) ParamType() string { return "integer" }

// yearNumber is a year; 0 if none was given.
type yearNumber int

// ParseParam reads a year of these times.
func (y *yearNumber) ParseParam(text string) error { return inRange((*int)(y), text, 1970, 9999) }

// ParamType is the public name of the type.
func (yearNumber) ParamType() string { return "integer" }

func inRange(n *int, text string, least, most int) (err error) {
	if *n, err = strconv.Atoi(strings.TrimSpace(text)); err != nil || *n < least || *n > most {
		return fmt.Errorf("must be a whole number from %d to %d", least, most)
	}
	return nil
}

// remark is a short text that people are told.
type remark string

// ParseParam reads a text. The ends of its lines, and other control characters,
// become spaces.
func (r *remark) ParseParam(text string) error {
	if len(text) > 4096 {
		return fmt.Errorf("must be a text of at most 4096 bytes")
	}
	text = strings.Map(func(c rune) rune {
		if breaks(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(text, "\ufffd"))
	*r = remark(strings.Join(strings.Fields(text), " "))
	return nil
}

// breaks reports whether r is no part of a line of text: a control character, or
// one that ends a line somewhere.
func breaks(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

// label is the name of a package or a feature list.
type label string

// ParseParam reads a name. Names become parts of addresses and of file names
// elsewhere, so they have neither slashes nor control characters.
func (l *label) ParseParam(text string) error {
	*l = label(strings.TrimSpace(text))
	ok := *l != "" && len(*l) <= 128 && (*l)[0] != '.'
	for _, r := range *l {
		ok = ok && !breaks(r) && r != '/' && r != '\\' && r != 0xfffd
	}
	if !ok {
		return fmt.Errorf("must be a name of 1 to 128 characters that does not begin with a dot and has no slash")
	}
	return nil
}

// oneOf takes the one password of the two names for it; both may be given if
// they agree. It may be empty.
func oneOf(a, b latchkey.Secret) (latchkey.Secret, error) {
	switch {
	case b.Empty():
		return a, nil
	case !a.Empty() && a.Reveal() != b.Reveal():
		return a, latchkey.InvalidParam("pass", "The arguments “password” and “pass” differ: give one of them.")
	}
	return b, nil
}

// stray reports whether an argument belongs to the request rather than to the
// function: those of the dialect, and those with which browsers defeat caches.
func stray(key string) bool {
	return strings.HasPrefix(key, "api.") || strings.HasPrefix(key, "_") && key != "_PACKAGE_EXTENSIONS"
}

// unable names documented arguments that ask for something this server cannot
// do, and for each the values that ask for nothing.
type unable map[string][]string

// check refuses the first of args that asks for what this server cannot do.
// present has values which are so already, by argument.
func (u unable) check(args api.Args, present map[string]string) error {
	for _, arg := range args {
		values, listed := u[arg.Key]
		if !listed || arg.Value == "" || arg.Value == present[arg.Key] || slices.Contains(values, arg.Value) {
			continue
		}
		return cannot(arg.Key)
	}
	return nil
}

func cannot(key string) error {
	return latchkey.InvalidParam(key, "This server cannot do what “%s” asks for: leave it out.", key)
}

// noEffect warns of arguments that were taken but change nothing here.
func (u unable) noEffect(args api.Args) []string {
	var names []string
	for _, arg := range args {
		_, listed := u[arg.Key]
		off := arg.Value == "" || arg.Value == "0" || arg.Value == "n"
		if !listed && !off && !stray(arg.Key) && !slices.Contains(names, arg.Key) {
			names = append(names, arg.Key)
		}
	}
	if names == nil {
		return nil
	}
	return []string{"These arguments have no effect on this server: " + strings.Join(names, ", ") + "."}
}

func oneWord(text string, words []string) error {
	if !slices.Contains(words, text) {
		return fmt.Errorf("must be one of %s", strings.Join(words, ", "))
	}
	return nil
}
