package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// hostedToken is a token of an account as the administrator sees it.
type hostedToken struct {
	User, Package string
	token
	Rules []string // of the policy, that it does not keep
}

// Mark is what the form calls it by.
func (t *hostedToken) Mark() string { return t.User + "/" + t.Name }

// tokenSearch is the list of all accounts' tokens, as far as it is asked for.
type tokenSearch struct {
	Q, Unused   string
	NoEnd, Full bool
	Tokens      []hostedToken
	More        string // the address of what follows; "" for nothing
	First       bool
}

// tokensAtOnce is how many tokens of all accounts are listed at once.
const tokensAtOnce = "25"

// unusedDays is what the filter for tokens that nobody uses counts.
const unusedDays = "90"

// query is what the address says of the search.
func (s *tokenSearch) query() url.Values {
	q := url.Values{}
	if s.Q != "" {
		q.Set("q", s.Q)
	}
	if s.Unused != "" {
		q.Set("unused", s.Unused)
	}
	if s.NoEnd {
		q.Set("no_end", "1")
	}
	if s.Full {
		q.Set("full", "1")
	}
	return q
}

// allTokens shows the tokens of all accounts.
func allTokens(v *visit) error {
	s := tokenSearch{Q: v.value("q"), NoEnd: v.value("no_end") == "1", Full: v.value("full") == "1", First: v.value("after") == ""}
	if v.value("unused") != "" {
		s.Unused = unusedDays
	}
	args := []string{"search", s.Q, "limit", tokensAtOnce}
	for name, on := range map[string]bool{"no_end": s.NoEnd, "full_access": s.Full} {
		if on {
			args = append(args, name, "1")
		}
	}
	if s.Unused != "" {
		args = append(args, "unused_days", s.Unused)
	}
	if !s.First {
		args = append(args, "after", v.value("after"))
	}
	var found struct {
		Tokens []hostedToken
		Next   string
	}
	if err := v.whm("list_account_tokens", &found, args...); err != nil {
		return err
	}
	s.Tokens = found.Tokens
	for i := range s.Tokens {
		s.Tokens[i].say(v.lang)
	}
	if found.Next != "" {
		q := s.query()
		q.Set("after", found.Next)
		s.More = v.link("/tokens") + "?" + q.Encode()
	}
	v.show(http.StatusOK, "all_tokens", &s)
	return nil
}

// chosenToken is one of those to be revoked.
type chosenToken struct{ User, Name string }

// mostChosen is how many tokens one form can revoke.
const mostChosen = 200

// chosen are the tokens that the form names, as far as they can be any.
func (v *visit) chosen() []chosenToken {
	var all []chosenToken
	for _, mark := range v.values("token") {
		if user, name, ok := strings.Cut(mark, "/"); ok && user != "" && name != "" && len(all) < mostChosen {
			all = append(all, chosenToken{user, name})
		}
	}
	return all
}

// revokeMany asks whether the tokens that were chosen are to be revoked, and then
// revokes them one after the other, as their owners would.
func revokeMany(v *visit) error {
	all := v.chosen()
	if len(all) == 0 {
		v.done("all_tokens.none_chosen")
		v.redirect("/tokens")
		return nil
	}
	if v.value("step") != "do" {
		if err := v.greet(); err != nil {
			return err
		}
		v.show(http.StatusOK, "revoke_many", all)
		return nil
	}
	_, err := v.long(&longWork{Title: "all_tokens.busy", To: "/tokens", Of: len(all)}, func(step func(int)) error { return v.revokeAll(all, step) })
	return err
}

// revokeAll revokes tokens one after the other, and says what could not be.
func (v *visit) revokeAll(all []chosenToken, step func(done int)) error {
	done := 0
	var failed []string
	for i, t := range all {
		switch err := latchkey.AsError(v.uapiFor(t.User, "Tokens::revoke", nil, "name", t.Name)); {
		case err == nil:
			done++
		case err.Kind == latchkey.BadCredentials:
			return err
		default:
			failed = append(failed, t.User+"/"+t.Name+": "+err.Msg)
		}
		step(i + 1)
	}
	v.done("all_tokens.revoked", "Count", strconv.Itoa(done))
	for _, text := range failed[:min(3, len(failed))] {
		v.note.list = append(v.note.list, note{ID: "all_tokens.failed", Args: map[string]string{"Text": text}, Bad: true})
	}
	return nil
}
