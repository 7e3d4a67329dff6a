package authdns

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// notifier tells secondaries of changes (NOTIFY, RFC 1996), each at its own
// pace. What one of them cannot be told now is tried again some times; a
// secondary asks by itself, too, as the SOA record tells it to.
type notifier struct {
	o       Options
	readers []*mailbox
}

func newNotifier(o Options) *notifier {
	n := &notifier{o: o}
	for _, to := range o.Secondaries {
		n.readers = append(n.readers, &mailbox{to: to, news: make(map[string]notice), wake: make(chan struct{}, 1)})
	}
	return n
}

func (n *notifier) changed(z *Zone) {
	for _, m := range n.readers {
		m.put(notice{zone: z})
	}
}

func (n *notifier) run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, m := range n.readers {
		wg.Go(func() {
			for ctx.Err() == nil {
				n.tell(ctx, m)
			}
		})
	}
	wg.Wait()
}

// mailbox is what one secondary has to be told, one notice a zone.
type mailbox struct {
	to   netip.AddrPort
	wake chan struct{}

	mu   sync.Mutex
	news map[string]notice
}

// notice is a zone that has changed.
type notice struct {
	zone  *Zone
	tries int
	due   time.Time
}

// pauses are how long to wait after each try that failed.
var pauses = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute}

// put takes a notice, unless a later one of its zone is there.
func (m *mailbox) put(n notice) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.news[n.zone.origin]; ok && n.tries > 0 && old.zone != n.zone {
		return
	}
	m.news[n.zone.origin] = n
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// take takes a notice that is due, or tells how long there will be none.
func (m *mailbox) take(now time.Time) (n notice, wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	wait = time.Hour
	for origin, n := range m.news {
		if left := n.due.Sub(now); left > 0 {
			wait = min(wait, left)
			continue
		}
		delete(m.news, origin)
		return n, 0
	}
	return notice{}, wait
}

// tell tells a secondary of one change, or waits for one.
func (n *notifier) tell(ctx context.Context, m *mailbox) {
	news, wait := m.take(time.Now())
	if news.zone == nil {
		select {
		case <-ctx.Done():
		case <-m.wake:
		case <-time.After(wait):
		}
		return
	}
	err := n.notify(ctx, m.to, news.zone)
	if err == nil || ctx.Err() != nil {
		return
	}
	log := []any{slog.String("zone", news.zone.origin), slog.String("to", m.to.String()), slog.Any("err", err)}
	if news.tries == len(pauses) {
		n.o.Logger.Warn("dns: a secondary was not told of a change", log...)
		return
	}
	n.o.Logger.Debug("dns: a secondary is told of a change again", log...)
	news.due = time.Now().Add(pauses[news.tries])
	news.tries++
	m.put(news)
}

func (n *notifier) notify(ctx context.Context, to netip.AddrPort, z *Zone) error {
	m := new(dns.Msg)
	m.SetNotify(z.origin)
	m.Answer = []dns.RR{z.soa}
	n.o.Key.sign(m, time.Now().Unix())
	c := &dns.Client{Timeout: 2 * time.Second, TsigProvider: n.o.Key}
	reply, _, err := c.ExchangeContext(ctx, m, to.String())
	if err == nil && reply.Rcode != dns.RcodeSuccess {
		err = fmt.Errorf("it answered %s", dns.RcodeToString[reply.Rcode])
	}
	return err
}
