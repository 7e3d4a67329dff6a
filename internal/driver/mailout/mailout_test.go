package mailout

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/notice"
	"github.com/latchkey/latchkey/internal/server"
)

// postOffice is a mail server that keeps what it gets.
type postOffice struct {
	mu   sync.Mutex
	got  []string // envelope and text
	from error    // what it says to senders
	rcpt error    // and to recipients
	data error    // and to mail
	user string   // who may sign in, with the password "right"; "" for anybody
}

func (p *postOffice) NewSession(*smtp.Conn) (smtp.Session, error) { return &visit{p: p}, nil }

type visit struct {
	p        *postOffice
	from, to string
	known    bool
}

func (v *visit) AuthMechanisms() []string { return []string{sasl.Plain} }
func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != v.p.user || password != "right" {
			return smtp.ErrAuthFailed
		}
		v.known = true
		return nil
	}), nil
}
func (v *visit) Mail(from string, _ *smtp.MailOptions) error {
	if v.p.user != "" && !v.known {
		return smtp.ErrAuthRequired
	}
	v.from = from
	return v.p.from
}
func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error { v.to = to; return v.p.rcpt }
func (v *visit) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if v.p.data != nil {
		return v.p.data
	}
	if err != nil {
		return err
	}
	v.p.mu.Lock()
	defer v.p.mu.Unlock()
	v.p.got = append(v.p.got, fmt.Sprintf("%s>%s\n%s", v.from, v.to, text))
	return nil
}
func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }

func (p *postOffice) list() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got
}

// opens starts p on a port of this machine: with TLS from the first byte on, with
// STARTTLS, or with neither.
func (p *postOffice) opens(t *testing.T, security Security) (address string, roots *x509.CertPool) {
	t.Helper()
	cert, file, err := server.LocalCertificate(t.TempDir(), []string{"localhost", "127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	s := smtp.NewServer(p)
	s.Domain, s.AllowInsecureAuth = "mail.example.org", security == Open
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	switch security {
	case TLS:
		l = tls.NewListener(l, config)
	case StartTLS:
		s.TLSConfig = config
	}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close() })
	return l.Addr().String(), roots
}

var message = &notice.Message{From: "latchkey@host.example.org", To: "owner@example.com", Raw: []byte("Subject: x\r\n\r\n.dot\r\nend\r\n")}

func TestSMTP(t *testing.T) {
	for _, security := range []Security{Auto, Open, StartTLS, TLS} {
		p := &postOffice{user: "me"}
		served := security
		if security == Auto {
			served = Open
		}
		address, roots := p.opens(t, served)
		s := SMTP{Address: address, Security: security, User: "me", Password: latchkey.NewSecret("right"), Hello: "host.example.org", Roots: roots}
		if err := errors.Join(s.Check(), s.Send(t.Context(), message)); err != nil {
			t.Errorf("%s: %v", security, err)
		}
		if got := p.list(); len(got) != 1 || got[0] != "latchkey@host.example.org>owner@example.com\nSubject: x\r\n\r\n.dot\r\nend\r\n" {
			t.Errorf("%s: %q", security, got)
		}
		s.Password = latchkey.NewSecret("wrong")
		if _, down := errors.AsType[*notice.Unreachable](s.Send(t.Context(), message)); !down {
			t.Errorf("%s: a wrong password is a no to this message alone", security)
		}
		if security == StartTLS || security == TLS {
			s.Roots = x509.NewCertPool()
			if err := s.Send(t.Context(), message); err == nil {
				t.Errorf("%s: a certificate that nobody vouches for is taken", security)
			}
		}
		if len(p.list()) != 1 {
			t.Errorf("%s: more was sent: %q", security, p.list())
		}
	}
}

// Where STARTTLS is asked for and not offered, nothing is sent.
func TestNoTLS(t *testing.T) {
	p := &postOffice{}
	address, _ := p.opens(t, Open)
	s := SMTP{Address: address, Security: StartTLS}
	if err := s.Send(t.Context(), message); err == nil || len(p.list()) != 0 {
		t.Errorf("without STARTTLS: %v, got %q", err, p.list())
	}
}

// A no to the message is told from a no for now, and from one to all messages.
func TestRefusals(t *testing.T) {
	no := func(code int) error { return &smtp.SMTPError{Code: code, Message: "no"} }
	for what, test := range map[string]struct {
		p       *postOffice
		refused bool
		down    bool
		passing bool
	}{
		"no such recipient":     {&postOffice{rcpt: no(550)}, true, false, false},
		"a recipient, later":    {&postOffice{rcpt: no(450)}, false, false, false},
		"mail refused":          {&postOffice{data: no(554)}, true, false, false},
		"mail, later":           {&postOffice{data: no(451)}, false, false, false},
		"our sender refused":    {&postOffice{from: no(550)}, false, true, false},
		"our sender, not now":   {&postOffice{from: no(421)}, false, true, false},
		"their sender refused":  {&postOffice{from: no(550)}, false, false, true},
		"their sender, not now": {&postOffice{from: no(450)}, false, false, true},
		"theirs, and no other":  {&postOffice{from: no(421)}, false, true, true},
		"nobody may send at us": {&postOffice{user: "x"}, false, true, false},
	} {
		address, _ := test.p.opens(t, Open)
		err := (&SMTP{Address: address, Security: Open, Passing: test.passing}).Send(t.Context(), message)
		_, refused := errors.AsType[*notice.Refusal](err)
		_, down := errors.AsType[*notice.Unreachable](err)
		if err == nil || refused != test.refused || down != test.down {
			t.Errorf("%s: %v, refused %v, unreachable %v", what, err, refused, down)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		if c, err := l.Accept(); err == nil { // it says nothing
			cancel()
			_, _ = io.Copy(io.Discard, c)
		}
	}()
	if _, down := errors.AsType[*notice.Unreachable]((&SMTP{Address: address, Security: Open}).Send(ctx, message)); !down {
		t.Error("a server that says nothing is waited for after the end")
	}
	l.Close()
	if _, down := errors.AsType[*notice.Unreachable]((&SMTP{Address: address, Security: Open}).Send(t.Context(), message)); !down {
		t.Error("a server that is not there is a no to this message alone")
	}
}

func TestCheck(t *testing.T) {
	for _, s := range []SMTP{
		{Address: "mail.example.org", Security: Auto}, {Address: "mail.example.org:smtp", Security: Auto}, {Address: "mail.example.org:25", Security: "ssl"},
		{Address: "mail.example.org:25", Security: Open, User: "me"}, {Address: "", Security: Auto},
	} {
		if s.Check() == nil {
			t.Errorf("%+v is taken", s)
		}
	}
	for _, s := range []SMTP{{Address: "mail.example.org:25", Security: Open}, {Address: "[::1]:25", Security: Open, User: "me"}, {Address: "localhost:25", Security: Auto}} {
		if err := s.Check(); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

// program is a sendmail of the test's: it keeps what it is given in a folder.
func program(t *testing.T, then string) (sendmail Sendmail, dir string) {
	t.Helper()
	dir = t.TempDir()
	path := filepath.Join(dir, "sendmail")
	text := "#!/bin/sh\nprintf '%s\\n' \"$@\" >'" + dir + "/args'\ncat >'" + dir + "/text'\nenv >'" + dir + "/env'\n" + then + "\n"
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return Sendmail{Path: path}, dir
}

func TestSendmail(t *testing.T) {
	t.Setenv("LATCHKEY_SECRET", "secret")
	s, dir := program(t, "")
	if err := s.Send(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"args": "-i\n-f\nlatchkey@host.example.org\n--\nowner@example.com\n", "text": "Subject: x\n\n.dot\nend\n"} {
		if got, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(got) != want {
			t.Errorf("%s: %q %v, want %q", file, got, err, want)
		}
	}
	if env, _ := os.ReadFile(filepath.Join(dir, "env")); strings.Contains(string(env), "LATCHKEY") {
		t.Errorf("the program gets the server's environment: %s", env)
	}
}

func TestSendmailFails(t *testing.T) {
	for then, want := range map[string]string{
		"exit 75": "later",
		"exit 1":  "later",
		"exit 67": "refused",
		"exit 68": "refused",
		"echo no; echo such 'user\t' >&2; exit 65": "refused",
	} {
		s, _ := program(t, then)
		err := s.Send(t.Context(), message)
		how := "later"
		if _, ok := errors.AsType[*notice.Refusal](err); ok {
			how = "refused"
		} else if _, ok := errors.AsType[*notice.Unreachable](err); ok {
			how = "unreachable"
		}
		if err == nil || how != want {
			t.Errorf("%s: %v: %s, want %s", then, err, how, want)
		}
		if strings.Contains(then, "such") && !strings.HasSuffix(err.Error(), "exit status 65: no such user") {
			t.Errorf("what the program says is lost: %v", err)
		}
	}
	for what, s := range map[string]Sendmail{"not there": {Path: "/nowhere/sendmail"}, "no program": {Path: t.TempDir()}} {
		if _, down := errors.AsType[*notice.Unreachable](s.Send(t.Context(), message)); !down {
			t.Errorf("%s: it is a no to this message alone", what)
		}
	}
	s, _ := program(t, "sleep 600; true")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := s.Send(ctx, message); err == nil {
		t.Error("a program that does not end is waited for")
	}
	noisy, _ := program(t, "yes no | head -c 100000; exit 1")
	if err := noisy.Send(t.Context(), message); err == nil || len(err.Error()) > 600 {
		t.Errorf("what a noisy program says: %d bytes", len(err.Error()))
	}
}
