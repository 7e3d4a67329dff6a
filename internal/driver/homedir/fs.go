package homedir

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// FS is the files of one home, as [Homes.As] hands it out. Names are paths
// with forward slashes below the home, "." being the home itself. A name that
// is empty, absolute, has a ".." step or a NUL is refused as
// [latchkey.Invalid]; so is one that leads out of the home by a link. Links
// that stay inside are followed on the way, and at the last step only where a
// method says so. Absolute links are refused wherever they point.
//
// Errors are of package latchkey where the caller can do something about
// them; they wrap the system's, so errors.Is(err, fs.ErrNotExist) works.
type FS struct {
	ctx  context.Context
	root *os.Root
}

// openFlags open a file for reading without waiting for a FIFO's writer and
// without taking a terminal.
const openFlags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY

// Open opens a regular file for reading; the caller closes it. Links inside
// the home are followed. A directory, FIFO, socket or device is refused, and
// so is a file with more than one hard link: it may be a file from elsewhere
// under a name in this home. [FS.OpenLinked] reads such a file.
func (f FS) Open(name string) (*os.File, error) { return f.open(name, false) }

// OpenLinked is [FS.Open] for places where hard links are expected (mail
// copied by an IMAP server, a Git repository): any number of links will do,
// but the file must belong to the server's own user.
func (f FS) OpenLinked(name string) (*os.File, error) { return f.open(name, true) }

func (f FS) open(name string, linked bool) (*os.File, error) {
	p, err := cleanFile(name)
	if err != nil {
		return nil, err
	}
	file, err := f.root.OpenFile(p, openFlags, 0)
	if err != nil {
		return nil, fail(name, err)
	}
	return admit(file, name, linked)
}

// admit looks at the file that was really opened, and closes it if it is none
// to be read.
func admit(file *os.File, name string, linked bool) (*os.File, error) {
	if err := readable(file, name, linked); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func readable(file *os.File, name string, linked bool) error {
	info, err := Describe(file)
	switch {
	case err != nil:
		return fail(name, err)
	case !info.Mode().IsRegular():
		return latchkey.Errorf(latchkey.Invalid, "%.80q is not a regular file.", name)
	case info.Links() <= 1:
		return nil
	case !linked:
		return latchkey.Errorf(latchkey.Denied, "%.80q has more than one hard link and is not read: copy it to a new file.", name)
	case info.st.Uid != uint32(os.Geteuid()):
		return latchkey.Errorf(latchkey.Denied, "%.80q is a hard link to a file of another user.", name)
	}
	return nil
}

// Describe describes an open file.
func Describe(file *os.File) (Info, error) {
	conn, err := file.SyscallConn()
	if err != nil {
		return Info{}, err
	}
	info := Info{name: path.Base(file.Name())}
	var serr error
	if err := conn.Control(func(fd uintptr) {
		serr = retry(func() error { return unix.Fstat(int(fd), &info.st) })
	}); err != nil {
		return Info{}, err
	}
	return info, serr
}

// Dir opens a directory; the caller closes it. Links inside the home are
// followed on the way to it and at the last step.
func (f FS) Dir(name string) (*Dir, error) {
	p, err := cleanPath(name)
	if err != nil {
		return nil, err
	}
	d, err := openRootDir(f.root, p)
	if err != nil {
		return nil, fail(name, err)
	}
	return d, nil
}

// parent opens the directory that a clean path stands in.
func (f FS) parent(p string) (*Dir, string, error) {
	dir, base := path.Split(p)
	d, err := openRootDir(f.root, path.Clean(dir))
	return d, base, err
}

// Stat describes a file or directory, following links inside the home.
func (f FS) Stat(name string) (Info, error) {
	p, err := cleanPath(name)
	if err != nil {
		return Info{}, err
	}
	std, err := f.root.Stat(p)
	if err != nil {
		return Info{}, fail(name, err)
	}
	return fromStd(path.Base(p), std), nil
}

// fromStd takes over what the standard library found.
func fromStd(name string, std fs.FileInfo) Info {
	from := std.Sys().(*syscall.Stat_t)
	return Info{name: name, st: unix.Stat_t{
		Dev: from.Dev, Ino: from.Ino, Nlink: from.Nlink, Mode: from.Mode, Uid: from.Uid, Gid: from.Gid,
		Size: from.Size, Blocks: from.Blocks, Mtim: unix.Timespec(from.Mtim), Ctim: unix.Timespec(from.Ctim),
	}}
}

// Lstat describes a file or directory; of a link, the link itself.
func (f FS) Lstat(name string) (Info, error) {
	p, err := cleanPath(name)
	if err != nil {
		return Info{}, err
	}
	if p == "." {
		return f.Stat(".")
	}
	d, base, err := f.parent(p)
	if err != nil {
		return Info{}, fail(name, err)
	}
	defer d.Close()
	info, err := d.lstat(base)
	return info, fail(name, err)
}

// ReadDir describes the entries of a directory, sorted by name.
func (f FS) ReadDir(name string) ([]Info, error) {
	d, err := f.Dir(name)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	list, err := d.list()
	return list, fail(name, err)
}

func (d *Dir) list() ([]Info, error) {
	var list []Info
	err := d.Entries(func(name string, _ fs.FileMode) error {
		info, err := d.lstat(name)
		if err == unix.ENOENT { // gone in between
			return nil
		}
		list = append(list, info)
		return err
	})
	slices.SortFunc(list, func(a, b Info) int { return strings.Compare(a.name, b.name) })
	return list, err
}

// Walk calls fn for name and everything below it, directories before their
// content, entries in the order of their names. It does not follow links. fn
// may return [fs.SkipDir] and [fs.SkipAll]; any other error ends the walk and
// is returned, as is the end of the context.
func (f FS) Walk(name string, fn func(name string, info Info) error) error {
	p, err := cleanPath(name)
	if err != nil {
		return err
	}
	info, err := f.Lstat(p)
	if err != nil {
		return err
	}
	err = f.walk(p, info, fn)
	if err == fs.SkipDir || err == fs.SkipAll {
		return nil
	}
	return err
}

func (f FS) walk(p string, info Info, fn func(string, Info) error) error {
	if err := f.ctx.Err(); err != nil {
		return err
	}
	err := fn(p, info)
	if err == fs.SkipDir && info.IsDir() {
		return nil
	}
	if err != nil || !info.IsDir() {
		return err
	}
	list, err := f.listSame(p, info)
	if err != nil {
		return err
	}
	for _, child := range list {
		switch err := f.walk(path.Join(p, child.name), child, fn); {
		case err == fs.SkipDir:
			return nil // of a file: skip what is left of its directory
		case err != nil:
			return err
		}
	}
	return nil
}

// listSame lists the directory p, provided it still is the one that info
// describes: something else in its place is passed over.
func (f FS) listSame(p string, info Info) ([]Info, error) {
	d, err := f.Dir(p)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	if now, err := d.Stat(); err != nil || !now.sameFile(info) {
		return nil, err
	}
	list, err := d.list()
	return list, fail(p, err)
}

// MkdirAll makes a directory and those above it that are missing, durably.
// A directory that exists is left as it is.
func (f FS) MkdirAll(name string, perm fs.FileMode) error {
	p, err := cleanPath(name)
	if err != nil || p == "." {
		return err
	}
	for i := range len(p) + 1 {
		if i < len(p) && p[i] != '/' {
			continue
		}
		if err := f.mkdir(p[:i], perm); err != nil {
			return fail(name, err)
		}
	}
	d, err := f.Dir(p)
	if err != nil {
		return err
	}
	return d.Close()
}

// mkdir makes one directory. It syncs also where the directory exists: another
// may have made it a moment ago and not have got so far.
func (f FS) mkdir(p string, perm fs.FileMode) error {
	d, base, err := f.parent(p)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Mkdir(base, perm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return d.Sync()
}

// Rename moves a file or directory within the home, durably. It replaces a
// file or an empty directory of the same sort; a link is moved or replaced as
// a link.
func (f FS) Rename(from, to string) error {
	p, err := cleanEntry(from)
	if err != nil {
		return err
	}
	q, err := cleanEntry(to)
	if err != nil {
		return err
	}
	src, base, err := f.parent(p)
	if err != nil {
		return fail(from, err)
	}
	defer src.Close()
	dst, newBase, err := f.parent(q)
	if err != nil {
		return fail(to, err)
	}
	defer dst.Close()
	if err := src.Rename(base, dst, newBase); err != nil {
		return fail(from, err)
	}
	if path.Dir(p) == path.Dir(q) {
		return dst.Sync()
	}
	return errors.Join(dst.Sync(), src.Sync())
}

// Remove removes a file, a link or an empty directory, durably.
func (f FS) Remove(name string) error {
	p, err := cleanEntry(name)
	if err != nil {
		return err
	}
	d, base, err := f.parent(p)
	if err != nil {
		return fail(name, err)
	}
	defer d.Close()
	err = d.unlink(base)
	if err == unix.ENOTEMPTY {
		// It may hold nothing but what a crash left of a file under construction.
		sweepDir(d, base)
		err = d.unlink(base)
	}
	if err != nil {
		return fail(name, err)
	}
	return d.Sync()
}

// RemoveAll removes name and everything below it. Links are removed, never
// followed. The tree disappears at once and durably; then it is deleted. What
// does not exist is a success.
func (f FS) RemoveAll(name string) error {
	p, err := cleanEntry(name)
	if err != nil {
		return err
	}
	d, base, err := f.parent(p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fail(name, err)
	}
	defer d.Close()
	return fail(name, d.RemoveAll(f.ctx, base))
}

// Chmod sets the permission bits of a file or directory; set-user-ID,
// set-group-ID and sticky bits are not set by it. A link at the last step and
// a file with more than one hard link are refused.
func (f FS) Chmod(name string, perm fs.FileMode) error {
	p, err := cleanPath(name)
	if err != nil {
		return err
	}
	file, err := f.root.OpenFile(p, unix.O_PATH, 0)
	if err != nil {
		return fail(name, err)
	}
	defer file.Close()
	info, err := Describe(file)
	if err != nil {
		return fail(name, err)
	}
	if !info.IsDir() && (!info.Mode().IsRegular() || info.Links() > 1) {
		return latchkey.Errorf(latchkey.Invalid, "%.80q is not a plain file or directory: its mode is not changed.", name)
	}
	return fail(name, chmodPath(file, perm))
}
