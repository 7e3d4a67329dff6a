package main

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"
)

// boxQuota is a call about one thing: a mailbox that every account has.
const boxQuota = "/execute/Email/get_pop_quota?email=bench"

// narrowTokens compares calls with tokens that have twenty grants with the same
// calls with tokens that may do everything.
func (b *bench) narrowTokens() error {
	d, err := b.data(b.smallest())
	if err != nil {
		return err
	}
	t, err := b.ours(d)
	if err != nil {
		return err
	}
	var full, narrow []string
	for i := 0; i < d.lines(); i += d.perAccount() {
		token, err := narrowToken(t, d.line(i))
		if err != nil {
			return err
		}
		full, narrow = append(full, d.line(i)), append(narrow, token)
	}
	for _, call := range []struct{ what, path string }{{"the account as a whole", quotaInfo}, {"one mailbox", boxQuota}} {
		b.say("\ngrants: a call about %s, tokens of twenty grants to tokens with full access, %s", call.what, d)
		targets := []*target{asking(t, "twenty grants", call.path, narrow), asking(t, "full access", call.path, full)}
		s, err := b.inTurn(targets...)
		if err != nil {
			return err
		}
		b.table(targets, s)
		b.atMost("grants", "CPU of a call about "+call.what, ratio(s[0], s[1], cpu), 1.10)
		b.info("grants", "the same, quietest round of each", quietest(s[0], s[1], cpu))
		b.atLeast("grants", "requests/s about "+call.what, ratio(s[0], s[1], sample.perSecond), 0.90)
	}
	return nil
}

// asking is t, asked for a path by some callers.
func asking(t *target, name, path string, lines []string) *target {
	of := *t
	of.name, of.path = name, path
	of.pick = func(r *rand.Rand) []string {
		list := make([]string, perRound)
		for i := range list {
			list[i] = lines[r.IntN(len(lines))]
		}
		return list
	}
	return &of
}

// narrowToken makes a token of twenty grants for the account of a line, of which
// the last ones allow the calls, and the mailbox that these are about.
func narrowToken(t *target, line string) (string, error) {
	c, err := connect(t.addr, t.tls, false)
	if err != nil {
		return "", err
	}
	defer c.close()
	body, err := c.must("/execute/DomainInfo/primary_domain", "cpanel "+line)
	if err != nil {
		return "", err
	}
	_, domain, _ := strings.Cut(body, `"primary_domain":"`)
	domain, _, _ = strings.Cut(domain, `"`)
	if _, body, err = c.ask("/execute/Email/add_pop?email=bench&password=9Xk-windy-road-77", "cpanel "+line); err != nil {
		return "", err
	}
	if !strings.Contains(body, `"status":1`) && !strings.Contains(body, "already exists") {
		return "", fmt.Errorf("add_pop answered %.300s", body)
	}
	var grants []string
	for i := range 18 {
		grants = append(grants, fmt.Sprintf("DNS:write(zone=z%d.example, name=_acme-challenge*, type=TXT)", i))
	}
	grants = append(grants, "Email:write(domain="+domain+")", "Quota:read")
	q := url.Values{"name": {fmt.Sprint("bench-", time.Now().UnixNano())}, "grants": {strings.Join(grants, ";")}}
	if body, err = c.must("/execute/Tokens/create_limited?"+q.Encode(), "cpanel "+line); err != nil {
		return "", err
	}
	_, token, _ := strings.Cut(body, `"token":"`)
	token, _, _ = strings.Cut(token, `"`)
	user, _, _ := strings.Cut(line, ":")
	return user + ":" + token, nil
}
