package sites_test

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey/latchkey/internal/driver/sites"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// pipes is a listener of connections in memory, so that time is the test's.
type pipes struct {
	conns chan net.Conn
	ended chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.ended) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// held is the server's end of a connection.
type held struct {
	net.Conn
	closed atomic.Bool
}

func (h *held) Close() error {
	h.closed.Store(true)
	return h.Conn.Close()
}

// piped is a client's end of a connection to a server that knows no site, and the
// server's.
func piped(t *testing.T, secure bool) (net.Conn, *held) {
	own := newCertificate(t, "host.example")
	r := &rig{T: t, sites: map[latchkey.Domain]*sites.Site{}}
	s := sites.New(sites.Options{Source: r, Hostname: "host.example", Own: func() *tls.Certificate { return own }, Log: slog.New(slog.DiscardHandler)})
	on := [2]*pipes{}
	for i := range on {
		on[i] = &pipes{conns: make(chan net.Conn, 1), ended: make(chan struct{})}
	}
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- s.Run(ctx, on[0], on[1]) }()
	near, far := net.Pipe()
	h := &held{Conn: far}
	if secure {
		on[1].conns <- h
	} else {
		on[0].conns <- h
	}
	t.Cleanup(func() {
		near.Close()
		stop()
		<-over
	})
	return near, h
}

// TestDoesNotRead: who asks and does not take the answer is hung up on, whatever
// the answer is.
func TestDoesNotRead(t *testing.T) {
	for _, ask := range []string{
		"GET / HTTP/1.1\r\nHost: nobody.example\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: nobody.example\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			c, far := piped(t, false)
			if _, err := io.WriteString(c, ask); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Minute)
			if !far.closed.Load() {
				t.Errorf("%q: the connection is open after ten minutes", ask)
			}
		})
	}
}

// TestDoesNotReadFrames: so is who speaks HTTP/2.
func TestDoesNotReadFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, far := piped(t, true)
		// With TLS 1.2 a server says nothing of its own after the handshake.
		secure := tls.Client(c, &tls.Config{ServerName: "host.example", InsecureSkipVerify: true, NextProtos: []string{"h2"}, MaxVersion: tls.VersionTLS12})
		if err := secure.Handshake(); err != nil || secure.ConnectionState().NegotiatedProtocol != "h2" {
			t.Fatal(err, secure.ConnectionState().NegotiatedProtocol)
		}
		if _, err := io.WriteString(secure, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if !far.closed.Load() {
			t.Error("the connection is open after ten minutes")
		}
	})
}
