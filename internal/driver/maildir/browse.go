package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// File is something in a directory of mail.
type File struct {
	Name     string
	Dir      bool
	Folder   bool // it is a directory of messages
	Leaf     bool // it has no directories in it
	Modified time.Time
}

// errEnough ends the reading of a directory.
var errEnough = errors.New("these are enough")

// Browse is what stands in a directory below that of a mailbox, or without a domain
// below that of all mail, by name: most of it at the most. Names between slashes say
// which; no link is followed. What is no file and no directory is left out. It fails
// with NotFound.
func (s *Store) Browse(ctx context.Context, account, domain, user, dir string, most int) (list []File, err error) {
	steps := []string{root}
	if domain != "" {
		if err := (place{account, domain, user}).check(); err != nil {
			return nil, err
		}
		steps = append(steps, domain, user)
	}
	for step := range strings.SplitSeq(dir, "/") {
		switch step {
		case "", ".":
		case "..":
			return nil, noDirectory(nil)
		default:
			steps = append(steps, step)
		}
	}
	err = s.homes.As(ctx, account, func(f homedir.FS) error {
		d, err := descend(f, steps...)
		if err != nil {
			return noDirectory(err)
		}
		defer d.Close()
		list, err = browse(ctx, d, most)
		return err
	})
	return list, err
}

// noDirectory is what is said of a directory that is not there, or is reached by a
// link. What else went wrong stays what it is.
func noDirectory(err error) error {
	switch kind := latchkey.KindOf(err); {
	case err == nil, errors.Is(err, fs.ErrNotExist), kind == latchkey.NotFound, kind == latchkey.Invalid:
		return &latchkey.Error{Kind: latchkey.NotFound, Param: "dir", Msg: "There is no such directory of mail.", Err: err}
	}
	return fmt.Errorf("browsing: %w", err)
}

func browse(ctx context.Context, d *homedir.Dir, most int) (list []File, err error) {
	err = d.Entries(func(name string, typ fs.FileMode) error {
		if !typ.IsDir() && !typ.IsRegular() {
			return nil
		}
		if len(list) == most {
			return errEnough
		}
		f, err := describe(d, name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it has gone meanwhile
		}
		if err == nil {
			list = append(list, f)
			err = ctx.Err()
		}
		return err
	})
	if err == errEnough {
		err = nil
	}
	slices.SortFunc(list, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return list, err
}

func describe(d *homedir.Dir, name string) (File, error) {
	info, err := d.Lstat(name)
	if err != nil {
		return File{}, err
	}
	f := File{Name: name, Dir: info.IsDir(), Leaf: true, Modified: info.ModTime()}
	if !f.Dir {
		return f, nil
	}
	sub, err := d.OpenDir(name)
	if err != nil {
		return f, err
	}
	defer sub.Close()
	f.Folder = true
	for _, part := range []string{"cur", "new", "tmp"} {
		if info, err := sub.Lstat(part); err != nil || !info.IsDir() {
			f.Folder = false
		}
	}
	f.Leaf, err = isLeaf(sub, info)
	return f, err
}

// isLeaf reports whether a directory has none in it. Most file systems count them as
// links.
func isLeaf(d *homedir.Dir, info homedir.Info) (bool, error) {
	if n := info.Links(); n >= 2 {
		return n == 2, nil
	}
	err := d.Entries(func(_ string, typ fs.FileMode) error {
		if typ.IsDir() {
			return errEnough
		}
		return nil
	})
	if err == errEnough {
		return false, nil
	}
	return true, err
}
