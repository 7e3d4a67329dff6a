// Package homedir is the only door to the files of the accounts. Every home is
// a directory below one directory of homes; what happens inside a home goes
// through an [FS], which refuses names and links that lead out, and things
// that are not plain files.
//
// Start at [Open], then [Homes.As]. This is the virtual level: every file
// belongs to the user that the server runs as. The package needs Linux.
//
// What a successful change promises: it survives a power cut, and a crash at
// any moment leaves either the state before or the state after. A temporary
// file that a crash left behind is not shown by any listing, and [FS.Sweep]
// takes it away.
package homedir

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Homes is a directory that holds one home for each account. It is safe for
// concurrent use. No account may be able to write in the directory itself.
type Homes struct {
	path string
	root *os.Root
	dir  *Dir

	mu sync.Mutex // held while a home appears, disappears or changes its name
}

// Open opens the directory of homes, which must exist. Close it after use.
func Open(dir string) (*Homes, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("homes: %w", err)
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, fmt.Errorf("homes: %w", err)
	}
	d, err := openRootDir(root, ".")
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("homes: %w", err)
	}
	return &Homes{path: abs, root: root, dir: d}, nil
}

// Close ends the use of h. Calls that are under way finish undisturbed or fail;
// they do no harm.
func (h *Homes) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return errors.Join(h.dir.Close(), h.root.Close())
}

// Path is where the home of the account stands on this machine, for the
// configuration of other programs. It does not say that the home exists, and
// is no way to reach its files: that is [Homes.As].
func (h *Homes) Path(name string) (string, error) {
	if err := checkAccount(name); err != nil {
		return "", err
	}
	return filepath.Join(h.path, name), nil
}

// As opens the account's home and calls fn with it. The FS is of no use after
// fn has returned; files that fn opened stay good. An account without a home
// gives [latchkey.NotFound]. The error of fn is returned as it is.
func (h *Homes) As(ctx context.Context, name string, fn func(FS) error) error {
	root, err := h.openHome(ctx, name)
	if err != nil {
		return err
	}
	defer root.Close()
	return fn(FS{ctx: ctx, root: root})
}

func (h *Homes) openHome(ctx context.Context, name string) (*os.Root, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := checkAccount(name); err != nil {
		return nil, err
	}
	// A home is a directory, never a link: the check also keeps the open from
	// waiting on a FIFO. Only the server writes here, so nothing changes in between.
	info, err := h.root.Lstat(name)
	if err != nil {
		return nil, homeError(name, err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("home of %s: not a directory", name)
	}
	root, err := h.root.OpenRoot(name)
	if err != nil {
		return nil, homeError(name, err)
	}
	return root, nil
}

func homeError(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &latchkey.Error{Kind: latchkey.NotFound, Msg: fmt.Sprintf("The account %q has no home directory.", name), Err: err}
	}
	return fmt.Errorf("home of %s: %w", name, err)
}

// Exists reports whether the account has a home.
func (h *Homes) Exists(ctx context.Context, name string) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if err := checkAccount(name); err != nil {
		return false, err
	}
	_, err := h.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// homePerm is the mode of a home: others may pass through, none may list it.
const homePerm = 0o711

// skeleton is what every home begins with. public_html is open to a web server
// that runs as another user; the rest is the account's own.
var skeleton = []struct {
	name string
	perm uint32
}{
	{"etc", 0o700},
	{"logs", 0o700},
	{"mail", 0o700},
	{"public_html", 0o755},
	{"ssl", 0o700},
	{"tmp", 0o700},
}

// Create makes the account's home with its first directories. A home that is
// there already keeps what it has and gets what it lacks, so Create may be
// repeated after a crash.
func (h *Homes) Create(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkAccount(name); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	home, err := h.dir.OpenDir(name)
	if errors.Is(err, fs.ErrNotExist) {
		return h.build(name)
	}
	if err != nil {
		return fmt.Errorf("home of %s: %w", name, err)
	}
	defer home.Close()
	if err := furnish(home); err != nil {
		return fmt.Errorf("home of %s: %w", name, err)
	}
	return h.dir.Sync()
}

// build makes the whole home aside and moves it in place, so that nobody ever
// meets half a home.
func (h *Homes) build(name string) error {
	aside := stagingPrefix + name + "-" + rand.Text()
	err := h.buildAside(aside)
	if err == nil {
		err = moveNew(h.dir, aside, name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("home of %s: %w", name, err), h.dir.removeTree(context.Background(), aside))
	}
	return h.dir.Sync()
}

func (h *Homes) buildAside(aside string) error {
	if err := h.dir.Mkdir(aside, 0o700); err != nil {
		return err
	}
	home, err := h.dir.OpenDir(aside)
	if err != nil {
		return err
	}
	defer home.Close()
	if err := furnish(home); err != nil {
		return err
	}
	// Mkdir obeys the umask; a home's mode does not depend on it.
	if err := home.chmod(homePerm); err != nil {
		return err
	}
	return home.Sync()
}

func furnish(home *Dir) error {
	for _, s := range skeleton {
		err := home.Mkdir(s.name, 0o700)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := chmodNew(home, s.name, s.perm); err != nil {
			return err
		}
	}
	return home.Sync()
}

func chmodNew(parent *Dir, name string, perm uint32) error {
	d, err := parent.OpenDir(name)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.chmod(perm)
}

const (
	stagingPrefix   = ".new-"
	tombstonePrefix = ".removed-"
)

// Remove takes the account's home away for good. From the first moment nobody
// finds the home any more; then its files are deleted. Remove of what is not
// there succeeds, and finishes what an earlier Remove was stopped in.
func (h *Homes) Remove(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkAccount(name); err != nil {
		return err
	}
	if err := h.bury(name); err != nil {
		return fmt.Errorf("remove home of %s: %w", name, err)
	}
	if err := h.deleteMatching(ctx, func(s string) bool { return isAside(s, tombstonePrefix, name) }); err != nil {
		return fmt.Errorf("remove home of %s: %w", name, err)
	}
	return nil
}

func (h *Homes) bury(name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	err := moveNew(h.dir, name, tombstonePrefix+name+"-"+rand.Text())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return h.dir.Sync()
}

// Sweep finishes every removal that was stopped half-way and clears what a
// crash left of a home under construction. Call it once at start, before
// homes are created.
func (h *Homes) Sweep(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.deleteMatching(ctx, func(s string) bool {
		return strings.HasPrefix(s, tombstonePrefix) || strings.HasPrefix(s, stagingPrefix)
	})
}

func (h *Homes) deleteMatching(ctx context.Context, match func(string) bool) error {
	// A directory of our own: two readers of one would share its position.
	list, err := openRootDir(h.root, ".")
	if err != nil {
		return err
	}
	defer list.Close()
	var doomed []string
	err = list.Entries(func(name string, _ fs.FileMode) error {
		if match(name) {
			doomed = append(doomed, name)
		}
		return nil
	})
	if err != nil || len(doomed) == 0 {
		return err
	}
	for _, name := range doomed {
		if err := list.removeTree(ctx, name); err != nil {
			return err
		}
	}
	return list.Sync()
}

// isAside reports whether entry is prefix, the account's name, a hyphen and
// the random text that [rand.Text] gives.
func isAside(entry, prefix, account string) bool {
	rest, ok := strings.CutPrefix(entry, prefix+account+"-")
	return ok && len(rest) == randomLen && !strings.Contains(rest, "-")
}

// Rename gives the home of one account to another name. Where the new name has
// a home already it answers [latchkey.Exists], unless the old one has none: then
// the rename was done before, and Rename succeeds again.
func (h *Homes) Rename(ctx context.Context, from, to string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := errors.Join(checkAccount(from), checkAccount(to)); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	err := moveNew(h.dir, from, to)
	switch {
	case errors.Is(err, fs.ErrExist):
		return latchkey.Errorf(latchkey.Exists, "The account %q has a home directory already.", to)
	case errors.Is(err, fs.ErrNotExist):
		if _, lerr := h.dir.Lstat(to); lerr != nil {
			return homeError(from, err)
		}
	case err != nil:
		return fmt.Errorf("rename home of %s: %w", from, err)
	}
	return h.dir.Sync()
}

// moveNew renames an entry of d, and fails where the new name is taken.
func moveNew(d *Dir, from, to string) error {
	err := retry(func() error {
		return unix.Renameat2(d.fd, from, d.fd, to, unix.RENAME_NOREPLACE)
	})
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}
