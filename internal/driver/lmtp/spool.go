package lmtp

import (
	"bytes"
	"io"
	"os"
)

// spoolMemory is how much of a message is kept in memory; a longer one goes to
// a file.
const spoolMemory = 1 << 20

// spool is a whole message, to be read once for each recipient.
type spool struct {
	head []byte
	file *os.File // what follows head; has no name any more
	size int64    // of file
}

// readSpool takes in all of r, with LF for each CRLF.
func readSpool(r io.Reader, dir string) (*spool, error) {
	s := new(spool)
	w := &lineEnds{w: writerFunc(func(p []byte) (int, error) { return s.add(p, dir) })}
	_, err := io.CopyBuffer(w, onlyReader{r}, make([]byte, 32<<10))
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *spool) add(p []byte, dir string) (int, error) {
	if s.file == nil && len(s.head)+len(p) <= spoolMemory {
		s.head = append(s.head, p...)
		return len(p), nil
	}
	if s.file == nil {
		if err := s.create(dir); err != nil {
			return 0, err
		}
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	return n, err
}

// create makes the file and takes its name away, so that it vanishes with the
// process, however that ends.
func (s *spool) create(dir string) error {
	file, err := os.CreateTemp(dir, "latchkey-lmtp-")
	if err != nil {
		return err
	}
	s.file = file
	return os.Remove(file.Name())
}

// Reader reads the message from its beginning. Readers do not disturb each
// other.
func (s *spool) Reader() (io.Reader, error) {
	if s.file == nil {
		return bytes.NewReader(s.head), nil
	}
	return io.MultiReader(bytes.NewReader(s.head), io.NewSectionReader(s.file, 0, s.size)), nil
}

// Close lets go of the message.
func (s *spool) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// lineEnds writes LF for each CRLF, and everything else as it is. Close writes
// a CR that came last.
type lineEnds struct {
	w   io.Writer
	cr  bool // a CR waits for what follows it
	buf []byte
}

func (l *lineEnds) Write(p []byte) (int, error) {
	l.buf = l.buf[:0]
	for rest := p; len(rest) > 0; {
		if l.cr && rest[0] != '\n' {
			l.buf = append(l.buf, '\r')
		}
		before, after, found := bytes.Cut(rest, []byte{'\r'})
		l.buf = append(l.buf, before...)
		l.cr, rest = found, after
	}
	if _, err := l.w.Write(l.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (l *lineEnds) Close() error {
	if !l.cr {
		return nil
	}
	_, err := l.w.Write([]byte{'\r'})
	return err
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// onlyReader keeps io.Copy from other ways of copying than its buffer.
type onlyReader struct{ io.Reader }
