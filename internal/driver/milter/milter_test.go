package milter

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	gomilter "github.com/emersion/go-milter"
	"github.com/emersion/go-msgauth/dkim"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// asker is a mail server that has the filter look at messages.
type asker struct {
	t      *testing.T
	client *gomilter.Client
	texts  map[string]string
	holder *holder
}

// holder keeps what one mailbox sends, and has had another sign out.
type holder struct {
	kept []string
	full bool
	mark atomic.Uint64
}

func (h *holder) Mark() uint64 { return h.mark.Load() }

func (h *holder) SignedOut(sender hosting.Address, since uint64) bool {
	return sender.Local == "ann" && h.mark.Load() > since
}

func (*holder) Holds(_ context.Context, sender hosting.Address) (bool, error) {
	return sender.Local == "held", nil
}

func (h *holder) Keep(_ context.Context, m Held) error {
	if h.full {
		return errors.New("full")
	}
	text, err := io.ReadAll(m.Message)
	h.kept = append(h.kept, m.Sender.String()+" "+m.From+" "+strings.Join(m.To, ",")+"\r\n"+string(text))
	return err
}

func start(t *testing.T) *asker {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Headers: []string{"From", "From", "Subject", "Subject"}, Log: slog.New(slog.DiscardHandler),
		Keys: func(_ context.Context, sender hosting.Address, from latchkey.Domain) (latchkey.Domain, crypto.Signer, error) {
			if sender.Domain != "example.com" || from != "example.com" {
				return "", nil, nil
			}
			return "example.com", key, nil
		}}
	h := new(holder)
	s.Holder, s.Spool = h, t.TempDir()
	path := filepath.Join(t.TempDir(), "socket")
	if err := s.Listen(path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("the socket: %v, %v, want mode 0660", info.Mode(), err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); s.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	client := gomilter.NewClientWithOptions("unix", path, gomilter.ClientOptions{ActionMask: gomilter.OptAddHeader})
	t.Cleanup(func() { _ = client.Close() })
	return &asker{t, client, map[string]string{
		"default._domainkey.example.com": "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public),
	}, h}
}

// pass has a message looked at that somebody sends who signed in as user, and is
// what becomes of it.
func (a *asker) pass(user string, header []string, body string) string {
	a.t.Helper()
	s, err := a.client.Session()
	if err != nil {
		a.t.Fatal(err)
	}
	defer s.Close()
	must := func(act *gomilter.Action, err error) bool {
		a.t.Helper()
		if err != nil {
			a.t.Fatal(err)
		}
		return act.Code == gomilter.ActContinue
	}
	message := strings.Join(header, "\r\n") + "\r\n\r\n" + body
	if user != "" {
		if err := s.Macros(gomilter.CodeMail, "{auth_authen}", user); err != nil {
			a.t.Fatal(err)
		}
	}
	if !must(s.Mail("bounces@example.com", nil)) || !must(s.Rcpt("ann@elsewhere.example", nil)) {
		return message
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		if !must(s.HeaderField(name, strings.ReplaceAll(value, "\r\n", "\n"))) {
			return message
		}
	}
	if !must(s.HeaderEnd()) {
		return message
	}
	changes, act, err := s.BodyReadFrom(strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	if act.Code != gomilter.ActAccept {
		return string(act.Code)
	}
	for _, c := range changes {
		if c.Code != gomilter.ActInsertHeader {
			a.t.Errorf("it wants %c", c.Code)
		}
		message = c.HeaderName + ": " + strings.ReplaceAll(c.HeaderValue, "\n", "\r\n") + "\r\n" + message
	}
	return message
}

// TestSignInAgain: who was connected when the password changed sends nothing more, and
// others do.
func TestSignInAgain(t *testing.T) {
	a := start(t)
	mail := func(s *gomilter.ClientSession, user string) gomilter.ActionCode {
		t.Helper()
		if err := s.Macros(gomilter.CodeMail, "{auth_authen}", user); err != nil {
			t.Fatal(err)
		}
		act, err := s.Mail(user, nil)
		if err != nil {
			t.Fatal(err)
		}
		if act.Code == gomilter.ActReplyCode && act.SMTPCode != 421 {
			t.Errorf("%s hears %d %s", user, act.SMTPCode, act.SMTPText)
		}
		return act.Code
	}
	session := func() *gomilter.ClientSession {
		t.Helper()
		s, err := a.client.Session()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	ann, bob := session(), session()
	if got := mail(ann, "ann@example.com"); got != gomilter.ActContinue {
		t.Errorf("at first: %c", got)
	}
	a.holder.mark.Add(1)
	if got := mail(ann, "ann@example.com"); got != gomilter.ActReplyCode {
		t.Errorf("after a change of the password: %c", got)
	}
	if got := mail(bob, "bob@example.com"); got != gomilter.ActContinue {
		t.Errorf("a neighbour: %c", got)
	}
	if got := mail(session(), "ann@example.com"); got != gomilter.ActContinue {
		t.Errorf("who signs in again: %c", got)
	}
}

func TestSigns(t *testing.T) {
	a := start(t)
	lookup := func(name string) ([]string, error) { return []string{a.texts[name]}, nil }
	from := "From: Bob <bob@example.com>"
	for _, test := range []struct {
		what, user string
		header     []string
		signed     bool
	}{
		{"its own", "bob@example.com", []string{from, "Subject: long and\r\n\tfolded", "X-Other:   spaces  "}, true},
		{"a colleague's name", "eve@example.com", []string{from, "Subject: x"}, true},
		{"a neighbour's name", "eve@example.net", []string{from, "Subject: x"}, false},
		{"another domain's name", "bob@example.com", []string{"From: <ann@example.net>", "Subject: x"}, false},
		{"nobody signed in", "", []string{from, "Subject: x"}, false},
		{"no mailbox signed in", "demo", []string{from, "Subject: x"}, false},
		{"two From", "bob@example.com", []string{from, "From: <ann@example.net>", "Subject: x"}, false},
		{"two in From", "bob@example.com", []string{from + ", <ann@example.net>", "Subject: x"}, false},
		{"no From", "bob@example.com", []string{"Subject: x"}, false},
		{"its own again", "bob@example.com", []string{from, "Subject: x"}, true},
	} {
		message := a.pass(test.user, test.header, "Hello\r\n\r\n.dot\r\n"+strings.Repeat("long ", 40_000)+"\r\n\r\n")
		found, err := dkim.VerifyWithOptions(bytes.NewReader([]byte(message)), &dkim.VerifyOptions{LookupTXT: lookup})
		if err != nil || len(found) != map[bool]int{true: 1}[test.signed] {
			t.Errorf("%s: %d signatures, %v", test.what, len(found), err)
			continue
		}
		if test.signed && (found[0].Err != nil || found[0].Domain != "example.com") {
			t.Errorf("%s: %+v", test.what, found[0])
		}
	}
}

// TestHolds: what is held is kept, whole and signed, and not its mail server's any
// more; if it cannot be kept the sender tries again.
func TestHolds(t *testing.T) {
	a := start(t)
	header, body := []string{"From: <held@example.com>", "Subject: x"}, strings.Repeat("long\r\n", 40_000)
	if got := a.pass("held@example.com", header, body); got != string(gomilter.ActDiscard) || len(a.holder.kept) != 1 {
		t.Fatalf("a message that is held: %.80q, %d are kept", got, len(a.holder.kept))
	}
	envelope, text, _ := strings.Cut(a.holder.kept[0], "\r\n")
	if want := "held@example.com bounces@example.com ann@elsewhere.example"; envelope != want {
		t.Errorf("it is kept for %q, want %q", envelope, want)
	}
	if !strings.HasSuffix(text, strings.Join(header, "\r\n")+"\r\n\r\n"+body) {
		t.Errorf("it is kept as %.500q", text)
	}
	found, err := dkim.VerifyWithOptions(strings.NewReader(text), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) { return []string{a.texts[name]}, nil }})
	if err != nil || len(found) != 1 || found[0].Err != nil {
		t.Errorf("its signatures are %+v, %v", found, err)
	}
	if a.pass("held@example.net", header, body); len(a.holder.kept) != 2 || strings.Contains(a.holder.kept[1], "DKIM") {
		t.Error("a message that cannot be signed is not kept as it is")
	}
	a.holder.full = true
	if got := a.pass("held@example.com", header, body); got != string(gomilter.ActTempFail) {
		t.Errorf("a message that cannot be kept: %.80q", got)
	}
	if got := a.pass("bob@example.com", header, body); !strings.HasPrefix(got, "DKIM-Signature: ") || len(a.holder.kept) != 2 {
		t.Errorf("another's: %.80q", got)
	}
}
