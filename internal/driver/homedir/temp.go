package homedir

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Temp is a file under construction. Write to it, then Commit puts it in its
// place in one step. Close without Commit leaves no trace. No listing shows it
// before.
type Temp struct {
	file *os.File
	dir  *Dir
	temp string
	base string
	perm fs.FileMode
}

// Create begins a file that will stand at name, new or in place of the one
// there. A file that is replaced passes its permission bits on; otherwise they
// are perm. A link at name is replaced, not followed; a directory is refused.
// Call Close in any case.
func (f FS) Create(name string, perm fs.FileMode) (*Temp, error) {
	p, err := cleanFile(name)
	if err != nil {
		return nil, err
	}
	d, base, err := f.parent(p)
	if err != nil {
		return nil, fail(name, err)
	}
	t, err := d.createTemp(base, perm)
	if err != nil {
		d.Close()
		return nil, fail(name, err)
	}
	return t, nil
}

func (d *Dir) createTemp(base string, perm fs.FileMode) (*Temp, error) {
	old, err := d.lstat(base)
	switch {
	case err == unix.ENOENT:
	case err != nil:
		return nil, err
	case old.IsDir():
		return nil, unix.EISDIR
	case old.Mode().IsRegular():
		perm = old.Mode()
	}
	temp := tempPrefix + rand.Text()
	file, err := d.create(temp, 0o600)
	if err != nil {
		return nil, err
	}
	return &Temp{file: file, dir: d, temp: temp, base: base, perm: perm.Perm()}, nil
}

// Write adds to the file.
func (t *Temp) Write(p []byte) (int, error) {
	n, err := t.file.Write(p)
	return n, fail(t.base, err)
}

// ReadFrom adds all that r holds.
func (t *Temp) ReadFrom(r io.Reader) (int64, error) {
	n, err := t.file.ReadFrom(r)
	return n, fail(t.base, err)
}

// Commit puts the file in its place and makes that durable. After an error the
// old file is still there, unless only the last sync failed.
func (t *Temp) Commit() error {
	if t.file == nil {
		return latchkey.Errorf(latchkey.Internal, "homedir: Commit after Close")
	}
	if err := t.finish(); err != nil {
		return fail(t.base, err)
	}
	if err := retry(func() error { return unix.Renameat(t.dir.fd, t.temp, t.dir.fd, t.base) }); err != nil {
		return fail(t.base, err)
	}
	t.temp = ""
	return t.dir.Sync()
}

func (t *Temp) finish() error {
	return errors.Join(t.file.Chmod(t.perm), t.file.Sync())
}

// Close releases the file, and deletes it if it was not committed. A second
// Close does nothing.
func (t *Temp) Close() error {
	if t.file == nil {
		return nil
	}
	err := t.file.Close()
	t.file = nil
	if t.temp != "" {
		err = errors.Join(err, t.dir.unlink(t.temp))
	}
	return errors.Join(err, t.dir.Close())
}

// WriteFile puts data at name in one durable step, under the terms of [FS.Create].
func (f FS) WriteFile(name string, data []byte, perm fs.FileMode) error {
	t, err := f.Create(name, perm)
	if err != nil {
		return err
	}
	defer t.Close()
	if _, err := t.Write(data); err != nil {
		return err
	}
	return t.Commit()
}

// Sweep deletes what was under construction or under removal when a crash
// came, and reports how many entries. It touches nothing younger than age,
// which must be longer than any upload takes.
func (f FS) Sweep(age time.Duration) (int, error) {
	n := 0
	err := f.Walk(".", func(name string, info Info) error {
		if !info.IsDir() {
			return nil
		}
		if len(name) > maxPath-2*maxName {
			return fs.SkipDir // deeper than names of ours can be
		}
		d, err := f.Dir(name)
		if err != nil {
			return nil // gone, or not to be opened: nothing of ours
		}
		defer d.Close()
		k, err := d.sweep(f.ctx, age)
		n += k
		return err
	})
	return n, err
}
