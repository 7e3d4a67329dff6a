package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cores are the processors that a measurement uses.
type cores struct {
	server, load int
	shared       bool // there is only one
	all          unix.CPUSet
}

// twoCores are the first two processors this program may use.
func twoCores() (cores, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return cores{}, err
	}
	c := cores{all: set}
	var mine []int
	for i := 0; len(mine) < min(2, set.Count()); i++ {
		if set.IsSet(i) {
			mine = append(mine, i)
		}
	}
	c.server, c.load, c.shared = mine[0], mine[len(mine)-1], len(mine) == 1
	return c, nil
}

// pin keeps this program, and the load generators it starts, to the core for
// load until unpin is called.
func (c cores) pin() (unpin func(), err error) {
	var set unix.CPUSet
	set.Set(c.load)
	return func() { _ = confine(&c.all) }, confine(&set)
}

func confine(set *unix.CPUSet) error {
	tasks, err := filepath.Glob("/proc/self/task/*")
	if err != nil {
		return err
	}
	for _, t := range tasks {
		tid, err := strconv.Atoi(filepath.Base(t))
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(tid, set); err != nil && err != unix.ESRCH {
			return err
		}
	}
	return nil
}

// machine describes what the figures were taken on: they mean nothing without
// it.
func machine(c cores, wrk string) string {
	var uts unix.Utsname
	_ = unix.Uname(&uts)
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", time.Now().UTC().Format("2 Jan 2006 15:04 UTC"))
	fmt.Fprintf(&b, "%d cores of %s, Linux %s, %s, load %s\n",
		runtime.NumCPU(), cpuModel(), unix.ByteSliceToString(uts.Release[:]), runtime.Version(), loadAverage())
	if c.shared {
		b.WriteString("ONE CORE ONLY: servers and load share it, the figures say little\n")
	} else {
		fmt.Fprintf(&b, "servers on core %d, load on core %d\n", c.server, c.load)
	}
	if wrk == "" {
		b.WriteString("NO wrk HERE: the load comes from a built-in generator, which takes more of its core than wrk does (install wrk; scripts/test-deps does)\n")
	}
	return b.String()
}

func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// lookWrk finds wrk; "" if there is none.
func lookWrk() string {
	path, _ := exec.LookPath("wrk")
	return path
}
