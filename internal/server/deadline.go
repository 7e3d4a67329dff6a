package server

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// lazy is a connection whose deadlines move without a system timer being moved
// for each: net/http sets five for every request. A deadline that is put off
// stays where it was, and is only then set anew when it passes; one that is
// brought forward is set at once. Deadlines are never late.
type lazy struct {
	net.Conn
	read, write deadline
}

type deadline struct {
	mu    sync.Mutex
	want  time.Time
	armed time.Time // what the connection knows; zero is none
}

// hasPassed is the deadline by which net/http ends a read that is under way.
// What takes it back is never put off.
var hasPassed = time.Unix(1, 0)

// set notes a deadline and arms it if it has to be.
func (d *deadline) set(t time.Time, arm func(time.Time) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.want = t
	if !d.armed.IsZero() && d.armed != hasPassed && (t.IsZero() || !t.Before(d.armed)) {
		return nil
	}
	d.armed = t
	return arm(t)
}

// putOff reports whether the deadline that has just passed was put off since,
// and arms the one that is wanted.
func (d *deadline) putOff(err error, arm func(time.Time) error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.want.IsZero() && !time.Now().Before(d.want) {
		return false
	}
	d.armed = d.want
	return arm(d.want) == nil
}

func (c *lazy) SetReadDeadline(t time.Time) error  { return c.read.set(t, c.Conn.SetReadDeadline) }
func (c *lazy) SetWriteDeadline(t time.Time) error { return c.write.set(t, c.Conn.SetWriteDeadline) }
func (c *lazy) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *lazy) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		if n > 0 || !c.read.putOff(err, c.Conn.SetReadDeadline) {
			return n, err
		}
	}
}

func (c *lazy) Write(b []byte) (written int, err error) {
	for {
		n, err := c.Conn.Write(b[written:])
		if written += n; !c.write.putOff(err, c.Conn.SetWriteDeadline) {
			return written, err
		}
	}
}
