package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A generator loads one address with requests for a path, by random callers of a
// list, for some seconds. Every line of the file list is a USER:TOKEN.
type generator interface {
	load(ctx context.Context, addr, path, list string, seed, seconds int) (load, error)
}

// load is what came of it.
type load struct {
	requests, refused int
	took              time.Duration
	p50, p99          time.Duration
}

func (l load) perSecond() float64 { return float64(l.requests) / l.took.Seconds() }

// connections is how many requests are under way at once.
const connections = 16

// wrk is the generator of that name.
type wrk struct{ path, script string }

// wrkScript formats every request of the list once and sends them at random.
const wrkScript = `local requests, n = {}, 0
function init(args)
	math.randomseed(tonumber(args[2]))
	for line in io.lines(args[1]) do
		n = n + 1
		requests[n] = wrk.format("GET", nil, { ["Authorization"] = "cpanel " .. line, ["User-Agent"] = "` + agent + `" })
	end
end
function request() return requests[math.random(n)] end
`

func newWrk(path, dir string) (*wrk, error) {
	w := &wrk{path: path, script: filepath.Join(dir, "random.lua")}
	return w, os.WriteFile(w.script, []byte(wrkScript), 0o600)
}

func (w *wrk) load(ctx context.Context, addr, path, list string, seed, seconds int) (load, error) {
	out, err := exec.CommandContext(ctx, w.path, "-t1", "-c"+strconv.Itoa(connections), fmt.Sprintf("-d%ds", seconds), "--timeout", "20s", "--latency",
		"-s", w.script, "https://"+addr+path, "--", list, strconv.Itoa(seed)).CombinedOutput()
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	l, err := parseWrk(string(out))
	if err != nil {
		err = fmt.Errorf("%w in\n%s", err, out)
	}
	return l, err
}

var (
	wrkRequests = regexp.MustCompile(`(\d+) requests in ([\d.]+(?:us|ms|s|m))`)
	wrkPart     = regexp.MustCompile(`(?m)^\s+(50|99)%\s+([\d.]+(?:us|ms|s))$`)
	wrkRefused  = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
	wrkErrors   = regexp.MustCompile(`Socket errors: .*`)
)

// parseWrk reads what wrk says at its end.
func parseWrk(text string) (l load, err error) {
	m := wrkRequests.FindStringSubmatch(text)
	if m == nil {
		return l, errors.New("no count of requests")
	}
	l.requests, _ = strconv.Atoi(m[1])
	if l.took, err = time.ParseDuration(m[2]); err != nil || l.requests == 0 {
		return l, errors.New("no requests")
	}
	for _, part := range wrkPart.FindAllStringSubmatch(text, -1) {
		d, err := time.ParseDuration(part[2])
		if err != nil {
			return l, err
		}
		if part[1] == "50" {
			l.p50 = d
		} else {
			l.p99 = d
		}
	}
	if m := wrkRefused.FindStringSubmatch(text); m != nil {
		l.refused, _ = strconv.Atoi(m[1])
	}
	if m := wrkErrors.FindString(text); m != "" {
		return l, errors.New(m)
	}
	return l, nil
}

// builtin is the generator for machines without wrk.
type builtin struct{ conf *tls.Config }

func (g *builtin) load(ctx context.Context, addr, path, list string, seed, seconds int) (load, error) {
	credentials, err := readLines(list)
	if err != nil {
		return load{}, err
	}
	var mu sync.Mutex
	var all []time.Duration
	var sum load
	var failed error
	began := time.Now()
	end := began.Add(time.Duration(seconds) * time.Second)
	var wg sync.WaitGroup
	for i := range connections {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(seed), uint64(i)))
			took, refused, err := g.one(ctx, addr, path, credentials, random, end)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
			sum.refused += refused
			failed = errors.Join(failed, err)
		})
	}
	wg.Wait()
	if failed != nil || len(all) == 0 {
		return load{}, errors.Join(failed, ctx.Err(), fmt.Errorf("%d requests were answered", len(all)))
	}
	sum.requests, sum.took, sum.p50, sum.p99 = len(all), time.Since(began), quantile(all, 0.5), quantile(all, 0.99)
	return sum, nil
}

func (g *builtin) one(ctx context.Context, addr, path string, credentials []string, random *rand.Rand, end time.Time) (took []time.Duration, refused int, err error) {
	c, err := connect(addr, g.conf, false)
	if err != nil {
		return nil, 0, err
	}
	defer c.close()
	for at := time.Now(); at.Before(end) && ctx.Err() == nil; {
		status, _, err := c.ask(path, "cpanel "+credentials[random.IntN(len(credentials))])
		if err != nil {
			return took, refused, err
		}
		if status != 200 {
			refused++
		}
		now := time.Now()
		took = append(took, now.Sub(at))
		at = now
	}
	return took, refused, nil
}

func readLines(file string) (lines []string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		lines = append(lines, strings.Clone(s.Text()))
	}
	return lines, s.Err()
}

type number interface{ ~int64 | ~float64 }

// quantile is the value that a share q of the values do not pass. It sorts them.
func quantile[T number](values []T, q float64) T {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[min(int(q*float64(len(values))), len(values)-1)]
}

// median is the middle value, or the mean of the two in the middle. It sorts the
// values.
func median[T number](values []T) T {
	n := len(values)
	if n == 0 {
		return 0
	}
	slices.Sort(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
