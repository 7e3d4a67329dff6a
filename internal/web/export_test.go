package web

import (
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Forms are the addresses of the pages of a door that forms are sent to, Shown
// those of the pages that can be looked at.
func Forms(door latchkey.Audience) []string {
	return paths(door, func(p *page) bool { return p.post != nil })
}

func Shown(door latchkey.Audience) []string {
	return paths(door, func(p *page) bool { return p.get != nil })
}

func paths(door latchkey.Audience, are func(*page) bool) (list []string) {
	pages := map[latchkey.Audience][]page{latchkey.ForAccount: accountPages, latchkey.ForHost: hostPages}[door]
	for i := range pages {
		if are(&pages[i]) {
			list = append(list, pages[i].path)
		}
	}
	return list
}

// AnswerAfter has long work told of after a time; at once where that is negative.
func (p *Pages) AnswerAfter(d time.Duration) { p.patience = d }

// Program is what pages call a program that came.
func Program(client string) string { return (&shown{}).Program(client) }
