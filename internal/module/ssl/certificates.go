package ssl

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
)

// rowsOf are certificates as lists have them.
func rowsOf(ctx context.Context, acct hosting.Account, list ...hosting.KeptCertificate) ([]signedRow, error) {
	sites, err := acct.Certificates().Sites(ctx)
	return rows(list, func(k hosting.KeptCertificate) signedRow { return rowOfCertificate(k, sites) }), err
}

type signedWithText struct {
	signedRow
	Text string `json:"text"`
}

// UAPI: SSL::generate_cert.
func generateCertificate(ctx context.Context, acct hosting.Account, p subjectParams) (signedWithText, error) {
	k, err := acct.Certificates().SelfSign(ctx, p.Key, p.Name, p.subject())
	if err != nil {
		return signedWithText{}, err
	}
	list, err := rowsOf(ctx, acct, k)
	if err != nil {
		return signedWithText{}, err
	}
	return signedWithText{list[0], k.PEM()}, nil
}

type uploadParams struct {
	Text string `param:"crt" doc:"The certificate, in the PEM format; others after it are those above it."`
	Name string `param:"friendly_name,optional" doc:"Its name; without one it is named for its first domain."`
}

// UAPI: SSL::upload_cert.
func uploadCertificate(ctx context.Context, acct hosting.Account, p uploadParams) ([]signedRow, error) {
	c, chain, err := pki.ParseCertificate(p.Text)
	if err != nil {
		return nil, about("crt", err)
	}
	k, err := acct.Certificates().AddCertificate(ctx, p.Name, c, chain)
	if err != nil {
		return nil, err
	}
	return rowsOf(ctx, acct, k)
}

// UAPI: SSL::list_certs.
func listCertificates(ctx context.Context, acct hosting.Account, _ api.None) ([]signedRow, error) {
	list, err := acct.Certificates().Certificates(ctx)
	if err != nil {
		return nil, err
	}
	return rowsOf(ctx, acct, list...)
}

// certificate is the one that is meant.
func (p picked) certificate(ctx context.Context, acct hosting.Account) (hosting.KeptCertificate, error) {
	list, err := acct.Certificates().Certificates(ctx)
	if err != nil {
		return hosting.KeptCertificate{}, err
	}
	return pick(p, hosting.Signed, list, func(k hosting.KeptCertificate) hosting.Kept { return k.Kept })
}

type signedShown struct {
	Text    string        `json:"cert"`
	Details signedDetails `json:"details"`
	Words   string        `json:"text"`
}

type signedDetails struct {
	Created time.Time         `json:"created"`
	Name    string            `json:"friendly_name"`
	Issuer  map[string]string `json:"issuer"`
	Subject map[string]string `json:"subject"`
	Certificate
}

// UAPI: SSL::show_cert.
func showCertificate(ctx context.Context, acct hosting.Account, p picked) (signedShown, error) {
	k, err := p.certificate(ctx, acct)
	if err != nil {
		return signedShown{}, err
	}
	return signedShown{Text: k.PEM(), Words: described(k.Certificate), Details: signedDetails{
		Created: k.Created, Name: k.Kept.Name, Issuer: nameParts(k.Certificate.Issuer), Subject: nameParts(k.Certificate.Subject), Certificate: Describe(k.Certificate),
	}}, nil
}

// UAPI: SSL::delete_cert.
func deleteCertificate(ctx context.Context, acct hosting.Account, p picked) ([]signedRow, error) {
	k, err := p.certificate(ctx, acct)
	if err != nil {
		return nil, err
	}
	list, err := rowsOf(ctx, acct, k)
	if err == nil {
		err = acct.Certificates().Remove(ctx, hosting.Signed, k.Kept.ID)
	}
	if err != nil {
		return nil, err
	}
	return list, nil
}

// UAPI: SSL::set_cert_friendly_name.
func renameCertificate(ctx context.Context, acct hosting.Account, p renameParams) (struct{}, error) {
	k, err := p.certificate(ctx, acct)
	if err == nil {
		err = acct.Certificates().Rename(ctx, hosting.Signed, k.Kept.ID, p.NewName)
	}
	return struct{}{}, err
}

// above are the certificates above c among all that the account has, beside those
// that are given with it.
func above(ctx context.Context, acct hosting.Account, c *pki.Certificate, with pki.Chain) (pki.Chain, error) {
	if found := c.Above(with); len(found) > 0 {
		return found, nil
	}
	list, err := acct.Certificates().Certificates(ctx)
	if err != nil {
		return nil, err
	}
	sites, err := acct.Certificates().Sites(ctx)
	if err != nil {
		return nil, err
	}
	var pool pki.Chain
	for i := range list {
		pool = append(pool, list[i].Chain...)
	}
	for i := range sites {
		pool = append(pool, sites[i].Chain...)
	}
	return c.Above(pool), nil
}

type bundleParams struct {
	Text string `param:"cert" doc:"The certificate, in the PEM format."`
}

type bundle struct {
	Bundle string `json:"bundle"`
	CAB    string `json:"cab"`
	Domain string `json:"domain"`
}

// UAPI: SSL::get_cabundle.
func bundleOf(ctx context.Context, acct hosting.Account, p bundleParams) (bundle, error) {
	c, with, err := pki.ParseCertificate(p.Text)
	if err != nil {
		return bundle{}, about("cert", err)
	}
	chain, err := above(ctx, acct, c, with)
	if err == nil && len(chain) == 0 && !c.SelfSigned() {
		err = &latchkey.Error{Kind: latchkey.NotFound, Param: "cert", Msg: "The account has no certificate of the authority “" + c.Issuer.CommonName + "”: get its CA bundle from there."}
	}
	return bundle{chain.PEM(), chain.PEM(), first(c.Names())}, err
}

type itemsParams struct {
	Domains hostList `param:"domains,optional" doc:"The domains, with commas or bars between them; all without."`
	Items   string   `param:"item,optional" doc:"What to list, with bars between the words: key, csr, crt; all without."`
	Old     string   `param:"items,optional" doc:"The same."`
}

type item struct {
	Host string `json:"host"`
	ID   string `json:"id"`
	Type string `json:"type"`
}

// wants reports whether an item is asked for.
func (p *itemsParams) wants(kind, host string) bool {
	words := strings.FieldsFunc(p.Items+"|"+p.Old, func(r rune) bool { return r == '|' || r == ',' })
	return (len(words) == 0 || slices.Contains(words, kind)) && (len(p.Domains) == 0 || slices.Contains(p.Domains, host))
}

// UAPI: SSL::list_ssl_items. A key is for the hosts of what was made with it.
func listItems(ctx context.Context, acct hosting.Account, p itemsParams) ([]item, error) {
	all := []item{}
	add := func(kind, id string, hosts []string) {
		for _, h := range hosts {
			if one := (item{h, id, kind}); p.wants(kind, h) && !slices.Contains(all, one) {
				all = append(all, one)
			}
		}
	}
	keys, err := acct.Certificates().Keys(ctx)
	if err != nil {
		return nil, err
	}
	requests, err := acct.Certificates().Requests(ctx)
	if err != nil {
		return nil, err
	}
	list, err := acct.Certificates().Certificates(ctx)
	for _, k := range keys {
		for _, r := range requests {
			if r.Request.Public.Same(k.Public) {
				add("key", k.ID, r.Names())
			}
		}
		for _, c := range list {
			if c.Certificate.Public.Same(k.Public) {
				add("key", k.ID, c.Names())
			}
		}
	}
	for _, r := range requests {
		add("csr", r.Kept.ID, r.Names())
	}
	for _, c := range list {
		add("crt", c.Kept.ID, c.Names())
	}
	return all, err
}
