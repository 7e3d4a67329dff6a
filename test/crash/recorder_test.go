package crash

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	fuse "github.com/hanwen/go-fuse/v2/fs"
	kernel "github.com/hanwen/go-fuse/v2/fuse"
)

// A recorder is a file system over a folder that takes down, in their order, all
// changes that are made through it, and all that is made durable. What a power cut
// at any moment could leave of them is made of that: see [recorder.after].
type recorder struct {
	dir string // the folder below

	mu    sync.Mutex
	log   []step
	files map[uint64]int // which of the files of the log an inode is now
	last  int
	was   *node // what stood there before anything was recorded
}

// step is one change, or one call that makes changes durable.
type step struct {
	kind   stepKind
	file   int // the file or directory that is meant, by its number
	dir    int // the directory that the name is in
	name   string
	to     int // of a rename: the other directory
	toName string
	at     int64 // of a write: where; of a cut: how long the file is then
	data   []byte
}

type stepKind uint8

const (
	makes    stepKind = iota // a file
	makesDir                 // a directory
	writes                   // some bytes
	cuts                     // a file to a length
	syncs                    // a file
	syncsDir                 // the names in a directory
	renames
	removes
)

// node is a file or a directory.
type node struct {
	number int
	dir    map[string]*node // nil for a file
	data   []byte
}

// record mounts a recorder over a folder, as long as the test lasts, and returns it
// and where it is mounted.
func record(t *testing.T, dir string) (*recorder, string) {
	t.Helper()
	r := &recorder{dir: dir, files: map[uint64]int{}}
	var err error
	if r.was, err = r.read(dir); err != nil {
		t.Fatal(err)
	}
	var st syscall.Stat_t
	if err := syscall.Stat(dir, &st); err != nil {
		t.Fatal(err)
	}
	root := &fuse.LoopbackRoot{Path: dir, Dev: st.Dev}
	at := t.TempDir()
	server, err := fuse.Mount(at, &watched{&fuse.LoopbackNode{RootData: root}, r}, &fuse.Options{MountOptions: kernel.MountOptions{DirectMountStrict: true, FsName: "recorder"}})
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no file system can be mounted: %v", err)
		}
		t.Skipf("SKIPPED: no file system can be mounted, which takes root and /dev/fuse: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Unmount(); err != nil {
			t.Errorf("unmounting: %v", err)
		}
	})
	return r, at
}

// read is what a folder holds.
func (r *recorder) read(path string) (*node, error) {
	var st syscall.Stat_t
	if err := syscall.Lstat(path, &st); err != nil {
		return nil, err
	}
	n := &node{number: r.number(st.Ino)}
	if st.Mode&syscall.S_IFMT != syscall.S_IFDIR {
		var err error
		n.data, err = os.ReadFile(path)
		return n, err
	}
	n.dir = map[string]*node{}
	entries, err := os.ReadDir(path)
	for i := 0; i < len(entries) && err == nil; i++ {
		n.dir[entries[i].Name()], err = r.read(filepath.Join(path, entries[i].Name()))
	}
	return n, err
}

// number gives an inode the next number: it is a file that was not there before.
func (r *recorder) number(inode uint64) int {
	r.last++
	r.files[inode] = r.last
	return r.last
}

// during takes a step down once do, which carries it out, has succeeded. One step
// is carried out at a time.
func (r *recorder) during(do func() syscall.Errno, fill func() step) syscall.Errno {
	r.mu.Lock()
	defer r.mu.Unlock()
	errno := do()
	if errno == 0 {
		r.log = append(r.log, fill())
	}
	return errno
}

// steps is how many steps there are so far.
func (r *recorder) steps() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.log)
}

// watched is a file or directory of the recorder's.
type watched struct {
	*fuse.LoopbackNode
	r *recorder
}

// WrapChild implements [fuse.NodeWrapChilder].
func (n *watched) WrapChild(_ context.Context, child fuse.InodeEmbedder) fuse.InodeEmbedder {
	return &watched{child.(*fuse.LoopbackNode), n.r}
}

// file is its number. The mutex is held.
func (n *watched) file() int {
	var st syscall.Stat_t
	_ = syscall.Lstat(filepath.Join(n.r.dir, n.Path(n.Root())), &st)
	return n.r.files[st.Ino]
}

func (n *watched) inode(name string) uint64 {
	var st syscall.Stat_t
	_ = syscall.Lstat(filepath.Join(n.r.dir, n.Path(n.Root()), name), &st)
	return st.Ino
}

func (n *watched) Create(ctx context.Context, name string, flags, mode uint32, out *kernel.EntryOut) (in *fuse.Inode, fh fuse.FileHandle, f uint32, errno syscall.Errno) {
	errno = n.r.during(func() syscall.Errno {
		in, fh, f, errno = n.LoopbackNode.Create(ctx, name, flags, mode, out)
		return errno
	}, func() step { return step{kind: makes, dir: n.file(), name: name, file: n.r.number(n.inode(name))} })
	if errno == 0 {
		fh = &handle{fh.(*fuse.LoopbackFile), n.r, n.r.files[n.inode(name)]}
	}
	return in, fh, f, errno
}

func (n *watched) Open(ctx context.Context, flags uint32) (fuse.FileHandle, uint32, syscall.Errno) {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	fh, f, errno := n.LoopbackNode.Open(ctx, flags)
	if errno != 0 {
		return nil, 0, errno
	}
	file := n.file()
	if flags&syscall.O_TRUNC != 0 {
		n.r.log = append(n.r.log, step{kind: cuts, file: file})
	}
	return &handle{fh.(*fuse.LoopbackFile), n.r, file}, f, 0
}

func (n *watched) Mkdir(ctx context.Context, name string, mode uint32, out *kernel.EntryOut) (in *fuse.Inode, errno syscall.Errno) {
	errno = n.r.during(func() syscall.Errno { in, errno = n.LoopbackNode.Mkdir(ctx, name, mode, out); return errno },
		func() step {
			return step{kind: makesDir, dir: n.file(), name: name, file: n.r.number(n.inode(name))}
		})
	return in, errno
}

func (n *watched) Unlink(ctx context.Context, name string) syscall.Errno {
	return n.r.during(func() syscall.Errno { return n.LoopbackNode.Unlink(ctx, name) },
		func() step { return step{kind: removes, dir: n.file(), name: name} })
}

func (n *watched) Rmdir(ctx context.Context, name string) syscall.Errno {
	return n.r.during(func() syscall.Errno { return n.LoopbackNode.Rmdir(ctx, name) },
		func() step { return step{kind: removes, dir: n.file(), name: name} })
}

func (n *watched) Rename(ctx context.Context, name string, to fuse.InodeEmbedder, toName string, flags uint32) syscall.Errno {
	return n.r.during(func() syscall.Errno { return n.LoopbackNode.Rename(ctx, name, to, toName, flags) },
		func() step {
			w := to.(*watched)
			return step{kind: renames, file: n.r.files[w.inode(toName)], dir: n.file(), name: name, to: w.file(), toName: toName}
		})
}

// Link and Symlink are not made by what is under test: a recorder that did not
// record one would not notice.
func (n *watched) Link(context.Context, fuse.InodeEmbedder, string, *kernel.EntryOut) (*fuse.Inode, syscall.Errno) {
	return nil, syscall.ENOTSUP
}

func (n *watched) Symlink(context.Context, string, string, *kernel.EntryOut) (*fuse.Inode, syscall.Errno) {
	return nil, syscall.ENOTSUP
}

func (n *watched) CopyFileRange(context.Context, fuse.FileHandle, uint64, *fuse.Inode, fuse.FileHandle, uint64, uint64, uint64) (uint32, syscall.Errno) {
	return 0, syscall.ENOTSUP
}

func (n *watched) Setattr(ctx context.Context, fh fuse.FileHandle, in *kernel.SetAttrIn, out *kernel.AttrOut) syscall.Errno {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	inner := fh
	if h, ok := fh.(*handle); ok {
		inner = h.LoopbackFile
	}
	errno := n.LoopbackNode.Setattr(ctx, inner, in, out)
	if size, ok := in.GetSize(); ok && errno == 0 {
		file := n.file()
		if h, ok := fh.(*handle); ok {
			file = h.file
		}
		n.r.log = append(n.r.log, step{kind: cuts, file: file, at: int64(size)})
	}
	return errno
}

func (n *watched) OpendirHandle(ctx context.Context, flags uint32) (fuse.FileHandle, uint32, syscall.Errno) {
	fh, f, errno := n.LoopbackNode.OpendirHandle(ctx, flags)
	if errno != 0 {
		return nil, 0, errno
	}
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	return &dirHandle{fh.(dirStream), n.r, n.file()}, f, 0
}

func (n *watched) Tmpfile(context.Context, uint32, uint32, *kernel.EntryOut) (*fuse.Inode, fuse.FileHandle, uint32, syscall.Errno) {
	return nil, nil, 0, syscall.ENOTSUP
}

// handle is an open file.
type handle struct {
	*fuse.LoopbackFile
	r    *recorder
	file int
}

// PassthroughFd keeps the kernel from writing past the recorder.
func (h *handle) PassthroughFd() (int, bool) { return 0, false }

func (h *handle) Write(ctx context.Context, data []byte, off int64) (n uint32, errno syscall.Errno) {
	errno = h.r.during(func() syscall.Errno { n, errno = h.LoopbackFile.Write(ctx, data, off); return errno },
		func() step {
			return step{kind: writes, file: h.file, at: off, data: append([]byte(nil), data[:n]...)}
		})
	return n, errno
}

func (h *handle) Fsync(ctx context.Context, flags uint32) syscall.Errno {
	return h.r.during(func() syscall.Errno { return h.LoopbackFile.Fsync(ctx, flags) }, func() step { return step{kind: syncs, file: h.file} })
}

func (h *handle) Allocate(context.Context, uint64, uint64, uint32) syscall.Errno {
	return syscall.ENOTSUP
}

// dirStream is an open directory of the file system below.
type dirStream interface {
	fuse.FileHandle
	fuse.FileReaddirenter
	fuse.FileReleasedirer
	fuse.FileSeekdirer
	fuse.FileFsyncdirer
}

type dirHandle struct {
	dirStream
	r   *recorder
	dir int
}

func (h *dirHandle) Fsyncdir(ctx context.Context, flags uint32) syscall.Errno {
	return h.r.during(func() syscall.Errno { return h.dirStream.Fsyncdir(ctx, flags) }, func() step { return step{kind: syncsDir, file: h.dir} })
}

// outage is what a power cut does to what was not made durable.
type outage struct {
	name string
	// posix says that a name is durable when its directory was synced, and not when
	// any file was.
	posix bool
	// keeps decides, of the changes that are not durable, which of them are left.
	keeps func(chance func(n int) int) lot
}

// lot is what becomes of changes that are not durable.
type lot struct {
	all, none bool
	chance    func(n int) int
}

var outages = []outage{
	{"kill", false, func(func(int) int) lot { return lot{all: true} }},
	{"strict", false, func(func(int) int) lot { return lot{none: true} }},
	{"strict-posix", true, func(func(int) int) lot { return lot{none: true} }},
	{"random", false, func(c func(int) int) lot { return lot{chance: c} }},
	{"random-posix", true, func(c func(int) int) lot { return lot{chance: c} }},
}

// sector is what a disk writes at once.
const sector = 512

// after is what an outage after the first k steps leaves.
func (r *recorder) after(k int, o outage, chance func(n int) int) *node {
	log, how := r.log[:k], o.keeps(chance)
	all := map[int]*node{}
	root := r.was.copied(all)
	durable, edge := o.durable(log), 0
	if how.chance != nil {
		edge = how.chance(len(log) + 1) // names change in order: those before it are left
	}
	for i := range log {
		s := &log[i]
		if all[s.file] == nil && (s.kind == makes || s.kind == makesDir) {
			all[s.file] = &node{number: s.file}
			if s.kind == makesDir {
				all[s.file].dir = map[string]*node{}
			}
		}
		left := durable[i] || how.all || how.chance != nil && (s.named() && i < edge || !s.named() && how.chance(2) == 0)
		if left {
			s.apply(all, durable[i] || how.all, how.chance)
		}
	}
	return root
}

func (s *step) named() bool {
	return s.kind == makes || s.kind == makesDir || s.kind == renames || s.kind == removes
}

// durable tells of every step whether it outlives any outage at the end of log.
func (o outage) durable(log []step) []bool {
	sure := make([]bool, len(log))
	files, dirs, any := map[int]bool{}, map[int]bool{}, false
	for i := len(log) - 1; i >= 0; i-- {
		switch s := &log[i]; s.kind {
		case syncs:
			files[s.file], any = true, true
		case syncsDir:
			dirs[s.file], any = true, true
		case writes, cuts:
			sure[i] = files[s.file]
		default:
			sure[i] = any
			if o.posix {
				sure[i] = dirs[s.dir] || s.kind == renames && dirs[s.to]
			}
		}
	}
	return sure
}

// apply makes the change; a write that is not whole may be torn between sectors.
func (s *step) apply(all map[int]*node, whole bool, chance func(int) int) {
	dir := all[s.dir]
	switch s.kind {
	case makes, makesDir:
		dir.dir[s.name] = all[s.file]
	case removes:
		delete(dir.dir, s.name)
	case renames:
		if dir.dir[s.name] == all[s.file] {
			delete(dir.dir, s.name)
		}
		all[s.to].dir[s.toName] = all[s.file]
	case cuts:
		all[s.file].grow(s.at)
		all[s.file].data = all[s.file].data[:s.at]
	case writes:
		data := s.data
		if !whole && len(data) > sector {
			data = data[:sector*(1+chance(len(data)/sector))]
		}
		n := all[s.file]
		n.grow(s.at + int64(len(data)))
		copy(n.data[s.at:], data)
	}
}

func (n *node) grow(size int64) {
	if short := size - int64(len(n.data)); short > 0 {
		n.data = append(n.data, make([]byte, short)...)
	}
}

// copied is a copy of the tree, whose nodes all then has by their numbers.
func (n *node) copied(all map[int]*node) *node {
	c := &node{number: n.number, data: append([]byte(nil), n.data...)}
	all[c.number] = c
	if n.dir != nil {
		c.dir = map[string]*node{}
		for name, child := range n.dir {
			c.dir[name] = child.copied(all)
		}
	}
	return c
}

// write puts the tree on a disk. SQLite's shared memory is memory: it does not
// outlive the machine.
func (n *node) write(path string) error {
	if n.dir == nil {
		if strings.HasSuffix(path, "-shm") {
			return nil
		}
		return os.WriteFile(path, n.data, 0o600)
	}
	if err := os.Mkdir(path, 0o711); err != nil && !os.IsExist(err) {
		return err
	}
	for name, child := range n.dir {
		if err := child.write(filepath.Join(path, name)); err != nil {
			return err
		}
	}
	return nil
}

// find is the file at a path, nil if there is none.
func (n *node) find(path string) *node {
	for name := range strings.SplitSeq(path, "/") {
		if n = n.dir[name]; n == nil {
			return nil
		}
	}
	return n
}
