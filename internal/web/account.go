package web

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// accountPages are the pages of an account's owner.
var accountPages = slices.Concat(securityPages, []page{
	{path: "/", nav: "home", get: home},
	{path: "/frontend/{theme}/index.html", nav: "home", get: home},

	{path: "/tokens", nav: "tokens", get: listTokens},
	{path: "/tokens/new", nav: "tokens", get: askNew, post: makeNew},
	{path: "/token/{name}", nav: "tokens", get: manageToken},
	{path: "/token/{name}/activity", nav: "tokens", get: tokenActivity},
	{path: "/token/{name}/rename", nav: "tokens", get: manageToken, post: renameToken},
	{path: "/token/{name}/rights", nav: "tokens", get: askRights, post: changeRights},
	{path: "/token/{name}/rotate", nav: "tokens", get: askRotate, post: rotateToken},
	{path: "/token/{name}/revoke", nav: "tokens", get: askRevoke, post: revokeToken},
	{path: "/token/{name}/disable", nav: "tokens", post: switched("Tokens::disable", "token.disabled")},
	{path: "/token/{name}/enable", nav: "tokens", post: switched("Tokens::enable", "token.enabled")},
	{path: "/token/{name}/watch", nav: "tokens", post: switched("Tokens::observe", "token.watched")},
	{path: "/token/{name}/unwatch", nav: "tokens", post: switched("Tokens::observe", "token.unwatched", "off", "1")},
	{path: "/token/{name}/suggest", nav: "tokens", get: suggest, post: narrowToken},
})

// accountNav is their navigation.
var accountNav = []navEntry{{Path: "/", ID: "home"}, {Path: "/tokens", ID: "tokens"}, {Path: "/security", ID: "security"}}

// statistics are the figures that the first page asks for.
const statistics = "diskusage|emailaccounts|addondomains|subdomains|parkeddomains|fileusage|package|sharedip|hostname|cpanelversion"

// statistic is a figure of the account.
type statistic struct {
	ID       string
	Count    string
	Max      string
	PlainMax string `json:"_max"`
	Percent  int
	Limited  bool
}

// domain is a domain of the account, Kind is main, addon, sub or parked.
type domain struct{ Name, Kind string }

// mostDomains is how many domains the first page lists.
const mostDomains = 50

type homeData struct {
	Domain         string
	Counted, Texts []statistic
	Domains        []domain
	MoreDomains    int
}

// home shows what the account has, and how much of it is used.
func home(v *visit) error {
	var stats []statistic
	if err := v.uapi("StatsBar::get_stats", &stats, "display", statistics); err != nil {
		return err
	}
	owned, err := v.domains()
	if err != nil {
		return err
	}
	d := homeData{Domains: owned[:min(len(owned), mostDomains)], MoreDomains: max(0, len(owned)-mostDomains)}
	if len(owned) > 0 {
		d.Domain = owned[0].Name
	}
	for _, s := range stats {
		s.Percent = min(s.Percent, 100)
		s.Limited = s.PlainMax != "" && s.PlainMax != "unlimited"
		if s.PlainMax != "" {
			d.Counted = append(d.Counted, s)
		} else if s.Count != "" {
			d.Texts = append(d.Texts, s)
		}
	}
	v.show(http.StatusOK, "home", d)
	return nil
}

// domains are the account's, the main one first.
func (v *visit) domains() ([]domain, error) { return domainsBy(v.uapi) }

// domainsBy are those of the account that call calls functions of.
func domainsBy(call func(function string, out any, args ...string) error) ([]domain, error) {
	var is struct {
		Main   string   `json:"main_domain"`
		Addon  []string `json:"addon_domains"`
		Sub    []string `json:"sub_domains"`
		Parked []string `json:"parked_domains"`
	}
	if err := call("DomainInfo::list_domains", &is); err != nil {
		return nil, err
	}
	list := []domain{{is.Main, "main"}}
	for kind, names := range map[string][]string{"addon": is.Addon, "parked": is.Parked, "sub": is.Sub} {
		for _, name := range names {
			list = append(list, domain{name, kind})
		}
	}
	slices.SortStableFunc(list[1:], func(a, b domain) int { return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name)) })
	return list, nil
}

// Amount is an amount as the server says it, in the visitor's language.
func (s *shown) Amount(text string) string { return s.lang.number(text) }
