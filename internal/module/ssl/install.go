package ssl

import (
	"context"
	"path"
	"slices"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

type installParams struct {
	Domain hosting.HostParam `param:"domain" doc:"A domain of the web site."`
	Text   string            `param:"cert" doc:"The certificate, in the PEM format; others after it are those above it."`
	Key    latchkey.Secret   `param:"key,optional" doc:"Its private key; without it one of those that are kept."`
	Bundle string            `param:"cabundle,optional" doc:"The certificates above it; without them those that came with another of the same authority."`
}

// Installed is what install_ssl answers.
type Installed struct {
	Action  string               `json:"action"`
	CertID  string               `json:"cert_id"`
	Domain  latchkey.Domain      `json:"domain"`
	Extra   []string             `json:"extra_certificate_domains"`
	HTML    string               `json:"html"`
	IP      string               `json:"ip"`
	KeyID   string               `json:"key_id"`
	Message string               `json:"message"`
	Status  string               `json:"statusmsg"`
	User    latchkey.AccountName `json:"user"`
	Missing []latchkey.Domain    `json:"warning_domains"`
	Working []latchkey.Domain    `json:"working_domains"`
}

// UAPI: SSL::install_ssl.
func install(ctx context.Context, acct hosting.Account, p installParams) (Installed, error) {
	return Install(ctx, acct, p.Domain.Domain, p.Text, p.Key, p.Bundle)
}

// Install serves the site with a domain under a certificate, as texts.
func Install(ctx context.Context, acct hosting.Account, domain latchkey.Domain, text string, key latchkey.Secret, bundle string) (Installed, error) {
	n, err := installation(text, key, bundle)
	if err != nil {
		return Installed{}, err
	}
	had, err := before(ctx, acct, domain)
	if err != nil {
		return Installed{}, err
	}
	s, err := acct.Certificates().Install(ctx, domain, n)
	if err != nil {
		return Installed{}, err
	}
	return installed(acct, &s, domain, had), nil
}

// before reports whether the site with a domain has a certificate already. Whether
// there is such a site is for who installs to say.
func before(ctx context.Context, acct hosting.Account, domain latchkey.Domain) (bool, error) {
	sites, err := acct.Certificates().Sites(ctx)
	if err != nil {
		return false, err
	}
	s, err := hosting.FindSite(sites, domain)
	return err == nil && s.Certificate != nil, nil
}

func installed(acct hosting.Account, s *hosting.Site, domain latchkey.Domain, had bool) Installed {
	i := Installed{
		Action: "install", CertID: s.Certificate.ID(), Domain: domain, IP: acct.Server().IP, KeyID: s.KeyID, User: acct.Caller().Name,
		Extra: []string{}, Missing: []latchkey.Domain{}, Working: []latchkey.Domain{},
	}
	if had {
		i.Action = "update"
	}
	for _, name := range s.Names {
		if s.Certificate.Covers(name) {
			i.Working = append(i.Working, name)
		} else {
			i.Missing = append(i.Missing, name)
		}
	}
	for _, name := range s.Certificate.Names() {
		if !slices.Contains(s.Names, latchkey.Domain(name)) {
			i.Extra = append(i.Extra, name)
		}
	}
	i.Message = "The SSL certificate is now installed onto the domain “" + string(domain) + "” using the IP address “" + i.IP + "”."
	i.Status, i.HTML = i.Message, i.Message
	return i
}

// UAPI: SSL::delete_ssl.
func uninstall(ctx context.Context, acct hosting.Account, p domainParams) (struct{}, error) {
	return struct{}{}, acct.Certificates().Uninstall(ctx, p.Domain.Domain)
}

// onSite is a certificate that is installed.
type onSite struct {
	Provider     string `json:"auto_ssl_provider,omitempty"`
	ProviderName string `json:"auto_ssl_provider_display_name,omitempty"`
	AutoSSL      bool   `json:"is_autossl"`
	Certificate
	Error *string `json:"verify_error,omitempty"`
}

func onSiteOf(s *hosting.Site) *onSite {
	return &onSite{Provider: s.Provider, ProviderName: s.Provider, AutoSSL: s.Provider != "", Certificate: Describe(s.Certificate)}
}

type oneHost struct {
	Certificate *onSite         `json:"certificate"`
	Host        latchkey.Domain `json:"host"`
}

type hostParams struct {
	Domain hosting.HostParam `param:"domain,optional" doc:"A domain of the web site; without one the main domain."`
	Verify bool              `param:"verify_certificate,optional" doc:"Say also why nobody would trust in the certificate."`
}

// UAPI: SSL::installed_host.
func installedHost(ctx context.Context, acct hosting.Account, p hostParams) (oneHost, error) {
	sites, err := acct.Certificates().Sites(ctx)
	if err != nil {
		return oneHost{}, err
	}
	if p.Domain.Domain == "" && len(sites) > 0 {
		p.Domain.Domain = sites[0].Name
	}
	s, err := hosting.FindSite(sites, p.Domain.Domain)
	if err != nil {
		return oneHost{}, err
	}
	one := oneHost{Host: s.Name}
	if s.Certificate != nil {
		one.Certificate = onSiteOf(s)
		if p.Verify {
			why := notTrusted(acct, s.Certificate)
			one.Certificate.Error = &why
		}
	}
	return one, nil
}

type host struct {
	Certificate *onSite           `json:"certificate"`
	Text        string            `json:"certificate_text"`
	Root        string            `json:"docroot"`
	Domains     []latchkey.Domain `json:"domains"`
	FQDNs       []latchkey.Domain `json:"fqdns"`
	IP          string            `json:"ip"`
	Primary     bool              `json:"is_primary_on_ip"`
	MailSNI     bool              `json:"mail_sni_status"`
	NeedsSNI    bool              `json:"needs_sni"`
	ServerName  latchkey.Domain   `json:"servername"`
}

// UAPI: SSL::installed_hosts.
func installedHosts(ctx context.Context, acct hosting.Account, _ api.None) ([]host, error) {
	sites, err := acct.Certificates().Sites(ctx)
	hosts := []host{}
	for i := range sites {
		if s := &sites[i]; s.Certificate != nil {
			hosts = append(hosts, host{
				Certificate: onSiteOf(s), Text: s.Certificate.PEM(), Root: path.Join(acct.Home(), s.Root), Domains: s.Names, FQDNs: s.Names,
				IP: acct.Server().IP, NeedsSNI: true, ServerName: s.Name,
			})
		}
	}
	return hosts, err
}

type toggleParams struct {
	Domains hostList `param:"domains" doc:"Domains of the web sites, with commas between them."`
	On      bool     `param:"state" doc:"1 to send visitors to TLS, 0 to leave them."`
}

// UAPI: SSL::toggle_ssl_redirect_for_domains.
func toggleRedirect(ctx context.Context, acct hosting.Account, p toggleParams) ([]string, error) {
	domains := rows(p.Domains, func(name string) latchkey.Domain { return latchkey.Domain(name) })
	return p.Domains, acct.Certificates().Redirect(ctx, domains, p.On)
}
