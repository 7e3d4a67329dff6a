package notice

import (
	"fmt"
	"net/mail"
	"time"
)

// Settings are what somebody is told who is to set a mail program up. They hold no
// secret.
type Settings struct {
	Server     string // its name
	Account    string
	Mailbox    string
	Host       string
	IMAP, SMTP int
}

// Message is the mail that tells s, as [Notice.Message] is that of a notice.
func (s *Settings) Message(from mail.Address, to, id string, now time.Time) (*Message, error) {
	t := *s
	for _, text := range []*string{&t.Server, &t.Account, &t.Mailbox, &t.Host} {
		*text = oneLine(*text, 320)
	}
	return compose(from, to, id, now, fmt.Sprintf("[%s] How to open the mailbox %s", t.Server, t.Mailbox), t.text())
}

// smtps is the port at which mail is sent with TLS from the first byte on.
const smtps = 465

func (s *Settings) text() string {
	security := "STARTTLS"
	if s.SMTP == smtps {
		security = "TLS"
	}
	return fmt.Sprintf(`This is what a mail program has to know to open the mailbox %[1]s.

Name to sign in with:  %[1]s
Password:              that of the mailbox; it is not in this mail
Incoming mail (IMAP):  %[2]s, port %[3]d, TLS
Outgoing mail (SMTP):  %[2]s, port %[4]d, %[7]s, with the same name and password

-- 
%[5]s sends this because the account %[6]s asked it to.
`, s.Mailbox, s.Host, s.IMAP, s.SMTP, s.Server, s.Account, security)
}
