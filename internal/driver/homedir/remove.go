package homedir

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// RemoveAll removes the entry name and everything below it, under the terms of
// [FS.RemoveAll].
func (d *Dir) RemoveAll(ctx context.Context, name string) error {
	if err := checkEntryName(name); err != nil {
		return err
	}
	info, err := d.lstat(name)
	if err == unix.ENOENT {
		return d.Sync()
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		if err := d.unlink(name); err != nil && err != unix.ENOENT {
			return err
		}
		return d.Sync()
	}
	aside := tempPrefix + rand.Text()
	if err := retry(func() error { return unix.Renameat(d.fd, name, d.fd, aside) }); err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		return err
	}
	return d.removeTree(ctx, aside)
}

// Discard removes the entry name and everything below it where it stands. What
// a crash leaves of it keeps its name: Discard is for what has been moved out of
// everybody's sight, under a name that is looked for again.
func (d *Dir) Discard(ctx context.Context, name string) error {
	if err := checkEntryName(name); err != nil {
		return err
	}
	if err := d.removeTree(ctx, name); err != nil {
		return err
	}
	return d.Sync()
}

// removeDepth is how many directories one removal keeps open at a time.
const removeDepth = 64

// removeTree deletes an entry of d and all below it. A tree deeper than
// removeDepth is deleted in slices: what lies too deep is first moved up, so
// that no depth uses up the descriptors or the stack.
func (d *Dir) removeTree(ctx context.Context, name string) error {
	r := remover{ctx: ctx, buf: make([]byte, 32<<10)}
	if err := r.remove(d, name, 0); err != nil {
		return fmt.Errorf("delete %.80q: %w", name, err)
	}
	return nil
}

type remover struct {
	ctx context.Context
	top *Dir // what lies too deep is moved here
	buf []byte
}

func (r *remover) remove(parent *Dir, name string, depth int) error {
	err := parent.unlink(name)
	if err == nil || err == unix.ENOENT {
		return nil
	}
	if err != unix.ENOTEMPTY && err != unix.EEXIST {
		return err
	}
	if r.top != nil && depth >= removeDepth {
		return r.lift(parent, name)
	}
	d, err := openOwn(parent, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another remover was here first
	}
	if err != nil {
		return err
	}
	defer d.Close()
	if depth == 0 {
		r.top = d
	}
	return r.empty(d, parent, name, depth)
}

// empty removes what is in d, and then d. Others may still be adding to it, so
// it goes on as long as that gets anywhere.
func (r *remover) empty(d, parent *Dir, name string, depth int) error {
	for {
		n, err := r.removeEntries(d, depth)
		if err != nil {
			return err
		}
		err = parent.unlink(name)
		if err == nil || err == unix.ENOENT {
			return nil
		}
		if n == 0 || err != unix.ENOTEMPTY {
			return err
		}
	}
}

func (r *remover) removeEntries(d *Dir, depth int) (int, error) {
	var names []string
	const slice = 4096
	err := d.allEntries(r.buf, func(name string, _ fs.FileMode) error {
		if len(names) == slice {
			return fs.SkipAll
		}
		names = append(names, name)
		return nil
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil // another remover was here first
	case err != nil && err != fs.SkipAll:
		return 0, err
	}
	for _, name := range names {
		if err := r.ctx.Err(); err != nil {
			return 0, err
		}
		if err := r.remove(d, name, depth+1); err != nil {
			return 0, err
		}
	}
	return len(names), nil
}

func (r *remover) lift(parent *Dir, name string) error {
	up := tempPrefix + rand.Text()
	err := retry(func() error { return unix.Renameat(parent.fd, name, r.top.fd, up) })
	if err == unix.EACCES {
		// A directory that moves has its ".." rewritten, which needs the right to write in it.
		d, oerr := openOwn(parent, name)
		if oerr != nil {
			return oerr
		}
		d.Close()
		err = retry(func() error { return unix.Renameat(parent.fd, name, r.top.fd, up) })
	}
	return err
}

// openOwn opens a directory that is about to be emptied, whatever mode its
// owner gave it.
func openOwn(parent *Dir, name string) (*Dir, error) {
	fd, err := openat(parent.fd, name, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	path := os.NewFile(uintptr(fd), name)
	defer path.Close()
	if err := chmodPath(path, 0o700); err != nil {
		return nil, err
	}
	return parent.OpenDir(name)
}

// chmodPath sets the mode of what an O_PATH descriptor stands for. The link in
// /proc leads to that very file, whatever has happened to its name.
func chmodPath(file *os.File, perm fs.FileMode) error {
	return retry(func() error {
		return unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", file.Fd()), uint32(perm.Perm()))
	})
}

// sweep deletes what is left of files under construction in d itself.
func (d *Dir) sweep(ctx context.Context, age time.Duration) (int, error) {
	var stale []string
	err := d.allEntries(make([]byte, 32<<10), func(name string, _ fs.FileMode) error {
		if !isTemp(name) {
			return nil
		}
		info, err := d.lstat(name)
		if err == nil && time.Since(info.ChangeTime()) >= age {
			stale = append(stale, name)
		}
		return nil
	})
	for _, name := range stale {
		err = errors.Join(err, d.removeTree(ctx, name))
	}
	return len(stale), err
}

// staleAfter is the age at which [FS.Remove] takes a file under construction
// for left behind.
const staleAfter = time.Hour

func sweepDir(parent *Dir, name string) {
	d, err := parent.OpenDir(name)
	if err != nil {
		return
	}
	defer d.Close()
	_, _ = d.sweep(context.Background(), staleAfter) // the removal that follows tells
}
