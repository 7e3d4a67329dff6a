package maildir

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/driver/homedir"
)

// Usage is what a mailbox holds.
type Usage struct {
	Bytes    int64     // the sizes of all messages
	Messages int64     // in all folders, read or not
	Modified time.Time // when a message last came, went or changed its flags
}

// Usage sums up the messages in cur and new of the mailbox and of its folders.
// A message counts with the size in its name (",S="), else with its length.
// Links and other oddities count nothing.
//
// What did not change since the last call costs a few looks at directories: a
// figure is kept as long as the directory's times stay the same, and only if
// they were old enough to show every later change. So changes by other
// programs are seen at once too; but for a message that grows in place, which
// no Maildir program does.
func (s *Store) Usage(ctx context.Context, account, domain, user string) (Usage, error) {
	p := place{account, domain, user}
	var u Usage
	err := s.open(ctx, p, func(box *homedir.Dir) error {
		old := s.cache.find(p)
		now, err := survey(ctx, box, old)
		if err != nil {
			return fmt.Errorf("usage of %s: %w", p, err)
		}
		if !now.same {
			s.cache.keep(p, now)
		}
		u = now.usage()
		return nil
	})
	return u, err
}

// racyAge is how long before a reading a directory must have been at rest for
// the reading to be kept: longer than a tick of any file system's clock, so
// that no change after the reading can bear the same time.
const racyAge = 100 * time.Millisecond

// stamp tells one state of a directory from another. The change time, which
// nobody can set back, covers programs that set the modification time.
type stamp struct {
	inode      uint64
	mod, chang int64 // ns
}

func stampOf(info homedir.Info) stamp {
	return stamp{info.Inode(), info.ModTime().UnixNano(), info.ChangeTime().UnixNano()}
}

func (s stamp) restingBefore(t time.Time) bool {
	return max(s.mod, s.chang) < t.Add(-racyAge).UnixNano()
}

// figure is the sum of one directory.
type figure struct {
	name     string // "cur", ".Folder/new"
	stamp    stamp
	resting  bool
	bytes    int64
	messages int64
}

// picture is a mailbox as it was read. It does not change once it is made.
type picture struct {
	top     stamp
	resting bool     // top may be compared with
	folders []string // "" first, then ".Folder"
	figures []figure // sorted by name
	same    bool     // nothing differed from the picture before
}

func (p *picture) usage() Usage {
	u := Usage{Modified: time.Unix(0, p.top.mod)}
	for i, f := range p.figures {
		u.Bytes = addSizes(u.Bytes, f.bytes)
		u.Messages += f.messages
		if t := time.Unix(0, f.stamp.mod); i == 0 || t.After(u.Modified) {
			u.Modified = t
		}
	}
	return u
}

func (p *picture) figure(name string) (figure, bool) {
	if p == nil {
		return figure{}, false
	}
	i, ok := slices.BinarySearchFunc(p.figures, name, func(f figure, name string) int { return strings.Compare(f.name, name) })
	if !ok {
		return figure{}, false
	}
	return p.figures[i], true
}

// survey makes the picture of a mailbox, with as much of the old one as still holds.
func survey(ctx context.Context, box *homedir.Dir, old *picture) (*picture, error) {
	start := time.Now()
	info, err := box.Stat()
	if err != nil {
		return nil, err
	}
	p := &picture{top: stampOf(info), same: old != nil}
	p.resting = p.top.restingBefore(start)
	if old != nil && old.resting && old.top == p.top {
		p.folders = old.folders
	} else {
		p.same = false
		if p.folders, err = folders(box); err != nil {
			return nil, err
		}
	}
	for _, folder := range p.folders {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := p.addFolder(box, folder, old, start); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(p.figures, func(a, b figure) int { return strings.Compare(a.name, b.name) })
	return p, nil
}

func folders(box *homedir.Dir) ([]string, error) {
	list := []string{""}
	err := box.Entries(func(name string, typ fs.FileMode) error {
		if typ.IsDir() && name[0] == '.' {
			list = append(list, name)
		}
		return nil
	})
	return list, err
}

func (p *picture) addFolder(box *homedir.Dir, folder string, old *picture, start time.Time) error {
	dir := box
	if folder != "" {
		var err error
		if dir, err = box.OpenDir(folder); err != nil {
			return ignoreMissing(err)
		}
		defer dir.Close()
	}
	for _, part := range []string{"cur", "new"} {
		if err := p.addDir(dir, folder, part, old, start); err != nil {
			return err
		}
	}
	return nil
}

func (p *picture) addDir(dir *homedir.Dir, folder, part string, old *picture, start time.Time) error {
	info, err := dir.Lstat(part)
	if err != nil || !info.IsDir() {
		return ignoreMissing(err)
	}
	name := part
	if folder != "" {
		name = folder + "/" + part
	}
	f, ok := old.figure(name)
	if now := stampOf(info); !ok || !f.resting || f.stamp != now {
		p.same = false
		f = figure{name: name, stamp: now, resting: now.restingBefore(start)}
		if err := f.read(dir, part); err != nil {
			return ignoreMissing(err)
		}
	}
	p.figures = append(p.figures, f)
	return nil
}

// read sums up the directory. Should another have taken its place since it
// was looked at, the stamps will differ the next time.
func (f *figure) read(parent *homedir.Dir, part string) error {
	dir, err := parent.OpenDir(part)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Entries(func(name string, typ fs.FileMode) error {
		if name[0] == '.' || !typ.IsRegular() {
			return nil
		}
		size, ok := sizeInName(name, "S")
		if !ok {
			info, err := dir.Lstat(name)
			if err != nil {
				return ignoreMissing(err)
			}
			size = info.Size()
		}
		f.bytes = addSizes(f.bytes, size)
		f.messages++
		return nil
	})
}

// addSizes adds without ever passing the end of the numbers: sizes in names
// are whatever somebody wrote there.
func addSizes(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// cacheDirs is how many directories' figures are kept in memory, some 100
// bytes each.
const cacheDirs = 300_000

// cache keeps the pictures of mailboxes, up to a number of directories. Beyond
// it an arbitrary mailbox is forgotten.
type cache struct {
	limit int

	mu       sync.Mutex
	pictures map[place]*picture
	dirs     int
}

func (c *cache) find(p place) *picture {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pictures[p]
}

func (c *cache) keep(p place, pic *picture) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(p)
	if pic.weight() > c.limit/8 { // one mailbox shall not push out the others
		return
	}
	for other := range c.pictures {
		if c.dirs+pic.weight() <= c.limit {
			break
		}
		c.forget(other)
	}
	if c.pictures == nil {
		c.pictures = make(map[place]*picture)
	}
	c.pictures[place{strings.Clone(p.account), strings.Clone(p.domain), strings.Clone(p.user)}] = pic
	c.dirs += pic.weight()
}

func (c *cache) drop(p place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(p)
}

func (c *cache) forget(p place) {
	if pic, ok := c.pictures[p]; ok {
		c.dirs -= pic.weight()
		delete(c.pictures, p)
	}
}

func (p *picture) weight() int { return 1 + len(p.folders) + len(p.figures) }
