package dovecot

import (
	"strings"
	"testing"
)

// TestRules: forwarders, default addresses, autoresponders and filters do what they
// say, seen where the mail arrives.
func TestRules(t *testing.T) {
	r := newRig(t)
	r.install()
	r.startMail()
	r.startServer()
	r.account("demo", "example.com")
	const password = "12345luggage"
	for _, local := range []string{"ann", "bob", "copy", "all", "away", "sorted"} {
		r.done("Email/add_pop", "email", local, "password", password)
	}
	forward := func(from, to string) {
		t.Helper()
		r.done("Email/add_forwarder", "domain", "example.com", "email", from, "fwdopt", "fwd", "fwdemail", to)
	}
	sent := func(word, to string) {
		t.Helper()
		if err := r.send(ann, strings.Replace(letter(word, word+" text\r\n"), "somebody@example.com", to, 1), to); err != nil {
			t.Errorf("%s to %s: %v", word, to, err)
		}
	}
	comes := func(word, local, folder string) {
		t.Helper()
		r.arrives(local+"@example.com", password, folder, "Subject: "+word)
	}

	// A forwarder to a mailbox, and one to elsewhere.
	if err := r.send(ann, letter("none", "x\r\n"), "info@example.com"); code(err) != 550 {
		t.Errorf("an address that is nobody's: %v", err)
	}
	forward("info", "bob@example.com")
	forward("info", "friend@elsewhere.example")
	sent("forwarded", "info@example.com")
	comes("forwarded", "bob", "INBOX")
	r.until("nothing was forwarded to elsewhere", func() bool { return r.sink.find("friend@", "Subject: forwarded") != "" })
	// One of a mailbox: it keeps a copy.
	forward("copy", "bob@example.com")
	sent("kept", "copy@example.com")
	comes("kept", "copy", "INBOX")
	comes("kept", "bob", "INBOX")
	// What is nobody's goes to one mailbox, and takes nothing from the others.
	r.done("Email/set_default_address", "domain", "example.com", "fwdopt", "fwd", "fwdemail", "all@example.com")
	sent("stray", "whoever@example.com")
	sent("own", "ann@example.com")
	sent("copied", "copy@example.com")
	comes("stray", "all", "INBOX")
	comes("own", "ann", "INBOX")
	comes("copied", "copy", "INBOX")
	c := r.login("all@example.com", password)
	if got := letters(t, c, "INBOX"); len(got) != 1 {
		t.Errorf("the default address has %d messages", len(got))
	}
	c.Close()
	r.done("Email/set_default_address", "domain", "example.com", "fwdopt", "fail", "failmsgs", "Ask the desk")
	if err := r.send(ann, letter("none", "x\r\n"), "whoever@example.com"); code(err) != 550 || !strings.Contains(err.Error(), "Ask the desk") {
		t.Errorf("what is nobody's, and refused: %v", err)
	}
	sent("still", "ann@example.com")
	comes("still", "ann", "INBOX")
	r.done("Email/add_forwarder", "domain", "example.com", "email", "void", "fwdopt", "blackhole")
	sent("lost", "void@example.com")
	r.done("Email/delete_forwarder", "address", "info@example.com", "forwarder", "bob@example.com")
	sent("half", "info@example.com")
	r.until("one forwarder of two was removed, and the other does nothing", func() bool { return r.sink.find("friend@", "Subject: half") != "" })

	// An autoresponder of a mailbox, and one of an address that has none.
	for local, subject := range map[string]string{"away": "I am away", "desk": "The desk is closed"} {
		r.done("Email/add_auto_responder", "domain", "example.com", "email", local, "from", "The Desk", "subject", subject, "body", "Back on Monday, %from%.", "interval", "8", "is_html", "0", "start", "0", "stop", "0")
		sent("question-"+local, local+"@example.com")
		r.until("nothing answers from "+local, func() bool { return r.sink.find(ann, subject) != "" })
		if m := r.sink.find(ann, subject); !strings.Contains(m, local+"@example.com") || !strings.HasPrefix(m, " > ") {
			t.Errorf("the answer is\n%s", m)
		}
	}
	comes("question-away", "away", "INBOX")

	// A filter into a folder, one of the account, and one that refuses.
	r.done("Email/store_filter", "account", "sorted@example.com", "filtername", "news", "match_type", "any",
		"part1", "$header_subject:", "match1", "contains", "val1", "[news]", "action1", "save", "dest1", "/News")
	r.done("Email/store_filter", "filtername", "junk", "match_type", "any",
		"part1", "$header_subject:", "match1", "contains", "val1", "pills", "action1", "save", "dest1", "/dev/null")
	sent("[news]-today", "sorted@example.com")
	sent("pills", "sorted@example.com")
	sent("plain", "sorted@example.com")
	comes("[news]-today", "sorted", "News")
	comes("plain", "sorted", "INBOX")
	c = r.login("sorted@example.com", password)
	defer c.Close()
	if got := letters(t, c, "INBOX"); len(got) != 1 {
		t.Errorf("of three messages, one filed and one thrown away, the inbox has %d", len(got))
	}
	r.done("Email/delete_filter", "account", "sorted@example.com", "filtername", "news")
	sent("[news]-tomorrow", "sorted@example.com")
	comes("[news]-tomorrow", "sorted", "INBOX")
	if r.sink.find("", "Subject: lost") != "" {
		t.Error("what was to be thrown away has gone out")
	}
}
