package main

import (
	"os"
	"slices"
	"testing"
	"time"
)

// TestSoak is a short slice of the soak: every kind of client, and a kill.
func TestSoak(t *testing.T) {
	bin, err := build(t.Context(), t.TempDir(), "cmd/latchkey")
	if err != nil {
		t.Fatal(err)
	}
	if err := soak(t.Context(), bin, t.TempDir(), 5*time.Second, t.Output()); err != nil {
		t.Fatal(err)
	}
}

// TestHostile is a short slice of the same with strangers: it shows that honest
// calls succeed, not how fast.
func TestHostile(t *testing.T) {
	bin, err := build(t.Context(), t.TempDir(), "cmd/latchkey")
	if err != nil {
		t.Fatal(err)
	}
	if err := hostile(t.Context(), bin, t.TempDir(), 3*time.Second, t.Output()); err != nil {
		t.Fatal(err)
	}
}

// TestRotation is a short slice of the rotations under load.
func TestRotation(t *testing.T) {
	bin, err := build(t.Context(), t.TempDir(), "cmd/latchkey")
	if err != nil {
		t.Fatal(err)
	}
	if err := rotation(t.Context(), bin, t.TempDir(), 3*time.Second, t.Output()); err != nil {
		t.Fatal(err)
	}
}

// TestTiming is a short slice of the comparison of refusals: it shows that their
// answers are the same, and prints how long they take.
func TestTiming(t *testing.T) {
	bin, err := build(t.Context(), t.TempDir(), "cmd/latchkey")
	if err != nil {
		t.Fatal(err)
	}
	cpus, err := twoCores()
	if err != nil {
		t.Fatal(err)
	}
	if err := timing(t.Context(), bin, t.TempDir(), cpus, 3000, t.Output()); err != nil {
		t.Fatal(err)
	}
}

// TestDataset makes data as measurements need it and asks a server over it.
func TestDataset(t *testing.T) {
	bin, err := build(t.Context(), t.TempDir(), "cmd/latchkey")
	if err != nil {
		t.Fatal(err)
	}
	d := newDataset(t.TempDir(), 200)
	for _, want := range []bool{true, false} {
		if made, err := d.open(t.Context(), bin); err != nil || made != want {
			t.Fatalf("open = %v, %v, want %v", made, err, want)
		}
	}
	if got, want := d.lines(), 200; got != want {
		t.Fatalf("the sample has %d lines, want %d", got, want)
	}
	b := &bench{ctx: t.Context(), out: t.Output(), server: bin, cpus: cores{server: -1}}
	defer b.endAll()
	good, err := b.ours(d)
	if err != nil {
		t.Fatal(err)
	}
	malformed, unknown := badTokens(good, d)
	file := t.TempDir() + "/list"
	for _, k := range []*target{good, malformed, unknown} {
		lines := k.pick(newRandom())
		if err := os.WriteFile(file, []byte(lines[0]+"\n"+lines[1]+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := b.once(&builtin{good.tls}, []*target{k}, 0, file, 0, 1)
		if err != nil {
			t.Errorf("%s: %v", k.name, err)
		}
		if s.requests == 0 || s.cpu <= 0 || s.p99 < s.p50 {
			t.Errorf("%s: measured %+v", k.name, s)
		}
	}
}

func TestParseWrk(t *testing.T) {
	const said = `Running 1s test @ https://127.0.0.1:2083/execute/Quota/get_quota_info
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   345.83us  520.10us  12.26ms   97.46%
    Req/Sec    52.30k     4.12k   58.49k    80.00%
  Latency Distribution
     50%  270.00us
     75%  330.00us
     90%  480.00us
     99%    2.36ms
  52342 requests in 1.00s, 23.36MB read
`
	got, err := parseWrk(said)
	want := load{requests: 52342, took: time.Second, p50: 270 * time.Microsecond, p99: 2360 * time.Microsecond}
	if err != nil || got != want {
		t.Errorf("parseWrk = %+v, %v, want %+v", got, err, want)
	}
	got, err = parseWrk(said + "  Non-2xx or 3xx responses: 7\nRequests/sec:  52288.83\n")
	if err != nil || got.refused != 7 {
		t.Errorf("parseWrk = %+v, %v, want 7 refused", got, err)
	}
	for _, text := range []string{"", said + "  Socket errors: connect 0, read 3, write 0, timeout 0\n", "unable to connect"} {
		if l, err := parseWrk(text); err == nil {
			t.Errorf("parseWrk(%.40q…) = %+v, want an error", text, l)
		}
	}
}

func TestRatio(t *testing.T) {
	at := func(requests ...int) (s []sample) {
		for _, n := range requests {
			s = append(s, sample{load: load{requests: n, took: time.Second}})
		}
		return s
	}
	// A round in which the machine was busy slows both sides.
	got := ratio(at(90, 9, 95), at(100, 10, 100), sample.perSecond)
	if got != 0.9 {
		t.Errorf("ratio = %v, want 0.9", got)
	}
	values := []float64{4, 1, 3, 2}
	if got := median(slices.Clone(values)); got != 2.5 {
		t.Errorf("median(%v) = %v, want 2.5", values, got)
	}
	if got := quantile(values, 0.99); got != 4 {
		t.Errorf("quantile(%v, 0.99) = %v, want 4", values, got)
	}
}

func TestVerdict(t *testing.T) {
	for _, test := range []struct {
		got, want float64
		least     bool
		reached   bool
	}{{0.91, 0.9, true, true}, {0.89, 0.9, true, false}, {1.4, 1.5, false, true}, {1.6, 1.5, false, false}} {
		v := verdict{got: test.got, want: test.want, least: test.least}
		if v.reached() != test.reached {
			t.Errorf("%v: reached = %v, want %v", v, v.reached(), test.reached)
		}
	}
}
