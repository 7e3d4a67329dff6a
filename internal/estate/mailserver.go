package estate

import (
	"context"
	"sync"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// Mailserver is a part that delivers mail and lets people read it, by what stands
// in the store: mailboxes, and what package mailrule says of them. A change is
// one transaction; after it the part is told where something has changed, and the
// change is answered when it is in effect. What the part does not manage stays in
// [Estate.mails] and is told it again by [Estate.Repair]; at the start it is told
// of everything.
type Mailserver interface {
	// Apply makes what the store has of a place what is in effect: of an address its
	// mailbox, forwarders, autoresponder and filters; of a domain what becomes of
	// other mail for it; of an account whether it is suspended, its name, its own
	// filters and all its domains. What is no more is taken away. It returns when
	// the next message and the next login find it so, and may be called again.
	Apply(ctx context.Context, p store.MailPlace) error
	// Reconcile is Apply for all there is, whatever was in effect.
	Reconcile(ctx context.Context) error
}

// mover is a mail server that can put off what comes for an account's mailboxes until
// [Mailserver.Apply] is called for the account: their files are being moved.
type mover interface {
	Hold(ctx context.Context, account latchkey.AccountID) error
}

// holdMail puts off what comes for an account's mailboxes.
func (e *Estate) holdMail(ctx context.Context, account latchkey.AccountID) error {
	if m, ok := e.Mailserver.(mover); ok {
		return m.Hold(ctx, account)
	}
	return nil
}

// homely is the part where there is none: the program delivers by itself, and
// reads the store each time.
type homely struct{}

func (homely) Apply(context.Context, store.MailPlace) error { return nil }
func (homely) Reconcile(context.Context) error              { return nil }

// mails are the places of which the mail server does not know the last change.
type mails struct {
	mu     sync.Mutex
	behind map[store.MailPlace]bool // the zero place is everything
}

func (m *mails) set(p store.MailPlace, behind bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case !behind:
		delete(m.behind, p)
	case m.behind == nil:
		m.behind = map[store.MailPlace]bool{p: true}
	default:
		m.behind[p] = true
	}
}

func (m *mails) take() (list []store.MailPlace) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for p := range m.behind {
		list = append(list, p)
	}
	clear(m.behind)
	return list
}

// applyMail has a change of a place take effect that is kept already.
func (e *Estate) applyMail(ctx context.Context, p store.MailPlace) error {
	err := e.Mailserver.Apply(context.WithoutCancel(ctx), p)
	e.mails.set(p, err != nil)
	if err == nil {
		return nil
	}
	e.Log.Error("a change of mail is kept but not in effect yet, and will be tried again", "account", p.Account, "domain", p.Domain, "local", p.Local, "err", err)
	return &latchkey.Error{Kind: latchkey.Unavailable, Err: err,
		Msg: "The change is kept, but the mail server does not follow it yet. The server will go on with it by itself; look again later."}
}

// repairMail has those changes take effect that could not so far.
func (e *Estate) repairMail(ctx context.Context) {
	for _, p := range e.mails.take() {
		apply := func() error { return e.Mailserver.Apply(ctx, p) }
		if p == (store.MailPlace{}) {
			apply = func() error { return e.Mailserver.Reconcile(ctx) }
		}
		if err := apply(); err != nil {
			e.mails.set(p, true)
			continue
		}
		e.Log.Info("a change of mail is in effect that could not be earlier", "account", p.Account, "domain", p.Domain, "local", p.Local)
	}
}

// announceMail tells the mail server of everything. What it does not manage is
// tried again later: one part that is down keeps nobody out.
func (e *Estate) announceMail(ctx context.Context) {
	if err := e.Mailserver.Reconcile(ctx); err != nil {
		e.Log.Error("the mail server does not follow yet, and will be told again", "err", err)
		e.mails.set(store.MailPlace{}, true)
	}
}
