package estate

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"io"
	"strings"
	"sync"

	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/driver/lmtp"
	"github.com/latchkey/latchkey/internal/driver/maildir"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/mailrule"
	"github.com/latchkey/latchkey/internal/sieve"
	"github.com/latchkey/latchkey/internal/store"
)

// Deliveries is the estate as the mail receiver sees it.
func (e *Estate) Deliveries() lmtp.Backend { return &deliveries{e: e} }

type deliveries struct{ e *Estate }

// boxLocks keep deliveries to one mailbox apart, so that two of them cannot
// both take the last of its quota. Mailboxes share a few locks.
type boxLocks struct {
	seed  maphash.Seed
	once  sync.Once
	locks [256]sync.Mutex
}

func (b *boxLocks) of(address string) *sync.Mutex {
	b.once.Do(func() { b.seed = maphash.MakeSeed() })
	return &b.locks[maphash.String(b.seed, address)%uint64(len(b.locks))]
}

// Resolve implements [lmtp.Backend].
func (d *deliveries) Resolve(ctx context.Context, a hosting.Address) (lmtp.Box, error) {
	if _, err := d.e.route(ctx, a.String(), nil); err != nil {
		return nil, err
	}
	return &box{d.e, a}, nil
}

// route is where mail for an address goes now. It fails as [lmtp.Backend] says
// where nobody takes it.
func (e *Estate) route(ctx context.Context, address string, passed func(string) bool) (*route, error) {
	t := &route{sends: e.MailOut != nil, passed: passed}
	err := e.Store.Read(ctx, func(r store.Reader) error { return t.add(r, address, "") })
	if err == nil {
		err = t.takes()
	}
	return t, err
}

// box is an address that takes one message.
type box struct {
	e       *Estate
	address hosting.Address
}

// Deliver implements [lmtp.Box].
func (b *box) Deliver(ctx context.Context, l lmtp.Letter) error {
	return b.e.deliver(ctx, b.address.String(), l, true)
}

// deliver delivers a message for an address. It may be answered.
func (e *Estate) deliver(ctx context.Context, address string, l lmtp.Letter, answer bool) error {
	m, err := e.open(&l)
	if err != nil {
		return err
	}
	// What was found may have changed since.
	t, err := e.route(ctx, address, m.passed)
	if err != nil {
		return err
	}
	p := &passage{e: e, letter: l, message: m, route: t}
	if err := p.all(ctx); err != nil {
		return err
	}
	if answer {
		p.answerAll(ctx)
	}
	return nil
}

// incoming is a message whose header was read.
type incoming struct {
	*sieve.Message
}

func (e *Estate) open(l *lmtp.Letter) (*incoming, error) {
	body, err := l.Body()
	if err != nil {
		return nil, err
	}
	return &incoming{sieve.Read(body)}, nil
}

// maxHops is by how many servers a message may have come that is sent on.
const maxHops = 50

// passed reports whether the message was sent on by an address already, or by too
// many servers.
func (m *incoming) passed(address string) bool {
	if len(m.Fields("Received")) > maxHops {
		return true
	}
	for _, by := range m.Fields("Delivered-To") {
		if strings.EqualFold(by, address) {
			return true
		}
	}
	return false
}

// passage is one message on its way to all that its route leads to.
type passage struct {
	e       *Estate
	letter  lmtp.Letter
	message *incoming
	route   *route
	into    int // mailboxes that have it
	copies  int // of it, in all of them
	answers []answer
	refusal error
}

// answer is an answer that a message gets.
type answer struct {
	at store.MailPlace
	by sieve.Vacation
}

// all delivers to everybody. Filters may lead to more mailboxes as it goes. What
// leaves comes last: whoever has the message by then, and is brought it again because
// something failed, is here.
func (p *passage) all(ctx context.Context) error {
	for i := 0; i < len(p.route.boxes); i++ {
		if err := p.box(ctx, p.route.boxes[i]); err != nil {
			return err
		}
	}
	for i := range p.route.answers {
		r := &p.route.answers[i]
		out, err := mailrule.Answering(&r.Autoresponder, r.Address()).Run(p.delivery())
		if err != nil {
			return err
		}
		p.answered(r.MailPlace, out)
		p.into++
	}
	if len(p.route.out) > 0 {
		return p.e.postAll(ctx, p.letter.From, p.letter.Body, false, p.route.out)
	}
	if p.refusal != nil && p.into == 0 && !p.route.nowhere {
		return p.refusal
	}
	return nil
}

func (p *passage) delivery() sieve.Delivery {
	return sieve.Delivery{Message: p.message.Message, From: p.letter.From, Now: p.e.Now()}
}

func (p *passage) answered(at store.MailPlace, out sieve.Outcome) {
	if out.Answer != nil {
		p.answers = append(p.answers, answer{at, *out.Answer})
	}
}

// script is what is done with messages for a mailbox.
func (e *Estate) script(ctx context.Context, row *store.Mailbox) (s sieve.Script, err error) {
	at := store.MailPlace{Account: row.Account, Domain: row.Domain, Local: row.Local}
	err = e.Store.Read(ctx, func(r store.Reader) error {
		s, err = ScriptOf(r, at)
		return err
	})
	return s, err
}

// ScriptOf is what is done with messages for the mailbox at a place; nil where
// nothing is and they are kept.
func ScriptOf(r store.Reader, at store.MailPlace) (sieve.Script, error) {
	account, err := r.Filters(store.MailPlace{Account: at.Account})
	if err != nil {
		return nil, err
	}
	own, err := r.Filters(at)
	if err != nil {
		return nil, err
	}
	responder, err := r.Autoresponder(at)
	if errors.Is(err, store.ErrNotFound) {
		return mailrule.Script(account, own, nil, at.Address()), nil
	}
	return mailrule.Script(account, own, &responder.Autoresponder, at.Address()), err
}

// maxCopies is in how many folders one message may be kept for the address that it
// came for. Once there are so many each further mailbox has it in its inbox alone.
const maxCopies = 200

// box gives the message to one mailbox, as its filters will. That a message is
// refused counts if nobody takes it.
func (p *passage) box(ctx context.Context, row store.Mailbox) error {
	script, err := p.e.script(ctx, &row)
	if err != nil {
		return err
	}
	out := sieve.Outcome{Keep: true}
	if len(script) > 0 {
		if p.message, err = p.e.open(&p.letter); err != nil { // its body may be read
			return err
		}
		d := p.delivery()
		d.Work = p.e.filtering.of(row.Account, cmp.Or(p.e.FilterWork, filterWork), d.Now)
		if out, err = script.Run(d); err != nil {
			return err
		}
	}
	if out.Rejected != nil {
		p.refusal = latchkey.Errorf(latchkey.Invalid, "%s", *out.Rejected)
		return nil
	}
	if err := p.redirect(ctx, &row, &out); err != nil {
		return err
	}
	if out.Keep {
		out.Folders = append([]string{""}, out.Folders...)
	}
	if p.copies+len(out.Folders) > maxCopies && len(out.Folders) > 1 {
		out.Folders = []string{""}
	}
	p.copies += len(out.Folders)
	for _, folder := range out.Folders {
		if err := p.put(ctx, row, folder); err != nil {
			return p.failed(err)
		}
	}
	p.into++
	if !row.SuspendedOutgoing {
		p.answered(store.MailPlace{Account: row.Account, Domain: row.Domain, Local: row.Local}, out)
	}
	return nil
}

// failed is for a mailbox that does not take the message: it is refused only if
// no other took it, or if it may be tried again.
func (p *passage) failed(err error) error {
	switch latchkey.KindOf(err) {
	case latchkey.Limit, latchkey.Denied, latchkey.NotFound:
		p.refusal = err
		return nil
	}
	return err
}

// redirect follows what a filter sends on. A message that comes to where it has
// been, or that nobody takes, stays in the inbox.
func (p *passage) redirect(ctx context.Context, row *store.Mailbox, out *sieve.Outcome) error {
	for _, to := range out.Redirects {
		before := len(p.route.boxes) + len(p.route.answers) + len(p.route.out)
		err := p.e.Store.Read(ctx, func(r store.Reader) error { return p.route.add(r, to, row.Address()) })
		if err != nil {
			return err
		}
		if len(p.route.boxes)+len(p.route.answers)+len(p.route.out) == before {
			out.Keep = true
		}
	}
	return nil
}

// put puts the message into a folder of a mailbox.
func (p *passage) put(ctx context.Context, row store.Mailbox, folder string) error {
	lock := p.e.boxes.of(row.Address())
	lock.Lock()
	defer lock.Unlock()
	return p.e.locks.share(ctx, row.Account, func() error {
		// The account and the mailbox may have changed since they were found.
		err := p.e.Store.Read(ctx, func(r store.Reader) (err error) {
			owner, err := r.AccountByID(row.Account)
			if err == nil {
				row, err = r.Mailbox(row.Account, row.Domain, row.Local)
			}
			if err == nil && (owner.Suspended || row.SuspendedIncoming) {
				err = errShut
			}
			return err
		})
		if errors.Is(err, store.ErrNotFound) {
			return errNoBox
		}
		if err != nil {
			return err
		}
		body, err := p.letter.Open(row.Address())
		if err != nil {
			return err
		}
		return notYet(p.e.put(ctx, &row, folder, body))
	})
}

// notYet answers for a mailbox that the store has and the disk has not: that is
// ours to mend, and the sender's to try again.
func notYet(err error) error {
	if latchkey.KindOf(err) == latchkey.NotFound {
		return &latchkey.Error{Kind: latchkey.Unavailable, Msg: "The mailbox cannot be reached at present: try again later.", Err: err}
	}
	return err
}

func (e *Estate) put(ctx context.Context, row *store.Mailbox, folder string, r io.Reader) error {
	entry, err := e.Auth.Entry(ctx, row.Account)
	if err != nil {
		return err
	}
	room, err := e.room(ctx, row, string(entry.Account.Name))
	if err != nil {
		return err
	}
	if q, err := e.quota(ctx, row.Account, e.Now(), patience()); err != nil {
		return err
	} else if left := q.ByteLimit - q.Bytes; q.ByteLimit != latchkey.Unlimited && (room == maildir.Unlimited || left < room) {
		room = max(left, 0)
	}
	return e.tracked(ctx, row.Account, func() (homedir.Usage, error) {
		d, err := e.Mail.DeliverInto(ctx, string(entry.Account.Name), string(row.Domain), row.Local, folder, r, room)
		if err != nil {
			return homedir.Usage{}, err
		}
		return homedir.Usage{Bytes: d.DiskBytes, Inodes: 1}, nil
	})
}

// room is how many bytes the mailbox may still take.
func (e *Estate) room(ctx context.Context, row *store.Mailbox, name string) (int64, error) {
	if row.Quota == 0 {
		return maildir.Unlimited, nil
	}
	u, err := e.Mail.Usage(ctx, name, string(row.Domain), row.Local)
	if err != nil {
		return 0, err
	}
	if u.Bytes >= row.Quota {
		return 0, &latchkey.Error{Kind: latchkey.Limit, Msg: "The mailbox is full."}
	}
	return row.Quota - u.Bytes, nil
}

// crlf is text with lines that end in CRLF.
func crlf(text []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
}
