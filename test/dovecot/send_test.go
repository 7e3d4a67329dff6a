package dovecot

import (
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// submit sends as the owner of a mailbox, who signs in.
func (r *rig) submit(user, password, from string, to string) error {
	r.t.Helper()
	c, err := smtp.Dial(r.submission)
	r.must(err)
	defer c.Close()
	if err := c.Auth(sasl.NewPlainClient("", user, password)); err != nil {
		return err
	}
	return deliver(c, from, letter("from-"+user, "x\r\n"), []string{to})
}

// TestSend: who has a mailbox sends by signing in, as somebody of their own account
// or of elsewhere, and not if that is suspended.
func TestSend(t *testing.T) {
	r := newRig(t)
	r.install()
	r.startMail()
	r.startServer()
	r.account("demo", "example.com")
	r.account("other", "example.net")
	for _, local := range []string{"one", "two"} {
		r.done("Email/add_pop", "email", local, "password", "12345luggage")
	}
	if err := r.submit("one@example.com", "wrong", "one@example.com", ann); code(err) != 535 {
		t.Errorf("with a wrong password: %v", err)
	}
	for from, want := range map[string]int{"one@example.com": 0, "two@example.com": 0, "me@elsewhere.example": 0, "postmaster@example.net": 553, "": 0} {
		if err := r.submit("one@example.com", "12345luggage", from, ann); code(err) != want {
			t.Errorf("as %q: %v, want %d", from, err, want)
		}
	}
	r.until("what was sent has not gone out", func() bool { return r.sink.find(ann, "from-one@example.com") != "" })
	r.done("Email/suspend_outgoing", "email", "one@example.com")
	if err := r.submit("one@example.com", "12345luggage", "one@example.com", ann); code(err) != 554 || !strings.Contains(err.Error(), "suspended") {
		t.Errorf("with outgoing mail suspended: %v", err)
	}
	if err := r.submit("two@example.com", "12345luggage", "one@example.com", ann); err != nil {
		t.Errorf("another mailbox: %v", err)
	}
	r.done("Email/unsuspend_outgoing", "email", "one@example.com")
	r.done("Email/hold_outgoing", "email", "one@example.com")
	if err := r.submit("one@example.com", "12345luggage", "one@example.com", "held@elsewhere.example"); err != nil {
		t.Errorf("with outgoing mail held: %v", err)
	}
	r.done("Email/release_outgoing", "email", "one@example.com")
	if err := r.submit("one@example.com", "12345luggage", "one@example.com", "after@elsewhere.example"); err != nil {
		t.Error(err)
	}
	r.until("the message after the one that is held has not gone out", func() bool { return r.sink.find("after@", "") != "" })
	if r.sink.find("held@", "") != "" {
		t.Error("a message that is to be held has gone out")
	}
	// Nobody sends for others without signing in, nor as a neighbour.
	r.tool(nil, "whmapi1", "suspendacct", "user=demo")
	if r.opens("two@example.com", "12345luggage") {
		t.Error("a mailbox of a suspended account opens")
	}
	if err := r.send(ann, letter("suspended", "x\r\n"), "two@example.com"); code(err) != 550 {
		t.Errorf("mail for a suspended account: %v", err)
	}
	r.tool(nil, "whmapi1", "unsuspendacct", "user=demo")
	r.tool(nil, "whmapi1", "modifyacct", "user=demo", "newuser=moved")
	if err := r.send(ann, letter("moved", "x\r\n"), "two@example.com"); err != nil {
		t.Error(err)
	}
	r.arrives("two@example.com", "12345luggage", "INBOX", "Subject: moved")
	r.tool(nil, "whmapi1", "removeacct", "user=moved")
	if r.opens("two@example.com", "12345luggage") {
		t.Error("a mailbox of a removed account opens")
	}
}
