package lmtp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/emersion/go-smtp"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/srs"
)

type receiver struct {
	ctx     context.Context
	backend Backend
	options Options
}

func (r *receiver) session(c *smtp.Conn) (smtp.Session, error) {
	own, ok := c.Conn().(*conn)
	if !ok {
		return nil, errors.New("lmtp: a connection that was not admitted")
	}
	return &session{receiver: r, conn: own}, nil
}

// session is one connection. The library reads a message in one goroutine
// while another may reset the session, hence the lock.
type session struct {
	*receiver
	conn *conn

	mu   sync.Mutex
	from string
	to   []recipient
}

type recipient struct {
	said    string // as the sender gave it, by which it is answered
	address string // in lower case
	box     Box
}

var errDraining = say(421, smtp.EnhancedCode{4, 3, 2}, "shutting down, try again later")

var errChunks = say(502, smtp.EnhancedCode{5, 5, 1}, "BDAT is not offered here, use DATA")

// Mail begins a message.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	sender, err := safeSender(from)
	if err != nil {
		return say(553, smtp.EnhancedCode{5, 1, 7}, err.Error())
	}
	if !s.conn.begin() {
		return errDraining
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.from, s.to = sender, nil
	return nil
}

// Rcpt finds the mailbox of one recipient.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	name, box, err := s.resolve(to)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = append(s.to, recipient{to, name, box})
	return nil
}

// resolve finds the mailbox of an address, and how it is called.
func (s *session) resolve(to string) (name string, box Box, err error) {
	if back, ok := s.backend.(Returner); ok && srs.Is(to) {
		if name, err = safeSender(to); err == nil {
			box, err = back.ResolveReturn(s.ctx, to)
		}
	} else {
		address, bad := hosting.ParseAddress(to)
		if bad != nil {
			return "", nil, say(550, smtp.EnhancedCode{5, 1, 3}, "no mailbox can have this address: it "+bad.Error())
		}
		name = address.String()
		box, err = s.backend.Resolve(s.ctx, address)
	}
	if err != nil {
		s.log("resolve", name, err)
		return "", nil, reply(err)
	}
	return name, box, nil
}

// Data is not called: the session has LMTPData.
func (s *session) Data(io.Reader) error { return reply(nil) }

// LMTPData takes the whole message in, and then gives it to one recipient
// after the other, with an answer for each.
func (s *session) LMTPData(r io.Reader, status smtp.StatusCollector) error {
	s.mu.Lock()
	from, to := s.from, s.to
	s.mu.Unlock()
	if _, chunks := r.(*io.PipeReader); chunks {
		return errChunks
	}
	spool, err := readSpool(r, s.options.SpoolDir)
	if err != nil {
		return s.broken(err)
	}
	defer spool.Close()
	for _, rcpt := range to {
		err := s.deliver(from, rcpt, spool)
		status.SetStatus(rcpt.said, reply(err))
	}
	return nil
}

// deliver gives the message to one recipient. A Box that panics costs its own
// recipient the message, for now, and nobody else.
func (s *session) deliver(from string, to recipient, spool *spool) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
		if err != nil {
			s.log("deliver", to.address, err)
		}
	}()
	return to.box.Deliver(s.ctx, Letter{From: from, To: to.address, Body: spool.Reader})
}

// broken is the answer where the message did not arrive whole.
func (s *session) broken(err error) error {
	switch {
	case errors.Is(err, smtp.ErrDataTooLarge):
		return smtp.ErrDataTooLarge
	case errors.Is(err, smtp.ErrTooLongLine):
		return say(554, smtp.EnhancedCode{5, 6, 0}, "the message has a line of more than 64 KiB")
	}
	s.log("receive", "", err)
	return reply(err)
}

// log tells of an error. That a mailbox is unknown, full or suspended is the
// everyday business of mail.
func (s *session) log(step, address string, err error) {
	level := slog.LevelWarn
	switch latchkey.KindOf(err) {
	case latchkey.NotFound, latchkey.Limit, latchkey.Denied, latchkey.FeatureOff, latchkey.Invalid:
		level = slog.LevelDebug
	}
	s.options.Logger.Log(s.ctx, level, "lmtp: not delivered", slog.String("step", step),
		slog.String("to", address), slog.String("from", s.conn.RemoteAddr().String()), slog.Any("error", err))
}

// Reset ends a message.
func (s *session) Reset() {
	s.mu.Lock()
	s.from, s.to = "", nil
	s.mu.Unlock()
	s.conn.end()
}

// Logout ends the connection.
func (s *session) Logout() error { return nil }
