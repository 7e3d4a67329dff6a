package latchkey

import (
	"fmt"
	"strings"
	"time"
)

// TokenPolicy is what the administrator has set about the tokens of accounts: for
// all of them, or for those with a package. What is zero says nothing; a policy
// that says nothing lets everything be as cPanel has it.
type TokenPolicy struct {
	Makers      TokenMakers `json:",omitzero"` // who may make tokens, and change what they may do
	LongestDays int         `json:",omitzero"` // the longest they may still last; [NoDays] is any time
	DefaultDays int         `json:",omitzero"` // how long one lasts that was given no end
	UnusedDays  int         `json:",omitzero"` // they end when nobody uses them for so long
	Addresses   Choice      `json:",omitzero"` // they must be bound to addresses
	FullAccess  Choice      `json:",omitzero"` // they may have full access
}

// NoDays is no limit, where another policy has one.
const NoDays = -1

// MostDays is the longest that a policy can say: as long as the terms of a token.
const MostDays = 3650

// Choice is yes, no, or nothing said.
type Choice int8

const (
	Unsaid Choice = 0
	Yes    Choice = 1
	No     Choice = -1
)

// TokenMakers says who may make tokens of an account.
type TokenMakers string

const (
	AnyMaker      TokenMakers = "anybody"       // who holds the account, and every token that may
	OwnerAlone    TokenMakers = "owner"         // who signed in or has the password, and no token
	Administrator TokenMakers = "administrator" // who acts for the account through WHM
)

// Rule is one of the things that a policy says.
type Rule string

const (
	RuleMakers    Rule = "who_may_create"
	RuleLongest   Rule = "longest_days"
	RuleDefault   Rule = "default_days"
	RuleUnused    Rule = "unused_days"
	RuleAddresses Rule = "require_addresses"
	RuleFull      Rule = "full_access"
)

// AppliedPolicy is what counts for one account: the server's policy, and over it
// that of its package. The package of a reseller can only ask for more.
type AppliedPolicy struct {
	TokenPolicy
	whose map[Rule]string
}

// For is what counts for the accounts with the package called name, whose policy
// is p.
func (server TokenPolicy) For(name string, p TokenPolicy) *AppliedPolicy {
	a := &AppliedPolicy{server, make(map[Rule]string)}
	strict := strings.Contains(name, "_") // it is a reseller's
	said := func(r Rule, over bool) bool {
		if over {
			a.whose[r] = "the package “" + name + "”"
		}
		return over
	}
	if said(RuleMakers, p.Makers != "" && (!strict || p.Makers.rank() > a.Makers.rank())) {
		a.Makers = p.Makers
	}
	for _, d := range []struct {
		rule Rule
		has  *int
		is   int
	}{{RuleLongest, &a.LongestDays, p.LongestDays}, {RuleDefault, &a.DefaultDays, p.DefaultDays}, {RuleUnused, &a.UnusedDays, p.UnusedDays}} {
		if said(d.rule, d.is != 0 && (!strict || d.is > 0 && (*d.has <= 0 || d.is < *d.has))) {
			*d.has = d.is
		}
	}
	if said(RuleAddresses, p.Addresses != Unsaid && (!strict || p.Addresses == Yes && a.Addresses != Yes)) {
		a.Addresses = p.Addresses
	}
	if said(RuleFull, p.FullAccess != Unsaid && (!strict || p.FullAccess == No && a.FullAccess != No)) {
		a.FullAccess = p.FullAccess
	}
	return a
}

func (m TokenMakers) rank() int {
	switch m {
	case OwnerAlone:
		return 1
	case Administrator:
		return 2
	}
	return 0
}

// Rules are those that say something.
func (a *AppliedPolicy) Rules() (list []Rule) {
	for _, r := range []struct {
		rule Rule
		says bool
	}{
		{RuleMakers, a.Makers != "" && a.Makers != AnyMaker}, {RuleLongest, a.LongestDays > 0}, {RuleDefault, a.DefaultDays > 0},
		{RuleUnused, a.UnusedDays > 0}, {RuleAddresses, a.Addresses == Yes}, {RuleFull, a.FullAccess == No},
	} {
		if r.says {
			list = append(list, r.rule)
		}
	}
	return list
}

// Whose is whose rule it is: the server's, or a package's.
func (a *AppliedPolicy) Whose(r Rule) string {
	if whose := a.whose[r]; whose != "" {
		return whose
	}
	return "the server"
}

// Breach is a rule that is not kept, in words: which, whose it is, and what would
// be allowed.
type Breach struct {
	Rule Rule
	Text string
}

// Error is the breach as the answer to a call.
func (b Breach) Error() *Error {
	return &Error{Kind: Denied, Param: breachParams[b.Rule], Msg: b.Text}
}

// breachParams are the parameters that keep a rule.
var breachParams = map[Rule]string{RuleLongest: "expires_at", RuleUnused: "unused_days", RuleAddresses: "whitelist_ip"}

func (a *AppliedPolicy) breach(r Rule, text string, args ...any) Breach {
	return Breach{r, "The policy of " + a.Whose(r) + " " + fmt.Sprintf(text, args...)}
}

// MayMake says why c may make no tokens, and not change what they may do; ok if
// they may.
func (a *AppliedPolicy) MayMake(c *Caller) (b Breach, ok bool) {
	switch {
	case c.Through != nil || a.Makers == "" || a.Makers == AnyMaker:
		return b, true
	case a.Makers == Administrator:
		return a.breach(RuleMakers, "lets nobody but the administrator make API tokens, or change what they may do: ask them."), false
	case c.Kind == ByToken:
		return a.breach(RuleMakers, "lets no API token make others, or change what they may do: call this with the account’s password, or from a session."), false
	}
	return b, true
}

// Complete gives a token that is being made what it was not given.
func (a *AppliedPolicy) Complete(k *Token, now time.Time) {
	if k.Expires.IsZero() && a.DefaultDays > 0 {
		days := a.DefaultDays
		if a.LongestDays > 0 {
			days = min(days, a.LongestDays)
		}
		k.Expires = now.Add(time.Duration(days) * Day).Truncate(time.Second)
	}
	if k.UnusedDays == 0 && a.UnusedDays > 0 {
		k.UnusedDays = a.UnusedDays
	}
}

// Latest is when tokens that are made at now must end at the latest; zero for
// any time.
func (a *AppliedPolicy) Latest(now time.Time) time.Time {
	if a.LongestDays <= 0 {
		return time.Time{}
	}
	return now.Add(time.Duration(a.LongestDays) * Day).Truncate(time.Second)
}

// Breaches are the rules that k does not keep at now.
func (a *AppliedPolicy) Breaches(k *Token, now time.Time) (list []Breach) {
	if k.Expired(now) {
		return nil
	}
	if latest := a.Latest(now); !latest.IsZero() && (k.Expires.IsZero() || k.Expires.After(latest)) {
		list = append(list, a.breach(RuleLongest, "allows tokens of at most %s: give expires_at up to %d.", days(a.LongestDays), latest.Unix()))
	}
	if a.UnusedDays > 0 && (k.UnusedDays == 0 || k.UnusedDays > a.UnusedDays) {
		list = append(list, a.breach(RuleUnused, "ends tokens that nobody uses for %s: give unused_days up to %d.", days(a.UnusedDays), a.UnusedDays))
	}
	if a.Addresses == Yes && k.Addresses == "" {
		list = append(list, a.breach(RuleAddresses, "allows no tokens that may be used from everywhere: name the addresses it is used from, with Tokens::create_limited or Tokens::update and “whitelist_ip”."))
	} else if a.Addresses == Yes && k.Addresses.Vague() {
		list = append(list, a.breach(RuleAddresses, "allows no tokens that may be used from nearly everywhere: name ranges that are together no wider than sixteen /8 of IPv4 or one /12 of IPv6."))
	}
	if a.FullAccess == No && k.Full() {
		list = append(list, a.breach(RuleFull, "allows no tokens with full access: make one that may do what it is for, with Tokens::create_limited and “grants”."))
	}
	return list
}

// Binds reports whether there is a rule that a token may not keep.
func (a *AppliedPolicy) Binds() bool {
	return a.LongestDays > 0 || a.UnusedDays > 0 || a.Addresses == Yes || a.FullAccess == No
}

func days(n int) string {
	if n == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", n)
}
