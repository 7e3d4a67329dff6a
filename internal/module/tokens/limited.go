package tokens

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/grant"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// The functions here are ours: the public interface knows tokens with full
// access only.

// grants is a parameter that says what a token may do.
type grants struct{ grant.Set }

// ParseParam reads grants, apart by semicolons or line ends.
func (g *grants) ParseParam(text string) (err error) {
	if g.Set, err = grant.Parse(text); err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	return nil
}

// preset is a parameter that names a job.
type preset string

// Words are the presets there are.
func (p *preset) Words() []string {
	var ids []string
	for _, known := range grant.Presets() {
		ids = append(ids, known.ID)
	}
	return ids
}

// ParseParam takes one of the words.
func (p *preset) ParseParam(text string) error {
	if _, ok := grant.PresetOf(text); !ok {
		return fmt.Errorf("must be one of %s", strings.Join(p.Words(), ", "))
	}
	*p = preset(text)
	return nil
}

type limitedParams struct {
	Name      newName  `param:"name" doc:"Its name, which no other token of the account has."`
	Grants    grants   `param:"grants,optional" doc:"What it may do, such as Email:write(domain=example.com); several stand apart by semicolons."`
	Preset    preset   `param:"preset,optional" doc:"A job instead of grants."`
	Domain    []string `param:"domain,optional" doc:"The domains that the preset asks for."`
	Zone      []string `param:"zone,optional" doc:"The zones that the preset asks for."`
	Record    []string `param:"record,optional" doc:"The names of records that the preset asks for, relative to their zone."`
	Host      []string `param:"host,optional" doc:"The hosts of certificates that the preset asks for."`
	Path      []string `param:"path,optional" doc:"The folders that the preset asks for, relative to the home."`
	Expires   expiry   `param:"expires_at,optional" doc:"When it expires, in seconds since 1970; 0 for never."`
	ReadOnly  bool     `param:"readonly,optional" doc:"It may only call functions that change nothing."`
	Addresses []string `param:"whitelist_ip,optional" doc:"From where it may be used, addresses and ranges: whitelist_ip, whitelist_ip-0 and so on; from everywhere if none is named."`
}

// limited is a token with what it may do.
type limited struct {
	Name         string    `json:"name"`
	Handle       string    `json:"handle"`
	Created      time.Time `json:"create_time"`
	Expires      time.Time `json:"expires_at"` // null is never
	FullAccess   bool      `json:"has_full_access"`
	ReadOnly     bool      `json:"readonly"`
	Grants       []string  `json:"grants"`
	WhitelistIPs any       `json:"whitelist_ips"` // null is every address
	State        string    `json:"state"`
	LastUsed     time.Time `json:"last_used"` // null is never
	LastUsedFrom string    `json:"last_used_from"`
	LastUsedBy   string    `json:"last_used_by"`
}

// limitedOf is what is told of a token.
func limitedOf(t *hosting.TokenInfo) limited {
	l := limited{
		Name: t.Name, Handle: t.Handle.String(), Created: t.Created, Expires: t.Expires, FullAccess: t.Grants == "" && !t.ReadOnly, ReadOnly: t.ReadOnly,
		Grants: []string{grant.Full().String()}, State: stateOf(t), LastUsed: t.Use.At, LastUsedFrom: t.Use.From, LastUsedBy: t.Use.Client,
	}
	if t.Grants != "" {
		l.Grants = strings.Split(t.Grants, "; ")
	}
	if texts := t.Addresses.Texts(); texts != nil {
		l.WhitelistIPs = texts
	}
	return l
}

// createLimited is Tokens::create_limited, which is ours.
func createLimited(ctx context.Context, acct hosting.Account, p limitedParams) (api.Answer, error) {
	set, err := p.set()
	if err != nil {
		return api.Answer{}, err
	}
	n := hosting.NewToken{Name: string(p.Name), Expires: p.Expires.at, ReadOnly: p.ReadOnly, Grants: set.String()}
	if set.String() == grant.Full().String() {
		n.Grants = ""
	}
	if n.Addresses, err = latchkey.ParseAddresses(p.Addresses); err != nil {
		return api.Answer{}, latchkey.InvalidParam("whitelist_ip", "The “whitelist_ip” argument is invalid: %v.", err)
	}
	k, secret, err := acct.Tokens().Create(ctx, n)
	if err != nil {
		return api.Answer{}, err
	}
	return api.Answer{Data: struct {
		Token string `json:"token"`
		limited
	}{secret.Reveal(), limitedOf(&hosting.TokenInfo{Token: k})}}, nil
}

// set is what the parameters let the token do.
func (p *limitedParams) set() (grant.Set, error) {
	switch {
	case p.Preset == "" && len(p.Grants.Set) == 0:
		return nil, &latchkey.Error{Kind: latchkey.Missing, Param: "grants"}
	case p.Preset == "":
		return p.Grants.Set, nil
	case len(p.Grants.Set) > 0:
		return nil, latchkey.InvalidParam("preset", "Give either the “grants” or the “preset” argument, not both.")
	}
	job, _ := grant.PresetOf(string(p.Preset))
	set, err := job.Grants(map[grant.Key][]string{
		grant.Domain: p.Domain, grant.Zone: p.Zone, grant.Name: p.Record, grant.Host: p.Host, grant.Path: p.Path,
	})
	if err != nil {
		return nil, latchkey.InvalidParam("preset", "The preset cannot be used so: %v.", err)
	}
	return set, nil
}

type detailsParams struct {
	Name name `param:"name" doc:"The token."`
}

// details is Tokens::get_details, which is ours.
func details(ctx context.Context, acct hosting.Account, p detailsParams) (limited, error) {
	list, err := acct.Tokens().List(ctx)
	if err != nil {
		return limited{}, err
	}
	for i := range list {
		if list[i].Name == string(p.Name) {
			return limitedOf(&list[i]), nil
		}
	}
	return limited{}, &latchkey.Error{Kind: latchkey.NotFound, Param: "name", Msg: "There is no API token with the name “" + string(p.Name) + "”."}
}

// verify is Tokens::verify, which is ours: what the bearer of a token has in
// their hands.
func verify(ctx context.Context, acct hosting.Account, _ api.None) (limited, error) {
	own, err := acct.Tokens().Own(ctx)
	if err != nil {
		return limited{}, err
	}
	return limitedOf(&own), nil
}

// revokeSelf is Tokens::revoke_self, which is ours: whoever finds a token can end
// it.
func revokeSelf(ctx context.Context, acct hosting.Account, _ api.None) (int, error) {
	own, err := acct.Tokens().Own(ctx)
	if err != nil {
		return 0, err
	}
	_, err = acct.Tokens().Revoke(ctx, own.Name)
	return 1, err
}
