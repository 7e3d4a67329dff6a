package ssl

import (
	"context"
	"slices"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
)

// whole is a certificate with its private key and what is above it.
type whole struct {
	CAB           string                 `json:"cab"`
	Text          string                 `json:"crt"`
	Origin        latchkey.AccountName   `json:"crt_origin"`
	Domain        string                 `json:"domain"`
	IP            string                 `json:"ip"`
	Key           string                 `json:"key"`
	KeyOrigin     latchkey.AccountName   `json:"key_origin"`
	SearchedUsers []latchkey.AccountName `json:"searched_users"`
	Status        bool                   `json:"status"`
	Message       string                 `json:"statusmsg"`
	User          latchkey.AccountName   `json:"user"`
}

func wholeOf(ctx context.Context, acct hosting.Account, domain string, c *pki.Certificate, with pki.Chain) (whole, error) {
	key, err := acct.Certificates().PrivateKey(ctx, c.Public.ID())
	if err != nil && latchkey.KindOf(err) != latchkey.NotFound {
		return whole{}, err
	}
	chain, err := above(ctx, acct, c, with)
	user := acct.Caller().Name
	w := whole{
		CAB: chain.PEM(), Text: c.PEM(), Origin: user, Domain: domain, IP: acct.Server().IP, Key: key.Reveal(),
		SearchedUsers: []latchkey.AccountName{user}, Status: true, Message: "ok", User: user,
	}
	if w.Key != "" {
		w.KeyOrigin = user
	}
	return w, err
}

type domainParams struct {
	Domain hosting.HostParam `param:"domain" doc:"The domain."`
}

// UAPI: SSL::fetch_best_for_domain. The best is one that can be installed now: of
// an authority rather than its own, and then the one that ends last.
func bestForDomain(ctx context.Context, acct hosting.Account, p domainParams) (whole, error) {
	best, err := best(ctx, acct, p.Domain.Domain)
	if err != nil {
		return whole{}, err
	}
	return wholeOf(ctx, acct, string(p.Domain.Domain), best.Certificate, best.Chain)
}

func best(ctx context.Context, acct hosting.Account, domain latchkey.Domain) (hosting.KeptCertificate, error) {
	var best hosting.KeptCertificate
	list, err := acct.Certificates().Certificates(ctx)
	if err != nil {
		return best, err
	}
	rank := func(k hosting.KeptCertificate) [3]int64 {
		r := [3]int64{0, 0, k.NotAfter.Unix()}
		if _, err := acct.Certificates().PrivateKey(ctx, k.Certificate.Public.ID()); err == nil {
			r[0] = 1
		}
		if !k.SelfSigned() {
			r[1] = 1
		}
		return r
	}
	var high [3]int64
	for _, k := range list {
		if k.Covers(domain) && k.CheckTime(acct.At()) == nil {
			if r := rank(k); best.Certificate == nil || slices.Compare(high[:], r[:]) < 0 {
				best, high = k, r
			}
		}
	}
	if best.Certificate == nil {
		return best, &latchkey.Error{Kind: latchkey.NotFound, Param: "domain", Msg: "There is no valid certificate for the domain “" + string(domain) + "”: upload one, or have one made."}
	}
	return best, nil
}

type namesParams struct {
	Domains hostList `param:"domains" doc:"The domains, with commas between them."`
}

// signedWithKey is a certificate with its private key and what is above it.
type signedWithKey struct {
	CAB   string `json:"cab"`
	Text  string `json:"crt"`
	Key   string `json:"key"`
	Error string `json:"verify_error"`
	signedRow
}

// UAPI: SSL::fetch_certificates_for_fqdns.
func certificatesForNames(ctx context.Context, acct hosting.Account, p namesParams) ([]signedWithKey, error) {
	list, err := acct.Certificates().Certificates(ctx)
	if err != nil {
		return nil, err
	}
	all := []signedWithKey{}
	for _, k := range list {
		if !coversAny(k.Certificate, p.Domains) {
			continue
		}
		w, err := wholeOf(ctx, acct, "", k.Certificate, k.Chain)
		if err != nil {
			return nil, err
		}
		row, err := rowsOf(ctx, acct, k)
		if err != nil {
			return nil, err
		}
		all = append(all, signedWithKey{w.CAB, w.Text, w.Key, notTrusted(acct, k.Certificate), row[0]})
	}
	return all, nil
}

func coversAny(c *pki.Certificate, names []string) bool {
	for _, n := range names {
		if c.Covers(latchkey.Domain(n)) {
			return true
		}
	}
	return false
}

// notTrusted says why nobody would trust in a certificate, as far as it can be seen
// from here; "" for none.
func notTrusted(acct hosting.Account, c *pki.Certificate) string {
	if c.SelfSigned() {
		return "self-signed certificate"
	}
	if err := c.CheckTime(acct.At()); err != nil {
		return latchkey.AsError(err).Msg
	}
	return ""
}

type info struct {
	CABundle   *string `json:"cabundle"`
	Text       string  `json:"certificate"`
	SelfSigned bool    `json:"is_self_signed"`
	Key        string  `json:"key"`
	Subject    string  `json:"subject.commonName_ip"`
}

// UAPI: SSL::fetch_cert_info.
func certificateInfo(ctx context.Context, acct hosting.Account, p picked) (info, error) {
	k, err := p.certificate(ctx, acct)
	if err != nil {
		return info{}, err
	}
	w, err := wholeOf(ctx, acct, "", k.Certificate, k.Chain)
	return info{textOrNull(w.CAB), w.Text, k.SelfSigned(), w.Key, k.Subject.CommonName}, err
}

type certificateParams struct {
	Text string `param:"certificate" doc:"The certificate, in the PEM format."`
}

// UAPI: SSL::fetch_key_and_cabundle_for_certificate.
func keyForCertificate(ctx context.Context, acct hosting.Account, p certificateParams) (whole, error) {
	c, with, err := pki.ParseCertificate(p.Text)
	if err != nil {
		return whole{}, about("certificate", err)
	}
	w, err := wholeOf(ctx, acct, first(c.Names()), c, with)
	if err == nil && w.Key == "" {
		err = hosting.NotKept(hosting.Keys)
	}
	return w, err
}
