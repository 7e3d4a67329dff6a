package dovecot

import (
	"bytes"
	"crypto/tls"
	"strings"
	"syscall"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/miekg/dns"
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

// TestSendTLS: mail is sent by TLS from the first byte on, and by a connection that was
// there when the password changed or the login was suspended none is any more.
func TestSendTLS(t *testing.T) {
	r := newRig(t)
	r.install()
	r.startMail()
	r.startServer()
	r.account("demo", "example.com")
	for _, local := range []string{"one", "two"} {
		r.done("Email/add_pop", "email", local, "password", "12345luggage")
	}
	signIn := func(user, password string) *smtp.Client {
		t.Helper()
		c, err := smtp.DialTLS(r.smtps, &tls.Config{InsecureSkipVerify: true})
		r.must(err)
		t.Cleanup(func() { c.Close() })
		r.must(c.Auth(sasl.NewPlainClient("", user, password)))
		return c
	}
	say := func(c *smtp.Client, from string) int {
		return code(deliver(c, from, letter("from-"+from, "x\r\n"), []string{ann}))
	}
	one, two := signIn("one@example.com", "12345luggage"), signIn("two@example.com", "12345luggage")
	for who, c := range map[string]*smtp.Client{"one@example.com": one, "two@example.com": two} {
		if got := say(c, who); got != 0 {
			t.Errorf("%s by TLS: %d", who, got)
		}
		r.until("what was sent has not gone out", func() bool { return r.sink.find(ann, "from-"+who) != "" })
	}
	r.done("Email/passwd_pop", "email", "one@example.com", "password", "67890luggage")
	if got := say(one, "one@example.com"); got != 421 {
		t.Errorf("after a change of the password: %d", got)
	}
	if got := say(two, "two@example.com"); got != 0 {
		t.Errorf("a neighbour after that: %d", got)
	}
	if got := say(signIn("one@example.com", "67890luggage"), "one@example.com"); got != 0 {
		t.Errorf("with the new password: %d", got)
	}
	r.done("Email/suspend_login", "email", "two@example.com")
	if got := say(two, "two@example.com"); got != 421 && got != 554 {
		t.Errorf("with the login suspended: %d", got)
	}
	r.done("Email/unsuspend_login", "email", "two@example.com")
	if got := say(signIn("two@example.com", "12345luggage"), "two@example.com"); got != 0 {
		t.Errorf("let in again: %d", got)
	}
}

// TestSend: who has a mailbox sends by signing in, as somebody of their own account
// or of elsewhere, and not if that is suspended.
func TestSend(t *testing.T) {
	r := newRig(t)
	r.dns = "127.0.0.1:0"
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
	if err := r.submit("two@example.com", "12345luggage", "two@example.com", "after@elsewhere.example"); err != nil {
		t.Error(err)
	}
	r.until("the message after the one that is held has not gone out", func() bool { return r.sink.find("after@", "") != "" })
	if r.sink.find("held@", "") != "" {
		t.Error("a message that is to be held has gone out")
	}
	// It is not lost with the server, and goes when it is let go.
	r.server.end(syscall.SIGKILL)
	r.startServer()
	r.done("Email/release_outgoing", "email", "one@example.com")
	r.until("the message that was held has not gone out", func() bool { return r.sink.find("held@", "from-one@example.com") != "" })
	if got := r.sink.find("held@", ""); !strings.HasPrefix(got, "one@example.com > held@elsewhere.example \n") {
		t.Errorf("what was held has gone out as\n%s", got)
	}
	r.signed()
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

// signed looks that what the owner of a mailbox sends, at once and after it was held,
// is signed by a key that stands in our zone, and that the doctor knows.
func (r *rig) signed() {
	r.t.Helper()
	r.done("EmailAuth/enable_dkim", "domain", "example.com")
	lookup := func(name string) (list []string, err error) {
		said, _, err := (&dns.Client{Net: "tcp"}).Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeTXT), r.ports.DNS)
		if err != nil {
			return nil, err
		}
		for _, rr := range said.Answer {
			list = append(list, strings.Join(rr.(*dns.TXT).Txt, ""))
		}
		return list, nil
	}
	genuine := func(to string) {
		r.t.Helper()
		var message string
		r.until("no message to "+to, func() bool { message = r.sink.find(to, ""); return message != "" })
		_, raw, _ := strings.Cut(message, "\n")
		found, err := dkim.VerifyWithOptions(bytes.NewReader([]byte(raw)), &dkim.VerifyOptions{LookupTXT: lookup})
		if err != nil || len(found) != 1 || found[0].Err != nil || found[0].Domain != "example.com" {
			r.t.Errorf("the message to %s has %d signatures, %+v, %v:\n%s", to, len(found), found, err, raw)
		}
	}
	send := func(to string) {
		r.t.Helper()
		c, err := smtp.Dial(r.submission)
		r.must(err)
		defer c.Close()
		r.must(c.Auth(sasl.NewPlainClient("", "two@example.com", "12345luggage")))
		r.must(deliver(c, "two@example.com", strings.Replace(letter("signed", "x\r\n"), "ann@elsewhere.example", "two@example.com", 1), []string{to}))
	}
	send("signed@elsewhere.example")
	genuine("signed@")
	r.done("Email/hold_outgoing", "email", "two@example.com")
	send("later@elsewhere.example")
	r.done("Email/release_outgoing", "email", "two@example.com")
	genuine("later@")
	if said := r.tool(nil, "doctor", "--config", r.path("none.toml")); !strings.Contains(said, "is signed if their domain publishes a key") {
		r.t.Errorf("the doctor says:\n%s", said)
	}
}
