package estate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	netmail "net/mail"
	"slices"
	"time"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/notice"
	"github.com/latchkey/latchkey/internal/store"
)

// Mailer sends what owners are told. A message that is refused for good is a
// [notice.Refusal]; where none can be sent now it is [notice.Unreachable].
type Mailer interface {
	Send(ctx context.Context, m *notice.Message) error
}

// Notices are how owners are told by mail. Without a Mailer nobody is told of
// anything, and nothing waits to be told.
type Notices struct {
	Mailer Mailer
	From   netmail.Address
}

// What owners are told at most, and how long is tried to tell it.
const (
	noticesADay   = 50
	noticesKept   = 48 * time.Hour // when they are done with
	noticesGiveUp = 72 * time.Hour
	noticesAtOnce = 100
)

// noticePauses are how long to wait after each try that failed; the last counts
// for all that follow.
var noticePauses = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour, 12 * time.Hour}

// tell puts a notice about k into the queue, in the transaction of what it tells.
// It is sent later, whatever happens meanwhile, unless the account is removed.
// Whom nobody can be told at is told nothing; too much is not told.
func (e *Estate) tell(tx store.Tx, k *latchkey.Token, n notice.Notice) error {
	if e.Notices.Mailer == nil {
		return nil
	}
	a, err := tx.AccountByID(k.Account)
	if err != nil {
		return gone(err)
	}
	address, bad := notice.Address(a.ContactEmail)
	off, err := tx.NoticesOff(a.ID)
	if err != nil || bad != nil || slices.Contains(off, string(n.Kind)) {
		return err
	}
	now := e.Now().UTC()
	sent, err := tx.NoticesSince(a.ID, now.Add(-24*time.Hour))
	if err != nil || sent >= noticesADay {
		return err
	}
	n.Last = sent == noticesADay-1
	n.Server, n.Account, n.Host, n.Site = e.Server.Hostname, string(a.Name), k.Audience == latchkey.ForHost, e.Server.Sites[k.Audience]
	n.Token, n.Handle, n.May, n.Where, n.Expires = k.Name, k.Handle.String(), mayDo(k), k.Addresses.Texts(), k.Expires
	if n.At.IsZero() {
		n.At = now
	}
	body, err := json.Marshal(&n)
	if err == nil {
		_, err = tx.InsertNotice(store.Notice{Account: a.ID, At: now, Due: now, Address: address, Body: body})
	}
	return err
}

// mayDo says what a token may do.
func mayDo(k *latchkey.Token) string {
	switch {
	case k.Audience == latchkey.ForHost && k.Privileges == 0:
		return "everything that its owner may do in WHM"
	case k.Audience == latchkey.ForHost:
		return fmt.Sprint(k.Privileges.Names())
	case k.Grants != "":
		return k.Grants
	case k.ReadOnly:
		return "see everything of the account, and change nothing"
	}
	return "everything (full access)"
}

// tell puts a notice of what the caller does to k into the queue.
func (t *tokens) tell(tx store.Tx, k *latchkey.Token, n notice.Notice) error {
	return t.e.tell(tx, k, doneBy(n, t.act, t.caller))
}

// doneBy fills in who does what n tells of.
func doneBy(n notice.Notice, act *audit.Act, c *latchkey.Caller) notice.Notice {
	if from := act.From(); from.IsValid() {
		n.From = from.String()
	}
	n.Client = act.Client()
	switch {
	case c == nil:
	case c.Through != nil:
		n.By = string(c.Through.Name) + ", through WHM"
	case c.Kind == latchkey.ByToken:
		n.By = "the API token with the handle " + c.Handle.String()
	case c.Kind == latchkey.ByPassword:
		n.By = "the account's password"
	case c.Kind == latchkey.BySession:
		n.By = "somebody who had signed in"
	case c.Kind == latchkey.ByLocal:
		n.By = "the command line of the server"
	}
	return n
}

// RunNotices finds out what is to be told and sends it, until ctx ends.
func (e *Estate) RunNotices(ctx context.Context) {
	if e.Notices.Mailer == nil {
		return
	}
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for n := 0; ; n++ {
		if err := e.NoticeRound(ctx, n%180 == 0); err != nil && ctx.Err() == nil {
			e.Log.Error("notices to owners", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// NoticeRound does once what [Estate.RunNotices] does; with sweep it also
// looks for tokens that are about to end.
func (e *Estate) NoticeRound(ctx context.Context, sweep bool) (err error) {
	if sweep {
		err = errors.Join(e.tellOfEnds(ctx), e.tellOfTerms(ctx), e.forgetNotices(ctx))
	}
	return errors.Join(err, e.tellOfNetworks(ctx), e.SendNotices(ctx))
}

func (e *Estate) forgetNotices(ctx context.Context) error {
	_, err := e.Store.Write(ctx, func(tx store.Tx) error { return tx.DeleteOldNotices(e.Now().Add(-noticesKept)) })
	return err
}

// SendNotices sends what is due, one after another. Each is noted as sent before
// the next one is: a crash can have one of them sent twice, and loses none.
func (e *Estate) SendNotices(ctx context.Context) error {
	if e.Now().Before(e.posting.pause) {
		return nil
	}
	var due []store.Notice
	err := e.Store.Read(ctx, func(r store.Reader) (err error) {
		due, err = r.DueNotices(e.Now(), noticesAtOnce)
		return err
	})
	for i := 0; err == nil && i < len(due) && ctx.Err() == nil; i++ {
		var wait bool
		if wait, err = e.sendNotice(ctx, &due[i]); wait {
			break
		}
	}
	return err
}

// posting is what the sender of notices remembers.
type posting struct {
	pause   time.Time // nothing is tried before
	failed  int       // how often in a row nothing could be sent
	refusal string    // why, as last logged
}

// sendNotice sends n, and reports whether nothing more can be sent now.
func (e *Estate) sendNotice(ctx context.Context, n *store.Notice) (wait bool, err error) {
	failed := e.mailNotice(ctx, n)
	if failed != nil && ctx.Err() != nil {
		return true, nil // the server stops: it is tried again
	}
	_, down := errors.AsType[*notice.Unreachable](failed)
	if !down {
		e.posting = posting{}
	}
	now := e.Now()
	_, refused := errors.AsType[*notice.Refusal](failed)
	switch {
	case failed == nil:
		return false, e.settleNotice(n, time.Time{}, nil)
	case refused || now.Sub(n.At) >= noticesGiveUp:
		return down, e.settleNotice(n, time.Time{}, failed)
	case down:
		e.holdOn(now, failed)
		return true, nil
	}
	n.Tries++
	return false, e.settleNotice(n, now.Add(pauseAfter(n.Tries)), nil)
}

// mailNotice hands n to the mailer.
func (e *Estate) mailNotice(ctx context.Context, n *store.Notice) error {
	var what notice.Notice
	if err := json.Unmarshal(n.Body, &what); err != nil {
		return &notice.Refusal{Err: err}
	}
	id := fmt.Sprintf("latchkey.notice.%d.%d@%s", n.At.UnixMicro(), n.ID, e.Server.Hostname)
	m, err := what.Message(e.Notices.From, n.Address, id, n.At)
	if err != nil {
		return err
	}
	e.sign(ctx, m)
	return e.Notices.Mailer.Send(ctx, m)
}

// holdOn has nothing tried for a while, and says why, once.
func (e *Estate) holdOn(now time.Time, why error) {
	e.posting.failed++
	e.posting.pause = now.Add(min(pauseAfter(e.posting.failed), 15*time.Minute))
	if text := why.Error(); text != e.posting.refusal {
		e.Log.Warn("notices to owners cannot be sent and wait", "err", text)
		e.posting.refusal = text
	}
}

// pauseAfter is how long to wait after so many tries.
func pauseAfter(tries int) time.Duration {
	return noticePauses[min(tries, len(noticePauses))-1]
}

// settleNotice notes how it stands with n: when it is tried again, or that it is
// done with. Why it was given up stands in the trail.
func (e *Estate) settleNotice(n *store.Notice, due time.Time, failed error) error {
	_, err := e.Store.Write(context.Background(), func(tx store.Tx) error {
		if err := tx.PutNotice(n.ID, due, n.Tries); err != nil || failed == nil {
			return gone(err) // its account may be gone
		}
		a, err := tx.AccountByID(n.Account)
		if err != nil {
			return gone(err)
		}
		event := latchkey.Event{At: e.Now(), Account: a.ID, Name: a.Name, Func: "notices::give_up", Outcome: latchkey.Unavailable, Messages: firstOf(failed.Error(), 500)}
		tx.Audit(audit.Encode(&event), 1)
		return nil
	})
	if err == nil && failed != nil {
		e.Log.Warn("a notice to an owner was given up", "account", n.Account, "err", firstOf(failed.Error(), 500))
	}
	return err
}

// Notices implements [hosting.Tokens].
func (t *tokens) Notices(ctx context.Context) (n hosting.Notices, err error) {
	err = t.e.Store.Read(ctx, func(r store.Reader) (err error) {
		n, err = t.notices(r)
		return err
	})
	return n, err
}

func (t *tokens) notices(r store.Reader) (n hosting.Notices, err error) {
	a, err := r.AccountByID(t.account)
	if err != nil {
		return n, err
	}
	n.Sent, n.Contact = t.e.Notices.Mailer != nil, a.ContactEmail
	n.Off, err = r.NoticesOff(a.ID)
	return n, err
}

// SetNotices implements [hosting.Tokens]. Who holds a token that leaked must not
// keep its owner from hearing of it.
func (t *tokens) SetNotices(ctx context.Context, change func([]string) []string) (n hosting.Notices, err error) {
	err = t.e.commit(ctx, t.act, t.caller, func(tx store.Tx) error {
		own, err := t.own(tx)
		if err == nil && own != nil && own.Audience != latchkey.ForHost {
			err = latchkey.Errorf(latchkey.Denied, "An API token switches no notices off: call this with the account’s password, or from a session.")
		}
		if err != nil {
			return err
		}
		if n, err = t.notices(tx); err != nil {
			return err
		}
		n.Off = change(n.Off)
		return tx.PutNoticesOff(t.account, n.Off)
	})
	return n, err
}
