package maildir

import (
	"errors"
	"io/fs"
	"strings"
	"unicode/utf16"

	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// openFolder opens a folder of a mailbox and makes it if it is not there; then mail
// programs show it, where that can be brought about. Its parts are separated by dots.
func (s *Store) openFolder(box *homedir.Dir, folder string) (*homedir.Dir, error) {
	if folder == "" {
		return box, nil
	}
	name := "." + written(folder)
	if strings.ContainsAny(name, "/\x00") || strings.Contains(name, "..") || strings.HasSuffix(name, ".") || len(name) > 250 {
		return nil, latchkey.Errorf(latchkey.Invalid, "%.80q is not the name of a folder.", folder)
	}
	dir, err := box.OpenDir(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return dir, err
	}
	_ = s.subscribe(box, name[1:]) // first, so that no crash leaves a folder that nobody is shown
	if dir, err = ensure(box, name); err != nil {
		return nil, err
	}
	if err := errors.Join(markFolder(dir), parents{box, dir}.sync()); err != nil {
		dir.Close()
		return nil, err
	}
	return dir, nil
}

// markFolder makes a directory a folder of a Maildir.
func markFolder(dir *homedir.Dir) error {
	mark, err := dir.Create("maildirfolder", 0o600)
	if err == nil {
		err = mark.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return furnish(dir)
}

// written is the name of a folder as its directory has it: the reverse of readable.
func written(folder string) string {
	var b strings.Builder
	var wide []uint16
	flush := func() {
		if len(wide) == 0 {
			return
		}
		raw := make([]byte, 0, 2*len(wide))
		for _, u := range wide {
			raw = append(raw, byte(u>>8), byte(u))
		}
		b.WriteString("&" + modified.EncodeToString(raw) + "-")
		wide = wide[:0]
	}
	for _, c := range folder {
		if c < ' ' || c > '~' {
			wide = utf16.AppendRune(wide, c)
			continue
		}
		flush()
		if b.WriteRune(c); c == '&' {
			b.WriteByte('-')
		}
	}
	flush()
	return b.String()
}
