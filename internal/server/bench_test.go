package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
)

// benched starts a server with what is read before net/http, and one without.
func benched(b *testing.B) (at map[string]string, conf *tls.Config) {
	b.Helper()
	s := &Server{Routes: Routes{Account: says}, Addresses: Addresses{Account: "127.0.0.1:0"}, Log: slog.New(slog.DiscardHandler)}
	cert, authority, err := LocalCertificate(b.TempDir(), []string{"localhost"}, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	s.Certificate.Store(&cert)
	pem, err := os.ReadFile(authority)
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	bare := s.http(says)
	bare.TLSConfig = s.tls()
	go func() { _ = bare.ServeTLS(limited(l, newCrowd(100, nil)), "", "") }()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	b.Cleanup(func() { stop(); <-ended; _ = bare.Close() })
	return map[string]string{"with": s.Address("account"), "without": l.Addr().String()}, &tls.Config{RootCAs: trusting(b, pem), ServerName: "localhost"}
}

// BenchmarkRequest is one request of many on a connection, with what is read
// before net/http and without.
func BenchmarkRequest(b *testing.B) {
	at, conf := benched(b)
	for _, kind := range []string{"with", "without"} {
		b.Run(kind, func(b *testing.B) {
			c, err := tls.Dial("tcp", at[kind], conf)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			in := bufio.NewReader(c)
			b.ReportAllocs()
			for b.Loop() {
				answered(b, c, in)
			}
		})
	}
}

// BenchmarkConnection is a connection with one request.
func BenchmarkConnection(b *testing.B) {
	at, conf := benched(b)
	for _, kind := range []string{"with", "without"} {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				c, err := tls.Dial("tcp", at[kind], conf)
				if err != nil {
					b.Fatal(err)
				}
				answered(b, c, bufio.NewReader(c))
				_ = c.Close()
			}
		})
	}
}

func answered(b *testing.B, c net.Conn, in *bufio.Reader) {
	if _, err := io.WriteString(c, head+"Authorization: cpanel demo:LK0123456789ABCDEFGHIJKLMNOPQRST\r\nAccept: */*\r\nUser-Agent: latchkey-bench\r\n\r\n"); err != nil {
		b.Fatal(err)
	}
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != http.StatusOK {
		b.Fatal(res, err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
}
