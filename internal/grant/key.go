package grant

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Key is what a condition asks of a resource. Each has its own kind of pattern:
//
//   - a domain, a zone or the host of a certificate is a name, or *.NAME for all
//     names below one; upper and lower case are the same;
//   - the name of a record is relative to its zone, "@" for the zone's own, and
//     may begin or end with *;
//   - a record's type is a word;
//   - a mailbox is LOCAL@DOMAIN, and may begin or end with *;
//   - databases, their users and FTP logins may end with *;
//   - a path is relative to the home and stands for all that is below it.
//
// Nothing but * is special, and that only where it is said.
type Key uint8

const (
	Domain Key = iota
	Zone
	Name
	Type
	Mailbox
	Database
	DBUser
	Path
	FTP
	Host
	keyCount
)

var keyNames = [keyCount]string{"domain", "zone", "name", "type", "mailbox", "database", "dbuser", "path", "ftp", "host"}

// String is the key as it is written.
func (k Key) String() string { return keyNames[k] }

// Keys are all there are, in the order in which conditions are written.
func Keys() []Key {
	keys := make([]Key, keyCount)
	for i := range keys {
		keys[i] = Key(i)
	}
	return keys
}

func parseKey(name string) (Key, bool) {
	k := slices.Index(keyNames[:], strings.ToLower(name))
	return Key(max(k, 0)), k >= 0
}

// fold brings a value into the form that patterns are compared with.
func (k Key) fold(value string) string {
	switch k {
	case Domain, Zone, Host, Name, Mailbox:
		if value = strings.ToLower(value); value != "." {
			value = strings.TrimSuffix(value, ".")
		}
	case Type:
		value = strings.ToUpper(value)
	case Path:
		value = path.Clean("/" + value)[1:]
	}
	return value
}

// pattern brings a pattern into its normal form, or says what is wrong with it.
func (k Key) pattern(text string) (string, error) {
	if strings.ContainsFunc(text, isControl) {
		return "", fmt.Errorf("%s: control characters cannot stand in a value", k)
	}
	switch {
	case k == Path:
		return pathPattern(text)
	case k == Name && strings.HasSuffix(text, "."):
		return "", fmt.Errorf("name=%s: give it relative to the zone, without a dot at the end", text)
	}
	p := k.fold(text)
	fixed := p
	switch k {
	case Domain, Zone, Host:
		fixed = strings.TrimPrefix(p, "*.")
	case Name, Mailbox:
		if fixed = strings.TrimSuffix(p, "*"); fixed == p {
			fixed = strings.TrimPrefix(p, "*")
		}
	case Database, DBUser, FTP:
		fixed = strings.TrimSuffix(p, "*")
	}
	switch {
	case fixed == "" || p == "*":
		return "", fmt.Errorf("%s=%s: leave the condition out to allow everything", k, text)
	case strings.Contains(fixed, "*"):
		return "", fmt.Errorf("%s=%s: %s", k, text, k.where())
	}
	return p, nil
}

// where says where a * may stand.
func (k Key) where() string {
	switch k {
	case Domain, Zone, Host:
		return "a * may only stand for all names below one, as in *.example.com"
	case Name, Mailbox:
		return "a * may only stand at the beginning or at the end"
	case Type:
		return "a type has no *"
	}
	return "a * may only stand at the end"
}

func pathPattern(text string) (string, error) {
	switch {
	case strings.HasPrefix(text, "/") || strings.HasPrefix(text, "~"):
		return "", fmt.Errorf("path=%s: give it relative to the home, as in public_html/app", text)
	case slices.Contains(strings.Split(text, "/"), ".."):
		return "", fmt.Errorf("path=%s: it may not lead upwards", text)
	case strings.Contains(text, "*"):
		return "", fmt.Errorf("path=%s: it stands for all that is below it and has no *", text)
	}
	p := Path.fold(text)
	if p == "" {
		return "", fmt.Errorf("path=%s: leave the condition out to allow the whole home", text)
	}
	return p, nil
}

// matches reports whether a folded value is one that the pattern means.
func (k Key) matches(pattern, value string) bool {
	n := len(pattern)
	switch {
	case pattern == value:
		return true
	case n == 0:
		return false
	case k == Path:
		return len(value) > n && value[n] == '/' && value[:n] == pattern
	case pattern[0] == '*':
		return len(value) >= n && strings.HasSuffix(value, pattern[1:])
	}
	return pattern[n-1] == '*' && strings.HasPrefix(value, pattern[:n-1])
}

// contains reports whether every value that inner means is one that outer means.
func (k Key) contains(outer, inner string) bool {
	if outer == inner {
		return true
	}
	switch {
	case k == Path || !strings.Contains(inner, "*"):
		return k.matches(outer, inner)
	case strings.HasPrefix(inner, "*") && strings.HasPrefix(outer, "*"):
		return strings.HasSuffix(inner[1:], outer[1:])
	case strings.HasSuffix(inner, "*") && strings.HasSuffix(outer, "*"):
		return strings.HasPrefix(inner, outer[:len(outer)-1])
	}
	return false
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
