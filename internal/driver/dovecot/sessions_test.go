package dovecot

import "testing"

func TestSessionOf(t *testing.T) {
	for title, want := range map[string]string{
		"dovecot/imap [ann@example.com 192.0.2.1 IDLE]": "ann@example.com", "dovecot/pop3 [ann@example.com 192.0.2.1]": "ann@example.com",
		"dovecot/imap [ann@example.com]": "ann@example.com", "dovecot/imap": "", "dovecot/imap []": "", "dovecot/imap [": "", "dovecot/imap [2 connections]": "2",
		"dovecot/lmtp [ann@example.com x]": "", "dovecot/auth [1 wait, 0 passdb, 0 userdb]": "", "": "", "[": "",
	} {
		if got := sessionOf(title); got != want {
			t.Errorf("sessionOf(%q) = %q, want %q", title, got, want)
		}
	}
}
