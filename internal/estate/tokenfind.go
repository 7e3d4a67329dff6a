package estate

import (
	"context"
	"strings"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// tokensSearched is how many tokens one search looks at.
const tokensSearched = 4000

// Find implements [hosting.TokenPolicies].
func (h *hostTokenPolicies) Find(ctx context.Context, q hosting.TokenSearch, after hosting.TokenMark, limit int) (list []hosting.AccountToken, next *hosting.TokenMark, err error) {
	q.Text = strings.ToLower(q.Text)
	w := tokenSearch{host: h.host, q: q, at: after, limit: limit, policies: map[string]*latchkey.AppliedPolicy{}}
	for w.looked < tokensSearched && len(w.found) < limit && !w.done {
		if err := h.e.Store.Read(ctx, w.page); err != nil {
			return nil, nil, err
		}
	}
	if w.done {
		return w.found, nil, nil
	}
	return w.found, &w.at, nil
}

// tokenSearch walks over all tokens by account and name, and over no account that
// has none.
type tokenSearch struct {
	*host
	q        hosting.TokenSearch
	at       hosting.TokenMark // the last one that was looked at
	limit    int
	looked   int
	owner    latchkey.Account                   // of the token that was looked at last
	policies map[string]*latchkey.AppliedPolicy // by package
	found    []hosting.AccountToken
	done     bool
}

// page looks at some tokens.
func (w *tokenSearch) page(r store.Reader) error {
	const page = 200
	list, err := r.TokensAfter(w.at.Account, latchkey.ForAccount, w.at.Name, page)
	for i := 0; err == nil && i < len(list) && len(w.found) < w.limit; i++ {
		w.looked++
		if w.at = (hosting.TokenMark{Account: list[i].Account, Name: list[i].Name}); list[i].Audience != latchkey.ForAccount {
			w.at = hosting.TokenMark{Account: list[i].Account + 1} // those of an account for its own door come first
		}
		err = w.token(r, &list[i])
		w.done = len(list) < page && i == len(list)-1
	}
	w.done = w.done || len(list) == 0
	return err
}

// token keeps k, if it is one of those that are looked for and of an account that
// the caller sees. What is cheapest to tell is asked first.
func (w *tokenSearch) token(r store.Reader, k *latchkey.Token) error {
	if k.Audience != latchkey.ForAccount || w.q.NoEnd && !k.Expires.IsZero() || w.q.Full && !k.Full() {
		return nil
	}
	if err := w.of(r, k.Account); err != nil || !w.caller.Sees(&w.owner) || !w.named(k) {
		return gone(err)
	}
	now := w.e.Now()
	info := hosting.TokenInfo{Token: *k, Expired: k.Expired(now)}
	var err error
	if info.Use, info.UsedWas, err = w.e.Auth.LastUse(r, k); err != nil {
		return err
	}
	if w.q.Unused > 0 && (now.Sub(info.Use.At) < w.q.Unused || now.Sub(k.Created) < w.q.Unused) {
		return nil
	}
	if info.Uses, err = auth.Uses(r, k); err != nil {
		return err
	}
	info.Standing = k.Standing(now, info.Use.At, info.Uses)
	p, err := w.policy(r)
	if err != nil {
		return err
	}
	info.Breaches = p.Breaches(k, now)
	w.found = append(w.found, hosting.AccountToken{Account: w.owner.Name, Package: w.owner.Package, TokenInfo: info})
	return nil
}

// of finds the account that tokens belong to.
func (w *tokenSearch) of(r store.Reader, id latchkey.AccountID) (err error) {
	if w.owner.ID != id {
		w.owner, err = r.AccountByID(id)
	}
	return err
}

// named reports whether the names have the text in them that is looked for.
func (w *tokenSearch) named(k *latchkey.Token) bool {
	return w.q.Text == "" || strings.Contains(strings.ToLower(string(w.owner.Name)+"\n"+k.Name), w.q.Text)
}

// policy is what counts for the tokens of the account that was looked at last.
func (w *tokenSearch) policy(r store.Reader) (p *latchkey.AppliedPolicy, err error) {
	if p = w.policies[w.owner.Package]; p == nil {
		p, err = tokenPolicy(r, &w.owner)
		w.policies[w.owner.Package] = p
	}
	return p, err
}
