package homedir

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Dir is one open directory inside a home. Its methods take the name of a
// single entry, and none of them follows a link: a Dir can only lead
// downwards. Unlike [FS] it leaves the syncing to its user. Close it after
// use. Only one goroutine at a time may call [Dir.Entries].
type Dir struct {
	fd   int
	file *os.File // owns fd, if set
}

// openRootDir opens a directory as os.Root finds it: links are followed as
// long as they stay inside. O_DIRECTORY keeps a FIFO from blocking.
func openRootDir(root *os.Root, name string) (*Dir, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	return &Dir{fd: int(f.Fd()), file: f}, nil
}

// Close closes the directory. A second Close does nothing.
func (d *Dir) Close() error {
	fd := d.fd
	d.fd = -1 // whoever uses d after this shall not meet another's file
	switch {
	case fd < 0:
		return nil
	case d.file != nil:
		return d.file.Close()
	}
	return unix.Close(fd)
}

// OpenDir opens the directory name in d. A link to a directory is refused.
func (d *Dir) OpenDir(name string) (*Dir, error) {
	if err := checkEntryName(name); err != nil {
		return nil, err
	}
	fd, err := openat(d.fd, name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, fail(name, &fs.PathError{Op: "open", Path: name, Err: err})
	}
	return &Dir{fd: fd}, nil
}

// Open opens the regular file name for reading, under the terms of [FS.Open].
func (d *Dir) Open(name string) (*os.File, error) {
	if err := checkEntryName(name); err != nil {
		return nil, err
	}
	fd, err := openat(d.fd, name, openFlags, 0)
	if err != nil {
		return nil, fail(name, &fs.PathError{Op: "open", Path: name, Err: err})
	}
	return admit(os.NewFile(uintptr(fd), name), name, false)
}

// Create makes the file name, which must not exist, for writing.
func (d *Dir) Create(name string, perm fs.FileMode) (*os.File, error) {
	if err := checkEntryName(name); err != nil {
		return nil, err
	}
	return d.create(name, perm)
}

func (d *Dir) create(name string, perm fs.FileMode) (*os.File, error) {
	fd, err := openat(d.fd, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, uint32(perm.Perm()))
	if err != nil {
		return nil, fail(name, &fs.PathError{Op: "create", Path: name, Err: err})
	}
	return os.NewFile(uintptr(fd), name), nil
}

// Mkdir makes the directory name.
func (d *Dir) Mkdir(name string, perm fs.FileMode) error {
	if err := checkEntryName(name); err != nil {
		return err
	}
	err := retry(func() error { return unix.Mkdirat(d.fd, name, uint32(perm.Perm())) })
	if err != nil {
		return fail(name, &fs.PathError{Op: "mkdir", Path: name, Err: err})
	}
	return nil
}

// Rename moves the entry name of d into the directory to, under newName, and
// replaces what a file can replace there.
func (d *Dir) Rename(name string, to *Dir, newName string) error {
	if err := errors.Join(checkEntryName(name), checkEntryName(newName)); err != nil {
		return err
	}
	err := retry(func() error { return unix.Renameat(d.fd, name, to.fd, newName) })
	if err != nil {
		return fail(name, &os.LinkError{Op: "rename", Old: name, New: newName, Err: err})
	}
	return nil
}

// Remove removes a file, a link or an empty directory.
func (d *Dir) Remove(name string) error {
	if err := checkEntryName(name); err != nil {
		return err
	}
	if err := d.unlink(name); err != nil {
		return fail(name, &fs.PathError{Op: "remove", Path: name, Err: err})
	}
	return nil
}

func (d *Dir) unlink(name string) error {
	err := retry(func() error { return unix.Unlinkat(d.fd, name, 0) })
	if err == unix.EISDIR {
		err = retry(func() error { return unix.Unlinkat(d.fd, name, unix.AT_REMOVEDIR) })
	}
	return err
}

// Stat describes the directory itself.
func (d *Dir) Stat() (Info, error) {
	info := Info{name: "."}
	if err := retry(func() error { return unix.Fstat(d.fd, &info.st) }); err != nil {
		return Info{}, &fs.PathError{Op: "stat", Path: ".", Err: err}
	}
	return info, nil
}

// Lstat describes the entry name; of a link, the link itself.
func (d *Dir) Lstat(name string) (Info, error) {
	if err := checkEntryName(name); err != nil {
		return Info{}, err
	}
	info, err := d.lstat(name)
	if err != nil {
		return Info{}, fail(name, &fs.PathError{Op: "lstat", Path: name, Err: err})
	}
	return info, nil
}

func (d *Dir) lstat(name string) (Info, error) {
	info := Info{name: name}
	err := retry(func() error { return unix.Fstatat(d.fd, name, &info.st, unix.AT_SYMLINK_NOFOLLOW) })
	return info, err
}

// Sync makes every earlier change of the directory's entries durable.
func (d *Dir) Sync() error {
	if err := retry(func() error { return unix.Fsync(d.fd) }); err != nil {
		return &fs.PathError{Op: "sync", Path: ".", Err: err}
	}
	return nil
}

func (d *Dir) chmod(perm uint32) error {
	return retry(func() error { return unix.Fchmod(d.fd, perm) })
}

// Entries calls fn with the name and type of every entry, in the order of the
// file system, until fn returns an error, which it returns. Files under
// construction are left out, as are "." and "..".
func (d *Dir) Entries(fn func(name string, typ fs.FileMode) error) error {
	return d.allEntries(make([]byte, 32<<10), func(name string, typ fs.FileMode) error {
		if isTemp(name) {
			return nil
		}
		return fn(name, typ)
	})
}

// allEntries is Entries with the files under construction, and with a buffer
// to use. A type that the file system does not tell is looked up.
func (d *Dir) allEntries(buf []byte, fn func(name string, typ fs.FileMode) error) error {
	if _, err := unix.Seek(d.fd, 0, 0); err != nil {
		return &fs.PathError{Op: "seek", Path: ".", Err: err}
	}
	for {
		var n int
		err := retry(func() (err error) { n, err = unix.Getdents(d.fd, buf); return err })
		if err != nil {
			return &fs.PathError{Op: "readdir", Path: ".", Err: err}
		}
		if n <= 0 {
			return nil
		}
		if err := d.eachEntry(buf[:n], fn); err != nil {
			return err
		}
	}
}

// eachEntry takes a buffer of struct linux_dirent64 apart: inode (8 bytes),
// offset (8), record length (2), type (1), name ended by NUL.
func (d *Dir) eachEntry(buf []byte, fn func(name string, typ fs.FileMode) error) error {
	const header = 19
	for len(buf) >= header {
		size := int(binary.NativeEndian.Uint16(buf[16:]))
		if size < header || size > len(buf) {
			return errors.New("readdir: malformed record")
		}
		name, _, _ := strings.Cut(string(buf[header:size]), "\x00")
		kind := buf[18]
		buf = buf[size:]
		if name == "." || name == ".." {
			continue
		}
		typ, ok := direntTypes[kind]
		if !ok {
			info, err := d.lstat(name)
			if err == unix.ENOENT {
				continue
			}
			if err != nil {
				return &fs.PathError{Op: "lstat", Path: name, Err: err}
			}
			typ = info.Mode().Type()
		}
		if err := fn(name, typ); err != nil {
			return err
		}
	}
	return nil
}

var direntTypes = map[byte]fs.FileMode{
	unix.DT_REG:  0,
	unix.DT_DIR:  fs.ModeDir,
	unix.DT_LNK:  fs.ModeSymlink,
	unix.DT_FIFO: fs.ModeNamedPipe,
	unix.DT_SOCK: fs.ModeSocket,
	unix.DT_CHR:  fs.ModeDevice | fs.ModeCharDevice,
	unix.DT_BLK:  fs.ModeDevice,
}

// Info describes one entry. It is an [fs.FileInfo] that knows a little more.
type Info struct {
	name string
	st   unix.Stat_t
}

// Name is the last step of the entry's path.
func (i Info) Name() string { return i.name }

// Size is the length in bytes.
func (i Info) Size() int64 { return i.st.Size }

// IsDir reports whether the entry is a directory.
func (i Info) IsDir() bool { return i.st.Mode&unix.S_IFMT == unix.S_IFDIR }

// ModTime is when the content last changed, by a clock that users can set.
func (i Info) ModTime() time.Time { return time.Unix(i.st.Mtim.Unix()) }

// ChangeTime is when the content or the attributes last changed; nobody can set it back.
func (i Info) ChangeTime() time.Time { return time.Unix(i.st.Ctim.Unix()) }

// DiskSize is the room on disk in bytes.
func (i Info) DiskSize() int64 { return i.st.Blocks * 512 }

// Links is the number of hard links.
func (i Info) Links() uint64 { return uint64(i.st.Nlink) }

// Inode is the entry's number in its file system.
func (i Info) Inode() uint64 { return i.st.Ino }

// Owner is the numeric user and group.
func (i Info) Owner() (uid, gid uint32) { return i.st.Uid, i.st.Gid }

// Sys is nil: nothing here depends on the system's own structure.
func (i Info) Sys() any { return nil }

// Mode is the type and the permission bits.
func (i Info) Mode() fs.FileMode {
	m := fs.FileMode(i.st.Mode & 0o777)
	for _, bit := range modeBits {
		if i.st.Mode&bit.mask == bit.value {
			m |= bit.mode
		}
	}
	return m
}

var modeBits = []struct {
	mask, value uint32
	mode        fs.FileMode
}{
	{unix.S_IFMT, unix.S_IFDIR, fs.ModeDir},
	{unix.S_IFMT, unix.S_IFLNK, fs.ModeSymlink},
	{unix.S_IFMT, unix.S_IFIFO, fs.ModeNamedPipe},
	{unix.S_IFMT, unix.S_IFSOCK, fs.ModeSocket},
	{unix.S_IFMT, unix.S_IFBLK, fs.ModeDevice},
	{unix.S_IFMT, unix.S_IFCHR, fs.ModeDevice | fs.ModeCharDevice},
	{unix.S_ISUID, unix.S_ISUID, fs.ModeSetuid},
	{unix.S_ISGID, unix.S_ISGID, fs.ModeSetgid},
	{unix.S_ISVTX, unix.S_ISVTX, fs.ModeSticky},
}

// sameFile reports whether both describe one file as it was not replaced.
func (i Info) sameFile(j Info) bool {
	return i.st.Dev == j.st.Dev && i.st.Ino == j.st.Ino
}

func openat(dirfd int, name string, flags int, perm uint32) (fd int, err error) {
	err = retry(func() (err error) {
		fd, err = unix.Openat(dirfd, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, perm)
		return err
	})
	return fd, err
}

func retry(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}
