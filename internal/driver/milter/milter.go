// Package milter signs mail for a mail server that asks for it, over the protocol of
// Sendmail's mail filters: Postfix and Sendmail know it. Start at [Listen].
package milter

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/mail"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	gomilter "github.com/emersion/go-milter"
	"github.com/emersion/go-msgauth/dkim"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Keys is the key that signs what the owner of a mailbox sends as somebody of a
// domain, and the domain that the key is of. It is nil where the mailbox may not
// speak for the domain, or nobody could look the key up.
type Keys func(ctx context.Context, sender hosting.Address, from latchkey.Domain) (latchkey.Domain, crypto.Signer, error)

// Server is a mail filter that signs and does nothing else: whatever goes wrong,
// mail passes as it came.
type Server struct {
	Keys Keys
	// Headers are what a signature vouches for, by their names.
	Headers []string
	Log     *slog.Logger
	socket  net.Listener
}

// Listen opens the socket at path. Who has the group of its directory may speak
// there: whoever does can say who has signed in.
func (s *Server) Listen(path string) (err error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	old := syscall.Umask(0o117)
	s.socket, err = net.Listen("unix", path)
	syscall.Umask(old)
	if err != nil {
		return fmt.Errorf("the socket for mail servers that want signatures: %w", err)
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	if st, ok := dir.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		err = os.Chown(path, -1, int(st.Gid))
	}
	return err
}

// Run answers until ctx ends.
func (s *Server) Run(ctx context.Context) {
	server := gomilter.Server{
		NewMilter: func() gomilter.Milter { return &session{server: s, ctx: ctx} },
		Actions:   gomilter.OptAddHeader,
		Protocol:  gomilter.OptNoConnect | gomilter.OptNoHelo | gomilter.OptNoRcptTo | gomilter.OptNoUnknown | gomilter.OptNoData,
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(s.socket); err != nil && ctx.Err() == nil && !errors.Is(err, gomilter.ErrServerClosed) {
		s.Log.Error("the socket for mail servers that want signatures", "err", err)
	}
}

// session is what a mail server tells of one message after another.
type session struct {
	gomilter.NoOpMilter
	server *Server
	ctx    context.Context

	sender hosting.Address // who has signed in to send
	known  bool
	from   []string // the values of From
	header bytes.Buffer
	signer *dkim.Signer
}

// MailFrom begins a message. Who sends is who has signed in, whatever they say.
func (s *session) MailFrom(_ string, m *gomilter.Modifier) (gomilter.Response, error) {
	s.forget()
	var err error
	s.sender, err = hosting.ParseAddress(m.Macros["{auth_authen}"])
	if s.known = err == nil; !s.known {
		return gomilter.RespAccept, nil // nobody signed in: it is not ours to vouch for
	}
	return gomilter.RespContinue, nil
}

func (s *session) Header(name, value string, _ *gomilter.Modifier) (gomilter.Response, error) {
	if strings.EqualFold(name, "From") {
		s.from = append(s.from, value)
	}
	fmt.Fprintf(&s.header, "%s: %s\r\n", name, strings.ReplaceAll(strings.ReplaceAll(value, "\r\n", "\n"), "\n", "\r\n"))
	return gomilter.RespContinue, nil
}

// Headers comes when the header has ended: who it is from is known.
func (s *session) Headers(textproto.MIMEHeader, *gomilter.Modifier) (gomilter.Response, error) {
	domain, key, err := s.key()
	if err == nil && key != nil {
		s.signer, err = dkim.NewSigner(&dkim.SignOptions{
			Domain: string(domain), Selector: hosting.DKIMSelector, Signer: key, HeaderKeys: s.server.Headers,
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		})
	}
	if err == nil && s.signer != nil {
		s.header.WriteString("\r\n")
		_, err = s.signer.Write(s.header.Bytes())
	}
	if err != nil {
		s.server.Log.Warn("a message cannot be signed", "mailbox", s.sender.String(), "err", err)
	}
	if err != nil || s.signer == nil {
		return gomilter.RespAccept, nil
	}
	return gomilter.RespContinue, nil
}

// key is the key for the one address that the message is from.
func (s *session) key() (latchkey.Domain, crypto.Signer, error) {
	if !s.known || len(s.from) != 1 {
		return "", nil, nil
	}
	list, err := mail.ParseAddressList(s.from[0])
	if err != nil || len(list) != 1 {
		return "", nil, nil
	}
	_, name, _ := strings.Cut(list[0].Address, "@")
	domain, err := hosting.ParseDomain(name)
	if err != nil {
		return "", nil, nil
	}
	return s.server.Keys(s.ctx, s.sender, domain)
}

func (s *session) BodyChunk(chunk []byte, _ *gomilter.Modifier) (gomilter.Response, error) {
	if s.signer != nil {
		if _, err := s.signer.Write(chunk); err != nil {
			s.forget()
			return gomilter.RespAccept, nil
		}
	}
	return gomilter.RespContinue, nil
}

// Body ends the message.
func (s *session) Body(m *gomilter.Modifier) (gomilter.Response, error) {
	if s.signer == nil {
		return gomilter.RespAccept, nil
	}
	signer := s.signer
	s.signer = nil
	if err := signer.Close(); err != nil {
		s.server.Log.Warn("a message cannot be signed", "mailbox", s.sender.String(), "err", err)
		return gomilter.RespAccept, nil
	}
	name, value, _ := strings.Cut(strings.TrimRight(signer.Signature(), "\r\n"), ":")
	if err := m.InsertHeader(0, name, strings.ReplaceAll(strings.TrimLeft(value, " "), "\r\n", "\n")); err != nil {
		return nil, err
	}
	return gomilter.RespAccept, nil
}

func (s *session) Abort(*gomilter.Modifier) error {
	s.forget()
	return nil
}

// forget is what comes between two messages.
func (s *session) forget() {
	if s.signer != nil {
		_ = s.signer.Close() // what it waits for does not come
	}
	s.signer, s.known, s.from = nil, false, nil
	s.header.Reset()
}
