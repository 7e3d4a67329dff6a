package authdns

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// datagrams is the UDP socket. Usual questions are answered as they are read, many
// at a time; the others are read from it as from any [net.PacketConn].
type datagrams struct {
	*net.UDPConn
	server *Server
	here   netip.Addr // where it listens
	rest   chan datagram
	ended  chan struct{}
	end    func(error)
	err    error // why it ended
}

// datagram is a request that goes the whole way. It is the address of who asked,
// too, for the answer.
type datagram struct {
	*net.UDPAddr
	text []byte
	oob  []byte // where the answer comes from
}

const (
	// batch is how many requests are read at a time.
	batch = 32
	// waiting is how many others may wait until they are read.
	waiting = 128
	// oobLen is room for where a request came to.
	oobLen = 64
)

func newDatagrams(s *Server, c *net.UDPConn) *datagrams {
	d := &datagrams{UDPConn: c, server: s, here: source(c.LocalAddr()), rest: make(chan datagram, waiting), ended: make(chan struct{})}
	var once sync.Once
	d.end = func(err error) {
		once.Do(func() { d.err = err; close(d.ended) })
	}
	if d.everywhere() { // answers must come from the address that was asked
		_ = ipv6.NewPacketConn(c).SetControlMessage(ipv6.FlagDst|ipv6.FlagInterface, true)
		_ = ipv4.NewPacketConn(c).SetControlMessage(ipv4.FlagDst|ipv4.FlagInterface, true)
	}
	return d
}

func (d *datagrams) everywhere() bool { return d.here.IsUnspecified() }

// run answers until the socket is closed or ends.
func (d *datagrams) run() {
	c := ipv4.NewPacketConn(d.UDPConn) // what it does for many messages is the same for IPv6
	in, out := make([]ipv4.Message, batch), make([]ipv4.Message, 0, batch)
	replies := make([][]byte, batch)
	for i := range in {
		in[i].Buffers, in[i].OOB = [][]byte{make([]byte, dns.DefaultMsgSize)}, make([]byte, oobLen)
		replies[i] = make([]byte, 0, largest)
	}
	var a asked
	var from origin
	for {
		n, err := c.ReadBatch(in, 0)
		if err != nil && !temporary(err) {
			d.end(err)
			return
		}
		out = out[:0]
		for i := range in[:max(n, 0)] {
			peer, ok := in[i].Addr.(*net.UDPAddr)
			if !ok {
				continue
			}
			text := in[i].Buffers[0][:in[i].N]
			reply, done := d.server.quick(replies[i][:0], text, &a, source(peer), d.here)
			switch oob := from.answers(in[i].OOB[:in[i].NN]); {
			case !done:
				d.pass(datagram{peer, bytes.Clone(text), oob})
			case len(reply) > 0:
				out = append(out, ipv4.Message{Buffers: [][]byte{reply}, OOB: oob, Addr: peer})
			}
		}
		d.send(c, out)
	}
}

// temporary reports whether the system may say something else when it is asked
// again.
func temporary(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	return ok && errno.Temporary()
}

// send sends what can be sent.
func (d *datagrams) send(c *ipv4.PacketConn, out []ipv4.Message) {
	for len(out) > 0 {
		n, err := c.WriteBatch(out, 0)
		if err != nil {
			n = 1 // that one cannot
		}
		out = out[max(n, 1):]
	}
}

// pass leaves a request to who reads from d.
func (d *datagrams) pass(r datagram) {
	select {
	case d.rest <- r:
	case <-d.ended:
	}
}

// ReadFrom reads a request that is not answered yet.
func (d *datagrams) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case r := <-d.rest:
		return copy(b, r.text), &r, nil
	case <-d.ended:
		return 0, nil, d.err
	}
}

// WriteTo answers it.
func (d *datagrams) WriteTo(b []byte, to net.Addr) (int, error) {
	r, ok := to.(*datagram)
	if !ok {
		return 0, net.InvalidAddrError("it has not asked")
	}
	n, _, err := d.WriteMsgUDP(b, r.oob, r.UDPAddr)
	return n, err
}

// SetReadDeadline ends the reading, if t is past; there is no other limit.
func (d *datagrams) SetReadDeadline(t time.Time) error {
	if t.IsZero() || time.Until(t) > 0 {
		return nil
	}
	d.end(os.ErrDeadlineExceeded)
	return d.UDPConn.SetReadDeadline(t)
}

// origin knows where answers come from to requests as the last one was.
type origin struct {
	asked  []byte
	answer []byte
}

// answers is what a system needs to know so that the answer to a request comes from
// the address to which it went; what is nothing for one is nothing for the other.
func (o *origin) answers(oob []byte) []byte {
	if len(oob) == 0 {
		return nil
	}
	if !bytes.Equal(oob, o.asked) {
		o.asked, o.answer = bytes.Clone(oob), fromThere(oob)
	}
	return o.answer
}

// fromThere is that for one request. A socket for both families says of IPv4, too,
// in the manner of IPv6 where a request came to, but is told in its own.
func fromThere(oob []byte) []byte {
	var six ipv6.ControlMessage
	var four ipv4.ControlMessage
	_, _ = six.Parse(oob), four.Parse(oob)
	switch dst := six.Dst; {
	case dst != nil && dst.To4() == nil:
		return (&ipv6.ControlMessage{Src: dst}).Marshal()
	case dst != nil:
		return (&ipv4.ControlMessage{Src: dst}).Marshal()
	case four.Dst != nil:
		return (&ipv4.ControlMessage{Src: four.Dst}).Marshal()
	}
	return nil
}
