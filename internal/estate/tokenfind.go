package estate

import (
	"context"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// What one search looks at: so many tokens in the store, and so many of those that
// it finds there more closely.
const (
	tokensSearched = 4000
	tokensJudged   = 1000
)

// Find implements [hosting.TokenPolicies].
func (h *hostTokenPolicies) Find(ctx context.Context, q hosting.TokenSearch, after hosting.TokenMark, limit int) (list []hosting.AccountToken, next *hosting.TokenMark, err error) {
	w := tokenSearch{host: h.host, q: q, now: h.e.Now(), next: &store.TokenKey{Account: after.Account, Name: after.Name}, limit: limit, policies: map[string]*latchkey.AppliedPolicy{}}
	err = h.e.Store.Read(ctx, func(r store.Reader) error {
		if err := w.run(r); err != nil {
			return err
		}
		return w.veil(r)
	})
	if err != nil || w.next == nil {
		return w.found, nil, err
	}
	return w.found, &hosting.TokenMark{Account: w.next.Account, Name: w.next.Name}, nil
}

// tokenSearch goes over the tokens of all accounts by account and name, and over
// no account that has none.
type tokenSearch struct {
	*host
	q        hosting.TokenSearch
	now      time.Time
	next     *store.TokenKey // the last one that was looked at; nil at the end
	limit    int
	owner    latchkey.Account                   // of the token that was looked at last
	policies map[string]*latchkey.AppliedPolicy // by package
	found    []hosting.AccountToken
}

// run has the store find the tokens that may be those that are looked for, some at
// a time, and looks at them.
func (w *tokenSearch) run(r store.Reader) error {
	in := store.TokenSearch{Owner: w.sees(), Text: strings.ToLower(w.q.Text), NoEnd: w.q.NoEnd, Full: w.q.Full}
	if w.q.Unused > 0 {
		in.Idle = w.now.Add(-w.q.Unused)
	}
	if w.q.Outside {
		some, err := w.ruled(r, &in)
		if err != nil || !some {
			w.next = nil
			return err
		}
	}
	for judged := 0; judged < tokensJudged && len(w.found) < w.limit && w.next != nil; {
		const most = 200
		some := min(most, tokensJudged-judged)
		if !w.q.Outside {
			some = min(some, w.limit-len(w.found))
		}
		list, next, err := r.FindTokens(in, *w.next, tokensSearched, some)
		if err == nil {
			w.next = next
			err = w.look(r, list)
		}
		if err != nil || len(list) < some {
			return err
		}
		judged += len(list)
	}
	return nil
}

// veil lets a search that has come to a token of an account that the caller does not
// see go on after all of that account: what the caller is told names none of them.
func (w *tokenSearch) veil(r store.Reader) error {
	if w.next == nil || w.caller.OverAll() {
		return nil
	}
	a, err := r.AccountByID(w.next.Account)
	if gone(err) != nil {
		return err
	}
	if err != nil || !w.caller.Sees(&a) {
		w.next = &store.TokenKey{Account: w.next.Account + 1}
	}
	return nil
}

// ruled asks for the tokens alone that some rule counts for, and reports whether
// there can be any.
func (w *tokenSearch) ruled(r store.Reader, in *store.TokenSearch) (bool, error) {
	server, err := serverTokenPolicy(r)
	if err != nil || server.For("", latchkey.TokenPolicy{}).Binds() {
		return true, err
	}
	packages, err := r.Packages()
	for i := range packages {
		if server.For(packages[i].Name, packages[i].Tokens).Binds() {
			in.Packages = append(in.Packages, packages[i].Name)
		}
	}
	return in.Packages != nil, err
}

// look keeps those of list that are looked for, until there are enough.
func (w *tokenSearch) look(r store.Reader, list []latchkey.Token) error {
	last, before, err := w.e.Auth.LastUses(r, list)
	for i := 0; err == nil && i < len(list); i++ {
		if err = w.token(r, &list[i], last[i], before[i]); err == nil && len(w.found) == w.limit && i < len(list)-1 {
			w.next = &store.TokenKey{Account: list[i].Account, Name: list[i].Name}
			return nil
		}
	}
	return err
}

// token keeps k, if it is one of those that are looked for. What is cheapest to
// tell is asked first.
func (w *tokenSearch) token(r store.Reader, k *latchkey.Token, last, before latchkey.Use) error {
	if w.q.Unused > 0 && w.now.Sub(last.At) < w.q.Unused {
		return nil // memory knows of a later use
	}
	if w.owner.ID != k.Account {
		var err error
		if w.owner, err = r.AccountByID(k.Account); err != nil {
			return gone(err)
		}
	}
	p, err := w.policy(r)
	if err != nil {
		return err
	}
	info := hosting.TokenInfo{Token: *k, Expired: k.Expired(w.now), Use: last, UsedWas: before}
	if info.Breaches = p.Breaches(k, w.now); w.q.Outside && len(info.Breaches) == 0 || !w.caller.Sees(&w.owner) {
		return nil
	}
	if info.Uses, err = auth.Uses(r, k); err != nil {
		return err
	}
	info.Standing = k.Standing(w.now, last.At, info.Uses)
	w.found = append(w.found, hosting.AccountToken{Account: w.owner.Name, Package: w.owner.Package, TokenInfo: info})
	return nil
}

// policy is what counts for the tokens of the account that was looked at last.
func (w *tokenSearch) policy(r store.Reader) (p *latchkey.AppliedPolicy, err error) {
	if p = w.policies[w.owner.Package]; p == nil {
		p, err = tokenPolicy(r, &w.owner)
		w.policies[w.owner.Package] = p
	}
	return p, err
}
