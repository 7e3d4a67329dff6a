// Package lmtp receives mail for mailboxes over LMTP (RFC 2033), from a mail
// server on the same machine or network. It does not know what a mailbox is:
// a [Backend] finds and fills it. Start at [Serve].
//
// # What is stored
//
// A mailbox gets the message as the sender wrote it, after two lines of ours:
//
//	Return-Path: <sender>
//	Delivered-To: recipient
//
// Lines end in LF, as in every Maildir: each CRLF of the wire becomes LF. No
// other byte is changed, added or taken away; a CR or LF that stands alone
// stays as it is.
package lmtp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Backend finds mailboxes. It is called by many goroutines at once.
//
// The kind of an error decides what the sender hears:
//
//	latchkey.NotFound             550 5.1.1  no such mailbox
//	latchkey.Limit                552 5.2.2  over quota
//	latchkey.Denied, FeatureOff   550 5.7.1  incoming mail is suspended
//	latchkey.Invalid              550 5.7.1  and the message, which its owner wrote
//	anything else                 451 4.3.0  try again later; the error is logged
//
// A full mailbox is refused for good: the sender learns it now, not days later.
type Backend interface {
	// Resolve finds the mailbox of an address.
	Resolve(ctx context.Context, a hosting.Address) (Box, error)
}

// Returner is a Backend that takes back what could not be delivered of the mail that
// it has sent on. Its addresses are longer than those of mailboxes, and case may
// count in them.
type Returner interface {
	// ResolveReturn is [Backend.Resolve] for an address that looks like a rewritten
	// sender: see package srs.
	ResolveReturn(ctx context.Context, address string) (Box, error)
}

// Box is where one message for an address goes.
type Box interface {
	// Deliver stores what the letter has, durably; without an error it must not
	// be lost any more. An error of reading it must end it without a trace, and it
	// must return soon after ctx has ended. Errors count as those of [Backend].
	Deliver(ctx context.Context, l Letter) error
}

// Letter is a message and its envelope.
type Letter struct {
	From string // "" for a notice of a failed delivery and its like
	To   string
	// Body reads the message from its beginning, as the sender wrote it. It may be
	// called again; readers do not disturb each other.
	Body func() (io.Reader, error)
}

// Open reads the message as the mailbox of to gets it: after our own two lines.
func (l *Letter) Open(to string) (io.Reader, error) {
	body, err := l.Body()
	if err != nil {
		return nil, err
	}
	return io.MultiReader(strings.NewReader(fmt.Sprintf("Return-Path: <%s>\nDelivered-To: %s\n", l.From, to)), body), nil
}

// Options tell how to serve. Zero fields take the default.
type Options struct {
	Hostname        string        // said in the greeting; "localhost"
	MaxMessageBytes int64         // announced as SIZE; a message must be shorter, with CRLF; 50 MiB
	MaxRecipients   int           // of one message; 100
	MaxConnections  int           // more must wait; 64
	ReadTimeout     time.Duration // for each command, and for a whole message; 5 minutes
	WriteTimeout    time.Duration // for each reply; 1 minute
	DrainTimeout    time.Duration // for messages under way at the end; 10 seconds
	SpoolDir        string        // for messages of more than 1 MiB; the system's
	Logger          *slog.Logger  // slog.Default()
}

func (o Options) withDefaults() Options {
	set(&o.Hostname, "localhost")
	set(&o.MaxMessageBytes, 50<<20)
	set(&o.MaxRecipients, 100)
	set(&o.MaxConnections, 64)
	set(&o.ReadTimeout, 5*time.Minute)
	set(&o.WriteTimeout, time.Minute)
	set(&o.DrainTimeout, 10*time.Second)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Serve answers on l until ctx ends, and closes l. Then it takes no new
// message, lets those under way finish within DrainTimeout, and returns nil;
// messages that needed longer were not acknowledged, and their senders will
// try again. Another error is the listener's.
//
// LMTP has no login here: l must be one that only the mail server can reach.
func Serve(ctx context.Context, l net.Listener, b Backend, o Options) error {
	o = o.withDefaults()
	// Deliveries outlive ctx, for as long as the drain.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	r := &receiver{ctx: work, backend: b, options: o}
	gate := newGate(l, o.MaxConnections)

	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return r.session(c)
	}))
	s.LMTP = true
	s.Domain = o.Hostname
	s.MaxMessageBytes = o.MaxMessageBytes
	s.MaxRecipients = o.MaxRecipients
	s.MaxLineLength = 64 << 10 // real mail has longer lines than it may
	s.ReadTimeout = o.ReadTimeout
	s.WriteTimeout = o.WriteTimeout
	s.ErrorLog = slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn)

	ended := make(chan error, 1)
	go func() { ended <- s.Serve(gate) }()
	select {
	case err := <-ended:
		return errors.Join(err, s.Close())
	case <-ctx.Done():
	}
	gate.Close()
	<-ended
	gate.drain()
	drained, cancel := context.WithTimeout(work, o.DrainTimeout)
	defer cancel()
	if err := s.Shutdown(drained); errors.Is(err, context.DeadlineExceeded) {
		o.Logger.Warn("lmtp: messages under way were cut off", slog.Duration("after", o.DrainTimeout))
	}
	stop()
	gate.closeAll(o.DrainTimeout)
	return nil
}

// reply is what the sender hears of an error.
func reply(err error) error {
	if err == nil {
		return nil
	}
	if said, ok := errors.AsType[*smtp.SMTPError](err); ok {
		return said
	}
	switch latchkey.KindOf(err) {
	case latchkey.NotFound:
		return say(550, smtp.EnhancedCode{5, 1, 1}, "no such mailbox here")
	case latchkey.Limit:
		return say(552, smtp.EnhancedCode{5, 2, 2}, "the mailbox is over its quota")
	case latchkey.Invalid:
		return say(550, smtp.EnhancedCode{5, 7, 1}, latchkey.AsError(err).Msg)
	case latchkey.Denied, latchkey.FeatureOff:
		return say(550, smtp.EnhancedCode{5, 7, 1}, "incoming mail for this mailbox is suspended")
	}
	return say(451, smtp.EnhancedCode{4, 3, 0}, "the message cannot be stored now, try again later")
}

func say(code int, enhanced smtp.EnhancedCode, text string) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: text}
}
