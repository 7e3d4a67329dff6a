package hostingtest

import (
	"context"
	"net/netip"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// signIns is what is about signing in to an account or a server in memory:
// nobody does, and whoever asks is told so. It is tested over a whole server.
type signIns struct{ now latchkey.Clock }

var errNoSignIns = latchkey.Errorf(latchkey.RoleOff, "Nobody signs in to what is in memory.")

// SignIns says that nobody signs in.
func (a *Account) SignIns() hosting.SignIns { return accountSignIns{signIns{a.Now}} }

// SignIns says that nobody signs in.
func (h *Host) SignIns() hosting.HostSignIns { return hostSignIns{signIns{h.Now}} }

func (s signIns) Factor() hosting.Factor { return noFactor{} }

type noFactor struct{}

func (noFactor) New(context.Context) (secret, url latchkey.Secret, err error) {
	return secret, url, errNoSignIns
}
func (noFactor) Set(context.Context, latchkey.Secret, latchkey.Secret, bool) ([]latchkey.Secret, error) {
	return nil, errNoSignIns
}
func (noFactor) Recovery(context.Context) ([]latchkey.Secret, error) { return nil, errNoSignIns }
func (noFactor) Remove(context.Context) error                        { return errNoSignIns }
func (noFactor) State(context.Context) (hosting.FactorState, error) {
	return hosting.FactorState{}, errNoSignIns
}

func (s signIns) Own() hosting.OwnSessions { return noSessions{} }

type noSessions struct{}

func (noSessions) List(context.Context) ([]hosting.SessionInfo, error) { return nil, errNoSignIns }
func (noSessions) End(context.Context, string) (int, error)            { return 0, errNoSignIns }

type accountSignIns struct{ signIns }

func (accountSignIns) HandOver(context.Context, hosting.Address) (hosting.HandedOver, error) {
	return hosting.HandedOver{}, errNoSignIns
}

type hostSignIns struct{ signIns }

func (hostSignIns) HandOver(context.Context, hosting.NewSession) (hosting.HandedOver, error) {
	return hosting.HandedOver{}, errNoSignIns
}
func (hostSignIns) RemoveFactor(context.Context, latchkey.AccountName) error { return errNoSignIns }
func (hostSignIns) FactorPolicy(context.Context) (latchkey.FactorPolicy, error) {
	return latchkey.FactorPolicy{}, errNoSignIns
}
func (hostSignIns) ChangeFactorPolicy(context.Context, func(*latchkey.FactorPolicy) error) error {
	return errNoSignIns
}
func (s hostSignIns) Now() time.Time      { return s.now() }
func (hostSignIns) Requester() netip.Addr { return netip.Addr{} }
func (hostSignIns) Guard(context.Context) (latchkey.Guard, error) {
	return latchkey.Guard{}, errNoSignIns
}
func (hostSignIns) ChangeGuard(context.Context, func(*latchkey.Guard) error) error {
	return errNoSignIns
}
func (hostSignIns) Blocks() []latchkey.Block     { return nil }
func (hostSignIns) Failures() []latchkey.Failure { return nil }
func (hostSignIns) Pardon(context.Context, []latchkey.AddressRange) (failures, blocks int, err error) {
	return 0, 0, errNoSignIns
}
