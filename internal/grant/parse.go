package grant

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// What one token may be given: enough for any job, and little enough to be read.
const (
	maxText   = 16 << 10
	maxGrants = 200
	maxName   = 64
	maxValues = 100 // of one condition
)

// Parse reads grants and brings them into normal form. Its errors say what is
// wrong, and where.
func Parse(text string) (Set, error) {
	switch {
	case len(text) > maxText:
		return nil, fmt.Errorf("grants may be %d characters long, these are %d", maxText, len(text))
	case !utf8.ValidString(text):
		return nil, fmt.Errorf("grants must be UTF-8")
	}
	p := &parser{rest: text}
	var grants []Grant
	for {
		p.space(" \t\r\n;")
		if p.rest == "" {
			break
		}
		if len(grants) == maxGrants {
			return nil, fmt.Errorf("a token can have %d grants", maxGrants)
		}
		began := p.rest
		g, err := p.grant()
		if err != nil {
			return nil, fmt.Errorf("%w (in “%s”)", err, excerpt(began))
		}
		grants = append(grants, g)
		p.space(" \t\r")
		if p.rest != "" && p.rest[0] != ';' && p.rest[0] != '\n' {
			return nil, fmt.Errorf("grants stand apart by semicolons: what is “%s” after %s?", excerpt(p.rest), g)
		}
	}
	if len(grants) == 0 {
		return nil, fmt.Errorf("give at least one grant, such as Email:read")
	}
	return normal(grants), nil
}

// excerpt is the beginning of a text, to be shown.
func excerpt(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	if r := []rune(text); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return text
}

type parser struct{ rest string }

func (p *parser) space(chars string) { p.rest = strings.TrimLeft(p.rest, chars) }

// take takes text off the beginning, if it is there.
func (p *parser) take(text string) bool {
	rest, ok := strings.CutPrefix(p.rest, text)
	if ok {
		p.rest = rest
	}
	return ok
}

// name takes a name off the beginning: letters, digits and underscores.
func (p *parser) name() (string, error) {
	n := strings.IndexFunc(p.rest, func(r rune) bool { return !isName(r) })
	if n < 0 {
		n = len(p.rest)
	}
	name := p.rest[:n]
	p.rest = p.rest[n:]
	switch {
	case name == "":
		return "", fmt.Errorf("a name is missing before “%s”", excerpt(p.rest))
	case len(name) > maxName:
		return "", fmt.Errorf("the name “%s” is too long", excerpt(name))
	}
	return name, nil
}

func isName(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_'
}

func (p *parser) grant() (g Grant, err error) {
	if p.take(anyModule) {
		g.Module = anyModule
	} else if g.Module, err = p.name(); err != nil {
		return g, err
	}
	if err := p.functions(&g); err != nil {
		return g, err
	}
	p.space(" \t")
	if !p.take("(") {
		return g, nil
	}
	for {
		c, err := p.condition()
		if err != nil {
			return g, err
		}
		if slices.ContainsFunc(g.Where, func(o Condition) bool { return o.Key == c.Key }) {
			return g, fmt.Errorf("%s is said twice: several values stand apart by |, as in %s=one|two", c.Key, c.Key)
		}
		g.Where = append(g.Where, c)
		p.space(" \t")
		switch {
		case p.take(")"):
			return g, nil
		case !p.take(","):
			return g, fmt.Errorf("after %s comes a comma or the closing bracket, not “%s”", c.Key, excerpt(p.rest))
		}
	}
}

// functions reads which functions of the module the grant is for.
func (p *parser) functions(g *Grant) (err error) {
	switch {
	case p.take("::"):
		if g.Module == anyModule {
			return fmt.Errorf("one function has one module: name it")
		}
		g.Area = One
		g.Func, err = p.name()
		return err
	case !p.take(":"):
		return fmt.Errorf("after the module %s comes :read, :write or ::FUNCTION", g.Module)
	}
	area, err := p.name()
	if err != nil {
		return err
	}
	switch strings.ToLower(area) {
	case "read":
		g.Area = Read
	case "write":
		g.Area = Write
	default:
		return fmt.Errorf("%s:%s: it is read, or write, which includes read; one function is written %s::%s", g.Module, area, g.Module, area)
	}
	return nil
}

func (p *parser) condition() (c Condition, err error) {
	p.space(" \t")
	key, err := p.name()
	if err != nil {
		return c, err
	}
	var known bool
	if c.Key, known = parseKey(key); !known {
		return c, fmt.Errorf("%s is nothing that can be asked of a resource: use one of %s", key, strings.Join(keyNames[:], ", "))
	}
	p.space(" \t")
	if !p.take("=") {
		return c, fmt.Errorf("after %s comes = and a value", key)
	}
	for {
		p.space(" \t")
		text, err := p.value()
		if err != nil {
			return c, err
		}
		pattern, err := c.Key.pattern(text)
		if err != nil {
			return c, err
		}
		if c.Patterns = append(c.Patterns, pattern); len(c.Patterns) > maxValues {
			return c, fmt.Errorf("%s can have %d values", c.Key, maxValues)
		}
		p.space(" \t")
		if !p.take("|") {
			return c, nil
		}
	}
}

// value takes a value off the beginning: in quotes, or up to what ends it.
func (p *parser) value() (string, error) {
	if p.take(`"`) {
		return p.quoted()
	}
	n := strings.IndexAny(p.rest, ends)
	if n < 0 {
		return "", fmt.Errorf("the closing bracket is missing")
	}
	text := strings.TrimRight(p.rest[:n], " \t")
	if p.rest = p.rest[n:]; text == "" {
		return "", fmt.Errorf("a value is missing before “%s”", excerpt(p.rest))
	}
	return text, nil
}

// ends are the characters that end a value without quotes.
const ends = ",|()\";\r\n"

func (p *parser) quoted() (string, error) {
	var b strings.Builder
	for i := 0; i < len(p.rest); i++ {
		switch c := p.rest[i]; c {
		case '"':
			p.rest = p.rest[i+1:]
			return b.String(), nil
		case '\\':
			if i++; i == len(p.rest) {
				return "", fmt.Errorf("the closing quote is missing")
			}
			b.WriteByte(p.rest[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", fmt.Errorf("the closing quote is missing")
}

// quote writes a value so that it is read back as it is.
func quote(text string) string {
	if text != "" && !strings.ContainsAny(text, ends+`\`) && strings.TrimSpace(text) == text {
		return text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
