package ssl

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
)

// keyType is the parameter that says what kind of key is meant.
type keyType pki.KeyType

// Words are the kinds there are.
func (k *keyType) Words() []string {
	words := []string{"system"}
	for _, t := range pki.KeyTypes {
		words = append(words, string(t))
	}
	return words
}

// ParseParam takes one of the words.
func (k *keyType) ParseParam(text string) error {
	if !slices.Contains(k.Words(), text) {
		return fmt.Errorf("must be one of %s", strings.Join(k.Words(), ", "))
	}
	*k = keyType(text)
	return nil
}

type generateKeyParams struct {
	Type keyType `param:"keytype,optional" doc:"The type of key; without it the one that the account has chosen."`
	Size int     `param:"keysize,optional" doc:"The size of an RSA key in bits: 2048 or 4096. Deprecated: use keytype."`
	Name string  `param:"friendly_name,optional" doc:"Its name; without one it is named for its type and the time."`
}

// what is the type of key that is asked for.
func (p *generateKeyParams) what(ctx context.Context, acct hosting.Account) (pki.KeyType, error) {
	switch {
	case p.Type != "" && p.Size != 0:
		return "", latchkey.InvalidParam("keysize", "Give only one of the arguments “keytype” and “keysize”.")
	case p.Size != 0:
		t := pki.KeyType(fmt.Sprint("rsa-", p.Size))
		if !slices.Contains(pki.KeyTypes, t) {
			return "", latchkey.InvalidParam("keysize", "A private key cannot have %d bits: use 2048 or 4096.", p.Size)
		}
		return t, nil
	}
	t := pki.KeyType(p.Type)
	if t == "" {
		var err error
		if t, err = acct.Certificates().KeyType(ctx); err != nil {
			return "", err
		}
	}
	if t == "" || t == "system" {
		t = pki.KeyTypes[0]
	}
	return t, nil
}

// keyWithText is a private key, all of it.
type keyWithText struct {
	keyRow
	Text string `json:"text"`
}

// UAPI: SSL::generate_key.
func generateKey(ctx context.Context, acct hosting.Account, p generateKeyParams) (keyWithText, error) {
	t, err := p.what(ctx, acct)
	if err != nil {
		return keyWithText{}, err
	}
	k, err := pki.NewKey(t)
	if err != nil {
		return keyWithText{}, err
	}
	kept, err := acct.Certificates().AddKey(ctx, p.Name, k)
	if err != nil {
		return keyWithText{}, err
	}
	return keyWithText{rowOfKey(kept), k.PEM().Reveal()}, nil
}

type uploadKeyParams struct {
	Key  latchkey.Secret `param:"key" doc:"The private key, in the PEM format and without a passphrase."`
	Name string          `param:"friendly_name,optional" doc:"Its name; without one it is named for its type and the time."`
}

// UAPI: SSL::upload_key.
func uploadKey(ctx context.Context, acct hosting.Account, p uploadKeyParams) ([]keyRow, error) {
	k, err := pki.ParseKey(p.Key)
	if err != nil {
		return nil, about("key", err)
	}
	kept, err := acct.Certificates().AddKey(ctx, p.Name, k)
	if err != nil {
		return nil, err
	}
	return []keyRow{rowOfKey(kept)}, nil
}

// about says which argument an error is about.
func about(param string, err error) error {
	if e := latchkey.AsError(err); e != nil && e.Param == "" {
		e.Param = param
	}
	return err
}

// UAPI: SSL::list_keys.
func listKeys(ctx context.Context, acct hosting.Account, _ api.None) ([]keyRow, error) {
	list, err := acct.Certificates().Keys(ctx)
	return rows(list, rowOfKey), err
}

func rows[T, R any](list []T, row func(T) R) []R {
	all := make([]R, len(list))
	for i := range list {
		all[i] = row(list[i])
	}
	return all
}

// pickKey is the key that is meant.
func (p picked) key(ctx context.Context, acct hosting.Account) (hosting.KeptKey, error) {
	list, err := acct.Certificates().Keys(ctx)
	if err != nil {
		return hosting.KeptKey{}, err
	}
	return pick(p, hosting.Keys, list, func(k hosting.KeptKey) hosting.Kept { return k.Kept })
}

type keyShown struct {
	Details struct {
		keyRow
		Key string `json:"key"`
	} `json:"details"`
	Text string `json:"text"`
}

// UAPI: SSL::show_key.
func showKey(ctx context.Context, acct hosting.Account, p picked) (keyShown, error) {
	var shown keyShown
	k, err := p.key(ctx, acct)
	if err != nil {
		return shown, err
	}
	secret, err := acct.Certificates().PrivateKey(ctx, k.ID)
	shown.Details.keyRow, shown.Details.Key = rowOfKey(k), secret.Reveal()
	shown.Text = "Private key: " + k.Public.String() + "\n"
	return shown, err
}

// UAPI: SSL::delete_key.
func deleteKey(ctx context.Context, acct hosting.Account, p picked) ([]keyRow, error) {
	k, err := p.key(ctx, acct)
	if err == nil {
		err = acct.Certificates().Remove(ctx, hosting.Keys, k.ID)
	}
	if err != nil {
		return nil, err
	}
	return []keyRow{rowOfKey(k)}, nil
}

type renameParams struct {
	picked
	NewName string `param:"new_friendly_name" doc:"The new name."`
}

// UAPI: SSL::set_key_friendly_name.
func renameKey(ctx context.Context, acct hosting.Account, p renameParams) (struct{}, error) {
	k, err := p.key(ctx, acct)
	if err == nil {
		err = acct.Certificates().Rename(ctx, hosting.Keys, k.ID, p.NewName)
	}
	return struct{}{}, err
}

// UAPI: SSL::find_certificates_for_key.
func certificatesForKey(ctx context.Context, acct hosting.Account, p picked) ([]signedRow, error) {
	k, err := p.key(ctx, acct)
	if err != nil {
		return nil, err
	}
	list, err := listCertificates(ctx, acct, api.None{})
	return slices.DeleteFunc(list, func(r signedRow) bool { return !of(r.publicKey, k.Public) }), err
}

// UAPI: SSL::find_csrs_for_key.
func requestsForKey(ctx context.Context, acct hosting.Account, p picked) ([]requestRow, error) {
	k, err := p.key(ctx, acct)
	if err != nil {
		return nil, err
	}
	list, err := listRequests(ctx, acct, api.None{})
	return slices.DeleteFunc(list, func(r requestRow) bool { return !of(r.publicKey, k.Public) }), err
}

// of reports whether an answer is about a key.
func of(k publicKey, p pki.Public) bool {
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	return text(k.Modulus) == p.Modulus() && text(k.Point) == p.Point()
}

type keyTypeParams struct {
	Type keyType `param:"type" doc:"The type; system for what the server takes by itself."`
}

// UAPI: SSL::set_default_key_type.
func setKeyType(ctx context.Context, acct hosting.Account, p keyTypeParams) (api.Void, error) {
	return nil, acct.Certificates().SetKeyType(ctx, pki.KeyType(p.Type))
}

// subjectParams say who a certificate is for.
type subjectParams struct {
	Domains  hostList `param:"domains" doc:"Its domains, with commas between them."`
	Key      string   `param:"key_id" doc:"The ID of the private key."`
	Country  string   `param:"countryName" doc:"The country, by its code of two letters."`
	State    string   `param:"stateOrProvinceName" doc:"The state or province."`
	Locality string   `param:"localityName" doc:"The town."`
	Company  string   `param:"organizationName" doc:"The organization."`
	Unit     string   `param:"organizationalUnitName,optional" doc:"The part of it."`
	Mail     string   `param:"emailAddress,optional" doc:"An email address."`
	Name     string   `param:"friendly_name,optional" doc:"The name of what is made; without one it is named for its first domain."`
}

func (p *subjectParams) subject() pki.Subject {
	return pki.Subject{Names: p.Domains, Country: p.Country, State: p.State, Locality: p.Locality, Organization: p.Company, Unit: p.Unit, Mail: p.Mail}
}

type requestWithText struct {
	requestRow
	Text string `json:"text"`
}

// UAPI: SSL::generate_csr.
func generateRequest(ctx context.Context, acct hosting.Account, p subjectParams) (requestWithText, error) {
	r, err := acct.Certificates().Request(ctx, p.Key, p.Name, p.subject())
	if err != nil {
		return requestWithText{}, err
	}
	return requestWithText{rowOfRequest(r), r.PEM()}, nil
}

// UAPI: SSL::list_csrs.
func listRequests(ctx context.Context, acct hosting.Account, _ api.None) ([]requestRow, error) {
	list, err := acct.Certificates().Requests(ctx)
	return rows(list, rowOfRequest), err
}

// request is the certificate signing request that is meant.
func (p picked) request(ctx context.Context, acct hosting.Account) (hosting.KeptRequest, error) {
	list, err := acct.Certificates().Requests(ctx)
	if err != nil {
		return hosting.KeptRequest{}, err
	}
	return pick(p, hosting.Requests, list, func(r hosting.KeptRequest) hosting.Kept { return r.Kept })
}

type requestShown struct {
	Text    string         `json:"csr"`
	Details requestDetails `json:"details"`
	Words   string         `json:"text"`
}

type requestDetails struct {
	requestRow
	Country  string `json:"countryName"`
	Mail     string `json:"emailAddress"`
	Locality string `json:"localityName"`
	Company  string `json:"organizationName"`
	Unit     string `json:"organizationalUnitName"`
	State    string `json:"stateOrProvinceName"`
}

// UAPI: SSL::show_csr.
func showRequest(ctx context.Context, acct hosting.Account, p picked) (requestShown, error) {
	r, err := p.request(ctx, acct)
	if err != nil {
		return requestShown{}, err
	}
	n := nameParts(r.Subject)
	return requestShown{Text: r.PEM(), Words: describedRequest(r.Request), Details: requestDetails{
		requestRow: rowOfRequest(r), Country: n["countryName"], Mail: n["emailAddress"], Locality: n["localityName"],
		Company: n["organizationName"], Unit: n["organizationalUnitName"], State: n["stateOrProvinceName"],
	}}, nil
}

// UAPI: SSL::delete_csr.
func deleteRequest(ctx context.Context, acct hosting.Account, p picked) ([]requestRow, error) {
	r, err := p.request(ctx, acct)
	if err == nil {
		err = acct.Certificates().Remove(ctx, hosting.Requests, r.Kept.ID)
	}
	if err != nil {
		return nil, err
	}
	return []requestRow{rowOfRequest(r)}, nil
}

// UAPI: SSL::set_csr_friendly_name.
func renameRequest(ctx context.Context, acct hosting.Account, p renameParams) (struct{}, error) {
	r, err := p.request(ctx, acct)
	if err == nil {
		err = acct.Certificates().Rename(ctx, hosting.Requests, r.Kept.ID, p.NewName)
	}
	return struct{}{}, err
}
