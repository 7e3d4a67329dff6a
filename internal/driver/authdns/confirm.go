package authdns

import (
	"context"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"github.com/latchkey/latchkey/internal/loopback"
)

// Confirm returns when the server gives serial, or a later one, for the zone
// called origin to who asks over the network; where it does not run, or listens
// nowhere, when it would. Fails if it does not, within two seconds.
func (s *Server) Confirm(ctx context.Context, origin string, serial uint32) error {
	got, err := s.ask(ctx, origin)
	if err != nil {
		return fmt.Errorf("the zone %s is not served: %w", origin, err)
	}
	if int32(got-serial) < 0 {
		return fmt.Errorf("the zone %s is served with serial %d, not %d", origin, got, serial)
	}
	return nil
}

// ask is the serial that the server gives for a zone.
func (s *Server) ask(ctx context.Context, origin string) (uint32, error) {
	s.mu.Lock()
	address, running := s.address, s.running
	s.mu.Unlock()
	if address == "" || !running {
		z, err := s.Zone(origin)
		if err != nil {
			return 0, err
		}
		return z.Serial(), nil
	}
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(origin), dns.TypeSOA)
	m.RecursionDesired = false
	c := &dns.Client{Timeout: 2 * time.Second}
	reply, _, err := c.ExchangeContext(ctx, m, loopback.Near(address))
	if err != nil {
		return 0, err
	}
	if len(reply.Answer) == 1 {
		if soa, ok := reply.Answer[0].(*dns.SOA); ok {
			return soa.Serial, nil
		}
	}
	return 0, fmt.Errorf("the answer is %s", dns.RcodeToString[reply.Rcode])
}
