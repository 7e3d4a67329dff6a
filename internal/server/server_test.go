package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// running is a server on loopback ports, and a client that trusts its authority
// alone.
type running struct {
	*Server
	dir    string
	client *tls.Config
	end    func() error // ends the server and returns what Run did
}

// serve starts a server with h behind every way in.
func serve(t *testing.T, h http.Handler, change func(*Server)) *running {
	t.Helper()
	r := &running{dir: t.TempDir()}
	r.Server = &Server{
		Routes:    Routes{Account: h, AccountPlain: h, Host: h, HostPlain: h, Local: h},
		Addresses: Addresses{Account: "127.0.0.1:0", AccountPlain: "127.0.0.1:0", Host: "off", LMTP: "off"},
		Log:       slog.New(slog.DiscardHandler),
	}
	cert, authority := certify(t, r.dir, names, time.Now())
	r.Certificate.Store(&cert)
	r.client = &tls.Config{RootCAs: trusting(t, authority), ServerName: "localhost"}
	if change != nil {
		change(r.Server)
	}
	if err := r.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	r.end = sync.OnceValue(func() error { stop(); return <-ended })
	t.Cleanup(func() { _ = r.end() })
	return r
}

// says answers every request with the version of HTTP it came by.
var says = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) })

func (r *running) dial(t *testing.T, service string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", r.Address(service))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

// say sends text and returns all that comes back until the server hangs up.
func say(t *testing.T, c net.Conn, text string) string {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("after %q: %v", answer, err)
	}
	return string(answer)
}

func TestUsual(t *testing.T) {
	usually := &Server{patience: usual()}
	h := usually.http(nil)
	for _, is := range []struct {
		what      string
		got, want any
	}{
		{"ReadHeaderTimeout", h.ReadHeaderTimeout, 5 * time.Second},
		{"ReadTimeout", h.ReadTimeout, 30 * time.Second},
		{"WriteTimeout", h.WriteTimeout, 60 * time.Second},
		{"IdleTimeout", h.IdleTimeout, 60 * time.Second},
		{"MaxHeaderBytes", h.MaxHeaderBytes, 80 << 10},
		{"MaxConcurrentStreams", h.HTTP2.MaxConcurrentStreams, 100},
		{"MinVersion", usually.tls().MinVersion, uint16(tls.VersionTLS12)},
		{"drain", usual().drain, 10 * time.Second},
		{"perSource", perSource, 100},
	} {
		if is.got != is.want {
			t.Errorf("%s = %v, want %v", is.what, is.got, is.want)
		}
	}
	s := serve(t, says, nil)
	if s.patience != usual() {
		t.Errorf("a server that was told nothing has %+v, want %+v", s.patience, usual())
	}
}

func TestTLSVersions(t *testing.T) {
	s := serve(t, says, nil)
	for _, test := range []struct {
		version uint16
		want    bool
	}{{tls.VersionTLS10, false}, {tls.VersionTLS11, false}, {tls.VersionTLS12, true}, {tls.VersionTLS13, true}} {
		c := s.client.Clone()
		c.MinVersion, c.MaxVersion = test.version, test.version
		if err := tls.Client(s.dial(t, "account"), c).Handshake(); (err == nil) != test.want {
			t.Errorf("%s: %v", tls.VersionName(test.version), err)
		}
	}
}

func TestHTTPVersions(t *testing.T) {
	s := serve(t, says, nil)
	for _, test := range []struct {
		two  bool
		want string
	}{{true, "HTTP/2.0"}, {false, "HTTP/1.1"}} {
		tr := &http.Transport{TLSClientConfig: s.client.Clone(), Protocols: new(http.Protocols)}
		tr.Protocols.SetHTTP1(!test.two)
		tr.Protocols.SetHTTP2(test.two)
		defer tr.CloseIdleConnections()
		for _, path := range []string{"/", "/execute/Email/add_pop?certificate=" + strings.Repeat("x", 64<<10)} {
			res, err := (&http.Client{Transport: tr}).Get("https://" + s.Address("account") + path)
			if err != nil {
				t.Fatalf("%s, %d bytes: %v", test.want, len(path), err)
			}
			body, err := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if string(body) != test.want || res.StatusCode != 200 || err != nil {
				t.Errorf("%s, %d bytes: %s %q, %v", test.want, len(path), res.Status, body, err)
			}
		}
	}
}

// Old programs say HTTP/1.0, and leave out the host. They keep a connection if
// they ask for it, and cannot read chunks.
func TestHTTP10(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			_, _ = io.WriteString(w, long)
			return
		}
		says(w, r)
	}), nil)
	for _, test := range []struct{ sent, begins, ends string }{
		{"GET /long HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\n", "\r\n\r\n" + long},
		{"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET / HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\nDate", "\r\n\r\nHTTP/1.0"},
		{"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "missing required Host header"},
	} {
		for _, c := range []net.Conn{tls.Client(s.dial(t, "account"), s.client), s.dial(t, "account-plain")} {
			got := say(t, c, test.sent)
			if !strings.HasPrefix(got, test.begins) || !strings.HasSuffix(got, test.ends) || strings.Contains(got, "chunked") {
				t.Errorf("%q: %.300q", test.sent, got)
			}
			if n := strings.Count(test.sent, "HTTP/1.0"); n > 0 && strings.Count(got, " 200 OK") != n {
				t.Errorf("%q: %d answers of %d", test.sent, strings.Count(got, " 200 OK"), n)
			}
		}
	}
	for _, c := range []net.Conn{tls.Client(s.dial(t, "account"), s.client), s.dial(t, "account-plain")} {
		if got := say(t, c, "GET / HTTP/1.0\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.0 200 OK\r\n") || !strings.HasSuffix(got, "\r\n\r\nHTTP/1.0") {
			t.Errorf("answer %q", got)
		}
	}
}

func TestLongHeaders(t *testing.T) {
	s := serve(t, says, nil)
	for _, test := range []struct {
		what, request, want string
	}{
		{"a line of 64 KiB", "GET /?" + strings.Repeat("x", 64<<10) + " HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK"},
		{"a line of 90 KiB", "GET /?" + strings.Repeat("x", 90<<10) + " HTTP/1.0\r\n\r\n", "HTTP/1.1 431 "},
		{"a field of 90 KiB", "GET / HTTP/1.0\r\nA: " + strings.Repeat("x", 90<<10) + "\r\n\r\n", "HTTP/1.1 431 "},
		{"many fields", "GET / HTTP/1.0\r\n" + strings.Repeat("A: 0123456789\r\n", 6000) + "\r\n", "HTTP/1.1 431 "},
	} {
		for _, c := range []net.Conn{tls.Client(s.dial(t, "account"), s.client), s.dial(t, "account-plain")} {
			_, _ = io.WriteString(c, test.request)
			if got, err := bufio.NewReader(c).ReadString('\n'); !strings.HasPrefix(got, test.want) {
				t.Errorf("%s: %q, %v, want %s", test.what, got, err, test.want)
			}
		}
	}
}

// Who says nothing, or next to nothing, is not waited for.
func TestSlowClients(t *testing.T) {
	const header = 300 * time.Millisecond
	s := serve(t, says, func(s *Server) {
		s.patience = usual()
		s.patience.header = header
	})
	drip := func(c net.Conn, text string) {
		for i := range len(text) {
			if _, err := c.Write([]byte{text[i]}); err != nil {
				return
			}
			time.Sleep(header / 6)
		}
	}
	const request = "GET / HTTP/1.1\r\nHost: localhost\r\nA: 0123456789\r\n\r\n"
	bare := func(service string) func(*testing.T) net.Conn {
		return func(t *testing.T) net.Conn { return s.dial(t, service) }
	}
	greeted := func(t *testing.T) net.Conn {
		c := tls.Client(s.dial(t, "account"), s.client)
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, test := range []struct {
		name string
		dial func(*testing.T) net.Conn
		send string
	}{
		{"silent in the clear", bare("account-plain"), ""},
		{"slow in the clear", bare("account-plain"), request},
		{"silent before TLS", bare("account"), ""},
		{"slow before TLS", bare("account"), "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("x", 32)},
		{"silent after TLS", greeted, ""},
		{"slow after TLS", greeted, request},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, begun := test.dial(t), time.Now()
			go drip(c, test.send)
			got, err := io.ReadAll(c)
			if took := time.Since(begun); took < header/2 || took > 8*header {
				t.Errorf("hung up after %v, want %v", took, header)
			}
			if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() || bytes.Contains(got, []byte(" 200 ")) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// Another certificate serves from the next handshake on; who is connected stays
// so.
func TestCertificateSwapped(t *testing.T) {
	s := serve(t, says, nil)
	hello := func() (*tls.Conn, []byte) {
		c := tls.Client(s.dial(t, "account"), s.client)
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		return c, c.ConnectionState().PeerCertificates[0].Raw
	}
	before, was := hello()
	cert, _ := certify(t, s.dir, []string{"localhost"}, time.Now())
	s.Certificate.Store(&cert)
	if _, is := hello(); bytes.Equal(was, is) || !bytes.Equal(is, cert.Leaf.Raw) {
		t.Error("the old certificate is served still")
	}
	if got := say(t, before, "GET / HTTP/1.0\r\n\r\n"); !strings.Contains(got, "200 OK") {
		t.Errorf("a connection from before answers %q", got)
	}
}

// slow answers when it is let, or never.
type slow struct{ begun, let chan struct{} }

func newSlow() *slow { return &slow{make(chan struct{}, 1), make(chan struct{})} }

func (s *slow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.begun <- struct{}{}
	select {
	case <-s.let:
		_, _ = io.WriteString(w, "done")
	case <-r.Context().Done():
	}
}

func TestShutdown(t *testing.T) {
	h := newSlow()
	s := serve(t, h, nil)
	under := s.dial(t, "account-plain")
	answer := make(chan string)
	go func() { answer <- say(t, under, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") }()
	<-h.begun
	ended := make(chan error)
	go func() { ended <- s.end() }()

	refused := false
	for begun := time.Now(); !refused && time.Since(begun) < 5*time.Second; time.Sleep(time.Millisecond) {
		c, err := net.Dial("tcp", s.Address("account-plain"))
		if refused = errors.Is(err, syscall.ECONNREFUSED); err == nil {
			_ = c.Close()
		}
	}
	if !refused {
		t.Error("new connections are taken while the server stops")
	}
	select {
	case err := <-ended:
		t.Fatalf("Run returned %v with a call under way", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(h.let)
	if got := <-answer; !strings.HasSuffix(got, "\r\n\r\ndone") {
		t.Errorf("the call under way was answered %q", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run = %v", err)
	}
}

func TestShutdownCutsOff(t *testing.T) {
	h := newSlow()
	s := serve(t, h, func(s *Server) {
		s.patience = usual()
		s.patience.drain = 200 * time.Millisecond
	})
	c := s.dial(t, "account-plain")
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-h.begun
	begun := time.Now()
	if err := s.end(); err != nil {
		t.Errorf("Run = %v", err)
	}
	if took := time.Since(begun); took < s.patience.drain || took > 10*s.patience.drain {
		t.Errorf("a call that hangs was cut off after %v, want %v", took, s.patience.drain)
	}
	if got, err := io.ReadAll(c); len(got) != 0 {
		t.Errorf("the call that was cut off was answered %q, %v", got, err)
	}
}

// A listener that fails ends the server, with its name.
func TestListenerFails(t *testing.T) {
	s := &Server{Addresses: Addresses{AccountPlain: "127.0.0.1:0"}, Log: slog.New(slog.DiscardHandler)}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	_ = s.services[0].l.Close()
	if err := s.Run(t.Context()); !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "account-plain") {
		t.Errorf("Run = %v", err)
	}
}

// All listeners are opened, or none.
func TestListen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}
	at := taken.Addr().String()
	socket := filepath.Join(t.TempDir(), "sock")
	for name, bad := range map[string]func(*Addresses){
		"account":    func(a *Addresses) { a.Account = at },
		"host-plain": func(a *Addresses) { a.HostPlain = at },
		"mail":       func(a *Addresses) { a.LMTP = at },
		"socket":     func(a *Addresses) { a.Socket = filepath.Join(socket, "not", "there") },
		"no address": func(a *Addresses) { a.Host = "127.0.0.1:no" },
	} {
		a := Addresses{Account: free(), AccountPlain: free(), Host: free(), HostPlain: free(), LMTP: free(), Socket: socket}
		good := a
		bad(&a)
		s := &Server{Addresses: a, Log: slog.New(slog.DiscardHandler)}
		err := s.Listen()
		if err == nil {
			t.Errorf("%s: Listen succeeded", name)
		}
		if (name == "account" || name == "mail") && !strings.Contains(err.Error(), at+" is in use") {
			t.Errorf("%s: %v", name, err)
		}
		for _, service := range []string{"account", "account-plain", "host", "host-plain", "mail", "local"} {
			if got := s.Address(service); got != "" {
				t.Errorf("%s: %s still listens on %s", name, service, got)
			}
		}
		if _, err := os.Lstat(socket); err == nil {
			t.Errorf("%s: the socket is still there", name)
		}
		s.Addresses = good
		if err := s.Listen(); err != nil { // it may be tried again
			t.Errorf("%s: listening once more: %v", name, err)
		}
		s.close()
	}
}
