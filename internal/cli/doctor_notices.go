package cli

import (
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchkey/latchkey/internal/wire"
)

// proxies whose word is taken must be written so that the server starts.
func (d *doctor) proxies() []finding {
	list, err := wire.ParseProxies(d.config.TrustedProxies)
	switch {
	case err != nil:
		return []finding{trouble("mend trusted_proxies", "%v", err)}
	case len(list) == 0:
		return []finding{fine("no header is believed about where a request comes from")}
	}
	return []finding{fine("what these say in X-Forwarded-For is believed: %s", d.config.TrustedProxies)}
}

// notices are sent if somebody takes them.
func (d *doctor) notices() []finding {
	c := d.config
	if c.NoticesSendmail == "" && c.NoticesSMTP == "" && c.MailDriver == dovecotPostfix {
		c.NoticesSMTP = c.MailSMTP
	}
	if c.NoticesSendmail == "" && c.NoticesSMTP == "" {
		return []finding{remark("set notices_sendmail or notices_smtp, if they are to be", "owners are not told by mail about their API tokens")}
	}
	n, err := notices(c)
	if err != nil {
		return []finding{trouble("mend the settings that begin with notices_: the server does not start with these", "%v", err)}
	}
	if c.NoticesSendmail != "" {
		if err := unix.Access(c.NoticesSendmail, unix.X_OK); err != nil {
			return []finding{trouble("install a mail server, or set notices_smtp", "%s cannot be run: %v", c.NoticesSendmail, err)}
		}
		return []finding{fine("%s takes mail to owners, from %s", c.NoticesSendmail, n.From.Address)}
	}
	conn, err := net.DialTimeout("tcp", c.NoticesSMTP, 3*time.Second)
	if err != nil {
		return []finding{trouble("start the mail server, or correct notices_smtp", "%s does not answer: %v", c.NoticesSMTP, err)}
	}
	conn.Close()
	return []finding{fine("%s answers and is to take mail to owners, from %s", c.NoticesSMTP, n.From.Address)}
}
