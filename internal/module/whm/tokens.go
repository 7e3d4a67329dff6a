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

// privileges are what WHM lets people do, by their public names, in order.
var privileges = []string{
	"acct-summary", "add-pkg", "add-pkg-ip", "add-pkg-shell", "all", "allow-addoncreate", "allow-emaillimits-pkgs",
	"allow-parkedcreate", "allow-shell", "allow-unlimited-bw-pkgs", "allow-unlimited-disk-pkgs", "allow-unlimited-pkgs",
	"basic-system-info", "basic-whm-functions", "clustering", "cors-proxy-get", "cpanel-api", "cpanel-integration",
	"create-acct", "create-dns", "create-user-session", "demo-setup", "digest-auth", "edit-account", "edit-dns", "edit-mx",
	"edit-pkg", "file-restore", "generate-email-config", "kill-acct", "kill-dns", "limit-bandwidth", "list-accts", "list-pkgs",
	"locale-edit", "mailcheck", "manage-api-tokens", "manage-dns-records", "manage-oidc", "manage-styles", "mysql-info", "news",
	"ns-config", "park-dns", "passwd", "quota", "rearrange-accts", "resftp", "restart", "show-bandwidth", "ssl", "ssl-buy",
	"ssl-gencrt", "ssl-info", "stats", "status", "suspend-acct", "thirdparty", "track-email", "upgrade-account", "viewglobalpackages",
}

// looking are the privileges that change nothing: what is left to a caller who
// may only read.
var looking = []string{
	"acct-summary", "basic-system-info", "basic-whm-functions", "list-accts", "list-pkgs", "mailcheck", "mysql-info",
	"show-bandwidth", "ssl-info", "stats", "status", "track-email", "viewglobalpackages",
}

// privilegesOf tells of each privilege whether a caller has it: the
// administrator has all, unless only reading is allowed.
func privilegesOf(readOnly bool) map[string]bool {
	has := map[string]bool{}
	for _, p := range privileges {
		has[p] = !readOnly || slices.Contains(looking, p)
	}
	return has
}

// privilege is a parameter that names a privilege.
type privilege string

// Words are the privileges there are.
func (privilege) Words() []string { return privileges }

// ParseParam reads a privilege.
func (p *privilege) ParseParam(text string) error {
	*p = privilege(text)
	if !slices.Contains(privileges, text) {
		return fmt.Errorf("must be a privilege as myprivs lists them")
	}
	return nil
}

// tokenName is a parameter that names a token to be.
type tokenName string

// ParseParam reads 1 to 50 letters, digits, underscores and dashes.
func (n *tokenName) ParseParam(text string) error {
	other := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
	}
	if text == "" || len(text) > 50 || strings.ContainsFunc(text, other) {
		return fmt.Errorf("must have 1 to 50 characters and only letters, digits, dashes and underscores")
	}
	*n = tokenName(text)
	return nil
}

// Resource names the token.
func (n tokenName) Resource() latchkey.Resource {
	return latchkey.Resource{Kind: "token", Name: string(n)}
}

// lastSecond is the last second of the year 9999.
const lastSecond = 253402300799

// expiry is when a token ends; the zero value is never.
type expiry struct{ at time.Time }

// ParseParam reads seconds since 1970; 0 is never.
func (e *expiry) ParseParam(text string) error {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n < 0 || n > lastSecond {
		return fmt.Errorf("must be a time in seconds since 1970, such as 1893456000, or 0 for never")
	}
	if n > 0 {
		e.at = time.Unix(n, 0).UTC()
	}
	return nil
}

// ParamType is the public name of the type.
func (expiry) ParamType() string { return "integer" }

// WHM API 1: api_token_create.
type createTokenParams struct {
	Name      tokenName   `param:"token_name" doc:"The token's name: 1 to 50 letters, digits, _ and -; not that of another token."`
	ACL       []privilege `param:"acl,optional" doc:"The privileges it is to have: acl, acl-0, acl-1 and so on. Only all of them can be given so far: all, or none named."`
	Expires   expiry      `param:"expires_at,optional" doc:"When it ends, in seconds since 1970; 0 or nothing for never."`
	Addresses []string    `param:"whitelist_ip,optional" doc:"From where it may be used. Not possible yet: it must be left out."`
}

// createdToken is a new token. It is the one answer that shows a secret.
type createdToken struct {
	Token     string    `json:"token"`
	Name      string    `json:"name"`
	ACLs      []string  `json:"acls"`
	Created   time.Time `json:"create_time"`
	Expires   time.Time `json:"expires_at"`
	Addresses *[]string `json:"whitelist_ips"`
}

func createToken(ctx context.Context, h hosting.Host, p createTokenParams) (createdToken, error) {
	if len(p.ACL) > 0 && !slices.Contains(p.ACL, "all") {
		return createdToken{}, latchkey.InvalidParam("acl",
			"This server cannot make a token with fewer than all privileges yet: leave “acl” out, or set it to “all”, if a token that may do everything is what you want.")
	}
	if slices.ContainsFunc(p.Addresses, func(text string) bool { return text != "" }) {
		return createdToken{}, latchkey.InvalidParam("whitelist_ip",
			"This server cannot bind a token to addresses yet: leave “whitelist_ip” out if a token that can be used from everywhere is what you want.")
	}
	t, secret, err := h.Tokens().Create(ctx, hosting.NewToken{Name: string(p.Name), Expires: p.Expires.at})
	if err != nil {
		return createdToken{}, err
	}
	return createdToken{Token: secret.Reveal(), Name: t.Name, ACLs: privileges, Created: t.Created, Expires: t.Expires}, nil
}

// nothingUnread refuses arguments that look as if they were to limit a token
// but are in no form that [createToken] reads: they must not be dropped.
func nothingUnread(r api.Runner[hosting.Host]) api.Runner[hosting.Host] {
	call := r.Call
	r.Call = func(ctx context.Context, on hosting.Host, args api.Args) (any, error) {
		for _, key := range args.Names() {
			if unread(key) {
				return nil, latchkey.InvalidParam(key, "The argument “%s” is not understood: give privileges as “acl”, or “acl-0”, “acl-1” and so on, and addresses as “whitelist_ip” likewise.", key)
			}
		}
		return call(ctx, on, args)
	}
	return r
}

func unread(key string) bool {
	small := strings.ToLower(key)
	for _, name := range []string{"acl", "whitelist_ip"} {
		rest, ok := strings.CutPrefix(small, name)
		if !ok {
			continue
		}
		n, numbered := strings.CutPrefix(rest, "-")
		_, err := strconv.ParseUint(n, 10, 31)
		return key != small || rest != "" && (!numbered || err != nil)
	}
	return false
}

type listedToken struct {
	Name      string          `json:"name"`
	ACLs      map[string]bool `json:"acls"`
	Created   time.Time       `json:"create_time"`
	Expires   time.Time       `json:"expires_at"`
	Addresses *[]string       `json:"whitelist_ips"`
}

type tokenList struct {
	Tokens map[string]listedToken `json:"tokens"`
}

// WHM API 1: api_token_list.
func listTokens(ctx context.Context, h hosting.Host, _ api.None) (tokenList, error) {
	all, err := h.Tokens().List(ctx)
	list := tokenList{map[string]listedToken{}}
	for _, t := range all {
		list.Tokens[t.Name] = listedToken{Name: t.Name, ACLs: privilegesOf(t.ReadOnly), Created: t.Created, Expires: t.Expires}
	}
	return list, err
}

// WHM API 1: api_token_revoke.
type revokeTokensParams struct {
	Names []string `param:"token_name" doc:"The tokens: token_name, token_name-1 and so on."`
}

// revokeTokens revokes every token named that there is, and only then tells of
// those there are not.
func revokeTokens(ctx context.Context, h hosting.Host, p revokeTokensParams) (api.Void, error) {
	slices.Sort(p.Names)
	var unknown []string
	tokens := h.Tokens()
	for _, name := range slices.Compact(p.Names) {
		found, err := tokens.Revoke(ctx, name)
		if err != nil {
			return nil, err
		}
		if !found {
			unknown = append(unknown, "“"+name+"”")
		}
	}
	if unknown != nil {
		return nil, &latchkey.Error{Kind: latchkey.NotFound, Param: "token_name",
			Msg: "There is no API token named " + strings.Join(unknown, ", ") + ". Any others you named are revoked."}
	}
	return nil, nil
}
