package server

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// lazy is a connection whose deadlines move without a system timer being moved
// for each: net/http sets seven for every request. A deadline is armed by
// whoever reads or writes under it, and only if none that is sooner is armed
// already; one that is put off is set anew when it passes. Deadlines are never
// late.
type lazy struct {
	net.Conn
	read, write deadline
}

type deadline struct {
	mu    sync.Mutex
	want  time.Time
	armed time.Time // what the connection knows; zero is none
	busy  int       // reads or writes under way
}

// hasPassed is the deadline by which net/http ends a read that is under way.
var hasPassed = time.Unix(1, 0)

// set notes a deadline, and brings forward that of what is under way.
func (d *deadline) set(t time.Time, arm func(time.Time) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.want = t
	if d.busy == 0 {
		return nil
	}
	return d.arm(arm)
}

// arm makes sure that what is wanted is not missed. d is locked.
func (d *deadline) arm(arm func(time.Time) error) error {
	late := !d.want.IsZero() && (d.armed.IsZero() || d.want.Before(d.armed))
	if !late && d.armed != hasPassed {
		return nil
	}
	d.armed = d.want
	return arm(d.want)
}

// begin comes before every read or write.
func (d *deadline) begin(arm func(time.Time) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.want == hasPassed {
		return os.ErrDeadlineExceeded
	}
	err := d.arm(arm)
	if err == nil {
		d.busy++
	}
	return err
}

// end comes after every read or write. It reports whether there is to be another
// one, because the deadline that has passed was put off since.
func (d *deadline) end(err error, arm func(time.Time) error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy--
	if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
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
		if err := c.read.begin(c.Conn.SetReadDeadline); err != nil {
			return 0, err
		}
		n, err := c.Conn.Read(b)
		if again := c.read.end(err, c.Conn.SetReadDeadline); n > 0 || !again {
			return n, err
		}
	}
}

func (c *lazy) Write(b []byte) (written int, err error) {
	for {
		if err := c.write.begin(c.Conn.SetWriteDeadline); err != nil {
			return written, err
		}
		n, err := c.Conn.Write(b[written:])
		written += n
		if !c.write.end(err, c.Conn.SetWriteDeadline) {
			return written, err
		}
	}
}
