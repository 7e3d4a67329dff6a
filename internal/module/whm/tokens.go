package whm

import (
	"cmp"
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

// looking are the privileges that change nothing: what is left to a caller who
// may only read.
var looking = latchkey.PrivilegesOf(
	latchkey.PrivilegeAccountSummary, latchkey.PrivilegeSystemInfo, latchkey.PrivilegeBasic, latchkey.PrivilegeListAccounts,
	latchkey.PrivilegeListPackages, latchkey.PrivilegeMailCheck, latchkey.PrivilegeMySQLInfo, latchkey.PrivilegeShowBandwidth,
	latchkey.PrivilegeSSLInfo, latchkey.PrivilegeStats, latchkey.PrivilegeStatus, latchkey.PrivilegeTrackEmail, latchkey.PrivilegeGlobalPackages)

// switchesOf tells of each privilege whether it is in s, of those that are left
// to who may only read, if readOnly is set.
func switchesOf(s latchkey.PrivilegeSet, readOnly bool) map[string]bool {
	if readOnly {
		s = s.And(looking)
	}
	has := map[string]bool{}
	for _, p := range latchkey.Privileges() {
		has[p.String()] = s.Has(p)
	}
	return has
}

// privilege is a parameter that names a privilege.
type privilege struct{ latchkey.Privilege }

// Words are the privileges there are.
func (privilege) Words() []string { return latchkey.AllPrivileges.Names() }

// ParseParam reads a privilege.
func (p *privilege) ParseParam(text string) error {
	var ok bool
	if p.Privilege, ok = latchkey.ParsePrivilege(text); !ok {
		return fmt.Errorf("must be a privilege as myprivs lists them")
	}
	return nil
}

// setOf is the set of the privileges named.
func setOf(list []privilege) (s latchkey.PrivilegeSet) {
	for _, p := range list {
		s |= latchkey.PrivilegesOf(p.Privilege)
	}
	return s
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
	ACL       []privilege `param:"acl,optional" doc:"The privileges it is to have: acl, acl-0, acl-1 and so on, of those that you have; all of yours if none is named."`
	Expires   expiry      `param:"expires_at,optional" doc:"When it ends, in seconds since 1970; 0 or nothing for never."`
	Addresses []string    `param:"whitelist_ip,optional" doc:"From where it may be used, addresses and ranges: whitelist_ip, whitelist_ip-0 and so on; from everywhere if none is named."`
}

// tokenData is a token as api_token_create, api_token_update and
// api_token_get_details show it.
type tokenData struct {
	Name      string    `json:"name"`
	ACLs      []string  `json:"acls"`
	Created   time.Time `json:"create_time"`
	Expires   time.Time `json:"expires_at"`
	Addresses *[]string `json:"whitelist_ips"` // null for everywhere
}

// createdToken is a new token. It is the one answer that shows a secret.
type createdToken struct {
	Token string `json:"token"`
	tokenData
}

func tokenDataOf(t *latchkey.Token) tokenData {
	return tokenData{t.Name, privilegesOf(t).Names(), t.Created, t.Expires, places(t.Addresses)}
}

// places are addresses as a list, or nothing for everywhere.
func places(l latchkey.Addresses) *[]string {
	if l == "" {
		return nil
	}
	texts := l.Texts()
	return &texts
}

// privilegesOf are those that a token was given.
func privilegesOf(t *latchkey.Token) latchkey.PrivilegeSet {
	s := t.Privileges
	if s == 0 {
		s = latchkey.AllPrivileges
	}
	if t.ReadOnly {
		s = s.And(looking)
	}
	return s
}

func createToken(ctx context.Context, h hosting.Host, p createTokenParams) (createdToken, error) {
	if h.Caller().Clear {
		return createdToken{}, latchkey.Errorf(latchkey.Denied, "A token is made over TLS only, since the answer shows it: call this on the port with TLS.")
	}
	from, err := addresses(p.Addresses)
	if err != nil {
		return createdToken{}, err
	}
	t, secret, err := h.Tokens().Create(ctx, hosting.NewToken{Name: string(p.Name), Expires: p.Expires.at, Privileges: setOf(p.ACL), Addresses: from})
	if err != nil {
		return createdToken{}, err
	}
	return createdToken{secret.Reveal(), tokenDataOf(&t)}, nil
}

func addresses(texts []string) (latchkey.Addresses, error) {
	l, err := latchkey.ParseAddresses(texts)
	if err != nil {
		return "", latchkey.InvalidParam("whitelist_ip", "The “whitelist_ip” argument is invalid: %v.", err)
	}
	return l, nil
}

// WHM API 1: wp_dashboard_create_api_token. It gives no privilege that is not
// named.
type createDashboardTokenParams struct {
	Name      tokenName   `param:"token_name" doc:"The token's name: 1 to 50 letters, digits, _ and -; not that of another token, nor one the dashboard keeps for its own."`
	ACL       []privilege `param:"acl" doc:"The privileges it is to have: acl, acl-0, acl-1 and so on, of those that you have."`
	Expires   expiry      `param:"expires_at,optional" doc:"When it ends, in seconds since 1970; 0 or nothing for never."`
	Addresses []string    `param:"whitelist_ip,optional" doc:"From where it may be used, addresses and ranges: whitelist_ip, whitelist_ip-0 and so on; from everywhere if none is named."`
}

func createDashboardToken(ctx context.Context, h hosting.Host, p createDashboardTokenParams) (createdToken, error) {
	if h.Caller().Role == latchkey.RoleRoot && (p.Name == "WebPros_Dashboard" || p.Name == "WP-Dashboard") {
		return createdToken{}, latchkey.InvalidParam("token_name", "The name “%s” is kept for the dashboard’s own token: choose another.", p.Name)
	}
	return createToken(ctx, h, createTokenParams(p))
}

// WHM API 1: api_token_update.
type updateTokenParams struct {
	Name      string      `param:"token_name" doc:"The token."`
	NewName   tokenName   `param:"new_name,optional" doc:"Its new name."`
	ACL       []privilege `param:"acl,optional" doc:"The privileges it is to have from now on: acl, acl-0, acl-1 and so on, of those that you have; all of yours if none is named."`
	Expires   expiry      `param:"expires_at,optional" doc:"When it is to end, in seconds since 1970; 0 or nothing for never."`
	Addresses []string    `param:"whitelist_ip,optional" doc:"From where it may be used from now on: whitelist_ip, whitelist_ip-0 and so on; any for everywhere. What it was stays if none is named."`
}

// updateToken leaves alone what is not here to be said.
func updateToken(ctx context.Context, h hosting.Host, p updateTokenParams) (tokenData, error) {
	t, err := h.Tokens().Change(ctx, p.Name, func(n *hosting.NewToken) (err error) {
		n.Name, n.Expires, n.Privileges = cmp.Or(string(p.NewName), p.Name), p.Expires.at, setOf(p.ACL)
		switch {
		case len(p.Addresses) == 1 && p.Addresses[0] == "any":
			n.Addresses = ""
		case len(p.Addresses) > 0:
			n.Addresses, err = addresses(p.Addresses)
		}
		return err
	})
	if err != nil {
		return tokenData{}, err
	}
	return tokenDataOf(&t.Token), nil
}

// WHM API 1: api_token_get_details.
type showTokenParams struct {
	Token latchkey.Secret `param:"token" doc:"The token itself."`
}

// showToken answers without data where the token is not known.
func showToken(ctx context.Context, h hosting.Host, p showTokenParams) (api.Answer, error) {
	t, err := h.Tokens().Find(ctx, p.Token)
	if latchkey.KindOf(err) == latchkey.NotFound {
		return api.Answer{}, nil
	}
	return api.Answer{Data: tokenDataOf(&t.Token)}, err
}

// nothingUnread refuses arguments that look as if they were to limit a token
// but are in no form that [createToken] reads: they must not be dropped.
func nothingUnread(r api.Runner[hosting.Host]) api.Runner[hosting.Host] {
	call := r.Call
	r.Call = func(ctx context.Context, on hosting.Host, args api.Args) (any, error) {
		args = slices.Clone(args)
		for i := range args {
			if rest, ok := strings.CutPrefix(args[i].Key, "whitelist-ip"); ok { // as the public page has it in an example
				args[i].Key = "whitelist_ip" + rest
			}
		}
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
		list.Tokens[t.Name] = listedToken{Name: t.Name, ACLs: switchesOf(privilegesOf(&t.Token), false), Created: t.Created, Expires: t.Expires, Addresses: places(t.Addresses)}
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
