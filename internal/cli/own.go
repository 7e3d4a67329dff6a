package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"

	"github.com/latchkey/latchkey/internal/config"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/loopback"
	"github.com/latchkey/latchkey/internal/pki"
	"github.com/latchkey/latchkey/internal/server"
)

// certify gives the server its certificate: the one that is set, read anew; one
// that was installed or got for it; or one of its own authority, made anew when it
// is time.
func (h *house) certify(ctx context.Context, s *server.Server, c config.Config, now time.Time) error {
	cert, err := h.certificateFor(ctx, c, now)
	if err == nil {
		s.Certificate.Store(cert)
	}
	return err
}

func (h *house) certificateFor(ctx context.Context, c config.Config, now time.Time) (*tls.Certificate, error) {
	if c.Certificate != "" {
		cert, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
		return &cert, err
	}
	// The local authority is there in any case: who trusted it goes on to.
	cert, authority, err := server.LocalCertificate(c.Data, append(localNames(c), "localhost", "127.0.0.1", "::1"), now)
	if err != nil {
		return nil, err
	}
	h.authority = authority
	kept, err := h.estate.OwnCertificate(ctx)
	if err != nil {
		return nil, err
	}
	if kept != nil {
		return kept, nil
	}
	return &cert, nil
}

// ownNames are the server's names: its own, and those of services that are
// listened for.
func ownNames(c config.Config) []string {
	name := hostname(c)
	names := []string{name}
	if c.Services != "" && c.Services != "off" {
		names = append(names, "cpanel."+name, "whm."+name, "webmail."+name)
	}
	return names
}

// localNames are ownNames but for one that is named anyway.
func localNames(c config.Config) []string {
	names := ownNames(c)
	if names[0] == "localhost" {
		return names[1:]
	}
	return names
}

// ownDoors are the server's doors, whose certificate is exchanged while it runs.
type ownDoors struct {
	h *house
	c config.Config
}

// Certify has the doors show what is kept, and comes to each of them as a client.
func (d *ownDoors) Certify(ctx context.Context) error {
	if d.h.server == nil {
		return nil // it starts with it
	}
	if err := d.h.certify(ctx, d.h.server, d.c, time.Now()); err != nil {
		return err
	}
	want := d.h.server.Certificate.Load().Certificate[0]
	for _, door := range []string{"account", "host", "webmail"} {
		address := d.h.server.Address(door)
		if address == "" {
			continue
		}
		got, err := leafAt(ctx, address)
		if err != nil {
			return err
		}
		if !bytes.Equal(got.Raw, want) {
			return errors.New("the door " + door + " shows another certificate")
		}
	}
	return nil
}

// leafAt is the certificate that a listener of this machine shows. Whether others
// trust it is not the question.
func leafAt(ctx context.Context, address string) (*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
	c, err := d.DialContext(ctx, "tcp", loopback.Near(address))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

// shown is what the doors show.
func (h *house) shown() hosting.Shown {
	cert := h.own()
	if cert == nil {
		return hosting.Shown{}
	}
	var text string
	for _, der := range cert.Certificate {
		text += pki.Chain{{Raw: der}}.PEM()
	}
	c, chain, err := pki.ParseCertificate(text)
	if err != nil {
		return hosting.Shown{}
	}
	return hosting.Shown{Certificate: c, Chain: chain}
}
