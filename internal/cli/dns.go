package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"

	"github.com/latchkey/latchkey/internal/config"
	"github.com/latchkey/latchkey/internal/driver/authdns"
)

// dnsPort is where name servers are asked.
const dnsPort = 53

// nameServer makes the name server, listening; nil if there is to be none.
func nameServer(c config.Config, log *slog.Logger) (*authdns.Server, error) {
	if c.DNS == "" || c.DNS == "off" {
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
