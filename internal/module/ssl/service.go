package ssl

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
)

// The server's own doors, which the public documentation calls the service
// cpanel. Others that it names have no certificate of their own here.

// bestName is a name by which a service is reached, and how its certificate fits.
type bestName struct {
	Method     string `json:"cert_match_method"`
	NotAfter   int64  `json:"cert_valid_not_after"`
	Valid      bool   `json:"is_currently_valid"`
	SelfSigned bool   `json:"is_self_signed"`
	WildCard   bool   `json:"is_wild_card"`
	Name       string `json:"ssldomain"`
	Matches    bool   `json:"ssldomain_matches_cert"`
}

// bestNameOf is the best of names for who wants no warning: the first that the
// doors' certificate is for, or else the server's own.
func bestNameOf(s *hosting.Server, at time.Time, names ...named) bestName {
	own, shown := named{s.Hostname, "hostname"}, s.Shown()
	best := bestName{Method: "none", Name: s.Hostname}
	if shown.Certificate == nil {
		return best
	}
	best.NotAfter, best.SelfSigned = shown.NotAfter.Unix(), shown.SelfSigned()
	best.Valid = shown.CheckTime(at) == nil
	for _, n := range append(names, own) {
		if !shown.Covers(latchkey.Domain(n.name)) {
			continue
		}
		best.Name, best.Method, best.Matches = n.name, n.how, true
		if !slices.Contains(shown.Certificate.Names(), n.name) {
			best.WildCard, best.Method = true, n.how+"-wildcard"
		}
		return best
	}
	return best
}

// named is a name, and how the public documentation calls a match of it.
type named struct{ name, how string }

type serviceNameParams struct {
	Domain  string  `param:"domain" doc:"A domain, an account or an email address."`
	Service service `param:"service" doc:"cpanel, imap, pop3 or smtp."`
	Mail    bool    `param:"add_mail_subdomain,optional" doc:"Look at the name mail under the domain instead of the domain."`
}

// service is a parameter that names a service of mail programs or browsers.
type service string

// Words are the services there are.
func (s *service) Words() []string { return []string{"cpanel", "imap", "pop3", "smtp"} }

// ParseParam takes one of the words.
func (s *service) ParseParam(text string) error {
	*s = service(text)
	return oneOf(text, s.Words())
}

func oneOf(text string, words []string) error {
	if !slices.Contains(words, text) {
		return fmt.Errorf("must be one of %s", strings.Join(words, ", "))
	}
	return nil
}

// UAPI: SSL::get_cn_name. All services show the server's own certificate.
func serviceName(ctx context.Context, acct hosting.Account, p serviceNameParams) (bestName, error) {
	name, err := p.domain(ctx, acct)
	if err != nil {
		return bestName{}, err
	}
	best := named{string(name), "exact"}
	if p.Mail {
		best = named{"mail." + best.name, "mail"}
	}
	return bestNameOf(acct.Server(), acct.At(), best), nil
}

// domain is the domain meant.
func (p *serviceNameParams) domain(ctx context.Context, acct hosting.Account) (latchkey.Domain, error) {
	text := p.Domain
	if _, of, ok := strings.Cut(text, "@"); ok {
		text = of
	}
	info, err := acct.Info(ctx)
	if err != nil {
		return "", err
	}
	if text == string(info.Name) {
		return info.Domain, nil
	}
	name, err := hosting.ParseDomain(text)
	if err != nil {
		return "", latchkey.InvalidParam("domain", "Give a domain, the account’s name or an email address of the account.")
	}
	owned, err := acct.Domains(ctx)
	if err == nil && string(name) != acct.Server().Hostname {
		_, err = hosting.FindSite(append(hosting.SitesOf(owned), hosting.Site{Names: parked(owned)}), name)
	}
	return name, err
}

func parked(owned []latchkey.OwnedDomain) (names []latchkey.Domain) {
	for _, d := range owned {
		if d.Kind == latchkey.ParkedDomain {
			names = append(names, d.Name)
		}
	}
	return names
}

// serviceFuncs are about the certificate of the server's own doors.
var serviceFuncs = []api.Func[hosting.Host]{
	{Name: "fetch_service_ssl_components", Privilege: latchkey.PrivilegeAll, Run: api.Run(serviceCertificates), Doc: "List the services that have a certificate, and the certificates. Their private keys are not shown."},
	{Name: "install_service_ssl_certificate", Privilege: latchkey.PrivilegeAll, Effect: api.Write, Run: api.Run(installService), Doc: "Give the server's own doors a certificate. It is shown at once; nothing is started anew."},
	{Name: "reset_service_ssl_certificate", Privilege: latchkey.PrivilegeAll, Effect: api.Write, Run: api.Run(resetService), Doc: "Give the server's own doors a certificate of the server's own authority."},
	{Name: "get_best_ssldomain_for_service", Privilege: latchkey.PrivilegeBasic, Run: api.Run(hostServiceName), Doc: "Tell by which name the server's doors are best reached."},
}

// hostService is a parameter that names a service with a certificate.
type hostService string

// Words are the services that the public documentation knows.
func (s *hostService) Words() []string { return []string{"cpanel", "dovecot", "exim", "ftp"} }

// ParseParam takes one of the words.
func (s *hostService) ParseParam(text string) error {
	*s = hostService(text)
	return oneOf(text, s.Words())
}

// here says why a service has no certificate that could be changed, or nil.
func (s hostService) here() error {
	if s == "cpanel" {
		return nil
	}
	return latchkey.Errorf(latchkey.RoleOff, "The service “%s” has no certificate of its own on this server: give the service “cpanel” one.", s)
}

type serviceCertificate struct {
	CAB     string      `json:"cabundle"`
	Text    string      `json:"certificate"`
	Info    Certificate `json:"certificate_info"`
	Service hostService `json:"service"`
}

type serviceCertificateList struct {
	Services []serviceCertificate `json:"services"`
}

// WHM API 1: fetch_service_ssl_components.
func serviceCertificates(_ context.Context, h hosting.Host, _ api.None) (serviceCertificateList, error) {
	list := serviceCertificateList{[]serviceCertificate{}}
	if h.Server().Shown().Certificate != nil {
		list.Services = append(list.Services, shownService(h))
	}
	return list, nil
}

type installServiceParams struct {
	Service hostService     `param:"service" doc:"The service: cpanel."`
	Text    string          `param:"crt" doc:"The certificate, in the PEM format."`
	Key     latchkey.Secret `param:"key" doc:"Its private key."`
	Bundle  string          `param:"cabundle,optional" doc:"The certificates above it."`
}

// WHM API 1: install_service_ssl_certificate.
func installService(ctx context.Context, h hosting.Host, p installServiceParams) (serviceCertificate, error) {
	if err := p.Service.here(); err != nil {
		return serviceCertificate{}, err
	}
	n, err := installation(p.Text, p.Key, p.Bundle)
	if err != nil {
		return serviceCertificate{}, about("crt", err)
	}
	if err := h.OwnCertificate().Install(ctx, n); err != nil {
		return serviceCertificate{}, err
	}
	return shownService(h), nil
}

func shownService(h hosting.Host) serviceCertificate {
	shown := h.Server().Shown()
	if shown.Certificate == nil {
		return serviceCertificate{Service: "cpanel"}
	}
	return serviceCertificate{shown.Chain.PEM(), shown.PEM(), Describe(shown.Certificate), "cpanel"}
}

type serviceParams struct {
	Service hostService `param:"service" doc:"The service: cpanel."`
}

// WHM API 1: reset_service_ssl_certificate.
func resetService(ctx context.Context, h hosting.Host, p serviceParams) (serviceCertificate, error) {
	if err := p.Service.here(); err != nil {
		return serviceCertificate{}, err
	}
	if err := h.OwnCertificate().Reset(ctx); err != nil {
		return serviceCertificate{}, err
	}
	return shownService(h), nil
}

type bestServiceParams struct {
	Service string `param:"service" doc:"The service: cpanel, whostmgr or webmail."`
}

// WHM API 1: get_best_ssldomain_for_service.
func hostServiceName(_ context.Context, h hosting.Host, p bestServiceParams) (bestName, error) {
	if err := oneOf(p.Service, []string{"cpanel", "whostmgr", "webmail", "webmaild", "cpaneld", "whostmgrd"}); err != nil {
		return bestName{}, latchkey.InvalidParam("service", "The service “%s” has no certificate of its own on this server.", p.Service)
	}
	return bestNameOf(h.Server(), h.At()), nil
}

// installation reads the texts of a certificate, its key and those above it.
func installation(text string, key latchkey.Secret, bundle string) (n hosting.Installation, err error) {
	if n.Certificate, n.Chain, err = pki.ParseCertificate(text); err != nil {
		return n, about("cert", err)
	}
	more, err := pki.ParseChain(bundle)
	if err != nil {
		return n, about("cabundle", err)
	}
	n.Chain = append(n.Chain, more...)
	if !key.Empty() {
		n.Key, err = pki.ParseKey(key)
	}
	return n, about("key", err)
}
