package domaininfo

import (
	"context"
	"path"
	"regexp"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Lookup is the module DomainLookup.
var Lookup = api.Module[hosting.Account]{
	Name: "DomainLookup",
	Doc:  "The account's domains and where their sites are, for older programs.",
	Funcs: []api.Func[hosting.Account]{
		{Name: "getbasedomains", OnlyAPI2: true, Scope: api.Things, Lists: true, Run: api.Run(baseDomains), Doc: "List the domains that are no subdomains."},
		{Name: "countbasedomains", OnlyAPI2: true, Scope: api.Things, Run: api.Run(countBaseDomains), Doc: "Count the domains that are no subdomains."},
		{Name: "getdocroot", OnlyAPI2: true, Scope: api.Things, Run: api.Run(documentRoot), Doc: "Tell where a domain's site is."},
		{Name: "getdocroots", OnlyAPI2: true, Scope: api.Things, Lists: true, Run: api.Run(documentRoots), Doc: "Tell where the domains' sites are."},
	},
}

// Park, Addon and Sub are the modules Park, AddonDomain and SubDomain, as far as
// they list domains: this server makes none beside an account's main domain.
var (
	Park = api.Module[hosting.Account]{
		Name: "Park",
		Doc:  "The account's aliases.",
		Funcs: []api.Func[hosting.Account]{
			{Name: "listparkeddomains", API2: "listparkeddomains", Feature: latchkey.FeatureParkedDomains, Scope: api.Things, Lists: true, Run: api.Run(listOf(latchkey.ParkedDomain)), Doc: "List the aliases."},
			{Name: "listaddondomains", OnlyAPI2: true, Feature: latchkey.FeatureAddonDomains, Scope: api.Things, Lists: true, Run: api.Run(listOf(latchkey.AddonDomain)), Doc: "List the addon domains."},
		},
	}
	Addon = api.Module[hosting.Account]{
		Name: "AddonDomain",
		Doc:  "The account's addon domains.",
		Funcs: []api.Func[hosting.Account]{
			{Name: "listaddondomains", API2: "listaddondomains", Feature: latchkey.FeatureAddonDomains, Scope: api.Things, Lists: true, Run: api.Run(listOf(latchkey.AddonDomain)), Doc: "List the addon domains."},
		},
	}
	Sub = api.Module[hosting.Account]{
		Name: "SubDomain",
		Doc:  "The account's subdomains.",
		Funcs: []api.Func[hosting.Account]{
			{Name: "listsubdomains", API2: "listsubdomains", Feature: latchkey.FeatureSubdomains, Scope: api.Things, Lists: true, Run: api.Run(listOf(latchkey.SubDomain)), Doc: "List the subdomains."},
		},
	}
)

// pattern is a parameter that filters domains by a regular expression, in letters
// of any size. The zero pattern matches all.
type pattern struct{ re *regexp.Regexp }

// ParseParam reads a regular expression.
func (p *pattern) ParseParam(text string) (err error) {
	if p.re, err = regexp.Compile("(?i:" + text + ")"); err != nil {
		return latchkey.InvalidParam("", "The “regex” argument is not a regular expression that this server understands. Expressions with look-around or back-references are not.")
	}
	return nil
}

type listParams struct {
	Regex     pattern `param:"regex,optional" doc:"List only those whose name this regular expression matches."`
	Redirects bool    `param:"return_https_redirect_status,optional" doc:"Tell also whether visitors are sent to TLS."`
}

// place is where a domain's site is: whole, from the home, and with a word before
// that says so.
type place struct {
	Dir  string `json:"dir"`
	Base string `json:"basedir"`
	Rel  string `json:"reldir"`
}

func (ds *describer) place(d latchkey.OwnedDomain) place {
	return place{Dir: path.Join(ds.acct.Home(), d.DocumentRoot), Base: d.DocumentRoot, Rel: "home:" + d.DocumentRoot}
}

// listed is a domain in the lists of its kind.
type listed struct {
	Domain latchkey.Domain `json:"domain"`
	place
	Status string `json:"status"` // where its visitors are sent
	*under        // nil for what is not under another domain
	*sent         // nil if nobody asks
}

// under is how a subdomain stands to the domain it is under.
type under struct {
	Key  string          `json:"domainkey"`
	Root latchkey.Domain `json:"rootdomain"`
	Sub  string          `json:"subdomain"`
}

// sent is whether a domain's visitors are sent to TLS.
type sent struct {
	Can bool `json:"can_https_redirect"`
	Is  bool `json:"is_https_redirecting"`
}

// UAPI: Park::listparkeddomains, AddonDomain::listaddondomains, SubDomain::listsubdomains.
// API 2: Park::listaddondomains.
func listOf(kind latchkey.DomainKind) func(context.Context, hosting.Account, listParams) ([]listed, error) {
	return func(ctx context.Context, acct hosting.Account, p listParams) ([]listed, error) {
		ds, err := newDescriber(ctx, acct, p.Redirects)
		if err != nil {
			return nil, err
		}
		var list []listed
		for _, d := range ds.owned {
			if d.Kind != kind || p.Regex.re != nil && !p.Regex.re.MatchString(string(d.Name)) {
				continue
			}
			row := listed{Domain: d.Name, place: ds.place(d), Status: "not redirected", under: ds.under(d)}
			if p.Redirects {
				row.sent = &sent{}
				if r := ds.redirectsOf(d.Name); r != nil {
					*row.sent = sent{r.CanRedirect, r.IsRedirecting}
				}
			}
			list = append(list, row)
		}
		return list, nil
	}
}

// under is the longest other domain that a subdomain is under.
func (ds *describer) under(d latchkey.OwnedDomain) *under {
	if d.Kind != latchkey.SubDomain {
		return nil
	}
	var u under
	for _, root := range ds.owned {
		label, ok := strings.CutSuffix(string(d.Name), "."+string(root.Name))
		if ok && root.Kind != latchkey.SubDomain && len(root.Name) > len(u.Root) {
			u = under{Key: label + "_" + string(root.Name), Root: root.Name, Sub: label}
		}
	}
	return &u
}

type named struct {
	Domain latchkey.Domain `json:"domain"`
}

// API 2: DomainLookup::getbasedomains.
func baseDomains(ctx context.Context, acct hosting.Account, _ api.None) ([]named, error) {
	owned, err := acct.Domains(ctx)
	var list []named
	for _, d := range owned {
		if d.Kind != latchkey.SubDomain {
			list = append(list, named{d.Name})
		}
	}
	return list, err
}

type count struct {
	Count int `json:"count"`
}

// API 2: DomainLookup::countbasedomains.
func countBaseDomains(ctx context.Context, acct hosting.Account, none api.None) (count, error) {
	list, err := baseDomains(ctx, acct, none)
	return count{len(list)}, err
}

type rootParams struct {
	Domain hosting.DomainParam `param:"domain,optional" doc:"The domain; the main domain if it is left out."`
}

type rootData struct {
	Root string `json:"docroot"`
	Rel  string `json:"reldocroot"`
}

// API 2: DomainLookup::getdocroot.
func documentRoot(ctx context.Context, acct hosting.Account, p rootParams) (rootData, error) {
	ds, err := newDescriber(ctx, acct, false)
	if err != nil {
		return rootData{}, err
	}
	name := p.Domain.Domain
	for _, d := range ds.owned {
		if d.Name == name || name == "" && d.Kind == latchkey.MainDomain {
			at := ds.place(d)
			return rootData{at.Dir, at.Base}, nil
		}
	}
	if name == "" {
		return rootData{}, &latchkey.Error{Kind: latchkey.Missing, Param: "domain"}
	}
	return rootData{}, notOwned(name)
}

type rooted struct {
	Root   string          `json:"docroot"`
	Domain latchkey.Domain `json:"domain"`
}

// API 2: DomainLookup::getdocroots.
func documentRoots(ctx context.Context, acct hosting.Account, _ api.None) ([]rooted, error) {
	ds, err := newDescriber(ctx, acct, false)
	if err != nil {
		return nil, err
	}
	var list []rooted
	for _, d := range ds.owned {
		list = append(list, rooted{ds.place(d).Dir, d.Name})
	}
	return list, nil
}
