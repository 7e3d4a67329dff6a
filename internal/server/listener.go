package server

import (
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/latchkey/latchkey/internal/wire"
)

// perSource is how many connections one address may hold, unless it is this
// machine's own or that of a proxy.
const perSource = 100

// crowd is the connections to all listeners: at most limit at once, and not too
// many from one address.
type crowd struct {
	limit   int
	proxies wire.Proxies

	mu    sync.Mutex
	open  int
	bySrc map[netip.Addr]int
}

func newCrowd(limit int, proxies wire.Proxies) *crowd {
	return &crowd{limit: limit, proxies: proxies, bySrc: make(map[netip.Addr]int)}
}

// listener hands out connections, as many as there is room for in the crowd,
// each prepared for clients that wait before they speak.
type listener struct {
	net.Listener
	*crowd
}

func limited(l net.Listener, c *crowd) *listener { return &listener{l, c} }

// Accept waits for a connection. One too many is closed at once: the others
// keep theirs.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		src := source(c, l.proxies)
		if !l.admit(src) {
			_ = c.Close()
			continue
		}
		tcp, ok := c.(*net.TCPConn)
		if !ok {
			return &counted{Conn: c, crowd: l.crowd, src: src}, nil
		}
		return &quick{counted: counted{Conn: &lazy{Conn: tcp}, crowd: l.crowd, src: src}, tcp: tcp, reads: quickReads}, nil
	}
}

// source is whom a connection is counted for: an address, or the network of 64
// bits that whoever has one address of it has whole. A proxy counts as this
// machine itself.
func source(c net.Conn, proxies wire.Proxies) netip.Addr {
	at, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	a := at.Addr().Unmap()
	if proxies.Has(a) {
		return netip.IPv6Loopback()
	}
	if a.Is6() && !a.IsLoopback() {
		p, _ := a.Prefix(64)
		return p.Addr()
	}
	return a
}

func (w *crowd) admit(src netip.Addr) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open >= w.limit || !src.IsLoopback() && w.bySrc[src] >= perSource {
		return false
	}
	w.open++
	w.bySrc[src]++
	return true
}

func (w *crowd) release(src netip.Addr) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open--
	if w.bySrc[src]--; w.bySrc[src] <= 0 {
		delete(w.bySrc, src)
	}
}

// counted is a connection that is counted until it is closed.
type counted struct {
	net.Conn
	crowd *crowd
	src   netip.Addr
	once  sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() { c.crowd.release(c.src) })
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
	n, err := c.Conn.Read(b)
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

// CloseWrite lets [http.Server] say that it is done before it hangs up, so that
// a client which is still sending reads the answer.
func (c *quick) CloseWrite() error { return c.tcp.CloseWrite() }
