package pki

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Certificate is a certificate and its public key.
type Certificate struct {
	*x509.Certificate
	Public Public
}

// Chain are certificates that belong to another one, as [Certificate.Above] puts
// them: each has signed one before it.
type Chain []*x509.Certificate

// Request is a certificate signing request and its public key.
type Request struct {
	*x509.CertificateRequest
	Public Public
}

// ParseCertificate reads a certificate: the first one in the text. The others
// are what came with it.
func ParseCertificate(text string) (*Certificate, Chain, error) {
	all, err := certificates("The certificate", text)
	if err != nil {
		return nil, nil, err
	}
	public, err := newPublic("The certificate", all[0].PublicKey)
	if err != nil {
		return nil, nil, err
	}
	return &Certificate{all[0], public}, all[1:], nil
}

// ParseChain reads a CA bundle: no text is none.
func ParseChain(text string) (Chain, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	return certificates("The CA bundle", text)
}

func certificates(what, text string) (Chain, error) {
	list, err := blocks(what, text)
	if err != nil {
		return nil, err
	}
	var all Chain
	for _, b := range list {
		if b.kind != "CERTIFICATE" && b.kind != "X509 CERTIFICATE" && b.kind != "TRUSTED CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(b.der)
		if err != nil {
			return nil, invalid("%s cannot be read: %s.", what, brief(err))
		}
		if all = append(all, c); len(all) > maxChain {
			return nil, invalid("%s is too long: it may hold at most %d certificates.", what, maxChain)
		}
	}
	if len(all) == 0 {
		return nil, invalid("%s holds no certificate.", what)
	}
	return all, nil
}

// ParseRequest reads a certificate signing request that is signed with its key.
func ParseRequest(text string) (*Request, error) {
	const what = "The certificate signing request"
	list, err := blocks(what, text)
	if err != nil {
		return nil, err
	}
	r, err := x509.ParseCertificateRequest(list[0].der)
	if err == nil {
		err = r.CheckSignature()
	}
	if err != nil {
		return nil, invalid("%s cannot be read: %s.", what, brief(err))
	}
	public, err := newPublic(what, r.PublicKey)
	if err != nil {
		return nil, err
	}
	return &Request{r, public}, nil
}

// PEM is the certificate as a text.
func (c *Certificate) PEM() string { return toPEM("CERTIFICATE", c.Raw) }

// PEM is the certificates as a text, "" for none.
func (c Chain) PEM() string {
	var all strings.Builder
	for _, one := range c {
		all.WriteString(toPEM("CERTIFICATE", one.Raw))
	}
	return all.String()
}

// PEM is the request as a text.
func (r *Request) PEM() string { return toPEM("CERTIFICATE REQUEST", r.Raw) }

// Names are the host names that a certificate is for, in lower case, each once.
func (c *Certificate) Names() []string { return names(c.DNSNames, c.IPAddresses == nil, c.Subject) }

// Names are the host names that a request asks for.
func (r *Request) Names() []string { return names(r.DNSNames, true, r.Subject) }

// names are those of a list; the common name counts where there is no list.
func names(list []string, common bool, subject pkix.Name) []string {
	if len(list) == 0 && common && subject.CommonName != "" {
		list = []string{subject.CommonName}
	}
	var all []string
	for _, n := range list {
		if n = strings.ToLower(strings.TrimSuffix(n, ".")); hostName(n) && !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}

// hostName reports whether n can be the name of a host: the labels of one or,
// with *. before them, those of all names below.
func hostName(n string) bool {
	n = strings.TrimPrefix(n, "*.")
	if len(n) == 0 || len(n) > 253 {
		return false
	}
	if _, err := netip.ParseAddr(n); err == nil {
		return false
	}
	for label := range strings.SplitSeq(n, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// Covers reports whether the certificate is good for a host.
func (c *Certificate) Covers(host latchkey.Domain) bool {
	_, parent, _ := strings.Cut(string(host), ".")
	for _, n := range c.Names() {
		if n == string(host) || strings.HasPrefix(n, "*.") && n[2:] == parent {
			return true
		}
	}
	return false
}

// SelfSigned reports whether the certificate is signed with its own key.
func (c *Certificate) SelfSigned() bool { return signed(c.Certificate, c.Certificate) }

// signed reports whether by has signed c. Whether by may sign others is for who
// trusts in it.
func signed(c, by *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, by.RawSubject) && by.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// Above are those of a pool that have signed the certificate, or one of those
// that have, the nearest first. What does not belong to it is left out.
func (c *Certificate) Above(pool Chain) Chain {
	chain, above := Chain{c.Certificate}, Chain(nil)
	for at := 0; at < len(chain) && len(above) < maxChain; at++ {
		for _, by := range pool {
			known := slices.ContainsFunc(chain, func(k *x509.Certificate) bool { return k.Equal(by) })
			if !known && signed(chain[at], by) {
				chain, above = append(chain, by), append(above, by)
			}
		}
	}
	return above
}

// Complete reports whether the chain leads from the certificate to one that
// nobody else has signed, or that is signed by such a one.
func (c *Certificate) Complete(above Chain) bool { return c.SelfSigned() || len(above) > 0 }

// CheckTime says why the certificate cannot be used at a time. A clock that is
// some minutes slow is forgiven.
func (c *Certificate) CheckTime(now time.Time) error {
	switch {
	case now.After(c.NotAfter):
		return invalid("The certificate has expired on %s: get a new one.", c.NotAfter.UTC().Format(time.RFC1123))
	case now.Add(5 * time.Minute).Before(c.NotBefore):
		return invalid("The certificate is not valid before %s.", c.NotBefore.UTC().Format(time.RFC1123))
	}
	return nil
}

// ID is the name that a certificate goes by, formed as cPanel forms it: its
// first host, the ends of its key, its end and what no other has.
func (c *Certificate) ID() string {
	return fileName(c.Names()) + "_" + c.Public.ends() + "_" + strconv.FormatInt(c.NotAfter.Unix(), 10) + "_" + digest(c.Raw)
}

// ID is the name that a request goes by.
func (r *Request) ID() string {
	return fileName(r.Names()) + "_" + r.Public.ends() + "_" + digest(r.Raw)
}

func fileName(names []string) string {
	if len(names) == 0 {
		return "unnamed"
	}
	name := strings.Replace(names[0], "*", "_wildcard_", 1)
	return strings.Map(func(r rune) rune {
		if r == '.' {
			return '_'
		}
		return r
	}, name)
}

// Subject is who a certificate is asked for. All but the names may be empty.
type Subject struct {
	Names                                              []string // host names, the common one first
	Country, State, Locality, Organization, Unit, Mail string
}

// oidMail is the attribute for an address of mail.
var oidMail = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}

func (s *Subject) name() pkix.Name {
	one := func(text string) []string {
		if text == "" {
			return nil
		}
		return []string{text}
	}
	n := pkix.Name{Country: one(s.Country), Province: one(s.State), Locality: one(s.Locality), Organization: one(s.Organization), OrganizationalUnit: one(s.Unit)}
	if len(s.Names[0]) <= 64 { // the most a common name may have
		n.CommonName = s.Names[0]
	}
	if s.Mail != "" {
		n.ExtraNames = []pkix.AttributeTypeAndValue{{Type: oidMail, Value: asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte(s.Mail)}}}
	}
	return n
}

// check says what is wrong with the subject.
func (s *Subject) check() error {
	if len(s.Names) == 0 || len(s.Names) > 100 {
		return invalid("A certificate has from 1 to 100 domains.")
	}
	for i, n := range s.Names {
		if s.Names[i] = strings.ToLower(n); !hostName(s.Names[i]) || !strings.Contains(n, ".") {
			return invalid("“%s” is not a valid domain.", n)
		}
	}
	if c := s.Country; c != "" && (len(c) != 2 || strings.Trim(c, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "") {
		return invalid("The country must be a code of two capital letters, such as US.")
	}
	for _, text := range []string{s.State, s.Locality, s.Organization, s.Unit, s.Mail} {
		if len(text) > 128 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }) {
			return invalid("A name in a certificate has at most 128 characters, and no control characters.")
		}
	}
	if strings.ContainsFunc(s.Mail, func(r rune) bool { return r > 0x7e }) {
		return invalid("The email address must be in ASCII.")
	}
	return nil
}

// NewRequest makes a certificate signing request.
func NewRequest(k Key, s Subject) (*Request, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: s.name(), DNSNames: s.Names}, k.signer)
	if err != nil {
		return nil, fmt.Errorf("making a certificate signing request: %w", err)
	}
	r, err := x509.ParseCertificateRequest(der)
	return &Request{r, k.Public}, err
}

// SelfSign makes a certificate for a year that is signed with its own key.
func SelfSign(k Key, s Subject, now time.Time) (*Certificate, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: s.name(), DNSNames: s.Names, NotBefore: now.Add(-time.Minute), NotAfter: now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, k.signer.Public(), k.signer)
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	parsed, err := x509.ParseCertificate(der)
	return &Certificate{parsed, k.Public}, err
}
