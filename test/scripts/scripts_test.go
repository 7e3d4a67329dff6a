// Package scripts drives the whole program as a new user would: each script is
// a session at a shell, with real curl.
package scripts

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchkey/latchkey/internal/cli"
	"github.com/latchkey/latchkey/internal/needs"
)

func TestMain(m *testing.M) {
	latchkey := func() { os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr)) }
	testscript.Main(m, map[string]func(){
		"latchkey": latchkey, "uapi": latchkey, "cpapi2": latchkey, "whmapi1": latchkey, "whmapi0": latchkey,
		"call": call, "deliver": deliver, "hold": hold,
	})
}

func TestScripts(t *testing.T) {
	needs.Program(t, "curl")
	testscript.Run(t, testscript.Params{
		Dir:   ".",
		Setup: setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"launch": launch, "end": end, "adopt": adopt, "capture": capture, "soon": soon,
		},
		Condition: condition,
	})
}

// condition is that of function:MODULE/NAME: whether there is such a function.
func condition(what string) (bool, error) {
	name, ok := strings.CutPrefix(what, "function:")
	if !ok {
		return false, fmt.Errorf("no condition is called %q", what)
	}
	known, err := os.ReadFile(filepath.Join("..", "..", "docs", "openapi.json"))
	return bytes.Contains(known, []byte(`"/execute/`+name+`"`)), err
}

func setUp(e *testscript.Env) error {
	e.Setenv("HOME", e.WorkDir)
	e.Setenv("GORACE", "atexit_sleep_ms=0") // a second for each program otherwise
	e.Values["launched"] = &launched{}
	return nil
}

// launched is the program that runs beside the script.
type launched struct {
	cmd   *exec.Cmd
	ended chan error
}

// launch FILE TEXT PROGRAM ARGUMENT… starts a program that writes to FILE, and
// waits until it has written TEXT there.
func launch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: launch FILE TEXT PROGRAM [ARGUMENT…]")
	}
	l := ts.Value("launched").(*launched)
	if l.cmd != nil {
		ts.Fatalf("a program is running already: end it first")
	}
	path := ts.MkAbs(args[0])
	file, err := os.Create(path)
	ts.Check(err)
	defer file.Close()
	cmd := exec.Command(lookPath(ts, args[2]), args[3:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), environment(ts), file, file
	ts.Check(cmd.Start())
	l.cmd, l.ended = cmd, make(chan error, 1)
	go func(ended chan<- error) { ended <- cmd.Wait() }(l.ended)
	ts.Defer(func() { _ = cmd.Process.Kill() })
	l.await(ts, path, args[1])
}

// await waits until the program has written text to the file path.
func (l *launched) await(ts *testscript.TestScript, path, text string) {
	limit := time.After(30 * time.Second)
	for {
		written, err := os.ReadFile(path)
		ts.Check(err)
		if strings.Contains(string(written), text) {
			return
		}
		select {
		case err := <-l.ended:
			ts.Fatalf("it ended (%v) and wrote\n%s", err, written)
		case <-limit:
			ts.Fatalf("it has not written %q, but\n%s", text, written)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// lookPath finds a program on the script's own path.
func lookPath(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		path := filepath.Join(dir, name)
		if st, err := os.Stat(path); err == nil && st.Mode()&0o111 != 0 {
			return path
		}
	}
	ts.Fatalf("there is no program %s", name)
	return ""
}

// environment is what a launched program gets of the script's environment:
// nothing that an earlier server has left there.
func environment(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "WORK", "GORACE"} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	return env
}

// end SIGNAL ends the launched program, which must exit with status 0 soon;
// after “! end” with another one. (A command called stop is testscript's own: it
// ends the script.)
func end(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}
	l := ts.Value("launched").(*launched)
	if len(args) != 1 || signals[args[0]] == 0 || l.cmd == nil {
		ts.Fatalf("usage: launch …, then end INT|TERM|KILL")
	}
	ts.Check(l.cmd.Process.Signal(signals[args[0]]))
	select {
	case err := <-l.ended:
		l.cmd = nil
		if (err != nil) != neg {
			ts.Fatalf("it ended with %v", err)
		}
	case <-time.After(15 * time.Second):
		ts.Fatalf("it does not end")
	}
}

// adopt FILE takes over the variables that FILE shows.
func adopt(ts *testscript.TestScript, _ bool, args []string) {
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && strings.HasPrefix(name, "LATCHKEY_") {
			ts.Setenv(name, value)
		}
	}
}

// capture NAME PATTERN keeps the first group of PATTERN in what was printed last.
func capture(ts *testscript.TestScript, _ bool, args []string) {
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("nothing looks like %s in\n%s", args[1], ts.ReadFile("stdout"))
	}
	ts.Setenv(args[0], m[1])
}

// soon NAME SECONDS keeps the time that is some seconds ahead.
func soon(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Setenv(args[0], fmt.Sprint(time.Now().Unix()+int64(n)))
}
