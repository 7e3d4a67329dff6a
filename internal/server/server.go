// Package server listens: ports, TLS, limits, the local socket, and a clean end.
// routes.go holds every way in on one page. Start at [Server.Run].
package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log" //nolint:depguard // http.Server wants one; what it says goes to slog
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/latchkey/latchkey/internal/driver/lmtp"
	"github.com/latchkey/latchkey/internal/driver/sites"
	"github.com/latchkey/latchkey/internal/wire"
)

// Drain is how long calls under way may take when the server stops.
const Drain = 10 * time.Second

// patience is how long others may keep the server waiting.
type patience struct {
	header, read, write, idle time.Duration // as in [http.Server]
	drain                     time.Duration
}

// usual is the patience of a server that was told nothing else.
func usual() patience {
	return patience{header: 5 * time.Second, read: 30 * time.Second, write: 60 * time.Second, idle: 60 * time.Second, drain: Drain}
}

// Server is everything that listens. Listeners are opened by [Server.Listen]
// and served by [Server.Run].
type Server struct {
	Routes      Routes
	Certificate atomic.Pointer[tls.Certificate] // may be replaced while the server runs
	Addresses   Addresses
	Mail        lmtp.Backend
	Sites       *sites.Server // of accounts; nil for none
	Spool       string        // where large messages wait for their recipients
	Hostname    string
	Proxies     wire.Proxies // they may hold any number of connections: they bring those of many
	Log         *slog.Logger

	patience patience // zero: usual
	services []*service
	mail     net.Listener
	sites    [2]net.Listener // without TLS and with it
}

// Addresses say where to listen; "off" or "" is nowhere.
type Addresses struct {
	Account, AccountPlain, Host, HostPlain, Webmail, WebmailPlain string
	Services                                                      string // cpanel., whm. and webmail. of any host
	Sites, SitesSecure                                            string // the accounts' sites, the latter with TLS; "auto" is [SitesAuto]
	LMTP, Socket                                                  string
}

// service is one listener and what answers on it.
type service struct {
	name string
	l    net.Listener
	http *http.Server
}

// Listen opens every listener, or none.
func (s *Server) Listen() (err error) {
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.patience == (patience{}) {
		s.patience = usual()
	}
	if err := s.Addresses.apart(); err != nil {
		return err
	}
	limit := connectionLimit()
	if s.Sites != nil {
		limit /= 2 // visitors of sites keep nobody from the API
	}
	all := newCrowd(limit, s.Proxies)
	for _, w := range s.Routes.ways(s.Addresses) {
		if w.address == "" || w.address == "off" {
			continue
		}
		l, err := net.Listen("tcp", w.address)
		if err != nil {
			return fmt.Errorf("listening for %s: %w", w.name, explain(err, w.address))
		}
		s.services = append(s.services, s.service(w, limited(l, all)))
	}
	if s.Sites != nil {
		if err := s.listenForSites(newCrowd(limit, s.Proxies)); err != nil {
			return err
		}
	}
	if a := s.Addresses.LMTP; a != "" && a != "off" {
		if s.mail, err = net.Listen("tcp", a); err != nil {
			return fmt.Errorf("listening for mail: %w", explain(err, a))
		}
	}
	if s.Addresses.Socket != "" {
		l, err := listenLocal(s.Addresses.Socket)
		if err != nil {
			return fmt.Errorf("listening on the local socket: %w", err)
		}
		local := s.http(s.Routes.Local)
		local.ConnContext = withPeer
		s.services = append(s.services, &service{name: "local", l: l, http: local})
	}
	return nil
}

// apart says why the names of services and the accounts' sites cannot be listened
// for as they are set, or nil: each wants the connections of a port for itself.
func (a *Addresses) apart() error {
	_, port, _ := net.SplitHostPort(a.Services)
	if a.Services == "" || a.Services == "off" || a.Services != a.SitesSecure || port == "0" {
		return nil
	}
	return fmt.Errorf("services and sites_tls are both set to %s: give each an address of its own, or set one of them to off", a.Services)
}

// SitesAuto is where the accounts' sites are listened for, without TLS and with
// it, if no address is set but "auto".
var SitesAuto = [2]string{":80", ":443"}

// listenForSites opens the listeners of the accounts' sites. One that is "auto"
// may be missing.
func (s *Server) listenForSites(visitors *crowd) error {
	for i, address := range []string{s.Addresses.Sites, s.Addresses.SitesSecure} {
		if address == "" || address == "off" {
			continue
		}
		auto := address == "auto"
		if auto {
			address = SitesAuto[i]
		}
		l, err := net.Listen("tcp", address)
		if auto && err != nil {
			s.Log.Warn("nobody can reach the accounts' sites there: set sites and sites_tls to addresses that the server can have, or to off", "address", address, "err", err)
			continue
		}
		if err != nil {
			return fmt.Errorf("listening for the accounts' sites: %w", explain(err, address))
		}
		s.sites[i] = limited(l, visitors)
	}
	return nil
}

// service is what answers on l.
func (s *Server) service(w way, l net.Listener) *service {
	if w.tls == w.name {
		h := s.http(w.handler)
		h.Protocols = protocols()
		return &service{w.name, greet(l, s.tls(), s.patience.header, s.Log), h}
	}
	port := func() string {
		_, port, _ := net.SplitHostPort(s.Address(w.tls))
		return port
	}
	return &service{w.name, cleaned{l}, s.http(toTLS{w.handler, s.Hostname, port})}
}

func explain(err error, address string) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is in use: end the program that has it, or choose another address", address)
	}
	return err
}

// connectionLimit leaves the descriptors that files and databases need.
func connectionLimit() int {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil || r.Cur > 1<<20 {
		return 100_000
	}
	return max(int(r.Cur)-256, 32)
}

func (s *Server) http(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           lastIfChunked{h},
		ReadHeaderTimeout: s.patience.header,
		ReadTimeout:       s.patience.read,
		WriteTimeout:      s.patience.write,
		IdleTimeout:       s.patience.idle,
		MaxHeaderBytes:    80 << 10, // certificates and keys travel in request lines
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 100},
		ErrorLog:          log.New(&quietLog{s.Log}, "", 0),

		DisableGeneralOptionsHandler: true, // it would go past the handler
	}
}

func (s *Server) tls() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.certificate}
}

func (s *Server) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c := s.Certificate.Load(); c != nil {
		return c, nil
	}
	return nil, errors.New("no certificate")
}

// quietLog keeps the noise of strangers' connections out of the log, but not
// the panics of handlers.
type quietLog struct{ log *slog.Logger }

func (q *quietLog) Write(text []byte) (int, error) {
	level := slog.LevelDebug
	if bytes.Contains(text, []byte(": panic serving ")) {
		level = slog.LevelError
	}
	q.log.Log(context.Background(), level, "http", "text", string(text))
	return len(text), nil
}

// Run serves until ctx ends or a listener fails; then it takes nothing new and
// lets what is under way finish.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	running := 0
	ended := make(chan struct{})
	start := func(name string, run func() error) {
		running++
		go func() {
			err := run()
			if err != nil && !errors.Is(err, http.ErrServerClosed) {
				cancel(fmt.Errorf("%s: %w", name, err))
			}
			ended <- struct{}{}
		}()
	}
	for _, v := range s.services {
		start(v.name, func() error { return v.http.Serve(v.l) })
	}
	if s.mail != nil {
		start("mail", func() error {
			return lmtp.Serve(ctx, s.mail, s.Mail, lmtp.Options{Hostname: s.Hostname, SpoolDir: s.Spool, DrainTimeout: s.patience.drain, Logger: s.Log})
		})
	}
	if s.Sites != nil {
		start("sites", func() error { return s.Sites.Run(ctx, s.sites[0], s.sites[1]) })
	}
	<-ctx.Done()
	s.drain()
	for range running {
		<-ended
	}
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func (s *Server) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), s.patience.drain)
	defer cancel()
	done := make(chan struct{})
	for _, v := range s.services {
		go func() {
			if v.http.Shutdown(ctx) != nil {
				_ = v.http.Close()
			}
			done <- struct{}{}
		}()
	}
	for range s.services {
		<-done
	}
}

func (s *Server) close() {
	for _, v := range s.services {
		_ = v.l.Close()
	}
	if s.mail != nil {
		_ = s.mail.Close()
	}
	for _, l := range s.sites {
		if l != nil {
			_ = l.Close()
		}
	}
	s.services, s.mail, s.sites = nil, nil, [2]net.Listener{}
}

// Address is where a service really listens, or "".
func (s *Server) Address(name string) string {
	if name == "mail" && s.mail != nil {
		return s.mail.Addr().String()
	}
	for i, l := range s.sites {
		if l != nil && name == [2]string{"sites", "sites-tls"}[i] {
			return l.Addr().String()
		}
	}
	for _, v := range s.services {
		if v.name == name {
			return v.l.Addr().String()
		}
	}
	return ""
}
