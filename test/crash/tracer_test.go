package crash

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// run starts a program and takes down what it changes in the folder, until it has
// ended; wait returns when it has, and tells how. The program is held at every system
// call that could change a file, and only one of these is carried out at a time:
// so the steps have an order, and each is in the log before the program goes on. It
// takes no privilege and nothing of the system but ptrace. What the program starts in
// turn is not recorded.
func (r *recorder) run(cmd *exec.Cmd) (wait func() error, err error) {
	t := &tracer{r: r, threads: map[int]*thread{}}
	started, ended := make(chan error), make(chan error, 1)
	go func() {
		runtime.LockOSThread() // who has started a program hears of it, and nobody else
		err := t.start(cmd)
		started <- err
		if err == nil {
			ended <- t.follow()
		}
	}()
	return func() error { return <-ended }, <-started
}

// tracer follows one program.
type tracer struct {
	r       *recorder
	pid     int
	threads map[int]*thread
	busy    *thread   // the one whose call is being carried out
	waiting []*thread // those that are held until it is
}

// thread is one of the program's threads.
type thread struct {
	id    int
	fresh bool            // it has not been heard of before
	call  uint64          // the number of the system call that it is in
	args  [6]uint64       // and its arguments
	done  func(ret int64) // takes down what a call has done that succeeded
}

func (t *tracer) start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Ptrace = true
	if err := cmd.Start(); err != nil {
		return err
	}
	t.pid = cmd.Process.Pid
	var is unix.WaitStatus
	if _, err := unix.Wait4(t.pid, &is, unix.WALL, nil); err != nil {
		return err
	}
	t.threads[t.pid] = &thread{id: t.pid}
	if err := unix.PtraceSetOptions(t.pid, unix.PTRACE_O_TRACESYSGOOD|unix.PTRACE_O_TRACECLONE|unix.PTRACE_O_EXITKILL); err != nil {
		return err
	}
	return unix.PtraceSyscall(t.pid, 0)
}

// follow follows the program to its end.
func (t *tracer) follow() error {
	for {
		var is unix.WaitStatus
		id, err := unix.Wait4(-1, &is, unix.WALL|unix.WNOTHREAD, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return err
		case is.Stopped():
			t.stopped(id, int(is.StopSignal()), is.TrapCause())
			continue
		}
		t.gone(t.threads[id])
		delete(t.threads, id)
		if id == t.pid && is.ExitStatus() != 0 {
			return fmt.Errorf("the program ended: status %d, signal %v", is.ExitStatus(), is.Signal())
		} else if id == t.pid {
			return nil
		}
	}
}

// stopped deals with a thread that has stopped, and lets it go on unless it has to
// wait for another.
func (t *tracer) stopped(id, signal, event int) {
	th := t.threads[id]
	if th == nil {
		th = &thread{id: id, fresh: true}
		t.threads[id] = th
	}
	switch {
	case signal == int(unix.SIGTRAP)|0x80:
		t.atCall(th)
		return
	case signal == int(unix.SIGTRAP) && event > 0:
		signal = 0
	case signal == int(unix.SIGSTOP) && th.fresh:
		th.fresh, signal = false, 0
	}
	t.resume(th, signal)
}

func (t *tracer) resume(th *thread, signal int) {
	_ = unix.PtraceSyscall(th.id, signal) // it may have been killed: its end is heard of
}

// callInfo is the kernel's struct ptrace_syscall_info.
type callInfo struct {
	op     uint8
	_      [3]uint8
	arch   uint32
	ip, sp uint64
	values [8]uint64 // at the entry the call's number and arguments, at the exit what it returns
}

// atCall deals with a thread that enters a system call, or leaves one.
func (t *tracer) atCall(th *thread) {
	var info callInfo
	const entry, exit = 1, 2
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GET_SYSCALL_INFO, uintptr(th.id), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	switch {
	case errno != 0:
	case info.op == entry:
		th.call, th.args = info.values[0], [6]uint64(info.values[1:7])
		if modern, ok := older[th.call]; ok {
			th.call, th.args = modern(th.args)
		}
		if watched[th.call] == nil {
			break
		}
		if t.busy != nil {
			t.waiting = append(t.waiting, th)
			return
		}
		t.begin(th)
	case info.op == exit && t.busy == th:
		if ret := int64(info.values[0]); ret >= 0 {
			th.done(ret)
		}
		t.resume(th, 0)
		t.next()
		return
	}
	t.resume(th, 0)
}

// begin has a thread's call be the one that is carried out, if it is about the folder.
func (t *tracer) begin(th *thread) {
	if th.done = watched[th.call](t, th); th.done != nil {
		t.busy = th
	}
}

// next lets those go on that have waited, up to one whose call is carried out.
func (t *tracer) next() {
	t.busy = nil
	for t.busy == nil && len(t.waiting) > 0 {
		th := t.waiting[0]
		t.waiting = t.waiting[1:]
		if t.threads[th.id] == th {
			t.begin(th)
			t.resume(th, 0)
		}
	}
}

// gone deals with a thread that has ended, perhaps in the middle of a call: what
// that did nobody knows, and no step follows on it.
func (t *tracer) gone(th *thread) {
	if th != nil && t.busy == th {
		t.next()
	}
}

// file is the path of an open file.
func (th *thread) file(fd uint64) string { return fmt.Sprintf("/proc/%d/fd/%d", th.id, int32(fd)) }

// path is the directory and the name that a call means by an open directory and a
// path.
func (th *thread) path(fd, at uint64) (dir, name string) {
	text := th.text(at)
	dir, name = filepath.Split(strings.TrimRight(text, "/"))
	switch {
	case strings.HasPrefix(text, "/"):
	case int32(fd) == unix.AT_FDCWD:
		dir = fmt.Sprintf("/proc/%d/cwd/%s", th.id, dir)
	default:
		dir = th.file(fd) + "/" + dir
	}
	return dir, name
}

// position is where the next write to the file goes that the call is about.
func (th *thread) position() int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", th.id, int32(th.args[0])))
	var n int64
	_, _ = fmt.Sscanf(string(text), "pos: %d", &n)
	return n
}

// memory is some of the program's.
func (th *thread) memory(at uint64, size int64) []byte {
	data := make([]byte, size)
	if size > 0 {
		n, _ := unix.ProcessVMReadv(th.id, []unix.Iovec{{Base: &data[0], Len: uint64(size)}}, []unix.RemoteIovec{{Base: uintptr(at), Len: int(size)}}, 0)
		data = data[:max(n, 0)]
	}
	return data
}

// text is the text that begins there and ends with a zero.
func (th *thread) text(at uint64) string {
	var all []byte
	for {
		const page = 4096
		part := th.memory(at, int64(page-at%page))
		text, _, ends := strings.Cut(string(part), "\x00")
		all = append(all, text...)
		if ends || len(part) == 0 || len(all) > 1<<16 {
			return string(all)
		}
		at += uint64(len(part))
	}
}
