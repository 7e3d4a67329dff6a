package whm

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

type findTokensParams struct {
	Search string    `param:"search,optional" doc:"Part of the account's or the token's name."`
	Unused int       `param:"unused_days,optional" doc:"Only tokens that nobody has used for so many days, 1 to 3650."`
	NoEnd  bool      `param:"no_end,optional" doc:"1 for tokens that last for ever only."`
	Full   bool      `param:"full_access,optional" doc:"1 for tokens only that may do everything their account may."`
	After  tokenMark `param:"after,optional" doc:"Where to go on: what “next” was in the answer before."`
	Limit  int       `param:"limit,optional" doc:"How many to list at most, 1 to 1000; 100 if it is left out."`
}

// tokenMark is a parameter that says where to go on: a number and a name.
type tokenMark struct{ hosting.TokenMark }

// ParseParam reads what an answer gave as next.
func (m *tokenMark) ParseParam(text string) error {
	number, name, _ := strings.Cut(text, "/")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || len(name) > 50 {
		return fmt.Errorf("must be what “next” was in the answer before")
	}
	m.TokenMark = hosting.TokenMark{Account: latchkey.AccountID(n), Name: name}
	return nil
}

func (m *tokenMark) String() string { return fmt.Sprintf("%d/%s", m.Account, m.Name) }

// query is what the parameters ask for.
func (p *findTokensParams) query() (q hosting.TokenSearch, err error) {
	if p.Limit == 0 {
		p.Limit = 100
	}
	if p.Limit < 1 || p.Limit > 1000 {
		return q, latchkey.InvalidParam("limit", "The “limit” argument is invalid: it must be 1 to 1000.")
	}
	if p.Unused < 0 || p.Unused > latchkey.MostDays {
		return q, latchkey.InvalidParam("unused_days", "The “unused_days” argument is invalid: it must be 1 to %d.", latchkey.MostDays)
	}
	if len(p.Search) > 200 {
		return q, latchkey.InvalidParam("search", "The “search” argument is invalid: it must be at most 200 bytes long.")
	}
	return hosting.TokenSearch{Text: p.Search, Unused: time.Duration(p.Unused) * latchkey.Day, NoEnd: p.NoEnd, Full: p.Full}, nil
}

// accountToken is a token of an account as the administrator sees it.
type accountToken struct {
	User     latchkey.AccountName `json:"user"`
	Package  string               `json:"package"`
	Name     string               `json:"name"`
	Handle   string               `json:"handle"`
	Created  time.Time            `json:"create_time"`
	Expires  time.Time            `json:"expires_at"`
	LastUsed time.Time            `json:"last_used"`
	State    latchkey.Standing    `json:"state"`
	Full     bool                 `json:"has_full_access"`
	ReadOnly bool                 `json:"readonly"`
	Grants   []string             `json:"grants"`
	Reasons  []string             `json:"reasons"` // which rules of the policy it does not keep
	Rules    []latchkey.Rule      `json:"rules"`   // and how those are called
}

type accountTokens struct {
	Tokens []accountToken `json:"tokens"`
	Next   string         `json:"next"` // "" where there are no more
}

func findTokens(ctx context.Context, h hosting.Host, p findTokensParams) (accountTokens, error) {
	out := accountTokens{Tokens: []accountToken{}}
	q, err := p.query()
	if err != nil {
		return out, err
	}
	list, next, err := h.TokenPolicies().Find(ctx, q, p.After.TokenMark, p.Limit)
	for i := range list {
		out.Tokens = append(out.Tokens, accountTokenOf(&list[i]))
	}
	if next != nil {
		out.Next = (&tokenMark{*next}).String()
	}
	return out, err
}

func accountTokenOf(t *hosting.AccountToken) accountToken {
	row := accountToken{
		User: t.Account, Package: t.Package, Name: t.Name, Handle: t.Handle.String(), Created: t.Created, Expires: t.Expires, LastUsed: t.Use.At,
		State: t.Standing, Full: t.Full(), ReadOnly: t.ReadOnly, Grants: []string{grant.Full().String()}, Reasons: []string{}, Rules: []latchkey.Rule{},
	}
	if t.Grants != "" {
		row.Grants = strings.Split(t.Grants, "; ")
	}
	for _, b := range t.Breaches {
		row.Reasons, row.Rules = append(row.Reasons, b.Text), append(row.Rules, b.Rule)
	}
	return row
}

type findings struct {
	Findings []hosting.Finding `json:"findings"`
}

func showFindings(ctx context.Context, h hosting.Host, _ api.None) (findings, error) {
	look := h.Server().Findings
	if look == nil {
		return findings{}, latchkey.Errorf(latchkey.Unavailable, "This server cannot look at itself: run “latchkey doctor”.")
	}
	return findings{look(ctx)}, nil
}
