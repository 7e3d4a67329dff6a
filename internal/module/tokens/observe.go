package tokens

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/grant"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// A token that is watched works as it did, while the server writes down which
// functions it calls on what. From that comes the least that it needs, and one
// call narrows it to that.

type observeParams struct {
	Name name `param:"name" doc:"The token."`
	Off  bool `param:"off,optional" doc:"Watch it no longer. What it was seen to do stays written down."`
}

// observe is Tokens::observe, which is ours.
func observe(ctx context.Context, acct hosting.Account, p observeParams) (limited, error) {
	info, err := acct.Tokens().Change(ctx, string(p.Name), func(n *hosting.NewToken) error {
		n.Observing = !p.Off
		return nil
	})
	if err != nil {
		return limited{}, err
	}
	return limitedOf(&info), nil
}

// suggested is what is suggested for a token.
type suggested struct {
	Name      string   `json:"name"`
	Observing bool     `json:"observing"`
	Grants    []string `json:"grants"`
	Loses     []string `json:"loses"` // the grants that it has now and would not have whole
	For       []reason `json:"for"`
}

// reason is what a grant is suggested for.
type reason struct {
	Grant string    `json:"grant"`
	Count int64     `json:"count"`
	Last  time.Time `json:"last_used"`
	Uses  []usage   `json:"uses"`
	More  int       `json:"more_uses"` // that are not listed
}

// usage is that a function was called on something.
type usage struct {
	Function string    `json:"function"`
	On       string    `json:"on"` // as grants write it; "" for the account as a whole, or nothing
	Count    int64     `json:"count"`
	First    time.Time `json:"first_used"`
	Last     time.Time `json:"last_used"`
}

// maxUses is how many uses are listed of one grant.
const maxUses = 50

type suggestParams struct {
	Name name `param:"name" doc:"The token."`
}

// suggest is Tokens::suggest, which is ours: the least grants with which the
// token could do again what it was seen to do.
func suggest(ctx context.Context, acct hosting.Account, p suggestParams) (api.Answer, error) {
	w, err := watch(ctx, acct, p.Name)
	if err != nil {
		return api.Answer{}, err
	}
	a := api.Answer{Data: w.told()}
	if len(w.list) == 0 {
		a.Messages = []string{w.unused()}
	}
	return a, nil
}

// watched is a token with what is suggested for it.
type watched struct {
	hosting.TokenInfo
	has  grant.Set
	list []grant.Suggestion
}

func watch(ctx context.Context, acct hosting.Account, token name) (w watched, err error) {
	var uses []latchkey.Observed
	if w.TokenInfo, uses, err = acct.Tokens().Observed(ctx, string(token)); err != nil {
		return w, err
	}
	w.has = grant.Full()
	if w.Grants != "" {
		if w.has, err = grant.Parse(w.Grants); err != nil {
			return w, err
		}
	}
	if w.list, err = grant.Suggest(uses, w.has); err != nil {
		return w, latchkey.Errorf(latchkey.Limit, "Nothing can be suggested for the API token “%s”: %v.", w.Name, err)
	}
	return w, nil
}

// unused says why nothing is suggested.
func (w *watched) unused() string {
	if w.Observing {
		return "The API token “" + w.Name + "” has not been used since it is watched."
	}
	return "The API token “" + w.Name + "” is not watched: call Tokens::observe, and use it."
}

func (w *watched) told() suggested {
	set := grant.SetOf(w.list)
	s := suggested{Name: w.Name, Observing: w.Observing, Grants: []string{}, Loses: []string{}, For: []reason{}}
	for _, g := range w.list {
		s.Grants = append(s.Grants, g.Grant.String())
		s.For = append(s.For, reasonOf(&g))
	}
	for _, g := range w.has {
		if !(grant.Set{g}).Within(set, nil) {
			s.Loses = append(s.Loses, g.String())
		}
	}
	return s
}

func reasonOf(g *grant.Suggestion) reason {
	r := reason{Grant: g.Grant.String(), Uses: []usage{}}
	for i := range g.For {
		u := &g.For[i]
		r.Count += u.Count
		if u.Last.After(r.Last) {
			r.Last = u.Last
		}
		if len(r.Uses) == maxUses {
			r.More++
			continue
		}
		one := usage{Function: u.Module + "::" + u.Called.Name, Count: u.Count, First: u.First, Last: u.Last}
		if u.On.Kind != "" && u.On.Kind != latchkey.NothingKind {
			one.On = u.On.String()
		}
		r.Uses = append(r.Uses, one)
	}
	return r
}

type narrowParams struct {
	Name   name   `param:"name" doc:"The token."`
	Grants grants `param:"grants,optional" doc:"What Tokens::suggest has answered, apart by semicolons. If another use has come since then that takes more, nothing changes."`
}

// narrow is Tokens::narrow, which is ours: it gives a token what is suggested for
// it and no more, and ends the watch.
func narrow(ctx context.Context, acct hosting.Account, p narrowParams) (limited, error) {
	w, err := watch(ctx, acct, p.Name)
	if err != nil {
		return limited{}, err
	}
	if len(w.list) == 0 {
		return limited{}, latchkey.InvalidParam("name", "%s There is nothing to narrow it to.", w.unused())
	}
	set := slices.Clone(grant.SetOf(w.list))
	if len(p.Grants.Set) > 0 && p.Grants.String() != set.String() {
		return limited{}, latchkey.InvalidParam("grants", "What is suggested is no longer what you have seen, but: %s. Nothing has changed.", set)
	}
	info, err := acct.Tokens().Change(ctx, string(p.Name), func(n *hosting.NewToken) error {
		if n.Grants != w.Grants {
			return latchkey.Errorf(latchkey.Unavailable, "Somebody has changed what the API token may do meanwhile: try again.")
		}
		n.Grants, n.Observing = set.String(), false
		if strings.EqualFold(n.Grants, grant.Full().String()) {
			n.Grants = ""
		}
		return nil
	})
	if err != nil {
		return limited{}, err
	}
	return limitedOf(&info), nil
}
