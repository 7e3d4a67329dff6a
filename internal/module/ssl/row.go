package ssl

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
)

// publicKey is what answers say of a public key. What only another kind of key
// has is null.
type publicKey struct {
	Curve     *string `json:"ecdsa_curve_name"`
	Point     *string `json:"ecdsa_public"`
	Algorithm string  `json:"key_algorithm"`
	Modulus   *string `json:"modulus"`
	Bits      *int    `json:"modulus_length"`
}

func publicOf(p pki.Public) publicKey {
	bits := p.Bits()
	k := publicKey{Curve: textOrNull(p.Curve()), Point: textOrNull(p.Point()), Algorithm: p.Algorithm(), Modulus: textOrNull(p.Modulus())}
	if bits > 0 {
		k.Bits = &bits
	}
	return k
}

func textOrNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// header is what everything that is kept has.
type header struct {
	Created time.Time `json:"created"`
	Name    string    `json:"friendly_name"`
	ID      string    `json:"id"`
}

func headerOf(k hosting.Kept) header { return header{k.Created, k.Name, k.ID} }

// keyRow is a private key as lists have it: without what is private.
type keyRow struct {
	header
	publicKey
}

func rowOfKey(k hosting.KeptKey) keyRow { return keyRow{headerOf(k.Kept), publicOf(k.Public)} }

// requestRow is a certificate signing request as lists have it.
type requestRow struct {
	header
	CommonName string   `json:"commonName"`
	Domains    []string `json:"domains"`
	publicKey
}

func rowOfRequest(r hosting.KeptRequest) requestRow {
	return requestRow{headerOf(r.Kept), r.Subject.CommonName, r.Names(), publicOf(r.Request.Public)}
}

// Certificate is what answers say of a certificate.
type Certificate struct {
	Domains       []string  `json:"domains"`
	ID            string    `json:"id"`
	SelfSigned    bool      `json:"is_self_signed"`
	Issuer        string    `json:"issuer.commonName"`
	IssuerCompany string    `json:"issuer.organizationName"`
	IssuerText    string    `json:"issuer_text"`
	NotAfter      time.Time `json:"not_after"`
	NotBefore     time.Time `json:"not_before"`
	Serial        string    `json:"serial"`
	Signature     string    `json:"signature_algorithm"`
	Subject       string    `json:"subject.commonName"`
	SubjectText   string    `json:"subject_text"`
	Validation    *string   `json:"validation_type"`
	publicKey
}

// Describe is a certificate as answers have it.
func Describe(c *pki.Certificate) Certificate {
	return Certificate{
		Domains: c.Names(), ID: c.ID(), SelfSigned: c.SelfSigned(), Issuer: c.Issuer.CommonName, IssuerCompany: first(c.Issuer.Organization), IssuerText: nameText(c.Issuer),
		NotAfter: c.NotAfter, NotBefore: c.NotBefore, Serial: strings.ToUpper(c.SerialNumber.Text(16)), Signature: signature(c.SignatureAlgorithm),
		Subject: c.Subject.CommonName, SubjectText: nameText(c.Subject), Validation: validation(c), publicKey: publicOf(c.Public),
	}
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// signedRow is a certificate as lists have it. Configured says that there is a web
// site with one of its domains.
type signedRow struct {
	Created    time.Time `json:"created"`
	Configured bool      `json:"domain_is_configured"`
	Name       string    `json:"friendly_name"`
	Certificate
}

func rowOfCertificate(k hosting.KeptCertificate, sites []hosting.Site) signedRow {
	row := signedRow{Created: k.Created, Name: k.Kept.Name, Certificate: Describe(k.Certificate)}
	for i := range sites {
		for _, name := range sites[i].Names {
			row.Configured = row.Configured || k.Covers(name)
		}
	}
	return row
}

// attributes are the parts of a name that have words of their own.
var attributes = map[string]string{
	"2.5.4.3": "commonName", "2.5.4.6": "countryName", "2.5.4.7": "localityName", "2.5.4.8": "stateOrProvinceName", "2.5.4.10": "organizationName",
	"2.5.4.11": "organizationalUnitName", "1.2.840.113549.1.9.1": "emailAddress", "2.5.4.5": "serialNumber",
}

// nameText is a name line by line: what a part is, and what it says.
func nameText(n pkix.Name) string {
	var lines []string
	for _, a := range n.Names {
		word, ok := attributes[a.Type.String()]
		if !ok {
			word = a.Type.String()
		}
		lines = append(lines, word, strings.ToValidUTF8(fmt.Sprint(a.Value), "?"))
	}
	return strings.Join(lines, "\n")
}

// nameParts are the parts of a name by their words.
func nameParts(n pkix.Name) map[string]string {
	parts := map[string]string{"commonName": "", "countryName": "", "emailAddress": "", "localityName": "", "organizationName": "", "stateOrProvinceName": ""}
	for _, a := range n.Names {
		if word, ok := attributes[a.Type.String()]; ok {
			parts[word] = fmt.Sprint(a.Value)
		}
	}
	return parts
}

var signatures = map[x509.SignatureAlgorithm]string{
	x509.MD5WithRSA: "md5WithRSAEncryption", x509.SHA1WithRSA: "sha1WithRSAEncryption", x509.SHA256WithRSA: "sha256WithRSAEncryption",
	x509.SHA384WithRSA: "sha384WithRSAEncryption", x509.SHA512WithRSA: "sha512WithRSAEncryption",
	x509.SHA256WithRSAPSS: "rsassaPss", x509.SHA384WithRSAPSS: "rsassaPss", x509.SHA512WithRSAPSS: "rsassaPss",
	x509.ECDSAWithSHA1: "ecdsa-with-SHA1", x509.ECDSAWithSHA256: "ecdsa-with-SHA256", x509.ECDSAWithSHA384: "ecdsa-with-SHA384", x509.ECDSAWithSHA512: "ecdsa-with-SHA512",
}

// signature is an algorithm by the name OpenSSL has for it.
func signature(a x509.SignatureAlgorithm) string {
	if name, ok := signatures[a]; ok {
		return name
	}
	return a.String()
}

// How an authority has looked at who asked, by the policies of the CA/Browser Forum.
var validations = []struct {
	policy asn1.ObjectIdentifier
	word   string
}{
	{asn1.ObjectIdentifier{2, 23, 140, 1, 1}, "ev"}, {asn1.ObjectIdentifier{2, 23, 140, 1, 2, 2}, "ov"}, {asn1.ObjectIdentifier{2, 23, 140, 1, 2, 1}, "dv"},
}

func validation(c *pki.Certificate) *string {
	for _, v := range validations {
		for _, p := range c.PolicyIdentifiers {
			if p.Equal(v.policy) {
				return &v.word
			}
		}
	}
	return nil
}

// described is a certificate in words, for people.
func described(c *pki.Certificate) string {
	return fmt.Sprintf("Certificate\n    Serial number: %X\n    Signature algorithm: %s\n    Issuer: %s\n    Not before: %s\n    Not after: %s\n    Subject: %s\n    Public key: %s\n    Domains: %s\n",
		c.SerialNumber, signature(c.SignatureAlgorithm), c.Issuer, c.NotBefore.UTC().Format(time.RFC1123), c.NotAfter.UTC().Format(time.RFC1123), c.Subject, c.Public, strings.Join(c.Names(), ", "))
}

// describedRequest is a request in words, for people.
func describedRequest(r *pki.Request) string {
	return fmt.Sprintf("Certificate request\n    Subject: %s\n    Public key: %s\n    Domains: %s\n", r.Subject, r.Public, strings.Join(r.Names(), ", "))
}

// picked are the parameters that name something that is kept.
type picked struct {
	ID   string `param:"id,optional" doc:"Its ID."`
	Name string `param:"friendly_name,optional" doc:"Its name, instead."`
}

// pick finds what is meant in a list.
func pick[T any](p picked, kind hosting.Keeping, list []T, head func(T) hosting.Kept) (T, error) {
	var none T
	if p.ID == "" && p.Name == "" {
		return none, &latchkey.Error{Kind: latchkey.Missing, Param: "id"}
	}
	for _, one := range list {
		if h := head(one); (p.ID == "" || h.ID == p.ID) && (p.Name == "" || p.ID != "" || h.Name == p.Name) {
			return one, nil
		}
	}
	if p.ID == "" {
		return none, hosting.NotKept(kind)
	}
	return none, hosting.NotKept(kind)
}
