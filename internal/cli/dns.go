package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/config"
	"github.com/latchkey/latchkey/internal/driver/authdns"
	"github.com/latchkey/latchkey/internal/driver/bind"
	"github.com/latchkey/latchkey/internal/estate"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/zone"
)

// dnsPort is where name servers are asked.
const dnsPort = 53

// nameServer makes what answers for zones; nil if nothing does.
func (h *house) nameServer(ctx context.Context, c config.Config, log *slog.Logger) (estate.Nameserver, error) {
	part, err := bindPart(ctx, c, log)
	if err != nil {
		return nil, err
	}
	if part != nil {
		h.bind = part
		h.keepers = append(h.keepers, part.Run)
		return part, nil
	}
	if h.names, err = embedded(c, log); h.names == nil {
		return nil, err
	}
	h.close = append([]func() error{h.names.Close}, h.close...)
	h.keepers = append(h.keepers, keepNames(h.names, log))
	return authdns.Part{Server: h.names}, nil
}

// bindPart is BIND or NSD, if it is to answer for zones. Where BIND is one of several
// choices and does not listen, it is none, and the log says so.
func bindPart(ctx context.Context, c config.Config, log *slog.Logger) (*bind.Part, error) {
	switch c.DNSDriver {
	case "bind":
	case "nsd":
		return openNSD(ctx, c, log)
	case "", "auto":
		if c.BINDZones == "" {
			return nil, nil
		}
	case "embedded", "off":
		return nil, nil
	default:
		return nil, fmt.Errorf("dns_driver is “%s”: use auto, embedded, bind, nsd or off", c.DNSDriver)
	}
	part, err := openBIND(ctx, c, log)
	if err != nil && c.DNSDriver != "bind" {
		log.Warn("BIND is not used: the server answers for zones itself", "err", err)
		return nil, nil
	}
	return part, err
}

func openBIND(ctx context.Context, c config.Config, log *slog.Logger) (*bind.Part, error) {
	if c.BINDZones == "" {
		return nil, errors.New("bind_zones is not set: name a directory that BIND may read")
	}
	dir, err := filepath.Abs(c.BINDZones)
	if err != nil {
		return nil, err
	}
	command, err := rndcCommand(c)
	if err != nil {
		return nil, err
	}
	return reached(ctx, bind.Options{Dir: dir, Address: c.BINDAddress, Rndc: command, Logger: log})
}

func openNSD(ctx context.Context, c config.Config, log *slog.Logger) (*bind.Part, error) {
	if c.NSDZones == "" {
		return nil, errors.New("nsd_zones is not set: name a directory that NSD may read")
	}
	dir, err := filepath.Abs(c.NSDZones)
	if err != nil {
		return nil, err
	}
	command := strings.Fields(c.NSDControl)
	if len(command) == 0 {
		command = []string{"nsd-control"}
	}
	return reached(ctx, bind.Options{Kind: bind.NSD, Dir: dir, Address: c.NSDAddress, Rndc: command, Logger: log})
}

// reached is a part whose name server listens.
func reached(ctx context.Context, o bind.Options) (*bind.Part, error) {
	part, err := bind.New(o)
	if err == nil {
		err = part.Ping(ctx)
	}
	if err != nil {
		return nil, err
	}
	return part, nil
}

// rndcKey is the key that rndc has where no other was set.
func rndcKey(c config.Config) string { return filepath.Join(c.Data, "rndc.key") }

// rndcCommand is the command that talks to BIND, with a key.
func rndcCommand(c config.Config) ([]string, error) {
	words := strings.Fields(c.BINDRndc)
	if len(words) == 0 {
		words = []string{"rndc"}
	}
	if slices.Contains(words, "-k") || slices.Contains(words, "-c") {
		return words, nil
	}
	return append(words, "-k", rndcKey(c)), bind.EnsureKey(rndcKey(c))
}

// embedded makes the server's own name server, listening; nil if there is to be
// none.
func embedded(c config.Config, log *slog.Logger) (*authdns.Server, error) {
	if c.DNS == "" || c.DNS == "off" || c.DNSDriver == "off" {
		return nil, nil
	}
	o, err := dnsOptions(c, log)
	if err != nil {
		return nil, err
	}
	s := authdns.New(o)
	if c.DNS != "auto" {
		if err := s.Listen(c.DNS); err != nil {
			return nil, fmt.Errorf("listening for questions about names: %w", err)
		}
		return s, nil
	}
	if err := s.Listen(dnsAuto); err != nil {
		log.Warn("nobody can ask the name server: set dns to an address that it can have, or to off", "err", err)
	}
	return s, nil
}

// dnsAuto is where the name server listens if it was not told where.
const dnsAuto = ":53"

func dnsOptions(c config.Config, log *slog.Logger) (o authdns.Options, err error) {
	o = authdns.Options{Rate: c.DNSRate, Logger: log}
	if c.DNSRate <= 0 {
		o.Rate = -1
	}
	if o.Secondaries, err = secondaries(c.DNSSecondaries); err != nil || c.DNSKey == "" {
		return o, err
	}
	text, err := os.ReadFile(c.DNSKey)
	if err != nil {
		return o, fmt.Errorf("dns_key: %w", err)
	}
	if o.Key, err = authdns.ParseKey(string(text)); err != nil {
		return o, fmt.Errorf("dns_key: %s: %w", c.DNSKey, err)
	}
	return o, nil
}

// secondaries reads a list of addresses, each with a port or without.
func secondaries(list string) (all []netip.AddrPort, err error) {
	for _, word := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		to, err := netip.ParseAddrPort(word)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(strings.Trim(word, "[]")); err != nil {
				return nil, fmt.Errorf("dns_secondaries: “%s” is not an IP address", word)
			}
			to = netip.AddrPortFrom(a, dnsPort)
		}
		all = append(all, to)
	}
	return all, nil
}

// keepNames answers questions about names until the server has ended.
func keepNames(s *authdns.Server, log *slog.Logger) func(context.Context) {
	return func(ctx context.Context) {
		if err := s.Run(ctx); err != nil {
			log.Error("the name server ended: start the server again", "err", err)
		}
	}
}

// zoneTemplates are the templates of zones; nil for the built-in one alone.
func zoneTemplates(c config.Config) (*zone.Templates, error) {
	if c.ZoneTemplates == "" {
		return nil, nil
	}
	t, err := zone.OpenTemplates(c.ZoneTemplates)
	if err != nil {
		return nil, fmt.Errorf("zone_templates: %w", err)
	}
	return t, nil
}

// nameservers are the names in the NS records of new zones.
func nameservers(c config.Config) (names []string, err error) {
	for name := range strings.SplitSeq(c.NameServers, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		d, err := hosting.ParseDomain(name)
		if err != nil {
			return nil, fmt.Errorf("nameservers: “%s” is not a host name", name)
		}
		names = append(names, string(d))
	}
	if len(names) > 4 {
		return nil, errors.New("nameservers: there are four at most")
	}
	return names, nil
}
