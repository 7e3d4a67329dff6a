package whm

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// The functions here are ours: the public interface has no policy about tokens.
var tokenPolicyFuncs = []api.Func[hosting.Host]{
	{Name: "get_token_policy", Privilege: latchkey.PrivilegeListPackages, Run: api.Run(showTokenPolicy),
		Doc: "Show the policy about the API tokens of accounts: the server's, or a package's. An extension of this server."},
	{Name: "set_token_policy", Privilege: latchkey.PrivilegeEditPackage, Effect: api.Write, Run: api.Run(setTokenPolicy),
		Doc: "Set the policy about the API tokens of accounts: the server's, which the administrator alone can, or a package's. What is not named stays. An extension of this server."},
	{Name: "list_tokens_outside_policy", Privilege: latchkey.PrivilegeListAccounts, Run: api.Run(listOutside),
		Doc: "List the API tokens of accounts that do not keep the policy, and why: those from before stay as they are. An extension of this server."},
	{Name: "list_account_tokens", Privilege: latchkey.PrivilegeListAccounts, Run: api.Run(findTokens),
		Doc: "List the API tokens of accounts, or those a search finds: not used for long, without an end, with full access. An extension of this server."},
	{Name: "server_findings", Privilege: latchkey.PrivilegeAll, Run: api.Run(showFindings),
		Doc: "Tell which parts of the server are here, what is missing and what to do, as “latchkey doctor” does. An extension of this server."},
}

const inherit = "inherit"

// policyDays is a parameter that is a number of days, none for no limit, or
// inherit for what else counts.
type policyDays int

// ParseParam reads 1 to 3650, none or inherit.
func (d *policyDays) ParseParam(text string) error {
	switch text = strings.TrimSpace(text); text {
	case "none":
		*d = latchkey.NoDays
	case inherit:
		*d = 0
	default:
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil || n == 0 || n > latchkey.MostDays {
			return fmt.Errorf("must be a number of days, 1 to %d, none for no limit, or inherit for what the server's policy says", latchkey.MostDays)
		}
		*d = policyDays(n)
	}
	return nil
}

// ParamType is the public name of the type.
func (*policyDays) ParamType() string { return "string" }

// policyChoice is a parameter that is yes or no, or inherit.
type policyChoice latchkey.Choice

// Words are what it may be.
func (*policyChoice) Words() []string { return []string{"1", "0", inherit} }

// ParseParam reads 1, 0 or inherit.
func (c *policyChoice) ParseParam(text string) error {
	text = strings.TrimSpace(text)
	if text == inherit {
		*c = policyChoice(latchkey.Unsaid)
		return nil
	}
	on, err := api.ParseBool(text)
	if err != nil || text == "" {
		return fmt.Errorf("must be 1, 0, or inherit for what the server's policy says")
	}
	if *c = policyChoice(latchkey.No); on {
		*c = policyChoice(latchkey.Yes)
	}
	return nil
}

// policyMakers is a parameter that says who may make tokens.
type policyMakers latchkey.TokenMakers

// Words are what it may be.
func (*policyMakers) Words() []string {
	return []string{string(latchkey.AnyMaker), string(latchkey.OwnerAlone), string(latchkey.Administrator), inherit}
}

// ParseParam takes one of the words.
func (m *policyMakers) ParseParam(text string) error {
	if !slices.Contains(m.Words(), text) {
		return fmt.Errorf("must be one of %s", strings.Join(m.Words(), ", "))
	}
	if *m = policyMakers(text); text == inherit {
		*m = ""
	}
	return nil
}

type policyOf struct {
	Package string `param:"package,optional" doc:"The package; the server's own policy if it is left out."`
}

type setPolicyParams struct {
	policyOf
	Makers    *policyMakers `param:"who_may_create,optional" doc:"Who makes tokens, and changes what they may do: anybody who holds the account, and tokens that may; owner, with the password or in a session; administrator, through WHM."`
	Longest   *policyDays   `param:"longest_days,optional" doc:"How long tokens may last from now on, in days; none for any time."`
	Default   *policyDays   `param:"default_days,optional" doc:"How long a token lasts that is given no end, in days; none for ever."`
	Unused    *policyDays   `param:"unused_days,optional" doc:"After how many days without use tokens end; none for never."`
	Addresses *policyChoice `param:"require_addresses,optional" doc:"1 if tokens must be bound to addresses."`
	Full      *policyChoice `param:"full_access,optional" doc:"0 if tokens may not have full access."`
	Rest      api.Args      `param:"*" doc:"Nothing: what is not understood might be meant as a rule, and is refused."`
}

// unread refuses what looks like a rule, and is none.
func (p *setPolicyParams) unread() error {
	for _, key := range p.Rest.Names() {
		if !stray(key) {
			return latchkey.InvalidParam(key, "The argument “%s” is not understood: give package, who_may_create, longest_days, default_days, unused_days, require_addresses or full_access.",
				strings.ToValidUTF8(key[:min(len(key), 64)], "?"))
		}
	}
	return nil
}

// tokenPolicyData is a policy as it is shown: inherit stands for what it says nothing
// of, which of the server's own is what cPanel does.
type tokenPolicyData struct {
	Package   string `json:"package"`
	Makers    string `json:"who_may_create"`
	Longest   string `json:"longest_days"`
	Default   string `json:"default_days"`
	Unused    string `json:"unused_days"`
	Addresses string `json:"require_addresses"`
	Full      string `json:"full_access"`
}

func policyData(pack string, p latchkey.TokenPolicy) tokenPolicyData {
	days := func(n int) string {
		switch n {
		case 0:
			return inherit
		case latchkey.NoDays:
			return "none"
		}
		return strconv.Itoa(n)
	}
	choice := func(c latchkey.Choice) string {
		return map[latchkey.Choice]string{latchkey.Yes: "1", latchkey.No: "0", latchkey.Unsaid: inherit}[c]
	}
	d := tokenPolicyData{pack, string(p.Makers), days(p.LongestDays), days(p.DefaultDays), days(p.UnusedDays), choice(p.Addresses), choice(p.FullAccess)}
	if d.Makers == "" {
		d.Makers = inherit
	}
	return d
}

func showTokenPolicy(ctx context.Context, h hosting.Host, p policyOf) (tokenPolicyData, error) {
	is, err := h.TokenPolicies().Policy(ctx, p.Package)
	if err != nil {
		return tokenPolicyData{}, err
	}
	return policyData(p.Package, is), nil
}

func setTokenPolicy(ctx context.Context, h hosting.Host, p setPolicyParams) (tokenPolicyData, error) {
	if err := p.unread(); err != nil {
		return tokenPolicyData{}, err
	}
	var is latchkey.TokenPolicy
	err := h.TokenPolicies().Change(ctx, p.Package, func(to *latchkey.TokenPolicy) error {
		if p.Makers != nil {
			to.Makers = latchkey.TokenMakers(*p.Makers)
		}
		for to, given := range map[*int]*policyDays{&to.LongestDays: p.Longest, &to.DefaultDays: p.Default, &to.UnusedDays: p.Unused} {
			if given != nil {
				*to = int(*given)
			}
		}
		for to, given := range map[*latchkey.Choice]*policyChoice{&to.Addresses: p.Addresses, &to.FullAccess: p.Full} {
			if given != nil {
				*to = latchkey.Choice(*given)
			}
		}
		is = *to
		if to.LongestDays > 0 && to.DefaultDays > to.LongestDays {
			return latchkey.InvalidParam("default_days", "The “default_days” argument is invalid: tokens may last %d days at most, so that none can last %d that is given no end.", to.LongestDays, to.DefaultDays)
		}
		return nil
	})
	if err != nil {
		return tokenPolicyData{}, err
	}
	return policyData(p.Package, is), nil
}

type outsideParams struct {
	After tokenMark `param:"after,optional" doc:"Where to go on: what “next” was in the answer before."`
	Limit int       `param:"limit,optional" doc:"How many to list at most, 1 to 1000; 100 if it is left out."`
}

type outsideToken struct {
	User     string    `json:"user"`
	Package  string    `json:"package"`
	Name     string    `json:"name"`
	Handle   string    `json:"handle"`
	Created  time.Time `json:"create_time"`
	Expires  time.Time `json:"expires_at"`
	Rules    []string  `json:"rules"`
	Messages []string  `json:"reasons"`
}

type outsideAnswer struct {
	Tokens []outsideToken `json:"tokens"`
	Next   string         `json:"next"` // "" where there are no more
}

func listOutside(ctx context.Context, h hosting.Host, p outsideParams) (outsideAnswer, error) {
	if p.Limit == 0 {
		p.Limit = 100
	}
	if p.Limit < 1 || p.Limit > 1000 {
		return outsideAnswer{}, latchkey.InvalidParam("limit", "The “limit” argument is invalid: it must be 1 to 1000.")
	}
	list, next, err := h.TokenPolicies().Find(ctx, hosting.TokenSearch{Outside: true}, p.After.TokenMark, p.Limit)
	out := outsideAnswer{Tokens: []outsideToken{}}
	for _, o := range list {
		t := outsideToken{User: string(o.Account), Package: o.Package, Name: o.Name, Handle: o.Handle.String(), Created: o.Created, Expires: o.Expires}
		for _, b := range o.Breaches {
			t.Rules, t.Messages = append(t.Rules, string(b.Rule)), append(t.Messages, b.Text)
		}
		out.Tokens = append(out.Tokens, t)
	}
	if next != nil {
		out.Next = (&tokenMark{*next}).String()
	}
	return out, err
}
