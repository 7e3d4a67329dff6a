package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a server that we started, and end.
type process struct {
	name  string
	cmd   *exec.Cmd
	log   *processLog
	ended chan struct{}
	err   error // set when ended
}

// launch starts a program on one processor, or anywhere if cpu is negative. The
// program ends with this one, however this one ends: a thread of its own that
// lasts as long as the program is its parent, and hands its processor down.
func launch(name string, cpu int, env []string, argv ...string) (*process, error) {
	p := &process{name: name, cmd: exec.Command(argv[0], argv[1:]...), log: newProcessLog(), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: nobody else is to be on that processor
		err := confineThread(cpu)
		if err == nil {
			err = p.cmd.Start()
		}
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.ended)
		}
	}()
	return p, <-started
}

func confineThread(cpu int) error {
	if cpu < 0 {
		return nil
	}
	var set unix.CPUSet
	set.Set(cpu)
	return unix.SchedSetaffinity(0, &set)
}

// ready waits until the program says that it is, and returns the addresses it
// listens on.
func (p *process) ready() (map[string]string, error) {
	select {
	case at := <-p.log.ready:
		return at, nil
	case <-p.ended:
		return nil, fmt.Errorf("%s ended: %v\n%s", p.name, p.err, p.log)
	case <-time.After(time.Minute):
		return nil, fmt.Errorf("%s was not ready in a minute\n%s", p.name, p.log)
	}
}

// filled waits until the program says that it has every token in memory.
func (p *process) filled() error {
	const most = 15 * time.Minute
	select {
	case <-p.log.full:
		return nil
	case <-p.ended:
		return fmt.Errorf("%s ended: %v\n%s", p.name, p.err, p.log)
	case <-time.After(most):
		return fmt.Errorf("%s has not read its tokens in %v\n%s", p.name, most, p.log)
	}
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// end ends the program, gently if it will.
func (p *process) end() {
	p.signal(syscall.SIGCONT)
	p.signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(20 * time.Second):
		p.kill()
	}
}

// kill ends the program as a power failure would.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.ended
}

// cpu is how long the program has been on a processor so far.
func (p *process) cpu() (time.Duration, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	if err != nil || len(tasks) == 0 {
		return 0, fmt.Errorf("%s: the kernel does not tell its time (schedstat)", p.name)
	}
	var sum time.Duration
	for _, t := range tasks {
		text, err := os.ReadFile(t)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue
		}
		field, _, _ := strings.Cut(string(text), " ")
		ns, perr := strconv.ParseInt(field, 10, 64)
		if err := errors.Join(err, perr); err != nil {
			return 0, err
		}
		sum += time.Duration(ns)
	}
	return sum, nil
}

// memory is what the program holds of the machine's memory, in bytes.
func (p *process) memory() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// settle waits until the program has nothing more to do by itself: a server
// reads its tokens into memory after its start.
func (p *process) settle() error {
	const step = 500 * time.Millisecond
	time.Sleep(time.Second) // it begins a moment after the start
	for quiet := 0; quiet < 3; {
		before, err := p.cpu()
		if err != nil {
			return err
		}
		time.Sleep(step)
		after, err := p.cpu()
		if err != nil {
			return err
		}
		if quiet++; after-before > step/20 {
			quiet = 0
		}
	}
	return nil
}

// processLog keeps the end of what a program says, and hears when it is ready.
type processLog struct {
	mu    sync.Mutex
	line  []byte
	last  []string
	said  bool
	ready chan map[string]string
	full  chan struct{} // receives when every token is in memory
}

func newProcessLog() *processLog {
	return &processLog{ready: make(chan map[string]string, 1), full: make(chan struct{}, 1)}
}

func (l *processLog) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line = append(l.line, text...)
	for {
		i := bytes.IndexByte(l.line, '\n')
		if i < 0 {
			return len(text), nil
		}
		l.hear(string(l.line[:i]))
		l.line = l.line[i+1:]
	}
}

func (l *processLog) hear(line string) {
	if l.last = append(l.last, line); len(l.last) > 20 {
		l.last = l.last[1:]
	}
	if strings.Contains(line, `"msg":"every token is in memory"`) {
		select {
		case l.full <- struct{}{}:
		default:
		}
	}
	if l.said || !strings.Contains(line, `"msg":"ready"`) {
		return
	}
	var at map[string]any
	if json.Unmarshal([]byte(line), &at) != nil {
		return
	}
	addresses := make(map[string]string)
	for k, v := range at {
		if text, ok := v.(string); ok {
			addresses[k] = text
		}
	}
	l.said = true
	l.ready <- addresses
}

func (l *processLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.last, "\n")
}
