package tokens

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
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

// bounds are the parameters of what a token may do, from where, until when and
// how often. What was not given is nil.
type bounds struct {
	Grants     grants   `param:"grants,optional" doc:"What it may do, such as Email:write(domain=example.com); several stand apart by semicolons."`
	Preset     preset   `param:"preset,optional" doc:"A job instead of grants."`
	Domain     []string `param:"domain,optional" doc:"The domains that the preset asks for."`
	Zone       []string `param:"zone,optional" doc:"The zones that the preset asks for."`
	Record     []string `param:"record,optional" doc:"The names of records that the preset asks for, relative to their zone."`
	Host       []string `param:"host,optional" doc:"The hosts of certificates that the preset asks for."`
	Path       []string `param:"path,optional" doc:"The folders that the preset asks for, relative to the home."`
	Expires    *expiry  `param:"expires_at,optional" doc:"When it expires, in seconds since 1970; 0 for never."`
	NotBefore  *expiry  `param:"not_before,optional" doc:"From when it may be used, in seconds since 1970; 0 for at once."`
	ReadOnly   *bool    `param:"readonly,optional" doc:"It may only call functions that change nothing."`
	Addresses  []string `param:"whitelist_ip,optional" doc:"From where it may be used, addresses and ranges: whitelist_ip, whitelist_ip-0 and so on; any for everywhere."`
	MaxUses    *int64   `param:"max_uses,optional" doc:"How many calls it may make, ever; 0 for any number."`
	UnusedDays *int     `param:"unused_days,optional" doc:"It ends when nobody has used it for so many days; 0 for never."`
	RateLimit  *int     `param:"rate_limit,optional" doc:"How many calls it may make in a minute; 0 for any number."`
	Observing  *bool    `param:"observing,optional" doc:"What it is used for is written down, so that it can be narrowed to that: see Tokens::suggest."`
	Note       *string  `param:"note,optional" doc:"What you want to remember about it, up to 200 characters."`
	Rest       api.Args `param:"*" doc:"Nothing: what is not understood might be meant to narrow the token, and is refused."`
}

// put brings what was given into n.
func (b *bounds) put(n *hosting.NewToken) (err error) {
	if err := b.unread(); err != nil {
		return err
	}
	if b.Preset != "" || len(b.Grants.Set) > 0 {
		set, err := b.set()
		if err != nil {
			return err
		}
		if n.Grants = set.String(); n.Grants == grant.Full().String() {
			n.Grants = ""
		}
	}
	switch {
	case len(b.Addresses) == 1 && b.Addresses[0] == "any":
		n.Addresses = ""
	case len(b.Addresses) > 0:
		if n.Addresses, err = latchkey.ParseAddresses(b.Addresses); err != nil {
			return latchkey.InvalidParam("whitelist_ip", "The “whitelist_ip” argument is invalid: %v.", err)
		}
	}
	if b.Expires != nil {
		n.Expires = b.Expires.at
	}
	if b.NotBefore != nil {
		n.NotBefore = b.NotBefore.at
	}
	put(&n.ReadOnly, b.ReadOnly)
	put(&n.MaxUses, b.MaxUses)
	put(&n.UnusedDays, b.UnusedDays)
	put(&n.RateLimit, b.RateLimit)
	put(&n.Observing, b.Observing)
	put(&n.Note, b.Note)
	return nil
}

// unread refuses what looks as if it were to narrow the token, and does not.
func (b *bounds) unread() error {
	for _, arg := range b.Rest {
		return latchkey.InvalidParam(arg.Key, "The argument “%s” is not understood: leave it out, or look up how it is called.", strings.ToValidUTF8(arg.Key[:min(len(arg.Key), 64)], "?"))
	}
	for name, values := range map[string][]string{"domain": b.Domain, "zone": b.Zone, "record": b.Record, "host": b.Host, "path": b.Path} {
		if len(values) > 0 && b.Preset == "" {
			return latchkey.InvalidParam(name, "The “%s” argument is for presets: write it into the grants, as in Email:write(domain=example.com), or name a preset.", name)
		}
	}
	return nil
}

// saidWhole refuses bounds that are named and have no value: a program that meant
// to narrow the token would have one that is not.
func saidWhole(r api.Runner[hosting.Account]) api.Runner[hosting.Account] {
	call := r.Call
	r.Call = func(ctx context.Context, on hosting.Account, args api.Args) (any, error) {
		for _, name := range []string{"expires_at", "not_before", "readonly", "max_uses", "unused_days", "rate_limit"} {
			if text, given := args.Lookup(name); given && text == "" {
				return nil, latchkey.InvalidParam(name, "The “%s” argument is empty: give a value, or leave it out.", name)
			}
		}
		return call(ctx, on, args)
	}
	return r
}

// put brings a value that was given to where it belongs.
func put[T any](to *T, given *T) {
	if given != nil {
		*to = *given
	}
}

// limited is a token with what it may do.
type limited struct {
	Name           string            `json:"name"`
	Handle         string            `json:"handle"`
	Created        time.Time         `json:"create_time"`
	Expires        time.Time         `json:"expires_at"` // null is never
	NotBefore      time.Time         `json:"not_before"` // null is at once
	FullAccess     bool              `json:"has_full_access"`
	ReadOnly       bool              `json:"readonly"`
	Grants         []string          `json:"grants"`
	WhitelistIPs   any               `json:"whitelist_ips"` // null is every address
	MaxUses        int64             `json:"max_uses"`      // 0 is any number
	Uses           int64             `json:"uses"`          // counted where max_uses bounds them
	UnusedDays     int               `json:"unused_days"`   // 0 is never
	RateLimit      int               `json:"rate_limit"`    // 0 is none
	Observing      bool              `json:"observing"`
	Note           string            `json:"note"`
	State          latchkey.Standing `json:"state"`
	Rotated        time.Time         `json:"renew_time"`       // null is not since it was made
	OldSecretUntil time.Time         `json:"old_secret_until"` // null: it has no earlier secret
	OldSecretUsed  time.Time         `json:"old_secret_last_used"`
	LastUsed       time.Time         `json:"last_used"` // null is never
	LastUsedFrom   string            `json:"last_used_from"`
	LastUsedBy     string            `json:"last_used_by"`
}

// limitedOf is what is told of a token.
func limitedOf(t *hosting.TokenInfo) limited {
	l := limited{
		Name: t.Name, Handle: t.Handle.String(), Created: t.Created, Expires: t.Expires, NotBefore: t.NotBefore,
		FullAccess: t.Grants == "" && !t.ReadOnly, ReadOnly: t.ReadOnly, Grants: []string{grant.Full().String()},
		MaxUses: t.MaxUses, Uses: t.Uses, UnusedDays: t.UnusedDays, RateLimit: t.RateLimit, Observing: t.Observing, Note: t.Note,
		State: t.Standing, Rotated: t.Renewed, OldSecretUntil: t.WasUntil, OldSecretUsed: t.UsedWas.At,
		LastUsed: t.Use.At, LastUsedFrom: t.Use.From, LastUsedBy: t.Use.Client,
	}
	if t.Grants != "" {
		l.Grants = strings.Split(t.Grants, "; ")
	}
	if texts := t.Addresses.Texts(); texts != nil {
		l.WhitelistIPs = texts
	}
	return l
}

// shown is a token with its secret, which nothing else shows.
type shown struct {
	Token string `json:"token"`
	limited
}

type limitedParams struct {
	Name newName `param:"name" doc:"Its name, which no other token of the account has."`
	bounds
}

// createLimited is Tokens::create_limited, which is ours.
func createLimited(ctx context.Context, acct hosting.Account, p limitedParams) (api.Answer, error) {
	n := hosting.NewToken{Name: string(p.Name)}
	if p.Preset == "" && len(p.Grants.Set) == 0 {
		return api.Answer{}, &latchkey.Error{Kind: latchkey.Missing, Param: "grants"}
	}
	if err := p.put(&n); err != nil {
		return api.Answer{}, err
	}
	k, secret, err := acct.Tokens().Create(ctx, n)
	if err != nil {
		return api.Answer{}, err
	}
	now := hosting.TokenInfo{Token: k, Standing: k.Standing(k.Created, time.Time{}, 0)}
	return api.Answer{Data: shown{secret.Reveal(), limitedOf(&now)}}, nil
}

type updateParams struct {
	Name name `param:"name" doc:"The token."`
	bounds
}

// update is Tokens::update, which is ours.
func update(ctx context.Context, acct hosting.Account, p updateParams) (limited, error) {
	t, err := acct.Tokens().Change(ctx, string(p.Name), p.put)
	if err != nil {
		return limited{}, err
	}
	return limitedOf(&t), nil
}

type rotateParams struct {
	Name    name    `param:"name" doc:"The token."`
	Overlap seconds `param:"overlap,optional" doc:"For how many seconds the secret of now stays valid, 0 to 604800; 0 if it is not named. It never outlives the token."`
}

// seconds is a parameter that is a time span of whole seconds.
type seconds struct{ time.Duration }

// ParseParam reads 0 to 604800, which is a week.
func (s *seconds) ParseParam(text string) error {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31)
	most := uint64(hosting.MaxOverlap / time.Second)
	if err != nil || n > most {
		return fmt.Errorf("must be a number of seconds, 0 to %d", most)
	}
	s.Duration = time.Duration(n) * time.Second
	return nil
}

// ParamType is the public name of the type.
func (*seconds) ParamType() string { return "integer" }

// rotate is Tokens::rotate, which is ours.
func rotate(ctx context.Context, acct hosting.Account, p rotateParams) (shown, error) {
	t, secret, err := acct.Tokens().Rotate(ctx, string(p.Name), p.Overlap.Duration)
	if err != nil {
		return shown{}, err
	}
	return shown{secret.Reveal(), limitedOf(&t)}, nil
}

// disable and enable are Tokens::disable and Tokens::enable, which are ours.
func disable(ctx context.Context, acct hosting.Account, p detailsParams) (limited, error) {
	return switched(ctx, acct, p, false)
}

func enable(ctx context.Context, acct hosting.Account, p detailsParams) (limited, error) {
	return switched(ctx, acct, p, true)
}

func switched(ctx context.Context, acct hosting.Account, p detailsParams, on bool) (limited, error) {
	t, err := acct.Tokens().Switch(ctx, string(p.Name), on)
	if err != nil {
		return limited{}, err
	}
	return limitedOf(&t), nil
}

type revokeAllParams struct {
	KeepSelf bool `param:"keep_self,optional" doc:"Keep the token that this is called with."`
}

type revoked struct {
	Revoked int `json:"revoked"`
}

// revokeAll is Tokens::revoke_all, which is ours.
func revokeAll(ctx context.Context, acct hosting.Account, p revokeAllParams) (revoked, error) {
	n, err := acct.Tokens().RevokeAll(ctx, p.KeepSelf)
	return revoked{n}, err
}

// set is what the parameters let the token do.
func (b *bounds) set() (grant.Set, error) {
	switch {
	case b.Preset == "":
		return b.Grants.Set, nil
	case len(b.Grants.Set) > 0:
		return nil, latchkey.InvalidParam("preset", "Give either the “grants” or the “preset” argument, not both.")
	}
	job, _ := grant.PresetOf(string(b.Preset))
	set, err := job.Grants(map[grant.Key][]string{
		grant.Domain: b.Domain, grant.Zone: b.Zone, grant.Name: b.Record, grant.Host: b.Host, grant.Path: b.Path,
	})
	if err != nil {
		return nil, latchkey.InvalidParam("preset", "The preset cannot be used so: %v.", err)
	}
	return set, nil
}

type detailsParams struct {
	Name name `param:"name" doc:"The token."`
}

// listDetails is Tokens::list_details, which is ours.
func listDetails(ctx context.Context, acct hosting.Account, _ api.None) ([]counted, error) {
	list, err := acct.Tokens().List(ctx)
	return countedOf(list, acct.At()), err
}

// countedOf are tokens as lists tell of them.
func countedOf(list []hosting.TokenInfo, now time.Time) []counted {
	rows := make([]counted, len(list))
	today := latchkey.DayOf(now)
	for i := range list {
		rows[i] = counted{limitedOf(&list[i]), make([]int64, hosting.ShownDays)}
		for _, d := range list[i].Days {
			if at := hosting.ShownDays - 1 - int(today-d.Day); at >= 0 && at < hosting.ShownDays {
				rows[i].Calls[at] = d.Calls
			}
		}
	}
	return rows
}

type searchParams struct {
	Show   show   `param:"show,optional" doc:"Those that are active, those that have ended, or all; active if it is left out."`
	Search string `param:"search,optional" doc:"Part of the name, the note or the grants."`
	Skip   int    `param:"skip,optional" doc:"How many to pass over, from the newest on."`
	Limit  int    `param:"limit,optional" doc:"How many to list at most, 1 to 1000; 100 if it is left out."`
}

// show is a parameter that says how tokens are to stand.
type show hosting.TokenShow

// Words are what it may be.
func (*show) Words() []string {
	return []string{string(hosting.ShowActive), string(hosting.ShowEnded), string(hosting.ShowAll)}
}

// ParseParam takes one of the words.
func (s *show) ParseParam(text string) error {
	if !slices.Contains(s.Words(), text) {
		return fmt.Errorf("must be one of %s", strings.Join(s.Words(), ", "))
	}
	*s = show(text)
	return nil
}

// searched is what [search] answers.
type searched struct {
	Tokens []counted `json:"tokens"`
	Found  int       `json:"found"`
	Active int       `json:"active"`
	Ending int       `json:"ending"` // of those that are active, within a week
	Ended  int       `json:"ended"`
}

// search is Tokens::search, which is ours.
func search(ctx context.Context, acct hosting.Account, p searchParams) (searched, error) {
	limit := cmp.Or(p.Limit, 100)
	if limit < 1 || limit > 1000 {
		return searched{}, latchkey.InvalidParam("limit", "The “limit” argument is invalid: it must be 1 to 1000.")
	}
	if p.Skip < 0 {
		return searched{}, latchkey.InvalidParam("skip", "The “skip” argument is invalid: it must be 0 or more.")
	}
	page, err := acct.Tokens().Search(ctx, hosting.TokenQuery{Show: cmp.Or(hosting.TokenShow(p.Show), hosting.ShowActive), Text: p.Search}, p.Skip, limit)
	return searched{countedOf(page.Tokens, acct.At()), page.Found, page.Active, page.Ending, page.Ended}, err
}

// counted is a token with how often it was used on each of the last days, today
// last.
type counted struct {
	limited
	Calls []int64 `json:"calls_per_day"`
}

// judged is a token with how often it was used lately, and the rules of the
// administrator's policy that it does not keep.
type judged struct {
	counted
	Policy []broken `json:"policy"`
}

// details is Tokens::get_details, which is ours.
func details(ctx context.Context, acct hosting.Account, p detailsParams) (judged, error) {
	t, err := acct.Tokens().Named(ctx, string(p.Name))
	if err != nil {
		return judged{}, err
	}
	return judged{countedOf([]hosting.TokenInfo{t}, acct.At())[0], brokenBy(t.Breaches)}, nil
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
