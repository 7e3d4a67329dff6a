package bind

import (
	"context"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"github.com/latchkey/latchkey/internal/zone"
)

// patience is how long BIND may take until it answers with what it was told.
const patience = 10 * time.Second

// newer reports whether serial is not before least (RFC 1982).
func newer(serial, least uint32) bool { return int32(serial-least) >= 0 }

// answer is what BIND answers for a zone.
type answer struct {
	serial uint32
	signed bool // BIND signs it
}

// ask is what BIND answers for a zone now, and whether it answers for it.
func (p *Part) ask(ctx context.Context, apex string) (a answer, known bool) {
	m := new(dns.Msg)
	m.SetQuestion(apex, dns.TypeSOA)
	m.RecursionDesired = false
	m.SetEdns0(1232, true)
	c := &dns.Client{Timeout: 2 * time.Second}
	reply, _, err := c.ExchangeContext(ctx, m, p.o.Address)
	if err != nil || !reply.Authoritative {
		return a, false
	}
	for _, rr := range reply.Answer {
		switch rr := rr.(type) {
		case *dns.SOA:
			a.serial, known = rr.Serial, true
		case *dns.RRSIG:
			a.signed = true
		}
	}
	return a, known
}

// confirm returns when the name server answers for a zone as will do, as often in a row
// as it takes: while NSD changes over processes of both versions take questions.
func (p *Part) confirm(ctx context.Context, z *zone.Zone, will func(answer) bool) error {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	left := p.dialect.answers
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		a, known := p.ask(ctx, z.Apex())
		if known && will(a) {
			if left--; left == 0 {
				return nil
			}
			continue
		}
		left = p.dialect.answers
		select {
		case <-ctx.Done():
			if !known {
				return fmt.Errorf("%s does not answer for the zone %s", p.dialect.server, z.Name())
			}
			return fmt.Errorf("%s serves the zone %s with serial %d, not %d", p.dialect.server, z.Name(), a.serial, z.Serial())
		case <-time.After(wait):
		}
	}
}
