// Package ssl is the module SSL: the account's private keys, certificate signing
// requests and certificates, and what its sites are served under. Answers that
// hold a private key come from functions that take a grant without conditions.
package ssl

import (
	"context"
	"slices"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

const (
	keeps    = latchkey.FeatureSSLManager
	installs = latchkey.FeatureSSLInstall
)

// Module is the module SSL. What is read there and yet is of the class RW is so
// in the public tables.
var Module = api.Module[hosting.Account]{
	Name: "SSL",
	Doc:  "The account's private keys and certificates, and what its web sites are served under.",
	Funcs: slices.Concat([]api.Func[hosting.Account]{
		{Name: "generate_key", Feature: keeps, Effect: api.Write, Run: api.Run(generateKey), Doc: "Make a private key."},
		{Name: "upload_key", Feature: keeps, Effect: api.Write, Run: api.Run(uploadKey), Doc: "Keep a private key."},
		{Name: "list_keys", Feature: keeps, Scope: api.Things, Run: api.Run(listKeys), Doc: "List the private keys, without what is private."},
		{Name: "show_key", Feature: keeps, Effect: api.Write, Run: api.Run(showKey), Doc: "Show a private key."},
		{Name: "delete_key", Feature: keeps, Effect: api.Write, Scope: api.Things, Run: api.Run(deleteKey), Doc: "Delete a private key. What is installed stays so."},
		{Name: "set_key_friendly_name", Feature: keeps, Effect: api.Write, Scope: api.Things, Run: api.Run(renameKey), Doc: "Give a private key another name."},
		{Name: "find_certificates_for_key", Feature: keeps, Effect: api.Write, Scope: api.Things, Run: api.Run(certificatesForKey), Doc: "List the certificates that a private key belongs to."},
		{Name: "find_csrs_for_key", Feature: keeps, Effect: api.Write, Scope: api.Things, Run: api.Run(requestsForKey), Doc: "List the certificate signing requests that were made with a private key."},
		{Name: "set_default_key_type", Feature: keeps, Effect: api.Write, Run: api.Run(setKeyType), Doc: "Choose which type new private keys have."},

		{Name: "generate_csr", Feature: keeps, Effect: api.Write, Scope: api.Things, Run: api.Run(generateRequest), Doc: "Make a certificate signing request."},
		{Name: "list_csrs", Feature: keeps, Scope: api.Things, Run: api.Run(listRequests), Doc: "List the certificate signing requests."},
		{Name: "show_csr", Feature: keeps, Effect: api.Write, Scope: api.Things, Run: api.Run(showRequest), Doc: "Show a certificate signing request."},
		{Name: "delete_csr", Feature: keeps, Effect: api.Write, Scope: api.Things, Run: api.Run(deleteRequest), Doc: "Delete a certificate signing request."},
		{Name: "set_csr_friendly_name", Feature: keeps, Effect: api.Write, Scope: api.Things, Run: api.Run(renameRequest), Doc: "Give a certificate signing request another name."},

		{Name: "generate_cert", Feature: keeps, Effect: api.Write, Scope: api.Things, Run: api.Run(generateCertificate), Doc: "Make a certificate that is signed with its own key."},
		{Name: "upload_cert", Feature: keeps, Effect: api.Write, Scope: api.Things, Run: api.Run(uploadCertificate), Doc: "Keep a certificate."},
		{Name: "list_certs", Feature: keeps, Scope: api.Things, Run: api.Run(listCertificates), Doc: "List the certificates."},
		{Name: "show_cert", Feature: keeps, Effect: api.Write, Scope: api.Things, Run: api.Run(showCertificate), Doc: "Show a certificate."},
		{Name: "delete_cert", Feature: keeps, Effect: api.Write, Scope: api.Things, Run: api.Run(deleteCertificate), Doc: "Delete a certificate. What is installed stays so."},
		{Name: "set_cert_friendly_name", Feature: keeps, Effect: api.Write, Scope: api.Things, Run: api.Run(renameCertificate), Doc: "Give a certificate another name."},
		{Name: "get_cabundle", Feature: keeps, Scope: api.Things, Run: api.Run(bundleOf), Doc: "Find the certificates above one among those that the account has."},
		{Name: "list_ssl_items", Feature: keeps, Scope: api.Things, Run: api.Run(listItems), Doc: "List what there is for domains."},
		{Name: "fetch_best_for_domain", Feature: keeps, Effect: api.Write, Run: api.Run(bestForDomain), Doc: "Show the best certificate for a domain, with its private key."},
		{Name: "fetch_certificates_for_fqdns", Feature: keeps, Effect: api.Write, Run: api.Run(certificatesForNames), Doc: "Show the certificates for domains, with their private keys."},
		{Name: "fetch_cert_info", Feature: keeps, Effect: api.Write, Run: api.Run(certificateInfo), Doc: "Show a certificate with its private key."},
		{Name: "fetch_key_and_cabundle_for_certificate", Feature: keeps, Effect: api.Write, Run: api.Run(keyForCertificate), Doc: "Show the private key of a certificate, and the certificates above it."},

		{Name: "install_ssl", Feature: installs, Role: api.WebServer, Effect: api.Write, Scope: api.Things, Run: api.Run(install), Doc: "Serve a web site under a certificate."},
		{Name: "delete_ssl", Feature: installs, Role: api.WebServer, Effect: api.Write, Scope: api.Things, Run: api.Run(uninstall), Doc: "Serve a web site under no certificate of its own."},
		{Name: "installed_host", Feature: installs, Scope: api.Things, Run: api.Run(installedHost), Doc: "Show the certificate that a web site is served under."},
		{Name: "installed_hosts", Feature: installs, Scope: api.Things, Run: api.Run(installedHosts), Doc: "List the web sites that are served under a certificate of their own."},
		{Name: "toggle_ssl_redirect_for_domains", Feature: installs, Role: api.WebServer, Effect: api.Write, Scope: api.Things, Run: api.Run(toggleRedirect), Doc: "Send visitors of web sites to TLS, or no longer."},
		{Name: "can_ssl_redirect", Run: api.Run(canRedirect), Doc: "Tell whether visitors can be sent to TLS."},
		{Name: "is_sni_supported", Run: api.Run(canRedirect), Doc: "Tell whether each web site can have a certificate of its own."},
		{Name: "is_mail_sni_supported", Run: api.Run(never), Doc: "Tell whether mail can be fetched under the certificates of web sites. It cannot."},
		{Name: "check_shared_cert", Run: api.Run(never), Doc: "Tell whether web sites share a certificate of the server's. They do not."},

		{Name: "installssl", OnlyAPI2: true, Feature: installs, Role: api.WebServer, Effect: api.Write, Scope: api.Things, Run: api.Run(installOld), Doc: "Serve a web site under a certificate."},
		{Name: "uploadcrt", OnlyAPI2: true, Feature: keeps, Effect: api.Write, Scope: api.Things, Run: api.Run(uploadCertificateOld), Doc: "Keep a certificate."},
		{Name: "uploadkey", OnlyAPI2: true, Feature: keeps, Effect: api.Write, Run: api.Run(uploadKeyOld), Doc: "Keep a private key."},
		{Name: "listcrts", OnlyAPI2: true, Feature: keeps, Scope: api.Things, Run: api.Run(listCertificatesOld), Doc: "List the certificates, by host."},
		{Name: "listkeys", OnlyAPI2: true, Feature: keeps, Scope: api.Things, Run: api.Run(listKeysOld), Doc: "List the hosts that there are private keys for."},
		{Name: "listcsrs", OnlyAPI2: true, Feature: keeps, Scope: api.Things, Run: api.Run(listRequestsOld), Doc: "List the hosts that there are certificate signing requests for."},
		{Name: "listsslitems", OnlyAPI2: true, Feature: keeps, Scope: api.Things, Run: api.Run(listItemsOld), Doc: "List what there is for domains."},
		{Name: "fetchcabundle", OnlyAPI2: true, Feature: keeps, Scope: api.Things, Run: api.Run(bundleOfOld), Doc: "Find the certificates above one among those that the account has."},
		{Name: "get_cn_name", Run: api.Run(serviceName), Doc: "Tell by which name a service is best reached."},
		{Name: "rebuildssldb", Feature: keeps, Effect: api.Write, Run: api.Run(rereadOwn), Doc: "Read all that is kept, and fail if something cannot be read."},
		{Name: "set_primary_ssl", Feature: installs, Role: api.WebServer, Effect: api.Write, Run: api.Run(setPrimary), Doc: "Say which web site is shown to who names none. No address is an account's own here."},
	}, oldMakers, mailFuncs, autoSSLFuncs),
}

// UAPI: SSL::can_ssl_redirect and SSL::is_sni_supported.
func canRedirect(_ context.Context, acct hosting.Account, _ api.None) (bool, error) {
	return acct.Server().Web, nil
}

// UAPI: SSL::is_mail_sni_supported and SSL::check_shared_cert.
func never(context.Context, hosting.Account, api.None) (bool, error) { return false, nil }

type primaryParams struct {
	Name hosting.HostParam `param:"servername" doc:"The web site."`
}

// UAPI: SSL::set_primary_ssl.
func setPrimary(context.Context, hosting.Account, primaryParams) (api.Void, error) {
	return nil, latchkey.Errorf(latchkey.Unavailable, "The account has no address of its own: all web sites of this server share one, and who names none of them is shown none.")
}
