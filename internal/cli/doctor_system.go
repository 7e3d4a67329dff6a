package cli

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func statfs(path string) (st unix.Statfs_t, err error) {
	err = unix.Statfs(path, &st)
	return st, err
}

func descriptors() (uint64, error) {
	var r unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r)
	return r.Cur, err
}

// clockSynced reports whether the kernel's clock is kept by somebody.
func clockSynced() (bool, error) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0, err
}

// places are where the state is, as far as they exist: data and homes.
func (d *doctor) places() []string {
	var list []string
	for _, dir := range []string{d.config.Data, d.homes()} {
		for dir != "/" && dir != "." && !exists(dir) {
			dir = filepath.Dir(dir)
		}
		if len(list) == 0 || !sameDevice(list[0], dir) {
			list = append(list, dir)
		}
	}
	return list
}

func (d *doctor) homes() string {
	if d.config.Homes != "" {
		return d.config.Homes
	}
	return filepath.Join(d.config.Data, "homes")
}

func sameDevice(a, b string) bool {
	var x, y unix.Stat_t
	return unix.Stat(a, &x) == nil && unix.Stat(b, &y) == nil && x.Dev == y.Dev
}

// Below these a disk is as good as full.
const (
	leastSpace  = 256 << 20
	leastInodes = 10_000
)

// disk has room for what is to come.
func (d *doctor) disk() []finding {
	var list []finding
	for _, dir := range d.places() {
		st, err := d.statfs(dir)
		if err != nil {
			list = append(list, trouble("look at the disk", "%s: %v", dir, err))
			continue
		}
		list = append(list, room(dir, st))
	}
	return list
}

func room(dir string, st unix.Statfs_t) finding {
	free, all := st.Bavail*uint64(st.Bsize), st.Blocks*uint64(st.Bsize)
	switch {
	case free < leastSpace:
		return trouble("make room: a full disk takes no change and no mail", "%s has %s left", dir, size(free))
	case st.Files > 0 && st.Ffree < leastInodes: // some file systems do not count them
		return trouble("make room: each message and each file takes an inode", "%s has %d inodes left", dir, st.Ffree)
	case free < all/20:
		return remark("make room soon", "%s has %s left of %s", dir, size(free), size(all))
	case st.Ffree < st.Files/20:
		return remark("make room soon", "%s has %d inodes left of %d", dir, st.Ffree, st.Files)
	case st.Files == 0:
		return fine("%s has %s left of %s", dir, size(free), size(all))
	}
	return fine("%s has %s left of %s, and %d inodes", dir, size(free), size(all), st.Ffree)
}

func size(bytes uint64) string {
	if bytes < 10<<30 {
		return fmt.Sprintf("%d MB", bytes>>20)
	}
	return fmt.Sprintf("%d GB", bytes>>30)
}

// remote are the file systems on which several machines write: the database's
// log does not work there.
func remote(magic int64) string {
	return map[int64]string{
		unix.NFS_SUPER_MAGIC: "NFS", unix.SMB_SUPER_MAGIC: "SMB", unix.SMB2_SUPER_MAGIC: "SMB", unix.CIFS_SUPER_MAGIC: "SMB",
		unix.CEPH_SUPER_MAGIC: "Ceph", unix.V9FS_MAGIC: "9P",
	}[magic&0xffffffff]
}

// fileSystem can do what the server asks of it.
func (d *doctor) fileSystem() []finding {
	var list []finding
	for i, dir := range d.places() {
		st, err := d.statfs(dir)
		if err != nil {
			continue // disk has said so
		}
		if kind := remote(int64(st.Type)); kind != "" && i == 0 {
			list = append(list, trouble("set data to a directory on a disk of this machine", "%s is on %s, where the database is not safe", dir, kind))
			continue
		}
		if unix.Access(dir, unix.W_OK) != nil {
			continue // dataDirectory has said so
		}
		if err := exchange(dir); err != nil {
			list = append(list, trouble("choose a file system that can (ext4, xfs, btrfs, tmpfs)", "%s cannot exchange two files in one step: %v", dir, err))
			continue
		}
		list = append(list, fine("%s can exchange two files in one step", dir))
	}
	return list
}

// exchange tries what files are put in place with, in a directory of its own.
func exchange(dir string) error {
	tmp, err := os.MkdirTemp(dir, ".doctor-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	a, b := filepath.Join(tmp, "a"), filepath.Join(tmp, "b")
	if err := errors.Join(os.WriteFile(a, nil, 0o600), os.WriteFile(b, nil, 0o600)); err != nil {
		return err
	}
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}

// descriptors are enough for connections and files at once.
func (d *doctor) descriptors() []finding {
	n, err := d.limit()
	switch {
	case err != nil:
		return []finding{trouble("", "the limit cannot be read: %v", err)}
	case n < 1024:
		return []finding{trouble("raise it: ulimit -n 65536, or LimitNOFILE=65536 in the unit", "%d files and connections may be open", n)}
	case n < 16384:
		return []finding{remark("raise it for many clients: ulimit -n 65536, or LimitNOFILE=65536 in the unit", "%d files and connections may be open", n)}
	}
	return []finding{fine("%d files and connections may be open", n)}
}

// holder is the process that listens at address; 0 if it cannot be told.
func holder(address string) (pid int, name string) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0, ""
	}
	n, err := net.LookupPort("tcp", port)
	if err != nil {
		return 0, ""
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		for _, inode := range listening(table, n) {
			if pid := ownerOf("socket:[" + inode + "]"); pid != 0 {
				comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
				return pid, strings.TrimSpace(string(comm))
			}
		}
	}
	return 0, ""
}

// listening are the inodes of the sockets in a table of the kernel that listen
// on a port.
func listening(table string, port int) []string {
	f, err := os.Open(table)
	if err != nil {
		return nil
	}
	defer f.Close()
	var inodes []string
	for in := bufio.NewScanner(f); in.Scan(); {
		w := strings.Fields(in.Text())
		if len(w) > 9 && w[3] == "0A" && strings.HasSuffix(w[1], fmt.Sprintf(":%04X", port)) {
			inodes = append(inodes, w[9])
		}
	}
	return inodes
}

// ownerOf is the process that has a descriptor for what, as far as this user
// may see.
func ownerOf(what string) int {
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && to == what {
			pid, _ := strconv.Atoi(strings.Split(l, "/")[2])
			return pid
		}
	}
	return 0
}
