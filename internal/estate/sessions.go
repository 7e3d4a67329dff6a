package estate

import (
	"context"
	"slices"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// ownSessions are those of the account that the caller is.
type ownSessions struct {
	e      *Estate
	act    *audit.Act
	caller *latchkey.Caller
}

func (s *signIns) Own() hosting.OwnSessions     { return &ownSessions{s.e, s.act, s.caller} }
func (h *hostSignIns) Own() hosting.OwnSessions { return &ownSessions{h.e, h.act, h.caller} }

// byPerson refuses tokens: whoever holds one has no business with the sessions of
// people.
func (s *ownSessions) byPerson() error {
	c := s.caller
	if c.Through != nil {
		c = c.Through
	}
	if c.Kind == latchkey.ByToken {
		return denied("session", "An API token cannot see or end sessions: sign in to do that.")
	}
	return nil
}

// List implements [hosting.OwnSessions].
func (s *ownSessions) List(ctx context.Context) (list []hosting.SessionInfo, err error) {
	if err := s.byPerson(); err != nil {
		return nil, err
	}
	err = s.e.Store.Read(ctx, func(r store.Reader) error {
		live, err := s.e.Auth.LiveSessions(r, s.caller.Account)
		for i := range live {
			list = append(list, s.told(&live[i]))
		}
		return err
	})
	slices.SortStableFunc(list, func(a, b hosting.SessionInfo) int { return b.Used.Compare(a.Used) })
	return list, err
}

func (s *ownSessions) told(x *latchkey.Session) hosting.SessionInfo {
	return hosting.SessionInfo{
		Handle: s.e.Auth.SessionHandle(x.ID).String(), Door: x.Audience, Created: x.Created, Used: x.Used, Ends: x.Ends,
		Own: s.own(x), Waits: x.HandOver, ByToken: x.Token != (latchkey.TokenMAC{}),
	}
}

// own reports whether x is the session that the caller came in with.
func (s *ownSessions) own(x *latchkey.Session) bool {
	return s.caller.Kind == latchkey.BySession && x.ID == latchkey.SessionID(s.caller.Proof)
}

// End implements [hosting.OwnSessions].
func (s *ownSessions) End(ctx context.Context, handle string) (ended int, err error) {
	if err := s.byPerson(); err != nil {
		return 0, err
	}
	err = s.e.commit(ctx, s.act, s.caller, func(tx store.Tx) error {
		ended = 0
		list, err := tx.Sessions(s.caller.Account, "")
		for i := range list {
			x := &list[i]
			if err != nil || handle == "" && s.own(x) || handle != "" && s.e.Auth.SessionHandle(x.ID).String() != handle {
				continue
			}
			err = tx.DeleteSession(x.ID)
			ended++
		}
		if err == nil && handle != "" && ended == 0 {
			err = &latchkey.Error{Kind: latchkey.NotFound, Param: "session", Msg: "There is no such session: it may have ended."}
		}
		return err
	})
	return ended, err
}
