// Package durable writes small files of the server's own so that a crash, or a
// power cut, leaves the old one or the new one and nothing between.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// WriteFile puts a file in the place of the one at path, or of none. When it
// returns nil the file is on the disk, under its name.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	return put(path, data, mode, os.Rename)
}

// CreateFile is WriteFile for a file there must not be yet: if there is one it
// fails with [fs.ErrExist] and that one stays.
func CreateFile(path string, data []byte, mode fs.FileMode) error {
	return put(path, data, mode, os.Link)
}

// onTheWay begins the name that a file has before it is whole.
const onTheWay = ".new-"

// Remove takes a file away for good. That there is none is no error.
func Remove(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	return err
}

// Sweep takes away what a crash has left in dir of files on their way. Nobody may
// write there meanwhile.
func Sweep(dir string) error {
	list, err := os.ReadDir(dir)
	for _, f := range list {
		if f.Type().IsRegular() && strings.HasPrefix(f.Name(), onTheWay) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, f.Name())))
		}
	}
	return err
}

func put(path string, data []byte, mode fs.FileMode, place func(from, to string) error) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, onTheWay+"*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after a rename there is none of that name
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := place(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
