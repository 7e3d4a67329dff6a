package dovecot

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-smtp"
)

// TestMoved: a mailbox that the server itself has filled is there for Dovecot, every
// message with its flags, and what Dovecot does to it is there for the server.
func TestMoved(t *testing.T) {
	r := newRig(t)
	r.install()
	r.driver = "embedded"
	r.startServer()
	r.account("demo", "example.com")
	r.done("Email/add_pop", "email", "newuser", "password", "12345luggage")
	for n := range 20 {
		r.lmtp(letter(fmt.Sprintf("number-%d.", n), fmt.Sprintf("text %d\r\n.\r\n", n)), "newuser@example.com")
	}
	box := r.path("data", "homes", "demo", "mail", "example.com", "newuser")
	list, err := os.ReadDir(filepath.Join(box, "new"))
	r.must(err)
	for _, dir := range []string{".Archive", ".Archive/cur", ".Archive/new", ".Archive/tmp"} {
		r.must(os.Mkdir(filepath.Join(box, dir), 0o700))
		r.must(os.Chown(filepath.Join(box, dir), serverUID, serverUID))
	}
	// What another program does to a Maildir: some are read, flagged, put elsewhere.
	for n, to := range []string{"cur/%s:2,S", "cur/%s:2,FS", "cur/%s:2,RS", ".Archive/cur/%s:2,S"} {
		r.must(os.Rename(filepath.Join(box, "new", list[n].Name()), filepath.Join(box, fmt.Sprintf(to, list[n].Name()))))
	}
	before := r.used()
	r.server.end(syscall.SIGTERM)

	r.driver = "auto"
	r.startMail()
	r.startServer()
	c := r.login("newuser@example.com", "12345luggage")
	if c == nil {
		t.Fatal("the mailbox does not open")
	}
	defer c.Close()
	flags := make(map[string]int)
	seen := make(map[string]bool)
	for folder, want := range map[string]int{"INBOX": 19, "Archive": 1} {
		all := letters(t, c, folder)
		if len(all) != want {
			t.Errorf("%s has %d messages, want %d", folder, len(all), want)
		}
		for _, m := range all {
			_, subject, _ := strings.Cut(text(m), "Subject: ")
			subject, _, _ = strings.Cut(subject, "\r\n")
			seen[subject] = true
			var n int
			if _, err := fmt.Sscanf(subject, "number-%d.", &n); err != nil || !strings.HasSuffix(text(m), letter(subject, fmt.Sprintf("text %d\r\n.\r\n", n))) {
				t.Errorf("another message: %q", text(m))
			}
			slices.Sort(m.Flags)
			flags[fmt.Sprint(slices.DeleteFunc(m.Flags, func(f imap.Flag) bool { return f == "\\Recent" }))]++
		}
	}
	if len(seen) != 20 {
		t.Errorf("%d of 20 messages are there", len(seen))
	}
	if flags["[]"] != 16 || flags["[\\Seen]"] != 2 || flags["[\\Flagged \\Seen]"] != 1 || flags["[\\Answered \\Seen]"] != 1 {
		t.Errorf("their flags are %v", flags)
	}
	if after := r.used(); after != before {
		t.Errorf("the mailbox had %s and has %s", before, after)
	}
	// The other way: what came through Dovecot the server has.
	if err := r.send(ann, letter("through", "x\r\n"), "newuser@example.com"); err != nil {
		t.Error(err)
	}
	r.arrives("newuser@example.com", "12345luggage", "INBOX", "Subject: through")
	r.server.end(syscall.SIGTERM)
	r.driver = "embedded"
	r.startServer()
	if after := r.used(); after == before {
		t.Error("the server does not see what Dovecot has delivered")
	}
}

// used is what the first mailbox holds, as the server has it.
func (r *rig) used() string {
	return regexp.MustCompile(`"_diskused":"?\d+`).FindString(string(r.done("Email/list_pops_with_disk").Data))
}

// lmtp gives the server itself a message.
func (r *rig) lmtp(message string, to ...string) {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.ports.Mail)
	r.must(err)
	c := smtp.NewClientLMTP(conn)
	defer c.Close()
	r.must(c.Hello("localhost"))
	r.must(deliver(c, ann, message, to))
}
