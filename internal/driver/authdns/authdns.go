// Package authdns is an authoritative DNS server: it answers for the zones that
// it is given, over UDP and TCP, and for nothing else. It never asks others.
// Start at [Server].
//
// # Zones
//
// A [Zone] is one version of a zone and never changes; a change makes another
// one, which shares with it what stayed the same, and the server swaps the two
// in one step. Questions wait for nobody: each is answered from one version,
// whole transfers too.
//
// # Answers
//
// Answers hold what was asked for and no more: no list of name servers beside a
// positive answer (RFC 9715 has the sizes, RFC 8482 what ANY gets). All records
// of a name and type have the lowest TTL that one of them was given. There is no
// DNSSEC: records of its types that a zone has are answered like any others.
package authdns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Options tell how to serve. Zero fields take the default.
type Options struct {
	// Secondaries may transfer zones, and are told of changes.
	Secondaries []netip.AddrPort
	// Key signs transfers and what secondaries are told; without one they are
	// not signed. With one, a transfer that is not signed is refused.
	Key *Key
	// Rate is how many answers of a kind a network (/24 or /56) gets a second
	// over UDP; what is more is dropped, or cut short so that who really asks
	// tries again over TCP. Negative is no limit; 200. This machine has none.
	Rate           int
	MaxConnections int           // over TCP; more must wait; 256
	IdleTimeout    time.Duration // of a TCP connection; 10 seconds
	Logger         *slog.Logger  // slog.Default()
}

func (o Options) withDefaults() Options {
	set := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	set(&o.Rate, 200)
	set(&o.MaxConnections, 256)
	if o.IdleTimeout == 0 {
		o.IdleTimeout = 10 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// Server answers for zones. Make one with [New]. Its methods may be called at
// any time by many goroutines.
type Server struct {
	o       Options
	zones   table
	memory  *memory
	limit   *limiter
	notices *notifier

	mu      sync.Mutex
	address string // where it listens; "" if nowhere
	udp     *net.UDPConn
	tcp     net.Listener
	running bool
}

// New makes a server without zones that does not listen yet.
func New(o Options) *Server {
	s := &Server{o: o.withDefaults(), memory: newMemory()}
	s.limit = newLimiter(s.o.Rate)
	s.notices = newNotifier(s.o)
	return s
}

// Put makes z the zone of its name: questions that come after Put has returned
// are answered from it. Secondaries are told.
func (s *Server) Put(z *Zone) {
	s.zones.put(z)
	s.notices.changed(z)
}

// Promise announces a zone that is loaded when somebody first asks for it. A
// zone that is there already stays. While load fails, what is asked of the zone
// is answered with SERVFAIL.
func (s *Server) Promise(origin string, load func() (*Zone, error)) error {
	return s.zones.promise(origin, func() (*Zone, error) {
		z, err := load()
		if err != nil {
			s.o.Logger.Error("dns: a zone could not be loaded", slog.String("zone", origin), slog.Any("err", err))
		}
		return z, err
	})
}

// Update takes records away from a zone and adds others, as [Zone.With] does.
// Fails with [ErrNoZone], and with [ErrStale] where a whole zone must be put.
func (s *Server) Update(origin string, remove, add []dns.RR) error {
	slot := s.zones.at(origin)
	if slot == nil {
		return ErrNoZone
	}
	z, err := slot.update(func(z *Zone) (*Zone, error) { return z.With(remove, add) })
	if err == nil {
		s.notices.changed(z)
	}
	return err
}

// Remove takes a zone away. There need not be one.
func (s *Server) Remove(origin string) { s.zones.remove(origin) }

// Zone is the zone called origin, loaded if need be. Fails with [ErrNoZone].
func (s *Server) Zone(origin string) (*Zone, error) {
	slot := s.zones.at(origin)
	if slot == nil {
		return nil, ErrNoZone
	}
	return slot.get()
}

// ErrNoZone is the error for a zone that the server does not have.
var ErrNoZone = errors.New("there is no such zone")

// Address is where the server listens, "" if nowhere.
func (s *Server) Address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.address
}

// Listen opens address for UDP and TCP. Port 0 is one that is free for both.
func (s *Server) Listen(address string) error {
	const tries = 20
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		tcp, udp, err := listen(address)
		if err == nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.tcp, s.udp, s.address = tcp, udp, tcp.Addr().String()
			return nil
		}
		if port != "0" || i == tries {
			return err
		}
	}
}

func listen(address string) (net.Listener, *net.UDPConn, error) {
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return nil, nil, err
	}
	host, _, _ := net.SplitHostPort(address)
	_, port, _ := net.SplitHostPort(tcp.Addr().String())
	udp, err := net.ListenPacket("udp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, nil, errors.Join(err, tcp.Close())
	}
	return tcp, udp.(*net.UDPConn), nil
}

// Close closes what Listen opened and Run does not serve.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.address == "" {
		return nil
	}
	s.address = ""
	return errors.Join(s.tcp.Close(), s.udp.Close())
}

// Run answers until ctx ends, and closes what Listen opened. An error is a
// listener's.
func (s *Server) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	s.run(true)
	defer s.run(false)
	var wg sync.WaitGroup
	wg.Go(func() { s.notices.run(ctx) })
	for _, server := range s.servers() {
		if d, ok := server.PacketConn.(*datagrams); ok {
			for range readers {
				wg.Go(d.run)
			}
		}
		wg.Go(func() {
			if err := server.ActivateAndServe(); err != nil && ctx.Err() == nil {
				stop(fmt.Errorf("dns: %w", err))
			}
		})
		wg.Go(func() {
			<-ctx.Done()
			patience, cancel := context.WithTimeout(context.Background(), drain)
			defer cancel()
			_ = server.ShutdownContext(patience)
		})
	}
	<-ctx.Done()
	err := s.Close()
	wg.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (s *Server) run(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = on
}

// readers is how many read what comes over UDP: while one answers, another reads.
const readers = 2

// drain is how long answers under way may take when the server stops.
const drain = 2 * time.Second

func (s *Server) servers() []*dns.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.address == "" {
		return nil
	}
	idle := func() time.Duration { return s.o.IdleTimeout }
	return []*dns.Server{
		{PacketConn: newDatagrams(s, s.udp), Handler: s, UDPSize: dns.DefaultMsgSize, TsigProvider: s.o.Key},
		{Listener: newGate(s.tcp, s.o.MaxConnections), Handler: s, TsigProvider: s.o.Key, IdleTimeout: idle, ReadTimeout: s.o.IdleTimeout, WriteTimeout: s.o.IdleTimeout},
	}
}
