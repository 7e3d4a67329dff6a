// Command load measures the server against the goals of performance, on the
// machine it runs on: “make bench”. Server and load generator have a core each;
// what is compared is measured in turn, many times over, and every ratio is the
// median of the ratios of one round each, so that a busy machine disturbs both
// sides alike. Start at [run].
//
//	go run ./test/load                      every goal
//	go run ./test/load -only G1,G11         some
//	go run ./test/load -profile G1          where the time goes
//	go run ./test/load -soak 10m            mixed calls, every answer checked
//	go run ./test/load -hostile 30s         honest calls while strangers do their worst
//	go run ./test/load -rotation 60s        no call fails while a token is rotated
//	go run ./test/load -timing 20000        what does the time of a refusal tell?
//
// The floor that calls are compared with is the program in the folder floor.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	return run(ctx, o)
}

type options struct {
	rounds, seconds int
	sizes           []int // numbers of tokens, smallest first
	only            []string
	data            string
	write           bool
	profile         string
	soak, hostile   time.Duration
	rotation        time.Duration
	timing          int
}

func parse(args []string) (options, error) {
	var o options
	var tokens, only string
	f := flag.NewFlagSet("load", flag.ContinueOnError)
	f.IntVar(&o.rounds, "rounds", 12, "how many rounds to measure")
	f.IntVar(&o.seconds, "seconds", 1, "how long one measurement of a round lasts")
	f.StringVar(&tokens, "tokens", "1000,1000000,10000000", "how many tokens the servers have")
	f.StringVar(&only, "only", "", "which goals, as G1,G3; empty for all")
	f.StringVar(&o.data, "data", "", "where the servers' data is kept from run to run; empty for the user's cache directory")
	f.BoolVar(&o.write, "write", false, "write the report to docs/bench/latest.txt")
	f.StringVar(&o.profile, "profile", "", "print where the server's time goes under the load of a goal: G1, G10 or G11")
	f.DurationVar(&o.soak, "soak", 0, "instead: mixed calls for so long, every answer checked")
	f.DurationVar(&o.hostile, "hostile", 0, "instead: strangers at work for so long, while honest clients call")
	f.DurationVar(&o.rotation, "rotation", 0, "instead: a program whose token is rotated under it, for so long")
	f.IntVar(&o.timing, "timing", 0, "instead: so many refusals of each kind, whose times are to tell nothing; judged from 20000")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	for text := range strings.SplitSeq(tokens, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 100 {
			return o, fmt.Errorf("-tokens %s: give numbers of at least 100", tokens)
		}
		o.sizes = append(o.sizes, n)
	}
	slices.Sort(o.sizes)
	if only != "" {
		o.only = strings.Split(only, ",")
	}
	if o.data == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return o, fmt.Errorf("where to keep data? give -data: %w", err)
		}
		o.data = filepath.Join(cache, "latchkey-bench")
	}
	return o, os.MkdirAll(o.data, 0o700)
}

// goals are what there is to measure, in order.
var goals = []struct {
	name    string
	measure func(*bench) error
}{
	{"G1", (*bench).authenticatedCall},
	{"G3", (*bench).growth},
	{"G6", (*bench).firstRequest},
	{"G8", (*bench).startUp},
	{"G10", (*bench).durableCreate},
	{"G11", (*bench).refusals},
	{"trail", (*bench).trail},
	{"grants", (*bench).narrowTokens},
}

// run measures what the options ask for.
func run(ctx context.Context, o options) error {
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer b.close()
	switch {
	case o.soak > 0:
		return soak(ctx, b.server, b.work, o.soak, b.out)
	case o.hostile > 0:
		return hostile(ctx, b.server, b.work, o.hostile, b.out)
	case o.rotation > 0:
		return rotation(ctx, b.server, b.work, o.rotation, b.out)
	case o.timing > 0:
		return timing(ctx, b.server, b.work, b.cpus, o.timing, b.out)
	case o.profile != "":
		return b.profile(o.profile)
	}
	fmt.Fprint(b.out, machine(b.cpus, b.wrk))
	for _, g := range goals {
		if len(o.only) > 0 && !slices.Contains(o.only, g.name) {
			continue
		}
		if err := g.measure(b); err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
		b.endAll()
	}
	b.summary()
	return b.keepReport()
}

func (b *bench) keepReport() error {
	if !b.write {
		return nil
	}
	file := filepath.Join("docs", "bench", "latest.txt")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, b.text.Bytes(), 0o644)
}

// say prints a line of the report.
func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.out, format+"\n", args...) }

// progress prints what is no part of the report.
func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "… "+format+"\n", args...)
}

func (b *bench) tee() io.Writer { return io.MultiWriter(os.Stdout, &b.text) }
