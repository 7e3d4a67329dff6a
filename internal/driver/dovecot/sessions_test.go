package dovecot

import (
	"fmt"
	"testing"
)

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

// TestSignedOut: who is out is so from then on, and nobody else; of more than can be told
// apart all are.
func TestSignedOut(t *testing.T) {
	p := new(Part)
	before := p.Mark()
	p.out.add(map[string]bool{"ann@example.com": true})
	after := p.Mark()
	for what, got := range map[string][2]bool{
		"before":      {p.SignedOut("ann@example.com", before), true},
		"after":       {p.SignedOut("ann@example.com", after), false},
		"a neighbour": {p.SignedOut("bob@example.com", before), false},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %v, want %v", what, got[0], got[1])
		}
	}
	for i := range mostSignedOut {
		p.out.add(map[string]bool{fmt.Sprint(i): true})
	}
	if !p.SignedOut("ann@example.com", before) || !p.SignedOut("bob@example.com", after) || p.SignedOut("bob@example.com", p.Mark()) {
		t.Error("of many it is forgotten who is out")
	}
	if len(p.out.last) > mostSignedOut {
		t.Errorf("%d are remembered", len(p.out.last))
	}
}
