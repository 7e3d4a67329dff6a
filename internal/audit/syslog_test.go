package audit

import (
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The log is told of each new head once, in its form, over whatever leads to it.
func TestSyslog(t *testing.T) {
	s, heads := newTrail(t), newHeads(t)
	for _, network := range []string{"unixgram", "unix", "udp", "tcp"} {
		address := "127.0.0.1:0"
		if strings.HasPrefix(network, "unix") {
			address = filepath.Join(t.TempDir(), "log")
		}
		messages := make(chan string, 10)
		read := func(c net.Conn) {
			b := make([]byte, 4096)
			for {
				n, err := c.Read(b)
				if err != nil {
					return
				}
				messages <- string(b[:n])
			}
		}
		if network == "unixgram" || network == "udp" {
			c, err := net.ListenPacket(network, address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			address = c.LocalAddr().String()
			go read(c.(net.Conn))
		} else {
			l, err := net.Listen(network, address)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			address = l.Addr().String()
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					go read(c)
				}
			}()
		}
		links := s.write(t, 2)
		newest := links[len(links)-1]
		network, address, err := ParseSyslog(strings.TrimSuffix(network, "gram") + ":" + address)
		if err != nil {
			t.Fatal(err)
		}
		y := &Syslog{Network: network, Address: address, Hostname: "host.example.org", Heads: heads, Store: s, Now: clock, Log: slog.New(slog.DiscardHandler)}
		for range 3 {
			if err := y.tell(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		got := <-messages
		if y.stream {
			var n int
			if _, err := fmt.Sscan(got, &n); err != nil || n != len(got)-len(fmt.Sprint(n, " ")) {
				t.Errorf("%s: the message does not say how long it is: %q", network, got)
			}
			_, got, _ = strings.Cut(got, " ")
		}
		want := regexp.MustCompile(`^<85>1 2026-11-20T12:00:00\.000000Z host\.example\.org latchkey \d+ audit-head - head=(\d+:[0-9a-f]{64}) seal=[0-9a-f]{64}$`)
		m := want.FindStringSubmatch(got)
		if m == nil {
			t.Fatalf("%s: the log is told %q", network, got)
		}
		seq, hash, err := ParseHead(m[1])
		if err != nil || seq != newest.Seq || hash != newest.Hash {
			t.Errorf("%s: the head is %d:%x, %v", network, seq, hash, err)
		}
		if _, err := Verify(t.Context(), s, nil, Known{seq, hash}); err != nil {
			t.Errorf("%s: Verify with the head: %v", network, err)
		}
		for _, other := range []Known{{seq, [32]byte{1}}, {seq + 1, hash}} {
			if _, err := Verify(t.Context(), s, nil, other); err == nil {
				t.Errorf("%s: the trail has the head %v", network, other)
			}
		}
		s.write(t, 1)
		if err := y.tell(t.Context()); err != nil {
			t.Fatal(err)
		}
		if again := <-messages; again == got || len(messages) != 0 {
			t.Errorf("%s: the log is told %q again, and %d more", network, again, len(messages))
		}
		y.conn.Close() // it goes on after the connection broke
		s.write(t, 1)
		if err := y.tell(t.Context()); err != nil {
			t.Errorf("%s: over a new connection: %v", network, err)
		}
		y.conn.Close()
	}
}

// A log that is not there holds nothing up, and is tried again.
func TestSyslogGone(t *testing.T) {
	var said strings.Builder
	s := newTrail(t)
	path := filepath.Join(t.TempDir(), "log")
	y := &Syslog{Network: "unix", Address: path, Heads: newHeads(t), Store: s, Now: clock, Log: slog.New(slog.NewTextHandler(&said, nil))}
	s.write(t, 1)
	y.try()
	y.try()
	c, err := net.ListenPacket("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	y.try()
	b := make([]byte, 1000)
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, _, err := c.ReadFrom(b); err != nil || !strings.Contains(string(b[:n]), " - latchkey ") {
		t.Errorf("the log is told %q, %v", b[:n], err)
	}
	if n := strings.Count(said.String(), "level=ERROR"); n != 1 || !strings.Contains(said.String(), "again\" to=unix") {
		t.Errorf("it is said %d times: %s", n, said.String())
	}
}

func TestParseSyslog(t *testing.T) {
	for _, text := range []string{"", "/dev/log", "unix:log", "udp:host", "tcp:", "tls:host:6514"} {
		if network, address, err := ParseSyslog(text); err == nil {
			t.Errorf("ParseSyslog(%q) = %s, %s", text, network, address)
		}
	}
	for _, text := range []string{"unix:/dev/log", "udp:192.0.2.1:514", "tcp:[2001:db8::1]:601"} {
		if network, address, err := ParseSyslog(text); err != nil || network+":"+address != text {
			t.Errorf("ParseSyslog(%q) = %s, %s, %v", text, network, address, err)
		}
	}
	for _, text := range []string{"", "1", "1:", "0:" + strings.Repeat("0", 64), "1:" + strings.Repeat("0", 63), "x:" + strings.Repeat("0", 64)} {
		if seq, _, err := ParseHead(text); err == nil {
			t.Errorf("ParseHead(%q) = %d", text, seq)
		}
	}
}
