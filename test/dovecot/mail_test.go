package dovecot

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// letter is a message, and its body.
func letter(subject, body string) string {
	return "From: Ann <ann@elsewhere.example>\r\nTo: somebody@example.com\r\nSubject: " + subject + "\r\nMessage-ID: <" + subject + "@elsewhere.example>\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\n\r\n" + body
}

const ann = "ann@elsewhere.example"

// TestPasswords: a password that was changed is another when the call has returned.
func TestPasswords(t *testing.T) {
	r := newRig(t)
	r.install()
	r.startMail()
	r.startServer()
	r.account("demo", "example.com")
	r.passwords()
}

// alone ends the server, in two ways: Dovecot and Postfix go on.
func (r *rig) alone() {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		r.server.end(sig)
		if err := r.send(ann, letter(sig.String(), "x\r\n"), "newuser@example.com"); err != nil {
			r.t.Errorf("after %s: %v", sig, err)
		}
		r.arrives("newuser@example.com", "12345luggage", "INBOX", "Subject: "+sig.String())
		if err := r.send(ann, letter("nobody", "x\r\n"), "nobody@example.com"); code(err) != 550 {
			r.t.Errorf("after %s, to nobody: %v", sig, err)
		}
		r.startServer()
	}
}

// TestMail is what happens to one mailbox from its making to its end, seen by IMAP
// and SMTP.
func TestMail(t *testing.T) {
	r := newRig(t)
	r.install()
	r.startMail()
	r.startServer()
	r.account("demo", "example.com")

	if err := r.send(ann, letter("early", "x\r\n"), "newuser@example.com"); code(err) != 550 {
		t.Errorf("mail for a mailbox that is not there: %v", err)
	}
	r.done("Email/add_pop", "email", "newuser", "password", "12345luggage", "quota", "1")
	if !r.opens("newuser@example.com", "12345luggage") || r.opens("newuser@example.com", "12345Luggage") || r.opens("nobody@example.com", "12345luggage") {
		t.Error("the mailbox does not open by its password alone")
	}
	body := "The key\r\nis under the mat.\r\n.\r\n..and \x01 \xff bytes\r\n" + strings.Repeat("0123456789 ", 80) + "\r\n"
	if err := r.send(ann, letter("first", body), "NewUser@Example.com"); err != nil {
		t.Fatal(err)
	}
	m := r.arrives("newuser@example.com", "12345luggage", "INBOX", "Subject: first")
	if got := text(m); !strings.HasSuffix(got, letter("first", body)) {
		t.Errorf("another message came than was sent:\n%q", got)
	}
	r.confined()
	r.quota()
	r.suspends()
	r.alone()

	r.done("Email/delete_pop", "email", "newuser@example.com")
	if err := r.send(ann, letter("late", "x\r\n"), "newuser@example.com"); code(err) != 550 {
		t.Errorf("mail for a mailbox that was deleted: %v", err)
	}
	if r.opens("newuser@example.com", "12345luggage") {
		t.Error("a mailbox that was deleted opens")
	}
}

// passwords changes passwords many times: the old one is refused and the new one
// accepted, every time and at once.
func (r *rig) passwords() {
	const boxes, cycles = 6, 50
	var stale atomic.Int64
	var all sync.WaitGroup
	for n := range boxes {
		local := fmt.Sprintf("cycle%d", n)
		r.done("Email/add_pop", "email", local, "password", "suitcase-0")
		all.Go(func() {
			for i := range cycles {
				was, is := fmt.Sprintf("suitcase-%d", i), fmt.Sprintf("suitcase-%d", i+1)
				if a := r.call("Email/passwd_pop", "email", local, "domain", "example.com", "password", is); a.Status != 1 {
					r.t.Errorf("passwd_pop: %s", a.Errors)
					return
				}
				if r.opens(local+"@example.com", was) || !r.opens(local+"@example.com", is) {
					stale.Add(1)
				}
			}
		})
	}
	all.Wait()
	if n := stale.Load(); n > 0 {
		r.t.Errorf("%d of %d changes of a password were not in force when they were answered", n, boxes*cycles)
	}
}

// quota fills a mailbox.
func (r *rig) quota() {
	big := letter("big", strings.Repeat(strings.Repeat("x", 70)+"\r\n", 9000))
	if err := r.send(ann, big, "newuser@example.com"); err != nil {
		r.t.Fatal(err)
	}
	r.arrives("newuser@example.com", "12345luggage", "INBOX", "Subject: big")
	if err := r.send(ann, big, "newuser@example.com"); code(err) != 552 {
		r.t.Errorf("a message that the mailbox has no room for: %v", err)
	}
	r.done("Email/edit_pop_quota", "email", "newuser", "domain", "example.com", "quota", "0")
	if err := r.send(ann, strings.Replace(big, "Subject: big", "Subject: second", 1), "newuser@example.com"); err != nil {
		r.t.Errorf("with more room: %v", err)
	}
	r.arrives("newuser@example.com", "12345luggage", "INBOX", "Subject: second")
}

// suspends switches each way of using a mailbox off and on.
func (r *rig) suspends() {
	r.done("Email/suspend_login", "email", "newuser@example.com")
	if r.opens("newuser@example.com", "12345luggage") {
		r.t.Error("a mailbox with its login suspended opens")
	}
	r.done("Email/unsuspend_login", "email", "newuser@example.com")
	r.done("Email/suspend_incoming", "email", "newuser@example.com")
	if err := r.send(ann, letter("held", "x\r\n"), "newuser@example.com"); code(err) != 550 || !strings.Contains(fmt.Sprint(err), "suspended") {
		r.t.Errorf("mail for a mailbox that takes none: %v", err)
	}
	r.done("Email/unsuspend_incoming", "email", "newuser@example.com")
	if err := r.send(ann, letter("through", "x\r\n"), "newuser@example.com"); err != nil || !r.opens("newuser@example.com", "12345luggage") {
		r.t.Errorf("let through again: %v", err)
	}
}

// TestSessionsEnd: who is signed in is out when the call has returned that lets them
// in no more, and others are not.
func TestSessionsEnd(t *testing.T) {
	r := newRig(t)
	r.install()
	r.startMail()
	r.startServer()
	r.account("demo", "example.com")
	const long = "a-name-of-sixty-four-characters-that-is-as-long-as-a-name-may-be"
	for _, local := range []string{"one", "one1", long} {
		r.done("Email/add_pop", "email", local, "password", "12345luggage")
	}
	for _, local := range []string{"one", long} {
		is := "12345luggage"
		for _, step := range []struct {
			what, function string
			args           []string
			then           func()
		}{
			{"with another password", "passwd_pop", []string{"password", "Luggage54321"}, func() { is = "Luggage54321" }},
			{"suspended", "suspend_login", nil, func() { r.done("Email/unsuspend_login", "email", local+"@example.com") }},
			{"deleted", "delete_pop", nil, func() {}},
		} {
			in, other := r.login(local+"@example.com", is), r.login("one1@example.com", "12345luggage")
			if in == nil || other == nil {
				t.Fatalf("%s %s: the mailboxes do not open", local, step.what)
			}
			if err := errors.Join(in.Noop().Wait(), other.Noop().Wait()); err != nil {
				t.Fatal(err)
			}
			r.done("Email/"+step.function, append([]string{"email", local + "@example.com"}, step.args...)...)
			if in.Noop().Wait() == nil {
				t.Errorf("%s %s: a session goes on", local, step.what)
			}
			if err := other.Noop().Wait(); err != nil {
				t.Errorf("%s %s: the session of another ends: %v", local, step.what, err)
			}
			in.Close()
			other.Close()
			step.then()
		}
	}
	ended := r.login("one1@example.com", "12345luggage")
	r.done("Email/terminate_mailbox_sessions")
	if ended == nil || ended.Noop().Wait() == nil {
		t.Error("a session goes on when those of the account are ended")
	}
	left := r.login("one1@example.com", "12345luggage") // and says nothing
	r.tool(nil, "whmapi1", "suspendacct", "user=demo")
	if left == nil || left.Noop().Wait() == nil {
		t.Error("a session of a suspended account goes on")
	}
	if said := r.tool(nil, "doctor", "--config", r.path("none.toml")); !strings.Contains(said, "who is signed in to a mailbox is out") {
		t.Errorf("the doctor says:\n%s", said)
	}
	text, err := os.ReadFile(r.path("dovecot", "dovecot.conf"))
	r.must(err)
	without := strings.NewReplacer("verbose_proctitle = yes", "verbose_proctitle = no", "sessions/anvil", "sessions/elsewhere").Replace(string(text))
	r.write(without, "dovecot", "dovecot.conf")
	_ = os.Remove(r.path("mail", "sessions", "anvil")) // which 2.3 has not, and 2.4 keeps
	r.must(exec.Command("doveadm", "-c", r.path("dovecot", "dovecot.conf"), "reload").Run())
	r.until("the doctor does not see that sessions go on", func() bool {
		said, _ := r.try("doctor", "--config", r.path("none.toml")) // Dovecot 2.4 takes no mail for a moment
		return strings.Contains(said, "a session that is open goes on")
	})
}

// confined looks that no name of a folder leads out of a mailbox: neither to what its
// neighbour has, nor to where something could be put.
func (r *rig) confined() {
	r.t.Helper()
	r.done("Email/add_pop", "email", "eve", "password", "12345luggage")
	r.must(r.send(ann, letter("secret", "x\r\n"), "eve@example.com"))
	r.arrives("eve@example.com", "12345luggage", "INBOX", "Subject: secret")
	around := func() string {
		var list []string
		for _, pattern := range []string{"mail/example.com/*", "mail/example.com/eve/*", "mail/example.com/eve/.*", "mail/*", "*"} {
			found, err := filepath.Glob(r.path("data", "homes", "demo", pattern))
			r.must(err)
			list = append(list, found...)
		}
		return strings.Join(list, "\n")
	}
	before := around()
	if !strings.Contains(before, "example.com/eve/cur") {
		r.t.Fatalf("it looks at the wrong place:\n%s", before)
	}
	c := r.login("newuser@example.com", "12345luggage")
	defer c.Close()
	home := r.path("data", "homes", "demo", "mail", "example.com", "eve")
	for _, name := range []string{
		"../eve", "..", ".", "../eve/cur", "a/../../eve", "INBOX/../eve", "INBOX.../eve", "./../eve", "..eve", "/../eve", "~/../eve", "~eve@example.com", "~eve@example.com/INBOX", home, "~" + home,
		"shared/eve@example.com", "user/eve@example.com", "&AC4ALgAv-eve", "%2e%2e%2feve", "../../../../../../etc",
	} {
		_ = c.Create(name, nil).Wait() // what it is refused with is Dovecot's
		for _, m := range letters(r.t, c, name) {
			r.t.Errorf("the folder %q has the message %q", name, text(m))
		}
		_ = c.Rename("INBOX", name, nil).Wait()
	}
	if after := around(); after != before {
		r.t.Errorf("there is more around the mailbox than before:\n%s\nand was\n%s", after, before)
	}
	r.done("Email/delete_pop", "email", "eve@example.com")
}
