package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// token is a token as the server tells of it.
type token struct {
	Name           string
	Handle         string
	Created        stamp    `json:"create_time"`
	Expires        stamp    `json:"expires_at"`
	NotBefore      stamp    `json:"not_before"`
	FullAccess     int      `json:"has_full_access"`
	ReadOnly       int      `json:"readonly"`
	Grants         []string `json:"grants"`
	Addresses      []string `json:"whitelist_ips"`
	MaxUses        int64    `json:"max_uses"`
	Uses           int64    `json:"uses"`
	UnusedDays     int      `json:"unused_days"`
	RateLimit      int      `json:"rate_limit"`
	Observing      int      `json:"observing"`
	Note           string
	State          latchkey.Standing
	Rotated        stamp  `json:"renew_time"`
	OldSecretUntil stamp  `json:"old_secret_until"`
	OldSecretUsed  stamp  `json:"old_secret_last_used"`
	LastUsed       stamp  `json:"last_used"`
	LastUsedFrom   string `json:"last_used_from"`
	LastUsedBy     string `json:"last_used_by"`
	Secret         string `json:"token"` // right after it was made or rotated
	Days           []int  `json:"calls_per_day"`
	Policy         []struct{ Rule, Reason string }

	// In words: one line, and each grant.
	Line    string   `json:"-"`
	Clauses []clause `json:"-"`
}

// Ended reports whether the token can be used no more, or not now.
func (t *token) Ended() bool {
	return t.State != latchkey.StandsActive && t.State != latchkey.StandsNotYet
}

// Full reports whether it may do what the account may do.
func (t *token) Full() bool { return t.FullAccess == 1 }

// Look is how its state is coloured.
func (t *token) Look() string {
	switch t.State {
	case latchkey.StandsActive:
		return "good"
	case latchkey.StandsNotYet, latchkey.StandsDisabled:
		return "warn"
	}
	return "bad"
}

// say puts into words what the token may do.
func (t *token) say(in *tongue) { t.Line, t.Clauses = in.inWords(t.Grants, t.ReadOnly == 1) }

// tokensOnPage is how many tokens are listed at once.
const tokensOnPage = 20

// listing is the list of tokens, as far as it is asked for.
type listing struct {
	Tokens   []token
	Revoked  []event
	Earlier  string // the address of those revoked before; "" after the last
	Show, Q  string
	Counts   map[string]int
	Pages    pager
	May      bool
	Reason   string
	Warnings int // tokens that end within a week
}

// pager leads through a list.
type pager struct {
	At, Last    int
	Path, Query string
}

// To is the address of another page of the list.
func (p pager) To(n int) string {
	return p.Path + "?" + p.Query + "page=" + strconv.Itoa(n)
}

func (p pager) Before() int { return p.At - 1 }
func (p pager) After() int  { return p.At + 1 }

// paged is the part of a list that is asked for.
func paged[T any](all []T, page string, each int) ([]T, int, int) {
	last := max(1, (len(all)+each-1)/each)
	at, err := strconv.Atoi(page)
	if err != nil || at < 1 {
		at = 1
	}
	at = min(at, last)
	return all[(at-1)*each : min(at*each, len(all))], at, last
}

// rules are what the administrator lets owners make.
type rules struct {
	May       int    `json:"may_create"`
	Reason    string `json:"reason"`
	Longest   int    `json:"longest_days"`
	Latest    stamp  `json:"latest_expires_at"`
	Default   int    `json:"default_days"`
	Addresses int    `json:"require_addresses"`
	Full      int    `json:"full_access"`
}

// listTokens shows the account's tokens.
func listTokens(v *visit) error {
	var may rules
	if err := v.uapi("Tokens::get_policy", &may); err != nil {
		return err
	}
	l := listing{Show: v.value("show"), Q: v.value("q"), May: may.May == 1, Reason: may.Reason}
	if !slices.Contains([]string{"active", "ended", "revoked"}, l.Show) {
		l.Show = "active"
	}
	if err := l.revoked(v); err != nil {
		return err
	}
	if err := l.search(v); err != nil {
		return err
	}
	l.Pages.Path, l.Pages.Query = v.link("/tokens"), url.Values{"show": {l.Show}, "q": {l.Q}}.Encode()+"&"
	for i := range l.Tokens {
		l.Tokens[i].say(v.lang)
	}
	v.show(http.StatusOK, "tokens", l)
	return nil
}

// search reads the page that is asked for, or the last where there were more once.
// The server searches, and counts.
func (l *listing) search(v *visit) error {
	at, err := strconv.Atoi(v.value("page"))
	if err != nil || at < 1 || at > lastPage {
		at = 1
	}
	show := l.Show
	if show == "revoked" {
		show = "all"
	}
	for {
		var found struct {
			Tokens                       []token
			Found, Active, Ending, Ended int
		}
		err := v.uapi("Tokens::search", &found, "show", show, "search", l.Q, "skip", strconv.Itoa((at-1)*tokensOnPage), "limit", strconv.Itoa(tokensOnPage))
		if err != nil {
			return err
		}
		l.Tokens, l.Warnings = found.Tokens, found.Ending
		l.Counts = map[string]int{"active": found.Active, "ended": found.Ended}
		l.Pages.At, l.Pages.Last = at, max(1, (found.Found+tokensOnPage-1)/tokensOnPage)
		if at <= l.Pages.Last {
			return nil
		}
		at = l.Pages.Last
	}
}

// revoked reads from the trail which tokens were revoked lately: they are in no
// list any more.
func (l *listing) revoked(v *visit) error {
	if l.Show != "revoked" {
		return nil
	}
	args := []string{"function", "Tokens::revoke,Tokens::revoke_self,Tokens::revoke_all", "outcome", "ok", "limit", "100"}
	if before := v.value("before"); before != "" {
		args = append(args, "before", before)
	}
	var found events
	err := v.uapi("Tokens::activity", &found, args...)
	if l.Revoked = found.Events; found.Next != "" {
		l.Earlier = v.link("/tokens") + "?" + url.Values{"show": {l.Show}, "before": {found.Next}}.Encode()
	}
	return err
}

// event is an event of the audit trail.
type event struct {
	ID        string
	Time      stamp
	By        string
	Token     string
	TokenName string `json:"token_name"`
	Address   string
	Client    string
	Function  string
	Change    int
	Outcome   string
	Message   string
	Reason    string
	Resources []string
	Values    []string
}

// Good reports whether the call did what it was to do.
func (e *event) Good() bool { return e.Outcome == "ok" }

// On is what was touched, in short.
func (e *event) On() string {
	if len(e.Resources) > 3 {
		return strings.Join(e.Resources[:3], ", ") + " …"
	}
	return strings.Join(e.Resources, ", ")
}

// Tokens are the tokens that an event is about.
func (e *event) Tokens() string {
	var names []string
	for _, r := range e.Resources {
		if name, ok := strings.CutPrefix(r, "token="); ok {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

type events struct {
	Events []event
	Next   string
}

// manage is a token's own page.
type manage struct {
	token
	Form   *form
	New    string // the name that was filled in
	Events []event
	today  time.Time
}

// oneToken finds the token that the address names.
func (v *visit) oneToken() (t token, err error) {
	err = v.uapi("Tokens::get_details", &t, "name", v.names["name"])
	t.say(v.lang)
	return t, err
}

// manageToken shows one token.
func manageToken(v *visit) error { return v.manage(&form{}, v.names["name"]) }

// eventsShown is how many events stand on a token's own page, of those that are read:
// its owner's looks at it are not among them.
const (
	eventsShown = 10
	eventsRead  = 40
)

// looked reports whether an event is that somebody looked at a page.
func looked(e event) bool { return e.By == "session" && e.Change == 0 && e.Good() }

func (v *visit) manage(f *form, newName string) error {
	t, err := v.oneToken()
	if err != nil {
		return err
	}
	var found events
	if err := v.uapi("Tokens::activity", &found, "token", t.Name, "limit", strconv.Itoa(eventsRead)); err != nil {
		return err
	}
	found.Events = slices.DeleteFunc(found.Events, looked)
	m := manage{token: t, Form: f, New: newName, Events: found.Events[:min(len(found.Events), eventsShown)], today: dayOf(v.now())}
	status := http.StatusOK
	if f.Bad() {
		status = http.StatusUnprocessableEntity
	}
	v.show(status, "token", &m)
	return nil
}

// renameToken gives a token another name.
func renameToken(v *visit) error {
	f, name := &form{}, v.value("new_name")
	if name == "" {
		f.say("new_name", v.lang.say("token.needs_name"))
		return v.manage(f, name)
	}
	err := v.uapi("Tokens::rename", nil, "name", v.names["name"], "new_name", name)
	if err := f.refuse(err, map[string]string{"new_name": "new_name", "name": "new_name"}); err != nil {
		return err
	}
	if f.Bad() {
		return v.manage(f, name)
	}
	v.done("token.renamed", "Name", name)
	v.redirect("/token/" + url.PathEscape(name))
	return nil
}

// switched is what a button of a token's page does that needs nothing filled in.
func switched(function, said string, args ...string) handler {
	return func(v *visit) error {
		name := v.names["name"]
		if err := v.uapi(function, nil, append([]string{"name", name}, args...)...); err != nil {
			return err
		}
		v.done(said, "Name", name)
		v.redirect("/token/" + url.PathEscape(name))
		return nil
	}
}

// askRevoke says what revoking a token does.
func askRevoke(v *visit) error {
	t, err := v.oneToken()
	if err != nil {
		return err
	}
	v.show(http.StatusOK, "revoke", t)
	return nil
}

// revokeToken revokes it.
func revokeToken(v *visit) error {
	if err := v.uapi("Tokens::revoke", nil, "name", v.names["name"]); err != nil {
		return err
	}
	v.done("token.revoked", "Name", v.names["name"])
	v.redirect("/tokens")
	return nil
}

// overlaps are for how long the old secret may stay valid.
var overlaps = []time.Duration{0, time.Hour, 24 * time.Hour, hosting.MaxOverlap}

// askRotate asks for how long the old secret is to stay valid.
func askRotate(v *visit) error {
	t, err := v.oneToken()
	if err != nil {
		return err
	}
	v.show(http.StatusOK, "rotate", t)
	return nil
}

// Overlaps are for how long the old secret may stay valid, in seconds.
func (s *shown) Overlaps() (seconds []int) {
	for _, d := range overlaps {
		seconds = append(seconds, int(d.Seconds()))
	}
	return seconds
}

// rotateToken gives a token another secret and shows it.
func rotateToken(v *visit) error {
	var t token
	if err := v.uapi("Tokens::rotate", &t, "name", v.names["name"], "overlap", cmp.Or(v.value("overlap"), "0")); err != nil {
		return err
	}
	return v.reveal(&t, true)
}

// revealed is a token whose secret is shown, this once.
type revealed struct {
	token
	Rotated bool
	URL     string // of the server
	Domain  string // for examples
	User    string
}

// reveal shows a secret.
func (v *visit) reveal(t *token, rotated bool) error {
	owned, err := v.domains()
	if err != nil {
		return err
	}
	t.say(v.lang)
	v.show(http.StatusOK, "secret", revealed{token: *t, Rotated: rotated, URL: v.url(), Domain: example(t, owned), User: string(v.caller.Name)})
	return nil
}

// example is a domain that the token can be used on, for samples.
func example(t *token, owned []domain) string {
	for _, g := range t.Grants {
		for _, d := range owned {
			if strings.Contains(g, "="+d.Name) || strings.Contains(g, "|"+d.Name) {
				return d.Name
			}
		}
	}
	return owned[0].Name
}

// url is where the visitor has reached the server.
func (v *visit) url() string {
	host := v.r.Host
	if host == "" || strings.ContainsFunc(host, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(".-:[]", r)
	}) {
		host = v.pages.Hostname + ":2083"
	}
	if v.InClear {
		return "http://" + host
	}
	return "https://" + host
}

// tokenActivity shows what was done with a token.
func tokenActivity(v *visit) error {
	t, err := v.oneToken()
	if err != nil {
		return err
	}
	args := []string{"token", t.Name, "limit", eventsOnPage}
	outcome := v.value("outcome")
	if slices.Contains([]string{"ok", "refused", "failed"}, outcome) {
		args = append(args, "outcome", outcome)
	}
	if before := v.value("before"); before != "" {
		args = append(args, "before", before)
	}
	var found events
	if err := v.uapi("Tokens::activity", &found, args...); err != nil {
		return err
	}
	v.show(http.StatusOK, "activity", struct {
		token
		events
		Outcome string
	}{t, found, outcome})
	return nil
}

// suggestion is what is suggested for a token that is watched.
type suggestion struct {
	token
	Suggested struct {
		Observing int
		Grants    []string
		Loses     []string
		For       []struct {
			Grant string
			Count int64
			Last  stamp `json:"last_used"`
			Uses  []struct {
				Function, On string
				Count        int64
				Last         stamp `json:"last_used"`
			}
			More int `json:"more_uses"`
		}
	}
	Words []clause
	Loses [][]clause
	Form  *form
}

// suggest shows the least that a token needs for what it was seen to do.
func suggest(v *visit) error { return v.suggest(&form{}) }

func (v *visit) suggest(f *form) error {
	t, err := v.oneToken()
	if err != nil {
		return err
	}
	s := suggestion{token: t, Form: f}
	if err := v.uapi("Tokens::suggest", &s.Suggested, "name", t.Name); err != nil {
		return err
	}
	if len(s.Suggested.Grants) > 0 {
		_, s.Words = v.lang.inWords(s.Suggested.Grants, false)
	}
	for _, grant := range s.Suggested.Loses {
		_, words := v.lang.inWords([]string{grant}, t.ReadOnly == 1)
		s.Loses = append(s.Loses, words)
	}
	v.show(http.StatusOK, "suggest", s)
	return nil
}

// narrowToken gives a token what was suggested, and no more.
func narrowToken(v *visit) error {
	f := &form{}
	err := f.refuse(v.uapi("Tokens::narrow", nil, "name", v.names["name"], "grants", v.value("grants")), nil)
	if err != nil {
		return err
	}
	if f.Bad() {
		return v.suggest(f)
	}
	v.done("token.narrowed", "Name", v.names["name"])
	v.redirect("/token/" + url.PathEscape(v.names["name"]))
	return nil
}
