package server

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// All ports together stay within the limit, and a connection that ends makes
// room for another on any of them.
func TestLimitOfAllPorts(t *testing.T) {
	all := newCrowd(2, nil)
	var addrs []string
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		addrs = append(addrs, l.Addr().String())
		go func() {
			for in := limited(l, all); ; {
				c, err := in.Accept()
				if err != nil {
					return
				}
				go func() { defer c.Close(); _, _ = io.Copy(c, c) }()
			}
		}()
	}
	// dial reports whether the other side lets us speak.
	dial := func(addr string) (net.Conn, bool) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(time.Second))
		_, _ = c.Write([]byte("x"))
		_, err = c.Read(make([]byte, 1))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("no answer")
		}
		return c, err == nil
	}
	first, ok1 := dial(addrs[0])
	second, ok2 := dial(addrs[1])
	defer second.Close()
	third, ok3 := dial(addrs[0])
	third.Close()
	if !ok1 || !ok2 || ok3 {
		t.Errorf("let in: %v, %v, %v, want the first two", ok1, ok2, ok3)
	}
	first.Close()
	for end := time.Now().Add(5 * time.Second); ; {
		c, ok := dial(addrs[1])
		c.Close()
		if ok {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no room after a connection ended")
		}
	}
}
