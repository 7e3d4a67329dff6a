package ssl

import (
	"context"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Mail is not served under the certificates of web sites: what would switch that
// on says so.

var mailFuncs = []api.Func[hosting.Account]{
	{Name: "mail_sni_status", Feature: installs, Run: api.Run(mailSNI), Doc: "Tell whether a domain's mail is served under the certificate of its web site. It is not."},
	{Name: "enable_mail_sni", Feature: installs, Effect: api.Write, Run: api.Run(changeMailSNI), Doc: "Serve mail under the certificates of web sites. This server cannot, and says so."},
	{Name: "disable_mail_sni", Feature: installs, Effect: api.Write, Run: api.Run(changeMailSNI), Doc: "Serve mail under the server's certificate alone. It is so, and cannot be changed."},
	{Name: "rebuild_mail_sni_config", Feature: installs, Effect: api.Write, Run: api.Run(rebuildMailSNI), Doc: "Write anew which certificates mail is served under. There is nothing to write."},
}

// errNoMailSNI is the answer to who changes which certificates mail is served under.
var errNoMailSNI = latchkey.Errorf(latchkey.RoleOff, "Mail is not served under the certificates of web sites on this server: mail programs get the server’s own certificate.")

type enabled struct {
	Enabled bool `json:"enabled"`
}

type mailDomainParams struct {
	Domain hosting.HostParam `param:"domain" doc:"The domain."`
}

// UAPI: SSL::mail_sni_status.
func mailSNI(ctx context.Context, acct hosting.Account, p mailDomainParams) (enabled, error) {
	sites, err := acct.Certificates().Sites(ctx)
	if err == nil {
		_, err = hosting.FindSite(sites, p.Domain.Domain)
	}
	return enabled{}, err
}

type mailDomainsParams struct {
	Domains hostList `param:"domains" doc:"The domains, with bars between them."`
}

// UAPI: SSL::enable_mail_sni and SSL::disable_mail_sni.
func changeMailSNI(context.Context, hosting.Account, mailDomainsParams) (api.Void, error) {
	return nil, errNoMailSNI
}

type rebuildMailParams struct {
	Reload bool `param:"reload_dovecot,optional" doc:"Accepted."`
}

// UAPI: SSL::rebuild_mail_sni_config.
func rebuildMailSNI(context.Context, hosting.Account, rebuildMailParams) (api.Void, error) {
	return nil, errNoMailSNI
}

// mailHostFuncs are the same for the administrator.
var mailHostFuncs = []api.Func[hosting.Host]{
	{Name: "is_sni_supported", Privilege: latchkey.PrivilegeBasic, Run: api.Run(hostSNI), Doc: "Tell whether each web site can have a certificate of its own."},
	{Name: "mail_sni_status", Privilege: latchkey.PrivilegeSSLInfo, Run: api.Run(hostMailSNI), Doc: "Tell whether a domain's mail is served under the certificate of its web site. It is not."},
	{Name: "enable_mail_sni", Privilege: latchkey.PrivilegeSSL, Effect: api.Write, Run: api.Run(changeHostMailSNI), Doc: "Serve mail under the certificates of web sites. This server cannot, and says so."},
	{Name: "disable_mail_sni", Privilege: latchkey.PrivilegeSSL, Effect: api.Write, Run: api.Run(changeHostMailSNI), Doc: "Serve mail under the server's certificate alone. It is so, and cannot be changed."},
	{Name: "rebuild_mail_sni_config", Privilege: latchkey.PrivilegeSSL, Effect: api.Write, Run: api.Run(rebuildHostMailSNI), Doc: "Write anew which certificates mail is served under. There is nothing to write."},
}

type sni struct {
	SNI bool `json:"sni"`
}

// WHM API 1: is_sni_supported.
func hostSNI(_ context.Context, h hosting.Host, _ api.None) (sni, error) {
	return sni{h.Server().Web}, nil
}

// WHM API 1: mail_sni_status.
func hostMailSNI(ctx context.Context, h hosting.Host, p mailDomainParams) (enabled, error) {
	_, err := ownerOfSite(ctx, h, p.Domain.Domain)
	return enabled{}, err
}

type mailHostParams struct {
	Domains []hosting.HostParam `param:"domain,optional" doc:"The domains: domain, domain-1 and so on."`
}

// WHM API 1: enable_mail_sni and disable_mail_sni.
func changeHostMailSNI(context.Context, hosting.Host, mailHostParams) (api.Void, error) {
	return nil, errNoMailSNI
}

// WHM API 1: rebuild_mail_sni_config.
func rebuildHostMailSNI(context.Context, hosting.Host, rebuildMailParams) (api.Void, error) {
	return nil, errNoMailSNI
}
