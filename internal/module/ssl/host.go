package ssl

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
)

// Host are the functions of the host about certificates of accounts' sites.
var Host = api.Module[hosting.Host]{Name: "whm", Funcs: slices.Concat([]api.Func[hosting.Host]{
	{Name: "installssl", Privilege: latchkey.PrivilegeSSL, Role: api.WebServer, Effect: api.Write, API0: `{"rawout":text,"status":status,"statusmsg":text}`, Run: api.Run(installSSL), Doc: "Serve an account's web site under a certificate."},
	{Name: "delete_ssl_vhost", Privilege: latchkey.PrivilegeSSL, Role: api.WebServer, Effect: api.Write, Run: api.Run(deleteSSL), Doc: "Serve an account's web site under no certificate of its own."},
	{Name: "fetch_ssl_vhosts", Privilege: latchkey.PrivilegeSSLInfo, Run: api.Run(listSSLSites), Doc: "List the web sites that are served under a certificate of their own."},
	{Name: "listcrts", Privilege: latchkey.PrivilegeSSLInfo, Run: api.Run(listSSLCertificates), Doc: "List the certificates that accounts keep."},
}, fetchFuncs, serviceFuncs, hostAutoFuncs, mailHostFuncs)}

type installSSLParams struct {
	Domain hosting.HostParam `param:"domain" doc:"A domain of the web site."`
	Text   string            `param:"crt" doc:"The certificate, in the PEM format."`
	Key    latchkey.Secret   `param:"key" doc:"Its private key."`
	CAB    string            `param:"cab,optional" doc:"The certificates above it."`
	Bundle string            `param:"cabundle,optional" doc:"The same."`
	IP     string            `param:"ip,optional" doc:"Accepted: a web site is told by its name."`
}

// WHM API 1: installssl.
func installSSL(ctx context.Context, h hosting.Host, p installSSLParams) (api.Answer, error) {
	acct, err := ownerOfSite(ctx, h, p.Domain.Domain)
	if err != nil {
		return api.Answer{}, err
	}
	i, err := Install(ctx, acct, p.Domain.Domain, p.Text, p.Key, cmp.Or(p.CAB, p.Bundle))
	return api.Answer{Data: i, Reason: i.Message}, err
}

// ownerOfSite is the account whose site has a domain, in the hands of who acts.
func ownerOfSite(ctx context.Context, h hosting.Host, domain latchkey.Domain) (hosting.Account, error) {
	a, _, err := h.FindDomain(ctx, domain)
	if label, of, _ := strings.Cut(string(domain), "."); latchkey.KindOf(err) == latchkey.NotFound && slices.Contains(hosting.AlwaysUnder, label) {
		if under, _, under2 := h.FindDomain(ctx, latchkey.Domain(of)); under2 == nil {
			a, err = under, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return h.As(ctx, a.Name)
}

type deleteSSLParams struct {
	Host hosting.HostParam `param:"host" doc:"A domain of the web site."`
}

// WHM API 1: delete_ssl_vhost.
func deleteSSL(ctx context.Context, h hosting.Host, p deleteSSLParams) (api.Void, error) {
	acct, err := ownerOfSite(ctx, h, p.Host.Domain)
	if err != nil {
		return nil, err
	}
	return nil, acct.Certificates().Uninstall(ctx, p.Host.Domain)
}

type sslSite struct {
	Certificate Certificate          `json:"crt"`
	Root        string               `json:"docroot"`
	Domains     []latchkey.Domain    `json:"domains"`
	IP          string               `json:"ip"`
	Primary     bool                 `json:"is_primary_on_ip"`
	MailSNI     bool                 `json:"mail_sni_status"`
	NeedsSNI    bool                 `json:"needs_sni"`
	Owner       latchkey.AccountName `json:"owner"`
	ServerName  latchkey.Domain      `json:"servername"`
	Type        string               `json:"type"`
	User        latchkey.AccountName `json:"user"`
}

type sslSites struct {
	Sites []sslSite `json:"vhosts"`
}

// WHM API 1: fetch_ssl_vhosts.
func listSSLSites(ctx context.Context, h hosting.Host, _ api.None) (sslSites, error) {
	list := sslSites{[]sslSite{}}
	err := eachSecured(ctx, h, func(a *latchkey.Account, _ hosting.Account, s *hosting.Site) error {
		list.Sites = append(list.Sites, sslSite{
			Certificate: Describe(s.Certificate), Root: path.Join(h.Home(a.Name), s.Root), Domains: s.Names, IP: h.Server().IP, NeedsSNI: true,
			Owner: a.Owner, ServerName: s.Name, Type: siteType(a, s.Name), User: a.Name,
		})
		return nil
	})
	return list, err
}

// eachSecured runs fn for every web site with a certificate, of every account that
// the caller may change.
func eachSecured(ctx context.Context, h hosting.Host, fn func(*latchkey.Account, hosting.Account, *hosting.Site) error) error {
	return eachAccount(ctx, h, func(a latchkey.Account, acct hosting.Account) error {
		sites, err := acct.Certificates().Sites(ctx)
		for i := 0; i < len(sites) && err == nil; i++ {
			if sites[i].Certificate != nil {
				err = fn(&a, acct, &sites[i])
			}
		}
		return err
	})
}

func siteType(a *latchkey.Account, name latchkey.Domain) string {
	if name == a.Domain {
		return "main"
	}
	return "sub"
}

// eachAccount runs fn for every account that the caller may change.
func eachAccount(ctx context.Context, h hosting.Host, fn func(latchkey.Account, hosting.Account) error) error {
	accounts, err := h.Accounts(ctx)
	for i := 0; i < len(accounts) && err == nil; i++ {
		var acct hosting.Account
		acct, err = h.As(ctx, accounts[i].Name)
		switch latchkey.KindOf(err) {
		case latchkey.NotFound, latchkey.Denied: // it is gone by now, or may do more than the caller
			if err != nil {
				err = nil
				continue
			}
		}
		if err == nil {
			err = fn(accounts[i], acct)
		}
	}
	return err
}

type certificateRow struct {
	Domain       string                 `json:"domain"`
	Owners       []latchkey.AccountName `json:"domain_owners"`
	Domains      []string               `json:"domains"`
	Curve        *string                `json:"ecdsa_curve_name"`
	Name         string                 `json:"friendly_name"`
	ID           string                 `json:"id"`
	SelfSigned   bool                   `json:"is_self_signed"`
	Organization string                 `json:"issuer.organizationName"`
	Algorithm    string                 `json:"key_algorithm"`
	Bits         *int                   `json:"modulus_length"`
	NotAfter     time.Time              `json:"not_after"`
	Registered   bool                   `json:"registered"`
	Signature    string                 `json:"signature_algorithm"`
	Validation   *string                `json:"validation_type"`
}

type certificateRows struct {
	Certificates []certificateRow `json:"crt"`
}

type listSSLParams struct {
	User       hosting.AccountParam `param:"user,optional" doc:"The account; all without."`
	Registered bool                 `param:"registered,optional" doc:"1 for those that an authority has signed alone."`
}

// WHM API 1: listcrts.
func listSSLCertificates(ctx context.Context, h hosting.Host, p listSSLParams) (certificateRows, error) {
	list := certificateRows{[]certificateRow{}}
	add := func(a latchkey.Account, acct hosting.Account) error {
		kept, err := acct.Certificates().Certificates(ctx)
		for _, k := range kept {
			if !p.Registered || !k.SelfSigned() {
				list.Certificates = append(list.Certificates, hostRow(k.Kept.Name, k.Certificate, a.Name))
			}
		}
		return err
	}
	if p.User.Name == "" {
		return list, eachAccount(ctx, h, add)
	}
	a, err := h.Account(ctx, p.User.Name)
	if err != nil {
		return list, err
	}
	acct, err := h.As(ctx, a.Name)
	if err != nil {
		return list, err
	}
	err = add(a, acct)
	return list, err
}

func hostRow(name string, c *pki.Certificate, owner latchkey.AccountName) certificateRow {
	d := Describe(c)
	row := certificateRow{
		Owners: []latchkey.AccountName{owner}, Domains: d.Domains, Curve: d.Curve, Name: name, ID: d.ID, SelfSigned: d.SelfSigned, Organization: d.IssuerCompany,
		Algorithm: c.Public.Algorithm(), Bits: d.Bits, NotAfter: d.NotAfter, Registered: !d.SelfSigned, Signature: d.Signature, Validation: d.Validation,
	}
	if len(d.Domains) > 0 {
		row.Domain = d.Domains[0]
	}
	return row
}
