package cli

import (
	"bytes"
	"cmp"
	"fmt"
	"net/mail"
	"os"

	"github.com/latchkey/latchkey/internal/config"
	"github.com/latchkey/latchkey/internal/driver/mailout"
	"github.com/latchkey/latchkey/internal/estate"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/notice"
)

// notices are how owners are told by mail, as c has it: by the mail server that serves
// the mailboxes, where nothing else is set. Without one nobody is told.
func notices(c config.Config) (n estate.Notices, err error) {
	if c.NoticesSendmail == "" && c.NoticesSMTP == "" && c.MailDriver == dovecotPostfix {
		c.NoticesSMTP = c.MailSMTP
	}
	if c.NoticesSendmail == "" && c.NoticesSMTP == "" {
		return n, nil
	}
	if c.NoticesSendmail != "" && c.NoticesSMTP != "" {
		return n, fmt.Errorf("notices_sendmail and notices_smtp are both set: mail goes one way, leave one of them empty")
	}
	sender := cmp.Or(c.NoticesFrom, "latchkey@"+hostname(c))
	if sender, err = notice.Address(sender); err != nil {
		return n, fmt.Errorf("notices_from is %q: %w", cmp.Or(c.NoticesFrom, "latchkey@"+hostname(c)), err)
	}
	n.From = mail.Address{Name: "Latchkey", Address: sender}
	if c.NoticesSendmail != "" {
		n.Mailer = mailout.Sendmail{Path: c.NoticesSendmail}
		return n, nil
	}
	s := &mailout.SMTP{Address: c.NoticesSMTP, Security: mailout.Security(cmp.Or(c.NoticesTLS, "auto")), User: c.NoticesUser, Hello: hostname(c)}
	if s.Password, err = passwordIn(c); err != nil {
		return n, fmt.Errorf("notices_password_file: %w", err)
	}
	if err := s.Check(); err != nil {
		return n, fmt.Errorf("notices_smtp: %w", err)
	}
	n.Mailer = s
	return n, nil
}

// mailOut is what takes the mail that leaves the server: the folder that is set for
// it, or what takes the notices; nil where there is neither.
func mailOut(c config.Config, n estate.Notices) (estate.Mailer, error) {
	if c.MailFolder == "" {
		if s, ok := n.Mailer.(*mailout.SMTP); ok {
			passing := *s
			passing.Passing = true
			return &passing, nil
		}
		return n.Mailer, nil
	}
	return mailout.Folder{Dir: c.MailFolder}, os.MkdirAll(c.MailFolder, 0o700)
}

// passwordIn is the password of who signs in at the mail server. A file that
// others may read is refused.
func passwordIn(c config.Config) (latchkey.Secret, error) {
	if c.NoticesUser == "" {
		return latchkey.Secret{}, nil
	}
	st, err := os.Stat(c.NoticesPasswordFile)
	if err != nil {
		return latchkey.Secret{}, err
	}
	if mode := st.Mode().Perm(); mode&0o077 != 0 {
		return latchkey.Secret{}, fmt.Errorf("%s may be read by others (mode %04o): make it private with chmod 600", c.NoticesPasswordFile, mode)
	}
	text, err := os.ReadFile(c.NoticesPasswordFile)
	return latchkey.NewSecret(string(bytes.TrimRight(text, "\r\n"))), err
}
