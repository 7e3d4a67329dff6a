package crash

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

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
