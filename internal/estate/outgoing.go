package estate

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/driver/lmtp"
	"github.com/latchkey/latchkey/internal/driver/milter"
	"github.com/latchkey/latchkey/internal/durable"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/notice"
	"github.com/latchkey/latchkey/internal/store"
)

// Mail that leaves waits in a queue: a file with the message, and a row for each
// recipient. Both are on the disk before who brings the message is told that it is
// taken, and a row goes when somebody else has taken the message: a crash between
// has it sent twice, and loses none. What nobody takes comes back to its sender.

// How much of an account may wait, and how long it is tried to send it.
const (
	outgoingMost   = 2000
	outgoingBytes  = 256 << 20
	outgoingGiveUp = 4 * 24 * time.Hour
	outgoingInVain = 3 // messages in a row, and all others wait
	outgoingTick   = 5 * time.Second
)

// outbox is what the sender of mail remembers.
type outbox struct {
	files  sync.RWMutex  // held by who puts files there; alone by who looks for those that nobody needs
	posted chan struct{} // there is more to send
	turn   sync.Mutex    // held by who sends

	mu     sync.Mutex
	vain   int // how many in a row could not be sent at all
	failed int // how often in a row all others had to wait
	pause  time.Time
}

// sending bounds how many messages are in memory on their way out.
var sending = make(chan struct{}, 4)

// postAll is post for a message that is to be read.
func (e *Estate) postAll(ctx context.Context, from string, body func() (io.Reader, error), own bool, to []leaving) error {
	select {
	case sending <- struct{}{}:
		defer func() { <-sending }()
	case <-ctx.Done():
		return ctx.Err()
	}
	r, err := body()
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return e.post(ctx, from, raw, own, to)
}

// post has a message leave for everybody that it is to go to. When it returns nil
// the message is not lost any more. Fails: Unavailable where too much waits.
func (e *Estate) post(ctx context.Context, from string, raw []byte, own bool, to []leaving) error {
	name := rand.Text()
	e.outgoing.files.RLock()
	defer e.outgoing.files.RUnlock()
	err := os.MkdirAll(e.Queue, 0o700)
	if err == nil {
		err = durable.CreateFile(e.queued(name), raw, 0o600)
	}
	if err != nil {
		return err
	}
	now := e.Now()
	_, err = e.Store.Write(ctx, func(tx store.Tx) error {
		size := int64(len(raw))
		for _, l := range to {
			o := store.Outgoing{From: from, To: l.to, Body: name, Bytes: size, Own: own, At: now, Due: now}
			if err := e.queue(tx, &o, l.by); err != nil {
				return err
			}
			size = 0 // they share it
		}
		return nil
	})
	if err != nil {
		_ = os.Remove(e.queued(name)) // or it is found later that nobody needs it
		return err
	}
	e.wake()
	return nil
}

// queue adds o, which the address by sends.
func (e *Estate) queue(tx store.Tx, o *store.Outgoing, by string) error {
	account, err := tx.DomainOwner(domainOf(by))
	if err != nil {
		return err
	}
	n, size, err := tx.OutgoingSize(account)
	if err != nil {
		return err
	}
	if n >= outgoingMost || size+o.Bytes > outgoingBytes {
		return &latchkey.Error{Kind: latchkey.Unavailable, Msg: "Too much mail of this account waits to be sent: try again later.", Err: fmt.Errorf("%d messages of account %d wait, %d bytes", n, account, size)}
	}
	o.MailPlace = store.MailPlace{Account: account, Domain: domainOf(by), Local: by[:len(by)-len(domainOf(by))-1]}
	if !o.Own {
		if o.From, err = e.returnPath(tx, o.From, o.Domain); err != nil {
			return err
		}
	}
	box, err := tx.Mailbox(account, o.Domain, o.Local)
	if gone(err) != nil {
		return err
	}
	if box.SuspendedOutgoing {
		return errMute
	}
	o.Held = box.HoldOutgoing
	return tx.InsertOutgoing(*o)
}

func (e *Estate) queued(name string) string { return filepath.Join(e.Queue, name) }

// wake has what is posted sent at once.
func (e *Estate) wake() {
	select {
	case e.outgoing.posted <- struct{}{}:
	default:
	}
}

// RunOutgoing sends what leaves the server, until ctx ends.
func (e *Estate) RunOutgoing(ctx context.Context) {
	if e.MailOut == nil {
		return
	}
	tick := time.NewTicker(outgoingTick)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		if n%1000 == 0 {
			if err := e.clearQueue(ctx); err != nil && ctx.Err() == nil {
				e.Log.Warn("files of mail that has left could not be cleared away", "err", err)
			}
		}
		if err := e.SendOutgoing(ctx); err != nil && ctx.Err() == nil {
			e.Log.Error("mail that leaves the server", "err", err)
		}
		select {
		case <-tick.C:
		case <-e.outgoing.posted:
		case <-ctx.Done():
		}
	}
}

// waits reports whether nothing is to be sent now.
func (e *Estate) waits() bool {
	e.outgoing.mu.Lock()
	defer e.outgoing.mu.Unlock()
	return e.Now().Before(e.outgoing.pause)
}

// went notes whether mail can be sent at all. A message may be what is wrong: so all
// others wait only where several in a row fail.
func (e *Estate) went(down bool, why error) {
	q := &e.outgoing
	q.mu.Lock()
	defer q.mu.Unlock()
	if !down {
		q.vain, q.failed = 0, 0
		return
	}
	if q.vain++; q.vain < outgoingInVain {
		return
	}
	q.vain = 0
	q.failed++
	q.pause = e.Now().Add(min(pauseAfter(q.failed), 15*time.Minute))
	if q.failed == 1 {
		e.Log.Warn("mail that leaves the server cannot be sent and waits", "err", why)
	}
}

// sendOut sends one message, and notes how that went.
func (e *Estate) sendOut(ctx context.Context, o *store.Outgoing) error {
	var may bool // it may have been held, or be gone, since it was found
	err := e.Store.Read(ctx, func(r store.Reader) (err error) {
		may, err = r.MayLeave(o.ID)
		return err
	})
	if err != nil || !may {
		return err
	}
	raw, err := os.ReadFile(e.queued(o.Body))
	if errors.Is(err, fs.ErrNotExist) {
		// It was deleted meanwhile, or a restored backup has no such file.
		e.Log.Error("a message that was to leave is not there any more", "account", o.Account, "address", o.Address(), "to", o.To)
		return e.settle(ctx, o, nil)
	}
	if err != nil {
		return err
	}
	m := &notice.Message{From: o.From, To: o.To, Raw: raw}
	if !o.Own {
		m.Raw = crlf(append(fmt.Appendf(nil, "Delivered-To: %s\n", o.Address()), raw...))
		e.signOnward(ctx, m, o.MailPlace)
	}
	failed := e.MailOut.Send(ctx, m)
	if failed != nil && ctx.Err() != nil {
		return nil // the server stops: it is tried again
	}
	_, down := errors.AsType[*notice.Unreachable](failed)
	e.went(down, failed)
	_, refused := errors.AsType[*notice.Refusal](failed)
	age := e.Now().Sub(o.At)
	switch {
	case failed == nil:
		return e.settle(ctx, o, nil)
	case refused || age >= outgoingGiveUp:
		if err := e.bounce(ctx, o, m.Raw, failed); latchkey.KindOf(err) == latchkey.Unavailable && age < 2*outgoingGiveUp {
			return e.later(ctx, o)
		} else if err != nil {
			e.Log.Warn("who sent a message could not be told that it is lost", "account", o.Account, "address", o.Address(), "err", err)
		}
		return e.settle(ctx, o, failed)
	}
	return e.later(ctx, o)
}

// later has a message tried again.
func (e *Estate) later(ctx context.Context, o *store.Outgoing) error {
	o.Tries++
	_, err := e.Store.Write(context.WithoutCancel(ctx), func(tx store.Tx) error {
		return gone(tx.PutOutgoing(o.ID, e.Now().Add(min(pauseAfter(o.Tries), 4*time.Hour)), o.Tries))
	})
	return err
}

// settle is the end of a message. That it was given up stands in the trail.
func (e *Estate) settle(ctx context.Context, o *store.Outgoing, failed error) error {
	_, err := e.Store.Write(context.WithoutCancel(ctx), func(tx store.Tx) error {
		if err := tx.DeleteOutgoing(o.ID); err != nil || failed == nil {
			return err
		}
		a, err := tx.AccountByID(o.Account)
		if err != nil {
			return gone(err)
		}
		event := latchkey.Event{At: e.Now(), Account: a.ID, Name: a.Name, Func: "outgoing::give_up", Outcome: latchkey.Unavailable,
			Messages: firstOf(fmt.Sprintf("from %s to %s: %v", o.Address(), o.To, failed), 500)}
		tx.Audit(audit.Encode(&event), 1)
		return nil
	})
	if err != nil {
		return err
	}
	if failed != nil {
		e.Log.Warn("a message that was to leave the server was given up", "account", o.Account, "address", o.Address(), "err", firstOf(failed.Error(), 500))
	}
	return e.forget(ctx, o.Body)
}

// forget takes the file of a message away, if nobody waits for it.
func (e *Estate) forget(ctx context.Context, name string) error {
	var has bool
	err := e.Store.Read(context.WithoutCancel(ctx), func(r store.Reader) (err error) {
		has, err = r.OutgoingHas(name)
		return err
	})
	if err != nil || has {
		return err
	}
	if err = os.Remove(e.queued(name)); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return err
}

// clearQueue takes the files of messages away that nobody waits for.
func (e *Estate) clearQueue(ctx context.Context) error {
	e.outgoing.files.Lock()
	defer e.outgoing.files.Unlock()
	var used []string
	err := e.Store.Read(ctx, func(r store.Reader) (err error) {
		used, err = r.OutgoingBodies()
		return err
	})
	if err != nil {
		return err
	}
	slices.Sort(used)
	list, err := os.ReadDir(e.Queue)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, f := range list {
		if _, ok := slices.BinarySearch(used, f.Name()); !ok {
			err = errors.Join(err, os.Remove(e.queued(f.Name())))
		}
	}
	return err
}

// bounce tells who sent a message that it was given up. A bounce is not told of, nor
// what has no sender.
func (e *Estate) bounce(ctx context.Context, o *store.Outgoing, raw []byte, why error) error {
	sender, err := e.firstSender(o.From, o.At)
	if err != nil || sender == "" {
		return err
	}
	text := e.composeBounce(o, sender, raw, why)
	if _, own := e.Mailserver.(homely); own && e.isLocal(ctx, sender) {
		return e.deliver(ctx, sender, lmtp.Letter{To: sender, Body: func() (io.Reader, error) {
			return bytes.NewReader(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))), nil
		}}, false)
	}
	return e.post(ctx, "", text, true, []leaving{{sender, o.Address()}})
}

// headerShown is how much of the header of a message that is given up its sender
// sees again.
const headerShown = 16 << 10

// composeBounce is a report (RFC 3464) of a message that was given up. Where it was
// sent on to is the business of who had it sent on.
func (e *Estate) composeBounce(o *store.Outgoing, to string, raw []byte, why error) []byte {
	said := "The server that mail for this address is sent on to does not take it."
	status := "5.0.0"
	if _, refused := errors.AsType[*notice.Refusal](why); !refused {
		said, status = "The server that mail for this address is sent on to could not be reached for days.", "4.4.7"
	}
	header, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	part, host, now := rand.Text(), e.Server.Hostname, e.Now()
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: Mail Delivery System <MAILER-DAEMON@%s>\r\nTo: <%s>\r\nSubject: Undelivered mail\r\nDate: %s\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n", host, to, now.Format(time.RFC1123Z), rand.Text(), host)
	fmt.Fprintf(&b, "Content-Type: multipart/report; report-type=delivery-status; boundary=\"%s\"\r\n\r\n", part)
	fmt.Fprintf(&b, "--%s\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nYour message could not be delivered to <%s>.\r\n%s\r\n", part, o.Address(), said)
	fmt.Fprintf(&b, "--%s\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; %s\r\nArrival-Date: %s\r\n\r\nFinal-Recipient: rfc822; %s\r\nAction: failed\r\nStatus: %s\r\n", part, host, o.At.Format(time.RFC1123Z), o.Address(), status)
	fmt.Fprintf(&b, "--%s\r\nContent-Type: text/rfc822-headers\r\n\r\n%s\r\n\r\n--%s--\r\n", part, header[:min(len(header), headerShown)], part)
	return b.Bytes()
}

// Submitted is the estate as the mail filter sees it.
func (e *Estate) Submitted() milter.Holder { return submitted{e} }

type submitted struct{ e *Estate }

// gatekeeper is a mail server that knows who has to sign in again.
type gatekeeper interface {
	Mark() uint64
	SignedOut(address string, since uint64) bool
}

// Mark implements [milter.Holder].
func (s submitted) Mark() uint64 {
	if g, ok := s.e.Mailserver.(gatekeeper); ok {
		return g.Mark()
	}
	return 0
}

// SignedOut implements [milter.Holder].
func (s submitted) SignedOut(a hosting.Address, since uint64) bool {
	g, ok := s.e.Mailserver.(gatekeeper)
	return ok && g.SignedOut(a.String(), since)
}

// Holds implements [milter.Holder]. Where the server sends no mail its mail server
// has to hold it.
func (s submitted) Holds(ctx context.Context, a hosting.Address) (holds bool, err error) {
	if s.e.MailOut == nil {
		return false, nil
	}
	err = s.e.Store.Read(ctx, func(r store.Reader) error {
		account, err := r.DomainOwner(a.Domain)
		if err != nil {
			return gone(err)
		}
		box, err := r.Mailbox(account, a.Domain, a.Local)
		holds = box.HoldOutgoing
		return gone(err)
	})
	return holds, err
}

// Keep implements [milter.Holder].
func (s submitted) Keep(ctx context.Context, h milter.Held) error {
	var to []leaving
	for _, one := range h.To {
		to = append(to, leaving{one, h.Sender.String()})
	}
	return s.e.postAll(ctx, h.From, func() (io.Reader, error) { return h.Message, nil }, true, to)
}
