package domaininfo

import (
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/moduletest"
	"github.com/latchkey/latchkey/internal/pki/pkitest"
)

func TestDomains(t *testing.T) {
	const (
		tail  = `"usecanonicalname":"Off","user":"demo"}`
		named = `"group":"demo","hascgi":0,"homedir":"/home/demo","ip":"192.0.2.1","owner":"root",`
		main  = `{"documentroot":"/home/demo/public_html","domain":"example.com",` + named + `"serveradmin":"webmaster@example.com",` +
			`"serveralias":"mail.example.com www.example.com alias.example mail.alias.example www.alias.example","servername":"example.com","type":"main_domain",` + tail
		addon = `{"documentroot":"/home/demo/shop","domain":"shop.example",` + named + `"serveradmin":"webmaster@shop.example",` +
			`"serveralias":"mail.shop.example www.shop.example","servername":"shop.example","type":"addon_domain",` + tail
		sub = `{"documentroot":"/home/demo/blog","domain":"blog.example.com",` + named + `"serveradmin":"webmaster@blog.example.com",` +
			`"serveralias":"www.blog.example.com","servername":"blog.example.com","type":"sub_domain",` + tail
		redirects = `,"all_aliases_valid":0,"can_https_redirect":0,"is_https_redirecting":0}`
	)
	acct := hostingtest.New()
	acct.Own(latchkey.ParkedDomain, "alias.example", "public_html")
	acct.Own(latchkey.AddonDomain, "shop.example", "shop")
	acct.Own(latchkey.SubDomain, "blog.example.com", "blog")
	moduletest.Table(t, Module, acct, []moduletest.Row{
		{`list_domains`, `{"addon_domains":["shop.example"],"main_domain":"example.com","parked_domains":["alias.example"],"sub_domains":["blog.example.com"]}`},
		{`list_domains?hide_temporary_domains=1`, `{"addon_domains":["shop.example"],"main_domain":"example.com","parked_domains":["alias.example"],"sub_domains":["blog.example.com"]}`},
		{`primary_domain`, `{"primary_domain":"example.com"}`},
		{`main_domain_builtin_subdomain_aliases`, `["mail","www"]`},
		{`single_domain_data?domain=Example.COM.`, main},
		{`single_domain_data?domain=blog.example.com&return_https_redirect_status=1`, strings.TrimSuffix(sub, "}") + redirects},
		{`single_domain_data?domain=alias.example`, `invalid: The domain “alias.example” is an alias: ask for “example.com”.`},
		{`single_domain_data?domain=example.net`, `not-found: You do not own the domain “example.net”.`},
		{`single_domain_data?domain=..`, `invalid: The “domain” argument is invalid: it must be a domain such as example.com.`},
		{`single_domain_data`, `missing: domain`},
		{`domains_data`, `{"addon_domains":[` + addon + `],"main_domain":` + main + `,"parked_domains":["alias.example"],"sub_domains":[` + sub + `]}`},
		{`domains_data?format=hash&return_https_redirects_status=0`, `{"addon_domains":[` + addon + `],"main_domain":` + main + `,"parked_domains":["alias.example"],"sub_domains":[` + sub + `]}`},
		{`domains_data?format=list`, `[` + main + `,` + sub + `,` + addon + `]`},
		{`domains_data?format=tree`, `invalid: The “format” argument is invalid: it must be hash or list.`},
	})
}

func TestLists(t *testing.T) {
	const (
		alias = `{"domain":"alias.example","dir":"/home/demo/public_html","basedir":"public_html","reldir":"home:public_html","status":"not redirected"}`
		shop  = `{"domain":"shop.example","dir":"/home/demo/shop","basedir":"shop","reldir":"home:shop","status":"not redirected"`
		blog  = `{"domain":"blog.example.com","dir":"/home/demo/blog","basedir":"blog","reldir":"home:blog","status":"not redirected",` +
			`"domainkey":"blog_example.com","rootdomain":"example.com","subdomain":"blog"}`
		wants = `invalid: The “regex” argument is not a regular expression that this server understands. Expressions with look-around or back-references are not.`
	)
	acct := hostingtest.New()
	for _, m := range []api.Module[hosting.Account]{Park, Addon, Sub} {
		moduletest.Table(t, m, acct, []moduletest.Row{{m.Funcs[0].Name, `[]`}})
	}
	acct.Own(latchkey.ParkedDomain, "alias.example", "public_html")
	acct.Own(latchkey.AddonDomain, "shop.example", "shop")
	acct.Own(latchkey.SubDomain, "blog.example.com", "blog")
	moduletest.Table(t, Park, acct, []moduletest.Row{
		{`listparkeddomains`, `[` + alias + `]`},
		{`listparkeddomains?regex=^ALIAS`, `[` + alias + `]`},
		{`listparkeddomains?regex=^example`, `[]`},
		{`listparkeddomains?regex=(`, wants},
		{`2:listaddondomains`, `[` + shop + `}]`},
	})
	moduletest.Table(t, Addon, acct, []moduletest.Row{
		{`listaddondomains?return_https_redirect_status=1`, `[` + shop + `,"can_https_redirect":0,"is_https_redirecting":0}]`},
	})
	moduletest.Table(t, Sub, acct, []moduletest.Row{{`listsubdomains`, `[` + blog + `]`}})
	moduletest.Table(t, Lookup, acct, []moduletest.Row{
		{`2:getbasedomains`, `[{"domain":"example.com"},{"domain":"alias.example"},{"domain":"shop.example"}]`},
		{`2:countbasedomains`, `{"count":3}`},
		{`2:getdocroot`, `{"docroot":"/home/demo/public_html","reldocroot":"public_html"}`},
		{`2:getdocroot?domain=shop.example`, `{"docroot":"/home/demo/shop","reldocroot":"shop"}`},
		{`2:getdocroot?domain=example.net`, `not-found: You do not own the domain “example.net”.`},
		{`2:getdocroots`, `[{"docroot":"/home/demo/public_html","domain":"example.com"},{"docroot":"/home/demo/public_html","domain":"alias.example"},` +
			`{"docroot":"/home/demo/blog","domain":"blog.example.com"},{"docroot":"/home/demo/shop","domain":"shop.example"}]`},
	})
}

// A token for one domain is shown that domain, and is refused another by the grant
// it would need.
func TestListsOfOneDomain(t *testing.T) {
	whole := hostingtest.New()
	whole.Own(latchkey.AddonDomain, "shop.example", "shop")
	for _, m := range []api.Module[hosting.Account]{Addon, Lookup} {
		acct := moduletest.Narrow(t, whole, m.Name+":read(domain=shop.example)", latchkey.Called{Module: m.Name, Name: m.Funcs[0].Name})
		rows := []moduletest.Row{{`listaddondomains`, `[{"domain":"shop.example","dir":"/home/demo/shop","basedir":"shop","reldir":"home:shop","status":"not redirected"}]`}}
		if m.Name == "DomainLookup" {
			rows = []moduletest.Row{
				{`2:getbasedomains`, `[{"domain":"shop.example"}]`},
				{`2:countbasedomains`, `{"count":1}`},
				{`2:getdocroots`, `[{"docroot":"/home/demo/shop","domain":"shop.example"}]`},
				{`2:getdocroot`, `missing: domain`},
				{`2:getdocroot?domain=example.com`, `not-found: You do not own the domain “example.com”.`},
			}
		}
		moduletest.Table(t, m, acct, rows)
	}
}

func TestNoFurtherDomains(t *testing.T) {
	moduletest.Table(t, Module, hostingtest.New(), []moduletest.Row{
		{`list_domains`, `{"addon_domains":[],"main_domain":"example.com","parked_domains":[],"sub_domains":[]}`},
	})
}

// What is told of a redirect is what toggle_ssl_redirect_for_domains has done.
func TestRedirects(t *testing.T) {
	acct := hostingtest.New()
	acct.Machine.Web = true
	ca := pkitest.New(t, acct.Now())
	key := ca.Key()
	flags := func(want string) {
		t.Helper()
		for _, call := range []string{"single_domain_data?domain=example.com&return_https_redirect_status=1", "domains_data?format=list&return_https_redirects_status=1"} {
			if got := moduletest.Call(t, Module, acct, call); !strings.Contains(got, want) {
				t.Errorf("%s\n got %s\nwant %s", call, got, want)
			}
		}
	}
	install := func(names ...string) {
		t.Helper()
		_, err := acct.Certificates().Install(t.Context(), "example.com", hosting.Installation{Certificate: ca.Issue(key, names...), Key: key})
		if err != nil {
			t.Fatal(err)
		}
	}
	redirect := func(on bool) {
		t.Helper()
		if err := acct.Certificates().Redirect(t.Context(), []latchkey.Domain{"example.com"}, on); err != nil {
			t.Fatal(err)
		}
	}
	flags(`"all_aliases_valid":0,"can_https_redirect":0,"is_https_redirecting":0`)
	install("example.com")
	flags(`"all_aliases_valid":0,"can_https_redirect":1,"is_https_redirecting":0`)
	redirect(true)
	flags(`"all_aliases_valid":0,"can_https_redirect":1,"is_https_redirecting":1`)
	install("example.com", "*.example.com")
	flags(`"all_aliases_valid":1,"can_https_redirect":1,"is_https_redirecting":1`)
	redirect(false)
	flags(`"all_aliases_valid":1,"can_https_redirect":1,"is_https_redirecting":0`)
}
