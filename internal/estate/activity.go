package estate

import (
	"context"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

func (a *account) Activity(ctx context.Context, q latchkey.EventQuery) (latchkey.EventPage, error) {
	info, err := a.Info(ctx)
	if err != nil {
		return latchkey.EventPage{}, err
	}
	if q.Token != "" {
		err := a.e.Store.Read(ctx, func(r store.Reader) error { return audit.Handle(r, info.ID, latchkey.ForAccount, &q.EventFilter) })
		if err != nil {
			return latchkey.EventPage{}, err
		}
	}
	q.Account, q.Name, q.Own, q.Made = info.ID, info.Name, true, info.Created
	if info.Named.After(q.Made) {
		q.Made = info.Named // who had the name before saw these
	}
	return a.e.Trail.Search(ctx, q)
}

func (h *host) Activity(ctx context.Context, name latchkey.AccountName, q latchkey.EventQuery) (latchkey.EventPage, error) {
	if !h.caller.OverAll() {
		return latchkey.EventPage{}, latchkey.Errorf(latchkey.Denied, "The audit trail is the administrator’s alone.")
	}
	err := h.e.Store.Read(ctx, func(r store.Reader) error { return audit.Concerning(r, name, &q.EventFilter) })
	if err != nil {
		return latchkey.EventPage{}, err
	}
	return h.e.Trail.Search(ctx, q)
}
