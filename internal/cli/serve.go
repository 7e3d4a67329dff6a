package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/compat"
	"github.com/latchkey/latchkey/internal/config"
	"github.com/latchkey/latchkey/internal/driver/authdns"
	"github.com/latchkey/latchkey/internal/driver/bind"
	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/driver/maildir"
	"github.com/latchkey/latchkey/internal/driver/sites"
	"github.com/latchkey/latchkey/internal/durable"
	"github.com/latchkey/latchkey/internal/estate"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module"
	"github.com/latchkey/latchkey/internal/observe"
	"github.com/latchkey/latchkey/internal/password"
	"github.com/latchkey/latchkey/internal/server"
	"github.com/latchkey/latchkey/internal/store/sqlite"
	"github.com/latchkey/latchkey/internal/web"
	"github.com/latchkey/latchkey/internal/wire"
	"github.com/latchkey/latchkey/internal/zone"
)

func serveCommand(s std) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long:  "Run the server until it is interrupted or terminated. Settings come from a file and from the environment; see “latchkey config example”.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.Load(path, os.LookupEnv)
			if err != nil {
				return err
			}
			log, err := logger(c, s)
			if err != nil {
				return err
			}
			h, err := build(cmd.Context(), c, log)
			if err != nil {
				return err
			}
			log.Info("ready", "account", h.server.Address("account"), "host", h.server.Address("host"), "webmail", h.server.Address("webmail"), "mail", h.server.Address("mail"), "sites", h.server.Address("sites"), "sites_tls", h.server.Address("sites-tls"), "dns", h.dns(), "data", c.Data)
			return h.run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&path, "config", config.DefaultPath, "the configuration file")
	return cmd
}

func logger(c config.Config, s std) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return nil, fmt.Errorf("log_level is %q: use debug, info, warn or error", c.LogLevel)
	}
	opts := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(s.err, opts)), nil
	}
	return slog.New(slog.NewTextHandler(s.err, opts)), nil
}

// house is a whole server, wired and listening.
type house struct {
	ground
	server    *server.Server
	calls     *call.Service
	estate    *estate.Estate
	names     *authdns.Server // nil: there is none, or BIND is it
	bind      *bind.Part      // or NSD; nil: there is neither
	sites     *sites.Server   // nil: there is none
	authority string          // file of the local certificate authority; "" with a certificate of one's own
	socket    string
	keepers   []func(context.Context) // run until the server has ended, then once more
	close     []func() error          // in this order
}

// ground is what the house stands on: what is kept, and who is known.
type ground struct {
	log      *slog.Logger
	now      latchkey.Clock
	keys     *auth.Keys
	db       *sqlite.Store
	hasher   *password.Hasher
	verifier *auth.Verifier
	heads    *audit.Heads
	trail    *audit.Recorder
	homes    *homedir.Homes
	homeRoot string
	observed *observe.Book
	days     *observe.Days
}

// build wires the house from the ground up. What was begun before the last stop
// is finished before anybody is let in.
func build(ctx context.Context, c config.Config, log *slog.Logger) (_ *house, err error) {
	h := &house{ground: ground{log: log, now: time.Now}}
	defer func() {
		if err != nil {
			h.shut()
		}
	}()
	debug.SetGCPercent(400) // the heap is small: most of what is kept is outside it
	for _, floor := range []func(context.Context, *config.Config) error{
		h.openData, h.openHomes, h.makeEstate, h.finishBegun, h.openSites, h.takeCalls, h.keepWatch,
	} {
		if err := floor(ctx, &c); err != nil {
			return nil, err
		}
	}
	if err := h.server.Listen(); err != nil {
		return nil, err
	}
	h.estate.Server.Sites, h.estate.Server.Doors = h.doors(c), h.shown
	return h, nil
}

// openData takes the data for this server alone, and reads who is known.
func (h *house) openData(ctx context.Context, c *config.Config) error {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return err
	}
	unlock, err := lock(filepath.Join(c.Data, "lock"))
	if err != nil {
		return err
	}
	h.close = append(h.close, unlock)
	if err := durable.Sweep(c.Data); err != nil {
		return err
	}
	if h.keys, err = loadKeys(c.Data); err != nil {
		return err
	}
	h.db, err = sqlite.Open(ctx, filepath.Join(c.Data, "latchkey.db"), sqlite.Options{Now: h.now})
	if err != nil {
		return err
	}
	h.close = append([]func() error{h.db.Close}, h.close...)
	h.hasher = password.New(0)
	h.verifier, err = auth.NewVerifier(ctx, auth.Config{Store: h.db, Keys: h.keys, Hasher: h.hasher, Now: h.now, Log: h.log})
	if err != nil {
		return err
	}
	h.heads = &audit.Heads{Path: filepath.Join(c.Data, "audit.head"), Keys: h.keys}
	h.trail = audit.NewRecorder(h.db, h.now, h.log, h.heads)
	h.trail.Keep = audit.Retention{Days: c.AuditKeepDays, Folder: c.AuditFolder}
	if err := h.heads.Begin(ctx, h.db); err != nil {
		h.trail.Warn(err)
	}
	h.observed = &observe.Book{Store: h.db, Now: h.now, Log: h.log}
	h.days = &observe.Days{Store: h.db, Now: h.now, Log: h.log}
	h.keepers = append(h.keepers, h.observed.Run, h.days.Run)
	return nil
}

// openHomes opens the folder of the accounts' homes.
func (h *house) openHomes(_ context.Context, c *config.Config) (err error) {
	if h.homeRoot = c.Homes; h.homeRoot == "" {
		h.homeRoot = filepath.Join(c.Data, "homes")
	}
	if err := os.MkdirAll(h.homeRoot, 0o711); err != nil {
		return err
	}
	if h.homes, err = homedir.Open(h.homeRoot); err != nil {
		return err
	}
	h.close = append([]func() error{h.homes.Close}, h.close...)
	return nil
}

// makeEstate makes what all accounts have together, over the parts that are here.
func (h *house) makeEstate(ctx context.Context, c *config.Config) error {
	host := hosting.Server{Hostname: hostname(*c), IP: c.IP, Version: wire.APILevel, MinStrength: c.MinPasswordStrength, Findings: findingsOf(*c)}
	var err error
	if host.Nameservers, err = nameservers(*c); err != nil {
		return err
	}
	dns, err := h.nameServer(ctx, *c, h.log)
	if err != nil {
		return err
	}
	if host.DNS = dns != nil; h.bind != nil {
		host.DNSServer, host.DNSSEC = h.bind.Name(), h.bind.Signs()
	}
	web, err := webserver(*c)
	if err != nil {
		return err
	}
	host.Web = web != "off"
	settings := estate.Config{
		Auth: h.verifier, Store: h.db, Trail: h.trail, Keys: h.keys, Hasher: h.hasher, Homes: h.homes, Mail: maildir.New(h.homes),
		Server: host, HomeRoot: h.homeRoot, Queue: filepath.Join(c.Data, "queue"), Observed: h.observed, Now: h.now, Log: h.log,
		MostTokens: c.TokensPerAccount, ZoneSize: c.ZoneKilobytes << 10, MostZones: c.ZonesPerAccount,
	}
	if dns != nil {
		settings.DNS = dns
	}
	if settings.Templates, err = zoneTemplates(*c); err != nil {
		return err
	}
	if settings.Notices, err = notices(*c); err != nil {
		return err
	}
	if settings.MailOut, err = mailOut(*c, settings.Notices); err != nil {
		return err
	}
	h.estate = estate.New(settings)
	return h.mailServer(ctx, *c, h.log)
}

// finishBegun finishes what was begun before the last stop, and makes what every
// server has.
func (h *house) finishBegun(ctx context.Context, _ *config.Config) error {
	n, err := h.estate.Recover(ctx)
	if err != nil {
		return err
	}
	if n > 0 {
		h.log.Info("finished what was begun before the last stop", "changes", n)
	}
	return h.estate.Bootstrap(ctx, latchkey.Secret{})
}

// openSites begins to serve the accounts' sites, and to get certificates.
func (h *house) openSites(ctx context.Context, c *config.Config) error {
	web, err := webserver(*c)
	if err != nil {
		return err
	}
	name := latchkey.Domain(zone.HostName(h.estate.Server.Hostname))
	if err := h.serveSites(ctx, c, web, sites.Options{Source: h.estate, Homes: h.homes, Hostname: name, Own: h.own, Log: h.log}); err != nil {
		return err
	}
	return h.getCertificates(ctx, *c)
}

// takeCalls makes the one way of a call, and the doors that lead to it.
func (h *house) takeCalls(_ context.Context, c *config.Config) (err error) {
	missed := compat.Open(filepath.Join(c.Data, "missed.json"), h.now, h.log)
	h.keepers = append(h.keepers, missed.Run)
	h.calls = &call.Service{Auth: h.verifier, Binder: h.estate, Audit: h.trail, Missed: missed, Observed: h.observed, Days: h.days, Now: h.now, Log: h.log}
	h.calls.Registry = registry(h.calls)
	h.estate.Reads = h.calls.Registry.Reads
	if h.server, err = listeners(*c, h, h.estate.Server, h.log, h.now()); err != nil {
		return err
	}
	h.server.Routes.Local = &wire.Local{
		Door: &wire.Door{Calls: h.calls, Log: h.log}, Store: h.db, Heads: h.heads, Trail: h.trail,
	}
	return nil
}

// keepWatch begins what goes on beside the calls.
func (h *house) keepWatch(_ context.Context, c *config.Config) error {
	h.keepers = append(h.keepers, h.verifier.Run, h.verifier.RunSessions, h.verifier.RunSources, h.trail.Run, h.estate.RunUsage, h.estate.RunRepairs, h.estate.RunNotices, h.estate.RunOutgoing)
	if err := h.filterMail(c); err != nil {
		return err
	}
	if c.AuditSyslog != "" {
		network, address, err := audit.ParseSyslog(c.AuditSyslog)
		if err != nil {
			return err
		}
		second := audit.Syslog{Network: network, Address: address, Hostname: h.estate.Server.Hostname, Heads: h.heads, Store: h.db, Now: h.now, Log: h.log}
		h.keepers = append(h.keepers, second.Run)
	}
	if addr := os.Getenv("LATCHKEY_PPROF"); addr != "" {
		keep, err := profiler(addr)
		if err != nil {
			return err
		}
		h.keepers = append(h.keepers, keep)
	}
	return nil
}

// doors are the addresses that links lead to: the server's name, or where it
// listens if that is this machine alone.
func (h *house) doors(c config.Config) (doors [3]string) {
	for audience, name := range map[latchkey.Audience]string{latchkey.ForAccount: "account", latchkey.ForHost: "host", latchkey.ForWebmail: "webmail"} {
		at, err := netip.ParseAddrPort(h.server.Address(name))
		if err != nil {
			continue
		}
		host := hostname(c)
		if at.Addr().IsLoopback() {
			host = at.Addr().String()
		}
		doors[audience] = "https://" + net.JoinHostPort(host, strconv.Itoa(int(at.Port())))
	}
	return doors
}

// loadKeys reads the keys of a server's data. They are made for a new server
// only: with other keys than its own a database has no token that is accepted.
func loadKeys(data string) (*auth.Keys, error) {
	key := filepath.Join(data, "token.key")
	if !exists(key) && exists(filepath.Join(data, "latchkey.db")) {
		return nil, fmt.Errorf("%s is missing, but there is a database: put it back from a backup, a new one makes all tokens invalid", key)
	}
	return auth.LoadKeys(key)
}

// registry holds every function there is.
func registry(calls *call.Service) *api.Registry {
	return api.NewRegistry(module.Account(calls.Nested, calls.FeaturesOf), module.Host(calls.Nested, calls.NestedHost, calls.Missed.List, calls.HostNames))
}

func listeners(c config.Config, h *house, host hosting.Server, log *slog.Logger, now time.Time) (*server.Server, error) {
	proxies, err := wire.ParseProxies(c.TrustedProxies)
	if err != nil {
		return nil, fmt.Errorf("trusted_proxies: %w", err)
	}
	pages := web.New(web.Config{Calls: h.calls, Hostname: host.Hostname, Now: time.Now, Log: log})
	door := func(audience latchkey.Audience, inClear bool) *wire.Door {
		d := &wire.Door{Calls: h.calls, Audience: audience, InClear: inClear, Proxies: proxies, Log: log}
		if audience != latchkey.ForWebmail {
			d.Pages = pages
		}
		return d
	}
	h.socket = c.Socket
	if h.socket == "" {
		h.socket = filepath.Join(c.Data, "latchkey.sock")
	}
	s := &server.Server{
		Routes: server.Routes{
			Account: door(latchkey.ForAccount, false), AccountPlain: door(latchkey.ForAccount, true),
			Host: door(latchkey.ForHost, false), HostPlain: door(latchkey.ForHost, true),
			Webmail: door(latchkey.ForWebmail, false), WebmailPlain: door(latchkey.ForWebmail, true),
		},
		Addresses: server.Addresses{
			Account: c.Account, AccountPlain: c.AccountPlain, Host: c.Host, HostPlain: c.HostPlain,
			Webmail: c.Webmail, WebmailPlain: c.WebmailPlain, Services: c.Services, LMTP: c.LMTP, Socket: h.socket, Sites: c.Sites, SitesSecure: c.SitesTLS,
		},
		Mail: h.estate.Deliveries(), Sites: h.sites, Spool: c.Data, Hostname: host.Hostname, Proxies: proxies, Log: log,
	}
	if c.Certificate == "" {
		h.estate.Doors = &ownDoors{h: h, c: c}
	}
	err = h.certify(context.Background(), s, c, now)
	h.keepers = append(h.keepers, func(ctx context.Context) {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(12 * time.Hour):
			}
			if err := h.certify(ctx, s, c, time.Now()); err != nil {
				log.Error("renewing the certificate", "err", err)
			}
		}
	})
	return s, err
}

func hostname(c config.Config) string {
	if c.Hostname != "" {
		return c.Hostname
	}
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "localhost"
}

// lock keeps a second server off the same data.
func lock(path string) (func() error, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("another server uses %s: end it, or choose another data directory", filepath.Dir(path))
	}
	return f.Close, nil
}

// dns is where the name server can be asked, "" for nowhere.
func (h *house) dns() string {
	switch {
	case h.bind != nil:
		return h.bind.Address()
	case h.names != nil:
		return h.names.Address()
	}
	return ""
}

// run serves until ctx ends. What gathers in memory is written down after the
// last call is over.
func (h *house) run(ctx context.Context) error {
	keeping, stop := context.WithCancel(context.Background())
	var keepers sync.WaitGroup
	for _, keep := range h.keepers {
		keepers.Go(func() { keep(keeping) })
	}
	err := h.server.Run(ctx)
	stop()
	keepers.Wait()
	return errors.Join(err, h.shut())
}

func (h *house) shut() (err error) {
	for _, c := range h.close {
		err = errors.Join(err, c())
	}
	h.close = nil
	return err
}
