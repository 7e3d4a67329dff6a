package server

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// elsewhere is a listener whose connections come from wherever the test says.
type elsewhere struct {
	net.Listener
	from chan string
}

func (l *elsewhere) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &traveller{c, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(<-l.from))}, nil
}

type traveller struct {
	net.Conn
	from net.Addr
}

func (c *traveller) RemoteAddr() net.Addr { return c.from }

// place is a listener under test, and who has come in.
type place struct {
	t    *testing.T
	from chan string
	in   chan net.Conn
	at   string
}

func open(t *testing.T, limit int) *place {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, from: make(chan string, 1), in: make(chan net.Conn, 1), at: l.Addr().String()}
	t.Cleanup(func() { _ = l.Close() })
	at := limited(&elsewhere{l, p.from}, newCrowd(limit, nil))
	go func() {
		for {
			c, err := at.Accept()
			if err != nil {
				return
			}
			p.in <- c
		}
	}()
	return p
}

// come is a connection from an address, the server's end of it, or nil if it
// was turned away.
func (p *place) come(from string) net.Conn {
	p.t.Helper()
	c, err := net.Dial("tcp", p.at)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = c.Close() })
	p.from <- from
	closed := make(chan struct{})
	go func() { _, _ = c.Read(make([]byte, 1)); close(closed) }()
	select {
	case in := <-p.in:
		return in
	case <-closed:
		return nil
	case <-time.After(5 * time.Second):
		p.t.Fatal("the connection is neither taken nor turned away")
		return nil
	}
}

// all brings n connections and returns those that were taken.
func (p *place) all(n int, from string) (in []net.Conn) {
	for range n {
		if c := p.come(from); c != nil {
			in = append(in, c)
		}
	}
	return in
}

const (
	here  = "127.0.0.1:4000"
	here6 = "[::1]:4000"
	there = "192.0.2.7:4000"
)

func TestConnectionLimit(t *testing.T) {
	p := open(t, 3)
	in := append(p.all(2, here), p.all(3, there)...)
	if len(in) != 3 {
		t.Fatalf("%d connections at once, want 3", len(in))
	}
	_ = in[0].Close()
	_ = in[0].Close() // gives back one place, not two
	if again := p.all(2, there); len(again) != 1 {
		t.Errorf("%d connections in the place of one", len(again))
	}
}

func TestConnectionsOfOneSource(t *testing.T) {
	for _, test := range []struct {
		from, also string // also: counted with from
		want       int
	}{
		{there, "[::ffff:192.0.2.7]:1", perSource},
		{"[2001:db8:1:2::1]:4000", "[2001:db8:1:2:a:b:c:d]:1", perSource},
		{here, "", perSource + 5},
		{here6, "", perSource + 5},
		{"[::ffff:127.0.0.1]:4000", "", perSource + 5},
	} {
		p := open(t, 2*perSource)
		in := p.all(perSource+5, test.from)
		if len(in) != test.want {
			t.Errorf("%d connections from %s, want %d", len(in), test.from, test.want)
		}
		if test.also == "" {
			continue
		}
		if p.come(test.also) != nil {
			t.Errorf("%s is counted apart from %s", test.also, test.from)
		}
		if p.come("198.51.100.9:1") == nil {
			t.Errorf("%s keeps others out", test.from)
		}
		_ = in[0].Close()
		if p.come(test.also) == nil || p.come(test.from) != nil {
			t.Errorf("closing one connection of %s does not make room for one", test.from)
		}
	}
}

// A client with Nagle's algorithm on holds its request back until its Finished
// is acknowledged, which a kernel left alone does after 40 ms.
func TestFirstRequest(t *testing.T) {
	s := serve(t, says, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	plain := s.http(says)
	go func() { _ = plain.Serve(tls.NewListener(l, s.tls())) }()
	t.Cleanup(func() { _ = plain.Close() })

	var with, without []time.Duration
	for range 50 {
		with = append(with, firstRequest(t, s.Address("account"), s.client))
		without = append(without, firstRequest(t, l.Addr().String(), s.client))
	}
	slices.Sort(with)
	slices.Sort(without)
	ours, bare := with[len(with)/2], without[len(without)/2]
	t.Logf("the first request takes %v, %v without quick acknowledgement", ours, bare)
	if bare < 20*time.Millisecond {
		t.Log("this system does not hold acknowledgements back: nothing to see")
		return
	}
	if ours > bare/2 {
		t.Errorf("the first request takes %v, %v without quick acknowledgement", ours, bare)
	}
}

// firstRequest is how long the first request of a connection takes, after the
// client's last word of the handshake.
func firstRequest(t *testing.T, at string, conf *tls.Config) time.Duration {
	t.Helper()
	tcp, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	c := tls.Client(tcp, conf)
	err = errors.Join(tcp.(*net.TCPConn).SetNoDelay(false), c.SetDeadline(time.Now().Add(5*time.Second)), c.Handshake())
	if err != nil || c.ConnectionState().Version != tls.VersionTLS13 {
		t.Fatalf("no handshake by TLS 1.3: %v", err)
	}
	begun := time.Now()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("answer %v, %v", res, err)
	}
	took := time.Since(begun)
	_ = res.Body.Close()
	return took
}

// Who is refused while still sending hears so, and at once that this was all.
func TestRefusedWhileSending(t *testing.T) {
	s := serve(t, says, nil)
	c := s.dial(t, "account-plain")
	begun := time.Now()
	got := say(t, c, "GET /?"+strings.Repeat("x", 90<<10)+" HTTP/1.1\r\nHost: a\r\n\r\n")
	if took := time.Since(begun); len(got) == 0 || took > 400*time.Millisecond {
		t.Errorf("%q after %v", got, took)
	}
}
