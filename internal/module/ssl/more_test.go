package ssl

import (
	"regexp"
	"testing"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

// TestGenerateOld: API 2 makes keys, requests and certificates host by host.
func TestGenerateOld(t *testing.T) {
	b := newBench(t)
	const subject = "&country=US&state=Texas&city=Houston&company=The+Organization&companydivision=One&email=owner@example.com&pass=12345luggage"
	b.calls(
		[]string{"2:gencsr?host=example.com" + subject, `[{"output":"There is no private key for the host “example.com” yet: make one with genkey.","result":0}]`},
		[]string{"2:genkey?host=example.com&keysize=2048", `[{"key":"-----BEGIN RSA PRIVATE KEY-----\n`, `"output":"The private key is made, and kept.","result":1}]`},
		[]string{"2:genkey?host=example.com", `"result":1`},
		[]string{"2:genkey?host=example.com&keysize=1024", `[{"output":"A private key cannot have 1024 bits: use 2048 or 4096.","result":0}]`},
		[]string{"2:genkey?host=nobody.example", `"result":0`},
		[]string{"2:genkey", "missing: host"},
		[]string{"list_keys", `"friendly_name":"Key for example.com"`, `"friendly_name":"Key for example.com (2)"`},
		[]string{"2:gencsr?host=example.com" + subject, `[{"output":"-----BEGIN CERTIFICATE REQUEST-----\n`, `"result":1}]`},
		[]string{"list_csrs", `"commonName":"example.com"`},
		[]string{"2:gencsr?host=addon.example" + subject, `"result":0`},
		[]string{"2:gencrt?host=example.com" + subject, `[{"output":"-----BEGIN CERTIFICATE-----\n`, `"result":1}]`},
		[]string{"2:fetchinfo?domain=example.com", `"crt":"-----BEGIN CERTIFICATE-----\n`, `"key":"-----BEGIN RSA PRIVATE KEY-----\n`, `"user":"demo"`},
		[]string{"2:fetchinfo?domain=addon.example", "not-found: "},
		[]string{"rebuildssldb", "null"},
		[]string{"set_primary_ssl?servername=example.com", "unavailable: The account has no address of its own"},
		[]string{"mail_sni_status?domain=example.com", `{"enabled":0}`},
		[]string{"mail_sni_status?domain=nobody.example", "not-found: "},
		[]string{"enable_mail_sni?domains=example.com|addon.example", "role-off: Mail is not served under"},
		[]string{"disable_mail_sni?domains=example.com", "role-off: "},
		[]string{"rebuild_mail_sni_config?reload_dovecot=1", "role-off: "},
		[]string{"get_autossl_renewal_status?domain=example.com", `{"has_problems":0,"is_active":0,"is_excluded":0,"will_renew":0}`},
		[]string{"get_autossl_renewal_status?domain=nobody.example", "not-found: "},
	)
	if got := moduletest.Call(t, Info, b.acct, "2:fetchinfo?domain=example.com"); !regexp.MustCompile(`"status":1`).MatchString(got) {
		t.Errorf("SSLInfo::fetchinfo answers %s", got)
	}
}

// TestServiceName: programs are told the name that they get no warning for.
func TestServiceName(t *testing.T) {
	b := newBench(t)
	b.acct.Server().Hostname = "host.example.org"
	b.calls([]string{"get_cn_name?domain=example.com&service=cpanel", `{"cert_match_method":"none","cert_valid_not_after":0,"is_currently_valid":0,"is_self_signed":0,"is_wild_card":0,"ssldomain":"host.example.org","ssldomain_matches_cert":0}`})
	shows := func(names ...string) {
		c := b.ca.Issue(b.key, names...)
		b.acct.Server().Doors = func() hosting.Shown { return hosting.Shown{Certificate: c, Chain: b.ca.Chain()} }
	}
	shows("host.example.org")
	b.calls(
		[]string{"get_cn_name?domain=example.com&service=imap", `{"cert_match_method":"hostname","cert_valid_not_after":1775044800,"is_currently_valid":1,"is_self_signed":0,"is_wild_card":0,"ssldomain":"host.example.org","ssldomain_matches_cert":1}`},
		[]string{"2:getcnname?domain=example.com&service=imap", `[{"cert_match_method":"hostname"`},
		[]string{"get_cn_name?domain=demo&service=cpanel", `"ssldomain":"host.example.org"`},
		[]string{"get_cn_name?domain=example.com&service=ftp", "invalid: "},
		[]string{"get_cn_name?domain=nobody.example&service=cpanel", "not-found: "},
		[]string{"get_cn_name?domain=a+b&service=cpanel", "invalid: "},
		[]string{"get_cn_name?service=cpanel", "missing: domain"},
	)
	shows("example.com", "*.example.com")
	b.calls(
		[]string{"get_cn_name?domain=user@example.com&service=imap", `"cert_match_method":"exact"`, `"ssldomain":"example.com"`},
		[]string{"get_cn_name?domain=example.com&service=smtp&add_mail_subdomain=1", `"cert_match_method":"mail-wildcard"`, `"is_wild_card":1,"ssldomain":"mail.example.com"`},
		[]string{"get_cn_name?domain=addon.example&service=smtp", `"cert_match_method":"none"`, `"ssldomain_matches_cert":0`},
	)
}

// FuzzMetadata: settings are understood or refused, and none is switched on that
// this server does not have.
func FuzzMetadata(f *testing.F) {
	f.Add(`{"clobber_externally_signed":1,"notify_autossl_expiry":"0"}`)
	f.Add(`[]`)
	f.Add(`{"a":{}}`)
	f.Fuzz(func(t *testing.T, text string) {
		is, err := parseMetadata(text)
		if err != nil {
			return
		}
		for name, on := range is {
			if on && name != replaces {
				t.Errorf("%q switches %q on", text, name)
			}
		}
	})
}
