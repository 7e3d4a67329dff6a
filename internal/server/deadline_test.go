package server

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// pair is a lazy connection and its other end.
func pair(t *testing.T) (*lazy, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return &lazy{Conn: near}, far
}

// reads reports how long a read waited for a deadline.
func reads(t *testing.T, c net.Conn) time.Duration {
	t.Helper()
	began := time.Now()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read = %v, want %v", err, os.ErrDeadlineExceeded)
	}
	return time.Since(began)
}

func TestDeadlinePutOff(t *testing.T) {
	c, _ := pair(t)
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	_ = c.SetReadDeadline(time.Now().Add(150 * time.Millisecond))
	if took := reads(t, c); took < 100*time.Millisecond {
		t.Errorf("a deadline that was put off passed after %v", took)
	}
}

func TestDeadlineBroughtForward(t *testing.T) {
	c, _ := pair(t)
	_ = c.SetReadDeadline(time.Now().Add(time.Hour))
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if took := reads(t, c); took > 10*time.Second {
		t.Errorf("a deadline that was brought forward passed after %v", took)
	}
}

// TestDeadlineInThePast: a read under way ends when the deadline is set to what
// has passed, as net/http does after every request; and reading goes on when
// there is none again.
func TestDeadlineInThePast(t *testing.T) {
	c, far := pair(t)
	_ = c.SetReadDeadline(time.Now().Add(time.Hour))
	ended := make(chan struct{})
	go func() { defer close(ended); reads(t, c) }()
	time.Sleep(20 * time.Millisecond)
	_ = c.SetReadDeadline(time.Unix(1, 0))
	<-ended
	_ = c.SetReadDeadline(time.Time{})
	if _, err := far.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("Read = %d, %v, want 1 byte", n, err)
	}
}

// TestWriteDeadline: what was written before a deadline that was put off is
// neither lost nor written twice.
func TestWriteDeadline(t *testing.T) {
	c, far := pair(t)
	const size = 32 << 20
	got := make(chan int64)
	go func() {
		time.Sleep(100 * time.Millisecond)
		n, _ := io.Copy(io.Discard, far)
		got <- n
	}()
	_ = c.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
	_ = c.SetWriteDeadline(time.Now().Add(time.Minute))
	if n, err := c.Write(make([]byte, size)); n != size || err != nil {
		t.Errorf("Write = %d, %v, want %d", n, err, size)
	}
	c.Close()
	if n := <-got; n != size {
		t.Errorf("%d bytes arrived, want %d", n, size)
	}
}
