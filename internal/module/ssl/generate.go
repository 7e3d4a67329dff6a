package ssl

import (
	"cmp"
	"context"
	"fmt"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
)

// API 2 makes keys, requests and certificates for a host instead of a key: the
// host's key is the newest that something of its was made with, or that genkey has
// made for it.

var oldMakers = []api.Func[hosting.Account]{
	{Name: "genkey", OnlyAPI2: true, Feature: keeps, Effect: api.Write, Run: api.Run(generateKeyOld), Doc: "Make a private key for a host."},
	{Name: "gencsr", OnlyAPI2: true, Feature: keeps, Effect: api.Write, Run: api.Run(generateRequestOld), Doc: "Make a certificate signing request for a host, with its newest private key."},
	{Name: "gencrt", OnlyAPI2: true, Feature: keeps, Effect: api.Write, Run: api.Run(generateCertificateOld), Doc: "Make a certificate for a host that is signed with its own key."},
	{Name: "fetchinfo", OnlyAPI2: true, Feature: keeps, Effect: api.Write, Run: api.Run(bestForDomainOld), Doc: "Show the best certificate for a domain, with its private key."},
	{Name: "getcnname", OnlyAPI2: true, Run: api.Run(serviceNameOld), Doc: "Tell by which name a service is best reached."},
}

// Info is the module SSLInfo of API 2.
var Info = api.Module[hosting.Account]{
	Name: "SSLInfo",
	Doc:  "The certificates for the account's domains, for older programs.",
	Funcs: []api.Func[hosting.Account]{
		{Name: "fetchinfo", OnlyAPI2: true, Feature: keeps, Effect: api.Write, Run: api.Run(bestForDomainOld), Doc: "Show the best certificate for a domain, with its private key."},
	},
}

// ofHost is how a key is called that was made for a host, unless somebody has
// called another so.
func ofHost(host string) string { return "Key for " + host }

type generateKeyOldParams struct {
	Host hosting.HostParam `param:"host" doc:"The host that it is for."`
	Size int               `param:"keysize,optional" doc:"Its size in bits: 2048 or 4096; 2048 without."`
}

type generatedKeyOld struct {
	Key    string `json:"key,omitempty"`
	Output string `json:"output"`
	Result bool   `json:"result"`
}

// sized is the type of an RSA key by its size.
func sized(bits int) (pki.KeyType, error) {
	return (&generateKeyParams{Size: cmp.Or(bits, 2048)}).what(context.Background(), nil)
}

// API 2: SSL::genkey.
func generateKeyOld(ctx context.Context, acct hosting.Account, p generateKeyOldParams) (api.Answer, error) {
	text, err := p.generate(ctx, acct)
	a, err := said("The private key is made, and kept.", err)
	if out, ok := a.Data.([]output); ok {
		a.Data = []generatedKeyOld{{text, out[0].Output, out[0].Result}}
	}
	return a, err
}

func (p *generateKeyOldParams) generate(ctx context.Context, acct hosting.Account) (string, error) {
	sites, err := acct.Certificates().Sites(ctx)
	if err == nil {
		_, err = hosting.FindSite(sites, p.Host.Domain)
	}
	if err != nil {
		return "", err
	}
	kind, err := sized(p.Size)
	if err != nil {
		return "", err
	}
	k, err := pki.NewKey(kind)
	if err != nil {
		return "", err
	}
	kept, err := acct.Certificates().Keys(ctx)
	if err != nil {
		return "", err
	}
	_, err = acct.Certificates().AddKey(ctx, freeName(kept, ofHost(string(p.Host.Domain))), k)
	if err != nil {
		return "", err
	}
	return k.PEM().Reveal(), nil
}

// freeName is name, or one like it that no key has.
func freeName(kept []hosting.KeptKey, name string) string {
	taken := make(map[string]bool)
	for _, k := range kept {
		taken[k.Name] = true
	}
	free := name
	for n := 2; taken[free]; n++ {
		free = fmt.Sprintf("%s (%d)", name, n)
	}
	return free
}

// subjectOld says who a certificate is for, in API 2's words.
type subjectOld struct {
	Host    hosting.HostParam `param:"host" doc:"The host."`
	Country string            `param:"country,optional" doc:"The country, by its code of two letters."`
	State   string            `param:"state,optional" doc:"The state or province."`
	City    string            `param:"city,optional" doc:"The town."`
	Company string            `param:"company,optional" doc:"The organization."`
	Unit    string            `param:"companydivision,optional" doc:"The part of it."`
	Mail    string            `param:"email,optional" doc:"An email address."`
	Pass    latchkey.Secret   `param:"pass,optional" doc:"Accepted: a request here has no passphrase."`
	Word    latchkey.Secret   `param:"password,optional" doc:"The same."`
}

func (p *subjectOld) subject() pki.Subject {
	return pki.Subject{Names: []string{string(p.Host.Domain)}, Country: p.Country, State: p.State, Locality: p.City, Organization: p.Company, Unit: p.Unit, Mail: p.Mail}
}

// API 2: SSL::gencsr.
func generateRequestOld(ctx context.Context, acct hosting.Account, p subjectOld) (api.Answer, error) {
	key, err := keyOf(ctx, acct, string(p.Host.Domain))
	var r hosting.KeptRequest
	if err == nil {
		r, err = acct.Certificates().Request(ctx, key, "", p.subject())
	}
	if err != nil {
		return said("", err)
	}
	return said(r.PEM(), nil)
}

// API 2: SSL::gencrt.
func generateCertificateOld(ctx context.Context, acct hosting.Account, p subjectOld) (api.Answer, error) {
	key, err := keyOf(ctx, acct, string(p.Host.Domain))
	var c hosting.KeptCertificate
	if err == nil {
		c, err = acct.Certificates().SelfSign(ctx, key, "", p.subject())
	}
	if err != nil {
		return said("", err)
	}
	return said(c.PEM(), nil)
}

// keyOf is the ID of the newest key of a host.
func keyOf(ctx context.Context, acct hosting.Account, host string) (string, error) {
	items, err := listItems(ctx, acct, itemsParams{Items: "key", Domains: hostList{host}})
	if err != nil {
		return "", err
	}
	keys, err := acct.Certificates().Keys(ctx)
	if err != nil {
		return "", err
	}
	var best hosting.KeptKey
	for _, k := range keys {
		if (isOf(items, k.ID) || namedFor(k.Name, host)) && !k.Created.Before(best.Created) {
			best = k
		}
	}
	if best.ID == "" {
		return "", &latchkey.Error{Kind: latchkey.NotFound, Param: "host", Msg: "There is no private key for the host “" + host + "” yet: make one with genkey."}
	}
	return best.ID, nil
}

func isOf(items []item, id string) bool {
	for _, i := range items {
		if i.ID == id {
			return true
		}
	}
	return false
}

// namedFor reports whether a key's name says that it was made for a host.
func namedFor(name, host string) bool {
	var n int
	if name == ofHost(host) {
		return true
	}
	_, err := fmt.Sscanf(name, ofHost(host)+" (%d)", &n)
	return err == nil && n > 1
}

// API 2: SSL::getcnname.
func serviceNameOld(ctx context.Context, acct hosting.Account, p serviceNameParams) ([]bestName, error) {
	best, err := serviceName(ctx, acct, p)
	if err != nil {
		return nil, err
	}
	return []bestName{best}, nil
}

// API 2: SSL::fetchinfo and SSLInfo::fetchinfo.
func bestForDomainOld(ctx context.Context, acct hosting.Account, p domainParams) ([]whole, error) {
	w, err := bestForDomain(ctx, acct, p)
	if err != nil {
		return nil, err
	}
	return []whole{w}, nil
}
