package homedir

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// fail classifies what the system said about name. What the system did not
// say in words a caller can use stays internal.
func fail(name string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*latchkey.Error](err); ok {
		return err
	}
	kind, text := classify(err)
	if text == "" {
		return fmt.Errorf("%.80q: %w", name, err)
	}
	return &latchkey.Error{Kind: kind, Msg: fmt.Sprintf("%.80q "+text, name), Err: err}
}

func classify(err error) (latchkey.Kind, string) {
	switch {
	case errors.Is(err, syscall.ENOTEMPTY): // before Exists, which ENOTEMPTY also is
		return latchkey.Invalid, "is a directory that is not empty."
	case errors.Is(err, fs.ErrNotExist):
		return latchkey.NotFound, "does not exist."
	case errors.Is(err, fs.ErrExist):
		return latchkey.Exists, "exists already."
	case errors.Is(err, syscall.EISDIR):
		return latchkey.Invalid, "is a directory."
	case errors.Is(err, syscall.ENOTDIR):
		return latchkey.Invalid, "is not a directory, or lies below something that is not."
	case errors.Is(err, syscall.ELOOP):
		return latchkey.Invalid, "goes through a symbolic link, or through too many."
	case errors.Is(err, syscall.ENXIO):
		return latchkey.Invalid, "is not a regular file."
	case errors.Is(err, syscall.ENAMETOOLONG):
		return latchkey.Invalid, "is too long a name."
	case errors.Is(err, syscall.EINVAL):
		return latchkey.Invalid, "cannot be moved there."
	case errors.Is(err, syscall.EDQUOT):
		return latchkey.Limit, "cannot be written: the disk quota is used up."
	case errors.Is(err, syscall.ENOSPC):
		return latchkey.Unavailable, "cannot be written: the disk is full."
	case errors.Is(err, fs.ErrPermission):
		return latchkey.Denied, "may not be accessed."
	case escapes(err):
		return latchkey.Invalid, "leads out of the home directory."
	}
	return latchkey.Internal, ""
}

// escapes reports whether os.Root refused a path because it leaves the root.
// The standard library gives that error no name, only a text.
func escapes(err error) bool {
	p, ok := errors.AsType[*fs.PathError](err)
	return ok && p.Err.Error() == "path escapes from parent"
}
