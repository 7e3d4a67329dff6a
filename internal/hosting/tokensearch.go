package hosting

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// TokenQuery is which of its tokens an account's owner looks for.
type TokenQuery struct {
	Show TokenShow
	Text string // part of the name, the note or the grants, without regard to case; "" for any
}

// TokenShow is tokens by how they stand.
type TokenShow string

const (
	ShowAll    TokenShow = "all"
	ShowActive TokenShow = "active" // they can be used, or will be
	ShowEnded  TokenShow = "ended"  // they can be used no more, or are disabled
)

// TokenPage is a part of the tokens that a query finds, the newest first.
type TokenPage struct {
	Tokens []TokenInfo
	Found  int // how many the query finds
	// Of all tokens: how many are active, how many of these end within a week, and
	// how many have ended.
	Active, Ending, Ended int
}

// endingSoon is when a token's owner should think of another.
const endingSoon = 7 * latchkey.Day

// Of is at most limit of the tokens that q finds in list, after the first skip of
// them. It reorders list.
func (q *TokenQuery) Of(list []TokenInfo, now time.Time, skip, limit int) TokenPage {
	var p TokenPage
	text, found := strings.ToLower(q.Text), list[:0]
	for i := range list {
		t := &list[i]
		show := ShowEnded
		if t.Standing == latchkey.StandsActive || t.Standing == latchkey.StandsNotYet {
			show = ShowActive
			p.Active++
			if !t.Expires.IsZero() && t.Expires.Sub(now) < endingSoon {
				p.Ending++
			}
		} else {
			p.Ended++
		}
		if (q.Show == show || q.Show == ShowAll) && (text == "" || strings.Contains(strings.ToLower(t.Name+"\n"+t.Note+"\n"+t.Grants), text)) {
			found = append(found, *t)
		}
	}
	slices.SortFunc(found, func(a, b TokenInfo) int { return cmp.Or(b.Created.Compare(a.Created), strings.Compare(a.Name, b.Name)) })
	p.Found = len(found)
	p.Tokens = found[min(skip, len(found)):]
	p.Tokens = p.Tokens[:min(limit, len(p.Tokens))]
	return p
}
