package lmtp

import (
	"bytes"
	"net"
	"sync"
	"time"
)

// gate is a listener that admits a number of connections at a time, and knows
// which of them have a message under way.
type gate struct {
	net.Listener
	places chan struct{}
	closed chan struct{}

	mu       sync.Mutex
	conns    map[*conn]bool // true: busy with a message
	draining bool
}

func newGate(l net.Listener, places int) *gate {
	return &gate{
		Listener: l,
		places:   make(chan struct{}, places),
		closed:   make(chan struct{}),
		conns:    make(map[*conn]bool),
	}
}

func (g *gate) Accept() (net.Conn, error) {
	select {
	case g.places <- struct{}{}:
	case <-g.closed:
		return nil, net.ErrClosed
	}
	nc, err := g.Listener.Accept()
	if err != nil {
		<-g.places
		return nil, err
	}
	return g.admit(nc)
}

func (g *gate) admit(nc net.Conn) (net.Conn, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := &conn{Conn: nc, gate: g}
	if g.draining {
		<-g.places
		return nil, closeFirst(nc)
	}
	g.conns[c] = false
	return c, nil
}

func closeFirst(nc net.Conn) error {
	nc.Close()
	return net.ErrClosed
}

func (g *gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.closed:
		return nil
	default:
		close(g.closed)
		return g.Listener.Close()
	}
}

// drain closes the connections that have no message under way, and each other
// one as soon as its message is done.
func (g *gate) drain() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.draining = true
	for c, busy := range g.conns {
		if !busy {
			c.Conn.Close()
		}
	}
}

// closeAll closes every connection, and waits for their users to have noticed,
// though not for ever.
func (g *gate) closeAll(patience time.Duration) {
	for end := time.Now().Add(patience); g.hangUp() > 0 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
}

func (g *gate) hangUp() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.conns {
		c.Conn.Close()
	}
	return len(g.conns)
}

// conn is an admitted connection.
type conn struct {
	net.Conn
	gate *gate
}

// chunking is how the library offers BDAT. Nobody delivering to mailboxes needs
// it, and the library's own state is not safe where a client breaks one off:
// the offer is not passed on.
var chunking = []byte("250-CHUNKING\r\n")

// Write sends p, which is a whole line of a reply, unless it offers BDAT.
func (c *conn) Write(p []byte) (int, error) {
	if bytes.Equal(p, chunking) {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// begin reports whether a message may begin, and marks the connection busy.
func (c *conn) begin() bool {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	if c.gate.draining {
		return false
	}
	c.gate.conns[c] = true
	return true
}

// end marks the connection free again.
func (c *conn) end() {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	if _, open := c.gate.conns[c]; !open {
		return
	}
	c.gate.conns[c] = false
	if c.gate.draining {
		c.Conn.Close()
	}
}

// Close closes the connection and gives its place to another.
func (c *conn) Close() error {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	if _, open := c.gate.conns[c]; open {
		delete(c.gate.conns, c)
		<-c.gate.places
	}
	return c.Conn.Close()
}
