// Package domaininfo is the module DomainInfo: the account's domains; and the
// lists of them that Park, AddonDomain, SubDomain and DomainLookup have.
package domaininfo

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Module is the module DomainInfo.
var Module = api.Module[hosting.Account]{
	Name: "DomainInfo",
	Doc:  "The account's domains.",
	Funcs: []api.Func[hosting.Account]{
		{Name: "list_domains", Scope: api.Things, Run: api.Run(listDomains),
			Doc: "List the domains by kind."},
		{Name: "primary_domain", Run: api.Run(primaryDomain),
			Doc: "Tell the main domain."},
		{Name: "single_domain_data", Scope: api.Things, Run: api.Run(singleDomainData),
			Doc: "Describe one domain."},
		{Name: "domains_data", Scope: api.Things, Run: api.Run(domainsData),
			Doc: "Describe all domains."},
		{Name: "main_domain_builtin_subdomain_aliases", Run: api.Run(builtinAliases),
			Doc: "List the names under the main domain that are always the account's."},
	},
}

// temporary is the parameter that leaves out temporary domains. There are none.
type temporary struct {
	Hide bool `param:"hide_temporary_domains,optional" doc:"Accepted. There are no temporary domains."`
}

type domains struct {
	Addon  []latchkey.Domain `json:"addon_domains"`
	Main   latchkey.Domain   `json:"main_domain"`
	Parked []latchkey.Domain `json:"parked_domains"`
	Sub    []latchkey.Domain `json:"sub_domains"`
}

// UAPI: DomainInfo::list_domains.
func listDomains(ctx context.Context, acct hosting.Account, _ temporary) (domains, error) {
	owned, err := acct.Domains(ctx)
	if err != nil {
		return domains{}, err
	}
	var list domains
	for _, d := range owned {
		switch d.Kind {
		case latchkey.MainDomain:
			list.Main = d.Name
		case latchkey.AddonDomain:
			list.Addon = append(list.Addon, d.Name)
		case latchkey.ParkedDomain:
			list.Parked = append(list.Parked, d.Name)
		case latchkey.SubDomain:
			list.Sub = append(list.Sub, d.Name)
		}
	}
	return list, nil
}

type primary struct {
	Domain latchkey.Domain `json:"primary_domain"`
}

// UAPI: DomainInfo::primary_domain.
func primaryDomain(ctx context.Context, acct hosting.Account, _ temporary) (primary, error) {
	a, err := acct.Info(ctx)
	if err != nil {
		return primary{}, err
	}
	return primary{a.Domain}, nil
}

// builtin are the names under a domain that come with it.
var builtin = []string{"mail", "www"}

// UAPI: DomainInfo::main_domain_builtin_subdomain_aliases.
func builtinAliases(context.Context, hosting.Account, temporary) ([]string, error) {
	return slices.Clone(builtin), nil
}

// description is a domain as the web server would have it. Of what belongs to
// one product's web server alone there is nothing.
type description struct {
	DocumentRoot     string              `json:"documentroot"`
	Domain           latchkey.Domain     `json:"domain"`
	Group            string              `json:"group"`
	HasCGI           bool                `json:"hascgi"`
	HomeDir          string              `json:"homedir"`
	IP               string              `json:"ip"`
	Owner            string              `json:"owner"`
	ServerAdmin      string              `json:"serveradmin"`
	ServerAlias      string              `json:"serveralias"`
	ServerName       latchkey.Domain     `json:"servername"`
	Type             latchkey.DomainKind `json:"type"`
	UseCanonicalName string              `json:"usecanonicalname"`
	User             string              `json:"user"`
	*redirects                           // nil if they were not asked for
}

// redirects is whether a domain sends its visitors to TLS: its web site has a
// certificate, which is for all of its names.
type redirects struct {
	AllAliasesValid bool `json:"all_aliases_valid"`
	CanRedirect     bool `json:"can_https_redirect"`
	IsRedirecting   bool `json:"is_https_redirecting"`
}

// describer describes domains of one account.
type describer struct {
	acct      hosting.Account
	info      *latchkey.Account
	owned     []latchkey.OwnedDomain
	plan      latchkey.Package
	redirects []hosting.Site // nil if nobody asks for them
}

func newDescriber(ctx context.Context, acct hosting.Account, redirects bool) (*describer, error) {
	owned, err := acct.Domains(ctx)
	if err != nil {
		return nil, err
	}
	info, err := acct.Info(ctx)
	if err != nil {
		return nil, err
	}
	plan, err := acct.Plan(ctx)
	if err != nil && latchkey.KindOf(err) != latchkey.NotFound {
		return nil, err
	}
	ds := &describer{acct: acct, info: info, owned: owned, plan: plan}
	if redirects {
		ds.redirects, err = acct.Certificates().Sites(ctx)
	}
	return ds, err
}

// redirectsOf is how the web site of a domain stands to TLS; nil if nobody asks,
// or who asks may not see the web site.
func (ds *describer) redirectsOf(d latchkey.Domain) *redirects {
	for i := range ds.redirects {
		s := &ds.redirects[i]
		if s.Name != d {
			continue
		}
		holds := s.Certificate != nil && s.Certificate.CheckTime(ds.acct.At()) == nil && ds.acct.Server().Web
		r := &redirects{AllAliasesValid: holds, CanRedirect: holds && s.Certificate.Covers(d), IsRedirecting: s.Redirects}
		for _, name := range s.Names {
			r.AllAliasesValid = r.AllAliasesValid && s.Certificate.Covers(name)
		}
		return r
	}
	return nil
}

func (ds *describer) describe(d latchkey.OwnedDomain) description {
	user := string(ds.info.Name)
	text := description{
		DocumentRoot: path.Join(ds.acct.Home(), d.DocumentRoot), Domain: d.Name, Group: user, HasCGI: ds.plan.CGI,
		HomeDir: ds.acct.Home(), IP: ds.acct.Server().IP, Owner: string(ds.info.Owner),
		ServerAdmin: "webmaster@" + string(d.Name), ServerAlias: ds.aliases(d), ServerName: d.Name,
		Type: d.Kind, UseCanonicalName: "Off", User: user, redirects: ds.redirectsOf(d.Name),
	}
	return text
}

// aliases are the other names of a domain: those that come with it and, for the
// main domain, the parked ones.
func (ds *describer) aliases(d latchkey.OwnedDomain) string {
	var names []string
	under := func(d latchkey.Domain) {
		for _, label := range builtin {
			names = append(names, label+"."+string(d))
		}
	}
	if d.Kind == latchkey.SubDomain {
		return "www." + string(d.Name)
	}
	under(d.Name)
	for _, parked := range ds.owned {
		if d.Kind == latchkey.MainDomain && parked.Kind == latchkey.ParkedDomain {
			names = append(names, string(parked.Name))
			under(parked.Name)
		}
	}
	return strings.Join(names, " ")
}

type singleParams struct {
	Domain    hosting.DomainParam `param:"domain" doc:"The domain, which is no alias."`
	Hide      bool                `param:"hide_temporary_domains,optional" doc:"Accepted. There are no temporary domains."`
	Redirects bool                `param:"return_https_redirect_status,optional" doc:"Tell also whether visitors are sent to TLS."`
}

// UAPI: DomainInfo::single_domain_data.
func singleDomainData(ctx context.Context, acct hosting.Account, p singleParams) (description, error) {
	ds, err := newDescriber(ctx, acct, p.Redirects)
	if err != nil {
		return description{}, err
	}
	for _, d := range ds.owned {
		switch {
		case d.Name != p.Domain.Domain:
		case d.Kind == latchkey.ParkedDomain:
			of := "“" + string(ds.info.Domain) + "”"
			if !hosting.Holds(acct, hosting.DomainParam{Domain: ds.info.Domain}.Resource()) {
				of = "the main domain"
			}
			return description{}, latchkey.InvalidParam("domain", "The domain “%s” is an alias: ask for %s.", d.Name, of)
		default:
			return ds.describe(d), nil
		}
	}
	return description{}, notOwned(p.Domain.Domain)
}

func notOwned(d latchkey.Domain) error {
	return &latchkey.Error{Kind: latchkey.NotFound, Param: "domain", Msg: "You do not own the domain “" + string(d) + "”."}
}

// format is the parameter that says in which shape domains are described.
type format string

// Words are the shapes there are.
func (f *format) Words() []string { return []string{"hash", "list"} }

// ParseParam takes one of the words.
func (f *format) ParseParam(text string) error {
	if !slices.Contains(f.Words(), text) {
		return fmt.Errorf("must be hash or list")
	}
	*f = format(text)
	return nil
}

type dataParams struct {
	Format    format `param:"format,optional" doc:"hash: by kind; list: one list of all but aliases."`
	Hide      bool   `param:"hide_temporary_domains,optional" doc:"Accepted. There are no temporary domains."`
	Redirects bool   `param:"return_https_redirects_status,optional" doc:"Tell also whether visitors are sent to TLS."`
}

type data struct {
	Addon  []description     `json:"addon_domains"`
	Main   description       `json:"main_domain"`
	Parked []latchkey.Domain `json:"parked_domains"` // names alone: they have no place of their own
	Sub    []description     `json:"sub_domains"`
}

// UAPI: DomainInfo::domains_data.
func domainsData(ctx context.Context, acct hosting.Account, p dataParams) (any, error) {
	ds, err := newDescriber(ctx, acct, p.Redirects)
	if err != nil {
		return nil, err
	}
	var hash data
	var list []description
	for _, d := range ds.owned {
		if d.Kind == latchkey.ParkedDomain {
			hash.Parked = append(hash.Parked, d.Name)
			continue
		}
		text := ds.describe(d)
		list = append(list, text)
		switch d.Kind {
		case latchkey.MainDomain:
			hash.Main = text
		case latchkey.AddonDomain:
			hash.Addon = append(hash.Addon, text)
		case latchkey.SubDomain:
			hash.Sub = append(hash.Sub, text)
		}
	}
	if p.Format == "list" {
		return list, nil
	}
	return hash, nil
}
