package web

import (
	"net/http"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// page is one page, declared once: its address, what shows it and what a form
// that is sent to it does. Those who have not signed in are asked to before either
// runs; whether they may do what it does, the calls say that it makes.
type page struct {
	path string // elements in braces stand for anything: /tokens/{name}
	nav  string // the entry of the navigation that it belongs to
	get  handler
	post handler
}

// handler answers a visit, or fails with what its caller is told.
type handler func(*visit) error

func (p *page) methods() string {
	switch {
	case p.get == nil:
		return http.MethodPost
	case p.post == nil:
		return http.MethodGet
	}
	return "GET, POST"
}

// Addresses are the addresses of a door's pages that can be visited. What stands in
// braces stands for anything.
func Addresses(of latchkey.Audience) (all []string) {
	for _, p := range [3][]page{latchkey.ForAccount: accountPages, latchkey.ForHost: hostPages}[of] {
		if p.get != nil {
			all = append(all, p.path)
		}
	}
	return all
}

// routes are the pages of one door, by how many elements their addresses have.
type routes map[int][]route

type route struct {
	elements []string
	page     *page
}

func newRoutes(pages []page) routes {
	r := routes{}
	for i := range pages {
		at := elements(pages[i].path)
		r[len(at)] = append(r[len(at)], route{at, &pages[i]})
	}
	return r
}

func elements(path string) []string {
	return strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
}

// find finds the page that a visit is for, and what the braces of its address
// stand for. Of two that fit the one that is declared first is meant.
func (r routes) find(v *visit) (*page, bool) {
	said := elements(v.Path)
	for _, at := range r[len(said)] {
		if names, ok := at.fits(said); ok {
			v.names = names
			return at.page, true
		}
	}
	return nil, false
}

func (r *route) fits(said []string) (map[string]string, bool) {
	var names map[string]string
	for i, want := range r.elements {
		switch {
		case strings.HasPrefix(want, "{"):
			if names == nil {
				names = make(map[string]string, 1)
			}
			names[want[1:len(want)-1]] = said[i]
		case want != said[i]:
			return nil, false
		}
	}
	return names, true
}
