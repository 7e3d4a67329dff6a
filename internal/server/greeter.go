package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// greeter is a listener with TLS. It shakes hands itself, so that [http.Server]
// reads what it is to read through [clean] and [fallback], and hands out
// connections whose handshake is done. Handlers find no state of TLS in requests
// of HTTP/2.
type greeter struct {
	net.Listener
	config   *tls.Config
	patience time.Duration // for a handshake
	log      *slog.Logger

	greeted chan net.Conn
	failed  chan error
	ctx     context.Context
	stop    context.CancelFunc
}

// protocols are what is spoken behind a greeter. It is the greeter that tells
// HTTP/2 by the handshake; to http.Server it comes without TLS.
func protocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	return p
}

// greet begins to shake hands with who comes to l.
func greet(l net.Listener, config *tls.Config, patience time.Duration, log *slog.Logger) *greeter {
	config = config.Clone()
	config.NextProtos = []string{"http/1.1", "http/1.0"}
	two := config.Clone()
	two.NextProtos = []string{"h2", "http/1.1", "http/1.0"}
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if wantsTwo(hello) {
			return two, nil
		}
		return nil, nil
	}
	g := &greeter{Listener: l, config: config, patience: patience, log: log, greeted: make(chan net.Conn), failed: make(chan error)}
	g.ctx, g.stop = context.WithCancel(context.Background())
	go g.run()
	return g
}

// wantsTwo reports whether HTTP/2 is good for who says hello: browsers, and who
// speaks nothing else. curl, and with it PHP, offers it as well, but programs made
// with it were written for a server that has not got it. They look for
// “HTTP/1.1 200” and “Set-Cookie:” in answers, and put bodies into headers.
// Browsers are told by the values without a meaning that they offer (RFC 8701).
func wantsTwo(hello *tls.ClientHelloInfo) bool {
	return slices.ContainsFunc(hello.CipherSuites, isGrease) || !slices.Contains(hello.SupportedProtos, "http/1.1")
}

// isGrease reports whether a cipher suite is one of those of RFC 8701: 0A0A, 1A1A
// and so on.
func isGrease(suite uint16) bool {
	return suite&0x0f0f == 0x0a0a && suite>>8 == suite&0xff
}

func (g *greeter) run() {
	for {
		c, err := g.Listener.Accept()
		if err == nil {
			go g.shake(c)
			continue
		}
		select {
		case g.failed <- err:
		case <-g.ctx.Done():
			return
		}
	}
}

// shake shakes hands on c and hands it out.
func (g *greeter) shake(c net.Conn) {
	t := tls.Server(c, g.config)
	_ = c.SetDeadline(time.Now().Add(g.patience))
	if err := t.HandshakeContext(g.ctx); err != nil {
		g.log.Debug("http", "text", "TLS handshake: "+refusePlain(err), "from", c.RemoteAddr().String())
		_ = c.Close()
		return
	}
	_ = c.SetDeadline(time.Time{})
	select {
	case g.greeted <- through(t):
	case <-g.ctx.Done():
		_ = t.Close()
	}
}

// through is the connection that http.Server gets for t.
func through(t *tls.Conn) net.Conn {
	if t.ConnectionState().NegotiatedProtocol == "h2" {
		return &fallback{Conn: t}
	}
	return &cleanTLS{clean{Conn: t}, t}
}

// refusePlain answers who spoke HTTP without TLS, and says what went wrong.
func refusePlain(err error) string {
	if re, ok := errors.AsType[tls.RecordHeaderError](err); ok && re.Conn != nil && looksLikeHTTP(re.RecordHeader[:]) {
		_, _ = io.WriteString(re.Conn, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nThis port speaks TLS: use https.\n")
		return "the client speaks HTTP"
	}
	text, _, _ := strings.Cut(err.Error(), " (") // what stands there is the client's
	return text
}

func looksLikeHTTP(begin []byte) bool {
	switch string(begin) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH":
		return true
	}
	return false
}

// Accept waits for a connection whose handshake is done.
func (g *greeter) Accept() (net.Conn, error) {
	select {
	case c := <-g.greeted:
		return c, nil
	case err := <-g.failed:
		return nil, err
	case <-g.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close ends handshakes that are under way, too.
func (g *greeter) Close() error {
	g.stop()
	return g.Listener.Close()
}

// cleanTLS is a [clean] connection whose requests have a state of TLS.
type cleanTLS struct {
	clean
	tls *tls.Conn
}

func (c *cleanTLS) ConnectionState() tls.ConnectionState { return c.tls.ConnectionState() }

// fallback is a connection that speaks HTTP/2. A client whose request is
// malformed there is told to say it in HTTP/1.1, where [clean] may understand
// it: curl, and with it PHP, then does.
type fallback struct {
	net.Conn
	seen int     // how much of the preface was read
	head [9]byte // of the frame under way
	n    int     // how much of head was written
	left int     // of its payload
}

// preface is what a client of HTTP/2 says first.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Read reads what speaks HTTP/2: who has said so in the handshake must not come
// with HTTP/1 after all, past [clean].
func (c *fallback) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if rest := preface[c.seen:]; rest != "" {
		begin := min(n, len(rest))
		if string(b[:begin]) != rest[:begin] {
			return 0, io.EOF
		}
		c.seen += begin
	}
	return n, err
}

const (
	resetStream    = 3    // the type of a frame
	protocolError  = 0x01 // codes of it
	http11Required = 0x0d
)

// Write writes frames as they are, but for the code of such resets.
func (c *fallback) Write(b []byte) (int, error) {
	out := b
	for i := 0; i < len(b); {
		if c.left == 0 {
			n := copy(c.head[c.n:], b[i:])
			i += n
			if c.n += n; c.n == len(c.head) {
				c.n, c.left = 0, int(c.head[0])<<16|int(c.head[1])<<8|int(c.head[2])
			}
			continue
		}
		n := min(c.left, len(b)-i)
		i += n
		if c.left -= n; c.left == 0 && c.head[3] == resetStream && b[i-1] == protocolError {
			if &out[0] == &b[0] {
				out = bytes.Clone(b) // b is not ours
			}
			out[i-1] = http11Required
		}
	}
	return c.Conn.Write(out)
}
