package maildir

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/driver/homedir"
)

// Dovecot keeps in one file of a mailbox which of its folders mail programs are to
// show, a line each; behind newFormat, which it begins new files with, the parts of a
// name are separated by tabs, else by dots. Whoever changes the file makes another
// first that is the lock as well, and puts that in its place.
const (
	subscriptions = "subscriptions"
	newFormat     = "V\t2\n\n"

	maxSubscriptions = 1 << 20
	lockAge          = 2 * time.Minute // older locks are what a crash has left
)

// subscribe has mail programs show the folder of that name, as its directory has it
// behind the first dot: as Dovecot does with a folder that a message makes. What is
// there in a form that nobody has made so stays.
func (s *Store) subscribe(box *homedir.Dir, name string) error {
	s.subscribing.Lock()
	defer s.subscribing.Unlock()
	text, err := subscribed(box)
	if err != nil {
		return err
	}
	if strings.HasPrefix(text, newFormat) {
		name = strings.ReplaceAll(name, ".", "\t")
	}
	for line := range strings.Lines(strings.TrimPrefix(text, newFormat)) {
		if strings.TrimSuffix(line, "\n") == name {
			return nil
		}
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return replace(box, subscriptions, text+name+"\n")
}

// subscribed is the file as it is.
func subscribed(box *homedir.Dir) (string, error) {
	file, err := box.Open(subscriptions)
	if errors.Is(err, fs.ErrNotExist) {
		return newFormat, nil
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSubscriptions+1))
	if err == nil && len(text) > maxSubscriptions {
		err = errors.New("the list of subscribed folders is too long")
	}
	return string(text), err
}

// replace puts a file in the place of another, unless somebody else is about to.
func replace(box *homedir.Dir, name, text string) error {
	lock := name + ".lock"
	if old, err := box.Lstat(lock); err == nil && time.Since(old.ModTime()) > lockAge {
		_ = box.Remove(lock)
	}
	file, err := box.Create(lock, 0o600)
	if err != nil {
		return err
	}
	_, err = io.WriteString(file, text)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = box.Rename(lock, box, name)
	}
	if err != nil {
		_ = box.Remove(lock)
	}
	return err
}
