package sites

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/loopback"
)

// confirmPatience is how long the server's own handshake may take.
const confirmPatience = 5 * time.Second

// Renew has names answered by what the source says now, and returns when who
// comes with TLS gets the certificate that it names for each, or none. Where the
// server does not run, or not with TLS, it returns when they would.
func (s *Server) Renew(ctx context.Context, names ...latchkey.Domain) error {
	s.Forget(names...)
	for _, name := range names {
		if err := s.confirm(ctx, name); err != nil {
			return fmt.Errorf("the site %s is not served as it is to be: %w", name, err)
		}
	}
	return nil
}

// confirm compares what a client gets with what it is to get. Somebody may have
// changed that in between: then they are compared again.
func (s *Server) confirm(ctx context.Context, name latchkey.Domain) error {
	const tries = 5
	for i := 1; ; i++ {
		want, err := s.wanted(ctx, name)
		if err != nil {
			return err
		}
		got, err := s.shown(ctx, name)
		switch {
		case err == nil && bytes.Equal(got, want):
			return nil
		case i < tries:
		case err != nil:
			return err
		default:
			return errors.New("a client gets another certificate")
		}
	}
}

// wanted is the certificate that the source names, nil for none.
func (s *Server) wanted(ctx context.Context, name latchkey.Domain) ([]byte, error) {
	site, err := s.Source.Site(ctx, name)
	switch {
	case latchkey.KindOf(err) == latchkey.NotFound:
		return nil, nil
	case err != nil || site.Certificate == nil:
		return nil, err
	}
	return site.Certificate.Certificate[0], nil
}

// shown is the certificate that a client gets, nil if it gets none.
func (s *Server) shown(ctx context.Context, name latchkey.Domain) ([]byte, error) {
	address := s.secureAddress()
	if address == "" {
		site, _, err := s.site(ctx, name)
		if err != nil || site.Certificate == nil {
			return nil, nil
		}
		return site.Certificate.Certificate[0], nil
	}
	ctx, cancel := context.WithTimeout(ctx, confirmPatience)
	defer cancel()
	// What is compared is the certificate itself: whether others trust it is not
	// the question.
	d := tls.Dialer{Config: &tls.Config{ServerName: string(name), InsecureSkipVerify: true}}
	c, err := d.DialContext(ctx, "tcp", loopback.Near(address))
	if err != nil {
		if strings.HasSuffix(err.Error(), ": unrecognized name") { // the alert has no name of its own
			err = nil
		}
		return nil, err
	}
	defer c.Close()
	got := c.(*tls.Conn).ConnectionState().PeerCertificates[0].Raw
	if own := s.own(); own != nil && bytes.Equal(got, own.Certificate[0]) {
		return nil, nil
	}
	return got, nil
}
