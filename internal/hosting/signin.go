package hosting

import (
	"context"
	"net/netip"
	"time"

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
	// Factor is the account's second factor.
	Factor() Factor
	// Own are the account's sessions.
	Own() OwnSessions
}

// OwnSessions are those of the account that the caller is.
type OwnSessions interface {
	// List is those at every door, those of the account's mailboxes not among them,
	// the one that was used last first. Denied for a token.
	List(ctx context.Context) ([]SessionInfo, error)
	// End ends the session with a handle, from the answer on; "" is all but the one
	// that this is called in. It says how many ended. Fails: NotFound, Denied for a
	// token.
	End(ctx context.Context, handle string) (int, error)
}

// SessionInfo is what may be told of a session.
type SessionInfo struct {
	Handle  string
	Door    latchkey.Audience
	Created time.Time
	Used    time.Time
	Ends    time.Time
	Own     bool // this is called in it
	Waits   bool // it is to be taken over by somebody else
	ByToken bool // it was made with an API token, and ends with it
}

// Factor is the second factor of one account: what its password alone does not
// sign in without.
type Factor interface {
	// New is what the codes of a new second factor would be made of, and the same
	// as programs for codes take it. Nothing is changed.
	New(ctx context.Context) (secret, url latchkey.Secret, err error)
	// Set makes secret the second factor, from the answer on. Invalid where code is
	// not its code now, Denied while second factors are off. Recovery codes of one
	// before are good no more; new ones it makes, and returns, where they are wanted.
	Set(ctx context.Context, secret, code latchkey.Secret, recovery bool) ([]latchkey.Secret, error)
	// Recovery makes recovery codes anew: each signs in once in place of a code, and
	// those of before are good no more. NotFound if there is no second factor.
	Recovery(ctx context.Context) ([]latchkey.Secret, error)
	// Remove takes it away, and its recovery codes with it; NotFound if there is none.
	Remove(ctx context.Context) error
	// State is how it is set.
	State(ctx context.Context) (FactorState, error)
}

// FactorState is how a second factor is set.
type FactorState struct {
	On       bool
	Issuer   string // whom its codes say that they are of
	Recovery int    // codes that are left
	Most     int    // of them that are made at once
}

// HostSignIns is what the administrator, or a reseller, may do about signing in.
type HostSignIns interface {
	// HandOver makes a session. Fails: NotFound for what is not there or not the
	// caller's, Denied for a session that may do more than the caller may, and for
	// who may not sign in there.
	HandOver(ctx context.Context, n NewSession) (HandedOver, error)

	// Factor is the caller's own second factor.
	Factor() Factor
	// Own are the sessions of the caller's own account.
	Own() OwnSessions
	// RemoveFactor takes away an account's. Fails: NotFound, Denied.
	RemoveFactor(ctx context.Context, name latchkey.AccountName) error
	FactorPolicy(ctx context.Context) (latchkey.FactorPolicy, error)
	// ChangeFactorPolicy changes it by change, atomically.
	ChangeFactorPolicy(ctx context.Context, change func(*latchkey.FactorPolicy) error) error

	// Now is the time by which refusals end.
	Now() time.Time
	// Requester is where the call comes from; not valid for the command line.
	Requester() netip.Addr
	// Guard is what is set about sources whose sign-ins fail.
	Guard(ctx context.Context) (latchkey.Guard, error)
	// ChangeGuard changes it by change, atomically. It is in force when it returns.
	ChangeGuard(ctx context.Context, change func(*latchkey.Guard) error) error
	// Blocks is every source that is refused now.
	Blocks() []latchkey.Block
	// Failures are the latest sign-ins that failed, the newest first.
	Failures() []latchkey.Failure
	// Pardon forgets the failures of ranges, of everybody if it is nil, and lets
	// those in again. It says how many failures and how many refusals those were.
	Pardon(ctx context.Context, ranges []latchkey.AddressRange) (failures, blocks int, err error)
}
