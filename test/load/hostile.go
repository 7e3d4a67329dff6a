package main

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// What strangers do to a server while others use it, each second.
const (
	slowConnections = 500    // held at once, half of them before TLS
	resetsASecond   = 10_000 // streams of HTTP/2 that are opened and reset at once
	badASecond      = 2000   // calls with tokens that are none
	honestASecond   = 200
	honestWithin    = 250 * time.Millisecond // 99 of 100 honest calls
	judgedFrom      = 20 * time.Second       // a shorter run is not judged by its speed
)

// hostile has strangers at a server for so long, while honest clients call it.
// Every honest call has to succeed.
func hostile(ctx context.Context, bin, dir string, span time.Duration, out io.Writer) error {
	s := &soaking{bin: bin, dir: filepath.Join(dir, "hostile"), cpu: -1}
	if err := s.furnish(); err != nil {
		return err
	}
	defer s.p.kill()
	if _, err := s.tool(ctx, "whmapi1", "createacct", "username=honest", "domain=honest.example"); err != nil {
		return err
	}
	token, err := s.tool(ctx, "uapi", "--user=honest", "Tokens", "create_full_access", "name=honest")
	if err != nil {
		return err
	}
	conf, err := trust(filepath.Join(s.dir, "ca.pem"))
	if err != nil {
		return err
	}
	h := &hostility{addr: s.at["account"], conf: conf, auth: "cpanel honest:" + token}
	before := s.p.memory()
	h.run(ctx, span)
	fmt.Fprintf(out, "hostile: memory %.1f MiB before, %.1f MiB after\n", float64(before)/(1<<20), float64(s.p.memory())/(1<<20))
	return h.judge(span, out)
}

// hostility is one run, and what came of it.
type hostility struct {
	addr string
	conf *tls.Config
	auth string

	slow, dropped, resets, goneAway, bad atomic.Int64

	mu     sync.Mutex
	took   []time.Duration // of honest calls that succeeded
	failed []error
}

func (h *hostility) run(ctx context.Context, span time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, span)
	defer cancel()
	var wg sync.WaitGroup
	for i := range slowConnections {
		wg.Go(func() { h.dawdle(ctx, i%2 == 0) })
	}
	const resetters, guessers, callers = 2, 16, 16
	for range resetters {
		wg.Go(func() { h.reset(ctx, resetsASecond/resetters) })
	}
	for i := range guessers {
		wg.Go(func() { h.guess(ctx, i, time.Second*guessers/badASecond) })
	}
	for i := range callers {
		wg.Go(func() { h.call(ctx, i, time.Second*callers/honestASecond) })
	}
	wg.Wait()
}

// pause waits for d, and reports whether there is still time.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// dawdle holds a connection for as long as the server lets it, saying next to
// nothing, and then another one.
func (h *hostility) dawdle(ctx context.Context, greets bool) {
	for ctx.Err() == nil {
		h.slow.Add(1)
		_ = h.drip(ctx, greets) // that the server ends it is the end that is expected
		h.dropped.Add(1)
	}
}

func (h *hostility) drip(ctx context.Context, greets bool) error {
	c, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", h.addr)
	if err != nil {
		pause(ctx, 100*time.Millisecond)
		return err
	}
	defer c.Close()
	text := "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and so on, for as long as it takes, one after another"
	if greets {
		t := tls.Client(c, h.conf)
		if err := t.HandshakeContext(ctx); err != nil {
			return err
		}
		c, text = t, "GET /execute/Quota/get_quota_info HTTP/1.1\r\nHost: localhost\r\nX-And-So-On: for as long as it takes"
	}
	for i := 0; ; i++ {
		if _, err := c.Write([]byte{text[i%len(text)]}); err != nil || !pause(ctx, 500*time.Millisecond) {
			return err
		}
	}
}

// reset opens streams of HTTP/2 and resets them at once, so many a second.
func (h *hostility) reset(ctx context.Context, perSecond int) {
	for ctx.Err() == nil {
		_ = h.resetOn(ctx, perSecond) // the server may end it: there is another one
		h.goneAway.Add(1)
		pause(ctx, 10*time.Millisecond)
	}
}

func (h *hostility) resetOn(ctx context.Context, perSecond int) error {
	conf := h.conf.Clone()
	conf.NextProtos = []string{"h2"}
	c, err := (&tls.Dialer{Config: conf}).DialContext(ctx, "tcp", h.addr)
	if err != nil {
		return err
	}
	defer c.Close()
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, c)
		ended <- errors.Join(err, io.EOF)
	}()
	if _, err := c.Write(append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(4, 0, 0, "")...)); err != nil {
		return err
	}
	const batch = 100
	tick := time.NewTicker(time.Second * batch / time.Duration(perSecond))
	defer tick.Stop()
	for stream := uint32(1); stream < 1<<30; {
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return err
		case <-tick.C:
		}
		var b []byte
		for range batch {
			const get = "\x82\x87\x01\x09localhost\x04\x1e/execute/Quota/get_quota_info?" // GET, https, and where
			b = append(append(b, frame(1, 5, stream, get)...), frame(3, 0, stream, "\x00\x00\x00\x08")...)
			stream += 2
		}
		if _, err := c.Write(b); err != nil {
			return err
		}
		h.resets.Add(batch)
	}
	return nil
}

// frame is a frame of HTTP/2.
func frame(kind, flags byte, stream uint32, payload string) []byte {
	n := len(payload)
	b := binary.BigEndian.AppendUint32([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}, stream)
	return append(b, payload...)
}

// guess calls with tokens that are none, at a pace.
func (h *hostility) guess(ctx context.Context, i int, every time.Duration) {
	tokens := []string{"cpanel honest:LK0000000000000000000000000000" + fmt.Sprintf("%02d", i), "cpanel nobody:x", "whm root:LK", "Basic !"}
	h.at(ctx, every, func(c *connection, n int, _ time.Time) error {
		status, body, err := c.ask(quotaInfo, tokens[n%len(tokens)])
		if err == nil && status != http.StatusUnauthorized {
			err = fmt.Errorf("a token that is none: %d %.200s", status, body)
		}
		if err == nil {
			h.bad.Add(1)
		}
		return err
	})
}

// call is an honest client: it calls at a pace, now and then on a new
// connection, and counts from when it meant to.
func (h *hostility) call(ctx context.Context, i int, every time.Duration) {
	h.at(ctx, every, func(c *connection, n int, due time.Time) error {
		_, err := c.must(readings[(n+i)%len(readings)], h.auth)
		if err == nil {
			h.mu.Lock()
			h.took = append(h.took, time.Since(due))
			h.mu.Unlock()
		}
		if err == nil && n%10 == 9 {
			err = errAnew
		}
		return err
	})
}

// errAnew asks for a new connection.
var errAnew = errors.New("a new connection")

// at does something at a pace, on one connection for as long as that is good.
// What fails is an honest failure: strangers get their refusals.
func (h *hostility) at(ctx context.Context, every time.Duration, do func(c *connection, n int, due time.Time) error) {
	due := time.Now()
	var c *connection
	for n := 0; ; n++ {
		due = due.Add(every)
		if !pause(ctx, time.Until(due)) {
			break
		}
		var err error
		if c == nil {
			c, err = connect(h.addr, h.conf, false)
		}
		if err == nil {
			err = do(c, n, due)
		}
		if err != nil && c != nil {
			c.close()
			c = nil
		}
		if err != nil && !errors.Is(err, errAnew) {
			h.mu.Lock()
			h.failed = append(h.failed, err)
			h.mu.Unlock()
		}
	}
	if c != nil {
		c.close()
	}
}

// judge prints what came of it, and whether it is as it must be.
func (h *hostility) judge(span time.Duration, out io.Writer) error {
	seconds := span.Seconds()
	p99 := quantile(h.took, 0.99)
	fmt.Fprintf(out, "hostile: %s of %d slow connections (%d ended by the server), %.0f streams reset a second (%d connections), %.0f bad tokens a second\n",
		span, slowConnections, max(h.dropped.Load()-slowConnections, 0), float64(h.resets.Load())/seconds, h.goneAway.Load(), float64(h.bad.Load())/seconds)
	fmt.Fprintf(out, "hostile: %d honest calls, %.0f a second, %d failed: median %.1f ms, p99 %.1f ms, longest %.1f ms\n",
		len(h.took), float64(len(h.took))/seconds, len(h.failed), ms(median(h.took)), ms(p99), ms(quantile(h.took, 1)))
	switch {
	case len(h.failed) > 0:
		return fmt.Errorf("%d calls failed, the first: %w", len(h.failed), h.failed[0])
	case len(h.took) == 0 || h.resets.Load() == 0 || h.bad.Load() == 0 || h.slow.Load() < slowConnections:
		return errors.New("not everybody was there")
	case span < judgedFrom:
		return nil
	case float64(h.bad.Load()) < 0.9*badASecond*seconds || float64(len(h.took)) < 0.9*honestASecond*seconds:
		return errors.New("there was less to do than there should have been")
	case p99 > honestWithin:
		return fmt.Errorf("of 100 honest calls 99 were answered within %s, want %s", p99, honestWithin)
	}
	return nil
}
