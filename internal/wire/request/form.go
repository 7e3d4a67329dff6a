package request

import (
	"slices"
	"strings"
)

// form adds the pairs of a query or a form body. Unlike [net/url.ParseQuery]
// it drops nothing: only & separates, a bad escape stands for itself, and a
// name without = has the value "".
func (c *collector) form(raw string, body bool) error {
	if raw == "" {
		return nil
	}
	c.args = slices.Grow(c.args, min(strings.Count(raw, "&")+1, c.limits.Params))
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		if err := c.add(unescape(key), unescape(value), body); err != nil {
			return err
		}
	}
	return nil
}

// unescape undoes the escaping of a form. What is no escape stands for itself.
func unescape(s string) string {
	i := strings.IndexAny(s, "%+")
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	b.WriteString(s[:i])
	for ; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b.WriteByte(' ')
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b.WriteByte(unhex(s[i+1])<<4 | unhex(s[i+2]))
			i += 2
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}
