package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/latchkey/latchkey/internal/config"
	"github.com/latchkey/latchkey/internal/driver/acme"
	"github.com/latchkey/latchkey/internal/estate"
)

// autoSSL says how the server gets certificates by itself; nil if it does not.
func autoSSL(c config.Config) (*acme.Options, error) {
	switch c.AutoSSL {
	case "", "off":
		return nil, nil
	case "http-01", "dns-01", "wildcard":
	default:
		return nil, fmt.Errorf("autossl is %q: use off, http-01, dns-01 or wildcard", c.AutoSSL)
	}
	if u, err := url.Parse(c.AutoSSLDirectory); err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("autossl_directory is %q: give the address of the authority's directory, which begins with https://", c.AutoSSLDirectory)
	}
	if c.AutoSSLOwn == 1 && !strings.Contains(hostname(c), ".") {
		return nil, fmt.Errorf("autossl_own gets a certificate for the server's name, but “%s” is no name that an authority knows: set hostname to one such as host.example.com", hostname(c))
	}
	if c.AutoSSLOwn == 1 && c.Certificate != "" {
		return nil, errors.New("autossl_own gets the server's certificate, but certificate names its file: leave one of them out")
	}
	if c.AutoSSLAgreeTOS != 1 {
		return nil, errors.New("autossl needs autossl_agree_tos = 1: read the authority's terms first")
	}
	o := &acme.Options{Directory: c.AutoSSLDirectory, Email: c.AutoSSLEmail, Agreed: true, UserAgent: "latchkey"}
	if c.AutoSSLCA == "" {
		return o, nil
	}
	text, err := os.ReadFile(c.AutoSSLCA)
	if err != nil {
		return nil, fmt.Errorf("autossl_ca: %w", err)
	}
	if o.Roots = x509.NewCertPool(); !o.Roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("autossl_ca: %s holds no certificate", c.AutoSSLCA)
	}
	return o, nil
}

// getCertificates lets the estate get certificates by itself, if it is to.
func (h *house) getCertificates(ctx context.Context, c config.Config) error {
	o, err := autoSSL(c)
	if err != nil || o == nil {
		return err
	}
	if h.sites == nil {
		return errors.New("autossl needs a web server that is on: set webserver to embedded")
	}
	key, err := h.estate.AuthorityKey(ctx, o.Directory)
	if err != nil {
		return err
	}
	h.estate.AutoSSL = &estate.AutoSSL{
		Authority: acme.New(*o, key), Prove: h.sites.Prove,
		Wildcard: c.AutoSSL == "wildcard", ByDNS: c.AutoSSL != "http-01", Directory: hostIn(o.Directory),
	}
	if c.AutoSSLOwn == 1 {
		h.estate.AutoSSL.Own = ownNames(c)
	}
	h.keepers = append(h.keepers, h.estate.RunAutoSSL)
	return nil
}

func hostIn(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// autoSSL is set up so that the server starts with it.
func (d *doctor) autoSSL() []finding {
	o, err := autoSSL(d.config)
	switch {
	case err != nil:
		return []finding{trouble("mend it", "%v", err)}
	case o == nil && d.config.AutoSSL == "":
		return nil
	case o == nil:
		return []finding{remark("", "the server gets no certificates by itself (autossl is off)")}
	}
	return []finding{fine("certificates are got from %s by %s", o.Directory, d.config.AutoSSL)}
}
