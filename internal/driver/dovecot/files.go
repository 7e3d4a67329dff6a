package dovecot

import (
	"bytes"
	"embed"
	"fmt"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed templates
var texts embed.FS

var templates = template.Must(template.ParseFS(texts, "templates/*"))

// userChars are the characters that the name of a mailbox may have, with the @.
const userChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+=&'@"

// values are what the templates are filled with.
type values struct {
	Version, Hostname, Dir, Database, SQL, Queue string
	PostfixUser, Group, SMTP, UserChars          string
	UID                                          int
	POP3                                         bool
}

// dialect is the language of Dovecot's configuration: that of 2.3 or that of 2.4.
func dialect(version string) (string, error) {
	for _, d := range []string{"2.3", "2.4"} {
		if strings.HasPrefix(version, d+".") {
			return d, nil
		}
	}
	return "", fmt.Errorf("there is no configuration here for Dovecot %s, which is neither 2.3 nor 2.4", version)
}

// dovecotFiles are the configuration of Dovecot, by path.
func dovecotFiles(conf string, v values) (map[string][]byte, error) {
	d, err := dialect(v.Version)
	if err != nil {
		return nil, err
	}
	v.SQL, v.UserChars = filepath.Join(filepath.Dir(conf), "latchkey-sql.conf.ext"), userChars
	files := make(map[string][]byte)
	if files[conf], err = fill("dovecot-"+d+".conf", v); err == nil && d == "2.3" {
		files[v.SQL], err = fill("dovecot-sql-2.3.conf", v)
	}
	return files, err
}

func fill(name string, v values) ([]byte, error) {
	var b bytes.Buffer
	err := templates.ExecuteTemplate(&b, name, v)
	return b.Bytes(), err
}

// postfixQueries are the look-ups of Postfix, by the name of their file. An address
// that has a mailbox is among its own aliases: else mail for it would be taken for
// mail that is nobody's, which an alias of the domain takes.
var postfixQueries = map[string]string{
	"domains":    `SELECT name FROM domain WHERE name = '%s'`,
	"mailboxes":  `SELECT address FROM mailbox WHERE address = '%s'`,
	"aliases":    `SELECT target FROM alias WHERE address = '%s' UNION SELECT address FROM mailbox WHERE address = '%s' AND outdone = 0`,
	"recipients": `SELECT action FROM recipient WHERE address = '%s' ORDER BY rank LIMIT 1`,
	"senders": `SELECT CASE WHEN mailbox.address IS NULL OR login = 0 THEN 'REJECT this mailbox is not to be used' WHEN outgoing = 1 THEN 'HOLD' ELSE 'REJECT outgoing mail of this mailbox is suspended' END ` +
		`FROM domain LEFT JOIN mailbox ON mailbox.address = '%s' WHERE domain.name = '%d' AND (mailbox.address IS NULL OR login = 0 OR outgoing <> 0)`,
	"owners": `SELECT coalesce(mailbox.address, 'nobody') FROM domain LEFT JOIN mailbox ON mailbox.account = domain.account WHERE domain.name = '%d'`,
}

// postfixFiles are the files of the look-ups, by path.
func postfixFiles(dir, database string) map[string][]byte {
	files := make(map[string][]byte)
	for name, query := range postfixQueries {
		files[filepath.Join(dir, "latchkey", name+".cf")] = fmt.Appendf(nil, "# Written by “latchkey mail setup”.\ndbpath = %s\nquery = %s\n", database, query)
	}
	return files
}

// postfixSettings are the settings of main.cf, as postconf takes them. The look-ups
// go through proxymap: it is not confined to a directory that has no database.
// proxied are the look-ups that proxymap does already.
func postfixSettings(dir, proxied, milter string) []string {
	lookup := func(name string) string { return "proxy:sqlite:" + filepath.Join(dir, "latchkey", name+".cf") }
	return []string{
		"virtual_mailbox_domains=" + lookup("domains"),
		"virtual_mailbox_maps=" + lookup("mailboxes"),
		"virtual_alias_maps=" + lookup("aliases"),
		"virtual_alias_domains=",
		"virtual_transport=lmtp:unix:private/latchkey-lmtp",
		"transport_maps=inline:{ {" + strings.SplitN(Blackhole, "@", 2)[1] + "=discard:} }",
		"recipient_delimiter=",
		"message_size_limit=52428800",
		"smtpd_sasl_type=dovecot",
		"smtpd_sasl_path=private/latchkey-auth",
		"smtpd_relay_restrictions=permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination",
		"smtpd_sender_login_maps=" + lookup("owners"),
		"latchkey_sender_restrictions=check_sasl_access " + lookup("senders") + ", reject_known_sender_login_mismatch",
		"smtpd_recipient_restrictions=check_recipient_access " + lookup("recipients") + ", reject_unlisted_recipient, check_policy_service { unix:private/latchkey-quota, default_action=DUNNO, timeout=10s }",
		strings.TrimPrefix(milters, "$") + "=unix:" + milter,
		"proxy_read_maps=" + strings.TrimSuffix(proxied, senderRestrictions) + senderRestrictions,
	}
}

// senderRestrictions are what who signs in to send must keep to: nobody sends who
// may not, nor as somebody of another account here.
const senderRestrictions = " $latchkey_sender_restrictions"

// milters are the mail filters of what people sign in to send. The process is not
// confined to a directory that has no socket.
const milters = "$latchkey_milters"

// smtps are the names that an entry of master.cf for port 465 may have, ours first.
var smtps = []string{"submissions", "smtps", "ssmtp", "urd", "465"}

// postfixServices are entries of master.cf, as postconf takes them with -M: for who
// signs in to send, at port 587 with STARTTLS, and at 465, whose entry has a name, with
// TLS from the first byte on.
func postfixServices(name string) []string {
	const entry = "%[1]s/inet=%[1]s inet n - n - - smtpd -o syslog_name=postfix/%[2]s -o %[3]s -o smtpd_sasl_auth_enable=yes" +
		" -o smtpd_sender_restrictions=$latchkey_sender_restrictions -o smtpd_relay_restrictions=permit_sasl_authenticated,reject -o smtpd_milters=" + milters + " -o milter_default_action=accept"
	return []string{
		fmt.Sprintf(entry, "submission", "submission", "smtpd_tls_security_level=encrypt"),
		fmt.Sprintf(entry, name, "submissions", "smtpd_tls_wrappermode=yes"),
	}
}
