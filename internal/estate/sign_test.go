package estate_test

import (
	"bytes"
	"context"
	"net"
	"net/mail"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/miekg/dns"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/notice"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/test/testserver"
)

// raws keeps what is sent as it is sent.
type raws struct{ got [][]byte }

func (r *raws) Send(_ context.Context, m *notice.Message) error {
	r.got = append(r.got, m.Raw)
	return nil
}

// question is one that the server's name server answers.
type question struct {
	dns.ResponseWriter
	got *dns.Msg
}

func (*question) TsigStatus() error    { return nil }
func (*question) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 53} }
func (*question) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4000} }
func (a *question) WriteMsg(m *dns.Msg) error {
	a.got = m
	return nil
}
func (a *question) Write(b []byte) (int, error) {
	a.got = new(dns.Msg)
	return len(b), a.got.Unpack(b)
}

// textsOf looks up texts in the server's own zones.
func textsOf(s *testserver.Server) func(string) ([]string, error) {
	return func(name string) (list []string, err error) {
		a := &question{}
		s.DNS.ServeDNS(a, new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeTXT))
		for _, rr := range a.got.Answer {
			if txt, ok := rr.(*dns.TXT); ok {
				list = append(list, strings.Join(txt.Txt, ""))
			}
		}
		return list, nil
	}
}

// What the server sends is signed by the domain that it is from, once that
// publishes a key, and whoever looks the key up in our zone finds it genuine.
func TestSigned(t *testing.T) {
	s, _ := told(t)
	box := &raws{}
	s.Estate.Notices.Mailer = box
	sent := func(from string) []byte {
		t.Helper()
		s.Estate.Notices.From = mail.Address{Name: "Latchkey", Address: from}
		box.got = nil
		s.Token("demo", "t"+strings.NewReplacer("@", "-", ".", "-").Replace(from))
		round(t, s, false)
		if len(box.got) != 1 {
			t.Fatalf("from %s: %d messages", from, len(box.got))
		}
		return box.got[0]
	}
	if raw := sent("plain@example.com"); bytes.Contains(raw, []byte("DKIM-Signature")) {
		t.Errorf("signed without a key:\n%s", raw)
	}
	s.UAPI("demo", "EmailAuth", "ensure_dkim_keys_exist", "domain", "example.com")
	if raw := sent("kept@example.com"); bytes.Contains(raw, []byte("DKIM-Signature")) {
		t.Errorf("signed with a key that nobody can look up:\n%s", raw)
	}
	s.UAPI("demo", "EmailAuth", "enable_dkim", "domain", "example.com")
	for _, from := range []string{"latchkey@example.com", "latchkey@Host.Example.com"} {
		raw := sent(from)
		found, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: textsOf(s)})
		if err != nil || len(found) != 1 || found[0].Err != nil || found[0].Domain != "example.com" {
			t.Errorf("from %s: %+v, %v\n%s", from, found[0], err, raw[:200])
			continue
		}
		for what, changed := range map[string][]byte{
			"another subject": bytes.Replace(raw, []byte("Subject: "), []byte("Subject: not "), 1),
			"a second From":   append([]byte("From: eve@example.net\r\n"), raw...),
			"a longer text":   append(append([]byte(nil), raw...), "more\r\n"...),
		} {
			if found, err := dkim.VerifyWithOptions(bytes.NewReader(changed), &dkim.VerifyOptions{LookupTXT: textsOf(s)}); err == nil && len(found) == 1 && found[0].Err == nil {
				t.Errorf("from %s: %s is taken for genuine", from, what)
			}
		}
	}
	for _, from := range []string{"latchkey@example.net", "latchkey@a.b.example.com", "latchkey@notexample.com"} {
		if raw := sent(from); bytes.Contains(raw, []byte("DKIM-Signature")) {
			t.Errorf("from %s, signed by another domain:\n%s", from, raw)
		}
	}
	s.UAPI("demo", "EmailAuth", "disable_dkim", "domain", "example.com")
	if raw := sent("off@example.com"); bytes.Contains(raw, []byte("DKIM-Signature")) {
		t.Errorf("signed after disable_dkim:\n%s", raw)
	}
}

// What the owner of a mailbox sends is signed by the domain that they write as, if
// it is their account's; by no other.
func TestMailSigner(t *testing.T) {
	s := testserver.New(t)
	for user, domain := range map[string]string{"demo": "example.com", "other": "example.net"} {
		s.UAPI(user, "EmailAuth", "enable_dkim", "domain", domain)
	}
	_, err := s.Store.Write(t.Context(), func(tx store.Tx) error {
		a, err := tx.Account("demo")
		if err == nil {
			err = tx.InsertDomain(a.ID, latchkey.OwnedDomain{Name: "bare.example", Kind: latchkey.AddonDomain})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		sender, from string
		signs        bool
	}{
		{"bob@example.com", "example.com", true}, {"bob@example.net", "example.net", true}, {"bob@bare.example", "example.com", true},
		{"bob@example.com", "example.net", false}, {"bob@example.net", "example.com", false}, {"bob@example.com", "bare.example", false},
		{"bob@elsewhere.example", "example.com", false}, {"bob@example.com", "sub.example.com", false}, {"bob@example.com", "com", false},
	} {
		local, domain, _ := strings.Cut(test.sender, "@")
		of, key, err := s.Estate.MailSigner(t.Context(), hosting.Address{Local: local, Domain: latchkey.Domain(domain)}, latchkey.Domain(test.from))
		if (key != nil) != test.signs || err != nil || test.signs && string(of) != test.from {
			t.Errorf("%s as %s: signed by %q: %t, %v", test.sender, test.from, of, key != nil, err)
		}
	}
}

// TestKeysOfDomainsBelow: who has a domain has no business with the key of one below
// it that is another's, whatever it is asked for by.
func TestKeysOfDomainsBelow(t *testing.T) {
	s := testserver.New(t)
	s.WHM("createacct", "username", "shop", "domain", "shop.example.com", "password", testserver.Password)
	s.UAPI("shop", "EmailAuth", "enable_dkim", "domain", "shop.example.com")
	s.UAPI("shop", "EmailAuth", "ensure_dkim_keys_exist", "domain", "eu.shop.example.com")
	keys := func() string {
		var b strings.Builder
		for _, domain := range []string{"shop.example.com", "eu.shop.example.com"} {
			b.Write(encode.Append(nil, s.UAPI("shop", "EmailAuth", "fetch_dkim_private_keys", "domain", domain)))
		}
		return b.String()
	}
	before := keys()
	for _, domain := range []string{"shop.example.com", "eu.shop.example.com", "new.shop.example.com"} {
		for _, function := range []string{"ensure_dkim_keys_exist", "enable_dkim"} {
			s.Call(call.UAPI, "demo", "EmailAuth", function, "domain", domain)
		}
		if res := s.Call(call.UAPI, "demo", "EmailAuth", "fetch_dkim_private_keys", "domain", domain); res.Err == nil || res.Err.Kind != latchkey.NotFound {
			t.Errorf("demo is shown the key of %s: %v", domain, res.Err)
		}
	}
	if keys() != before {
		t.Error("the keys of shop are others now")
	}
	s.UAPI("demo", "EmailAuth", "enable_dkim", "domain", "blog.example.com")
	s.UAPI("demo", "EmailAuth", "fetch_dkim_private_keys", "domain", "blog.example.com")
}
