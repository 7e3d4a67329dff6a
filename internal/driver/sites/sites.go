// Package sites is a web server for the domains of accounts: it serves the files
// of a domain's document root over HTTP, and over HTTPS with the certificate that
// is installed for it. It runs no programs. Start at [Server].
//
// What is served for a name the server asks its [Source] when somebody comes for
// it, and remembers until [Server.Forget]. So there is nothing to write when a
// certificate changes: one entry is forgotten, the next handshake reads anew, and
// connections that stand go on.
package sites

import (
	"context"
	"crypto/tls"
	"errors"
	"log" //nolint:depguard // http.Server wants one; what it says goes to slog
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Site is what is served for a name.
type Site struct {
	Account latchkey.AccountID
	// Root is the document root, below the account's home.
	Root string
	// SecureOnly sends who comes without TLS to TLS, if there is a certificate.
	SecureOnly  bool
	Certificate *tls.Certificate // with its leaf; nil if there is none
}

// Tenant is whose a site is, as it is at this moment.
type Tenant struct {
	Name      latchkey.AccountName
	Suspended bool
}

// Source says what is to be served. Its methods are called by many goroutines.
type Source interface {
	// Site is what is to be served for a name, which is in lower case. Fails with
	// NotFound. The same answer may be used until the name is forgotten.
	Site(ctx context.Context, name latchkey.Domain) (*Site, error)
	// Tenant is the account that a site belongs to. It is asked for every request.
	// Fails with NotFound.
	Tenant(ctx context.Context, id latchkey.AccountID) (Tenant, error)
}

// Options are what a server stands on. All are required, but for Own.
type Options struct {
	Source   Source
	Homes    *homedir.Homes
	Hostname latchkey.Domain // the server's own name
	// Own is the certificate for the server's own name, and for who names none; nil
	// if there is none.
	Own func() *tls.Certificate
	Log *slog.Logger
}

// Server serves sites. Make one with [New]. Its methods may be called at any time
// by many goroutines.
type Server struct {
	Options
	known      known
	challenges challenges

	mu     sync.Mutex
	plain  string // where it is reached now, "" if nowhere
	secure string
}

// New makes a server that serves nobody yet.
func New(o Options) *Server { return &Server{Options: o} }

// Forget makes the server ask again what is served for names.
func (s *Server) Forget(names ...latchkey.Domain) { s.known.forget(names) }

// How long others may keep the server waiting. A client must take a piece of an
// answer within stall.
const (
	headerPatience = 5 * time.Second
	readPatience   = 30 * time.Second
	idlePatience   = 60 * time.Second
	stall          = 30 * time.Second
	drain          = 10 * time.Second
)

// Run serves what comes in by the listeners, without TLS and with it, until ctx
// ends; either may be nil. An error is a listener's.
func (s *Server) Run(ctx context.Context, plain, secure net.Listener) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	s.reached(plain, secure)
	defer s.reached(nil, nil)
	var wg sync.WaitGroup
	serve := func(l net.Listener, how func(*http.Server, net.Listener) error) {
		if l == nil {
			return
		}
		h := s.http()
		wg.Go(func() {
			if err := how(h, l); !errors.Is(err, http.ErrServerClosed) {
				stop(err)
			}
		})
		wg.Go(func() {
			<-ctx.Done()
			end(h)
		})
	}
	serve(plain, (*http.Server).Serve)
	serve(secure, func(h *http.Server, l net.Listener) error { return h.ServeTLS(l, "", "") })
	<-ctx.Done()
	wg.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// end takes nothing new and lets what is under way finish, though not for ever.
func end(h *http.Server) {
	patience, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	if h.Shutdown(patience) != nil {
		_ = h.Close()
	}
}

func (s *Server) reached(plain, secure net.Listener) {
	at := func(l net.Listener) string {
		if l == nil {
			return ""
		}
		return l.Addr().String()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plain, s.secure = at(plain), at(secure)
}

// secureAddress is where the server is reached with TLS, "" if nowhere.
func (s *Server) secureAddress() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.secure
}

func (s *Server) http() *http.Server {
	return &http.Server{
		Handler:           s,
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.certificate},
		ReadHeaderTimeout: headerPatience,
		ReadTimeout:       readPatience,
		WriteTimeout:      stall, // for what is not rolled, and for each request anew
		IdleTimeout:       idlePatience,
		MaxHeaderBytes:    16 << 10,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 100, WriteByteTimeout: stall},
		ErrorLog:          log.New(noise{s.Log}, "", 0),

		DisableGeneralOptionsHandler: true,
	}
}

// noise is what strangers' connections cause.
type noise struct{ log *slog.Logger }

func (n noise) Write(text []byte) (int, error) {
	n.log.Debug("sites", "text", string(text))
	return len(text), nil
}

// certificate is the one to shake hands with. For a name that there is none for
// it is nil: the handshake ends with the alert that is for this, and tells no
// name that is served.
func (s *Server) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name, _ := hostOf(hello.ServerName)
	if name == "" {
		return s.own(), nil
	}
	site, _, err := s.site(hello.Context(), name)
	switch {
	case err == nil && site.Certificate != nil:
		return site.Certificate, nil
	case err != nil && latchkey.KindOf(err) != latchkey.NotFound:
		return nil, err
	case name == s.Hostname:
		return s.own(), nil
	}
	return nil, nil
}

// own is the certificate of the server's own name, nil if there is none.
func (s *Server) own() *tls.Certificate {
	if s.Own == nil {
		return nil
	}
	return s.Own()
}
