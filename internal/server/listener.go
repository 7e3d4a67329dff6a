package server

import (
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// perSource is how many connections one address may hold, unless it is this
// machine's own.
const perSource = 100

// listener hands out connections: at most limit at once, not too many to one
// address, each prepared for clients that wait before they speak.
type listener struct {
	net.Listener
	limit int

	mu    sync.Mutex
	open  int
	bySrc map[netip.Addr]int
}

func limited(l net.Listener, limit int) *listener {
	return &listener{Listener: l, limit: limit, bySrc: make(map[netip.Addr]int)}
}

// Accept waits for a connection. One too many is closed at once: the others
// keep theirs.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		src := source(c)
		if !l.admit(src) {
			c.Close()
			continue
		}
		tcp, ok := c.(*net.TCPConn)
		if !ok {
			return &counted{Conn: c, l: l, src: src}, nil
		}
		return &quick{counted: counted{Conn: tcp, l: l, src: src}, tcp: tcp, reads: quickReads}, nil
	}
}

func source(c net.Conn) netip.Addr {
	at, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	a := at.Addr().Unmap()
	if a.Is6() {
		p, _ := a.Prefix(64)
		return p.Addr()
	}
	return a
}

func (l *listener) admit(src netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.limit || !src.IsLoopback() && l.bySrc[src] >= perSource {
		return false
	}
	l.open++
	l.bySrc[src]++
	return true
}

func (l *listener) release(src netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.bySrc[src]--; l.bySrc[src] <= 0 {
		delete(l.bySrc, src)
	}
}

// counted is a connection that is counted until it is closed.
type counted struct {
	net.Conn
	l    *listener
	src  netip.Addr
	once sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() { c.l.release(c.src) })
	return c.Conn.Close()
}

// quickReads is how many reads of a connection are acknowledged at once.
const quickReads = 4

// quick acknowledges the first packets of a connection without delay. A TLS 1.3
// server has nothing to say after the client's Finished, so the kernel would
// hold back the acknowledgement for 40 ms, and a client that leaves Nagle's
// algorithm on would hold back its request for as long.
type quick struct {
	counted
	tcp   *net.TCPConn
	reads int
}

func (c *quick) Read(b []byte) (int, error) {
	n, err := c.tcp.Read(b)
	if c.reads > 0 {
		c.reads--
		if raw, err := c.tcp.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) {
				_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
			})
		}
	}
	return n, err
}
