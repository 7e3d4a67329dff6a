package whm

import (
	"context"
	"path"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// WHM API 1: domainuserdata, getdomainowner.
type domainParams struct {
	Domain hosting.DomainParam `param:"domain" doc:"The domain."`
}

// domainFile is a domain as a web server would have it. Of what belongs to one
// product's web server alone there is nothing.
type domainFile struct {
	CustomLog     []string             `json:"customlog"`
	DocumentRoot  string               `json:"documentroot"`
	Group         latchkey.AccountName `json:"group"`
	HasCGI        bool                 `json:"hascgi"`
	HomeDir       string               `json:"homedir"`
	IP            string               `json:"ip"`
	Owner         latchkey.AccountName `json:"owner"`
	ScriptAlias   []string             `json:"scriptalias"`
	ServerAdmin   string               `json:"serveradmin"`
	ServerAlias   string               `json:"serveralias"`
	ServerName    latchkey.Domain      `json:"servername"`
	CanonicalName string               `json:"usecanonicalname"`
	User          latchkey.AccountName `json:"user"`
}

type domainData struct {
	UserData domainFile `json:"userdata"`
}

func showDomain(ctx context.Context, h hosting.Host, p domainParams) (domainData, error) {
	a, d, err := h.FindDomain(ctx, p.Domain.Domain)
	if err != nil {
		return domainData{}, err
	}
	plan, err := h.Package(ctx, a.Package)
	if err != nil {
		return domainData{}, err
	}
	owned, err := h.DomainsOf(ctx, a.Name)
	return domainData{domainFile{
		DocumentRoot: path.Join(h.Home(a.Name), d.DocumentRoot), Group: a.Name, HasCGI: plan.CGI, HomeDir: h.Home(a.Name),
		IP: h.Server().IP, Owner: a.Owner, ServerAdmin: "webmaster@" + string(d.Name), ServerAlias: aliases(d, owned),
		ServerName: d.Name, CanonicalName: "Off", User: a.Name,
	}}, err
}

// aliases are the other names of a domain: those that come with it and, for the
// main domain, the parked ones.
func aliases(d latchkey.OwnedDomain, owned []latchkey.OwnedDomain) string {
	if d.Kind == latchkey.SubDomain {
		return "www." + string(d.Name)
	}
	names := []string{"mail." + string(d.Name), "www." + string(d.Name)}
	for _, o := range owned {
		if d.Kind == latchkey.MainDomain && o.Kind == latchkey.ParkedDomain {
			names = append(names, string(o.Name), "mail."+string(o.Name), "www."+string(o.Name))
		}
	}
	return strings.Join(names, " ")
}

type domainOwner struct {
	User *latchkey.AccountName `json:"user"`
}

// WHM API 1: getdomainowner. Nobody owns a domain there is not.
func showDomainOwner(ctx context.Context, h hosting.Host, p domainParams) (domainOwner, error) {
	a, _, err := h.FindDomain(ctx, p.Domain.Domain)
	if latchkey.KindOf(err) == latchkey.NotFound {
		return domainOwner{}, nil
	}
	return domainOwner{&a.Name}, err
}

// domainRow is a domain as get_domain_info shows it. No web server serves it,
// so that it has neither a PHP nor a firewall.
type domainRow struct {
	DocumentRoot string               `json:"docroot"`
	Domain       latchkey.Domain      `json:"domain"`
	Type         string               `json:"domain_type"`
	IPv4         string               `json:"ipv4"`
	IPv4TLS      string               `json:"ipv4_ssl"`
	IPv6         *string              `json:"ipv6"`
	IPv6Own      bool                 `json:"ipv6_is_dedicated"`
	ModSecurity  bool                 `json:"modsecurity_enabled"`
	Parent       latchkey.Domain      `json:"parent_domain"`
	PHP          string               `json:"php_version"`
	Port         int                  `json:"port"`
	PortTLS      int                  `json:"port_ssl"`
	User         latchkey.AccountName `json:"user"`
	Owner        latchkey.AccountName `json:"user_owner"`
}

type domainRows struct {
	Domains []domainRow `json:"domains"`
}

// kindNames are the kinds of domains, as get_domain_info calls them.
var kindNames = map[latchkey.DomainKind]string{
	latchkey.MainDomain: "main", latchkey.AddonDomain: "addon", latchkey.ParkedDomain: "parked", latchkey.SubDomain: "sub",
}

// WHM API 1: get_domain_info.
func listDomains(ctx context.Context, h hosting.Host, _ api.None) (domainRows, error) {
	const some = 1000
	var rows domainRows
	var after latchkey.Domain
	for {
		domains, err := h.DomainsAfter(ctx, after, some)
		if err != nil {
			return rows, err
		}
		for _, d := range domains {
			after = d.Name
			rows.Domains = append(rows.Domains, domainRow{
				DocumentRoot: path.Join(h.Home(d.Account), d.DocumentRoot), Domain: d.Name, Type: kindNames[d.Kind], IPv4: h.Server().IP, IPv4TLS: h.Server().IP,
				Parent: d.Main, Port: 80, PortTLS: 443, User: d.Account, Owner: d.Owner,
			})
		}
		if len(domains) < some {
			return rows, nil
		}
	}
}

// WHM API 1: setsiteip. All accounts share the server's one address.
type setAddressParams struct {
	IP     string               `param:"ip" doc:"The address: this server's, which every account has."`
	User   hosting.AccountParam `param:"user,optional" doc:"The account."`
	Domain hosting.DomainParam  `param:"domain,optional" doc:"A domain of the account, where user is left out."`
}

func setAddress(ctx context.Context, h hosting.Host, p setAddressParams) (api.Void, error) {
	var err error
	switch {
	case p.User.Name != "":
		_, err = h.Account(ctx, p.User.Name)
	case p.Domain.Domain != "":
		_, _, err = h.FindDomain(ctx, p.Domain.Domain)
	default:
		err = &latchkey.Error{Kind: latchkey.Missing, Param: "user"}
	}
	if err == nil && p.IP != h.Server().IP {
		err = latchkey.InvalidParam("ip", "This server has no other address to give than “%s”, which all accounts share.", h.Server().IP)
	}
	return nil, err
}
