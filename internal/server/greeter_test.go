package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
)

// frame is a frame of HTTP/2.
func frame(kind, flags byte, stream uint32, payload string) []byte {
	n := len(payload)
	b := []byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}
	return append(binary.BigEndian.AppendUint32(b, stream), payload...)
}

// into keeps what is written.
type into struct {
	net.Conn
	b []byte
}

func (c *into) Write(b []byte) (int, error) {
	c.b = append(c.b, b...)
	return len(b), nil
}

// Of everything that is written the code of one kind of frame alone changes,
// wherever the writes are cut.
func TestFallback(t *testing.T) {
	const data, settings = 0, 4
	stream := func(code byte) []byte {
		return bytes.Join([][]byte{
			frame(settings, 0, 0, ""), frame(resetStream, 0, 1, "\x00\x00\x00"+string(code)),
			frame(data, 1, 3, "\x00\x00\x04\x03\x00\x00\x00\x00\x01\x00\x00\x00\x01"), frame(data, 0, 3, ""),
			frame(resetStream, 0, 5, "\x00\x00\x00\x08"), frame(data, 1, 7, strings.Repeat("\x01", 300)), frame(resetStream, 0, 9, "\x00\x00\x00"+string(code)),
		}, nil)
	}
	sent, want := stream(protocolError), stream(http11Required)
	before := bytes.Clone(sent)
	for size := 1; size <= len(sent); size++ {
		out := new(into)
		c := &fallback{Conn: out}
		for b := sent; len(b) > 0; {
			n, err := c.Write(b[:min(size, len(b))])
			if err != nil || n != min(size, len(b)) {
				t.Fatalf("Write = %d, %v", n, err)
			}
			b = b[n:]
		}
		if !bytes.Equal(out.b, want) {
			t.Fatalf("in pieces of %d: %q, want %q", size, out.b, want)
		}
	}
	if !bytes.Equal(sent, before) {
		t.Error("what was given to Write has changed")
	}
}

// A request that HTTP/2 cannot carry is asked for once more in HTTP/1.1: the
// value of its header ends in \n.
func TestFallbackFromServer(t *testing.T) {
	s := serve(t, says, nil)
	conf := s.client.Clone()
	conf.NextProtos = []string{"h2"}
	c := tls.Client(s.dial(t, "account"), conf)
	block := "\x82\x84\x87\x01\x09localhost\x1f\x08\x0acpanel a:\n"
	for _, b := range [][]byte{[]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(4, 0, 0, ""), frame(1, 5, 1, block)} {
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	for {
		head := make([]byte, 9)
		if _, err := io.ReadFull(c, head); err != nil {
			t.Fatal(err)
		}
		payload := make([]byte, int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(c, payload); err != nil {
			t.Fatal(err)
		}
		switch head[3] {
		case 1:
			t.Fatal("the request was answered")
		case resetStream:
			if code := binary.BigEndian.Uint32(payload); code != http11Required {
				t.Errorf("code %d, want %d", code, http11Required)
			}
			return
		}
	}
}

// Who has agreed on HTTP/2 and speaks HTTP/1 is not listened to, and the other
// way round.
func TestOtherProtocol(t *testing.T) {
	s := serve(t, says, nil)
	for offer, text := range map[string]string{"h2": head + "\r\n", "http/1.1": preface + string(frame(4, 0, 0, ""))} {
		conf := s.client.Clone()
		conf.NextProtos = []string{offer}
		if got := say(t, tls.Client(s.dial(t, "account"), conf), text); strings.Contains(got, "200") || strings.Contains(got, "HTTP/2") {
			t.Errorf("%q by %s: answer %q", text, offer, got)
		}
	}
}

func TestProtocols(t *testing.T) {
	s := serve(t, says, nil)
	for _, test := range []struct {
		offers []string
		want   string
	}{
		{nil, ""},
		{[]string{"http/1.0"}, "http/1.0"},
		{[]string{"http/1.1"}, "http/1.1"},
		{[]string{"h2", "http/1.1"}, "http/1.1"}, // as curl says it
		{[]string{"h2"}, "h2"},
	} {
		conf := s.client.Clone()
		conf.NextProtos = test.offers
		c := tls.Client(s.dial(t, "account"), conf)
		if err := c.Handshake(); err != nil || c.ConnectionState().NegotiatedProtocol != test.want {
			t.Errorf("%q: %q, %v, want %q", test.offers, c.ConnectionState().NegotiatedProtocol, err, test.want)
		}
	}
}

// Browsers get HTTP/2: they are told by what they offer without a meaning.
func TestWantsTwo(t *testing.T) {
	for _, test := range []struct {
		suites []uint16
		offers []string
		want   bool
	}{
		{[]uint16{0x3a3a, tls.TLS_AES_128_GCM_SHA256}, []string{"h2", "http/1.1"}, true},
		{[]uint16{0xfafa, tls.TLS_AES_128_GCM_SHA256}, []string{"h2", "http/1.1"}, true},
		{[]uint16{0x3a4a, 0x0a0b, 0x00ff, tls.TLS_AES_128_GCM_SHA256}, []string{"h2", "http/1.1"}, false},
		{[]uint16{tls.TLS_AES_128_GCM_SHA256}, []string{"h2"}, true},
	} {
		if got := wantsTwo(&tls.ClientHelloInfo{CipherSuites: test.suites, SupportedProtos: test.offers}); got != test.want {
			t.Errorf("%x, %q: %t", test.suites, test.offers, got)
		}
	}
}

func TestHTTPToTLS(t *testing.T) {
	s := serve(t, says, nil)
	if got := say(t, s.dial(t, "account"), "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.0 400 ") || !strings.Contains(got, "use https") {
		t.Errorf("answer %q", got)
	}
}

// A server that ends waits for nobody's handshake.
func TestShutdownInHandshake(t *testing.T) {
	s := serve(t, says, nil)
	c := s.dial(t, "account")
	if _, err := io.WriteString(c, "\x16\x03\x01"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	begun := time.Now()
	if err := s.end(); err != nil || time.Since(begun) > 2*time.Second {
		t.Errorf("Run = %v after %v", err, time.Since(begun))
	}
	if _, err := io.ReadAll(c); isTimeout(err) {
		t.Error("the connection is still open")
	}
}

func isTimeout(err error) bool {
	ne, ok := err.(net.Error)
	return ok && ne.Timeout()
}

// What a listener fails with is what Accept fails with, once for each.
func TestGreeterFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := greet(l, &tls.Config{}, time.Second, slog.New(slog.DiscardHandler))
	_ = l.Close()
	if _, err := g.Accept(); err == nil {
		t.Error("Accept succeeds on a listener that is closed")
	}
	_ = g.Close()
	if _, err := g.Accept(); err == nil {
		t.Error("Accept succeeds after Close")
	}
	if g.ctx.Err() != context.Canceled {
		t.Error("Close does not end what is under way")
	}
}
