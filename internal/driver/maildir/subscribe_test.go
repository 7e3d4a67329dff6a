package maildir_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/driver/maildir"
)

const listed = "subscriptions"

// TestSubscribed: a folder that a message makes is shown by mail programs, once, in
// the form that the list of them has.
func TestSubscribed(t *testing.T) {
	for _, test := range []struct{ name, before, after string }{
		{"none", "", "V\t2\n\nA\tB&APw-\n"},
		{"another", "V\t2\n\nSent\n", "V\t2\n\nSent\nA\tB&APw-\n"},
		{"already", "V\t2\n\nA\tB&APw-\nSent\n", "V\t2\n\nA\tB&APw-\nSent\n"},
		{"older", "Sent\n", "Sent\nA.B&APw-\n"},
		{"cut off", "Sent", "Sent\nA.B&APw-\n"},
		{"too long", strings.Repeat("x", 2<<20), strings.Repeat("x", 2<<20)},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, box := newMailbox(t)
			list := filepath.Join(box, listed)
			if test.before != "" {
				write(t, list, test.before)
			}
			for range 2 {
				deliverInto(t, s, "A.Bü")
			}
			if got, err := os.ReadFile(list); string(got) != test.after {
				t.Errorf("the list is %.80q, %v, want %.80q", got, err, test.after)
			}
		})
	}
}

// TestSubscribedLocked: while another program changes the list it stays as it is, and
// the message comes all the same; what a crash left of a change is no obstacle.
func TestSubscribedLocked(t *testing.T) {
	s, box := newMailbox(t)
	list, lock := filepath.Join(box, listed), filepath.Join(box, "subscriptions.lock")
	write(t, lock, "half")
	deliverInto(t, s, "A")
	if _, err := os.Stat(list); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the list was changed under another's hands: %v", err)
	}
	old := time.Now().Add(-time.Hour)
	must(t, os.Chtimes(lock, old, old))
	deliverInto(t, s, "B")
	if got, err := os.ReadFile(list); string(got) != "V\t2\n\nB\n" {
		t.Errorf("the list is %q, %v", got, err)
	}
	// A list that is a link to somewhere else is nobody's list.
	must(t, errors.Join(os.Remove(list), os.Symlink("/etc/passwd", list)))
	deliverInto(t, s, "C")
	if to, err := os.Readlink(list); to != "/etc/passwd" {
		t.Errorf("the list leads to %q, %v", to, err)
	}
}

// newMailbox is a store with the mailbox of bob, and where that stands.
func newMailbox(t *testing.T) (*maildir.Store, string) {
	t.Helper()
	s, mail := open(t)
	must(t, s.Create(t.Context(), alice, domain, "bob"))
	return s, filepath.Join(mail, domain, "bob")
}

func write(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o600))
}

func deliverInto(t *testing.T, s *maildir.Store, folder string) {
	t.Helper()
	_, err := s.DeliverInto(t.Context(), alice, domain, "bob", folder, strings.NewReader("a message\n"), maildir.Unlimited)
	must(t, err)
}
