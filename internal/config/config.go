// Package config is how a server is set up: one struct, described by its own
// tags, read from a file and from the environment. Start at [Load].
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// DefaultPath is where a server's configuration is looked for.
const DefaultPath = "/etc/latchkey/latchkey.toml"

// Config is everything that can be set. Each field is also read from the
// environment, under LATCHKEY_ and its name in capitals. Fields work at zero or
// have a default.
type Config struct {
	Data        string `toml:"data" default:"/var/lib/latchkey" doc:"Where the server keeps its state: database, keys, certificates."`
	Homes       string `toml:"homes" doc:"Where the accounts' homes are. Empty: homes in the data directory."`
	Socket      string `toml:"socket" doc:"The local socket of uapi, cpapi2 and whmapi1. Empty: latchkey.sock in the data directory."`
	Hostname    string `toml:"hostname" doc:"The server's own name. Empty: what the system says."`
	IP          string `toml:"ip" default:"127.0.0.1" doc:"The address that accounts are told is theirs."`
	NameServers string `toml:"nameservers" doc:"The name servers of new zones, up to four: ns1.example.net, ns2.example.net. Empty: ns1 and ns2 below the server's own name. A reseller may have others for its accounts."`

	Account      string `toml:"account" default:":2083" doc:"Listener of the accounts' API, with TLS. off: none."`
	AccountPlain string `toml:"account_plain" default:":2082" doc:"The same without TLS. Credentials are refused there except from this machine."`
	Host         string `toml:"host" default:":2087" doc:"Listener of the administrator's API, with TLS."`
	HostPlain    string `toml:"host_plain" default:":2086" doc:"The same without TLS."`
	Webmail      string `toml:"webmail" default:":2096" doc:"Listener of the mailboxes' API, with TLS."`
	WebmailPlain string `toml:"webmail_plain" default:":2095" doc:"The same without TLS."`
	Services     string `toml:"services" default:"off" doc:"Listener of the names cpanel., whm. and webmail. of all hosts, with TLS: :443. The accounts' sites cannot be at the same address: sites_tls = auto then listens nowhere, with two addresses each can have port 443."`
	Milter       string `toml:"milter" doc:"A socket, as a path, where the mail server asks for the DKIM signatures of what the owners of mailboxes send: smtpd_milters of Postfix. Whoever may speak there can have anything signed. Empty: milter.sock in mail_dir where Dovecot and Postfix deliver, and none elsewhere."`
	LMTP         string `toml:"lmtp" default:"127.0.0.1:2424" doc:"Listener that takes mail from the mail server (LMTP)."`

	TrustedProxies string `toml:"trusted_proxies" doc:"Addresses and ranges of proxies in front of the server: 192.0.2.8, 2001:db8::/64. What they say in X-Forwarded-For and X-Forwarded-Proto is believed, and nobody else's word."`

	DNSDriver       string `toml:"dns_driver" default:"auto" doc:"What answers for the zones. embedded: the server itself. bind: BIND 9, which the server writes files for and talks to with rndc. nsd: NSD, in the same way with nsd-control. auto: BIND if bind_zones is set and BIND listens, else the server itself. off: nobody."`
	BINDZones       string `toml:"bind_zones" doc:"Directory of the zone files that BIND reads; BIND must be allowed to, and for DNSSEC to write there."`
	BINDAddress     string `toml:"bind_address" default:"127.0.0.1:53" doc:"Where BIND is asked whether it answers with a change."`
	BINDRndc        string `toml:"bind_rndc" default:"rndc" doc:"The command that talks to BIND, with what it takes to reach it. Without -k or -c it takes the key in rndc.key in the data directory, which is made there."`
	NSDZones        string `toml:"nsd_zones" doc:"Directory of the zone files that NSD reads: NSD must have a pattern called latchkey, with the zonefile %s.db there."`
	NSDAddress      string `toml:"nsd_address" default:"127.0.0.1:53" doc:"Where NSD is asked whether it answers with a change."`
	NSDControl      string `toml:"nsd_control" default:"nsd-control" doc:"The command that talks to NSD, with what it takes to reach it."`
	DNS             string `toml:"dns" default:"auto" doc:"Listener of the name server (UDP and TCP). auto: port 53 if it is free and may be used, else none. off: there is no name server."`
	DNSSecondaries  string `toml:"dns_secondaries" doc:"Addresses of secondary name servers, which may transfer zones and are told of changes: 192.0.2.53, [2001:db8::53]:5353."`
	DNSKey          string `toml:"dns_key" doc:"File with the key that transfers are signed with, as tsig-keygen writes it. Empty: they are not signed."`
	DNSRate         int    `toml:"dns_rate" default:"200" doc:"How many answers of a kind a network gets a second over UDP. 0: as many as it asks for."`
	ZoneTemplates   string `toml:"zone_templates" doc:"Directory of the templates that new zones are made of, one a file. The file standard is the one for new accounts and domains, and for zones that are reset; others are named in adddns. A file may be changed at any time, and is taken if it makes a zone. Empty: there is the built-in one."`
	ZonesPerAccount int    `toml:"zones_per_account" default:"500" doc:"How many DNS zones an account may have. The administrator may give it more, and 0 is no limit."`
	ZoneKilobytes   int    `toml:"zone_kilobytes" default:"2048" doc:"How large an account may let a DNS zone grow, in KB of text: 2048 is some 40,000 records. The administrator may let it grow to 32 MB, and 0 lets everybody."`

	Webserver string `toml:"webserver" default:"auto" doc:"What serves the accounts' sites. embedded: this server. nginx: nginx, which the server writes files for. off: nothing. auto: nginx if nginx_sites is set and nginx takes the files, else embedded."`
	Sites     string `toml:"sites" default:"auto" doc:"Listener of the accounts' sites, without TLS. auto: port 80 if it is free and may be used, else none."`
	SitesTLS  string `toml:"sites_tls" default:"auto" doc:"The same with TLS. auto: port 443."`

	NginxSites   string `toml:"nginx_sites" doc:"Directory of the files that nginx includes: 'include DIR/*.conf;' within http. Nobody else may read it: it holds private keys. nginx must be able to read the accounts' document roots, and listens where sites and sites_tls say."`
	NginxCommand string `toml:"nginx_command" default:"nginx" doc:"The program nginx, with what it takes to reach the one that runs: nginx -c /etc/nginx/nginx.conf."`
	NginxBack    string `toml:"nginx_back" default:"127.0.0.1:8079" doc:"Listener of this server that nginx fetches proofs for certificate authorities from."`

	AutoSSL          string `toml:"autossl" default:"off" doc:"How the server gets certificates for the accounts' sites by itself (ACME). http-01: it proves a name by its web server, which the authority must reach on port 80. dns-01: by its name server, for names in zones that it answers for, else as http-01. wildcard: the same, with one certificate for a domain and all names below it. off: it gets none."`
	AutoSSLDirectory string `toml:"autossl_directory" doc:"The directory of the certificate authority: https://acme-v02.api.letsencrypt.org/directory."`
	AutoSSLCA        string `toml:"autossl_ca" doc:"File with what the authority's own address is trusted by (PEM). Empty: what the system trusts."`
	AutoSSLEmail     string `toml:"autossl_email" doc:"Where the authority may write to. Empty: nowhere."`
	AutoSSLOwn       int    `toml:"autossl_own" default:"0" doc:"1: the certificate of the server's own name comes the same way, and is shown by its doors without a new start. The names of services come with it if they are listened for."`
	AutoSSLAgreeTOS  int    `toml:"autossl_agree_tos" default:"0" doc:"1: you agree to the authority's terms of service."`

	MailDriver    string `toml:"mail_driver" default:"embedded" doc:"What delivers to the mailboxes and lets people at them. embedded: the server takes mail by LMTP and stores it. dovecot+postfix: Dovecot and Postfix, which latchkey mail setup sets up. auto: these, if they are set up and a message that is sent through both arrives."`
	MailDir       string `toml:"mail_dir" default:"/var/lib/latchkey-mail" doc:"Directory of what Dovecot and Postfix must know. latchkey mail setup makes it."`
	MailSMTP      string `toml:"mail_smtp" default:"127.0.0.1:25" doc:"Where Postfix takes mail from this machine."`
	MailIMAP      string `toml:"mail_imap" default:"127.0.0.1:143" doc:"Where Dovecot can be asked whether it lets somebody in."`
	DovecotConfig string `toml:"dovecot_config" default:"/etc/dovecot/dovecot.conf" doc:"Dovecot's configuration, which latchkey mail setup writes."`
	PostfixConfig string `toml:"postfix_config" default:"/etc/postfix" doc:"The directory of Postfix's configuration, in which latchkey mail setup changes settings."`

	Certificate string `toml:"certificate" doc:"File with the TLS certificate chain (PEM). Empty: one is made, signed by a local authority."`
	Key         string `toml:"key" doc:"File with the certificate's private key (PEM)."`

	AuditKeepDays int    `toml:"audit_keep_days" default:"0" doc:"How many days the audit trail is kept; what is older is cut off once a day. 0: for ever."`
	AuditFolder   string `toml:"audit_folder" doc:"Folder that what is cut off the audit trail is written to before, as an export. Empty: nowhere."`
	AuditSyslog   string `toml:"audit_syslog" doc:"Where the newest link of the audit trail is told each second, beside the file audit.head: unix:/dev/log, udp:HOST:514 or tcp:HOST:601 (RFC 5424)."`

	NoticesSendmail     string `toml:"notices_sendmail" doc:"The program that takes the mails to owners about their API tokens, called as sendmail is: /usr/sbin/sendmail. Without it and notices_smtp the Postfix that serves the mailboxes takes them, and without that nobody is told of anything. It also takes the mail that accounts forward to other servers, and what their autoresponders answer, where this program delivers."`
	NoticesSMTP         string `toml:"notices_smtp" doc:"The mail server that takes them instead, host:port."`
	NoticesTLS          string `toml:"notices_tls" default:"auto" doc:"How the connection to it is kept from others. auto: by STARTTLS, unless it is on this machine. starttls, tls (from the first byte on), off."`
	NoticesUser         string `toml:"notices_user" doc:"Who signs in there. Empty: nobody."`
	NoticesPasswordFile string `toml:"notices_password_file" doc:"File with the password, which nobody else may read."`
	NoticesFrom         string `toml:"notices_from" doc:"The sender's address. Empty: latchkey at the server's name."`

	MailFolder string `toml:"mail_folder" doc:"Folder that mail is written to which would leave the server, a file each, to try things out: what is forwarded to other servers, and what autoresponders answer. Empty: it is sent as notices are."`

	TokensPerAccount    int    `toml:"tokens_per_account" default:"1000" doc:"How many API tokens an account may have. 0: any number."`
	MinPasswordStrength int    `toml:"min_password_strength" default:"0" doc:"What new passwords must reach, 0 to 100."`
	LogLevel            string `toml:"log_level" default:"info" doc:"debug, info, warn or error."`
	LogFormat           string `toml:"log_format" default:"text" doc:"text or json."`
}

// Load reads the file path, if there is one, and then the environment. A key
// that is not known is an error: it is most likely a mistyped one.
func Load(path string, env func(string) (string, bool)) (Config, error) {
	c, err := defaults()
	if err != nil {
		return c, err
	}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&c); err != nil {
		return c, fmt.Errorf("%s: %w", path, explain(err))
	}
	return c, c.fromEnvironment(env)
}

func explain(err error) error {
	if strict, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		return fmt.Errorf("there is no such setting:\n%s", strict.String())
	}
	return err
}

func defaults() (c Config, err error) {
	return c, c.each(func(f reflect.StructField, v reflect.Value) error { return set(v, f.Tag.Get("default")) })
}

func (c *Config) fromEnvironment(env func(string) (string, bool)) error {
	return c.each(func(f reflect.StructField, v reflect.Value) error {
		name := EnvName(f.Tag.Get("toml"))
		text, ok := env(name)
		if !ok {
			return nil
		}
		if err := set(v, text); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
}

// EnvName is the environment variable of a setting.
func EnvName(setting string) string { return "LATCHKEY_" + strings.ToUpper(setting) }

func (c *Config) each(fn func(reflect.StructField, reflect.Value) error) error {
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		if err := fn(v.Type().Field(i), v.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

func set(v reflect.Value, text string) error {
	if v.Kind() == reflect.String {
		v.SetString(text)
		return nil
	}
	if text == "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("%q is not a whole number", text)
	}
	v.SetInt(n)
	return nil
}

// Example is an annotated configuration file with every setting at its default.
func Example() string {
	var b strings.Builder
	b.WriteString("# Configuration of Latchkey. Every setting can also be given in the environment.\n")
	c, _ := defaults()
	_ = c.each(func(f reflect.StructField, v reflect.Value) error {
		name := f.Tag.Get("toml")
		fmt.Fprintf(&b, "\n# %s (%s)\n", f.Tag.Get("doc"), EnvName(name))
		if v.Kind() == reflect.String {
			fmt.Fprintf(&b, "# %s = %q\n", name, v.String())
		} else {
			fmt.Fprintf(&b, "# %s = %d\n", name, v.Int())
		}
		return nil
	})
	return b.String()
}
