package ssl

import (
	"context"
	"slices"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
)

// Functions of the host whose answers hold private keys change nothing, and yet
// are of the class that a read-only token may not call.
var fetchFuncs = []api.Func[hosting.Host]{
	{Name: "fetchsslinfo", Privilege: latchkey.PrivilegeSSL, Effect: api.Write, Run: api.Run(hostInfo), Doc: "Show the best certificate for a domain, or the one given, with its private key."},
	{Name: "fetchcrtinfo", Privilege: latchkey.PrivilegeSSL, Effect: api.Write, Run: api.Run(hostCertificateInfo), Doc: "Show a certificate that an account keeps, with its private key."},
	{Name: "fetch_ssl_certificates_for_fqdns", Privilege: latchkey.PrivilegeSSL, Effect: api.Write, Run: api.Run(hostCertificatesForNames), Doc: "Show the certificates that accounts keep for domains, with their private keys."},
	{Name: "fetch_vhost_ssl_components", Privilege: latchkey.PrivilegeSSL, Effect: api.Write, Run: api.Run(hostComponents), Doc: "Show what web sites are served under: certificates, those above them and private keys."},
	{Name: "enqueue_deferred_ssl_installations", Privilege: latchkey.PrivilegeSSL, Role: api.WebServer, Effect: api.Write, Run: api.Run(installSeveral), Doc: "Serve several web sites under certificates. They are when the call returns."},
	{Name: "generatessl", Privilege: latchkey.PrivilegeSSLGenerate, Effect: api.Write, Run: api.Run(hostGenerate), Reason: "Key, Certificate, and CSR generated OK", Doc: "Make a private key, a certificate signing request and a certificate signed with the key. They are not kept."},
	{Name: "rebuildinstalledssldb", Privilege: latchkey.PrivilegeSSL, Effect: api.Write, Run: api.Run(nothingToRebuild), Doc: "Do nothing: there is no second list of what is installed."},
	{Name: "rebuilduserssldb", Privilege: latchkey.PrivilegeSSL, Effect: api.Write, Run: api.Run(rereadAll), Doc: "Read all that accounts keep, and fail if something cannot be read."},
}

type hostInfoParams struct {
	Domain hosting.HostParam `param:"domain,optional" doc:"The domain that the best certificate is wanted for."`
	Text   string            `param:"crtdata,optional" doc:"The certificate whose key is wanted instead, in the PEM format."`
}

// WHM API 1: fetchsslinfo.
func hostInfo(ctx context.Context, h hosting.Host, p hostInfoParams) (whole, error) {
	switch {
	case p.Text != "":
		return hostKey(ctx, h, p.Text)
	case p.Domain.Domain == "":
		return whole{}, &latchkey.Error{Kind: latchkey.Missing, Param: "domain"}
	}
	acct, err := ownerOfSite(ctx, h, p.Domain.Domain)
	if err != nil {
		return whole{}, err
	}
	return bestForDomain(ctx, acct, domainParams{p.Domain})
}

// hostKey finds the key of a certificate with the accounts whose names it has.
func hostKey(ctx context.Context, h hosting.Host, text string) (whole, error) {
	c, _, err := pki.ParseCertificate(text)
	if err != nil {
		return whole{}, about("crtdata", err)
	}
	for _, name := range c.Names() {
		acct, err := ownerOfSite(ctx, h, latchkey.Domain(name))
		if latchkey.KindOf(err) == latchkey.NotFound && err != nil {
			continue
		}
		if err != nil {
			return whole{}, err
		}
		w, err := keyForCertificate(ctx, acct, certificateParams{text})
		if err == nil || latchkey.KindOf(err) != latchkey.NotFound {
			return w, err
		}
	}
	return whole{}, hosting.NotKept(hosting.Keys)
}

type hostCertificateParams struct {
	ID   string               `param:"id" doc:"The ID of the certificate."`
	User hosting.AccountParam `param:"user" doc:"The account."`
}

// WHM API 1: fetchcrtinfo.
func hostCertificateInfo(ctx context.Context, h hosting.Host, p hostCertificateParams) (info, error) {
	acct, err := h.As(ctx, p.User.Name)
	if err != nil {
		return info{}, err
	}
	return certificateInfo(ctx, acct, picked{ID: p.ID})
}

// signedOfUsers is a certificate with its private key, and whose it is.
type signedOfUsers struct {
	signedWithKey
	Users []latchkey.AccountName `json:"users"`
}

type signedOfUsersList struct {
	Payload []signedOfUsers `json:"payload"`
}

// WHM API 1: fetch_ssl_certificates_for_fqdns. One that several accounts keep is
// listed once.
func hostCertificatesForNames(ctx context.Context, h hosting.Host, p namesParams) (signedOfUsersList, error) {
	list := signedOfUsersList{[]signedOfUsers{}}
	at := make(map[string]int)
	err := eachAccount(ctx, h, func(a latchkey.Account, acct hosting.Account) error {
		found, err := certificatesForNames(ctx, acct, p)
		for _, c := range found {
			i, known := at[c.ID]
			if !known {
				i = len(list.Payload)
				at[c.ID] = i
				list.Payload = append(list.Payload, signedOfUsers{signedWithKey: c})
			}
			list.Payload[i].Users = append(list.Payload[i].Users, a.Name)
		}
		return err
	})
	return list, err
}

// component is what a web site is served under.
type component struct {
	CAB       *string         `json:"cabundle"`
	CABID     *string         `json:"cabundle_id"`
	Text      string          `json:"certificate"`
	TextID    string          `json:"certificate_id"`
	Key       *string         `json:"key"`
	KeyID     string          `json:"key_id"`
	ServeName latchkey.Domain `json:"servername"`
}

type componentList struct {
	Components []component `json:"components"`
}

// WHM API 1: fetch_vhost_ssl_components.
func hostComponents(ctx context.Context, h hosting.Host, _ api.None) (componentList, error) {
	list := componentList{[]component{}}
	err := eachSecured(ctx, h, func(_ *latchkey.Account, acct hosting.Account, s *hosting.Site) error {
		c, err := componentOf(ctx, acct, s)
		list.Components = append(list.Components, c)
		return err
	})
	return list, err
}

// componentOf is what a site is served under. A key that the account has deleted
// since is null: what is served by it goes on.
func componentOf(ctx context.Context, acct hosting.Account, s *hosting.Site) (component, error) {
	c := component{CAB: textOrNull(s.Chain.PEM()), Text: s.Certificate.PEM(), TextID: s.Certificate.ID(), KeyID: s.KeyID, ServeName: s.Name}
	if c.CAB != nil {
		above, _, err := pki.ParseCertificate(*c.CAB)
		if err != nil {
			return c, err
		}
		c.CABID = textOrNull(above.ID())
	}
	key, err := acct.Certificates().PrivateKey(ctx, s.KeyID)
	if err != nil && latchkey.KindOf(err) == latchkey.NotFound {
		return c, nil
	}
	c.Key = textOrNull(key.Reveal())
	return c, err
}

type severalParams struct {
	Users []hosting.AccountParam `param:"username" doc:"The accounts: username, username-1 and so on."`
	Hosts []hosting.HostParam    `param:"vhost_name" doc:"The web sites, in the same order."`
	Texts []string               `param:"crt" doc:"The certificates, in the same order."`
	Keys  []latchkey.Secret      `param:"key" doc:"Their private keys, in the same order."`
	CABs  []string               `param:"cab,optional" doc:"The certificates above them, in the same order; empty for those that are found."`
}

// WHM API 1: enqueue_deferred_ssl_installations.
func installSeveral(ctx context.Context, h hosting.Host, p severalParams) (api.Void, error) {
	n := len(p.Hosts)
	if len(p.Users) != n || len(p.Texts) != n || len(p.Keys) != n || len(p.CABs) != n && len(p.CABs) != 0 {
		return nil, latchkey.InvalidParam("vhost_name", "Give as many of each of the arguments “username”, “vhost_name”, “crt”, “key” and “cab”.")
	}
	p.CABs = slices.Grow(p.CABs, n)[:n]
	for i := range n {
		acct, err := h.As(ctx, p.Users[i].Name)
		if err == nil {
			_, err = Install(ctx, acct, p.Hosts[i].Domain, p.Texts[i], p.Keys[i], p.CABs[i])
		}
		if e := latchkey.AsError(err); e != nil && e.Msg != "" {
			told := *e
			told.Msg = "The web site “" + string(p.Hosts[i].Domain) + "”: " + e.Msg
			if i > 0 {
				told.Msg += " Those before it are served under theirs."
			}
			return nil, &told
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}

type hostGenerateParams struct {
	Domains  hostList        `param:"domains" doc:"The domains, with commas between them."`
	Country  string          `param:"countryName,optional" doc:"The country, by its code of two letters."`
	State    string          `param:"stateOrProvinceName,optional" doc:"The state or province."`
	Locality string          `param:"localityName,optional" doc:"The town."`
	Company  string          `param:"organizationName,optional" doc:"The organization."`
	Unit     string          `param:"organizationalUnitName,optional" doc:"The part of it."`
	Mail     string          `param:"emailAddress,optional" doc:"An email address."`
	Size     int             `param:"keysize,optional" doc:"The size of the RSA key in bits: 2048 or 4096; 2048 without."`
	Pass     latchkey.Secret `param:"pass,optional" doc:"Accepted: a request here has no passphrase."`
	Skip     bool            `param:"skip_certificate,optional" doc:"1 for no certificate."`
}

type hostGenerated struct {
	Text      string               `json:"cert,omitempty"`
	TextID    string               `json:"cert_id,omitempty"`
	Request   string               `json:"csr"`
	RequestID string               `json:"csr_id"`
	Key       string               `json:"key"`
	KeyID     string               `json:"key_id"`
	Sender    latchkey.AccountName `json:"sender"`
	Host      string               `json:"sender_host"`
}

// WHM API 1: generatessl.
func hostGenerate(ctx context.Context, h hosting.Host, p hostGenerateParams) (api.Answer, error) {
	kind, err := sized(p.Size)
	if err != nil {
		return api.Answer{}, err
	}
	k, err := pki.NewKey(kind)
	if err != nil {
		return api.Answer{}, err
	}
	who := pki.Subject{Names: p.Domains, Country: p.Country, State: p.State, Locality: p.Locality, Organization: p.Company, Unit: p.Unit, Mail: p.Mail}
	r, err := pki.NewRequest(k, who)
	if err != nil {
		return api.Answer{}, err
	}
	made := hostGenerated{Request: r.PEM(), RequestID: r.ID(), Key: k.PEM().Reveal(), KeyID: k.ID(), Sender: h.Caller().Name, Host: h.Server().Hostname}
	if !p.Skip {
		c, err := pki.SelfSign(k, who, h.At())
		if err != nil {
			return api.Answer{}, err
		}
		made.Text, made.TextID = c.PEM(), c.ID()
	}
	return api.Answer{Data: made, Warnings: []string{"This server keeps nothing of what it has made: keep the private key."}}, nil
}

// WHM API 1: rebuildinstalledssldb.
func nothingToRebuild(context.Context, hosting.Host, api.None) (api.Void, error) { return nil, nil }

// WHM API 1: rebuilduserssldb.
func rereadAll(ctx context.Context, h hosting.Host, _ api.None) (api.Void, error) {
	return nil, eachAccount(ctx, h, func(_ latchkey.Account, acct hosting.Account) error { return reread(ctx, acct) })
}

// reread reads all that an account keeps.
func reread(ctx context.Context, acct hosting.Account) error {
	if _, err := acct.Certificates().Keys(ctx); err != nil {
		return err
	}
	if _, err := acct.Certificates().Requests(ctx); err != nil {
		return err
	}
	if _, err := acct.Certificates().Certificates(ctx); err != nil {
		return err
	}
	_, err := acct.Certificates().Sites(ctx)
	return err
}

// UAPI: SSL::rebuildssldb.
func rereadOwn(ctx context.Context, acct hosting.Account, _ api.None) (api.Void, error) {
	return nil, reread(ctx, acct)
}
