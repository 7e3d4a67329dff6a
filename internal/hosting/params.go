package hosting

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// DomainParam is a parameter that names a domain.
type DomainParam struct{ latchkey.Domain }

// ParseParam reads a domain.
func (d *DomainParam) ParseParam(text string) (err error) {
	d.Domain, err = ParseDomain(text)
	return err
}

// Resource names the domain.
func (d DomainParam) Resource() latchkey.Resource {
	return latchkey.Resource{Kind: "domain", Name: string(d.Domain)}
}

// MailboxParam is a parameter that names a mailbox: a whole address, or the
// part before the @ where another parameter gives the domain.
type MailboxParam Address // Domain is "" if only the part before the @ was given

// ParseParam reads an address or its first part. The form user+domain that
// answers use for an address is not understood: + is a letter of user names.
func (m *MailboxParam) ParseParam(text string) (err error) {
	if strings.Contains(text, "@") {
		a, err := ParseAddress(text)
		m.Local, m.Domain = a.Local, a.Domain
		return err
	}
	m.Local, err = ParseLocal(text)
	return err
}

// Resource names the mailbox.
func (m MailboxParam) Resource() latchkey.Resource {
	name := m.Local
	if m.Domain != "" {
		name += "@" + string(m.Domain)
	}
	return latchkey.Resource{Kind: "mailbox", Name: name}
}

// In is the address meant: domain fills in what the parameter left out, main
// what both left out. Two different domains are an error.
func (m MailboxParam) In(domain DomainParam, main latchkey.Domain) (Address, error) {
	switch {
	case m.Domain != "" && domain.Domain != "" && m.Domain != domain.Domain:
		return Address{}, latchkey.InvalidParam("domain", "The address “%s@%s” is not in the domain “%s”.", m.Local, m.Domain, domain.Domain)
	case m.Domain != "":
		return Address(m), nil
	case domain.Domain != "":
		return Address{m.Local, domain.Domain}, nil
	}
	return Address{m.Local, main}, nil
}

// AccountParam is a parameter that names an account. Letters become lower case.
type AccountParam struct{ Name latchkey.AccountName }

// ParseParam reads an account's name; whether it may be given to a new account
// is another question, see [CheckNewName].
func (a *AccountParam) ParseParam(text string) error {
	if len(text) > 64 || strings.ContainsFunc(text, func(r rune) bool { return r < '!' || r > '~' }) {
		return fmt.Errorf("must be the name of an account")
	}
	a.Name = latchkey.AccountName(strings.ToLower(text))
	return nil
}

// Resource names the account.
func (a AccountParam) Resource() latchkey.Resource {
	return latchkey.Resource{Kind: "account", Name: string(a.Name)}
}

// CheckTokenName says why a token cannot be called name, which parameter param
// gives: 1 to 50 letters, digits, dashes and underscores.
func CheckTokenName(param, name string) error {
	ok := len(name) >= 1 && len(name) <= 50
	for i := range len(name) {
		c := name[i]
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-')
	}
	if !ok {
		return latchkey.InvalidParam(param, "An API token’s name must have 1 to 50 characters and only letters, digits, dashes and underscores.")
	}
	return nil
}

// Bounds of what a token may be bound to.
const (
	maxUses       = 1_000_000_000
	maxUnusedDays = 3650
	maxRateLimit  = 60_000 // a minute
	maxNote       = 200    // characters
)

// CheckTerms says why a token that ends at expires cannot have these terms, or
// nil.
func CheckTerms(t latchkey.Terms, expires time.Time) error {
	for _, bound := range []struct {
		param string
		n     int64
		most  int64
		what  string
	}{
		{"max_uses", t.MaxUses, maxUses, "how many calls it may make"},
		{"unused_days", int64(t.UnusedDays), maxUnusedDays, "a number of days"},
		{"rate_limit", int64(t.RateLimit), maxRateLimit, "how many calls it may make in a minute"},
	} {
		if bound.n < 0 || bound.n > bound.most {
			return latchkey.InvalidParam(bound.param, "The “%s” argument is invalid: give %s, 1 to %d, or 0 for no limit.", bound.param, bound.what, bound.most)
		}
	}
	if !t.NotBefore.IsZero() && t.NotBefore.Unix() <= 0 {
		return latchkey.InvalidParam("not_before", "The “not_before” argument is invalid: give a time in seconds since 1970, or 0 for at once.")
	}
	if !expires.IsZero() && !t.NotBefore.Before(expires) {
		return latchkey.InvalidParam("not_before", "The “not_before” argument is invalid: the token would expire before it could be used.")
	}
	return nil
}

// CheckNote says why note cannot be a token's, or nil: it has at most 200
// characters, none of them a control character.
func CheckNote(note string) error {
	odd := func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) }
	if !utf8.ValidString(note) || utf8.RuneCountInString(note) > maxNote || strings.ContainsFunc(note, odd) {
		return latchkey.InvalidParam("note", "The “note” argument is invalid: it may have %d characters, and no control characters or line ends.", maxNote)
	}
	return nil
}

// reserved names belong to system users, services and database directories.
const reserved = " root admin administrator all aria backup bin cpanel daemon default disabled dovecot ftp games ib information_schema" +
	" list localhost lp mail mailman man munin mysql named news nobody operator performance_schema postfix postgres postmaster proxy" +
	" pvm security shutdown sshd sudo sync sys system tomcat tmp toor uucp virtfs webmaster www www-data latchkey "

// CheckNewName says why a new account cannot be called name, or nil: 1 to 16
// lower-case letters and digits, the first a letter, not beginning with "test".
func CheckNewName(name latchkey.AccountName) error {
	ok := len(name) >= 1 && len(name) <= 16 && name[0] >= 'a' && name[0] <= 'z' && !strings.HasPrefix(string(name), "test")
	for i := range len(name) {
		ok = ok && (name[i] >= 'a' && name[i] <= 'z' || name[i] >= '0' && name[i] <= '9')
	}
	if !ok {
		return latchkey.InvalidParam("username", "“%s” is not a valid username: use 1 to 16 lower-case letters and digits, beginning with a letter and not with “test”.", name)
	}
	if strings.Contains(reserved, " "+string(name)+" ") {
		return latchkey.InvalidParam("username", "“%s” is a reserved username: choose another.", name)
	}
	return nil
}

// LineParam is a parameter that names a line of a file, counted from 0. Of a
// number that goes on with other things the leading digits count: the official
// dynamic DNS client joins a line and what stands on it, Line=8=192.0.2.1.
type LineParam int

// ParseParam reads the number of a line.
func (l *LineParam) ParseParam(text string) error {
	text = strings.TrimLeft(text, " ")
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	n, err := strconv.ParseUint(text[:digits], 10, 31)
	if err != nil {
		return fmt.Errorf("must begin with the number of a line")
	}
	*l = LineParam(n)
	return nil
}

// ParamType is the public name of the type.
func (*LineParam) ParamType() string { return "integer" }
