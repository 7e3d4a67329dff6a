package tokens

import (
	"context"
	"slices"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/notice"
)

// broken is a rule of the administrator's policy that a token does not keep.
type broken struct {
	Rule   latchkey.Rule `json:"rule"`
	Reason string        `json:"reason"`
}

func brokenBy(list []latchkey.Breach) []broken {
	out := []broken{}
	for _, b := range list {
		out = append(out, broken{b.Rule, b.Text})
	}
	return out
}

// rules are what the administrator lets an account's owner make.
type rules struct {
	MayCreate bool                 `json:"may_create"`
	Reason    string               `json:"reason"` // why the caller may make none
	Makers    latchkey.TokenMakers `json:"who_may_create"`
	Longest   int                  `json:"longest_days"`      // 0 is any time
	Latest    time.Time            `json:"latest_expires_at"` // null is never
	Default   int                  `json:"default_days"`      // 0 is for ever
	Unused    int                  `json:"unused_days"`       // 0 is never
	Addresses bool                 `json:"require_addresses"`
	Full      bool                 `json:"full_access"`
	Tokens    int                  `json:"tokens"`
	Most      int                  `json:"most_tokens"` // 0 is any number
	Whose     []whose              `json:"set_by"`
}

// whose says whose rule it is.
type whose struct {
	Rule latchkey.Rule `json:"rule"`
	By   string        `json:"by"`
}

// showPolicy is Tokens::get_policy, which is ours.
func showPolicy(ctx context.Context, acct hosting.Account, _ api.None) (rules, error) {
	is, err := acct.Tokens().Policy(ctx)
	if err != nil {
		return rules{}, err
	}
	p := is.Policy
	r := rules{
		MayCreate: is.MayMake, Reason: is.Refusal.Text, Makers: p.Makers, Longest: max(0, p.LongestDays), Latest: is.Latest, Default: max(0, p.DefaultDays),
		Unused: max(0, p.UnusedDays), Addresses: p.Addresses == latchkey.Yes, Full: p.FullAccess != latchkey.No, Tokens: is.Tokens, Most: is.Most, Whose: []whose{},
	}
	if r.Makers == "" {
		r.Makers = latchkey.AnyMaker
	}
	if full := is.Most > 0 && is.Tokens >= is.Most; full && r.MayCreate {
		r.MayCreate, r.Reason = false, "The account has as many API tokens as it may have: revoke those that are not needed any more."
	}
	for _, rule := range p.Rules() {
		r.Whose = append(r.Whose, whose{rule, p.Whose(rule)})
	}
	return r, nil
}

// noticesData is which notices an owner gets.
type noticesData struct {
	Sent    bool         `json:"sent"` // whether the server sends any
	Contact string       `json:"contact_email"`
	Kinds   []noticeKind `json:"kinds"`
}

type noticeKind struct {
	Kind notice.Kind `json:"kind"`
	On   bool        `json:"on"`
}

// showNotices is Tokens::get_notices, which is ours.
func showNotices(ctx context.Context, acct hosting.Account, _ api.None) (noticesData, error) {
	is, err := acct.Tokens().Notices(ctx)
	if err != nil {
		return noticesData{}, err
	}
	return noticesOf(is), nil
}

func noticesOf(is hosting.Notices) noticesData {
	out := noticesData{Sent: is.Sent, Contact: is.Contact}
	for _, k := range notice.Kinds() {
		out.Kinds = append(out.Kinds, noticeKind{k, !slices.Contains(is.Off, string(k))})
	}
	return out
}

type noticeParams struct {
	Created *bool `param:"created,optional" doc:"Tell of tokens that are made."`
	Rotated *bool `param:"rotated,optional" doc:"Tell of tokens that get another secret."`
	Ending  *bool `param:"ending,optional" doc:"Tell of tokens that end in seven days, and in one."`
	Ended   *bool `param:"ended,optional" doc:"Tell of tokens that ended because nobody used them, or that are used up."`
	Revoked *bool `param:"revoked,optional" doc:"Tell of tokens that the administrator revokes."`
	Network *bool `param:"network,optional" doc:"Tell of uses from a network that a token was never used from."`
}

// setNotices is Tokens::set_notices, which is ours. What is not named stays.
func setNotices(ctx context.Context, acct hosting.Account, p noticeParams) (noticesData, error) {
	given := map[notice.Kind]*bool{
		notice.Created: p.Created, notice.Rotated: p.Rotated, notice.Ending: p.Ending, notice.Ended: p.Ended, notice.Revoked: p.Revoked, notice.Network: p.Network,
	}
	is, err := acct.Tokens().SetNotices(ctx, func(off []string) (now []string) {
		for _, k := range notice.Kinds() {
			on := given[k]
			if on == nil && slices.Contains(off, string(k)) || on != nil && !*on {
				now = append(now, string(k))
			}
		}
		return now
	})
	if err != nil {
		return noticesData{}, err
	}
	return noticesOf(is), nil
}
