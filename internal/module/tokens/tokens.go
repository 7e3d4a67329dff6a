// Package tokens is the module Tokens: the account's API tokens.
package tokens

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/grant"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Features tells of which features the functions are that a token with rights may
// call: the registry knows.
type Features func(rights latchkey.Rights, readOnly bool) latchkey.FeatureSet

// New is the module Tokens.
func New(of Features) api.Module[hosting.Account] {
	const feature = latchkey.FeatureAPITokens
	return api.Module[hosting.Account]{
		Name: "Tokens",
		Doc:  "The account's API tokens.",
		Funcs: []api.Func[hosting.Account]{
			{Name: "create_full_access", Feature: feature, Effect: api.Write, Run: api.Run(createFullAccess),
				Doc: "Create a token that may do what the account may do. It is shown this once."},
			{Name: "list", Feature: feature, Run: api.Run(of.list),
				Doc: "List the tokens, expired ones too."},
			{Name: "rename", Feature: feature, Effect: api.Write, Run: api.Run(rename),
				Doc: "Give a token another name."},
			{Name: "revoke", Feature: feature, Effect: api.Write, Run: api.Run(revoke),
				Doc: "Revoke a token. It succeeds also if there is none of this name."},

			{Name: "create_limited", Feature: feature, Effect: api.Write, Run: saidWhole(api.Run(createLimited)),
				Doc: "Create a token that may do what its grants say and nothing else. It is shown this once. An extension of this server."},
			{Name: "update", Feature: feature, Effect: api.Write, Run: api.Run(update),
				Doc: "Change what a token may do, from where, until when and how often. What is not named stays. An extension of this server."},
			{Name: "rotate", Feature: feature, Effect: api.Write, Run: api.Run(rotate),
				Doc: "Give a token another secret, which is shown this once; the one of before stays valid for a time. An extension of this server."},
			{Name: "disable", Feature: feature, Effect: api.Write, Run: api.Run(disable),
				Doc: "Have a token refused until it is enabled again. An extension of this server."},
			{Name: "enable", Feature: feature, Effect: api.Write, Run: api.Run(enable),
				Doc: "Let a token in again that was disabled, or ended because nobody used it. An extension of this server."},
			{Name: "revoke_all", Feature: feature, Effect: api.Write, Run: api.Run(revokeAll),
				Doc: "Revoke every token of the account. An extension of this server."},
			{Name: "get_policy", Feature: feature, Run: api.Run(showPolicy),
				Doc: "Tell what tokens the administrator's policy lets you make, and whose rule that is. An extension of this server."},
			{Name: "get_notices", Feature: feature, Run: api.Run(showNotices),
				Doc: "Tell which mails about tokens the account's contact address is sent. An extension of this server."},
			{Name: "set_notices", Feature: feature, Effect: api.Write, Run: api.Run(setNotices),
				Doc: "Choose which mails about tokens the account's contact address is sent. No token can. An extension of this server."},
			{Name: "list_details", Feature: feature, Run: api.Run(listDetails),
				Doc: "List the tokens with what each may do, from where and until when. An extension of this server."},
			{Name: "search", Feature: feature, Run: api.Run(search),
				Doc: "List a part of the tokens that are looked for, the newest first, as list_details does. An extension of this server."},
			{Name: "get_details", Feature: feature, Run: api.Run(details),
				Doc: "Tell what a token may do, from where and until when. An extension of this server."},
			{Name: "activity", Feature: feature, Run: api.Run(activity),
				Doc: "List what was done with the account's tokens and passwords, and what was refused and why, the newest first. An extension of this server."},
			{Name: "observe", Feature: feature, Effect: api.Write, Run: api.Run(observe),
				Doc: "Watch what a token is used for, or watch it no longer. It works as it did. An extension of this server."},
			{Name: "suggest", Feature: feature, Run: api.Run(suggest),
				Doc: "Suggest the least grants with which a token could do again what it did since it is watched. An extension of this server."},
			{Name: "narrow", Feature: feature, Effect: api.Write, Run: api.Run(narrow),
				Doc: "Give a token the grants that are suggested for it and no more, and watch it no longer. An extension of this server."},
			{Name: "verify", Feature: feature, Scope: api.Bearer, Run: api.Run(verify),
				Doc: "Tell the bearer of a token what it may do, from where and until when. An extension of this server."},
			{Name: "revoke_self", Feature: feature, Effect: api.Write, Scope: api.Bearer, Run: api.Run(revokeSelf),
				Doc: "Revoke the token that this is called with, whatever it may do. An extension of this server."},
		},
	}
}

// newName is a parameter that names a token to be.
type newName string

// ParseParam reads 1 to 50 letters, digits, underscores and dashes.
func (n *newName) ParseParam(text string) error {
	other := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
	}
	if text == "" || len(text) > 50 || strings.ContainsFunc(text, other) {
		return fmt.Errorf("must have 1 to 50 characters and only letters, digits, dashes and underscores")
	}
	*n = newName(text)
	return nil
}

// Resource names the token.
func (n newName) Resource() latchkey.Resource {
	return latchkey.Resource{Kind: "token", Name: string(n)}
}

// name is a parameter that names a token there may be, whatever it looks like:
// what could never be a name is the name of none.
type name string

// Resource names the token.
func (n name) Resource() latchkey.Resource {
	return latchkey.Resource{Kind: "token", Name: string(n)}
}

// maxExpiry is the last second of the year 9999.
const maxExpiry = 253402300799

// expiry is a parameter that says when a token expires; its zero value is never.
type expiry struct{ at time.Time }

// ParseParam reads seconds since 1970; 0 is never.
func (e *expiry) ParseParam(text string) error {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n > maxExpiry {
		return fmt.Errorf("must be a time in seconds since 1970, such as 1893456000, or 0 for never")
	}
	if n != 0 {
		e.at = time.Unix(n, 0)
	}
	return nil
}

type createParams struct {
	Name     newName `param:"name" doc:"Its name, which no other token of the account has."`
	Expires  expiry  `param:"expires_at,optional" doc:"When it expires, in seconds since 1970; 0 for never."`
	ReadOnly bool    `param:"readonly,optional" doc:"It may only call functions that change nothing."`
}

type created struct {
	Token    string `json:"token"`
	Created  int64  `json:"create_time"`
	Name     string `json:"name"`
	Expires  int64  `json:"expires_at"` // 0 is never
	ReadOnly bool   `json:"readonly"`
}

// UAPI: Tokens::create_full_access.
func createFullAccess(ctx context.Context, acct hosting.Account, p createParams) (created, error) {
	k, secret, err := acct.Tokens().Create(ctx, hosting.NewToken{Name: string(p.Name), Expires: p.Expires.at, ReadOnly: p.ReadOnly})
	if err != nil {
		return created{}, err
	}
	c := created{Token: secret.Reveal(), Created: k.Created.Unix(), Name: k.Name, ReadOnly: k.ReadOnly}
	if !k.Expires.IsZero() {
		c.Expires = k.Expires.Unix()
	}
	return c, nil
}

// row is a token as [list] shows it. What stands after readonly is ours.
type row struct {
	Name         string    `json:"name"`
	Created      time.Time `json:"create_time"`
	Expires      time.Time `json:"expires_at"` // null is never
	FullAccess   bool      `json:"has_full_access"`
	Features     []string  `json:"features"`
	WhitelistIPs any       `json:"whitelist_ips"` // null is every address
	ReadOnly     bool      `json:"readonly"`
	State        string    `json:"state"` // see [latchkey.Standing]
	Handle       string    `json:"handle"`
	LastUsed     time.Time `json:"last_used"` // null is never
	LastUsedFrom string    `json:"last_used_from"`
	LastUsedBy   string    `json:"last_used_by"`
}

// list names of a narrow token the features that it reaches.
//
// UAPI: Tokens::list.
func (of Features) list(ctx context.Context, acct hosting.Account, _ api.None) ([]row, error) {
	tokens, err := acct.Tokens().List(ctx)
	has := acct.Caller().Features
	rows := make([]row, len(tokens))
	for i := range tokens {
		t := &tokens[i]
		rows[i] = row{
			Name: t.Name, Created: t.Created, Expires: t.Expires, FullAccess: t.Grants == "", Features: features(has), ReadOnly: t.ReadOnly,
			State: string(t.Standing), Handle: t.Handle.String(), LastUsed: t.Use.At, LastUsedFrom: t.Use.From, LastUsedBy: t.Use.Client,
		}
		if t.Grants != "" {
			rows[i].Features = features(has & of(rightsOf(&t.Token), t.ReadOnly))
		}
		if texts := t.Addresses.Texts(); texts != nil {
			rows[i].WhitelistIPs = texts
		}
	}
	return rows, err
}

// rightsOf are the grants of a narrow token: none where they cannot be read.
func rightsOf(t *latchkey.Token) latchkey.Rights {
	set, err := grant.Parse(t.Grants)
	if err != nil {
		return grant.Set{}
	}
	return set
}

// features are the ids of features.
func features(of latchkey.FeatureSet) []string {
	ids := []string{}
	for _, f := range latchkey.Features() {
		if of.Has(f) {
			ids = append(ids, f.String())
		}
	}
	return ids
}

type renameParams struct {
	Name    name    `param:"name" doc:"The token."`
	NewName newName `param:"new_name" doc:"Its new name, which no other token of the account has."`
}

// UAPI: Tokens::rename.
func rename(ctx context.Context, acct hosting.Account, p renameParams) (api.Void, error) {
	return nil, acct.Tokens().Rename(ctx, string(p.Name), string(p.NewName))
}

type revokeParams struct {
	Name name `param:"name" doc:"The token."`
}

// UAPI: Tokens::revoke.
func revoke(ctx context.Context, acct hosting.Account, p revokeParams) (int, error) {
	_, err := acct.Tokens().Revoke(ctx, string(p.Name))
	return 1, err
}
