// Package crash shows what survives: a server that is killed at any moment,
// a disk that is full, a row that is damaged, a stop under load; and that what many
// clients were told at the same time can have been ([TestHistories]). It drives the
// real program from outside, as its clients do; only [TestIntents] looks inside.
// Start at [TestKill].
package crash

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"time"
)

var (
	kills = flag.Int("kills", 4, "how often `TestKill` kills the server")
	seed  = flag.Uint64("seed", 0, "what chooses the moments and the changes; 0 for another each time")
)

var program struct {
	once sync.Once
	dir  string
	path string
	err  error
}

// built builds the program, once; with the race detector if the test has it.
func built(t *testing.T) string {
	t.Helper()
	p := &program
	p.once.Do(func() {
		if p.dir, p.err = os.MkdirTemp("", "latchkey-crash-"); p.err != nil {
			return
		}
		p.path = filepath.Join(p.dir, "latchkey")
		build := exec.Command("go", "build", fmt.Sprintf("-race=%t", racing()), "-o", p.path, "./cmd/latchkey")
		build.Dir = filepath.Join("..", "..")
		if out, err := build.CombinedOutput(); err != nil {
			p.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if p.err != nil {
		t.Fatalf("building the program: %v", p.err)
	}
	return p.path
}

// racing reports whether the test was built with the race detector.
func racing() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	code := m.Run()
	if program.dir != "" {
		os.RemoveAll(program.dir)
	}
	os.Exit(code)
}

// chance is a source of chance of its own for each part of a test, so that the
// same seed makes the same choices however the parts are interleaved.
func chance(part ...uint64) *rand.Rand {
	mixed := *seed
	for _, p := range part {
		mixed = mixed*0x9e3779b97f4a7c15 + p
	}
	return rand.New(rand.NewPCG(*seed, mixed))
}

// TestKill kills the server again and again under eight clients that write.
// Whatever was acknowledged must be there after the next start, and whatever
// was not must be there wholly or not at all.
func TestKill(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.furnish(start(t, w.dir))
	r := chance(1)
	began := time.Now()
	for n := range *kills {
		s := w.running()
		load := w.load(s, uint64(n))
		time.Sleep(time.Duration(20+r.IntN(381)) * time.Millisecond)
		s.kill()
		load.wait()
		if r.IntN(4) == 0 { // and once more while it recovers
			again := launch(t, w.dir)
			time.Sleep(time.Duration(r.IntN(60)) * time.Millisecond)
			again.kill()
		}
		w.run = start(t, w.dir)
		w.check()
		if t.Failed() {
			t.Errorf("after kill %d of %d; run again with -seed=%d", n+1, *kills, *seed)
			break
		}
	}
	w.run.stop()
	t.Logf("%d kills, %d acknowledged changes (%d messages), %d lost, %d unanswered of which %d happened, %s; seed %d",
		*kills, w.acknowledged, w.delivered, w.lost, w.unanswered, w.happened, time.Since(began).Round(time.Second/10), *seed)
}
