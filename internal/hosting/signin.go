package hosting

import (
	"context"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// NewSession is what a session is to be that somebody else takes over: of an
// account or, on webmail's port, of a mailbox.
type NewSession struct {
	User     latchkey.AccountName // "" for a mailbox
	Mailbox  Address
	Audience latchkey.Audience // the door it opens
}

// HandedOver is a session that waits to be taken over. Secret lets anybody do
// that, once, until the session ends.
type HandedOver struct {
	latchkey.Session
	Secret latchkey.Secret
}

// SignIns is what an account's owner may do about signing in.
type SignIns interface {
	// HandOver makes a session of a mailbox of the account on webmail's port.
	// Fails: NotFound, Denied for a token and for a mailbox that nobody may sign in
	// to.
	HandOver(ctx context.Context, a Address) (HandedOver, error)
}

// HostSignIns is what the administrator, or a reseller, may do about signing in.
type HostSignIns interface {
	// HandOver makes a session. Fails: NotFound for what is not there or not the
	// caller's, Denied for a session that may do more than the caller may, and for
	// who may not sign in there.
	HandOver(ctx context.Context, n NewSession) (HandedOver, error)
}
