package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// bench is everything the measurements share.
type bench struct {
	options
	ctx     context.Context
	out     io.Writer
	text    bytes.Buffer
	work    string // a directory for this run
	server  string // the program that is measured
	bare    string // the floor
	wrk     string // "" if there is none
	cpus    cores
	running []*process
	sets    map[int]*dataset
	random  *rand.Rand
	verdict []verdict
}

func newBench(ctx context.Context, o options) (b *bench, err error) {
	b = &bench{options: o, ctx: ctx, wrk: lookWrk(), sets: make(map[int]*dataset), random: newRandom()}
	b.out = b.tee()
	if b.cpus, err = twoCores(); err != nil {
		return nil, err
	}
	if b.work, err = os.MkdirTemp(o.data, "run-"); err != nil {
		return nil, err
	}
	if b.server, err = build(ctx, b.work, "cmd/latchkey"); err == nil {
		b.bare, err = build(ctx, b.work, "test/load/floor")
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func newRandom() *rand.Rand { return rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano()))) }

// build builds one of our programs as a release is built, but for flags.
func build(ctx context.Context, dir, program string, flags ...string) (string, error) {
	bin := filepath.Join(dir, filepath.Base(program)+strings.Join(flags, ""))
	args := append([]string{"build", "-trimpath", "-o", bin}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, "github.com/latchkey/latchkey/"+program)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", program, err, out)
	}
	return bin, nil
}

// close ends what still runs and leaves only the data that is kept.
func (b *bench) close() {
	b.endAll()
	os.RemoveAll(b.work)
}

func (b *bench) endAll() {
	for _, p := range b.running {
		p.end()
	}
	b.running = nil
}

// serve starts a server on a data directory, with free ports on this machine.
func serve(bin, dir string, cpu int, env ...string) (*process, map[string]string, error) {
	env = append(serveEnv(dir, "127.0.0.1:0"), env...)
	p, err := launch("the server", cpu, env, bin, "serve", "--config", filepath.Join(dir, "none.toml"))
	if err != nil {
		return nil, nil, err
	}
	at, err := p.ready()
	if err != nil {
		p.end()
	}
	return p, at, err
}

// serveEnv is how a server is set up that has one door and no more.
func serveEnv(dir, account string) []string {
	return []string{
		"LATCHKEY_DATA=" + dir, "LATCHKEY_HOSTNAME=localhost", "LATCHKEY_LOG_FORMAT=json", "LATCHKEY_LOG_LEVEL=info", "LATCHKEY_TOKENS_PER_ACCOUNT=0",
		"LATCHKEY_ACCOUNT=" + account, "LATCHKEY_ACCOUNT_PLAIN=off", "LATCHKEY_HOST=off", "LATCHKEY_HOST_PLAIN=off", "LATCHKEY_WEBMAIL=off", "LATCHKEY_WEBMAIL_PLAIN=off", "LATCHKEY_LMTP=off", "LATCHKEY_DNS=off", "LATCHKEY_WEBSERVER=off",
	}
}

// data is the data of so many tokens, made where it is missing.
func (b *bench) data(tokens int) (*dataset, error) {
	if d := b.sets[tokens]; d != nil {
		return d, d.forgetCalls(b.ctx)
	}
	began := time.Now()
	d := newDataset(b.options.data, tokens)
	made, err := d.open(b.ctx, b.server)
	if err != nil {
		return nil, err
	}
	if made {
		b.progress("made %s in %.0f s", d, time.Since(began).Seconds())
	}
	b.sets[tokens] = d
	return d, nil
}

// target is one server under load.
type target struct {
	name   string
	p      *process
	addr   string
	tls    *tls.Config
	pick   func(*rand.Rand) []string // the credentials of a round
	like   *target                   // takes the credentials of this target instead
	path   string                    // what is asked for; quotaInfo if it is ""
	refuse bool                      // every credential must be refused
}

// perRound is how many requests are formatted for a round.
const perRound = 20_000

// ours starts a server on data and waits until it is warm: every token in
// memory, every account's home measured.
func (b *bench) ours(d *dataset, env ...string) (*target, error) { return b.warm(b.server, d, env...) }

// warm is ours with another program.
func (b *bench) warm(bin string, d *dataset, env ...string) (*target, error) {
	if err := readFile(d.file()); err != nil {
		return nil, err
	}
	p, at, err := serve(bin, d.dir(), b.cpus.server, env...)
	if err != nil {
		return nil, err
	}
	b.running = append(b.running, p)
	conf, err := trust(filepath.Join(d.dir(), "ca.pem"))
	if err != nil {
		return nil, err
	}
	t := &target{name: "latchkey, " + short(d.tokens), p: p, addr: at["account"], tls: conf,
		pick: func(r *rand.Rand) []string { return d.pick(r, perRound) }}
	began := time.Now()
	if err := errors.Join(p.filled(), p.settle()); err != nil {
		return nil, err
	}
	filled := time.Since(began)
	if err := b.touchAccounts(t, d); err != nil {
		return nil, err
	}
	b.progress("%s: %s in memory, %.0f MiB; tokens read in %.1f s, accounts met in %.1f s",
		t.name, d, float64(p.memory())/(1<<20), filled.Seconds(), (time.Since(began) - filled).Seconds())
	return t, nil
}

// touchAccounts makes one call for every account.
func (b *bench) touchAccounts(t *target, d *dataset) error {
	next := make(chan string)
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for range connections {
		wg.Go(func() {
			err := touch(t, next)
			if err != nil {
				cancel()
			}
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
		})
	}
feed:
	for i := 0; i < d.lines(); i += d.perAccount() {
		select {
		case next <- d.line(i):
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	wg.Wait()
	return errors.Join(failed, b.ctx.Err())
}

func touch(t *target, credentials <-chan string) error {
	c, err := connect(t.addr, t.tls, false)
	if err != nil {
		return err
	}
	defer c.close()
	for line := range credentials {
		if _, err := c.must(quotaInfo, "cpanel "+line); err != nil {
			return err
		}
	}
	return nil
}

// floor starts the floor for a target: the same certificate, an answer of the
// same length, the same requests.
func (b *bench) floor(of *target, d *dataset) (*target, error) {
	answer, err := b.answer(of, d)
	if err != nil {
		return nil, err
	}
	p, err := launch("the floor", b.cpus.server, nil, append([]string{b.bare}, floorFlags(d, "127.0.0.1:0", answer)...)...)
	if err != nil {
		return nil, err
	}
	b.running = append(b.running, p)
	at, err := p.ready()
	if err != nil {
		return nil, err
	}
	return &target{name: fmt.Sprintf("floor, %d bytes", len(answer)), p: p, addr: at["account"], tls: of.tls, like: of}, nil
}

func floorFlags(d *dataset, listen, body string) []string {
	return []string{"-listen", listen, "-cert", filepath.Join(d.dir(), "server.pem"), "-key", filepath.Join(d.dir(), "server.key"), "-body", body}
}

// answer is the body of a good call.
func (b *bench) answer(t *target, d *dataset) (string, error) {
	c, err := connect(t.addr, t.tls, false)
	if err != nil {
		return "", err
	}
	defer c.close()
	return c.must(quotaInfo, "cpanel "+d.line(0))
}

func (b *bench) generator(conf *tls.Config) (generator, error) {
	if b.wrk == "" {
		return &builtin{conf}, nil
	}
	return newWrk(b.wrk, b.work)
}

// sample is one measurement of one target.
type sample struct {
	load
	cpu float64 // seconds on the processor, a request
}

// inTurn measures the targets one after another, round by round, every other
// round backwards. While one is measured the others stand still, so that what
// a server does in the background counts as its own.
func (b *bench) inTurn(targets ...*target) ([][]sample, error) {
	unpin, err := b.cpus.pin()
	if err != nil {
		return nil, err
	}
	defer unpin()
	g, err := b.generator(targets[0].tls)
	if err != nil {
		return nil, err
	}
	samples := make([][]sample, len(targets))
	order := make([]int, len(targets))
	for i := range order {
		order[i] = i
	}
	for round := -1; round < b.rounds; round++ { // the first one is to get warm
		lists, err := b.lists(targets)
		if err != nil {
			return nil, err
		}
		seconds := b.seconds
		if round < 0 {
			seconds = max(3, seconds)
		}
		for _, i := range order {
			s, err := b.once(g, targets, i, lists[i], round, seconds)
			if err != nil {
				return nil, fmt.Errorf("%s: %w\n%s", targets[i].name, err, targets[i].p.log)
			}
			if round >= 0 {
				samples[i] = append(samples[i], s)
			}
		}
		slices.Reverse(order)
	}
	return samples, nil
}

// lists writes the credentials of a round and returns the file of each target.
func (b *bench) lists(targets []*target) ([]string, error) {
	files := make([]string, len(targets))
	for i, t := range targets {
		if t.like != nil {
			files[i] = files[slices.Index(targets, t.like)]
			continue
		}
		files[i] = filepath.Join(b.work, fmt.Sprintf("list-%d", i))
		if err := os.WriteFile(files[i], []byte(strings.Join(t.pick(b.random), "\n")+"\n"), 0o600); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func (b *bench) once(g generator, targets []*target, i int, list string, round, seconds int) (sample, error) {
	t := targets[i]
	for _, other := range targets {
		if other.p != t.p {
			other.p.signal(syscall.SIGSTOP)
			defer other.p.signal(syscall.SIGCONT)
		}
	}
	t.p.signal(syscall.SIGCONT)
	before, err := t.p.cpu()
	if err != nil {
		return sample{}, err
	}
	l, err := g.load(b.ctx, t.addr, cmp.Or(t.path, quotaInfo), list, round+1, seconds)
	if err != nil {
		return sample{}, err
	}
	after, err := t.p.cpu()
	if err != nil {
		return sample{}, err
	}
	want := 0
	if t.refuse {
		want = l.requests
	}
	// The last answers may not have come any more.
	if l.refused < want-2*connections || l.refused > want {
		return sample{}, fmt.Errorf("%d of %d requests were refused, want %d", l.refused, l.requests, want)
	}
	return sample{load: l, cpu: (after - before).Seconds() / float64(l.requests)}, nil
}
