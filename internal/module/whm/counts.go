package whm

import (
	"cmp"
	"context"
	"path"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// WHM API 1: verify_new_username.
type verifyNameParams struct {
	User hosting.AccountParam `param:"user" doc:"The name that a new account is to have."`
}

func verifyName(ctx context.Context, h hosting.Host, p verifyNameParams) (api.Void, error) {
	err := h.NameFree(ctx, p.User.Name)
	if latchkey.KindOf(err) == latchkey.Exists {
		return nil, &latchkey.Error{Kind: latchkey.Exists, Param: "user", Err: err,
			Msg: "This system already has an account named “" + string(p.User.Name) + "”, or one that begins with the same eight characters."}
	}
	return nil, err
}

type userCount struct {
	Users int `json:"users"`
}

// WHM API 1: get_current_users_count.
func countUsers(ctx context.Context, h hosting.Host, _ api.None) (userCount, error) {
	_, total, err := h.AccountPage(ctx, 0, 0)
	return userCount{total}, err
}

// WHM API 1: get_maximum_users. No licence limits it, which is 0.
func mostUsers(context.Context, hosting.Host, api.None) (userCount, error) { return userCount{}, nil }

// WHM API 1: acctcounts.
type countAccountsParams struct {
	User hosting.AccountParam `param:"user,optional" doc:"Whose accounts to count; the caller's if it is left out."`
}

type ownerCounts struct {
	Active    int                  `json:"active"`
	Limit     *int64               `json:"limit"` // null: none
	Suspended int                  `json:"suspended"`
	User      latchkey.AccountName `json:"user"`
}

type counted struct {
	Reseller ownerCounts `json:"reseller"`
}

func countAccounts(ctx context.Context, h hosting.Host, p countAccountsParams) (counted, error) {
	owner := cmp.Or(p.User.Name, h.Caller().Name)
	if owner != h.Caller().Name {
		if _, err := h.Account(ctx, owner); err != nil {
			return counted{}, err
		}
	}
	all, suspended, err := h.CountAccounts(ctx, owner)
	if err != nil {
		return counted{}, err
	}
	c := ownerCounts{Active: all - suspended, Suspended: suspended, User: owner}
	_, s, err := h.Resellers().Reseller(ctx, owner)
	switch {
	case latchkey.KindOf(err) == latchkey.NotFound:
		err = nil // nobody with limits, or the administrator
	case s.LimitAccounts:
		c.Limit = &s.Accounts
	}
	return counted{c}, err
}

type homeRoot struct {
	Path string `json:"path"`
}

type homeRoots struct {
	Payload []homeRoot `json:"payload"`
}

// WHM API 1: get_homedir_roots.
func listHomeRoots(_ context.Context, h hosting.Host, _ api.None) (homeRoots, error) {
	return homeRoots{[]homeRoot{{path.Dir(h.Home("user"))}}}, nil
}

// WHM API 1: has_digest_auth. Nobody has Digest Authentication here.
type digestParams struct {
	User hosting.AccountParam `param:"user" doc:"The account."`
}

type digestState struct {
	Digest bool `json:"digestauth"`
}

func hasDigest(ctx context.Context, h hosting.Host, p digestParams) (digestState, error) {
	_, err := h.Account(ctx, p.User.Name)
	return digestState{}, err
}
