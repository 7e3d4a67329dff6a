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

	"github.com/latchkey/latchkey/internal/notice"
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
