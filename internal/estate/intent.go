package estate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// A change with effects outside the store has three steps. First one
// transaction reserves what it needs and writes an intent: what is to be done.
// Then the effects, each of which may be repeated. Last one transaction makes
// the change true, with its event, and takes the intent away. A crash at any
// point leaves an intent, and [Estate.Recover] goes on from there; a failure,
// and [Estate.Repair] does.

// intent is what was begun.
type intent struct {
	Account latchkey.AccountID   `json:"account"`
	Name    latchkey.AccountName `json:"name"` // of the account, when it began
	NewName latchkey.AccountName `json:"new_name,omitempty"`
	Domain  latchkey.Domain      `json:"domain,omitempty"`
	Local   string               `json:"local,omitempty"`
	Package string               `json:"package,omitempty"` // saved with an account
	Stood   bool                 `json:"stood,omitempty"`   // the home of a new account was there before
	// What a rename changes besides the name: the account as it was and as it is
	// to be.
	Was *latchkey.Account `json:"was,omitempty"`
	Is  *latchkey.Account `json:"is,omitempty"`
}

// plan is how one kind of intent is finished. Every function in it may run
// more than once.
type plan struct {
	// apply brings the effects about.
	apply func(e *Estate, ctx context.Context, in *intent) error
	// finish makes the change true in the store.
	finish func(tx store.Tx, in *intent) error
	// undo, where there is one, gives up what was reserved if apply fails, in
	// the store and outside it. Where there is none the intent stays and is
	// tried again, and the trail has the event before anything begins.
	undo   func(tx store.Tx, in *intent) error
	revert func(e *Estate, ctx context.Context, in *intent) error
	// together says that the account does not work with the effects of apply
	// but without finish: if that fails, they are taken back at once.
	together bool
	// inside says that the effects lie in the home of an account that exists,
	// and that there is nothing left to do without it.
	inside bool
	// noMail says that nothing of it is the mail server's business.
	noMail bool
}

var plans = map[string]plan{
	"mailbox-create": mailboxCreate,
	"mailbox-remove": mailboxRemove,
	"account-create": accountCreate,
	"account-remove": accountRemove,
	"account-rename": accountRename,
	"zone-remove":    zoneRemove,
}

// carryOut runs the three steps, if caller still may. begin checks and reserves;
// what it returns as an error is the caller's answer and nothing has happened.
func (e *Estate) carryOut(ctx context.Context, act *audit.Act, caller *latchkey.Caller, kind string, in *intent, begin func(store.Tx) error) error {
	var id int64
	err := e.Auth.Commit(ctx, func(tx store.Tx) error {
		if err := e.stands(tx, caller); err != nil {
			return err
		}
		if err := begin(tx); err != nil {
			return err
		}
		body, err := json.Marshal(in)
		if err != nil {
			return err
		}
		if plans[kind].undo == nil { // what cannot be undone stands in the trail before it begins
			tx.Audit(act.Begun(), 1)
		}
		id, err = tx.InsertIntent(store.Intent{At: e.Now(), Account: in.Account, Kind: kind, Body: body})
		return err
	})
	if err != nil {
		return err
	}
	// What has begun is finished, whether or not the client still waits.
	ctx = context.WithoutCancel(ctx)
	if err = e.finish(ctx, act, kind, id, in); err != nil {
		e.unfinished.add(id)
	}
	return err
}

func (e *Estate) finish(ctx context.Context, act *audit.Act, kind string, id int64, in *intent) error {
	p := plans[kind]
	if err := p.apply(e, ctx, in); err != nil {
		return e.giveUp(ctx, kind, id, in, err)
	}
	done := func(tx store.Tx) error {
		if err := p.finish(tx, in); err != nil {
			return err
		}
		return tx.DeleteIntent(id)
	}
	err := e.commit(ctx, act, nil, done)
	switch {
	case err != nil && (p.together || p.undo != nil && errors.Is(err, store.ErrNoTrail)):
		return e.giveUp(ctx, kind, id, in, err)
	case err != nil:
		return e.begun(kind, in, err)
	case p.noMail:
		return nil
	}
	return e.applyMail(ctx, in.place())
}

// place is where the mail server finds something else after an intent: at an
// address, or in all of an account.
func (in *intent) place() store.MailPlace {
	if in.Local == "" {
		return store.MailPlace{Account: in.Account}
	}
	return store.MailPlace{Account: in.Account, Domain: in.Domain, Local: in.Local}
}

// begun is the answer where neither the change nor its undoing got through.
func (e *Estate) begun(kind string, in *intent, cause error) error {
	e.Log.Error("a change could not be finished and will be tried again", "kind", kind, "account", in.Name, "err", cause)
	return &latchkey.Error{Kind: latchkey.Unavailable, Err: cause,
		Msg: "The change has begun but could not be finished yet. The server will go on with it by itself; look again later."}
}

// giveUp undoes what was reserved for effects that did not come about.
func (e *Estate) giveUp(ctx context.Context, kind string, id int64, in *intent, cause error) error {
	p := plans[kind]
	if p.undo == nil {
		return e.begun(kind, in, cause)
	}
	if err := p.revert(e, ctx, in); err != nil {
		return e.begun(kind, in, errors.Join(cause, err))
	}
	err := e.Auth.Commit(ctx, func(tx store.Tx) error {
		if err := p.undo(tx, in); err != nil {
			return err
		}
		return tx.DeleteIntent(id)
	})
	if err != nil {
		return e.begun(kind, in, errors.Join(cause, err))
	}
	return cause
}

// Recover finishes whatever was begun before the server last stopped. It
// returns how much that was. What cannot be finished now is left to
// [Estate.Repair]: one broken home keeps nobody else out.
func (e *Estate) Recover(ctx context.Context) (int, error) {
	if err := e.firstZones(ctx); err != nil {
		return 0, err
	}
	if err := e.announceZones(ctx); err != nil {
		return 0, err
	}
	open, err := e.intents(ctx)
	if err != nil {
		return 0, err
	}
	if err := e.recallFigures(ctx, len(open) > 0); err != nil {
		return 0, err
	}
	// Half-made and half-removed homes are only there where something was begun.
	// Looking for them means looking at every home, so it is not done for nothing.
	if len(open) > 0 {
		if err := e.Homes.Sweep(ctx); err != nil {
			e.Log.Error("what was left of removed homes could not be cleared away", "err", err)
		}
	}
	n := 0
	for _, i := range open {
		if _, known := plans[i.Kind]; !known {
			return n, fmt.Errorf("finishing %s of account %d, begun %s: this program does not know how: use a newer one", i.Kind, i.Account, i.At)
		}
		if e.resume(ctx, i) {
			n++
		}
	}
	e.announceMail(ctx)
	return n, nil
}

func (e *Estate) intents(ctx context.Context) (open []store.Intent, err error) {
	err = e.Store.Read(ctx, func(r store.Reader) (err error) {
		open, err = r.Intents()
		return err
	})
	return open, err
}

// RunRepairs calls [Estate.Repair] now and then, and [Estate.Sweep] once a day,
// until ctx ends.
func (e *Estate) RunRepairs(ctx context.Context) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	sweep := time.NewTimer(10 * time.Minute) // not while a server starts
	defer sweep.Stop()
	for {
		select {
		case <-tick.C:
			e.Repair(ctx)
		case <-sweep.C:
			if _, err := e.Store.Write(ctx, func(tx store.Tx) error { return tx.ForgetAnswers(e.Now()) }); err != nil && ctx.Err() == nil {
				e.Log.Warn("whom autoresponders have answered is not forgotten", "err", err)
			}
			if err := e.Sweep(ctx); err != nil && ctx.Err() == nil {
				e.Log.Warn("what crashes left in homes could not be cleared away", "err", err)
			}
			sweep.Reset(24 * time.Hour)
		case <-ctx.Done():
			return
		}
	}
}

// Repair tries again to finish what could not be finished so far.
func (e *Estate) Repair(ctx context.Context) {
	e.repairZones(ctx)
	e.repairMail(ctx)
	e.repairSites(ctx)
	left := e.unfinished.take()
	if len(left) == 0 {
		return
	}
	open, err := e.intents(ctx)
	if err != nil {
		e.unfinished.add(left...)
		return
	}
	for _, i := range open {
		if slices.Contains(left, i.ID) && e.resume(ctx, i) {
			e.Log.Info("finished what had begun earlier", "kind", i.Kind, "account", i.Account)
		}
	}
}

// resume finishes an intent that nobody else is at work on, and reports whether
// it could; otherwise it comes up again at the next [Estate.Repair].
func (e *Estate) resume(ctx context.Context, i store.Intent) bool {
	var in intent
	err := json.Unmarshal(i.Body, &in)
	if err == nil {
		err = e.locks.alone(ctx, in.Account, func() error { return e.goOn(ctx, i, &in) })
	}
	if err != nil {
		e.Log.Error("what was begun earlier is not finished", "kind", i.Kind, "account", i.Account, "begun", i.At, "err", err)
		e.unfinished.add(i.ID)
	}
	return err == nil
}

func (e *Estate) goOn(ctx context.Context, i store.Intent, in *intent) error {
	if in.NewName == "" { // the account may have another name by now
		a, err := e.accountNow(ctx, in.Account)
		switch {
		case err == nil:
			in.Name = a.Name
		case gone(err) != nil:
			return err
		case plans[i.Kind].inside:
			// The home is gone with the account, and another's may stand under its name.
			return e.Auth.Commit(ctx, func(tx store.Tx) error { return tx.DeleteIntent(i.ID) })
		}
	}
	act := audit.Begin(e.Now, latchkey.Origin{})
	act.As(&latchkey.Caller{Account: in.Account, Name: in.Name})
	act.Calls("recover::"+i.Kind, true, nil, nil)
	return e.finish(ctx, act, i.Kind, i.ID, in)
}

// accountNow is an account as the store has it.
func (e *Estate) accountNow(ctx context.Context, id latchkey.AccountID) (a latchkey.Account, err error) {
	err = e.Store.Read(ctx, func(r store.Reader) (err error) {
		a, err = r.AccountByID(id)
		return err
	})
	return a, err
}

// numbers are intents whose calls have ended without finishing them.
type numbers struct {
	mu   sync.Mutex
	list []int64
}

func (n *numbers) add(ids ...int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, ids...)
}

func (n *numbers) take() []int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.list
	n.list = nil
	return list
}

// gone makes NotFound a success, for steps that take things away.
func gone(err error) error {
	if latchkey.KindOf(err) == latchkey.NotFound {
		return nil
	}
	return err
}
