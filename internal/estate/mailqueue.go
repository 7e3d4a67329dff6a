package estate

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/notice"
	"github.com/latchkey/latchkey/internal/store"
)

// queue is a mail server that holds what mailboxes send and this server could not
// keep: it was down.
type queue interface {
	// Held is how many messages are held, by the address of their sender in lower case.
	Held(ctx context.Context) (map[string]int64, error)
	// DropHeld deletes those of a sender, and tells how many they were.
	DropHeld(ctx context.Context, sender string) (int64, error)
}

// Held implements [hosting.MailQueue].
func (m *mail) Held(ctx context.Context, of hosting.Address) (n int64, err error) {
	if of != (hosting.Address{}) {
		if _, err := m.Mailbox(ctx, of); err != nil {
			return 0, err
		}
	}
	err = m.e.Store.Read(ctx, func(r store.Reader) error {
		n, err = r.HeldCount(m.place(of))
		return err
	})
	q, ok := m.e.Mailserver.(queue)
	if err != nil || !ok {
		return n, err
	}
	held, err := q.Held(ctx)
	if err != nil || of != (hosting.Address{}) {
		return n + held[of.String()], err
	}
	err = m.EachMailbox(ctx, func(list []hosting.Mailbox) error {
		for i := range list {
			n += held[list[i].Address.String()]
		}
		return nil
	})
	return n, err
}

// DropHeld implements [hosting.MailQueue]. The trail has the call before the first
// message goes.
func (m *mail) DropHeld(ctx context.Context, of hosting.Address) (int64, error) {
	m.on(of)
	if err := m.begun(ctx, of); err != nil {
		return 0, err
	}
	n, err := m.dropHeld(ctx, of)
	if q, ok := m.e.Mailserver.(queue); ok && err == nil {
		more, err := q.DropHeld(ctx, of.String())
		return n + more, err
	}
	return n, err
}

// dropHeld deletes what of a mailbox is held here.
func (m *mail) dropHeld(ctx context.Context, of hosting.Address) (n int64, err error) {
	_, err = m.e.Store.Write(ctx, func(tx store.Tx) error {
		n, err = tx.DeleteHeld(m.place(of))
		return err
	})
	if err != nil || n == 0 {
		return n, err
	}
	if err := m.e.clearQueue(ctx); err != nil {
		m.e.Log.Warn("files of mail that was thrown away could not be cleared away yet", "err", err)
	}
	return n, nil
}

// reader is a mail server by which people read mail.
type reader interface {
	// EndSessions ends the sessions of mailboxes, by their addresses: it returns when
	// they are out.
	EndSessions(ctx context.Context, of map[string]bool) error
}

// EndMailSessions implements [hosting.Mail]. Where people read mail by nothing here
// there are none.
func (m *mail) EndMailSessions(ctx context.Context) error {
	err := m.e.Auth.Commit(ctx, func(tx store.Tx) error {
		if err := m.e.stands(tx, m.caller); err != nil {
			return err
		}
		tx.Audit(m.act.Begun(), 1)
		return nil
	})
	if _, own := m.e.Mailserver.(homely); own || err != nil {
		return err
	}
	r, ok := m.e.Mailserver.(reader)
	if !ok {
		return latchkey.Errorf(latchkey.RoleOff, "The mail server of this server ends no sessions.")
	}
	of := map[string]bool{}
	err = m.EachMailbox(ctx, func(list []hosting.Mailbox) error {
		for i := range list {
			of[list[i].Address.String()] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := r.EndSessions(ctx, of); err != nil {
		return &latchkey.Error{Kind: latchkey.Unavailable, Msg: "Not all sessions could be ended: try again.", Err: err}
	}
	return nil
}

// settingsADay is how many mails with settings an account may have sent: they go to
// whom it likes.
const settingsADay = 20

// sentSettings are how many mails with settings were sent today, by account.
type sentSettings struct {
	mu   sync.Mutex
	day  time.Time
	sent map[latchkey.AccountID]int
}

// one counts one more of an account, if it may have it sent.
func (s *sentSettings) one(id latchkey.AccountID, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if day := now.UTC().Truncate(24 * time.Hour); s.sent == nil || !s.day.Equal(day) {
		s.day, s.sent = day, map[latchkey.AccountID]int{}
	}
	if s.sent[id] >= settingsADay {
		return hosting.TooManySettings(settingsADay)
	}
	s.sent[id]++
	return nil
}

// SendSettings implements [hosting.Mail].
func (m *mail) SendSettings(ctx context.Context, s hosting.MailSettings, to string) error {
	m.on(s.Mailbox)
	if m.e.Notices.Mailer == nil {
		return &latchkey.Error{Kind: latchkey.RoleOff, Msg: "This server sends no mail: its administrator has to set notices_sendmail or notices_smtp. Tell the settings yourself."}
	}
	now := m.e.Now()
	what := notice.Settings{Server: m.e.Server.Hostname, Account: string(m.caller.Name), Mailbox: s.Mailbox.String(), Host: s.Host, IMAP: s.IMAP, SMTP: s.SMTP}
	msg, err := what.Message(m.e.Notices.From, to, "latchkey.settings."+rand.Text()+"@"+m.e.Server.Hostname, now)
	if err != nil {
		return latchkey.InvalidParam("to", "The “to” argument is invalid: %v.", err)
	}
	if err := m.begun(ctx, s.Mailbox); err != nil {
		return err
	}
	if err := m.e.sent.one(m.caller.Account, now); err != nil {
		return err
	}
	m.e.sign(ctx, msg)
	return notSent(m.e.Notices.Mailer.Send(ctx, msg))
}

// notSent says in the caller's words that a message was not taken.
func notSent(err error) error {
	if refused, ok := errors.AsType[*notice.Refusal](err); ok {
		return &latchkey.Error{Kind: latchkey.Invalid, Param: "to", Msg: "The mail was refused: is the address right?", Err: refused}
	}
	if err != nil {
		return &latchkey.Error{Kind: latchkey.Unavailable, Msg: "The mail cannot be sent at present: try again later.", Err: err}
	}
	return nil
}
