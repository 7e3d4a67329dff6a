package crash

import (
	"os"
	"path/filepath"
	"strings"
)

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
	return s.kind == makes || s.kind == makesDir || s.kind == renames || s.kind == removes || s.kind == links
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
	case makes, makesDir, links:
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
