package whm

import (
	"context"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// searchType is what a search looks at.
type searchType string

// Words are what a search can look at.
func (searchType) Words() []string { return []string{"domain", "owner", "user", "ip", "package"} }

// ParseParam reads what a search looks at.
func (s *searchType) ParseParam(text string) error {
	*s = searchType(text)
	return oneWord(text, s.Words())
}

// searchMethod is how a search compares.
type searchMethod string

// Words are the ways to compare.
func (searchMethod) Words() []string { return []string{"exact", "regex"} }

// ParseParam reads how a search compares.
func (s *searchMethod) ParseParam(text string) error {
	*s = searchMethod(text)
	return oneWord(text, s.Words())
}

// search is what accounts are looked for by; without a text or a type, all are
// found.
type search struct {
	text   string
	kind   searchType
	method searchMethod
}

// in are the accounts that the search finds.
func (s search) in(ctx context.Context, h hosting.Host) (*accountList, error) {
	if s.text == "" || s.kind == "" {
		return &accountList{h: h}, nil
	}
	whole, exact := s.whole()
	switch {
	case exact && s.kind == "user":
		a, err := h.Account(ctx, latchkey.AccountName(whole))
		return lookedUp(h, a, err)
	case exact && s.kind == "domain":
		a, d, err := h.FindDomain(ctx, latchkey.Domain(whole))
		if err == nil && d.Kind != latchkey.MainDomain {
			err = latchkey.Errorf(latchkey.NotFound, "no main domain")
		}
		return lookedUp(h, a, err)
	}
	matches, err := s.matcher()
	switch {
	case err != nil:
		return nil, err
	case s.kind != "ip":
		return &accountList{h: h, by: fields[s.kind], found: matches}, nil
	case matches(h.Server().IP): // they have but this one
		return &accountList{h: h}, nil
	}
	return &accountList{h: h, only: []latchkey.Account{}}, nil
}

// fields are what accounts are searched by, but for the address.
var fields = map[searchType]hosting.AccountField{"domain": hosting.ByDomain, "owner": hosting.ByOwner, "user": hosting.ByName, "package": hosting.ByPackage}

// lookedUp is a list of the account that was looked up, or of none.
func lookedUp(h hosting.Host, a latchkey.Account, err error) (*accountList, error) {
	switch {
	case err == nil:
		return &accountList{h: h, only: []latchkey.Account{a}}, nil
	case latchkey.KindOf(err) == latchkey.NotFound:
		return &accountList{h: h, only: []latchkey.Account{}}, nil
	}
	return nil, err
}

// whole is the one text that the search finds, if there is but one: programs
// look for an account with a regular expression such as ^alice$, too.
func (s search) whole() (string, bool) {
	if s.method == "exact" {
		return s.text, true
	}
	inner, first := strings.CutPrefix(s.text, "^")
	inner, last := strings.CutSuffix(inner, "$")
	inner = strings.ReplaceAll(inner, `\.`, ".")
	plain := !strings.ContainsFunc(strings.ReplaceAll(inner, ".", ""), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	})
	dots := strings.Count(inner, ".") == strings.Count(s.text, `\.`) // every one of them escaped
	return strings.ToLower(inner), first && last && plain && dots
}

// longestPattern is the longest regular expression, in bytes.
const longestPattern = 512

// matcher tells which texts the search finds.
func (s search) matcher() (func(string) bool, error) {
	if s.method == "exact" {
		return func(text string) bool { return text == s.text }, nil
	}
	if len(s.text) > longestPattern {
		return nil, latchkey.InvalidParam("search", "The “search” argument is invalid: it must be at most %d bytes long.", longestPattern)
	}
	re, err := regexp.Compile("(?i)" + s.text)
	if err != nil {
		return nil, latchkey.InvalidParam("search", "The “search” argument is not a regular expression this server understands: it knows neither look-around nor back-references. Use “searchmethod=exact” for plain text.")
	}
	if part, ok := literal(s.text); ok {
		return func(text string) bool {
			if ascii(text) {
				return strings.Contains(strings.ToLower(text), part)
			}
			return re.MatchString(text)
		}, nil
	}
	return re.MatchString, nil
}

// literal is the one text, in lower case, that a regular expression finds anywhere
// and that stands for itself: most people look for part of a name.
func literal(pattern string) (string, bool) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil || re.Op != syntax.OpLiteral || re.Flags&syntax.FoldCase != 0 {
		return "", false
	}
	text := string(re.Rune)
	return strings.ToLower(text), ascii(text)
}

func ascii(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// accountList is accounts as rows: all of them, those that were found, or those
// looked up already.
type accountList struct {
	h     hosting.Host
	row   func(latchkey.Account) accountListRow // nil for rows of listaccts
	late  []string                              // the columns that a home has to be measured for, of other rows
	by    hosting.AccountField                  // what found is asked about
	found func(string) bool                     // nil for all
	only  []latchkey.Account                    // the list itself, where it is known
}

// accountListRow is an account as a list shows it. It comes without what its
// home takes up.
type accountListRow interface {
	of() latchkey.Account
	complete(hosting.Quota)
}

// Key is the column that the rows are in the order of.
func (l *accountList) Key() string { return "user" }

// Page is at most size rows after the first skip of them.
func (l *accountList) Page(ctx context.Context, skip, size int) ([]any, int, error) {
	if l.found == nil && l.only == nil {
		accounts, total, err := l.h.AccountPage(ctx, skip, size)
		return l.rows(accounts), total, err
	}
	if l.only == nil {
		accounts, total, err := l.h.SearchAccounts(ctx, l.by, l.found, skip, size)
		return l.rows(accounts), total, err
	}
	some := l.only[min(skip, len(l.only)):]
	return l.rows(some[:min(size, len(some))]), len(l.only), nil
}

// Each gives all rows, some at a time.
func (l *accountList) Each(ctx context.Context, take func([]any) error) error {
	return l.each(ctx, func(accounts []latchkey.Account) error { return take(l.rows(accounts)) })
}

func (l *accountList) each(ctx context.Context, take func([]latchkey.Account) error) error {
	if l.only != nil {
		return take(l.only)
	}
	return eachAccount(ctx, l.h, func(accounts []latchkey.Account) error {
		if l.found == nil {
			return take(accounts)
		}
		var found []latchkey.Account
		for i := range accounts {
			if l.found(l.by.Of(&accounts[i])) {
				found = append(found, accounts[i])
			}
		}
		return take(found)
	})
}

// eachAccount gives all accounts by name, some at a time.
func eachAccount(ctx context.Context, h hosting.Host, take func([]latchkey.Account) error) error {
	const some = 1000
	var after latchkey.AccountName
	for {
		accounts, err := h.AccountsAfter(ctx, after, some)
		if err != nil || len(accounts) == 0 {
			return err
		}
		after = accounts[len(accounts)-1].Name
		if err := take(accounts); err != nil || len(accounts) < some {
			return err
		}
	}
}

func (l *accountList) rows(accounts []latchkey.Account) []any {
	rows := make([]any, len(accounts))
	for i, a := range accounts {
		if l.row != nil {
			rows[i] = l.row(a)
		} else {
			rows[i] = rowOf(l.h, a)
		}
	}
	return rows
}

// Late are the columns that a home has to be measured for.
func (l *accountList) Late(column string) bool {
	if l.row != nil {
		return slices.Contains(l.late, column)
	}
	return column == "diskused" || column == "inodesused"
}

// Complete fills in what homes take up.
func (l *accountList) Complete(ctx context.Context, rows []any) error {
	accounts := make([]latchkey.Account, len(rows))
	for i, row := range rows {
		accounts[i] = row.(accountListRow).of()
	}
	quotas, err := l.h.Quotas(ctx, accounts)
	for i, q := range quotas {
		rows[i].(accountListRow).complete(q)
	}
	return err
}
