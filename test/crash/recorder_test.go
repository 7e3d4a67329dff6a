package crash

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// A recorder takes down, in their order, all changes that a program makes in a
// folder, and all that it makes durable: see [recorder.run]. What a power cut at any
// moment could leave of them is made of that: see [recorder.after].
type recorder struct {
	t      *testing.T
	dir    string
	device uint64
	files  map[uint64]int // which of the files of the log an inode is now
	last   int
	was    *node // what stood there before anything was recorded

	mu  sync.Mutex
	log []step
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
	links // a second name of a file
)

// node is a file or a directory.
type node struct {
	number int
	dir    map[string]*node // nil for a file
	data   []byte
}

// record begins to record what changes in a folder. Only programs that are run by
// [recorder.run] may change anything there.
func record(t *testing.T, dir string) *recorder {
	t.Helper()
	r := &recorder{t: t, dir: dir, files: map[uint64]int{}}
	var st syscall.Stat_t
	err := syscall.Stat(dir, &st)
	if err == nil {
		r.device = st.Dev
		r.was, err = r.read(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
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

// add takes a step down.
func (r *recorder) add(s step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, s)
}

// steps is how many steps there are so far.
func (r *recorder) steps() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.log)
}
