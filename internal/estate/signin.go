package estate

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// signIns is what an account's owner may do about signing in.
type signIns struct{ *account }

func (a *account) SignIns() hosting.SignIns { return &signIns{a} }

// HandOver implements [hosting.SignIns]. A token signs nobody in, but for one of
// WHM whose owner may.
func (s *signIns) HandOver(ctx context.Context, a hosting.Address) (out hosting.HandedOver, err error) {
	through := s.caller.Through
	if s.caller.Kind == latchkey.ByToken && (through == nil || !through.Privileges.Has(latchkey.PrivilegeCreateSession)) {
		return out, denied("login", "An API token cannot sign anybody in: call this from a session, with the password, or from WHM.")
	}
	m := &mail{s.account}
	err = s.e.commit(ctx, s.act, s.caller, func(tx store.Tx) error {
		row, err := m.find(tx, a)
		if err == nil {
			err = s.e.openFor(tx, &out, auth.NewSession{Account: row.Account, Mailbox: latchkey.MailboxName(a.String()), Audience: latchkey.ForWebmail, By: s.caller})
		}
		return err
	})
	return out, err
}

// openFor makes a session that is to be taken over.
func (e *Estate) openFor(tx store.Tx, out *hosting.HandedOver, n auth.NewSession) (err error) {
	n.HandOver = true
	out.Session, out.Secret, err = e.Auth.OpenSession(tx, n)
	if latchkey.KindOf(err) == latchkey.BadCredentials {
		err = denied("user", "Nobody can sign in there: the account or the mailbox is suspended, or has no access to this service.")
	}
	return err
}

// hostSignIns is what the administrator may do about signing in.
type hostSignIns struct{ *host }

func (h *host) SignIns() hosting.HostSignIns { return &hostSignIns{h} }

// HandOver implements [hosting.HostSignIns].
func (h *hostSignIns) HandOver(ctx context.Context, n hosting.NewSession) (out hosting.HandedOver, err error) {
	err = h.e.commit(ctx, h.act, h.caller, func(tx store.Tx) error {
		a, err := h.signsIn(tx, n)
		if err != nil {
			return err
		}
		open := auth.NewSession{Account: a.ID, Audience: n.Audience, By: h.caller}
		if n.User == "" {
			open.Mailbox = latchkey.MailboxName(n.Mailbox.String())
		}
		return h.e.openFor(tx, &out, open)
	})
	return out, err
}

// signsIn is the account whose session it is to be, if the caller may make one.
func (h *hostSignIns) signsIn(tx store.Tx, n hosting.NewSession) (a latchkey.Account, err error) {
	if n.User == RootName {
		// A session may do all that its account may: it must not be more than who
		// makes it.
		if h.caller.Role != latchkey.RoleRoot || h.caller.Privileges != latchkey.AllPrivileges {
			return a, denied("user", "Only who may do everything can sign in as the administrator.")
		}
		return tx.Account(RootName)
	}
	if n.User != "" {
		return h.command(tx, n.User)
	}
	owner, err := tx.DomainOwner(n.Mailbox.Domain)
	if err == nil {
		a, err = tx.AccountByID(owner)
	}
	if err == nil {
		if a, err = h.command(tx, a.Name); err == nil {
			_, err = tx.Mailbox(a.ID, n.Mailbox.Domain, n.Mailbox.Local)
		}
	}
	if errors.Is(err, store.ErrNotFound) || latchkey.KindOf(err) == latchkey.Denied {
		err = &latchkey.Error{Kind: latchkey.NotFound, Param: "user", Msg: "There is no email account “" + n.Mailbox.String() + "” that you could sign in to."}
	}
	return a, err
}

func (h *hostSignIns) Now() time.Time { return h.e.Now() }

func (h *hostSignIns) Requester() netip.Addr { return h.act.From() }

func (h *hostSignIns) Guard(ctx context.Context) (g latchkey.Guard, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) (err error) {
		g, err = auth.GuardOf(r)
		return err
	})
	return g, err
}

func (h *hostSignIns) ChangeGuard(ctx context.Context, change func(*latchkey.Guard) error) error {
	return h.e.commit(ctx, h.act, h.caller, func(tx store.Tx) error {
		g, err := auth.GuardOf(tx)
		if err == nil {
			err = change(&g)
		}
		if err != nil {
			return err
		}
		return auth.PutGuard(tx, g)
	})
}

func (h *hostSignIns) Blocks() []latchkey.Block     { return h.e.Auth.Blocks() }
func (h *hostSignIns) Failures() []latchkey.Failure { return h.e.Auth.Failures() }

// Pardon implements [hosting.HostSignIns].
func (h *hostSignIns) Pardon(ctx context.Context, ranges []latchkey.AddressRange) (failures, blocks int, err error) {
	err = h.e.commit(ctx, h.act, h.caller, func(tx store.Tx) error { return h.e.Auth.ForgetSources(tx, ranges) })
	if err == nil {
		failures, blocks = h.e.Auth.Pardon(ranges)
	}
	return failures, blocks, err
}
