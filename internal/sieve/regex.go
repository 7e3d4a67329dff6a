package sieve

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// CheckRegex says why expr cannot be used, or nil. It has to mean the same to the
// interpreters of others, which read extended regular expressions of POSIX, and
// here; and it has to be matched in a time that grows with the text alone.
func CheckRegex(expr string) error {
	_, _, err := compile(expr)
	return err
}

// maxSteps is how many steps an expression may have: a repetition is written
// shorter than it is.
const maxSteps = 2000

// compile makes an expression ready, and tells how many steps it has: so much each
// byte of a text may take.
func compile(expr string) (re *regexp.Regexp, steps int, err error) {
	bad := func(why string) error {
		return fmt.Errorf("must be an extended regular expression of POSIX: %s", why)
	}
	bracket := false
	for i := 0; i < len(expr); i++ {
		switch c := expr[i]; {
		case c >= 0x7f || c < ' ':
			return nil, 0, bad("it may have letters and marks of ASCII only")
		case bracket && (c == '\\' || c == '[' && i+1 < len(expr) && expr[i+1] != ':'):
			return nil, 0, bad("a backslash or a bracket has no place between brackets")
		case bracket && c == '[': // [:alpha:]
			end := strings.Index(expr[i:], ":]")
			if end < 0 {
				return nil, 0, bad("a bracket is not closed")
			}
			i += end + 1
		case bracket:
			bracket = c != ']'
		case c == '[':
			bracket = true
			if i+1 < len(expr) && expr[i+1] == '^' {
				i++
			}
			if i+1 < len(expr) && expr[i+1] == ']' {
				i++
			}
		case c == '\\':
			i++
			if i == len(expr) || strings.IndexByte(`.[]()*+?{}|^$\/-"'`, expr[i]) < 0 {
				return nil, 0, bad("a backslash may only stand before a mark that has a meaning")
			}
		case c == '(' && i+1 < len(expr) && expr[i+1] == '?':
			return nil, 0, bad("groups that begin with (? are not known there")
		}
	}
	if _, err := regexp.CompilePOSIX(expr); err != nil {
		return nil, 0, bad("it is not one")
	}
	parsed, err := syntax.Parse("(?is:"+expr+")", syntax.Perl)
	if err != nil {
		return nil, 0, bad("it is not one")
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, 0, bad("it is not one")
	}
	if len(program.Inst) > maxSteps {
		return nil, 0, bad("it repeats too much")
	}
	re, err = regexp.Compile(parsed.String())
	return re, len(program.Inst), err
}
