package crash

import (
	"encoding/binary"
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

// watched are the system calls that change files, or make changes durable. Each
// function is called before the call is carried out, and returns what is to be done
// after it, or nil where it is not about the folder.
var watched map[uint64]func(t *tracer, th *thread) func(ret int64)

func init() {
	watched = map[uint64]func(*tracer, *thread) func(int64){
		unix.SYS_WRITE: func(t *tracer, th *thread) func(int64) {
			return t.writing(th, func(n int64) int64 { return th.position() - n })
		},
		unix.SYS_PWRITE64: func(t *tracer, th *thread) func(int64) {
			return t.writing(th, func(int64) int64 { return int64(th.args[3]) })
		},
		unix.SYS_OPENAT: func(t *tracer, th *thread) func(int64) { return t.opening(th, th.args[2]) },
		unix.SYS_OPENAT2: func(t *tracer, th *thread) func(int64) {
			return t.opening(th, binary.NativeEndian.Uint64(th.memory(th.args[2], 8)))
		},
		unix.SYS_FTRUNCATE: func(t *tracer, th *thread) func(int64) {
			return t.on(th.args[0], th, step{kind: cuts, at: int64(th.args[1])})
		},
		unix.SYS_FSYNC:     (*tracer).syncing,
		unix.SYS_FDATASYNC: (*tracer).syncing,
		unix.SYS_MKDIRAT:   (*tracer).makingDir,
		unix.SYS_UNLINKAT:  (*tracer).removing,
		unix.SYS_RENAMEAT2: (*tracer).renaming,
		unix.SYS_LINKAT:    (*tracer).linking,
		unix.SYS_MMAP:      (*tracer).mapping,
	}
	for name, call := range map[string]struct {
		number uint64
		fd     int // which argument is the file, or the directory of the name that follows
		named  bool
	}{
		"writev": {unix.SYS_WRITEV, 0, false}, "pwritev": {unix.SYS_PWRITEV, 0, false}, "pwritev2": {unix.SYS_PWRITEV2, 0, false},
		"fallocate": {unix.SYS_FALLOCATE, 0, false}, "copy_file_range": {unix.SYS_COPY_FILE_RANGE, 2, false},
		"sendfile": {unix.SYS_SENDFILE, 0, false}, "splice": {unix.SYS_SPLICE, 2, false},
		"symlinkat": {unix.SYS_SYMLINKAT, 1, true}, "mknodat": {unix.SYS_MKNODAT, 0, true},
	} {
		watched[call.number] = func(t *tracer, th *thread) func(int64) { return t.unknown(name, th, call.fd, call.named) }
	}
}

// unknown is a call that the recorder does not record: where it changes the folder,
// what is recorded means nothing.
func (t *tracer) unknown(name string, th *thread, fd int, named bool) func(int64) {
	_, known := t.file(th.file(th.args[fd]))
	if named {
		dir, _ := th.path(th.args[fd], th.args[fd+1])
		_, known = t.file(dir)
	}
	if !known {
		return nil
	}
	return func(int64) { t.r.t.Errorf("the recorder knows nothing of %s", name) }
}

// on is a step about an open file.
func (t *tracer) on(fd uint64, th *thread, s step) func(int64) {
	file, ok := t.file(th.file(fd))
	if !ok {
		return nil
	}
	s.file = file
	return func(int64) { t.r.add(s) }
}

func (t *tracer) writing(th *thread, at func(n int64) int64) func(int64) {
	file, ok := t.file(th.file(th.args[0]))
	if !ok {
		return nil
	}
	return func(n int64) {
		t.r.add(step{kind: writes, file: file, at: at(n), data: th.memory(th.args[1], n)})
	}
}

func (t *tracer) opening(th *thread, flags uint64) func(int64) {
	dir, name := th.path(th.args[0], th.args[1])
	in, ok := t.file(dir)
	switch {
	case !ok || flags&(unix.O_CREAT|unix.O_TRUNC) == 0:
		return nil
	case flags&unix.O_TMPFILE == unix.O_TMPFILE:
		return func(int64) { t.r.t.Error("the recorder knows nothing of files without a name") }
	}
	there, known := t.file(filepath.Join(dir, name))
	return func(int64) {
		switch {
		case !known:
			t.r.add(step{kind: makes, dir: in, name: name, file: t.r.number(inode(dir + "/" + name))})
		case flags&unix.O_TRUNC != 0:
			t.r.add(step{kind: cuts, file: there})
		}
	}
}

func (t *tracer) syncing(th *thread) func(int64) {
	path := th.file(th.args[0])
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return t.on(th.args[0], th, step{kind: syncsDir})
	}
	return t.on(th.args[0], th, step{kind: syncs})
}

func (t *tracer) makingDir(th *thread) func(int64) {
	dir, name := th.path(th.args[0], th.args[1])
	in, ok := t.file(dir)
	if !ok {
		return nil
	}
	return func(int64) {
		t.r.add(step{kind: makesDir, dir: in, name: name, file: t.r.number(inode(dir + "/" + name))})
	}
}

func (t *tracer) removing(th *thread) func(int64) {
	dir, name := th.path(th.args[0], th.args[1])
	in, ok := t.file(dir)
	if !ok {
		return nil
	}
	last := t.last(dir + "/" + name)
	return func(int64) {
		t.r.add(step{kind: removes, dir: in, name: name})
		last()
	}
}

func (t *tracer) renaming(th *thread) func(int64) {
	dir, name := th.path(th.args[0], th.args[1])
	toDir, toName := th.path(th.args[2], th.args[3])
	from, ok := t.file(dir)
	to, into := t.file(toDir)
	file, known := t.file(dir + "/" + name)
	if !ok && !into {
		return nil
	}
	last := t.last(toDir + "/" + toName)
	return func(int64) {
		if !ok || !into || !known || th.args[4]&unix.RENAME_EXCHANGE != 0 {
			t.r.t.Errorf("the recorder cannot follow the renaming of %s to %s", name, toName)
			return
		}
		t.r.add(step{kind: renames, file: file, dir: from, name: name, to: to, toName: toName})
		last()
	}
}

func (t *tracer) linking(th *thread) func(int64) {
	dir, name := th.path(th.args[0], th.args[1])
	toDir, toName := th.path(th.args[2], th.args[3])
	to, ok := t.file(toDir)
	file, known := t.file(dir + "/" + name)
	if !ok {
		return nil
	}
	return func(int64) {
		if !known {
			t.r.t.Errorf("the recorder cannot follow the linking of %s to %s", name, toName)
			return
		}
		t.r.add(step{kind: links, file: file, dir: to, name: toName})
	}
}

// mapping must not be how a file is written: but for SQLite's shared memory, which is
// memory.
func (t *tracer) mapping(th *thread) func(int64) {
	const fd = 4
	if th.args[2]&unix.PROT_WRITE == 0 || th.args[3]&unix.MAP_TYPE == unix.MAP_PRIVATE || th.args[3]&unix.MAP_ANONYMOUS != 0 {
		return nil
	}
	if name, _ := os.Readlink(th.file(th.args[fd])); strings.HasSuffix(name, "-shm") {
		return nil
	}
	return t.unknown("mmap", th, fd, false)
}

// file is the number of what stands at a path, if it is in the folder.
func (t *tracer) file(path string) (int, bool) {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil || st.Dev != t.r.device {
		return 0, false
	}
	n, ok := t.r.files[st.Ino]
	return n, ok
}

func inode(path string) uint64 {
	var st unix.Stat_t
	_ = unix.Lstat(path, &st)
	return st.Ino
}

// last is to be called when the name at path has gone: where it was the last of a
// file, the inode may be another's soon.
func (t *tracer) last(path string) func() {
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR && st.Nlink > 1 {
		return func() {}
	}
	return func() { delete(t.r.files, st.Ino) }
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
