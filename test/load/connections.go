package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// newConnections is how many new connections are measured.
const newConnections = 200

// A stall is what a client that leaves Nagle's algorithm on waits for when the
// server holds back the acknowledgement of its first words.
const stall = 35 * time.Millisecond

// firstRequest measures the first request on a new connection, by a client that
// leaves Nagle's algorithm on and sends the end of the handshake and the request
// apart, as ab and old libraries do.
func (b *bench) firstRequest() error {
	d, err := b.data(b.smallest())
	if err != nil {
		return err
	}
	ours, err := b.ours(d)
	if err != nil {
		return err
	}
	floor, err := b.floor(ours, d)
	if err != nil {
		return err
	}
	unpin, err := b.cpus.pin()
	if err != nil {
		return err
	}
	defer unpin()
	b.say("\nG6: a new connection and its first request, one after another, %d of each", newConnections)
	kinds := []struct {
		name  string
		t     *target
		nagle bool
	}{{"latchkey, Nagle on", ours, true}, {"floor, Nagle on", floor, true}, {"floor, Nagle off", floor, false}, {"latchkey, Nagle off", ours, false}}
	took := make([][]time.Duration, len(kinds))
	stalled := make([]int, len(kinds))
	for range newConnections {
		for i, k := range kinds {
			all, request, err := b.firstAnswer(k.t, d, k.nagle)
			if err != nil {
				return err
			}
			took[i] = append(took[i], all)
			if request >= stall {
				stalled[i]++
			}
		}
	}
	for i, k := range kinds {
		b.say("     %-28s median %7.2f ms, p95 %7.2f ms, stalled %d of %d", k.name, ms(median(took[i])), ms(quantile(took[i], 0.95)), stalled[i], newConnections)
	}
	b.atMost("G6", "share of first requests that stall", float64(stalled[0])/newConnections, 0.05)
	b.info("G6", "median with Nagle on to the floor's without Nagle", float64(median(took[0]))/float64(median(took[2])))
	return b.ab(ours, d)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// firstAnswer is how long a new connection takes to its first answer, and how
// much of that is the request.
func (b *bench) firstAnswer(t *target, d *dataset, nagle bool) (all, request time.Duration, err error) {
	began := time.Now()
	c, err := connect(t.addr, t.tls, nagle)
	if err != nil {
		return 0, 0, err
	}
	defer c.close()
	asked := time.Now()
	_, err = c.must(quotaInfo, "cpanel "+d.line(b.random.IntN(d.lines())))
	return time.Since(began), time.Since(asked), err
}

var abMean = regexp.MustCompile(`Time per request:\s+([\d.]+) \[ms\] \(mean\)`)

// ab says what the client of that name makes of it, if it is here.
func (b *bench) ab(t *target, d *dataset) error {
	path, err := exec.LookPath("ab")
	if err != nil {
		b.say("     (ab is not here: the client above does what it does)")
		return nil
	}
	out, err := exec.CommandContext(b.ctx, path, "-q", "-n", strconv.Itoa(newConnections), "-c", "1",
		"-H", "Authorization: cpanel "+d.line(0), "https://"+t.addr+quotaInfo).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ab: %w\n%s", err, out)
	}
	m := abMean.FindSubmatch(out)
	if m == nil {
		return fmt.Errorf("ab says no time:\n%s", out)
	}
	mean, _ := strconv.ParseFloat(string(m[1]), 64)
	b.atMost("G6", "ab -n 200 -c 1: mean in ms, under a stall's", mean, ms(stall))
	return nil
}

// starts is how often a start is measured.
const starts = 7

// startUp measures from the start of the process to the first answered call.
func (b *bench) startUp() error {
	d, err := b.data(b.largest())
	if err != nil {
		return err
	}
	few, err := b.data(b.smallest())
	if err != nil {
		return err
	}
	warm, err := b.ours(few)
	if err != nil {
		return err
	}
	answer, err := b.answer(warm, few)
	if err != nil {
		return err
	}
	b.endAll()
	for _, of := range []*dataset{d, few} { // the servers have been up before, and the accounts that will call were met
		if err := b.meet(of); err != nil {
			return err
		}
	}
	unpin, err := b.cpus.pin()
	if err != nil {
		return err
	}
	defer unpin()
	b.say("\nG8: from start to the first answered call, %d of each, files warm", starts)
	kinds := []*starting{
		{name: fmt.Sprintf("latchkey, %s", d), d: d},
		{name: fmt.Sprintf("latchkey, %s", few), d: few},
		{name: "floor", d: d, answer: answer},
	}
	for range starts {
		for _, k := range kinds {
			if err := b.startOnce(k); err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
		}
	}
	for _, k := range kinds {
		b.say("     %-44s median %7.1f ms: listens after %.1f, connected %.1f later; %5.1f MiB", k.name, ms(median(k.took)),
			ms(median(k.listens)), ms(median(k.connects)), float64(median(k.memory))/(1<<20))
	}
	floor := float64(median(kinds[2].took))
	b.atMost("G8", "start to first answer, many tokens, to the floor's", float64(median(kinds[0].took))/floor, 1.5)
	b.info("G8", "start to first answer, few tokens, to the floor's", float64(median(kinds[1].took))/floor)
	b.info("G8", "memory then, many tokens, to the floor's", float64(median(kinds[0].memory))/float64(median(kinds[2].memory)))
	return nil
}

// meet lets each of the accounts that call after a start make one call, and ends
// the server as it is ended in good times.
func (b *bench) meet(d *dataset) error {
	p, at, err := serve(b.server, d.dir(), b.cpus.server)
	if err != nil {
		return err
	}
	defer p.end()
	conf, err := trust(filepath.Join(d.dir(), "ca.pem"))
	if err != nil {
		return err
	}
	c, err := connect(at["account"], conf, false)
	if err != nil {
		return err
	}
	defer c.close()
	for i := range starts {
		if _, err := c.must(quotaInfo, "cpanel "+d.caller(i)); err != nil {
			return err
		}
	}
	return nil
}

// caller is the token that calls after a start: another after each.
func (d *dataset) caller(start int) string { return d.line(start * (d.lines() / starts)) }

// readFile reads a file, so that the system has it in memory.
func readFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(io.Discard, f)
	return err
}

// starting is one kind of server that is started again and again.
type starting struct {
	name   string
	d      *dataset
	answer string // of the floor
	memory []int64

	took, listens, connects []time.Duration // to the answer; to the first of them; and from then to a connection with TLS
}

func (b *bench) startOnce(k *starting) error {
	conf, err := trust(filepath.Join(k.d.dir(), "ca.pem"))
	if err != nil {
		return err
	}
	addr, err := freeAddress()
	if err != nil {
		return err
	}
	argv, env := []string{b.server, "serve", "--config", filepath.Join(b.work, "none.toml")}, serveEnv(k.d.dir(), addr)
	if k.answer != "" {
		argv, env = append([]string{b.bare}, floorFlags(k.d, addr, k.answer)...), nil
	}
	if err := errors.Join(readFile(k.d.file()), readFile(argv[0])); err != nil {
		return err
	}
	began := time.Now()
	p, err := launch(k.name, b.cpus.server, env, argv...)
	if err != nil {
		return err
	}
	b.running = append(b.running, p)
	for {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			break
		}
		select {
		case <-p.ended:
			return fmt.Errorf("ended: %v\n%s", p.err, p.log)
		case <-b.ctx.Done():
			return b.ctx.Err()
		case <-time.After(200 * time.Microsecond):
		}
	}
	listens := time.Since(began)
	c, err := connect(addr, conf, false)
	if err != nil {
		return err
	}
	defer c.close()
	connected := time.Since(began)
	if _, err := c.must(quotaInfo, "cpanel "+k.d.caller(len(k.took))); err != nil {
		return err
	}
	k.took = append(k.took, time.Since(began))
	k.listens, k.connects = append(k.listens, listens), append(k.connects, connected-listens)
	k.memory = append(k.memory, p.memory())
	p.end()
	return nil
}

// freeAddress is an address of this machine that nobody uses just now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
