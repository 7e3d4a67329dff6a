package dovecot

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/durable"
)

// scripts is the directory of the Sieve scripts, and scriptEnd how their names end.
const (
	scripts   = "sieve"
	scriptEnd = ".sieve"
)

// makeOwn makes a directory for the owner of the mailboxes alone. Dovecot reads
// scripts as that user, and keeps what it compiles beside them.
func (p *Part) makeOwn(name string) error {
	dir := filepath.Join(p.o.Dir, name)
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		err = os.Chmod(dir, 0o700)
	}
	if err == nil && os.Geteuid() == 0 {
		err = os.Lchown(dir, p.uid, p.gid)
	}
	return err
}

// ownGroup is the group of a user, or a group of the same number where nobody knows
// that user.
func ownGroup(uid int) int {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		if gid, err := strconv.Atoi(u.Gid); err == nil {
			return gid
		}
	}
	if uid == os.Geteuid() {
		return os.Getegid()
	}
	return uid
}

// keepScript writes a script down, unless it is there, and returns its name.
func (p *Part) keepScript(text string) (name string, err error) {
	if text == "" {
		return "", nil
	}
	sum := sha256.Sum256([]byte(text))
	name = hex.EncodeToString(sum[:16])
	path := filepath.Join(p.o.Dir, scripts, name+scriptEnd)
	if _, err := os.Lstat(path); err == nil {
		return name, nil
	}
	err = durable.CreateFile(path, []byte(text), 0o600)
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	return name, err
}

// scriptAge is how long a script stays that no mailbox has: a message may be on its
// way through it.
const scriptAge = time.Hour

// clearScripts takes the scripts away that no mailbox has.
func (p *Part) clearScripts(want *rows) {
	used := make(map[string]bool)
	for _, b := range want.boxes {
		used[b.script] = true
	}
	dir := filepath.Join(p.o.Dir, scripts)
	list, err := os.ReadDir(dir)
	for _, f := range list {
		name, _, _ := strings.Cut(f.Name(), ".")
		if st, serr := f.Info(); serr == nil && !used[name] && time.Since(st.ModTime()) > scriptAge {
			err = errors.Join(err, os.Remove(filepath.Join(dir, f.Name())))
		}
	}
	if err != nil {
		p.o.Log.Warn("Sieve scripts that nobody uses any more could not be removed", "err", err)
	}
}

// groupOf is the group of a user.
func groupOf(name string) (g group, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		return g, err
	}
	if g.ID, err = strconv.Atoi(u.Gid); err != nil {
		return g, err
	}
	of, err := user.LookupGroupId(u.Gid)
	if err == nil {
		g.Name = of.Name
	}
	return g, err
}
