package request

import (
	"bytes"
	"io"
	"os"
)

// fileMemory is how many bytes of a request's files stay in memory; the rest
// goes to disk.
const fileMemory = 1 << 20

// store holds the files of one request: the first in memory, the rest in one
// file on disk that has no name, so that not even a crash leaves it behind.
type store struct {
	memory int
	disk   *os.File
	end    int64 // of what the disk holds
}

// storeError is an error of the store, not of what was read.
type storeError struct{ error }

func (s *store) put(r io.Reader, dir string) (*io.SectionReader, error) {
	var b bytes.Buffer
	room := int64(fileMemory - s.memory)
	n, err := io.CopyN(&b, r, room+1)
	if err == io.EOF {
		s.memory += int(n)
		return io.NewSectionReader(bytes.NewReader(b.Bytes()), 0, n), nil
	}
	if err != nil {
		return nil, err
	}
	return s.spool(io.MultiReader(&b, r), dir)
}

func (s *store) spool(r io.Reader, dir string) (*io.SectionReader, error) {
	if err := s.open(dir); err != nil {
		return nil, storeError{err}
	}
	w := &storeWriter{w: s.disk}
	n, err := io.Copy(w, r)
	if w.err != nil {
		return nil, storeError{w.err}
	}
	if err != nil {
		return nil, err
	}
	start := s.end
	s.end += n
	return io.NewSectionReader(s.disk, start, n), nil
}

func (s *store) open(dir string) error {
	if s.disk != nil {
		return nil
	}
	f, err := os.CreateTemp(dir, "latchkey-upload-")
	if err != nil {
		return err
	}
	s.disk = f
	return os.Remove(f.Name())
}

func (s *store) close() {
	if s.disk != nil {
		_ = s.disk.Close() // nobody will read it
	}
}

// storeWriter remembers that it was the writing that failed.
type storeWriter struct {
	w   io.Writer
	err error
}

func (s *storeWriter) Write(p []byte) (n int, err error) {
	n, s.err = s.w.Write(p)
	return n, s.err
}
