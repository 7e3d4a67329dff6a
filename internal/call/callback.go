package call

import (
	"context"
	"net/netip"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// callBackName is what the trail calls a call-back.
const callBackName = "DynamicDNS::webcall"

// noCallBack is the one answer to an ID that opens nothing now, whatever the
// reason.
var noCallBack = &latchkey.Error{Kind: latchkey.BadCredentials, Msg: "There is no dynamic DNS domain with this address, or it cannot be used now."}

// CallBack gives the dynamic host whose ID somebody shows the address that they
// come from, and tells which that is. They need nothing else, and reach nothing
// else with it. It is refused as [Service.Do] refuses credentials: with one and
// the same answer, and the reason in the trail.
func (s *Service) CallBack(ctx context.Context, id latchkey.Secret, from latchkey.Origin) (at netip.Addr, err *latchkey.Error) {
	act := audit.Begin(s.Now, from)
	from.At = act.At()
	defer func() { act.End(s.Audit, err) }()
	act.Asked(callBackName)
	c, host, refusal := s.Auth.CallBack(ctx, id, from)
	if refusal != nil {
		act.Refused(refusal)
		return at, noCallBack
	}
	act.As(&c)
	act.Follows(callBackName, host.Name, from.Addr)
	if !c.Features.Has(latchkey.FeatureDynamicDNS) {
		return at, noCallBack
	}
	on, failed := s.Binder.Account(ctx, act, &c)
	if failed == nil && !on.Server().DNS {
		return at, noCallBack
	}
	if failed == nil {
		failed = on.DynamicHosts().Follow(ctx, id, from.Addr)
	}
	if latchkey.KindOf(failed) == latchkey.NotFound { // the zone is no longer theirs
		return at, noCallBack
	}
	return from.Addr, latchkey.AsError(failed)
}
