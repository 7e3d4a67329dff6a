package mailout

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/notice"
)

// Security is how a connection to a mail server is kept from others.
type Security string

const (
	Auto     Security = "auto"     // by STARTTLS, unless the server is on this machine
	StartTLS Security = "starttls" // by STARTTLS, or nothing is sent
	TLS      Security = "tls"      // by TLS from the first byte on
	Open     Security = "off"      // not at all
)

// SMTP hands mail to a mail server.
type SMTP struct {
	Address  string // host:port
	Security Security
	User     string // "" signs in as nobody
	Password latchkey.Secret
	Hello    string         // the name this server gives itself
	Roots    *x509.CertPool // nil for the system's
	// Passing is set where senders are others: that one of them is refused says nothing
	// of the next.
	Passing bool
}

// Check says what is wrong with how s is set up. A password never travels in
// clear, but to this machine itself.
func (s *SMTP) Check() error {
	_, port, err := net.SplitHostPort(s.Address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	switch {
	case err != nil:
		return fmt.Errorf("%q is not a host and a port: give one such as mail.example.com:587", s.Address)
	case s.Security != Auto && s.Security != StartTLS && s.Security != TLS && s.Security != Open:
		return fmt.Errorf("%q is no way to secure a connection: use auto, starttls, tls or off", s.Security)
	case s.User != "" && s.Security == Open && !s.here():
		return errors.New("a password is not sent without TLS")
	}
	return nil
}

// here reports whether the mail server is on this machine.
func (s *SMTP) here() bool {
	host, _, _ := net.SplitHostPort(s.Address)
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}

// Send hands m over.
func (s *SMTP) Send(ctx context.Context, m *notice.Message) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	c, err := s.connect(ctx)
	if err != nil {
		return &notice.Unreachable{Err: fmt.Errorf("%s: %w", s.Address, err)}
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if err := c.Mail(m.From, nil); err != nil {
		failed := fmt.Errorf("%s: %w", s.Address, err)
		if said, ok := errors.AsType[*smtp.SMTPError](err); ok && s.Passing && said.Code != closing {
			return failed
		}
		return &notice.Unreachable{Err: failed} // it takes nothing from us
	}
	if err := deliver(c, m); err != nil {
		return refused(fmt.Errorf("%s: %w", s.Address, err))
	}
	_ = c.Quit() // the message is theirs
	return nil
}

// closing is the reply of a mail server that takes nothing more.
const closing = 421

func deliver(c *smtp.Client, m *notice.Message) error {
	if err := c.Rcpt(m.To, nil); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(m.Raw); err != nil {
		return err
	}
	return w.Close()
}

// connect is a connection on which mail can be sent.
func (s *SMTP) connect(ctx context.Context) (*smtp.Client, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	c, err := s.secure(conn)
	if err == nil && s.User != "" {
		err = c.Auth(sasl.NewPlainClient("", s.User, s.Password.Reveal()))
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

func (s *SMTP) secure(conn net.Conn) (*smtp.Client, error) {
	host, _, err := net.SplitHostPort(s.Address)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{ServerName: host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12}
	var c *smtp.Client
	switch {
	case s.Security == TLS:
		c = smtp.NewClient(tls.Client(conn, config))
	case s.Security == Open || s.Security == Auto && s.here():
		c = smtp.NewClient(conn)
	default:
		c, err = smtp.NewClientStartTLS(conn, config)
	}
	if err == nil {
		err = c.Hello(cmp.Or(s.Hello, "localhost"))
	}
	return c, err
}

// refused tells a no for good from one for now.
func refused(err error) error {
	said, ok := errors.AsType[*smtp.SMTPError](err)
	if ok && !said.Temporary() {
		return &notice.Refusal{Err: err}
	}
	return err
}
