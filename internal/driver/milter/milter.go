// Package milter signs mail for a mail server that asks for it, and keeps what is
// held, over the protocol of Sendmail's mail filters: Postfix and Sendmail know it.
// Start at [Listen].
package milter

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
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

// Held is a message that its mail server is not to have.
type Held struct {
	Sender  hosting.Address // who has signed in
	From    string          // of the envelope; "" for none
	To      []string
	Message io.Reader // signed, if it can be
}

// Holder keeps what is held of a mailbox from its mail server, and knows who has to
// sign in again.
type Holder interface {
	// Mark is a moment.
	Mark() uint64
	// SignedOut reports whether who signed in before a moment is to do so again: the
	// password has changed since.
	SignedOut(sender hosting.Address, since uint64) bool
	// Holds reports whether what the owner of a mailbox sends is to be kept.
	Holds(ctx context.Context, sender hosting.Address) (bool, error)
	// Keep keeps a message; without an error it must not be lost any more.
	Keep(ctx context.Context, h Held) error
}

// Server is a mail filter that signs, and keeps what is held, and does nothing else:
// if it cannot sign, mail passes as it came, and if it cannot keep it, the sender is
// told to try again.
type Server struct {
	Keys   Keys
	Holder Holder // nil for none
	// Headers are what a signature vouches for, by their names.
	Headers []string
	// Spool is the directory for what is held, while it comes; "" for the system's.
	Spool  string
	Log    *slog.Logger
	socket net.Listener
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
		NewMilter: func() gomilter.Milter { return s.begin(ctx) },
		Actions:   gomilter.OptAddHeader,
		Protocol:  gomilter.OptNoConnect | gomilter.OptNoHelo | gomilter.OptNoUnknown | gomilter.OptNoData,
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(s.socket); err != nil && ctx.Err() == nil && !errors.Is(err, gomilter.ErrServerClosed) {
		s.Log.Error("the socket for mail servers that want signatures", "err", err)
	}
}

// begin begins a session. A mail server does so when somebody connects to it, who
// signs in after that.
func (s *Server) begin(ctx context.Context) *session {
	n := &session{server: s, ctx: ctx}
	if s.Holder != nil {
		n.since = s.Holder.Mark()
	}
	return n
}

// session is what a mail server tells of one message after another.
type session struct {
	gomilter.NoOpMilter
	server *Server
	ctx    context.Context
	since  uint64

	sender hosting.Address // who has signed in to send
	known  bool
	from   []string // the values of From
	header bytes.Buffer
	signer *dkim.Signer
	held   *Held    // nil: it is not held
	spool  *os.File // what is held, without a name; nobody says when a connection breaks
}

// MailFrom begins a message. Who sends is who has signed in, whatever they say.
func (s *session) MailFrom(from string, m *gomilter.Modifier) (gomilter.Response, error) {
	s.forget()
	var err error
	s.sender, err = hosting.ParseAddress(m.Macros["{auth_authen}"])
	if s.known = err == nil; !s.known {
		return gomilter.RespAccept, nil // nobody signed in: it is not ours to vouch for
	}
	if s.server.Holder == nil {
		return gomilter.RespContinue, nil
	}
	if s.server.Holder.SignedOut(s.sender, s.since) {
		return signInAgain, nil
	}
	if holds, err := s.server.Holder.Holds(s.ctx, s.sender); err != nil {
		return s.failed(err)
	} else if holds {
		s.held = &Held{Sender: s.sender, From: from}
	}
	return gomilter.RespContinue, nil
}

// signInAgain ends the connection.
var signInAgain = gomilter.NewResponseStr(byte(gomilter.ActReplyCode), "421 4.7.0 The password has changed: sign in again")

// failed has the sender of a message that is to be held try again.
func (s *session) failed(err error) (gomilter.Response, error) {
	s.server.Log.Warn("a message that is to be held cannot be kept", "mailbox", s.sender.String(), "err", err)
	s.forget()
	return gomilter.RespTempFail, nil
}

func (s *session) RcptTo(to string, _ *gomilter.Modifier) (gomilter.Response, error) {
	if s.held != nil {
		s.held.To = append(s.held.To, to)
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
	s.header.WriteString("\r\n")
	if err == nil && s.signer != nil {
		_, err = s.signer.Write(s.header.Bytes())
	}
	if err != nil {
		s.server.Log.Warn("a message cannot be signed", "mailbox", s.sender.String(), "err", err)
		s.signer = nil
	}
	if s.held != nil {
		return s.beginSpool()
	}
	if s.signer == nil {
		return gomilter.RespAccept, nil
	}
	return gomilter.RespContinue, nil
}

// beginSpool makes a file for what is held, which vanishes with the process.
func (s *session) beginSpool() (gomilter.Response, error) {
	spool, err := os.CreateTemp(s.server.Spool, "latchkey-milter-")
	if err != nil {
		return s.failed(err)
	}
	s.spool = spool
	if err := os.Remove(spool.Name()); err != nil {
		return s.failed(err)
	}
	if _, err := spool.Write(s.header.Bytes()); err != nil {
		return s.failed(err)
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
		if _, err := s.signer.Write(chunk); err != nil && s.held == nil {
			s.forget()
			return gomilter.RespAccept, nil
		}
	}
	if s.spool != nil {
		if _, err := s.spool.Write(chunk); err != nil {
			return s.failed(err)
		}
	}
	return gomilter.RespContinue, nil
}

// Body ends the message.
func (s *session) Body(m *gomilter.Modifier) (gomilter.Response, error) {
	signature := s.signature()
	if s.held != nil {
		return s.keep(signature)
	}
	if signature == "" {
		return gomilter.RespAccept, nil
	}
	name, value, _ := strings.Cut(strings.TrimRight(signature, "\r\n"), ":")
	if err := m.InsertHeader(0, name, strings.ReplaceAll(strings.TrimLeft(value, " "), "\r\n", "\n")); err != nil {
		return nil, err
	}
	return gomilter.RespAccept, nil
}

// signature is the signature of the message, as a line of its header; "" for none.
func (s *session) signature() string {
	if s.signer == nil {
		return ""
	}
	signer := s.signer
	s.signer = nil
	if err := signer.Close(); err != nil {
		s.server.Log.Warn("a message cannot be signed", "mailbox", s.sender.String(), "err", err)
		return ""
	}
	return signer.Signature()
}

// keep keeps the message: its mail server has no more to do with it.
func (s *session) keep(signature string) (gomilter.Response, error) {
	if s.spool == nil {
		return s.failed(errors.New("it has no header"))
	}
	if _, err := s.spool.Seek(0, io.SeekStart); err != nil {
		return s.failed(err)
	}
	s.held.Message = io.MultiReader(strings.NewReader(signature), s.spool)
	if err := s.server.Holder.Keep(s.ctx, *s.held); err != nil {
		return s.failed(err)
	}
	s.forget()
	return gomilter.RespDiscard, nil
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
	if s.spool != nil {
		_ = s.spool.Close()
	}
	s.signer, s.known, s.from, s.held, s.spool = nil, false, nil, nil, nil
	s.header.Reset()
}
