package homedir

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Usage is the room that a tree takes.
type Usage struct {
	Bytes  int64 // on disk, each file once however many names it has
	Inodes int64 // files, directories, links: all that has an inode
	Unread int64 // directories that could not be read, whose content is not counted
}

// Measure counts the room that the account's home takes, as "du -s" does: by
// blocks, hard links once, links not followed. What appears or disappears
// meanwhile may or may not be counted. It reads every directory of the home:
// keep the figure, do not ask at every call.
func (h *Homes) Measure(ctx context.Context, name string) (Usage, error) {
	var u Usage
	err := h.As(ctx, name, func(f FS) (err error) {
		u, err = f.Measure(".")
		return err
	})
	return u, err
}

// Measure is [Homes.Measure] for one directory.
func (f FS) Measure(name string) (Usage, error) {
	d, err := f.Dir(name)
	if err != nil {
		return Usage{}, err
	}
	defer d.Close()
	self, err := d.Stat()
	if err != nil {
		return Usage{}, err
	}
	m := newMeasurer(f.ctx, d)
	m.sum = Usage{Bytes: self.DiskSize(), Inodes: 1}
	m.seen[m.key(self)] = true
	var wg sync.WaitGroup
	for range min(4, runtime.GOMAXPROCS(0)+1) {
		wg.Go(m.work)
	}
	wg.Wait()
	return m.sum, m.err
}

type measurer struct {
	ctx context.Context
	top *Dir

	mu    sync.Mutex
	wake  *sync.Cond
	queue []string // directories to read, by path below top
	busy  int      // workers that may still add to the queue
	sum   Usage
	seen  map[inodeKey]bool
	err   error
}

// measureBuffers keeps the buffers of one walk for the next.
var measureBuffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

type inodeKey struct{ dev, ino uint64 }

func newMeasurer(ctx context.Context, top *Dir) *measurer {
	m := &measurer{ctx: ctx, top: top, queue: []string{"."}, seen: make(map[inodeKey]bool)}
	m.wake = sync.NewCond(&m.mu)
	return m
}

func (m *measurer) key(info Info) inodeKey {
	return inodeKey{uint64(info.st.Dev), info.st.Ino}
}

func (m *measurer) work() {
	buf := measureBuffers.Get().(*[64 << 10]byte)
	defer measureBuffers.Put(buf)
	w := measureWorker{m: m, buf: buf[:]}
	for {
		p, ok := m.next()
		if !ok {
			return
		}
		m.finish(w.run(p))
	}
}

func (m *measurer) next() (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.queue) == 0 && m.busy > 0 && m.err == nil {
		m.wake.Wait()
	}
	if len(m.queue) == 0 || m.err != nil {
		return "", false
	}
	p := m.queue[len(m.queue)-1]
	m.queue = m.queue[:len(m.queue)-1]
	m.busy++
	return p, true
}

func (m *measurer) finish(sum Usage, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.busy--
	m.sum.Bytes += sum.Bytes
	m.sum.Inodes += sum.Inodes
	m.sum.Unread += sum.Unread
	if m.err == nil {
		m.err = err
	}
	m.wake.Broadcast()
}

// offer puts a directory on the queue if some worker is likely idle.
func (m *measurer) offer(p string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) >= 4 {
		return false
	}
	m.queue = append(m.queue, p)
	m.wake.Signal()
	return true
}

// first reports whether a file with several names is met for the first time.
func (m *measurer) first(info Info) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.key(info)
	if m.seen[k] {
		return false
	}
	m.seen[k] = true
	return true
}

const (
	// measureDepth is how many directories a worker keeps open. Below that it
	// closes each one on the way down and finds it again as ".." of its child,
	// so that no depth of a tree uses up the descriptors or takes time squared.
	measureDepth = 16
	// measureOffer is the longest path that is passed on to another worker,
	// which has to open it step by step.
	measureOffer = 256
)

type measureWorker struct {
	m   *measurer
	buf []byte
	sum Usage
}

func (w *measureWorker) run(p string) (Usage, error) {
	w.sum = Usage{}
	d, err := w.open(p)
	if err != nil || d == nil {
		return w.sum, err
	}
	defer d.Close()
	err = w.read(d, p, 0)
	return w.sum, err
}

// open finds a directory step by step from the top, following no link.
func (w *measureWorker) open(p string) (*Dir, error) {
	d, err := w.child(w.m.top, ".")
	if p == "." {
		return d, err
	}
	for step := range strings.SplitSeq(p, "/") {
		if err != nil || d == nil {
			break
		}
		next, cerr := w.child(d, step)
		d.Close()
		d, err = next, cerr
	}
	return d, err
}

// child opens a directory below d; nil if it is gone, or not to be read.
func (w *measureWorker) child(d *Dir, name string) (*Dir, error) {
	fd, err := openat(d.fd, name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	switch {
	case err == nil:
		return &Dir{fd: fd}, nil
	case err == unix.EACCES:
		w.sum.Unread++
		return nil, nil
	case err == unix.ENOENT || err == unix.ENOTDIR || err == unix.ELOOP:
		return nil, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: err}
}

func (w *measureWorker) read(d *Dir, p string, depth int) error {
	if err := w.m.ctx.Err(); err != nil {
		return err
	}
	var dirs []string
	err := d.allEntries(w.buf, func(name string, _ fs.FileMode) error {
		isDir, err := w.count(d, name)
		if isDir {
			dirs = append(dirs, name)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, name := range dirs {
		switch ok, err := w.descend(d, p, name, depth); {
		case err != nil:
			return err
		case !ok:
			w.sum.Unread++
			return nil
		}
	}
	return nil
}

// descend reads the directory name of d, or leaves it to another worker. It
// reports whether d is still at hand after that.
func (w *measureWorker) descend(d *Dir, p, name string, depth int) (bool, error) {
	if len(p) <= measureOffer {
		p = path.Join(p, name)
		if w.m.offer(p) {
			return true, nil
		}
	}
	sub, err := w.child(d, name)
	if err != nil || sub == nil {
		return true, err
	}
	if depth < measureDepth {
		defer sub.Close()
		return true, w.read(sub, p, depth+1)
	}
	return w.swap(d, sub, p, depth)
}

// swap is descend with d closed meanwhile. A directory that was moved to
// another place in between is not found again.
func (w *measureWorker) swap(d, sub *Dir, p string, depth int) (bool, error) {
	before, err := d.Stat()
	if err != nil {
		return false, errors.Join(err, sub.Close())
	}
	d.Close()
	err = w.read(sub, p, depth+1)
	defer sub.Close()
	if err != nil || sub.fd < 0 {
		return false, err
	}
	up, err := w.child(sub, "..")
	if err != nil || up == nil {
		return false, err
	}
	if after, err := up.Stat(); err != nil || !after.sameFile(before) {
		return false, errors.Join(err, up.Close())
	}
	d.fd = up.fd // d takes it over
	return true, nil
}

// count adds one entry, and reports whether it is a directory to read.
func (w *measureWorker) count(d *Dir, name string) (bool, error) {
	info, err := d.lstat(name)
	if err == unix.ENOENT {
		return false, nil
	}
	if err != nil {
		return false, &fs.PathError{Op: "lstat", Path: name, Err: err}
	}
	if !info.IsDir() && info.Links() > 1 && !w.m.first(info) {
		return false, nil
	}
	w.sum.Bytes += info.DiskSize()
	w.sum.Inodes++
	return info.IsDir(), nil
}
