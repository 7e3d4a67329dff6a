package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// writers is how many clients create tokens at once, next to one alone.
const writers = 64

// durableCreate compares the creation of tokens over HTTPS with what the disk
// can do: a line appended to a file and on the disk, one after another.
func (b *bench) durableCreate() error {
	d, err := b.scratch()
	if err != nil {
		return err
	}
	ours, err := b.ours(d)
	if err != nil {
		return err
	}
	b.say("\nG10: tokens created over HTTPS, each on the disk before it is answered, to 128 bytes appended and on the disk")
	c := &creator{t: ours, d: d, created: make(map[string][]string)}
	raw, one, many, err := b.createInTurn(c)
	if err != nil {
		return err
	}
	for _, k := range []struct {
		name string
		s    []creates
	}{{"append and fdatasync", raw}, {"1 writer", one}, {fmt.Sprintf("%d writers", writers), many}} {
		b.say("     %-28s %8.0f/s   p50 %7.2f ms   p99 %7.2f ms", k.name, medianOf(k.s, creates.perSecond),
			1e3*medianOf(k.s, creates.middle), 1e3*medianOf(k.s, creates.slow))
	}
	b.atLeast("G10", "creates/s of 1 writer to appends/s", ratioOf(one, raw, creates.perSecond), 0.8)
	b.atLeast("G10", fmt.Sprintf("creates/s of %d writers to appends/s", writers), ratioOf(many, raw, creates.perSecond), 6)
	b.atMost("G10", fmt.Sprintf("p99 of %d writers in ms", writers), 1e3*medianOf(many, creates.slow), 10)
	ours.p.kill()
	b.running = nil
	return b.allThere(d, c)
}

// scratch is data of its own, to be written to.
func (b *bench) scratch() (*dataset, error) {
	folder := filepath.Join(b.work, "scratch")
	if err := os.RemoveAll(folder); err != nil {
		return nil, err
	}
	d := newDataset(folder, b.smallest())
	_, err := d.open(b.ctx, b.server)
	return d, err
}

// creates is what came of one measurement.
type creates struct {
	took []time.Duration
	all  time.Duration
}

func (c creates) perSecond() float64 { return float64(len(c.took)) / c.all.Seconds() }
func (c creates) middle() float64    { return median(c.took).Seconds() }
func (c creates) slow() float64      { return quantile(c.took, 0.99).Seconds() }

func medianOf(s []creates, of func(creates) float64) float64 {
	values := make([]float64, len(s))
	for i := range s {
		values[i] = of(s[i])
	}
	return median(values)
}

func ratioOf(a, b []creates, of func(creates) float64) float64 {
	values := make([]float64, len(a))
	for i := range a {
		values[i] = of(a[i]) / of(b[i])
	}
	return median(values)
}

func (b *bench) createInTurn(c *creator) (raw, one, many []creates, err error) {
	unpin, err := b.cpus.pin()
	if err != nil {
		return nil, nil, nil, err
	}
	defer unpin()
	span := time.Duration(b.seconds) * time.Second
	for round := -1; round < b.rounds; round++ {
		r, rerr := appendFor(filepath.Join(b.work, "appended"), span)
		o, oerr := c.createFor(b, span, 1)
		m, merr := c.createFor(b, span, writers)
		if err := errors.Join(rerr, oerr, merr, b.ctx.Err()); err != nil {
			return nil, nil, nil, err
		}
		if round >= 0 {
			raw, one, many = append(raw, r), append(one, o), append(many, m)
		}
	}
	return raw, one, many, nil
}

// appendFor appends lines to a file, each on the disk before the next.
func appendFor(file string, span time.Duration) (c creates, err error) {
	f, err := os.Create(file)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(file)) }()
	line := make([]byte, 128)
	began := time.Now()
	for at := began; at.Sub(began) < span; {
		if _, err := f.Write(line); err != nil {
			return c, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return c, err
		}
		now := time.Now()
		c.took = append(c.took, now.Sub(at))
		at = now
	}
	c.all = time.Since(began)
	return c, nil
}

// creator makes tokens and remembers every one that was acknowledged.
type creator struct {
	t *target
	d *dataset

	mu      sync.Mutex
	run     int
	created map[string][]string // by the credential that made them: name:token
}

func (c *creator) createFor(b *bench, span time.Duration, clients int) (sum creates, err error) {
	c.run++
	began := time.Now()
	var wg sync.WaitGroup
	for w := range clients {
		wg.Go(func() {
			credential := c.d.line(w * c.d.perAccount() % c.d.lines())
			names, took, werr := c.create(b, credential, fmt.Sprintf("g10-%d-%d", c.run, w), began.Add(span))
			c.mu.Lock()
			defer c.mu.Unlock()
			c.created[credential] = append(c.created[credential], names...)
			sum.took = append(sum.took, took...)
			err = errors.Join(err, werr)
		})
	}
	wg.Wait()
	sum.all = time.Since(began)
	return sum, err
}

func (c *creator) create(b *bench, credential, prefix string, end time.Time) (names []string, took []time.Duration, err error) {
	k, err := connect(c.t.addr, c.t.tls, false)
	if err != nil {
		return nil, nil, err
	}
	defer k.close()
	for at := time.Now(); at.Before(end) && b.ctx.Err() == nil; {
		name := fmt.Sprintf("%s-%d", prefix, len(names))
		body, err := k.must("/execute/Tokens/create_full_access?name="+name, "cpanel "+credential)
		if err != nil {
			return names, took, err
		}
		now := time.Now()
		took = append(took, now.Sub(at))
		at = now
		var answer struct{ Data struct{ Token string } }
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			return names, took, err
		}
		names = append(names, name+":"+answer.Data.Token)
	}
	return names, took, nil
}

// allThere starts the killed server again and looks for every token that was
// acknowledged: in its account's list, and some by using them.
func (b *bench) allThere(d *dataset, c *creator) error {
	p, at, err := serve(b.server, d.dir(), -1)
	if err != nil {
		return err
	}
	b.running = append(b.running, p)
	k, err := connect(at["account"], c.t.tls, false)
	if err != nil {
		return err
	}
	defer k.close()
	total, used := 0, 0
	for credential, tokens := range c.created {
		list, err := k.must("/execute/Tokens/list", "cpanel "+credential)
		if err != nil {
			return err
		}
		have, err := tokenNames(list)
		if err != nil {
			return err
		}
		user, _, _ := strings.Cut(credential, ":")
		for i, t := range tokens {
			name, token, _ := strings.Cut(t, ":")
			if !have[name] {
				return fmt.Errorf("LOST: the token %s of %s was acknowledged and is not there after kill -9", name, user)
			}
			if total++; i%100 != 0 {
				continue
			}
			if _, err := k.must(quotaInfo, "cpanel "+user+":"+token); err != nil {
				return fmt.Errorf("LOST: the token %s of %s is refused after kill -9: %w", name, user, err)
			}
			used++
		}
	}
	b.say("G10  after kill -9 all %d acknowledged tokens are listed; %d were tried and work", total, used)
	return nil
}

func tokenNames(list string) (map[string]bool, error) {
	var answer struct{ Data []struct{ Name string } }
	if err := json.Unmarshal([]byte(list), &answer); err != nil {
		return nil, err
	}
	names := make(map[string]bool, len(answer.Data))
	for _, t := range answer.Data {
		names[t.Name] = true
	}
	return names, nil
}
