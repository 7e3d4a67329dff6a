package estate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// A change with effects outside the store has three steps. First one
// transaction reserves what it needs and writes an intent: what is to be done.
// Then the effects, each of which may be repeated. Last one transaction makes
// the change true, with its event, and takes the intent away. A crash at any
// point leaves an intent, and [Estate.Recover] goes on from there.

// intent is what was begun.
type intent struct {
	Account latchkey.AccountID   `json:"account"`
	Name    latchkey.AccountName `json:"name"` // of the account, when it began
	NewName latchkey.AccountName `json:"new_name,omitempty"`
	Domain  latchkey.Domain      `json:"domain,omitempty"`
	Local   string               `json:"local,omitempty"`
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
	// tried again.
	undo   func(tx store.Tx, in *intent) error
	revert func(e *Estate, ctx context.Context, in *intent) error
}

var plans = map[string]plan{
	"mailbox-create": mailboxCreate,
	"mailbox-remove": mailboxRemove,
	"account-create": accountCreate,
	"account-remove": accountRemove,
	"account-rename": accountRename,
}

// carryOut runs the three steps. begin checks and reserves; what it returns as
// an error is the caller's answer and nothing has happened.
func (e *Estate) carryOut(ctx context.Context, act *audit.Act, kind string, in *intent, begin func(store.Tx) error) error {
	var id int64
	err := e.Auth.Commit(ctx, func(tx store.Tx) error {
		if err := begin(tx); err != nil {
			return err
		}
		body, err := json.Marshal(in)
		if err != nil {
			return err
		}
		id, err = tx.InsertIntent(store.Intent{At: e.Now(), Account: in.Account, Kind: kind, Body: body})
		return err
	})
	if err != nil {
		return err
	}
	// What has begun is finished, whether or not the client still waits.
	ctx = context.WithoutCancel(ctx)
	return e.finish(ctx, act, kind, id, in)
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
	return e.commit(ctx, act, done)
}

// giveUp undoes what was reserved for effects that did not come about.
func (e *Estate) giveUp(ctx context.Context, kind string, id int64, in *intent, cause error) error {
	p := plans[kind]
	if p.undo == nil {
		e.Log.Error("a change could not be finished and will be tried again", "kind", kind, "account", in.Name, "err", cause)
		return &latchkey.Error{Kind: latchkey.Unavailable, Err: cause,
			Msg: "The change has begun but could not be finished yet. The server will go on with it by itself; look again later."}
	}
	if err := p.revert(e, ctx, in); err != nil {
		e.Log.Error("a failed change could not be cleared away yet", "kind", kind, "account", in.Name, "err", err)
		return cause
	}
	err := e.Auth.Commit(ctx, func(tx store.Tx) error {
		if err := p.undo(tx, in); err != nil {
			return err
		}
		return tx.DeleteIntent(id)
	})
	return errors.Join(cause, err)
}

// Recover finishes whatever was begun before the server last stopped. It
// returns how much that was.
func (e *Estate) Recover(ctx context.Context) (int, error) {
	if err := e.Homes.Sweep(ctx); err != nil {
		return 0, err
	}
	var open []store.Intent
	err := e.Store.Read(ctx, func(r store.Reader) (err error) {
		open, err = r.Intents()
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, i := range open {
		if err := e.resume(ctx, i); err != nil {
			return 0, fmt.Errorf("finishing %s of account %d, begun %s: %w", i.Kind, i.Account, i.At, err)
		}
	}
	return len(open), nil
}

func (e *Estate) resume(ctx context.Context, i store.Intent) error {
	var in intent
	if err := json.Unmarshal(i.Body, &in); err != nil {
		return err
	}
	if _, known := plans[i.Kind]; !known {
		return fmt.Errorf("this program does not know how: use a newer one")
	}
	act := audit.Begin(e.Now, latchkey.Origin{})
	act.As(&latchkey.Caller{Account: in.Account, Name: in.Name})
	act.Calls("recover::"+i.Kind, true, nil, nil)
	return e.locks.alone(ctx, in.Account, func() error { return e.finish(ctx, act, i.Kind, i.ID, &in) })
}

// gone makes NotFound a success, for steps that take things away.
func gone(err error) error {
	if latchkey.KindOf(err) == latchkey.NotFound {
		return nil
	}
	return err
}
