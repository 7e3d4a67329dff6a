package ssl

import (
	"cmp"
	"context"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// The functions of API 2 say how it went in a text.

type output struct {
	Output string `json:"output"`
	Result bool   `json:"result"`
}

// said is how a call went that was as it must be; what may not be asked for is an
// error of the call.
func said(text string, err error) (api.Answer, error) {
	if err == nil {
		return api.Answer{Data: []output{{text, true}}}, nil
	}
	switch latchkey.KindOf(err) {
	case latchkey.Invalid, latchkey.NotFound, latchkey.Exists, latchkey.Limit, latchkey.Unavailable:
		text = latchkey.AsError(err).Msg
		return api.Answer{Data: []output{{text, false}}, Errors: []string{text}}, nil
	}
	return api.Answer{}, err
}

type installOldParams struct {
	Domain hosting.HostParam `param:"domain" doc:"A domain of the web site."`
	Text   string            `param:"crt" doc:"The certificate, in the PEM format."`
	Key    latchkey.Secret   `param:"key,optional" doc:"Its private key; without it one of those that are kept."`
	Bundle string            `param:"cabundle,optional" doc:"The certificates above it."`
	CAB    string            `param:"cab,optional" doc:"The same."`
}

// API 2: SSL::installssl.
func installOld(ctx context.Context, acct hosting.Account, p installOldParams) (api.Answer, error) {
	i, err := Install(ctx, acct, p.Domain.Domain, p.Text, p.Key, cmp.Or(p.Bundle, p.CAB))
	return said(i.Message, err)
}

type uploadOldParams struct {
	Text string `param:"crt" doc:"The certificate, in the PEM format."`
	Host string `param:"host,optional" doc:"Accepted: the certificate says itself what it is for."`
}

// API 2: SSL::uploadcrt.
func uploadCertificateOld(ctx context.Context, acct hosting.Account, p uploadOldParams) (api.Answer, error) {
	_, err := uploadCertificate(ctx, acct, uploadParams{Text: p.Text})
	return said("The certificate is kept.", err)
}

type uploadKeyOldParams struct {
	Key  latchkey.Secret `param:"key" doc:"The private key, in the PEM format and without a passphrase."`
	Host string          `param:"host,optional" doc:"Accepted: a key is for the hosts of what is made with it."`
}

// API 2: SSL::uploadkey.
func uploadKeyOld(ctx context.Context, acct hosting.Account, p uploadKeyOldParams) (api.Answer, error) {
	_, err := uploadKey(ctx, acct, uploadKeyParams{Key: p.Key})
	return said("The private key is kept.", err)
}

type listedOld struct {
	Ends   string `json:"expiredate"`
	Host   string `json:"host"`
	Issuer string `json:"issuer"`
	Text   string `json:"ssltxt"`
}

// API 2: SSL::listcrts.
func listCertificatesOld(ctx context.Context, acct hosting.Account, _ api.None) ([]listedOld, error) {
	list, err := acct.Certificates().Certificates(ctx)
	all := []listedOld{}
	for _, k := range list {
		for _, name := range k.Names() {
			all = append(all, listedOld{k.NotAfter.UTC().Format("Jan _2 15:04:05 2006 GMT"), name, k.Certificate.Issuer.String(), described(k.Certificate)})
		}
	}
	return all, err
}

type hostOld struct {
	Host string `json:"host"`
	Type string `json:"type,omitempty"`
}

// hostsOld are the hosts of items of one kind, each once.
func hostsOld(ctx context.Context, acct hosting.Account, p itemsParams, withType bool) ([]hostOld, error) {
	items, err := listItems(ctx, acct, p)
	seen, all := map[hostOld]bool{}, []hostOld{}
	for _, i := range items {
		one := hostOld{Host: i.Host}
		if withType {
			one.Type = i.Type
		}
		if !seen[one] {
			seen[one], all = true, append(all, one)
		}
	}
	return all, err
}

// API 2: SSL::listkeys.
func listKeysOld(ctx context.Context, acct hosting.Account, _ api.None) ([]hostOld, error) {
	return hostsOld(ctx, acct, itemsParams{Items: "key"}, false)
}

// API 2: SSL::listcsrs.
func listRequestsOld(ctx context.Context, acct hosting.Account, _ api.None) ([]hostOld, error) {
	return hostsOld(ctx, acct, itemsParams{Items: "csr"}, false)
}

// API 2: SSL::listsslitems.
func listItemsOld(ctx context.Context, acct hosting.Account, p itemsParams) ([]hostOld, error) {
	return hostsOld(ctx, acct, p, true)
}

type bundleOldParams struct {
	Text string `param:"crt" doc:"The certificate, in the PEM format."`
}

// API 2: SSL::fetchcabundle.
func bundleOfOld(ctx context.Context, acct hosting.Account, p bundleOldParams) (any, error) {
	b, err := bundleOf(ctx, acct, bundleParams(p))
	if err != nil {
		return nil, about("crt", err)
	}
	return []bundle{b}, nil
}
